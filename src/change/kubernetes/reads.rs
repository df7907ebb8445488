//! What pods read of `ConfigMaps` and Secrets, by their names: environment variables and files
//! (`kubernetes.io/docs/concepts/configuration/configmap`, `kubernetes.io/docs/concepts/configuration/secret`).

use super::parts::{self, items, text};
use crate::change::difference::value;
use crate::targets::{Content, Object};
use serde_json::Value;
use std::collections::BTreeSet;

pub(super) const CONFIG_MAP: &str = "ConfigMap";
pub(super) const SECRET: &str = "Secret";

/// Something that a pod reads.
pub(super) struct Read {
    /// `ConfigMap` or `Secret`.
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// Whether a pod starts without it.
    pub(super) optional: bool,
    /// Of which keys; none are all.
    pub(super) keys: Option<Vec<String>>,
    /// The keys without which it does not start (kubernetes/kubernetes `pkg/kubelet/kubelet_pods.go`, `makeEnvironmentVariables`;
    /// `MakePayload` of `pkg/volume/configmap` and of `pkg/volume/secret`).
    pub(super) needed: Vec<String>,
}

impl Read {
    /// Whether it reads one of these keys.
    pub(super) fn is_of(&self, keys: &BTreeSet<String>) -> bool {
        match &self.keys {
            Some(read) => read.iter().any(|key| keys.contains(key)),
            None => !keys.is_empty(),
        }
    }
}

/// What the pods that an object makes read; none where it makes no pods.
pub(super) fn of(object: &Object) -> Option<Vec<Read>> {
    // Most objects mention neither, and are not read.
    let mentions = |text: &str| text.contains("configMap") || text.contains("secret");
    if matches!(&object.content, Content::Text(text) if !mentions(text)) {
        return None;
    }
    let whole = value(&object.content);
    let pod = parts::pod_in(&object.kind, &whole)?;
    pod.get("containers")?;
    let mut reads = Vec::new();
    for container in containers(pod) {
        environment(container, &mut reads);
    }
    for volume in items(pod, "volumes") {
        files(pod, volume, &mut reads);
    }
    Some(reads)
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let kinds = ["initContainers", "containers", "ephemeralContainers"];
    kinds.into_iter().flat_map(|kind| items(pod, kind))
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
            let key = from.and_then(|it| text(it, "key"));
            reads.extend(named(from, "name", kind).map(|read| {
                let keys: Vec<String> = key.map(ToOwned::to_owned).into_iter().collect();
                let needed = if read.optional { &[][..] } else { &keys };
                Read {
                    needed: needed.to_vec(),
                    keys: Some(keys),
                    ..read
                }
            }));
        }
    }
}

/// Of a volume, and of each source of one that is put together.
fn files(pod: &Value, volume: &Value, reads: &mut Vec<Read>) {
    let mounts = mounts(pod, text(volume, "name"));
    let of = |from: Option<&Value>, name, kind| {
        let read = named(from, name, kind)?;
        Some(of_files(read, from?, &mounts))
    };
    reads.extend(of(volume.get("configMap"), "name", CONFIG_MAP));
    reads.extend(of(volume.get("secret"), "secretName", SECRET));
    let projected = volume.get("projected");
    for source in projected.into_iter().flat_map(|it| items(it, "sources")) {
        reads.extend(of(source.get("configMap"), "name", CONFIG_MAP));
        reads.extend(of(source.get("secret"), "name", SECRET));
    }
}

/// Where containers mount a volume: all of it, or one path in it.
fn mounts<'v>(pod: &'v Value, volume: Option<&str>) -> Vec<Option<&'v str>> {
    let all = containers(pod).flat_map(|it| items(it, "volumeMounts"));
    let all = all.filter(|it| volume.is_some() && text(it, "name") == volume);
    let path = |it: &'v Value| text(it, "subPath").filter(|path| !path.is_empty());
    all.map(path).collect()
}

/// Of files those that are mounted: of all keys, or of those that are listed, each under its path.
fn of_files(read: Read, from: &Value, mounts: &[Option<&str>]) -> Read {
    let own = |key: &&str| (*key).to_owned();
    let paths: Vec<&str> = mounts.iter().flatten().copied().collect();
    let whole = mounts.contains(&None);
    let Some(listed) = from.get("items").and_then(Value::as_array) else {
        let keys = (!whole).then(|| paths.iter().map(own).collect());
        return Read { keys, ..read };
    };
    let is_mounted = |path: &str| {
        let is_in = |mount: &&str| {
            let rest = path.strip_prefix(*mount);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        whole || paths.iter().any(is_in)
    };
    let key = |it| text(it, "key");
    let mounted = listed
        .iter()
        .filter(|it| text(it, "path").is_some_and(is_mounted));
    let needed = if read.optional { &[][..] } else { listed };
    Read {
        keys: Some(mounted.filter_map(key).map(ToOwned::to_owned).collect()),
        needed: needed
            .iter()
            .filter_map(key)
            .map(ToOwned::to_owned)
            .collect(),
        ..read
    }
}

/// All of what is named there.
fn named(from: Option<&Value>, key: &str, kind: &'static str) -> Option<Read> {
    let from = from?;
    Some(Read {
        kind,
        name: text(from, key)?.to_owned(),
        optional: from.get("optional") == Some(&Value::Bool(true)),
        keys: None,
        needed: Vec::new(),
    })
}
