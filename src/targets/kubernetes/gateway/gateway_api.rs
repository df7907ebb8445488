//! Gateways as a Gateway and its `HTTPRoute`s, or `GRPCRoute`s where they route calls alone: one route for each set of host names that are treated
//! alike, so that a path's routes stand in one object and are asked in order.
//!
//! Of several rules the API takes the longest path, then one with a method, then the one with the
//! most headers, then the first (`gateway-api.sigs.k8s.io`, `HTTPRoute`, `matches`): zd's own order.

use super::objects::{
    self, Filter, GatewaySpec, GrpcRoute, HttpRoute, Listener, ListenerTls, Match, Named,
    ParentRef, PathMatch, RouteSpec, Rule,
};
use super::sections::{self, Section};
use super::{Lost, grpc, no_path};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::ServiceView;
use crate::graph::routing::{self, Candidate, Paths, VirtualHost};
use crate::source::Span;
use crate::targets::kubernetes::lowering::{Lowering, different};
use crate::targets::kubernetes::order::InOrder;
use crate::vocabulary::{Gateway, Listen, Node, Protocol, Route};
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use std::fmt::Write as _;

/// The most rules of one `HTTPRoute`, seen on an API server (`must have at most 16 items`).
const MOST_RULES: usize = 16;

/// Writes a gateway's Gateway and `HTTPRoute`s.
pub(super) fn lower<'g>(
    lowering: &mut Lowering<'g>,
    service: ServiceView<'g>,
    gateway: &'g Gateway,
) {
    let name = lowering.name(service);
    let sections = sections::of(gateway);
    let listeners = lowering.listeners(service, gateway, &sections);
    // What a route does beside matching is the same for all hosts.
    let ends: Vec<Option<Rule>> = gateway
        .route
        .iter()
        .map(|route| lowering.end(service, gateway, route))
        .collect();
    lowering.ledger.take_from(gateway.request_timeout.as_ref());
    let Some(class) = lowering.common.settings.gateway_class else {
        let span = lowering
            .common
            .settings
            .gateway_span
            .unwrap_or(service.span());
        if lowering.ledger.is_news("gateway class", span) {
            lowering.ledger.report(no_class(span));
        }
        return;
    };
    let object = objects::Gateway {
        metadata: lowering.shared_metadata(name.to_owned()),
        spec: GatewaySpec {
            gateway_class_name: class.value.to_string(),
            listeners,
        },
    };
    let mut metadata = lowering.shared_metadata(name.to_owned());
    lowering.write(&mut metadata, object);
    for (index, listen) in gateway.listen.iter().enumerate() {
        if let Some(to) = redirect(gateway, listen) {
            let own = sections.iter().filter(|section| section.index == index);
            let parents = parents(name, own, sections.len());
            let route = format!("{name}-{}", sections::slug(listen.label.name()));
            lowering.http_routes(&route, &parents, &[], vec![vec![to]]);
        }
    }
    let hosts = routing::virtual_hosts(gateway);
    let groups = hosts
        .iter()
        .map(|host| lowering.rules(service, host, &ends))
        .collect();
    let calls = grpc::is_of_calls(lowering.graph, gateway);
    let mut routed = Routed::new(groups, calls);
    for (index, host) in hosts.iter().enumerate() {
        let here = sections::asking(&sections, host);
        let parents = parents(name, here, sections.len());
        if parents.is_empty() || routed.is_empty(index) {
            continue;
        }
        let route = route_name(name, gateway, &host.hosts);
        match &mut routed {
            Routed::Requests(groups) => {
                let groups = groups.get_mut(index).map(std::mem::take);
                lowering.http_routes(&route, &parents, &host.hosts, groups.unwrap_or_default());
            }
            Routed::Calls(groups) => {
                let groups = groups.get_mut(index).map(std::mem::take);
                lowering.grpc_routes(&route, &parents, &host.hosts, groups.unwrap_or_default());
            }
        }
    }
    lowering.end_file(name);
}

/// What the route for some host names is called, or the first of several.
pub(crate) fn route_name(name: &str, gateway: &Gateway, hosts: &[String]) -> String {
    match hosts.first() {
        Some(host) if gateway.route.iter().any(|route| route.hosts.is_some()) => {
            format!("{name}-{}", sections::slug(host))
        }
        _ => name.to_owned(),
    }
}

