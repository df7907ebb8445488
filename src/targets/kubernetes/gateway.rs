//! Gateways as Ingresses: the cluster's ingress controller takes the place of the gateway's pods.

use super::lowering::{Lowering, SAID, different};
use super::names;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::ServiceView;
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{
    Balance, Gateway, Label, Listen, Node, Protocol, Route, RouteTarget, Upstream, WrittenId,
};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};

/// Why a gateway's body as a service is not written.
const CONTROLLER: &str = "the cluster's ingress controller takes the gateway's place";

/// Writes a gateway's Ingress.
pub(super) fn lower<'g>(lowering: &mut Lowering<'g>, service: ServiceView<'g>) {
    let Some(gateway) = &service.node.gateway else {
        return;
    };
    lowering
        .ledger
        .declare_block(&service.node.service, CONTROLLER);
    lowering.ledger.report(controller(service));
    lowering.whole(service, gateway);
    let (hosts, secure) = lowering.listens(gateway);
    for upstream in &gateway.upstream {
        lowering.upstream(service, upstream);
    }
    let paths: Vec<HTTPIngressPath> = gateway
        .route
        .iter()
        .filter_map(|route| lowering.route(service, gateway, route))
        .collect();
    if paths.is_empty() {
        return;
    }
    let http = HTTPIngressRuleValue { paths };
    let rules = if hosts.is_empty() {
        vec![IngressRule {
            host: None,
            http: Some(http),
        }]
    } else {
        let rule = |host: &String| IngressRule {
            host: Some(host.clone()),
            http: Some(http.clone()),
        };
        hosts.iter().map(rule).collect()
    };
    let name = lowering.name(service);
    let class = lowering.settings.ingress_class.map(ToOwned::to_owned);
    let ingress = Ingress {
        spec: Some(IngressSpec {
            ingress_class_name: class,
            // Without a Secret the controller's own certificate is shown.
            tls: (!secure.is_empty()).then(|| {
                vec![IngressTLS {
                    hosts: Some(secure),
                    secret_name: None,
                }]
            }),
            rules: Some(rules),
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    };
    let mut metadata = lowering.shared_metadata(name.to_owned());
    lowering.write(&mut metadata, ingress);
    lowering.end_file(name);
}

impl<'g> Lowering<'g> {
    /// What is said of the gateway as a whole.
    fn whole(&mut self, service: ServiceView<'g>, gateway: &'g Gateway) {
        let ledger = &mut self.ledger;
        ledger.declare_from(
            gateway.resolve.as_ref(),
            "a controller watches the endpoints",
        );
        ledger.declare_from(gateway.access_log.as_ref(), CONTROLLER);
        ledger.declare_from(gateway.error_log.as_ref(), CONTROLLER);
        let mut lost: Vec<(WrittenId, &str, Span)> = Vec::new();
        if let Some(size) = &gateway.body_size {
            lost.push((size.id, "body_size", size.key_span));
        }
        match &gateway.forwarded_headers {
            Some(headers) if !headers.value => {
                lost.push((headers.id, "forwarded_headers", headers.key_span));
            }
            headers => ledger.declare_from(headers.as_ref(), "controllers set them"),
        }
        self.lose(service, &lost);
    }

    /// The hosts of the rules, and those of them that are served by TLS.
    fn listens(&mut self, gateway: &'g Gateway) -> (Vec<String>, Vec<String>) {
        let (mut hosts, mut secure) = (Vec::new(), Vec::new());
        for listen in &gateway.listen {
            let body = self.ledger.enter(listen);
            let protocol = self.protocol(listen);
            if let Some(port) = &body.port {
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
            for host in self
                .ledger
                .take_from(body.hosts.as_ref())
                .into_iter()
                .flatten()
            {
                let plain = host.value.strip_prefix("*.").unwrap_or(&host.value);
                if !names::is_subdomain(plain) {
                    self.ledger
                        .report(names::invalid("host", &host.value, host.span));
                }
                let host = host.value.to_string();
                if protocol == Protocol::Https && !secure.contains(&host) {
                    secure.push(host.clone());
                }
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
        }
        (hosts, secure)
    }

    fn protocol(&mut self, listen: &'g Node<Listen>) -> Protocol {
        let Some(protocol) = &listen.protocol else {
            return Protocol::Http;
        };
        match protocol.value {
            Protocol::Http | Protocol::Https => {
                self.ledger.take(protocol);
            }
            other => self.decline(protocol.id, protocol.span, || {
                Diagnostic::new(
                    &catalogue::NOT_IN_AN_INGRESS,
                    format!("an Ingress carries http and https, not {}", other.word()),
                    protocol.span,
                )
                .help("`publish` the service's own port instead")
            }),
        }
        protocol.value
    }

    /// A pool becomes the Service of its primaries; what it says of single servers has no place.
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
        for server in &body.server {
            let held = self.ledger.enter(server);
            let mut marks: Vec<(WrittenId, Span)> = Vec::new();
            marks.extend(held.weight.as_ref().map(|a| (a.id, a.key_span)));
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
                        "an Ingress has no backup pool: this service gets no requests there",
                        "the other pool's replicas and disruption budget keep the promise",
                    );
                }
            }
        }
    }

    fn route(
        &mut self,
        service: ServiceView<'g>,
        gateway: &'g Gateway,
        route: &'g Node<Route>,
    ) -> Option<HTTPIngressPath> {
        let body = self.ledger.enter(route);
        let mut lost: Vec<(WrittenId, &str, Span)> = Vec::new();
        lost.extend(body.methods.as_ref().map(|a| (a.id, "methods", a.key_span)));
        lost.extend(body.rewrite.as_ref().map(|n| (n.id, "rewrite", n.span)));
        let headers = [
            (&body.request_headers, "request_headers"),
            (&body.response_headers, "response_headers"),
        ];
        for (changes, word) in headers {
            lost.extend(changes.as_ref().map(|n| (n.id, word, n.span)));
            if let Some(changes) = changes {
                self.ledger.declare_block(changes, SAID);
            }
        }
        if let Some(rewrite) = &body.rewrite {
            self.ledger.declare_block(rewrite, SAID);
        }
        let times = [
            (&body.connect_timeout, "connect_timeout"),
            (&body.read_timeout, "read_timeout"),
        ];
        for (time, word) in times {
            lost.extend(time.as_ref().map(|a| (a.id, word, a.key_span)));
        }
        self.lose(service, &lost);
        let to = body.to.as_ref()?;
        let backend = match self.ledger.take(to) {
            RouteTarget::Port(port) => Some((&*port.service, &*port.port)),
            RouteTarget::Upstream(name) => {
                let mut pools = gateway.upstream.iter();
                let pool = pools.find(|pool| pool.label.name() == &**name)?;
                self.primary(service, pool)
            }
        };
        let (name, port) = backend?;
        let callee = self.graph.find(name)?;
        let (path, path_type) = path(route.label.name());
        if path.contains(['*', '?', '[', '(']) || !path.starts_with('/') {
            self.ledger.report(no_path(service, route));
            return None;
        }
        Some(HTTPIngressPath {
            path: Some(path.to_owned()),
            path_type: path_type.to_owned(),
            backend: IngressBackend {
                service: Some(IngressServiceBackend {
                    name: self.name(callee).to_owned(),
                    port: Some(ServiceBackendPort {
                        name: Some(port.to_owned()),
                        number: None,
                    }),
                }),
                resource: None,
            },
        })
    }

    /// The one service port that a pool's primaries are.
    fn primary(
        &mut self,
        service: ServiceView<'g>,
        pool: &'g Node<Upstream>,
    ) -> Option<(&'g str, &'g str)> {
        let mut primaries: Vec<(&str, &str)> = Vec::new();
        for server in &pool.server {
            let backup = server.backup.as_ref().is_some_and(|backup| backup.value);
            if let (Label::Reference(Reference::Port(name, port)), false) = (&server.label, backup)
                && !primaries.contains(&(&**name, &**port))
            {
                primaries.push((name, port));
            }
        }
        if primaries.len() > 1 && self.is_news("pool", pool.span) {
            self.ledger.report(several(service, pool));
        }
        primaries.first().copied()
    }

    /// Declines what a standard Ingress has no field for, in one warning.
    fn lose(&mut self, service: ServiceView<'g>, lost: &[(WrittenId, &str, Span)]) {
        let Some((_, _, span)) = lost.first().copied() else {
            return;
        };
        let words: Vec<String> = lost
            .iter()
            .map(|(_, word, _)| format!("`{word}`"))
            .collect();
        let ids = lost.iter().map(|(id, ..)| *id);
        self.decline_all(ids, span, || not_in_an_ingress(service, &words, span));
    }
}

