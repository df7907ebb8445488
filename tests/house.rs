//! Holds ARCHITECTURE.md to the code: every path it names exists, every folder of `src` is named,
//! and folders import what its table allows and no more.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn architecture() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

/// The folders of `src`.
fn folders() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("src"))
        .unwrap()
        .map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn every_path_named_exists() {
    let text = architecture();
    let quoted = text.split('`').skip(1).step_by(2);
    let roots = [
        "src/",
        "tests/",
        "docs/",
        "examples/",
        "editors/",
        "grammar/",
        "benches/",
    ];
    for path in quoted.filter(|path| roots.iter().any(|root| path.starts_with(root))) {
        assert!(
            root().join(path).exists(),
            "ARCHITECTURE.md names {path}, which does not exist"
        );
    }
}

#[test]
fn every_folder_is_named() {
    let text = architecture();
    for folder in folders() {
        assert!(
            text.contains(&format!("| `src/{folder}` |")),
            "src/{folder} is in no table"
        );
    }
}

#[test]
fn folders_import_what_the_table_allows() {
    let text = architecture();
    let (_, table) = text.split_once("## What may import what").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let allowed: BTreeMap<&str, BTreeSet<&str>> = table
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let folder = cells.get(1)?.strip_prefix("`src/")?.strip_suffix('`')?;
            let imports = cells
                .get(2)?
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty());
            Some((folder, imports.collect()))
        })
        .collect();
    for folder in folders() {
        for file in rust_files(&root().join("src").join(&folder)) {
            for import in imports(&fs::read_to_string(&file).unwrap()) {
                let fine = import == folder || allowed[folder.as_str()].contains(import.as_str());
                assert!(
                    fine,
                    "{} imports {import}, which its row does not allow",
                    file.display()
                );
            }
        }
    }
}

/// The folders that a file names after `crate::`, in `use` lines and paths.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let mut found = BTreeSet::new();
    for line in code {
        for rest in line.split("crate::").skip(1) {
            let word = |text: &str| {
                let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
                text.get(..end.unwrap_or(text.len())).unwrap().to_owned()
            };
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group.split(',').map(|part| word(part.trim()))),
                None => {
                    found.insert(word(rest));
                }
            }
        }
    }
    let folders = folders();
    found.retain(|name| folders.contains(name));
    found
}
