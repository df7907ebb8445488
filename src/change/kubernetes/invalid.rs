//! What the API server takes of no workload, changed or not: each apply of one that differs has the whole of it looked at.
//!
//! kubernetes/kubernetes `pkg/apis/apps/validation`, by the function that each part names.

use super::refused::Refused;
use super::{is_generated, pods, refusal};
use crate::change::difference::at;
use crate::change::{Effect, Field, Refusal};
use crate::targets::{Content, Object};
use serde_json::{Value, json};

/// A place, and what is said of it.
pub(super) type Fault = (String, String);

/// What is said of a place.
pub(super) fn said(place: &str, said: impl Into<String>) -> Fault {
    (place.to_owned(), said.into())
}

/// What is said of a workload, where something is wrong with it; its field is refused, where it is one of those.
pub(super) fn consider(object: &Object, fields: &mut [Field], is_new: bool) -> Option<Refused> {
    let content = &object.content;
    let of_kind: fn(&Content) -> Option<Fault> = match object.kind.as_str() {
        "Deployment" => deployment,
        "DaemonSet" => daemon_set,
        "StatefulSet" | "ReplicaSet" | "Pod" | "Job" | "CronJob" => |_| None,
        _ => return None,
    };
    let kind = &*object.kind;
    let is_workload = !matches!(kind, "Pod" | "Job" | "CronJob");
    let fault = name(object, is_new);
    let of_its_own = || {
        let replicas = replicas(kind, content);
        replicas.or_else(|| selector(kind, content))
    };
    let fault = fault
        .or_else(|| is_workload.then(of_its_own).flatten())
        .or_else(|| pods::consider(kind, content, is_new))
        .or_else(|| of_kind(content))?;
    let (place, said) = &fault;
    let told = as_told(content, place.trim_start_matches('…'));
    for field in fields.iter_mut().filter(|it| is_around(&it.path, &told)) {
        field.effect = Effect::Refused;
    }
    let said = refusal::fault(kind, &object.name, place, said);
    Some((Refusal::Invalid, said))
}

/// `ValidateDeploymentName` and those like it; what is there has a name (`ValidateStatefulSetName`: its pods are called by it).
fn name(object: &Object, is_new: bool) -> Option<Fault> {
    let name = &*object.name;
    let is_plain = name.split('.').all(pods::is_label) || is_generated(object);
    let why = match object.kind.as_str() {
        _ if !is_new => return None,
        "StatefulSet" if is_plain && name.contains('.') && !is_generated(object) => {
            "must not contain dots"
        }
        _ if is_plain => return None,
        "StatefulSet" if !name.contains('.') => {
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', …"
        }
        "StatefulSet" => "…",
        _ => {
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', …"
        }
    };
    let why = format!("Invalid value: \"{name}\": {why}");
    Some(said("metadata.name", why))
}

/// `ValidateNonnegativeField`.
fn replicas(kind: &str, content: &Content) -> Option<Fault> {
    let place = "spec.replicas";
    let count = at(content, &["spec", "replicas"]).filter(|_| kind != "DaemonSet")?;
    let count = count.as_i64().filter(|it| *it < 0)?;
    let why = format!("Invalid value: {count}: must be greater than or equal to 0");
    Some(said(place, why))
}

