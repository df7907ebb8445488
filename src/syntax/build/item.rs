//! Bodies, attributes, blocks, and the doc comments above them.

use super::{Builder, Rule};
use crate::source::Span;
use crate::syntax::ast::{
    Attribute, Block, Body, Expr, ExprKind, Item, Key, KeyPart, Label, Name, Path,
};
use crate::syntax::explain;
use pest::iterators::{Pair, Pairs};

impl<'i> Builder<'i> {
    /// The items of a part of a file, or of a body.
    pub(super) fn items(&mut self, holder: Pair<'i, Rule>, items: &mut Vec<Item>) {
        let inner = holder.into_inner();
        if items.is_empty() {
            items.reserve_exact(inner.len());
        }
        for pair in inner {
            if pair.as_rule() == Rule::EOI {
                continue;
            }
            let span = self.span(&pair);
            let item = if pair.as_rule() == Rule::broken {
                self.unread(&pair, Rule::lone_item)
            } else {
                self.item(pair).unwrap_or(Item::Broken(span))
            };
            match (items.last_mut(), &item) {
                (Some(Item::Broken(last)), Item::Broken(_)) if self.gave_up() => {
                    *last = last.to(span);
                }
                _ => items.push(item),
            }
            self.docs.pass(span.end);
        }
    }

    /// A body, braces included.
    pub(super) fn body(&mut self, pair: Pair<'i, Rule>) -> Body {
        let span = self.span(&pair);
        self.docs.pass(span.start);
        let mut items = Vec::new();
        self.items(pair, &mut items);
        Body { items, span }
    }

    fn item(&mut self, pair: Pair<'i, Rule>) -> Option<Item> {
        if pair.as_rule() == Rule::entry {
            self.entry(pair)
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
        let doc = self.docs.above(self.original, span.start);
        let kind = self.name(&first);
        if let Some(diagnostic) = explain::no_kind(&kind) {
            self.diagnostics.push(diagnostic);
            return Some(Item::Broken(span));
        }
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
}

/// The first pair of a rule among the rest; the others stay.
pub(super) fn take<'i>(
    pairs: &mut std::iter::Peekable<Pairs<'i, Rule>>,
    rule: Rule,
) -> Option<Pair<'i, Rule>> {
    pairs.next_if(|pair| pair.as_rule() == rule)
}
