//! Bodies held against the vocabulary: which attributes, blocks and statements stand where.

use super::fit::words_of;
use super::{Asked, Checker, Role, Signature, place};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::{
    BLOCK_OR_ATTRIBUTE, DOTTED_KEY, DUPLICATE_ATTRIBUTE, MISPLACED_ITEM, MISUSED_NAME, UNKNOWN_NAME,
};
use crate::resolve::{Binding, Place, UNREAD, resolve_path};
use crate::source::Span;
use crate::syntax::ast::{Attribute, Block, Body, For, If, Item, Key, KeyPart, Use};
use crate::types::{IntRange, Ty};
use crate::vocabulary::{Block as _, BlockSchema, Member, Patch, Shape};
use rustc_hash::FxHashMap;
use std::sync::Arc;

impl Checker<'_> {
    /// A body of a block of this schema; `kind` is the word that opened it.
    pub(super) fn body(&mut self, body: &Body, schema: &'static BlockSchema, kind: &'static str) {
        let mut seen = Seen::default();
        for item in &body.items {
            match item {
                Item::Attribute(attribute) => {
                    self.attribute(attribute, schema, kind, &mut seen);
                }
                Item::Block(block) => self.block(block, schema, kind, &mut seen),
                Item::Use(item) if is_service(schema) => self.use_template(item),
                Item::For(item) => self.for_loop(item, |checker| {
                    checker.body(&item.body, schema, kind);
                }),
                Item::If(item) => self.if_branches(item, &mut |checker, body| {
                    checker.body(body, schema, kind);
                }),
                Item::Assert(assert) => self.assertion(assert),
                Item::Broken(_) => {}
                other => {
                    if let Some(found) = misplaced(other, &format!("in the body of `{kind}`")) {
                        self.report(found);
                    }
                }
            }
        }
    }

    /// Does something for the body of a loop, with its variables known.
    pub(super) fn for_loop(&mut self, item: &For, inside: impl FnOnce(&mut Self)) {
        let locals = self.loop_variables(&item.over, &item.first, item.second.as_ref());
        self.with_locals(locals, inside);
    }

    /// Does something for each body of a condition, with what the condition says known.
    pub(super) fn if_branches(&mut self, item: &If, inside: &mut dyn FnMut(&mut Self, &Body)) {
        let depth = self.present.len();
        for (condition, body) in &item.branches {
            self.condition(condition);
            let before = self.present.len();
            self.assume(condition, true);
            inside(self, body);
            self.present.truncate(before);
            self.assume(condition, false);
        }
        if let Some(body) = &item.otherwise {
            inside(self, body);
        }
        self.present.truncate(depth);
    }

    /// The value of an attribute that has no place is not looked at: its words may have been
    /// members of the place that was meant.
    fn attribute<'b>(
        &mut self,
        attribute: &'b Attribute,
        schema: &'static BlockSchema,
        kind: &'static str,
        seen: &mut Seen<'b>,
    ) {
        if schema.kind == Patch::SCHEMA.kind {
            self.patch_key(&attribute.key);
        } else if !self.plain_key(&attribute.key) {
            return;
        } else if let [KeyPart::Text(text)] = attribute.key.parts.as_slice() {
            self.known_text(text, "a key");
        }
        let key = attribute.key.as_text();
        if let Some(key) = key
            && let Some(first) = seen.add(key, "", attribute.key.span)
        {
            self.report(twice(key, first, attribute.key.span));
        }
        let member = match (schema.open(), key) {
            (Some(open), _) => Some(open),
            (None, Some(key)) => schema.member(key),
            (None, None) => None,
        };
        match member.map(|member| (member, member.shape)) {
            Some((member, Shape::Attribute(ty))) => {
                self.attribute_value(attribute, kind, member, ty);
            }
            Some((_, Shape::Entries(ty))) => self.entry_value(attribute, ty),
            Some((_, Shape::Block(inner))) => {
                self.report(block_as_attribute(attribute, inner, false));
            }
            Some((_, Shape::Blocks(inner))) => {
                self.report(block_as_attribute(attribute, inner, true));
            }
            None => {
                let word = key.unwrap_or_default();
                let found = self.unknown_attribute(word, attribute.key.span, schema, kind);
                self.report(found);
            }
        }
    }

    fn block<'b>(
        &mut self,
        block: &'b Block,
        schema: &'static BlockSchema,
        kind: &'static str,
        seen: &mut Seen<'b>,
    ) {
        let word = &*block.kind.text;
        let member = if schema.open().is_some() {
            None
        } else {
            schema.member(word)
        };
        let Some(member) = member else {
            let found = self.unknown_block(block, schema, kind);
            self.report(found);
            return;
        };
        match member.shape {
            Shape::Attribute(ty) | Shape::Entries(ty) => {
                self.report(attribute_as_block(block, &ty()));
            }
            Shape::Block(inner) => {
                if let Some(first) = seen.add(word, "", block.head()) {
                    self.report(twice(word, first, block.head()));
                }
                self.inner_block(block, inner, member);
            }
            Shape::Blocks(inner) => {
                if let Some(label) = label_text(block)
                    && let Some(first) = seen.add(word, label, block.head())
                {
                    let name = format!("{word} {label}");
                    self.report(twice(&name, first, block.head()));
                }
                self.inner_block(block, inner, member);
            }
        }
    }

    fn inner_block(&mut self, block: &Block, inner: &'static BlockSchema, member: &'static Member) {
        if !self.label(block, inner, member.name) {
            return;
        }
        if let Some(body) = &block.body {
            self.body(body, inner, member.name);
        }
        if member.name == "allow" {
            self.reason(block);
        }
    }

    /// Whether a key is one word or one string; reported where it is not.
    pub(super) fn plain_key(&mut self, key: &Key) -> bool {
        let plain = matches!(key.parts.as_slice(), [KeyPart::Name(_) | KeyPart::Text(_)]);
        if !plain {
            let found = dotted(key, self.source(key.span));
            self.report(found);
        }
        plain
    }

    /// A path of a patch.
    fn patch_key(&mut self, key: &Key) {
        for part in &key.parts {
            match part {
                KeyPart::Name(_) => {}
                KeyPart::Text(text) => self.known_text(text, "a key"),
                KeyPart::Index(index) => {
                    let ty = Ty::either([Ty::Int(IntRange::NATURAL), Ty::TEXT]);
                    self.expect(index, &ty, Asked::by(Role::Rule("a path")));
                }
            }
        }
    }

    /// `use NAME(args)` in the body of a service.
    fn use_template(&mut self, item: &Use) {
        let signature = self.used(item);
        let is_template = signature.is_some();
        match signature {
            Some(signature) => self.arguments(&signature, &item.arguments, item.span),
            None => {
                for argument in &item.arguments {
                    self.infer(&argument.value);
                }
            }
        }
        if let Some(alias) = item.alias.as_ref().filter(|_| is_template) {
            let found = Diagnostic::new(
                &MISPLACED_ITEM,
                "a template that is used in a body has no name there",
                alias.span(),
            )
            .help(format!("leave `as {}` out", self.source(alias.span())));
            self.report(found);
        }
    }

    fn used(&mut self, item: &Use) -> Option<Arc<Signature>> {
        let target = resolve_path(self.program, Place::top(self.file), &item.path);
        let whole = target.used == item.path.parts.len();
        match target.binding {
            Binding::Item(file, index) if whole => match self.program.item(file, index) {
                Some(Item::Template(_)) => return self.signatures.get(&(file, index)).cloned(),
                Some(Item::Component(_)) => {
                    self.component_in_body(item);
                    return None;
                }
                _ => {}
            },
            Binding::Import(UNREAD) => return None,
            Binding::Unbound | Binding::Import(_) => {
                self.unknown_template(item);
                return None;
            }
            _ => {}
        }
        let message = format!("`{}` is not a template", item.path);
        self.report(
            Diagnostic::new(&MISUSED_NAME, message, item.path.span)
                .help("`use` takes a template: `template NAME(…) { … }` at the top level"),
        );
        None
    }

    fn unknown_template(&mut self, item: &Use) {
        let name = item.path.parts.last().map_or("", |part| &*part.text);
        if self.program.unread_words.contains(name) {
            return;
        }
        let alias = item
            .path
            .parts
            .first()
            .filter(|_| item.path.parts.len() > 1);
        let module = alias
            .and_then(|alias| self.program.definition(self.file, &alias.text))
            .and_then(|definition| match definition.kind {
                crate::resolve::DefinitionKind::Import(module) => Some(module),
                _ => None,
            });
        let file = module.unwrap_or(self.file);
        let items = self.program.module(file).map(|module| &module.file.items);
        let templates = items.into_iter().flatten().filter_map(|item| match item {
            Item::Template(template) => Some(&*template.name.text),
            _ => None,
        });
        let near = crate::diagnostics::nearest(name, templates);
        let span = item.path.parts.last().map_or(item.path.span, |it| it.span);
        let diagnostic = Diagnostic::new(
            &UNKNOWN_NAME,
            format!("there is no template `{}`", item.path),
            item.path.span,
        );
        let diagnostic = match near {
            Some(near) => diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(span, near),
            None => diagnostic.help(format!(
                "declare it at the top level: `template {name} {{ … }}`"
            )),
        };
        self.report(diagnostic);
    }
}

