//! A Deployment's policy: surge, readiness, and the times around a pod's life. Kubernetes counts
//! whole seconds, rounded up here.

mod explain;

pub(super) use explain::explain;

use super::facts::{Check, Facts, Promised};
use super::{Late, Number, Origin, Policy, Term, has_single_writer, is_derived};
use crate::graph::{Graph, ServiceView};
use crate::rollout::ways::{self, Way};
use crate::types::{Duration, Percent};
use crate::vocabulary::{Node, Order, TargetId, Update};
use std::fmt;

/// Kubernetes' own default, in seconds (`DeploymentSpec.progressDeadlineSeconds`).
const PROGRESS_DEADLINE: u64 = 600;
/// Kubernetes' own default, in seconds (`PodSpec.terminationGracePeriodSeconds`).
const GRACE: u64 = 30;
/// Kubernetes' own default (`RollingUpdateDeployment`), for surge and unavailable alike.
const QUARTER: Percent = Percent {
    thousandths: 25_000,
};
/// Kubernetes' own default of surge and unavailable where there is one pod on each node
/// (`RollingUpdateDaemonSet`).
const OF_DAEMON_SET: [Pods; 2] = [Pods::Count(0), Pods::Count(1)];
const ALL: Pods = Pods::Share(Percent::ALL);
/// Between two updates of a node's rules (kube-proxy `--iptables-min-sync-period`, default 1s).
const NODE_RULES: Duration = Duration::from_seconds(1);
/// Between two updates of an ingress controller's pools (ingress-nginx `--sync-rate-limit`, default
/// 0.3 in a second).
const CONTROLLER: Duration = Duration::from_millis(3_334);
/// What a derived time has to spare: timestamps have whole seconds.
const SPARE: Duration = Duration::from_seconds(1);

/// So many pods, or a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pods {
    /// So many.
    Count(u64),
    /// This share.
    Share(Percent),
}

impl fmt::Display for Pods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pods::Count(count) => write!(f, "{count}"),
            Pods::Share(share) => write!(f, "{share}"),
        }
    }
}

/// How a Deployment replaces its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Each pod keeps its volume, which has one writer: it ends before the next of its name starts,
    /// one after the other.
    StatefulSet,
    /// All old ones end before the first new one starts.
    Recreate(Number<&'static str>),
    /// Some more, or some fewer, at a time.
    RollingUpdate {
        /// How many more.
        max_surge: Number<Pods>,
        /// How many fewer.
        max_unavailable: Number<Pods>,
    },
}

/// The numbers of one service. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kubernetes {
    /// Where the policy comes from as a whole.
    pub origin: Origin,
    /// How pods are replaced.
    pub strategy: Strategy,
    /// How long a pod must have been ready to count.
    pub min_ready: Number<u64>,
    /// How long a rollout may go without progress.
    pub progress_deadline: Number<u64>,
    /// How long a pod may take to end, `pre_stop` included.
    pub grace: Number<u64>,
    /// How long a pod goes on before it is told to stop.
    pub pre_stop: Number<u64>,
    /// How often it is asked, and how often while it starts.
    pub probes: Option<Probes>,
}

/// The times of readiness and startup probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probes {
    /// `periodSeconds`
    pub period: Number<u64>,
    /// `timeoutSeconds`
    pub timeout: Number<u64>,
    /// `failureThreshold` of readiness.
    pub failures: Number<u64>,
    /// `failureThreshold` of the startup probe; without a start period there is none, since it
    /// restarts what it finds.
    pub startup: Option<Number<u64>>,
}

impl Kubernetes {
    pub(super) fn policy(&self) -> Policy {
        let way = Way::Pods(ways::strategy(&self.strategy));
        Policy {
            origin: self.origin,
            update: way,
            rollback: way,
            grace: Duration::from_seconds(self.grace.value),
            drain: Duration::from_seconds(self.pre_stop.value),
        }
    }
}