/// The rules of each set of host names, those for one path together.
enum Routed {
    Requests(Vec<Vec<Vec<Rule>>>),
    Calls(Vec<Vec<Vec<objects::CallRule>>>),
}

impl Routed {
    fn new(hosts: Vec<Vec<Vec<Rule>>>, calls: bool) -> Self {
        let of_calls = || hosts.iter().map(|groups| grpc::rules(groups)).collect();
        match calls.then(of_calls).flatten() {
            Some(calls) => Routed::Calls(calls),
            None => Routed::Requests(hosts),
        }
    }

    fn is_empty(&self, index: usize) -> bool {
        match self {
            Routed::Requests(hosts) => hosts.get(index).is_none_or(Vec::is_empty),
            Routed::Calls(hosts) => hosts.get(index).is_none_or(Vec::is_empty),
        }
    }
}

impl<'g> Lowering<'g> {
    /// The listeners as they are written, each with its certificate.
    fn listeners(
        &mut self,
        service: ServiceView<'g>,
        gateway: &'g Gateway,
        sections: &[Section],
    ) -> Vec<Listener> {
        let mut out: Vec<Listener> = Vec::new();
        for (index, listen) in gateway.listen.iter().enumerate() {
            let body = self.ledger.enter(listen);
            let protocol = self.protocol(listen);
            self.ledger.take_from(body.port.as_ref());
            self.ledger.take_from(body.redirect.as_ref());
            self.hosts_of(body);
            let certificate = self.certificate(listen);
            let secure = protocol == Protocol::Https;
            if secure && certificate.is_none() {
                self.ledger.report(no_certificate(service, listen));
            }
            let own = sections.iter().filter(|section| section.index == index);
            out.extend(own.map(|section| {
                let certificate = certificate.clone().map(|name| Named { name });
                Listener {
                    name: section.name.clone(),
                    hostname: section.host.clone(),
                    port: section.port,
                    protocol: if secure { "HTTPS" } else { "HTTP" },
                    tls: certificate.map(|certificate| ListenerTls {
                        certificate_refs: vec![certificate],
                    }),
                }
            }));
            if body.redirect.is_some() && redirect(gateway, listen).is_none() {
                let span = body.redirect.as_ref().map_or(listen.span, |it| it.span);
                self.ledger.report(no_secure_listener(service, span));
            }
        }
        out
    }

