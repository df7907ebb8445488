//! Merging: what a body says over what it uses.
//!
//! A body beats the templates it uses; two templates that set one attribute differently conflict
//! unless the body sets it. Maps merge by key, lists replace, blocks merge by kind and label, and
//! another variant replaces.

use super::evaluator::Evaluator;
use super::lookup::{Lookup, hash};
use super::operators::equal;
use super::shown::shown;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::{Span, Str};
use crate::types::Value;
use crate::vocabulary::{BlockSchema, Label, LabelRule, Shape, Tree, TreeAttribute};
use std::rc::Rc;

/// What one body says itself, and what it uses.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) label: Label,
    pub(super) head: Span,
    pub(super) attributes: Vec<TreeAttribute>,
    pub(super) blocks: Vec<(Str, Layer)>,
    pub(super) uses: Vec<Rc<Merged>>,
    attribute_lookup: Lookup,
    block_lookup: Lookup,
}

/// A template's body, merged.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) tree: Tree,
    /// How many properties it has.
    pub(super) size: u64,
}

impl Layer {
    pub(super) fn new(label: Label, head: Span) -> Self {
        Self {
            label,
            head,
            attributes: Vec::new(),
            blocks: Vec::new(),
            uses: Vec::new(),
            attribute_lookup: Lookup::default(),
            block_lookup: Lookup::default(),
        }
    }

    /// The attribute of this key.
    pub(super) fn attribute(&mut self, key: &Str) -> Option<usize> {
        attribute(&mut self.attribute_lookup, &self.attributes, key)
    }

    /// The block of this kind and label; of this kind, where there is but one.
    pub(super) fn block(
        &mut self,
        schema: &'static BlockSchema,
        kind: &str,
        label: &Label,
    ) -> Option<usize> {
        Identity::of(schema, kind, label).position(&mut self.block_lookup, &self.blocks)
    }
}

fn attribute(lookup: &mut Lookup, attributes: &[TreeAttribute], key: &str) -> Option<usize> {
    lookup.position(
        attributes,
        || hash(key),
        |attribute| hash(&*attribute.key),
        |attribute| &*attribute.key == key,
    )
}

impl Merged {
    pub(super) fn new(tree: Tree) -> Self {
        let size = size(&tree);
        Self { tree, size }
    }
}

fn size(tree: &Tree) -> u64 {
    let own = u64::try_from(tree.attributes.len()).unwrap_or(u64::MAX);
    tree.blocks.iter().fold(own, |sum, (_, block)| {
        sum.saturating_add(size(block)).saturating_add(1)
    })
}

/// What tells blocks apart: their kind, and their label where there may be several.
struct Identity<'a> {
    schema: &'static BlockSchema,
    kind: &'a str,
    label: &'a Label,
    single: bool,
}

impl<'a> Identity<'a> {
    fn of(schema: &'static BlockSchema, kind: &'a str, label: &'a Label) -> Self {
        let shape = schema.member(kind).map(|member| member.shape);
        Self {
            schema,
            kind,
            label,
            single: matches!(shape, Some(Shape::Block(_))),
        }
    }

    fn is(&self, kind: &str, label: &Label) -> bool {
        self.kind == kind && (self.single || self.label == label)
    }

    fn hash(&self) -> u64 {
        match self.label {
            Label::Name(name) if !self.single => hash((self.kind, name)),
            Label::Reference(reference) if !self.single => hash((self.kind, reference)),
            _ => hash(self.kind),
        }
    }

    fn position(&self, lookup: &mut Lookup, blocks: &[(Str, impl Labelled)]) -> Option<usize> {
        lookup.position(
            blocks,
            || self.hash(),
            |(kind, block)| Identity::of(self.schema, kind, block.label()).hash(),
            |(kind, block)| self.is(kind, block.label()),
        )
    }
}

/// What has a label.
trait Labelled {
    fn label(&self) -> &Label;
}

impl Labelled for Layer {
    fn label(&self) -> &Label {
        &self.label
    }
}

impl Labelled for Tree {
    fn label(&self) -> &Label {
        &self.label
    }
}

