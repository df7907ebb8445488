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
use std::sync::Arc;

/// What one body says itself, and what it uses.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) label: Label,
    pub(super) head: Span,
    pub(super) attributes: Vec<TreeAttribute>,
    pub(super) blocks: Vec<Inner>,
    pub(super) uses: Vec<Rc<Merged>>,
    attribute_lookup: Lookup,
    block_lookup: Lookup,
}

/// A block within a layer.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) kind: Str,
    pub(super) rule: BlockRule,
    pub(super) layer: Layer,
}

/// What the vocabulary says of a kind of block within another.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockRule {
    pub(super) schema: &'static BlockSchema,
    /// Whether there is at most one.
    single: bool,
    /// Whether its label says which of several kinds it is.
    pub(super) variant: bool,
}

/// A template's body, merged.
#[derive(Debug)]
pub(super) struct Merged {
    pub(super) tree: Tree,
    /// How many properties it has.
    pub(super) size: u64,
}

impl BlockRule {
    /// `None` where the outer block has no such kind.
    pub(super) fn of(outer: &BlockSchema, kind: &str) -> Option<Self> {
        match outer.member(kind)?.shape {
            Shape::Block(schema) => Some(Self {
                schema,
                single: true,
                variant: matches!(schema.label, LabelRule::Variant(_)),
            }),
            Shape::Blocks(schema) => Some(Self {
                schema,
                single: false,
                variant: false,
            }),
            Shape::Attribute(_) | Shape::Entries(_) => None,
        }
    }

    /// The hash of a block of this kind.
    fn hash(self, kind: &str, label: &Label) -> u64 {
        match label {
            Label::Name(name) if !self.single => hash((kind, name)),
            Label::Reference(reference) if !self.single => hash((kind, reference)),
            _ => hash(kind),
        }
    }
}

impl Inner {
    /// Whether this is the block of a kind and label; of a kind, where there is but one.
    fn is(&self, kind: &str, label: &Label) -> bool {
        *self.kind == *kind && (self.rule.single || self.layer.label == *label)
    }
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
    pub(super) fn attribute(&mut self, key: &str) -> Option<usize> {
        attribute(&mut self.attribute_lookup, &self.attributes, key)
    }

    /// The block of this kind and label; of this kind, where there is but one.
    pub(super) fn block(
        &mut self,
        outer: &BlockSchema,
        kind: &str,
        label: &Label,
    ) -> Option<usize> {
        self.block_lookup.position(
            &self.blocks,
            || BlockRule::of(outer, kind).map_or(0, |rule| rule.hash(kind, label)),
            |inner| inner.rule.hash(&inner.kind, &inner.layer.label),
            |inner| inner.is(kind, label),
        )
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
        let attributes = self.attributes_over(&mut layer, below, schema);
        let blocks = self.blocks_over(&mut layer, below, schema);
        Tree {
            label: layer.label,
            head: layer.head,
            attributes,
            blocks,
        }
    }

