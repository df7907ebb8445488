//! Gateways as routes: the cluster's own controller takes the place of the gateway's pods. What
//! both kinds of routes, Ingress and Gateway API, do alike.

mod changes;
mod gateway_api;
mod grpc;
mod ingress;
mod objects;
pub(crate) mod sections;
mod tls;

pub(crate) use gateway_api::route_name;

use super::lowering::{Lowering, SAID, different};
use super::names;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::ServiceView;
use crate::graph::routing;
use crate::source::Span;
use crate::targets::contract;
use crate::types::Reference;
use crate::vocabulary::{
    Attribute, Balance, Gateway, KubernetesGateway, Label, Listen, Node, Protocol, Route,
    RouteTarget, Upstream, WrittenId,
};

/// Why a gateway's body as a service is not written.
const CONTROLLER: &str = "the cluster's ingress controller takes the gateway's place";
/// Why WebSockets need no word: controllers pass upgrades on.
const UPGRADES: &str = "controllers pass WebSockets on unasked";

/// A property that has no place, its word, and where it stands.
type Lost<'w> = (WrittenId, &'w str, Span);

/// Writes a gateway's routes.
pub(super) fn lower<'g>(lowering: &mut Lowering<'g>, service: ServiceView<'g>) {
    let Some(gateway) = &service.node.gateway else {
        return;
    };
    lowering
        .ledger
        .declare_block(&service.node.service, CONTROLLER);
    contract(&mut lowering.ledger, service);
    lowering.begin(service);
    lowering.ledger.report(controller(lowering, service));
    lowering.whole(service, gateway);
    for upstream in &gateway.upstream {
        lowering.upstream(service, upstream);
    }
    match lowering.common.settings.gateway {
        KubernetesGateway::Ingress => ingress::lower(lowering, service, gateway),
        KubernetesGateway::GatewayApi => gateway_api::lower(lowering, service, gateway),
    }
    lowering.finish(service);
}

impl<'g> Lowering<'g> {
    fn is_gateway_api(&self) -> bool {
        self.common.settings.gateway == KubernetesGateway::GatewayApi
    }

    /// What is said of the gateway as a whole.
    fn whole(&mut self, service: ServiceView<'g>, gateway: &'g Gateway) {
        let ledger = &mut self.ledger;
        ledger.declare_from(
            gateway.resolve.as_ref(),
            "a controller watches the endpoints",
        );
        ledger.declare_from(gateway.access_log.as_ref(), CONTROLLER);
        ledger.declare_from(gateway.error_log.as_ref(), CONTROLLER);
        let mut lost: Vec<Lost<'_>> = Vec::new();
        if let Some(size) = &gateway.body_size {
            lost.push((size.id, "body_size", size.key_span));
        }
        match &gateway.forwarded_headers {
            Some(headers) if !headers.value => {
                lost.push((headers.id, "forwarded_headers", headers.key_span));
            }
            headers => ledger.declare_from(headers.as_ref(), "controllers set them"),
        }
        let whole = [&gateway.request_timeout].into_iter().flatten();
        let times = [
            (&gateway.connect_timeout, "connect_timeout"),
            (&gateway.read_timeout, "read_timeout"),
            (&gateway.send_timeout, "send_timeout"),
        ];
        for (time, word) in times {
            lost.extend(time.as_ref().map(|it| (it.id, word, it.key_span)));
        }
        if !self.is_gateway_api() {
            lost.extend(whole.map(|it| (it.id, "request_timeout", it.key_span)));
        }
        self.lose_block(gateway.retry.as_deref(), "retry", &mut lost);
        self.lose_block(gateway.rate_limit.as_deref(), "rate_limit", &mut lost);
        self.lose_block(gateway.gzip.as_deref(), "gzip", &mut lost);
        self.lose(service, &lost);
    }

    /// Takes down a block that has no place, with all that stands in it.
    fn lose_block<T>(
        &mut self,
        node: Option<&Node<T>>,
        word: &'static str,
        lost: &mut Vec<Lost<'static>>,
    ) {
        if let Some(node) = node {
            self.ledger.declare_block(node, SAID);
            lost.push((node.id, word, node.span));
        }
    }

    /// What a listener speaks.
    fn protocol(&mut self, listen: &'g Node<Listen>) -> Protocol {
        let Some(protocol) = &listen.protocol else {
            return routing::protocol(listen);
        };
        match protocol.value {
            Protocol::Http | Protocol::Https => {
                self.ledger.take(protocol);
            }
            other => self.decline(protocol.id, protocol.span, || {
                Diagnostic::new(
                    &catalogue::NOT_IN_AN_INGRESS,
                    format!(
                        "a gateway's routes carry http and https, not {}",
                        other.word()
                    ),
                    protocol.span,
                )
                .help("`publish` the service's own port instead")
            }),
        }
        protocol.value
    }

