//! What to write so that a service or its data goes on under the name that it had, on every target that runs it: one `name`
//! counts on all of them.

use super::data::{self, Mounted};
use super::{Both, Step};
use crate::graph::{Graph, ServiceView};
use crate::vocabulary::{ObjectNames, TargetId, Volume};
use std::collections::BTreeSet;

/// What a service of a swarm has to be given to go by its old name there: `stack`, `name`, both or none.
pub(super) fn on_swarm(step: &Step<'_>, both: Both<'_>) -> Vec<String> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let stacks = (old.stack(both.old), new.stack(both.new));
    let names = (both.old.emitted_name(), both.new.emitted_name());
    let keep = |word: &str, (old, new): (&str, &str)| {
        (old != new).then(|| format!("`{word} = \"{old}\"`"))
    };
    let written = [keep("stack", stacks), keep("name", names)];
    written.into_iter().flatten().collect()
}

/// The same of a target, as a clause: `, by …`.
pub(super) fn in_words(step: &Step<'_>, target: TargetId, both: Both<'_>) -> String {
    let written = match target {
        TargetId::Swarm => on_swarm(step, both),
        _ => name(both).into_iter().collect(),
    };
    if written.is_empty() {
        return String::new();
    }
    format!(", {} in it", written.join(" and "))
}

/// What keeps the name that a service runs under elsewhere.
fn name(both: Both<'_>) -> Option<String> {
    let (old, new) = (both.old.emitted_name(), both.new.emitted_name());
    (old != new).then(|| format!("`name = \"{old}\"`"))
}

/// The name of the `StatefulSet` of a service: its own among the names of its objects, or the service's.
pub(super) fn stateful_set(service: ServiceView<'_>) -> &str {
    said(service).unwrap_or_else(|| service.emitted_name())
}

/// The name that a service gives its `StatefulSet` alone.
fn said(service: ServiceView<'_>) -> Option<&str> {
    let on = service.node.service.body.on.iter();
    let mut here = on.filter(|on| on.label.name() == TargetId::Kubernetes.word());
    let names: &ObjectNames = here.find_map(|on| on.names.as_ref())?;
    let mut entries = names.entries.iter();
    let entry = entries.find(|entry| &*entry.key == "stateful_set")?;
    Some(&entry.attribute.value)
}

/// What keeps a service where its data is, now that it is elsewhere.
pub(super) fn data(
    step: &Step<'_>,
    both: Both<'_>,
    (was, now): (&Mounted<'_>, &Mounted<'_>),
) -> String {
    let (old, new) = (&was.place, &now.place);
    if let (true, Some(namespace)) = (old.namespace != new.namespace, &old.namespace) {
        return format!("keep the namespace, `namespace = \"{namespace}\"` in `target kubernetes`");
    }
    if old.namespace != new.namespace {
        return "say no namespace in `target kubernetes`".to_owned();
    }
    match (&old.workload, &new.workload) {
        (Some(_), None) if new.external && old.alone => {
            return format!(
                "name the claim that it is in, `name = \"{}\"` in the volume, or leave `external` out",
                old.first()
            );
        }
        (Some(_), None) if new.external => {
            return "leave `external` out: each of its pods has a claim of its own".to_owned();
        }
        (Some(_), None) | (None, Some(_)) => {
            return "keep the volume's `access`, and who mounts it".to_owned();
        }
        _ => {}
    }
    if let Some(prefix) = component((both.old.name(), both.new.name()), (was.label, now.label)) {
        return format!(
            "keep `{prefix}-` before the names of service and volume, `as {prefix}` where a component makes them"
        );
    }
    let written: Vec<String> = [volume(step, both, (was, now)), set(both, (was, now))]
        .into_iter()
        .flatten()
        .collect();
    format!("keep {}", written.join(" and "))
}

/// What a component's service and volume began with, where both begin otherwise now.
fn component<'n>(services: (&'n str, &'n str), volumes: (&'n str, &'n str)) -> Option<&'n str> {
    let before = |(old, new): (&'n str, &'n str)| {
        let mut ends = old.match_indices('-').map(|(at, _)| old.split_at(at));
        ends.find_map(|(head, tail)| Some((head, new.strip_suffix(tail)?)))
    };
    let (service, volume) = (before(services)?, before(volumes)?);
    (service == volume && service.0 != service.1).then_some(service.0)
}

/// What keeps the `StatefulSet` by whose name claims are called.
fn set(both: Both<'_>, (was, now): (&Mounted<'_>, &Mounted<'_>)) -> Option<String> {
    let (old, new) = (was.place.workload.as_ref()?, now.place.workload.as_ref()?);
    if old == new {
        return None;
    }
    Some(if said(both.old).is_some() {
        format!(
            "the name of its set, `on kubernetes {{ names {{ stateful_set = \"{old}\" }} }}` in the service"
        )
    } else if said(both.new).is_some() && both.new.emitted_name() == old {
        "the name of its set, without `stateful_set` in `names`".to_owned()
    } else if said(both.new).is_some() {
        format!("the name, `name = \"{old}\"` in the service and no `stateful_set` in `names`")
    } else {
        format!("the name, `name = \"{old}\"` in the service")
    })
}

/// What keeps the name of a volume on all targets that the service was on and is.
fn volume(
    step: &Step<'_>,
    both: Both<'_>,
    (was, now): (&Mounted<'_>, &Mounted<'_>),
) -> Option<String> {
    let (old, new) = (step.old?, step.new?);
    let here = |target: &TargetId| old.runs_on(both.old, *target) && new.runs_on(both.new, *target);
    let real = |graph: &Graph, service, mounted: &Mounted<'_>, target| {
        let all = data::mounts(graph, service, target);
        let found = all.into_iter().find(|it| it.path == mounted.path);
        found.map(|it| it.place.name)
    };
    let (mut had, mut differs) = (BTreeSet::new(), false);
    for target in step.targets().filter(here) {
        let before = real(old, both.old, was, target);
        differs |= before != real(new, both.new, now, target);
        had.extend(before);
    }
    if !differs {
        return None;
    }
    if had.len() == 1 {
        let name = had.first()?;
        return Some(format!("the name, `name = \"{name}\"` in the volume"));
    }
    // It has a name of its own on each target, which no one `name` is.
    let (before, after) = (old.volume(was.label)?, new.volume(now.label)?);
    let is_external = |volume: &Volume| volume.external.as_ref().is_some_and(|it| it.value);
    Some(if is_external(before) != is_external(after) {
        "what it says of `external`".to_owned()
    } else if was.label != now.label {
        let (label, no_name) = (was.label, without_name(after));
        format!("the volume's label, `volume {label}`{no_name} (each target calls it otherwise)")
    } else if after.name.is_some() {
        "the volume without a `name` (each target calls it otherwise)".to_owned()
    } else if old.name() == new.name() {
        format!(
            "the stack, `stack = \"{}\"` in the service",
            old.stack(both.old)
        )
    } else {
        format!("the name of the app, `app {}`", old.name())
    })
}

fn without_name(volume: &Volume) -> &'static str {
    if volume.name.is_some() {
        " with no `name` in it"
    } else {
        ""
    }
}
