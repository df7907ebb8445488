//! Names, fields and indices: what each means, and the values of top-level items.

use super::evaluator::{Evaluator, Memo, Scope};
use super::expression::wrong_type;
use super::operators::{self, Rounding};
use super::shown::{kind_of, shown};
use crate::diagnostics::{Diagnostic, catalogue, nearest};
use crate::resolve::{Binding, DefinitionKind};
use crate::source::{FileId, Span, Spanned, Str};
use crate::syntax::ast::{self, Expr, ExprKind, Item};
use crate::types::{Piece, PortPart, Reference, ResourceKind, SlotField, Text, Value};

/// The kinds of resource, in the order an unqualified name is looked for.
const KINDS: [ResourceKind; 5] = [
    ResourceKind::Service,
    ResourceKind::Network,
    ResourceKind::Volume,
    ResourceKind::Config,
    ResourceKind::Secret,
];

impl<'a> Evaluator<'a> {
    /// A bare name.
    pub(super) fn name(
        &mut self,
        expr: &'a Expr,
        name: &'a Str,
        scope: &Scope<'a>,
    ) -> Option<Spanned<Value>> {
        let here = |value| Some(Spanned::new(value, expr.span));
        if self.is_member(scope.file, expr) {
            return here(Value::Text(Text::Known(name.clone())));
        }
        match self.binding(scope.file, expr) {
            Binding::Item(file, index) => self.item(file, index, expr.span),
            Binding::Resource(kind) => here(Value::Reference(reference(kind, name.clone()))),
            Binding::Part(kind) => here(Value::Reference(reference(kind, scope.full_name(name)))),
            Binding::Local => scope.local(name).cloned(),
            Binding::Unbound => match scope.local(name) {
                Some(value) => Some(value.clone()),
                None => match self.own_part(name, None, scope) {
                    Some(full) => self.expanded(&full, expr.span),
                    None => self.expanded(name, expr.span),
                },
            },
            Binding::Instance(_)
            | Binding::Import(_)
            | Binding::Builtin
            | Binding::Slot
            | Binding::ResourceMap(_) => self.report(not_a_value(name, expr.span)),
        }
    }

    /// A name that only expansion made.
    fn expanded(&mut self, name: &Str, at: Span) -> Option<Spanned<Value>> {
        let found = KINDS
            .into_iter()
            .find(|kind| self.resources.find(*kind, name).is_some());
        if let Some(kind) = found {
            let value = Value::Reference(reference(kind, name.clone()));
            Some(Spanned::new(value, at))
        } else {
            let near = nearest(name, self.resources.names());
            let diagnostic = unknown_name(name, near, at);
            self.report(diagnostic)
        }
    }

    /// `base.name`
    pub(super) fn field(
        &mut self,
        expr: &'a Expr,
        base: &'a Expr,
        name: &'a ast::Name,
        scope: &mut Scope<'a>,
    ) -> Option<Spanned<Value>> {
        if let Some(module) = self.module(base, scope) {
            return self.item_of(module, name, expr.span);
        }
        if let ExprKind::Name(_) = base.kind
            && self.binding(scope.file, base) == Binding::Slot
        {
            let field = match &*name.text {
                "index" => SlotField::Index,
                "port" => SlotField::Port,
                _ => return self.report(no_field("slot", name, &["index", "port"])),
            };
            let text = Text::Pieces(vec![Piece::Slot(field)]);
            return Some(Spanned::new(Value::Text(text), expr.span));
        }
        if let Some((instance, full)) = self.instance_named(base, scope) {
            return match self.part_of((instance, &full), name) {
                (Some(kind), full) => {
                    let value = Value::Reference(reference(kind, full));
                    Some(Spanned::new(value, expr.span))
                }
                (None, full) => self.expanded(&full, expr.span),
            };
        }
        let value = self.expression(base, scope)?;
        self.part(&value, name, expr.span, Rounding::Exact)
    }

