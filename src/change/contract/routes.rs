//! Host names and routes of a gateway that are gone, while clients still ask for them.

use super::Step;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::routing::{self, Candidate, Paths, VirtualHost};
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Gateway, Label, Node, Route, RouteTarget};
use std::collections::BTreeSet;

/// What a gateway answered and answers no more.
pub(super) fn removed(step: &Step<'_>, found: &mut Diagnostics) {
    let Some(new) = step.new else {
        return;
    };
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        let (was, is) = (&both.old.node.gateway, &both.new.node.gateway);
        if let (Some(was), Some(is)) = (was, is) {
            for what in gone(step, was, is) {
                found.push(removal(both.new.name(), &what, both.new.span()));
            }
        }
    }
}

/// In words, each once, in the order written.
fn gone(step: &Step<'_>, was: &Gateway, is: &Gateway) -> Vec<String> {
    let (before, after) = (routing::virtual_hosts(was), routing::virtual_hosts(is));
    let mut found = Vec::new();
    for host in &before {
        for name in names(host) {
            let Some(now) = answering(&after, name) else {
                found.push(match name {
                    "" => "for names that it does not list".to_owned(),
                    name => format!("`{name}`"),
                });
                continue;
            };
            for (paths, candidates) in &host.paths {
                for candidate in VirtualHost::asked(candidates) {
                    let covering = || now.paths.iter().filter(|(now, _)| now.cover(paths));
                    let mut all = covering().flat_map(|(_, candidates)| candidates).peekable();
                    let (pattern, _) = routing::pattern(candidate.route);
                    if all.peek().is_none() {
                        found.push(format!("`{pattern}`"));
                    } else if !all.any(|now| routing::takes_all_of(now.route, candidate.route)) {
                        found.push(format!("every request for `{pattern}` that it did"));
                    } else if let Some(nearest) = nearest(covering()) {
                        let before = asked(was, candidate.route, |name| step.pairs.now(name));
                        found.extend(wider(paths, nearest).and_then(|route| {
                            let after = asked(is, route, |name| name);
                            let others = !before.is_empty() && before.is_disjoint(&after);
                            let (wider, _) = routing::pattern(route);
                            let first = after.first().filter(|_| others)?;
                            Some(format!(
                                "`{pattern}` by {}: its `{wider}` leads these to `{first}` now",
                                list(&before)
                            ))
                        }));
                    }
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|what| seen.insert(what.clone()));
    found
}

type Routes<'h, 'g> = &'h (Paths, Vec<Candidate<'g>>);

/// Of patterns that all cover the same paths, the one that the others cover: the longest path decides.
fn nearest<'h, 'g>(mut covering: impl Iterator<Item = Routes<'h, 'g>>) -> Option<Routes<'h, 'g>>
where
    'g: 'h,
{
    let first = covering.next()?;
    Some(covering.fold(first, |nearest, other| {
        if nearest.0.cover(&other.0) {
            other
        } else {
            nearest
        }
    }))
}

/// The first route of a pattern that takes more than these paths, and was not written for them.
fn wider<'g>(paths: &Paths, (now, candidates): Routes<'_, 'g>) -> Option<&'g Node<Route>> {
    let wider = !paths.cover(now);
    candidates.first().filter(|_| wider).map(|it| it.route)
}

/// The services that a route leads to, by the names that they have now.
fn asked<'g>(
    gateway: &'g Gateway,
    route: &'g Node<Route>,
    now: impl Fn(&'g str) -> &'g str,
) -> BTreeSet<&'g str> {
    match route.to.as_ref().map(|to| &to.value) {
        Some(RouteTarget::Port(port)) => BTreeSet::from([now(&port.service)]),
        Some(RouteTarget::Upstream(name)) => {
            let upstreams = gateway.upstream.iter();
            let of = upstreams.filter(|upstream| upstream.label.name() == &**name);
            let servers = of.flat_map(|upstream| &upstream.server);
            let services = servers.filter_map(|server| match &server.label {
                Label::Reference(Reference::Port(service, _)) => Some(now(service)),
                _ => None,
            });
            services.collect()
        }
        None => BTreeSet::new(),
    }
}

fn list(names: &BTreeSet<&str>) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(" and ")
}

/// The names of a host; an empty one for all that no other has.
fn names<'h>(host: &'h VirtualHost<'_>) -> impl Iterator<Item = &'h str> {
    let all = host.hosts.is_empty().then_some("");
    host.hosts.iter().map(String::as_str).chain(all)
}

/// Who answers for a name: who says it, else the nearest above it, else who answers for all.
fn answering<'h, 'g>(hosts: &'h [VirtualHost<'g>], name: &str) -> Option<&'h VirtualHost<'g>> {
    let covering = hosts.iter().filter_map(|host| {
        let covers = names(host).filter(|own| own.is_empty() || routing::host_covers(own, name));
        Some((covers.map(str::len).max()?, host))
    });
    let nearest = covering.max_by_key(|(length, _)| *length);
    nearest.map(|(_, host)| host)
}

fn removal(gateway: &str, what: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!("`{gateway}` no longer answers {what}"),
        span,
    )
    .help("keep the route and its names until no client asks for them, or answer with `redirect`")
    .about(gateway)
}
