//! Data that stays behind when a volume gets another name.

use super::{Both, Step, about, place};
use crate::change::{Change, Effect};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation;
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Label, Node, TargetId, VolumeMount};
use std::fmt;

/// A service whose volume at a path is another one than before: that one is empty.
pub(super) fn left_behind(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old_graph), Some(new_graph)) = (step.old, step.new) else {
        return;
    };
    for service in new_graph.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        for target in step.targets() {
            if old_graph.runs_on(both.old, target) && new_graph.runs_on(both.new, target) {
                compare(both, target, (old_graph, new_graph), found);
            }
        }
    }
}

fn compare(both: Both<'_>, target: TargetId, graphs: (&Graph, &Graph), found: &mut Diagnostics) {
    let (before, after) = (
        mounts(graphs.0, both.old, target),
        mounts(graphs.1, both.new, target),
    );
    for (path, real, _) in &before {
        let now = after.iter().find(|(at, ..)| at == path);
        let elsewhere = after.iter().any(|(_, now, _)| real.is(now));
        match now {
            Some((_, now, mount)) if !real.is(now) => {
                found.push(another(both.new.name(), path, (real, now), mount.span));
            }
            None if !elsewhere => found.push(gone(both.new, path, real)),
            _ => {}
        }
    }
}

/// Services that are made beside one that runs on, and write to the same volume that takes one writer. Whoever is renamed is
/// made anew, and mounts what has the same real name.
pub(super) fn two_writers(step: &Step<'_>, found: &mut Diagnostics) {
    for target in [TargetId::Swarm, TargetId::Compose] {
        for change in step.on(target) {
            if let Some(other) = other_writer(step, target, change) {
                found.push(beside(target, change, &other));
            }
        }
    }
}

/// The one that runs on, and the volume.
pub(super) struct Writer {
    name: String,
    volume: String,
}

/// Who writes to a volume of a new service already, and goes on doing so.
pub(super) fn other_writer(step: &Step<'_>, target: TargetId, change: &Change) -> Option<Writer> {
    if !matches!(change.effect, Effect::Created | Effect::Renamed) {
        return None;
    }
    let (old, new) = (step.old?, step.new?);
    let written = written(new, new.find(change.service.as_deref()?)?, target);
    if written.is_empty() {
        return None;
    }
    let both = |name: &str| written.iter().find(|volume| volume.as_str() == name);
    let writes = |label: &str, name: &str| {
        let volumes = self::written(old, old.find(label)?, target);
        let volume = volumes.iter().find_map(|volume| both(volume))?;
        Some(Writer {
            name: name.to_owned(),
            volume: volume.clone(),
        })
    };
    if let Some(was) = &change.was {
        let label = step.pairs.before(change.service.as_deref()?);
        return writes(label, &was.name);
    }
    let mut left = step.on(target).filter(|left| left.effect == Effect::Left);
    left.find_map(|left| writes(left.service.as_deref()?, &left.name))
}

