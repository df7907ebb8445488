//! A gateway on a swarm: a service that runs nginx, its configuration a config by content.

use super::Lowering;
use super::compose::{Port, Service};
use super::is_host_mode;
use super::mounts;
use super::stack::NewConfig;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::routing;
use crate::source::Span;
use crate::targets::nginx::gateway_conf;
use crate::types::Reference;
use crate::vocabulary::{Balance, Gateway, Label, RateLimit, SplitBy};
use std::collections::BTreeSet;

/// Where nginx's image reads it.
const PATH: &str = "/etc/nginx/conf.d/default.conf";

/// Adds to a service what a gateway has beside it: its published listeners and its configuration.
pub(super) fn lower(lowering: &mut Lowering<'_, '_>, mut lowered: Service) -> Service {
    let service = lowering.service;
    let Some(gateway) = &service.node.gateway else {
        return lowered;
    };
    let mut through_mesh = false;
    let mut published = BTreeSet::new();
    for listen in &gateway.listen {
        let number = routing::port(listen);
        let declared = service.ports().iter().find(|port| {
            port.publish.is_some()
                && port
                    .number
                    .as_ref()
                    .is_some_and(|own| own.value.get() == number)
        });
        through_mesh |= declared.is_none_or(|port| !is_host_mode(port));
        if declared.is_none() && published.insert(number) {
            lowered
                .ports
                .push(Port::Short(format!("{number}:{number}")));
        }
    }
    if through_mesh {
        clients_look_alike(lowering, gateway);
    }
    let body = &service.node.service.body;
    // The user's own file in its place wins.
    let taken = body.mount.iter().any(|mount| mount.label.name() == PATH)
        || body.config.iter().any(|mount| {
            matches!(&mount.label, Label::Reference(Reference::Config(_)))
                && mount.path.as_ref().is_some_and(|path| &*path.value == PATH)
        });
    if taken {
        let reason = "what the file mounted in its place says";
        lowering.ledger.declare_rest(&service.node.service, reason);
    } else {
        for tls in gateway
            .listen
            .iter()
            .filter_map(|listen| listen.tls.as_ref())
        {
            for secret in [&tls.certificate, &tls.key].into_iter().flatten() {
                let name = &secret.value.0;
                if !lowering.secrets.contains(name) {
                    lowering.secrets.push(name.clone());
                }
            }
        }
        let configuration = gateway_conf(lowering.graph, service, lowering.ledger).render();
        let key = lowering.draft.add_config(NewConfig {
            real: None,
            parts: vec![service.name()],
            extension: "conf",
            content: configuration,
            service: service.name(),
            span: service.span(),
        });
        lowered.configs.push(mounts::at(key, Some(PATH.to_owned())));
    }
    lowered
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
