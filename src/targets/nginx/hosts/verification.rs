//! How a switch is seen through nginx itself: the request of the health check, as a client would
//! send it.

use super::includes::is_of;
use super::lowering::is_idle;
use super::text::Texts;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::ServiceView;
use crate::graph::routing::{self, Paths, VirtualHost};
use crate::rollout::hosts::Policy;
use crate::vocabulary::{
    Gateway, Listen, Method, Node, Protocol, Route, RouteTarget, Scheme, TargetId,
};

/// Where nginx is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verification {
    pub(super) scheme: Scheme,
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

/// By whichever host name leads there; without TLS where that is possible, since it asks for less.
fn through(from: ServiceView<'_>, service: ServiceView<'_>, path: &str) -> Option<Verification> {
    let gateway = from.node.gateway.as_ref()?;
    let hosts = routing::virtual_hosts(gateway);
    let asked = hosts.iter().filter(|host| {
        let route = taking(host, path);
        route.is_some_and(|route| leads_to(gateway, route, service) && route.rewrite.is_none())
    });
    let ways = asked.flat_map(|host| {
        let listens = host.listeners.iter();
        let listens = listens.filter_map(|index| gateway.listen.get(*index));
        listens.filter_map(move |listen| by(listen, host, path))
    });
    ways.min_by_key(|way| way.scheme == Scheme::Https)
}

/// The route that takes a GET without headers of its own.
fn taking<'g>(host: &VirtualHost<'g>, path: &str) -> Option<&'g Node<Route>> {
    let (_, candidates) = host.nearest(&Paths::One(path.to_owned()))?;
    let mut routes = candidates.iter().map(|candidate| candidate.route);
    routes.find(|route| {
        let gets = routing::methods(route).is_none_or(|methods| methods.contains(&Method::Get));
        gets && route.headers.is_none()
    })
}

/// How a listener is asked for a host; `None` where it only sends elsewhere.
fn by(listen: &Node<Listen>, host: &VirtualHost<'_>, path: &str) -> Option<Verification> {
    if listen.redirect.is_some() {
        return None;
    }
    let scheme = match routing::protocol(listen) {
        Protocol::Http => Scheme::Http,
        Protocol::Https => Scheme::Https,
        _ => return None,
    };
    let name = host.hosts.first().map_or("localhost", String::as_str);
    Some(Verification {
        scheme,
        port: routing::port(listen),
        // `*.shop.example` is not `shop.example` (`ngx_http_core_module`, `server_name`).
        host: name.replacen('*', "zdc-check", 1),
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
