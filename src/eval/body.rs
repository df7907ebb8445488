//! Bodies: loops unrolled, conditions decided, templates used, labels evaluated.

use super::evaluator::{Evaluator, Scope};
use super::merge::{BlockRule, Inner, Layer, Merged};
use super::operators::compare;
use super::shown::shown;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::resolve::DefinitionKind;
use crate::source::{FileId, Span, Spanned, Str};
use crate::syntax::ast;
use crate::syntax::ast::Item;
use crate::types::Value;
use crate::vocabulary::{Block, BlockSchema, Gateway, Label, Patch, Tree, TreeAttribute};
use std::rc::Rc;

/// How much of a service's body is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    All,
    /// The number of the port asked for.
    Ports,
    /// Within a port: its number, if it is the one asked for.
    Number,
    /// Of a config: the key asked for.
    Data,
    /// Within `data`: the key asked for.
    Key,
}

impl<'a> Evaluator<'a> {
    /// What a resource's body says, merged.
    pub(super) fn resource_tree(&mut self, index: usize, part: Part) -> Option<Tree> {
        let resource = self.resources.get(index)?;
        let (block, schema) = (resource.block, resource.schema);
        let (label, mut scope) = (resource.label.clone(), resource.scope.clone());
        let mut layer = Layer::new(label, block.head());
        let around = std::mem::replace(&mut self.instance, scope.instance.clone());
        let tree = match &block.body {
            Some(body) => self
                .body(body, &mut scope, &mut layer, schema, part)
                .and_then(|()| self.merged(layer, schema)),
            None => self.merged(layer, schema),
        };
        self.instance = around;
        tree
    }

    /// The items of a body, into a layer. `None` where evaluation stopped.
    fn body(
        &mut self,
        body: &'a ast::Body,
        scope: &mut Scope<'a>,
        layer: &mut Layer,
        schema: &'static BlockSchema,
        part: Part,
    ) -> Option<()> {
        for item in &body.items {
            match item {
                Item::Attribute(it) if !matches!(part, Part::Ports | Part::Data) => {
                    self.attribute(it, scope, layer, schema, part);
                }
                Item::Block(it) if part == Part::All => {
                    self.block(it, scope, layer, schema, part)?;
                }
                Item::Block(it) if part == Part::Ports && &*it.kind.text == "port" => {
                    self.block(it, scope, layer, schema, Part::Number)?;
                }
                Item::Block(it) if part == Part::Data && &*it.kind.text == "data" => {
                    self.block(it, scope, layer, schema, Part::Key)?;
                }
                Item::Use(it) if part != Part::Number => {
                    let used = self.used(it, scope, part);
                    layer.uses.extend(used);
                }
                Item::For(it) => {
                    let second = it.second.as_ref();
                    self.each(&it.over, &it.first, second, scope, &mut |this, scope| {
                        this.body(&it.body, scope, layer, schema, part)
                    });
                }
                Item::If(it) => {
                    if let Some(taken) = self.taken(it, scope) {
                        self.body(taken, scope, layer, schema, part)?;
                    }
                }
                Item::Assert(it) if part == Part::All => self.assertion(it, scope),
                _ => {}
            }
            if self.stopped() {
                return None;
            }
        }
        Some(())
    }

