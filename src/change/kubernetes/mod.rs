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
use std::fmt::Write as _;

/// Fewer objects than this are not worth a thread.
const LEAST: usize = 64;

/// What becomes of every object.
pub(super) fn compare(pair: &Pair<'_>) -> TargetChanges {
    let before = keyed(pair.old);
    let after = keyed(pair.new);
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
    taken_ports(pair, &mut changes);
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

/// Kind, name and namespace: one of that name in another namespace is another object.
type Key<'a> = (&'a str, &'a str, Option<&'a str>);

fn keyed(all: &[Object]) -> FxHashMap<Key<'_>, &Object> {
    objects(all).map(|object| (key(object), object)).collect()
}

fn key(object: &Object) -> Key<'_> {
    (&object.kind, &object.name, object.namespace.as_deref())
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
    let there = object.namespace.as_ref();
    let there = there.map_or_else(String::new, |namespace| format!(" -n {namespace}"));
    change.how = match object.kind.as_str() {
        "Deployment" | "StatefulSet" | "DaemonSet" => {
            format!("runs on until `kubectl delete {kind} {name}{there}`")
        }
        "ConfigMap" => "kept for `kubectl rollout undo`".to_owned(),
        _ => format!("stays until `kubectl delete {kind} {name}{there}`"),
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
        _ if grows(object, &was, &is) => (
            worst,
            "no pod is replaced; refused where its class says no `allowVolumeExpansion`".to_owned(),
        ),
        _ => (worst, "no pod is replaced".to_owned()),
    };
    if change.effect == Effect::InPlace {
        let rolls = |field: &&mut Field| field.effect == Effect::Rolls;
        let fields = change.fields.iter_mut();
        fields
            .filter(rolls)
            .for_each(|it| it.effect = change.effect);
    }
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
        "Deployment" | "DaemonSet" if refused => Some(refusal::selector(
            &object.kind,
            name,
            &value(&object.content),
        )),
        "Job" => {
            let field = fields.iter().find(|it| it.effect == Effect::Refused)?;
            let mut steps = field.path.split(['.', '[']);
            let field = [steps.next()?, steps.next()?].join(".");
            Some(refusal::job(name, &field))
        }
        "StatefulSet" if refused => Some(refusal::stateful_set(name)),
        "PersistentVolumeClaim" if refused => Some(refusal::claim(name)),
        "PersistentVolumeClaim" => (size(is)? < size(was)?).then(|| refusal::smaller(name)),
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

/// Whether a claim asks for more than it did (kubernetes/kubernetes `plugin/pkg/admission/storage/persistentvolume/resize`).
fn grows(object: &Object, was: &Value, is: &Value) -> bool {
    object.kind == "PersistentVolumeClaim" && size(is) > size(was)
}

