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

use super::ast::{Comment, Expr, ExprId, ExprKind, File, Item, Name, Path};
use super::explain;
use super::grammar::{Grammar, Rule};
use super::scan::{self, Part, Scan};
use crate::diagnostics::catalogue::SYNTAX_ERROR;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::parallel;
use crate::source::{FileId, Span, Str};
use docs::Docs;
use pest::Parser as _;
use pest::iterators::Pair;
use rustc_hash::FxHashMap;

/// A thread more pays where each gets so many parts of the text.
const LEAST_PARTS: usize = 2;
/// What the tree of a part takes: some fifteen times its text.
const ROOM: usize = 15 * scan::PART_BYTES;

/// Parses a scanned text and builds its tree.
pub(super) fn build(id: FileId, original: &str, mut scan: Scan<'_>) -> (File, Diagnostics) {
    let parts = scan.parts();
    if scan.is_clean()
        && let Some(file) = in_shares(id, original, &scan, &parts)
    {
        return (file, Diagnostics::default());
    }
    let comments = std::mem::take(&mut scan.comments);
    let diagnostics = std::mem::take(&mut scan.diagnostics);
    let mut builder = Builder::new(id, original, &scan, comments, Numbers::of_share(0, 1));
    builder.diagnostics = diagnostics;
    let mut items = builder.file(&scan.text, &parts);
    for lost in &scan.lost {
        let place = items.partition_point(|item| item.span().start < lost.start);
        items.insert(place, Item::Broken(*lost));
    }
    let file = File {
        id,
        items,
        comments: builder.docs.into_comments(),
        expressions: builder.numbers.end,
    };
    (file, builder.diagnostics)
}

/// Builds a file on several threads; `None` where it is short, or where a fault comes to light: what
/// is said of one depends on those before it.
fn in_shares(id: FileId, original: &str, scan: &Scan<'_>, parts: &[Part]) -> Option<File> {
    if parts.len() < 2 * LEAST_PARTS {
        return None;
    }
    let shares = parallel::in_shares(parts, LEAST_PARTS, ROOM, |it| {
        share(id, original, scan, it.list, (it.index, it.of))
    });
    join(id, shares)
}

/// What one of several builders makes: items, comments, and above which number no expression is.
type Built = (Vec<Item>, Vec<Comment>, u32);

/// Some parts of a file, by the builder of this index of so many.
fn share(
    id: FileId,
    original: &str,
    scan: &Scan<'_>,
    parts: &[Part],
    (index, of): (usize, usize),
) -> Option<Built> {
    let (first, last) = (parts.first()?, parts.last()?);
    let comments = scan.comments_of(first.start, last.end).to_vec();
    let numbers = Numbers::of_share(index, of);
    let mut builder = Builder::new(id, original, scan, comments, numbers);
    let items = builder.file(&scan.text, parts);
    let sound = builder.diagnostics.is_empty() && builder.examined == 0;
    sound.then(|| (items, builder.docs.into_comments(), builder.numbers.end))
}

fn join(id: FileId, shares: impl IntoIterator<Item = Option<Built>>) -> Option<File> {
    let mut file = File {
        id,
        items: Vec::new(),
        comments: Vec::new(),
        expressions: 0,
    };
    for share in shares {
        let (items, comments, expressions) = share?;
        file.items.extend(items);
        file.comments.extend(comments);
        file.expressions = file.expressions.max(expressions);
    }
    Some(file)
}

/// The numbers that one of several builders of a file gives to expressions: every so manyth.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    next: u32,
    step: u32,
    /// Above all that were given.
    end: u32,
}

impl Numbers {
    fn of_share(index: usize, of: usize) -> Self {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            next: small(index),
            step: small(of),
            end: 0,
        }
    }

    fn give(&mut self) -> u32 {
        let given = self.next;
        self.next += self.step;
        self.end = given + 1;
        given
    }
}

/// What the builders share.
struct Builder<'i> {
    id: FileId,
    /// The file's text; spans are of it.
    original: &'i str,
    inserted: &'i [usize],
    faults: &'i [Span],
    numbers: Numbers,
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
    fn new(
        id: FileId,
        original: &'i str,
        scan: &'i Scan<'_>,
        comments: Vec<Comment>,
        numbers: Numbers,
    ) -> Self {
        Self {
            id,
            original,
            inserted: &scan.inserted,
            faults: &scan.faults,
            numbers,
            interned: FxHashMap::default(),
            docs: Docs::new(comments),
            diagnostics: Diagnostics::default(),
            part: 0,
            examined: 0,
            explained: 0,
            last_broken: 0,
        }
    }

    /// The items of the file in some of its parts.
    fn file(&mut self, text: &'i str, parts: &[Part]) -> Vec<Item> {
        let mut items = Vec::new();
        for part in parts {
            self.part = part.start;
            match Grammar::parse(Rule::file, text.get(part.clone()).unwrap_or(""))
                .ok()
                .and_then(|mut pairs| pairs.next())
            {
                Some(file) => self.items(file, &mut items),
                None => items.push(self.unparsed(part.start, part.end)),
            }
        }
        items
    }

    /// The next expression's name.
    fn expression(&mut self, span: Span, kind: ExprKind) -> Expr {
        let id = ExprId(self.numbers.give());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::scan;
    use std::fmt::Write as _;

    /// A file of several parts, with comments at every place they can stand.
    fn long() -> String {
        let mut text = String::from("/// The shop.\napp shop {}\n");
        for number in 0..400 {
            let _ = write!(
                text,
                "\n// aside {number}\n/// Serves page {number}.\nservice web-{number} {{ // open\n  \
                 image = \"web:${{tag}}\"\n  replicas = 1 + {number} * 2 // last\n}} // after\n"
            );
        }
        text
    }

    fn without_numbers(file: &File) -> String {
        let shown = format!("{:#?}", (&file.items, &file.comments));
        let numbered = |line: &&str| {
            !line
                .trim()
                .bytes()
                .all(|byte| b"0123456789,".contains(&byte))
        };
        shown
            .lines()
            .filter(numbered)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn shares_make_the_file_that_one_builder_makes() {
        let text = long();
        let scan = scan::scan(FileId(0), &text);
        let parts = scan.parts();
        assert!(parts.len() > 6 && scan.is_clean());
        let of = 3;
        let shares = parts.chunks(parts.len().div_ceil(of)).enumerate();
        let shares = shares.map(|(index, list)| share(FileId(0), &text, &scan, list, (index, of)));
        let joined = join(FileId(0), shares).unwrap();
        let whole = join(FileId(0), [share(FileId(0), &text, &scan, &parts, (0, 1))]).unwrap();
        assert_eq!(without_numbers(&joined), without_numbers(&whole));
        assert!(joined.expressions >= whole.expressions);
    }

    #[test]
    fn numbers_of_shares_are_apart() {
        let mut given: Vec<u32> = Vec::new();
        for index in 0..3 {
            let mut numbers = Numbers::of_share(index, 3);
            given.extend((0..10).map(|_| numbers.give()));
            assert!(given.iter().all(|number| *number < 30));
        }
        given.sort_unstable();
        given.dedup();
        assert_eq!(given.len(), 30);
    }
}
