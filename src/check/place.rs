//! The values of attributes, and the places whose words are local to something: a route's
//! upstreams, a service's ports.

use super::{Asked, Checker, Role, mismatch};
use crate::diagnostics::catalogue::{MISPLACED_ITEM, MISSING_REASON, UNKNOWN_ATTRIBUTE};
use crate::diagnostics::{Diagnostic, nearest};
use crate::resolve::Binding;
use crate::source::{Span, Str};
use crate::syntax::ast::{self, Argument, Attribute, Block, Body, Expr, ExprKind, Item};
use crate::types::Ty;
pub(super) use crate::vocabulary::TOP;
use crate::vocabulary::{BlockSchema, LabelRule, Member, Shape};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The upstreams of a gateway.
pub(super) struct Upstreams {
    names: BTreeSet<Str>,
    /// Whether there are some whose names expansion makes, or that a template brings.
    more: bool,
}

impl Upstreams {
    /// Those of a gateway's body.
    pub(super) fn of(body: Option<&Body>) -> Self {
        let mut upstreams = Self {
            names: BTreeSet::new(),
            more: false,
        };
        if let Some(body) = body {
            upstreams.collect(body);
        }
        upstreams
    }

    fn collect(&mut self, body: &Body) {
        for item in &body.items {
            match item {
                Item::Block(block) if &*block.kind.text == "upstream" => {
                    match block.label.as_ref().and_then(ast::Label::as_text) {
                        Some(label) => {
                            self.names.insert(label.into());
                        }
                        None => self.more = true,
                    }
                }
                Item::For(item) => self.collect(&item.body),
                Item::If(item) => {
                    for (_, body) in &item.branches {
                        self.collect(body);
                    }
                    item.otherwise.iter().for_each(|body| self.collect(body));
                }
                Item::Broken(_) => self.more = true,
                _ => {}
            }
        }
    }
}

