//! Strings: escapes resolved, indentation stripped, interpolations in between.

use super::{Builder, Rule};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::INVALID_LITERAL;
use crate::source::Span;
use crate::syntax::ast::{Expr, ExprKind, TextPart};
use pest::iterators::Pair;

impl<'i> Builder<'i> {
    /// A string of any kind. Neighbouring literal parts are one; an empty string has none.
    pub(super) fn string(&mut self, pair: Pair<'i, Rule>) -> Expr {
        let span = self.span(&pair);
        let parts = match pair.as_rule() {
            Rule::plain => whole(pair.as_str().get(1..)),
            Rule::raw => whole(pair.as_str().get(2..)),
            Rule::text => self.pieces(pair, None),
            _ => {
                let margin = margin(&pair);
                self.pieces(pair, Some(&margin))
            }
        };
        self.expression(span, ExprKind::Text(parts))
    }

    fn pieces(&mut self, pair: Pair<'i, Rule>, margin: Option<&str>) -> Vec<TextPart> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at_start = true;
        for piece in pair.into_inner() {
            match piece.as_rule() {
                Rule::escape => {
                    let span = self.span(&piece);
                    match unescape(piece.as_str()) {
                        Some(character) => literal.push(character),
                        None => self.diagnostics.push(bad_escape(piece.as_str(), span)),
                    }
                }
                Rule::interpolation => {
                    if !literal.is_empty() {
                        parts.push(TextPart::Literal(literal.as_str().into()));
                        literal.clear();
                    }
                    let span = self.span(&piece);
                    let value = piece.into_inner().next();
                    let value = value.and_then(|value| self.operators(value));
                    let value = value.unwrap_or_else(|| self.broken(span));
                    parts.push(TextPart::Interpolation(value));
                }
                _ => match margin {
                    Some(margin) => strip(piece.as_str(), margin, at_start, &mut literal),
                    None => literal.push_str(piece.as_str()),
                },
            }
            at_start = false;
        }
        if !literal.is_empty() {
            parts.push(TextPart::Literal(literal.into()));
        }
        parts
    }
}

/// A string without escapes; `rest` still has its closing quote.
fn whole(rest: Option<&str>) -> Vec<TextPart> {
    let text = rest.and_then(|rest| rest.strip_suffix('"')).unwrap_or("");
    if text.is_empty() {
        return Vec::new();
    }
    vec![TextPart::Literal(text.into())]
}

/// The blanks that every line of a block string begins with. Blank lines do not count, except
/// the one of the closing quotes.
fn margin(pair: &Pair<'_, Rule>) -> String {
    let mut common: Option<&str> = None;
    let whole = pair.as_str();
    let inside = whole.get(3..whole.len().saturating_sub(3)).unwrap_or("");
    let mut lines = inside.split('\n').skip(1).peekable();
    while let Some(line) = lines.next() {
        let text = line.trim_start_matches([' ', '\t']);
        let is_last = lines.peek().is_none();
        if text.trim_end_matches('\r').is_empty() && !is_last {
            continue;
        }
        let indent = line.strip_suffix(text).unwrap_or("");
        common = Some(common.map_or(indent, |common| shared_prefix(common, indent)));
    }
    common.unwrap_or("").to_owned()
}

/// Blanks are ASCII, so bytes are characters here.
fn shared_prefix<'a>(a: &'a str, b: &str) -> &'a str {
    let length = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    a.get(..length).unwrap_or("")
}

/// Appends a chunk of a block string: each line without its margin, line ends as `\n`. `opening`
/// is the chunk after the quotes: blanks up to its first line end are dropped with it.
fn strip(chunk: &str, margin: &str, opening: bool, out: &mut String) {
    let mut lines = chunk.split('\n');
    let first = lines.next().unwrap_or("");
    let mut dropped = opening && first.trim().is_empty() && chunk.contains('\n');
    if !dropped {
        out.push_str(first);
    }
    for line in lines {
        if out.ends_with('\r') {
            out.pop();
        }
        if !dropped {
            out.push('\n');
        }
        dropped = false;
        let text = line.strip_prefix(margin);
        out.push_str(text.unwrap_or_else(|| line.trim_start_matches([' ', '\t'])));
    }
}

/// The character an escape stands for.
fn unescape(escape: &str) -> Option<char> {
    let body = escape.strip_prefix('\\')?;
    Some(match body {
        "n" => '\n',
        "t" => '\t',
        "r" => '\r',
        "\"" => '"',
        "\\" => '\\',
        "$" => '$',
        _ => {
            let digits = body.strip_prefix("u{")?.strip_suffix('}')?;
            let well_formed =
                (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            if !well_formed {
                return None;
            }
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
        }
    })
}

fn bad_escape(escape: &str, span: Span) -> Diagnostic {
    if escape.starts_with("\\u") {
        return Diagnostic::new(
            &INVALID_LITERAL,
            format!("`{escape}` is no character"),
            span,
        )
        .help("write `\\u{…}` with one to six hexadecimal digits of a Unicode character, at most `10FFFF`");
    }
    Diagnostic::new(&INVALID_LITERAL, format!("`{escape}` is no escape"), span)
        .help("the escapes are `\\n`, `\\t`, `\\r`, `\\\"`, `\\\\`, `\\$` and `\\u{…}`; in a regular expression use `r\"…\"`, where a backslash is a backslash")
}
