//! Instances of components: their parameters bound, their bodies expanded, their parts named.
//!
//! A part has one flat name from here on, `cache-server`, under which references find it and
//! targets emit it.

use super::evaluator::{Evaluator, Scope};
use super::expand::Pass;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::resolve::{Binding, DefinitionKind, InstanceId, Place, resolve_path};
use crate::source::{Span, Str};
use crate::syntax::ast::{self, Expr, ExprKind, Item};
use crate::types::ResourceKind;
use std::rc::Rc;

/// The instance whose body is evaluated.
#[derive(Debug)]
pub(super) struct Instance {
    /// Its component, by index of item in the scope's file.
    component: usize,
    /// Its name, with those of the instances around it.
    name: Str,
    /// The `use` that makes it.
    pub(super) made: Span,
}

impl Scope<'_> {
    /// Where names are looked up.
    pub(super) fn place(&self) -> Place {
        Place {
            file: self.file,
            component: self.instance.as_ref().map(|instance| instance.component),
        }
    }

    /// The name that a resource of this body is known by.
    pub(super) fn full_name(&self, name: &Str) -> Str {
        match &self.instance {
            Some(instance) => joined(&instance.name, name),
            None => name.clone(),
        }
    }
}

fn joined(instance: &str, part: &str) -> Str {
    Str::from(format!("{instance}-{part}"))
}

impl<'a> Evaluator<'a> {
    /// `use NAME(…) as x` outside a service: the component's body, expanded.
    pub(super) fn instantiate(
        &mut self,
        item: &'a ast::Use,
        scope: &mut Scope<'a>,
        pass: &mut Pass<'_>,
    ) -> Option<()> {
        let Some((file, index)) = self.template(&item.path, scope.file) else {
            return Some(());
        };
        let Some(Item::Component(component)) = self.item_at(file, index) else {
            return Some(());
        };
        self.spend(1, item.span)?;
        let Some(name) = self.instance_label(item, scope) else {
            return Some(());
        };
        let name = scope.full_name(&name);
        if let Some(first) = self.resources.add_instance(&name, item.span) {
            self.report::<()>(made_twice(&name, item, first));
            return Some(());
        }
        self.enter(item.span)?;
        let types = self.types_of(file, index, &component.parameters);
        let parameters = (&*component.parameters, &*types);
        let callee = &component.name;
        let bound = self.bound(file, parameters, &item.arguments, scope, callee, item.span);
        let done = match bound {
            Some(mut inner) => {
                inner.instance = Some(Rc::new(Instance {
                    component: index,
                    name,
                    made: item.span,
                }));
                let before = std::mem::replace(&mut self.instance, inner.instance.clone());
                self.instances.push((component, inner.clone()));
                let done = self.top_level(&component.body.items, &mut inner, pass);
                self.instance = before;
                done
            }
            None => (!self.stopped()).then_some(()),
        };
        self.leave();
        done
    }

    fn instance_label(&mut self, item: &'a ast::Use, scope: &mut Scope<'a>) -> Option<Str> {
        match item.alias.as_ref()? {
            ast::Label::Path(path) => path.as_name().map(|name| name.text.clone()),
            ast::Label::Text(text) | ast::Label::Reference(text) => {
                let value = self.expression(text, scope)?;
                let name = self.known_text(&value)?;
                if !super::expand::is_service_label(&name) {
                    let diagnostic =
                        super::expand::bad_label("component's instance", &name, text.span);
                    return self.report(diagnostic);
                }
                Some(name)
            }
        }
    }

