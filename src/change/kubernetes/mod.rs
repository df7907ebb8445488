//! Kubernetes: what `kubectl apply` and the controllers make of the difference between two sets of
//! manifests.

mod answered;
mod answers;
mod askers;
mod backends;
mod behind;
mod callees;
mod callers;
mod carriers;
mod certificates;
mod closing;
mod configs;
mod decoding;
mod defaults;
mod doubled;
mod early;
mod exceptions;
mod folders;
mod given;
mod heirs;
mod homes;
mod invalid;
mod kept;
pub(super) mod lasting;
mod listening;
mod missing;
mod namesakes;
mod node_folders;
mod node_ports;
mod others;
mod outside;
mod overlaps;
pub(super) mod parts;
mod patched;
mod pods;
mod policies;
mod ports;
mod published;
mod quantity;
mod reads;
mod references;
mod refusal;
mod refused;
mod renumbered;
mod rolling;
mod routed;
mod rules;
mod scaling;
mod secret;
mod sections;
mod selectors;
mod settings;
mod several;
mod shut;
mod stored;
mod successors;
mod tables;
mod taken;
mod targets;
mod unadmitted;
mod unfit;
mod unread;
mod unready;
mod uses;
mod versions;
mod wanted;
mod writers;

use super::difference::{apart, differences, value};
use super::hidden::hide;
use super::rules::fields;
use super::{Change, Effect, Field, Pair, TargetChanges, Was};
use crate::graph::{Graph, ServiceView};
use crate::parallel;
use crate::targets::{Content, Object};
use crate::vocabulary::TargetId;
use crate::yaml;
use defaults::Sides;
use rolling::rolling;
use rustc_hash::FxHashMap;
use scaling::{Again, Scaling};
use serde_json::Value;
use std::borrow::Cow;

/// Fewer objects than this are not worth a thread.
const LEAST: usize = 64;

/// What becomes of every object.
pub(super) fn compare(pair: &Pair<'_>) -> TargetChanges {
    let before = keyed(pair.old);
    let after = keyed(pair.new);
    let scaling = [pair.old, pair.new].map(Scaling::of);
    // One object has nothing to do with another, and each is some work where all of them differ.
    let all: Vec<&Object> = objects(pair.new).filter(|it| is_last(&after, it)).collect();
    let compared = parallel::in_shares(&all, LEAST, 0, |share| {
        let compared = share.list.iter();
        let compared = compared.map(|object| match before.get(&key(object)) {
            _ if is_generated(object) => Some(created(pair, object)),
            None => Some(created(pair, object)),
            Some(was) if was.content == object.content => None,
            Some(was) => changed(pair, &scaling, was, object),
        });
        compared.collect::<Vec<_>>()
    });
    let left = objects(pair.old).filter(|it| is_last(&before, it) && !is_generated(it));
    let left = left.filter(|it| !after.contains_key(&key(it)));
    let left: Vec<Change> = left.map(|object| left_behind(pair, object)).collect();
    let compared: Vec<Option<Change>> = compared.into_iter().flatten().collect();
    // Where nothing differs there is nothing to apply.
    let applied = !left.is_empty() || compared.iter().any(Option::is_some);
    let (mut changes, mut taken_over) = (Vec::new(), Vec::new());
    for (object, compared) in all.iter().zip(compared) {
        match compared {
            Some(change) => changes.push(change),
            None if applied => match scaling::as_written(&scaling, object) {
                Some(Again::Each(how)) => changes.push(set_again(pair, object, how)),
                Some(Again::Later(by, how)) => taken_over.push((by, how)),
                None => {}
            },
            None => {}
        }
    }
    scaling::tell(&taken_over, &mut changes);
    let unchanged = all.len() - changes.len();
    changes.extend(left);
    taken::refuse((&before, &after), &mut changes);
    selectors::without_pods((&before, &after), &mut changes);
    configs::left_behind((&before, &after), &mut changes);
    uses::left_behind(&after, &mut changes);
    renames(&mut changes);
    uses::data((&before, &after), &mut changes);
    backends::led_to((&before, &after), &mut changes);
    configs::read_by((&before, &after), &mut changes);
    references::tell((&before, &after), &mut changes);
    let is_judged = pair.old_graph.is_some() && pair.new_graph.is_some();
    let sides = (&before, &after);
    if is_judged {
        targets::moved(sides, true, &mut changes);
        outside::lost(sides, true, &mut changes);
        shut::out(sides, true, &mut changes);
        patched::tell(pair, &mut changes, |changes| {
            by_objects(sides, &scaling, changes);
        });
    } else {
        by_objects(sides, &scaling, &mut changes);
    }
    several::apart(sides, &scaling, &mut changes);
    doubled::beside(sides, &mut changes);
    homes::moved(sides, &mut changes);
    overlaps::refused(sides, &mut changes);
    missing::asked_for((&before, &after), &mut changes);
    early::asked((&before, &after), &mut changes);
    wanted::before(pair, (&before, &after), &mut changes);
    certificates::before((&before, &after), &mut changes);
    changes.extend(wanted::sources(pair, &after));
    namesakes::tell_apart(&mut changes);
    TargetChanges {
        target: pair.target,
        changes,
        unchanged,
        variables: Vec::new(),
    }
}

