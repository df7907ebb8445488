//! From the main file to the program: every module read once, every name bound.
//!
//! `modules` reads the files and follows imports, `declare` collects what each declares, `bind`
//! says what each name expression means. A name that means nothing here is not yet a fault: the
//! check knows whether its place has words of its own. `component` says what the parts of a
//! component's instance are, `library` holds the standard library.

mod bind;
mod component;
mod declare;
mod library;
mod modules;
#[cfg(test)]
mod tests;

use crate::diagnostics::Diagnostics;
use crate::source::{FileId, Sources, Span, Str, World};
use crate::syntax::ast;
use crate::types::ResourceKind;
use std::collections::{BTreeMap, BTreeSet};

pub use component::{Instance, InstanceId, Parts, Place};
pub use library::{STANDARD_LIBRARY, StandardModule, standard_module};

/// Stands for a module that could not be read: no module of a program has this name, and what is
/// said of its names is not to be reported.
pub const UNREAD: FileId = FileId(u32::MAX);

/// All modules of a compilation with their names bound.
#[derive(Debug)]
pub struct Program {
    /// The text of every file; [`FileId`]s index `modules` too.
    pub sources: Sources,
    /// One for each file, in the order first imported; the main one is the first.
    pub modules: Vec<Module>,
    /// Whether some resource's label is known only after expansion (`service "x-${n}"`): then a
    /// name that is not bound may still name it.
    pub has_computed_labels: bool,
    /// Those labels.
    pub computed_labels: Vec<ComputedLabel>,
    /// The instances of components that have a plain name.
    pub instances: Vec<Instance>,
    /// Words in text that could not be read, and names that later versions declare: what is said
    /// of them is not to be reported.
    pub unread_words: BTreeSet<Str>,
}

/// A resource's label that is known only after expansion: `"user-${n}"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputedLabel {
    /// What is declared.
    pub kind: ResourceKind,
    /// The known text before the first interpolation.
    pub prefix: Str,
    /// The known text after the last one.
    pub suffix: Str,
}

impl ComputedLabel {
    /// Whether a name begins and ends as the label does.
    pub fn fits(&self, name: &str) -> bool {
        name.len() >= self.prefix.len() + self.suffix.len()
            && name.starts_with(&*self.prefix)
            && name.ends_with(&*self.suffix)
    }
}

impl Program {
    /// A module by its file; `None` for one that could not be read.
    pub fn module(&self, file: FileId) -> Option<&Module> {
        self.modules.get(file.0 as usize)
    }

    /// What a top-level name of a file means.
    pub fn definition(&self, file: FileId, name: &str) -> Option<&Definition> {
        self.module(file)?.names.get(name)
    }

    /// A top-level item.
    pub fn item(&self, file: FileId, index: usize) -> Option<&ast::Item> {
        self.module(file)?.file.items.get(index)
    }

    /// What a name expression of a file means.
    pub fn binding(&self, file: FileId, id: ast::ExprId) -> Binding {
        self.module(file)
            .and_then(|module| module.bindings.get(id.0 as usize))
            .copied()
            .unwrap_or_default()
    }

    /// Whether expansion may make a resource of this name.
    pub fn may_be_computed(&self, name: &str) -> bool {
        self.computed_labels.iter().any(|label| label.fits(name))
    }
}

/// What the front of a dotted path means, and how many of its parts say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathTarget {
    /// What it means. [`Binding::Import`] where the module has no such name, or where the path is
    /// the module alone; [`Binding::Instance`] where the instance has no such part, or where the
    /// path is the instance alone; [`Binding::Unbound`] for a local or an unknown name.
    pub binding: Binding,
    /// How many parts were used: 0 where nothing is bound, 2 for `infra.redis`.
    pub used: usize,
    /// How many of these were modules.
    pub modules: usize,
    /// Whether the first part is a name of the component around the path.
    pub own: bool,
}

/// What a path of a label, a `use` or a type means. Locals come first: the caller has looked.
pub fn resolve_path(program: &Program, place: Place, path: &ast::Path) -> PathTarget {
    let mut target = PathTarget {
        binding: Binding::Unbound,
        used: 0,
        modules: 0,
        own: false,
    };
    let mut parts = path.parts.iter();
    let Some(head) = parts.next() else {
        return target;
    };
    let own = program
        .parts_at(place)
        .and_then(|own| own.names.get(&head.text));
    target.own = own.is_some();
    let Some(definition) = own.or_else(|| program.definition(place.file, &head.text)) else {
        return target;
    };
    target.used = 1;
    target.binding = definition.kind.binding(place.file);
    if let DefinitionKind::Import(module) = definition.kind
        && let Some(inner) = path
            .parts
            .get(1)
            .and_then(|part| program.definition(module, &part.text))
        && !matches!(inner.kind, DefinitionKind::Import(_))
    {
        parts.next();
        (target.used, target.modules) = (2, 1);
        target.binding = inner.kind.binding(module);
    }
    for part in parts {
        let Binding::Instance(instance) = target.binding else {
            break;
        };
        let Some(kind) = program.part(instance, &part.text) else {
            break;
        };
        target.used += 1;
        target.binding = kind.binding(place.file);
    }
    target
}

/// One file as a module.
#[derive(Debug)]
pub struct Module {
    /// Its syntax.
    pub file: ast::File,
    /// What its top-level names mean.
    pub names: BTreeMap<Str, Definition>,
    /// What each name expression means: by [`ast::ExprId`].
    pub bindings: Vec<Binding>,
    /// What its components declare, by the index of their item.
    pub components: BTreeMap<usize, Parts>,
}