    /// The rules of some host names, those for one path together.
    fn rules(
        &mut self,
        service: ServiceView<'g>,
        host: &VirtualHost<'g>,
        ends: &[Option<Rule>],
    ) -> Vec<Vec<Rule>> {
        let mut out = Vec::new();
        for (paths, candidates) in &host.paths {
            let asked = VirtualHost::asked(candidates);
            let mut group = Vec::new();
            for candidate in &asked {
                let Some(Some(end)) = ends.get(candidate.index) else {
                    continue;
                };
                group.extend(matched(paths, candidate, end));
            }
            let open = asked
                .iter()
                .all(|candidate| !routing::is_unconditional(candidate.route));
            let broader =
                |(other, _): &(Paths, Vec<Candidate<'g>>)| other != paths && other.cover(paths);
            if open && !group.is_empty() && host.paths.iter().any(broader) {
                group.push(Rule {
                    matches: vec![Match {
                        path: path_match(paths),
                        method: None,
                        headers: Vec::new(),
                    }],
                    ..Rule::default()
                });
                if let Some(first) = asked.first() {
                    self.refuses(service, first.route);
                }
            }
            if !group.is_empty() {
                out.push(group);
            }
        }
        out
    }

    /// Says how a request is refused that no route for its path takes.
    fn refuses(&mut self, service: ServiceView<'_>, route: &Node<Route>) {
        let (pattern, span) = routing::pattern(route);
        if self.ledger.is_news("refused", span) {
            let what = format!(
                "what no route for `{pattern}` takes is refused by a rule without backends: with \
                 500, not with 405"
            );
            let why = "without the rule it would go to a route for a shorter path";
            self.ledger
                .report(different(&what, why, span).about(service.name()));
        }
    }

    fn http_routes(
        &mut self,
        name: &str,
        parents: &[ParentRef],
        hostnames: &[String],
        groups: Vec<Vec<Rule>>,
    ) {
        for rules in chunks(groups) {
            let spec = spec(parents, hostnames, rules);
            self.write_route(name, |metadata| HttpRoute { metadata, spec });
        }
    }

    fn grpc_routes(
        &mut self,
        name: &str,
        parents: &[ParentRef],
        hostnames: &[String],
        groups: Vec<Vec<objects::CallRule>>,
    ) {
        for rules in chunks(groups) {
            let spec = spec(parents, hostnames, rules);
            self.write_route(name, |metadata| GrpcRoute { metadata, spec });
        }
    }

    /// Writes a route under a name that no other has.
    fn write_route<T>(&mut self, name: &str, route: impl FnOnce(ObjectMeta) -> T)
    where
        T: InOrder + Serialize + Metadata<Ty = ObjectMeta>,
    {
        let numbered = (2..).map(|number: usize| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        let Some(name) = names.find(|name| self.routes.insert(name.clone())) else {
            return;
        };
        let object = route(self.shared_metadata(name.clone()));
        let mut metadata = self.shared_metadata(name);
        self.write(&mut metadata, object);
    }

    /// Takes the whole of a route, and says where it leads and what is changed on the way.
    fn end(
        &mut self,
        service: ServiceView<'g>,
        gateway: &'g Gateway,
        route: &'g Node<Route>,
    ) -> Option<Rule> {
        let mut lost: Vec<Lost<'_>> = self.route(route);
        let body = &route.body;
        self.ledger.take_from(body.methods.as_ref());
        let mut faults = Vec::new();
        if let Some(headers) = &body.headers {
            for entry in &self.ledger.enter(headers).entries {
                self.ledger.take_entry(entry);
            }
            if headers.entries.len() > MOST_RULES {
                faults.push(too_many(service, "headers", headers.span));
            }
        }
        if let Some(by) = &body.split_by {
            match by.value {
                crate::vocabulary::SplitBy::Request => drop(self.ledger.take(by)),
                crate::vocabulary::SplitBy::Client => {
                    lost.push((by.id, "split_by", by.key_span));
                }
            }
        }
        let mut rule = Rule::default();
        rule.filters
            .extend(self.rewriting(service, route, &mut lost));
        rule.filters
            .extend(self.request_headers(route, &mut lost, &mut faults));
        rule.filters
            .extend(self.response_headers(route, &mut lost, &mut faults));
        rule.timeouts = self.timeouts(gateway, route, &mut lost);
        self.lose(service, &lost);
        for fault in faults {
            self.ledger.report(fault.about(service.name()));
        }
        if routing::paths(route).is_none() {
            self.ledger.report(no_path(service, route));
        }
        if let Some(redirect) = &body.redirect {
            let said = "refused with a diagnostic: a route leads to one place";
            self.ledger.declare_from(body.to.as_ref(), said);
            for split in &body.split {
                self.ledger.declare_block(split, said);
            }
            // It is answered at once.
            rule.timeouts = None;
            rule.filters.push(self.redirection(redirect));
            return Some(rule);
        }
        rule.backend_refs = self.backends(gateway, route);
        (!rule.backend_refs.is_empty()).then_some(rule)
    }
}

fn spec<R>(parents: &[ParentRef], hostnames: &[String], rules: Vec<R>) -> RouteSpec<R> {
    RouteSpec {
        parent_refs: parents.to_vec(),
        hostnames: hostnames.to_vec(),
        rules,
    }
}

/// Rules by routes of at most so many; those for one path stay together.
fn chunks<R>(groups: Vec<Vec<R>>) -> Vec<Vec<R>> {
    let mut chunks: Vec<Vec<R>> = Vec::new();
    for mut group in groups {
        match chunks.last_mut() {
            Some(last) if last.len() + group.len() <= MOST_RULES => last.append(&mut group),
            _ => {
                while group.len() > MOST_RULES {
                    let rest = group.split_off(MOST_RULES);
                    chunks.push(std::mem::replace(&mut group, rest));
                }
                chunks.push(group);
            }
        }
    }
    chunks
}

/// A route's rules at a path: one, or one for each method where it replaces a prefix.
fn matched(paths: &Paths, candidate: &Candidate<'_>, end: &Rule) -> Vec<Rule> {
    let headers: Vec<objects::HeaderValue> = candidate
        .route
        .headers
        .iter()
        .flat_map(|headers| &headers.entries)
        .map(|entry| objects::HeaderValue {
            name: entry.key.to_string(),
            value: entry.attribute.value.to_string(),
        })
        .collect();
    let of = |method| Match {
        path: path_match(paths),
        method,
        headers: headers.clone(),
    };
    let matches: Vec<Match> = match routing::methods(candidate.route) {
        None => vec![of(None)],
        Some(methods) => methods.into_iter().map(|it| of(Some(it.word()))).collect(),
    };
    let rule = |matches| Rule {
        matches,
        ..end.clone()
    };
    if end.filters.iter().any(Filter::replaces_prefix) {
        matches.into_iter().map(|only| rule(vec![only])).collect()
    } else {
        vec![rule(matches)]
    }
}

fn path_match(paths: &Paths) -> PathMatch {
    let (r#type, value) = match paths {
        Paths::All => ("PathPrefix", "/"),
        Paths::One(path) => ("Exact", &**path),
        Paths::Below(path) => ("PathPrefix", &**path),
    };
    PathMatch {
        r#type,
        value: encoded(value),
    }
}

/// A path as a URL has it: the API takes no other characters.
pub(super) fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-/._~!$&'()*+,;=:@".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// `listen { redirect = https }`: a rule that sends everything there.
fn redirect(gateway: &Gateway, listen: &Listen) -> Option<Rule> {
    listen.redirect.as_ref()?;
    let mut secure = gateway
        .listen
        .iter()
        .filter(|other| routing::protocol(other) == Protocol::Https && other.redirect.is_none());
    let port = Some(routing::port(secure.next()?)).filter(|port| *port != 443);
    Some(Rule {
        filters: vec![Filter::redirect(objects::RequestRedirect {
            scheme: Some("https"),
            port,
            status_code: Some(301),
            ..objects::RequestRedirect::default()
        })],
        ..Rule::default()
    })
}

/// References to some listeners; where there is only one, to the Gateway.
fn parents<'s>(
    name: &str,
    sections: impl Iterator<Item = &'s Section>,
    all: usize,
) -> Vec<ParentRef> {
    sections
        .map(|section| ParentRef {
            name: name.to_owned(),
            section_name: (all > 1).then(|| section.name.clone()),
        })
        .collect()
}

/// A Gateway without a class.
fn no_class(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NO_GATEWAY_CLASS,
        "a Gateway must name its class, and none is said",
        span,
    )
    .labelled("the Gateway API is chosen here")
    .help("write `gateway_class = \"…\"` in `target kubernetes`; `kubectl get gatewayclasses` lists them")
}

