//! What each file declares: one namespace for its items, its resources and its imports.

use super::{
    ComputedLabel, Definition, DefinitionKind, Instance, InstanceId, Parts, Program, UNREAD,
    resource_kind,
};
use crate::diagnostics::catalogue::DUPLICATE_NAME;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::{FileId, Span, Str};
use crate::syntax::ast::{self, ExprKind, ImportFrom, Item, Label, TextPart};
use crate::types::ResourceKind;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// The names of a file's top level and, by index of item, of its components. Computed labels and
/// instances go to the program.
pub(super) fn declare(
    file: &ast::File,
    imports: &[(usize, FileId)],
    program: &mut Program,
    diagnostics: &mut Diagnostics,
) -> (BTreeMap<Str, Definition>, BTreeMap<usize, Parts>) {
    let mut declared = Declared::new(file, None, program, diagnostics);
    for (index, item) in file.items.iter().enumerate() {
        declared.item(index, item, imports);
    }
    let Parts { names, computed } = declared.finish();
    program.computed_labels.extend(computed);
    let mut components = BTreeMap::new();
    for (index, item) in file.items.iter().enumerate() {
        if let Item::Component(component) = item {
            let mut declared = Declared::new(file, Some(index), program, diagnostics);
            for item in &component.body.items {
                declared.resources(item, 0);
            }
            let parts = declared.finish();
            for parameter in &component.parameters {
                if let Some(part) = parts.names.get(&parameter.name.text) {
                    diagnostics.push(parameter_taken(&parameter.name, part));
                }
            }
            components.insert(index, parts);
        }
    }
    (names, components)
}

