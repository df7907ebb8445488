//! How a switch is seen through nginx itself: the request of the health check, as a client would
//! send it.

use super::includes::is_of;
use super::lowering::is_idle;
use super::text::Texts;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{ServiceView, routing};
use crate::rollout::hosts::Policy;
use crate::targets::nginx::routes;
use crate::vocabulary::{Gateway, Method, Node, Protocol, Route, RouteTarget, TargetId};

/// Where nginx is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verification {
    pub(super) port: u64,
    pub(super) host: String,
    pub(super) path: String,
}

/// The request; `None` where no gateway leads the health check's to the service, which is said.
pub(super) fn lower(texts: &mut Texts<'_, '_>, policy: &Policy) -> Option<Verification> {
    if is_idle(texts) || !texts.service.has_health_check() {
        return None;
    }
    let (graph, service) = (texts.graph, texts.service);
    let health = service.node.service.health.as_ref()?;
    let path = health.path.as_ref().map_or("/", |path| &*path.value);
    let mut gateways = graph.services_on(TargetId::Nginx);
    let found = (health.label.name() == "http")
        .then(|| gateways.find_map(|gateway| through(gateway, service, path)))
        .flatten();
    if found.is_none() {
        let span = health.path.as_ref().map_or(health.span, |path| path.span);
        let report = unverified(service, policy, span);
        texts.ledger.report(report);
    }
    found
}

fn through(from: ServiceView<'_>, service: ServiceView<'_>, path: &str) -> Option<Verification> {
    let gateway = from.node.gateway.as_ref()?;
    let listen = gateway
        .listen
        .iter()
        .find(|listen| routing::protocol(listen) == Protocol::Http)?;
    let route = routes::taking(gateway, path)?;
    if !leads_to(gateway, route, service) || route.rewrite.is_some() || route.headers.is_some() {
        return None;
    }
    let methods = route.methods.as_ref();
    if methods.is_some_and(|methods| methods.value.iter().all(|it| it.value != Method::Get)) {
        return None;
    }
    let host = listen.hosts.as_ref().and_then(|hosts| hosts.value.first());
    let host = host.map_or("localhost", |host| host.value.trim_start_matches("*."));
    Some(Verification {
        port: routing::port(listen),
        host: host.to_owned(),
        path: path.to_owned(),
    })
}

fn leads_to(gateway: &Gateway, route: &Node<Route>, service: ServiceView<'_>) -> bool {
    match route.to.as_ref().map(|to| &to.value) {
        Some(RouteTarget::Port(port)) => *port.service == *service.name(),
        Some(RouteTarget::Upstream(label)) => {
            let mut pools = gateway.upstream.iter();
            let pool = pools.find(|pool| pool.label.name() == &**label);
            pool.is_some_and(|pool| pool.server.iter().any(|server| is_of(server, service)))
        }
        None => false,
    }
}

/// Nothing asks the new slot the way clients do.
fn unverified(service: ServiceView<'_>, policy: &Policy, span: crate::source::Span) -> Diagnostic {
    let name = service.name();
    let what = if policy.blue_green {
        "a switch"
    } else {
        "a new slot"
    };
    Diagnostic::new(
        &catalogue::UNVERIFIED_SWITCH,
        format!("{what} of `{name}` is not seen through nginx"),
        span,
    )
    .labelled("no gateway leads this request to it")
    .help(
        "write `health http` with a path that a route leads to the service: the slot may be well and \
         nginx not reach it",
    )
    .about(name)
}
