//! What the routing mesh does to a gateway's clients: each of them has the mesh's own address.

use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{is_of_nodes, routing};
use crate::source::Span;
use crate::targets::docker::{Lowering, published};
use crate::vocabulary::{Balance, Gateway, RateLimit, SplitBy};

/// Says so where something of the gateway tells clients apart by their address.
pub(super) fn through_mesh(lowering: &mut Lowering<'_, '_>) {
    let service = lowering.service;
    let Some(gateway) = &service.node.gateway else {
        return;
    };
    let is_meshed = gateway.listen.iter().any(|listen| {
        published(service, routing::port(listen)).is_none_or(|port| !is_of_nodes(port))
    });
    if is_meshed {
        clients_look_alike(lowering, gateway);
    }
}

/// What tells clients apart by an address that the routing mesh has replaced by its own.
fn clients_look_alike(lowering: &mut Lowering<'_, '_>, gateway: &Gateway) {
    let by_address = |key: &str| ["remote_addr", "realip_"].iter().any(|it| key.contains(it));
    let mut found: Vec<(&str, Span)> = Vec::new();
    for balance in gateway.upstream.iter().filter_map(|it| it.balance.as_ref()) {
        match &balance.value {
            Balance::IpHash => found.push(("`ip_hash` sends all to one server", balance.span)),
            Balance::Hash(key) if by_address(key) => {
                found.push(("`hash` sends all to one server", balance.span));
            }
            _ => {}
        }
    }
    let limits = gateway.route.iter().map(|route| route.rate_limit.as_ref());
    let address = |limit: &RateLimit| {
        let key = limit.key.as_ref();
        key.is_none_or(|key| by_address(&key.value))
    };
    for limit in limits.chain([gateway.rate_limit.as_ref()]).flatten() {
        if address(limit) {
            found.push(("the limit is one for all of them", limit.span));
        }
    }
    for by in gateway.route.iter().filter_map(|it| it.split_by.as_ref()) {
        if by.value == SplitBy::Client {
            found.push(("all of them go to one part", by.span));
        }
    }
    for (what, span) in found {
        lowering.ledger.report(
            Diagnostic::new(
                &catalogue::CLIENTS_LOOK_ALIKE,
                format!("all clients have one address behind the routing mesh: {what}"),
                span,
            )
            .and(lowering.service.span(), "published in the ingress mode")
            .help(
                "publish its ports in the host mode, `port NAME { number = …, publish = …, mode = \
                 host }`, or tell clients apart by something else",
            )
            .about(lowering.service.name()),
        );
    }
}
