//! The drain of nodes, one eviction after the other, under a `PodDisruptionBudget`.

use super::Amount;

/// What a budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Budget {
    /// At least so many stay.
    MinAvailable(Amount),
    /// At most so many are missing.
    MaxUnavailable(Amount),
}

/// What a drain does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// The fewest available.
    pub least: u32,
    /// Whether it ends: a budget that allows nothing refuses every eviction for ever.
    pub ends: bool,
}

/// What a drain of nodes with so many of a service's pods does. Percentages round up, of both kinds
/// (kubernetes.io, "Specifying a Disruption Budget").
pub fn drain(replicas: u32, drained: u32, budget: Option<Budget>) -> Drained {
    let floor = match budget {
        None => 0,
        Some(Budget::MinAvailable(amount)) => amount.up(replicas),
        Some(Budget::MaxUnavailable(amount)) => replicas.saturating_sub(amount.up(replicas)),
    };
    let moved = replicas.saturating_sub(drained);
    let allowed = floor < replicas;
    Drained {
        least: if allowed { moved.max(floor) } else { replicas },
        ends: allowed || drained == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
