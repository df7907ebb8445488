//! What is wrong with a step from one revision to the next: what the orchestrator refuses, what is
//! lost unsaid, and what two versions that serve at once do to each other.
//!
//! Each file is one kind of fault with its diagnostics; a rule is a function and its line in [`ALL`].

mod addresses;
mod admissions;
mod admitted;
mod carried;
mod clients;
mod data;
mod endpoints;
mod gateways;
mod instances;
mod kept;
mod leavers;
mod listeners;
mod losses;
mod merged;
mod migrations;
mod namesakes;
mod newcomers;
mod order;
mod outcome;
mod pairs;
mod policies;
mod ports;
mod published;
mod rerouted;
mod routes;
mod slots;
mod stops;
mod ties;
mod undo;
mod versions;
mod way_back;

pub(super) use order::Before;

use super::{Change, Effect, TargetChanges, places};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::graph::{EdgeKind, Graph, Promise, ServiceView};
use crate::rules::Waivers;
use crate::source::Span;
use crate::types::VariableId;
use crate::vocabulary::{RestartCondition, TargetId};
use pairs::Pairs;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

/// A step: both programs, where they are known, and what changes.
struct Step<'a> {
    old: Option<&'a Graph>,
    new: Option<&'a Graph>,
    pairs: Pairs<'a>,
    targets: &'a [TargetChanges],
    // Each is found once, however many rules ask for it.
    by_address: OnceCell<Vec<addresses::Meetings<'a>>>,
    by_version: OnceCell<Vec<versions::Meetings<'a>>>,
    by_policy: OnceCell<admissions::Turns<'a>>,
    ordered: OnceCell<order::Orders<'a>>,
    renamed: OnceCell<BTreeSet<&'a str>>,
    policies_left: OnceCell<BTreeMap<&'a str, &'a Change>>,
}

/// A service that is in both programs.
#[derive(Clone, Copy)]
struct Both<'a> {
    old: ServiceView<'a>,
    new: ServiceView<'a>,
}

/// Looks for one kind of fault.
type Rule = fn(&Step<'_>, &mut Diagnostics);

/// The rules, in the order they are asked.
static ALL: &[Rule] = &[
    outcome::refusals,
    slots::may_all_serve,
    outcome::without_effect,
    outcome::runs_beside,
    data::left_behind,
    data::left_on_nodes,
    data::left_on_hosts,
    data::taken_by_name,
    data::two_writers,
    data::taken_over,
    data::written_by_several,
    migrations::no_way_back,
    migrations::old_meets_new,
    migrations::older_than_data,
    addresses::moved,
    policies::left_in_force,
    namesakes::answer_differently,
    endpoints::without_pods,
    endpoints::deserted,
    ports::moved,
    versions::in_common,
    gateways::at_once,
    rerouted::at_once,
    rerouted::rewritten,
    rerouted::sent_ahead,
    admissions::at_once,
    order::check,
    routes::removed,
    clients::dropped,
    listeners::removed,
    admitted::moved,
    losses::told,
    published::removed,
    instances::fewer_at_once,
    instances::autoscaled_less,
    instances::old_version_scaled,
    instances::autoscaler,
    stops::undrained,
    way_back::below_promise,
    way_back::unchecked,
    way_back::outlives_undo,
];

/// What is known of a step beside what becomes of each object.
pub(super) struct Judged<'a> {
    /// What is wrong with it, without what its services accept.
    pub(super) found: Diagnostics,
    /// Which service has to be deployed before which.
    pub(super) order: Vec<Before<'a>>,
    /// What starts before what comes `after` it, and starts as well, where there are several deploys anyway.
    pub(super) after: Vec<Before<'a>>,
    /// What else goes before what then.
    pub(super) better_first: Vec<Before<'a>>,
    /// The services for which there is no way back afterwards, each with why.
    pub(super) one_way: Vec<(String, String)>,
    /// The services whose objects on Kubernetes cut somebody off once only pods went back.
    pub(super) cut_by_undo: Vec<String>,
}

