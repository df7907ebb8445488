//! One body rewritten: items taken out and put in, with its layout and its comments as they are.

use crate::diagnostics::Replacement;
use crate::source::Span;
use crate::syntax::ast::{Body, Comment, Item};

/// Takes these items out of a body and puts others in, in the way the body is written.
pub(super) fn rewritten(
    (text, comments): (&str, &[Comment]),
    body: &Body,
    out: &[Span],
    put: &[String],
) -> Vec<Replacement> {
    let page = Page {
        text,
        comments,
        body,
    };
    let goes = |item: &Item| out.contains(&item.span());
    let stays = body.items.iter().any(|item| !goes(item));
    let bare = !page.inside().contains(['\n', '/']);
    if !stays && bare {
        return page.filled(put);
    }
    let mut edits: Vec<Replacement> = Vec::new();
    // What comes goes in the place of the last item, where that goes: its line ends with it.
    let place = body.items.last().filter(|last| goes(last));
    let place = place.filter(|_| !put.is_empty());
    for (index, item) in body.items.iter().enumerate() {
        if goes(item) && place.is_some_and(|place| place.span() == item.span()) {
            let before = index.checked_sub(1).and_then(|at| body.items.get(at));
            edits.push(page.exchanged(item, before, put));
        } else if let Some(line) = page.whole_line(index, &goes)
            && place.is_none_or(|place| !page.shares_line(item, place))
        {
            // A line that goes as a whole goes once.
            if line.end == item.span().end {
                edits.push(page.taken(line, None, None));
            }
        } else if goes(item) {
            let before = index.checked_sub(1).and_then(|at| body.items.get(at));
            let kept = body.items.iter().take(index).rev();
            let kept = kept
                .take_while(|other| page.shares_line(other, item))
                .any(|other| !goes(other));
            let after = body.items.get(index + 1);
            let after = after.filter(|after| page.shares_line(item, after));
            edits.push(page.taken(item.span(), before.filter(|_| kept), after));
        }
    }
    if place.is_none() {
        edits.extend(page.put(put));
    }
    edits
}

/// Another value in the place of one; a comment after it stays where it is, if there is room.
pub(super) fn replaced(text: &str, old: Span, new: &str) -> Replacement {
    let rest = text.get(old.end as usize..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start_matches(' ').len();
    let aligned = blanks > 1
        && rest
            .get(blanks..)
            .is_some_and(|rest| rest.starts_with("//"));
    let was = (old.end - old.start) as usize;
    let (longer, shorter) = (new.len().saturating_sub(was), was.saturating_sub(new.len()));
    let (end, text) = if aligned && longer < blanks {
        (
            old.end + small(longer),
            format!("{new}{}", " ".repeat(shorter)),
        )
    } else {
        (old.end, new.to_owned())
    };
    Replacement {
        span: Span { end, ..old },
        text,
    }
}

/// A block that has no body gets one.
pub(super) fn made(end: Span, put: &[String]) -> Vec<Replacement> {
    if put.is_empty() {
        return Vec::new();
    }
    vec![Replacement {
        span: Span {
            start: end.end,
            ..end
        },
        text: format!(" {}", braced(put)),
    }]
}

/// `{ a = 1, b = 2 }`
pub(super) fn braced(items: &[String]) -> String {
    if items.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{ {} }}", items.join(", "))
    }
}

struct Page<'a> {
    text: &'a str,
    comments: &'a [Comment],
    body: &'a Body,
}

