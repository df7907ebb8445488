//! What of a gateway moves from one service to another: name by name, path by path and method by method.

use super::asked::{Asked, Asking, taking};
use crate::change::contract::routes::{names, nearest};
use crate::change::contract::{Both, Step, carried};
use crate::graph::routing::{self, Candidate, Paths, VirtualHost};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Gateway, Label, Method, Node, Route, RouteTarget, TargetId};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of some paths for a service.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// It comes to be asked for them.
    Gains,
    /// It is asked for them no more.
    Loses,
    /// It is asked for them by other paths, which the gateway makes of them.
    Rewritten,
}

/// Some paths of a gateway of which something becomes for a service.
pub(super) struct Moved<'a> {
    pub(super) pattern: String,
    pub(super) how: How,
    /// Whether clients are sent there, by a `redirect`.
    pub(super) is_sent: bool,
    pub(super) service: &'a str,
    pub(super) span: Span,
}

/// What moves of the names and paths that routes of before or of now were written for.
pub(super) fn moved<'a>(step: &Step<'a>, both: Both<'a>, target: TargetId) -> Vec<Moved<'a>> {
    let carried = |graph: Option<&Graph>, service: ServiceView<'a>| {
        let gateway = service.node.gateway.as_ref()?;
        Some(match target {
            TargetId::Kubernetes => carried::on_kubernetes(graph?, service, gateway),
            _ => Cow::Borrowed(&**gateway),
        })
    };
    let (Some(was), Some(is)) = (carried(step.old, both.old), carried(step.new, both.new)) else {
        return Vec::new();
    };
    let (was, is) = (&*was, &*is);
    let (before, after) = (routing::virtual_hosts(was), routing::virtual_hosts(is));
    let (old_asking, new_asking) = (Asking::of(was, &before), Asking::of(is, &after));
    let (mut found, mut gets) = (Vec::new(), BTreeSet::new());
    for name in names_of(&before, &after) {
        let Some((_, new)) = nearest(&after, name) else {
            continue;
        };
        let old = nearest(&before, name).map(|(_, old)| old);
        for paths in paths_of(old, new) {
            let Some((now, leading)) = new.nearest(paths) else {
                continue;
            };
            let led = old.and_then(|old| Some((old, old.nearest(paths)?)));
            let (from, to) = (led.map_or(&[][..], |(_, (_, led))| led), &leading[..]);
            let (from, to) = (VirtualHost::asked(from), VirtualHost::asked(to));
            let is_unasked = led
                .is_none_or(|(old, (wide, _))| takes_from_all(&after, (old, name), (wide, paths)));
            let is_written = led
                .is_some_and(|(old, (wide, _))| wide == paths && names(old).any(|own| own == name));
            for method in methods_of(&from, &to) {
                let (from, to) = (taking(&from, method), taking(&to, method));
                let request = (name, paths, method);
                let had = old_asking.by(&from, request).into_iter();
                let had: BTreeMap<&str, Asked> =
                    had.map(|(it, asked)| (step.pairs.now(it), asked)).collect();
                let has = new_asking.by(&to, request);
                let gained = has.keys().filter(|it| !had.contains_key(*it));
                gets.extend(gained.map(|it| (*it).to_owned()));
                // Where nobody answered, or nobody will, nothing moves.
                let answered = (from.first(), to.first());
                let (Some(from), Some(to)) = answered else {
                    continue;
                };
                if !carried::answers(from.route) || !carried::answers(to.route) {
                    continue;
                }
                if is_unasked {
                    continue;
                }
                let shown = if is_written { from } else { to };
                let were_written = led.is_some_and(|(_, (wide, _))| *wide != Paths::All);
                let are_written = (were_written, *now != Paths::All);
                let asking = (old_asking, new_asking);
                let services: BTreeSet<&str> = had.keys().chain(has.keys()).copied().collect();
                for service in services {
                    let asked = (had.get(service), has.get(service));
                    let Some((how, is_sent)) = becomes(asking, (service, are_written), asked)
                    else {
                        continue;
                    };
                    let moved = step.both(service).map(|both| Moved {
                        pattern: routing::pattern(shown.route).0.to_owned(),
                        how,
                        is_sent,
                        service: both.new.name(),
                        span: to.route.span,
                    });
                    found.extend(moved.map(|moved| (moved, now != paths)));
                }
            }
        }
    }
    // What goes to a wider route alone is given up, and where its service gets something for it, such as the same by another path, both end at once.
    found.retain(|(moved, is_given_up)| {
        moved.how != How::Loses || !is_given_up || !gets.contains(moved.service)
    });
    found.into_iter().map(|(moved, _)| moved).collect()
}