/// Judges a step.
pub(super) fn judge<'a>(
    old: Option<&'a Graph>,
    new: Option<&'a Graph>,
    targets: &'a [TargetChanges],
) -> Judged<'a> {
    let step = Step::new(old, new, targets);
    let mut found = Diagnostics::default();
    for rule in ALL {
        rule(&step, &mut found);
    }
    if let Some(graph) = new {
        found = Waivers::of(graph).apply_and_tell(found);
    }
    let one_way = migrations::one_way(&step).into_iter();
    let one_way = one_way.map(|(name, why)| (name.to_owned(), why));
    let one_way = one_way.chain(losses::one_way(&step)).collect();
    let order = order::of(&step);
    let mut cut_by_undo: BTreeSet<&str> = undo::cut(&step).iter().map(|cut| cut.by).collect();
    cut_by_undo.extend(endpoints::asked(&step).iter().map(|it| it.service()));
    let (after, better_first) = if order.is_empty() {
        Default::default()
    } else {
        (step.after(), step.better_first())
    };
    Judged {
        found,
        after,
        better_first,
        order,
        one_way,
        cut_by_undo: cut_by_undo.into_iter().map(ToOwned::to_owned).collect(),
    }
}

impl<'a> Step<'a> {
    fn new(old: Option<&'a Graph>, new: Option<&'a Graph>, targets: &'a [TargetChanges]) -> Self {
        let pairs = Pairs::of(old, new, targets);
        Self {
            old,
            new,
            pairs,
            targets,
            by_address: OnceCell::new(),
            by_version: OnceCell::new(),
            by_policy: OnceCell::new(),
            ordered: OnceCell::new(),
            renamed: OnceCell::new(),
            policies_left: OnceCell::new(),
        }
    }

