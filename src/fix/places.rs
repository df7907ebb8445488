//! Where a program's text can be changed: the blocks and attributes of the files that are the user's own.

use crate::resolve::{Binding, Place, Program, STANDARD_LIBRARY, resolve_path};
use crate::source::{FileId, Span};
use crate::syntax::ast::{Attribute, Block, Body, Comment, ExprKind, Item};
use std::collections::{BTreeMap, BTreeSet};

/// The places of a program.
pub(super) struct Places<'p> {
    program: &'p Program,
    own: BTreeSet<FileId>,
    /// The bodies of templates and components beside the main file.
    importable: Vec<Span>,
    blocks: BTreeMap<Start, Found<'p, Block>>,
    attributes: BTreeMap<Start, Found<'p, Attribute>>,
}

/// Where something begins.
type Start = (FileId, u32);

/// Something written, and the body it stands in; none around what stands at the top.
pub(super) struct Found<'p, T> {
    pub(super) it: &'p T,
    pub(super) body: Option<&'p Body>,
}

impl<T> Clone for Found<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Found<'_, T> {}

impl<'p> Places<'p> {
    pub(super) fn of(program: &'p Program) -> Self {
        let mut places = Self {
            program,
            own: BTreeSet::new(),
            importable: Vec::new(),
            blocks: BTreeMap::new(),
            attributes: BTreeMap::new(),
        };
        for (index, module) in program.modules.iter().enumerate() {
            let source = program.sources.get(module.file.id);
            // A file of the user's may have the path of a module of the library.
            let is_library = source.is_some_and(|source| {
                let same = |module: &&crate::resolve::StandardModule| {
                    module.path == &*source.path && module.text == &*source.text
                };
                STANDARD_LIBRARY.iter().any(|module| same(&module))
            });
            if !is_library {
                places.own.insert(module.file.id);
                places.walk(&module.file.items, None);
                let bodies = module.file.items.iter().filter_map(|item| match item {
                    Item::Template(it) | Item::Component(it) => Some(it.body.span),
                    _ => None,
                });
                places.importable.extend(bodies.filter(|_| index > 0));
            }
        }
        places
    }

    fn walk(&mut self, items: &'p [Item], body: Option<&'p Body>) {
        for item in items {
            match item {
                Item::Attribute(it) => {
                    let start = (it.key.span.file, it.key.span.start);
                    self.attributes.insert(start, Found { it, body });
                }
                Item::Block(it) => {
                    let start = (it.kind.span.file, it.kind.span.start);
                    self.blocks.insert(start, Found { it, body });
                    if let Some(inner) = &it.body {
                        self.walk(&inner.items, Some(inner));
                    }
                }
                Item::Template(it) | Item::Component(it) => {
                    self.walk(&it.body.items, Some(&it.body));
                }
                Item::For(it) => self.walk(&it.body.items, Some(&it.body)),
                Item::If(it) => {
                    let bodies = it.branches.iter().map(|(_, body)| body);
                    for body in bodies.chain(&it.otherwise) {
                        self.walk(&body.items, Some(body));
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a file is the user's own.
    pub(super) fn is_own(&self, file: FileId) -> bool {
        self.own.contains(&file)
    }

    /// The path of a file beside the main one, where this is in a template or a component of it: other programs may
    /// import that.
    pub(super) fn importable(&self, span: Span) -> Option<&'p str> {
        let holds = |body: &Span| {
            body.file == span.file && body.start <= span.start && span.end <= body.end
        };
        let body = self.importable.iter().find(|body| holds(body))?;
        let source = self.program.sources.get(body.file)?;
        Some(&source.path)
    }

    /// The block whose head this is, in a file of the user's.
    pub(super) fn block(&self, head: Span) -> Option<Found<'p, Block>> {
        self.blocks.get(&(head.file, head.start)).copied()
    }

    /// The attribute whose key this is, in a file of the user's.
    pub(super) fn attribute(&self, key: Span) -> Option<Found<'p, Attribute>> {
        self.attributes.get(&(key.file, key.start)).copied()
    }

    /// The bodies of the templates that a service's own block uses, and of those that these use before them; in files of
    /// the user's or not.
    pub(super) fn templates(&self, service: &'p Block) -> Vec<&'p Body> {
        let mut found = Vec::new();
        if let Some(body) = &service.body {
            self.used(body, &mut found);
        }
        found
    }

    fn used(&self, body: &'p Body, found: &mut Vec<&'p Body>) {
        for item in &body.items {
            let Item::Use(it) = item else {
                continue;
            };
            let target = resolve_path(self.program, Place::top(it.span.file), &it.path);
            let item = match target.binding {
                Binding::Item(file, index) => self.program.item(file, index),
                _ => None,
            };
            // A template never uses itself: that was an error.
            if let Some(Item::Template(template)) = item
                && !found.iter().any(|body| body.span == template.body.span)
            {
                self.used(&template.body, found);
                found.push(&template.body);
            }
        }
    }

    /// Whether an attribute's value says itself what it is: not the name of what is written elsewhere.
    pub(super) fn is_plain(&self, attribute: &Attribute) -> bool {
        match &attribute.value.kind {
            ExprKind::Literal(_) => true,
            ExprKind::Name(_) => {
                let value = &attribute.value;
                self.program.binding(value.span.file, value.id) == Binding::Unbound
            }
            ExprKind::Text(_) => attribute.value.as_text().is_some(),
            _ => false,
        }
    }

    /// The `//` comments of a file.
    pub(super) fn comments(&self, file: FileId) -> &'p [Comment] {
        self.program
            .module(file)
            .map_or(&[][..], |module| &module.file.comments)
    }

    /// The text of a file.
    pub(super) fn text(&self, file: FileId) -> &'p str {
        self.program
            .sources
            .get(file)
            .map_or("", |source| &source.text)
    }
}
