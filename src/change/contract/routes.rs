//! Host names and routes of a gateway that are gone, while clients still ask for them.

mod attached;
mod left;
mod told;

use super::{Both, Step, carried, listeners, merged};
use crate::change::{Change, Effect};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::routing::{self, Candidate, Paths, VirtualHost};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::targets::kubernetes::route_name;
use crate::types::Reference;
use crate::vocabulary::{Gateway, Label, Method, Node, Route, RouteTarget, TargetId};
use std::borrow::Cow;
use std::collections::BTreeSet;
use told::{How, Lost};

/// What a gateway answered and answers no more.
pub(super) fn removed(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    found.extend(taken_out(step));
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        let (was, is) = (&both.old.node.gateway, &both.new.node.gateway);
        let (Some(was), Some(is)) = (was, is) else {
            continue;
        };
        let runs =
            |target: &TargetId| old.runs_on(both.old, *target) && new.runs_on(both.new, *target);
        let on: Vec<TargetId> = step.targets().filter(runs).collect();
        let others = on.iter().copied();
        let others: Vec<TargetId> = others.filter(|it| *it != TargetId::Kubernetes).collect();
        let beside = merged::beside(step, both, (old, new));
        let here = (
            carried::on_kubernetes(old, both.old, was),
            carried::on_kubernetes(new, both.new, is),
        );
        if on.contains(&TargetId::Kubernetes) {
            left::answering(step, both, (&here.0, &here.1), found);
            left::of_another_kind(step, both, found);
        }
        let is_alone = on == [TargetId::Kubernetes];
        let help = Help::of(new, is_alone);
        let mut told = BTreeSet::new();
        let mut tell = |(was, is): (&Gateway, &Gateway), is_left: bool, place: &str, help: Help| {
            let hosts = |host: &VirtualHost<'_>, name: &str| {
                left_route(step, both, (host, name)).is_some() == is_left
            };
            for (what, way) in gone(step, (was, is), &beside, hosts) {
                if told.insert(what.clone()) {
                    let what = format!("{what}{place}");
                    found.push(removal(
                        both.new.name(),
                        (&what, &way),
                        help,
                        both.new.span(),
                    ));
                }
            }
        };
        if is_alone {
            tell((&here.0, &here.1), false, "", help);
            continue;
        }
        tell((was, is), false, "", help);
        if !others.is_empty() {
            tell(
                (was, is),
                true,
                &listeners::targets(&others, on.len()),
                help,
            );
        }
        if on.len() > others.len() {
            let place = listeners::targets(&[TargetId::Kubernetes], on.len());
            tell((&here.0, &here.1), false, &place, Help::of(new, true));
        }
    }
}

/// What may answer in the place of a route that goes.
#[derive(Clone, Copy)]
enum Help {
    Redirect,
    /// An Ingress has no field for one (ZD5060).
    NoRedirect,
}

impl Help {
    fn of(new: &Graph, on_kubernetes_alone: bool) -> Self {
        if on_kubernetes_alone && !listeners::is_gateway_api(new) {
            Self::NoRedirect
        } else {
            Self::Redirect
        }
    }
}

/// The route of some host names, where it goes on to answer one of them on Kubernetes, though it is written no more: an apply deletes nothing, and
/// what is attached to a Gateway is what names it (`gateway-api.sigs.k8s.io/reference/spec`, `ParentReference`).
fn left_route<'a>(
    step: &Step<'a>,
    both: Both<'_>,
    (host, name): (&VirtualHost<'_>, &str),
) -> Option<&'a Change> {
    let left = route_of(step, both.old, host, Effect::Left)?;
    let mut changes = step.on(TargetId::Kubernetes);
    let gateway = changes.find(|it| it.kind == "Gateway" && it.name == both.old.emitted_name());
    let is_asked = match gateway {
        None => true,
        Some(change) if change.effect == Effect::InPlace => {
            attached::is_asked(both, (host, name)).unwrap_or_default()
        }
        Some(_) => false,
    };
    is_asked.then_some(left)
}

/// What becomes of the route of a gateway for some host names, where it is that.
fn route_of<'a>(
    step: &Step<'a>,
    service: ServiceView<'_>,
    host: &VirtualHost<'_>,
    effect: Effect,
) -> Option<&'a Change> {
    let gateway = service.node.gateway.as_ref()?;
    let name = route_name(service.emitted_name(), gateway, &host.hosts);
    let mut changes = step.on(TargetId::Kubernetes);
    changes.find(|it| {
        it.effect == effect
            && it.name == name
            && matches!(&*it.kind, "HTTPRoute" | "GRPCRoute")
            && it.service.as_deref() == Some(service.name())
    })
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

