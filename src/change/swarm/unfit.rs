//! A service on each node that asks for other nodes (swarmkit `manager/orchestrator/global/global.go`, `reconcileServices`: what does not
//! meet the constraints is shut down).

use super::policy;
use crate::change::difference::at;
use crate::change::{Change, Effect, unfit};
use crate::targets::Content;
use serde_json::Value;

/// Says it of one that is not refused.
pub(super) fn told(change: &mut Change, (before, after): (&Content, &Content)) {
    let is_global = policy::is_global(before) && policy::is_global(after);
    if !is_global || change.effect == Effect::Refused {
        return;
    }
    let (was, is) = (constraints(before), constraints(after));
    let is_asked = ["ports", "healthcheck"]
        .iter()
        .any(|key| at(after, &[key]).is_some());
    if is_asked && is.iter().any(|it| !was.contains(it)) {
        change.losses.push(unfit::loss(&change.name, "tasks"));
    }
}

/// What nodes have to meet, without the blanks that say nothing.
fn constraints(service: &Content) -> Vec<String> {
    let all = at(service, &["deploy", "placement", "constraints"]).unwrap_or_default();
    let all = all.as_array().into_iter().flatten();
    let all = all.filter_map(Value::as_str);
    all.map(|it| it.replace(' ', "")).collect()
}
