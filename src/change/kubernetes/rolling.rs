//! How the controllers replace the pods of a workload whose template is another one.

use crate::change::difference::at;
use crate::change::{Effect, Field};
use crate::targets::{Content, Object};
use serde_json::Value;
use std::fmt;

/// How many pods a workload has.
#[derive(Clone, Copy, PartialEq)]
enum Pods {
    Exactly(u64),
    /// As its autoscaler says.
    AtLeast(u64),
}

impl Pods {
    /// Who says nothing has one, unless something else scales it; that leaves alone what has none.
    fn of(object: &Content, least: Option<u64>) -> Self {
        let said = at(object, &["spec", "replicas"]).and_then(|replicas| replicas.as_u64());
        match (said, least) {
            (Some(0), _) => Self::Exactly(0),
            (_, Some(least)) => Self::AtLeast(least),
            (said, None) => Self::Exactly(said.unwrap_or(1)),
        }
    }

    /// How many there may be, at the least.
    fn fewest(self) -> u64 {
        match self {
            Self::Exactly(count) => count,
            Self::AtLeast(count) => count.max(1),
        }
    }
}

impl fmt::Display for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(1) => write!(f, "1 pod"),
            Self::Exactly(count) => write!(f, "{count} pods"),
            Self::AtLeast(0) => write!(f, "its pods"),
            Self::AtLeast(1) => write!(f, "at least 1 pod"),
            Self::AtLeast(count) => write!(f, "at least {count} pods"),
        }
    }
}

/// A workload before and now, and the least number of pods that something scales it to.
pub(super) type Sides<'c> = [(&'c Content, Option<u64>); 2];

/// How the pods of a workload are replaced.
pub(super) fn rolling(kind: &str, sides: Sides<'_>) -> (Effect, String) {
    let [was, pods] = sides.map(|(object, least)| Pods::of(object, least));
    let [_, (object, _)] = sides;
    if kind == "DaemonSet" {
        return rolling_by_node(object);
    }
    if pods == Pods::Exactly(0) {
        return (Effect::InPlace, "it has no pods".to_owned());
    }
    match kind {
        "StatefulSet" => rolling_in_place(object, was, pods),
        _ => rolling_beside(object, was, pods),
    }
}

/// Of a workload that had no pods.
fn started() -> (Effect, String) {
    let how = "it had no pods: those of the new version are started";
    (Effect::InPlace, how.to_owned())
}

/// What becomes of a workload that has no pods from then on.
pub(super) fn stopped(kind: &str, sides: Sides<'_>) -> Option<String> {
    if !matches!(kind, "Deployment" | "StatefulSet" | "ReplicaSet") {
        return None;
    }
    let [was, is] = sides.map(|(object, least)| Pods::of(object, least));
    let none = Pods::Exactly(0);
    (was != none && is == none).then(|| match was {
        Pods::Exactly(1) => "its pod is stopped, and none serves after it".to_owned(),
        Pods::Exactly(count) => format!("all {count} pods are stopped, and none serves after them"),
        Pods::AtLeast(_) => "all its pods are stopped, and none serves after them".to_owned(),
    })
}

/// How many pods a workload has at the least.
pub(super) fn fewest(object: &Content, least: Option<u64>) -> u64 {
    Pods::of(object, least).fewest()
}

/// Whether a Deployment starts a new pod before it stops all of the old ones.
pub(super) fn starts_beside(object: &Content, least: Option<u64>) -> bool {
    let count = fewest(object, least);
    let strategy = at(object, &["spec", "strategy"]).unwrap_or_default();
    let surge = share(&amount(&strategy, "maxSurge", "25%"), count, true);
    let unavailable = share(&amount(&strategy, "maxUnavailable", "25%"), count, false);
    strategy.get("type").and_then(Value::as_str) != Some("Recreate")
        && surge > 0
        && unavailable < count
}

/// Of a Deployment (`kubernetes.io/docs/concepts/workloads/controllers/deployment`, Strategy, Pausing and Resuming a rollout).
fn rolling_beside(object: &Content, was: Pods, pods: Pods) -> (Effect, String) {
    if at(object, &["spec", "paused"]).as_deref() == Some(&Value::Bool(true)) {
        let how = "it is paused: no pod is replaced until `kubectl rollout resume`";
        return (Effect::InPlace, how.to_owned());
    }
    // Only a ReplicaSet with pods is scaled first: kubernetes/kubernetes `pkg/controller/deployment/sync.go`, `isScalingEvent`.
    if was == Pods::Exactly(0) {
        return started();
    }
    let strategy = at(object, &["spec", "strategy"]).unwrap_or_default();
    if strategy.get("type").and_then(Value::as_str) == Some("Recreate") {
        return (
            Effect::RestartsAtOnce,
            format!("{pods}, all stopped before new ones start"),
        );
    }
    let surge = amount(&strategy, "maxSurge", "25%");
    let unavailable = amount(&strategy, "maxUnavailable", "25%");
    let how = format!("{pods}, at most {surge} more and {unavailable} fewer");
    if at_once(pods.fewest(), &surge, &unavailable) {
        (Effect::RestartsAtOnce, how)
    } else {
        (Effect::Rolls, how)
    }
}

