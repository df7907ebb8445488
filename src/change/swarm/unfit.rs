//! A service on each node that asks for other nodes (swarmkit `manager/orchestrator/global/global.go`, `reconcileServices`: what does not
//! meet the constraints is shut down).

use super::service::Service;
use crate::change::{Change, Effect, unfit};

/// Says it of one that is not refused.
pub(super) fn told(change: &mut Change, (before, after): (&Service<'_>, &Service<'_>)) {
    let is_global = before.is_global() && after.is_global();
    if !is_global || change.effect == Effect::Refused {
        return;
    }
    let (was, is) = (constraints(before), constraints(after));
    let mut keys = ["ports", "healthcheck"].into_iter();
    let is_asked = keys.any(|key| after.at(&[key]).is_some());
    if is_asked && is.iter().any(|it| !was.contains(it)) {
        change.losses.push(unfit::loss(&change.name, "tasks"));
    }
}

/// What nodes have to meet, without the blanks that say nothing.
fn constraints(service: &Service<'_>) -> Vec<String> {
    let all = service.constraints().unwrap_or_default();
    all.iter().map(|it| it.replace(' ', "")).collect()
}
