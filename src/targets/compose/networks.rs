//! The networks of a service of a project, with its static addresses, and what is refused of these.

use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::Graph;
use crate::source::Span;
use crate::targets::Ledger;
use crate::targets::docker::{Lowering, Networks, attachments};
use crate::types::Cidr;
use crate::vocabulary::{Network, Node, TargetId};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The `networks` of a service.
pub(super) fn lower(lowering: &mut Lowering<'_, '_>) -> Option<Networks> {
    let networks = attachments(lowering, |ledger, join| {
        let address = ledger.take_from(join.address.as_ref())?;
        Some(address.to_string())
    });
    Networks::of(networks)
}

/// Reports what the engine would refuse: addresses that it cannot give, and subnets that overlap.
pub(super) fn check<'g>(graph: &'g Graph, networks: &[&'g Node<Network>], ledger: &mut Ledger<'_>) {
    let made = |network: &&&Node<Network>| !is_external(network);
    for network in networks.iter().filter(made) {
        addresses(graph, network, ledger);
    }
    for network in networks {
        given_to_others(graph, network, ledger);
    }
    let mut seen: Vec<(&Node<Network>, Cidr, Span)> = Vec::new();
    for network in networks.iter().filter(made) {
        let Some(subnet) = &network.subnet else {
            continue;
        };
        let overlaps = |other: Cidr| {
            subnet.value.contains(other.address) || other.contains(subnet.value.address)
        };
        if let Some((_, _, first)) = seen.iter().find(|(_, other, _)| overlaps(*other)) {
            let text = format!("`{}` belongs to two networks", subnet.value);
            let found = refused(text, subnet.span).and(*first, "the first");
            ledger.report(found.help("give each network addresses of its own"));
        }
        seen.push((network, subnet.value, subnet.span));
    }
}

/// Whether a network exists before the project.
pub(super) fn is_external(network: &Network) -> bool {
    network
        .external
        .as_ref()
        .is_some_and(|external| external.value)
}

/// The static addresses on one network.
fn addresses(graph: &Graph, network: &Node<Network>, ledger: &mut Ledger<'_>) {
    let name = network.label.name();
    let Some(subnet) = &network.subnet else {
        if let Some(gateway) = &network.gateway {
            let text = format!("network `{name}` has a gateway and no subnet");
            ledger.report(refused(text, gateway.span).help("add its `subnet`"));
        }
        for (service, address, span) in joined(graph, name) {
            let text = format!("`{address}` needs a subnet, and network `{name}` has none");
            let found = refused(text, span).and(network.span, "the engine chooses its addresses");
            ledger.report(found.help("add its `subnet`").about(service));
        }
        return;
    };
    // The engine takes the subnet's first address where no other is written (moby
    // `libnetwork/ipams/defaultipam`).
    let gateway = network.gateway.as_ref();
    let mut taken: BTreeMap<Ipv4Addr, (String, Span)> = BTreeMap::new();
    let first = Ipv4Addr::from(u32::from(subnet.value.address).saturating_add(1));
    taken.insert(
        gateway.map_or(first, |gateway| gateway.value),
        (
            "the network's gateway".to_owned(),
            gateway.map_or(subnet.span, |gateway| gateway.span),
        ),
    );
    for (service, address, span) in joined(graph, name) {
        if let Some((who, other)) = taken.get(&address) {
            let text = format!("`{address}` is taken on network `{name}`");
            let found = refused(text, span).and(*other, who.clone());
            let found = found.help("choose another address of the subnet");
            ledger.report(found.about(service));
        } else {
            taken.insert(address, (format!("`{service}` has it"), span));
        }
    }
}

/// Static addresses that the engine may have given to a container that asked for none: it gives the
/// lowest free one to each (our test on an engine), and on a network of several projects to anybody.
fn given_to_others(graph: &Graph, network: &Node<Network>, ledger: &mut Ledger<'_>) {
    let name = network.label.name();
    let real = graph.real_network_name(name);
    let containers = containers(graph, name);
    for (service, address, span) in joined(graph, name) {
        let why = if is_external(network) {
            format!("whoever joins `{real}` may have it")
        } else {
            let Some(subnet) = &network.subnet else {
                continue;
            };
            let place = u32::from(address).saturating_sub(u32::from(subnet.value.address));
            // The gateway has the first.
            if containers == 0 || u64::from(place) > containers.saturating_add(1) {
                continue;
            }
            "the engine gives the lowest addresses to containers that ask for none".to_owned()
        };
        let found = Diagnostic::new(
            &catalogue::ADDRESS_MAY_BE_TAKEN,
            format!("`{address}` may be taken on network `{name}` when `{service}` starts"),
            span,
        );
        let found = found.labelled(why).and(network.span, "the network");
        let help = "leave the address out and reach the service by its name, or choose one far up \
                    in a subnet that this project has for itself";
        ledger.report(found.help(help).about(service));
    }
}

/// How many containers are on a network, if some of them ask for no address.
fn containers(graph: &Graph, network: &str) -> u64 {
    let services = graph.services_on(TargetId::Compose);
    let mut all: u64 = 0;
    let mut any = false;
    for service in services {
        for (_, join) in graph.joins(service).filter(|(name, _)| *name == network) {
            any |= join.address.is_none();
            all = all.saturating_add(graph.replicas(service).default);
        }
    }
    if any { all } else { 0 }
}

/// The static addresses that services of the project want on a network.
fn joined<'g>(
    graph: &'g Graph,
    network: &'g str,
) -> impl Iterator<Item = (&'g str, Ipv4Addr, Span)> {
    graph
        .services_on(TargetId::Compose)
        .flat_map(move |service| {
            let joins = graph
                .joins(service)
                .filter(move |(name, _)| *name == network);
            joins.filter_map(move |(_, join)| {
                let address = join.address.as_ref()?;
                Some((service.name(), address.value, address.span))
            })
        })
}

fn refused(text: String, span: Span) -> Diagnostic {
    Diagnostic::new(&catalogue::ADDRESS_REFUSED, text, span)
}
