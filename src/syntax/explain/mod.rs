//! Why an item could not be read, in the user's words.
//!
//! The broken item is parsed once more by itself; where the grammar got stuck, and what it would
//! have taken there, are the facts. The habits of other languages are looked for first (in
//! `habits.rs`); else the message is what was expected and what was found.

mod habits;
mod words;

use super::grammar::{Grammar, Rule};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::SYNTAX_ERROR;
use crate::source::{FileId, Span};
use pest::Parser as _;
use pest::error::{ErrorVariant, InputLocation};

/// Where the grammar got stuck.
pub(super) struct Stuck {
    /// The offset in the item.
    pub(super) at: usize,
    /// What it would have taken, in words.
    pub(super) expected: Vec<&'static str>,
}

/// Parses a broken item by itself.
pub(super) fn stuck(rule: Rule, item: &str) -> Stuck {
    let Err(error) = Grammar::parse(rule, item) else {
        return Stuck {
            at: item.len(),
            expected: vec!["the end of the item"],
        };
    };
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    let expected = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => words::expected(positives),
        ErrorVariant::CustomError { .. } => Vec::new(),
    };
    Stuck { at, expected }
}

/// The facts of a broken item.
pub(super) struct Broken<'t> {
    pub(super) file: FileId,
    /// The whole file.
    pub(super) text: &'t str,
    /// Where the item stands.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where the grammar got stuck.
    pub(super) at: usize,
    /// What it would have taken.
    pub(super) expected: Vec<&'static str>,
    /// Whether the item is one of a record.
    pub(super) in_record: bool,
}

impl<'t> Broken<'t> {
    /// The item up to where the grammar got stuck.
    fn before(&self) -> &'t str {
        self.text.get(self.start..self.at).unwrap_or("")
    }

    /// The item from there on.
    fn rest(&self) -> &'t str {
        self.text.get(self.at..self.end).unwrap_or("")
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    /// The word or character the grammar got stuck at; the last one where the item is over.
    fn found(&self) -> Span {
        let length = token_length(self.rest());
        if length > 0 {
            return self.span(self.at, self.at + length);
        }
        let before = self.before().trim_end();
        let end = self.start + before.len();
        self.span(end - last_token(before).len(), end)
    }

    fn found_text(&self) -> &'t str {
        let length = token_length(self.rest());
        self.rest().get(..length).unwrap_or("")
    }

    fn here(&self, message: impl Into<String>) -> Diagnostic {
        fault(message, self.found())
    }
}

fn fault(message: impl Into<String>, span: Span) -> Diagnostic {
    Diagnostic::new(&SYNTAX_ERROR, message, span)
}

/// Says what is wrong with a broken item.
pub(super) fn explain(broken: &Broken<'_>) -> Diagnostic {
    habits::recognise(broken).unwrap_or_else(|| unexpected(broken))
}

/// The last of very many.
pub(super) fn enough(span: Span) -> Diagnostic {
    Diagnostic::new(
        &SYNTAX_ERROR,
        "there are more broken items than these",
        span,
    )
    .help("mend the ones above first; the rest is not listed")
}

fn unexpected(broken: &Broken<'_>) -> Diagnostic {
    let found = broken.found_text();
    let expected = words::either(&broken.expected);
    let message = match (found.is_empty(), expected.is_empty()) {
        (true, true) => "this item is not whole".to_owned(),
        (true, false) => format!("the item ends where {expected} should stand"),
        (false, true) => format!("`{found}` cannot stand here"),
        (false, false) => format!("`{found}` stands where {expected} should"),
    };
    let diagnostic = broken.here(message);
    match habits::misspelt_keyword(broken) {
        Some(word) => diagnostic.help(format!("did you mean `{word}`?")),
        None => diagnostic,
    }
}

/// The bytes of the word or character that a text begins with.
fn token_length(text: &str) -> usize {
    let word = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .unwrap_or(text.len());
    if word > 0 && !text.starts_with('-') {
        return word;
    }
    text.chars()
        .next()
        .filter(|c| !c.is_whitespace())
        .map_or(0, char::len_utf8)
}

/// The word or character that a text ends with.
fn last_token(text: &str) -> &str {
    let stem = text.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
    let word = text.strip_prefix(stem).unwrap_or("");
    if !word.is_empty() {
        return word;
    }
    let last = text.chars().next_back().map_or(0, char::len_utf8);
    text.get(text.len() - last..).unwrap_or("")
}
