//! The standard library: what each module's program becomes, byte for byte, on the targets that run
//! services. `tests/cases/library/MODULE/app.zd` stands beside the manifests under `expected`.
//! `UPDATE_EXPECTED=1 cargo test --test library` writes them anew: read the difference.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use zdc::Options;
use zdc::diagnostics::Severity;
use zdc::resolve::STANDARD_LIBRARY;
use zdc::source::MemoryWorld;

fn case(module: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/library")
        .join(module)
}

/// What a module's program becomes, by path.
fn manifests(module: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(case(module).join("app.zd")).unwrap();
    assert!(text.contains(&format!("import std.{module}\n")), "{module}");
    let world = MemoryWorld::single("app.zd", text);
    let compilation = zdc::compile(&world, "app.zd", &Options::default());
    let found: Vec<String> = compilation
        .diagnostics
        .iter()
        .filter(|found| found.severity > Severity::Note)
        .map(|found| format!("{} {}", found.code.id, found.message))
        .collect();
    assert!(found.is_empty(), "{module}: {found:#?}");
    let artifacts = compilation.artifacts.unwrap();
    // The scripts that deploy them are no module's: the targets' own cases hold those.
    let artifacts = artifacts.into_iter();
    artifacts
        .filter(|artifact| {
            let scripts = [
                "swarm/deploy.sh",
                "swarm/rollback.sh",
                "kubernetes/deploy.sh",
                "kubernetes/rollback.sh",
            ];
            !scripts.contains(&artifact.path.as_str())
        })
        .map(|artifact| (artifact.path, artifact.text.to_string()))
        .collect()
}

/// Every file under a folder, by its path from there.
fn files(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            files(&path, &format!("{name}/"), found);
        } else {
            found.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn each_module_becomes_what_is_expected() {
    for module in STANDARD_LIBRARY {
        let written = manifests(module.name);
        for target in ["swarm/", "kubernetes/"] {
            let some = written.keys().any(|path| path.starts_with(target));
            assert!(some, "{}: nothing for {target}", module.name);
        }
        let folder = case(module.name).join("expected");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            let _ = fs::remove_dir_all(&folder);
            for (path, text) in &written {
                let path = folder.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        }
        let mut expected = BTreeMap::new();
        files(&folder, "", &mut expected);
        for (path, text) in &expected {
            assert_eq!(written.get(path), Some(text), "{}: {path}", module.name);
        }
        assert_eq!(written.len(), expected.len(), "{}", module.name);
    }
}

/// No value of a secret is in a file: a module takes passwords by reference alone.
#[test]
fn passwords_are_secrets() {
    for module in STANDARD_LIBRARY {
        let (file, found) = zdc::syntax::parse(zdc::source::FileId(0), module.text);
        assert!(found.is_empty(), "{}", module.name);
        for item in &file.items {
            let (zdc::syntax::ast::Item::Template(it) | zdc::syntax::ast::Item::Component(it)) =
                item
            else {
                continue;
            };
            assert!(it.doc.is_some(), "{}: {} has no doc", module.name, it.name);
            for parameter in &it.parameters {
                let name = &parameter.name.text;
                assert!(parameter.doc.is_some(), "{}: {name}", module.name);
                let ty = format!("{:?}", parameter.ty);
                assert!(
                    !name.contains("password") || ty.contains("secret"),
                    "{}",
                    module.name
                );
            }
        }
    }
}
