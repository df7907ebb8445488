//! Kubernetes: what `kubectl apply` and the controllers make of the difference between two sets of
//! manifests.

mod refusal;
mod rules;

use super::difference::{apart, at, differences, value};
use super::rules::fields;
use super::{Change, Effect, Field, Pair, TargetChanges};
use crate::graph::{Graph, ServiceView};
use crate::parallel;
use crate::targets::{Content, Object};
use crate::vocabulary::TargetId;
use rustc_hash::FxHashMap;
use serde_json::Value;

/// Fewer objects than this are not worth a thread.
const LEAST: usize = 64;

/// What becomes of every object.
pub(super) fn compare(pair: &Pair<'_>) -> TargetChanges {
    let before: FxHashMap<(&str, &str), &Object> = keyed(pair.old);
    let after: FxHashMap<(&str, &str), &Object> = keyed(pair.new);
    // One object has nothing to do with another, and each is some work where all of them differ.
    let all: Vec<&Object> = objects(pair.new).collect();
    let compared = parallel::in_shares(&all, LEAST, 0, |share| {
        let compared = share.list.iter();
        let compared = compared.map(|object| match before.get(&key(object)) {
            None => Some(created(pair, object)),
            Some(was) if was.content == object.content => None,
            Some(was) => changed(pair, was, object),
        });
        compared.collect::<Vec<_>>()
    });
    let mut changes: Vec<Change> = compared.into_iter().flatten().flatten().collect();
    let unchanged = all.len() - changes.len();
    for object in objects(pair.old) {
        if !after.contains_key(&key(object)) {
            changes.push(left(pair, object));
        }
    }
    renames(&mut changes);
    TargetChanges {
        target: pair.target,
        changes,
        unchanged,
        variables: Vec::new(),
    }
}

/// The objects; the list of files is none.
fn objects(all: &[Object]) -> impl Iterator<Item = &Object> {
    all.iter().filter(|object| object.kind != Object::FILE)
}

fn keyed(all: &[Object]) -> FxHashMap<(&str, &str), &Object> {
    objects(all).map(|object| (key(object), object)).collect()
}

fn key(object: &Object) -> (&str, &str) {
    (&object.kind, &object.name)
}

fn created(pair: &Pair<'_>, object: &Object) -> Change {
    let mut change = change(pair.new_graph, object);
    change.effect = Effect::Created;
    change
}

fn left(pair: &Pair<'_>, object: &Object) -> Change {
    let mut change = change(pair.old_graph, object);
    change.span = None;
    change.effect = Effect::Left;
    let (kind, name) = (object.kind.to_lowercase(), &object.name);
    change.how = match object.kind.as_str() {
        "Deployment" | "StatefulSet" => format!("runs on until `kubectl delete {kind} {name}`"),
        "ConfigMap" => "kept for `kubectl rollout undo`".to_owned(),
        _ => format!("stays until `kubectl delete {kind} {name}`"),
    };
    change
}

fn changed(pair: &Pair<'_>, was: &Object, object: &Object) -> Option<Change> {
    let before = &was.content;
    let (was, is) = apart(before, &object.content);
    let mut change = change(pair.new_graph, object);
    let view = pair.new_graph.and_then(|graph| view(graph, object));
    let differ = differences(&was, &is);
    change.fields = fields(rules::of(&object.kind), &differ, view);
    let worst = change.fields.iter().map(|field| field.effect).max()?;
    (change.effect, change.how) = match worst {
        Effect::Rolls => rolling(&object.kind, &object.content),
        _ => (worst, "no pod is replaced".to_owned()),
    };
    if let Some(refusal) = refused(object, &change.fields, before, &was, &is) {
        (change.effect, change.how) = (Effect::Refused, refusal);
    }
    Some(change)
}

/// What the API server says, where it refuses.
fn refused(
    object: &Object,
    fields: &[Field],
    before: &Content,
    was: &Value,
    is: &Value,
) -> Option<String> {
    let name = &object.name;
    let refused = fields.iter().any(|field| field.effect == Effect::Refused);
    match object.kind.as_str() {
        "Deployment" if refused => Some(refusal::selector(name, &value(&object.content))),
        "StatefulSet" if refused => Some(refusal::stateful_set(name)),
        "PersistentVolumeClaim" if refused => Some(refusal::claim(name)),
        "PersistentVolumeClaim" => {
            let size = |of: &Value| {
                let size = of.pointer("/spec/resources/requests/storage")?;
                bytes(size.as_str()?)
            };
            (size(is)? < size(was)?).then(|| refusal::smaller(name))
        }
        // An address that the cluster chose is in no manifest.
        "Service" if refused => Some(refusal::address(name, is)),
        "ConfigMap" | "Secret" => {
            let data = |of: &Value| [of.get("data").cloned(), of.get("binaryData").cloned()];
            let immutable = || at(before, &["immutable"]).as_deref() == Some(&Value::Bool(true));
            (data(was) != data(is) && immutable()).then(|| refusal::immutable(&object.kind, name))
        }
        _ => None,
    }
}