struct Declared<'a> {
    file: &'a ast::File,
    /// The component whose body is looked at, by index of its item.
    owner: Option<usize>,
    names: BTreeMap<Str, Definition>,
    /// The body that declares a name, where it is not the file's own.
    inner: BTreeMap<Str, usize>,
    computed: Vec<ComputedLabel>,
    /// How many bodies were entered; the file itself is 0.
    bodies: usize,
    program: &'a mut Program,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Declared<'a> {
    fn new(
        file: &'a ast::File,
        owner: Option<usize>,
        program: &'a mut Program,
        diagnostics: &'a mut Diagnostics,
    ) -> Self {
        Self {
            file,
            owner,
            names: BTreeMap::new(),
            inner: BTreeMap::new(),
            computed: Vec::new(),
            bodies: 0,
            program,
            diagnostics,
        }
    }

    fn finish(self) -> Parts {
        Parts {
            names: self.names,
            computed: self.computed,
        }
    }

    fn item(&mut self, index: usize, item: &Item, imports: &[(usize, FileId)]) {
        let name = match item {
            Item::Import(import) => {
                let module = imports
                    .iter()
                    .find(|(at, _)| *at == index)
                    .map_or(UNREAD, |(_, module)| *module);
                if let Some(alias) = alias(import) {
                    self.add(alias, DefinitionKind::Import(module), 0);
                }
                return;
            }
            Item::Param(item) => &item.name,
            Item::Deploy(item) => &item.name,
            Item::Let(item) => &item.name,
            Item::Function(item) => &item.name,
            Item::Type(item) => &item.name,
            Item::Template(item) | Item::Component(item) => &item.name,
            other => return self.resources(other, 0),
        };
        self.add(name, DefinitionKind::Item(index), 0);
    }

    /// The resources of an item that stands in a body, and in the bodies within it.
    fn resources(&mut self, item: &Item, body: usize) {
        match item {
            Item::Block(block) => self.resource(block, body),
            Item::For(item) => self.enter(&item.body),
            Item::If(item) => {
                for (_, body) in &item.branches {
                    self.enter(body);
                }
                if let Some(body) = &item.otherwise {
                    self.enter(body);
                }
            }
            Item::Use(item) => self.instance(item, body),
            _ => {}
        }
    }

    fn enter(&mut self, body: &ast::Body) {
        self.bodies += 1;
        let id = self.bodies;
        for item in &body.items {
            self.resources(item, id);
        }
    }

    fn resource(&mut self, block: &ast::Block, body: usize) {
        let Some(kind) = resource_kind(&block.kind.text) else {
            return;
        };
        match &block.label {
            Some(Label::Path(path)) => {
                if let Some(name) = path.as_name() {
                    self.add(name, DefinitionKind::Resource(kind), body);
                }
            }
            Some(Label::Text(text)) => {
                if let ExprKind::Text(parts) = &text.kind {
                    self.text_label(kind, parts, text.span, body);
                }
            }
            Some(Label::Reference(_)) | None => {}
        }
    }

    fn text_label(&mut self, kind: ResourceKind, parts: &[TextPart], span: Span, body: usize) {
        let literal = |part: Option<&TextPart>| match part {
            Some(TextPart::Literal(text)) => text.clone(),
            _ => Str::from(""),
        };
        if let [TextPart::Literal(text)] = parts {
            let name = ast::Name {
                text: text.clone(),
                span,
            };
            self.add(&name, DefinitionKind::Resource(kind), body);
        } else if !parts.is_empty() {
            self.computed.push(ComputedLabel {
                kind,
                prefix: literal(parts.first()),
                suffix: literal(parts.last()),
            });
        }
    }

    /// `use redis() as cache`
    fn instance(&mut self, item: &ast::Use, body: usize) {
        let name = match &item.alias {
            Some(Label::Path(path)) => path.as_name().cloned(),
            Some(Label::Text(text)) => match &text.kind {
                ExprKind::Text(parts) if text.as_text().is_none() => {
                    // The parts of such an instance are named by their emitted names.
                    let prefix = match parts.first() {
                        Some(TextPart::Literal(text)) => text.clone(),
                        _ => Str::from(""),
                    };
                    self.computed.push(ComputedLabel {
                        kind: ResourceKind::Service,
                        prefix,
                        suffix: "".into(),
                    });
                    None
                }
                _ => text.as_text().map(|known| ast::Name {
                    text: known.into(),
                    span: text.span,
                }),
            },
            Some(Label::Reference(_)) | None => None,
        };
        let Some(name) = name else { return };
        let before = self.names.get(&name.text).map(|first| first.kind);
        if let Some(DefinitionKind::Instance(InstanceId(known))) = before
            && self.body_of(&name.text) != body
            && let Some(known) = self.program.instances.get_mut(known)
        {
            known.components.push(item.path.clone());
            return;
        }
        let id = InstanceId(self.program.instances.len());
        self.program.instances.push(Instance {
            file: self.file.id,
            owner: self.owner,
            components: vec![item.path.clone()],
        });
        self.add(&name, DefinitionKind::Instance(id), body);
    }

    /// The body that declares a name first.
    fn body_of(&self, name: &str) -> usize {
        self.inner.get(name).copied().unwrap_or(0)
    }

    fn add(&mut self, name: &ast::Name, kind: DefinitionKind, body: usize) {
        let definition = Definition {
            kind,
            span: name.span,
        };
        let first_body = self.body_of(&name.text);
        let first = match self.names.entry(name.text.clone()) {
            Entry::Occupied(first) => first.into_mut(),
            Entry::Vacant(place) => {
                place.insert(definition);
                if body != 0 {
                    self.inner.insert(name.text.clone(), body);
                }
                return;
            }
        };
        // In different bodies, conditions may keep them apart: evaluation looks again.
        let apart = first_body != body && first.kind == kind;
        if !apart {
            self.diagnostics
                .push(duplicate_name(&name.text, first, &definition));
        }
    }
}

/// The name an import goes by.
fn alias(import: &ast::Import) -> Option<&ast::Name> {
    import.alias.as_ref().or(match &import.from {
        ImportFrom::Std(path) => path.parts.last(),
        ImportFrom::File { .. } => None,
    })
}

fn parameter_taken(parameter: &ast::Name, part: &Definition) -> Diagnostic {
    Diagnostic::new(
        &DUPLICATE_NAME,
        format!("`{parameter}` is a parameter and a part of one component"),
        part.span,
    )
    .labelled("the part")
    .and(parameter.span, "the parameter")
    .help("give one another name")
}

fn duplicate_name(name: &str, first: &Definition, second: &Definition) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &DUPLICATE_NAME,
        format!("`{name}` is declared twice"),
        second.span,
    )
    .labelled("declared again here")
    .and(first.span, "first declared here")
    .note("a file has one namespace for its resources, items and imports");
    let both = (first.kind, second.kind);
    if let (DefinitionKind::Resource(_), DefinitionKind::Resource(_)) = both {
        diagnostic.help(format!(
            "give one another name; `name = \"{name}\"` in its body keeps the name that is written out"
        ))
    } else if matches!(both.0, DefinitionKind::Import(_))
        || matches!(both.1, DefinitionKind::Import(_))
    {
        diagnostic.help("give one another name; an import takes one with `as NAME`")
    } else {
        diagnostic.help("give one another name")
    }
}
