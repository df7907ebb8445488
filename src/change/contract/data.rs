//! Data that stays behind when a volume gets another name, or the workload by which its claims are called.

mod binds;
mod handed;
mod nodes;
mod several;
mod taken;

pub(super) use binds::left as left_on_hosts;
pub(super) use handed::ordered as handed_on;
pub(super) use nodes::left as left_on_nodes;
pub(super) use several::written as written_by_several;
pub(super) use taken::{by_name as taken_by_name, written as taken_over};

use super::{Both, Step, about, has_ended, kept, place};
use crate::change::kubernetes::parts::deletion;
use crate::change::{Change, Effect, engines};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation;
use crate::types::Reference;
use crate::vocabulary::{Label, Node, RestartCondition, TargetId, VolumeMount};
use std::fmt;
use std::path::Path;

/// A service whose volume at a path is another one than before: that one is empty.
pub(super) fn left_behind(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old_graph), Some(new_graph)) = (step.old, step.new) else {
        return;
    };
    for service in new_graph.services() {
        let name = service.name();
        let both = step.successor(name).or_else(|| step.possible(name));
        let Some(both) = both else {
            continue;
        };
        for target in step.targets() {
            if old_graph.runs_on(both.old, target) && new_graph.runs_on(both.new, target) {
                compare(step, both, target, (old_graph, new_graph), found);
            }
        }
    }
}

fn compare(
    step: &Step<'_>,
    both: Both<'_>,
    target: TargetId,
    graphs: (&Graph, &Graph),
    found: &mut Diagnostics,
) {
    let (before, after) = (
        mounts(graphs.0, both.old, target),
        mounts(graphs.1, both.new, target),
    );
    let is_same = step.both(both.new.name()).is_some();
    if is_same {
        let covering = after.iter().filter_map(|now| {
            let above = covered(now, &before, &after)?;
            Some(hidden(both.new, now, above))
        });
        found.extend(covering);
    }
    for was in &before {
        let mut now = after.iter().find(|now| now.path == was.path);
        // What takes the place of another one may look for its data elsewhere.
        if !is_same && now.is_none() {
            now = after.iter().find(|now| now.label == was.label);
        }
        let elsewhere = after.iter().find(|now| was.place.is(&now.place));
        match now {
            Some(now) if !was.place.is(&now.place) => {
                found.push(another(step, both, (was, now)));
            }
            None if let Some(now) = elsewhere => {
                let looks_there =
                    is_same && !was.is_read_only() && runs_the_same(step, target, both);
                found.extend(looks_there.then(|| moved(both.new, was, now)));
            }
            None if is_same => found.extend(match binds::at(both.new, &was.path) {
                Some(bind) => Some(binds::of_volume(both, &was.place, bind)),
                None if was.is_read_only() => None,
                None => Some(gone(both.new, was, is_used(graphs.1, target, &was.place))),
            }),
            _ => {}
        }
    }
}

/// What stays mounted above a path at which nothing was mounted before, and may have something there.
fn covered<'m>(
    now: &Mounted<'_>,
    before: &'m [Mounted<'_>],
    after: &[Mounted<'_>],
) -> Option<&'m Mounted<'m>> {
    let path = Path::new(&now.path);
    let mut known = before.iter();
    if known.any(|it| Path::new(&it.path) == path) {
        return None;
    }
    let above = before.iter().filter(|it| path.starts_with(&it.path));
    let above = above.max_by_key(|it| it.path.len())?;
    let mut all = after.iter();
    let stays = all.any(|it| it.path == above.path && above.place.is(&it.place));
    (stays && !above.is_read_only()).then_some(above)
}

/// Services that are made beside one that runs on, and write to the same volume that takes one writer. Whoever is renamed is
/// made anew, and mounts what has the same real name; on Kubernetes a claim that exists already, or that others mount as well.
pub(super) fn two_writers(step: &Step<'_>, found: &mut Diagnostics) {
    for target in [TargetId::Swarm, TargetId::Compose, TargetId::Kubernetes] {
        for change in step.on(target) {
            if let Some(other) = other_writer(step, target, change) {
                found.push(beside(step, target, change, &other));
            }
        }
    }
}

/// The one that runs on, and the volume.
pub(super) struct Writer {
    kind: String,
    name: String,
    namespace: Option<String>,
    volume: Place,
}

