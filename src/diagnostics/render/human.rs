//! For people: errors and warnings with their source, notes on a line.

use super::escape::{escape_line, escape_text};
use super::excerpt::Excerpt;
use super::places::Places;
use super::{Shown, Style, edit, proved, summary};
use crate::diagnostics::{Diagnostic, Severity};
use miette::{LabeledSpan, MietteHandlerOpts, ReportHandler, SourceCode};
use std::fmt::{self, Display};
use std::io;

/// So many are shown; the rest are counted.
const MAX_SHOWN: usize = 100;

pub(super) fn render(shown: &Shown<'_>, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(summary) = summary(shown.diagnostics) else {
        return Ok(());
    };
    report(shown, style, out)?;
    let worst = shown.diagnostics.iter().map(|found| found.severity).max();
    writeln!(
        out,
        "{}",
        paint(&summary, worst.unwrap_or(Severity::Note), style)
    )
}

/// For people, without a count of them.
///
/// # Errors
/// Those of `out`.
pub fn report(shown: &Shown<'_>, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
    let chosen = most_severe(shown.diagnostics);
    let places = Places::of(shown);
    let handler = handler(style);
    let mut after_note = false;
    for diagnostic in &chosen {
        if diagnostic.severity == Severity::Note {
            write_note(diagnostic, shown, &places, style, out)?;
        } else {
            if after_note {
                writeln!(out)?;
            }
            let report = Report::of(diagnostic, shown, &places);
            write!(out, "{}", Handled(&handler, &report))?;
            write_fix(diagnostic, shown, &places, style, out)?;
            writeln!(out)?;
        }
        after_note = diagnostic.severity == Severity::Note;
    }
    if after_note {
        writeln!(out)?;
    }
    let more = shown.diagnostics.len() - chosen.len();
    if more > 0 {
        writeln!(out, "… and {more} more")?;
    }
    Ok(())
}

/// The first errors, then warnings, then notes, as many as are shown, in the order of the source.
fn most_severe(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut chosen: Vec<(usize, &Diagnostic)> = diagnostics.iter().enumerate().collect();
    chosen.sort_by_key(|(index, diagnostic)| (std::cmp::Reverse(diagnostic.severity), *index));
    chosen.truncate(MAX_SHOWN);
    chosen.sort_by_key(|(index, _)| *index);
    chosen
        .into_iter()
        .map(|(_, diagnostic)| diagnostic)
        .collect()
}

fn handler(style: Style) -> miette::MietteHandler {
    let mut options = MietteHandlerOpts::new()
        .force_graphical(true)
        .terminal_links(false)
        .unicode(style.unicode)
        .color(style.color)
        .context_lines(1)
        .tab_width(4)
        .break_words(false);
    if let Some(width) = style.width {
        options = options.width(width);
    }
    options.build()
}

/// `note[ZD5004] app.zd:12:3: message`, and under it what to do.
fn write_note(
    diagnostic: &Diagnostic,
    shown: &Shown<'_>,
    places: &Places<'_>,
    style: Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let head = paint(
        &format!("note[{}]", diagnostic.code.id),
        Severity::Note,
        style,
    );
    let place = diagnostic.span().and_then(|span| places.place(span));
    let place = place.map_or_else(String::new, |place| {
        format!(
            " {}:{}:{}:",
            escape_line(&place.path),
            place.line,
            place.column
        )
    });
    writeln!(out, "{head}{place} {}", escape_line(&diagnostic.message))?;
    for note in &diagnostic.notes {
        write_indented(out, "note", note)?;
    }
    match help(diagnostic, shown) {
        Some(help) => write_indented(out, "help", &help),
        None => Ok(()),
    }
}

/// The edit that was proved, under all that is said; its lines are not wrapped, since they are the text to write.
fn write_fix(
    diagnostic: &Diagnostic,
    shown: &Shown<'_>,
    places: &Places<'_>,
    style: Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some((told, lines)) = proved(diagnostic, shown, places) else {
        return Ok(());
    };
    let word = paint("fix", Severity::Note, style);
    writeln!(out, "  {word}: {}", escape_line(&told))?;
    for line in lines {
        let color = match line
            .trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit())
            .bytes()
            .next()
        {
            Some(b'-') => "31",
            Some(b'+') => "32",
            _ => "0",
        };
        let line = escape_line(&line);
        if style.color {
            writeln!(out, "  \u{1b}[{color}m{line}\u{1b}[0m")?;
        } else {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}

fn write_indented(out: &mut dyn io::Write, word: &str, text: &str) -> io::Result<()> {
    for (index, line) in escape_text(text).lines().enumerate() {
        match index {
            0 => writeln!(out, "  {word}: {line}")?,
            _ => writeln!(out, "        {line}")?,
        }
    }
    Ok(())
}

fn help(diagnostic: &Diagnostic, shown: &Shown<'_>) -> Option<String> {
    let parts = [diagnostic.help.clone(), edit(diagnostic, shown.sources)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// Text in the colour of a severity.
fn paint(text: &str, severity: Severity, style: Style) -> String {
    if !style.color {
        return text.to_owned();
    }
    let color = match severity {
        Severity::Error => "31",
        Severity::Warning => "33",
        Severity::Note => "36",
    };
    format!("\u{1b}[1;{color}m{text}\u{1b}[0m")
}

/// A diagnostic as miette takes it.
struct Report {
    code: String,
    message: String,
    severity: Severity,
    why: Option<Why>,
    help: Option<String>,
    excerpt: Excerpt,
}

/// Why it matters: the notes, as miette's chain of causes.
#[derive(Debug)]
struct Why {
    text: String,
    next: Option<Box<Why>>,
}

impl Report {
    fn of(diagnostic: &Diagnostic, shown: &Shown<'_>, places: &Places<'_>) -> Self {
        let why = diagnostic.notes.iter().rev().fold(None, |next, note| {
            Some(Why {
                text: escape_text(note).into_owned(),
                next: next.map(Box::new),
            })
        });
        Self {
            code: format!(
                "{}[{}] {}",
                diagnostic.severity, diagnostic.code.id, diagnostic.code.name
            ),
            message: escape_line(&diagnostic.message).into_owned(),
            severity: diagnostic.severity,
            why,
            help: help(diagnostic, shown).map(|help| escape_text(&help).into_owned()),
            excerpt: Excerpt::of(diagnostic, places),
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)
    }
}

impl std::error::Error for Report {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.why.as_ref().map(|why| why as _)
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Why {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.next.as_deref().map(|why| why as _)
    }
}

impl miette::Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(&self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as _)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.excerpt.is_empty()).then_some(&self.excerpt as _)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.excerpt.labels()))
    }
}

/// A report through a handler, which asks for a formatter.
struct Handled<'a>(&'a miette::MietteHandler, &'a Report);

impl Display for Handled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(self.1, f)
    }
}
