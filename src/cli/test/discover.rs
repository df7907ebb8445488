//! Which programs are meant: the files that are named, and those below the folders that are.

use crate::cli::Failure;
use crate::cli::disk::read_source;
use crate::cli::project::show;
use crate::source::FileId;
use crate::syntax::ast::{File, Item};
use crate::syntax::parse;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold no programs of the user's own.
const PASSED_BY: [&str; 2] = ["node_modules", "target"];

/// The main files, sorted, each once. A folder's are those of its `.zd` files that have an `app`;
/// the others are modules.
///
/// # Errors
/// A folder cannot be read, or holds no program.
pub(super) fn programs(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    let mut programs = Vec::new();
    for path in paths {
        if !path.is_dir() {
            programs.push(path.clone());
            continue;
        }
        let mut sources = Vec::new();
        walk(path, &mut sources)?;
        let before = programs.len();
        let below = sources.into_iter().filter(|source| is_program(source));
        programs.extend(below);
        if programs.len() == before {
            return Err(nothing_below(path));
        }
    }
    programs.sort();
    programs.dedup();
    Ok(programs)
}

/// The `.zd` files below a folder. Links to folders are not followed: they may lead back.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(format!(
            "cannot read the folder `{}`: {error}",
            show(folder)
        ))
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (name, kind) = (entry.file_name(), entry.file_type().map_err(failed)?);
        let name = name.to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        let path = match folder.strip_prefix(".") {
            Ok(inner) => inner.join(&*name),
            Err(_) => entry.path(),
        };
        if kind.is_dir() && !PASSED_BY.contains(&&*name) {
            walk(&path, found)?;
        } else if !kind.is_dir() && path.extension().is_some_and(|end| end == "zd") {
            found.push(path);
        }
    }
    Ok(())
}

/// Whether a file has an `app`. One that cannot be read is none: whoever imports it says why.
fn is_program(path: &Path) -> bool {
    let Ok(text) = read_source(path) else {
        return false;
    };
    if !text.contains("app") {
        return false;
    }
    let (file, _) = parse(FileId(0), &text);
    has_app(&file, &text)
}

fn has_app(file: &File, text: &str) -> bool {
    file.items.iter().any(|item| match item {
        Item::Block(block) => &*block.kind.text == "app",
        // Where it cannot be read, it may still be meant.
        Item::Broken(span) => {
            let source = text.get(span.start as usize..span.end as usize);
            source.is_some_and(|source| source.split_whitespace().next() == Some("app"))
        }
        _ => false,
    })
}

fn nothing_below(folder: &Path) -> Failure {
    Failure::new(format!("there is no program below `{}`", show(folder)))
        .help("a program is a `.zd` file with an `app`; write a first one with `zdc init`")
}