impl Checker<'_> {
    /// The type an attribute takes, with `none`, which unsets it.
    fn attribute_type(&mut self, make: fn() -> Ty) -> Ty {
        self.attribute_types
            .entry(make as usize)
            .or_insert_with(|| Ty::Optional(Arc::new(make())))
            .clone()
    }

    /// The value of `key = value`.
    pub(super) fn attribute_value(
        &mut self,
        attribute: &Attribute,
        kind: &str,
        member: &'static Member,
        make: fn() -> Ty,
    ) {
        let ty = self.attribute_type(make);
        let asked = Asked::by(Role::Attribute(member.name, attribute.key.span));
        let value = &attribute.value;
        match (kind, member.name) {
            ("health" | "liveness", "port") => {
                self.local_words(value, &ty, asked, &mut |_, _, bound| {
                    bound != Binding::Local
                });
            }
            ("route", "to") => {
                self.local_words(value, &ty, asked, &mut |checker, word, bound| {
                    checker.gateway.as_ref().is_some_and(|upstreams| {
                        upstreams.names.contains(word)
                            || upstreams.more && bound == Binding::Unbound
                    })
                });
            }
            ("upstream", "balance") => self.balance(value, &ty, asked),
            _ => self.expect(value, &ty, asked),
        }
    }

    /// The value of `ANY_KEY = value`.
    pub(super) fn entry_value(&mut self, attribute: &Attribute, make: fn() -> Ty) {
        let ty = self.attribute_type(make);
        let key = attribute.key.as_text().unwrap_or("this key");
        let asked = Asked::by(Role::Attribute(key, attribute.key.span));
        self.expect(&attribute.value, &ty, asked);
    }

    /// A place where some bare words are names of something near.
    fn local_words(
        &mut self,
        value: &Expr,
        ty: &Ty,
        asked: Asked<'_>,
        is_local: &mut dyn FnMut(&Self, &Str, Binding) -> bool,
    ) {
        match &value.kind {
            ExprKind::If(branches, otherwise) => {
                for (condition, value) in branches {
                    self.condition(condition);
                    self.local_words(value, ty, asked, is_local);
                }
                self.local_words(otherwise, ty, asked, is_local);
            }
            ExprKind::Name(word) => {
                let bound = self.program.binding(self.file, value.id);
                if is_local(self, word, bound) {
                    self.mark_member(value);
                } else {
                    self.expect(value, ty, asked);
                }
            }
            _ => self.expect(value, ty, asked),
        }
    }

    /// `least_conn`, or `hash("$request_uri")`: a string by itself is no balance.
    fn balance(&mut self, value: &Expr, ty: &Ty, asked: Asked<'_>) {
        match &value.kind {
            ExprKind::If(branches, otherwise) => {
                for (condition, value) in branches {
                    self.condition(condition);
                    self.balance(value, ty, asked);
                }
                self.balance(otherwise, ty, asked);
            }
            ExprKind::Call(callee, arguments)
                if self.program.binding(self.file, callee.id) == Binding::Builtin
                    && callee.as_name().is_some_and(|name| &**name == "hash") =>
            {
                self.hash(value, arguments, asked);
            }
            _ => {
                let words = super::fit::words_of(ty).cloned();
                let words = words.map_or(Ty::Any, |words| Ty::Optional(Arc::new(Ty::Words(words))));
                self.expect(value, &words, asked);
            }
        }
    }

    fn hash(&mut self, call: &Expr, arguments: &[Argument], asked: Asked<'_>) {
        if let [Argument { name: None, value }] = arguments {
            self.expect(value, &Ty::TEXT, asked);
        } else {
            // Says how many it takes.
            self.infer(call);
        }
    }

    /// `because` is what makes an `allow` readable a year later.
    pub(super) fn reason(&mut self, block: &Block) {
        let has = |item: &Item| match item {
            Item::Attribute(attribute) => attribute.key.as_text() == Some("because"),
            Item::Broken(_) => true,
            _ => false,
        };
        let body = block.body.as_ref();
        if body.is_none_or(|body| !body.items.iter().any(has)) {
            let head = self.source(block.head()).to_owned();
            self.report(
                Diagnostic::new(&MISSING_REASON, "an `allow` says why", block.head())
                    .help(format!("write `{head} {{ because = \"…\" }}`")),
            );
        }
    }

    /// An attribute that its block does not take.
    pub(super) fn unknown_attribute(
        &self,
        word: &str,
        at: Span,
        schema: &'static BlockSchema,
        kind: &str,
    ) -> Diagnostic {
        self.unknown(word, at, schema, kind, "attribute")
    }

    /// A block that its block does not take.
    pub(super) fn unknown_block(
        &self,
        block: &Block,
        schema: &'static BlockSchema,
        kind: &str,
    ) -> Diagnostic {
        let word = &*block.kind.text;
        if TOP.iter().any(|top| top.kind == word) && places(word, self.top).is_empty() {
            let message = format!("`{word}` does not belong in the body of `{kind}`");
            return Diagnostic::new(&MISPLACED_ITEM, message, block.head())
                .help("it stands at the top level of a file");
        }
        if schema.open().is_some() {
            return Diagnostic::new(
                &UNKNOWN_ATTRIBUTE,
                format!("`{kind}` holds no blocks"),
                block.kind.span,
            )
            .help("write `key = value`; a key may be quoted");
        }
        self.unknown(word, block.kind.span, schema, kind, "block")
    }

    fn unknown(
        &self,
        word: &str,
        at: Span,
        schema: &'static BlockSchema,
        kind: &str,
        what: &str,
    ) -> Diagnostic {
        let diagnostic = Diagnostic::new(
            &UNKNOWN_ATTRIBUTE,
            format!("`{kind}` has no {what} `{word}`"),
            at,
        );
        let taken = || schema.all_members().map(|member| member.name);
        let elsewhere = places(word, self.top);
        if let Some(place) = elsewhere.first() {
            return diagnostic.help(format!("it belongs in {place}"));
        }
        if let Some(near) = nearest(word, taken()) {
            return diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(at, near);
        }
        let listed = taken().map(|name| format!("`{name}`")).collect();
        diagnostic.help(format!("`{kind}` takes {}", mismatch::and_list(listed)))
    }
}

/// The places that take a word, those of this top-level block first, as they are written.
pub(super) fn places(word: &str, top: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (own, others): (Vec<&BlockSchema>, Vec<&BlockSchema>) =
        TOP.iter().partition(|schema| schema.kind == top);
    for schema in own {
        search(schema, word, &mut Vec::new(), &mut found);
    }
    for schema in others {
        search(schema, word, &mut vec![schema.kind], &mut found);
    }
    found
}

fn search(
    schema: &'static BlockSchema,
    word: &str,
    path: &mut Vec<&'static str>,
    found: &mut Vec<String>,
) {
    for member in schema.members {
        if member.name == word && !path.is_empty() {
            let open: Vec<String> = path.iter().map(|word| format!("{word} {{ ")).collect();
            let close = " }".repeat(path.len());
            let written = match member.shape {
                Shape::Attribute(_) | Shape::Entries(_) => format!("{word} = …"),
                Shape::Block(inner) | Shape::Blocks(inner) => {
                    format!("{word}{} {{ … }}", label_hint(inner))
                }
            };
            found.push(format!("`{}{written}{close}`", open.concat()));
        }
        if let Shape::Block(inner) | Shape::Blocks(inner) = member.shape {
            path.push(member.name);
            search(inner, word, path, found);
            path.pop();
        }
    }
}

/// How a block's label is written in an example.
pub(super) fn label_hint(schema: &BlockSchema) -> String {
    match schema.label {
        LabelRule::None => String::new(),
        LabelRule::Name | LabelRule::Resource(_) => " NAME".to_owned(),
        LabelRule::Variant(words) => words
            .first()
            .map_or_else(String::new, |word| format!(" {word}")),
        LabelRule::Text => " \"…\"".to_owned(),
        LabelRule::Port => " SERVICE.PORT".to_owned(),
    }
}
