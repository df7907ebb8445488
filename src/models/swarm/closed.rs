//! What needs no search: updates in which nothing fails.

use super::life::Life;
use super::profile::Profile;
use super::{FailureAction, Order, Policy, Service};
use crate::models::interval::Interval;

/// The fewest serving while so many replicas are replaced and nothing fails.
///
/// A stop-first update takes `parallelism` slots down at a time, 0 meaning all; a start-first one
/// tells an old task to stop when the new one is RUNNING.
pub fn least_serving(policy: &Policy, replicas: u32) -> u32 {
    match policy.order {
        Order::StartFirst => replicas,
        Order::StopFirst => replicas.saturating_sub(workers(policy, replicas)),
    }
}

/// The fewest serving of so many replicas that a version replaces which never gets to RUNNING, where no
/// search is needed.
///
/// Start-first, no old task is told to stop before a new one is RUNNING, and none is lost as long as the
/// update is not declared completed: it is not where failures are looked at and all of them are more than
/// are tolerated. On the way back a slot that still has its old task loses the other alone.
pub fn kept_from_what_never_runs(policy: &Policy, replicas: u32) -> Option<u32> {
    let ends = policy.on_failure != FailureAction::Continue && policy.max_failure_ratio < 1_000;
    (policy.order == Order::StartFirst && ends).then_some(replicas)
}

/// The most of so many replicas that a version takes which never gets to RUNNING, where a search would be too
/// long: those that are tolerated, those at work, and without a delay those that come before the failure is looked at.
pub fn most_taken_by_what_never_runs(policy: &Policy, replicas: u32) -> u32 {
    if let Some(kept) = kept_from_what_never_runs(policy, replicas) {
        return replicas.saturating_sub(kept);
    }
    if policy.on_failure == FailureAction::Continue {
        return replicas;
    }
    let tolerated = u64::from(policy.max_failure_ratio) * u64::from(replicas) / 1_000;
    let tolerated = u32::try_from(tolerated).unwrap_or(u32::MAX);
    let at_work = workers(policy, replicas);
    let by_chance = if policy.delay == 0 { at_work } else { 0 };
    tolerated
        .saturating_add(at_work)
        .saturating_add(by_chance)
        .min(replicas)
}

/// The most instances at one time while a service becomes another and nothing fails.
///
/// Start-first, an old task drains while the next slots are at work: what one worker can have begun
/// within the time of a stop adds up, to twice the replicas at most.
pub fn most_alive(before: &Service, after: &Service, profile: &Profile) -> u32 {
    let replicas = before.replicas;
    match after.update.order {
        Order::StopFirst => replicas,
        Order::StartFirst => {
            let old = Life::of(&before.task, profile);
            let new = Life::of(&after.task, profile);
            let cycle = start(&new).least.saturating_add(after.update.delay).max(1);
            let overlapping = old.stop.most.div_ceil(cycle).saturating_add(1);
            let extra = workers(&after.update, replicas).saturating_mul(overlapping);
            replicas.saturating_add(extra.min(replicas))
        }
    }
}

/// From the deploy to `completed`, where nothing fails.
pub fn duration(before: &Service, after: &Service, profile: &Profile) -> Interval {
    let policy = &after.update;
    let slots = before.replicas.min(after.replicas);
    let workers = workers(policy, slots);
    if workers == 0 {
        return Interval::NOW;
    }
    let stop = match policy.order {
        Order::StartFirst => Interval::NOW,
        Order::StopFirst => Life::of(&before.task, profile)
            .stop
            .until(profile.old_task_timeout),
    };
    // A slot that is handed out is a write of the manager's store, and so is what it waits for.
    let each = stop
        .plus(Interval::new(0, 200))
        .plus(start(&Life::of(&after.task, profile)))
        .plus(Interval::exactly(policy.delay));
    each.times(slots.div_ceil(workers))
        .plus(Interval::exactly(policy.monitored_at_the_end()))
}

fn workers(policy: &Policy, slots: u32) -> u32 {
    match policy.parallelism {
        0 => slots,
        some => some.min(slots),
    }
}

/// From desired state RUNNING to RUNNING.
fn start(life: &Life) -> Interval {
    let first = life.stages.first().and_then(|stage| stage.ends.first());
    first.map_or(Interval::NEVER, |end| end.after)
}
