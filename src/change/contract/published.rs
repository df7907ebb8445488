//! Ports that services publish to the outside and publish no more, while clients still ask there.

use super::listeners::{by_what, targets};
use super::{Both, Step, pairs};
use crate::change::swarm::published as words;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{self, Graph, ServiceView, routing};
use crate::vocabulary::{Node, Port, Protocol, TargetId};

/// A port that is asked from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Outside<'g> {
    number: u64,
    udp: bool,
    /// Whether it is one of every node of Kubernetes, and not of a load balancer.
    of_nodes: bool,
    /// The name of the service's port behind it.
    port: &'g str,
}

impl Outside<'_> {
    /// Whether who asks for the one is answered at the other.
    fn is_as(&self, other: &Outside<'_>) -> bool {
        let key = |it: &Outside<'_>| (it.number, it.udp, it.of_nodes);
        key(self) == key(other)
    }

    fn words(&self) -> String {
        let udp = if self.udp { "/udp" } else { "" };
        let nodes = if self.of_nodes { " of the nodes" } else { "" };
        format!("on port {}{udp}{nodes}", self.number)
    }
}

/// What a service published and publishes no more.
pub(super) fn removed(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        // Nobody answered of whom there was none.
        if old.replicas(both.old).most == 0 {
            continue;
        }
        let stays = |target: &TargetId| stays(step, *target, both, (old, new));
        let mut all: Vec<(Outside<'_>, TargetId, bool)> = Vec::new();
        for target in step.targets().filter(stays) {
            for was in of(old, both.old, target) {
                let is_lost = !is_answered(target, &was, both, new);
                all.push((was, target, is_lost));
            }
        }
        let lost = all.iter().filter(|(.., is_lost)| *is_lost);
        let lost = lost.map(|(was, target, _)| (*was, *target));
        for (was, on) in by_what(lost.collect()) {
            let had = all.iter().filter(|(known, ..)| *known == was).count();
            let what = format!("{}{}", was.words(), targets(&on, had));
            let help = way(&was, &on, both, new);
            found.push(removal(both, &was, (&what, help)));
        }
        if step.targets().any(|it| it == TargetId::Swarm && stays(&it)) {
            out_of_mesh(both, new, found);
        }
    }
}

/// Ports that every node answered and that are of the nodes with a task now.
fn out_of_mesh(both: Both<'_>, new: &Graph, found: &mut Diagnostics) {
    let placement = both.new.node.service.placement.as_ref();
    let is_everywhere =
        new.is_global(both.new) && placement.is_none_or(|placement| placement.node.is_none());
    if is_everywhere {
        return;
    }
    let key = |port: &Node<Port>| {
        let publish = port.publish.as_ref()?;
        let is_udp = graph::protocol(port) == Protocol::Udp;
        Some((publish.value.least.get(), is_udp))
    };
    let listened = |number| {
        let gateway = both.old.node.gateway.iter();
        let mut listens = gateway.flat_map(|it| &it.listen);
        listens.any(|it| routing::port(it) == number)
            && !is_mapped(both.old, TargetId::Swarm, number)
    };
    for port in both.new.ports().filter(|port| graph::is_of_nodes(port)) {
        let (Some(publish), Some((number, udp))) = (&port.publish, key(port)) else {
            continue;
        };
        let mut had = both.old.ports().filter(|port| !graph::is_of_nodes(port));
        if !had.any(|was| key(was) == key(port)) && (udp || !listened(number)) {
            continue;
        }
        let name = both.new.name();
        let udp = if udp { "/udp" } else { "" };
        found.push(
            Diagnostic::new(
                &catalogue::ROUTE_REMOVED,
                words::out_of_mesh(name, &format!("port {number}{udp}"), "mode = host"),
                port.mode.as_ref().map_or(publish.span, |mode| mode.span),
            )
            .help(words::KEEP_IN_MESH)
            .about(name),
        );
    }
}

/// Whether a service is on a target before and after, and the same one there: what has another name is made beside the old one, which
/// goes on answering.
fn stays(step: &Step<'_>, target: TargetId, both: Both<'_>, (old, new): (&Graph, &Graph)) -> bool {
    let is_same = match target {
        TargetId::Swarm => pairs::place(old, both.old) == pairs::place(new, both.new),
        TargetId::Compose => {
            old.name() == new.name() && both.old.emitted_name() == both.new.emitted_name()
        }
        _ => !step.renames(both.new.name()),
    };
    is_same && old.runs_on(both.old, target) && new.runs_on(both.new, target)
}

/// The ports of a service that are asked from outside on a target; a slot of a plain host is published on the loopback
/// (`src/targets/nginx/hosts/lowering.rs`).
fn of<'g>(graph: &Graph, service: ServiceView<'g>, target: TargetId) -> Vec<Outside<'g>> {
    let on_cluster = target == TargetId::Kubernetes;
    // There a gateway is the cluster's controller.
    if target == TargetId::Nginx || on_cluster && service.node.gateway.is_some() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for port in service.ports() {
        let mut add = |number, of_nodes| {
            all.push(Outside {
                number,
                udp: graph::protocol(port) == Protocol::Udp,
                of_nodes,
                port: port.label.name(),
            });
        };
        if let Some(number) = port.node_port.as_ref().filter(|_| on_cluster) {
            add(number.value.get(), true);
        }
        if let Some(publish) = &port.publish {
            let (least, most) = (publish.value.least.get(), publish.value.most.get());
            match target {
                TargetId::Compose => (least..=most).for_each(|number| add(number, false)),
                TargetId::Kubernetes if graph.is_routed(service, port) => {}
                _ => add(least, false),
            }
        }
    }
    all
}