/// `ValidateDeploymentSpec`, `ValidateStatefulSetSpec`, `ValidateDaemonSetSpec`, `ValidatePodTemplateSpecForReplicaSet`: pods that their
/// own workload would not know.
fn selector(kind: &str, content: &Content) -> Option<Fault> {
    let selector = at(content, &["spec", "selector"]);
    let selector = selector.filter(|it| !it.is_null());
    if selector.is_none() && kind != "DaemonSet" {
        return Some(said("spec.selector", "Required value"));
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
        let why = format!("Invalid value: {labels}: `selector` does not match template `labels`");
        said("spec.template.metadata.labels", why)
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
        let why = "Forbidden: may not be specified when strategy `type` is 'Recreate'";
        return Some(said("spec.strategy.rollingUpdate", why));
    }
    let kind = strategy.get("type").and_then(Value::as_str);
    if let Some(kind) = kind.filter(|it| !matches!(*it, "" | "RollingUpdate")) {
        let why = format!("Unsupported value: {{\"Type\":\"{kind}\",…");
        return Some(said("spec.strategy", why));
    }
    let of = |key| rolling.and_then(|it| it.get(key));
    let shares = [("maxUnavailable", true), ("maxSurge", false)].into_iter();
    let mut faults = shares.filter_map(|(key, is_part)| {
        let place = format!("spec.strategy.rollingUpdate.{key}");
        of(key).and_then(|amount| share(&place, amount, is_part))
    });
    if let Some(fault) = faults.next() {
        return Some(fault);
    }
    let (surge, unavailable) = (of("maxSurge"), of("maxUnavailable"));
    if let Some(unavailable) = unavailable.filter(|it| is_none(it))
        && surge.is_some_and(is_none)
    {
        let why = format!("Invalid value: {unavailable}: may not be 0 when `maxSurge` is 0");
        return Some(said("spec.strategy.rollingUpdate.maxUnavailable", why));
    }
    let seconds = |key| at(content, &["spec", key]).and_then(|it| it.as_u64());
    let deadline = seconds("progressDeadlineSeconds").unwrap_or(600);
    let ready = seconds("minReadySeconds").unwrap_or(0);
    (deadline <= ready).then(|| {
        let why = format!("Invalid value: {deadline}: must be greater than minReadySeconds");
        said("spec.progressDeadlineSeconds", why)
    })
}

/// `ValidatePositiveIntOrPercent`, and of what is a part of the whole `IsNotMoreThan100Percent`.
pub(super) fn share(place: &str, amount: &Value, is_part: bool) -> Option<Fault> {
    let why = match amount {
        Value::Number(number) if number.as_i64().is_some_and(|it| it < 0) => {
            "must be greater than or equal to 0"
        }
        Value::String(text) => {
            let digits = text.strip_suffix('%').filter(|it| !it.is_empty());
            let digits = digits.filter(|it| it.chars().all(|c| c.is_ascii_digit()));
            match digits.map(str::parse::<u64>) {
                None => "a valid percent string must be a numeric string followed by an ending '%'",
                Some(Ok(share)) if share <= 100 || !is_part => return None,
                Some(_) if is_part => "must not be greater than 100%",
                Some(_) => return None,
            }
        }
        _ => return None,
    };
    Some(said(place, format!("Invalid value: {amount}: {why}")))
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
        (false, false) => Some(said(
            "spec.updateStrategy.rollingUpdate.maxSurge",
            format!("Invalid value: {surge}: may not be set when maxUnavailable is non-zero"),
        )),
        (true, true) => Some(said(
            "spec.updateStrategy.rollingUpdate.maxUnavailable",
            "Required value: cannot be 0 when maxSurge is 0",
        )),
        _ => None,
    }
}

/// A place as a plan tells it, by the name of a container, as far as its lists.
pub(super) fn as_told(content: &Content, place: &str) -> String {
    let named = || {
        let (list, rest) = place.split_once('[')?;
        let (index, rest) = rest.split_once(']')?;
        let steps: Vec<&str> = list.split('.').collect();
        let containers = at(content, &steps)?;
        let container = containers.get(index.parse::<usize>().ok()?)?;
        let name = container.get("name")?.as_str()?;
        let rest = rest.split('[').next().unwrap_or_default();
        Some(format!("{list}[{name}]{rest}"))
    };
    named().unwrap_or_else(|| place.to_owned())
}

/// Whether a place is another one, or one of the two is in the other.
pub(super) fn is_around(one: &str, other: &str) -> bool {
    let is_in = |inner: &str, outer: &str| {
        let rest = inner.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
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
