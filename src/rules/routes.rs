//! Routes that no request comes to, that lead to no one place, or whose hosts nobody listens for.

use super::gateways::gateways;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::Graph;
use crate::graph::routing::{self, Candidate};
use crate::source::{Span, Spanned, Str};
use crate::vocabulary::{Gateway, Node, Route};
use std::collections::{BTreeMap, BTreeSet};

/// Routes that others take every request of.
pub(super) fn matching(graph: &Graph, diagnostics: &mut Diagnostics) {
    for (service, gateway) in gateways(graph) {
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut covered: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        for host in routing::virtual_hosts(gateway) {
            for Candidate {
                index, covered_by, ..
            } in host.paths.iter().flat_map(|(_, routes)| routes)
            {
                match covered_by {
                    None => drop(reached.insert(*index)),
                    Some(_) => drop(covered.entry(*index).or_insert(*covered_by)),
                }
            }
        }
        for (index, by) in covered {
            let (Some(route), Some(by)) = (
                gateway.route.get(index),
                by.and_then(|by| gateway.route.get(by)),
            ) else {
                continue;
            };
            if !reached.contains(&index) {
                diagnostics.push(never(route, by).about(service.name()));
            }
        }
    }
}

/// Where routes lead: to one place each.
pub(super) fn ends(graph: &Graph, diagnostics: &mut Diagnostics) {
    for (service, gateway) in gateways(graph) {
        for route in &gateway.route {
            let found = [one_end(route), idle(route), shares(route)];
            for fault in found.into_iter().flatten() {
                diagnostics.push(fault.about(service.name()));
            }
        }
    }
}

/// Host names: that they are names, and that a listener answers for each of a route's.
pub(super) fn hosts(graph: &Graph, diagnostics: &mut Diagnostics) {
    for (service, gateway) in gateways(graph) {
        let of_listeners = gateway.listen.iter().flat_map(|listen| &listen.hosts);
        let of_routes = gateway.route.iter().flat_map(|route| &route.hosts);
        for hosts in of_listeners.chain(of_routes) {
            if hosts.value.is_empty() {
                diagnostics.push(no_hosts(hosts.span).about(service.name()));
            }
            for host in hosts.value.iter().filter(|host| !is_host(&host.value)) {
                diagnostics.push(invalid_host(host).about(service.name()));
            }
        }
        for host in gateway.route.iter().flat_map(|route| &route.hosts) {
            for host in host.value.iter().filter(|host| is_host(&host.value)) {
                if !is_listened(gateway, &host.value) {
                    let fault = not_listened(gateway, host);
                    diagnostics.push(fault.about(service.name()));
                }
            }
        }
    }
}

/// A name of labels, `*.` may stand before it.
fn is_host(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(label)
}

fn is_listened(gateway: &Gateway, host: &str) -> bool {
    let name = host.to_ascii_lowercase();
    gateway.listen.is_empty()
        || gateway.listen.iter().any(|listen| {
            listen.hosts.as_ref().is_none_or(|hosts| {
                let mut hosts = hosts.value.iter();
                hosts.any(|host| routing::host_covers(&host.value.to_ascii_lowercase(), &name))
            })
        })
}

/// The ends that a route says it has, with their places.
fn ends_of(route: &Route) -> Vec<(&'static str, Span)> {
    let to = route.to.as_ref().map(|to| ("to", to.key_span));
    let root = route.root.as_ref().map(|root| ("root", root.key_span));
    let redirect = route.redirect.as_ref().map(|node| ("redirect", node.span));
    [to, root, redirect].into_iter().flatten().collect()
}

fn one_end(route: &Node<Route>) -> Option<Diagnostic> {
    let label = route.label.name();
    match ends_of(route).as_slice() {
        [_] => None,
        [] => Some(
            Diagnostic::new(
                &catalogue::NOT_ONE_END,
                format!("route `{label}` leads nowhere"),
                route.span,
            )
            .help(
                "write `to = SERVICE.PORT` or the name of an `upstream`, a `root` with files, or \
                 `redirect { … }`",
            ),
        ),
        [(first, at), rest @ ..] => {
            let mut fault = Diagnostic::new(
                &catalogue::NOT_ONE_END,
                format!("route `{label}` leads to more than one place"),
                *at,
            )
            .labelled(format!("to here by `{first}`"));
            for (word, span) in rest {
                fault = fault.and(*span, format!("and here by `{word}`"));
            }
            Some(fault.help(
                "keep one; what differs by method, header or host is a route of its own with the \
                 same `path`",
            ))
        }
    }
}

