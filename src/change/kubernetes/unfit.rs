//! A `DaemonSet` that asks for other nodes: its pods on nodes that it no longer asks for are deleted at once, up to 250 of them, before and
//! beside its rolling update (kubernetes/kubernetes `pkg/controller/daemon/daemon_controller.go`, `podsShouldBeOnNode` and `syncNodes`).

use super::parts::{containers, items, pod_in, text};
use crate::change::difference::value;
use crate::change::{Change, Effect, unfit};
use crate::targets::{Content, Object};
use serde_json::Value;

/// Says it of one that is not refused.
pub(super) fn told(change: &mut Change, before: &Content, object: &Object) {
    if object.kind != "DaemonSet" || change.effect == Effect::Refused {
        return;
    }
    let is_of_nodes = |path: &str| path.contains(".nodeSelector") || path.contains(".affinity");
    if !change.fields.iter().any(|it| is_of_nodes(&it.path)) {
        return;
    }
    let (was, is) = (value(before), value(&object.content));
    let Some((was, is)) = pod_in(&object.kind, &was).zip(pod_in(&object.kind, &is)) else {
        return;
    };
    if labels_cover(was, is) && terms_cover(was, is) {
        return;
    }
    change.says_also("pods on nodes that no longer fit are stopped at once, all together");
    let is_asked = |it: &Value| it.get("ports").is_some() || it.get("readinessProbe").is_some();
    if containers(is).any(is_asked) {
        change.losses.push(unfit::loss(&change.name, "pods"));
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
