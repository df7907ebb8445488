//! The walk: one pass over the bytes with a stack of what is open.

use super::faults::{self, Unclosed};
use super::frame::{Frame, Kind, Tower};
use super::{MAX_DEPTH, MAX_HEIGHT};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span};
use crate::syntax::ast::Comment;

/// The grammar reads a file in parts of about this many bytes, each some whole items: its tokens
/// take far more memory than the text, and a part's stay in the cache. Threads share the parts.
pub(in crate::syntax) const PART_BYTES: usize = 4 * 1024;

/// After so many faults the rest of the file is given up: it is no zd.
const MAX_FAULTS: usize = 200;

/// How a walk ended.
pub(super) enum Walked<'t> {
    /// Everything pairs up, perhaps mended.
    Done(Walk<'t>),
    /// Something is open at the end; walk again with a closer put in.
    Unclosed(Unclosed),
}

pub(super) struct Walk<'t> {
    pub(super) id: FileId,
    pub(super) text: &'t str,
    pub(super) comments: Vec<Comment>,
    pub(super) blanked: Vec<(usize, usize)>,
    pub(super) swapped: Vec<(usize, u8)>,
    pub(super) insertions: Vec<(usize, u8)>,
    pub(super) lost: Vec<Span>,
    pub(super) faults: Vec<Span>,
    pub(super) diagnostics: Diagnostics,
    pub(super) at: usize,
    pub(super) frames: Vec<Frame>,
    /// Where the current line begins, and how far it is indented once code was seen on it.
    pub(super) line: usize,
    indent: Option<usize>,
    /// Frames that were closed by a closer indented less than they are: the first of them is
    /// where a closer was probably forgotten, if one is missing in the end.
    suspects: Vec<Frame>,
    root: Tower,
    /// Where the last string of several lines ended: nothing is put in before.
    long_text_end: usize,
    /// Where the current item of the file begins.
    item: usize,
    /// Beginnings of items, far enough apart.
    pub(super) cuts: Vec<usize>,
    /// A line ended since the last token, where that can end an expression.
    line_ended: bool,
    after_operator: bool,
    /// Ends of lines where an earlier walk found that the innermost frame lacks its closer; the
    /// last comes first.
    closers: Vec<usize>,
    /// After a loss the balance is guessed, so its faults are not reported any more.
    guessing: bool,
}

impl<'t> Walk<'t> {
    pub(super) fn new(id: FileId, text: &'t str, closers: &[usize]) -> Self {
        Self {
            id,
            text,
            comments: Vec::new(),
            blanked: Vec::new(),
            swapped: Vec::new(),
            insertions: Vec::new(),
            lost: Vec::new(),
            faults: Vec::new(),
            diagnostics: Diagnostics::default(),
            at: if text.starts_with('\u{FEFF}') { 3 } else { 0 },
            frames: Vec::new(),
            line: 0,
            indent: None,
            suspects: Vec::new(),
            root: Tower::default(),
            long_text_end: 0,
            item: 0,
            cuts: Vec::new(),
            line_ended: true,
            after_operator: false,
            closers: closers.iter().rev().copied().collect(),
            guessing: false,
        }
    }

