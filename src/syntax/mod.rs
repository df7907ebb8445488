//! From text to a syntax tree.
//!
//! [`parse`] always gives a [`ast::File`]. What cannot be read becomes [`ast::Item::Broken`], one
//! item at a time, with a diagnostic beside it. Nothing here knows what a word means: the same
//! text parses the same way whatever the vocabulary.

pub mod ast;
mod build;
mod explain;
mod grammar;
mod scan;
#[cfg(test)]
mod tests;

use crate::diagnostics::Diagnostics;
use crate::source::FileId;

/// The words that begin a statement, where no `=`, `{`, `.` or `[` follows them.
pub const KEYWORDS: &[&str] = &[
    "assert",
    "component",
    "deploy",
    "expect",
    "fn",
    "for",
    "if",
    "import",
    "let",
    "param",
    "set",
    "template",
    "test",
    "type",
    "use",
];

/// The other words with a meaning of their own inside an expression or a statement.
pub const EXPRESSION_WORDS: &[&str] = &["as", "else", "false", "in", "none", "of", "true"];

/// Reads one file. The tree is always there; the diagnostics say what it lacks.
pub fn parse(id: FileId, text: &str) -> (ast::File, Diagnostics) {
    let scan = scan::scan(id, text);
    build::build(id, text, scan)
}

/// Whether a text is one identifier: letters, digits, `_` and inner hyphens.
pub fn is_identifier(text: &str) -> bool {
    let starts = text
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    let holds = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    starts && text.bytes().all(holds) && !text.ends_with('-')
}
