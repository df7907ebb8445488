//! The walk inside strings.

use super::faults;
use super::frame::Kind;
use super::walk::Walk;

impl Walk<'_> {
    pub(super) fn in_text(&mut self, byte: u8) {
        match byte {
            b'"' => {
                if self.pop() {
                    self.at += 1;
                }
            }
            b'\\' if self.byte(self.at + 1).is_some_and(|next| next != b'\n') => self.at += 2,
            b'$' if self.byte(self.at + 1) == Some(b'{') => self.open(Kind::Interpolation),
            b'\n' => self.text_at_line_end(),
            _ => self.skip(|byte| !matches!(byte, b'"' | b'\\' | b'$' | b'\n')),
        }
    }

    pub(super) fn in_block_text(&mut self, byte: u8) {
        match byte {
            b'"' if self.text.as_bytes().get(self.at..self.at + 3) == Some(b"\"\"\"") => {
                if self.pop() {
                    self.at += 3;
                }
            }
            b'\\' if self.byte(self.at + 1).is_some_and(|next| next != b'\n') => self.at += 2,
            b'$' if self.byte(self.at + 1) == Some(b'{') => self.open(Kind::Interpolation),
            b'\n' => {
                self.at += 1;
                self.line = self.at;
            }
            _ => self.skip(|byte| !matches!(byte, b'"' | b'\\' | b'$' | b'\n')),
        }
    }

    /// `r"…"`, at its quote.
    pub(super) fn raw_text(&mut self) {
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        let stop = rest.iter().position(|byte| matches!(byte, b'"' | b'\n'));
        let length = stop.unwrap_or(rest.len());
        let start = self.at - 1;
        self.at += 1 + length;
        if self.byte(self.at) == Some(b'"') {
            self.at += 1;
        } else {
            self.unclosed_text(start, "r\"");
        }
    }

    /// A line ends inside a string. If the string began inside an interpolation of another one on
    /// this line, its quote was meant to close that one, and the interpolation lacks its brace.
    pub(super) fn text_at_line_end(&mut self) {
        let Some(text) = self.frames.pop() else {
            return;
        };
        if let [.., outer, inner] = self.frames.as_slice()
            && inner.kind == Kind::Interpolation
            && outer.kind == Kind::Text
            && outer.line == self.line
        {
            let (start, end) = (
                self.span(inner.at, inner.at + 2),
                self.span(text.at, text.at + 1),
            );
            self.report(
                start.to(end),
                faults::never_closed(Kind::Interpolation, start, b'"', end),
            );
            self.insertions.push((text.at, b'}'));
            self.frames.truncate(self.frames.len() - 2);
            self.at = text.at + 1;
            return;
        }
        self.unclosed_text(text.at, "\"");
    }

    /// A string that its line does not close. Closers at the end of the line that something on
    /// the line waits for are code, not text.
    pub(super) fn unclosed_text(&mut self, start: usize, opener: &str) {
        let line_end = self.at;
        let mut end = line_end;
        let mut waiting = self.frames.iter().rev();
        while end > start + opener.len() {
            let Some(byte) = self.byte(end - 1) else {
                break;
            };
            let closes = match byte {
                b' ' | b'\t' | b'\r' | b',' => true,
                b'}' | b']' | b')' => waiting
                    .next()
                    .is_some_and(|frame| frame.line == self.line && frame.kind.closer() == byte),
                _ => false,
            };
            if !closes {
                break;
            }
            end -= 1;
        }
        let opening = self.span(start, start + opener.len());
        let close_at = self.span(end, end);
        self.report(
            self.span(start, line_end),
            faults::unclosed_text(opening, close_at),
        );
        self.insertions.push((end, b'"'));
        self.at = end;
    }
}