    fn attributes_over(
        &mut self,
        layer: &mut Layer,
        below: &[&Tree],
        schema: &'static BlockSchema,
    ) -> Vec<TreeAttribute> {
        let is_set = |attribute: &TreeAttribute| !matches!(attribute.value.value, Value::None);
        // What unsets nothing of a template's takes away something of an object's.
        let stays = |own: &TreeAttribute| schema.kind == "patch" || is_set(own);
        if below.is_empty() {
            let mut own = std::mem::take(&mut layer.attributes);
            own.retain(stays);
            return own;
        }
        let capacity: usize = below.iter().map(|tree| tree.attributes.len()).sum();
        let mut merged: Vec<TreeAttribute> = Vec::with_capacity(capacity + layer.attributes.len());
        let mut lookup = Lookup::default();
        let mut taken = vec![false; layer.attributes.len()];
        for (depth, tree) in below.iter().enumerate() {
            for one in &tree.attributes {
                if let Some(own) = layer.attribute(&one.key) {
                    // In the place of the template's.
                    let first = taken
                        .get_mut(own)
                        .is_some_and(|taken| !std::mem::replace(taken, true));
                    let own = layer.attributes.get(own).filter(|_| first);
                    merged.extend(own.filter(|own| is_set(own)).cloned());
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
        let rest = own.filter(|(own, taken)| !taken && stays(own));
        merged.extend(rest.map(|(own, _)| own));
        merged
    }

    fn blocks_over(
        &mut self,
        layer: &mut Layer,
        below: &[&Tree],
        schema: &'static BlockSchema,
    ) -> Vec<(Str, Arc<Tree>)> {
        let capacity: usize = below.iter().map(|tree| tree.blocks.len()).sum();
        let mut merged: Vec<(Str, Arc<Tree>)> = Vec::with_capacity(capacity + layer.blocks.len());
        let mut done = Lookup::default();
        // The body's own block of each block of each template, before they are taken one by one.
        let mut places = Vec::with_capacity(capacity);
        for (kind, block) in below.iter().flat_map(|tree| &tree.blocks) {
            places.push(layer.block(schema, kind, &block.label));
        }
        let mut own: Vec<Option<Inner>> = layer.blocks.drain(..).map(Some).collect();
        let mut places = places.into_iter();
        for (depth, tree) in below.iter().enumerate() {
            let later = below.get(depth + 1..).unwrap_or_default();
            for ((kind, block), place) in tree.blocks.iter().zip(&mut places) {
                let mine = place.and_then(|place| own.get_mut(place)?.take());
                let tree = match mine {
                    // An earlier template's block took it in.
                    None if place.is_some() => continue,
                    None if below.len() == 1 => Arc::clone(block),
                    Some(mine) => {
                        let same = same_blocks(mine.rule, kind, block, later);
                        Arc::new(self.own_block(mine, &same))
                    }
                    None => {
                        let Some(rule) = BlockRule::of(schema, kind) else {
                            continue;
                        };
                        if depth > 0 && is_done(&mut done, &merged, schema, rule, kind, block) {
                            continue;
                        }
                        let same = same_blocks(rule, kind, block, later);
                        self.shared_block(block, &same, rule, kind)
                    }
                };
                merged.push((kind.clone(), tree));
            }
        }
        for inner in own.into_iter().flatten() {
            let tree = self.over(inner.layer, &[], inner.rule.schema);
            merged.push((inner.kind, Arc::new(tree)));
        }
        merged
    }

    /// A body's own block over those of the templates; another variant replaces.
    fn own_block(&mut self, mine: Inner, same: &[&Tree]) -> Tree {
        let kept = |tree: &&&Tree| !mine.rule.variant || tree.label == mine.layer.label;
        let same: Vec<&Tree> = same.iter().filter(kept).copied().collect();
        self.over(mine.layer, &same, mine.rule.schema)
    }

    /// A block that templates set and the body does not.
    fn shared_block(
        &mut self,
        first: &Arc<Tree>,
        same: &[&Tree],
        rule: BlockRule,
        kind: &str,
    ) -> Arc<Tree> {
        if let [_] = same {
            return Arc::clone(first);
        }
        let other = same.iter().find(|tree| tree.label != first.label);
        if let Some(other) = other.filter(|_| rule.variant) {
            self.report::<()>(variants(kind, first.head, other.head, self.merging));
            return Arc::clone(first);
        }
        let layer = Layer::new(first.label.clone(), first.head);
        Arc::new(self.over(layer, same, rule.schema))
    }
}

/// Whether an earlier template had a block of this identity.
fn is_done(
    done: &mut Lookup,
    merged: &[(Str, Arc<Tree>)],
    outer: &BlockSchema,
    rule: BlockRule,
    kind: &str,
    block: &Tree,
) -> bool {
    let position = done.position(
        merged,
        || rule.hash(kind, &block.label),
        |(kind, tree)| BlockRule::of(outer, kind).map_or(0, |rule| rule.hash(kind, &tree.label)),
        |(known, tree)| **known == *kind && (rule.single || tree.label == block.label),
    );
    position.is_some()
}

/// The blocks of one identity: this one and those of later trees.
fn same_blocks<'a>(
    rule: BlockRule,
    kind: &str,
    block: &'a Tree,
    later: &[&'a Tree],
) -> Vec<&'a Tree> {
    let mut same = vec![block];
    for tree in later {
        let found = tree
            .blocks
            .iter()
            .find(|(known, tree)| **known == *kind && (rule.single || tree.label == block.label));
        same.extend(found.map(|(_, block)| &**block));
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
