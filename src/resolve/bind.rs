//! What each name expression means: locals, then the parts of the component around it, then the
//! file's names, then what the language gives.
//!
//! What is not here: which of those names mean nothing; the check knows its places' own words.

use super::{Binding, Definition, DefinitionKind, Parts, is_builtin, resource_kind};
use crate::parallel;
use crate::source::{Sources, Span, Str};
use crate::syntax::ast::{
    self, Argument, Attribute, Body, Expr, ExprId, ExprKind, Item, KeyPart, Label, Parameter,
    TextPart, TypeExpr, TypeKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a file declares.
#[derive(Clone, Copy)]
pub(super) struct Scopes<'a> {
    /// At its top level.
    pub(super) names: &'a BTreeMap<Str, Definition>,
    /// In its components, by index of item.
    pub(super) components: &'a BTreeMap<usize, Parts>,
}

/// Binds the names of a file; the words of text that could not be read are added to `unread`.
pub(super) fn bind(
    file: &ast::File,
    scopes: Scopes<'_>,
    sources: &Sources,
    unread: &mut BTreeSet<Str>,
) -> Vec<Binding> {
    let shares = parallel::in_shares(&file.items, LEAST_ITEMS, 0, |share| {
        let mut binder = Binder {
            file,
            names: scopes.names,
            parts: None,
            sources,
            unread: BTreeSet::new(),
            locals: Vec::new(),
            bound: Vec::new(),
        };
        for (index, item) in (share.start..).zip(share.list) {
            if let Item::Component(component) = item {
                binder.with_parameters(&component.parameters, |binder| {
                    binder.parts = scopes.components.get(&index);
                    binder.body(&component.body);
                    binder.parts = None;
                });
            } else {
                binder.item(item);
            }
        }
        (binder.bound, binder.unread)
    });
    let mut bindings = vec![Binding::Unbound; file.expressions as usize];
    for (bound, words) in shares {
        for (expr, binding) in bound {
            if let Some(place) = bindings.get_mut(expr.0 as usize) {
                *place = binding;
            }
        }
        unread.extend(words);
    }
    bindings
}

/// A thread more pays where each gets so many items of the top level.
const LEAST_ITEMS: usize = 250;

struct Binder<'a> {
    file: &'a ast::File,
    names: &'a BTreeMap<Str, Definition>,
    /// The names of the component around.
    parts: Option<&'a Parts>,
    sources: &'a Sources,
    unread: BTreeSet<Str>,
    locals: Vec<Str>,
    /// What name expressions mean; where one is told twice, the later counts.
    bound: Vec<(ExprId, Binding)>,
}

