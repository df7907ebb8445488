//! Characters that mean nothing in zd and are habits from elsewhere: reported, and mended so
//! that the item around them is still read.

use super::walk::Walk;
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::SYNTAX_ERROR;
use crate::source::Span;

impl Walk<'_> {
    /// Deals with a foreign character here; `false` where it is none.
    pub(super) fn foreign(&mut self, byte: u8) -> bool {
        match byte {
            b'#' => self.hash(),
            b';' => self.semicolon(),
            b'\'' => self.quoted('\'', '\''),
            b'/' if self.byte(self.at + 1) == Some(b'*') => self.block_comment(),
            0..=0x1F | 0x7F => self.control(byte),
            0x80.. => return self.beyond_ascii(),
            _ => return false,
        }
        true
    }

    fn hash(&mut self) {
        let end = self.line_rest(self.at);
        let span = self.span(self.at, self.at + 1);
        let diagnostic = Diagnostic::new(&SYNTAX_ERROR, "`#` does not begin a comment", span)
            .help("comments begin with `//`; a string with `#` in it needs quotes")
            .replace(span, "//");
        self.report(self.span(self.at, end), diagnostic);
        self.blank_out(self.at, end);
        self.at = end;
    }

    fn semicolon(&mut self) {
        self.token(false);
        let span = self.span(self.at, self.at + 1);
        let diagnostic = Diagnostic::new(&SYNTAX_ERROR, "`;` ends nothing here", span)
            .help("a new line or a comma separates items")
            .replace(
                span,
                if self.line_rest(self.at) == self.at + 1 {
                    ""
                } else {
                    ","
                },
            );
        self.report(span, diagnostic);
        self.swapped.push((self.at, b','));
        self.at += 1;
    }

    /// A string in quotes that zd does not know.
    fn quoted(&mut self, open: char, close: char) {
        self.token(false);
        let start = self.at;
        let inside = start + open.len_utf8();
        let line = self.text.get(inside..self.line_rest(inside)).unwrap_or("");
        let opening = self.span(start, inside);
        let Some(length) = line.find(close) else {
            let diagnostic =
                Diagnostic::new(&SYNTAX_ERROR, format!("`{open}` quotes nothing"), opening)
                    .help("strings stand in double quotes: `\"…\"`");
            self.report(opening, diagnostic);
            self.blank_out(start, inside);
            self.at = inside;
            return;
        };
        let end = inside + length;
        let whole = self.span(start, end + close.len_utf8());
        let content = line.get(..length).unwrap_or("");
        let mut diagnostic =
            Diagnostic::new(&SYNTAX_ERROR, "strings stand in double quotes", whole);
        let after = end + close.len_utf8();
        if content.contains(['"', '\\', '$']) {
            diagnostic =
                diagnostic.help("write it as `\"…\"`, with `\\` before `\"`, `\\` and `${`");
            self.blank_out(start, after);
        } else {
            diagnostic = diagnostic
                .help(format!("write `\"{content}\"`"))
                .replace(whole, format!("\"{content}\""));
            self.blank_out(start, inside);
            self.blank_out(end, after);
        }
        // The outermost bytes, so that the string's span is of whole characters.
        self.swapped.push((start, b'"'));
        self.swapped.push((after - 1, b'"'));
        self.report(whole, diagnostic);
        self.at = after;
    }

    fn block_comment(&mut self) {
        let rest = self.text.get(self.at + 2..).unwrap_or("");
        let end = match rest.find("*/") {
            Some(length) => self.at + 2 + length + 2,
            None => self.line_rest(self.at),
        };
        let span = self.span(self.at, end);
        let opening = self.span(self.at, self.at + 2);
        let diagnostic = Diagnostic::new(&SYNTAX_ERROR, "there are no block comments", opening)
            .note("a pattern such as `/user/**` would open or close one")
            .help("begin each line with `//`");
        self.report(span, diagnostic);
        self.blank_out(self.at, end);
        self.at = end;
        if let Some(newline) = self.text.get(..end).and_then(|text| text.rfind('\n')) {
            self.line = self.line.max(newline + 1);
        }
    }

    fn control(&mut self, byte: u8) {
        let span = self.span(self.at, self.at + 1);
        let diagnostic = Diagnostic::new(
            &SYNTAX_ERROR,
            format!("a control character (U+{byte:04X}) stands here"),
            span,
        )
        .help("delete it; inside a string write it as `\\u{…}`")
        .replace(span, "");
        self.report(span, diagnostic);
        self.blank_out(self.at, self.at + 1);
        self.at += 1;
    }

    fn beyond_ascii(&mut self) -> bool {
        let Some(character) = self
            .text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
        else {
            self.at += 1;
            return true;
        };
        match character {
            '\u{201C}' | '\u{201D}' | '\u{201E}' => {
                let close = if self.rest_has('\u{201D}') {
                    '\u{201D}'
                } else {
                    '\u{201C}'
                };
                self.quoted(character, close);
            }
            '\u{2018}' | '\u{2019}' => self.quoted(character, '\u{2019}'),
            _ if invisible(character) => {
                let end = self.at + character.len_utf8();
                let span = self.span(self.at, end);
                self.report(span, unseen(character, span));
                self.blank_out(self.at, end);
                self.at = end;
            }
            _ => {
                self.token(false);
                self.at += character.len_utf8();
            }
        }
        true
    }

    fn rest_has(&self, character: char) -> bool {
        self.text
            .get(self.at + 3..self.line_rest(self.at))
            .is_some_and(|rest| rest.contains(character))
    }

    /// Where the line of `from` ends, a carriage return not counted.
    fn line_rest(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or("");
        let line = rest.split('\n').next().unwrap_or("");
        from + line.strip_suffix('\r').unwrap_or(line).len()
    }
}

/// Blanks and marks that look like nothing.
fn invisible(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

fn unseen(character: char, span: Span) -> Diagnostic {
    Diagnostic::new(
        &SYNTAX_ERROR,
        format!(
            "an invisible character (U+{:04X}) stands here",
            u32::from(character)
        ),
        span,
    )
    .help("write a plain blank instead")
    .replace(span, " ")
}
