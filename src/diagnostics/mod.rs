//! What the compiler says: one data type, the catalogue of codes, and the renderers.
//!
//! The module that finds a fault renders it, in a function beside it; nothing here knows what
//! any single fault means.

pub mod catalogue;
pub mod render;

pub use catalogue::Code;

use crate::source::{Span, Str};
use std::fmt;
use std::ops::Range;

/// How much a diagnostic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; never fails a build.
    Note,
    /// Probably wrong; fails under `--deny-warnings`.
    Warning,
    /// Wrong; nothing is written.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// One thing to tell the user.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// Which fault.
    pub code: &'static Code,
    /// The code's severity, unless the case is milder.
    pub severity: Severity,
    /// What is wrong: lower case, no final period, user text in backticks.
    pub message: String,
    /// Where: the first is the place to change.
    pub labels: Vec<Label>,
    /// What to write instead.
    pub help: Option<String>,
    /// Why it matters, where the code's own sentence is not enough.
    pub notes: Vec<String>,
    /// An edit that mends it.
    pub replacement: Option<Replacement>,
    /// What was tried and mends it: `zdc check --fix` makes these edits.
    pub fix: Option<Box<Fix>>,
    /// The service it is about, by zd name: that service's `allow` may accept it.
    pub service: Option<Str>,
}

/// A place and what to say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What it is; may be empty.
    pub text: String,
}

/// An edit. Edits are in the order of the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replacement {
    /// What to replace; empty to insert.
    pub span: Span,
    /// The new text.
    pub text: String,
}

impl Replacement {
    /// What some bytes of a text are with edits made in them, which are in the order of the source and begin there; what
    /// the last one takes away may reach beyond.
    pub fn made<'e>(
        text: &str,
        bytes: Range<usize>,
        edits: impl IntoIterator<Item = &'e Replacement>,
    ) -> String {
        let mut out = String::with_capacity(bytes.len() + 64);
        let mut done = bytes.start;
        for edit in edits {
            let start = edit.span.start as usize;
            out.push_str(text.get(done..start).unwrap_or_default());
            out.push_str(&edit.text);
            done = done.max(edit.span.end as usize);
        }
        out.push_str(text.get(done..bytes.end).unwrap_or_default());
        out
    }
}

/// Edits that mend a fault together, and were tried: the program with them was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What they do, in a few words: lower case, no final period.
    pub title: String,
    /// In the order of the source; no two overlap.
    pub edits: Vec<Replacement>,
}

impl Diagnostic {
    /// A diagnostic of a code at a place.
    pub fn new(code: &'static Code, message: impl Into<String>, span: Span) -> Self {
        Self {
            code,
            severity: code.severity,
            message: message.into(),
            labels: vec![Label {
                span,
                text: String::new(),
            }],
            help: None,
            notes: Vec::new(),
            replacement: None,
            fix: None,
            service: None,
        }
    }

    /// Says something of the first place.
    #[must_use]
    pub fn labelled(mut self, text: impl Into<String>) -> Self {
        if let Some(label) = self.labels.first_mut() {
            label.text = text.into();
        }
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn and(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// Says why it matters in this case.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Offers an edit.
    #[must_use]
    pub fn replace(mut self, span: Span, text: impl Into<String>) -> Self {
        self.replacement = Some(Replacement {
            span,
            text: text.into(),
        });
        self
    }

    /// Says which service it is about.
    #[must_use]
    pub fn about(mut self, service: &str) -> Self {
        self.service = Some(service.into());
        self
    }

    /// Makes it matter less or more than its code does.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The place to change.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|label| label.span)
    }
}

/// What a phase found; diagnostics go beside a value, never instead of it.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.list.push(diagnostic);
    }

    /// Adds all of another phase's.
    pub fn extend(&mut self, other: impl IntoIterator<Item = Diagnostic>) {
        self.list.extend(other);
    }

    /// Whether one is an error.
    pub fn has_errors(&self) -> bool {
        self.list
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// In the order found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// In the order of the source, each said once: what two targets say of one place in the same
    /// words is one diagnostic with the notes of both.
    pub fn into_sorted(self) -> Vec<Diagnostic> {
        let mut list = self.list;
        list.sort_by(|a, b| {
            (a.span(), a.code.id, &a.message).cmp(&(b.span(), b.code.id, &b.message))
        });
        list.dedup_by(|next, kept| {
            let same = next.span() == kept.span()
                && next.code == kept.code
                && next.message == kept.message
                && next.labels == kept.labels;
            if same {
                let new = next.notes.iter().filter(|note| !kept.notes.contains(note));
                let new: Vec<String> = new.cloned().collect();
                kept.notes.extend(new);
            }
            same
        });
        list
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

/// The candidate nearest to a misspelt word, where one is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = word.chars().count().div_ceil(3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = edit_distance(word, candidate);
            (distance <= limit && candidate != word).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn one word into another.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX);
            let mut best = (at(&row, j) + usize::from(from != to))
                .min(at(&row, j + 1) + 1)
                .min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        let words = ["replicas", "resources", "restart", "image"];
        assert_eq!(nearest("replcias", words), Some("replicas"));
        assert_eq!(nearest("imgae", words), Some("image"));
        assert_eq!(nearest("volume", words), None);
        assert_eq!(nearest("replicas", ["replicas"]), None);
    }
}
