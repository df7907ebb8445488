//! The top level: loops unrolled, conditions decided, labels evaluated, each resource named once.

use super::budget::RESOURCES;
use super::evaluator::{Evaluator, Scope};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::{Span, Str};
use crate::syntax::ast::{self, Item};
use crate::types::ResourceKind;
use crate::vocabulary::{
    App, Block, BlockSchema, Config, Gateway, Label, LabelRule, Network, Secret, Service,
    TargetSettings, Volume,
};
use rustc_hash::FxHashMap;
use std::ops::Range;

/// A block of the top level, expanded.
#[derive(Clone, Debug)]
pub(super) struct Resource<'a> {
    pub(super) block: &'a ast::Block,
    pub(super) schema: &'static BlockSchema,
    /// `None` for `app` and `target`.
    pub(super) kind: Option<ResourceKind>,
    pub(super) label: Label,
    /// The loop variables around it.
    pub(super) scope: Scope<'a>,
}

impl Resource<'_> {
    /// Where it is made: the `use` of its instance, else its own kind and label.
    fn place(&self) -> Span {
        match &self.scope.instance {
            Some(instance) => instance.made,
            None => self.block.head(),
        }
    }
}

/// What the top level expands to, in order.
#[derive(Debug, Default)]
pub(super) struct Resources<'a> {
    list: Vec<Resource<'a>>,
    by_name: FxHashMap<(ResourceKind, Str), usize>,
    /// Instances of components, each with the `use` that makes it.
    instances: FxHashMap<Str, Span>,
}

impl<'a> Resources<'a> {
    pub(super) fn get(&self, index: usize) -> Option<&Resource<'a>> {
        self.list.get(index)
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// How many of these are services or gateways.
    pub(super) fn services(&self, range: &Range<usize>) -> usize {
        let service = |resource: &&Resource<'a>| resource.kind == Some(ResourceKind::Service);
        let list = self.list.get(range.clone()).unwrap_or_default();
        list.iter().filter(service).count()
    }

    /// The resource of this kind and name.
    pub(super) fn find(&self, kind: ResourceKind, name: &Str) -> Option<usize> {
        self.by_name.get(&(kind, name.clone())).copied()
    }

    /// Takes down an instance; gives where one of its name was made before.
    pub(super) fn add_instance(&mut self, name: &Str, made: Span) -> Option<Span> {
        let before = self.instances.get(name).copied();
        if before.is_none() {
            self.instances.insert(name.clone(), made);
        }
        before
    }

    /// The name of a resource; empty where there is none.
    pub(super) fn name(&self, index: usize) -> String {
        self.get(index)
            .map(|resource| resource.label.name().to_owned())
            .unwrap_or_default()
    }

    /// The names of all resources, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list
            .iter()
            .filter(|resource| resource.kind.is_some())
            .map(|resource| resource.label.name())
    }
}

/// What a walk over the top level is for.
pub(super) enum Pass<'p> {
    /// Naming the resources; tells whether there are assertions.
    Resources(&'p mut bool),
    /// Judging the assertions.
    Asserts,
}

impl<'a> Evaluator<'a> {
    /// Expands every module, imports before the file that imports them. Assertions are judged in
    /// a second walk, when all resources are known.
    pub(super) fn expand(&mut self) {
        let program = self.program;
        let Some((main, imported)) = program.modules.split_first() else {
            return;
        };
        let modules = || imported.iter().chain([main]);
        let mut has_asserts = false;
        for module in modules() {
            let mut scope = Scope::top(module.file.id);
            let pass = &mut Pass::Resources(&mut has_asserts);
            self.top_level(&module.file.items, &mut scope, pass);
        }
        for module in modules().filter(|_| has_asserts) {
            let mut scope = Scope::top(module.file.id);
            self.top_level(&module.file.items, &mut scope, &mut Pass::Asserts);
        }
        if has_asserts {
            for (component, mut scope) in std::mem::take(&mut self.instances) {
                self.instance = scope.instance.clone();
                self.top_level(&component.body.items, &mut scope, &mut Pass::Asserts);
                self.instance = None;
            }
        }
    }

    /// Some items of the top level.
    pub(super) fn top_level(
        &mut self,
        items: &'a [Item],
        scope: &mut Scope<'a>,
        pass: &mut Pass<'_>,
    ) -> Option<()> {
        for item in items {
            match (item, &mut *pass) {
                (Item::Block(block), Pass::Resources(_)) => self.resource(block, scope)?,
                (Item::Assert(_), Pass::Resources(seen)) => **seen = true,
                (Item::Use(it), Pass::Resources(_)) => self.instantiate(it, scope, pass)?,
                (Item::Assert(assert), Pass::Asserts) => self.assertion(assert, scope),
                (Item::For(it), _) => {
                    let second = it.second.as_ref();
                    self.each(&it.over, &it.first, second, scope, &mut |this, scope| {
                        this.top_level(&it.body.items, scope, pass)
                    });
                }
                (Item::If(it), _) => {
                    if let Some(taken) = self.taken(it, scope) {
                        self.top_level(&taken.items, scope, pass)?;
                    }
                }
                _ => {}
            }
            if self.stopped() {
                return None;
            }
        }
        Some(())
    }