/// Whether somebody of a program publishes a port on a target.
pub(super) fn by_anybody(graph: &Graph, target: TargetId, number: u64) -> bool {
    let mut services = graph.services().filter(|it| graph.runs_on(*it, target));
    services.any(|it| {
        let mut all = of(graph, it, target).into_iter();
        all.any(|it| it.number == number && !it.of_nodes)
    })
}

/// Whether a port of a gateway publishes a listener, where those publish themselves otherwise.
pub(super) fn is_mapped(gateway: ServiceView<'_>, target: TargetId, listener: u64) -> bool {
    let by_docker = matches!(target, TargetId::Swarm | TargetId::Compose);
    let mut ports = gateway.ports();
    by_docker
        && ports.any(|port| {
            let number = graph::port_number(port).map(u64::from);
            port.publish.is_some() && number == Some(listener)
        })
}

/// Whether a listener is not published on its own port, but by a port of its gateway on another one: such a port takes the place of what the
/// listener publishes (`src/targets/docker/gateway.rs`, `gateway`).
pub(super) fn is_elsewhere(
    (graph, gateway): (&Graph, ServiceView<'_>),
    target: TargetId,
    listener: u64,
) -> bool {
    let is_there = |it: &Outside<'_>| it.number == listener && !it.of_nodes && !it.udp;
    is_mapped(gateway, target, listener) && !of(graph, gateway, target).iter().any(is_there)
}

/// Whether somebody answers there, the service or another one of the program.
fn is_answered(target: TargetId, was: &Outside<'_>, both: Both<'_>, new: &Graph) -> bool {
    let own = of(new, both.new, target);
    if own.iter().any(|it| it.is_as(was)) {
        return true;
    }
    let services = || new.services().filter(|it| new.runs_on(*it, target));
    let others = || services().any(|it| of(new, it, target).iter().any(|it| it.is_as(was)));
    let port = both.new.port(was.port);
    match (target, was.of_nodes) {
        // A Service that has such ports still gives each of its ports the one that it had, by its name
        // (kubernetes/kubernetes `pkg/registry/core/service/storage/alloc.go`, `patchAllocatedValues`).
        (TargetId::Kubernetes, true) => {
            let kept = port.filter(|port| port.node_port.is_none());
            let kept = kept.is_some_and(|port| admits_all(new, both.new, port));
            others() || kept && own.iter().any(|it| it.of_nodes)
        }
        // Each load balancer has an address of its own. One that is written no more is left behind, and what it leads to may admit it.
        (TargetId::Kubernetes, false) => {
            let is_left = own.iter().all(|it| it.of_nodes);
            is_left && port.is_some_and(|port| admits_all(new, both.new, port))
        }
        _ => {
            let mut gateways =
                services().filter(|it| !is_elsewhere((new, *it), target, was.number));
            let listens = gateways.any(|it| {
                let gateway = it.node.gateway.iter();
                let mut ports = gateway
                    .flat_map(|it| &it.listen)
                    .map(|it| routing::port(it));
                !was.udp && ports.any(|port| port == was.number)
            });
            others() || listens
        }
    }
}

/// Whether the policy of a service on Kubernetes, if it has one, admits everybody at a port.
fn admits_all(graph: &Graph, service: ServiceView<'_>, port: &Node<Port>) -> bool {
    let settings = graph.settings(TargetId::Kubernetes);
    let from = settings.and_then(|settings| settings.ingress_from.as_ref());
    !graph.knows_peers(service)
        || graph.is_open(service, port)
        || graph.is_routed(service, port) && from.is_none()
}

/// What to write instead. On Kubernetes a port that a gateway leads to has no Service of its own (`graph::is_routed`), whatever publishes it.
fn way(was: &Outside<'_>, on: &[TargetId], both: Both<'_>, new: &Graph) -> &'static str {
    let routed = both.new.port(was.port).filter(|port| {
        on == [TargetId::Kubernetes] && !was.of_nodes && new.is_routed(both.new, port)
    });
    if routed.is_none() {
        return words::KEEP;
    }
    // One that is written no more is left, and leads to whoever is admitted.
    let own = of(new, both.new, TargetId::Kubernetes);
    let is_left = own.iter().all(|it| it.of_nodes);
    if is_left {
        "a gateway leads to it now, and its load balancer stays: leave `ingress_from` out until no client asks there, so that pods admit who \
         comes by it"
    } else {
        "a gateway leads to it now, so that nothing else publishes it: lead to it by no `route` until no client asks there"
    }
}

fn removal(both: Both<'_>, was: &Outside<'_>, (what, help): (&str, &str)) -> Diagnostic {
    let name = both.new.name();
    let span = both.new.port(was.port).map(|port| {
        let publish = port.publish.as_ref().map(|it| it.span);
        let of_nodes = port.node_port.as_ref().map(|it| it.span);
        let written = if was.of_nodes { of_nodes } else { publish };
        written.unwrap_or(port.span)
    });
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        words::removed(name, what),
        span.unwrap_or_else(|| both.new.span()),
    )
    .help(help)
    .about(name)
}
