//! Which service of the new program goes on as which of the old one: the one of the same zd name, or else the one that had its
//! name where it runs, so that an orchestrator takes both for one. And which one takes the place of another that is gone, though
//! to an orchestrator it is new.

use super::ties::{self, Tie};
use crate::change::{TargetChanges, images};
use crate::graph::{Graph, ServiceView, routing};
use crate::rollout::derivation;
use crate::types::Reference;
use crate::vocabulary::{Label, TargetId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The services that have another zd name in the new program, and the same one where they run.
#[derive(Default)]
pub(super) struct Pairs<'a> {
    before: BTreeMap<&'a str, &'a str>,
    now: BTreeMap<&'a str, &'a str>,
    /// By the zd names of services that are new, those of the ones that are gone and whose place they take.
    replaced: BTreeMap<&'a str, &'a str>,
    /// The same of those of which that is not sure.
    perhaps: BTreeMap<&'a str, &'a str>,
}

/// What is gone and what is new, by name.
type Sides<'m, 'a> = (
    &'m mut BTreeMap<&'a str, ServiceView<'a>>,
    &'m mut BTreeMap<&'a str, ServiceView<'a>>,
);

/// What tells that a service takes the place of another one.
type Trait = (String, String);

impl<'a> Pairs<'a> {
    pub(super) fn of(
        old: Option<&'a Graph>,
        new: Option<&'a Graph>,
        targets: &[TargetChanges],
    ) -> Self {
        let mut pairs = Self::default();
        let (Some(old), Some(new)) = (old, new) else {
            return pairs;
        };
        let gone = alone(old, new);
        let come = alone(new, old);
        for (name, was) in gone {
            if let Some(is) = come.get(&name) {
                pairs.before.insert(is, was);
                pairs.now.insert(was, is);
            }
        }
        pairs.replace((old, new), targets);
        pairs
    }

    /// Pairs what is gone with what is new: where the swarm's objects are the same but for the name, and else by what they are,
    /// the surest first. Of several that are alike each takes the place of the one before it in the order of the names.
    fn replace(&mut self, (old, new): (&'a Graph, &'a Graph), targets: &[TargetChanges]) {
        let lost = |graph: &'a Graph, other: &Graph, paired: &BTreeMap<&str, &str>| {
            let services = graph.services();
            let alone = services.filter(|it| other.find(it.name()).is_none());
            let alone = alone.filter(|it| !paired.contains_key(it.name()));
            let alone = alone.map(|it| (it.name(), it));
            alone.collect::<BTreeMap<&'a str, ServiceView<'a>>>()
        };
        let mut gone = lost(old, new, &self.now);
        let mut come = lost(new, old, &self.before);
        if gone.is_empty() || come.is_empty() {
            return;
        }
        let real: BTreeMap<String, &str> = gone
            .values()
            .map(|it| (old.swarm_name(*it), it.name()))
            .collect();
        let on_swarm = targets.iter().filter(|it| it.target == TargetId::Swarm);
        for change in on_swarm.flat_map(|target| &target.changes) {
            let was = change.was.as_ref().and_then(|was| real.get(&was.name));
            let is = change.service.as_deref().and_then(|is| come.get(is));
            if let (Some(was), Some(is)) = (was, is.map(|it| it.name()))
                && gone.remove(was).is_some()
            {
                come.remove(is);
                self.replaced.insert(is, was);
            }
        }
        // A port is one service's, and so is what one volume holds: an image at a path says less.
        self.alike((old, new), (&mut gone, &mut come), volumes);
        self.tied((old, new), (&mut gone, &mut come));
        self.alike((old, new), (&mut gone, &mut come), published);
    }

    /// Pairs what has a trait in common.
    fn alike(
        &mut self,
        (old, new): (&'a Graph, &'a Graph),
        (gone, come): Sides<'_, 'a>,
        of: fn(&Graph, ServiceView<'_>) -> Vec<Trait>,
    ) {
        let mut by_trait: BTreeMap<Trait, VecDeque<&str>> = BTreeMap::new();
        for service in gone.values() {
            for key in of(old, *service) {
                by_trait.entry(key).or_default().push_back(service.name());
            }
        }
        let mut taken = BTreeSet::new();
        for service in come.values() {
            let was = of(new, *service).into_iter().find_map(|key| {
                let alike = by_trait.get_mut(&key)?;
                while alike.front().is_some_and(|was| taken.contains(was)) {
                    alike.pop_front();
                }
                alike.pop_front()
            });
            if let Some(was) = was {
                taken.insert(was);
                self.replaced.insert(service.name(), was);
            }
        }
        gone.retain(|name, _| !taken.contains(name));
        come.retain(|name, _| !self.replaced.contains_key(name));
    }

    /// Pairs those that run one image with a volume at one path where something ties them, the surest first.
    fn tied(&mut self, (old, new): (&'a Graph, &'a Graph), (gone, come): Sides<'_, 'a>) {
        // A caller goes by its new name in both programs.
        let is_known = |name: &str| {
            self.before.contains_key(name)
                || self.replaced.contains_key(name)
                || old.find(name).is_some()
        };
        let now = |name: &str| {
            let mut replaced = self.replaced.iter();
            let now = self.now.get(name).copied();
            now.or_else(|| replaced.find(|(_, was)| **was == name).map(|(is, _)| *is))
                .or_else(|| new.find(name).map(ServiceView::name))
                .map(ToOwned::to_owned)
        };
        let mut ties: Vec<(Tie, &'a str, &'a str)> = Vec::new();
        for is in come.values() {
            let mounts = paths(new, *is);
            for was in gone.values() {
                if paths(old, *was).iter().any(|path| mounts.contains(path)) {
                    let tie = ties::between(
                        (old, *was, &now),
                        (new, *is, &|name| is_known(name).then(|| name.to_owned())),
                    );
                    ties.extend(tie.map(|tie| (tie, is.name(), was.name())));
                }
            }
        }
        ties.sort_by_key(|(tie, ..)| std::cmp::Reverse(*tie));
        for (tie, is, was) in ties {
            if !come.contains_key(is) || !gone.contains_key(was) {
                continue;
            }
            match tie {
                Tie::Sure => {
                    self.replaced.insert(is, was);
                    come.remove(is);
                    gone.remove(was);
                }
                // It may still be another's by its port.
                Tie::Perhaps => {
                    if !self.perhaps.values().any(|told| *told == was) {
                        self.perhaps.entry(is).or_insert(was);
                    }
                }
            }
        }
    }

    /// The zd name of the service that is gone and whose place a new one may take.
    pub(super) fn perhaps(&self, name: &str) -> Option<&'a str> {
        let is_told = self.replaced.contains_key(name);
        self.perhaps.get(name).copied().filter(|_| !is_told)
    }

    /// The zd name of the service that is gone and whose place a new one takes.
    pub(super) fn replaced(&self, name: &str) -> Option<&'a str> {
        self.replaced.get(name).copied()
    }

    /// Whether a service that is gone has somebody in its place.
    pub(super) fn is_replaced(&self, name: &str) -> bool {
        self.replaced.values().any(|was| *was == name)
    }

    /// The zd name that a service of the new program had.
    pub(super) fn before<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        self.before.get(name).copied().unwrap_or(name)
    }

    /// The zd name that a service of the old program has now.
    pub(super) fn now<'n>(&self, name: &'n str) -> &'n str
    where
        'a: 'n,
    {
        self.now.get(name).copied().unwrap_or(name)
    }
}