/// What becomes of some paths for a service, by what it was asked for and is asked for instead, and whether by clients that are sent there;
/// each with whether a route was written for less than all paths.
fn becomes(
    (old, new): (Asking<'_, '_>, Asking<'_, '_>),
    (service, are_written): (&str, (bool, bool)),
    asked: (Option<&Asked>, Option<&Asked>),
) -> Option<(How, bool)> {
    if let (Some(was), Some(is)) = asked
        && was.path == is.path
    {
        return None;
    }
    let is_sent = |asked: Option<&Asked>| asked.is_some_and(|it| it.is_redirected);
    let is_direct = |asked: Option<&Asked>, is_written: bool| {
        is_written && asked.is_some_and(|it| !it.is_redirected)
    };
    // Of what goes to all paths nobody knows which of them a service answers.
    let is_asked_all = [old, new].iter().all(|it| it.asks(service, "", false));
    let is_written = is_direct(asked.0, are_written.0) || is_direct(asked.1, are_written.1);
    let all_count = is_asked_all && !is_written;
    // Where clients are sent they may have asked before, and may go on to.
    let is_new = |is: &Asked| !old.asks(service, &is.path, all_count);
    let is_gone = |was: &Asked| !new.asks(service, &was.path, all_count);
    let how = match asked {
        (Some(was), Some(is)) if was.is_redirected || is.is_redirected => {
            match (is_new(is), is_gone(was)) {
                (true, true) => How::Rewritten,
                (true, false) => How::Gains,
                (false, true) => How::Loses,
                (false, false) => return None,
            }
        }
        (Some(_), Some(_)) => How::Rewritten,
        (None, Some(is)) if !is.is_redirected || is_new(is) => How::Gains,
        (Some(was), None) if !was.is_redirected || is_gone(was) => How::Loses,
        _ => return None,
    };
    let sent = if how == How::Loses {
        is_sent(asked.0)
    } else {
        is_sent(asked.1)
    };
    Some((how, sent))
}

/// The names of before, then those that only now somebody says.
fn names_of<'h>(before: &'h [VirtualHost<'_>], after: &'h [VirtualHost<'_>]) -> Vec<&'h str> {
    let mut known = BTreeSet::new();
    let all = before.iter().chain(after).flat_map(names);
    all.filter(|name| known.insert(*name)).collect()
}

/// The patterns of before, then those that only now stand there.
fn paths_of<'h>(old: Option<&'h VirtualHost<'_>>, new: &'h VirtualHost<'_>) -> Vec<&'h Paths> {
    let mut known = BTreeSet::new();
    let old = old.into_iter().flat_map(|old| &old.paths);
    let all = old.chain(&new.paths).map(|(paths, _)| paths);
    all.filter(|paths| known.insert(*paths)).collect()
}

/// The methods that some of the routes ask for, and none for all others.
fn methods_of(from: &[Candidate<'_>], to: &[Candidate<'_>]) -> BTreeSet<Option<Method>> {
    let written = from
        .iter()
        .chain(to)
        .filter_map(|it| routing::methods(it.route));
    written.flatten().map(Some).chain([None]).collect()
}

/// Whether something is taken out of what answers for all names or all paths, and goes on to: of that nobody knows whether anybody
/// asked for it.
fn takes_from_all(
    after: &[VirtualHost<'_>],
    (old, name): (&VirtualHost<'_>, &str),
    (wide, paths): (&Paths, &Paths),
) -> bool {
    let goes_on = |name: &str, paths: &Paths| {
        let host = nearest(after, name);
        host.is_some_and(|(_, host)| host.paths.iter().any(|(own, _)| own == paths))
    };
    let of_all_names = old.hosts.is_empty() && !name.is_empty() && goes_on("", wide);
    let of_all_paths = *wide == Paths::All && wide != paths && goes_on(name, wide);
    of_all_names || of_all_paths
}

/// The services that routes lead to.
pub(in crate::change::contract) fn led_by<'a>(
    gateway: &'a Gateway,
    routes: &[Candidate<'a>],
) -> BTreeSet<&'a str> {
    let routes = routes.iter();
    routes.flat_map(|it| led(gateway, it.route)).collect()
}

/// The services that a route leads to, each of the shares of it.
pub(super) fn led<'a>(gateway: &'a Gateway, route: &'a Node<Route>) -> BTreeSet<&'a str> {
    let service = |label: &'a Label| match label {
        Label::Reference(Reference::Port(service, _)) => Some(&**service),
        _ => None,
    };
    let shares = route.split.iter().filter_map(|split| service(&split.label));
    let mut found: BTreeSet<&str> = shares.collect();
    match route.to.as_ref().map(|to| &to.value) {
        Some(RouteTarget::Port(port)) => {
            found.insert(&port.service);
        }
        Some(RouteTarget::Upstream(name)) => {
            let upstreams = gateway.upstream.iter();
            let of = upstreams.filter(|upstream| upstream.label.name() == &**name);
            let servers = of.flat_map(|upstream| &upstream.server);
            found.extend(servers.filter_map(|server| service(&server.label)));
        }
        None => {}
    }
    found
}