    /// The module that an expression names.
    pub(super) fn module(&self, expr: &Expr, scope: &Scope<'a>) -> Option<FileId> {
        match &expr.kind {
            ExprKind::Name(_) => match self.binding(scope.file, expr) {
                Binding::Import(file) => Some(file),
                _ => None,
            },
            ExprKind::Field(base, name) => {
                let module = self.module(base, scope)?;
                match self.definition(module, &name.text)?.kind {
                    DefinitionKind::Import(file) => Some(file),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `module.name`
    fn item_of(&mut self, module: FileId, name: &'a ast::Name, at: Span) -> Option<Spanned<Value>> {
        match self.definition(module, &name.text).map(|found| found.kind) {
            Some(DefinitionKind::Item(index)) => self.item(module, index, at),
            Some(DefinitionKind::Resource(kind)) => {
                let value = Value::Reference(reference(kind, name.text.clone()));
                Some(Spanned::new(value, at))
            }
            Some(DefinitionKind::Import(_) | DefinitionKind::Instance(_)) => {
                self.report(not_a_value(&name.text, at))
            }
            None => self.expanded(&name.text, at),
        }
    }

    /// A field of a value.
    pub(super) fn part(
        &mut self,
        base: &Spanned<Value>,
        name: &ast::Name,
        at: Span,
        rounding: Rounding,
    ) -> Option<Spanned<Value>> {
        if self.is_examining()
            && let Some(found) = self.tested_part(base, name, at)
        {
            return found;
        }
        let key = &name.text;
        let here = |value| Some(Spanned::new(value, at));
        match &base.value {
            Value::Record(fields) => {
                self.spend_items(fields.len() / 8, at)?;
                if let Some((_, value)) = fields.iter().find(|(known, _)| known == key) {
                    Some(value.clone())
                } else {
                    let known: Vec<&str> = fields.iter().map(|(key, _)| &**key).collect();
                    let diagnostic = no_field("the record", name, &known);
                    self.report(diagnostic.and(base.span, "the record"))
                }
            }
            Value::Reference(Reference::Service(service)) => here(Value::Reference(
                Reference::Port(service.clone(), key.clone()),
            )),
            Value::Reference(Reference::Port(service, port)) => {
                let part = match &**key {
                    "url" => PortPart::Url,
                    "address" => PortPart::Address,
                    "host" => PortPart::Host,
                    "number" => PortPart::Number,
                    _ => {
                        let known = ["url", "address", "host", "number"];
                        return self.report(no_field("a port", name, &known));
                    }
                };
                self.symbolic |= part == PortPart::Number;
                here(Value::Text(Text::Pieces(vec![Piece::Port {
                    service: service.clone(),
                    port: port.clone(),
                    part,
                }])))
            }
            Value::Reference(Reference::Config(config)) => {
                self.symbolic = true;
                here(Value::Reference(Reference::ConfigKey(
                    config.clone(),
                    key.clone(),
                )))
            }
            Value::Reference(Reference::Secret(secret)) if &**key == "path" => here(Value::Text(
                Text::Pieces(vec![Piece::SecretPath(secret.clone())]),
            )),
            Value::Reference(Reference::Secret(_)) => {
                self.report(no_field("a secret", name, &["path"]))
            }
            quantity => match operators::in_unit(quantity, key, rounding) {
                Some(Ok(value)) => here(value),
                Some(Err(_)) => self.report(not_whole(base, key, at)),
                None => {
                    let diagnostic = no_field(kind_of(quantity), name, &[]);
                    self.report(diagnostic.and(base.span, format!("this is {}", shown(quantity))))
                }
            },
        }
    }

    /// `base[index]`
    pub(super) fn index(
        &mut self,
        expr: &'a Expr,
        base: &'a Expr,
        index: &'a Expr,
        scope: &mut Scope<'a>,
    ) -> Option<Spanned<Value>> {
        if let ExprKind::Name(_) = base.kind
            && let Binding::ResourceMap(kind) = self.binding(scope.file, base)
        {
            let label = self.expression(index, scope)?;
            let label = self.known_text(&label)?;
            let label = self.own_part(&label, Some(kind), scope).unwrap_or(label);
            let value = Value::Reference(reference(kind, label));
            return Some(Spanned::new(value, expr.span));
        }
        let whole = self.expression(base, scope);
        let index = self.expression(index, scope)?;
        let (whole, index) = (whole?, self.forced(index)?);
        match (&whole.value, &index.value) {
            (Value::List(items), Value::Int(at)) => {
                let found = usize::try_from(*at).ok().and_then(|at| items.get(at));
                match found {
                    Some(item) => Some(item.clone()),
                    None => self.report(no_item(*at, items.len(), &whole, &index)),
                }
            }
            (Value::Record(_) | Value::Reference(_), Value::Text(Text::Known(key))) => {
                let name = ast::Name {
                    text: key.clone(),
                    span: index.span,
                };
                self.part(&whole, &name, expr.span, Rounding::Exact)
            }
            (Value::List(_), _) => self.report(wrong_type(&index, "int")),
            (Value::Record(_) | Value::Reference(_), _) => {
                let index = self.settled(index)?;
                self.report(wrong_type(&index, "string"))
            }
            _ => self.report(wrong_type(&whole, "a list or a map")),
        }
    }

    /// The value of a `param`, `deploy` or `let` item.
    pub(super) fn item(&mut self, file: FileId, index: usize, at: Span) -> Option<Spanned<Value>> {
        match self.items.get(&(file, index)) {
            Some(Memo::Done(value)) => return self.seen_from(file, index, value.clone(), at),
            // The check has reported the cycle.
            Some(Memo::Running) => return None,
            None => {}
        }
        self.items.insert((file, index), Memo::Running);
        let mut scope = Scope::top(file);
        let value = match self.item_at(file, index) {
            Some(Item::Let(item)) => {
                let value = self.expression(&item.value, &mut scope);
                match (value, &item.ty, self.item_type(file, index)) {
                    (Some(value), Some(ty), Some(wanted)) => {
                        self.fitted(value, wanted, Some((ty.span, &item.name.text)))
                    }
                    (value, ..) => value,
                }
            }
            Some(Item::Param(item)) => self.parameter(file, index, item),
            Some(Item::Deploy(item)) => self.variable(file, index, item),
            _ => self.report(not_a_value("this", at)),
        };
        self.items.insert((file, index), Memo::Done(value.clone()));
        self.seen_from(file, index, value, at)
    }

    /// A `let` was written where it is declared; the value of a `param` or `deploy` comes from
    /// outside, so what points at it points at its use.
    fn seen_from(
        &self,
        file: FileId,
        index: usize,
        value: Option<Spanned<Value>>,
        at: Span,
    ) -> Option<Spanned<Value>> {
        let value = value?;
        match self.item_at(file, index) {
            Some(Item::Param(_) | Item::Deploy(_)) => Some(Spanned::new(value.value, at)),
            _ => Some(value),
        }
    }
}

/// A reference to a resource.
pub(super) fn reference(kind: ResourceKind, name: Str) -> Reference {
    match kind {
        ResourceKind::Service => Reference::Service(name),
        ResourceKind::Network => Reference::Network(name),
        ResourceKind::Volume => Reference::Volume(name),
        ResourceKind::Config => Reference::Config(name),
        ResourceKind::Secret => Reference::Secret(name),
    }
}

/// Nothing has this name, after expansion.
pub(super) fn unknown_name(name: &str, near: Option<&str>, at: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::UNKNOWN_NAME,
        format!("nothing is named `{name}`, and no loop or condition makes it"),
        at,
    );
    match near {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic,
    }
}

fn not_a_value(name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::TYPE_MISMATCH,
        format!("`{name}` is no value of its own"),
        at,
    )
}

pub(super) fn no_field(owner: &str, name: &ast::Name, known: &[&str]) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::UNKNOWN_FIELD,
        format!("{owner} has no `{}`", name.text),
        name.span,
    );
    match nearest(&name.text, known.iter().copied()) {
        Some(near) => diagnostic
            .help(format!("did you mean `{near}`?"))
            .replace(name.span, near),
        None if known.is_empty() => diagnostic,
        None => {
            let known: Vec<String> = known.iter().take(8).map(|key| format!("`{key}`")).collect();
            diagnostic.help(format!("it has {}", known.join(", ")))
        }
    }
}

fn no_item(index: i64, length: usize, whole: &Spanned<Value>, at: &Spanned<Value>) -> Diagnostic {
    let message = format!("there is no item {index} in a list of {length}");
    let diagnostic = Diagnostic::new(&catalogue::MISSING_ITEM, message, at.span);
    let diagnostic = diagnostic.and(whole.span, "the list");
    match length.checked_sub(1) {
        Some(last) => diagnostic.help(format!("items are counted from 0: the last is {last}")),
        None => diagnostic.help("the list is empty"),
    }
}

fn not_whole(base: &Spanned<Value>, unit: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INEXACT,
        format!("{} is not a whole number of `{unit}`", shown(&base.value)),
        at,
    )
    .help("say which way to round: `floor(…)` or `ceil(…)` around it, or take a smaller unit")
}