    fn resource(&mut self, block: &'a ast::Block, scope: &mut Scope<'a>) -> Option<()> {
        self.spend(1, block.span)?;
        let (schema, kind) = match &*block.kind.text {
            "service" => (&Service::SCHEMA, Some(ResourceKind::Service)),
            "gateway" => (&Gateway::SCHEMA, Some(ResourceKind::Service)),
            "network" => (&Network::SCHEMA, Some(ResourceKind::Network)),
            "volume" => (&Volume::SCHEMA, Some(ResourceKind::Volume)),
            "config" => (&Config::SCHEMA, Some(ResourceKind::Config)),
            "secret" => (&Secret::SCHEMA, Some(ResourceKind::Secret)),
            "app" => (&App::SCHEMA, None),
            "target" => (&TargetSettings::SCHEMA, None),
            // The check has reported it.
            _ => return Some(()),
        };
        // A resource's own label is never a reference.
        let rule = match schema.label {
            LabelRule::Resource(_) | LabelRule::Port => LabelRule::Name,
            rule => rule,
        };
        let Some(label) = self.label(block, rule, scope) else {
            return Some(());
        };
        if self.resources.len() >= RESOURCES {
            return self.stop(block.span, "the program makes more than 100,000 resources");
        }
        let label = match (&scope.instance, kind) {
            (Some(_), Some(_)) => {
                let own = Str::from(label.name());
                let full = scope.full_name(&own);
                if kind == Some(ResourceKind::Service)
                    && is_service_label(&own)
                    && !is_service_label(&full)
                {
                    self.report::<()>(long_part(&block.kind.text, &full, block.head()));
                    return Some(());
                }
                Label::Name(full)
            }
            _ => label,
        };
        if kind == Some(ResourceKind::Service) && !is_service_label(label.name()) {
            let diagnostic = bad_label(&block.kind.text, label.name(), block.head());
            self.report::<()>(diagnostic);
            return Some(());
        }
        let index = self.resources.list.len();
        let name = Str::from(label.name());
        let resource = Resource {
            block,
            schema,
            kind,
            label,
            scope: scope.clone(),
        };
        let before = match kind {
            Some(kind) => self.resources.find(kind, &name),
            None => self.same_setting(&resource),
        };
        if let Some(before) = before.and_then(|before| self.resources.get(before)) {
            let diagnostic = made_twice(&resource, before);
            self.report::<()>(diagnostic);
            return Some(());
        }
        if let Some(kind) = kind {
            self.resources.by_name.insert((kind, name), index);
        }
        self.resources.list.push(resource);
        Some(())
    }

    /// Another `app`, or another `target` of the same name.
    fn same_setting(&self, resource: &Resource<'a>) -> Option<usize> {
        self.resources.list.iter().position(|known| {
            known.kind.is_none()
                && known.block.kind.text == resource.block.kind.text
                && (&*known.block.kind.text == "app" || known.label == resource.label)
        })
    }
}

/// Whether a name may be a service's: a DNS label (RFC 1123) that starts with a letter (RFC 1035),
/// since Kubernetes' Services and swarm's names are looked up in the DNS.
pub(super) fn is_service_label(name: &str) -> bool {
    let bytes = name.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    bytes.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.iter().all(inner)
        && bytes.last() != Some(&b'-')
}

/// A part whose name is too long with its instance's before it.
fn long_part(kind: &str, full: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_LABEL,
        format!(
            "the {kind} `{full}` has a name of {} characters, and 63 are the most",
            full.len()
        ),
        at,
    )
    .help("give the instance a shorter name: its parts are emitted as `INSTANCE-PART`")
    .note("a service's name becomes a DNS label (RFC 1123), which no target cuts for you")
}

pub(super) fn bad_label(kind: &str, name: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_LABEL,
        format!("`{name}` cannot name a {kind}"),
        at,
    )
    .help(
        "a name is at most 63 lower-case letters, digits and hyphens; it begins with a letter and \
         does not end in a hyphen",
    )
}

fn made_twice(resource: &Resource<'_>, before: &Resource<'_>) -> Diagnostic {
    let kind = &resource.block.kind.text;
    let name = resource.label.name();
    let at = resource.place();
    let diagnostic = if &**kind == "app" {
        Diagnostic::new(&catalogue::SECOND_APP, "a program has one `app`", at)
    } else {
        let message = format!("there are two {kind}s named `{name}`");
        Diagnostic::new(&catalogue::DUPLICATE_NAME, message, at)
    };
    let first = before.place();
    if first == at {
        return diagnostic
            .labelled("made again by the next turn of the loop")
            .help("compute the name from the loop's variable: `\"name-${n}\"`");
    }
    diagnostic
        .and(first, "the first is here")
        .help("give one of them another name")
}
