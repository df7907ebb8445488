//! Labels of blocks: names, texts, and the resources and ports that paths lead to.

use super::evaluator::{Evaluator, Scope};
use super::names::reference;
use super::operators::Rounding;
use super::shown::shown;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::resolve::DefinitionKind;
use crate::source::{FileId, Span, Spanned};
use crate::syntax::ast::{self, Item};
use crate::types::{Reference, ResourceKind, Value};
use crate::vocabulary::{Label, LabelRule};

impl<'a> Evaluator<'a> {
    /// A block's label.
    pub(super) fn label(
        &mut self,
        block: &'a ast::Block,
        rule: LabelRule,
        scope: &mut Scope<'a>,
    ) -> Option<Label> {
        let Some(label) = &block.label else {
            return Some(Label::None);
        };
        match (label, rule) {
            (ast::Label::Path(path), LabelRule::Resource(kind)) => {
                self.resource_label(path, kind, scope)
            }
            (ast::Label::Path(path), LabelRule::Port) => self.port_label(path, scope),
            (ast::Label::Path(path), _) => Some(Label::Name(match path.as_name() {
                Some(name) => name.text.clone(),
                None => path.to_string().into(),
            })),
            (ast::Label::Text(expr), LabelRule::Resource(kind)) => {
                let name = self.expression(expr, scope)?;
                let name = self.known_text(&name)?;
                let name = self.own_part(&name, Some(kind), scope).unwrap_or(name);
                Some(Label::Reference(reference(kind, name)))
            }
            (ast::Label::Text(expr), _) => {
                let text = self.expression(expr, scope)?;
                self.known_text(&text).map(Label::Name)
            }
            (ast::Label::Reference(expr), rule) => {
                let value = self.expression(expr, scope)?;
                self.as_label(&value, rule)
            }
        }
    }

    fn as_label(&mut self, value: &Spanned<Value>, rule: LabelRule) -> Option<Label> {
        match (&value.value, rule) {
            (Value::Reference(it), LabelRule::Resource(_) | LabelRule::Port) => {
                Some(Label::Reference(it.clone()))
            }
            (Value::Text(_), LabelRule::Resource(kind)) => {
                let name = self.known_text(value)?;
                Some(Label::Reference(reference(kind, name)))
            }
            _ => self.report(no_label(value)),
        }
    }

    /// `join backend`, `join infra.edge`, or a parameter that holds a resource.
    fn resource_label(
        &mut self,
        path: &'a ast::Path,
        kind: ResourceKind,
        scope: &mut Scope<'a>,
    ) -> Option<Label> {
        let (first, rest) = path.parts.split_first()?;
        if let Some(value) = scope.local(&first.text).cloned() {
            let value = self.parts(value, rest, path.span)?;
            return self.as_label(&value, LabelRule::Resource(kind));
        }
        if let Some((full, rest)) = self.part_path(path, scope) {
            if !rest.is_empty() {
                return self.report(unknown_path(path));
            }
            return Some(Label::Reference(reference(kind, full)));
        }
        let (last, modules) = path.parts.split_last()?;
        if self.follow(modules, scope.file).is_none() {
            return self.report(unknown_path(path));
        }
        // A name may stand for a value that holds a resource.
        if let Some((file, index)) = self.value_at(last, modules, scope.file) {
            let value = self.item(file, index, path.span)?;
            return self.as_label(&value, LabelRule::Resource(kind));
        }
        Some(Label::Reference(reference(kind, last.text.clone())))
    }

    /// `server real.http`, `server infra.redis.http`, or a parameter that holds a service or port.
    fn port_label(&mut self, path: &'a ast::Path, scope: &mut Scope<'a>) -> Option<Label> {
        let (first, rest) = path.parts.split_first()?;
        if let Some(value) = scope.local(&first.text).cloned() {
            let value = self.parts(value, rest, path.span)?;
            return self.as_port(&value);
        }
        if let Some((service, rest)) = self.part_path(path, scope) {
            let [port] = rest else {
                return self.report(no_port(path));
            };
            return Some(Label::Reference(Reference::Port(
                service,
                port.text.clone(),
            )));
        }
        let (last, owner) = path.parts.split_last()?;
        let Some((service, modules)) = owner.split_last() else {
            if let Some((file, index)) = self.value_at(last, &[], scope.file) {
                let value = self.item(file, index, path.span)?;
                return self.as_port(&value);
            }
            return self.report(no_port(path));
        };
        if self.follow(modules, scope.file).is_none() {
            return self.report(unknown_path(path));
        }
        if let Some((file, index)) = self.value_at(service, modules, scope.file) {
            let value = self.item(file, index, path.span)?;
            let value = self.part(&value, last, path.span, Rounding::Exact)?;
            return self.as_port(&value);
        }
        Some(Label::Reference(Reference::Port(
            service.text.clone(),
            last.text.clone(),
        )))
    }

    fn as_port(&mut self, value: &Spanned<Value>) -> Option<Label> {
        match &value.value {
            Value::Reference(it @ Reference::Port(..)) => Some(Label::Reference(it.clone())),
            _ => self.report(no_label(value)),
        }
    }

    /// The `let` or `param` that a path names.
    fn value_at(
        &self,
        name: &ast::Name,
        modules: &[ast::Name],
        from: FileId,
    ) -> Option<(FileId, usize)> {
        let file = self.follow(modules, from)?;
        match self.definition(file, &name.text)?.kind {
            DefinitionKind::Item(index) => match self.item_at(file, index)? {
                Item::Let(_) | Item::Param(_) => Some((file, index)),
                _ => None,
            },
            _ => None,
        }
    }

    fn parts(
        &mut self,
        value: Spanned<Value>,
        names: &[ast::Name],
        at: Span,
    ) -> Option<Spanned<Value>> {
        names.iter().try_fold(value, |value, name| {
            self.part(&value, name, at, Rounding::Exact)
        })
    }
}

fn no_label(value: &Spanned<Value>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::TYPE_MISMATCH,
        format!("{} names nothing that may stand here", shown(&value.value)),
        value.span,
    )
}

fn no_port(path: &ast::Path) -> Diagnostic {
    Diagnostic::new(
        &catalogue::TYPE_MISMATCH,
        format!("`{path}` does not say which port"),
        path.span,
    )
    .help(format!("name the port too: `{path}.http`"))
}

fn unknown_path(path: &ast::Path) -> Diagnostic {
    Diagnostic::new(
        &catalogue::UNKNOWN_REFERENCE,
        format!("`{path}` leads to no module of this program"),
        path.span,
    )
}
