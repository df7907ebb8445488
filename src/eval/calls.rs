//! Calls: functions of the program, and the arguments of functions and templates.

use super::declared::type_of;
use super::evaluator::{Evaluator, Scope};
use super::operators::Rounding;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::resolve::{Binding, DefinitionKind};
use crate::source::{FileId, Span, Spanned, Str};
use crate::syntax::ast::{self, Argument, BinaryOperator, Expr, ExprKind, Item, Parameter};
use crate::types::{Ty, Value};
use std::rc::Rc;

/// What is called.
enum Callee<'a> {
    Builtin(&'a Str),
    Function(FileId, usize, &'a ast::Function),
}

impl<'a> Evaluator<'a> {
    /// `callee(arguments)`
    pub(super) fn call(
        &mut self,
        expr: &'a Expr,
        callee: &'a Expr,
        arguments: &'a [Argument],
        scope: &mut Scope<'a>,
    ) -> Option<Spanned<Value>> {
        match self.callee(callee, scope) {
            Some(Callee::Builtin(name)) => {
                let rounding = match &**name {
                    "floor" => Some(Rounding::Down),
                    "ceil" => Some(Rounding::Up),
                    _ => None,
                };
                let value = if let (Some(rounding), [argument]) = (rounding, arguments) {
                    self.rounded(&argument.value, rounding, scope)?
                } else {
                    let mut values = Vec::with_capacity(arguments.len());
                    for argument in arguments {
                        let value = self.expression(&argument.value, scope)?;
                        values.push(self.forced(value)?);
                    }
                    self.builtin(name, &values, scope.file, expr.span)?
                };
                Some(Spanned::new(value, expr.span))
            }
            Some(Callee::Function(file, index, function)) => {
                let types = self.types_of(file, index, &function.parameters);
                let parameters = (&*function.parameters, &*types);
                let name = &function.name;
                let mut inner = self.bound(file, parameters, arguments, scope, name, expr.span)?;
                let value = self.expression(&function.value, &mut inner)?;
                let value = Spanned::new(value.value, expr.span);
                match self.item_type(file, index) {
                    Some(ty) => {
                        let declared = (function.result.span, &function.name.text);
                        self.fitted(value, ty, Some(declared))
                    }
                    None => Some(value),
                }
            }
            None => self.report(not_callable(self.source(callee.span), callee.span)),
        }
    }

    fn callee(&self, callee: &'a Expr, scope: &Scope<'a>) -> Option<Callee<'a>> {
        let (file, index) = match &callee.kind {
            ExprKind::Name(name) => match self.binding(scope.file, callee) {
                Binding::Builtin => return Some(Callee::Builtin(name)),
                Binding::Item(file, index) => (file, index),
                _ => return None,
            },
            ExprKind::Field(base, name) => {
                let Binding::Import(file) = self.binding(scope.file, base) else {
                    return None;
                };
                match self.definition(file, &name.text)?.kind {
                    DefinitionKind::Item(index) => (file, index),
                    _ => return None,
                }
            }
            _ => return None,
        };
        match self.item_at(file, index)? {
            Item::Function(function) => Some(Callee::Function(file, index, function)),
            _ => None,
        }
    }

    /// The argument of `floor` and `ceil`: a quotient, a share or a unit within rounds.
    fn rounded(
        &mut self,
        expr: &'a Expr,
        rounding: Rounding,
        scope: &mut Scope<'a>,
    ) -> Option<Value> {
        match &expr.kind {
            ExprKind::Binary(left, operator, right)
                if matches!(operator, BinaryOperator::Divide | BinaryOperator::Of) =>
            {
                let left = self.expression(left, scope);
                let right = self.expression(right, scope)?;
                return self.operation(*operator, &left?, &right, expr.span, rounding);
            }
            ExprKind::Field(base, name)
                if self.binding(scope.file, base) == Binding::Unbound
                    || self.binding(scope.file, base) == Binding::Local =>
            {
                let base = self.expression(base, scope)?;
                let part = self.part(&base, name, expr.span, rounding)?;
                return Some(self.forced(part)?.value);
            }
            _ => {}
        }
        let value = self.expression(expr, scope)?;
        let value = self.forced(value)?;
        match super::operators::rounded(&value.value, rounding) {
            Ok(value) => Some(value),
            Err(why) => self.report(super::operation::fault(
                why, "floor", &value, &value, expr.span,
            )),
        }
    }

    /// The scope of a function or template: its parameters with their arguments.
    pub(super) fn bound(
        &mut self,
        file: FileId,
        (parameters, types): (&'a [Parameter], &[Ty]),
        arguments: &'a [Argument],
        caller: &mut Scope<'a>,
        callee: &ast::Name,
        at: Span,
    ) -> Option<Scope<'a>> {
        let mut scope = Scope::top(file);
        let mut complete = true;
        let mut positional = arguments.iter().filter(|argument| argument.name.is_none());
        for (index, parameter) in parameters.iter().enumerate() {
            let named = arguments.iter().find(|argument| {
                let name = argument.name.as_ref();
                name.is_some_and(|name| name.text == parameter.name.text)
            });
            let value = match (named.or_else(|| positional.next()), &parameter.default) {
                (Some(argument), _) => self.expression(&argument.value, caller),
                (None, Some(default)) => self.expression(default, &mut scope),
                (None, None) => self.report(not_given(parameter, callee, at)),
            };
            let declared = Some((parameter.ty.span, &parameter.name.text));
            let value = match (value, types.get(index)) {
                (Some(value), Some(ty)) => self.fitted(value, ty, declared),
                (value, _) => value,
            };
            match value {
                Some(value) => scope.push(&parameter.name, value),
                None => complete = false,
            }
        }
        complete.then_some(scope)
    }

    /// The types of the parameters of a function or template.
    pub(super) fn types_of(
        &mut self,
        file: FileId,
        index: usize,
        parameters: &'a [Parameter],
    ) -> Rc<[Ty]> {
        if let Some(types) = self.parameter_types.get(&(file, index)) {
            return Rc::clone(types);
        }
        let types: Rc<[Ty]> = parameters
            .iter()
            .map(|parameter| type_of(self.checked, file, &parameter.ty))
            .collect();
        self.parameter_types
            .insert((file, index), Rc::clone(&types));
        types
    }
}

fn not_given(parameter: &Parameter, callee: &ast::Name, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::WRONG_ARGUMENTS,
        format!(
            "`{}` is not given `{}`, which has no default",
            callee.text, parameter.name.text
        ),
        at,
    )
    .and(parameter.name.span, "declared here")
}

fn not_callable(what: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::TYPE_MISMATCH,
        format!("`{what}` is not a function"),
        at,
    )
}