/// Whether blocks of this kind are variants, of which a body has one.
pub(super) fn is_variant(schema: &BlockSchema, kind: &str) -> bool {
    match schema.member(kind).map(|member| member.shape) {
        Some(Shape::Block(block)) => matches!(block.label, LabelRule::Variant(_)),
        _ => false,
    }
}

/// The schema of a block within another.
pub(super) fn inner(schema: &BlockSchema, kind: &str) -> Option<&'static BlockSchema> {
    match schema.member(kind)?.shape {
        Shape::Block(block) | Shape::Blocks(block) => Some(block),
        Shape::Attribute(_) | Shape::Entries(_) => None,
    }
}

impl Evaluator<'_> {
    /// A body over the templates it uses.
    pub(super) fn merged(
        &mut self,
        mut layer: Layer,
        schema: &'static BlockSchema,
    ) -> Option<Tree> {
        let uses = std::mem::take(&mut layer.uses);
        let below: Vec<&Tree> = uses.iter().map(|merged| &merged.tree).collect();
        self.merging = layer.head;
        for merged in &uses {
            self.spend(merged.size, layer.head)?;
        }
        Some(self.over(layer, &below, schema))
    }

    /// A layer over trees.
    fn over(&mut self, mut layer: Layer, below: &[&Tree], schema: &'static BlockSchema) -> Tree {
        if below.is_empty() {
            return self.alone(layer, schema);
        }
        let attributes = self.attributes_over(&mut layer, below);
        let blocks = self.blocks_over(&mut layer, below, schema);
        Tree {
            label: layer.label,
            head: layer.head,
            attributes,
            blocks,
        }
    }

    /// A layer over nothing.
    fn alone(&mut self, layer: Layer, schema: &'static BlockSchema) -> Tree {
        let mut attributes = layer.attributes;
        attributes.retain(|attribute| attribute.value.value != Value::None);
        let mut blocks = Vec::with_capacity(layer.blocks.len());
        for (kind, block) in layer.blocks {
            let Some(schema) = inner(schema, &kind) else {
                continue;
            };
            let block = self.over(block, &[], schema);
            blocks.push((kind, block));
        }
        Tree {
            label: layer.label,
            head: layer.head,
            attributes,
            blocks,
        }
    }

    fn attributes_over(&mut self, layer: &mut Layer, below: &[&Tree]) -> Vec<TreeAttribute> {
        let capacity = below
            .iter()
            .map(|tree| tree.attributes.len())
            .sum::<usize>();
        let mut merged: Vec<TreeAttribute> = Vec::with_capacity(capacity + layer.attributes.len());
        let mut lookup = Lookup::default();
        let mut taken = vec![false; layer.attributes.len()];
        for (depth, tree) in below.iter().enumerate() {
            for one in &tree.attributes {
                let own = layer.attribute(&one.key);
                if let Some(own) = own {
                    let first = taken
                        .get_mut(own)
                        .is_some_and(|taken| !std::mem::replace(taken, true));
                    let own = layer.attributes.get(own).filter(|_| first);
                    merged.extend(own.filter(|own| own.value.value != Value::None).cloned());
                    continue;
                }
                let before = if depth == 0 {
                    None
                } else {
                    attribute(&mut lookup, &merged, &one.key)
                };
                match before.and_then(|before| merged.get(before)) {
                    None => merged.push(one.clone()),
                    Some(before) if equal(&before.value.value, &one.value.value) => {}
                    Some(before) => {
                        let diagnostic = conflict(before, one, self.merging);
                        self.report::<()>(diagnostic);
                    }
                }
            }
        }
        let own = layer.attributes.drain(..).zip(taken);
        let rest = own.filter(|(own, taken)| !taken && own.value.value != Value::None);
        merged.extend(rest.map(|(own, _)| own));
        merged
    }

    fn blocks_over(
        &mut self,
        layer: &mut Layer,
        below: &[&Tree],
        schema: &'static BlockSchema,
    ) -> Vec<(Str, Tree)> {
        let capacity = below.iter().map(|tree| tree.blocks.len()).sum::<usize>();
        let mut merged: Vec<(Str, Tree)> = Vec::with_capacity(capacity + layer.blocks.len());
        let mut done = Lookup::default();
        let mut own: Vec<Option<Layer>> = Vec::new();
        let mut positions: Vec<Vec<Option<usize>>> = Vec::with_capacity(below.len());
        for tree in below {
            let found = tree.blocks.iter();
            let found = found.map(|(kind, block)| layer.block(schema, kind, &block.label));
            positions.push(found.collect());
        }
        let kinds: Vec<Str> = layer.blocks.iter().map(|(kind, _)| kind.clone()).collect();
        own.extend(layer.blocks.drain(..).map(|(_, block)| Some(block)));
        for (depth, (tree, positions)) in below.iter().zip(positions).enumerate() {
            for ((kind, block), position) in tree.blocks.iter().zip(positions) {
                let identity = Identity::of(schema, kind, &block.label);
                let is_done = depth > 0 && identity.position(&mut done, &merged).is_some();
                let mine = position.and_then(|position| own.get_mut(position)?.take());
                if is_done || (position.is_some() && mine.is_none()) {
                    continue;
                }
                let Some(inner) = inner(schema, kind) else {
                    continue;
                };
                let rest = below.get(depth + 1..).unwrap_or_default();
                let same = same_blocks(schema, kind, block, rest);
                let tree = self.block_over(mine, block, &same, schema, inner, kind);
                merged.push((kind.clone(), tree));
            }
        }
        for (kind, block) in kinds.into_iter().zip(own) {
            if let (Some(block), Some(inner)) = (block, inner(schema, &kind)) {
                let tree = self.over(block, &[], inner);
                merged.push((kind, tree));
            }
        }
        merged
    }

    /// One block: a body's own, if it has one, over those of the templates.
    fn block_over(
        &mut self,
        mine: Option<Layer>,
        first: &Tree,
        same: &[&Tree],
        outer: &'static BlockSchema,
        schema: &'static BlockSchema,
        kind: &str,
    ) -> Tree {
        let variant = is_variant(outer, kind);
        if let Some(mine) = mine {
            let same: Vec<&Tree> = same
                .iter()
                .copied()
                .filter(|tree| !variant || tree.label == mine.label)
                .collect();
            return self.over(mine, &same, schema);
        }
        if let [only] = same {
            return Tree::clone(only);
        }
        let (label, head) = (first.label.clone(), first.head);
        if let Some(other) = same.iter().find(|tree| variant && tree.label != label) {
            self.report::<()>(variants(kind, head, other.head, self.merging));
            return Tree::clone(first);
        }
        self.over(Layer::new(label, head), same, schema)
    }
}

