//! The names by which one service reaches another, as far as they do not depend on a target.

use super::{Graph, ServiceView, SharedNetwork};
use crate::vocabulary::Protocol;

/// The scheme of a port's URL.
pub fn scheme(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Https => "https",
        Protocol::Grpc => "grpc",
        Protocol::Http | Protocol::Tcp | Protocol::Udp => "http",
    }
}

impl Graph {
    /// The name by which `caller` reaches `callee` on Docker's networks, those of a swarm and those of
    /// docker compose: the callee's first declared alias on a network both share, else the callee's
    /// zd name, which the target adds as an alias.
    ///
    /// The service's own short name is not safe: `docker stack deploy` makes it an alias on each
    /// of its networks (docker/cli `cli/compose/convert/service.go`), so two stacks' `app` on one
    /// network answer for each other.
    pub fn docker_name<'a>(&'a self, caller: ServiceView<'a>, callee: ServiceView<'a>) -> &'a str {
        let declared = match self.shared_network(caller, callee) {
            Some(SharedNetwork::Named { theirs, .. }) => self
                .joins(callee)
                .find(|(name, _)| *name == theirs)
                .and_then(|(_, join)| join.aliases.as_ref())
                .and_then(|aliases| aliases.value.first()),
            Some(SharedNetwork::Default) | None => None,
        };
        declared.map_or(callee.name(), |alias| &alias.value)
    }
}
