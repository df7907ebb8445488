//! Reading the main file and all it imports, each once.
//!
//! Depth first with a stack of its own, so that a long chain of imports is no deep recursion.

use super::UNREAD;
use super::library::{STANDARD_LIBRARY, StandardModule, standard_module};
use crate::diagnostics::catalogue::{
    IMPORT_CYCLE, IMPORT_NOT_FOUND, IMPORT_OUTSIDE_ROOT, UNREADABLE_FILE,
};
use crate::diagnostics::{Diagnostic, Diagnostics, nearest};
use crate::source::{FileId, LoadError, MAX_SOURCE_BYTES, Sources, Span, Str, World, join_path};
use crate::syntax::ast::{self, ImportFrom, Item};
use std::collections::BTreeMap;

/// Every file, with what its imports lead to.
pub(super) struct Loaded {
    /// Their texts.
    pub(super) sources: Sources,
    /// Their trees, by [`FileId`].
    pub(super) files: Vec<ast::File>,
    /// By file: the index of each import among its items, and its module; [`UNREAD`] for one that
    /// could not be had.
    pub(super) imports: Vec<Vec<(usize, FileId)>>,
    /// Whether the main file could not be read.
    pub(super) main_is_unread: bool,
}

/// What an import leads to. A module of the standard library and a file of the project stay apart,
/// whatever the file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted<P> {
    Standard(&'static str),
    Project(P),
}

/// A file whose imports are being followed.
struct Open {
    file: FileId,
    /// The item to look at next.
    next: usize,
    /// The import that is being followed.
    at: Span,
}

/// Reads `main` and what it imports.
pub(super) fn load(world: &dyn World, main: &str, diagnostics: &mut Diagnostics) -> Loaded {
    let mut loaded = Loaded {
        sources: Sources::default(),
        files: Vec::new(),
        imports: Vec::new(),
        main_is_unread: false,
    };
    let text = world.load(main).unwrap_or_else(|error| {
        let nowhere = Span::new(FileId(0), 0, 0);
        diagnostics.push(unreadable(main, &error, nowhere));
        loaded.main_is_unread = true;
        Str::from("")
    });
    let first = loaded.add(main, &text, diagnostics);
    let mut known = BTreeMap::from([(Wanted::Project(main.to_owned()), first)]);
    let mut open = vec![Open::new(first)];
    while let Some(frame) = open.last_mut() {
        let from = frame.file;
        let Some((index, import)) = loaded.import_from(from, frame.next) else {
            open.pop();
            continue;
        };
        frame.next = index + 1;
        frame.at = import.span;
        let found = match &import.from {
            ImportFrom::Std(path) => standard(path).map(|module| Wanted::Standard(module.name)),
            ImportFrom::File { path, span } => {
                project_path(&loaded.sources, from, path, *span).map(Wanted::Project)
            }
        };
        let wanted = match found {
            Ok(wanted) => wanted,
            Err(diagnostic) => {
                diagnostics.push(*diagnostic);
                loaded.record(from, index, UNREAD);
                continue;
            }
        };
        if let Some(&module) = known.get(&wanted) {
            if let Some(start) = open.iter().position(|frame| frame.file == module) {
                let cycle = open.get(start..).unwrap_or_default();
                diagnostics.push(import_cycle(&loaded.sources, cycle));
            }
            loaded.record(from, index, module);
            continue;
        }
        let at = import.place();
        let text = match &wanted {
            Wanted::Standard(name) => standard_module(name)
                .map(|module| (module.path, Str::from(module.text)))
                .ok_or(LoadError::NotFound),
            Wanted::Project(path) => world.load(path).map(|text| (path.as_str(), text)),
        };
        let module = match text {
            Ok((path, text)) => {
                let module = loaded.add(path, &text, diagnostics);
                open.push(Open::new(module));
                module
            }
            Err(error) => {
                let path = match &wanted {
                    Wanted::Standard(path) => path,
                    Wanted::Project(path) => path.as_str(),
                };
                diagnostics.push(match error {
                    LoadError::NotFound => not_found(path, at),
                    LoadError::OutsideRoot => outside_root(path, at),
                    error => unreadable(path, &error, at),
                });
                UNREAD
            }
        };
        known.insert(wanted, module);
        loaded.record(from, index, module);
    }
    loaded
}

impl Open {
    fn new(file: FileId) -> Self {
        Self {
            file,
            next: 0,
            at: Span::new(file, 0, 0),
        }
    }
}

impl Loaded {
    fn add(&mut self, path: &str, text: &Str, diagnostics: &mut Diagnostics) -> FileId {
        let id = self.sources.add(path, text.clone());
        let (file, found) = crate::syntax::parse(id, text);
        diagnostics.extend(found);
        self.files.push(file);
        self.imports.push(Vec::new());
        id
    }

    /// The first import of a file from an item on.
    fn import_from(&self, file: FileId, from: usize) -> Option<(usize, &ast::Import)> {
        let items = &self.files.get(file.0 as usize)?.items;
        items
            .iter()
            .enumerate()
            .skip(from)
            .find_map(|(index, item)| match item {
                Item::Import(import) => Some((index, import)),
                _ => None,
            })
    }

