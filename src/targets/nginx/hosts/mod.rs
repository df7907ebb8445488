//! Plain hosts: what nginx leads requests to there, and the scripts that replace it.
//!
//! The scripts themselves are fixed text (`scripts/*.sh`); what differs from program to program is in
//! files that they read, each rendered from one struct by a template without logic. What nginx
//! includes is here too, since it names what is live: the one place that does.

mod account;
mod delivery;
mod includes;
mod lowering;
mod render;
#[cfg(test)]
mod tests;
mod text;
mod unit;
mod verification;
mod word;

pub(super) use includes::{
    Include, blue_green_variable, kept_connections, no_share, pool_of, route_of,
};

use crate::graph::{Graph, ServiceId, ServiceView};
use crate::targets::{Artifact, Ledger};
use lowering::Service;
use petgraph::algo::tarjan_scc;
use rustc_hash::FxHashMap;

/// The host of an app: what it runs, and how bundles come to it.
pub(super) struct Host {
    app: String,
    services: Vec<Service>,
    variables: Vec<text::DeployVariable>,
    locked: bool,
    config_test: bool,
    delivery: Option<delivery::Delivery>,
}

/// Lowers the services that run on the host; `None` where none does.
///
/// `includes` is what the configuration includes for them.
pub(super) fn lower<'g>(
    graph: &'g Graph,
    services: &[ServiceView<'g>],
    app: &str,
    includes: &[Include],
    ledger: &mut Ledger<'g>,
) -> Option<Host> {
    let settings = graph.settings(crate::vocabulary::TargetId::Nginx);
    let codedeploy = settings.and_then(|settings| settings.codedeploy.as_deref());
    if services.is_empty() {
        if let Some(codedeploy) = codedeploy {
            ledger.decline_block(codedeploy, delivery::nothing_to_deliver(codedeploy.span));
        }
        return None;
    }
    let delivery = codedeploy.map(|node| delivery::lower(node, ledger));
    let mut variables = Vec::new();
    let mut lowered = Vec::new();
    let (mut locked, mut config_test) = (true, true);
    for service in in_order(graph, services) {
        let policy = crate::rollout::hosts::policy(graph, service);
        // One lock and one nginx for all: whoever goes without is why all do.
        locked &= policy.lock;
        config_test &= policy.config_test;
        let mut texts = text::Texts {
            graph,
            service,
            ledger,
            variables: &mut variables,
        };
        lowered.extend(lowering::lower(&mut texts, &policy, includes));
    }
    Some(Host {
        app: app.to_owned(),
        services: lowered,
        variables,
        locked,
        config_test,
        delivery: delivery.flatten(),
    })
}

/// The services as the scripts take them: who is called before its callers, else as they were declared.
fn in_order<'g>(graph: &Graph, services: &[ServiceView<'g>]) -> Vec<ServiceView<'g>> {
    let mut depths: FxHashMap<ServiceId, usize> = FxHashMap::default();
    // A component is found after all that it leads to.
    for circle in tarjan_scc(graph.petgraph()) {
        let circle = circle.iter().map(|node| ServiceId(node.index()));
        let circle: Vec<ServiceId> = circle.collect();
        let called = circle.iter().flat_map(|id| graph.edges_from(*id));
        let before = called.filter_map(|(_, callee)| depths.get(&callee)).max();
        let depth = before.map_or(0, |depth| depth.saturating_add(1));
        depths.extend(circle.into_iter().map(|id| (id, depth)));
    }
    let mut services = services.to_vec();
    services.sort_by_key(|service| depths.get(&service.id).copied());
    services
}

impl Host {
    /// Its files.
    pub(super) fn artifacts(&self) -> Vec<Artifact> {
        render::artifacts(self)
    }
}