/// The real names of the volumes that take one writer and that a service writes to.
fn written(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Vec<String> {
    let mounts = mounts(graph, service, target).into_iter();
    let alone = mounts.filter(|(_, _, mount)| derivation::is_sole_writer(graph, mount));
    alone.map(|(_, place, _)| place.name).collect()
}

fn beside(target: TargetId, change: &Change, other: &Writer) -> Diagnostic {
    let (name, Writer { name: was, volume }) = (&change.name, other);
    let stop = match target {
        TargetId::Swarm => format!("`docker service rm {was}`"),
        _ => format!("stop `{was}`"),
    };
    let diagnostic = Diagnostic::new(
        &catalogue::WRITERS_BESIDE,
        format!(
            "`{name}` is made beside `{was}`, and both write to `{volume}`, which takes one writer"
        ),
        place(change),
    )
    .labelled(format!("`{was}` runs on"))
    .help(format!(
        "keep the name that it has; or {stop} first, with which it is down until the new one serves"
    ));
    about(diagnostic, change)
}

/// What holds the data of a volume on a target.
struct Place {
    /// Its name there; on Kubernetes the claim's, or what the claims of a `StatefulSet`'s pods begin with.
    name: String,
    /// The `StatefulSet` whose pods have a claim each.
    workload: Option<String>,
    /// Whether that had one pod at the most, whose claim is all there is.
    alone: bool,
    /// Whether somebody else makes it.
    external: bool,
    /// The namespace of Kubernetes, where it is said.
    namespace: Option<String>,
}

impl Place {
    fn named(name: String) -> Self {
        Self {
            name,
            workload: None,
            alone: false,
            external: false,
            namespace: None,
        }
    }

    /// Whether the data is where it was. A `StatefulSet`'s first pod has the claim of that name, whoever made it
    /// (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`, Stable Storage).
    fn is(&self, now: &Self) -> bool {
        let is_first = match (&self.workload, &now.workload) {
            (Some(_), None) => self.alone && self.first() == now.name,
            (None, Some(_)) => self.name == now.first(),
            (old, new) => old == new && self.name == now.name,
        };
        is_first && self.namespace == now.namespace
    }

    /// What holds it for the first pod.
    fn first(&self) -> String {
        match &self.workload {
            Some(workload) => format!("{}-{workload}-0", self.name),
            None => self.name.clone(),
        }
    }

    fn on_kubernetes(
        graph: &Graph,
        service: ServiceView<'_>,
        (name, external): (String, bool),
        label: &str,
    ) -> Self {
        let settings = graph.settings(TargetId::Kubernetes);
        let namespace = settings.and_then(|settings| settings.namespace.as_ref());
        let has_own = derivation::has_own_claims(graph, service, label);
        Self {
            name,
            workload: has_own.then(|| service.emitted_name().to_owned()),
            alone: graph.replicas(service).most <= 1,
            external,
            namespace: namespace.map(|namespace| namespace.value.to_string()),
        }
    }

    /// What keeps a service where its data is, now that it is elsewhere.
    fn kept(&self, now: &Self) -> String {
        if let (true, Some(old)) = (self.namespace != now.namespace, &self.namespace) {
            return format!("keep the namespace, `namespace = \"{old}\"` in `target kubernetes`");
        }
        if self.namespace != now.namespace {
            return "say no namespace in `target kubernetes`".to_owned();
        }
        match (&self.workload, &now.workload) {
            (Some(old), Some(new)) if old != new => {
                format!("keep the name, `name = \"{old}\"` in the service")
            }
            (Some(_), None) if now.external && self.alone => {
                format!(
                    "name the claim that it is in, `name = \"{}\"` in the volume, or leave `external` out",
                    self.first()
                )
            }
            (Some(_), None) if now.external => {
                "leave `external` out: each of its pods has a claim of its own".to_owned()
            }
            (Some(_), None) | (None, Some(_)) => {
                "keep the volume's `access`, and who mounts it".to_owned()
            }
            _ => format!("keep the name, `name = \"{}\"` in the volume", self.name),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.first())?;
        match &self.namespace {
            Some(namespace) => write!(f, " of namespace `{namespace}`"),
            None => Ok(()),
        }
    }
}

/// The paths with volumes, each with what holds the data on the target and the mount that says so.
fn mounts<'a>(
    graph: &Graph,
    service: ServiceView<'a>,
    target: TargetId,
) -> Vec<(String, Place, &'a Node<VolumeMount>)> {
    let mounts = service.node.service.volume.iter();
    mounts
        .filter_map(|mount| {
            let path = mount.path.as_ref()?.value.to_string();
            let Label::Reference(Reference::Volume(label)) = &mount.label else {
                return None;
            };
            let label = &**label;
            let volume = graph.volume(label)?;
            let external = volume
                .external
                .as_ref()
                .is_some_and(|external| external.value);
            let said = volume.name.as_ref().map(|name| name.value.to_string());
            let own = external || said.is_some();
            let name = said.unwrap_or_else(|| label.to_owned());
            let place = match target {
                TargetId::Kubernetes => {
                    Place::on_kubernetes(graph, service, (name, external), label)
                }
                TargetId::Swarm if !own => {
                    Place::named(format!("{}_{label}", graph.stack(service)))
                }
                TargetId::Compose if !own => Place::named(format!("{}_{label}", graph.name())),
                _ => Place::named(name),
            };
            Some((path, place, &**mount))
        })
        .collect()
}

fn another(service: &str, path: &str, (old, new): (&Place, &Place), span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!("`{service}` finds another volume at `{path}`: its data stays in {old}"),
        span,
    )
    .labelled(format!("{new}, which is new and empty unless somebody filled it"))
    .help(format!(
        "{}; or copy the data first, with the service stopped, and write `allow data_left_behind {{ because = \"…\" }}`",
        old.kept(new)
    ))
    .about(service)
}

fn gone(service: ServiceView<'_>, path: &str, old: &Place) -> Diagnostic {
    let name = service.name();
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!("`{name}` has no volume at `{path}` any more: its data stays in {old}"),
        service.span(),
    )
    .help("what it writes there now ends with its container; write `allow data_left_behind` if that is meant")
    .about(name)
}
