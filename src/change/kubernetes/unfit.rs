//! A `DaemonSet` that asks for other nodes: its pods on nodes that it no longer asks for are deleted at once, up to 250 of them, before and
//! beside its rolling update (kubernetes/kubernetes `pkg/controller/daemon/daemon_controller.go`, `podsShouldBeOnNode` and `syncNodes`).

use super::parts::{containers, items, pod_in, text};
use crate::change::difference::value;
use crate::change::{Change, Effect, Loss, Lost, unfit};
use crate::targets::{Content, Object};
use serde_json::Value;

/// Says it of one that is not refused.
pub(super) fn told(change: &mut Change, before: &Content, object: &Object) {
    if object.kind != "DaemonSet" || change.effect == Effect::Refused {
        return;
    }
    let of_nodes = [".nodeSelector", ".affinity", ".tolerations"];
    let is_of_nodes = |path: &str| of_nodes.iter().any(|it| path.contains(it));
    if !change.fields.iter().any(|it| is_of_nodes(&it.path)) {
        return;
    }
    let (was, is) = (value(before), value(&object.content));
    let Some((was, is)) = pod_in(&object.kind, &was).zip(pod_in(&object.kind, &is)) else {
        return;
    };
    let is_asked = |it: &Value| it.get("ports").is_some() || it.get("readinessProbe").is_some();
    let is_asked = containers(is).any(is_asked);
    if !labels_cover(was, is) || !terms_cover(was, is) {
        change.says_also("pods on nodes that no longer fit are stopped at once, all together");
        if is_asked {
            change.losses.push(unfit::loss(&change.name, "pods"));
        }
    }
    if let Some(taint) = items(was, "tolerations").find(|it| !is_borne(it, is)) {
        let taint = shown(taint);
        change.says_also(&format!(
            "pods on nodes with {taint} are stopped, and none comes there"
        ));
        if is_asked {
            change.losses.push(untolerated(&change.name, &taint));
        }
    }
}

/// Tolerations that the controller gives each pod itself (kubernetes/kubernetes `pkg/controller/daemon/util/daemonset_util.go`,
/// `AddOrUpdateDaemonPodTolerations`).
const GIVEN: [&str; 6] = [
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
];

/// Whether a taint that was tolerated is so still (`kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration`): no key is every key,
/// no effect every effect.
fn is_borne(had: &Value, pod: &Value) -> bool {
    if text(had, "key").is_some_and(|it| GIVEN.contains(&it)) {
        return true;
    }
    let effects = match text(had, "effect").filter(|it| !it.is_empty()) {
        Some(effect) => vec![effect],
        None => vec!["NoSchedule", "NoExecute"],
    };
    let mut effects = effects.into_iter();
    effects.all(|effect| items(pod, "tolerations").any(|has| bears(has, had, effect)))
}

/// Whether one toleration bears what another one bore of an effect.
fn bears(has: &Value, had: &Value, effect: &str) -> bool {
    fn said<'v>(of: &'v Value, key: &str) -> &'v str {
        let default = if key == "operator" { "Equal" } else { "" };
        text(of, key).filter(|it| !it.is_empty()).unwrap_or(default)
    }
    let same = |key: &str| said(has, key) == said(had, key);
    let exists = said(has, "operator") == "Exists";
    let is_key = said(has, "key").is_empty() && exists || same("key");
    let is_value = exists || same("operator") && same("value");
    let is_effect = said(has, "effect").is_empty() || said(has, "effect") == effect;
    // For so many seconds it is borne, and no longer.
    let seconds = |of: &Value| {
        of.get("tolerationSeconds")
            .map(|it| it.as_i64().unwrap_or(0))
    };
    let lasts = seconds(has).is_none_or(|has| seconds(had).is_some_and(|had| has >= had));
    is_key && is_value && is_effect && lasts
}

fn shown(toleration: &Value) -> String {
    match text(toleration, "key").filter(|it| !it.is_empty()) {
        Some(key) => format!("the taint `{key}`"),
        None => "other taints".to_owned(),
    }
}

/// What has a taint of another effect than `NoExecute` lets its pod run until the rolling update takes it (`daemon_controller.go`,
/// `NodeShouldRunDaemonPod`).
fn untolerated(name: &str, taint: &str) -> Loss {
    Loss {
        about: Lost::Nodes,
        what: format!(
            "`{name}` goes from nodes with {taint}, which its pods tolerate no more: each pod there is stopped, and none comes in its place"
        ),
        way: "keep the toleration while such a node is asked for it".to_owned(),
    }
}

/// Whether each node with the labels that were asked for has those that are asked for now.
fn labels_cover(was: &Value, is: &Value) -> bool {
    let labels = is.get("nodeSelector").and_then(Value::as_object);
    let mut labels = labels.into_iter().flatten();
    labels.all(|(key, label)| was.get("nodeSelector").and_then(|it| it.get(key)) == Some(label))
}

/// Whether each node that met the required affinity meets that of now.
fn terms_cover(was: &Value, is: &Value) -> bool {
    let (had, has) = (terms(was), terms(is));
    let covers = |old: &&Value, new: &&Value| {
        ["matchExpressions", "matchFields"].iter().all(|key| {
            let mut asked = items(new, key);
            asked.all(|asked| items(old, key).any(|known| implies(known, asked)))
        })
    };
    // Of several terms a node meets one; without any each node does.
    let is_met = |old: &Value| has.iter().any(|new| covers(&old, new));
    has.is_empty() || !had.is_empty() && had.iter().all(|old| is_met(old))
}

fn terms(pod: &Value) -> Vec<&Value> {
    let required = "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution";
    let required = pod.pointer(required);
    required.map_or_else(Vec::new, |it| items(it, "nodeSelectorTerms").collect())
}

/// Whether who meets one requirement meets another one.
fn implies(known: &Value, asked: &Value) -> bool {
    let has_all = |all: &Value, some: &Value| {
        items(some, "values").all(|it| items(all, "values").any(|other| other == it))
    };
    text(known, "key") == text(asked, "key")
        && match (text(known, "operator"), text(asked, "operator")) {
            (Some("In"), Some("In")) => has_all(asked, known),
            (Some("NotIn"), Some("NotIn")) => has_all(known, asked),
            (Some("In"), Some("Exists")) => true,
            _ => known == asked,
        }
}
