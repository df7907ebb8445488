//! The order in which items are checked, and items that are defined by themselves.
//!
//! An item comes after those it needs, so that looking at one never has to look at another first:
//! a chain of ten thousand `let`s is no deep recursion.

use crate::diagnostics::catalogue::RECURSIVE_DEFINITION;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resolve::{Binding, Place, Program, resolve_path};
use crate::source::{FileId, Span};
use crate::syntax::ast::{
    self, Argument, Attribute, Body, Expr, ExprKind, Item, KeyPart, Label, Name, Parameter,
    TextPart, TypeExpr, TypeKind,
};
use std::collections::BTreeMap;

/// A top-level item: file and index.
pub(super) type ItemId = (FileId, usize);

/// Every `param deploy let fn type template component` item, each after those it needs.
pub(super) fn order(program: &Program, diagnostics: &mut Diagnostics) -> Vec<ItemId> {
    let mut states: BTreeMap<ItemId, State> = BTreeMap::new();
    let mut ordered = Vec::new();
    for (file, module) in (0..).map(FileId).zip(&program.modules) {
        for (index, item) in module.file.items.iter().enumerate() {
            if name(item).is_some() {
                visit(
                    program,
                    (file, index),
                    &mut states,
                    &mut ordered,
                    diagnostics,
                );
            }
        }
    }
    ordered
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Done,
}

/// An item whose needs are being visited.
struct Open {
    id: ItemId,
    needs: Vec<(ItemId, Span)>,
    next: usize,
}

fn visit(
    program: &Program,
    start: ItemId,
    states: &mut BTreeMap<ItemId, State>,
    ordered: &mut Vec<ItemId>,
    diagnostics: &mut Diagnostics,
) {
    if states.contains_key(&start) {
        return;
    }
    states.insert(start, State::Open);
    let mut open = vec![Open::new(program, start)];
    while let Some(top) = open.last_mut() {
        let Some((needed, _)) = top.needs.get(top.next).copied() else {
            states.insert(top.id, State::Done);
            ordered.push(top.id);
            open.pop();
            continue;
        };
        top.next += 1;
        match states.get(&needed) {
            Some(State::Done) => {}
            Some(State::Open) => {
                let from = open.iter().position(|item| item.id == needed);
                let cycle = open.get(from.unwrap_or(0)..).unwrap_or_default();
                diagnostics.extend(recursive(program, cycle));
            }
            None => {
                states.insert(needed, State::Open);
                open.push(Open::new(program, needed));
            }
        }
    }
}

impl Open {
    fn new(program: &Program, id: ItemId) -> Self {
        let mut needs = Needs {
            program,
            file: id.0,
            found: Vec::new(),
        };
        if let Some(item) = program.item(id.0, id.1) {
            needs.item(item);
        }
        Self {
            id,
            needs: needs.found,
            next: 0,
        }
    }
}

/// The name of an item that has a type or parameters.
pub(super) fn name(item: &Item) -> Option<&Name> {
    Some(match item {
        Item::Param(item) => &item.name,
        Item::Deploy(item) => &item.name,
        Item::Let(item) => &item.name,
        Item::Function(item) => &item.name,
        Item::Type(item) => &item.name,
        Item::Template(item) | Item::Component(item) => &item.name,
        _ => return None,
    })
}

/// Collects the items that an item names.
struct Needs<'a> {
    program: &'a Program,
    file: FileId,
    found: Vec<(ItemId, Span)>,
}