/// The services of a program whose zd names the other one does not have, by their stacks and the names that they run under. On a plain
/// host that is the zd name.
fn alone<'a>(graph: &'a Graph, other: &Graph) -> BTreeMap<(&'a str, &'a str), &'a str> {
    let alone = graph
        .services()
        .filter(|it| other.find(it.name()).is_none() && !graph.is_on_host(*it));
    alone.map(|it| (place(graph, it), it.name())).collect()
}

/// The stack and the name that a service runs under.
pub(super) fn place<'a>(graph: &'a Graph, service: ServiceView<'a>) -> (&'a str, &'a str) {
    (graph.stack(service), service.emitted_name())
}

/// The volumes of one writer that a service writes to, by their zd names.
fn volumes(graph: &Graph, service: ServiceView<'_>) -> Vec<Trait> {
    let mounts = service.node.service.volume.iter();
    let mounts = mounts.filter(|mount| derivation::is_sole_writer(graph, mount));
    let volumes = mounts.filter_map(|mount| match &mount.label {
        Label::Reference(Reference::Volume(label)) => Some((String::new(), label.to_string())),
        _ => None,
    });
    volumes.collect()
}

/// The paths with volumes, each with what runs there.
fn paths(_: &Graph, service: ServiceView<'_>) -> Vec<Trait> {
    let Some(runs) = repository(service) else {
        return Vec::new();
    };
    let mounts = service.node.service.volume.iter();
    let paths = mounts.filter_map(|mount| Some(mount.path.as_ref()?.value.to_string()));
    paths.map(|path| (runs.clone(), path)).collect()
}

/// The published ports, each with what runs there.
fn published(_: &Graph, service: ServiceView<'_>) -> Vec<Trait> {
    let Some(runs) = repository(service) else {
        return Vec::new();
    };
    let ports = service.ports();
    let ports = ports.filter_map(|port| Some(port.publish.as_ref()?.value.least.get()));
    let gateway = service.node.gateway.iter();
    let listens = gateway.flat_map(|gateway| gateway.listen.iter().map(|it| routing::port(it)));
    let all = ports.chain(listens);
    all.map(|port| (runs.clone(), port.to_string())).collect()
}

/// The repository of a service's image; of a gateway, of which one is like another, nothing.
pub(super) fn repository(service: ServiceView<'_>) -> Option<String> {
    if service.node.gateway.is_some() {
        return Some(String::new());
    }
    let image = service.node.service.image.as_ref()?.value.to_string();
    Some(images::repository(&image).to_owned())
}
