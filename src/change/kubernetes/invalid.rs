//! What the API server takes of no workload, changed or not: each apply of one that differs has the whole of it looked at.
//!
//! kubernetes/kubernetes `pkg/apis/apps/validation`, by the function that each part names.

use super::refused::Refused;
use super::{is_generated, pods, refusal};
use crate::change::difference::at;
use crate::change::{Effect, Field, Refusal};
use crate::targets::{Content, Object};
use serde_json::{Value, json};

/// What is wrong.
pub(super) enum Fault {
    /// A place, and what is said of it.
    At(String, String),
    /// A place, what stands there, and what is asked for, as a field of the API's types and as a type.
    Unread(String, &'static str, String, &'static str),
    /// A place where no amount stands.
    Amount(String),
}

/// What is said of a place.
pub(super) fn said(place: &str, said: impl Into<String>) -> Fault {
    Fault::At(place.to_owned(), said.into())
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
    let (Fault::At(place, _) | Fault::Unread(place, ..) | Fault::Amount(place)) = &fault;
    let told = as_told(content, place);
    for field in fields.iter_mut().filter(|it| is_around(&it.path, &told)) {
        field.effect = Effect::Refused;
    }
    let (kind, name) = (&*object.kind, &*object.name);
    let said = match &fault {
        Fault::At(place, said) => refusal::fault(kind, name, place, said),
        Fault::Unread(_, is, field, wanted) if is_new => {
            let version = at(content, &["apiVersion"]);
            let version = version
                .as_deref()
                .and_then(Value::as_str)
                .unwrap_or_default();
            let version = version.rsplit('/').next().unwrap_or_default();
            refusal::unread(kind, version, [*is, field.as_str(), *wanted])
        }
        Fault::Unread(_, _, _, wanted) => refusal::unread_patch(wanted),
        Fault::Amount(_) => refusal::amount(),
    };
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

/// `ValidateNonnegativeField`; what is no whole number cannot be read as one (`staging/src/k8s.io/api/apps/v1/types.go`).
fn replicas(kind: &str, content: &Content) -> Option<Fault> {
    let place = "spec.replicas";
    let count = at(content, &["spec", "replicas"]).filter(|_| kind != "DaemonSet")?;
    let is = match &*count {
        Value::Number(number) if number.as_i64().is_some_and(|it| it < 0) => {
            let why = format!("Invalid value: {number}: must be greater than or equal to 0");
            return Some(said(place, why));
        }
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        _ => return None,
    };
    let field = format!("{kind}Spec.spec.replicas");
    Some(Fault::Unread(place.to_owned(), is, field, "int32"))
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
    let of = |key| rolling.and_then(|it| it.get(key));
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
fn as_told(content: &Content, place: &str) -> String {
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
