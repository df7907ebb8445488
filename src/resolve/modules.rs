//! Reading the main file and all it imports, each once.
//!
//! Depth first with a stack of its own, so that a long chain of imports is no deep recursion.

use super::UNREAD;
use crate::diagnostics::catalogue::{
    IMPORT_CYCLE, IMPORT_NOT_FOUND, IMPORT_OUTSIDE_ROOT, NOT_YET, UNREADABLE_FILE,
};
use crate::diagnostics::{Diagnostic, Diagnostics};
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
    let mut known = BTreeMap::from([(main.to_owned(), first)]);
    let mut open = vec![Open::new(first)];
    while let Some(frame) = open.last_mut() {
        let from = frame.file;
        let Some((index, import)) = loaded.import_from(from, frame.next) else {
            open.pop();
            continue;
        };
        frame.next = index + 1;
        frame.at = import.span;
        let path = match project_path(&loaded.sources, from, import) {
            Ok(path) => path,
            Err(diagnostic) => {
                diagnostics.push(*diagnostic);
                loaded.record(from, index, UNREAD);
                continue;
            }
        };
        if let Some(&module) = known.get(&path) {
            if let Some(start) = open.iter().position(|frame| frame.file == module) {
                let cycle = open.get(start..).unwrap_or_default();
                diagnostics.push(import_cycle(&loaded.sources, cycle));
            }
            loaded.record(from, index, module);
            continue;
        }
        let at = import.place();
        match world.load(&path) {
            Ok(text) => {
                let module = loaded.add(&path, &text, diagnostics);
                known.insert(path, module);
                loaded.record(from, index, module);
                open.push(Open::new(module));
            }
            Err(error) => {
                diagnostics.push(match error {
                    LoadError::NotFound => not_found(&path, at),
                    LoadError::OutsideRoot => outside_root(&path, at),
                    error => unreadable(&path, &error, at),
                });
                known.insert(path, UNREAD);
                loaded.record(from, index, UNREAD);
            }
        }
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
    import: &ast::Import,
) -> Result<String, Box<Diagnostic>> {
    match &import.from {
        ImportFrom::Std(path) => Err(Box::new(no_standard_library(path))),
        ImportFrom::File { path, span } => {
            let here = sources.get(from).map_or("", |source| &*source.path);
            join_path(here, path).ok_or_else(|| Box::new(outside_root(path, *span)))
        }
    }
}

fn no_standard_library(path: &ast::Path) -> Diagnostic {
    let last = path.parts.last().map_or("web", |part| &*part.text);
    Diagnostic::new(
        &NOT_YET,
        format!("`{path}` is not there yet"),
        path.span,
    )
    .labelled("the standard library comes in a later version")
    .help(format!(
        "keep the templates in a file of the project and import that: `import \"./{last}.zd\" as {last}`"
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
    .help("move the file into the project, or build from a folder that holds both")
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