/// The blocks of one identity: this one and those of later trees.
fn same_blocks<'a>(
    schema: &'static BlockSchema,
    kind: &str,
    block: &'a Tree,
    later: &[&'a Tree],
) -> Vec<&'a Tree> {
    let identity = Identity::of(schema, kind, &block.label);
    let mut same = vec![block];
    for tree in later {
        let found = tree
            .blocks
            .iter()
            .find(|(kind, block)| identity.is(kind, &block.label));
        same.extend(found.map(|(_, block)| block));
    }
    same
}

fn conflict(first: &TreeAttribute, second: &TreeAttribute, body: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::CONFLICTING_TEMPLATES,
        format!("two templates set `{}` differently", first.key),
        body,
    )
    .labelled("used here")
    .and(
        first.key_span,
        format!("one sets it to {}", shown(&first.value.value)),
    )
    .and(
        second.key_span,
        format!("the other to {}", shown(&second.value.value)),
    )
    .help(format!("set `{}` in the body that uses both", first.key))
}

fn variants(kind: &str, first: Span, second: Span, body: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::CONFLICTING_TEMPLATES,
        format!("two templates set `{kind}` differently"),
        body,
    )
    .labelled("used here")
    .and(first, "one has this")
    .and(second, "the other this")
    .help(format!(
        "write the `{kind}` block in the body that uses both"
    ))
}
