//! What a service promises, and over which numbers of replicas.

use super::{Graph, ServiceView, whole};
use crate::eval::VariableRange;
use crate::types::Value;
use crate::vocabulary::{Amount, Disturbance, Mode, Staged};

/// The numbers of replicas a service may be deployed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaRange {
    /// The fewest.
    pub least: u64,
    /// The most.
    pub most: u64,
    /// What it is without a deploy-time value.
    pub default: u64,
}

/// What a service promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promise {
    /// It takes no traffic and states nothing.
    None,
    /// It allows downtime, for this reason.
    Downtime,
    /// At least so many serve, through these disturbances.
    Capacity {
        /// What was written; one instance by default.
        min_available: Amount,
        /// Through what.
        through: Vec<Disturbance>,
    },
}

impl Promise {
    /// The least that must serve of so many replicas; never more than there are.
    pub fn floor(&self, replicas: u64) -> u64 {
        match self {
            Promise::Capacity { min_available, .. } => min_available.of_up(replicas).min(replicas),
            Promise::None | Promise::Downtime => 0,
        }
    }

    /// Whether it holds through a disturbance.
    pub fn covers(&self, disturbance: Disturbance) -> bool {
        matches!(self, Promise::Capacity { through, .. } if through.contains(&disturbance))
    }
}

impl Graph {
    /// The numbers of replicas a service may be deployed with: over the whole range of a
    /// deploy-time variable, and over `scale`.
    pub fn replicas(&self, service: ServiceView<'_>) -> ReplicaRange {
        let body = &service.node.service;
        if let Some(scale) = &body.scale {
            let least = scale.min.as_ref().map_or(1, |min| whole(min.value));
            let most = scale.max.as_ref().map_or(least, |max| whole(max.value));
            return ReplicaRange {
                least,
                most,
                default: least,
            };
        }
        match body.replicas.as_ref().map(|replicas| &replicas.value) {
            None => ReplicaRange {
                least: 1,
                most: 1,
                default: 1,
            },
            Some(Staged::Known(count)) => {
                let count = whole(*count);
                ReplicaRange {
                    least: count,
                    most: count,
                    default: count,
                }
            }
            Some(Staged::Variable(id)) => {
                let variable = self.variable(id);
                let number = |value: &Value| match value {
                    Value::Int(number) => u64::try_from(*number).ok(),
                    _ => None,
                };
                let (least, most) = match variable.map(|variable| &variable.range) {
                    Some(VariableRange::Whole(range)) => (
                        u64::try_from(range.min).unwrap_or(0),
                        // A whole number that nothing bounds.
                        u64::try_from(range.max)
                            .ok()
                            .filter(|_| range.max < i64::MAX)
                            .unwrap_or(u64::MAX),
                    ),
                    _ => (0, u64::MAX),
                };
                let default = variable
                    .and_then(|variable| {
                        let set = variable.set.as_ref().and_then(number);
                        set.or_else(|| number(&variable.default.as_ref()?.value))
                    })
                    .unwrap_or(least);
                ReplicaRange {
                    least,
                    most,
                    default,
                }
            }
        }
    }

    /// Whether a service runs one instance on each node.
    pub fn is_global(&self, service: ServiceView<'_>) -> bool {
        service
            .node
            .service
            .mode
            .as_ref()
            .is_some_and(|mode| mode.value == Mode::Global)
    }

    /// What a service promises. One that takes traffic promises one instance through everything
    /// unless it says otherwise.
    pub fn promise(&self, service: ServiceView<'_>) -> Promise {
        let body = &service.node.service;
        if body
            .allow
            .iter()
            .any(|allow| allow.label.name() == "downtime" && self.ended(allow).is_none())
        {
            return Promise::Downtime;
        }
        let all = vec![
            Disturbance::Update,
            Disturbance::Rollback,
            Disturbance::Drain,
        ];
        match &body.availability {
            Some(stated) => Promise::Capacity {
                min_available: stated
                    .min_available
                    .as_ref()
                    .map_or(Amount::Count(1), |a| a.value),
                through: stated.through.as_ref().map_or(all, |through| {
                    through
                        .value
                        .iter()
                        .map(|disturbance| disturbance.value)
                        .collect()
                }),
            },
            None if self.takes_traffic(service) => Promise::Capacity {
                min_available: Amount::Count(1),
                through: all,
            },
            None => Promise::None,
        }
    }
}
