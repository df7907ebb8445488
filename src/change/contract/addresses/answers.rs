//! Whether who is asked for answers.

use super::{Asked, By, Why};
use crate::graph::{Graph, ServiceView, port_number, protocol};
use crate::vocabulary::{Node, Port, Protocol, TargetId};

/// Why a callee of a revision does not answer; `None` where it does.
pub(super) fn missing(
    target: TargetId,
    graph: &Graph,
    callee: ServiceView<'_>,
    asked: &Asked,
) -> Option<Why> {
    if graph.replicas(callee).most == 0 {
        return Some(Why::Nobody);
    }
    let named = callee.port(&asked.port).filter(|_| asked.by == By::Name);
    let numbered = || {
        callee
            .ports()
            .find(|port| port_number(port) == Some(asked.number))
    };
    let Some(port) = named.or_else(numbered) else {
        return Some(Why::Port);
    };
    if asked.others.iter().any(|other| other == port.label.name()) {
        return Some(Why::OtherPort);
    }
    if speaks(protocol(port)) != speaks(asked.protocol) {
        return Some(Why::Protocol);
    }
    if target != TargetId::Swarm {
        let named = callee.emitted_name() == asked.host;
        return if named {
            refused(graph, callee, port, asked)
        } else {
            Some(Why::Name)
        };
    }
    unnamed(graph, callee, asked)
}

/// The network of a service that joins none: its stack's own, `default` by its name in the file (docker/cli
/// `cli/compose/convert/service.go`, `convertServiceNetworks`).
pub(super) fn own_network(graph: &Graph, service: ServiceView<'_>) -> String {
    // Of one that nobody declares nothing else is to be known.
    if graph.network("default").is_none() {
        return format!("{}_default", graph.stack(service));
    }
    graph.network_name_on(TargetId::Swarm, service, "default")
}

/// Why a name that is asked for on a swarm does not lead to a service of a revision; `None` where it does.
pub(super) fn unnamed(graph: &Graph, callee: ServiceView<'_>, asked: &Asked) -> Option<Why> {
    if graph.joins(callee).next().is_none() {
        let named = callee.name() == asked.host || callee.emitted_name() == asked.host;
        return match (asked.networks.contains(&own_network(graph, callee)), named) {
            (false, _) => Some(Why::Network),
            (true, false) => Some(Why::Name),
            (true, true) => None,
        };
    }
    let mut joined = graph
        .joins(callee)
        .filter(|(name, _)| asked.is_on(graph, callee, name))
        .peekable();
    if joined.peek().is_none() {
        return Some(Why::Network);
    }
    let own = callee.name() == asked.host || callee.emitted_name() == asked.host;
    let named = own
        || joined.any(|(_, join)| {
            let aliases = join.aliases.iter().flat_map(|aliases| &aliases.value);
            aliases.into_iter().any(|alias| *alias.value == asked.host)
        });
    (!named).then_some(Why::Name)
}

/// Whether a policy of Kubernetes keeps a caller from a callee. Another policy counts at once, for the pods of both versions,
/// and it knows pods by the labels of their own version's networks
/// (kubernetes.io/docs/concepts/services-networking/network-policies; seen: `tests/changes/observed/policies.json`).
fn refused(
    graph: &Graph,
    callee: ServiceView<'_>,
    port: &Node<Port>,
    asked: &Asked,
) -> Option<Why> {
    if asked.gateway
        || graph
            .joins(callee)
            .any(|(name, _)| asked.is_on(graph, callee, name))
    {
        return None;
    }
    let admits = !graph.knows_peers(callee) || graph.is_open(callee, port);
    if admits && !asked.closed {
        return None;
    }
    Some(if asked.networks.is_empty() {
        Why::Policy
    } else {
        Why::Network
    })
}

/// What a connection begins with: a protocol over tcp is one's own affair where neither names it.
fn speaks(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http | Protocol::Tcp => "plain",
        Protocol::Https => "tls",
        Protocol::Udp => "udp",
        Protocol::Grpc => "grpc",
    }
}