impl Binder<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Attribute(attribute) | Item::Set(attribute) => self.attribute(attribute),
            Item::Block(block) => self.block(block),
            Item::Param(param) => {
                self.ty(&param.ty);
                self.optional(param.default.as_ref());
                for assert in &param.asserts {
                    self.expr(&assert.condition);
                    self.expr(&assert.message);
                }
            }
            Item::Deploy(deploy) => {
                self.ty(&deploy.ty);
                self.optional(deploy.default.as_ref());
            }
            Item::Let(item) => {
                if let Some(ty) = &item.ty {
                    self.ty(ty);
                }
                self.expr(&item.value);
            }
            Item::Function(function) => {
                self.ty(&function.result);
                self.with_parameters(&function.parameters, |binder| binder.expr(&function.value));
            }
            Item::Type(alias) => self.ty(&alias.ty),
            Item::Template(template) => {
                self.with_parameters(&template.parameters, |binder| binder.body(&template.body));
            }
            Item::Use(item) => {
                self.arguments(&item.arguments);
                if let Some(Label::Text(name)) = &item.alias {
                    self.expr(name);
                }
            }
            Item::For(item) => {
                self.expr(&item.over);
                self.with_locals(&item.first, item.second.as_ref(), |binder| {
                    binder.body(&item.body);
                });
            }
            Item::If(item) => {
                for (condition, body) in &item.branches {
                    self.expr(condition);
                    self.body(body);
                }
                if let Some(body) = &item.otherwise {
                    self.body(body);
                }
            }
            Item::Assert(assert) => {
                self.expr(&assert.condition);
                self.expr(&assert.message);
            }
            Item::Expect(expr) => self.expr(expr),
            Item::Broken(span) => self.broken(*span),
            Item::Test(test) => self.body(&test.body),
            Item::Import(_) | Item::Component(_) => {}
        }
    }

    fn body(&mut self, body: &Body) {
        for item in &body.items {
            self.item(item);
        }
    }

    fn block(&mut self, block: &ast::Block) {
        if let Some(Label::Text(expr) | Label::Reference(expr)) = &block.label {
            self.expr(expr);
        }
        if let Some(body) = &block.body {
            self.body(body);
        }
    }

    fn attribute(&mut self, attribute: &Attribute) {
        for part in &attribute.key.parts {
            match part {
                KeyPart::Name(_) => {}
                KeyPart::Text(expr) | KeyPart::Index(expr) => self.expr(expr),
            }
        }
        self.expr(&attribute.value);
    }

    fn optional(&mut self, expr: Option<&Expr>) {
        if let Some(expr) = expr {
            self.expr(expr);
        }
    }

    fn arguments(&mut self, arguments: &[Argument]) {
        for argument in arguments {
            self.expr(&argument.value);
        }
    }

    fn ty(&mut self, ty: &TypeExpr) {
        match &ty.kind {
            TypeKind::Named {
                parameters,
                refinement,
                ..
            } => {
                for parameter in parameters {
                    self.ty(parameter);
                }
                self.arguments(refinement);
            }
            TypeKind::Member(_) => {}
            TypeKind::Union(types) => types.iter().for_each(|ty| self.ty(ty)),
            TypeKind::Record(fields) => fields.iter().for_each(|(_, ty)| self.ty(ty)),
            TypeKind::Optional(inner) => self.ty(inner),
        }
    }

    /// A default may use the parameters before its own.
    fn with_parameters(&mut self, parameters: &[Parameter], inside: impl FnOnce(&mut Self)) {
        let depth = self.locals.len();
        for parameter in parameters {
            self.ty(&parameter.ty);
            self.optional(parameter.default.as_ref());
            self.locals.push(parameter.name.text.clone());
        }
        inside(self);
        self.locals.truncate(depth);
    }

    fn with_locals(
        &mut self,
        first: &ast::Name,
        second: Option<&ast::Name>,
        inside: impl FnOnce(&mut Self),
    ) {
        let depth = self.locals.len();
        self.locals.push(first.text.clone());
        self.locals.extend(second.map(|name| name.text.clone()));
        inside(self);
        self.locals.truncate(depth);
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::Broken => {}
            ExprKind::Name(name) => {
                let binding = self.lookup(name).unwrap_or(match &**name {
                    "slot" => Binding::Slot,
                    _ => Binding::Unbound,
                });
                self.set(expr, binding);
            }
            ExprKind::Text(parts) => {
                for part in parts {
                    if let TextPart::Interpolation(inner) = part {
                        self.expr(inner);
                    }
                }
            }
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Comprehension(comprehension) => {
                self.expr(&comprehension.over);
                let second = comprehension.second.as_ref();
                self.with_locals(&comprehension.first, second, |binder| {
                    binder.optional(comprehension.condition.as_ref());
                    binder.expr(&comprehension.value);
                });
            }
            ExprKind::Record(entries) => entries.iter().for_each(|entry| self.attribute(entry)),
            ExprKind::Field(object, _) | ExprKind::Unary(_, object) => self.expr(object),
            ExprKind::Index(object, index) => {
                self.expr(object);
                self.resource_map(object);
                self.expr(index);
            }
            ExprKind::Call(callee, arguments) => {
                self.expr(callee);
                self.builtin(callee);
                self.arguments(arguments);
            }
            ExprKind::Binary(left, _, right) | ExprKind::Range(left, right) => {
                self.expr(left);
                self.expr(right);
            }
            ExprKind::If(branches, otherwise) => {
                for (condition, value) in branches {
                    self.expr(condition);
                    self.expr(value);
                }
                self.expr(otherwise);
            }
        }
    }

    fn lookup(&self, name: &Str) -> Option<Binding> {
        if self.locals.iter().any(|local| local == name) {
            return Some(Binding::Local);
        }
        if let Some(part) = self.parts.and_then(|parts| parts.names.get(name)) {
            return Some(match part.kind {
                DefinitionKind::Resource(kind) => Binding::Part(kind),
                kind => kind.binding(self.file.id),
            });
        }
        let definition = self.names.get(name)?;
        Some(definition.kind.binding(self.file.id))
    }

    fn set(&mut self, expr: &Expr, binding: Binding) {
        self.bound.push((expr.id, binding));
    }

    /// `service` in `service["user-1"]`, unless something else has that name.
    fn resource_map(&mut self, object: &Expr) {
        if let ExprKind::Name(word) = &object.kind
            && self.lookup(word).is_none()
            && let Some(kind) = resource_kind(word)
        {
            self.set(object, Binding::ResourceMap(kind));
        }
    }

    /// `floor` in `floor(x)`, unless something else has that name.
    fn builtin(&mut self, callee: &Expr) {
        if let ExprKind::Name(name) = &callee.kind
            && is_builtin(name)
            && self.lookup(name).is_none()
        {
            self.set(callee, Binding::Builtin);
        }
    }

    fn broken(&mut self, span: Span) {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        let words = self.sources.slice(span).split(|found| !letter(found));
        self.unread
            .extend(words.filter(|word| !word.is_empty()).map(Str::from));
    }
}