/// What is lost, as far as objects alone say so: between two programs `contract` tells it, which knows who asks for whom.
fn by_objects(sides: (&Keyed<'_>, &Keyed<'_>), scaling: &[Scaling; 2], changes: &mut [Change]) {
    targets::moved(sides, false, changes);
    callers::lost(sides, changes);
    unready::led_to(sides, changes);
    callees::come(sides, changes);
    folders::lost(sides, changes);
    writers::beside(sides, scaling, changes);
    node_folders::beside(sides, scaling, changes);
    successors::taken(sides, changes);
    node_ports::told(sides, changes);
    outside::lost(sides, false, changes);
    shut::out(sides, false, changes);
    unadmitted::callers(sides, changes);
    renumbered::shut(sides, changes);
}

/// The objects; the list of files is none.
fn objects(all: &[Object]) -> impl Iterator<Item = &Object> {
    all.iter().filter(|object| object.kind != Object::FILE)
}

/// Group, kind, name and namespace: one of that name in another namespace is another object. A version of the group is none.
type Key<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

type Keyed<'a> = FxHashMap<Key<'a>, &'a Object>;

fn keyed(all: &[Object]) -> Keyed<'_> {
    objects(all).map(|object| (key(object), object)).collect()
}

fn key(object: &Object) -> Key<'_> {
    let namespace = object.namespace.as_deref();
    (group(object), &object.kind, &object.name, namespace)
}

/// Whether no other object comes after one under its name: of two the later is what stays, as `kubectl apply` takes them.
fn is_last(keyed: &Keyed<'_>, object: &Object) -> bool {
    let last = keyed.get(&key(object));
    is_generated(object) || last.is_some_and(|last| std::ptr::eq(*last, object))
}

/// Whether it gets a name of its own each time it is made.
fn is_generated(object: &Object) -> bool {
    object.name.ends_with(Object::GENERATED)
}

/// The group of the API that an object is of; none is that of the core. What was in `extensions` is served there and elsewhere
/// (`kubernetes.io/docs/reference/using-api/deprecation-guide`, v1.16 and v1.22).
fn group(object: &Object) -> &str {
    let version = version(object);
    let group = version.split_once('/').map_or("", |(group, _)| group);
    match (group, object.kind.as_str()) {
        ("extensions", "Ingress" | "NetworkPolicy") => "networking.k8s.io",
        ("extensions", _) => "apps",
        _ => group,
    }
}

/// The version of the API that an object is written in, with its group.
fn version(object: &Object) -> &str {
    const VERSION: &str = "apiVersion: ";
    let version = match &object.content {
        Content::Value(value) => value.get("apiVersion").and_then(Value::as_str),
        Content::Text(text) => {
            let mut lines = text.lines();
            lines.find_map(|line| line.strip_prefix(VERSION))
        }
    };
    version.unwrap_or_default().trim_matches(['"', '\''])
}

/// An object that is looked through by many rules, read once for them all; without the variables of its containers, which are a third of it
/// and asked for only where a value comes from elsewhere.
fn read(object: &Object) -> Cow<'_, Object> {
    let Content::Text(text) = &object.content else {
        return Cow::Borrowed(object);
    };
    let is_asked = text.contains("valueFrom");
    let judged = (!is_asked).then(|| yaml::read_without(text, "env"));
    let whole = judged.flatten();
    let whole = whole.unwrap_or_else(|| value(&object.content).into_owned());
    let mut read = object.clone();
    read.content = Content::Value(whole);
    Cow::Owned(read)
}

