//! A swarm's policy: `update_config`, `rollback_config`, and the times around a task's life.

mod explain;

pub(super) use explain::{explain, takes};

use super::facts::{Check, Facts, Promised};
use super::{Late, Number, Origin, Policy, Term, has_single_writer, is_derived};
use crate::graph::{Graph, ServiceView};
use crate::rollout::ways::{self, Way};
use crate::types::{Duration, Percent};
use crate::vocabulary::{FailureAction, Node, Order, Rollback, Update};

/// Swarm's own defaults (swarmkit `api/defaults/service.go`).
const ENGINE: Direction = Direction {
    order: engine(Order::StopFirst),
    parallelism: engine(1),
    delay: engine(Duration::from_millis(0)),
    monitor: engine(Duration::from_seconds(5)),
    max_failure_ratio: engine(Percent { thousandths: 0 }),
    on_failure: engine(FailureAction::Pause),
};
/// As for [`ENGINE`].
const GRACE: Duration = Duration::from_seconds(10);
/// Between a task's leaving the name server and its signal (moby
/// `daemon/cluster/executor/container/controller.go`, `defaultGossipConvergeDelay`; 3.0 to 3.4 s
/// after it is told to stop in our traces).
const LEAVING: Duration = Duration::from_seconds(2);
/// Until the manager has heard of a task's end: 2.1 s at most in our traces.
const REPORT: Duration = Duration::from_seconds(3);
/// From a task's being told to stop to its signal, at most, in our traces.
const UNTIL_SIGNAL: Duration = Duration::from_millis(3_400);
/// What a derived time has to spare.
const SPARE: Duration = Duration::from_seconds(1);

const fn engine<T>(value: T) -> Number<T> {
    Number {
        value,
        origin: Origin::Engine,
    }
}

/// One way of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// Which goes first.
    pub order: Number<Order>,
    /// How many at once; 0 is all.
    pub parallelism: Number<u64>,
    /// The wait after each.
    pub delay: Number<Duration>,
    /// How long a failure counts.
    pub monitor: Number<Duration>,
    /// The share of failures that is tolerated.
    pub max_failure_ratio: Number<Percent>,
    /// What a failure does.
    pub on_failure: Number<FailureAction>,
}

/// The numbers of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swarm {
    /// Where the policy comes from as a whole.
    pub origin: Origin,
    /// How the new version comes.
    pub update: Direction,
    /// How the old version comes back. It is not the update's: what is left out is the engine's
    /// default (`docs.docker.com`, compose deploy `rollback_config`; our own traces of a start-first
    /// service without it).
    pub rollback: Direction,
    /// How long until a task is killed.
    pub grace: Number<Duration>,
    /// How long failures do not count after a start; `None` without a check.
    pub start_period: Option<Number<Duration>>,
    drain: Duration,
}

impl Swarm {
    pub(super) fn policy(&self) -> Policy {
        Policy {
            origin: self.origin,
            update: Way::Slots(ways::policy(&self.update)),
            rollback: Way::Slots(ways::policy(&self.rollback)),
            grace: self.grace.value,
            drain: self.drain,
        }
    }
}

/// Decides every number of a service's policy.
pub fn numbers(graph: &Graph, service: ServiceView<'_>) -> Swarm {
    let facts = Facts::of(graph, service);
    let grace = grace(&facts);
    let (origin, update, rollback) = match &service.node.service.update {
        Some(update) if update.label.name() == "recreate" => {
            let all = Direction {
                order: written(Order::StopFirst),
                parallelism: written(0),
                ..ENGINE
            };
            (Origin::Written, all, ENGINE)
        }
        Some(update) if update.label.name() == "canary" => (
            Origin::Written,
            canary_of(update),
            way_back_of_canary(update),
        ),
        Some(update) => (Origin::Written, update_of(update), rollback_of(update)),
        None => match facts.health.filter(|_| is_derived(graph, service, &facts)) {
            Some(check) => {
                let (update, rollback) = derived(&facts, check, grace.value);
                (Origin::Derived, update, rollback)
            }
            // The engine's default written out where it must stay: two at once would both write to
            // one volume.
            None if has_single_writer(graph, service) => {
                let in_place = Direction {
                    order: Number::derived(Order::StopFirst),
                    ..ENGINE
                };
                (Origin::Engine, in_place, ENGINE)
            }
            None => (Origin::Engine, ENGINE, ENGINE),
        },
    };
    Swarm {
        origin,
        update,
        rollback,
        grace,
        start_period: facts.health.map(|check| start_period(&facts, check)),
        drain: facts.drain().unwrap_or_default(),
    }
}