/// How much a claim asks for.
fn size(claim: &Value) -> Option<u128> {
    let size = claim.pointer("/spec/resources/requests/storage")?;
    bytes(size.as_str()?)
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

/// How the pods of a workload are replaced.
fn rolling(kind: &str, object: &Content) -> (Effect, String) {
    match kind {
        "StatefulSet" => rolling_in_place(object),
        "DaemonSet" => rolling_by_node(object),
        _ => rolling_beside(object),
    }
}

/// Of a Deployment (`kubernetes.io/docs/concepts/workloads/controllers/deployment`, Strategy, Pausing and Resuming a rollout).
fn rolling_beside(object: &Content) -> (Effect, String) {
    let replicas = replicas(object);
    let pods = pods(replicas);
    if at(object, &["spec", "paused"]).as_deref() == Some(&Value::Bool(true)) {
        let how = "it is paused: no pod is replaced until `kubectl rollout resume`";
        return (Effect::InPlace, how.to_owned());
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
    if unavailable == "100%" || replicas.is_some_and(|count| unavailable == count.to_string()) {
        return (Effect::RestartsAtOnce, how);
    }
    (Effect::Rolls, how)
}

/// What a workload with pods of its own says that replaces them only once somebody deletes them.
fn on_delete(strategy: &Value) -> Option<(Effect, String)> {
    let waits = strategy.get("type").and_then(Value::as_str) == Some("OnDelete");
    let how = "no pod is replaced until it is deleted, as `OnDelete` says";
    waits.then(|| (Effect::InPlace, how.to_owned()))
}

/// Of a `StatefulSet` (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`, Update strategies, Partitioned rolling updates).
fn rolling_in_place(object: &Content) -> (Effect, String) {
    let strategy = at(object, &["spec", "updateStrategy"]).unwrap_or_default();
    if let Some(waits) = on_delete(&strategy) {
        return waits;
    }
    let said = replicas(object);
    let replicas = said.unwrap_or(1);
    let kept = strategy.pointer("/rollingUpdate/partition");
    let kept = kept.and_then(Value::as_u64).unwrap_or(0);
    if kept > 0 {
        let Some(replaced @ 1..) = replicas.checked_sub(kept) else {
            let how = format!("no pod is replaced: `partition` keeps the first {kept}");
            return (Effect::InPlace, how);
        };
        let how = format!(
            "{replaced} of {}, each stopped before its new one starts: `partition` keeps the first {kept}",
            pods(Some(replicas))
        );
        return (Effect::Rolls, how);
    }
    let pods = pods(said);
    if replicas <= 1 {
        let how = format!("{pods}, stopped before its new one starts");
        return (Effect::RestartsAtOnce, how);
    }
    let how = format!("{pods}, one by one, each stopped before its new one starts");
    (Effect::Rolls, how)
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

fn replicas(object: &Content) -> Option<u64> {
    at(object, &["spec", "replicas"]).and_then(|replicas| replicas.as_u64())
}

fn pods(count: Option<u64>) -> String {
    match count {
        Some(1) => "1 pod".to_owned(),
        Some(count) => format!("{count} pods"),
        None => "its pods".to_owned(),
    }
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

fn change(graph: Option<&Graph>, object: &Object) -> Change {
    let view = graph.and_then(|graph| view(graph, object));
    Change {
        service: view.map(|view| view.name().into()),
        kind: object.kind.clone(),
        name: object.name.clone(),
        namespace: object.namespace.clone(),
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

/// A port of the nodes is one Service's in the whole cluster, and one that is left behind keeps its own
/// (kubernetes/kubernetes `pkg/registry/core/service/portallocator`).
fn taken_ports(pair: &Pair<'_>, changes: &mut [Change]) {
    let of = |changes: &[Change], side: &[Object], effect: Effect| -> Vec<(usize, Vec<u64>)> {
        let found = changes.iter().enumerate();
        let found = found.filter(|(_, it)| it.kind == "Service" && it.effect == effect);
        let ports = found.filter_map(|(index, change)| {
            let key = (&*change.kind, &*change.name, change.namespace.as_deref());
            let object = side.iter().find(|object| self::key(object) == key)?;
            Some((index, node_ports(&object.content)))
        });
        ports.collect()
    };
    let left = of(changes, pair.old, Effect::Left);
    if left.is_empty() {
        return;
    }
    for (index, ports) in of(changes, pair.new, Effect::Created) {
        let taken = ports.iter().enumerate().find_map(|(at, port)| {
            let mut left = left.iter().filter(|_| *port > 0);
            let (of, _) = left.find(|(_, ports)| ports.contains(port))?;
            Some((at, *port, format!("Service {}", changes.get(*of)?.name)))
        });
        if let (Some((at, port, of)), Some(change)) = (taken, changes.get_mut(index)) {
            change.effect = Effect::Refused;
            change.how = refusal::port(&change.name, at, port);
            change.was = Some(of);
        }
    }
}

/// The ports of the nodes that a Service asks for, in the order of its ports; 0 where it asks for none.
fn node_ports(service: &Content) -> Vec<u64> {
    let ports = at(service, &["spec", "ports"]).unwrap_or_default();
    let ports = ports.as_array().into_iter().flatten();
    let port = |port: &Value| port.get("nodePort").and_then(Value::as_u64).unwrap_or(0);
    ports.map(port).collect()
}

/// A workload that is created and one that is left, of one service: it got another name, kind or namespace.
fn renames(changes: &mut Vec<Change>) {
    let mut gone = Vec::new();
    let left: Vec<(usize, Change)> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.effect == Effect::Left)
        .map(|(index, change)| (index, change.clone()))
        .collect();
    for change in changes.iter_mut() {
        if change.effect != Effect::Created {
            continue;
        }
        let moved = |left: &Change| left.kind == change.kind && left.name == change.name;
        let of_its = |left: &Change| change.service.is_some() && left.service == change.service;
        let same = |left: &Change| moved(left) || is_workload(left) && of_its(left);
        let same = left.iter().find(|(_, left)| same(left));
        let Some((index, left)) = same else {
            continue;
        };
        if !is_workload(change) {
            // What belongs to a renamed workload is made anew as well, and has its name to say so.
            if moved(left) {
                change.how = place(change);
            }
            continue;
        }
        gone.push(*index);
        change.effect = Effect::Renamed;
        let mut was = format!("{} {}", left.kind, left.name);
        if left.namespace != change.namespace {
            let _ = write!(was, " {}", place(left));
        }
        change.how = format!("was {was}, which runs on beside it until it is deleted");
        if let (None, Some(_)) = (&left.namespace, &change.namespace) {
            change.how.push_str("; unless that is the same one");
        }
        change.was = Some(was);
    }
    gone.sort_unstable_by(|one, other| other.cmp(one));
    for index in gone {
        changes.remove(index);
    }
}

fn is_workload(change: &Change) -> bool {
    matches!(&*change.kind, "Deployment" | "StatefulSet" | "DaemonSet")
}

/// Where an object is.
fn place(change: &Change) -> String {
    match &change.namespace {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in the namespace of kubectl's context".to_owned(),
    }
}
