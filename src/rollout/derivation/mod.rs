//! Every number of a policy, per target: where it comes from, what it must satisfy, and why.
//!
//! The one place where such a number is computed. Targets write the numbers found here, the
//! verifier proves them, and `zdc explain --policy` shows each with its inequality. A number that
//! is derived is the right-hand side of its own inequality, so that the two cannot part.

mod facts;
mod hosts;
pub mod kubernetes;
pub mod nginx;
pub mod swarm;
mod term;

pub use facts::{
    INTERVAL, RETRIES, TIMEOUT, alone_on_its_node, has_own_claims, has_single_writer,
    is_sole_writer, publishes_on_nodes,
};
pub use term::{Inequality, Relation, Term};

use crate::graph::{Graph, Promise, ServiceView};
use crate::rollout::ways::Way;
use crate::types::Duration;
use crate::vocabulary::{Disturbance, TargetId};
pub(super) use facts::Facts;
use std::fmt;

/// Where a number comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user's own.
    Written,
    /// Computed from what the service promises and what is known of its program.
    Derived,
    /// The language's default, which is written out.
    Language,
    /// The engine's default, which is not.
    Engine,
}

impl Origin {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Origin::Written => "written",
            Origin::Derived => "derived",
            Origin::Language => "zd default",
            Origin::Engine => "engine default",
        }
    }
}

/// A number of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number<T> {
    /// The number in force.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Number<T> {
    fn derived(value: T) -> Self {
        Self {
            value,
            origin: Origin::Derived,
        }
    }

    fn engine(value: T) -> Self {
        Self {
            value,
            origin: Origin::Engine,
        }
    }

    /// What was written, else the engine's own.
    fn written_or(written: Option<T>, engine: T) -> Self {
        match written {
            Some(value) => Self {
                value,
                origin: Origin::Written,
            },
            None => Self::engine(engine),
        }
    }

    /// What a target writes: nothing where the engine does the same by itself.
    pub fn emitted(&self) -> Option<&T> {
        (self.origin != Origin::Engine).then_some(&self.value)
    }
}

impl<T: PartialEq> Number<T> {
    /// Derived, unless the engine does that anyway.
    fn derived_unless(value: T, engine: &T) -> Self {
        if value == *engine {
            Self::engine(value)
        } else {
            Self::derived(value)
        }
    }
}

/// One number, explained.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What it is called where it is written: `update_config.delay`.
    pub name: String,
    /// As it is written there.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it must satisfy, over the whole range of replicas.
    pub must: Vec<Inequality>,
    /// Why.
    pub because: &'static str,
    /// Where that can be read or was measured.
    pub source: &'static str,
    /// A fact that nobody stated, and what it would show.
    pub wants: Option<&'static str>,
}

impl Setting {
    fn new<T: fmt::Display>(name: impl Into<String>, number: &Number<T>) -> Self {
        Self {
            name: name.into(),
            value: number.value.to_string(),
            origin: number.origin,
            must: Vec::new(),
            because: "",
            source: "",
            wants: None,
        }
    }

    fn must(mut self, law: impl IntoIterator<Item = Inequality>) -> Self {
        self.must.extend(law);
        self
    }

    fn because(mut self, because: &'static str, source: &'static str) -> Self {
        self.because = because;
        self.source = source;
        self
    }

    fn wants(mut self, fact: Option<&'static str>) -> Self {
        self.wants = fact;
        self
    }
}

/// How a service is replaced on a target, as far as its capacity goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where it comes from as a whole.
    pub origin: Origin,
    /// How the new version comes.
    pub update: Way,
    /// How the old version comes back.
    pub rollback: Way,
    /// How long an instance may take to end.
    pub grace: Duration,
    /// How long it goes on accepting after it was told to stop.
    pub drain: Duration,
}

