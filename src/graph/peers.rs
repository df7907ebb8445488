//! Who may reach a service of a cluster, by the networks that it is on.

use super::{EdgeKind, Graph, ServiceView};
use crate::vocabulary::{Network, Node, Port, TargetId};

impl Graph {
    /// Whether all who may reach a service by its networks are known: it is on some, and on none that others are on
    /// too.
    pub fn knows_peers(&self, service: ServiceView<'_>) -> bool {
        let external = |network: &Network| network.external.as_ref().is_some_and(|it| it.value);
        let mut joins = self.joins(service).peekable();
        joins.peek().is_some()
            && !joins.any(|(name, _)| self.network(name).is_some_and(|it| external(it)))
    }

    /// Whether a service may reach only those on its networks: it is on some, and each is internal.
    pub fn is_closed(&self, service: ServiceView<'_>) -> bool {
        let internal = |network: &Network| network.internal.as_ref().is_some_and(|it| it.value);
        let mut joins = self.joins(service).peekable();
        joins.peek().is_some()
            && joins.all(|(name, _)| self.network(name).is_none_or(|it| internal(it)))
    }

    /// Whether a cluster lets anybody in at a port: it has one on every node, or is published past all gateways.
    pub fn is_open(&self, service: ServiceView<'_>, port: &Node<Port>) -> bool {
        port.node_port.is_some() || port.publish.is_some() && !self.is_routed(service, port)
    }

    /// Whether a gateway on Kubernetes routes to a port.
    pub fn is_routed(&self, service: ServiceView<'_>, port: &Node<Port>) -> bool {
        self.edges().any(|(from, edge, to)| {
            edge.kind == EdgeKind::Routes
                && to == service.id
                && *edge.port == *port.label.name()
                && self
                    .service(from)
                    .is_some_and(|from| self.runs_on(from, TargetId::Kubernetes))
        })
    }
}