/// Decides every number of a service's policy.
///
/// `start_first` with so many at once is that surge and nothing unavailable, `stop_first` the
/// reverse; of a `DaemonSet` so many nodes are meant, and one of the two must be 0 (`may not be set
/// when maxUnavailable is set`, seen). `delay` becomes `minReadySeconds`: a pod counts as available only once it has been ready
/// so long, and only available pods let the next ones be replaced, so the wait is the same. A
/// Deployment waits in this way for each pod, not after each step.
pub fn numbers(graph: &Graph, service: ServiceView<'_>) -> Kubernetes {
    let facts = Facts::of(graph, service);
    let update = service.node.service.update.as_ref();
    let is_derived = update.is_none() && is_derived(graph, service, &facts);
    let origin = match (update, is_derived) {
        (Some(_), _) => Origin::Written,
        (None, true) => Origin::Derived,
        (None, false) => Origin::Engine,
    };
    // Kubernetes does not read a check of the image.
    let asks = |kind: &str| kind != "image";
    let health = service.node.service.health.as_ref();
    let asked = health.filter(|health| asks(health.label.name()));
    let probes = facts
        .health
        .zip(asked)
        .map(|(check, _)| probes(service, &facts, check));
    let min_ready = match (update, facts.health) {
        (Some(update), _) => {
            // What is said of the first pod of a canary is so for each.
            let watched = update.monitor.as_ref().filter(|_| is_canary(update));
            let waits = [update.delay.as_ref(), watched];
            let delay = waits.into_iter().flatten();
            let delay = delay.map(|it| it.value.seconds_up()).max();
            Number::written_or(delay.filter(|delay| *delay > 0), 0)
        }
        (None, Some(check)) if is_derived => {
            Number::derived(verdict(Asked::of(check)).time().seconds_up())
        }
        (None, _) => Number::engine(0),
    };
    let pre_stop = pre_stop(graph, service, &facts);
    let mut numbers = Kubernetes {
        origin,
        strategy: strategy(graph, service, &facts, is_derived),
        min_ready,
        progress_deadline: Number::engine(PROGRESS_DEADLINE),
        grace: grace(&facts, pre_stop.value),
        pre_stop,
        probes,
    };
    numbers.progress_deadline = progress_deadline(&facts, &numbers);
    numbers
}

/// How many seconds a pod may take to give way to one that counts, where nothing is wrong: its end, and what a Deployment is
/// given to progress. A `StatefulSet` and a `DaemonSet` have no deadline of their own.
pub fn turn(graph: &Graph, service: ServiceView<'_>) -> u64 {
    let numbers = numbers(graph, service);
    let facts = Facts::of(graph, service);
    let longest = progress(&facts, &numbers).time();
    let ends = numbers.grace.value.saturating_add(PROGRESS_DEADLINE);
    longest.seconds_up().saturating_add(ends)
}

/// Why a version that turns bad would be found too late.
pub(super) fn late(graph: &Graph, service: ServiceView<'_>) -> Vec<Late> {
    let facts = Facts::of(graph, service);
    let numbers = numbers(graph, service);
    let (Some(check), Strategy::RollingUpdate { .. } | Strategy::StatefulSet) =
        (facts.health, numbers.strategy)
    else {
        return Vec::new();
    };
    let replicas = facts.replicas.least.max(2);
    if let Strategy::RollingUpdate {
        max_surge,
        max_unavailable,
    } = numbers.strategy
    {
        let pods = |pods: Pods| match pods {
            Pods::Count(count) => count,
            Pods::Share(share) => share.of_up(replicas),
        };
        let at_once = pods(max_surge.value).saturating_add(pods(max_unavailable.value));
        if at_once >= replicas {
            return vec![Late::all_at_once(at_once, replicas)];
        }
    }
    let ready = Duration::from_seconds(numbers.min_ready.value);
    let ready = Term::Time("minReadySeconds", ready);
    Late::shorter("delay", ready, &verdict(Asked::of(check)))
        .into_iter()
        .collect()
}

