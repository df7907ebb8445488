//! Faults that can be read off the graph and that are not about updates over time: one function
//! each, one line each in [`ALL`].

mod amounts;
mod canary;
mod commands;
mod endings;
mod gateways;
mod hosts;
mod images;
mod instances;
mod mounts;
mod names;
mod networks;
mod order;
mod probes;
mod promises;
mod reachability;
mod routes;
mod security;
mod texts;
mod unused;
mod versions;
mod waivers;

pub(crate) use images::is_reference;
pub(crate) use probes::grpc_check;
pub(crate) use security::means_secret;
pub use waivers::Waivers;

use crate::diagnostics::Diagnostics;
use crate::graph::Graph;
use crate::parallel;

/// Looks for one kind of fault.
type Rule = fn(&Graph, &mut Diagnostics);

/// Every rule.
const ALL: &[Rule] = &[
    reachability::check,
    reachability::names_on_hosts,
    texts::calls,
    networks::two_names,
    networks::addresses,
    networks::aliases,
    names::emitted_names,
    names::ports,
    names::images,
    images::references,
    amounts::reservations,
    amounts::failure_ratios,
    mounts::one_path,
    hosts::only_there,
    hosts::slots,
    hosts::client_addresses,
    canary::check,
    order::check,
    probes::asked,
    gateways::names_resolved_once,
    gateways::failure_marks,
    routes::matching,
    routes::ends,
    routes::hosts,
    promises::above_replicas,
    promises::of_nothing,
    commands::shells,
    endings::taken_back,
    instances::restarts,
    instances::bind_mounts,
    instances::variable_names,
    security::literal_secrets,
    security::docker_socket,
    security::floating_tags,
    versions::provided,
    versions::needed,
    versions::schemas,
    unused::check,
];

/// Runs every rule; those of a large program on several threads.
pub fn check(graph: &Graph) -> Diagnostics {
    let least = if graph.deployment().is_large() {
        ALL.len() / 4
    } else {
        ALL.len()
    };
    let shares = parallel::in_shares(ALL, least, 0, |share| {
        let mut found = Diagnostics::default();
        for rule in share.list {
            rule(graph, &mut found);
        }
        found
    });
    let mut diagnostics = Diagnostics::default();
    for found in shares {
        diagnostics.extend(found);
    }
    diagnostics
}