    /// The instance that an expression names, with its full name.
    pub(super) fn instance_named(
        &self,
        expr: &Expr,
        scope: &Scope<'a>,
    ) -> Option<(InstanceId, Str)> {
        if self.program.instances.is_empty() {
            return None;
        }
        match &expr.kind {
            ExprKind::Name(name) => match self.binding(scope.file, expr) {
                Binding::Instance(id) => {
                    let own = self.program.instances.get(id.0)?.owner.is_some();
                    let name = if own {
                        scope.full_name(name)
                    } else {
                        name.clone()
                    };
                    Some((id, name))
                }
                _ => None,
            },
            ExprKind::Field(base, name) => {
                if let Some(module) = self.module(base, scope) {
                    return match self.definition(module, &name.text)?.kind {
                        DefinitionKind::Instance(id) => Some((id, name.text.clone())),
                        _ => None,
                    };
                }
                let (outer, full) = self.instance_named(base, scope)?;
                match self.program.part(outer, &name.text)? {
                    DefinitionKind::Instance(id) => Some((id, joined(&full, &name.text))),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// What a part of an instance is, with its full name; the kind is `None` where only expansion
    /// makes it.
    pub(super) fn part_of(
        &self,
        (id, full): (InstanceId, &Str),
        name: &ast::Name,
    ) -> (Option<ResourceKind>, Str) {
        let kind = match self.program.part(id, &name.text) {
            Some(DefinitionKind::Resource(kind)) => Some(kind),
            _ => None,
        };
        (kind, joined(full, &name.text))
    }

    /// The full name of a resource of the component around, where it has one of this name: written
    /// so, or of a label that expansion makes.
    pub(super) fn own_part(
        &self,
        name: &Str,
        kind: Option<ResourceKind>,
        scope: &Scope<'a>,
    ) -> Option<Str> {
        let parts = self.program.parts_at(scope.place())?;
        let of_kind = |found: ResourceKind| kind.is_none_or(|kind| kind == found);
        let written = match parts.names.get(name).map(|part| part.kind) {
            Some(DefinitionKind::Resource(found)) => of_kind(found),
            _ => false,
        };
        let computed =
            |label: &&crate::resolve::ComputedLabel| of_kind(label.kind) && label.fits(name);
        (written || parts.computed.iter().any(|label| computed(&label)))
            .then(|| scope.full_name(name))
    }

    /// The full name of the part that the front of a path names, with the rest of the path. `None`
    /// for a path that leads into no component.
    pub(super) fn part_path<'p>(
        &self,
        path: &'p ast::Path,
        scope: &Scope<'a>,
    ) -> Option<(Str, &'p [ast::Name])> {
        if scope.instance.is_none() && self.program.instances.is_empty() {
            return None;
        }
        let target = resolve_path(self.program, scope.place(), path);
        let (used, mut rest) = path.parts.split_at_checked(target.used)?;
        let mut names = used.iter().skip(target.modules).map(|part| &part.text);
        let head = names.next();
        match target.binding {
            Binding::Resource(_) if target.own || used.len() > target.modules + 1 => {}
            Binding::Instance(_) => {}
            Binding::Unbound => {
                let (first, rest) = path.parts.split_first()?;
                let full = self.own_part(&first.text, None, scope)?;
                return Some((full, rest));
            }
            _ => return None,
        }
        let mut full = match (target.own, head?) {
            (true, head) => scope.full_name(head),
            (false, head) => head.clone(),
        };
        for part in names {
            full = joined(&full, part);
        }
        if let Binding::Instance(_) = target.binding {
            // A part that expansion makes.
            let (part, after) = rest.split_first()?;
            full = joined(&full, &part.text);
            rest = after;
        }
        Some((full, rest))
    }
}

fn made_twice(name: &str, item: &ast::Use, first: Span) -> Diagnostic {
    let message = format!("there are two instances named `{name}`");
    let diagnostic = Diagnostic::new(&catalogue::DUPLICATE_NAME, message, item.span);
    if first == item.span {
        return diagnostic
            .labelled("made again by the next turn of the loop")
            .help("compute the name from the loop's variable: `as \"name-${n}\"`");
    }
    diagnostic
        .and(first, "the first is here")
        .help("give one of them another name")
}
