//! Plain hosts: which services run on one, and in which slots.
//!
//! A slot is a place for one instance, named by its port. Not here: what is started in it, and how.

use super::{Graph, ServiceView};
use crate::source::Span;
use crate::vocabulary::{Node, Port, TargetId};

/// The slots of a service on a plain host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    /// The port of each, in the order written; at least one.
    pub ports: Vec<u64>,
    /// Where they are written.
    pub span: Span,
}

impl Graph {
    /// The targets a service is written for: its own, else the app's.
    pub fn targets_of(&self, service: ServiceView<'_>) -> Vec<TargetId> {
        match &service.node.service.targets {
            Some(own) => own.value.iter().map(|own| own.value).collect(),
            None => self.targets(),
        }
    }

    /// Whether a service runs on a plain host with nginx in front: nginx is all it is written for.
    /// Where another target runs it, nginx only leads requests there. A gateway is nginx itself.
    pub fn is_on_host(&self, service: ServiceView<'_>) -> bool {
        let targets = self.targets_of(service);
        let only_nginx = targets.iter().all(|target| *target == TargetId::Nginx);
        service.node.gateway.is_none() && only_nginx && !targets.is_empty()
    }

    /// Whether it is nginx beside a swarm, which asks on the networks of the swarm and is reloaded by whoever runs it.
    pub fn leads_to_a_swarm(&self, service: ServiceView<'_>) -> bool {
        service.node.gateway.is_some()
            && self.runs_on(service, TargetId::Nginx)
            && !self.runs_on(service, TargetId::Swarm)
    }

    /// The slots of a service: those its `update` names, else the range its port is published on,
    /// else the port's number alone. `None` where nothing names one.
    pub fn slots(&self, service: ServiceView<'_>) -> Option<Slots> {
        let update = service.node.service.update.as_ref();
        if let Some(slots) = update.and_then(|update| update.slots.as_ref()) {
            let ports: Vec<u64> = slots.value.iter().map(|slot| slot.value.get()).collect();
            let span = slots.span;
            return (!ports.is_empty()).then_some(Slots { ports, span });
        }
        let port = self.slotted_port(service)?;
        if let Some(publish) = &port.publish {
            let ports = publish.value.least.get()..=publish.value.most.get();
            let span = publish.span;
            return Some(Slots {
                ports: ports.collect(),
                span,
            });
        }
        let number = port.number.as_ref()?;
        Some(Slots {
            ports: vec![number.value.get()],
            span: number.span,
        })
    }

    /// The port that a slot's port leads to: the one that is published, else the only one or `http`.
    pub fn slotted_port<'a>(&'a self, service: ServiceView<'a>) -> Option<&'a Node<Port>> {
        let published = service.ports().find(|port| port.publish.is_some());
        published.or_else(|| service.default_port())
    }
}