/// How long nothing may move while a service is updated or goes back, where nothing is wrong: a task ends and the next one
/// starts, and after the last of them come its `delay` and the time for which the end of the update is monitored, which is
/// longer than the delay (`models::swarm`).
pub fn standstill(graph: &Graph, service: ServiceView<'_>) -> Duration {
    let numbers = numbers(graph, service);
    let facts = Facts::of(graph, service);
    let asked = facts.health.map(|check| {
        let verdict = check.interval.plus(check.timeout).times(check.retries);
        verdict.plus(
            numbers
                .start_period
                .map_or(Duration::default(), |it| it.value),
        )
    });
    let starts = facts.startup.max(asked).unwrap_or_default();
    let waits = |way: &Direction| way.delay.value.plus(way.delay.value.max(way.monitor.value));
    let waits = waits(&numbers.update).max(waits(&numbers.rollback));
    numbers.grace.value.plus(starts).plus(waits)
}

/// Why a version that turns bad would be found too late.
pub(super) fn late(graph: &Graph, service: ServiceView<'_>) -> Vec<Late> {
    let facts = Facts::of(graph, service);
    let numbers = numbers(graph, service);
    let Some(check) = facts.health else {
        return Vec::new();
    };
    let update = &numbers.update;
    let replicas = facts.replicas.least.max(2);
    let at_once = match update.parallelism.value {
        0 => replicas,
        some => some,
    };
    if at_once >= replicas {
        return vec![Late::all_at_once(at_once, replicas)];
    }
    let verdict = verdict(check, numbers.grace.value);
    let tolerated = explain::tolerated(&facts, update);
    let times = [("delay", update.delay), ("monitor", update.monitor)];
    let mut late: Vec<Late> = times
        .into_iter()
        .filter_map(|(name, time)| Late::shorter(name, Term::Time(name, time.value), &verdict))
        .collect();
    if !tolerated.holds() {
        late.push(Late {
            name: "max_failure_ratio",
            needed: None,
            law: tolerated,
        });
    }
    late
}

fn written<T>(value: T) -> Number<T> {
    Number {
        value,
        origin: Origin::Written,
    }
}

fn update_of(update: &Node<Update>) -> Direction {
    Direction {
        order: or(update.order.as_ref().map(|it| it.value), ENGINE.order),
        parallelism: or(
            update.parallelism.as_ref().map(|it| it.value.get()),
            ENGINE.parallelism,
        ),
        delay: or(update.delay.as_ref().map(|it| it.value), ENGINE.delay),
        monitor: or(update.monitor.as_ref().map(|it| it.value), ENGINE.monitor),
        max_failure_ratio: or(
            update.max_failure_ratio.as_ref().map(|it| it.value),
            ENGINE.max_failure_ratio,
        ),
        on_failure: or(
            update.on_failure.as_ref().map(|it| it.value),
            ENGINE.on_failure,
        ),
    }
}

/// An update has one `delay` for all instances: each is watched as the first is.
fn canary_of(update: &Node<Update>) -> Direction {
    let plain = update_of(update);
    let word = |value| Number {
        value,
        origin: Origin::Language,
    };
    Direction {
        order: match plain.order.origin {
            Origin::Engine => word(Order::StartFirst),
            _ => plain.order,
        },
        delay: Number {
            value: plain.delay.value.max(plain.monitor.value),
            origin: Origin::Written,
        },
        on_failure: match plain.on_failure.origin {
            Origin::Engine => Number {
                value: FailureAction::Rollback,
                origin: Origin::Language,
            },
            _ => plain.on_failure,
        },
        ..plain
    }
}

/// The canary is one more: when it goes, nothing is missing, and what followed it goes in the same way.
fn way_back_of_canary(update: &Node<Update>) -> Direction {
    let order = Number {
        value: Order::StartFirst,
        origin: Origin::Language,
    };
    match update.rollback {
        Some(_) => rollback_of(update),
        None => Direction { order, ..ENGINE },
    }
}

fn rollback_of(update: &Node<Update>) -> Direction {
    let Some(rollback): Option<&Node<Rollback>> = update.rollback.as_deref() else {
        return ENGINE;
    };
    Direction {
        order: or(rollback.order.as_ref().map(|it| it.value), ENGINE.order),
        parallelism: or(
            rollback.parallelism.as_ref().map(|it| it.value.get()),
            ENGINE.parallelism,
        ),
        delay: or(rollback.delay.as_ref().map(|it| it.value), ENGINE.delay),
        monitor: or(rollback.monitor.as_ref().map(|it| it.value), ENGINE.monitor),
        max_failure_ratio: or(
            rollback.max_failure_ratio.as_ref().map(|it| it.value),
            ENGINE.max_failure_ratio,
        ),
        on_failure: or(
            rollback.on_failure.as_ref().map(|it| it.value),
            ENGINE.on_failure,
        ),
    }
}

