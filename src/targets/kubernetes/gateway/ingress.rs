//! Gateways as Ingresses.

use super::{Lost, no_path, pool, primaries};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::routing::{self, Paths, VirtualHost};
use crate::graph::{self, ServiceView};
use crate::source::Span;
use crate::targets::kubernetes::lowering::{Lowering, SAID};
use crate::vocabulary::{Gateway, Node, Protocol, Route, RouteTarget, Upstream};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};
use std::collections::BTreeSet;

/// Writes a gateway's Ingress.
pub(super) fn lower<'g>(
    lowering: &mut Lowering<'g>,
    service: ServiceView<'g>,
    gateway: &'g Gateway,
) {
    let tls = lowering.listens(service, gateway);
    let backends: Vec<Option<IngressBackend>> = gateway
        .route
        .iter()
        .map(|route| lowering.ingress_route(service, gateway, route))
        .collect();
    let mut rules = Vec::new();
    let mut met: BTreeSet<usize> = BTreeSet::new();
    for host in routing::virtual_hosts(gateway) {
        let paths = host.paths.iter().filter_map(|(paths, candidates)| {
            let asked = VirtualHost::asked(candidates);
            // Of the routes for one path an Ingress has one.
            let chosen = routing::chosen(&asked)?;
            met.insert(chosen.index);
            Some(path(paths, backends.get(chosen.index)?.clone()?))
        });
        let paths: Vec<HTTPIngressPath> = paths.collect();
        if paths.is_empty() {
            continue;
        }
        let http = Some(HTTPIngressRuleValue { paths });
        let rule = |host| IngressRule {
            host,
            http: http.clone(),
        };
        if host.hosts.is_empty() {
            rules.push(rule(None));
        }
        rules.extend(host.hosts.into_iter().map(|host| rule(Some(host))));
    }
    for (index, route) in gateway.route.iter().enumerate() {
        if !met.contains(&index) && routing::paths(route).is_some() {
            lowering.ledger.report(not_chosen(service, route));
        }
    }
    if rules.is_empty() {
        return;
    }
    let name = lowering.name(service);
    let class = lowering.common.settings.ingress_class;
    if class == Some(ALB) {
        lowering.ledger.report(no_readiness_gate(lowering, service));
    }
    let class = class.map(ToOwned::to_owned);
    let ingress = Ingress {
        spec: Some(IngressSpec {
            ingress_class_name: class,
            tls: (!tls.is_empty()).then_some(tls),
            rules: Some(rules),
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    };
    let mut metadata = lowering.shared_metadata(name.to_owned());
    lowering.write(&mut metadata, ingress);
    lowering.end_file(name);
}

/// The class of the AWS Load Balancer Controller, whose balancers send requests to pods by themselves.
const ALB: &str = "alb";

/// A rollout that does not wait for the balancer.
///
/// kubernetes-sigs.github.io/aws-load-balancer-controller, "Pod readiness gate": with the label on the namespace a pod
/// is ready once the balancer has it as a healthy target of type `ip`.
fn no_readiness_gate(lowering: &Lowering<'_>, service: ServiceView<'_>) -> Diagnostic {
    let namespace = lowering.common.settings.namespace.unwrap_or("NAMESPACE");
    Diagnostic::new(
        &catalogue::BALANCER_FOLLOWS_LATER,
        format!(
            "a rollout behind `{}` does not wait until the balancer leads to the new pods",
            service.name()
        ),
        service.span(),
    )
    .labelled("a balancer of AWS counts a pod later than Kubernetes does")
    .help(format!(
        "label the namespace before the first deploy: `kubectl label namespace {namespace} \
         elbv2.k8s.aws/pod-readiness-gate-inject=enabled`; it needs targets of type `ip`"
    ))
    .about(service.name())
}

impl<'g> Lowering<'g> {
    /// The hosts that are served by TLS, by certificate.
    fn listens(&mut self, service: ServiceView<'g>, gateway: &'g Gateway) -> Vec<IngressTLS> {
        let mut out: Vec<IngressTLS> = Vec::new();
        let mut lost: Vec<Lost<'_>> = Vec::new();
        for listen in &gateway.listen {
            let body = self.ledger.enter(listen);
            let protocol = self.protocol(listen);
            self.usual_port(body.port.as_ref(), protocol);
            let hosts = self.hosts_of(body);
            let secret = self.certificate(listen);
            let redirect = body.redirect.as_ref();
            lost.extend(redirect.map(|it| (it.id, "redirect", it.key_span)));
            // Without hosts and a Secret the controller's own certificate is shown to all.
            if protocol != Protocol::Https || hosts.is_empty() && secret.is_none() {
                continue;
            }
            match out.iter_mut().find(|known| known.secret_name == secret) {
                Some(known) => {
                    let known = known.hosts.get_or_insert_default();
                    for host in hosts {
                        if !known.contains(&host) {
                            known.push(host);
                        }
                    }
                }
                None => out.push(IngressTLS {
                    hosts: (!hosts.is_empty()).then_some(hosts),
                    secret_name: secret,
                }),
            }
        }
        self.lose(service, &lost);
        out
    }

    fn ingress_route(
        &mut self,
        service: ServiceView<'g>,
        gateway: &'g Gateway,
        route: &'g Node<Route>,
    ) -> Option<IngressBackend> {
        let body = &route.body;
        let mut lost: Vec<Lost<'_>> = Vec::new();
        lost.extend(body.methods.as_ref().map(|a| (a.id, "methods", a.key_span)));
        let mut more = self.route(route);
        self.lose_block(body.headers.as_deref(), "headers", &mut lost);
        self.lose_block(body.rewrite.as_deref(), "rewrite", &mut lost);
        self.lose_block(
            body.request_headers.as_deref(),
            "request_headers",
            &mut lost,
        );
        self.lose_block(
            body.response_headers.as_deref(),
            "response_headers",
            &mut lost,
        );
        self.lose_block(body.redirect.as_deref(), "redirect", &mut lost);
        lost.append(&mut more);
        if let Some(first) = body.split.first() {
            for split in &body.split {
                self.ledger.declare_block(split, SAID);
            }
            lost.push((first.id, "split", first.span));
        }
        lost.extend(
            body.split_by
                .as_ref()
                .map(|a| (a.id, "split_by", a.key_span)),
        );
        let whole = body.request_timeout.as_ref();
        lost.extend(whole.map(|a| (a.id, "request_timeout", a.key_span)));
        self.lose(service, &lost);
        if routing::paths(route).is_none() {
            self.ledger.report(no_path(service, route));
        }
        let to = body.to.as_ref()?;
        let backend = match self.ledger.take(to) {
            RouteTarget::Port(port) => Some((&*port.service, &*port.port)),
            to @ RouteTarget::Upstream(_) => self.primary(service, pool(gateway, to)?),
        };
        let (name, port) = backend?;
        let callee = self.graph.find(name)?;
        let speaks = callee.port(port).map(graph::protocol);
        if speaks == Some(Protocol::Grpc) && self.ledger.is_news("calls", to.span) {
            self.ledger.report(calls(service, to.span));
        }
        Some(IngressBackend {
            service: Some(IngressServiceBackend {
                name: self.service_name(callee).to_owned(),
                port: Some(ServiceBackendPort {
                    name: Some(port.to_owned()),
                    number: None,
                }),
            }),
            resource: None,
        })
    }

    /// The one service port that a pool's primaries are.
    fn primary(
        &mut self,
        service: ServiceView<'g>,
        pool: &'g Node<Upstream>,
    ) -> Option<(&'g str, &'g str)> {
        let primaries = primaries(pool);
        if primaries.len() > 1 && self.ledger.is_news("pool", pool.span) {
            self.ledger.report(several(service, pool));
        }
        primaries.first().map(|(name, port, _)| (*name, *port))
    }
}

/// An Ingress does not say what a service speaks.
fn calls(service: ServiceView<'_>, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::CALLS_IN_AN_INGRESS,
        "an Ingress cannot say that this port speaks gRPC",
        span,
    )
    .labelled(
        "a controller that does not read `appProtocol` of the Service passes calls on as HTTP/1.1",
    )
    .about(service.name())
    .help(
        "write `target kubernetes { gateway = gateway_api }`, or tell the controller at hand in \
         `on kubernetes { patch ingress { … } }`",
    )
}

/// A route's paths as a path and its type: `/x/**` is everything from `/x` on.
fn path(paths: &Paths, backend: IngressBackend) -> HTTPIngressPath {
    let (path, path_type) = match paths {
        Paths::All => ("/", "Prefix"),
        Paths::One(path) => (&**path, "Exact"),
        Paths::Below(path) => (&**path, "Prefix"),
    };
    HTTPIngressPath {
        path: Some(path.to_owned()),
        path_type: path_type.to_owned(),
        backend,
    }
}

/// A route that only its methods or headers tell from another one.
fn not_chosen(service: ServiceView<'_>, route: &Node<Route>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_IN_AN_INGRESS,
        format!(
            "an Ingress cannot choose by method or header: route `{}` gets no requests",
            route.label.name()
        ),
        route.span,
    )
    .labelled("its requests go to another route for the same path")
    .about(service.name())
    .help("`target kubernetes { gateway = gateway_api }` writes routes that can")
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
