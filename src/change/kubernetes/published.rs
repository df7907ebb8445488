//! Ports at which a Service is asked from outside of the cluster, and is asked no more: those of its load balancer, and those of the nodes
//! (`kubernetes.io/docs/concepts/services-networking/service`, Publishing Services).

use super::Keyed;
use super::parts::{items, service_type, text};
use crate::change::difference::value;
use crate::change::{Loss, Lost};
use crate::targets::Object;
use serde_json::Value;

/// A port of a Service.
struct Port {
    name: String,
    number: u64,
    protocol: String,
    of_nodes: Option<u64>,
}

/// Each that a Service which stays has no more, and no other one has instead.
pub(super) fn lost(
    name: &str,
    (was, is): (&Object, &Object),
    (old, new): (&Keyed<'_>, &Keyed<'_>),
) -> Vec<Loss> {
    let [of_before, of_now] = [was, is].map(service_type);
    let [before, now] = [was, is].map(ports);
    let mut found = Vec::new();
    if [&of_before, &of_now].iter().all(|it| *it == "LoadBalancer") {
        // Two may share an address, and one has the port of the other then.
        let is_moved = |port: &Port| {
            let others = new
                .iter()
                .filter(|(key, it)| is_one(key) && service_type(it) == of_now);
            let mut others = others.filter(|(_, other)| has(&ports(other), port));
            others.any(|(key, _)| old.get(key).is_none_or(|it| !has(&ports(it), port)))
        };
        let gone = before.iter().filter(|it| !has(&now, it) && !is_moved(it));
        found.extend(gone.map(|port| {
            let udp = if port.protocol == "UDP" { "/udp" } else { "" };
            loss(
                name,
                &format!("port {}{udp} of its load balancer", port.number),
            )
        }));
    }
    if [&of_before, &of_now]
        .iter()
        .all(|it| has_ports_of_nodes(it))
    {
        let gone = before.iter().filter_map(|port| {
            let number = port.of_nodes?;
            (!keeps(&now, port) && !is_any(new, number)).then_some(number)
        });
        found.extend(gone.map(|number| loss(name, &format!("port {number} of the nodes"))));
    }
    found
}

fn is_one(key: &super::Key<'_>) -> bool {
    (key.0, key.1) == ("", "Service")
}

fn has_ports_of_nodes(kind: &str) -> bool {
    matches!(kind, "LoadBalancer" | "NodePort")
}

fn has(ports: &[Port], wanted: &Port) -> bool {
    let mut ports = ports.iter();
    ports.any(|it| it.number == wanted.number && it.protocol == wanted.protocol)
}

/// Whether one has its port of the nodes still: one that is not written is that of before, by the name of the port (kubernetes/kubernetes
/// `pkg/registry/core/service/storage/alloc.go`, `patchAllocatedValues`).
fn keeps(ports: &[Port], was: &Port) -> bool {
    let mut ports = ports.iter();
    ports.any(|it| it.of_nodes.is_none() && it.name == was.name || it.of_nodes == was.of_nodes)
}

/// Whether a Service has a port of the nodes.
fn is_any(side: &Keyed<'_>, number: u64) -> bool {
    let mut services = side
        .iter()
        .filter(|(key, it)| is_one(key) && has_ports_of_nodes(&service_type(it)));
    services.any(|(_, it)| ports(it).iter().any(|port| port.of_nodes == Some(number)))
}

fn ports(service: &Object) -> Vec<Port> {
    let whole = value(&service.content);
    let spec = whole.get("spec").into_iter();
    let ports = spec.flat_map(|it| items(it, "ports")).filter_map(|port| {
        let of_nodes = port.get("nodePort").and_then(Value::as_u64);
        Some(Port {
            name: text(port, "name").unwrap_or_default().to_owned(),
            number: port.get("port")?.as_u64()?,
            protocol: text(port, "protocol").unwrap_or("TCP").to_owned(),
            of_nodes: of_nodes.filter(|it| *it > 0),
        })
    });
    ports.collect()
}

fn loss(service: &str, port: &str) -> Loss {
    Loss {
        about: Lost::Outside,
        what: format!("Service `{service}` gives up {port}: who asks there gets no answer"),
        way: "keep it until nobody asks there; another number may be a port of its own beside it"
            .to_owned(),
    }
}
