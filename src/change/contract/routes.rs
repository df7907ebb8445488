//! Host names and routes of a gateway that are gone, while clients still ask for them.

use super::Step;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::Graph;
use crate::graph::routing::{self, Candidate, Paths, VirtualHost};
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Gateway, Label, Node, Route, RouteTarget, TargetId};
use std::collections::BTreeSet;

/// What a gateway answered and answers no more.
pub(super) fn removed(step: &Step<'_>, found: &mut Diagnostics) {
    let Some(new) = step.new else {
        return;
    };
    found.extend(taken_out(step));
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        let (was, is) = (&both.old.node.gateway, &both.new.node.gateway);
        if let (Some(was), Some(is)) = (was, is) {
            for (what, way) in gone(step, was, is) {
                found.push(removal(both.new.name(), (&what, &way), both.new.span()));
            }
        }
    }
}

/// A gateway that a plain host has no more, while its services stay: `switch.sh` takes the configuration out (`install_conf` of
/// `src/targets/nginx/hosts/scripts/host.sh`).
fn taken_out(step: &Step<'_>) -> Option<Diagnostic> {
    let (old, new) = (step.old?, step.new?);
    let gateway = |graph: &Graph| {
        let mut all = graph.services_on(TargetId::Nginx);
        let gateway = all.find(|it| it.node.gateway.is_some());
        gateway.map(|it| it.name().to_owned())
    };
    let was = gateway(old).filter(|_| old.name() == new.name() && gateway(new).is_none())?;
    let stays = new.services().find(|it| new.is_on_host(*it))?;
    let text = format!(
        "`{was}` is written no more: `switch.sh` takes its configuration out of nginx, and nobody answers there"
    );
    Some(
        Diagnostic::new(&catalogue::ROUTE_REMOVED, text, stays.span())
            .help("keep it until somebody else answers there")
            .about(&was),
    )
}

/// What is answered no more, in words, and what to write where that is meant.
type Gone = (String, String);

/// Each once, in the order written.
fn gone(step: &Step<'_>, was: &Gateway, is: &Gateway) -> Vec<Gone> {
    let (before, after) = (routing::virtual_hosts(was), routing::virtual_hosts(is));
    let mut found = Vec::new();
    for host in &before {
        for name in names(host) {
            let Some(now) = answering(&after, name) else {
                let name = match name {
                    "" => "for names that it does not list".to_owned(),
                    name => format!("`{name}`"),
                };
                found.push((name, String::new()));
                continue;
            };
            for (paths, candidates) in &host.paths {
                for candidate in VirtualHost::asked(candidates) {
                    let covering = || now.paths.iter().filter(|(now, _)| now.cover(paths));
                    let mut all = covering().flat_map(|(_, candidates)| candidates).peekable();
                    let (pattern, _) = routing::pattern(candidate.route);
                    if all.peek().is_none() {
                        found.push((format!("`{pattern}`"), String::new()));
                    } else if !all.any(|now| routing::takes_all_of(now.route, candidate.route)) {
                        let some = format!("every request for `{pattern}` that it did");
                        found.push((some, String::new()));
                    } else if let Some(nearest) = nearest(covering()) {
                        let before = asked(was, candidate.route, |name| step.pairs.now(name));
                        found.extend(wider(paths, nearest).and_then(|route| {
                            let after = asked(is, route, |name| name);
                            let others = !before.is_empty() && before.is_disjoint(&after);
                            let (wider, _) = routing::pattern(route);
                            let first = after.first().filter(|_| others)?;
                            let by = list(&before);
                            let to = route.to.as_ref().map(|to| &to.value);
                            let meant = match to {
                                Some(RouteTarget::Port(port)) => format!(
                                    "; where `{first}` answers them, `route \"{pattern}\" {{ to = {}.{} }}`",
                                    port.service, port.port
                                ),
                                _ => String::new(),
                            };
                            let what = format!(
                                "`{pattern}` by {by}: its `{wider}` leads these to `{first}` now"
                            );
                            Some((what, meant))
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

fn removal(gateway: &str, (what, meant): (&str, &str), span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!("`{gateway}` no longer answers {what}"),
        span,
    )
    .help(format!(
        "keep the route and its names until no client asks for them, or answer with `redirect`{meant}"
    ))
    .about(gateway)
}
