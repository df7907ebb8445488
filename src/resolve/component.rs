//! Components and their instances: what a component declares, and what a path into an instance
//! leads to.

use super::{ComputedLabel, Definition, DefinitionKind, Program};
use crate::source::{FileId, Str};
use crate::syntax::ast;
use std::collections::BTreeMap;

/// What a component declares: a namespace of its own within its file's.
#[derive(Debug, Default)]
pub struct Parts {
    /// Its resources and the instances in it.
    pub names: BTreeMap<Str, Definition>,
    /// Its labels that are known only after expansion.
    pub computed: Vec<ComputedLabel>,
}

impl Parts {
    /// Whether expansion may make a part of this name.
    pub fn may_be_computed(&self, name: &str) -> bool {
        self.computed.iter().any(|label| label.fits(name))
    }
}

/// An instance of a component by its name: `use redis() as cache`.
#[derive(Debug)]
pub struct Instance {
    /// The file whose name it is.
    pub file: FileId,
    /// The component whose part it is, by index of its item; `None` at the top level.
    pub owner: Option<usize>,
    /// The components it is of: more than one where conditions keep several `use`s apart.
    pub components: Vec<ast::Path>,
}

/// Names an instance of a program: its place in [`Program::instances`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceId(pub usize);

/// Where names are looked up: a file, perhaps within a component of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// The component, by index of its item.
    pub component: Option<usize>,
}

impl Place {
    /// The top level of a file.
    pub fn top(file: FileId) -> Self {
        Self {
            file,
            component: None,
        }
    }
}

impl Program {
    /// What a component declares.
    pub fn parts(&self, file: FileId, component: usize) -> Option<&Parts> {
        self.module(file)?.components.get(&component)
    }

    /// What the component around a place declares.
    pub fn parts_at(&self, place: Place) -> Option<&Parts> {
        self.parts(place.file, place.component?)
    }

    /// The components an instance is of, by file and index of item; those that are none are left
    /// out, since the check reports them at their `use`.
    pub fn components_of(&self, id: InstanceId) -> Vec<(FileId, usize)> {
        let Some(instance) = self.instances.get(id.0) else {
            return Vec::new();
        };
        // A component is an item of a file: a path to one leads through no instance.
        let component = |path: &ast::Path| {
            let (file, name) = match path.parts.as_slice() {
                [name] => (instance.file, name),
                [module, name] => match self.definition(instance.file, &module.text)?.kind {
                    DefinitionKind::Import(module) => (module, name),
                    _ => return None,
                },
                _ => return None,
            };
            let DefinitionKind::Item(index) = self.definition(file, &name.text)?.kind else {
                return None;
            };
            let is_component = matches!(self.item(file, index), Some(ast::Item::Component(_)));
            is_component.then_some((file, index))
        };
        instance.components.iter().filter_map(component).collect()
    }

    /// What a part of an instance is: a resource or another instance. `None` where no component
    /// it is of declares one of this name.
    pub fn part(&self, id: InstanceId, name: &str) -> Option<DefinitionKind> {
        self.components_of(id)
            .into_iter()
            .find_map(|(file, component)| self.parts(file, component)?.names.get(name))
            .map(|definition| definition.kind)
    }

    /// Whether the names of an instance's parts are all known: its components are, and none has
    /// labels that expansion makes.
    pub fn knows_parts(&self, id: InstanceId) -> bool {
        let components = self.components_of(id);
        let known = |(file, component): &(FileId, usize)| {
            self.parts(*file, *component)
                .is_some_and(|parts| parts.computed.is_empty())
        };
        let uses = self.instances.get(id.0);
        uses.is_some_and(|uses| uses.components.len() == components.len())
            && components.iter().all(known)
    }
}
