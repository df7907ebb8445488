//! Bodies, attributes, blocks, and the doc comments above them.

use super::{Builder, Rule};
use crate::source::{Span, Str};
use crate::syntax::ast::{
    Attribute, Block, Body, Expr, ExprKind, Item, Key, KeyPart, Label, Name, Path,
};
use pest::iterators::{Pair, Pairs};

impl<'i> Builder<'i> {
    /// The items of a file or a body.
    pub(super) fn items(&mut self, holder: Pair<'i, Rule>) -> Vec<Item> {
        let inner = holder.into_inner();
        let mut items = Vec::with_capacity(inner.len());
        for pair in inner {
            if pair.as_rule() == Rule::EOI {
                continue;
            }
            let span = self.span(&pair);
            let item = match self.item(pair) {
                Some(item) => item,
                None => self.unread(span),
            };
            items.push(item);
            self.pass_comments(span.end);
        }
        items
    }

    /// A body, braces included.
    pub(super) fn body(&mut self, pair: Pair<'i, Rule>) -> Body {
        let span = self.span(&pair);
        self.pass_comments(span.start);
        let items = self.items(pair);
        Body { items, span }
    }

    fn item(&mut self, pair: Pair<'i, Rule>) -> Option<Item> {
        if pair.as_rule() == Rule::entry {
            self.entry(pair)
        } else if pair.as_rule() == Rule::broken {
            Some(self.unread(self.span(&pair)))
        } else {
            self.statement(pair)
        }
    }

    fn entry(&mut self, pair: Pair<'i, Rule>) -> Option<Item> {
        let span = self.span(&pair);
        let mut inner = pair.into_inner().peekable();
        let first = inner.next()?;
        let second = inner.peek()?.as_rule();
        if second != Rule::label && second != Rule::body {
            return Some(Item::Attribute(self.attribute_parts(first, inner, span)?));
        }
        let doc = self.doc_above(span.start);
        let kind = self.name(&first);
        let mut label = None;
        let mut body = None;
        for pair in inner {
            if pair.as_rule() == Rule::label {
                label = Some(self.label(pair)?);
            } else {
                body = Some(self.body(pair));
            }
        }
        Some(Item::Block(Block {
            kind,
            label,
            body,
            doc,
            span,
        }))
    }

    /// `key = value`, of a record or a `set`.
    pub(super) fn attribute(&mut self, pair: Pair<'i, Rule>) -> Option<Attribute> {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let first = inner.next()?;
        self.attribute_parts(first, inner, span)
    }

    fn attribute_parts(
        &mut self,
        first: Pair<'i, Rule>,
        rest: impl Iterator<Item = Pair<'i, Rule>>,
        span: Span,
    ) -> Option<Attribute> {
        let mut key_span = self.span(&first);
        let mut parts = Vec::with_capacity(1);
        parts.push(self.key_part(first)?);
        for pair in rest {
            match pair.as_rule() {
                Rule::equals => {}
                Rule::expression => {
                    let value = self.operators(pair)?;
                    let key = Key {
                        parts,
                        span: key_span,
                    };
                    return Some(Attribute { key, value, span });
                }
                _ => {
                    key_span = key_span.to(self.span(&pair));
                    parts.push(self.key_part(pair)?);
                }
            }
        }
        None
    }

    fn key_part(&mut self, pair: Pair<'i, Rule>) -> Option<KeyPart> {
        Some(match pair.as_rule() {
            Rule::name => KeyPart::Name(self.name(&pair)),
            Rule::index => KeyPart::Index(self.operators(pair.into_inner().next()?)?),
            _ => KeyPart::Text(self.string(pair)),
        })
    }

    fn label(&mut self, pair: Pair<'i, Rule>) -> Option<Label> {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let first = inner.next()?;
        if first.as_rule() != Rule::name {
            return Some(Label::Text(self.string(first)));
        }
        let mut parts = vec![self.name(&first)];
        let mut rest = inner.peekable();
        while let Some(field) = rest.next_if(|pair| pair.as_rule() == Rule::field) {
            parts.push(self.name(&field.into_inner().next()?));
        }
        if rest.peek().is_none() {
            return Some(Label::Path(Path { parts, span }));
        }
        let base = self.reference_to(parts)?;
        Some(Label::Reference(self.postfixes(base, &mut rest)?))
    }

    /// `a.b.c` as an expression.
    fn reference_to(&mut self, parts: Vec<Name>) -> Option<Expr> {
        let mut parts = parts.into_iter();
        let first = parts.next()?;
        let mut base = self.expression(first.span, ExprKind::Name(first.text));
        for part in parts {
            let span = base.span.to(part.span);
            base = self.expression(span, ExprKind::Field(Box::new(base), part));
        }
        Some(base)
    }

    /// Comments before `offset` document nothing that is still to come.
    pub(super) fn pass_comments(&mut self, offset: u32) {
        while self
            .comments
            .get(self.next_comment)
            .is_some_and(|comment| comment.span.start < offset)
        {
            self.next_comment += 1;
        }
    }

    /// The `///` lines between the last item and this one, joined; they leave the comments.
    pub(super) fn doc_above(&mut self, offset: u32) -> Option<Str> {
        let first = self.next_comment;
        self.pass_comments(offset);
        let text = self.text;
        let mut doc: Option<String> = None;
        let mut kept = first;
        for index in first..self.next_comment {
            let comment = self.comments.get(index)?.clone();
            let line = comment.span.start as usize..comment.span.end as usize;
            let line = text.get(line).and_then(doc_line);
            match line.filter(|_| !comment.trailing) {
                Some(line) => match &mut doc {
                    Some(doc) => {
                        doc.push('\n');
                        doc.push_str(line);
                    }
                    None => doc = Some(line.to_owned()),
                },
                None => {
                    self.comments.swap(kept, index);
                    kept += 1;
                }
            }
        }
        self.comments.drain(kept..self.next_comment);
        self.next_comment = kept;
        doc.map(Str::from)
    }
}

/// What a `///` line says; `////` is no doc comment.
fn doc_line(comment: &str) -> Option<&str> {
    let text = comment.strip_prefix("///")?;
    let text = text.strip_suffix('\r').unwrap_or(text);
    (!text.starts_with('/')).then(|| text.strip_prefix(' ').unwrap_or(text))
}

/// The first pair of a rule among the rest; the others stay.
pub(super) fn take<'i>(
    pairs: &mut std::iter::Peekable<Pairs<'i, Rule>>,
    rule: Rule,
) -> Option<Pair<'i, Rule>> {
    pairs.next_if(|pair| pair.as_rule() == rule)
}
