//! What `kubectl apply -k` takes of a folder: the files that its kustomization lists.

use super::documents::is_cluster_wide;
use crate::cli::Failure;
use crate::diagnostics::render::escape_line;
use crate::targets::{Content, Object};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The files in folders with a kustomization that no kustomization lists, which nobody applies
/// (kubernetes-sigs/kustomize `api/internal/target/kusttarget.go`, `accumulateResources`).
///
/// # Errors
/// One lists what is not there.
pub(super) fn unlisted(
    kustomizations: &[(String, Value)],
    files: &BTreeMap<String, String>,
) -> Result<BTreeSet<String>, Failure> {
    let mut listed = BTreeSet::new();
    // From the outermost ones on: one inside counts where it is listed.
    let is_outermost = |path: &str| {
        let mut folders = kustomizations.iter().map(|(path, _)| folder(path));
        !folders.any(|other| other != folder(path) && is_below(path, other))
    };
    let all = kustomizations.iter();
    let all = all.map(|(path, document)| (path.as_str(), document));
    let (mut next, mut inner): (Vec<_>, Vec<_>) = all.partition(|(path, _)| is_outermost(path));
    let mut folders = Vec::new();
    while let Some((path, document)) = next.pop() {
        // What else stands in one is refused: without a list it applies nothing.
        let Some(resources) = document.get("resources").and_then(Value::as_array) else {
            continue;
        };
        folders.push(folder(path));
        for name in resources.iter().filter_map(Value::as_str) {
            let named = Object::beside(path, name);
            let named = named.trim_end_matches('/');
            let one = inner.iter().position(|(path, _)| folder(path) == named);
            if files.contains_key(named) {
                listed.insert(named.to_owned());
            } else if let Some(one) = one {
                next.push(inner.swap_remove(one));
            } else if !NAMES
                .iter()
                .any(|it| files.contains_key(&format!("{named}/{it}")))
            {
                let (path, name) = (escape_line(path), escape_line(name));
                let what = format!("`{path}` lists `{name}`, which is not there");
                return Err(Failure::new(what)
                    .help("kustomize stops there: put the file in, or take its name out"));
            }
        }
    }
    let unlisted = files.keys().filter(|path| {
        let mut folders = folders.iter();
        folders.any(|folder| is_below(path, folder)) && !listed.contains(*path)
    });
    Ok(unlisted.cloned().collect())
}

fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether a document is for kustomize, and no object.
///
/// # Errors
/// It changes what it lists: what would be applied is not what is written here.
pub(super) fn is_one(path: &str, document: &Value) -> Result<bool, Failure> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("DIR", path));
    let version = document.get("apiVersion").and_then(Value::as_str);
    let is_one = version.is_some_and(|it| it.starts_with("kustomize.config.k8s.io/"));
    if !is_one && !NAMES.contains(&name) {
        return Ok(false);
    }
    let fields = document.as_object().into_iter().flatten();
    let mut changes = fields.filter(|(key, value)| match key.as_str() {
        // It is asked for below, of all that is listed.
        "apiVersion" | "kind" | "metadata" | "namespace" => false,
        "resources" => !are_here(path, value),
        _ => true,
    });
    match changes.next() {
        None => Ok(true),
        Some((key, _)) => Err(not_built(path, folder, key)),
    }
}

fn not_built(path: &str, folder: &str, key: &str) -> Failure {
    let (path, key, folder) = (escape_line(path), escape_line(key), escape_line(folder));
    Failure::new(format!(
        "`{path}` is for kustomize, and its `{key}` makes other objects of what is here"
    ))
    .help(format!(
        "build both sides first, and compare what comes out: `kubectl kustomize {folder}`"
    ))
}

/// Looks whether the namespace of a kustomization is the one that the objects beside it and below it name themselves.
///
/// # Errors
/// One of them would be put into another.
pub(super) fn keeps_namespaces(
    path: &str,
    document: &Value,
    objects: &[Object],
) -> Result<(), Failure> {
    let Some(namespace) = document.get("namespace").and_then(Value::as_str) else {
        return Ok(());
    };
    let folder = folder(path);
    let moves = |object: &Object| {
        object.kind != Object::FILE
            && is_below(&object.file, folder)
            && !matches!(&object.content, Content::Value(value) if is_cluster_wide(value))
            && object.namespace.as_deref() != Some(namespace)
    };
    if objects.iter().any(moves) {
        let folder = if folder.is_empty() { "DIR" } else { folder };
        return Err(not_built(path, folder, "namespace"));
    }
    Ok(())
}

/// Whether resources are files below, and nothing that is fetched or stands beside the folder that is compared.
fn are_here(path: &str, resources: &Value) -> bool {
    let depth = path.matches('/').count();
    let mut names = resources.as_array().into_iter().flatten();
    names.all(|name| {
        let name = name.as_str().unwrap_or_default();
        let elsewhere = ["://", "?ref=", "git@", "github.com"];
        // How far above the folder it leads.
        let mut left = Some(depth);
        for step in name.split('/') {
            left = match step {
                ".." => left.and_then(|it| it.checked_sub(1)),
                "" | "." => left,
                _ => left.map(|it| it + 1),
            };
        }
        left.is_some()
            && !name.starts_with('/')
            && !elsewhere.iter().any(|mark| name.contains(mark))
    })
}
