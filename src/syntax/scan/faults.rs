//! What the walk says, and where it thinks a closer was forgotten.

use super::frame::{Frame, Kind};
use super::{MAX_DEPTH, MAX_HEIGHT};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::{TOO_DEEP, UNBALANCED_DELIMITER};
use crate::source::{FileId, Span};

/// Something is open at the end of the file.
pub(super) struct Unclosed {
    /// The end of the line after which it should have been closed.
    pub(super) at: usize,
    /// What the fault covers.
    pub(super) region: Span,
    pub(super) diagnostic: Diagnostic,
}

/// Where a frame should have been closed, by indentation: the end of the line before the first
/// one that is indented no further than the frame's own. `None` where there is none before `until`.
pub(super) fn forgotten(text: &str, frame: &Frame, until: usize) -> Option<usize> {
    forgotten_line(text, frame, until).map(|(line_end, _)| line_end)
}

/// The end of the line before, and where the text of that line begins.
fn forgotten_line(text: &str, frame: &Frame, until: usize) -> Option<(usize, usize)> {
    let rest = text.get(frame.at..until)?;
    let mut line_end = frame.at + rest.find('\n')?;
    loop {
        let line = text.get(line_end + 1..until)?;
        let line = line.split('\n').next()?;
        let content = line.trim_start_matches([' ', '\t']);
        let indent = line.len() - content.len();
        let closes = content.starts_with(['}', ']', ')']);
        let counts = !content.trim_end().is_empty() && !content.starts_with("//");
        if counts && (indent < frame.indent || (indent == frame.indent && !closes)) {
            return Some((line_end, line_end + 1 + indent));
        }
        line_end += 1 + line.len();
        if line_end >= until {
            return None;
        }
    }
}

/// A frame that is open at the end of the file.
pub(super) fn unclosed(id: FileId, text: &str, frame: &Frame) -> Unclosed {
    let opener = frame.kind.opener();
    let closer = char::from(frame.kind.closer());
    let start = Span::new(id, frame.at, frame.at + opener.len());
    let base = Diagnostic::new(
        &UNBALANCED_DELIMITER,
        format!("`{opener}` is never closed"),
        start,
    );
    let indent = " ".repeat(frame.indent);
    let base = base.labelled("opened here");
    let (at, diagnostic) =
        if let Some((line_end, content)) = forgotten_line(text, frame, text.len()) {
            let rest = text.get(content..).unwrap_or("");
            let word = rest
                .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-')))
                .unwrap_or(rest.len())
                .max(rest.chars().next().map_or(0, char::len_utf8));
            let next_line = Span::new(id, line_end + 1, line_end + 1);
            let diagnostic = base
                .and(
                    Span::new(id, content, content + word),
                    format!("going by the indentation, `{closer}` is missing before this line"),
                )
                .replace(next_line, format!("{indent}{closer}\n"));
            (line_end, diagnostic)
        } else {
            let end = Span::new(id, text.len(), text.len());
            let newline = if text.ends_with('\n') { "" } else { "\n" };
            let diagnostic = base
                .and(end, "the file ends here")
                .replace(end, format!("{newline}{indent}{closer}\n"));
            (text.len(), diagnostic)
        };
    Unclosed {
        at,
        region: Span::new(id, frame.line, at),
        diagnostic: diagnostic.help(format!("close it with `{closer}`")),
    }
}

/// A frame that the closer of another one cuts short.
pub(super) fn never_closed(kind: Kind, start: Span, closer: u8, end: Span) -> Diagnostic {
    let opener = kind.opener();
    let wanted = if kind == Kind::BlockText {
        "\"\"\"".to_owned()
    } else {
        char::from(kind.closer()).to_string()
    };
    let diagnostic = Diagnostic::new(
        &UNBALANCED_DELIMITER,
        format!("`{opener}` is never closed"),
        start,
    )
    .labelled("opened here");
    if kind == Kind::BlockText {
        return diagnostic
            .and(end, "the file ends here")
            .help(format!("close it with `{wanted}`"));
    }
    let closer = char::from(closer);
    diagnostic
        .and(end, format!("`{wanted}` is missing before this `{closer}`"))
        .help(format!("close it with `{wanted}`"))
}

/// A closer that nothing waits for.
pub(super) fn stray(closer: u8, span: Span) -> Diagnostic {
    let opener = match closer {
        b'}' => '{',
        b']' => '[',
        _ => '(',
    };
    let closer = char::from(closer);
    Diagnostic::new(
        &UNBALANCED_DELIMITER,
        format!("this `{closer}` closes nothing"),
        span,
    )
    .help(format!(
        "delete it, or write the `{opener}` that it was meant to close"
    ))
}

/// A string that its line does not close.
pub(super) fn unclosed_text(opening: Span, end: Span) -> Diagnostic {
    Diagnostic::new(
        &UNBALANCED_DELIMITER,
        "this string is not closed on its line",
        opening,
    )
    .labelled("it begins here")
    .help("end it with `\"`; a text of several lines stands between `\"\"\"` and `\"\"\"`")
    .replace(end, "\"")
}

/// Too many delimiters open at once.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::new(
        &TOO_DEEP,
        format!("more than {MAX_DEPTH} delimiters are open here"),
        span,
    )
    .help("name the inner parts with `let`, or move them to a `template`")
}

/// An expression whose tree would be too high.
pub(super) fn too_long(span: Span) -> Diagnostic {
    Diagnostic::new(
        &TOO_DEEP,
        format!("this expression has more than {MAX_HEIGHT} operators"),
        span,
    )
    .help("name its parts with `let`; a long text is one string, a long sum a list")
}
