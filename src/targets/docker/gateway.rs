//! A gateway that is a service: it runs nginx, its configuration a config by content.

use super::draft::NewConfig;
use super::format::FileMount;
use super::{Lowering, mounts};
use crate::graph::{ServiceView, routing};
use crate::rollout::derivation::nginx::{SITE, is_configured_by_user};
use crate::targets::nginx::gateway_conf;
use crate::vocabulary::{Node, Port};

/// What a gateway has beside a service's body: the ports that its listeners publish and no `port`
/// says, and its configuration.
pub(in crate::targets) fn gateway(
    lowering: &mut Lowering<'_, '_>,
) -> (Vec<u64>, Option<FileMount>) {
    let service = lowering.service;
    let Some(gateway) = &service.node.gateway else {
        return (Vec::new(), None);
    };
    let mut listeners = Vec::new();
    for listen in &gateway.listen {
        let number = routing::port(listen);
        if published(service, number).is_none() && !listeners.contains(&number) {
            listeners.push(number);
        }
    }
    // The user's own file in its place wins.
    if is_configured_by_user(service) {
        let reason = "what the file mounted in its place says";
        lowering.ledger.declare_rest(&service.node.service, reason);
        return (listeners, None);
    }
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
    let conf = gateway_conf(lowering.graph, service, lowering.target, lowering.ledger);
    let key = lowering.draft.add_config(NewConfig {
        real: None,
        parts: vec![service.name()],
        extension: "conf",
        content: conf.render(),
        service: service.name(),
        span: service.span(),
    });
    (listeners, Some(mounts::at(key, Some(SITE.to_owned()))))
}

/// The port of a service that is published and has this number inside.
pub(in crate::targets) fn published(service: ServiceView<'_>, number: u64) -> Option<&Node<Port>> {
    service.ports().find(|port| {
        port.publish.is_some()
            && port
                .number
                .as_ref()
                .is_some_and(|own| own.value.get() == number)
    })
}
