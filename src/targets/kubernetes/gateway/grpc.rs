//! Routes of gRPC calls alone as a `GRPCRoute`, which any implementation of it passes on as HTTP/2; an
//! `HTTPRoute` to such a port asks for what is optional (`SupportHTTPRouteBackendProtocolH2C`).
//!
//! A listener has routes of one of the two kinds for one host name (`gateway-api.sigs.k8s.io`,
//! `GRPCRoute`), so that it is all of a gateway's routes or none.

use super::objects::{CallMatch, CallMethod, CallRule, Match, Rule};
use super::{pool, primaries};
use crate::graph::{self, Graph};
use crate::types::Reference;
use crate::vocabulary::{Gateway, Label, Protocol, RouteTarget};

/// Whether every route of a gateway leads to ports that speak gRPC.
pub(super) fn is_of_calls(graph: &Graph, gateway: &Gateway) -> bool {
    let speaks = |service: &str, port: &str| {
        let port = graph.find(service).and_then(|callee| callee.port(port));
        port.is_some_and(|port| graph::protocol(port) == Protocol::Grpc)
    };
    gateway.route.iter().all(|route| {
        let leads = match route.to.as_ref().map(|to| &to.value) {
            Some(RouteTarget::Port(to)) => speaks(&to.service, &to.port),
            Some(to @ RouteTarget::Upstream(_)) => pool(gateway, to).is_some_and(|pool| {
                let mut primaries = primaries(pool).into_iter();
                primaries.all(|(service, port, _)| speaks(service, port))
            }),
            None => false,
        };
        let mut splits = route.split.iter();
        leads
            && splits.all(|split| match &split.label {
                Label::Reference(Reference::Port(service, port)) => speaks(service, port),
                _ => false,
            })
    })
}

/// Rules as those of a `GRPCRoute`; `None` where it has no place for one.
pub(super) fn rules(groups: &[Vec<Rule>]) -> Option<Vec<Vec<CallRule>>> {
    let groups = groups.iter().map(|group| group.iter().map(rule).collect());
    groups.collect()
}

fn rule(rule: &Rule) -> Option<CallRule> {
    let changes_headers = |filter: &super::objects::Filter| filter.changes_headers();
    let fits = rule.timeouts.is_none()
        && !rule.backend_refs.is_empty()
        && rule.filters.iter().all(changes_headers);
    let matches: Option<Vec<CallMatch>> = rule.matches.iter().map(call).collect();
    let mut matches = matches.filter(|_| fits)?;
    // One that asks for nothing is said by having none.
    matches.retain(|call| call.method.is_some() || !call.headers.is_empty());
    Some(CallRule {
        matches,
        filters: rule.filters.clone(),
        backend_refs: rule.backend_refs.clone(),
    })
}

/// The calls of a path, which is `/SERVICE/METHOD`.
fn call(asked: &Match) -> Option<CallMatch> {
    // Each call is a POST.
    asked
        .method
        .is_none_or(|method| method == "POST")
        .then_some(())?;
    let path = asked.path.value.strip_prefix('/')?;
    let method = match (asked.path.r#type, path.split_once('/')) {
        ("PathPrefix", None) if path.is_empty() => None,
        ("PathPrefix", None) if is_service(path) => Some((path, None)),
        ("Exact", Some((service, method))) if is_service(service) && is_name(method) => {
            Some((service, Some(method)))
        }
        _ => return None,
    };
    Some(CallMatch {
        method: method.map(|(service, method)| CallMethod {
            service: service.to_owned(),
            method: method.map(str::to_owned),
        }),
        headers: asked.headers.clone(),
    })
}

/// As the definition of `GRPCRoute` has it.
fn is_service(text: &str) -> bool {
    text.split('.').all(is_name)
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let begins = bytes
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    begins && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