fn strategy(graph: &Graph, service: ServiceView<'_>, facts: &Facts, is_derived: bool) -> Strategy {
    let rolling = |order, step: Number<Pods>| {
        let none = Number {
            value: Pods::Count(0),
            origin: step.origin,
        };
        let (max_surge, max_unavailable) = match order {
            Order::StartFirst => (step, none),
            Order::StopFirst => (none, step),
        };
        Strategy::RollingUpdate {
            max_surge,
            max_unavailable,
        }
    };
    if !facts.global && has_single_writer(graph, service) {
        return Strategy::StatefulSet;
    }
    if let Some(update) = &service.node.service.update {
        // A DaemonSet has no `Recreate`: all at once is the same.
        if facts.global && update.label.name() == "recreate" {
            return rolling(Order::StopFirst, Number::written_or(Some(ALL), ALL));
        }
        if update.label.name() == "recreate" {
            return Strategy::Recreate(Number::written_or(Some("Recreate"), "RollingUpdate"));
        }
        let default = if is_canary(update) {
            Order::StartFirst
        } else {
            Order::StopFirst
        };
        let order = update.order.as_ref().map_or(default, |it| it.value);
        let step = match update.parallelism.as_ref().map_or(1, |it| it.value.get()) {
            0 => ALL,
            count => Pods::Count(count),
        };
        return rolling(order, Number::written_or(Some(step), step));
    }
    if is_derived {
        let in_place = facts.promise == Promised::Stated && facts.spares_one(floors(facts));
        let order = if in_place {
            Order::StopFirst
        } else {
            Order::StartFirst
        };
        return rolling(order, Number::derived(Pods::Count(1)));
    }
    let [max_surge, max_unavailable] = if facts.global {
        OF_DAEMON_SET
    } else {
        [Pods::Share(QUARTER); 2]
    };
    Strategy::RollingUpdate {
        max_surge: Number::engine(max_surge),
        max_unavailable: Number::engine(max_unavailable),
    }
}

fn is_canary(update: &Node<Update>) -> bool {
    update.label.name() == "canary"
}

/// One strategy goes both ways.
fn floors(facts: &Facts) -> [u64; 2] {
    let ([least, most], [of_least, of_most]) = (facts.update, facts.rollback);
    [least.max(of_least), most.max(of_most)]
}

/// A check in whole seconds.
#[derive(Clone, Copy)]
struct Asked {
    interval: u64,
    timeout: u64,
    retries: u64,
}

impl Asked {
    /// At least a second: 0 would be Kubernetes' own default.
    fn of(check: Check) -> Self {
        Self {
            interval: check.interval.seconds_up().max(1),
            timeout: check.timeout.seconds_up().max(1),
            retries: check.retries,
        }
    }

    fn interval(self) -> Term {
        Term::Time("interval", Duration::from_seconds(self.interval))
    }

    fn timeout(self) -> Term {
        Term::Time("timeout", Duration::from_seconds(self.timeout))
    }

    fn retries(self) -> Term {
        Term::Count("retries", self.retries)
    }
}

/// The longest time from a pod's first success to its not being ready. A probe that takes longer
/// than its period makes the next one wait for it.
fn verdict(asked: Asked) -> Term {
    let each = if asked.timeout > asked.interval {
        asked.timeout()
    } else {
        asked.interval()
    };
    Term::Sum(vec![
        Term::times(asked.retries(), each),
        asked.timeout(),
        Term::Fixed(SPARE),
    ])
}

fn probes(service: ServiceView<'_>, facts: &Facts, check: Check) -> Probes {
    let asked = Asked::of(check);
    let health = service.node.service.health.as_ref();
    let origin = |written: Option<()>| match written {
        Some(()) => Origin::Written,
        None => Origin::Language,
    };
    let number = |value, written: Option<()>| Number {
        value,
        origin: origin(written),
    };
    let interval = health.and_then(|it| it.interval.as_ref()).map(|_| ());
    let timeout = health.and_then(|it| it.timeout.as_ref()).map(|_| ());
    let retries = health.and_then(|it| it.retries.as_ref()).map(|_| ());
    Probes {
        period: number(asked.interval, interval),
        timeout: number(asked.timeout, timeout),
        failures: number(asked.retries, retries),
        startup: tries(facts, check).map(|tries| Number::derived(tries.value())),
    }
}

/// As many tries as fit into the start, and then the `retries` that count.
fn tries(facts: &Facts, check: Check) -> Option<Term> {
    let asked = Asked::of(check);
    let start = start_period(facts, check)?;
    Some(Term::Sum(vec![
        Term::covering(Term::Time("start_period", start), asked.interval()),
        asked.retries(),
    ]))
}

