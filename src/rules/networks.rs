//! Networks: one real network under two names, addresses outside their subnet, and names that
//! several services answer to.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceId, ServiceView};
use crate::source::Span;
use crate::vocabulary::{Network, Node, TargetId};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Two networks of the program with one real name.
pub(super) fn two_names(graph: &Graph, diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<&str, &Node<Network>> = BTreeMap::new();
    for network in &graph.deployment().networks {
        let real = graph.real_network_name(network.label.name());
        match seen.get(real) {
            Some(first) => diagnostics.push(one_network_two_names(real, first, network)),
            None => {
                seen.insert(real, network);
            }
        }
    }
}

/// Static addresses and gateways lie in their network's subnet.
pub(super) fn addresses(graph: &Graph, diagnostics: &mut Diagnostics) {
    for network in &graph.deployment().networks {
        let (Some(subnet), Some(gateway)) = (&network.subnet, &network.gateway) else {
            continue;
        };
        if !subnet.value.contains(gateway.value) {
            let text = format!("`{}` is not in `{}`", gateway.value, subnet.value);
            diagnostics.push(outside_subnet(text, gateway.span, subnet.span));
        }
    }
    for service in graph.services() {
        for (name, join) in graph.joins(service) {
            let subnet = graph
                .network(name)
                .and_then(|network| network.subnet.as_ref());
            let (Some(address), Some(subnet)) = (&join.address, subnet) else {
                continue;
            };
            if !subnet.value.contains(address.value) {
                let text = format!("`{}` is not in `{}`", address.value, subnet.value);
                diagnostics
                    .push(outside_subnet(text, address.span, subnet.span).about(service.name()));
            }
        }
    }
}

/// A name that more than one service answers to on one real network of Docker's.
///
/// Each service answers to its declared aliases and, on every network it joins, to its own short
/// name (docker/cli `cli/compose/convert/service.go`, `convertServiceNetworks`; docker/compose
/// `pkg/compose/create.go`, `getAliases`).
pub(super) fn aliases(graph: &Graph, diagnostics: &mut Diagnostics) {
    // Almost every name is one service's: only of the others is it kept who answers.
    let mut owners: FxHashMap<(&str, &str), ServiceId> = FxHashMap::default();
    let mut shared: BTreeMap<(&str, &str), Vec<(ServiceView<'_>, Span)>> = BTreeMap::new();
    for (key, service, _) in answers(graph) {
        if *owners.entry(key).or_insert(service.id) != service.id {
            shared.entry(key).or_default();
        }
    }
    if shared.is_empty() {
        return;
    }
    for (key, service, span) in answers(graph) {
        // A service's names come one after the other.
        if let Some(answering) = shared.get_mut(&key)
            && answering
                .last()
                .is_none_or(|(last, _)| last.id != service.id)
        {
            answering.push((service, span));
        }
    }
    for ((network, name), answering) in &shared {
        if let [first, others @ ..] = answering.as_slice() {
            diagnostics.push(ambiguous_name(network, name, *first, others));
        }
    }
}

/// Every name that a service of Docker's answers to: the network's real name and its own, who
/// answers, and where that is said.
fn answers(graph: &Graph) -> impl Iterator<Item = ((&str, &str), ServiceView<'_>, Span)> {
    graph
        .services()
        .filter(|service| {
            [TargetId::Swarm, TargetId::Compose]
                .iter()
                .any(|target| graph.runs_on(*service, *target))
        })
        .flat_map(move |service| graph.joins(service).map(move |join| (service, join)))
        .flat_map(move |(service, (network, join))| {
            let real = graph.real_network_name(network);
            let own_name = service.node.service.name.as_ref();
            let own_span = own_name.map_or(service.span(), |name| name.span);
            let declared = join.aliases.iter().flat_map(|aliases| &aliases.value);
            std::iter::once((service.emitted_name(), own_span))
                .chain(declared.map(|alias| (&*alias.value, alias.span)))
                .map(move |(name, span)| ((real, name), service, span))
        })
}

fn one_network_two_names(real: &str, first: &Node<Network>, second: &Node<Network>) -> Diagnostic {
    let (one, two) = (first.label.name(), second.label.name());
    let written = |network: &Node<Network>| network.name.as_ref().map_or(network.span, |n| n.span);
    let slip = if second.name.is_some() { second } else { first };
    Diagnostic::new(
        &catalogue::ONE_NETWORK_TWO_NAMES,
        format!("`{one}` and `{two}` are one real network, `{real}`"),
        written(slip),
    )
    .labelled(format!("`{}` is `{real}` too", slip.label.name()))
    .and(
        written(if std::ptr::eq(slip, second) {
            first
        } else {
            second
        }),
        format!("`{real}`"),
    )
    .help(format!(
        "give `{}` its own `name`, or keep one of the two",
        slip.label.name()
    ))
    .note("services that seem apart share this network, and answer to each other's names on it")
}

fn outside_subnet(text: String, address: Span, subnet: Span) -> Diagnostic {
    Diagnostic::new(&catalogue::OUTSIDE_SUBNET, text, address)
        .and(subnet, "the network's addresses")
        .help("choose an address of the subnet")
}

/// Names that come from a template stand in one place for several services: each place once.
fn ambiguous_name(
    network: &str,
    name: &str,
    first: (ServiceView<'_>, Span),
    others: &[(ServiceView<'_>, Span)],
) -> Diagnostic {
    let mut places: Vec<(Span, String)> = Vec::new();
    for (service, span) in std::iter::once(&first).chain(others) {
        let service = format!("`{}`", service.name());
        match places.iter_mut().find(|(place, _)| place == span) {
            Some((_, services)) => *services = format!("{services}, {service}"),
            None => places.push((*span, service)),
        }
    }
    let services: Vec<&str> = places
        .iter()
        .map(|(_, services)| services.as_str())
        .collect();
    let found = Diagnostic::new(
        &catalogue::AMBIGUOUS_NAME,
        format!(
            "`{name}` answers for {} on network `{network}`",
            services.join(", ")
        ),
        first.1,
    )
    .labelled(services.first().copied().unwrap_or_default())
    .help("give each service a name and aliases of its own on the network")
    .note(
        "Docker makes a service's short name an alias on each of its networks, whatever the stack: \
         whoever asks for it gets any of them",
    )
    .about(first.0.name());
    places
        .into_iter()
        .skip(1)
        .fold(found, |found, (span, services)| found.and(span, services))
}
