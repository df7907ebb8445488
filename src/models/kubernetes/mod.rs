//! Kubernetes: how a Deployment, a `StatefulSet` and a drain take pods away and bring others.

mod deployment;
mod disruption;
mod search;

pub use deployment::{Amount, Deployment, Next, Strategy, predict};
pub use disruption::{Budget, Drain, Drained};
pub use search::{search, worst_way};
