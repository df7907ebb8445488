//! A plain host and its nginx: what another text of each file does once it is delivered.
//!
//! The scripts are fixed and read the files beside them (`src/targets/nginx/hosts/scripts`);
//! nginx takes another configuration by a reload, in which old workers end their requests
//! (nginx.org/en/docs/control.html).

use super::{Change, Effect, Pair, TargetChanges};
use crate::graph::ServiceView;
use crate::targets::Object;
use rustc_hash::FxHashMap;

/// What becomes of every file.
pub(super) fn compare(pair: &Pair<'_>) -> TargetChanges {
    let (old, new) = (by_path(pair.old), by_path(pair.new));
    let mut changes = Vec::new();
    let mut unchanged = 0;
    for file in pair.new {
        let was = old.get(file.file.as_str());
        if was.is_some_and(|was| was.content == file.content) {
            unchanged += 1;
            continue;
        }
        let (effect, how) = if was.is_some() {
            effect(&file.file)
        } else {
            (Effect::Created, "")
        };
        changes.push(change(pair, file, effect, how.to_owned()));
    }
    for file in pair.old {
        if !new.contains_key(file.file.as_str()) {
            let how = "stays on the host until it is deleted".to_owned();
            changes.push(change(pair, file, Effect::Left, how));
        }
    }
    TargetChanges {
        target: pair.target,
        changes,
        unchanged,
        variables: Vec::new(),
    }
}

fn by_path(files: &[Object]) -> FxHashMap<&str, &Object> {
    files
        .iter()
        .map(|file| (file.file.as_str(), file))
        .collect()
}

/// What another text of a file does.
fn effect(path: &str) -> (Effect, &'static str) {
    let path = path.strip_prefix("nginx/").unwrap_or(path);
    match path.split('/').next().unwrap_or_default() {
        "conf.d" => (
            Effect::InPlace,
            "nginx reloads: its old workers end the requests that they have",
        ),
        "slots" => (
            Effect::InPlace,
            "where the host has one already it is kept: it says which slot is live",
        ),
        "hosts" if path.starts_with("hosts/services/") => (
            Effect::Rolls,
            "its slots are started anew by the next `deploy.sh` and `switch.sh`",
        ),
        "systemd" => (
            Effect::Rolls,
            "it counts for the slots that are started from now on",
        ),
        _ => (
            Effect::InPlace,
            "no process looks at it before the next deploy",
        ),
    }
}

fn change(pair: &Pair<'_>, file: &Object, effect: Effect, how: String) -> Change {
    let service = file.file.strip_prefix("nginx/hosts/services/");
    let name = service.and_then(|name| name.strip_suffix(".sh"));
    let graph = if effect == Effect::Left {
        pair.old_graph
    } else {
        pair.new_graph
    };
    let view = name.and_then(|name| graph?.find(name));
    Change {
        service: view.map(|view| view.name().into()),
        kind: "file".to_owned(),
        name: file.file.clone(),
        namespace: None,
        was: None,
        effect,
        how,
        fields: Vec::new(),
        span: view
            .filter(|_| effect != Effect::Left)
            .map(ServiceView::span),
    }
}
