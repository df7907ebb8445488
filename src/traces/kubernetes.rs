//! Recordings of a Deployment, a `StatefulSet` and a drain: parameters to a scenario.

use super::Seen;
use super::fields::{Fields, duration, millis, wrong};
use crate::models::kubernetes::{Amount, Budget, Deployment, Drain, Next, Strategy};
use crate::models::prediction::Outcome;
use serde_json::{Map, Value};

/// The scenario of a recording's parameters, or which of them no model takes.
pub(super) fn scenario(params: &Map<String, Value>) -> Result<Deployment, String> {
    let mut fields = Fields::new(params);
    fields.pass_over(&["name", "readyDelay"]);
    let replicas = fields.count("replicas")?.ok_or("no `replicas`")?;
    let strategy = match fields.text("strategy")? {
        Some("Recreate") => Strategy::Recreate,
        Some("StatefulSet") => Strategy::StatefulSet,
        None | Some("RollingUpdate") => Strategy::RollingUpdate {
            surge: amount(&mut fields, "maxSurge")?,
            unavailable: amount(&mut fields, "maxUnavailable")?,
        },
        Some(other) => return Err(format!("`strategy` = {other}")),
    };
    fields.pass_over(&["maxSurge", "maxUnavailable"]);
    let after = match fields.text("action")? {
        None | Some("image") => replicas,
        Some(action) => {
            let count = action.strip_prefix("image+scale:");
            let count = count.and_then(|count| count.parse().ok());
            count.ok_or_else(|| format!("`action` = {action}"))?
        }
    };
    let new_ready = fields.text("newReady")?.unwrap_or("0s");
    let ready_after = match new_ready {
        "never" => None,
        time => Some(duration(time).ok_or_else(|| format!("`newReady` = {time}"))?),
    };
    let seconds = |value: Option<f64>, default: f64| {
        let seconds = value.unwrap_or(default) * 1_000.0;
        millis(seconds).ok_or_else(|| format!("{seconds} ms"))
    };
    let deployment = Deployment {
        replicas,
        strategy,
        min_ready: seconds(fields.number("minReadySeconds")?, 0.0)?,
        progress_deadline: seconds(fields.number("progressDeadlineSeconds")?, 600.0)?,
        next: Next {
            replicas: after,
            ready_after,
            terminates_within: fields.duration("termDelay")?.unwrap_or_default(),
            // The recorder notes a second patch: "after 15s …".
            then_replaced: fields
                .text("note")?
                .is_some_and(|note| note.starts_with("after ")),
        },
    };
    fields.all_taken()?;
    Ok(deployment)
}

/// The drain of a recording's parameters: whether pods of a Deployment or of a `StatefulSet` are evicted is the same.
pub(super) fn drain(params: &Map<String, Value>) -> Result<Drain, String> {
    let mut fields = Fields::new(params);
    fields.pass_over(&["name", "action", "strategy", "readyDelay", "termDelay"]);
    let replicas = fields.count("replicas")?.ok_or("no `replicas`")?;
    let drained = fields.count("drained")?.unwrap_or(replicas);
    let budget = if params.contains_key("minAvailable") {
        Some(Budget::MinAvailable(amount(&mut fields, "minAvailable")?))
    } else if params.contains_key("budgetMaxUnavailable") {
        let amount = amount(&mut fields, "budgetMaxUnavailable")?;
        Some(Budget::MaxUnavailable(amount))
    } else {
        None
    };
    fields.all_taken()?;
    Ok(Drain {
        replicas,
        drained: drained.min(replicas),
        budget,
    })
}

/// Whether nodes were drained, and no template changed.
pub(super) fn is_drain(params: &Map<String, Value>) -> bool {
    params.get("action").and_then(Value::as_str) == Some("drain")
}

fn amount(fields: &mut Fields<'_>, key: &'static str) -> Result<Amount, String> {
    let value = fields.get(key);
    let amount = match value {
        None => Some(Amount::Percent(25)),
        Some(Value::String(text)) => text
            .strip_suffix('%')
            .and_then(|percent| percent.parse().ok())
            .map(Amount::Percent),
        Some(value) => value
            .as_u64()
            .and_then(|count| u32::try_from(count).ok())
            .map(Amount::Count),
    };
    amount.ok_or_else(|| wrong(key, value))
}

/// What was seen of a Deployment.
pub(super) fn seen(summary: &Value) -> Result<Seen, String> {
    let count = |key: &str| {
        let count = summary.get(key).and_then(Value::as_u64);
        count.and_then(|count| u32::try_from(count).ok())
    };
    let end = summary.get("end").and_then(Value::as_str);
    let outcome = match end {
        Some("complete") => Outcome::Completed,
        Some("ProgressDeadlineExceeded") => Outcome::DeadlineExceeded,
        // Nothing reports these: nothing had moved for as long as it was looked at.
        Some("stands" | "refused") => Outcome::Updating,
        // A drain changes no version.
        Some("drained") => Outcome::Nothing,
        other => {
            return Err(format!(
                "the end `{}` is unknown",
                other.unwrap_or_default()
            ));
        }
    };
    Ok(Seen {
        least_serving: count("min_rs_available"),
        least_listening: None,
        most_alive: count("max_total"),
        most_with_terminating: count("max_total_with_terminating"),
        outcome: Some(outcome),
        duration: count("duration_ms").filter(|_| outcome == Outcome::Completed),
        lost: None,
    })
}
