//! The parts of an object that several rules look at.

use super::Key;
use crate::change::difference::at;
use crate::targets::Object;
use serde_json::Value;

/// Where the pod stands in an object of a kind, as a JSON pointer.
pub(super) fn pod(kind: &str) -> &'static str {
    match kind {
        "Pod" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => "/spec/template/spec",
    }
}

/// The pod that stands in an object of a kind. (`Value::pointer` makes a text of each step.)
pub(super) fn pod_in<'v>(kind: &str, object: &'v Value) -> Option<&'v Value> {
    let mut steps = pod(kind).split('/').skip(1);
    steps.try_fold(object, |value, step| value.get(step))
}

/// The containers of a pod, those that go before the others too.
pub(super) fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let kinds = ["containers", "initContainers"].into_iter();
    kinds.flat_map(|kind| items(pod, kind))
}

/// The containers of a pod that run on: a sidecar is one that starts before the others, and its probes count as theirs do
/// (`kubernetes.io/docs/concepts/workloads/pods/sidecar-containers`).
pub(super) fn running(pod: &Value) -> impl Iterator<Item = &Value> {
    let starting = items(pod, "initContainers");
    let sidecars = starting.filter(|it| text(it, "restartPolicy") == Some("Always"));
    items(pod, "containers").chain(sidecars)
}

/// The group and the kind of an Ingress.
pub(super) const INGRESS: (&str, &str) = ("networking.k8s.io", "Ingress");

/// The type of a Service.
pub(super) fn service_type(service: &Object) -> String {
    let said = at(&service.content, &["spec", "type"]);
    let said = said.as_deref().and_then(Value::as_str);
    said.unwrap_or("ClusterIP").to_owned()
}

/// The items of a list under a key; none where there is no list.
pub(super) fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    let items = value.get(key).and_then(Value::as_array);
    items.into_iter().flatten()
}

/// The text under a key.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// An object as a plan calls it.
pub(super) fn shown(key: Key<'_>) -> String {
    format!("{} {}", key.1, key.2)
}

/// Whether a group is not one of Kubernetes' own.
pub(super) fn is_custom(group: &str) -> bool {
    group.contains('.') && !group.ends_with(".k8s.io")
}

/// The command that deletes an object.
pub(in crate::change) fn deletion(kind: &str, name: &str, namespace: Option<&str>) -> String {
    let there = namespace.map_or_else(String::new, |namespace| format!(" -n {namespace}"));
    format!("`kubectl delete {kind} {name}{there}`")
}