/// What stands in a body already: each word with its label and place.
#[derive(Default)]
struct Seen<'b> {
    short: Vec<(&'b str, &'b str, Span)>,
    long: FxHashMap<(&'b str, &'b str), Span>,
}

/// Bodies up to this length are walked; longer ones are hashed.
const SHORT: usize = 24;

impl<'b> Seen<'b> {
    /// Where the same stood before.
    fn add(&mut self, word: &'b str, label: &'b str, at: Span) -> Option<Span> {
        if self.long.is_empty() {
            let same = |(a, b, _): &&(&str, &str, Span)| *a == word && *b == label;
            if let Some((_, _, first)) = self.short.iter().find(same) {
                return Some(*first);
            }
            self.short.push((word, label, at));
            if self.short.len() > SHORT {
                let all = self.short.drain(..);
                self.long = all.map(|(word, label, at)| ((word, label), at)).collect();
            }
            return None;
        }
        let first = *self.long.entry((word, label)).or_insert(at);
        (first != at).then_some(first)
    }
}

/// A label as it was written, where expansion does not change it.
fn label_text(block: &Block) -> Option<&str> {
    block.label.as_ref()?.as_text()
}

/// Whether a body takes what a service's body takes.
fn is_service(schema: &BlockSchema) -> bool {
    matches!(schema.kind, "service" | "gateway")
}