/// Who writes to a volume of a new service already, and goes on doing so.
pub(super) fn other_writer(step: &Step<'_>, target: TargetId, change: &Change) -> Option<Writer> {
    if !matches!(change.effect, Effect::Created | Effect::Renamed) || !runs(change) {
        return None;
    }
    let (old, new) = (step.old?, step.new?);
    let mut written = written(new, new.find(change.service.as_deref()?)?, target);
    // A claim of one's own is called by the workload's name, which is new.
    written.retain(|place| place.workload.is_none());
    if written.is_empty() {
        return None;
    }
    let mut writes = |label: &str, kind: &str, name: &str, namespace: Option<&String>| {
        // Whoever is gone is not started again.
        let is_over = |was: &ServiceView<'_>| match target {
            TargetId::Compose => was.ends_by_itself(RestartCondition::Never),
            _ => has_ended(*was, target),
        };
        let was = old.find(label).filter(|was| !is_over(was))?;
        let volumes = self::written(old, was, target);
        let both = written
            .iter()
            .position(|volume| volumes.iter().any(|was| was.is(volume)))?;
        Some(Writer {
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: namespace.cloned(),
            volume: written.swap_remove(both),
        })
    };
    if let Some(was) = &change.was {
        let both = step.successor(change.service.as_deref()?)?;
        // One in another namespace has other claims.
        return writes(
            both.old.name(),
            &was.kind,
            &was.name,
            change.namespace.as_ref(),
        );
    }
    let mut left = step
        .on(target)
        .filter(|left| left.effect == Effect::Left && runs(left));
    left.find_map(|left| {
        let label = left.service.as_deref()?;
        writes(label, &left.kind, &left.name, left.namespace.as_ref())
    })
}

/// Whether it is something that runs.
fn runs(change: &Change) -> bool {
    matches!(
        &*change.kind,
        "service" | "Deployment" | "StatefulSet" | "DaemonSet"
    )
}

/// The volumes that take one writer and that a service writes to.
fn written(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Vec<Place> {
    let mounts = mounts(graph, service, target).into_iter();
    let alone = mounts.filter(|it| derivation::is_sole_writer(graph, it.mount));
    alone.map(|it| it.place).collect()
}

fn beside(step: &Step<'_>, target: TargetId, change: &Change, other: &Writer) -> Diagnostic {
    let (name, was, volume) = (&change.name, &other.name, &other.volume);
    let stop = match target {
        TargetId::Swarm => format!("`docker service rm {was}`"),
        TargetId::Kubernetes => {
            let kind = other.kind.to_lowercase();
            deletion(&kind, was, other.namespace.as_deref())
        }
        _ => format!("stop `{was}`"),
    };
    let both = change.service.as_deref().and_then(|it| step.successor(it));
    let names = both.map_or_else(String::new, |both| kept::in_words(step, target, both));
    let diagnostic = Diagnostic::new(
        &catalogue::WRITERS_BESIDE,
        format!(
            "`{name}` is made beside `{was}`, and both write to {volume}, which takes one writer"
        ),
        place(change),
    )
    .labelled(format!("`{was}` runs on"))
    .help(format!(
        "keep the name that it has{names}; or {stop} first, with which it is down until the new one serves"
    ));
    about(diagnostic, change)
}

/// What holds the data of a volume on a target.
pub(super) struct Place {
    /// Its name there; on Kubernetes the claim's, or what the claims of a `StatefulSet`'s pods begin with.
    pub(super) name: String,
    /// The `StatefulSet` whose pods have a claim each.
    pub(super) workload: Option<String>,
    /// Whether that had one pod at the most, whose claim is all there is.
    pub(super) alone: bool,
    /// Whether somebody else makes it.
    pub(super) external: bool,
    /// The namespace of Kubernetes, where it is said.
    pub(super) namespace: Option<String>,
}

/// A volume at a path of a service.
pub(super) struct Mounted<'a> {
    pub(super) path: String,
    /// The volume by its zd name.
    pub(super) label: &'a str,
    pub(super) place: Place,
    /// What says so.
    mount: &'a Node<VolumeMount>,
}

impl Mounted<'_> {
    fn is_read_only(&self) -> bool {
        let read_only = self.mount.read_only.as_ref();
        read_only.is_some_and(|read_only| read_only.value)
    }
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
    pub(super) fn first(&self) -> String {
        match &self.workload {
            Some(workload) => format!("{}-{workload}-0", self.name),
            None => self.name.clone(),
        }
    }

    fn on_kubernetes(graph: &Graph, service: ServiceView<'_>, name: String, label: &str) -> Self {
        let settings = graph.settings(TargetId::Kubernetes);
        let namespace = settings.and_then(|settings| settings.namespace.as_ref());
        let has_own = derivation::has_own_claims(graph, service, label);
        Self {
            name,
            workload: has_own.then(|| kept::stateful_set(service).to_owned()),
            alone: graph.replicas(service).most <= 1,
            external: false,
            namespace: namespace.map(|namespace| namespace.value.to_string()),
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

/// The paths with volumes, each with what holds the data on the target.
pub(super) fn mounts<'a>(
    graph: &Graph,
    service: ServiceView<'a>,
    target: TargetId,
) -> Vec<Mounted<'a>> {
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
            let mut place = match target {
                TargetId::Kubernetes => Place::on_kubernetes(graph, service, name, label),
                TargetId::Swarm if !own => {
                    Place::named(format!("{}_{label}", graph.stack(service)))
                }
                TargetId::Compose if !own => Place::named(format!("{}_{label}", graph.name())),
                _ => Place::named(name),
            };
            place.external = external;
            Some(Mounted {
                path,
                label,
                place,
                mount,
            })
        })
        .collect()
}

