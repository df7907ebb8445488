//! `ConfigMaps` that hold something else under their name, and whose pods read them.
//!
//! A pod reads environment variables once, when it starts, and files as they are then, or after a while (`docs/src/diagnostics/ZD4054.md`). So one that is
//! replaced in the same step has the new data; and one that `kubectl rollout undo` brings back as well, since its template has
//! the same name (`kubernetes.io/docs/concepts/workloads/controllers/deployment`, Rolling Back a Deployment: the template alone).

use super::scaling::is_off;
use super::{Key, Keyed, is_workload};
use crate::change::difference::value;
use crate::change::{Change, Effect};
use crate::targets::{Content, Object};
use rustc_hash::FxHashMap;
use serde_json::Value;

type Place<'a> = (&'a str, &'a str, Option<&'a str>);

/// Says of each whose pods read it and stay, and of which it is read anew.
pub(super) fn read_by((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    if !changes.iter().any(holds_other) {
        return;
    }
    let mut readers: Vec<(Key<'_>, Vec<String>)> = new
        .iter()
        // Who had no pods starts those it gets with what there is then.
        .filter(|(key, _)| !old.get(*key).is_some_and(|was| is_off(&was.content)))
        .filter_map(|(key, object)| Some((*key, mentioned(object)?)))
        .collect();
    readers.sort_unstable();
    let effects: FxHashMap<Place<'_>, Effect> =
        changes.iter().map(|it| (place(it), it.effect)).collect();
    let said: Vec<Option<Readers>> = changes
        .iter()
        .map(|change| holds_other(change).then(|| of(change, &readers, &effects)))
        .collect();
    for (change, said) in changes.iter_mut().zip(said) {
        let Some(said) = said else { continue };
        if !said.anew.is_empty() {
            let anew = said.anew.join(", ");
            change.how = format!(
                "the new pods of {anew} start with it, and those that `kubectl rollout undo` brings back as well"
            );
        }
        change.unaware = said.stay;
    }
}

/// Whose pods read something, by kind and name.
#[derive(Default)]
struct Readers {
    stay: Vec<String>,
    anew: Vec<String>,
}

fn of(
    change: &Change,
    readers: &[(Key<'_>, Vec<String>)],
    effects: &FxHashMap<Place<'_>, Effect>,
) -> Readers {
    let mut found = Readers::default();
    for ((_, kind, name, namespace), mentioned) in readers {
        if *namespace != change.namespace.as_deref() || !mentioned.contains(&change.name) {
            continue;
        }
        let shown = format!("{kind} {name}");
        match effects.get(&(*kind, *name, *namespace)) {
            Some(Effect::Rolls | Effect::RestartsAtOnce) => found.anew.push(shown),
            Some(Effect::Created | Effect::Renamed) => {}
            // How others replace their pods is theirs.
            Some(_) if !is_workload(kind) && !matches!(*kind, "Pod" | "ReplicaSet") => {}
            Some(_) | None => found.stay.push(shown),
        }
    }
    found
}

/// Whether it is a `ConfigMap` that stays and holds something else.
fn holds_other(change: &Change) -> bool {
    let is_data = |path: &str| path.starts_with("data") || path.starts_with("binaryData");
    change.kind == "ConfigMap"
        && change.effect == Effect::InPlace
        && change.fields.iter().any(|field| is_data(&field.path))
}

fn place(change: &Change) -> Place<'_> {
    (&change.kind, &change.name, change.namespace.as_deref())
}

/// The `ConfigMaps` that the pods of an object mention, where it has pods that run on.
fn mentioned(object: &Object) -> Option<Vec<String>> {
    let place = match object.kind.as_str() {
        // Each run starts pods of its own.
        "Job" | "CronJob" => return None,
        "Pod" => "/spec",
        _ => "/spec/template/spec",
    };
    // Most objects mention none, and are not read.
    if matches!(&object.content, Content::Text(text) if !text.contains("configMap")) {
        return None;
    }
    if is_off(&object.content) {
        return None;
    }
    let whole = value(&object.content);
    let pod = whole.pointer(place)?;
    pod.get("containers")?;
    let mut names = Vec::new();
    collect(pod, &mut names);
    Some(names)
}

/// As volumes, `envFrom` and `valueFrom` mention them (`kubernetes.io/docs/concepts/configuration/configmap`).
fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if matches!(&**key, "configMap" | "configMapRef" | "configMapKeyRef") {
                    let name = value.get("name").and_then(Value::as_str);
                    names.extend(name.map(ToOwned::to_owned));
                }
                collect(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}
