//! How many instances are left at the worst moment of an update in which nothing fails: the closed
//! forms of `models`, asked in the words of a policy.

use crate::models::{kubernetes, swarm};
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
pub fn least_serving(way: Way, replicas: u64) -> u64 {
    let replicas = small(replicas);
    let least = match way {
        Way::Slots { order, parallelism } => {
            let policy = swarm::Policy {
                order: modelled(order),
                parallelism: small(parallelism),
                ..swarm::Policy::DEFAULT
            };
            swarm::least_serving(&policy, replicas)
        }
        Way::Share(share) => {
            let amount = percent(share);
            let strategy = kubernetes::Strategy::RollingUpdate {
                surge: amount,
                unavailable: amount,
            };
            strategy.least_available(replicas)
        }
        Way::AllAtOnce => kubernetes::Strategy::Recreate.least_available(replicas),
    };
    u64::from(least)
}

/// An order in the words of the model.
pub(super) fn modelled(order: Order) -> swarm::Order {
    match order {
        Order::StartFirst => swarm::Order::StartFirst,
        Order::StopFirst => swarm::Order::StopFirst,
    }
}

/// A share in the words of the model: whole per cents.
pub(super) fn percent(share: Percent) -> kubernetes::Amount {
    kubernetes::Amount::Percent(small(share.thousandths / 1_000))
}

/// A number of the models; the largest one where it does not fit.
pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
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
