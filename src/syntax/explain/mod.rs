//! Why an item could not be read, in the user's words.
//!
//! The broken item is parsed once more by itself; where the grammar got stuck, and what it would
//! have taken there, are the facts. The habits of other languages are looked for first (in
//! `habits.rs`), then common slips (`slips.rs`); else the message is what was expected and what was found.

mod habits;
mod slips;
mod words;

use super::ast::Name;
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

/// Whether a text is one item, and nothing is left.
fn is_whole(text: &str) -> bool {
    Grammar::parse(Rule::lone_item, text).is_ok()
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
    /// Whether the item before it on its line is broken too.
    pub(super) continues: bool,
}

impl<'t> Broken<'t> {
    fn item(&self) -> &'t str {
        self.text.get(self.start..self.end).unwrap_or("")
    }

    /// The item up to where the grammar got stuck.
    fn before(&self) -> &'t str {
        self.text.get(self.start..self.at).unwrap_or("")
    }

    /// Whether the line above is an entry of a YAML list, or its key.
    fn continues_a_list(&self) -> bool {
        let above = self.text.get(..self.start).unwrap_or("").trim_end();
        let above = above.rsplit('\n').next().unwrap_or("").trim_start();
        above.starts_with("- ") || above.ends_with(':')
    }

    /// The line after the item.
    fn next_line(&self) -> &'t str {
        let rest = self.text.get(self.end..).unwrap_or("");
        rest.lines().nth(1).unwrap_or("").trim_start()
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

/// Says what is wrong with a broken item; `None` for the remainder of one that was explained.
pub(super) fn explain(broken: &Broken<'_>) -> Option<Diagnostic> {
    let item = broken.item();
    let listed = item.starts_with("- ") && broken.continues_a_list();
    let remainder = listed || broken.continues && !item.contains(['=', ':', '{', ' ']);
    (!remainder).then(|| recognise(broken).unwrap_or_else(|| unexpected(broken)))
}

/// Why a word cannot begin a block, where the grammar takes it for one.
pub(super) fn no_kind(kind: &Name) -> Option<Diagnostic> {
    match &*kind.text {
        "else" => {
            Some(fault("this `else` follows no `if`", kind.span).help(
                "write `if condition { … } else { … }`, with no comma between `}` and `else`",
            ))
        }
        "elif" | "elsif" | "elseif" => Some(
            fault(format!("`{kind}` is written `else if`"), kind.span)
                .replace(kind.span, "else if"),
        ),
        "if" => Some(fault("this `if` has no condition", kind.span)),
        _ => None,
    }
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

/// The first known mistake that fits.
fn recognise(broken: &Broken<'_>) -> Option<Diagnostic> {
    const KNOWN: &[fn(&Broken<'_>) -> Option<Diagnostic>] = &[
        habits::misspelt_keyword,
        slips::brace_on_its_own_line,
        habits::yaml_list,
        slips::missing_value,
        habits::dollar,
        habits::ternary,
        habits::shell_expansion,
        habits::colon,
        habits::arrow,
        habits::comparison_for_assignment,
        habits::assignment_for_comparison,
        habits::word_operator,
        slips::detached_unit,
        slips::missing_equals,
        habits::bare_text,
        slips::tight_minus,
        slips::detached_call,
        habits::else_if,
        slips::missing_else,
        slips::block_in_record,
        slips::missing_comma,
        slips::lone_word,
        slips::assert_without_message,
        habits::for_of,
        habits::import_from,
        slips::untyped,
        slips::foreign_letter,
        slips::two_items,
    ];
    KNOWN.iter().find_map(|habit| habit(broken))
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
    broken.here(message)
}

/// The bytes of the word, string or character that a text begins with.
fn token_length(text: &str) -> usize {
    if let Some(inside) = text.strip_prefix('"')
        && let Some(length) = inside.find(['"', '\\', '\n'])
        && inside
            .get(length..)
            .is_some_and(|rest| rest.starts_with('"'))
    {
        return length + 2;
    }
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

/// The innermost delimiter that a text leaves open; quotes are skipped.
fn innermost(text: &str) -> Option<char> {
    let mut open = Vec::new();
    let mut quoted = false;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' | '(' => open.push(c),
            '}' | ']' | ')' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.last().copied()
}

/// The part of a text after its last separator: the item or value that is being written.
fn segment(text: &str) -> &str {
    text.rsplit(['\n', ',', '{', '}']).next().unwrap_or("")
}

fn first_word(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}