fn created(pair: &Pair<'_>, written: &Object) -> Change {
    let object = &*read(written);
    let mut change = change(pair.new_graph, object);
    change.effect = Effect::Created;
    // kubernetes/kubernetes `staging/src/k8s.io/kubectl/pkg/cmd/apply/apply.go`, `applyOneObject`.
    if is_generated(object) {
        "`generateName`: another one each time; `kubectl create` makes it, and `kubectl apply` does not"
            .clone_into(&mut change.how);
    }
    if is_workload(&object.kind) {
        change
            .how
            .extend(pods::unasked(&object.kind, &object.content));
    }
    let refusal = versions::consider(object);
    let refusal = refusal.or_else(|| unread::consider(written, &mut [], true));
    let refusal = refusal.or_else(|| invalid::consider(object, &mut [], true));
    change.refuse(refusal.or_else(|| others::consider(object, None, &mut [])));
    change
}

/// What is written as it was, and is set to that by an apply.
fn set_again(pair: &Pair<'_>, object: &Object, how: String) -> Change {
    let mut change = change(pair.new_graph, object);
    change.effect = Effect::InPlace;
    change.how = how;
    change
}

fn left_behind(pair: &Pair<'_>, object: &Object) -> Change {
    let mut change = change(pair.old_graph, object);
    change.span = None;
    change.effect = Effect::Left;
    let (mut kind, name) = (object.kind.to_lowercase(), &object.name);
    // Of a group that is not Kubernetes' own another one may have a kind of that name.
    let group = group(object);
    if parts::is_custom(group) {
        kind = format!("{kind}.{group}");
    }
    let command = parts::deletion(&kind, name, object.namespace.as_deref());
    change.how = match object.kind.as_str() {
        "Deployment" | "StatefulSet" | "DaemonSet" => format!("runs on until {command}"),
        _ => format!("stays until {command}"),
    };
    change
}

fn changed(
    pair: &Pair<'_>,
    scaling: &[Scaling; 2],
    was: &Object,
    written: &Object,
) -> Option<Change> {
    let before = &was.content;
    let (was, is) = apart(before, &written.content);
    let object = &*read(written);
    let mut change = change(pair.new_graph, object);
    let view = pair.new_graph.and_then(|graph| view(graph, object));
    let mut differ = differences(&was, &is);
    let [least_before, least_now] = scaling.each_ref().map(|it| it.least(object));
    let least = least_now.or(least_before);
    Sides::new(&object.kind, before, &written.content, least.is_some()).settle(&mut differ);
    if object.kind == "Secret" {
        secret::settle(&mut differ, before, &object.content);
    }
    change.fields = fields(rules::of(group(object), &object.kind), &differ, view);
    if object.kind == "Secret" {
        let fields = change.fields.iter_mut();
        fields
            .filter(|field| secret::is_content(&field.path))
            .for_each(hide);
    }
    exceptions::consider(object, before, &mut change.fields);
    let hook = exceptions::hook(object, &mut change.fields);
    let worst = change.fields.iter().map(|field| field.effect).max()?;
    change.scaled = least_before.is_some();
    let sides = [(before, least_before), (&object.content, least)];
    (change.effect, change.how) = match worst {
        Effect::Rolls => rolling(&object.kind, sides),
        Effect::RestartsAtOnce => (
            worst,
            "its container is stopped, and another one started".to_owned(),
        ),
        Effect::Ignored => {
            let first = change.fields.first();
            (worst, first.map_or("", |it| it.because).to_owned())
        }
        _ if grows(object, &was, &is) => (
            worst,
            "no pod is replaced; refused where its class says no `allowVolumeExpansion`".to_owned(),
        ),
        Effect::InPlace if change.fields.iter().any(exceptions::is_class_said) => {
            (worst, exceptions::CLASS_SAID.to_owned())
        }
        Effect::InPlace if hook.is_some() => (worst, hook.unwrap_or_default().to_owned()),
        Effect::InPlace if parts::is_custom(group(object)) => (worst, rules::NOT_KNOWN.to_owned()),
        _ if change.fields.iter().any(releases) => {
            (worst, "pods that waited for it are replaced now".to_owned())
        }
        _ => {
            let suspension = rolling::suspension(object, &change.fields);
            (worst, suspension.unwrap_or("no pod is replaced").to_owned())
        }
    };
    if let Some(how) = rolling::stopped(&object.kind, sides) {
        (change.effect, change.how) = (Effect::InPlace, how);
    }
    let lost = match &*object.kind {
        "StatefulSet" => scaling::stateful(object, &mut change.fields),
        _ => None,
    };
    if object.kind == "StatefulSet" {
        let renumbered = scaling::renumbered(before, object, &change.fields);
        change.losses.extend(renumbered);
    }
    let replaces = change.effect.replaces();
    let unasked = replaces.then(|| pods::unasked(&object.kind, &object.content));
    let more = [
        unasked.flatten(),
        lost.map(ToOwned::to_owned),
        scaling::overridden(object, least),
    ];
    for more in more.into_iter().flatten() {
        change.says_also(&more);
    }
    if change.effect == Effect::InPlace {
        let rolls = |field: &&mut Field| field.effect == Effect::Rolls;
        let fields = change.fields.iter_mut();
        fields
            .filter(rolls)
            .for_each(|it| it.effect = change.effect);
    }
    let refusal = versions::consider(object);
    let refusal = refusal.or_else(|| unread::consider(written, &mut change.fields, false));
    let refusal = refusal.or_else(|| invalid::consider(object, &mut change.fields, false));
    let refusal = refusal.or_else(|| others::consider(object, Some(before), &mut change.fields));
    let refusal =
        refusal.or_else(|| refused::consider(object, &change.fields, before, [&was, &is]));
    change.refuse(refusal);
    unfit::told(&mut change, before, object);
    Some(change)
}

