//! The way back from a step: a rollback starts the version that was there before, by the rules that
//! came with it.
//!
//! swarmkit `manager/orchestrator/update/updater.go`, `rollbackUpdate`: the previous spec is put back
//! first, then replaced under its own `rollback_config`. So one that is written now counts from the
//! next deploy on.

use super::{Both, Step};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, Promise, ServiceView};
use crate::rollout::{Way, derivation};
use crate::vocabulary::{Disturbance, TargetId};

/// A rollback of this very step that keeps less than is promised, though the next one's would not.
pub(super) fn below_promise(step: &Step<'_>, found: &mut Diagnostics) {
    each(step, |both, (old, new)| {
        let promise = new.promise(both.new);
        if !promise.covers(Disturbance::Rollback) {
            return;
        }
        let replicas = old.replicas(both.old).least;
        let floor = promise.floor(new.replicas(both.new).least).max(1);
        let back = |graph, view| derivation::policy(graph, view, TargetId::Swarm);
        let (Some(was), Some(is)) = (back(old, both.old), back(new, both.new)) else {
            return;
        };
        let least = |way, graph: &Graph, view| kept(graph, view, way, replicas);
        let (now, next) = (
            least(was.rollback, old, both.old),
            least(is.rollback, new, both.new),
        );
        if now < floor && next >= floor {
            found.push(too_late(both, now, floor));
        }
    });
}

/// A version without a health check to go back to, from one that has one.
pub(super) fn unchecked(step: &Step<'_>, found: &mut Diagnostics) {
    each(step, |both, (_, new)| {
        let promised = matches!(new.promise(both.new), Promise::Capacity { .. });
        if promised && both.new.has_health_check() && !both.old.has_health_check() {
            found.push(no_check(both));
        }
    });
}

/// Every service that is replaced on a swarm, in both programs.
fn each<'a>(step: &Step<'a>, mut judge: impl FnMut(Both<'a>, (&'a Graph, &'a Graph))) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for name in step.rolling(TargetId::Swarm) {
        if let Some(both) = step.both(name) {
            judge(both, (old, new));
        }
    }
}

/// The fewest of so many replicas that serve while they are replaced in this way.
fn kept(graph: &Graph, view: ServiceView<'_>, way: Way, replicas: u64) -> u64 {
    // One a node: what happens on one happens on each.
    way.least_serving(if graph.is_global(view) {
        replicas.min(1)
    } else {
        replicas
    })
}

fn too_late(both: Both<'_>, now: u64, floor: u64) -> Diagnostic {
    let name = both.new.name();
    let update = both.new.node.service.update.as_ref();
    let span = update.map_or(both.new.span(), |update| update.span);
    Diagnostic::new(
        &catalogue::WAY_BACK_BELOW_PROMISE,
        format!(
            "a rollback of this step keeps {now} of `{name}` serving, and {floor} is promised: it goes by \
             the rules of the version before"
        ),
        span,
    )
    .labelled("this `rollback` counts from the next deploy on")
    .help("deploy the rules first, with the image as it is: nothing restarts for them; then the rest")
    .about(name)
}

fn no_check(both: Both<'_>) -> Diagnostic {
    let name = both.new.name();
    let health = both.new.node.service.health.as_ref();
    let span = health.map_or(both.new.span(), |health| health.span);
    Diagnostic::new(
        &catalogue::UNCHECKED_WAY_BACK,
        format!(
            "a rollback of this step takes `{name}` for serving as soon as its process runs: the version \
             before has no health check"
        ),
        span,
    )
    .labelled("new in this step")
    .help("deploy the check alone first, so that the version to go back to has one")
    .about(name)
}