    fn record(&mut self, file: FileId, index: usize, module: FileId) {
        if let Some(imports) = self.imports.get_mut(file.0 as usize) {
            imports.push((index, module));
        }
    }
}

impl ast::Import {
    /// Where it says what is imported.
    fn place(&self) -> Span {
        match &self.from {
            ImportFrom::File { span, .. } => *span,
            ImportFrom::Std(path) => path.span,
        }
    }
}

fn project_path(
    sources: &Sources,
    from: FileId,
    path: &str,
    at: Span,
) -> Result<String, Box<Diagnostic>> {
    let here = sources.get(from).map_or("", |source| &*source.path);
    join_path(here, path).ok_or_else(|| Box::new(outside_root(path, at)))
}

/// The module of the standard library that a path names.
fn standard(path: &ast::Path) -> Result<&'static StandardModule, Box<Diagnostic>> {
    match path.parts.as_slice() {
        [library, name] if &*library.text == "std" => {
            standard_module(&name.text).ok_or_else(|| Box::new(no_module(path, name)))
        }
        [library, ..] if &*library.text == "std" => Err(Box::new(no_such_path(path))),
        _ => Err(Box::new(not_standard(path))),
    }
}

/// Every module, for a help.
fn listed() -> String {
    let names: Vec<String> = STANDARD_LIBRARY
        .iter()
        .map(|module| format!("`{}`", module.name))
        .collect();
    names.join(", ")
}

fn no_module(path: &ast::Path, name: &ast::Name) -> Diagnostic {
    let message = format!("the standard library has no module `{name}`");
    let diagnostic =
        Diagnostic::new(&IMPORT_NOT_FOUND, message, path.span).labelled("imported here");
    let known = STANDARD_LIBRARY.iter().map(|module| module.name);
    match nearest(&name.text, known) {
        Some(near) => diagnostic
            .help(format!("did you mean `std.{near}`?"))
            .note(format!("it has {}", listed()))
            .replace(name.span, near),
        None => diagnostic.help(format!("it has {}", listed())),
    }
}

fn no_such_path(path: &ast::Path) -> Diagnostic {
    Diagnostic::new(
        &IMPORT_NOT_FOUND,
        format!("`{path}` names no module of the standard library"),
        path.span,
    )
    .labelled("imported here")
    .help(format!("write `import std.NAME`; it has {}", listed()))
}

/// `import shop.api`
fn not_standard(path: &ast::Path) -> Diagnostic {
    let file: Vec<&str> = path.parts.iter().map(|part| &*part.text).collect();
    let last = file.last().copied().unwrap_or_default();
    let file = file.join("/");
    Diagnostic::new(
        &IMPORT_NOT_FOUND,
        format!("`{path}` names no module: only `std` is imported without quotes"),
        path.span,
    )
    .labelled("imported here")
    .help(format!(
        "a file is imported by its path: `import \"./{file}.zd\" as {last}`"
    ))
}

fn not_found(path: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &IMPORT_NOT_FOUND,
        format!("there is no file `{path}`"),
        at,
    )
    .labelled("imported here")
    .help("a path is looked up from the folder of the file that imports it; write its extension too")
}

fn outside_root(path: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &IMPORT_OUTSIDE_ROOT,
        format!("`{path}` leads out of the project"),
        at,
    )
    .labelled("imported here")
    .help("move the file into the project, or name a folder that holds both: `--root FOLDER`")
    .note("a program reads only what lies under its project folder, symbolic links resolved, so that it means the same on every machine")
}

fn unreadable(path: &str, error: &LoadError, at: Span) -> Diagnostic {
    let why = match error {
        LoadError::NotFound => "there is no such file".to_owned(),
        LoadError::OutsideRoot => "it lies outside the project".to_owned(),
        LoadError::NotAFile => "it is not a file".to_owned(),
        LoadError::TooLarge { bytes } => {
            format!("it has {bytes} bytes, and {MAX_SOURCE_BYTES} are the most")
        }
        LoadError::NotUtf8 { offset } => format!("it is not UTF-8 from byte {offset} on"),
        LoadError::Io(words) => words.clone(),
    };
    Diagnostic::new(
        &UNREADABLE_FILE,
        format!("`{path}` cannot be read: {why}"),
        at,
    )
}

fn import_cycle(sources: &Sources, cycle: &[Open]) -> Diagnostic {
    let name = |file: FileId| sources.get(file).map_or("", |source| &*source.path);
    let mut files: Vec<&str> = cycle.iter().map(|frame| name(frame.file)).collect();
    files.extend(files.first().copied());
    let steps: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
    let last = cycle
        .last()
        .map_or(Span::new(FileId(0), 0, 0), |frame| frame.at);
    let mut diagnostic = Diagnostic::new(
        &IMPORT_CYCLE,
        format!("files import each other: {}", steps.join(" → ")),
        last,
    )
    .labelled("this import closes the cycle")
    .help("move what both need into a file of its own that imports neither");
    for frame in cycle.iter().rev().skip(1).rev() {
        diagnostic = diagnostic.and(frame.at, format!("`{}` imports here", name(frame.file)));
    }
    diagnostic
}
