//! What each target writes, byte for byte: `tests/cases/TARGET/CASE/app.zd` beside the manifests
//! that it becomes, under `expected`. Cases are discovered, never listed.
//! `UPDATE_EXPECTED=1 cargo test --test manifests` writes them anew: read the difference.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use zdc::Options;
use zdc::diagnostics::Severity;
use zdc::source::MemoryWorld;
use zdc::vocabulary::TargetId;

const TARGETS: &[TargetId] = TargetId::ALL;

/// Each case's folder.
fn cases(target: TargetId) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases")
        .join(target.word());
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// Every file under a folder, by its path from there.
fn files(folder: &Path) -> BTreeMap<String, String> {
    fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                walk(&path, &format!("{name}/"), found);
            } else {
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, "", &mut found);
    found
}

fn manifests(case: &Path, target: TargetId) -> BTreeMap<String, String> {
    let world = files(case)
        .into_iter()
        .filter(|(path, _)| !path.starts_with("expected/"))
        .fold(MemoryWorld::default(), |world, (path, text)| {
            world.with(path, text)
        });
    let options = Options {
        targets: vec![target],
        ..Options::default()
    };
    let compilation = zdc::compile(&world, "app.zd", &options);
    let found: Vec<String> = compilation
        .diagnostics
        .iter()
        .filter(|found| found.severity > Severity::Note)
        .map(|found| format!("{} {}", found.code.id, found.message))
        .collect();
    assert!(found.is_empty(), "{}: {found:#?}", case.display());
    let artifacts = compilation.artifacts.unwrap();
    artifacts
        .into_iter()
        .map(|artifact| (artifact.path, artifact.text.to_string()))
        .collect()
}

#[test]
fn each_case_becomes_what_is_expected() {
    let mut count = 0;
    for target in TARGETS.iter().copied() {
        for case in cases(target) {
            count += 1;
            let written = manifests(&case, target);
            assert!(!written.is_empty(), "{}: nothing", case.display());
            let folder = case.join("expected");
            if std::env::var_os("UPDATE_EXPECTED").is_some() {
                let _ = fs::remove_dir_all(&folder);
                for (path, text) in &written {
                    let path = folder.join(path);
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, text).unwrap();
                }
            }
            let expected = files(&folder);
            for (path, text) in &expected {
                let shown = format!("{}: {path}", case.display());
                assert_eq!(written.get(path), Some(text), "{shown}");
            }
            assert_eq!(written.len(), expected.len(), "{}", case.display());
        }
    }
    assert!(count >= 6, "the cases are gone");
}
