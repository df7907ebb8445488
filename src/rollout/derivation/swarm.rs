//! A swarm's policy: `update_config`, `rollback_config`, and the times around a task's life.

use super::facts::{Check, Facts, Promised};
use super::{
    Inequality, Number, Origin, Policy, Relation, Setting, Term, has_single_writer, is_derived,
    keeps,
};
use crate::graph::{Graph, ServiceView};
use crate::rollout::capacity::Way;
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

impl Direction {
    fn way(&self) -> Way {
        Way::Slots {
            order: self.order.value,
            parallelism: self.parallelism.value,
        }
    }
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
            update: self.update.way(),
            rollback: self.rollback.way(),
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
/// a node that has none, and an update that finds no such node waits for ever.
fn in_place_only(facts: &Facts, floors: [u64; 2]) -> bool {
    facts.host_port && facts.spares_one(floors)
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

const UPDATER: &str =
    "swarmkit manager/orchestrator/update/updater.go; our traces of updates on a real swarm";
const DEFAULTS: &str = "swarmkit api/defaults/service.go; our traces";
const HEALTH: &str = "docs.docker.com/reference/dockerfile/#healthcheck; moby daemon/health.go";

/// Every number with what it must satisfy.
pub(super) fn explain(graph: &Graph, service: ServiceView<'_>) -> Vec<Setting> {
    let facts = Facts::of(graph, service);
    let numbers = numbers(graph, service);
    let mut settings = direction(&facts, &numbers);
    settings.extend(back(&facts, &numbers));
    settings.push(stopping(&facts, &numbers));
    settings.extend(draining(graph, service, &facts));
    settings.extend(starting(&facts, &numbers));
    settings
}

fn direction(facts: &Facts, numbers: &Swarm) -> Vec<Setting> {
    let update = &numbers.update;
    let verdict = facts
        .health
        .map(|check| verdict(check, numbers.grace.value));
    let wants = verdict
        .is_none()
        .then_some("a `health` check: without one only a process that ends is a failure");
    let waits = |name, value: Duration| {
        let verdict = verdict.clone()?;
        let least = Term::Time(name, value);
        Some(Inequality::new(least, Relation::AtLeast, verdict))
    };
    vec![
        order_of("update_config.order", facts, facts.update, update),
        Setting::new("update_config.parallelism", &update.parallelism)
            .must(surge(facts, numbers))
            .because(
                "one at a time: a bad version takes one instance at most, and this much room is \
                 used beside the replicas",
                UPDATER,
            ),
        Setting::new("update_config.delay", &update.delay)
            .must(waits("delay", update.delay.value))
            .because(
                "the next instance waits until a failure of this one would have been counted; \
                 `monitor` alone does not hold it back",
                HEALTH,
            )
            .wants(wants),
        Setting::new("update_config.monitor", &update.monitor)
            .must(waits("monitor", update.monitor.value))
            .because(
                "a failure later than this after the first success is not counted",
                UPDATER,
            )
            .wants(wants),
        Setting::new("update_config.failure_action", &action(update.on_failure)).because(
            match update.on_failure.value {
                FailureAction::Rollback => "a failure brings the previous version back",
                FailureAction::Pause => {
                    "a failure stops the update half-way, two versions serving, until somebody \
                     looks"
                }
                FailureAction::Continue => "a bad version replaces everything",
            },
            UPDATER,
        ),
        Setting::new(
            "update_config.max_failure_ratio",
            &ratio(update.max_failure_ratio),
        )
        .must([tolerated(facts, update)])
        .because("failures over updated tasks must exceed it", UPDATER),
    ]
}

/// The first condition of all: what serves while one is replaced.
fn order_of(name: &str, facts: &Facts, floors: [u64; 2], steps: &Direction) -> Setting {
    let (at_once, order) = (steps.parallelism.value, steps.order.value);
    let left = |replicas: Term| match (order, at_once) {
        (Order::StartFirst, _) => replicas,
        (Order::StopFirst, 0) => Term::without(replicas.clone(), replicas),
        (Order::StopFirst, _) if facts.global => Term::without(replicas.clone(), replicas),
        (Order::StopFirst, at_once) => Term::without(replicas, Term::Count("parallelism", at_once)),
    };
    let word = Number {
        value: word(order),
        origin: steps.order.origin,
    };
    let because = match order {
        Order::StartFirst => "the old task is told to stop when the new one has passed its check",
        Order::StopFirst if facts.host_port => {
            "the node's own port is free only when the old task has gone"
        }
        Order::StopFirst => "the old task stops first, and no room beside the replicas is needed",
    };
    let no_check = facts.health.is_none() && order == Order::StartFirst;
    let no_room = facts.host_port && order == Order::StartFirst;
    Setting::new(name, &word)
        .must(keeps(facts, floors, left))
        .because(because, UPDATER)
        .wants(match (no_check, no_room) {
            (true, _) => {
                Some("a `health` check: without one a task counts as soon as its process exists")
            }
            (false, true) => Some(
                "more nodes than replicas: the port of a node is taken until its task has gone",
            ),
            (false, false) => None,
        })
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

fn ratio(number: Number<Percent>) -> Number<f64> {
    Number {
        value: share(number.value),
        origin: number.origin,
    }
}

fn action(number: Number<FailureAction>) -> Number<&'static str> {
    Number {
        value: number.value.word(),
        origin: number.origin,
    }
}

/// How many are alive beside the replicas at most: those that start, and those that still end.
fn surge(facts: &Facts, numbers: &Swarm) -> Option<Inequality> {
    let update = &numbers.update;
    if update.order.value == Order::StopFirst {
        return None;
    }
    let each = facts.health.map_or(Duration::default(), |it| it.interval);
    let at_once = match update.parallelism.value {
        0 => Term::Count("replicas", facts.replicas.most),
        at_once => Term::Count("parallelism", at_once),
    };
    let alive = Term::times(
        at_once,
        Term::covering(
            Term::Sum(vec![
                Term::Fixed(UNTIL_SIGNAL),
                Term::Time("stop_grace_period", numbers.grace.value),
            ]),
            Term::Sum(vec![
                Term::Time("interval", each),
                Term::Time("delay", update.delay.value),
            ]),
        ),
    );
    let most = alive.value().min(facts.replicas.most);
    let bound = if most < alive.value() {
        Term::Count("replicas", facts.replicas.most)
    } else {
        alive
    };
    Some(Inequality::new(
        Term::Count("surge", most),
        Relation::AtLeast,
        bound,
    ))
}

fn tolerated(facts: &Facts, update: &Direction) -> Inequality {
    let ratio = update.max_failure_ratio.value;
    let tolerated = Term::Count("failures tolerated", ratio.of_down(facts.replicas.most));
    Inequality::new(tolerated, Relation::AtMost, Term::Number(0))
}

fn back(facts: &Facts, numbers: &Swarm) -> Vec<Setting> {
    let rollback = &numbers.rollback;
    vec![
        order_of("rollback_config.order", facts, facts.rollback, rollback),
        Setting::new("rollback_config.parallelism", &rollback.parallelism)
            .because("one at a time, as the update", UPDATER),
        Setting::new("rollback_config.delay", &rollback.delay).because(
            "the previous version is known to serve: the next need not wait for a verdict",
            UPDATER,
        ),
        Setting::new("rollback_config.monitor", &rollback.monitor).because(
            "how long a failure of the way back counts; it cannot be rolled back itself",
            UPDATER,
        ),
    ]
}

fn stopping(facts: &Facts, numbers: &Swarm) -> Setting {
    let grace = Term::Time("stop_grace_period", numbers.grace.value);
    let derived = numbers.grace.origin == Origin::Derived;
    let needed = requests_end(facts, derived);
    let wants = needed.is_none().then_some(
        "`timing { longest_request = … }`: without it nothing says that a request can end in time",
    );
    Setting::new("stop_grace_period", &numbers.grace)
        .must(needed.map(|needed| Inequality::new(grace, Relation::AtLeast, needed)))
        .because(
            "after the signal a task has this long; then it is killed, requests and all",
            DEFAULTS,
        )
        .wants(wants)
}

/// What the program does itself: it is in no file, and decides whether a request meets nobody.
fn draining(graph: &Graph, service: ServiceView<'_>, facts: &Facts) -> Option<Setting> {
    let drain = facts.drain().unwrap_or_default();
    let number = Number::written_or(facts.drain(), Duration::default());
    let left = || Term::Sum(vec![Term::Time("drain", drain), Term::Fixed(LEAVING)]);
    let mut must = Vec::new();
    let valid = super::nginx::reaches(graph, service).then_some(super::nginx::VALID);
    let caches = [
        facts.dns_cache.map(|it| ("dns_cache", it)),
        valid.map(|it| ("valid", it)),
    ];
    for (name, cached) in caches.into_iter().flatten() {
        let cached = Term::Sum(vec![Term::Time(name, cached), Term::Fixed(SPARE)]);
        must.push(Inequality::new(left(), Relation::AtLeast, cached));
    }
    if let (Some(idle), true) = (facts.pool_idle, facts.drain().is_some()) {
        let idle = Term::Time("pool_idle", idle);
        must.push(Inequality::new(
            idle,
            Relation::LessThan,
            Term::Time("drain", drain),
        ));
    }
    let known = !must.is_empty() || facts.drain().is_some();
    known.then(|| {
        Setting::new("shutdown.drain", &number).must(must).because(
            "the program's own: it goes on accepting for so long after the signal, while \
                 callers forget its address; that comes two seconds after the address is gone",
            "moby daemon/cluster/executor/container/controller.go; our load tests of updates",
        )
    })
}

fn starting(facts: &Facts, numbers: &Swarm) -> Option<Setting> {
    let (check, number) = facts.health.zip(numbers.start_period)?;
    let must = facts.startup.map(|startup| {
        let least = Term::Time("start_period", number.value);
        Inequality::new(least, Relation::AtLeast, starts(startup, check))
    });
    let wants = must
        .is_none()
        .then_some("`timing { startup = … }`: without it nothing says how long a start may take");
    Some(
        Setting::new("healthcheck.start_period", &number)
            .must(must)
            .because(
                "an instance that is still starting must not be counted as unhealthy: it would be \
                 killed, again and again",
                HEALTH,
            )
            .wants(wants),
    )
}