/// What is written; else the longest start, where a liveness probe would end it.
fn start_period(facts: &Facts, check: Check) -> Option<Duration> {
    let stated = facts.startup.filter(|_| facts.liveness);
    let start = Duration::from_seconds(check.start_period.or(stated)?.seconds_up());
    (start > Duration::default()).then_some(start)
}

/// How long a Deployment may go without progress, where the default would call a good update failed, whoever chose how
/// it replaces its pods: the longest start, the wait, and the default again for pulling and placing.
fn progress_deadline(facts: &Facts, numbers: &Kubernetes) -> Number<u64> {
    let longest = progress(facts, numbers).time().seconds_up();
    if longest < PROGRESS_DEADLINE {
        return Number::engine(PROGRESS_DEADLINE);
    }
    Number::derived(longest.saturating_add(PROGRESS_DEADLINE))
}

/// Nothing counts as progress while all old pods end, before the first new one is made (kubernetes/kubernetes
/// `pkg/controller/deployment/recreate.go`, `rolloutRecreate`, and `util/deployment_util.go`, `DeploymentProgressing`).
fn progress(facts: &Facts, numbers: &Kubernetes) -> Term {
    let allowed = numbers.probes.and_then(|probes| {
        let tries = probes.startup?.value;
        Some(tries.saturating_mul(probes.period.value))
    });
    let allowed = Duration::from_seconds(allowed.unwrap_or(0));
    let start = match facts.startup {
        Some(startup) if startup > allowed => Term::Time("startup", startup),
        _ => Term::Time("startup probe", allowed),
    };
    let ready = Duration::from_seconds(numbers.min_ready.value);
    let mut terms = vec![start, Term::Time("minReadySeconds", ready)];
    if matches!(numbers.strategy, Strategy::Recreate(_)) {
        let ends = Duration::from_seconds(numbers.grace.value);
        terms.push(Term::Time("terminationGracePeriodSeconds", ends));
    }
    Term::Sum(terms)
}

/// `drain`: the pod goes on serving while its address is taken out of every balancer, before it is
/// told to stop (KEP-3960, the `sleep` action). Removal and SIGTERM race otherwise.
fn pre_stop(graph: &Graph, service: ServiceView<'_>, facts: &Facts) -> Number<u64> {
    if facts.shutdown.is_some() {
        let drain = facts.drain().map(Duration::seconds_up);
        return Number::written_or(drain.filter(|drain| *drain > 0), 0);
    }
    if !facts.promises() || service.ports().len() == 0 {
        return Number::engine(0);
    }
    Number::derived(forgotten(graph, service, true).time().seconds_up())
}

/// Until no balancer sends to a pod that is going.
fn forgotten(graph: &Graph, service: ServiceView<'_>, derived: bool) -> Term {
    let routed = graph
        .edges_to(service.id)
        .any(|(_, from)| from.node.gateway.is_some() && graph.runs_on(from, TargetId::Kubernetes));
    let mut terms = vec![Term::Fixed(NODE_RULES)];
    if routed {
        terms.push(Term::Fixed(CONTROLLER));
    }
    if derived {
        terms.push(Term::Fixed(SPARE));
    }
    Term::Sum(terms)
}

/// How long a pod may take to end. The API refuses a `preStop` that is as long or longer (`must be …
/// less than terminationGracePeriodSeconds`, seen), so that a long drain brings a longer time with
/// it.
fn grace(facts: &Facts, pre_stop: u64) -> Number<u64> {
    if let Some(written) = facts.grace() {
        return Number::written_or(Some(written.seconds_up()), GRACE);
    }
    if facts.shutdown.is_some() && pre_stop < GRACE {
        return Number::engine(GRACE);
    }
    if facts.shutdown.is_some() {
        return Number::derived(pre_stop.saturating_add(GRACE));
    }
    let needed = requests_end(facts, pre_stop, true);
    let needed = needed.map_or(0, |needed| needed.time().seconds_up());
    Number::derived_unless(needed.max(GRACE), &GRACE)
}

fn requests_end(facts: &Facts, pre_stop: u64, derived: bool) -> Option<Term> {
    let mut terms = vec![
        Term::Time("preStop", Duration::from_seconds(pre_stop)),
        Term::Time("longest_request", facts.longest_request?),
    ];
    if derived {
        terms.push(Term::Fixed(SPARE));
    }
    Some(Term::Sum(terms))
}