    /// The body whose condition holds.
    pub(super) fn taken(
        &mut self,
        choice: &'a ast::If,
        scope: &mut Scope<'a>,
    ) -> Option<&'a ast::Body> {
        for (condition, body) in &choice.branches {
            if self.condition(condition, scope)? {
                return Some(body);
            }
        }
        choice.otherwise.as_ref()
    }

    fn attribute(
        &mut self,
        attribute: &'a ast::Attribute,
        scope: &mut Scope<'a>,
        layer: &mut Layer,
        schema: &'static BlockSchema,
        part: Part,
    ) -> Option<()> {
        let key = if schema.kind == Patch::SCHEMA.kind {
            self.path(&attribute.key, scope)?
        } else {
            self.key(&attribute.key, scope)?
        };
        let wanted = match part {
            Part::Number => &*key == "number",
            Part::Key => self
                .asked_keys
                .last()
                .is_some_and(|(_, asked)| *asked == key),
            Part::All | Part::Ports | Part::Data => true,
        };
        if !wanted {
            return None;
        }
        let Some(value) = self.expression(&attribute.value, scope) else {
            self.failed.insert(key);
            return None;
        };
        if let Value::Range(ends) = &value.value
            && compare(&ends.0, &ends.1).is_some_and(std::cmp::Ordering::is_gt)
        {
            return self.report(backwards(&value));
        }
        if let Some(before) = layer.attribute(&key) {
            let before = layer.attributes.get(before)?.key_span;
            return self.report(set_twice(&key, before, attribute.key.span));
        }
        layer.attributes.push(TreeAttribute {
            key,
            key_span: attribute.key.span,
            value,
        });
        Some(())
    }

    fn block(
        &mut self,
        block: &'a ast::Block,
        scope: &mut Scope<'a>,
        layer: &mut Layer,
        schema: &'static BlockSchema,
        part: Part,
    ) -> Option<()> {
        self.spend(1, block.span)?;
        let kind = &block.kind.text;
        // The check has reported a word that means nothing here.
        let Some(rule) = BlockRule::of(schema, kind) else {
            return Some(());
        };
        let Some(label) = self.label(block, rule.schema.label, scope) else {
            return (!self.stopped()).then_some(());
        };
        let known = layer.block(schema, kind, &label);
        let place = match known.and_then(|known| layer.blocks.get_mut(known)) {
            Some(known) if rule.variant && known.layer.label != label => {
                let diagnostic = two_variants(kind, known.layer.head, block.head());
                self.report::<()>(diagnostic);
                return Some(());
            }
            Some(known) => &mut known.layer,
            None => {
                layer.blocks.push(Inner {
                    kind: kind.clone(),
                    rule,
                    layer: Layer::new(label, block.head()),
                });
                &mut layer.blocks.last_mut()?.layer
            }
        };
        let skipped = part == Part::Number
            && self
                .asked_ports
                .last()
                .is_some_and(|(_, asked)| **asked != *place.label.name());
        match &block.body {
            Some(body) if !skipped => self.body(body, scope, place, rule.schema, part),
            _ => Some(()),
        }
    }

    /// A template's body, merged.
    fn used(
        &mut self,
        item: &'a ast::Use,
        scope: &mut Scope<'a>,
        part: Part,
    ) -> Option<Rc<Merged>> {
        let (file, index) = self.template(&item.path, scope.file)?;
        let Some(Item::Template(template)) = self.item_at(file, index) else {
            return None;
        };
        let plain = item.arguments.is_empty() && part == Part::All;
        if plain && let Some(known) = self.templates.get(&(file, index)) {
            return known.clone();
        }
        self.enter(item.span)?;
        let types = self.types_of(file, index, &template.parameters);
        let parameters = (&*template.parameters, &*types);
        let name = &template.name;
        let merged = self
            .bound(file, parameters, &item.arguments, scope, name, item.span)
            .and_then(|mut inner| {
                let mut layer = Layer::new(Label::None, template.name.span);
                self.body(
                    &template.body,
                    &mut inner,
                    &mut layer,
                    &Gateway::SCHEMA,
                    part,
                )?;
                self.merged(layer, &Gateway::SCHEMA)
            })
            .map(|tree| Rc::new(Merged::new(tree)));
        self.leave();
        if plain {
            self.templates.insert((file, index), merged.clone());
        }
        merged
    }

    /// The template or component that a path names.
    pub(super) fn template(&self, path: &ast::Path, from: FileId) -> Option<(FileId, usize)> {
        let (last, modules) = path.parts.split_last()?;
        let file = self.follow(modules, from)?;
        match self.definition(file, &last.text)?.kind {
            DefinitionKind::Item(index) => Some((file, index)),
            _ => None,
        }
    }

    /// The module that a path of imports leads to.
    pub(super) fn follow(&self, modules: &[ast::Name], from: FileId) -> Option<FileId> {
        modules.iter().try_fold(from, |file, name| {
            match self.definition(file, &name.text)?.kind {
                DefinitionKind::Import(file) => Some(file),
                _ => None,
            }
        })
    }
}

fn set_twice(key: &Str, before: Span, at: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::DUPLICATE_ATTRIBUTE,
        format!("`{key}` is set twice in one body"),
        at,
    );
    if before == at {
        return diagnostic
            .labelled("set again by the next turn of the loop")
            .help("compute its key from the loop's variable, or set it once outside the loop");
    }
    diagnostic.and(before, "set first here")
}

fn two_variants(kind: &str, before: Span, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::DUPLICATE_ATTRIBUTE,
        format!("one body has two `{kind}` blocks of different kinds"),
        at,
    )
    .and(before, "the first")
}

fn backwards(value: &Spanned<Value>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::BACKWARDS_RANGE,
        format!("the range {} ends before it begins", shown(&value.value)),
        value.span,
    )
    .help("write the smaller end first")
}
