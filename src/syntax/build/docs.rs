//! Comments on their way: `///` lines above an item go to it, everything else stays a comment.

use crate::source::Str;
use crate::syntax::ast::Comment;
use std::iter::Peekable;
use std::vec::IntoIter;

/// The comments of a file, walked beside its items.
pub(super) struct Docs {
    ahead: Peekable<IntoIter<Comment>>,
    kept: Vec<Comment>,
}

impl Docs {
    pub(super) fn new(comments: Vec<Comment>) -> Self {
        Self {
            ahead: comments.into_iter().peekable(),
            kept: Vec::new(),
        }
    }

    /// Comments before `offset` document nothing that is still to come.
    pub(super) fn pass(&mut self, offset: u32) {
        while let Some(comment) = self.ahead.next_if(|next| next.span.start < offset) {
            self.kept.push(comment);
        }
    }

    /// The `///` lines between the last item and this one, joined; they leave the comments.
    pub(super) fn above(&mut self, text: &str, offset: u32) -> Option<Str> {
        let mut doc: Option<String> = None;
        while let Some(comment) = self.ahead.next_if(|next| next.span.start < offset) {
            let line = text.get(comment.span.start as usize..comment.span.end as usize);
            match line.and_then(doc_line) {
                Some(line) if !comment.trailing => {
                    doc = Some(match doc {
                        Some(above) => above + "\n" + line,
                        None => line.to_owned(),
                    });
                }
                _ => self.kept.push(comment),
            }
        }
        doc.map(Str::from)
    }

    /// What documents nothing.
    pub(super) fn into_comments(mut self) -> Vec<Comment> {
        self.kept.extend(self.ahead);
        self.kept
    }
}

/// What a `///` line says; `////` is no doc comment.
fn doc_line(comment: &str) -> Option<&str> {
    let text = comment.strip_prefix("///")?;
    let text = text.strip_suffix('\r').unwrap_or(text);
    (!text.starts_with('/')).then(|| text.strip_prefix(' ').unwrap_or(text))
}
