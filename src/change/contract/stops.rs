//! The instances that a step stops: they end as the version before does, whatever the new one is said to do.
//!
//! On a swarm a task leaves its service's addresses two seconds before it gets its signal (moby
//! `daemon/cluster/executor/container/controller.go`, `defaultGossipConvergeDelay`); on Kubernetes the signal and the
//! removal from endpoints race (kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, "Termination of Pods"). What
//! comes on connections that are kept is the program's to answer. On a plain host nothing is to be said: the scripts
//! wait until nothing asks a slot any more before they stop it.

use super::{Both, Step};
use crate::change::Effect;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Promise, ServiceView};
use crate::rollout::derivation;
use crate::source::Span;
use crate::types::Duration;
use std::collections::BTreeSet;

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
