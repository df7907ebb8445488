//! Expressions: literals, lists, records, conditions, loops and operators.

use super::budget::ITEMS;
use super::evaluator::{Evaluator, Scope};
use super::lookup::{Lookup, hash};
use super::operation::fault;
use super::operators::{self, Fault};
use super::shown::{kind_of, shown};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::{Span, Spanned, Str};
use crate::syntax::ast::{
    Attribute, Comprehension, Expr, ExprKind, Key, KeyPart, Literal, Name, TextPart,
};
use crate::syntax::is_identifier;
use crate::types::{Text, Value};
use std::sync::Arc;

impl<'a> Evaluator<'a> {
    /// The value of an expression, with the place it was written at. `None` where that was
    /// reported.
    pub(super) fn expression(
        &mut self,
        expr: &'a Expr,
        scope: &mut Scope<'a>,
    ) -> Option<Spanned<Value>> {
        self.spend(1, expr.span)?;
        // What has no parts needs no room on the stack.
        let value = match &expr.kind {
            // `restart { condition = none }`
            ExprKind::Literal(Literal::None) if self.is_member(scope.file, expr) => {
                Value::Text(Text::from("none"))
            }
            ExprKind::Literal(literal) => literal_value(literal),
            ExprKind::Text(parts) => match parts.as_slice() {
                [] => Value::Text(Text::Known(Str::default())),
                [TextPart::Literal(text)] => Value::Text(Text::Known(text.clone())),
                _ => return self.within(expr, scope),
            },
            _ => return self.within(expr, scope),
        };
        Some(Spanned::new(value, expr.span))
    }

    /// An expression with parts, one level deeper.
    fn within(&mut self, expr: &'a Expr, scope: &mut Scope<'a>) -> Option<Spanned<Value>> {
        self.enter(expr.span)?;
        let value = match &expr.kind {
            ExprKind::Name(name) => self.name(expr, name, scope),
            ExprKind::Field(base, name) => self.field(expr, base, name, scope),
            ExprKind::Index(base, index) => self.index(expr, base, index, scope),
            ExprKind::Call(callee, arguments) => self.call(expr, callee, arguments, scope),
            ExprKind::If(branches, otherwise) => self.choice(branches, otherwise, scope),
            _ => self
                .compound(expr, scope)
                .map(|value| Spanned::new(value, expr.span)),
        };
        self.leave();
        value
    }

    fn compound(&mut self, expr: &'a Expr, scope: &mut Scope<'a>) -> Option<Value> {
        match &expr.kind {
            ExprKind::Text(parts) => self.interpolated(parts, expr.span, scope),
            ExprKind::List(items) => self.list(items, expr.span, scope),
            ExprKind::Record(fields) => self.record(fields, expr.span, scope),
            ExprKind::Comprehension(it) => self.comprehension(it, expr.span, scope),
            ExprKind::Unary(operator, operand) => self.unary(*operator, operand, expr, scope),
            ExprKind::Binary(..) => self.binary(expr, scope),
            ExprKind::Range(from, to) => self.range(from, to, expr.span, scope),
            _ => None,
        }
    }

    fn list(&mut self, items: &'a [Expr], at: Span, scope: &mut Scope<'a>) -> Option<Value> {
        let mut values = Vec::with_capacity(items.len());
        let mut complete = true;
        for item in items {
            match self.expression(item, scope) {
                Some(value) => {
                    self.measure(&value.value, at)?;
                    values.push(value);
                }
                None => complete = false,
            }
        }
        complete.then(|| Value::List(Arc::new(values)))
    }

    fn record(
        &mut self,
        fields: &'a [Attribute],
        at: Span,
        scope: &mut Scope<'a>,
    ) -> Option<Value> {
        let mut values: Vec<(Str, Spanned<Value>)> = Vec::with_capacity(fields.len());
        let mut seen = Lookup::default();
        let mut complete = true;
        for field in fields {
            let (Some(key), Some(value)) = (
                self.key(&field.key, scope),
                self.expression(&field.value, scope),
            ) else {
                complete = false;
                continue;
            };
            self.measure(&value.value, at)?;
            let before = seen.position(
                &values,
                || hash(&*key),
                |(key, _)| hash(&**key),
                |(known, _)| *known == key,
            );
            if before.is_some() {
                self.report::<()>(repeated_key(&key, field.key.span));
                complete = false;
                continue;
            }
            values.push((key, value));
        }
        complete.then(|| Value::Record(Arc::new(values)))
    }

    /// The text of a key.
    pub(super) fn key(&mut self, key: &'a Key, scope: &mut Scope<'a>) -> Option<Str> {
        match key.parts.as_slice() {
            [KeyPart::Name(name)] => Some(name.text.clone()),
            [KeyPart::Text(text)] => {
                let value = self.expression(text, scope)?;
                let text = self.known_text(&value)?;
                self.spend_bytes(text.len(), key.span)?;
                Some(text)
            }
            // The check has reported a path.
            _ => None,
        }
    }

    /// The path of a patch, each written in one way: `spec.containers[0]."a.b"`.
    pub(super) fn path(&mut self, key: &'a Key, scope: &mut Scope<'a>) -> Option<Str> {
        let mut text = String::new();
        for part in &key.parts {
            let step = match part {
                KeyPart::Name(name) => name.text.clone(),
                KeyPart::Text(expr) | KeyPart::Index(expr) => {
                    let value = self.expression(expr, scope)?;
                    let value = self.forced(value)?;
                    if let (KeyPart::Index(_), Value::Int(index)) = (part, &value.value) {
                        text.extend(["[", &index.to_string(), "]"]);
                        continue;
                    }
                    self.known_text(&value)?
                }
            };
            if !text.is_empty() {
                text.push('.');
            }
            if is_identifier(&step) {
                text.push_str(&step);
            } else {
                let escaped = step.replace('\\', "\\\\").replace('"', "\\\"");
                text.extend(["\"", &escaped, "\""]);
            }
        }
        self.spend_bytes(text.len(), key.span)?;
        Some(text.into())
    }

