//! A Deployment's rollout, in closed form.
//!
//! The controller (`pkg/controller/deployment/rolling.go`, `util/deployment_util.go`) never lets the
//! `ReplicaSet`s' wanted pods exceed `replicas + maxSurge`, nor the available ones fall below
//! `replicas - maxUnavailable` by its own doing. Only these bounds are certain: how large each batch
//! is depends on when events arrive. They were the least and the most in 60 of 60 recorded rollouts
//! of v1.36.3. Pods that terminate are not counted, so there may be more with a process.

use crate::models::interval::{Interval, Millis};
use crate::models::prediction::{Outcome, Prediction};
use std::collections::BTreeSet;

/// A Deployment and a change of its template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Deployment {
    /// Replicas before.
    pub replicas: u32,
    /// How pods are replaced.
    pub strategy: Strategy,
    /// How long a ready pod has to stay ready to be available.
    pub min_ready: Millis,
    /// After this long without progress it is reported to have failed; nothing else happens.
    pub progress_deadline: Millis,
    /// What becomes of it.
    pub next: Next,
}

/// The change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Next {
    /// Replicas after, changed in the same patch.
    pub replicas: u32,
    /// From a pod's start until it is ready; never without.
    pub ready_after: Option<Millis>,
    /// From a pod's deletion until it is gone.
    pub terminates_within: Millis,
    /// Another change follows while this one is stuck: the old template, or a third.
    pub then_replaced: bool,
}

/// How pods are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Some at a time.
    RollingUpdate {
        /// How many more than wanted there may be.
        surge: Amount,
        /// How many fewer than wanted may be available.
        unavailable: Amount,
    },
    /// All are gone before the first new one comes.
    Recreate,
    /// A `StatefulSet`'s: each is gone before its successor starts, from the highest ordinal down, and the
    /// next one waits until that is ready (kubernetes.io, `StatefulSet`, "Rolling Updates").
    StatefulSet,
}

/// A number, or a share of the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// So many of a hundred.
    Percent(u32),
}

impl Amount {
    /// Of so many, rounded up.
    pub fn up(self, of: u32) -> u32 {
        self.of(|percent| percent.saturating_mul(u64::from(of)).div_ceil(100))
    }

    /// Of so many, rounded down.
    pub fn down(self, of: u32) -> u32 {
        self.of(|percent| percent.saturating_mul(u64::from(of)) / 100)
    }

    fn of(self, share: impl Fn(u64) -> u64) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => u32::try_from(share(u64::from(percent))).unwrap_or(u32::MAX),
        }
    }
}

impl Strategy {
    /// The fewest available of so many replicas.
    pub fn least_available(self, replicas: u32) -> u32 {
        let (_, unavailable) = self.fenceposts(replicas);
        replicas.saturating_sub(unavailable)
    }

    /// How many more and how many fewer than so many replicas: where both come to nothing, one may
    /// be unavailable (`ResolveFenceposts`), or nothing would ever move.
    pub fn fenceposts(self, replicas: u32) -> (u32, u32) {
        match self {
            Self::Recreate => (0, replicas),
            Self::StatefulSet => (0, replicas.min(1)),
            Self::RollingUpdate { surge, unavailable } => {
                match (surge.up(replicas), unavailable.down(replicas)) {
                    (0, 0) => (0, 1),
                    (surge, unavailable) => (surge, unavailable.min(replicas)),
                }
            }
        }
    }
}

/// What may be seen of a rollout.
pub fn predict(deployment: &Deployment) -> Prediction {
    let next = &deployment.next;
    let (surge, unavailable) = deployment.strategy.fenceposts(next.replicas);
    let least = deployment
        .replicas
        .min(next.replicas.saturating_sub(unavailable));
    // A `ReplicaSet` is never wanted beyond the replicas, whatever the surge.
    let surge = surge.min(next.replicas);
    let most = deployment.replicas.max(next.replicas.saturating_add(surge));
    let with_terminating = match deployment.strategy {
        // The controller waits until the old ones are gone.
        Strategy::Recreate | Strategy::StatefulSet => deployment.replicas.max(next.replicas),
        // Each old pod may still be going when the last new one comes; and a change of replicas
        // goes to the old ones first.
        Strategy::RollingUpdate { .. } => most.saturating_add(next.replicas),
    };
    Prediction {
        least_serving: least,
        best_least_serving: least,
        least_listening: 0,
        most_alive: most,
        most_with_terminating: Some(with_terminating),
        outcomes: outcomes(deployment),
        races: BTreeSet::new(),
        duration: duration(deployment),
        ends_within: ends_within(deployment),
        side_by_side: side_by_side(deployment),
        worst: Vec::new(),
        after: Vec::new(),
        states: 0,
        complete: true,
    }
}

/// How it may end. The deadline is of the whole seconds of a timestamp, and a pod that becomes
/// available in time makes it start anew.
fn outcomes(deployment: &Deployment) -> BTreeSet<Outcome> {
    const SLACK: Millis = 3_000;
    let mut outcomes = BTreeSet::new();
    let available = deployment
        .next
        .ready_after
        .map(|ready| ready.saturating_add(deployment.min_ready));
    if available.is_some() || deployment.next.then_replaced {
        outcomes.insert(Outcome::Completed);
    }
    let late = available
        .is_none_or(|available| available.saturating_add(SLACK) > deployment.progress_deadline);
    // A `StatefulSet` has no deadline: one that stands still is reported by nothing.
    if deployment.strategy == Strategy::StatefulSet {
        if available.is_none() {
            outcomes.insert(Outcome::Updating);
        }
    } else if late {
        outcomes.insert(Outcome::DeadlineExceeded);
    }
    outcomes
}