fn or<T>(written: Option<T>, engine: Number<T>) -> Number<T> {
    Number::written_or(written, engine.value)
}

/// The least surge that keeps the promise, one at a time, each judged before the next. The way back
/// starts first even where the update may stop first: after a failure one is missing already.
fn derived(facts: &Facts, check: Check, grace: Duration) -> (Direction, Direction) {
    let wait = verdict(check, grace).time();
    let update = Direction {
        order: Number::derived_unless(order(facts, facts.update), &ENGINE.order.value),
        parallelism: Number::derived(1),
        delay: Number::derived(wait),
        monitor: Number::derived_unless(wait, &ENGINE.monitor.value),
        on_failure: Number::derived(FailureAction::Rollback),
        ..ENGINE
    };
    let back = if in_place_only(facts, facts.rollback) {
        Order::StopFirst
    } else {
        Order::StartFirst
    };
    let rollback = Direction {
        order: Number::derived_unless(back, &ENGINE.order.value),
        parallelism: Number::derived(1),
        ..ENGINE
    };
    (update, rollback)
}

/// Where the promise leaves one to spare, it is updated in place; where nobody said how many may be
/// missing, none is.
fn order(facts: &Facts, floors: [u64; 2]) -> Order {
    let stated = facts.promise == Promised::Stated && facts.spares_one(floors);
    if stated || in_place_only(facts, floors) {
        Order::StopFirst
    } else {
        Order::StartFirst
    }
}

/// A port of the node itself is taken as long as the old task has it: a new one is placed only on
/// a node that has none, and an update that finds no such node waits for ever. Of a global service there is
/// none, whatever it promises.
fn in_place_only(facts: &Facts, floors: [u64; 2]) -> bool {
    facts.alone_on_its_node() || facts.host_port && facts.spares_one(floors)
}

/// The longest time from a task's first success to its being counted as failed: until the check has
/// failed so often, until the engine has stopped the task, until the manager has heard of it.
fn verdict(check: Check, grace: Duration) -> Term {
    Term::Sum(vec![
        Term::times(
            Term::Count("retries", check.retries),
            Term::Sum(vec![
                Term::Time("interval", check.interval),
                Term::Time("timeout", check.timeout),
            ]),
        ),
        Term::Fixed(LEAVING),
        Term::Time("stop_grace_period", grace),
        Term::Fixed(REPORT),
    ])
}

fn grace(facts: &Facts) -> Number<Duration> {
    if facts.shutdown.is_some() || !facts.promises() {
        return Number::written_or(facts.grace(), GRACE);
    }
    let needed = requests_end(facts, true).map_or(GRACE, |needed| needed.time());
    Number::derived_unless(needed.max(GRACE), &GRACE)
}

/// What a task still has to do when it is told to stop.
fn requests_end(facts: &Facts, derived: bool) -> Option<Term> {
    let mut terms = vec![
        Term::Time("drain", facts.drain().unwrap_or_default()),
        Term::Time("longest_request", facts.longest_request?),
    ];
    if derived {
        terms.push(Term::Fixed(SPARE));
    }
    Some(Term::Sum(terms))
}

/// Short of it, the checks that fail while a slow start goes on would be counted, and the task
/// killed before it could serve.
fn start_period(facts: &Facts, check: Check) -> Number<Duration> {
    if let Some(written) = check.start_period {
        return self::written(written);
    }
    let needed = facts.startup.map_or(Duration::default(), |startup| {
        let needed = starts(startup, check).time();
        Duration::from_seconds(needed.seconds_up())
    });
    Number::derived_unless(needed, &Duration::default())
}

fn starts(startup: Duration, check: Check) -> Term {
    Term::without(
        Term::Time("startup", startup),
        Term::times(
            Term::without(Term::Count("retries", check.retries), Term::Number(1)),
            Term::Time("interval", check.interval),
        ),
    )
}

/// How Compose writes it.
pub fn word(order: Order) -> &'static str {
    match order {
        Order::StartFirst => "start-first",
        Order::StopFirst => "stop-first",
    }
}

/// How Compose writes it: a share of one.
pub fn share(ratio: Percent) -> f64 {
    // At most 100,000 in every sensible program, and then exact.
    f64::from(u32::try_from(ratio.thousandths).unwrap_or(u32::MAX)) / 100_000.0
}
