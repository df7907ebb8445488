//! What the API server takes of no workload, changed or not: each apply of one that differs has the whole of it looked at.
//!
//! kubernetes/kubernetes `pkg/apis/apps/validation`, by the function that each part names.

use super::refusal;
use super::refused::Refused;
use crate::change::difference::at;
use crate::change::{Effect, Field, Refusal};
use crate::targets::{Content, Object};
use serde_json::{Value, json};

/// A place, and what is said of it.
type Fault = (&'static str, String);

/// What is said of a workload, where something is wrong with it; its field is refused, where it is one of those.
pub(super) fn consider(object: &Object, fields: &mut [Field]) -> Option<Refused> {
    let content = &object.content;
    let of_kind: fn(&Content) -> Option<Fault> = match object.kind.as_str() {
        "Deployment" => deployment,
        "DaemonSet" => daemon_set,
        "StatefulSet" | "ReplicaSet" => |_| None,
        _ => return None,
    };
    let fault = selector(&object.kind, content).or_else(|| of_kind(content));
    let (place, said) = fault?;
    for field in fields.iter_mut().filter(|it| is_around(&it.path, place)) {
        field.effect = Effect::Refused;
    }
    let said = refusal::fault(&object.kind, &object.name, place, &said);
    Some((Refusal::Invalid, said))
}

/// `ValidateDeploymentSpec`, `ValidateStatefulSetSpec`, `ValidateDaemonSetSpec`, `ValidatePodTemplateSpecForReplicaSet`: pods that their
/// own workload would not know.
fn selector(kind: &str, content: &Content) -> Option<Fault> {
    let selector = at(content, &["spec", "selector"]);
    let selector = selector.filter(|it| !it.is_null());
    if selector.is_none() && kind != "DaemonSet" {
        return Some(("spec.selector", "Required value".to_owned()));
    }
    let labels = at(content, &["spec", "template", "metadata", "labels"]).unwrap_or_default();
    let label = |key: &str| labels.get(key).and_then(Value::as_str);
    let matches = selector.as_ref().is_some_and(|selector| {
        let wanted = selector.get("matchLabels").and_then(Value::as_object);
        let mut wanted = wanted.into_iter().flatten();
        let asked = selector.get("matchExpressions").and_then(Value::as_array);
        let mut asked = asked.into_iter().flatten();
        wanted.all(|(key, value)| label(key) == value.as_str())
            && asked.all(|it| is_met(it, &label).unwrap_or(true))
    });
    (!matches).then(|| {
        let said = format!("Invalid value: {labels}: `selector` does not match template `labels`");
        ("spec.template.metadata.labels", said)
    })
}

/// Whether labels meet what a selector asks of one of them; nothing where that cannot be read (`kubernetes.io/docs/concepts/overview/working-with-objects/labels`).
fn is_met<'v>(asked: &Value, label: &impl Fn(&str) -> Option<&'v str>) -> Option<bool> {
    let text = |key| asked.get(key).and_then(Value::as_str);
    let label = label(text("key")?);
    let values = asked.get("values").and_then(Value::as_array);
    let is_one = || {
        let mut values = values.into_iter().flatten();
        label.is_some_and(|label| values.any(|it| it.as_str() == Some(label)))
    };
    Some(match text("operator")? {
        "In" => is_one(),
        "NotIn" => !is_one(),
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        _ => return None,
    })
}

/// `ValidateDeploymentStrategy`, `ValidateRollingUpdateDeployment`, `ValidateDeploymentSpec`.
fn deployment(content: &Content) -> Option<Fault> {
    let strategy = at(content, &["spec", "strategy"]).unwrap_or_default();
    let rolling = strategy.get("rollingUpdate").and_then(Value::as_object);
    let rolling = rolling.filter(|it| !it.is_empty());
    if strategy.get("type").and_then(Value::as_str) == Some("Recreate") {
        // What the API server wrote there itself is taken out by the patch of kubectl: `patchStrategy:"retainKeys"` of the field in
        // staging/src/k8s.io/api/apps/v1/types.go.
        rolling?;
        let said = "Forbidden: may not be specified when strategy `type` is 'Recreate'";
        return Some(("spec.strategy.rollingUpdate", said.to_owned()));
    }
    let of = |key| rolling.and_then(|it| it.get(key));
    let (surge, unavailable) = (of("maxSurge"), of("maxUnavailable"));
    if let Some(unavailable) = unavailable.filter(|it| is_none(it))
        && surge.is_some_and(is_none)
    {
        let said = format!("Invalid value: {unavailable}: may not be 0 when `maxSurge` is 0");
        return Some(("spec.strategy.rollingUpdate.maxUnavailable", said));
    }
    let seconds = |key| at(content, &["spec", key]).and_then(|it| it.as_u64());
    let deadline = seconds("progressDeadlineSeconds").unwrap_or(600);
    let ready = seconds("minReadySeconds").unwrap_or(0);
    (deadline <= ready).then(|| {
        let said = format!("Invalid value: {deadline}: must be greater than minReadySeconds");
        ("spec.progressDeadlineSeconds", said)
    })
}

/// `ValidateDaemonSetUpdateStrategy`, `ValidateRollingUpdateDaemonSet`.
fn daemon_set(content: &Content) -> Option<Fault> {
    let strategy = at(content, &["spec", "updateStrategy"]).unwrap_or_default();
    if strategy.get("type").and_then(Value::as_str) == Some("OnDelete") {
        return None;
    }
    let of = |key: &str, left: u64| {
        let given = strategy.get("rollingUpdate").and_then(|it| it.get(key));
        let given = given.filter(|it| !it.is_null());
        given.cloned().unwrap_or_else(|| json!(left))
    };
    let (surge, unavailable) = (of("maxSurge", 0), of("maxUnavailable", 1));
    match (is_none(&surge), is_none(&unavailable)) {
        (false, false) => Some((
            "spec.updateStrategy.rollingUpdate.maxSurge",
            format!("Invalid value: {surge}: may not be set when maxUnavailable is non-zero"),
        )),
        (true, true) => Some((
            "spec.updateStrategy.rollingUpdate.maxUnavailable",
            "Required value: cannot be 0 when maxSurge is 0".to_owned(),
        )),
        _ => None,
    }
}

/// Whether a place is another one, or one of the two is in the other.
fn is_around(one: &str, other: &str) -> bool {
    let is_in = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    is_in(one, other) || is_in(other, one)
}

/// Whether a number or share of pods is none (`getIntOrPercentValue`).
fn is_none(amount: &Value) -> bool {
    match amount {
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.strip_suffix('%').and_then(|it| it.parse().ok()) == Some(0_u64),
        _ => false,
    }
}
