//! The type of an expression, and an expression held against the type of its place.
//!
//! Types flow both ways: a place that knows its type hands it inward, so that bare words and
//! literals are read as what the place takes; else the type comes from the expression.

use super::fit::{bounded, join, part, words_of};
use super::{Asked, Checker, Local, Role, mismatch};
use crate::resolve::Binding;
use crate::source::{Span, Str};
use crate::syntax::ast::{
    Attribute, Comprehension, Expr, ExprKind, Item, KeyPart, Literal, UnaryOperator,
};
use crate::types::{IntRange, Ty};
use std::sync::Arc;

impl Checker<'_> {
    /// Holds an expression against a type.
    pub(super) fn expect(&mut self, expr: &Expr, ty: &Ty, asked: Asked<'_>) {
        match &expr.kind {
            ExprKind::Broken => {}
            ExprKind::Name(word) => self.expect_name(expr, word, ty, asked),
            ExprKind::Literal(literal) => self.expect_literal(expr, literal, ty, asked),
            ExprKind::Text(_) => self.expect_text(expr, ty, asked),
            ExprKind::List(items) => match list_of(ty) {
                Some((item, range)) => {
                    self.expect_length(expr, items.len(), range, asked);
                    for each in items {
                        self.expect(each, item, asked.item());
                    }
                }
                None => self.expect_inferred(expr, ty, asked),
            },
            ExprKind::Comprehension(inner) => match list_of(ty) {
                Some((item, _)) => self.comprehension(inner, |checker| {
                    checker.expect(&inner.value, item, asked.item());
                }),
                None => self.expect_inferred(expr, ty, asked),
            },
            ExprKind::Record(entries) => self.expect_record(expr, entries, ty, asked),
            ExprKind::If(branches, otherwise) => {
                self.branches(branches, otherwise, &mut |checker, value| {
                    checker.expect(value, ty, asked);
                });
            }
            ExprKind::Range(from, to) => match part(ty, &range_of) {
                Some(inner) => {
                    self.expect(from, inner, asked);
                    self.expect(to, inner, asked);
                }
                None => self.expect_inferred(expr, ty, asked),
            },
            ExprKind::Unary(UnaryOperator::Negate, inner) => {
                if let ExprKind::Literal(literal @ (Literal::Int(_) | Literal::Float(_))) =
                    &inner.kind
                {
                    self.expect_number(expr, literal, true, ty, asked);
                } else {
                    self.expect_inferred(expr, ty, asked);
                }
            }
            _ => self.expect_inferred(expr, ty, asked),
        }
    }

    fn expect_inferred(&mut self, expr: &Expr, ty: &Ty, asked: Asked<'_>) {
        let actual = self.infer(expr);
        self.require(expr, &actual, ty, asked);
    }

    /// A bare word is a member where its place has words, else a name.
    fn expect_name(&mut self, expr: &Expr, word: &Str, ty: &Ty, asked: Asked<'_>) {
        let Some(words) = words_of(ty) else {
            let listed = list_of(ty).and_then(|(item, _)| words_of(item));
            if listed.is_some_and(|words| words.contains(word))
                && self.program.binding(self.file, expr.id) == Binding::Unbound
            {
                return self.require(expr, &Ty::Words([word.clone()].into()), ty, asked);
            }
            return self.expect_inferred(expr, ty, asked);
        };
        if words.contains(word) {
            self.mark_member(expr);
        } else if self.program.binding(self.file, expr.id) == Binding::Unbound {
            if !self.program.unread_words.contains(word) {
                self.report(mismatch::unknown_member(
                    word, expr.span, words, asked, true,
                ));
            }
        } else {
            self.expect_inferred(expr, ty, asked);
        }
    }

    fn expect_literal(&mut self, expr: &Expr, literal: &Literal, ty: &Ty, asked: Asked<'_>) {
        match literal {
            Literal::None => {
                let word = |words: &Arc<[Str]>| words.iter().any(|word| &**word == "none");
                if words_of(ty).is_some_and(word) {
                    self.mark_member(expr);
                } else {
                    self.require(expr, &Ty::None, ty, asked);
                }
            }
            Literal::Int(_) => self.expect_number(expr, literal, false, ty, asked),
            _ => self.require(expr, &literal_type(literal), ty, asked),
        }
    }

    /// A number as it is written: it must lie in the place's range, and whole ones may be floats.
    fn expect_number(
        &mut self,
        expr: &Expr,
        literal: &Literal,
        negative: bool,
        ty: &Ty,
        asked: Asked<'_>,
    ) {
        let Literal::Int(number) = literal else {
            return self.require(expr, &Ty::Float, ty, asked);
        };
        let number = if negative {
            number.saturating_neg()
        } else {
            *number
        };
        let is_float = |ty: &Ty| matches!(ty, Ty::Float | Ty::Any).then_some(());
        if let Some(range) = part(ty, &int_range) {
            if !range.contains(number) {
                self.report(mismatch::out_of_range(number, expr.span, range, asked));
            }
        } else if part(ty, &is_float).is_none() {
            self.require(expr, &Ty::INT, ty, asked);
        }
    }

    fn expect_length(&mut self, expr: &Expr, length: usize, range: IntRange, asked: Asked<'_>) {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if !range.contains(length) {
            self.report(mismatch::wrong_length(length, expr.span, range, asked));
        }
    }

    fn expect_record(&mut self, expr: &Expr, entries: &[Attribute], ty: &Ty, asked: Asked<'_>) {
        if let Some(item) = part(ty, &map_of) {
            self.entry_keys(entries);
            for entry in entries {
                self.expect(&entry.value, item, asked.item());
            }
            return;
        }
        let Some(fields) = part(ty, &record_of) else {
            return self.expect_inferred(expr, ty, asked);
        };
        self.entry_keys(entries);
        let mut misspelt = false;
        for entry in entries {
            let Some(key) = entry.key.as_text() else {
                self.infer(&entry.value);
                continue;
            };
            if let Some((name, field)) = fields.iter().find(|(name, _)| &**name == key) {
                let span = asked.span().unwrap_or(entry.key.span);
                let asked = Asked::by(Role::Field(name, span));
                self.expect(&entry.value, field, asked);
            } else {
                let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
                let span = entry.key.span;
                self.report(mismatch::unknown_field(key, span, &names, asked));
                misspelt = true;
            }
        }
        for (name, field) in fields {
            let written = |entry: &Attribute| entry.key.as_text() == Some(name);
            let may_miss = matches!(field, Ty::Optional(_) | Ty::Any);
            if !misspelt && !may_miss && !entries.iter().any(written) {
                self.report(mismatch::missing_field(name, field, expr.span, asked));
            }
        }
    }

    /// The keys of a record: plain, and each once.
    fn entry_keys(&mut self, entries: &[Attribute]) {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for entry in entries {
            if !self.plain_key(&entry.key) {
                continue;
            }
            if let [KeyPart::Text(text)] = entry.key.parts.as_slice() {
                self.known_text(text, "a key");
            }
            let Some(key) = entry.key.as_text() else {
                continue;
            };
            match seen.iter().find(|(before, _)| *before == key) {
                Some((_, first)) => self.report(super::body::twice(key, *first, entry.key.span)),
                None => seen.push((key, entry.key.span)),
            }
        }
    }

    /// The type of an expression that no place speaks of; [`Ty::Any`] where it was reported.
    pub(super) fn infer(&mut self, expr: &Expr) -> Ty {
        let ty = self.inferred(expr);
        if self.test.is_some() {
            return super::test::known(&ty);
        }
        ty
    }

    fn inferred(&mut self, expr: &Expr) -> Ty {
        match &expr.kind {
            ExprKind::Broken => Ty::Any,
            ExprKind::Literal(literal) => literal_type(literal),
            ExprKind::Text(parts) => self.infer_text(parts),
            ExprKind::Name(name) => {
                let ty = self.infer_name(expr, name);
                self.narrowed(expr, ty)
            }
            ExprKind::List(items) => self.infer_list(items),
            ExprKind::Comprehension(inner) => {
                let mut item = Ty::Any;
                self.comprehension(inner, |checker| item = checker.infer(&inner.value));
                Ty::list(item)
            }
            ExprKind::Record(entries) => self.infer_record(entries),
            ExprKind::Field(object, field) => {
                let ty = self.infer_field(expr, object, field);
                self.narrowed(expr, ty)
            }
            ExprKind::Index(object, index) => self.infer_index(object, index),
            ExprKind::Call(callee, arguments) => self.infer_call(expr, callee, arguments),
            ExprKind::Unary(operator, operand) => self.infer_unary(*operator, operand),
            ExprKind::Binary(..) => self.infer_binary(expr),
            ExprKind::Range(from, to) => self.infer_range(expr, from, to),
            ExprKind::If(branches, otherwise) => {
                let mut joined: Option<(Ty, Span)> = None;
                self.branches(branches, otherwise, &mut |checker, value| {
                    let ty = checker.infer(value);
                    checker.join_into(&mut joined, ty, value);
                });
                joined.map_or(Ty::Any, |(ty, _)| ty)
            }
        }
    }

    /// The type of a name as a value.
    fn infer_name(&mut self, expr: &Expr, name: &Str) -> Ty {
        match self.program.binding(self.file, expr.id) {
            Binding::Local => self.local(name).map_or(Ty::Any, |local| local.ty.clone()),
            Binding::Item(file, index) => self.item_as_value(file, index, expr.span),
            Binding::Resource(kind) | Binding::Part(kind) => Ty::Resource(kind),
            Binding::Instance(_) => self.instance_alone(expr.span),
            Binding::Slot => self.misused(
                expr.span,
                "`slot` is no value",
                "write `slot.index` or `slot.port`",
            ),
            Binding::Import(_) => self.misused(
                expr.span,
                &format!("`{name}` is a file"),
                &format!("write a name of it: `{name}.NAME`"),
            ),
            Binding::Builtin | Binding::ResourceMap(_) | Binding::Unbound => {
                self.unknown_name(expr.span, name);
                Ty::Any
            }
        }
    }

    /// The type of a top-level item as a value.
    pub(super) fn item_as_value(
        &mut self,
        file: crate::source::FileId,
        index: usize,
        at: Span,
    ) -> Ty {
        let Some(item) = self.program.item(file, index) else {
            return Ty::Any;
        };
        let ty = || {
            let types = self.item_types.get(file.0 as usize);
            let ty = types.and_then(|types| types.get(index)).cloned();
            ty.flatten().unwrap_or(Ty::Any)
        };
        match item {
            Item::Param(_) | Item::Let(_) => ty(),
            Item::Deploy(_) => Ty::Deploy(Arc::new(ty())),
            Item::Function(item) => self.misused(
                at,
                &format!("`{}` is a function", item.name),
                &format!("call it: `{}(…)`", item.name),
            ),
            Item::Type(item) => self.misused(
                at,
                &format!("`{}` is a type", item.name),
                "a type stands after a colon, not where a value is asked for",
            ),
            Item::Template(item) => self.misused(
                at,
                &format!("`{}` is a template", item.name),
                &format!("in the body of a service, write `use {}`", item.name),
            ),
            Item::Component(item) => self.misused(
                at,
                &format!("`{}` is a component", item.name),
                &format!(
                    "at the top level, write `use {}(…) as NAME`; its parts are `NAME.PART`",
                    item.name
                ),
            ),
            _ => Ty::Any,
        }
    }

    fn infer_list(&mut self, items: &[Expr]) -> Ty {
        let mut joined = None;
        for item in items {
            let ty = self.infer(item);
            self.join_into(&mut joined, ty, item);
        }
        bounded(Ty::list(joined.map_or(Ty::Any, |(ty, _)| ty)))
    }

    /// Makes one type of the items of a list or the branches of an `if`.
    pub(super) fn join_into(&mut self, joined: &mut Option<(Ty, Span)>, ty: Ty, value: &Expr) {
        *joined = Some(match joined.take() {
            None => (ty, value.span),
            Some((before, first)) => {
                let both = join(before.clone(), &ty).unwrap_or_else(|| {
                    let asked = Asked::by(Role::Like(first));
                    self.require(value, &ty, &before, asked);
                    Ty::Any
                });
                (both, first)
            }
        });
    }

    fn infer_record(&mut self, entries: &[Attribute]) -> Ty {
        self.entry_keys(entries);
        let mut fields: Vec<(Str, Ty)> = Vec::with_capacity(entries.len());
        let mut computed = false;
        for entry in entries {
            let ty = self.infer(&entry.value);
            match entry.key.as_text() {
                Some(key) => fields.push((key.into(), ty)),
                None => computed = true,
            }
        }
        if computed {
            return Ty::Map(Arc::new(Ty::Any));
        }
        bounded(Ty::Record(fields.into()))
    }

    /// Checks conditions, and each value where its condition holds.
    fn branches(
        &mut self,
        branches: &[(Expr, Expr)],
        otherwise: &Expr,
        each: &mut dyn FnMut(&mut Self, &Expr),
    ) {
        let depth = self.present.len();
        for (condition, value) in branches {
            self.condition(condition);
            let before = self.present.len();
            self.assume(condition, true);
            each(self, value);
            self.present.truncate(before);
            self.assume(condition, false);
        }
        each(self, otherwise);
        self.present.truncate(depth);
    }

    /// An expression that decides: a bool, known when it is built.
    pub(super) fn condition(&mut self, expr: &Expr) {
        self.expect(expr, &Ty::Bool, Asked::by(Role::Rule("a condition")));
    }

    fn comprehension(&mut self, inner: &Comprehension, value: impl FnOnce(&mut Self)) {
        let locals = self.loop_variables(&inner.over, &inner.first, inner.second.as_ref());
        self.with_locals(locals, |checker| {
            let depth = checker.present.len();
            if let Some(condition) = &inner.condition {
                checker.condition(condition);
                checker.assume(condition, true);
            }
            value(checker);
            checker.present.truncate(depth);
        });
    }

    /// The variables of a loop with their types.
    pub(super) fn loop_variables(
        &mut self,
        over: &Expr,
        first: &crate::syntax::ast::Name,
        second: Option<&crate::syntax::ast::Name>,
    ) -> Vec<Local> {
        let walked = self.infer(over);
        let (key, item) = match &walked {
            Ty::List(item, _) => (Ty::INT, (**item).clone()),
            Ty::Map(item) => (Ty::TEXT, (**item).clone()),
            Ty::Record(fields) => (Ty::TEXT, joined_fields(fields)),
            Ty::Range(inner) if matches!(**inner, Ty::Int(_)) => (Ty::INT, (**inner).clone()),
            Ty::Any => (Ty::Any, Ty::Any),
            Ty::Deploy(_) => {
                self.report_late(over, "to repeat by it", None);
                (Ty::Any, Ty::Any)
            }
            other => {
                self.report(mismatch::not_walked(other, over.span));
                (Ty::Any, Ty::Any)
            }
        };
        let local = |name: &crate::syntax::ast::Name, ty| Local {
            name: name.text.clone(),
            ty,
            span: name.span,
        };
        match second {
            Some(second) => vec![local(first, key), local(second, item)],
            None if matches!(walked, Ty::Map(_) | Ty::Record(_)) => vec![local(first, key)],
            None => vec![local(first, item)],
        }
    }
}

