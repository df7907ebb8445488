//! What pods read of `ConfigMaps` and Secrets, by their names: environment variables and files
//! (`kubernetes.io/docs/concepts/configuration/configmap`, `kubernetes.io/docs/concepts/configuration/secret`).

use crate::change::difference::value;
use crate::targets::{Content, Object};
use serde_json::Value;

pub(super) const CONFIG_MAP: &str = "ConfigMap";
pub(super) const SECRET: &str = "Secret";

/// Something that a pod reads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Read {
    /// `ConfigMap` or `Secret`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Whether a pod starts without it.
    pub(super) optional: bool,
}

/// What the pods that an object makes read; none where it makes no pods.
pub(super) fn of(object: &Object) -> Option<Vec<Read>> {
    let place = match object.kind.as_str() {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    };
    // Most objects mention neither, and are not read.
    let mentions = |text: &str| text.contains("configMap") || text.contains("secret");
    if matches!(&object.content, Content::Text(text) if !mentions(text)) {
        return None;
    }
    let whole = value(&object.content);
    let pod = whole.pointer(place)?;
    pod.get("containers")?;
    let mut reads = Vec::new();
    for container in containers(pod) {
        environment(container, &mut reads);
    }
    for volume in items(pod, "volumes") {
        files(volume, &mut reads);
    }
    Some(reads)
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let kinds = ["initContainers", "containers", "ephemeralContainers"];
    kinds.into_iter().flat_map(|kind| items(pod, kind))
}

fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    let items = value.get(key).and_then(Value::as_array);
    items.into_iter().flatten()
}

/// Of `envFrom` and `valueFrom`.
fn environment(container: &Value, reads: &mut Vec<Read>) {
    for from in items(container, "envFrom") {
        for (key, kind) in [("configMapRef", CONFIG_MAP), ("secretRef", SECRET)] {
            reads.extend(named(from.get(key), "name", kind));
        }
    }
    for variable in items(container, "env") {
        let from = variable.get("valueFrom");
        for (key, kind) in [("configMapKeyRef", CONFIG_MAP), ("secretKeyRef", SECRET)] {
            let from = from.and_then(|it| it.get(key));
            reads.extend(named(from, "name", kind));
        }
    }
}

/// Of a volume, and of each source of one that is put together.
fn files(volume: &Value, reads: &mut Vec<Read>) {
    reads.extend(named(volume.get("configMap"), "name", CONFIG_MAP));
    reads.extend(named(volume.get("secret"), "secretName", SECRET));
    let projected = volume.get("projected");
    for source in projected.into_iter().flat_map(|it| items(it, "sources")) {
        reads.extend(named(source.get("configMap"), "name", CONFIG_MAP));
        reads.extend(named(source.get("secret"), "name", SECRET));
    }
}

fn named(from: Option<&Value>, key: &str, kind: &'static str) -> Option<Read> {
    let from = from?;
    Some(Read {
        kind,
        name: from.get(key)?.as_str()?.to_owned(),
        optional: from.get("optional") == Some(&Value::Bool(true)),
    })
}