/// A top-level name.
#[derive(Clone, Debug)]
pub struct Definition {
    /// What it names.
    pub kind: DefinitionKind,
    /// Where the name stands.
    pub span: Span,
}

/// What a top-level name names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionKind {
    /// An item of this file: its index in `file.items`; a param, deploy, let, fn, type, template
    /// or component.
    Item(usize),
    /// A resource block with a plain label, at the top level or within `for` and `if` there.
    Resource(ResourceKind),
    /// Another module.
    Import(FileId),
    /// An instance of a component.
    Instance(InstanceId),
}

impl DefinitionKind {
    /// What a name so defined in `file` means.
    pub fn binding(self, file: FileId) -> Binding {
        match self {
            DefinitionKind::Item(index) => Binding::Item(file, index),
            DefinitionKind::Resource(kind) => Binding::Resource(kind),
            DefinitionKind::Import(module) => Binding::Import(module),
            DefinitionKind::Instance(instance) => Binding::Instance(instance),
        }
    }
}

/// What a name expression means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// Not bound: a union's member, a name that expansion makes, or an error. Also every
    /// expression that is not a name.
    #[default]
    Unbound,
    /// A parameter or loop variable: the innermost of that name.
    Local,
    /// A top-level item of a module: file, index in its items.
    Item(FileId, usize),
    /// A resource of this program, by its zd name.
    Resource(ResourceKind),
    /// A resource of the component around the expression.
    Part(ResourceKind),
    /// An instance of a component; the next field is a part of it.
    Instance(InstanceId),
    /// A module; the next field is a name in it.
    Import(FileId),
    /// A builtin function, by [`crate::resolve::BUILTINS`].
    Builtin,
    /// `slot`
    Slot,
    /// `service`, `network` … before `["label"]`.
    ResourceMap(ResourceKind),
}

/// The builtin functions, with what each gives.
pub const BUILTINS: &[(&str, &str)] = &[
    (
        "floor",
        "floor(7 / 2) is 3: the whole number below a quotient",
    ),
    (
        "ceil",
        "ceil(7 / 2) is 4: the whole number above a quotient",
    ),
    ("min", "the least of its arguments"),
    ("max", "the greatest of its arguments"),
    ("length", "how many items or characters"),
    ("keys", "the keys of a record or map, as a list"),
    ("values", "the values of a record or map, as a list"),
    (
        "join_with",
        "join_with(\",\", list): the strings of a list with a separator between them",
    ),
    (
        "split",
        "split(\",\", text): the strings between separators",
    ),
    ("lower", "the text in lower case, ASCII"),
    ("upper", "the text in upper case, ASCII"),
    ("trim", "the text without white space at its ends"),
    ("replace", "replace(text, \"from\", \"to\")"),
    ("starts_with", "starts_with(text, \"prefix\")"),
    ("ends_with", "ends_with(text, \"suffix\")"),
    ("concat", "one list of several"),
    ("merge", "one map of several; the last wins"),
    (
        "file",
        "the text of a file of the project: file(\"motd.txt\")",
    ),
    (
        "env",
        "in a secret's `from`: a variable of the shell that deploys",
    ),
    ("hash", "in `balance`: by a key of nginx variables"),
    ("string", "a number, boolean or address as text"),
    (
        "contains",
        "contains(whole, part): a text in a text, an item in a list, a record's fields in a record",
    ),
    (
        "manifest",
        "in a test: what a written file holds, manifest(\"kubernetes/web.yaml\", \"Deployment\", \"web\")",
    ),
];

/// Whether there is a builtin function of this name.
pub fn is_builtin(name: &str) -> bool {
    BUILTINS.iter().any(|(builtin, _)| *builtin == name)
}

/// What the word before a resource's label declares.
pub fn resource_kind(word: &str) -> Option<ResourceKind> {
    match word {
        "service" | "gateway" => Some(ResourceKind::Service),
        "network" => Some(ResourceKind::Network),
        "volume" => Some(ResourceKind::Volume),
        "config" => Some(ResourceKind::Config),
        "secret" => Some(ResourceKind::Secret),
        _ => None,
    }
}

/// Reads the main file and all it imports, and binds their names.
///
/// Diagnostics: files that cannot be read, syntax, import cycles, imports outside the root, names
/// declared twice. Names that mean nothing are the check's.
pub fn resolve(world: &dyn World, main: &str) -> (Program, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let loaded = modules::load(world, main, &mut diagnostics);
    let mut program = Program {
        sources: loaded.sources,
        modules: Vec::with_capacity(loaded.files.len()),
        has_computed_labels: false,
        computed_labels: Vec::new(),
        instances: Vec::new(),
        unread_words: BTreeSet::new(),
    };
    if loaded.main_is_unread {
        // It would have had one.
        program.unread_words.insert("app".into());
    }
    for (file, imports) in loaded.files.into_iter().zip(&loaded.imports) {
        let (names, components) = declare::declare(&file, imports, &mut program, &mut diagnostics);
        let scopes = bind::Scopes {
            names: &names,
            components: &components,
        };
        let bindings = bind::bind(&file, scopes, &program.sources, &mut program.unread_words);
        program.modules.push(Module {
            file,
            names,
            bindings,
            components,
        });
    }
    program.has_computed_labels = !program.computed_labels.is_empty();
    (program, diagnostics)
}
