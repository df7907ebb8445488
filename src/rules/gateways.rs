//! What a gateway does with names and failures.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::types::Reference;
use crate::vocabulary::{Endpoint, Gateway, Label, Node, Resolve, Server, Upstream};

/// Names that nginx looks up when it starts, and never again.
pub(super) fn names_resolved_once(graph: &Graph, diagnostics: &mut Diagnostics) {
    for (service, gateway) in gateways(graph) {
        let of_upstreams = gateway
            .upstream
            .iter()
            .map(|upstream| upstream.resolve.as_ref());
        for written in of_upstreams.chain([gateway.resolve.as_ref()]).flatten() {
            if written.value == Resolve::AtStart {
                diagnostics.push(
                    Diagnostic::new(
                        &catalogue::NAME_RESOLVED_ONCE,
                        format!("`{}` looks names up once, when it starts", service.name()),
                        written.span,
                    )
                    .labelled("an address that changes is not seen until a reload")
                    .help("leave `resolve` out: names are then looked up at request time")
                    .about(service.name()),
                );
            }
        }
    }
}

/// Failure marks that do nothing, or that take a whole pool down.
pub(super) fn failure_marks(graph: &Graph, diagnostics: &mut Diagnostics) {
    for (service, gateway) in gateways(graph) {
        for upstream in &gateway.upstream {
            let at_start = at_start(gateway, upstream);
            let single = upstream.server.len() == 1;
            for server in &upstream.server {
                let Some(max_fails) = server.max_fails.as_ref().filter(|it| it.value.get() > 0)
                else {
                    continue;
                };
                let callee = callee(graph, server);
                let one_address = at_start && callee.is_some_and(has_one_address);
                if !one_address {
                    continue;
                }
                let found = if single {
                    mark_ignored(upstream, max_fails.span)
                } else {
                    mark_takes_pool_down(server, callee, max_fails.span)
                };
                diagnostics.push(found.about(service.name()));
            }
        }
    }
}

pub(super) fn gateways(graph: &Graph) -> impl Iterator<Item = (ServiceView<'_>, &Gateway)> {
    graph
        .services()
        .filter_map(|service| Some((service, service.node.gateway.as_deref()?)))
}

fn at_start(gateway: &Gateway, upstream: &Upstream) -> bool {
    let written = upstream.resolve.as_ref().or(gateway.resolve.as_ref());
    written.is_some_and(|resolve| resolve.value == Resolve::AtStart)
}

fn callee<'g>(graph: &'g Graph, server: &Node<Server>) -> Option<ServiceView<'g>> {
    match &server.label {
        Label::Reference(Reference::Port(service, _)) => graph.find(service),
        _ => None,
    }
}

/// Whether a name answers with one address: a virtual one. Looked up at request time an upstream
/// is given every instance's address instead.
fn has_one_address(callee: ServiceView<'_>) -> bool {
    let endpoint = callee.node.service.endpoint.as_ref();
    endpoint.is_none_or(|endpoint| endpoint.value == Endpoint::Vip)
}

/// nginx ignores `max_fails` and `fail_timeout` of a pool's only server.
fn mark_ignored(upstream: &Node<Upstream>, span: crate::source::Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::MARK_IGNORED,
        format!(
            "nginx ignores `max_fails` in `{}`, which has one server",
            upstream.label.name()
        ),
        span,
    )
    .help("take it out, or give the pool a second server")
}

/// One refused connection marks the one address, and with it every instance behind it.
fn mark_takes_pool_down(
    server: &Node<Server>,
    callee: Option<ServiceView<'_>>,
    span: crate::source::Span,
) -> Diagnostic {
    let name = callee.map_or("the service", |callee| callee.name());
    Diagnostic::new(
        &catalogue::MARK_TAKES_POOL_DOWN,
        format!("one failure marks all of `{name}` down: it is one address to nginx"),
        span,
    )
    .and(
        server.span,
        "one virtual address, whatever the number of instances",
    )
    .help(
        "look names up at request time, which lists every instance, and leave `max_fails` out: \
         it is then 0",
    )
}