impl Needs<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Attribute(attribute) | Item::Set(attribute) => self.attribute(attribute),
            Item::Block(block) => {
                if let Some(Label::Text(expr) | Label::Reference(expr)) = &block.label {
                    self.expr(expr);
                }
                if let Some(body) = &block.body {
                    self.body(body);
                }
            }
            Item::Param(item) => {
                self.ty(&item.ty);
                item.default.iter().for_each(|default| self.expr(default));
            }
            Item::Deploy(item) => {
                self.ty(&item.ty);
                item.default.iter().for_each(|default| self.expr(default));
            }
            Item::Let(item) => {
                item.ty.iter().for_each(|ty| self.ty(ty));
                self.expr(&item.value);
            }
            Item::Function(item) => {
                self.parameters(&item.parameters);
                self.ty(&item.result);
                self.expr(&item.value);
            }
            Item::Type(item) => self.ty(&item.ty),
            Item::Template(item) | Item::Component(item) => {
                self.parameters(&item.parameters);
                self.body(&item.body);
            }
            Item::Use(item) => {
                self.path(&item.path);
                self.arguments(&item.arguments);
                if let Some(Label::Text(name)) = &item.alias {
                    self.expr(name);
                }
            }
            Item::For(item) => {
                self.expr(&item.over);
                self.body(&item.body);
            }
            Item::If(item) => {
                for (condition, body) in &item.branches {
                    self.expr(condition);
                    self.body(body);
                }
                item.otherwise.iter().for_each(|body| self.body(body));
            }
            Item::Assert(item) => {
                self.expr(&item.condition);
                self.expr(&item.message);
            }
            Item::Import(_) | Item::Test(_) | Item::Expect(_) | Item::Broken(_) => {}
        }
    }

    fn body(&mut self, body: &Body) {
        body.items.iter().for_each(|item| self.item(item));
    }

    fn attribute(&mut self, attribute: &Attribute) {
        for part in &attribute.key.parts {
            if let KeyPart::Text(expr) | KeyPart::Index(expr) = part {
                self.expr(expr);
            }
        }
        self.expr(&attribute.value);
    }

    fn parameters(&mut self, parameters: &[Parameter]) {
        for parameter in parameters {
            self.ty(&parameter.ty);
            parameter
                .default
                .iter()
                .for_each(|default| self.expr(default));
        }
    }

    fn arguments(&mut self, arguments: &[Argument]) {
        for argument in arguments {
            self.expr(&argument.value);
        }
    }

    fn path(&mut self, path: &ast::Path) {
        if let Binding::Item(file, index) =
            resolve_path(self.program, Place::top(self.file), path).binding
        {
            self.add((file, index), path.span);
        }
    }

    fn add(&mut self, id: ItemId, at: Span) {
        if self.program.item(id.0, id.1).and_then(name).is_some() {
            self.found.push((id, at));
        }
    }

    fn ty(&mut self, ty: &TypeExpr) {
        match &ty.kind {
            TypeKind::Named {
                path, parameters, ..
            } => {
                if let Some(id) = super::declared::alias(self.program, self.file, path) {
                    self.add(id, path.span);
                }
                for ty in parameters {
                    self.ty(ty);
                }
            }
            TypeKind::Member(_) => {}
            TypeKind::Union(types) => types.iter().for_each(|ty| self.ty(ty)),
            TypeKind::Record(fields) => fields.iter().for_each(|(_, ty)| self.ty(ty)),
            TypeKind::Optional(inner) => self.ty(inner),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(_) | ExprKind::Broken => {}
            ExprKind::Name(_) => {
                if let Binding::Item(file, index) = self.program.binding(self.file, expr.id) {
                    self.add((file, index), expr.span);
                }
            }
            ExprKind::Text(parts) => {
                for part in parts {
                    if let TextPart::Interpolation(inner) = part {
                        self.expr(inner);
                    }
                }
            }
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(item)),
            ExprKind::Comprehension(inner) => {
                self.expr(&inner.over);
                inner.condition.iter().for_each(|it| self.expr(it));
                self.expr(&inner.value);
            }
            ExprKind::Record(entries) => entries.iter().for_each(|entry| self.attribute(entry)),
            ExprKind::Field(object, field) => self.field(expr, object, field),
            ExprKind::Unary(_, object) => self.expr(object),
            ExprKind::Index(object, index) => {
                self.expr(object);
                self.expr(index);
            }
            ExprKind::Call(callee, arguments) => {
                // What is no function is reported as such.
                if !self.is_value(callee) {
                    self.expr(callee);
                }
                self.arguments(arguments);
            }
            ExprKind::Binary(..) => {
                let (first, rest) = super::operator::chain(expr);
                self.expr(first);
                rest.iter().rev().for_each(|link| self.expr(link.right));
            }
            ExprKind::Range(from, to) => {
                self.expr(from);
                self.expr(to);
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

    fn is_value(&self, callee: &Expr) -> bool {
        match self.program.binding(self.file, callee.id) {
            Binding::Item(file, index) => {
                !matches!(self.program.item(file, index), Some(Item::Function(_)))
            }
            _ => false,
        }
    }

    /// `infra.x` names an item of another module.
    fn field(&mut self, expr: &Expr, object: &Expr, field: &Name) {
        if let Binding::Import(module) = self.program.binding(self.file, object.id)
            && let Some(definition) = self.program.definition(module, &field.text)
        {
            if let Binding::Item(file, index) = definition.kind.binding(module) {
                self.add((file, index), expr.span);
            }
            return;
        }
        self.expr(object);
    }
}

fn recursive(program: &Program, cycle: &[Open]) -> Option<Diagnostic> {
    let spelled = |id: ItemId| program.item(id.0, id.1).and_then(name);
    let first = spelled(cycle.first()?.id)?;
    let mut names: Vec<String> = Vec::new();
    for open in cycle {
        names.push(format!("`{}`", spelled(open.id)?));
    }
    names.push(format!("`{first}`"));
    let message = format!("`{first}` is defined by itself: {}", names.join(" → "));
    let mut diagnostic = Diagnostic::new(&RECURSIVE_DEFINITION, message, first.span);
    for open in cycle {
        let (needed, at) = open.needs.get(open.next.checked_sub(1)?)?;
        diagnostic = diagnostic.and(*at, format!("`{}` is needed here", spelled(*needed)?));
    }
    Some(diagnostic.help("break the circle: let one of them stand without the others").note(
        "every program ends, so nothing may be defined by itself; repeat with `for` or a list",
    ))
}