/// An amount of storage, as `10Gi`.
fn bytes(amount: &str) -> Option<u128> {
    let end = amount.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = amount.split_at_checked(end.unwrap_or(amount.len()))?;
    let number: u128 = number.parse().ok()?;
    let factor: u128 = match unit {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// How pods are replaced (`kubernetes.io/docs/concepts/workloads/controllers/deployment`, Strategy).
fn rolling(kind: &str, object: &Content) -> (Effect, String) {
    let replicas = at(object, &["spec", "replicas"]).and_then(|replicas| replicas.as_u64());
    let pods = match replicas {
        Some(1) => "1 pod".to_owned(),
        Some(count) => format!("{count} pods"),
        None => "its pods".to_owned(),
    };
    if kind == "StatefulSet" {
        return match replicas {
            Some(0 | 1) | None => (
                Effect::RestartsAtOnce,
                format!("{pods}, stopped before its new one starts"),
            ),
            Some(_) => (
                Effect::Rolls,
                format!("{pods}, one by one, each stopped before its new one starts"),
            ),
        };
    }
    let strategy = at(object, &["spec", "strategy"]).unwrap_or_default();
    if strategy.get("type").and_then(Value::as_str) == Some("Recreate") {
        return (
            Effect::RestartsAtOnce,
            format!("{pods}, all stopped before new ones start"),
        );
    }
    let amount = |path: &str| match strategy.pointer(path) {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        _ => "25%".to_owned(),
    };
    let surge = amount("/rollingUpdate/maxSurge");
    let unavailable = amount("/rollingUpdate/maxUnavailable");
    let how = format!("{pods}, at most {surge} more and {unavailable} fewer");
    if unavailable == "100%" || replicas.is_some_and(|count| unavailable == count.to_string()) {
        return (Effect::RestartsAtOnce, how);
    }
    (Effect::Rolls, how)
}

fn change(graph: Option<&Graph>, object: &Object) -> Change {
    let view = graph.and_then(|graph| view(graph, object));
    Change {
        service: view.map(|view| view.name().into()),
        kind: object.kind.clone(),
        name: object.name.clone(),
        was: None,
        effect: Effect::Ignored,
        how: String::new(),
        fields: Vec::new(),
        span: view.map(ServiceView::span),
    }
}

/// The service whose file an object stands in.
fn view<'g>(graph: &'g Graph, object: &Object) -> Option<ServiceView<'g>> {
    let file = object.file.rsplit('/').next().unwrap_or_default();
    let name = file.strip_suffix(".yaml").unwrap_or(file);
    let found = graph.find(name);
    let here = |service: &ServiceView<'g>| graph.runs_on(*service, TargetId::Kubernetes);
    found.filter(here).or_else(|| {
        let mut all = graph.services_on(TargetId::Kubernetes);
        all.find(|service| service.emitted_name() == name)
    })
}

/// A workload that is created and one that is left, of one service: it got another name or kind.
fn renames(changes: &mut Vec<Change>) {
    let workload = |change: &Change| matches!(&*change.kind, "Deployment" | "StatefulSet");
    let mut gone = Vec::new();
    let left: Vec<(usize, Change)> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.effect == Effect::Left && workload(change))
        .map(|(index, change)| (index, change.clone()))
        .collect();
    for change in changes.iter_mut() {
        if change.effect != Effect::Created || !workload(change) || change.service.is_none() {
            continue;
        }
        let same = left.iter().find(|(_, left)| left.service == change.service);
        let Some((index, left)) = same else {
            continue;
        };
        gone.push(*index);
        change.effect = Effect::Renamed;
        let (kind, name) = (&left.kind, &left.name);
        change.how = format!("was {kind} {name}, which runs on beside it until it is deleted");
        change.was = Some(format!("{kind} {name}"));
    }
    gone.sort_unstable_by(|one, other| other.cmp(one));
    for index in gone {
        changes.remove(index);
    }
}
