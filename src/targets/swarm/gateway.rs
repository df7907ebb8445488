//! A gateway on a swarm: a service that runs nginx, its configuration a config by content.

use super::Lowering;
use super::compose::{Port, Service};
use super::mounts;
use super::stack::NewConfig;
use crate::targets::nginx::gateway_conf;
use crate::types::Reference;
use crate::vocabulary::Label;

/// Where nginx's image reads it.
const PATH: &str = "/etc/nginx/conf.d/default.conf";

/// Adds to a service what a gateway has beside it: its published listeners and its configuration.
pub(super) fn lower(lowering: &mut Lowering<'_, '_>, mut lowered: Service) -> Service {
    let service = lowering.service;
    let Some(gateway) = &service.node.gateway else {
        return lowered;
    };
    for listen in &gateway.listen {
        let number = listen.port.as_ref().map_or(80, |port| port.value.get());
        let declared = service.ports().iter().any(|port| {
            port.publish.is_some()
                && port
                    .number
                    .as_ref()
                    .is_some_and(|own| own.value.get() == number)
        });
        if !declared {
            lowered
                .ports
                .push(Port::Short(format!("{number}:{number}")));
        }
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