/// A route's pattern as a path and its type: `/x/**` is everything from `/x` on.
fn path(pattern: &str) -> (&str, &'static str) {
    match pattern.strip_suffix("/**") {
        Some("") => ("/", "Prefix"),
        Some(prefix) => (prefix, "Prefix"),
        None if pattern == "/" => ("/", "Prefix"),
        None => (pattern, "Exact"),
    }
}

/// No pods are written for a gateway.
fn controller(service: ServiceView<'_>) -> Diagnostic {
    let name = service.name();
    Diagnostic::new(
        &catalogue::GATEWAY_IS_THE_CONTROLLER,
        format!("on Kubernetes the cluster's ingress controller takes the place of `{name}`"),
        service.span(),
    )
    .labelled("only its routes are written there, as an Ingress")
    .help("its image, replicas, health check and logs are settings of the controller")
}

/// A standard Ingress has no field for this.
fn not_in_an_ingress(service: ServiceView<'_>, words: &[String], span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_IN_AN_INGRESS,
        format!("an Ingress cannot carry {}", words.join(", ")),
        span,
    )
    .labelled("not in the output of kubernetes")
    .about(service.name())
    .help(
        "leave Kubernetes out with `targets`, or let the service do it: each controller has \
         annotations of its own, which are not written",
    )
}

/// An Ingress sends a path to one Service.
fn several(service: ServiceView<'_>, pool: &Node<Upstream>) -> Diagnostic {
    let name = pool.label.name();
    let mut diagnostic = Diagnostic::new(
        &catalogue::POOL_OF_SEVERAL_SERVICES,
        format!("an Ingress cannot balance over the services of upstream `{name}`"),
        pool.span,
    )
    .labelled("it sends a path to one Service")
    .about(service.name());
    for server in &pool.server {
        if !server.backup.as_ref().is_some_and(|backup| backup.value) {
            diagnostic = diagnostic.and(server.span, "one of them");
        }
    }
    diagnostic.help("make it one service with more replicas, or mark all but one `backup`")
}

/// An Ingress has exact paths and prefixes.
fn no_path(service: ServiceView<'_>, route: &Node<Route>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_IN_AN_INGRESS,
        format!("an Ingress has no path like `{}`", route.label.name()),
        route.span,
    )
    .about(service.name())
    .help("`/x` is that path alone, `/x/**` everything below, `/` all")
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn patterns_are_paths_of_two_types() {
        assert_eq!(path("/"), ("/", "Prefix"));
        assert_eq!(path("/**"), ("/", "Prefix"));
        assert_eq!(path("/user/**"), ("/user", "Prefix"));
        assert_eq!(path("/login"), ("/login", "Exact"));
    }
}