/// From the patch to where it is complete, or reported to have failed.
fn ends_within(deployment: &Deployment) -> Option<Interval> {
    const REPORT: Interval = Interval::new(0, 3_000);
    if deployment.next.ready_after.is_some() {
        return duration(deployment);
    }
    if deployment.strategy == Strategy::StatefulSet {
        return None;
    }
    Some(Interval::exactly(deployment.progress_deadline).plus(REPORT))
}

/// How long old and new pods are ready together: not at all where the old ones go first, else from the first new one
/// on. A version that never gets ready serves nothing.
fn side_by_side(deployment: &Deployment) -> Option<Interval> {
    if deployment.next.ready_after.is_none() || deployment.strategy == Strategy::Recreate {
        return Some(Interval::NOW);
    }
    Some(Interval::new(0, duration(deployment)?.most))
}

/// From the patch to the last available pod. `minReadySeconds` may be a second short: timestamps
/// have whole seconds.
fn duration(deployment: &Deployment) -> Option<Interval> {
    const EVENTS: Interval = Interval::new(0, 600);
    let next = &deployment.next;
    let ready = next.ready_after?;
    if next.then_replaced {
        return None;
    }
    let each = Interval::new(
        ready
            .saturating_add(deployment.min_ready)
            .saturating_sub(if deployment.min_ready > 0 { 1_000 } else { 0 }),
        ready
            .saturating_add(deployment.min_ready)
            .saturating_add(1_000),
    )
    .plus(EVENTS);
    let gone = Interval::new(0, next.terminates_within.saturating_add(2_000));
    if deployment.strategy == Strategy::StatefulSet {
        return Some(one_by_one(deployment, each, gone));
    }
    let (surge, unavailable) = deployment.strategy.fenceposts(next.replicas);
    let most_rounds = match deployment.strategy {
        Strategy::Recreate => 1,
        _ => next
            .replicas
            .div_ceil(surge.saturating_add(unavailable).max(1))
            // Batches depend on when events arrive: one that is split takes a round more.
            .saturating_mul(2)
            .min(next.replicas.max(1)),
    };
    let all = Interval::new(each.least, each.most.saturating_mul(most_rounds));
    Some(all.plus(gone))
}

/// A `StatefulSet`'s pods come one after the other, each when its predecessor is gone; those that are too many go one
/// after the other as well. With five pods that took 3s to end and 5s to be available it was 41s.
fn one_by_one(deployment: &Deployment, each: Interval, gone: Interval) -> Interval {
    let after = deployment.next.replicas;
    let before = deployment.replicas;
    Interval::new(
        each.least.saturating_mul(after),
        each.most
            .saturating_mul(after)
            .saturating_add(gone.most.saturating_mul(before.max(after))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::kubernetes::search;

    #[test]
    fn where_both_come_to_nothing_one_may_be_unavailable() {
        let strategy = Strategy::RollingUpdate {
            surge: Amount::Percent(0),
            unavailable: Amount::Percent(25),
        };
        assert_eq!(strategy.fenceposts(3), (0, 1));
        assert_eq!(strategy.fenceposts(8), (0, 2));
    }

    #[test]
    fn the_closed_form_is_what_a_search_finds() {
        for replicas in 1..=4 {
            for surge in 0..=3 {
                for unavailable in 0..=replicas {
                    for ready_after in [Some(2_000), None] {
                        let deployment = Deployment {
                            replicas,
                            strategy: Strategy::RollingUpdate {
                                surge: Amount::Count(surge),
                                unavailable: Amount::Count(unavailable),
                            },
                            min_ready: 0,
                            progress_deadline: 600_000,
                            next: Next {
                                replicas,
                                ready_after,
                                terminates_within: 0,
                                then_replaced: false,
                            },
                        };
                        let closed = predict(&deployment);
                        let found = search(&deployment);
                        assert_eq!(
                            (closed.least_serving, closed.most_alive),
                            found,
                            "{deployment:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_change_of_replicas_in_the_same_patch_is_what_a_search_finds() {
        for before in 1..=5 {
            for after in 1..=5 {
                for (surge, unavailable) in [(1, 0), (0, 1), (1, 1), (2, 1)] {
                    let deployment = Deployment {
                        replicas: before,
                        strategy: Strategy::RollingUpdate {
                            surge: Amount::Count(surge),
                            unavailable: Amount::Count(unavailable),
                        },
                        min_ready: 0,
                        progress_deadline: 600_000,
                        next: Next {
                            replicas: after,
                            ready_after: Some(2_000),
                            terminates_within: 0,
                            then_replaced: false,
                        },
                    };
                    let closed = predict(&deployment);
                    let found = search(&deployment);
                    assert_eq!(
                        (closed.least_serving, closed.most_alive),
                        found,
                        "{deployment:?}"
                    );
                }
            }
        }
    }
}
