//! Calls: arguments held against parameters, and what the builtin functions take and give.

use super::fit::{bounded, join, unrefined};
use super::{Asked, Checker, Role, Signature, mismatch};
use crate::diagnostics::catalogue::{MISUSED_NAME, WRONG_ARGUMENTS};
use crate::diagnostics::{Diagnostic, nearest};
use crate::resolve::Binding;
use crate::source::Span;
use crate::syntax::ast::{Argument, Expr, ExprKind, Item};
use crate::types::Ty;
use std::sync::Arc;

impl Checker<'_> {
    pub(super) fn infer_call(&mut self, expr: &Expr, callee: &Expr, arguments: &[Argument]) -> Ty {
        let binding = match &callee.kind {
            ExprKind::Name(name) => match self.program.binding(self.file, callee.id) {
                Binding::Builtin => {
                    let name = name.clone();
                    return self.builtin(&name, expr.span, arguments);
                }
                Binding::Unbound => {
                    self.unknown_function(callee, name);
                    return self.skipped(arguments);
                }
                binding => Some(binding),
            },
            ExprKind::Field(object, field) => match self.program.binding(self.file, object.id) {
                Binding::Import(module) => {
                    match self.imported_binding(module, object.span, field) {
                        None => return self.skipped(arguments),
                        found => found,
                    }
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(Binding::Item(file, index)) = binding
            && let Some(Item::Function(_)) = self.program.item(file, index)
        {
            let Some(signature) = self.signatures.get(&(file, index)).cloned() else {
                return self.skipped(arguments);
            };
            self.arguments(&signature, arguments, expr.span);
            return signature.result.clone();
        }
        let source = self.source(callee.span);
        let found = Diagnostic::new(
            &MISUSED_NAME,
            format!("`{source}` is not a function"),
            callee.span,
        )
        .help("only `fn` items and builtin functions are called");
        self.report(found);
        self.skipped(arguments)
    }

    fn skipped(&mut self, arguments: &[Argument]) -> Ty {
        for argument in arguments {
            self.infer(&argument.value);
        }
        Ty::Any
    }

    /// Holds arguments against parameters: by place first, then by name.
    pub(super) fn arguments(&mut self, signature: &Signature, arguments: &[Argument], at: Span) {
        let mut given = vec![false; signature.parameters.len()];
        let mut misspelt = false;
        for (place, argument) in arguments.iter().enumerate() {
            let found = match &argument.name {
                None => Some(place).filter(|place| *place < given.len()),
                Some(name) => signature
                    .parameters
                    .iter()
                    .position(|parameter| parameter.name.text == name.text),
            };
            let Some((index, parameter)) =
                found.and_then(|index| Some((index, signature.parameters.get(index)?)))
            else {
                self.infer(&argument.value);
                self.report(no_parameter(signature, argument));
                misspelt = true;
                continue;
            };
            if let Some(given) = given.get_mut(index) {
                if *given {
                    self.report(given_twice(&parameter.name.text, argument));
                    misspelt = true;
                }
                *given = true;
            }
            let asked = Asked::by(Role::Parameter(&parameter.name.text, parameter.name.span));
            self.expect(&argument.value, &parameter.ty, asked);
        }
        let missing: Vec<&str> = signature
            .parameters
            .iter()
            .zip(&given)
            .filter(|(parameter, given)| !**given && !parameter.optional)
            .map(|(parameter, _)| &*parameter.name.text)
            .collect();
        if !missing.is_empty() && !misspelt {
            self.report(missing_arguments(signature, &missing, at));
        }
    }

    fn builtin(&mut self, name: &str, at: Span, arguments: &[Argument]) -> Ty {
        for argument in arguments {
            if let Some(name) = &argument.name {
                self.report(
                    Diagnostic::new(
                        &WRONG_ARGUMENTS,
                        "arguments of a builtin function have no names",
                        name.span,
                    )
                    .help("write the value alone"),
                );
            }
        }
        let values: Vec<&Expr> = arguments.iter().map(|argument| &argument.value).collect();
        let text = Ty::TEXT;
        match (name, values.as_slice()) {
            ("floor" | "ceil", [value]) => {
                self.given(name, value, &Ty::either([Ty::INT, Ty::Float]));
                Ty::INT
            }
            ("min" | "max", [_, ..]) => self.extreme(&values),
            ("length", [value]) => {
                let ty = self.infer(value);
                let counted = matches!(
                    ty,
                    Ty::Any
                        | Ty::List(..)
                        | Ty::Map(_)
                        | Ty::Record(_)
                        | Ty::Text(_)
                        | Ty::Words(_)
                );
                if !counted {
                    let wanted = Ty::either([text, Ty::list(Ty::Any), Ty::Map(Arc::new(Ty::Any))]);
                    self.require(value, &ty, &wanted, asked(name));
                }
                Ty::INT
            }
            ("keys", [value]) => {
                self.entries(name, value);
                Ty::list(text)
            }
            ("values", [value]) => Ty::list(self.entries(name, value)),
            ("join_with", [separator, list]) => {
                self.given(name, separator, &text);
                self.join_with(name, list)
            }
            ("split", [separator, whole]) => {
                self.given(name, separator, &text);
                self.given(name, whole, &text);
                Ty::list(text)
            }
            ("lower" | "upper" | "trim" | "file", [value]) => {
                self.given(name, value, &text);
                text
            }
            ("replace", [whole, from, to]) => {
                for value in [whole, from, to] {
                    self.given(name, value, &text);
                }
                text
            }
            ("starts_with" | "ends_with", [whole, end]) => {
                self.given(name, whole, &text);
                self.given(name, end, &text);
                Ty::Bool
            }
            ("concat", lists) => self.concat(name, lists),
            ("merge", maps) => self.merge(name, maps),
            ("env", [value]) => {
                self.given(name, value, &text);
                Ty::Environment
            }
            ("string", [value]) => {
                let wanted = [text.clone(), Ty::INT, Ty::Float, Ty::Bool, Ty::Ip, Ty::Cidr];
                self.given(name, value, &Ty::either(wanted));
                text
            }
            ("manifest", [_, ..]) if values.len() <= 3 => self.manifest(at, &values),
            ("contains", [whole, inner]) => self.contains(whole, inner),
            // In its own place it is looked at before it comes here.
            ("hash", [_]) => self.misused(
                at,
                "`hash` stands only in `balance`",
                "write `balance = hash(\"$request_uri\")` in an upstream",
            ),
            _ => {
                self.report(wrong_count(name, arguments.len(), at));
                self.skipped(arguments)
            }
        }
    }

    pub(super) fn given(&mut self, name: &str, value: &Expr, ty: &Ty) {
        self.expect(value, ty, asked(name));
    }

    fn extreme(&mut self, values: &[&Expr]) -> Ty {
        let mut joined: Option<(Ty, Span)> = None;
        for value in values {
            let mut ty = self.infer(value);
            if let (Ty::List(item, _), [_]) = (&ty, values) {
                ty = (**item).clone();
            }
            if self.too_late(value, &ty) {
                return Ty::Any;
            }
            let ordered = matches!(
                unrefined(&ty),
                Ty::Any
                    | Ty::Int(_)
                    | Ty::Float
                    | Ty::Duration
                    | Ty::Memory
                    | Ty::Cpu
                    | Ty::Percent
                    | Ty::Date
            );
            if !ordered {
                let wanted = Ty::either([Ty::INT, Ty::Float, Ty::Duration, Ty::Memory]);
                let asked = Asked::by(Role::Rule("`min` or `max`"));
                self.require(value, &ty, &wanted, asked);
                return Ty::Any;
            }
            self.join_into(&mut joined, ty, value);
        }
        joined.map_or(Ty::Any, |(ty, _)| ty)
    }

    /// The values of a record or map.
    fn entries(&mut self, name: &str, value: &Expr) -> Ty {
        match self.infer(value) {
            Ty::Any => Ty::Any,
            Ty::Map(item) => (*item).clone(),
            Ty::Record(fields) => super::expression::joined_fields(&fields),
            other => {
                let wanted = Ty::Map(Arc::new(Ty::Any));
                self.require(value, &other, &wanted, asked(name));
                Ty::Any
            }
        }
    }

    fn join_with(&mut self, name: &str, list: &Expr) -> Ty {
        let item = Ty::either([
            Ty::Deploy(Arc::new(Ty::TEXT)),
            Ty::INT,
            Ty::Bool,
            Ty::Ip,
            Ty::Cidr,
        ]);
        let ty = self.infer(list);
        self.require(list, &ty, &Ty::list(item), asked(name));
        match ty {
            Ty::List(item, _) if matches!(*item, Ty::Deploy(_)) => Ty::Deploy(Arc::new(Ty::TEXT)),
            _ => Ty::TEXT,
        }
    }

    fn concat(&mut self, name: &str, lists: &[&Expr]) -> Ty {
        let mut joined: Option<(Ty, Span)> = None;
        for list in lists {
            match self.infer(list) {
                Ty::Any => joined = Some((Ty::Any, list.span)),
                Ty::List(item, _) => self.join_into(&mut joined, (*item).clone(), list),
                other => {
                    self.require(list, &other, &Ty::list(Ty::Any), asked(name));
                    return Ty::Any;
                }
            }
        }
        Ty::list(joined.map_or(Ty::Any, |(ty, _)| ty))
    }

    fn merge(&mut self, name: &str, maps: &[&Expr]) -> Ty {
        let mut item: Option<Ty> = None;
        let mut fields: Option<Vec<(crate::source::Str, Ty)>> = Some(Vec::new());
        for map in maps {
            match self.infer(map) {
                Ty::Any => return Ty::Any,
                Ty::Record(new) => {
                    if let Some(fields) = &mut fields {
                        fields.retain(|(name, _)| new.iter().all(|(new, _)| new != name));
                        fields.extend(new.iter().cloned());
                    }
                    item = Some(joined_item(item, &super::expression::joined_fields(&new)));
                }
                Ty::Map(new) => {
                    fields = None;
                    item = Some(joined_item(item, &new));
                }
                other => {
                    let wanted = Ty::Map(Arc::new(Ty::Any));
                    self.require(map, &other, &wanted, asked(name));
                    return Ty::Any;
                }
            }
        }
        bounded(match fields {
            Some(fields) => Ty::Record(fields.into()),
            None => Ty::Map(Arc::new(item.unwrap_or(Ty::Any))),
        })
    }
}

fn joined_item(before: Option<Ty>, new: &Ty) -> Ty {
    match before {
        None => new.clone(),
        Some(before) => join(before, new).unwrap_or(Ty::Any),
    }
}

pub(super) fn asked(name: &str) -> Asked<'_> {
    Asked::by(Role::Rule(match name {
        "floor" => "`floor`",
        "ceil" => "`ceil`",
        "length" => "`length`",
        "keys" => "`keys`",
        "values" => "`values`",
        "join_with" => "`join_with`",
        "split" => "`split`",
        "lower" => "`lower`",
        "upper" => "`upper`",
        "trim" => "`trim`",
        "replace" => "`replace`",
        "starts_with" => "`starts_with`",
        "ends_with" => "`ends_with`",
        "concat" => "`concat`",
        "merge" => "`merge`",
        "file" => "`file`",
        "env" => "`env`",
        "string" => "`string`",
        "manifest" => "`manifest`",
        "contains" => "`contains`",
        _ => "this function",
    }))
}

fn no_parameter(signature: &Signature, argument: &Argument) -> Diagnostic {
    let name = &signature.name;
    let count = signature.parameters.len();
    let names = || {
        signature
            .parameters
            .iter()
            .map(|parameter| &*parameter.name.text)
    };
    let diagnostic = match &argument.name {
        Some(unknown) => {
            let message = format!("`{name}` has no parameter `{unknown}`");
            let diagnostic = Diagnostic::new(&WRONG_ARGUMENTS, message, unknown.span);
            match nearest(&unknown.text, names()) {
                Some(near) => diagnostic
                    .help(format!("did you mean `{near}`?"))
                    .replace(unknown.span, near),
                None => diagnostic,
            }
        }
        None => Diagnostic::new(
            &WRONG_ARGUMENTS,
            format!(
                "`{name}` takes {count} argument{}",
                if count == 1 { "" } else { "s" }
            ),
            argument.value.span,
        )
        .labelled("one too many"),
    };
    diagnostic.and(name.span, "declared here")
}

fn given_twice(name: &str, argument: &Argument) -> Diagnostic {
    let at = argument
        .name
        .as_ref()
        .map_or(argument.value.span, |name| name.span);
    Diagnostic::new(&WRONG_ARGUMENTS, format!("`{name}` is given twice"), at)
        .help("arguments without names fill the parameters from the first on")
}

fn missing_arguments(signature: &Signature, missing: &[&str], at: Span) -> Diagnostic {
    let listed = missing.iter().map(|name| format!("`{name}`")).collect();
    let all: Vec<&str> = signature
        .parameters
        .iter()
        .map(|parameter| &*parameter.name.text)
        .collect();
    Diagnostic::new(
        &WRONG_ARGUMENTS,
        format!("`{}` needs {}", signature.name, mismatch::and_list(listed)),
        at,
    )
    .and(signature.name.span, "declared here")
    .help(format!("write `{}({})`", signature.name, all.join(", ")))
}

fn wrong_count(name: &str, count: usize, at: Span) -> Diagnostic {
    let doc = crate::resolve::BUILTINS
        .iter()
        .find(|(builtin, _)| *builtin == name)
        .map_or("", |(_, doc)| doc);
    Diagnostic::new(
        &WRONG_ARGUMENTS,
        format!(
            "`{name}` does not take {count} argument{}",
            if count == 1 { "" } else { "s" }
        ),
        at,
    )
    .help(format!("`{name}`: {doc}"))
}