    pub(super) fn run(mut self) -> Walked<'t> {
        loop {
            let Some(byte) = self.byte(self.at) else {
                match self.end() {
                    Some(walked) => return walked,
                    None => continue,
                }
            };
            match self.frames.last().map(|frame| frame.kind) {
                Some(Kind::Text) => self.in_text(byte),
                Some(Kind::BlockText) => self.in_block_text(byte),
                _ => self.in_code(byte),
            }
            if self.faults.len() > MAX_FAULTS {
                self.lose(self.text.len());
            }
        }
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// Passes the byte that is here, and those after it of which nothing is to be said either.
    pub(super) fn skip(&mut self, plain: impl Fn(u8) -> bool) {
        let after = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        let plain = after.iter().position(|byte| !plain(*byte));
        self.at += 1 + plain.unwrap_or(after.len());
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.id, start, end)
    }

    /// Reports a fault, unless the place is a guess already.
    pub(super) fn report(&mut self, region: Span, diagnostic: Diagnostic) {
        self.faults.push(region);
        if !self.guessing {
            self.diagnostics.push(diagnostic);
        }
    }

    /// Has blanks put in the place of some text.
    pub(super) fn blank_out(&mut self, start: usize, end: usize) {
        match self.blanked.last_mut() {
            Some((_, last)) if *last == start => *last = end,
            _ => self.blanked.push((start, end)),
        }
    }

    fn in_code(&mut self, byte: u8) {
        match byte {
            b'\n' => self.line_end(),
            b' ' => self.skip(|byte| byte == b' '),
            b'\t' | b'\r' => {
                self.blank_out(self.at, self.at + 1);
                self.at += 1;
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => self.word(),
            b'"' => {
                self.token(false);
                let block = self.text.as_bytes().get(self.at..self.at + 3) == Some(b"\"\"\"");
                self.open(if block { Kind::BlockText } else { Kind::Text });
            }
            b'{' => {
                self.token(false);
                self.open(Kind::Brace);
            }
            b'[' | b'(' => {
                self.token(false);
                if self.follows_operand() && !self.link() {
                    return;
                }
                self.open(if byte == b'[' {
                    Kind::Bracket
                } else {
                    Kind::Paren
                });
            }
            b'}' | b']' | b')' => self.close(byte),
            b',' => {
                self.token(false);
                self.tower().next_expression();
                self.after_operator = true;
                self.at += 1;
            }
            b'/' if self.byte(self.at + 1) == Some(b'/') => self.comment(),
            b'#' | b';' | b'\'' | b'/' | 0..=0x1F | 0x7F.. if self.foreign(byte) => {}
            b'|' | b'&' | b'=' | b'!' | b'<' | b'>' | b'.' | b'+' | b'-' | b'*' | b'/' => {
                let continues =
                    self.after_operator && self.byte(self.at.wrapping_sub(1)) != Some(b' ');
                self.token(true);
                if !continues && !self.link() {
                    return;
                }
                self.after_operator = byte != b'.' || self.byte(self.at + 1) == Some(b'.');
                self.at += 1;
            }
            _ => {
                self.token(false);
                self.at += 1;
            }
        }
    }

    /// Something that is not blank stands here.
    pub(super) fn token(&mut self, operator: bool) {
        if self.indent.is_none() {
            self.indent = Some(self.at - self.line);
        }
        if self.line_ended {
            self.line_ended = false;
            if !operator && !self.after_operator {
                self.tower().next_expression();
                if self.frames.is_empty() {
                    self.begin_item();
                }
            }
        }
        self.after_operator = false;
    }

    /// An item of the file begins here; long files are cut at such places.
    fn begin_item(&mut self) {
        self.item = self.at;
        let last = self.cuts.last().copied().unwrap_or(0);
        let continues = self
            .text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with("else"));
        if self.at - last >= PART_BYTES && !continues {
            self.cuts.push(self.at);
        }
    }

    fn tower(&mut self) -> &mut Tower {
        match self.frames.last_mut() {
            Some(frame) => &mut frame.tower,
            None => &mut self.root,
        }
    }

    /// One more operator or postfix; `false` where it is one too many and the item is lost.
    fn link(&mut self) -> bool {
        let tower = self.tower();
        tower.links += 1;
        if tower.current() <= MAX_HEIGHT {
            return true;
        }
        let at = self.span(self.at, self.at + 1);
        self.report(at, faults::too_long(at));
        self.lose_item();
        false
    }

    /// Whether the byte before is the end of an operand, so that `(` is a call.
    fn follows_operand(&self) -> bool {
        self.byte(self.at.wrapping_sub(1))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b')' | b']'))
    }

    fn word(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        let operator = matches!(rest.get(..length), Some(b"in" | b"of"));
        self.token(operator);
        if operator {
            if !self.link() {
                return;
            }
            self.after_operator = true;
        }
        let raw = length == 1 && rest.starts_with(b"r\"");
        self.at += length;
        if raw {
            self.raw_text();
        }
    }

    fn comment(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n');
        let end = self.at + length.unwrap_or(rest.len());
        self.comments.push(Comment {
            span: self.span(self.at, end),
            trailing: self.indent.is_some(),
        });
        self.at = end;
    }

    fn line_end(&mut self) {
        while self.closers.last().is_some_and(|closer| *closer <= self.at) {
            self.put_closer();
        }
        self.at += 1;
        self.line = self.at;
        self.indent = None;
        let ends = !matches!(
            self.frames.last().map(|frame| frame.kind),
            Some(Kind::Bracket | Kind::Paren | Kind::Interpolation)
        );
        self.line_ended = ends;
    }

    /// Closes the innermost frame here, as an earlier walk found needed.
    fn put_closer(&mut self) {
        self.closers.pop();
        if let Some(frame) = self.frames.last() {
            self.insertions.push((self.at, frame.kind.closer()));
            self.pop();
        }
    }

    pub(super) fn open(&mut self, kind: Kind) {
        if self.frames.len() >= MAX_DEPTH {
            let at = self.span(self.at, self.at + kind.opener().len());
            self.report(at, faults::too_deep(at));
            self.lose_item();
            return;
        }
        self.frames.push(Frame {
            kind,
            at: self.at,
            indent: self.indent.unwrap_or(0),
            line: self.line,
            tower: Tower::default(),
        });
        self.line_ended = true;
        self.at += kind.opener().len();
    }

    fn close(&mut self, closer: u8) {
        let first_on_line = self.indent.is_none();
        self.token(true);
        let Some(frame) = self.frames.last().copied() else {
            return self.stray(closer);
        };
        if frame.kind.closer() != closer {
            return self.mismatch(closer);
        }
        if first_on_line && frame.line != self.line && self.indent < Some(frame.indent) {
            self.suspects.push(frame);
        }
        if self.pop() {
            self.at += 1;
        }
    }

    /// Takes the innermost frame off; what was in it stands on the expression around it. `false`
    /// where that is too high and the item is lost.
    pub(super) fn pop(&mut self) -> bool {
        let Some(frame) = self.frames.pop() else {
            return true;
        };
        if frame.line != self.line && matches!(frame.kind, Kind::Text | Kind::BlockText) {
            self.long_text_end = self.at;
        }
        let height = frame.tower.height() + 1;
        let tower = self.tower();
        tower.nested = tower.nested.max(height);
        self.after_operator = false;
        self.line_ended = false;
        if self.tower().current() <= MAX_HEIGHT {
            return true;
        }
        let at = self.span(frame.at, frame.at + frame.kind.opener().len());
        self.report(at, faults::too_long(at));
        self.lose_item();
        false
    }

    /// A closer that closes something further out: what is in between lacks its own.
    fn mismatch(&mut self, closer: u8) {
        let in_code = self
            .frames
            .iter()
            .rev()
            .take_while(|frame| !matches!(frame.kind, Kind::Text | Kind::BlockText));
        let Some(inner) = in_code
            .clone()
            .position(|frame| frame.kind.closer() == closer)
        else {
            return self.stray(closer);
        };
        let end = self.span(self.at, self.at + 1);
        for _ in 0..inner {
            let Some(frame) = self.frames.last().copied() else {
                break;
            };
            let place = faults::forgotten(self.text, &frame, self.at);
            let place = place.filter(|place| *place >= self.long_text_end);
            self.insertions
                .push((place.unwrap_or(self.at), frame.kind.closer()));
            let start = self.span(frame.at, frame.at + frame.kind.opener().len());
            self.report(
                start.to(end),
                faults::never_closed(frame.kind, start, closer, end),
            );
            if !self.pop() {
                return;
            }
        }
        if self.pop() {
            self.at += 1;
        }
    }

    fn stray(&mut self, closer: u8) {
        let span = self.span(self.at, self.at + 1);
        self.report(span, faults::stray(closer, span));
        self.blank_out(self.at, self.at + 1);
        self.at += 1;
    }

    /// The text is over; `None` where the walk goes on after all.
    fn end(&mut self) -> Option<Walked<'t>> {
        if self
            .frames
            .last()
            .is_some_and(|frame| frame.kind == Kind::Text)
        {
            self.text_at_line_end();
            return None;
        }
        while !self.closers.is_empty() {
            self.put_closer();
        }
        let block_text = self
            .frames
            .iter()
            .find(|frame| frame.kind == Kind::BlockText)
            .copied();
        if let Some(frame) = block_text {
            let start = self.span(frame.at, frame.at + 3);
            let end = self.span(self.text.len(), self.text.len());
            self.report(
                start.to(end),
                faults::never_closed(Kind::BlockText, start, b'"', end),
            );
            self.at = frame.at + 3;
            self.lose_item();
            return None;
        }
        let Some(innermost) = self.frames.last().copied() else {
            let blank = Walk::new(self.id, self.text, &[]);
            return Some(Walked::Done(std::mem::replace(self, blank)));
        };
        let culprit = self
            .suspects
            .iter()
            .find(|suspect| suspect.at > innermost.at)
            .copied()
            .unwrap_or(innermost);
        Some(Walked::Unclosed(faults::unclosed(
            self.id, self.text, &culprit,
        )))
    }

    /// Gives up the item of the file that the walk is in, up to a line that begins like one.
    fn lose_item(&mut self) {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let next = rest
            .windows(2)
            .position(|pair| matches!(pair, [b'\n', second] if second.is_ascii_alphabetic()));
        let end = next.map_or(self.text.len(), |length| self.at + length + 1);
        self.lose(end);
    }

    /// Gives up everything from the current item of the file to `end`.
    fn lose(&mut self, end: usize) {
        let span = self.span(self.item, end);
        self.lost.push(span);
        self.faults.push(span);
        self.blank_out(self.item, end);
        self.comments
            .retain(|comment| comment.span.start < span.start);
        self.insertions.retain(|(at, _)| *at < self.item);
        self.swapped.retain(|(at, _)| *at < self.item);
        self.frames.clear();
        self.root = Tower::default();
        self.guessing = true;
        self.at = end;
        self.line = end;
        self.indent = None;
        self.line_ended = true;
        self.after_operator = false;
        self.item = end;
    }
}
