//! What must hold before the grammar runs, made to hold.
//!
//! One walk over the bytes, aware of strings, interpolations and comments. It notes the comments
//! and puts blanks in their place; it checks that delimiters pair up, that strings are closed and
//! that nothing nests too deep, and where that fails it reports the fault and mends the copy that
//! the grammar reads, so that one fault costs one item. Characters that mean nothing anywhere,
//! such as `;` or a single quote, are reported here too.

mod faults;
mod foreign;
mod frame;
mod mend;
mod text;
mod walk;

use super::ast::Comment;
use crate::diagnostics::Diagnostics;
use crate::source::{FileId, Span};
use std::borrow::Cow;
use std::ops::Range;
pub(super) use walk::PART_BYTES;
use walk::{Walk, Walked};

/// How many delimiters may be open at once, `${` and quotes included. The parser, the tree's
/// builders and its drop all recurse once per level; this many levels take a third of a test
/// thread's 2 MiB in a debug build.
pub(super) const MAX_DEPTH: usize = 64;

/// How many operators, fields, indices and calls may stand one upon the other in one expression,
/// nesting included: the height of its tree, on which every later phase recurses.
pub(super) const MAX_HEIGHT: u32 = 256;

/// How often a forgotten closer is put in before the rest is closed at the end.
const MAX_MENDED: usize = 8;

/// A scanned file.
#[derive(Debug)]
pub(super) struct Scan<'t> {
    /// What the grammar reads: comments blanked, faults mended.
    pub(super) text: Cow<'t, str>,
    /// Offsets in the file where one byte was put in, in order.
    pub(super) inserted: Vec<usize>,
    /// Where the text may be cut: offsets in it at which an item of the file begins, in order.
    pub(super) cuts: Vec<usize>,
    /// Every comment, in order, `///` ones too.
    pub(super) comments: Vec<Comment>,
    /// What was cut out.
    pub(super) lost: Vec<Span>,
    /// Where a fault was reported; a broken item there needs no second message.
    pub(super) faults: Vec<Span>,
    /// What was found.
    pub(super) diagnostics: Diagnostics,
}

/// A stretch of the scanned text that begins and ends between two items of the file.
pub(super) type Part = Range<usize>;

impl Scan<'_> {
    /// The parts that the cuts make; one at least.
    pub(super) fn parts(&self) -> Vec<Part> {
        let starts = std::iter::once(0).chain(self.cuts.iter().copied());
        let ends = self.cuts.iter().copied().chain([self.text.len()]);
        starts.zip(ends).map(|(start, end)| start..end).collect()
    }

    /// Whether nothing was found or mended: places in the text are places in the file.
    pub(super) fn is_clean(&self) -> bool {
        self.diagnostics.is_empty()
            && self.faults.is_empty()
            && self.lost.is_empty()
            && self.inserted.is_empty()
    }

    /// The comments that belong to the items between two cuts: those above the first one too, which
    /// stand before the cut.
    pub(super) fn comments_of(&self, start: usize, end: usize) -> &[Comment] {
        let after = |cut: usize| {
            let before = self.text.get(..cut).unwrap_or_default();
            let last = before.trim_end_matches([' ', '\n', ',']).len();
            self.comments
                .partition_point(|comment| (comment.span.start as usize) < last)
        };
        let end = if end == self.text.len() {
            self.comments.len()
        } else {
            after(end)
        };
        self.comments.get(after(start)..end).unwrap_or_default()
    }
}

/// Scans a file.
pub(super) fn scan(id: FileId, text: &str) -> Scan<'_> {
    let mut closers: Vec<usize> = Vec::new();
    let mut unclosed = Vec::new();
    loop {
        let walked = match Walk::new(id, text, &closers).run() {
            Walked::Done(walk) => walk,
            Walked::Unclosed(fault) => {
                if closers.len() < MAX_MENDED {
                    unclosed.push((fault.diagnostic, fault.region));
                    closers.push(fault.at);
                } else {
                    closers.extend([text.len(); MAX_DEPTH]);
                }
                closers.sort_unstable();
                continue;
            }
        };
        return mend::finish(walked, unclosed);
    }
}