/// The policy in force for a service; `None` where the target replaces nothing itself.
pub fn policy(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Option<Policy> {
    match target {
        TargetId::Swarm => Some(swarm::numbers(graph, service).policy()),
        TargetId::Kubernetes if service.node.gateway.is_none() => {
            Some(kubernetes::numbers(graph, service).policy())
        }
        TargetId::Kubernetes | TargetId::Nginx | TargetId::Compose => None,
    }
}

/// A condition that fails, under which a version that turns bad would be found before the next instance is replaced.
#[derive(Clone, Debug)]
pub(super) struct Late {
    /// What of `update` fails it.
    pub(super) name: &'static str,
    /// The least time that would do, of a time.
    pub(super) needed: Option<Duration>,
    /// The condition.
    pub(super) law: Inequality,
}

impl Late {
    /// All are replaced before any could have shown that it lasts.
    fn all_at_once(at_once: u64, replicas: u64) -> Self {
        Self {
            name: "parallelism",
            needed: None,
            law: Inequality::new(
                Term::Count("parallelism", at_once),
                Relation::LessThan,
                Term::Count("replicas", replicas),
            ),
        }
    }

    /// A time that is shorter than the verdict.
    fn shorter(name: &'static str, term: Term, verdict: &Term) -> Option<Self> {
        let law = Inequality::new(term, Relation::AtLeast, verdict.clone());
        (!law.holds()).then(|| Self {
            name,
            needed: Some(Duration::from_seconds(verdict.time().seconds_up())),
            law,
        })
    }
}

/// The conditions that a policy fails under which a bad version would be found in time; none without a check.
pub(super) fn late(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Vec<Late> {
    match target {
        TargetId::Swarm => swarm::late(graph, service),
        TargetId::Kubernetes => kubernetes::late(graph, service),
        TargetId::Nginx | TargetId::Compose => Vec::new(),
    }
}

/// How many of so many pods a drain may take at once, where a budget says so: what is not promised through
/// it, and one at least, since a budget that allows none would stop every drain. One pod has no budget.
pub fn spared_in_drain(promise: &Promise, pods: u64) -> Option<u64> {
    let spare = if promise.covers(Disturbance::Drain) {
        pods.saturating_sub(promise.floor(pods)).max(1)
    } else {
        1
    };
    (pods > 1).then_some(spare)
}

/// Every number of a service's policy on a target.
pub fn explain(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Vec<Setting> {
    if !graph.runs_on(service, target) {
        return Vec::new();
    }
    match target {
        TargetId::Swarm => {
            let mut settings = swarm::explain(graph, service);
            settings.extend(nginx::explain(graph, service, target));
            settings
        }
        TargetId::Kubernetes if service.node.gateway.is_none() => {
            kubernetes::explain(graph, service)
        }
        // Compose is written what was written: it keeps no promises.
        TargetId::Kubernetes | TargetId::Compose => Vec::new(),
        TargetId::Nginx if graph.is_on_host(service) => hosts::explain(graph, service),
        TargetId::Nginx => nginx::explain(graph, service, target),
    }
}

/// Where a service's policy on a target comes from; `None` where nothing of it is replaced there.
pub fn origin(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Option<Origin> {
    let on_host = target == TargetId::Nginx && graph.is_on_host(service);
    if on_host && graph.runs_on(service, target) {
        return Some(hosts::origin(service));
    }
    policy(graph, service, target).map(|policy| policy.origin)
}

/// Why a service that writes no policy gets none on a target that could derive one.
pub fn why_not(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Option<&'static str> {
    let policy = policy(graph, service, target)?;
    if policy.origin != Origin::Engine {
        return None;
    }
    let checked = Facts::of(graph, service).health.is_some();
    Some(match graph.promise(service) {
        Promise::Downtime => "nothing is derived: it allows downtime",
        Promise::None => "nothing is derived: it takes no traffic and promises nothing",
        Promise::Capacity { .. } if !checked => {
            "nothing is derived: without a `health` check nothing tells when an instance can serve"
        }
        Promise::Capacity { .. } => {
            "nothing is derived: its volume has one writer, so that no second instance may run \
             beside the first"
        }
    })
}

/// About how long an update of a service takes on a target, where that can be told.
pub fn takes(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Option<Term> {
    let told = target == TargetId::Swarm && graph.runs_on(service, target);
    told.then(|| swarm::takes(graph, service)).flatten()
}

/// Whether a policy is derived: capacity is promised, a check tells what can serve, and there may
/// be one instance more.
fn is_derived(graph: &Graph, service: ServiceView<'_>, facts: &Facts) -> bool {
    facts.promises() && facts.health.is_some() && !has_single_writer(graph, service)
}

/// `left` at the fewest and at the most replicas is at least what is promised of them.
fn keeps(facts: &Facts, floors: [u64; 2], left: impl Fn(Term) -> Term) -> Vec<Inequality> {
    let ends = [facts.replicas.least, facts.replicas.most];
    let mut laws: Vec<Inequality> = ends
        .into_iter()
        .zip(floors)
        .filter(|(_, floor)| *floor > 0)
        .map(|(replicas, floor)| {
            Inequality::new(
                left(Term::Count("replicas", replicas)),
                Relation::AtLeast,
                Term::Count("min_available", floor),
            )
        })
        .collect();
    laws.dedup();
    laws
}