    /// What starts before what comes `after` it and starts as well.
    fn after(&self) -> Vec<Before<'a>> {
        let Some(new) = self.new else {
            return Vec::new();
        };
        let started = self.started();
        let edges = new
            .edges()
            .filter(|(_, edge, _)| edge.kind == EdgeKind::After);
        let pairs = edges.filter_map(|(from, _, to)| {
            let (first, then) = (new.service(to)?.name(), new.service(from)?.name());
            let both = started.contains(first) && started.contains(then) && first != then;
            both.then_some(Before { first, then })
        });
        let mut found: Vec<Before<'a>> = pairs.collect();
        found.sort();
        found.dedup();
        found
    }

    /// What is new before who calls it, new or not, and what starts before who comes `after` it.
    fn better_first(&self) -> Vec<Before<'a>> {
        let (Some(old), Some(new)) = (self.old, self.new) else {
            return Vec::new();
        };
        let started = self.started();
        let edges = new.edges().filter_map(|(from, edge, to)| {
            let (then, first) = (new.service(from)?, new.service(to)?);
            let goes_first = match edge.kind {
                EdgeKind::After => started.contains(first.name()),
                _ => old.find(self.pairs.before(first.name())).is_none(),
            };
            let goes_first = goes_first && first.name() != then.name();
            goes_first.then_some(Before {
                first: first.name(),
                then: then.name(),
            })
        });
        let mut found: Vec<Before<'a>> = edges.collect();
        found.sort();
        found.dedup();
        found
    }

    /// Every change with its target.
    fn changes(&self) -> impl Iterator<Item = (TargetId, &'a Change)> {
        let targets = self.targets;
        targets.iter().flat_map(|target| {
            let changes = target.changes.iter();
            changes.map(|change| (target.target, change))
        })
    }

    /// The changes of a target.
    fn on(&self, target: TargetId) -> impl Iterator<Item = &'a Change> {
        let targets = self.targets.iter().filter(move |it| it.target == target);
        targets.flat_map(|it| &it.changes)
    }

    /// The services of which instances are replaced on a target, by zd name.
    fn rolling(&self, target: TargetId) -> BTreeSet<&'a str> {
        let rolling = self.on(target).filter(|change| change.effect.replaces());
        rolling
            .filter_map(|change| change.service.as_deref())
            .collect()
    }

    /// The services of which instances start on some target, in the place of old ones or new, by zd name.
    fn started(&self) -> BTreeSet<&'a str> {
        let started = self.changes().filter_map(|(_, change)| {
            let name = change.service.as_deref()?;
            // Of a service that was there a policy may be new, and no instance.
            let starts = match change.effect {
                Effect::Created => self.both(name).is_none(),
                // Of what had no instance none is replaced.
                Effect::InPlace => self.is_switched_on(name),
                effect => effect.replaces() || effect == Effect::Renamed,
            };
            starts.then_some(name)
        });
        started.chain(self.varied()).collect()
    }

    /// The services of which another value of a deploy-time variable of the program replaces instances, by zd name. Where only a
    /// secret has another value, the program that starts is the one that ran.
    fn varied(&self) -> impl Iterator<Item = &'a str> {
        let new = self.new;
        let is_declared = move |name: &str| {
            let id = VariableId { name: name.into() };
            new.is_some_and(|new| new.variable(&id).is_some())
        };
        let variables = self.targets.iter().flat_map(|target| &target.variables);
        let variables = variables.filter(move |(name, _)| is_declared(name));
        let services = variables.flat_map(|(_, services)| services);
        services.filter_map(|it| it.service.as_deref())
    }

    /// Whether nobody may count on a service while this step goes on: it accepts downtime, and wherever it changes all its
    /// instances are stopped at once. What it asks for in vain meanwhile is part of that.
    fn is_down_meanwhile(&self, name: &str) -> bool {
        let accepts = |new: &Graph| Some(new.promise(new.find(name)?) == Promise::Downtime);
        let mut ends = self.changes().filter_map(|(_, change)| {
            let is_its = change.service.as_deref() == Some(name) && change.effect.replaces();
            is_its.then_some(change.effect == Effect::RestartsAtOnce)
        });
        // One at least.
        let at_once = ends.next() == Some(true) && ends.all(|at_once| at_once);
        at_once && self.new.and_then(accepts) == Some(true)
    }

    fn is_switched_on(&self, name: &str) -> bool {
        let none = |graph: Option<&Graph>, service| {
            graph.is_some_and(|graph| graph.replicas(service).most == 0)
        };
        let both = self.both(name);
        both.is_some_and(|both| none(self.old, both.old) && !none(self.new, both.new))
    }

    /// Whether Kubernetes makes a service anew beside the old one, which an apply does not delete: under another name or in
    /// another namespace.
    fn renames(&self, name: &str) -> bool {
        let renamed = || {
            let changes = self.on(TargetId::Kubernetes);
            let renamed = changes.filter(|change| change.effect == Effect::Renamed);
            renamed
                .filter_map(|change| change.service.as_deref())
                .collect()
        };
        self.renamed.get_or_init(renamed).contains(name)
    }

    /// The targets that run services, of those that are written.
    fn targets(&self) -> impl Iterator<Item = TargetId> + use<'a> {
        self.targets.iter().map(|target| target.target)
    }

    /// A service by the zd name that it has now, where it is in both programs.
    fn both(&self, name: &str) -> Option<Both<'a>> {
        Some(Both {
            old: self.old?.find(self.pairs.before(name))?,
            new: self.new?.find(name)?,
        })
    }

    /// The one that is gone and whose place a service may take.
    fn possible(&self, name: &str) -> Option<Both<'a>> {
        Some(Both {
            old: self.old?.find(self.pairs.perhaps(name)?)?,
            new: self.new?.find(name)?,
        })
    }

    /// The same, or else with the one whose place it takes, which is gone.
    fn successor(&self, name: &str) -> Option<Both<'a>> {
        self.both(name).or_else(|| {
            Some(Both {
                old: self.old?.find(self.pairs.replaced(name)?)?,
                new: self.new?.find(name)?,
            })
        })
    }
}

/// Whether what ran of a service has ended by now, and asks nobody any more: what is started once (`restart { condition = none }`) is
/// complete on a swarm (`docs.docker.com/engine/swarm/how-swarm-mode-works/swarm-task-states`), where Kubernetes starts it again
/// whenever it ended (ZD5067).
fn has_ended(service: ServiceView<'_>, target: TargetId) -> bool {
    target == TargetId::Swarm && service.ends_by_itself(RestartCondition::Never)
}

/// The place of a change; none where it is in no program.
fn place(change: &Change) -> Span {
    let field = change.fields.iter().max_by_key(|field| field.effect);
    let field = field.and_then(|field| field.span);
    field.or(change.span).unwrap_or_else(places::nowhere)
}

/// A diagnostic of a change, which its service may accept.
fn about(diagnostic: Diagnostic, change: &Change) -> Diagnostic {
    match &change.service {
        Some(service) => diagnostic.about(service),
        None => diagnostic,
    }
}