/// Whether routes on Kubernetes name the port that they lead to, as an Ingress does; one of the Gateway API has its number alone, which a
/// Service lacks until both are applied (gateway-api.sigs.k8s.io, `BackendObjectReference`: 500 meanwhile). By its name a Service leads to pods
/// of both versions, whichever number each has (kubernetes.io/docs/concepts/services-networking/service, Port definitions).
pub(super) fn by_port_name(graph: &Graph) -> bool {
    !listeners::is_gateway_api(graph)
}

/// What is answered no more, in words, and what to write where that is meant.
type Gone = (String, String);

/// Each once, in the order written, of the names of hosts that are meant; nothing that one of those answers who stand beside.
fn gone(
    step: &Step<'_>,
    (was, is): (&Gateway, &Gateway),
    beside: &[Cow<'_, Gateway>],
    is_meant: impl Fn(&VirtualHost<'_>, &str) -> bool,
) -> Vec<Gone> {
    let (before, after) = (routing::virtual_hosts(was), routing::virtual_hosts(is));
    let beside: Vec<(&Gateway, Vec<VirtualHost<'_>>)> = beside
        .iter()
        .map(|it| (&**it, routing::virtual_hosts(it)))
        .collect();
    let mut found: Vec<Lost<'_>> = Vec::new();
    let mut all: Vec<(&VirtualHost<'_>, Vec<&str>)> =
        before.iter().map(|it| (it, names(it).collect())).collect();
    all.extend(shut_off(&before, &after));
    for (host, of_it) in all {
        for name in of_it.into_iter().filter(|name| is_meant(host, name)) {
            let now = nearest(&after, name);
            let others = beside.iter();
            let others = others.filter_map(|(it, hosts)| Some((*it, nearest(hosts, name)?)));
            let others: Vec<(&Gateway, Nearest<'_, '_>)> = others.collect();
            if now.is_none() && others.is_empty() {
                Lost::add(&mut found, Lost::of(How::Name, None, false), name);
                continue;
            }
            // Of all the nearest name is asked.
            let lengths = others.iter().map(|(_, (length, _))| *length);
            let most = lengths.chain(now.map(|(length, _)| length)).max();
            let now = now.filter(|(length, _)| Some(*length) == most);
            let by_another = |paths: &Paths, route: &Node<Route>| {
                let mut others = others.iter();
                others.any(|(it, (length, now))| {
                    let is_asked = Some(*length) == most;
                    let is_for_it =
                        *length == routing::closeness(name) && is_for(now, paths, route);
                    let answers = || lost(step, (was, it), (name, paths, route), now).is_none();
                    is_asked && (is_for_it || answers())
                })
            };
            for (paths, candidates) in &host.paths {
                let candidates = VirtualHost::asked(candidates).into_iter();
                for candidate in candidates.filter(|it| carried::answers(it.route)) {
                    let how = match now {
                        Some((_, now)) => {
                            lost(step, (was, is), (name, paths, candidate.route), now)
                        }
                        None => Some(How::All),
                    };
                    let how = how.filter(|_| !by_another(paths, candidate.route));
                    if let Some(how) = how {
                        let by = asked(was, candidate.route, |name| step.pairs.now(name));
                        let keeps = |now| {
                            keeps_part((host, paths), now, |now| match how {
                                How::Wider { .. } => !by.is_disjoint(&asked(is, now, |it| it)),
                                How::All => true,
                                How::Name | How::Some => false,
                            })
                        };
                        let part = now.is_some_and(|(_, now)| keeps(now));
                        Lost::add(&mut found, Lost::of(how, Some(candidate), part), name);
                    }
                }
            }
        }
    }
    let told = found
        .iter()
        .filter_map(|lost| lost.told((&before, &after), is));
    told.collect()
}

/// The hosts of before with names that had no rules of their own, and come to have some among which nobody answers for a path.
fn shut_off<'h, 'g>(
    before: &'h [VirtualHost<'g>],
    after: &'h [VirtualHost<'g>],
) -> Vec<(&'h VirtualHost<'g>, Vec<&'h str>)> {
    let is_shut = |host: &&VirtualHost<'_>| host.paths.iter().any(|(_, all)| !is_answered(all));
    let new = after.iter().filter(is_shut).flat_map(names);
    let new = new.filter(|name| before.iter().flat_map(names).all(|was| was != *name));
    new.filter_map(|name| Some((nearest(before, name)?.1, vec![name])))
        .collect()
}

/// Whether somebody answers what is asked of a pattern.
fn is_answered(candidates: &[Candidate<'_>]) -> bool {
    routing::chosen(&VirtualHost::asked(candidates)).is_some_and(|it| carried::answers(it.route))
}

/// Whether some of the paths that a pattern decided are answered as before: a longer pattern has them now.
fn keeps_part<'g>(
    (host, paths): (&VirtualHost<'_>, &Paths),
    now: &VirtualHost<'g>,
    is_as_before: impl Fn(&'g Node<Route>) -> bool,
) -> bool {
    let decided = |part: &Paths| {
        host.nearest(part)
            .is_some_and(|(nearest, _)| nearest == paths)
    };
    let longer = now.paths.iter();
    let mut longer = longer.filter(|(part, _)| part != paths && paths.cover(part) && decided(part));
    longer.any(|(_, candidates)| candidates.iter().any(|it| is_as_before(it.route)))
}

/// How requests for a name that came to a route are not answered as before; `None` where they are.
fn lost<'g>(
    step: &Step<'_>,
    (was, is): (&'g Gateway, &'g Gateway),
    (name, paths, route): (&str, &Paths, &Node<Route>),
    now: &VirtualHost<'g>,
) -> Option<How<'g>> {
    let nearest = now.nearest(paths);
    let Some(nearest) = nearest.filter(|(_, all)| is_answered(all)) else {
        return Some(How::All);
    };
    // What it does not take is refused, never handed to a shorter path (`graph::routing`).
    if !take_all(&nearest.1, route) {
        return Some(How::Some);
    }
    let now = wider((name, paths, route), nearest)?;
    let before = asked(was, route, |name| step.pairs.now(name));
    let after = asked(is, now, |name| name);
    let others = !before.is_empty() && before.is_disjoint(&after);
    let first = after.first().filter(|_| others)?;
    Some(How::Wider {
        by: list(&before),
        now,
        first: (*first).to_owned(),
    })
}

/// Whether all requests that came to a route come to one that was written for its paths.
fn is_for(now: &VirtualHost<'_>, paths: &Paths, route: &Route) -> bool {
    let nearest = now.nearest(paths);
    nearest.is_some_and(|(now, all)| paths.cover(now) && take_all(all, route))
}

/// Whether routes of one pattern together take every request that another route takes: one for GET and one for POST are as one for both.
fn take_all(candidates: &[Candidate<'_>], route: &Route) -> bool {
    if candidates
        .iter()
        .any(|it| routing::takes_all_of(it.route, route))
    {
        return true;
    }
    let asks = routing::headers(route);
    let fitting = candidates
        .iter()
        .filter(|it| routing::headers(it.route).is_subset(&asks));
    let taken: BTreeSet<Method> = fitting
        .filter_map(|it| routing::methods(it.route))
        .flatten()
        .collect();
    routing::methods(route).is_some_and(|methods| methods.is_subset(&taken))
}

/// The route that takes the requests of another one, where it takes more paths or more names than these, and was not written for them.
fn wider<'g>(
    (name, paths, route): (&str, &Paths, &Node<Route>),
    (now, candidates): &(Paths, Vec<Candidate<'g>>),
) -> Option<&'g Node<Route>> {
    if !paths.cover(now) {
        return candidates.first().map(|it| it.route);
    }
    let mut candidates = candidates.iter();
    let taker = candidates.find(|it| routing::takes_all_of(it.route, route))?;
    // What fits closer comes first.
    let farther = routing::host_rank(taker.route, name) > routing::host_rank(route, name);
    farther.then_some(taker.route)
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
pub(super) fn names<'h>(host: &'h VirtualHost<'_>) -> impl Iterator<Item = &'h str> {
    let all = host.hosts.is_empty().then_some("");
    host.hosts.iter().map(String::as_str).chain(all)
}

/// Who answers for a name, with how closely what it says for that fits.
pub(super) type Nearest<'h, 'g> = (usize, &'h VirtualHost<'g>);

/// Who answers for a name: who says it, else the nearest above it, else who answers for all.
pub(super) fn nearest<'h, 'g>(hosts: &'h [VirtualHost<'g>], name: &str) -> Option<Nearest<'h, 'g>> {
    let covering = hosts.iter().filter_map(|host| {
        let covers = names(host).filter(|own| own.is_empty() || routing::host_covers(own, name));
        Some((covers.map(routing::closeness).max()?, host))
    });
    covering.max_by_key(|(length, _)| *length)
}

/// Whether a gateway answers for a name in some way.
pub(super) fn answers(gateway: &Gateway, name: &str) -> bool {
    nearest(&routing::virtual_hosts(gateway), name).is_some()
}

fn removal(gateway: &str, (what, meant): (&str, &str), help: Help, span: Span) -> Diagnostic {
    let else_answers = match help {
        Help::Redirect => ", or answer with `redirect`",
        Help::NoRedirect => {
            "; an Ingress cannot carry a `redirect`, a service behind the route can answer with one"
        }
    };
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!("`{gateway}` no longer answers {what}"),
        span,
    )
    .help(format!(
        "keep the route and its names until no client asks for them{else_answers}{meant}"
    ))
    .about(gateway)
}
