//! A swarm's numbers, each with what it must satisfy and why.

use super::{
    Direction, LEAVING, SPARE, Swarm, UNTIL_SIGNAL, numbers, requests_end, share, starts, verdict,
    word,
};
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation::facts::Facts;
use crate::rollout::derivation::{
    Inequality, Number, Origin, Relation, Setting, Term, keeps, nginx,
};
use crate::types::{Duration, Percent};
use crate::vocabulary::{Endpoint, FailureAction, Order};

/// How long the kernel keeps an idle connection through a virtual address (IPVS, `/proc/sys/net/ipv4/vs`).
const IDLE_THROUGH_VIP: Duration = Duration::from_seconds(900);
const UPDATER: &str =
    "swarmkit manager/orchestrator/update/updater.go; our traces of updates on a real swarm";
const DEFAULTS: &str = "swarmkit api/defaults/service.go; our traces";
const HEALTH: &str = "docs.docker.com/reference/dockerfile/#healthcheck; moby daemon/health.go";

/// Every number with what it must satisfy.
pub(in crate::rollout::derivation) fn explain(
    graph: &Graph,
    service: ServiceView<'_>,
) -> Vec<Setting> {
    let facts = Facts::of(graph, service);
    let numbers = numbers(graph, service);
    let mut settings = direction(&facts, &numbers);
    settings.extend(back(&facts, &numbers));
    settings.push(stopping(&facts, &numbers));
    settings.extend(draining(graph, service, &facts));
    settings.extend(idle(service, &facts));
    settings.extend(starting(&facts, &numbers));
    settings
}

fn direction(facts: &Facts, numbers: &Swarm) -> Vec<Setting> {
    let update = &numbers.update;
    // Where nothing is promised nothing has to be found out in time.
    let verdict = facts
        .health
        .filter(|_| facts.promises())
        .map(|check| verdict(check, numbers.grace.value));
    let wants = facts
        .health
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
                match update.order.value {
                    Order::StartFirst => {
                        "so many at once: the room that is used beside the replicas, and what a bad \
                         version takes at most"
                    }
                    Order::StopFirst => {
                        "so many at once: what is missing meanwhile, and what a bad version takes at \
                         most"
                    }
                },
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
            (_, true) if facts.global => {
                Some("a port of the swarm: each node runs one, which has the node's own until it has gone")
            }
            (true, _) => {
                Some("a `health` check: without one a task counts as soon as its process exists")
            }
            (false, true) => Some(
                "more nodes than replicas: the port of a node is taken until its task has gone",
            ),
            (false, false) => None,
        })
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

pub(super) fn tolerated(facts: &Facts, update: &Direction) -> Inequality {
    let ratio = update.max_failure_ratio.value;
    let tolerated = Term::Count("failures tolerated", ratio.of_down(facts.replicas.most));
    Inequality::new(tolerated, Relation::AtMost, Term::Number(0))
}

fn back(facts: &Facts, numbers: &Swarm) -> Vec<Setting> {
    let rollback = &numbers.rollback;
    vec![
        order_of("rollback_config.order", facts, facts.rollback, rollback),
        Setting::new("rollback_config.parallelism", &rollback.parallelism)
            .because("so many at once on the way back", UPDATER),
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
    let cached = facts.dns_cache.map(|cached| {
        let cached = Term::Time("dns_cache", cached);
        Term::Sum(vec![cached, Term::Fixed(SPARE)])
    });
    let valid = nginx::reaches(graph, service).then(nginx::forgets);
    let forgotten = cached.into_iter().chain(valid);
    must.extend(forgotten.map(|until| Inequality::new(left(), Relation::AtLeast, until)));
    if let (Some(idle), true) = (facts.pool_idle, facts.drain().is_some()) {
        let idle = Term::Time("pool_idle", idle);
        let drain = Term::Time("drain", drain);
        must.push(Inequality::new(drain, Relation::MoreThan, idle));
    }
    let known = !must.is_empty() || facts.drain().is_some();
    known.then(|| {
        Setting::new("shutdown.drain", &number)
            .must(must)
            .because(
                "the program's own: it goes on accepting for so long after the signal, while \
                 callers forget its address; that comes two seconds after the address is gone",
                "moby daemon/cluster/executor/container/controller.go; our load tests of updates",
            )
            .wants((facts.drain().is_none()).then_some(nginx::DRAINS))
    })
}

/// What others keep open to this service, through its virtual address.
fn idle(service: ServiceView<'_>, facts: &Facts) -> Option<Setting> {
    let endpoint = service.node.service.endpoint.as_ref();
    let by_name = endpoint.is_some_and(|endpoint| endpoint.value == Endpoint::DnsRoundRobin);
    let idle = facts.pool_idle.filter(|_| !by_name)?;
    let number = Number::written_or(Some(idle), idle);
    let kept = Term::Fixed(IDLE_THROUGH_VIP);
    let law = Inequality::new(Term::Time("pool_idle", idle), Relation::LessThan, kept);
    Some(Setting::new("timing.pool_idle", &number).must([law]).because(
        "the kernel forgets a connection through a virtual address that is idle for so long, and the next request on it gets no answer",
        "moby #31208; docs.docker.com, swarm networking",
    ))
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

/// About how long an update takes: each slot until its first probe and its verdict, and at the end
/// the time in which a failure still counts (our traces). `None` where all go at once or nothing is
/// probed.
pub(in crate::rollout::derivation) fn takes(
    graph: &Graph,
    service: ServiceView<'_>,
) -> Option<Term> {
    let facts = Facts::of(graph, service);
    let update = numbers(graph, service).update;
    let (delay, monitor) = (update.delay.value, update.monitor.value);
    let waited = if monitor > delay {
        vec![Term::Time("monitor", monitor)]
    } else {
        vec![Term::Time("delay", delay), Term::Fixed(SPARE)]
    };
    let rounds = match update.parallelism.value {
        0 => return None,
        1 => Term::Count("replicas", facts.replicas.default),
        at_once => Term::covering(
            Term::Count("replicas", facts.replicas.default),
            Term::Count("parallelism", at_once),
        ),
    };
    let each = Term::Sum(vec![
        Term::Time("interval", facts.health?.interval),
        Term::Fixed(SPARE),
        Term::Time("delay", delay),
    ]);
    let mut all = vec![Term::times(rounds, each), Term::Time("delay", delay)];
    all.extend(waited);
    Some(Term::Sum(all))
}
