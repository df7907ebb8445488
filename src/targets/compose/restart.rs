//! When a container that ended is started again.

use super::service::different;
use crate::targets::docker::Lowering;
use crate::vocabulary::RestartCondition;

/// The `restart` of a service. Written always, since an engine's own default is never: zd's is
/// always, until the developer stops it.
pub(super) fn lower(lowering: &mut Lowering<'_, '_>) -> String {
    // `docs.docker.com/engine/containers/start-containers-automatically`, restart policy details.
    const DELAY: &str = "the engine waits on its own: 100 ms at first, twice as long each time";
    const ALWAYS: &str = "unless-stopped";
    let service = lowering.service;
    let Some(node) = &service.node.service.body.restart else {
        return ALWAYS.to_owned();
    };
    let restart = lowering.ledger.enter(node);
    lowering.ledger.declare_from(restart.delay.as_ref(), DELAY);
    lowering.ledger.declare_from(restart.window.as_ref(), DELAY);
    let condition = lowering.ledger.take_from(restart.condition.as_ref());
    let condition = condition.copied().unwrap_or(RestartCondition::Any);
    if condition == RestartCondition::OnFailure {
        return match lowering.ledger.take_from(restart.max_attempts.as_ref()) {
            Some(attempts) => format!("on-failure:{}", attempts.get()),
            None => "on-failure".to_owned(),
        };
    }
    if let Some(attempts) = &restart.max_attempts {
        if condition == RestartCondition::Any {
            let what = "the engine counts restarts only of what failed".to_owned();
            let note = different(what, attempts.key_span)
                .help("it restarts without end; with `condition = on_failure` it counts");
            lowering
                .ledger
                .decline(attempts.id, note.about(service.name()));
        } else {
            lowering
                .ledger
                .declare(attempts.id, "nothing is started again");
        }
    }
    match condition {
        RestartCondition::Never => "no".to_owned(),
        RestartCondition::Any | RestartCondition::OnFailure => ALWAYS.to_owned(),
    }
}
