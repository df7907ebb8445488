//! What must hold before the grammar runs: delimiters pair up, nesting is bounded. Also notes
//! the comments, which are line ends to the grammar.

use super::ast::Comment;
use crate::source::{FileId, Span};

/// What the scan saw.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Every comment, in order, `///` ones too.
    pub(super) comments: Vec<Comment>,
}

/// Scans a file.
pub(super) fn scan(id: FileId, text: &str) -> Scan {
    let mut comments = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut code_on_line = false;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' => code_on_line = false,
            b' ' | b'\t' | b'\r' => {}
            b'"' => {
                code_on_line = true;
                let block = bytes.get(at..at + 3) == Some(b"\"\"\"");
                at += if block { 3 } else { 1 };
                while let Some(inner) = bytes.get(at) {
                    if block && bytes.get(at..at + 3) == Some(b"\"\"\"") {
                        at += 2;
                        break;
                    }
                    if !block && *inner == b'"' {
                        break;
                    }
                    at += if *inner == b'\\' { 2 } else { 1 };
                }
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                let length = text.get(at..).and_then(|rest| rest.find('\n'));
                let end = length.map_or(text.len(), |length| at + length);
                comments.push(Comment {
                    span: Span::new(id, at, end),
                    trailing: code_on_line,
                });
                at = end;
                continue;
            }
            _ => code_on_line = true,
        }
        at += 1;
    }
    Scan { comments }
}
