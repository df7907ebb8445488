//! Components: the body of one, `use NAME(…) as x`, and what `x.part` names.

use super::Checker;
use super::body::misplaced;
use super::label::{is_service_name, mended_service_name};
use super::top::Once;
use crate::diagnostics::catalogue::{
    INVALID_LABEL, MISPLACED_ITEM, MISUSED_NAME, UNKNOWN_NAME, UNNAMED_INSTANCE,
};
use crate::diagnostics::{Diagnostic, nearest};
use crate::resolve::{
    Binding, DefinitionKind, InstanceId, Place, UNREAD, resolve_path, resource_kind,
};
use crate::source::{FileId, Span};
use crate::syntax::ast::{Body, Expr, ExprKind, Item, Label, Name, Use};
use crate::types::Ty;

/// What stands in a component, for messages.
const HERE: &str = "in a component";

impl Checker<'_> {
    /// The body of a component: resources, instances of other components, loops and conditions.
    pub(super) fn component(&mut self, index: usize, body: &Body) {
        self.component = Some(index);
        self.component_items(body);
        self.component = None;
    }

    fn component_items(&mut self, body: &Body) {
        for item in &body.items {
            match item {
                Item::Block(block)
                    if matches!(&*block.kind.text, "app" | "target")
                        && resource_kind(&block.kind.text).is_none() =>
                {
                    let message = format!("`{}` does not belong {HERE}", block.kind);
                    self.report(
                        Diagnostic::new(&MISPLACED_ITEM, message, block.head())
                            .help("it stands at the top level of the main file"),
                    );
                }
                Item::Block(block) => self.top_block(block, false, &mut Once::default()),
                Item::Use(item) => self.instance(item),
                Item::For(item) => {
                    self.for_loop(item, |checker| checker.component_items(&item.body));
                }
                Item::If(item) => {
                    self.if_branches(item, &mut |checker, body| checker.component_items(body));
                }
                Item::Assert(assert) => self.assertion(assert),
                other => {
                    if let Some(found) = misplaced(other, HERE) {
                        self.report(found);
                    }
                }
            }
        }
    }

    /// `use NAME(…) as x` at the top level or in a component.
    pub(super) fn instance(&mut self, item: &Use) {
        let target = resolve_path(self.program, Place::top(self.file), &item.path);
        let whole = target.used == item.path.parts.len();
        let component = match target.binding {
            Binding::Item(file, index) if whole => match self.program.item(file, index) {
                Some(Item::Component(_)) => Some((file, index)),
                Some(Item::Template(_)) => {
                    self.report(template_at_top(item));
                    None
                }
                _ => {
                    self.report(no_component(item));
                    None
                }
            },
            Binding::Import(UNREAD) => None,
            Binding::Unbound | Binding::Import(_) => {
                self.unknown_component(item);
                None
            }
            _ => {
                self.report(no_component(item));
                None
            }
        };
        let Some(id) = component else {
            for argument in &item.arguments {
                self.infer(&argument.value);
            }
            return;
        };
        if let Some(signature) = self.signatures.get(&id).cloned() {
            self.arguments(&signature, &item.arguments, item.span);
        }
        match &item.alias {
            None => self.report(unnamed(item)),
            Some(Label::Path(path)) => {
                if let Some(name) = path.as_name() {
                    self.instance_name(name);
                }
            }
            Some(Label::Text(text)) => {
                self.known_text(text, "an instance's name");
                if let Some(known) = text.as_text() {
                    let name = Name {
                        text: known.into(),
                        span: text.span,
                    };
                    self.instance_name(&name);
                }
            }
            Some(Label::Reference(_)) => {}
        }
    }

    /// An instance's name begins those of its services.
    fn instance_name(&mut self, name: &Name) {
        if self.local(&name.text).is_some() && self.source(name.span) == &*name.text {
            let message = format!("this name is the word `{name}`, not the value of `{name}`");
            self.report(
                Diagnostic::new(&INVALID_LABEL, message, name.span)
                    .help(format!("write `as \"${{{name}}}\"`"))
                    .replace(name.span, format!("\"${{{name}}}\"")),
            );
        } else if !is_service_name(&name.text) {
            self.report(invalid_instance_name(name));
        }
    }

    /// The instance that an expression names, alone or through modules and other instances.
    pub(super) fn instance_of(&self, expr: &Expr) -> Option<InstanceId> {
        if self.program.instances.is_empty() {
            return None;
        }
        match &expr.kind {
            ExprKind::Name(_) => match self.program.binding(self.file, expr.id) {
                Binding::Instance(instance) => Some(instance),
                _ => None,
            },
            ExprKind::Field(base, name) => {
                let kind = match self.program.binding(self.file, base.id) {
                    Binding::Import(module) => self.program.definition(module, &name.text)?.kind,
                    _ => self.program.part(self.instance_of(base)?, &name.text)?,
                };
                match kind {
                    DefinitionKind::Instance(instance) => Some(instance),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// `cache.server` as a value.
    pub(super) fn part(&mut self, id: InstanceId, owner: Span, part: &Name, at: Span) -> Ty {
        match self.part_binding(id, owner, part) {
            Some(DefinitionKind::Resource(kind)) => Ty::Resource(kind),
            Some(DefinitionKind::Instance(_)) => self.instance_alone(at),
            _ => Ty::Any,
        }
    }

    /// What a part of an instance is; reported where there is none.
    pub(super) fn part_binding(
        &mut self,
        id: InstanceId,
        owner: Span,
        part: &Name,
    ) -> Option<DefinitionKind> {
        let found = self.program.part(id, &part.text);
        if found.is_some() || self.program.unread_words.contains(&part.text) {
            return found;
        }
        let components = self.program.components_of(id);
        let parts = || {
            components
                .iter()
                .filter_map(|(file, component)| self.program.parts(*file, *component))
        };
        let computed = parts().any(|parts| parts.may_be_computed(&part.text));
        if computed || components.is_empty() {
            return None;
        }
        let known: Vec<&str> = parts()
            .flat_map(|parts| parts.names.keys().map(|name| &**name))
            .collect();
        let source = self.source(owner);
        let message = format!("the instance `{source}` has no part `{part}`");
        let mut diagnostic = Diagnostic::new(&UNKNOWN_NAME, message, part.span);
        if let Some((file, component)) = components.first()
            && let Some(name) = self.component_name(*file, *component)
        {
            let of = format!("it is of `{name}`, whose parts are declared here");
            diagnostic = diagnostic.and(name.span, of);
        }
        diagnostic = if let Some(near) = nearest(&part.text, known.iter().copied()) {
            diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(part.span, near)
        } else {
            let listed = known.iter().map(|name| format!("`{name}`")).collect();
            diagnostic.help(format!(
                "its parts are {}",
                super::mismatch::and_list(listed)
            ))
        };
        self.report(diagnostic);
        None
    }

    fn component_name(&self, file: FileId, index: usize) -> Option<&Name> {
        match self.program.item(file, index)? {
            Item::Component(component) => Some(&component.name),
            _ => None,
        }
    }

    /// An instance where a value is asked for.
    pub(super) fn instance_alone(&mut self, at: Span) -> Ty {
        let source = self.source(at).to_owned();
        self.misused(
            at,
            &format!("`{source}` is an instance of a component"),
            &format!("write a part of it: `{source}.NAME`"),
        )
    }

    /// Whether expansion may make something of this name, here or in the component around.
    pub(super) fn may_be_computed(&self, name: &str) -> bool {
        let own = self.program.parts_at(self.place());
        self.program.may_be_computed(name) || own.is_some_and(|own| own.may_be_computed(name))
    }

    /// A component used in the body of a service.
    pub(super) fn component_in_body(&mut self, item: &Use) {
        let source = self.source(item.span).to_owned();
        let message = format!("`{}` is a component, not a template", item.path);
        let whole = match (&item.alias, item.path.parts.as_slice()) {
            (Some(_), _) => source,
            (None, [_, .., last]) => format!("{source} as {last}"),
            (None, _) => format!("{source} as NAME"),
        };
        self.report(
            Diagnostic::new(&MISUSED_NAME, message, item.path.span)
                .labelled("a component makes resources of its own")
                .help(format!("write `{whole}` at the top level")),
        );
    }

    fn unknown_component(&mut self, item: &Use) {
        let name = item.path.parts.last().map_or("", |part| &*part.text);
        if self.program.unread_words.contains(name) {
            return;
        }
        let file = match item.path.parts.as_slice() {
            [module, _, ..] => match self.program.definition(self.file, &module.text) {
                Some(found) => match found.kind {
                    DefinitionKind::Import(module) => module,
                    _ => self.file,
                },
                None => self.file,
            },
            _ => self.file,
        };
        let items = self.program.module(file).map(|module| &module.file.items);
        let components: Vec<&str> = items
            .into_iter()
            .flatten()
            .filter_map(|item| match item {
                Item::Component(component) => Some(&*component.name.text),
                _ => None,
            })
            .collect();
        let message = format!("there is no component `{}`", item.path);
        let diagnostic = Diagnostic::new(&UNKNOWN_NAME, message, item.path.span);
        let last = item.path.parts.last().map_or(item.path.span, |it| it.span);
        let diagnostic = match nearest(name, components.iter().copied()) {
            _ if item.path.parts.len() == 1
                && matches!(
                    self.program.definition(self.file, name).map(|it| it.kind),
                    Some(DefinitionKind::Import(_))
                ) =>
            {
                diagnostic.help(format!(
                    "`{name}` is a file; name a component of it: `use {name}.NAME`"
                ))
            }
            Some(near) => diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(last, near),
            None if file != self.file && !components.is_empty() => {
                let listed = components.iter().map(|name| format!("`{name}`")).collect();
                diagnostic.help(format!("it has {}", super::mismatch::and_list(listed)))
            }
            None => diagnostic.help(format!(
                "declare it at the top level: `component {name} {{ … }}`"
            )),
        };
        self.report(diagnostic);
    }
}

fn unnamed(item: &Use) -> Diagnostic {
    let path = &item.path;
    let after = Span {
        start: item.span.end,
        ..item.span
    };
    let diagnostic = Diagnostic::new(
        &UNNAMED_INSTANCE,
        format!("an instance of `{path}` needs a name"),
        item.span,
    )
    .note(
        "its parts are emitted under that name, so that one component can stand twice in a program",
    );
    match path.parts.as_slice() {
        [_, .., last] => diagnostic
            .help(format!("write `as {last}` after it"))
            .replace(after, format!(" as {last}")),
        // The component's own name is taken in this file.
        _ => diagnostic.help("write `as NAME` after it"),
    }
}

fn template_at_top(item: &Use) -> Diagnostic {
    let path = &item.path;
    Diagnostic::new(
        &MISPLACED_ITEM,
        format!("`{path}` is a template, and a template is used in a service's body"),
        item.span,
    )
    .help(format!("write `service NAME {{ use {path} }}`"))
}

fn invalid_instance_name(name: &Name) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &INVALID_LABEL,
        format!("`{name}` cannot name an instance"),
        name.span,
    )
    .note("it begins the names of its services, which are DNS labels (RFC 1123): at most 63 lower-case letters, digits and inner hyphens, the first a letter");
    match mended_service_name(&name.text) {
        Some(mended) => diagnostic
            .help(format!("write `as {mended}`"))
            .replace(name.span, mended),
        None => diagnostic,
    }
}

fn no_component(item: &Use) -> Diagnostic {
    let path = &item.path;
    Diagnostic::new(
        &MISUSED_NAME,
        format!("`{path}` is not a component"),
        path.span,
    )
    .help("`use` at the top level takes a component: `component NAME(…) { … }`")
}
