//! Kubernetes: a Deployment and what belongs to it for each service, an Ingress for each gateway.
//!
//! Written with the API's own types, in the order people read. What the API server and the
//! controllers do with an object has its source beside the code that relies on it; what they have
//! no word for is told to the user. Not here: any judgement of an update, which is the verifier's.

mod autoscaling;
mod config;
mod container;
mod gateway;
mod lowering;
mod metadata;
mod mounts;
mod names;
mod network_policy;
mod order;
mod plan;
mod probes;
mod rollout;
mod service;
mod stateful;
mod storage;
mod text;
mod workload;

use super::{Capability, Lowered, Target};
use crate::graph::Graph;
use crate::vocabulary::TargetId;

/// The target.
#[derive(Debug)]
pub(super) struct Kubernetes;

impl Target for Kubernetes {
    fn id(&self) -> TargetId {
        TargetId::Kubernetes
    }

    /// No rollback: a Deployment that does not progress gets a condition and stays as it is (our
    /// traces; `kubernetes.io/docs/concepts/workloads/controllers/deployment`, failed deployment).
    fn capabilities(&self) -> &'static [Capability] {
        &[Capability::RunsServices, Capability::SecretEnvironment]
    }

    fn lower(&self, graph: &Graph) -> Lowered {
        let (plan, diagnostics, accounts) = lowering::lower(graph);
        Lowered {
            diagnostics,
            accounts,
            plan: Box::new(plan),
        }
    }
}

#[cfg(test)]
mod tests;
