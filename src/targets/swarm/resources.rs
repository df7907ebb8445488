//! The top-level networks, volumes and secrets of a stack file.

use super::format::{ExternalSecret, Network};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::Graph;
use crate::source::Span;
use crate::targets::Ledger;
use crate::targets::docker::{Ipam, Subnet, escaped, shell_variable};
use crate::types::Cidr;
use crate::vocabulary::Attribute;
use crate::yaml::{Commented, comment};
use std::net::Ipv4Addr;

/// A network, by its zd name; an external one outlives the stack.
pub(super) fn network<'g>(
    graph: &'g Graph,
    name: &str,
    external: bool,
    ledger: &mut Ledger<'g>,
) -> Option<(String, Commented<Network>)> {
    let network = ledger.enter(graph.network(name)?);
    let exists = ledger.take_from(network.external.as_ref());
    let real = ledger.take_from(network.name.as_ref());
    let mut lowered = Network {
        external,
        name: real.map(|real| escaped(real)),
        ..Network::default()
    };
    if external {
        const BEFOREHAND: &str = "the network is made before the stack, with these settings";
        ledger.declare_from(network.attachable.as_ref(), BEFOREHAND);
        ledger.declare_from(network.internal.as_ref(), BEFOREHAND);
        ledger.declare_from(network.subnet.as_ref(), BEFOREHAND);
        ledger.declare_from(network.gateway.as_ref(), BEFOREHAND);
        let made = exists.is_none().then(|| make_network(graph, name));
        return Some((
            name.to_owned(),
            Commented {
                comment: made,
                value: lowered,
            },
        ));
    }
    // The engine's own choice is the subnet's first address.
    let first = |subnet: Cidr| Ipv4Addr::from(u32::from(subnet.address).saturating_add(1));
    let subnet = network.subnet.as_ref().map(|subnet| subnet.value);
    let chosen = network.gateway.as_ref().map(|gateway| gateway.value);
    if let Some(gateway) = &network.gateway
        && chosen == subnet.map(first)
    {
        ledger.declare(gateway.id, "the engine chooses the same address");
    } else if let Some(gateway) = &network.gateway {
        let diagnostic = gateway_dropped(name, gateway.key_span.to(gateway.span));
        ledger.decline(gateway.id, diagnostic);
    }
    let subnet = ledger.take_from(network.subnet.as_ref());
    let attachable = ledger.take_from(network.attachable.as_ref());
    let internal = ledger.take_from(network.internal.as_ref());
    lowered.driver = Some("overlay");
    lowered.attachable = attachable.copied().filter(|attachable| *attachable);
    lowered.internal = internal.copied().filter(|internal| *internal);
    lowered.ipam = subnet.map(|subnet| Ipam {
        config: vec![Subnet {
            subnet: Some(subnet.to_string()),
            gateway: None,
        }],
    });
    Some((name.to_owned(), lowered.into()))
}

/// A secret, by its zd name. Its value is never in the stack: it is there already, or made before
/// the stack is deployed, under a name with the hash of its value, since a value cannot be changed
/// (`only updates to Labels are allowed`).
pub(super) fn secret<'g>(
    graph: &'g Graph,
    name: &str,
    ledger: &mut Ledger<'g>,
) -> Option<(String, Commented<ExternalSecret>)> {
    let secret = ledger.enter(graph.secret(name)?);
    ledger.take_from(secret.external.as_ref());
    let from = ledger.take_from(secret.from.as_ref());
    let file = ledger.take_from(secret.file.as_ref());
    let real = ledger.take_from(secret.name.as_ref());
    let real = real.map_or(name, |real| real);
    let variable = hash_variable(name);
    let named = |name| ExternalSecret {
        external: true,
        name,
    };
    let create = format!("docker secret create \"{real}-${variable}\"");
    let made = match (from, file) {
        (Some(from), _) => format!(
            "Made before the stack: printf %s \"${}\" | {create} -",
            from.0
        ),
        (None, Some(file)) => format!("Made before the stack: {create} {file}"),
        (None, None) => return Some((name.to_owned(), named(escaped(real)).into())),
    };
    let versioned = format!("{}-${{{variable}:?set {variable}}}", escaped(real));
    Some((name.to_owned(), comment(made, named(versioned))))
}

/// The variable by which a stack asks for the hash of a secret's value.
pub(super) fn hash_variable(secret: &str) -> String {
    format!("{}_HASH", shell_variable(secret))
}

/// How to make a network that outlives each of its stacks.
fn make_network(graph: &Graph, name: &str) -> String {
    let mut words = vec!["Made before the stacks: docker network create --driver overlay".into()];
    words.extend(network_options(graph, name));
    words.push(graph.real_network_name(name).to_owned());
    words.join(" ")
}

/// What a network that outlives its stacks is made with.
pub(super) fn network_options(graph: &Graph, name: &str) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(network) = graph.network(name) {
        let set = |flag: &Option<Attribute<bool>>| flag.as_ref().is_some_and(|flag| flag.value);
        words.extend(set(&network.attachable).then(|| "--attachable".to_owned()));
        words.extend(set(&network.internal).then(|| "--internal".to_owned()));
        let subnet = network.subnet.as_ref();
        words.extend(subnet.map(|subnet| format!("--subnet={}", subnet.value)));
        let gateway = network.gateway.as_ref();
        words.extend(gateway.map(|gateway| format!("--gateway={}", gateway.value)));
    }
    words
}

fn gateway_dropped(network: &str, span: Span) -> Diagnostic {
    let text = format!(
        "a stack file has no gateway for network `{network}`: the engine takes the subnet's first \
         address"
    );
    Diagnostic::new(&catalogue::NETWORK_GATEWAY, text, span)
        .help("take it out, or make the network yourself and write `external = true` instead")
}
