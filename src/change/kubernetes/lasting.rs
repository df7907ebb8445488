//! Whether what a pod writes in a folder is there for the pod that takes its place.

use super::parts::{self, items, text};
use crate::change::difference::value;
use crate::targets::Object;
use serde_json::Value;

/// Whether one of the pods that an object makes has a volume at a folder, above it or below it, that outlives the pod; none where it makes no pods
/// (`kubernetes.io/docs/concepts/storage/volumes`, emptyDir: it is deleted with its pod).
pub(in crate::change) fn keeps(object: &Object, folder: &str) -> Option<bool> {
    let whole = value(&object.content);
    let pod = parts::pod_in(&object.kind, &whole)?;
    pod.get("containers")?;
    let is_under = |path: &str, folder: &str| {
        let rest = path.strip_prefix(folder.trim_end_matches('/'));
        rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
    };
    let is_there = |mount: &Value| {
        let path = text(mount, "mountPath").unwrap_or_default();
        is_under(path, folder) || is_under(folder, path)
    };
    let lasts = |mount: &Value| {
        let mut volumes = items(pod, "volumes");
        let volume = volumes.find(|it| text(it, "name") == text(mount, "name"));
        // What is no volume of the pod is a claim that a StatefulSet makes.
        volume.is_none_or(|it| ENDING.iter().all(|kind| it.get(kind).is_none()))
    };
    let mut mounts = items(pod, "containers").flat_map(|it| items(it, "volumeMounts"));
    Some(mounts.any(|it| is_there(it) && lasts(it)))
}

/// What ends with its pod, or holds what others write.
const ENDING: [&str; 6] = [
    "configMap",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "projected",
    "secret",
];
