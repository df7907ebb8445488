//! What a component's body makes.

use crate::resolve::resource_kind;
use crate::source::Span;
use crate::syntax::ast::{Block, Body, Item, Label, Use};

/// A resource of a component, or an instance in it.
pub(super) struct Part {
    /// Where its name stands.
    pub(super) name: Span,
    /// `service`, or `of watch` for an instance of a component `watch`.
    pub(super) kind: String,
    /// The ports it writes itself, each with where its number stands.
    pub(super) ports: Vec<(String, Option<Span>)>,
}

/// The parts of a body, in the order written, those in loops and conditions too.
pub(super) fn of(body: &Body) -> Vec<Part> {
    let mut parts = Vec::new();
    collect(body, &mut parts);
    parts
}

fn collect(body: &Body, parts: &mut Vec<Part>) {
    for item in &body.items {
        match item {
            Item::Block(block) if resource_kind(&block.kind.text).is_some() => {
                parts.extend(resource(block));
            }
            Item::Use(item) => parts.extend(instance(item)),
            Item::For(item) => collect(&item.body, parts),
            Item::If(item) => {
                for (_, body) in &item.branches {
                    collect(body, parts);
                }
                item.otherwise.iter().for_each(|body| collect(body, parts));
            }
            _ => {}
        }
    }
}

fn resource(block: &Block) -> Option<Part> {
    let mut ports = Vec::new();
    for item in block.body.iter().flat_map(|body| &body.items) {
        if let Item::Block(port) = item
            && &*port.kind.text == "port"
            && let Some(name) = port.label.as_ref().and_then(Label::as_text)
        {
            ports.push((name.to_owned(), number(port)));
        }
    }
    Some(Part {
        name: block.label.as_ref()?.span(),
        kind: block.kind.to_string(),
        ports,
    })
}

fn number(port: &Block) -> Option<Span> {
    let mut items = port.body.iter().flat_map(|body| &body.items);
    items.find_map(|item| match item {
        Item::Attribute(attribute) if attribute.key.as_text() == Some("number") => {
            Some(attribute.value.span)
        }
        _ => None,
    })
}

fn instance(item: &Use) -> Option<Part> {
    Some(Part {
        name: item.alias.as_ref()?.span(),
        kind: format!("an instance of `{}`", item.path),
        ports: Vec::new(),
    })
}
