//! The instances that a step stops: they end as the version before does, whatever the new one is said to do.
//!
//! On a swarm a task leaves its service's addresses two seconds before it gets its signal (moby
//! `daemon/cluster/executor/container/controller.go`, `defaultGossipConvergeDelay`); on Kubernetes the signal and the
//! removal from endpoints race (kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, "Termination of Pods"). What
//! comes on connections that are kept is the program's to answer. On a plain host nothing is to be said: the scripts
//! wait until nothing asks a slot any more before they stop it.

use super::order::{Before, Ordered};
use super::{Both, Step, admissions};
use crate::change::Effect;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Edge, EdgeKind, Graph, Promise, ServiceView};
use crate::rollout::derivation;
use crate::source::Span;
use crate::types::Duration;
use crate::vocabulary::TargetId;
use std::collections::{BTreeMap, BTreeSet};

/// A version that goes on answering for no time, stopped by the step to one that is said to.
pub(super) fn undrained(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    let ends = |effect: Effect| effect.replaces() || effect == Effect::Renamed;
    let mut told = BTreeSet::new();
    for (target, change) in step.changes().filter(|(_, change)| ends(change.effect)) {
        let Some(name) = change
            .service
            .as_deref()
            .filter(|name| !told.contains(name))
        else {
            continue;
        };
        let Some(both) = step.both(name) else {
            continue;
        };
        let promised = matches!(new.promise(both.new), Promise::Capacity { .. });
        let Some(span) = drain(both.new).filter(|_| promised && drain(both.old).is_none()) else {
            continue;
        };
        // A cluster's pods have a `preStop` that was derived where nothing is written, and a plain host none to say.
        let policy = derivation::policy(old, both.old, target);
        if policy.is_some_and(|policy| policy.drain == Duration::default()) {
            told.insert(name);
            found.push(cut(both, span));
        }
    }
}

/// Who is asked for the first time goes before who asks: on Kubernetes its pods of before have no `preStop` for that, or one that is too
/// short for a gateway's controller, and nobody misses those that end while nobody asks yet.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let mut found = BTreeMap::new();
    for name in step.rolling(TargetId::Kubernetes) {
        let Some(both) = step.both(name).filter(|both| gains(old, new, *both)) else {
            continue;
        };
        for (edge, from) in new.edges_to(both.new.id) {
            if let Some(why) = comes_to_ask(step, (old, new), both, (edge, from)) {
                let before = Before {
                    first: both.new.name(),
                    then: from.name(),
                };
                found.entry(before).or_insert(why);
            }
        }
    }
    let found = found.into_iter();
    found.map(|(before, why)| Ordered { before, why }).collect()
}

/// How long a pod of a service goes on serving after it was told to stop.
fn served_on(graph: &Graph, service: ServiceView<'_>) -> Duration {
    let policy = derivation::policy(graph, service, TargetId::Kubernetes);
    policy.map_or(Duration::default(), |policy| policy.drain)
}

/// Whether pods of the new version of a service serve on for longer, without a word of that in it.
fn gains(old: &Graph, new: &Graph, both: Both<'_>) -> bool {
    let written = both.new.node.service.shutdown.is_some();
    let ran = old.runs_on(both.old, TargetId::Kubernetes) && old.replicas(both.old).most > 0;
    !written && ran && served_on(old, both.old) < served_on(new, both.new)
}

/// Why somebody goes after a service for which it did not ask before.
fn comes_to_ask(
    step: &Step<'_>,
    (old, new): (&Graph, &Graph),
    both: Both<'_>,
    (edge, from): (&Edge, ServiceView<'_>),
) -> Option<Diagnostic> {
    let served = served_on(old, both.old);
    let before = old.find(step.pairs.before(from.name()));
    let asked = |before: ServiceView<'_>| {
        let mut edges = old.edges_to(both.old.id);
        edges.any(|(edge, from)| edge.kind != EdgeKind::After && from.id == before.id)
    };
    if from.id == both.new.id
        || !new.runs_on(from, TargetId::Kubernetes)
        || new.replicas(from).most == 0
        || before.is_some_and(asked)
    {
        return None;
    }
    let comes = match edge.kind {
        EdgeKind::After => false,
        EdgeKind::Calls => {
            let starts =
                before.is_none() || step.rolling(TargetId::Kubernetes).contains(from.name());
            starts && served == Duration::default()
        }
        EdgeKind::Routes => {
            before.is_some_and(|before| admissions::takes_over(old, (before, from), edge))
        }
    };
    comes.then(|| goes_first(both.new.name(), (from, edge), served))
}

fn goes_first(name: &str, (from, edge): (ServiceView<'_>, &Edge), served: Duration) -> Diagnostic {
    let caller = from.name();
    let asks = match edge.kind {
        EdgeKind::Routes => format!("the new `{caller}` leads to it"),
        _ => format!("the new `{caller}` asks for it"),
    };
    let have = if served == Duration::default() {
        "have no `preStop`".to_owned()
    } else {
        format!("have a `preStop` of {served}, which is too short for the controller of a gateway")
    };
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!("`{name}` goes first: {asks}, and the pods of before that this step stops {have}"),
        edge.span,
    )
    .help(format!(
        "deploy `{name}` with `{caller}` as it is, and `{caller}` once that is done: nobody misses pods that end while nobody asks yet"
    ))
    .about(name)
}

/// Where a service says how long it goes on accepting.
fn drain(service: ServiceView<'_>) -> Option<Span> {
    let shutdown = service.node.service.shutdown.as_ref()?;
    shutdown.drain.as_ref().map(|drain| drain.span)
}

fn cut(both: Both<'_>, span: Span) -> Diagnostic {
    let name = both.new.name();
    Diagnostic::new(
        &catalogue::UNDRAINED_OLD_VERSION,
        format!(
            "the instances of `{name}` that this step stops are of the version before, and it does not \
             say that it goes on answering after its signal"
        ),
        span,
    )
    .labelled("new in this step")
    .help(
        "where what runs drains already, accept it; else what is on its connections may be lost, this once: \
         from the next step on the instances that are stopped drain",
    )
    .about(name)
}