    /// The host names of a listener, in small letters.
    fn hosts_of(&mut self, listen: &'g Listen) -> Vec<String> {
        let hosts = self.ledger.take_from(listen.hosts.as_ref());
        let mut out = Vec::new();
        for host in hosts.into_iter().flatten() {
            self.host(&host.value, host.span);
            out.push(host.value.to_ascii_lowercase());
        }
        out
    }

    /// Whether Kubernetes takes a host name: a rule of zd's own lets `_` through.
    fn host(&mut self, host: &str, span: Span) {
        let lower = host.to_ascii_lowercase();
        let plain = lower.strip_prefix("*.").unwrap_or(&lower);
        if !names::is_subdomain(plain) && host.contains('_') {
            self.ledger.report(names::invalid("host", host, span));
        }
    }

    /// A pool becomes the Services of its primaries; what it says of single servers has no place.
    fn upstream(&mut self, service: ServiceView<'g>, upstream: &'g Node<Upstream>) {
        let body = self.ledger.enter(upstream);
        self.ledger
            .declare_from(body.resolve.as_ref(), "a controller watches the endpoints");
        if let Some(balance) = &body.balance {
            let sticky = matches!(balance.value, Balance::IpHash | Balance::Hash(_));
            if balance.value == Balance::RoundRobin {
                self.ledger.take(balance);
            } else if sticky {
                self.lose(service, &[(balance.id, "balance", balance.span)]);
            } else {
                self.differs(
                    balance.id,
                    balance.span,
                    "the ingress controller chooses among the pods in its own way",
                    "each controller has a setting of its own for it",
                );
            }
        }
        let weights = self.is_gateway_api() && primaries(upstream).len() > 1;
        for server in &body.server {
            let held = self.ledger.enter(server);
            let mut marks: Vec<(WrittenId, Span)> = Vec::new();
            let is_backup = held.backup.as_ref().is_some_and(|it| it.value);
            if weights && !is_backup {
                self.ledger.take_from(held.weight.as_ref());
            } else {
                marks.extend(held.weight.as_ref().map(|a| (a.id, a.key_span)));
            }
            marks.extend(held.max_fails.as_ref().map(|a| (a.id, a.key_span)));
            marks.extend(held.fail_timeout.as_ref().map(|a| (a.id, a.key_span)));
            marks.extend(held.max_conns.as_ref().map(|a| (a.id, a.key_span)));
            if let Some((_, span)) = marks.first().copied() {
                self.decline_all(marks.into_iter().map(|(id, _)| id), span, || {
                    different(
                        "a pod takes requests while its readiness probe succeeds, and is not \
                         marked by failures",
                        "`weight`, `max_fails`, `fail_timeout` and `max_conns` are nginx's own",
                        span,
                    )
                });
            }
            if let Some(backup) = &held.backup {
                self.ledger.take(backup);
                if backup.value {
                    self.differs(
                        backup.id,
                        backup.span,
                        "routes on Kubernetes have no backup pool: this service gets no requests \
                         there",
                        "the other pool's replicas and disruption budget keep the promise",
                    );
                }
            }
        }
    }

    /// Takes what a route matches, and says what neither kind of routes has a place for.
    fn route(&mut self, route: &'g Node<Route>) -> Vec<Lost<'static>> {
        let body = self.ledger.enter(route);
        self.ledger.take_from(body.path.as_ref());
        for host in self
            .ledger
            .take_from(body.hosts.as_ref())
            .into_iter()
            .flatten()
        {
            self.host(&host.value, host.span);
        }
        self.ledger.declare_from(body.websocket.as_ref(), UPGRADES);
        let mut lost: Vec<Lost<'_>> = Vec::new();
        lost.extend(body.root.as_ref().map(|a| (a.id, "root", a.key_span)));
        lost.extend(
            body.body_size
                .as_ref()
                .map(|a| (a.id, "body_size", a.key_span)),
        );
        let times = [
            (&body.connect_timeout, "connect_timeout"),
            (&body.read_timeout, "read_timeout"),
            (&body.send_timeout, "send_timeout"),
        ];
        for (time, word) in times {
            lost.extend(time.as_ref().map(|a| (a.id, word, a.key_span)));
        }
        self.lose_block(body.retry.as_deref(), "retry", &mut lost);
        self.lose_block(body.rate_limit.as_deref(), "rate_limit", &mut lost);
        lost
    }

    /// Declines what the routes have no field for, in one warning.
    fn lose(&mut self, service: ServiceView<'g>, lost: &[Lost<'_>]) {
        let Some((_, _, span)) = lost.first().copied() else {
            return;
        };
        let words: Vec<String> = lost
            .iter()
            .map(|(_, word, _)| format!("`{word}`"))
            .collect();
        let ids = lost.iter().map(|(id, ..)| *id);
        let diagnostic = self.no_place(service, &words, span);
        self.decline_all(ids, span, || diagnostic);
    }

