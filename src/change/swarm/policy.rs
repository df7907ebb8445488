//! The policy a service rolls under, in words.

use crate::change::{Effect, difference};
use crate::targets::Content;
use serde_json::Value;

const STOPPED: &str = "0 tasks: all are stopped, and nothing runs of it";

/// What becomes of the tasks of a service of which no part of a task is another one.
pub(super) fn scaled(before: &Content, service: &Content) -> &'static str {
    if is_off(service) && !is_off(before) {
        STOPPED
    } else {
        "no task is replaced"
    }
}

/// Whether it has no tasks.
fn is_off(service: &Content) -> bool {
    difference::is_zero(service, &["deploy", "replicas"])
}

pub(super) fn is_global(service: &Content) -> bool {
    difference::at(service, &["deploy", "mode"]).is_some_and(|it| it.as_str() == Some("global"))
}

/// What becomes of tasks whose node does not fit any more. One that is replicated replaces them as others (swarmkit
/// `manager/orchestrator/task.go`, `IsTaskDirty` and `nodeMatches`); one that is everywhere stops them as it sees them, and no policy is
/// asked (`manager/orchestrator/global/global.go`, `reconcileServices`: what does not meet the constraints is shut down).
pub(super) fn moved(service: &Content) -> &'static str {
    if is_global(service) {
        "its tasks on nodes that no longer fit are stopped at once, all together, and nodes that fit now get theirs then: no policy counts"
    } else {
        "no task is replaced whose node still fits; the others are, under its policy"
    }
}

/// Whether its tasks are replaced in turn or all at once, and how.
pub(super) fn rolling(before: &Content, service: &Content) -> (Effect, String) {
    if is_off(service) {
        let how = if is_off(before) {
            "0 tasks: nothing runs of it"
        } else {
            STOPPED
        };
        return (Effect::InPlace, how.to_owned());
    }
    if is_off(before) {
        let how = "nothing ran of it: its tasks are started as they are written now";
        return (Effect::InPlace, how.to_owned());
    }
    let at = |path: &[&str]| difference::at(service, &[&["deploy"], path].concat());
    let update = at(&["update_config"]).unwrap_or_default();
    let order = update.get("order").and_then(Value::as_str);
    let start_first = order == Some("start-first");
    let parallelism = update.get("parallelism").and_then(Value::as_u64);
    let parallelism = parallelism.unwrap_or(1);
    let written = at(&["replicas"]);
    let replicas = match written.as_deref() {
        None => Some(1),
        Some(Value::Number(number)) => number.as_u64(),
        Some(_) => None,
    };
    if is_global(service) {
        // swarmkit `manager/orchestrator/update/updater.go`: 0 is as many as there are.
        if parallelism == 0 && !start_first {
            let how = "one task on each node, all stopped before new ones start".to_owned();
            return (Effect::RestartsAtOnce, how);
        }
        let first = if start_first { "new" } else { "old" };
        let parallelism = match parallelism {
            0 => "all".to_owned(),
            some => some.to_string(),
        };
        let how = format!("one task on each node, {parallelism} at a time, the {first} one first");
        return (Effect::Rolls, how);
    }
    let tasks = match (replicas, written.as_deref()) {
        (Some(1), _) => "1 task".to_owned(),
        (Some(count), _) => format!("{count} tasks"),
        (None, Some(Value::String(text))) => format!("{text} tasks"),
        (None, _) => "its tasks".to_owned(),
    };
    let all = parallelism == 0 || replicas.is_some_and(|replicas| parallelism >= replicas);
    match (start_first, all) {
        (true, true) => (
            Effect::Rolls,
            format!("{tasks}, all at a time, each new one first"),
        ),
        (true, false) => (
            Effect::Rolls,
            format!("{tasks}, {parallelism} at a time, each new one first"),
        ),
        (false, true) => (
            Effect::RestartsAtOnce,
            format!("{tasks}, stopped before new ones start"),
        ),
        (false, false) => (
            Effect::Rolls,
            format!("{tasks}, {parallelism} at a time, each stopped before its new one starts"),
        ),
    }
}
