//! The places of a program where something can be changed.

use super::trial::Change;
use super::{Influence, Owner};
use crate::source::{Span, Spanned, Str};
use crate::types::{Cpu, Duration, Memory, Percent, Piece, Text, Value};
use crate::vocabulary::Tree;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A top-level block, evaluated.
pub(super) struct Resource {
    /// Which one, in the order of evaluation.
    pub(super) index: usize,
    pub(super) kind: String,
    pub(super) tree: Tree,
}

/// A block of a resource, or a value in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) resource: usize,
    /// The way to the block, by position.
    blocks: Vec<usize>,
    /// The attribute, and the way into its value.
    value: Option<(usize, Vec<usize>)>,
}

impl Resource {
    pub(super) fn name(&self) -> &str {
        self.tree.label.name()
    }

    /// Whether it is neither a service nor a gateway: of one name the service is meant.
    pub(super) fn is_beside_services(&self) -> bool {
        !matches!(&*self.kind, "service" | "gateway")
    }

    pub(super) fn owner(&self) -> Owner {
        Owner {
            kind: self.kind.clone(),
            name: self.name().to_owned(),
            span: self.tree.head,
        }
    }

    /// Every attribute, and after it every value inside it.
    pub(super) fn attributes(&self) -> impl Iterator<Item = Place> {
        let mut places = Vec::new();
        self.each_block(|blocks, tree| {
            for (index, attribute) in tree.attributes.iter().enumerate() {
                each_value(&attribute.value.value, &mut Vec::new(), &mut |inside| {
                    places.push(Place {
                        resource: self.index,
                        blocks: blocks.to_vec(),
                        value: Some((index, inside.to_vec())),
                    });
                });
            }
        });
        places.into_iter()
    }

    /// Every block within it.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Place> {
        let mut places = Vec::new();
        self.each_block(|blocks, _| {
            if !blocks.is_empty() {
                places.push(Place::block(self.index, blocks.to_vec()));
            }
        });
        places.into_iter()
    }

    fn each_block(&self, mut each: impl FnMut(&[usize], &Tree)) {
        fn walk(tree: &Tree, way: &mut Vec<usize>, each: &mut dyn FnMut(&[usize], &Tree)) {
            each(way, tree);
            for (index, (_, inner)) in tree.blocks.iter().enumerate() {
                way.push(index);
                walk(inner, way, each);
                way.pop();
            }
        }
        walk(&self.tree, &mut Vec::new(), &mut each);
    }

    /// What a user would call a place.
    pub(super) fn told(&self, place: &Place) -> Option<Influence> {
        let mut tree = &self.tree;
        let mut names: Vec<String> = Vec::new();
        for index in &place.blocks {
            let (kind, inner) = tree.blocks.get(*index)?;
            names.push(match inner.label.name() {
                "" => kind.to_string(),
                label => format!("{kind} {label}"),
            });
            tree = inner;
        }
        let (span, value) = match &place.value {
            None => (tree.head, tree.head),
            Some((index, inside)) => {
                let attribute = tree.attributes.get(*index)?;
                names.push(attribute.key.to_string());
                (attribute.key_span, span_in(&attribute.value, inside))
            }
        };
        Some(Influence {
            property: names.join("."),
            owner: self.owner(),
            span,
            value,
        })
    }
}

impl Place {
    pub(super) fn block(resource: usize, blocks: Vec<usize>) -> Self {
        Self {
            resource,
            blocks,
            value: None,
        }
    }

    /// How many blocks it is in, itself among them.
    pub(super) fn depth(&self) -> usize {
        self.blocks.len()
    }

    /// Changes what stands here. Says whether the resource itself stays.
    pub(super) fn change(&self, tree: &mut Tree, change: Change) -> bool {
        let (last, way) = match (self.blocks.split_last(), &self.value) {
            (None, None) => return false,
            (Some((last, way)), None) => (Some(*last), way),
            (_, Some(_)) => (None, self.blocks.as_slice()),
        };
        let mut tree = tree;
        for index in way {
            match tree.blocks.get_mut(*index) {
                Some((_, inner)) => tree = Arc::make_mut(inner),
                None => return true,
            }
        }
        if let Some(last) = last {
            if last < tree.blocks.len() {
                tree.blocks.remove(last);
            }
        } else if let Some((index, inside)) = &self.value
            && let Some(attribute) = tree.attributes.get_mut(*index)
        {
            alter(&mut attribute.value.value, inside, change);
        }
        true
    }
}

fn each_value(value: &Value, way: &mut Vec<usize>, each: &mut dyn FnMut(&[usize])) {
    each(way);
    let mut inner = |index: usize, value: &Value| {
        way.push(index);
        each_value(value, way, each);
        way.pop();
    };
    match value {
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                inner(index, &item.value);
            }
        }
        Value::Record(fields) => {
            for (index, (_, field)) in fields.iter().enumerate() {
                inner(index, &field.value);
            }
        }
        _ => {}
    }
}

fn span_in(value: &Spanned<Value>, inside: &[usize]) -> Span {
    let Some((first, rest)) = inside.split_first() else {
        return value.span;
    };
    let inner = match &value.value {
        Value::List(items) => items.get(*first),
        Value::Record(fields) => fields.get(*first).map(|(_, field)| field),
        _ => None,
    };
    inner.map_or(value.span, |inner| span_in(inner, rest))
}

fn alter(value: &mut Value, inside: &[usize], change: Change) {
    let Some((first, rest)) = inside.split_first() else {
        *value = match change {
            Change::Gone => Value::None,
            Change::Other => other(value),
        };
        return;
    };
    let goes = rest.is_empty() && change == Change::Gone;
    match value {
        Value::List(items) => {
            let items = Arc::make_mut(items);
            if goes && *first < items.len() {
                items.remove(*first);
            } else if let Some(item) = items.get_mut(*first) {
                alter(&mut item.value, rest, change);
            }
        }
        Value::Record(fields) => {
            let fields = Arc::make_mut(fields);
            if goes && *first < fields.len() {
                fields.remove(*first);
            } else if let Some((_, field)) = fields.get_mut(*first) {
                alter(&mut field.value, rest, change);
            }
        }
        _ => {}
    }
}

/// Another value of the same kind; none where there is no such thing. One that its property does
/// not take is as good as none.
fn other(value: &Value) -> Value {
    match value {
        Value::Bool(it) => Value::Bool(!it),
        Value::Int(it) => Value::Int(it.checked_add(1).unwrap_or(0)),
        Value::Float(it) => Value::Float(it + 1.0),
        Value::Duration(it) => Value::Duration(it.plus(Duration::from_seconds(1))),
        Value::Memory(it) => Value::Memory(Memory {
            bytes: it.bytes.saturating_add(1 << 20),
        }),
        Value::Cpu(it) => Value::Cpu(Cpu {
            millis: it.millis.saturating_add(100),
        }),
        Value::Percent(it) => Value::Percent(Percent {
            thousandths: it.thousandths.saturating_add(1000),
        }),
        Value::Ip(it) => Value::Ip(Ipv4Addr::from(u32::from(*it).wrapping_add(1))),
        Value::Text(Text::Known(it)) => Value::Text(Text::Known(Str::from(format!("{it}x")))),
        Value::Text(Text::Pieces(pieces)) => {
            let mut pieces = pieces.clone();
            pieces.push(Piece::Literal(Str::from("x")));
            Value::Text(Text::Pieces(pieces))
        }
        Value::Range(ends) => Value::Range(Arc::new((other(&ends.0), other(&ends.1)))),
        _ => Value::None,
    }
}
