//! Nodes that are emptied: where `availability` says that its promise holds through a drain, it must.
//!
//! Rows K05, K18 and K19 of the catalogue of faults. A service that does not speak of drains gets what the target can
//! do, and the table of `zdc check` says how many that leaves.

use super::promises::{Case, are, instances};
use super::rehearsal::{Scene, Searches, rehearse};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::vocabulary::{Disturbance, TargetId};

/// A drain that leaves fewer than were promised through it.
pub(super) fn check(case: &Case<'_>, searches: &mut Searches) -> Option<Diagnostic> {
    let availability = case.service.node.service.availability.as_ref()?;
    let through = availability.through.as_ref()?;
    let drain = through
        .value
        .iter()
        .find(|through| through.value == Disturbance::Drain)?;
    let (graph, service) = (case.graph, case.service);
    // A drain leaves the pods of a `DaemonSet` alone.
    if case.target == TargetId::Kubernetes && graph.is_global(service) {
        return None;
    }
    let rehearsal = rehearse(graph, service, case.target, Scene::Drain, searches).ok()?;
    if rehearsal.keeps() {
        return None;
    }
    let name = service.name();
    let text = format!(
        "a drain leaves {} of {} of `{name}` serving, and {} promised",
        rehearsal.least,
        instances(rehearsal.replicas),
        are(rehearsal.promised)
    );
    let enough = rehearsal.promised.saturating_add(1);
    let (how, help) = match case.target {
        TargetId::Swarm => (
            "all tasks of a node are told to stop at once",
            format!(
                "write `placement {{ max_per_node = 1 }}` and run at least {enough} replicas on as many nodes; or leave \
                 `drain` out of `through`"
            ),
        ),
        _ => (
            "a pod is evicted before another one takes its place",
            format!("run at least {enough} replicas, or leave `drain` out of `through`"),
        ),
    };
    let diagnostic =
        Diagnostic::new(&catalogue::DRAIN_BELOW_PROMISE, text, drain.span).labelled(how);
    Some(
        case.with_worst(diagnostic, &rehearsal)
            .help(help)
            .about(name),
    )
}
