//! Symbolic values where the number or text behind them is needed: ports of services and keys of
//! configs, evaluated on demand.

use super::body::Part;
use super::evaluator::{Evaluator, Memo};
use crate::diagnostics::{Diagnostic, catalogue, nearest};
use crate::source::{Span, Spanned, Str};
use crate::types::{Piece, PortPart, Reference, ResourceKind, Text, Ty, Value};
use crate::vocabulary::{BlockSchema, Shape, Tree};
use std::rc::Rc;
use std::sync::Arc;

impl Evaluator<'_> {
    /// The value behind a whole `svc.port.number` or `config.key`; any other value is itself.
    pub(super) fn forced(&mut self, value: Spanned<Value>) -> Option<Spanned<Value>> {
        match &value.value {
            Value::Text(Text::Pieces(pieces)) => match pieces.as_slice() {
                [
                    Piece::Port {
                        service,
                        port,
                        part: PortPart::Number,
                    },
                ] => {
                    let number = self.port_number(service, port, value.span)?;
                    Some(Spanned::new(Value::Int(number), value.span))
                }
                _ => Some(value),
            },
            Value::Reference(Reference::ConfigKey(config, key)) => {
                let found = self.config_key(config, key, value.span)?;
                Some(Spanned::new(found.value, value.span))
            }
            _ => Some(value),
        }
    }

    /// The value of a key of a config.
    pub(super) fn config_key(
        &mut self,
        config: &Str,
        key: &Str,
        at: Span,
    ) -> Option<Spanned<Value>> {
        let Some(index) = self.resources.find(ResourceKind::Config, config) else {
            let near = nearest(config, self.resources.names());
            let diagnostic = super::names::unknown_name(config, near, at);
            return self.report(diagnostic);
        };
        // A key may use another of its own config, which is being evaluated then.
        if matches!(self.configs.get(&index), Some(Memo::Running)) {
            return self.key_alone(index, config, key, at);
        }
        let tree = self.config_tree(index, at)?;
        let broken = self.broken_configs.contains(&index);
        let value = self.key_in(&tree, broken, config, key, at)?;
        self.enter(at)?;
        let value = self.forced(value);
        self.leave();
        value
    }

    /// A key, in the tree of its config. A `broken` one, of which something was reported, may lack
    /// keys that were written.
    fn key_in(
        &mut self,
        tree: &Tree,
        broken: bool,
        config: &str,
        key: &Str,
        at: Span,
    ) -> Option<Spanned<Value>> {
        let data = tree.blocks.iter().find(|(kind, _)| &**kind == "data");
        let attributes = data.map_or(&[][..], |(_, data)| &data.attributes);
        self.spend_items(attributes.len() / 8, at)?;
        let found = attributes.iter().find(|attribute| attribute.key == *key);
        if found.is_none() && !broken {
            let known: Vec<&str> = attributes.iter().map(|known| &*known.key).collect();
            return self.report(no_key(config, key, &known, tree.head, at));
        }
        found.map(|found| found.value.clone())
    }

    /// A key, evaluated apart from the rest of its config. What is wrong in it is reported with
    /// the whole config.
    fn key_alone(
        &mut self,
        index: usize,
        config: &Str,
        key: &Str,
        at: Span,
    ) -> Option<Spanned<Value>> {
        if let Some(known) = self.keys.get(&(index, key.clone())) {
            return known.clone();
        }
        let asked = (config.clone(), key.clone());
        if self.asked_keys.contains(&asked) {
            return self.circle(&format!("{config}.{key}"), at);
        }
        self.enter(at)?;
        self.asked_keys.push(asked);
        let (found, circles) = (self.found.len(), self.circles.len());
        let tree = self.resource_tree(index, Part::Data);
        let broken = self.found.len() > found || self.circles.len() > circles;
        self.found.truncate(found);
        let value = tree
            .and_then(|tree| self.key_in(&tree, broken, config, key, at))
            .and_then(|value| self.forced(value));
        self.asked_keys.pop();
        self.leave();
        self.keys.insert((index, key.clone()), value.clone());
        value
    }

    /// A config, evaluated once.
    pub(super) fn config_tree(&mut self, index: usize, at: Span) -> Option<Rc<Tree>> {
        match self.configs.get(&index) {
            Some(Memo::Done(tree)) => return tree.clone(),
            Some(Memo::Running) => {
                let name = self.resources.name(index);
                return self.circle(&name, at);
            }
            None => {}
        }
        self.enter(at)?;
        self.configs.insert(index, Memo::Running);
        let (found, circles) = (self.found.len(), self.circles.len());
        let tree = self.resource_tree(index, Part::All).map(Rc::new);
        if self.found.len() > found || self.circles.len() > circles {
            self.broken_configs.insert(index);
        }
        self.configs.insert(index, Memo::Done(tree.clone()));
        self.leave();
        tree
    }

    /// Takes down that a value depends on itself.
    fn circle<T>(&mut self, what: &str, at: Span) -> Option<T> {
        if self.circles.len() < super::budget::ERRORS {
            self.circles.push(circular(what, at));
        }
        None
    }

    /// The number of a service's port, evaluated apart from all else, so that a service may use its
    /// own. What is wrong in it is reported with the whole service.
    pub(super) fn port_number(&mut self, service: &Str, port: &Str, at: Span) -> Option<i64> {
        let Some(index) = self.resources.find(ResourceKind::Service, service) else {
            let near = nearest(service, self.resources.names());
            let diagnostic = super::names::unknown_name(service, near, at);
            return self.report(diagnostic);
        };
        if let Some(known) = self.numbers.get(&(index, port.clone())) {
            return *known;
        }
        let asked = (service.clone(), port.clone());
        if self.asked_ports.contains(&asked) {
            return self.circle(&format!("{service}.{port}.number"), at);
        }
        self.enter(at)?;
        self.asked_ports.push(asked);
        let found = self.found.len();
        let tree = self.resource_tree(index, Part::Ports);
        self.found.truncate(found);
        let number = tree.and_then(|tree| self.number_in(&tree, service, port, at));
        self.asked_ports.pop();
        self.leave();
        self.numbers.insert((index, port.clone()), number);
        number
    }

    /// The number of a port, in the tree of its service.
    fn number_in(&mut self, tree: &Tree, service: &str, port: &Str, at: Span) -> Option<i64> {
        let blocks = || tree.blocks.iter().map(|(_, block)| &**block);
        let Some(block) = blocks().find(|block| block.label.name() == &**port) else {
            let known: Vec<&str> = blocks().map(|block| block.label.name()).collect();
            return self.report(no_port(service, port, &known, tree.head, at));
        };
        let number = block.attributes.iter().find(|it| &*it.key == "number");
        if number.is_none() && self.failed.contains("number") {
            return None;
        }
        let Some(number) = number else {
            return self.report(no_number(service, port, block.head, at));
        };
        match self.forced(number.value.clone())?.value {
            Value::Int(number) => Some(number),
            _ => self.report(no_number(service, port, block.head, at)),
        }
    }

    /// Puts numbers and texts in place of symbolic values where the vocabulary takes only these.
    pub(super) fn settle_tree(&mut self, tree: &mut Tree, schema: &'static BlockSchema) {
        if !self.symbolic {
            return;
        }
        // A target may refer to a config's key instead of copying it, in `env` alone.
        let keeps_keys = schema.kind == "env";
        for attribute in &mut tree.attributes {
            let value = &mut attribute.value;
            match &value.value {
                Value::Reference(Reference::ConfigKey(..)) if keeps_keys => {}
                Value::Text(Text::Pieces(_)) | Value::Reference(_) | Value::List(_) => {
                    let ty = match schema.member(&attribute.key).map(|member| member.shape) {
                        Some(Shape::Attribute(ty)) => ty(),
                        _ => schema.open().map_or(Ty::Any, |open| match open.shape {
                            Shape::Entries(ty) => ty(),
                            _ => Ty::Any,
                        }),
                    };
                    let span = value.span;
                    *value = self
                        .settled_for(value.clone(), &ty)
                        .unwrap_or(Spanned::new(Value::None, span));
                }
                _ => {}
            }
        }
        for (kind, block) in &mut tree.blocks {
            let shape = schema.member(kind).map(|member| member.shape);
            let Some(Shape::Block(schema) | Shape::Blocks(schema)) = shape else {
                continue;
            };
            if is_symbolic(block) {
                self.settle_tree(Arc::make_mut(block), schema);
            }
        }
    }

    /// A value as a place of a type takes it. Config keys are their texts; a port's number is an
    /// int where no text is taken.
    pub(super) fn settled_for(&mut self, value: Spanned<Value>, ty: &Ty) -> Option<Spanned<Value>> {
        match &value.value {
            Value::Reference(Reference::ConfigKey(config, key)) => {
                let found = self.config_key(config, key, value.span)?;
                Some(Spanned::new(found.value, value.span))
            }
            Value::Text(Text::Pieces(_)) if takes_int(ty) => self.forced(value),
            Value::List(items) => {
                let item_type = match ty {
                    Ty::List(item, _) => item,
                    _ => ty,
                };
                let symbolic = |item: &Spanned<Value>| {
                    matches!(
                        &item.value,
                        Value::Reference(Reference::ConfigKey(..)) | Value::Text(Text::Pieces(_))
                    )
                };
                if !items.iter().any(symbolic) {
                    return Some(value);
                }
                let mut settled = Vec::with_capacity(items.len());
                for item in items.iter() {
                    settled.push(self.settled_for(item.clone(), item_type)?);
                }
                Some(Spanned::new(Value::List(settled.into()), value.span))
            }
            _ => Some(value),
        }
    }
}

