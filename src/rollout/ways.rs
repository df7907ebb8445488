//! How a target replaces a service's instances, in the words of its model: what derivation decides, handed
//! to `models` as it is. Nothing of what comes of it is decided here.

use super::derivation::{kubernetes, swarm};
use crate::models::interval::Millis;
use crate::models::kubernetes as pods;
use crate::models::swarm as slots;
use crate::types::{Duration, Percent};
use crate::vocabulary::{FailureAction, Order};

/// How instances are replaced on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A swarm's: slot by slot.
    Slots(slots::Policy),
    /// A Deployment's or a `StatefulSet`'s.
    Pods(pods::Strategy),
}

impl Way {
    /// The fewest serving of so many replicas at the worst moment of an update in which nothing fails.
    pub fn least_serving(self, replicas: u64) -> u64 {
        let replicas = small(replicas);
        u64::from(match self {
            Way::Slots(policy) => slots::least_serving(&policy, replicas),
            Way::Pods(strategy) => strategy.least_available(replicas),
        })
    }

    /// Whether an instance may start before the one that it replaces has stopped.
    pub fn starts_first(self) -> bool {
        match self {
            Way::Slots(policy) => policy.order == slots::Order::StartFirst,
            Way::Pods(strategy) => strategy.fenceposts(1).0 > 0,
        }
    }

    /// Whether all instances are stopped before the first new one starts.
    pub fn is_all_at_once(self) -> bool {
        match self {
            Way::Slots(policy) => {
                policy.order == slots::Order::StopFirst && policy.parallelism == 0
            }
            Way::Pods(strategy) => strategy.least_available(u32::MAX) == 0,
        }
    }
}

/// One direction of a swarm's policy.
pub(super) fn policy(direction: &swarm::Direction) -> slots::Policy {
    slots::Policy {
        order: match direction.order.value {
            Order::StartFirst => slots::Order::StartFirst,
            Order::StopFirst => slots::Order::StopFirst,
        },
        parallelism: small(direction.parallelism.value),
        delay: millis(direction.delay.value),
        monitor: millis(direction.monitor.value),
        on_failure: match direction.on_failure.value {
            FailureAction::Pause => slots::FailureAction::Pause,
            FailureAction::Continue => slots::FailureAction::Continue,
            FailureAction::Rollback => slots::FailureAction::Rollback,
        },
        // Thousandths of the whole: a percentage has thousandths of a hundredth.
        max_failure_ratio: small(direction.max_failure_ratio.value.thousandths / 100),
    }
}

/// How Kubernetes replaces pods.
pub(super) fn strategy(strategy: &kubernetes::Strategy) -> pods::Strategy {
    match strategy {
        kubernetes::Strategy::StatefulSet => pods::Strategy::StatefulSet,
        kubernetes::Strategy::Recreate(_) => pods::Strategy::Recreate,
        kubernetes::Strategy::RollingUpdate {
            max_surge,
            max_unavailable,
        } => pods::Strategy::RollingUpdate {
            surge: amount(max_surge.value),
            unavailable: amount(max_unavailable.value),
        },
    }
}

fn amount(pods: kubernetes::Pods) -> pods::Amount {
    match pods {
        kubernetes::Pods::Count(count) => pods::Amount::Count(small(count)),
        kubernetes::Pods::Share(share) => pods::Amount::Percent(whole(share)),
    }
}

/// Whole per cents, which is what Kubernetes takes.
fn whole(share: Percent) -> u32 {
    small(share.thousandths / 1_000)
}

/// A time of the models; the longest they know where it does not fit.
pub(super) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.millis).unwrap_or(Millis::MAX / 4)
}

/// As [`millis`], of whole seconds.
pub(super) fn seconds(seconds: u64) -> Millis {
    millis(Duration::from_seconds(seconds))
}

/// A number of the models; the largest one where it does not fit.
pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pods::Amount;

    /// Replicas, parallelism and the least seen serving on a real swarm, stop-first with a health
    /// check and nothing failing.
    const STOP_FIRST: [(u64, u32, u64); 12] = [
        (1, 1, 0),
        (2, 1, 1),
        (2, 2, 0),
        (2, 0, 0),
        (2, 5, 0),
        (3, 1, 2),
        (3, 2, 1),
        (3, 0, 0),
        (4, 1, 3),
        (4, 2, 2),
        (4, 0, 0),
        (4, 4, 0),
    ];

    fn slots(order: slots::Order, parallelism: u32) -> Way {
        Way::Slots(slots::Policy {
            order,
            parallelism,
            ..slots::Policy::DEFAULT
        })
    }

    #[test]
    fn stop_first_keeps_what_was_measured() {
        for (replicas, parallelism, least) in STOP_FIRST {
            let way = slots(slots::Order::StopFirst, parallelism);
            let kept = way.least_serving(replicas);
            assert_eq!(kept, least, "r{replicas} p{parallelism}");
            assert_eq!(way.is_all_at_once(), parallelism == 0);
        }
    }

    #[test]
    fn start_first_keeps_all() {
        for replicas in 1..=4 {
            let way = slots(slots::Order::StartFirst, 0);
            assert_eq!(way.least_serving(replicas), replicas);
            assert!(way.starts_first() && !way.is_all_at_once());
        }
    }

    /// Kubernetes' default of 25% and 25%, as measured.
    #[test]
    fn a_share_is_rounded_in_favour_of_capacity() {
        let quarter = Amount::Percent(25);
        let way = Way::Pods(pods::Strategy::RollingUpdate {
            surge: quarter,
            unavailable: quarter,
        });
        for (replicas, least) in [(3, 3), (4, 3), (10, 8)] {
            assert_eq!(way.least_serving(replicas), least, "{replicas}");
        }
    }
}