pub(super) fn twice(name: &str, first: Span, second: Span) -> Diagnostic {
    Diagnostic::new(
        &DUPLICATE_ATTRIBUTE,
        format!("`{name}` is set twice in one body"),
        second,
    )
    .labelled("set again here")
    .and(first, "first set here")
    .help("keep one of them")
}

fn dotted(key: &Key, source: &str) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &DOTTED_KEY,
        format!("`{source}` is a path, and a key is one word here"),
        key.span,
    );
    let words: Option<Vec<&str>> = key
        .parts
        .iter()
        .map(|part| match part {
            KeyPart::Name(name) => Some(&*name.text),
            _ => None,
        })
        .collect();
    match words.as_deref() {
        Some([blocks @ .., last]) => {
            let open: Vec<String> = blocks.iter().map(|word| format!("{word} {{ ")).collect();
            let close = " }".repeat(blocks.len());
            diagnostic.help(format!(
                "write blocks, `{}{last} = …{close}`, or quote a key that has dots: `\"{source}\" = …`",
                open.concat()
            ))
        }
        _ => diagnostic.help("only `patch` takes paths"),
    }
}

fn block_as_attribute(attribute: &Attribute, inner: &BlockSchema, many: bool) -> Diagnostic {
    let key = attribute.key.as_text().unwrap_or_default();
    let label = place::label_hint(inner);
    let article = if many { "" } else { ", at most one" };
    Diagnostic::new(
        &BLOCK_OR_ATTRIBUTE,
        format!("`{key}` is a block, not an attribute"),
        attribute.key.span,
    )
    .labelled(format!("a block{article}"))
    .help(format!("write `{key}{label} {{ … }}`"))
}

fn attribute_as_block(block: &Block, ty: &Ty) -> Diagnostic {
    let kind = &block.kind;
    let diagnostic = Diagnostic::new(
        &BLOCK_OR_ATTRIBUTE,
        format!("`{kind}` is an attribute, not a block"),
        block.kind.span,
    );
    match (label_text(block), &block.body) {
        (Some(label), None) if words_of(ty).is_some() => {
            diagnostic.help(format!("write `{kind} = {label}`"))
        }
        (Some(label), None) => diagnostic.help(format!("write `{kind} = \"{label}\"`")),
        _ => diagnostic.help(format!("write `{kind} = …`")),
    }
}

/// A statement where it does not belong; `None` for what is reported elsewhere.
pub(super) fn misplaced(item: &Item, here: &str) -> Option<Diagnostic> {
    let (word, span, belongs) = match item {
        Item::Import(item) => ("import", item.span, "at the top level of a file"),
        Item::Param(item) => ("param", item.name.span, "at the top level of a file"),
        Item::Deploy(item) => ("deploy", item.name.span, "at the top level of a file"),
        Item::Let(item) => ("let", item.name.span, "at the top level of a file"),
        Item::Function(item) => ("fn", item.name.span, "at the top level of a file"),
        Item::Type(item) => ("type", item.name.span, "at the top level of a file"),
        Item::Template(item) => ("template", item.name.span, "at the top level of a file"),
        Item::Component(item) => ("component", item.name.span, "at the top level of a file"),
        Item::Test(item) => ("test", item.name.span, "at the top level of a file"),
        Item::Use(item) => ("use", item.span, "in the body of a service or gateway"),
        Item::Set(item) => ("set", item.key.span, "in a test"),
        Item::Expect(expr) => ("expect", expr.span, "in a test"),
        Item::Attribute(item) => {
            let key = item.key.as_text().unwrap_or("this");
            return Some(
                Diagnostic::new(
                    &MISPLACED_ITEM,
                    format!("`{key}` stands in no block"),
                    item.key.span,
                )
                .help("an attribute belongs in the body of a block; a value of your own is `let NAME = …`"),
            );
        }
        Item::Block(_) | Item::For(_) | Item::If(_) | Item::Assert(_) | Item::Broken(_) => {
            return None;
        }
    };
    Some(
        Diagnostic::new(
            &MISPLACED_ITEM,
            format!("`{word}` does not belong {here}"),
            span,
        )
        .help(format!("it stands {belongs}")),
    )
}