/// Whether something in a block may be symbolic.
fn is_symbolic(tree: &Tree) -> bool {
    let mut values = tree
        .attributes
        .iter()
        .map(|attribute| &attribute.value.value);
    values.any(|value| match value {
        Value::Text(Text::Pieces(_)) | Value::Reference(_) => true,
        Value::List(items) => items.iter().any(|item| {
            matches!(
                item.value,
                Value::Text(Text::Pieces(_)) | Value::Reference(_)
            )
        }),
        _ => false,
    }) || tree.blocks.iter().any(|(_, block)| is_symbolic(block))
}

/// Whether a place takes whole numbers and no text.
fn takes_int(ty: &Ty) -> bool {
    match ty {
        Ty::Int(_) => true,
        Ty::Deploy(inner) | Ty::Optional(inner) | Ty::Range(inner) => takes_int(inner),
        Ty::Either(types) => types.iter().all(|ty| !takes_text(ty)) && types.iter().any(takes_int),
        _ => false,
    }
}

fn takes_text(ty: &Ty) -> bool {
    match ty {
        Ty::Text(_) | Ty::Image | Ty::Path | Ty::Url => true,
        Ty::Deploy(inner) | Ty::Optional(inner) => takes_text(inner),
        _ => false,
    }
}

fn circular(what: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::CIRCULAR_VALUE,
        format!("`{what}` depends on itself"),
        at,
    )
    .help("write one of the values out, or give both a common `let`")
}

fn no_key(config: &str, key: &str, known: &[&str], declared: Span, at: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::UNKNOWN_REFERENCE,
        format!("config `{config}` has no key `{key}`"),
        at,
    )
    .and(declared, "the config");
    match nearest(key, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

fn no_port(service: &str, port: &str, known: &[&str], declared: Span, at: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::UNKNOWN_REFERENCE,
        format!("`{service}` has no port `{port}`"),
        at,
    )
    .and(declared, "the service");
    match nearest(port, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

fn no_number(service: &str, port: &str, declared: Span, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::KNOWN_TOO_LATE,
        format!("port `{port}` of `{service}` has no number that is known while building"),
        at,
    )
    .and(declared, "the port")
    .help("write its `number`, or use it inside a string")
}