    fn comprehension(
        &mut self,
        it: &'a Comprehension,
        at: Span,
        scope: &mut Scope<'a>,
    ) -> Option<Value> {
        let mut values = Vec::new();
        let mut complete = true;
        let second = it.second.as_ref();
        self.each(&it.over, &it.first, second, scope, &mut |this, scope| {
            let keeps = match &it.condition {
                Some(condition) => this.condition(condition, scope),
                None => Some(true),
            };
            match keeps {
                Some(false) => {}
                Some(true) => match this.expression(&it.value, scope) {
                    Some(value) => {
                        this.measure(&value.value, at)?;
                        values.push(value);
                    }
                    None => complete = false,
                },
                None => complete = false,
            }
            Some(())
        })?;
        complete.then(|| Value::List(Arc::new(values)))
    }

    /// Walks a list, a range, a record or a map; `None` from `body` ends the walk.
    pub(super) fn each(
        &mut self,
        over: &'a Expr,
        first: &'a Name,
        second: Option<&'a Name>,
        scope: &mut Scope<'a>,
        body: &mut dyn FnMut(&mut Self, &mut Scope<'a>) -> Option<()>,
    ) -> Option<()> {
        let walked = self.expression(over, scope)?;
        let base = scope.locals.len();
        let mut count: i64 = 0;
        let mut step = |this: &mut Self, key: Option<Value>, item: Spanned<Value>| {
            this.spend(1, over.span)?;
            if u64::try_from(count).unwrap_or(0) >= ITEMS {
                return this.stop(over.span, "a list or loop of more than 1 million items");
            }
            let index = key.unwrap_or(Value::Int(count));
            count += 1;
            match second {
                Some(second) => {
                    scope.push(first, Spanned::new(index, item.span));
                    scope.push(second, item);
                }
                None => scope.push(first, item),
            }
            let done = body(this, scope);
            scope.locals.truncate(base);
            done
        };
        match &walked.value {
            Value::List(items) => {
                for item in items.iter() {
                    step(self, None, item.clone())?;
                }
            }
            Value::Record(fields) => {
                for (key, field) in fields.iter() {
                    let key = Value::Text(Text::Known(key.clone()));
                    match second {
                        Some(_) => step(self, Some(key), field.clone())?,
                        None => step(self, None, Spanned::new(key, field.span))?,
                    }
                }
            }
            Value::Range(ends) => {
                let (Value::Int(from), Value::Int(to)) = (&ends.0, &ends.1) else {
                    return self.report(not_walked(&walked));
                };
                for number in *from..=*to {
                    step(self, None, Spanned::new(Value::Int(number), walked.span))?;
                }
            }
            _ => return self.report(not_walked(&walked)),
        }
        Some(())
    }

    /// A condition's truth.
    pub(super) fn condition(&mut self, expr: &'a Expr, scope: &mut Scope<'a>) -> Option<bool> {
        let value = self.expression(expr, scope)?;
        let value = self.forced(value)?;
        match value.value {
            Value::Bool(truth) => Some(truth),
            _ => self.report(wrong_type(&value, "bool")),
        }
    }

    fn choice(
        &mut self,
        branches: &'a [(Expr, Expr)],
        otherwise: &'a Expr,
        scope: &mut Scope<'a>,
    ) -> Option<Spanned<Value>> {
        for (condition, value) in branches {
            if self.condition(condition, scope)? {
                return self.expression(value, scope);
            }
        }
        self.expression(otherwise, scope)
    }

    fn range(
        &mut self,
        from: &'a Expr,
        to: &'a Expr,
        at: Span,
        scope: &mut Scope<'a>,
    ) -> Option<Value> {
        let from = self.expression(from, scope);
        let to = self.expression(to, scope)?;
        let (from, to) = (self.forced(from?)?, self.forced(to)?);
        if operators::compare(&from.value, &to.value).is_none() {
            return self.report(fault(Fault::Mismatch, "..", &from, &to, at));
        }
        Some(Value::Range(Arc::new((from.value, to.value))))
    }
}

/// The value of a literal.
pub(super) fn literal_value(literal: &Literal) -> Value {
    match literal {
        Literal::None => Value::None,
        Literal::Bool(it) => Value::Bool(*it),
        Literal::Int(it) => Value::Int(*it),
        Literal::Float(it) => Value::Float(*it),
        Literal::Duration(it) => Value::Duration(*it),
        Literal::Memory(it) => Value::Memory(*it),
        Literal::Cpu(it) => Value::Cpu(*it),
        Literal::Percent(it) => Value::Percent(*it),
        Literal::Ip(it) => Value::Ip(*it),
        Literal::Cidr(it) => Value::Cidr(*it),
        Literal::Date(it) => Value::Date(*it),
    }
}

/// A value is of another type than its place takes, which only evaluation could tell.
pub(super) fn wrong_type(value: &Spanned<Value>, wanted: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::TYPE_MISMATCH,
        format!("{} where {wanted} is asked for", kind_of(&value.value)),
        value.span,
    )
    .labelled(format!("this is {}", shown(&value.value)))
}

fn not_walked(walked: &Spanned<Value>) -> Diagnostic {
    wrong_type(walked, "a list, a map or a range of int")
}

fn repeated_key(key: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::DUPLICATE_ATTRIBUTE,
        format!("`{key}` is set twice in one record"),
        at,
    )
}
