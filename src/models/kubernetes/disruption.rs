//! The drain of nodes, one eviction after the other, under a `PodDisruptionBudget`.

use super::Amount;
use crate::models::interval::Interval;
use crate::models::prediction::{Moment, Outcome, Prediction};
use std::collections::BTreeSet;

/// What a budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Budget {
    /// At least so many stay.
    MinAvailable(Amount),
    /// At most so many are missing.
    MaxUnavailable(Amount),
}

/// Nodes with pods of one service are drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Drain {
    /// How many pods there are, all of them available.
    pub replicas: u32,
    /// How many of them are on those nodes.
    pub drained: u32,
    /// What holds evictions back.
    pub budget: Option<Budget>,
}

/// What a drain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// The fewest available.
    pub least: u32,
    /// Whether it ends: a budget that allows nothing refuses every eviction for ever.
    pub ends: bool,
}

impl Drain {
    /// What becomes of it. Percentages round up, of both kinds (kubernetes.io, "Specifying a Disruption Budget"; so
    /// was it in every recorded drain).
    pub fn ends(&self) -> Drained {
        let replicas = self.replicas;
        let floor = match self.budget {
            None => 0,
            Some(Budget::MinAvailable(amount)) => amount.up(replicas),
            Some(Budget::MaxUnavailable(amount)) => replicas.saturating_sub(amount.up(replicas)),
        };
        let moved = replicas.saturating_sub(self.drained);
        let allowed = floor < replicas;
        Drained {
            least: if allowed { moved.max(floor) } else { replicas },
            ends: allowed || self.drained == 0,
        }
    }

    /// What may be seen of it. A pod that is evicted has a successor at once, which the budget counts once it is ready.
    pub fn predict(&self) -> Prediction {
        let Drained { least, ends } = self.ends();
        let moment = |event: String, serving| Moment {
            at: None,
            event,
            serving,
            by_version: vec![serving],
        };
        let evicted = match (self.budget, self.replicas.saturating_sub(least)) {
            (None, _) => "no budget holds the eviction of the pods back".to_owned(),
            (_, 1) => "a pod is evicted; the next one waits until another is ready".to_owned(),
            (_, missing) => {
                format!("{missing} pods are evicted; the next one waits until another is ready")
            }
        };
        Prediction {
            least_serving: least,
            best_least_serving: self.replicas,
            least_listening: 0,
            most_alive: self.replicas,
            most_with_terminating: Some(self.replicas.saturating_add(self.drained)),
            outcomes: BTreeSet::from([if ends {
                Outcome::Nothing
            } else {
                Outcome::Updating
            }]),
            races: BTreeSet::new(),
            duration: None,
            ends_within: None,
            side_by_side: Some(Interval::NOW),
            worst: vec![
                moment("before".to_owned(), self.replicas),
                moment(evicted, least),
            ],
            after: Vec::new(),
            states: 0,
            complete: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(replicas: u32, drained: u32, budget: Option<Budget>) -> Drained {
        let drain = Drain {
            replicas,
            drained,
            budget,
        };
        drain.ends()
    }

    #[test]
    fn a_budget_keeps_its_floor_or_refuses() {
        let one_away = Budget::MaxUnavailable(Amount::Count(1));
        assert_eq!(
            drain(3, 3, Some(one_away)),
            Drained {
                least: 2,
                ends: true
            }
        );
        let all = Budget::MinAvailable(Amount::Percent(100));
        assert_eq!(
            drain(3, 1, Some(all)),
            Drained {
                least: 3,
                ends: false
            }
        );
        let half = Budget::MinAvailable(Amount::Percent(50));
        assert_eq!(
            drain(7, 7, Some(half)),
            Drained {
                least: 4,
                ends: true
            }
        );
        assert_eq!(
            drain(3, 2, None),
            Drained {
                least: 1,
                ends: true
            }
        );
    }
}
