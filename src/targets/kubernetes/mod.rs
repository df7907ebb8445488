//! Kubernetes: a Deployment and what belongs to it for each service, an Ingress for each gateway.
//!
//! Written with the API's own types, in the order people read. What the API server and the
//! controllers do with an object has its source beside the code that relies on it; what they have
//! no word for is told to the user. Not here: any judgement of an update, which is the verifier's.

mod autoscaling;
mod config;
mod container;
mod daemon;
mod gateway;
mod lowering;
mod metadata;
mod mounts;
mod names;
mod network_policy;
mod order;
mod patches;
mod plan;
mod probes;
mod rollout;
mod script;
mod service;
mod stateful;
mod storage;
mod text;
mod workload;

pub(crate) use gateway::{route_name, sections};
pub(crate) use plan::objects;

use super::{Lowered, Target};
use crate::graph::Graph;
use crate::vocabulary::TargetId;

/// The target.
#[derive(Debug)]
pub(super) struct Kubernetes;

impl Target for Kubernetes {
    fn id(&self) -> TargetId {
        TargetId::Kubernetes
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
