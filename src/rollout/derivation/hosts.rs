//! A plain host's numbers: its scripts follow what is written, with the defaults of the reference.

use super::facts::Facts;
use super::{Inequality, Number, Origin, Relation, Setting, Term, keeps};
use crate::graph::{Graph, ServiceView};
use crate::rollout::hosts::{self, Policy};
use crate::types::Duration;
use crate::vocabulary::{Node, Order, Update};

const SCRIPTS: &str =
    "deploy.sh and switch.sh, which are written beside the configuration; our deploys under load";

/// Where the policy comes from as a whole.
pub(super) fn origin(service: ServiceView<'_>) -> Origin {
    from(service.node.service.update.is_some())
}

/// Every number with what it must satisfy.
pub(super) fn explain(graph: &Graph, service: ServiceView<'_>) -> Vec<Setting> {
    let facts = Facts::of(graph, service);
    let policy = hosts::policy(graph, service);
    let update = service.node.service.update.as_deref();
    let mut settings = replacing(&facts, &policy, update);
    settings.push(starting(&facts, &policy, service));
    settings.extend(stopping(&facts, &policy, service));
    settings
}

fn from(written: bool) -> Origin {
    if written {
        Origin::Written
    } else {
        Origin::Language
    }
}

fn number<T>(value: T, written: bool) -> Number<T> {
    Number {
        value,
        origin: from(written),
    }
}

fn replacing(facts: &Facts, policy: &Policy, update: Option<&Node<Update>>) -> Vec<Setting> {
    let has = |pick: fn(&Update) -> bool| update.is_some_and(|it| pick(it));
    let kind = if policy.blue_green {
        "blue_green"
    } else if policy.canary {
        "canary"
    } else {
        "rolling"
    };
    let (order, left): (_, fn(Term) -> Term) = match policy.order {
        Order::StartFirst => ("start_first", |replicas| replicas),
        Order::StopFirst => ("stop_first", |replicas| {
            Term::without(replicas, Term::Number(1))
        }),
    };
    let probes = |each: Term| {
        let but_one = Term::without(
            Term::Count("retries", policy.judgement.retries),
            Term::Number(1),
        );
        Term::times(but_one, each)
    };
    let interval = Term::Time("interval", policy.judgement.interval);
    let timeout = Term::Time("timeout", policy.judgement.timeout);
    // A switch asks while it waits, slot after slot waits while it asks.
    let (name, waits, judged) = if policy.blue_green {
        let each = if timeout.value() > interval.value() {
            timeout
        } else {
            interval
        };
        ("monitor", policy.monitor, probes(each))
    } else if policy.delay > policy.monitor && !policy.canary {
        (
            "delay",
            policy.delay,
            probes(Term::Sum(vec![interval, timeout])),
        )
    } else {
        (
            "monitor",
            policy.monitor,
            probes(Term::Sum(vec![interval, timeout])),
        )
    };
    let checked = facts.health.is_some() && facts.promises();
    let verdict =
        checked.then(|| Inequality::new(Term::Time(name, waits), Relation::AtLeast, judged));
    let (of_delay, of_monitor) = if name == "delay" {
        (verdict, None)
    } else {
        (None, verdict)
    };
    vec![
        Setting::new("update", &number(kind, update.is_some())).because(
            if policy.blue_green {
                "the new version starts in the idle slot, and one include is switched to it"
            } else if policy.canary {
                "the new version starts in a free slot and is watched; then one slot after the other \
                 is replaced"
            } else {
                "one slot after the other is taken out, replaced and brought in"
            },
            SCRIPTS,
        ),
        Setting::new("update.order", &number(order, has(|it| it.order.is_some())))
            .must(keeps(facts, facts.update, left))
            .because(
                "a slot that is free takes the new version first; without one the old goes first",
                SCRIPTS,
            ),
        Setting::new(
            "update.delay",
            &number(policy.delay, has(|it| it.delay.is_some())),
        )
        .must(of_delay)
        .because("the wait after each slot", SCRIPTS),
        Setting::new(
            "update.monitor",
            &number(policy.monitor, has(|it| it.monitor.is_some())),
        )
        .must(of_monitor)
        .because(
            if policy.canary {
                "the first new slot is asked at least so long before the others follow: the last probe \
                 that makes it fail must begin by then"
            } else {
                "a new slot is asked at least so long after it was brought in: the last probe that \
                 makes it fail must begin by then"
            },
            SCRIPTS,
        ),
        Setting::new(
            "update.on_failure",
            &number(policy.on_failure.word(), has(|it| it.on_failure.is_some())),
        )
        .because("what a slot that fails does to the others", SCRIPTS),
    ]
}

fn starting(facts: &Facts, policy: &Policy, service: ServiceView<'_>) -> Setting {
    let judgement = policy.judgement;
    let start = Term::Time("start_period", judgement.start_period);
    let patience = Term::Sum(vec![
        start,
        Term::times(
            Term::Count("retries", judgement.retries),
            Term::Sum(vec![
                Term::Time("interval", judgement.interval),
                Term::Time("timeout", judgement.timeout),
            ]),
        ),
    ]);
    let must = facts.startup.map(|startup| {
        Inequality::new(patience, Relation::AtLeast, Term::Time("startup", startup))
    });
    let health = service.node.service.health.as_ref();
    let written = health.is_some_and(|health| health.start_period.is_some());
    let wants = must
        .is_none()
        .then_some("`timing { startup = … }`: without it nothing says how long a start may take");
    let start = Number {
        value: judgement.start_period,
        origin: match facts.startup {
            Some(_) if !written => Origin::Derived,
            _ => from(written),
        },
    };
    Setting::new("health.start_period", &start)
        .must(must)
        .because(
            "a slot that is not healthy by then is given up, and the old one goes on",
            SCRIPTS,
        )
        .wants(wants)
}

fn stopping(facts: &Facts, policy: &Policy, service: ServiceView<'_>) -> [Setting; 2] {
    let written = |pick: fn(&super::facts::Shutdown) -> Option<Duration>| {
        facts.shutdown.as_ref().is_some_and(|it| pick(it).is_some())
    };
    let longest = facts
        .longest_request
        .map(|longest| Term::Time("longest_request", longest));
    let timing = service.node.service.timing.as_ref();
    let limit = timing.and_then(|timing| Some(timing.graceful_limit.as_ref()?.value));
    let ends = limit.map(|limit| Term::Time("graceful_limit", limit));
    let law = |name, value, least: Option<Term>| {
        let value = Term::Time(name, value);
        least.map(|least| Inequality::new(value, Relation::AtLeast, least))
    };
    let wants = longest.is_none().then_some(
        "`timing { longest_request = … }`: without it nothing says how long a request may take",
    );
    [
        Setting::new(
            "shutdown.drain",
            &number(policy.drain, written(|it| it.drain)),
        )
        .must(law("drain", policy.drain, longest.clone()))
        .because(
            "nginx passes nothing on to the slot any more: its requests have so long to end before \
             it is told to stop",
            SCRIPTS,
        )
        .wants(wants),
        Setting::new(
            "shutdown.grace",
            &number(policy.grace, written(|it| it.grace)),
        )
        .must(law("grace", policy.grace, ends.or(longest)))
        .because("it is killed so long after the signal", SCRIPTS),
    ]
}
