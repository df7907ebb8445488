//! From the grammar's pairs to the tree, in one walk: no tree in between.
//!
//! Here is what every builder shares: names for expressions, spans, interned text, and the doc
//! comments waiting for their item. The builders themselves are in the files beside.

mod expression;
mod item;
mod literal;
mod statement;
mod text;
mod types;

use super::ast::{Comment, Expr, ExprId, ExprKind, File, Item, Name, Path};
use super::grammar::{Grammar, Rule};
use super::scan::Scan;
use crate::diagnostics::catalogue::SYNTAX_ERROR;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span, Str};
use pest::Parser as _;
use pest::iterators::Pair;
use rustc_hash::FxHashMap;

/// Parses a scanned text and builds its tree.
pub(super) fn build(id: FileId, text: &str, scan: Scan) -> (File, Diagnostics) {
    let mut builder = Builder {
        id,
        text,
        expressions: 0,
        interned: FxHashMap::default(),
        comments: scan.comments,
        next_comment: 0,
        diagnostics: Diagnostics::default(),
    };
    let items = match Grammar::parse(Rule::file, text) {
        Ok(mut pairs) => match pairs.next() {
            Some(file) => builder.items(file),
            None => Vec::new(),
        },
        Err(_) => vec![builder.unread(Span::new(id, 0, text.len()))],
    };
    let file = File {
        id,
        items,
        comments: builder.comments,
        expressions: builder.expressions,
    };
    (file, builder.diagnostics)
}

/// What the builders share.
struct Builder<'i> {
    id: FileId,
    text: &'i str,
    expressions: u32,
    interned: FxHashMap<&'i str, Str>,
    comments: Vec<Comment>,
    next_comment: usize,
    diagnostics: Diagnostics,
}

impl<'i> Builder<'i> {
    /// The next expression's name.
    fn expression(&mut self, span: Span, kind: ExprKind) -> Expr {
        let id = ExprId(self.expressions);
        self.expressions += 1;
        Expr { id, span, kind }
    }

    /// An expression that is already reported.
    fn broken(&mut self, span: Span) -> Expr {
        self.expression(span, ExprKind::Broken)
    }

    /// Where a pair stands in the file.
    fn span(&self, pair: &Pair<'i, Rule>) -> Span {
        let span = pair.as_span();
        Span::new(self.id, span.start(), span.end())
    }

    /// A shared string; the same words come again and again.
    fn intern(&mut self, text: &'i str) -> Str {
        self.interned
            .entry(text)
            .or_insert_with(|| Str::from(text))
            .clone()
    }

    fn name(&mut self, pair: &Pair<'i, Rule>) -> Name {
        Name {
            text: self.intern(pair.as_str()),
            span: self.span(pair),
        }
    }

    fn path(&mut self, pair: Pair<'i, Rule>) -> Path {
        let span = self.span(&pair);
        let parts = pair.into_inner().map(|part| self.name(&part)).collect();
        Path { parts, span }
    }

    /// An item that the grammar took and no builder understands; never seen, never silent.
    fn unread(&mut self, span: Span) -> Item {
        self.diagnostics.push(Diagnostic::new(
            &SYNTAX_ERROR,
            "this could not be read",
            span,
        ));
        Item::Broken(span)
    }
}
