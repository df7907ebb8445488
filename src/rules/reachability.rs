//! A caller and its callee must share a real network, and be on the same targets.

use super::gateways::gateways;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Edge, EdgeKind, Graph, ServiceView};
use crate::vocabulary::{Capability, Resolve, TargetId};

/// Checks every edge.
pub(super) fn check(graph: &Graph, diagnostics: &mut Diagnostics) {
    for (from, edge, to) in graph
        .edges()
        .filter(|(_, edge, _)| edge.kind != EdgeKind::After)
    {
        let (Some(caller), Some(callee)) = (graph.service(from), graph.service(to)) else {
            continue;
        };
        let missing = missing_target(graph, caller, callee);
        if let Some(target) = missing {
            diagnostics.push(absent_callee(caller, callee, edge, target));
        } else if needs_network(graph, caller) && graph.shared_network(caller, callee).is_none() {
            diagnostics.push(unreachable(graph, caller, callee, edge));
        }
    }
}

/// Services that a gateway on a plain host leads to by a name, which Docker's name server knows in containers alone (moby
/// `libnetwork/resolver_unix.go`). One that `resolver` names may know of containers, and so may the host, which is asked at the start.
pub(super) fn names_on_hosts(graph: &Graph, diagnostics: &mut Diagnostics) {
    let settings = graph.settings(TargetId::Nginx);
    if settings.is_some_and(|settings| settings.resolver.is_some()) {
        return;
    }
    for (caller, gateway) in gateways(graph) {
        let of_pools = gateway.upstream.iter().map(|it| it.resolve.as_ref());
        let mut written = of_pools.chain([gateway.resolve.as_ref()]).flatten();
        let at_start = written.any(|resolve| resolve.value == Resolve::AtStart);
        if at_start || !graph.runs_on(caller, TargetId::Nginx) {
            continue;
        }
        let routes = graph.edges_from(caller.id);
        let routes = routes.filter(|(edge, _)| edge.kind == EdgeKind::Routes);
        let callees = routes.filter_map(|(edge, callee)| Some((edge, graph.service(callee)?)));
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            callees.partition(|(_, callee)| graph.is_on_host(*callee));
        // Where it leads to no slot it may be nginx in a container.
        if here.is_empty() {
            continue;
        }
        for (edge, callee) in elsewhere {
            diagnostics.push(no_names(caller, callee, edge));
        }
    }
}

/// A target that has the caller and lacks the callee. A proxy on its own host reaches services
/// that another target runs.
fn missing_target(
    graph: &Graph,
    caller: ServiceView<'_>,
    callee: ServiceView<'_>,
) -> Option<TargetId> {
    graph.targets().into_iter().find(|target| {
        let runs_services = target.has(Capability::RunsServices);
        runs_services && graph.runs_on(caller, *target) && !graph.runs_on(callee, *target)
    })
}

/// Whether a caller is on a network at all: a gateway that no target runs may stand outside.
fn needs_network(graph: &Graph, caller: ServiceView<'_>) -> bool {
    let is_run = caller.node.gateway.is_none()
        || TargetId::ALL
            .iter()
            .any(|target| target.has(Capability::RunsGateways) && graph.runs_on(caller, *target));
    is_run || graph.joins(caller).next().is_some()
}

/// No network in common.
fn unreachable(
    graph: &Graph,
    caller: ServiceView<'_>,
    callee: ServiceView<'_>,
    edge: &Edge,
) -> Diagnostic {
    let (from, to) = (caller.name(), callee.name());
    let networks = |service: ServiceView<'_>| {
        let names: Vec<String> = graph
            .joins(service)
            .map(|(name, _)| match graph.real_network_name(name) {
                real if real == name => format!("`{name}`"),
                real => format!("`{name}` (really `{real}`)"),
            })
            .collect();
        match names.as_slice() {
            [] => format!("`{}` joins no network", service.name()),
            names => format!("`{}` is on {}", service.name(), names.join(", ")),
        }
    };
    let fix = match graph.joins(callee).next() {
        Some((network, _)) => format!("let both join one network: `join {network}` in `{from}`"),
        None => {
            format!("let both join one network: declare it and `join` it in `{from}` and `{to}`")
        }
    };
    Diagnostic::new(
        &catalogue::UNREACHABLE,
        format!("`{from}` cannot reach `{to}`: they have no network in common"),
        edge.span,
    )
    .labelled(networks(caller))
    .and(callee.span(), networks(callee))
    .help(fix)
    .about(from)
}

/// The callee is not written for a target that has the caller.
fn absent_callee(
    caller: ServiceView<'_>,
    callee: ServiceView<'_>,
    edge: &Edge,
    target: TargetId,
) -> Diagnostic {
    let (from, to, target) = (caller.name(), callee.name(), target.word());
    Diagnostic::new(
        &catalogue::ABSENT_CALLEE,
        format!("`{from}` is written for {target} and refers to `{to}`, which is not"),
        edge.span,
    )
    .and(callee.span(), format!("not written for {target}"))
    .help(format!(
        "add {target} to the `targets` of `{to}`, or take it from those of `{from}`"
    ))
    .about(from)
}

/// What it leads to has no slots on its host, and a name that nothing there knows.
fn no_names(caller: ServiceView<'_>, callee: ServiceView<'_>, edge: &Edge) -> Diagnostic {
    let (from, to) = (caller.name(), callee.name());
    Diagnostic::new(
        &catalogue::NO_NAMES_ON_A_HOST,
        format!("`{from}` is the nginx of a plain host, and `{to}` does not run there: each request for it is answered with 502"),
        edge.span,
    )
    .labelled("asked for by its name at 127.0.0.11, which answers in containers alone")
    .and(callee.span(), "no slot of the host")
    .help(format!(
        "let `{to}` run on the host, `targets = [nginx]` and slots; or lead to it by a second gateway, one of its own target; \
         or name a server that knows `{to}`, `target nginx {{ resolver = … }}`"
    ))
    .about(from)
}
