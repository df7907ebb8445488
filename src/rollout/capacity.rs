//! How many instances are left at the worst moment of an update, in closed form, where nothing
//! fails. Every bound was seen in a real orchestrator's recorded rollouts.

use crate::types::Percent;
use crate::vocabulary::Order;

/// How instances are replaced, as far as capacity goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// So many at a time, in this order; 0 is all. A swarm's slots, and a Deployment's surge or
    /// unavailable pods.
    Slots {
        /// Which goes first.
        order: Order,
        /// How many at once.
        parallelism: u64,
    },
    /// Up to this share is missing, rounded down, and as large a share, rounded up, is added.
    Share(Percent),
    /// All are stopped before the first new one starts.
    AllAtOnce,
}

/// The fewest serving while `replicas` are replaced in this way.
///
/// Swarm: a stop-first update takes `parallelism` slots down at a time, 0 meaning all; a start-first
/// one waits for each new task to run before the old one is told to stop (swarmkit
/// `manager/orchestrator/update/updater.go`; our traces of 1 to 4 replicas). Kubernetes:
/// `replicas - floor(maxUnavailable)` (our traces of 3, 4 and 10 replicas).
pub fn least_serving(way: Way, replicas: u64) -> u64 {
    match way {
        Way::Slots {
            order: Order::StartFirst,
            ..
        } => replicas,
        Way::Slots { parallelism: 0, .. } | Way::AllAtOnce => 0,
        Way::Slots { parallelism, .. } => replicas.saturating_sub(parallelism),
        Way::Share(share) => replicas.saturating_sub(share.of_down(replicas)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Replicas, parallelism and the least seen serving on a real swarm, stop-first with a health
    /// check and nothing failing.
    const STOP_FIRST: [(u64, u64, u64); 12] = [
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

    #[test]
    fn stop_first_keeps_what_was_measured() {
        for (replicas, parallelism, least) in STOP_FIRST {
            let way = Way::Slots {
                order: Order::StopFirst,
                parallelism,
            };
            let kept = least_serving(way, replicas);
            assert_eq!(kept, least, "r{replicas} p{parallelism}");
        }
    }

    #[test]
    fn start_first_keeps_all() {
        for replicas in 1..=4 {
            let way = Way::Slots {
                order: Order::StartFirst,
                parallelism: 0,
            };
            assert_eq!(least_serving(way, replicas), replicas);
        }
    }

    /// Kubernetes' default of 25% and 25%, as measured.
    #[test]
    fn a_share_is_rounded_in_favour_of_capacity() {
        let quarter = Way::Share(Percent {
            thousandths: 25_000,
        });
        for (replicas, least) in [(3, 3), (4, 3), (10, 8)] {
            assert_eq!(least_serving(quarter, replicas), least, "{replicas}");
        }
    }
}
