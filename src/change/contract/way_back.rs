//! The way back from a step: a rollback starts the version that was there before, by the rules that
//! came with it, and puts back what it knows of and nothing else.
//!
//! swarmkit `manager/orchestrator/update/updater.go`, `rollbackUpdate`: the previous spec is put back
//! first, then replaced under its own `rollback_config`. So one that is written now counts from the
//! next deploy on. A plain host goes back by the scripts of the release before (`rollback.sh`). Kubernetes
//! goes back by the strategy that is there, since only the pod template is put back
//! (kubernetes.io/docs/concepts/workloads/controllers/deployment, "Rolling Back a Deployment").

use super::undo::{self, Cut};
use super::{Both, Step, endpoints, place};
use crate::change::{Change, Effect};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, Promise, ServiceView};
use crate::rollout::{Way, derivation, hosts};
use crate::source::Span;
use crate::vocabulary::{Disturbance, TargetId};
use std::collections::{BTreeMap, BTreeSet};

/// A rollback of this very step that keeps less than is promised, though the next one's would not.
pub(super) fn below_promise(step: &Step<'_>, found: &mut Diagnostics) {
    for target in [TargetId::Swarm, TargetId::Nginx] {
        each(step, &[target], |both, (old, new)| {
            let promise = new.promise(both.new);
            if !promise.covers(Disturbance::Rollback) {
                return;
            }
            let replicas = old.replicas(both.old).least;
            let floor = promise.floor(new.replicas(both.new).least).max(1);
            let least = |graph, view| match target {
                TargetId::Nginx => hosts::least_serving(graph, view),
                _ => derivation::policy(graph, view, target)
                    .map(|policy| kept(graph, view, policy.rollback, replicas)),
            };
            let (Some(now), Some(next)) = (least(old, both.old), least(new, both.new)) else {
                return;
            };
            if now < floor && next >= floor {
                found.push(too_late(both, now, floor));
            }
        });
    }
}

/// A version without a health check to go back to, from one that has one.
pub(super) fn unchecked(step: &Step<'_>, found: &mut Diagnostics) {
    let targets = [TargetId::Swarm, TargetId::Kubernetes, TargetId::Nginx];
    each(step, &targets, |both, (_, new)| {
        let promised = matches!(new.promise(both.new), Promise::Capacity { .. });
        if promised && both.new.has_health_check() && !both.old.has_health_check() {
            found.push(no_check(both));
        }
    });
}

/// What of a step on Kubernetes `kubectl rollout undo` does not take back: it knows of pod templates alone.
pub(super) fn outlives_undo(step: &Step<'_>, found: &mut Diagnostics) {
    let mut of_service: BTreeMap<&str, Vec<&Change>> = BTreeMap::new();
    for change in step.on(TargetId::Kubernetes) {
        if let Some(name) = change.service.as_deref() {
            of_service.entry(name).or_default().push(change);
        }
    }
    let cut = undo::cut(step);
    let renamed = endpoints::asked(step);
    for (name, changes) in of_service {
        let mut stays: Vec<String> = Vec::new();
        let cut = cut.iter().filter(|cut| cut.by == name);
        let mut cut: Vec<String> = cut.map(cut_off).collect();
        let renamed = renamed.iter().filter(|it| it.service() == name);
        cut.extend(renamed.map(|it| it.undone()));
        // Callers go back also where the pods of the callee are those that were there.
        let mut span = (!cut.is_empty())
            .then(|| changes.first().map(|change| place(change)))
            .flatten();
        for change in changes {
            let fields = change.fields.iter();
            let fields = fields.filter(|field| outlives(&change.kind, &field.path));
            let paths: Vec<&str> = fields.map(|field| &*field.path).collect();
            if change.effect.replaces() {
                span = Some(place(change));
            }
            if change.effect == Effect::Created && stands_beside(&change.kind) {
                stays.push(format!("new {} `{}`", change.kind, change.name));
            } else if !paths.is_empty() {
                stays.push(format!(
                    "{} `{}`: `{}`",
                    change.kind,
                    change.name,
                    paths.join("`, `")
                ));
            }
        }
        if let Some(span) = span.filter(|_| !stays.is_empty()) {
            let stays = stays.iter();
            let stays = stays.map(|stays| format!("stays as it is now: {stays}"));
            let notes: Vec<String> = stays.chain(cut).collect();
            found.push(left_as_new(name, &notes, span));
        }
    }
}

/// Whether a field of what belongs to a service serves its pods, and is none of their template.
fn outlives(kind: &str, path: &str) -> bool {
    match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" => {
            path.starts_with("spec.") && !path.starts_with("spec.template")
        }
        _ => stands_beside(kind) && path.starts_with("spec."),
    }
}

/// Whether an object of this kind serves a service's pods, and is none of its workloads.
fn stands_beside(kind: &str) -> bool {
    matches!(
        kind,
        "Service" | "HorizontalPodAutoscaler" | "PodDisruptionBudget" | "NetworkPolicy"
    )
}

/// Every service that is replaced on one of the targets, in both programs.
fn each<'a>(
    step: &Step<'a>,
    targets: &[TargetId],
    mut judge: impl FnMut(Both<'a>, (&'a Graph, &'a Graph)),
) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    let rolling: BTreeSet<&str> = targets.iter().flat_map(|of| step.rolling(*of)).collect();
    for name in rolling {
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

fn cut_off(cut: &Cut<'_>) -> String {
    format!(
        "so once both are back, `{}` of before gets no answer from `{}` of before: `steps.sh --back` refuses without `--before`",
        cut.caller, cut.callee
    )
}

fn left_as_new(name: &str, notes: &[String], span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::OUTLIVES_UNDO,
        format!(
            "`kubectl rollout undo` and `rollback.sh` take the pods of `{name}` back, and leave the rest of this step"
        ),
        span,
    );
    let notes = notes.iter().cloned();
    notes
        .fold(diagnostic, Diagnostic::note)
        .help("to take all of it back, apply the manifests of the revision before")
        .about(name)
}