/// An HTTPS listener without a certificate is not taken.
fn no_certificate(service: ServiceView<'_>, listen: &Node<Listen>) -> Diagnostic {
    let name = listen.label.name();
    Diagnostic::new(
        &catalogue::NO_CERTIFICATE,
        format!("listener `{name}` speaks https and has no certificate"),
        listen.span,
    )
    .help("declare two secrets and write `tls { certificate = NAME, key = NAME }` in it")
    .about(service.name())
}

/// Nothing to send clients to.
fn no_secure_listener(service: ServiceView<'_>, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NO_SECURE_LISTENER,
        "a listener sends everything to https, and none of the gateway's speaks it",
        span,
    )
    .help("add `listen https { tls { certificate = NAME, key = NAME } }` for the same hosts")
    .about(service.name())
}

/// More than the API takes.
fn too_many(service: ServiceView<'_>, what: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_IN_THE_GATEWAY_API,
        format!("an HTTPRoute takes at most {MOST_RULES} {what}"),
        span,
    )
    .severity(crate::diagnostics::Severity::Error)
    .help("take some out")
    .about(service.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded() {
        assert_eq!(encoded("/a b/é"), "/a%20b/%C3%A9");
        assert_eq!(encoded("/a-b_c.d~e"), "/a-b_c.d~e");
    }
}
