//! Services that are there to end, such as a migration.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::Graph;
use crate::vocabulary::{FailureAction, RestartCondition, TargetId};

/// A version that ended well and goes back: a swarm takes what ends within `monitor` for what failed, however it
/// ended (seen on a real one: `tests/real/deploy.rs`; swarmkit `manager/orchestrator/update/updater.go`, which counts every
/// task past running).
pub(super) fn taken_back(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services_on(TargetId::Swarm) {
        let update = service.node.service.update.as_ref();
        let action = update.and_then(|update| update.on_failure.as_ref());
        let Some(action) = action.filter(|it| it.value == FailureAction::Rollback) else {
            continue;
        };
        if !service.ends_by_itself(RestartCondition::Never) {
            continue;
        }
        let name = service.name();
        diagnostics.push(
            Diagnostic::new(
                &catalogue::ENDED_AND_TAKEN_BACK,
                format!(
                    "where `{name}` ends within `monitor`, and be it well, the swarm runs the version before once more"
                ),
                action.span,
            )
            .labelled("what ends early counts as failed")
            .help("write `on_failure = pause`: `deploy.sh` judges it by how it ended")
            .about(name),
        );
    }
}
