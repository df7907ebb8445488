//! The verifier: what an update, a rollback or a drain does to a service's capacity on a target.
//!
//! The only maker of a [`Verified`], and so the only way to a written file.

mod bad_versions;
mod conditions;
pub mod derivation;
mod drains;
pub mod hosts;
mod instances;
mod liveness;
mod overlap;
mod promises;
pub mod rehearsal;
pub mod remedies;
pub mod table;
mod ways;
mod writers;

pub use ways::Way;

use crate::diagnostics::Diagnostics;
use crate::graph::{Graph, ServiceView};
use crate::parallel;
use crate::rules::Waivers;
use crate::vocabulary::{Capability, TargetId};
use rehearsal::Searches;
use table::Proof;

/// A graph that was proved for a target.
#[derive(Debug)]
pub struct Verified<'g> {
    graph: &'g Graph,
    target: TargetId,
    proofs: Vec<Proof>,
}

impl<'g> Verified<'g> {
    /// The graph.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// The target.
    pub fn target(&self) -> TargetId {
        self.target
    }

    /// What was proved of each service that promises something; empty where nobody asked.
    pub fn proofs(&self) -> &[Proof] {
        &self.proofs
    }
}

/// Checks every promise of the graph on a target. `None` where one is broken or cannot be shown,
/// and its service does not accept that. Of a target that keeps no promises none is asked. With
/// `table` the numbers are kept; what was searched for a judgement is not searched for them again.
pub fn verify<'g>(
    graph: &'g Graph,
    target: TargetId,
    waivers: &mut Waivers<'_>,
    table: bool,
) -> (Option<Verified<'g>>, Diagnostics) {
    let services: Vec<ServiceView<'_>> = graph
        .services_on(target)
        .filter(|service| is_judged(graph, target, *service))
        .collect();
    let shares = parallel::in_shares(&services, LEAST_SERVICES, 0, |share| {
        let mut found = Diagnostics::default();
        let mut proofs = Vec::new();
        let mut searches = Searches::default();
        for service in share.list {
            judge(graph, *service, target, &mut searches, &mut found);
            if table {
                proofs.extend(table::proof(graph, *service, target, &mut searches));
            }
        }
        (found, proofs)
    });
    let mut found = Diagnostics::default();
    let mut proofs = Vec::new();
    for (share, more) in shares {
        found.extend(share);
        proofs.extend(more);
    }
    let diagnostics = waivers.apply(found);
    let verified = Verified {
        graph,
        target,
        proofs,
    };
    let proved = !diagnostics.has_errors();
    (proved.then_some(verified), diagnostics)
}

/// A thread more pays where each gets so many services; what it searches, it may search again.
const LEAST_SERVICES: usize = 200;

/// Checks one service's promises.
fn judge(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    searches: &mut Searches,
    found: &mut Diagnostics,
) {
    // A plain host has a check of its own.
    let never_starts = match target {
        TargetId::Nginx => None,
        _ => conditions::never_starts(graph, service, target),
    };
    let starts = never_starts.is_none();
    found.extend(never_starts);
    match target {
        TargetId::Nginx => hosts::check(graph, service, found),
        TargetId::Swarm => {
            promises::check(graph, service, target, starts, searches, found);
            overlap::check(graph, service, found);
            writers::check(graph, service, found);
        }
        TargetId::Kubernetes | TargetId::Compose => {
            promises::check(graph, service, target, starts, searches, found);
            if target == TargetId::Kubernetes {
                found.extend(liveness::as_readiness(service));
            }
        }
    }
}

/// Whether a target runs this service itself and keeps promises of it: nginx those of its host. A
/// gateway may be routes for somebody else's controller.
fn is_judged(graph: &Graph, target: TargetId, service: ServiceView<'_>) -> bool {
    if target == TargetId::Nginx {
        return graph.is_on_host(service);
    }
    let runs = service.node.gateway.is_none() || target.has(Capability::RunsGateways);
    runs && target.has(Capability::KeepsPromises)
}
