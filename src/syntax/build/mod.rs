//! From the grammar's pairs to the tree, in one walk: no tree in between.
//!
//! Here is what every builder shares: names for expressions, spans, interned text, and the doc
//! comments waiting for their item. The builders themselves are in the files beside.

mod docs;
mod expression;
mod item;
mod literal;
mod meant;
mod statement;
mod text;
mod types;

use super::ast::{Expr, ExprId, ExprKind, File, Item, Name, Path};
use super::explain;
use super::grammar::{Grammar, Rule};
use super::scan::Scan;
use crate::diagnostics::catalogue::SYNTAX_ERROR;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span, Str};
use docs::Docs;
use pest::Parser as _;
use pest::iterators::Pair;
use rustc_hash::FxHashMap;

/// Parses a scanned text and builds its tree.
pub(super) fn build(id: FileId, original: &str, scan: Scan<'_>) -> (File, Diagnostics) {
    let mut builder = Builder {
        id,
        original,
        inserted: &scan.inserted,
        faults: &scan.faults,
        expressions: 0,
        interned: FxHashMap::default(),
        docs: Docs::new(scan.comments),
        diagnostics: scan.diagnostics,
        part: 0,
        examined: 0,
        explained: 0,
        last_broken: 0,
    };
    let mut items = Vec::new();
    let mut start = 0;
    for end in scan.cuts.into_iter().chain([scan.text.len()]) {
        builder.part = start;
        let part = scan.text.get(start..end).unwrap_or("");
        match Grammar::parse(Rule::file, part)
            .ok()
            .and_then(|mut pairs| pairs.next())
        {
            Some(file) => builder.items(file, &mut items),
            None => items.push(builder.unparsed(start, end)),
        }
        start = end;
    }
    for lost in scan.lost {
        let place = items.partition_point(|item| item.span().start < lost.start);
        items.insert(place, Item::Broken(lost));
    }
    let file = File {
        id,
        items,
        comments: builder.docs.into_comments(),
        expressions: builder.expressions,
    };
    (file, builder.diagnostics)
}

/// What the builders share.
struct Builder<'i> {
    id: FileId,
    /// The file's text; spans are of it.
    original: &'i str,
    inserted: &'i [usize],
    faults: &'i [Span],
    expressions: u32,
    interned: FxHashMap<&'i str, Str>,
    docs: Docs,
    diagnostics: Diagnostics,
    /// Where the part that is being built begins; the grammar counts from there.
    part: usize,
    /// How many broken items were looked at, and how many of them explained.
    examined: usize,
    explained: usize,
    /// Where the last broken item ended.
    last_broken: usize,
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
        self.place(span.start(), span.end())
    }

    /// Bytes of the part, as bytes of the file.
    fn place(&self, start: usize, end: usize) -> Span {
        Span::new(self.id, self.offset(start), self.offset(end))
    }

    fn offset(&self, at: usize) -> usize {
        let at = self.part + at;
        if self.inserted.is_empty() {
            return at;
        }
        let (mut low, mut high) = (0, self.inserted.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let before = self
                .inserted
                .get(middle)
                .is_some_and(|place| place + middle < at);
            if before {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        at - low
    }

    /// A shared string; the same words come again and again.
    fn intern(&mut self, text: &'i str) -> Str {
        self.interned
            .entry(text)
            .or_insert_with(|| Str::from(text))
            .clone()
    }

    fn name(&mut self, pair: &Pair<'i, Rule>) -> Name {
        let text = pair.as_str();
        let span = self.span(pair);
        if text.ends_with('-') {
            self.diagnostics.push(ends_in_hyphen(text, span));
        }
        Name {
            text: self.intern(text),
            span,
        }
    }

    fn path(&mut self, pair: Pair<'i, Rule>) -> Path {
        let span = self.span(&pair);
        let parts = pair.into_inner().map(|part| self.name(&part)).collect();
        Path { parts, span }
    }

    /// An item that could not be read: says why, unless a fault there is already reported.
    fn unread(&mut self, pair: &Pair<'i, Rule>, rule: Rule) -> Item {
        let text = pair.as_str().trim_end();
        let start = pair.as_span().start();
        let span = self.place(start, start + text.len());
        let known = |fault: &Span| fault.start <= span.end && span.start <= fault.end;
        if !self.gave_up() && !self.faults.iter().any(known) {
            self.examined += 1;
            let stuck = explain::stuck(rule, text);
            let mut at = self.offset(start + stuck.at);
            while !self.original.is_char_boundary(at) {
                at -= 1;
            }
            let between = self.last_broken..span.start as usize;
            let explanation = explain::explain(&explain::Broken {
                file: self.id,
                text: self.original,
                start: span.start as usize,
                end: span.end as usize,
                at,
                expected: stuck.expected,
                in_record: rule == Rule::lone_attribute,
                continues: self.last_broken > 0
                    && !self.original.get(between).unwrap_or("").contains('\n'),
            });
            if let Some(diagnostic) = explanation {
                self.explained += 1;
                self.diagnostics.push(diagnostic);
            }
            if self.explained == MAX_EXPLAINED {
                self.diagnostics.push(explain::enough(span));
            }
        }
        self.last_broken = span.end as usize;
        Item::Broken(span)
    }

    /// Whether so much is broken that broken items are not told apart any more.
    fn gave_up(&self) -> bool {
        self.explained >= MAX_EXPLAINED || self.examined >= MAX_EXAMINED
    }

    /// The grammar stopped, which the scan and `broken` leave no reason for that is known.
    fn unparsed(&mut self, start: usize, end: usize) -> Item {
        let span = self.place(0, end - start);
        let start = Span {
            end: span.start,
            ..span
        };
        self.diagnostics.push(
            Diagnostic::new(&SYNTAX_ERROR, "what follows cannot be read", start)
                .help("take it apart: leave items out until the rest can be read"),
        );
        Item::Broken(span)
    }
}

/// After so many broken items the file is something else; no more are explained.
const MAX_EXPLAINED: usize = 100;

/// The same for remainders of broken items, which get no message.
const MAX_EXAMINED: usize = 1000;

fn ends_in_hyphen(text: &str, span: Span) -> Diagnostic {
    let stem = text.trim_end_matches('-');
    Diagnostic::new(
        &SYNTAX_ERROR,
        format!("the name `{text}` ends in a hyphen"),
        span,
    )
    .help(format!("a minus stands between blanks: `{stem} - 1`"))
}