/// Whether a change lets pods go that waited for it.
fn releases(field: &Field) -> bool {
    let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_u64).unwrap_or(0);
    match field.path.as_str() {
        "spec.paused" => field.new != Some(Value::Bool(true)),
        "spec.updateStrategy.type" => {
            field.old.as_ref().and_then(Value::as_str) == Some("OnDelete")
        }
        "spec.updateStrategy.rollingUpdate.partition" => number(&field.new) < number(&field.old),
        _ => false,
    }
}

/// Whether a claim asks for more than it did (kubernetes/kubernetes `plugin/pkg/admission/storage/persistentvolume/resize`).
fn grows(object: &Object, was: &Value, is: &Value) -> bool {
    object.kind == "PersistentVolumeClaim" && refused::size(is) > refused::size(was)
}

fn change(graph: Option<&Graph>, object: &Object) -> Change {
    let view = graph.and_then(|graph| view(graph, object));
    Change {
        service: view.map(|view| view.name().into()),
        namespace: object.namespace.clone(),
        span: view.map(ServiceView::span),
        ..Change::of(&object.kind, object.name.clone())
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

/// A workload that is created and one that is left, of one service: it got another name, kind or namespace.
fn renames(changes: &mut Vec<Change>) {
    let (mut gone, mut perhaps_kept) = (Vec::new(), Vec::new());
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
        // One of the same name in the same place is of another group, and another thing.
        let moved = |left: &Change| {
            left.kind == change.kind
                && left.name == change.name
                && left.namespace != change.namespace
        };
        let of_its = |left: &Change| change.service.is_some() && left.service == change.service;
        let becomes = |left: &Change| {
            let same = left.name == change.name && left.namespace == change.namespace;
            same && is_workload(&change.kind) && left.kind != change.kind
        };
        let same = |left: &Change| {
            moved(left) || is_workload(&left.kind) && (of_its(left) || becomes(left))
        };
        // One that is left has become one other.
        let is_free = |index: &usize| !gone.contains(index);
        let mut same = left
            .iter()
            .filter(|(index, left)| is_free(index) && same(left));
        let Some((index, left)) = same.next() else {
            continue;
        };
        if !is_workload(&change.kind) {
            // What belongs to a renamed workload is made anew as well, and has its name to say so.
            if moved(left) {
                change.how = place(change.namespace.as_deref());
                if is_unsaid(left, change) {
                    change.how.push_str(SAME);
                    perhaps_kept.push(*index);
                }
            }
            continue;
        }
        gone.push(*index);
        change.effect = Effect::Renamed;
        let was = Was {
            kind: left.kind.clone(),
            name: left.name.clone(),
            place: (left.namespace != change.namespace).then(|| place(left.namespace.as_deref())),
            may_be_here: is_unsaid(left, change),
            data: None,
        };
        change.how = format!("was {was}, which runs on beside it until it is deleted");
        // Who asks for what is left is said of that, which is told of no more.
        if let Some((_, said)) = left.how.split_once("; ") {
            change.how.push_str("; ");
            change.how.push_str(said);
        }
        if was.may_be_here {
            change.how.push_str(SAME);
        }
        change.was = Some(was);
    }
    for index in perhaps_kept {
        if let Some(left) = changes.get_mut(index) {
            left.how.push_str(SAME);
        }
    }
    gone.sort_unstable_by(|one, other| other.cmp(one));
    for index in gone {
        changes.remove(index);
    }
}

/// Where only one of two namespaces is said, they may be one.
const SAME: &str = "; unless that is the same one";

fn is_unsaid(one: &Change, other: &Change) -> bool {
    one.namespace.is_none() != other.namespace.is_none()
}

fn is_workload(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet")
}

/// Where an object is.
pub(super) fn place(namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in the namespace of kubectl's context".to_owned(),
    }
}