fn another(
    step: &Step<'_>,
    both: Both<'_>,
    (old, new): (&Mounted<'_>, &Mounted<'_>),
) -> Diagnostic {
    let (service, path) = (both.new.name(), &new.path);
    let pairs = &step.pairs;
    let (who, severity) = match (pairs.replaced(service), pairs.perhaps(service)) {
        (Some(was), _) => (
            format!("`{service}` takes the place of `{was}` and"),
            Severity::Error,
        ),
        // It may be another one of its kind.
        (None, Some(was)) => (
            format!("`{service}` may take the place of `{was}`, and"),
            Severity::Warning,
        ),
        (None, None) => (format!("`{service}`"), Severity::Error),
    };
    let (place, now) = (&old.place, &new.place);
    let [was, is] = [both.old, both.new].map(|it| {
        let image = it.node.service.image.as_ref();
        image.map_or_else(String::new, |image| image.value.to_string())
    });
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!("{who} finds another volume at `{path}`: its data stays in {place}"),
        new.mount.span,
    )
    .severity(severity)
    .labelled(format!("{now}, which is new and empty unless somebody filled it"))
    .help(format!(
        "{}; or copy the data first, with the service stopped, and write `allow data_left_behind {{ because = \"…\" }}`{}",
        kept::data(step, both, (old, new)),
        engines::unread(&was, &is).unwrap_or_default()
    ))
    .about(service)
}

fn hidden(service: ServiceView<'_>, now: &Mounted<'_>, above: &Mounted<'_>) -> Diagnostic {
    let (name, path) = (service.name(), &now.path);
    let (place, of) = (&now.place, &above.place);
    let folder = path.strip_prefix(&above.path).unwrap_or(path);
    let folder = folder.trim_matches('/');
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!(
            "`{name}` finds {place} at `{path}`: what is there now stays in folder `{folder}` of {of}, where nobody sees it"
        ),
        now.mount.span,
    )
    .severity(Severity::Warning)
    .help(format!(
        "leave `{path}` as it is; or copy what is there first, with the service stopped, unless nothing of use is there"
    ))
    .about(name)
}

fn gone(service: ServiceView<'_>, was: &Mounted<'_>, is_used: bool) -> Diagnostic {
    let (name, path, old) = (service.name(), &was.path, &was.place);
    let diagnostic = Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!("`{name}` has no volume at `{path}` any more: its data stays in {old}"),
        service.span(),
    )
    .help("what it writes there now ends with its container; write `allow data_left_behind` if that is meant")
    .about(name);
    // Whose data others go on with is not forgotten.
    if is_used {
        diagnostic.severity(Severity::Warning)
    } else {
        diagnostic
    }
}

/// Whether all that differs of the program of a service on a target are its mounts, and no file that it may read: then it looks where it looked.
fn runs_the_same(step: &Step<'_>, target: TargetId, both: Both<'_>) -> bool {
    let is_its = |change: &&Change| change.service.as_deref() == Some(both.new.name());
    let words = [
        "image",
        "env",
        "command",
        "args",
        "entrypoint",
        "config",
        "secret",
    ];
    let mut fields = step.on(target).filter(is_its).flat_map(|it| &it.fields);
    let is_of_program = |path: &str| {
        let mut steps = path.split(['.', '[']);
        steps.any(|step| words.iter().any(|word| step.starts_with(word)))
    };
    !fields.any(|field| is_of_program(&field.path))
}

fn moved(service: ServiceView<'_>, was: &Mounted<'_>, now: &Mounted<'_>) -> Diagnostic {
    let name = service.name();
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!(
            "`{name}` has nothing at `{}` any more, and {} at `{}`: where its program looks as before, it finds no data",
            was.path, was.place, now.path
        ),
        now.mount.span,
    )
    .severity(Severity::Warning)
    .help(format!(
        "keep it at `{}`, unless the program looks at `{}` already",
        was.path, now.path
    ))
    .about(name)
}

/// Whether a service of a revision mounts a volume.
fn is_used(graph: &Graph, target: TargetId, place: &Place) -> bool {
    let mut services = graph.services_on(target);
    services.any(|service| {
        let mut mounts = mounts(graph, service, target).into_iter();
        mounts.any(|mounted| mounted.place.is(place))
    })
}