/// What only a route that passes requests on can do.
fn idle(route: &Node<Route>) -> Option<Diagnostic> {
    let [(end, at)] = ends_of(route).try_into().ok()?;
    let mut idle: Vec<(&str, Span)> = Vec::new();
    let mut add = |word: &'static str, span: Option<Span>| {
        idle.extend(span.map(|span| (word, span)));
    };
    if end == "to" {
        if route.split.is_empty() {
            add("split_by", route.split_by.as_ref().map(|it| it.key_span));
        }
    } else {
        add("split", route.split.first().map(|it| it.span));
        add("split_by", route.split_by.as_ref().map(|it| it.key_span));
        add(
            "request_headers",
            route.request_headers.as_ref().map(|it| it.span),
        );
        add("websocket", route.websocket.as_ref().map(|it| it.key_span));
        let times = [
            ("connect_timeout", &route.connect_timeout),
            ("read_timeout", &route.read_timeout),
            ("send_timeout", &route.send_timeout),
            ("request_timeout", &route.request_timeout),
        ];
        for (word, time) in times {
            add(word, time.as_ref().map(|it| it.key_span));
        }
        add("retry", route.retry.as_ref().map(|it| it.span));
    }
    if end == "redirect" {
        add("rewrite", route.rewrite.as_ref().map(|it| it.span));
        add("body_size", route.body_size.as_ref().map(|it| it.key_span));
        add("rate_limit", route.rate_limit.as_ref().map(|it| it.span));
    }
    let (_, first) = *idle.first()?;
    let words: Vec<String> = idle.iter().map(|(word, _)| format!("`{word}`")).collect();
    let why = match end {
        "redirect" => "a route that sends clients elsewhere passes nothing on",
        "root" => "a route that answers with files passes nothing on",
        _ => "all requests go to one place",
    };
    Some(
        Diagnostic::new(
            &catalogue::NO_EFFECT,
            format!(
                "route `{}`: {} {} no effect",
                route.label.name(),
                words.join(", "),
                if words.len() == 1 { "has" } else { "have" }
            ),
            first,
        )
        .and(at, why)
        .help("take it out"),
    )
}

/// The shares of a route: each a part, together no more than all.
fn shares(route: &Node<Route>) -> Option<Diagnostic> {
    let mut sum = 0_u64;
    for split in &route.split {
        let Some(share) = &split.share else {
            return Some(
                Diagnostic::new(
                    &catalogue::INVALID_SHARE,
                    "a split needs to know how much",
                    split.span,
                )
                .help("write `share = 10%` in it"),
            );
        };
        let thousandths = share.value.thousandths;
        sum = sum.saturating_add(thousandths);
        let why = if thousandths == 0 {
            "nothing is no share"
        } else if !thousandths.is_multiple_of(10) {
            "a share has two decimal places at most"
        } else if sum > 100_000 {
            "the shares are more than 100% together"
        } else {
            continue;
        };
        return Some(
            Diagnostic::new(
                &catalogue::INVALID_SHARE,
                format!(
                    "route `{}` cannot send {} of its requests there",
                    route.label.name(),
                    share.value
                ),
                share.span,
            )
            .labelled(why)
            .help("what no `split` takes goes to the route's `to`"),
        );
    }
    None
}

/// A route whose requests all go to another one.
fn never(route: &Node<Route>, by: &Node<Route>) -> Diagnostic {
    let (label, first) = (route.label.name(), by.label.name());
    let same = routing::methods(route) == routing::methods(by)
        && routing::headers(route) == routing::headers(by);
    let (_, span) = routing::pattern(route);
    let (_, other) = routing::pattern(by);
    if same {
        return Diagnostic::new(
            &catalogue::REPEATED_ROUTE,
            format!("a second route for the same requests: `{label}`"),
            span,
        )
        .and(other, "the same paths go here")
        .help("take one of the two out, or tell them apart by `methods`, `headers` or `hosts`");
    }
    Diagnostic::new(
        &catalogue::COVERED_ROUTE,
        format!("route `{label}` never gets a request: `{first}` takes them all"),
        span,
    )
    .and(other, "goes first, and asks for no more")
    .help(
        "of routes for one path the one with `methods` goes first, then the one with more \
         `headers`, then the first that is written: write the narrower one above",
    )
}

/// An empty list of hosts.
fn no_hosts(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_HOST,
        "an empty list of host names",
        span,
    )
    .help("leave it out to answer to all")
}

/// What is no host name.
fn invalid_host(host: &Spanned<Str>) -> Diagnostic {
    let shown: String = host.value.chars().take(60).collect();
    Diagnostic::new(
        &catalogue::INVALID_HOST,
        format!("`{}` is no host name", shown.escape_debug()),
        host.span,
    )
    .labelled("no scheme, port or path belongs to it, and `*` stands only in `*.` before it")
    .help("write `shop.example`, or `*.shop.example` for all below it")
}

/// A route for a host that no listener answers for.
fn not_listened(gateway: &Gateway, host: &Spanned<Str>) -> Diagnostic {
    let mut fault = Diagnostic::new(
        &catalogue::HOST_NOT_LISTENED,
        format!("no listener answers for `{}`", host.value),
        host.span,
    );
    for hosts in gateway.listen.iter().flat_map(|listen| &listen.hosts) {
        fault = fault.and(hosts.span, "these are answered for");
    }
    fault.help("add it to the `hosts` of a `listen`, or leave `hosts` out there")
}