    /// The routes have no field for this.
    fn no_place(&self, service: ServiceView<'_>, words: &[String], span: Span) -> Diagnostic {
        let (code, what) = if self.is_gateway_api() {
            (&catalogue::NOT_IN_THE_GATEWAY_API, "the Gateway API")
        } else {
            (&catalogue::NOT_IN_AN_INGRESS, "an Ingress")
        };
        let diagnostic = Diagnostic::new(
            code,
            format!("{what} cannot carry {}", words.join(", ")),
            span,
        )
        .labelled("not in the output of kubernetes")
        .about(service.name());
        if self.is_gateway_api() {
            return diagnostic.help(
                "attach a policy of the implementation at hand, or leave Kubernetes out with \
                 `targets`",
            );
        }
        diagnostic.help(
            "leave Kubernetes out with `targets`, or let the service do it: each controller has \
             annotations of its own, which are not written",
        )
    }

    /// The port of a listener, which only a Gateway can choose.
    fn usual_port(
        &mut self,
        port: Option<&'g Attribute<crate::vocabulary::PortNumber>>,
        protocol: Protocol,
    ) {
        let Some(port) = port else { return };
        let usual = if protocol == Protocol::Https { 443 } else { 80 };
        if port.value.get() == usual {
            self.ledger.take(port);
        } else {
            self.differs(
                port.id,
                port.span,
                "an Ingress is served on the controller's own ports, 80 and 443",
                "publish another port at the controller's Service",
            );
        }
    }
}

/// The service ports that a pool's primaries are, with their weights.
fn primaries(pool: &Upstream) -> Vec<(&str, &str, u64)> {
    let mut primaries: Vec<(&str, &str, u64)> = Vec::new();
    for server in &pool.server {
        let backup = server.backup.as_ref().is_some_and(|backup| backup.value);
        let Label::Reference(Reference::Port(name, port)) = &server.label else {
            continue;
        };
        let weight = server
            .weight
            .as_ref()
            .map_or(1, |weight| weight.value.get());
        let (name, port) = (&**name, &**port);
        if backup || primaries.iter().any(|(n, p, _)| (*n, *p) == (name, port)) {
            continue;
        }
        primaries.push((name, port, weight));
    }
    primaries
}

/// The pool that a route leads to, if it is one.
fn pool<'g>(gateway: &'g Gateway, to: &RouteTarget) -> Option<&'g Node<Upstream>> {
    let RouteTarget::Upstream(name) = to else {
        return None;
    };
    let mut pools = gateway.upstream.iter().map(|pool| &**pool);
    pools.find(|pool| pool.label.name() == &**name)
}

/// No pods are written for a gateway.
fn controller(lowering: &Lowering<'_>, service: ServiceView<'_>) -> Diagnostic {
    let name = service.name();
    let (whose, what) = if lowering.is_gateway_api() {
        (
            "the controller of its Gateway",
            "only its routes are written there, as a Gateway and its routes",
        )
    } else {
        (
            "the cluster's ingress controller",
            "only its routes are written there, as an Ingress",
        )
    };
    Diagnostic::new(
        &catalogue::GATEWAY_IS_THE_CONTROLLER,
        format!("on Kubernetes {whose} takes the place of `{name}`"),
        service.span(),
    )
    .labelled(what)
    .help("its image, replicas, health check and logs are settings of the controller")
}

/// Both kinds of routes have exact paths and prefixes.
fn no_path(service: ServiceView<'_>, route: &Node<Route>) -> Diagnostic {
    let (pattern, span) = routing::pattern(route);
    Diagnostic::new(
        &catalogue::INVALID_ROUTE,
        format!("`{pattern}` is no pattern of paths"),
        span,
    )
    .about(service.name())
    .help("`/x` is that path alone, `/x/**` everything below, `/` all")
}