/// Whether all pods may be missing at the same time: shares are rounded down, and where both come to nothing one may be missing
/// (kubernetes/kubernetes `pkg/controller/deployment/util`, `ResolveFenceposts`).
fn at_once(count: u64, surge: &str, unavailable: &str) -> bool {
    let (surge, unavailable) = (share(surge, count, true), share(unavailable, count, false));
    unavailable >= count || surge == 0 && unavailable == 0 && count == 1
}

/// So many of a number of pods, or such a share of them.
fn share(text: &str, count: u64, up: bool) -> u64 {
    let percent = text.strip_suffix('%').and_then(|it| it.parse::<u64>().ok());
    match percent {
        Some(percent) if up => percent.saturating_mul(count).div_ceil(100),
        Some(percent) => percent.saturating_mul(count) / 100,
        None => text.parse().unwrap_or(0),
    }
}

/// What a workload with pods of its own says that replaces them only once somebody deletes them.
pub(super) fn on_delete(strategy: &Value) -> Option<(Effect, String)> {
    let waits = strategy.get("type").and_then(Value::as_str) == Some("OnDelete");
    let how = "no pod is replaced until it is deleted, as `OnDelete` says";
    waits.then(|| (Effect::InPlace, how.to_owned()))
}

/// Of a `StatefulSet` (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`, Update strategies, Partitioned rolling updates).
fn rolling_in_place(object: &Content, was: Pods, pods: Pods) -> (Effect, String) {
    let strategy = at(object, &["spec", "updateStrategy"]).unwrap_or_default();
    if let Some(waits) = on_delete(&strategy) {
        return waits;
    }
    let kept = strategy.pointer("/rollingUpdate/partition");
    let kept = kept.and_then(Value::as_u64).unwrap_or(0);
    let stopped = "each stopped before its new one starts";
    if kept > 0 {
        let replaced = match pods {
            Pods::AtLeast(_) => format!("what it has beyond {kept} pods"),
            Pods::Exactly(count) if count > kept => format!("{} of {pods}", count - kept),
            Pods::Exactly(_) => {
                let how = format!("no pod is replaced: `partition` keeps the first {kept}");
                return (Effect::InPlace, how);
            }
        };
        let how = format!("{replaced}, {stopped}: `partition` keeps the first {kept}");
        return (Effect::Rolls, how);
    }
    // What it lacks is made of the new revision: `pkg/controller/statefulset`, `newVersionedStatefulSetPod`.
    if was == Pods::Exactly(0) {
        return started();
    }
    if let (Pods::Exactly(was), Pods::Exactly(is)) = (was, pods)
        && was < is
        && strategy.pointer("/rollingUpdate/maxUnavailable").is_none()
    {
        let (more, rest) = (Pods::Exactly(is - was), Pods::Exactly(was));
        let how = if was == 1 {
            format!(
                "{more} of the new version first; then {rest}, stopped before its new one starts"
            )
        } else {
            format!("{more} of the new version first; then {rest}, one by one, {stopped}")
        };
        return (Effect::Rolls, how);
    }
    if pods.fewest() <= 1 {
        let how = format!("{pods}, stopped before its new one starts");
        return (Effect::RestartsAtOnce, how);
    }
    if strategy.pointer("/rollingUpdate/maxUnavailable").is_some() {
        let at_once = amount(&strategy, "maxUnavailable", "1");
        let how = format!("{pods}, {at_once} at once, {stopped}");
        // Rounded down, and one at the least: kubernetes/kubernetes `pkg/controller/statefulset`, `getStatefulSetMaxUnavailable`.
        let all = share(&at_once, pods.fewest(), false).max(1) >= pods.fewest();
        let effect = if all {
            Effect::RestartsAtOnce
        } else {
            Effect::Rolls
        };
        return (effect, how);
    }
    (Effect::Rolls, format!("{pods}, one by one, {stopped}"))
}

/// Of a `DaemonSet` (`kubernetes.io/docs/tasks/manage-daemon/update-daemon-set`).
fn rolling_by_node(object: &Content) -> (Effect, String) {
    let strategy = at(object, &["spec", "updateStrategy"]).unwrap_or_default();
    if let Some(waits) = on_delete(&strategy) {
        return waits;
    }
    let surge = amount(&strategy, "maxSurge", "0");
    if !matches!(&*surge, "0" | "0%") {
        let how = format!("the pod of each node, on {surge} at once, the new one first");
        return (Effect::Rolls, how);
    }
    let unavailable = amount(&strategy, "maxUnavailable", "1");
    let how = format!(
        "the pod of each node, on {unavailable} at once, stopped before its new one starts"
    );
    if unavailable == "100%" {
        return (Effect::RestartsAtOnce, how);
    }
    (Effect::Rolls, how)
}

/// A number of pods, or a share of them.
fn amount(strategy: &Value, key: &str, default: &str) -> String {
    match strategy
        .get("rollingUpdate")
        .and_then(|rolling| rolling.get(key))
    {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        _ => default.to_owned(),
    }
}

/// What becomes of the pods of a Job that is suspended or goes on (`kubernetes.io/docs/concepts/workloads/controllers/job`, Suspending a Job).
pub(super) fn suspension(object: &Object, fields: &[Field]) -> Option<&'static str> {
    let mut fields = fields.iter().filter(|_| object.kind == "Job");
    let field = fields.find(|field| field.path == "spec.suspend")?;
    let how = match field.new {
        Some(Value::Bool(true)) => {
            "its pods that run are stopped, and others are started once it is resumed"
        }
        _ => "it goes on: its pods are started",
    };
    Some(how)
}