impl Page<'_> {
    fn slice(&self, from: u32, to: u32) -> &str {
        self.text
            .get(from as usize..to as usize)
            .unwrap_or_default()
    }

    fn span(&self, start: u32, end: u32) -> Span {
        Span {
            file: self.body.span.file,
            start,
            end,
        }
    }

    /// What is between the braces.
    fn inside(&self) -> &str {
        self.slice(self.open(), self.close())
    }

    /// After the first brace.
    fn open(&self) -> u32 {
        self.body.span.start + 1
    }

    /// Before the last one.
    fn close(&self) -> u32 {
        self.body.span.end.saturating_sub(1)
    }

    fn shares_line(&self, first: &Item, second: &Item) -> bool {
        !self
            .slice(first.span().end, second.span().start)
            .contains('\n')
    }

    /// The body on one line with these items alone.
    fn filled(&self, put: &[String]) -> Vec<Replacement> {
        vec![Replacement {
            span: self.body.span,
            text: braced(put),
        }]
    }

    /// All items on the line of one, from the first to the last, where every one of them goes.
    fn whole_line(&self, index: usize, goes: &impl Fn(&Item) -> bool) -> Option<Span> {
        let items = &self.body.items;
        let item = items.get(index)?;
        let shares = |other: &&Item| {
            let is_before = other.span().start < item.span().start;
            let (first, second) = if is_before {
                (*other, item)
            } else {
                (item, *other)
            };
            self.shares_line(first, second)
        };
        let mut line = items.iter().filter(shares);
        let mut all = line.clone();
        let (first, last) = (line.next()?.span(), all.clone().next_back()?.span());
        all.all(goes).then(|| self.span(first.start, last.end))
    }

    /// What goes is gone: with its line where it has that alone, else with what separates it.
    fn taken(&self, it: Span, kept: Option<&Item>, after: Option<&Item>) -> Replacement {
        let comments = self.comments_in(it);
        if !comments.is_empty() {
            return Replacement {
                span: it,
                text: comments,
            };
        }
        let (start, end) = if let Some(before) = kept {
            (before.span().end, it.end)
        } else if let Some(after) = after {
            (it.start, after.span().start)
        } else {
            self.line_of(it)
        };
        Replacement {
            span: self.span(start, end),
            text: String::new(),
        }
    }

    /// Others in the place of an item, on its line where it shares that, else on a line each.
    fn exchanged(&self, item: &Item, before: Option<&Item>, put: &[String]) -> Replacement {
        let it = item.span();
        let comments = self.comments_in(it);
        let lines = format!("{}{}", self.line_end(), self.indent(it.start));
        let shares = before.is_some_and(|before| self.shares_line(before, item));
        let own = put.join(if shares { ", " } else { &lines });
        Replacement {
            span: it,
            text: if comments.is_empty() {
                own
            } else {
                format!("{comments}{lines}{own}")
            },
        }
    }

    /// The comments in an item, a line for each: they stay when it goes.
    fn comments_in(&self, it: Span) -> String {
        let inside =
            |comment: &&Comment| it.start <= comment.span.start && comment.span.end <= it.end;
        let texts = self.comments.iter().filter(inside);
        let texts: Vec<&str> = texts
            .map(|comment| self.slice(comment.span.start, comment.span.end).trim_end())
            .collect();
        texts.join(&format!("{}{}", self.line_end(), self.indent(it.start)))
    }

    /// The line that an item has alone; without it where a comment stays there, or a brace.
    fn line_of(&self, it: Span) -> (u32, u32) {
        let before = self.slice(0, it.start);
        let indent = before.len() - before.trim_end_matches([' ', '\t']).len();
        let line_start = it.start.saturating_sub(small(indent));
        let begins = line_start == 0
            || before
                .get(..line_start as usize)
                .is_some_and(|text| text.ends_with('\n'));
        let rest = self.slice(it.end, small(self.text.len()));
        let line_end = rest.find('\n').map_or(rest.len(), |end| end + 1);
        let tail = rest.get(..line_end).unwrap_or_default();
        let blank = tail.trim_matches([' ', '\t', ',', '\r', '\n']).is_empty();
        if begins && blank && tail.ends_with('\n') {
            return (line_start, it.end + small(line_end));
        }
        let separator = tail.len() - tail.trim_start_matches([' ', '\t', ',']).len();
        (it.start, it.end + small(separator))
    }

    /// More items, in the way of the last one.
    fn put(&self, items: &[String]) -> Vec<Replacement> {
        if items.is_empty() {
            return Vec::new();
        }
        let (at, text) = match self.body.items.last() {
            Some(last) => {
                let end = last.span().end;
                let rest = self.slice(end, self.close());
                match rest.find('\n') {
                    None => (end, format!(", {}", items.join(", "))),
                    Some(line) => {
                        let line = rest.get(..line).unwrap_or_default().trim_end_matches('\r');
                        (end + small(line.len()), self.lines(items, last))
                    }
                }
            }
            None => (self.open(), self.first_lines(items)),
        };
        vec![Replacement {
            span: self.span(at, at),
            text,
        }]
    }

    /// A line for each, as the last item has one.
    fn lines(&self, items: &[String], last: &Item) -> String {
        let indent = self.indent(last.span().start);
        let column = self.column(last);
        let lines = items
            .iter()
            .map(|item| format!("{}{indent}{}", self.line_end(), aligned(item, column)));
        lines.collect()
    }

    /// A line for each, where there are comments alone.
    fn first_lines(&self, items: &[String]) -> String {
        let indent = format!("{}  ", self.indent(self.body.span.start));
        let lines = items
            .iter()
            .map(|item| format!("{}{indent}{item}", self.line_end()));
        lines.collect()
    }

    fn line_end(&self) -> &'static str {
        if self.inside().contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        }
    }

    /// What a line begins with.
    fn indent(&self, at: u32) -> &str {
        let before = self.slice(0, at);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text.get(start..).unwrap_or_default();
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        line.get(..blank).unwrap_or_default()
    }

    /// Where `=` stands in a last line that is aligned with others.
    fn column(&self, last: &Item) -> Option<usize> {
        let (column, blanks) = self.equals(last)?;
        let before = self.body.items.iter().rev().nth(1);
        let same = before
            .filter(|before| !self.shares_line(before, last))
            .and_then(|before| self.equals(before))
            .is_some_and(|(other, _)| other == column);
        (blanks > 1 || same).then_some(column)
    }

    /// Where `=` stands after the key of an attribute, and how many blanks are before it.
    fn equals(&self, item: &Item) -> Option<(usize, usize)> {
        let Item::Attribute(it) = item else {
            return None;
        };
        let key = self.slice(it.key.span.start, it.key.span.end);
        let blanks = self.slice(it.key.span.end, it.value.span.start).find('=')?;
        Some((key.chars().count() + blanks, blanks))
    }
}

/// `delay = 1m` with its `=` at a column, where the key leaves room.
fn aligned(item: &str, column: Option<usize>) -> String {
    let parts = item
        .split_once(" = ")
        .filter(|(key, _)| !key.contains(['{', ' ']));
    match (column, parts) {
        (Some(column), Some((key, value))) if key.chars().count() < column => {
            format!("{key:column$}= {value}")
        }
        _ => item.to_owned(),
    }
}

fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
