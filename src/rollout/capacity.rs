//! How many instances are left at the worst moment of an update, in closed form, where nothing
//! fails. Every bound was seen in a real orchestrator's recorded rollouts.

use crate::rollout::policy::Steps;
use crate::vocabulary::Order;

/// The fewest serving while `replicas` are replaced in these steps.
///
/// Swarm: a stop-first update takes `parallelism` slots down at a time, 0 meaning all; a start-first
/// one waits for each new task to run before the old one is told to stop (swarmkit
/// `manager/orchestrator/update/updater.go`; our traces of 1 to 4 replicas). Kubernetes, lowered
/// from the same steps, keeps the same numbers: `replicas - maxUnavailable`.
pub fn least_serving(steps: Steps, replicas: u64) -> u64 {
    match steps.order {
        Order::StartFirst => replicas,
        Order::StopFirst if steps.parallelism == 0 => 0,
        Order::StopFirst => replicas.saturating_sub(steps.parallelism),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::policy::ENGINE;

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
            let steps = Steps {
                parallelism,
                ..ENGINE
            };
            assert_eq!(
                least_serving(steps, replicas),
                least,
                "r{replicas} p{parallelism}"
            );
        }
    }

    #[test]
    fn start_first_keeps_all() {
        for replicas in 1..=4 {
            let steps = Steps {
                order: Order::StartFirst,
                parallelism: 0,
                ..ENGINE
            };
            assert_eq!(least_serving(steps, replicas), replicas);
        }
    }
}