/// One type for the values of a record.
pub(super) fn joined_fields(fields: &[(Str, Ty)]) -> Ty {
    let mut types = fields.iter().map(|(_, ty)| ty);
    let Some(first) = types.next() else {
        return Ty::Any;
    };
    types.try_fold(first.clone(), join).unwrap_or(Ty::Any)
}

/// The type of a literal.
fn literal_type(literal: &Literal) -> Ty {
    match literal {
        Literal::None => Ty::None,
        Literal::Bool(_) => Ty::Bool,
        Literal::Int(_) => Ty::INT,
        Literal::Float(_) => Ty::Float,
        Literal::Duration(_) => Ty::Duration,
        Literal::Memory(_) => Ty::Memory,
        Literal::Cpu(_) => Ty::Cpu,
        Literal::Percent(_) => Ty::Percent,
        Literal::Ip(_) => Ty::Ip,
        Literal::Cidr(_) => Ty::Cidr,
        Literal::Date(_) => Ty::Date,
    }
}

/// What a place takes as the items of a list.
pub(super) fn list_of(ty: &Ty) -> Option<(&Ty, IntRange)> {
    part(ty, &|ty| match ty {
        Ty::List(item, range) => Some((&**item, *range)),
        Ty::Any => Some((ty, IntRange::NATURAL)),
        _ => None,
    })
}

fn range_of(ty: &Ty) -> Option<&Ty> {
    match ty {
        Ty::Range(inner) => Some(inner),
        _ => None,
    }
}

fn map_of(ty: &Ty) -> Option<&Ty> {
    match ty {
        Ty::Map(item) => Some(item),
        _ => None,
    }
}

fn record_of(ty: &Ty) -> Option<&[(Str, Ty)]> {
    match ty {
        Ty::Record(fields) => Some(fields),
        _ => None,
    }
}

fn int_range(ty: &Ty) -> Option<IntRange> {
    match ty {
        Ty::Int(range) => Some(*range),
        _ => None,
    }
}
