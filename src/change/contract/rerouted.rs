//! Routes that move from one service to another, of which a new version comes in the same step: the old version of whom they come to
//! lead to was never asked for that, and the new one of whom they leave may not answer it any more. So whom a route comes to lead to goes
//! before the gateway, and the gateway before whom it leaves.
//!
//! On a plain host nginx leads to all of the new ones with the first that switches (`put_live` of
//! `src/targets/nginx/hosts/scripts/host.sh`): whom a route comes to lead to is that one, both slots of it at once.

use super::order::{Before, Ordered};
use super::routes::{names, nearest};
use super::{Both, Step, carried, gateways};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::routing::{self, Candidate, Paths, VirtualHost};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::types::{Piece, Reference, Text};
use crate::vocabulary::{Gateway, Label, Node, Route, RouteTarget, TargetId};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// Some paths of a gateway that one service gets or loses.
struct Moved<'a> {
    pattern: String,
    gains: bool,
    service: &'a str,
    span: Span,
}

/// Whom a route comes to lead to goes first, and whom it leaves goes last.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    // What was never asked for it surely does not answer; what is left may.
    let (mut gained, mut lost) = (BTreeMap::new(), BTreeMap::new());
    for target in [TargetId::Kubernetes, TargetId::Swarm] {
        for (gateway, moved) in led_on(step, target) {
            let found = if moved.gains { &mut gained } else { &mut lost };
            let (first, then) = if moved.gains {
                (moved.service, gateway)
            } else {
                (gateway, moved.service)
            };
            let before = Before { first, then };
            found.entry(before).or_insert_with(|| why(gateway, &moved));
        }
    }
    let found = gained.into_iter().chain(lost);
    found.map(|(before, why)| Ordered { before, why }).collect()
}

/// Whom a route of a plain host comes to lead to goes before all others, where one reload has nginx lead to it and to it alone.
pub(super) fn ordered_on_hosts<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let mut found = BTreeMap::new();
    for (_, moved) in gained_on_hosts(step).filter(|(swaps, _)| *swaps) {
        for then in gateways::others(step, moved.service) {
            let first = moved.service;
            found
                .entry(Before { first, then })
                .or_insert_with(|| goes_first(&moved));
        }
    }
    let found = found.into_iter();
    found.map(|(before, why)| Ordered { before, why }).collect()
}

/// Those of which some slots are asked for what they never were, whichever goes first.
pub(super) fn at_once(step: &Step<'_>, found: &mut Diagnostics) {
    let mut told = BTreeSet::new();
    for (_, moved) in gained_on_hosts(step).filter(|(swaps, _)| !*swaps) {
        if told.insert(moved.service) {
            found.push(slot_by_slot(&moved));
        }
    }
}

/// What services that start another program gain on a plain host, each with whether nginx leads to the new one alone with one reload: of
/// several of them, or beside one that is new, some are led to before they are there.
fn gained_on_hosts<'a>(step: &Step<'a>) -> impl Iterator<Item = (bool, Moved<'a>)> {
    let mut moved = led_on(step, TargetId::Nginx);
    moved.retain(|(_, moved)| moved.gains);
    let services: BTreeSet<&str> = moved.iter().map(|(_, moved)| moved.service).collect();
    let has_new = step.new.is_some_and(|new| {
        let mut here = new.services().filter(|it| new.is_on_host(*it));
        here.any(|it| step.both(it.name()).is_none())
    });
    let is_alone = services.len() == 1 && !has_new;
    moved.into_iter().filter_map(move |(_, moved)| {
        let both = step.both(moved.service)?;
        let swaps = both.old.is_blue_green() && both.new.is_blue_green();
        Some((swaps && is_alone, moved))
    })
}

/// What moves on a target to and from services of which another program starts, with the gateway that leads there.
fn led_on<'a>(step: &Step<'a>, target: TargetId) -> Vec<(&'a str, Moved<'a>)> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let mut renewed = step.rolling(target);
    renewed.extend(step.varied());
    let is_renewed = |name: &str| {
        let both = step.both(name).filter(|_| !step.renames(name));
        renewed.contains(name) && both.is_some_and(|both| starts_another(both, target))
    };
    let leads = |graph: &Graph, gateway: ServiceView<'_>| {
        graph.runs_on(gateway, target)
            || target == TargetId::Swarm && graph.leads_to_a_swarm(gateway)
    };
    let mut found = Vec::new();
    for gateway in new.services().filter(|it| leads(new, *it)) {
        let both = step.both(gateway.name());
        let both = both.filter(|both| leads(old, both.old));
        let moved = both.map_or_else(Vec::new, |both| moved(step, both, target));
        let moved = moved.into_iter().filter(|moved| {
            let both = step.both(moved.service);
            let is_here = both.is_some_and(|both| {
                let runs = |graph: &Graph, service| match target {
                    TargetId::Nginx => graph.is_on_host(service),
                    _ => graph.runs_on(service, target),
                };
                runs(old, both.old) && runs(new, both.new)
            });
            is_here && is_renewed(moved.service)
        });
        found.extend(moved.map(|moved| (gateway.name(), moved)));
    }
    found
}

/// Whether another program starts in the place of that of before: by its image, on a plain host by what it runs, or by a deploy-time
/// variable in that, which has another value then.
fn starts_another(both: Both<'_>, target: TargetId) -> bool {
    let runs = |service: ServiceView<'_>| {
        let service = &service.node.service;
        let mut runs: Vec<Text> = service.image.iter().map(|it| it.value.clone()).collect();
        if target == TargetId::Nginx {
            let words = service.command.iter().chain(&service.args);
            runs.extend(words.flat_map(|it| it.value.iter().map(|word| word.value.clone())));
        }
        runs
    };
    let (was, is) = (runs(both.old), runs(both.new));
    let varies = |text: &Text| text.unknowns().any(|it| matches!(it, Piece::Variable(_)));
    was != is || is.iter().any(varies)
}

/// What moves of the names and paths that routes of before or of now were written for.
fn moved<'a>(step: &Step<'a>, both: Both<'a>, target: TargetId) -> Vec<Moved<'a>> {
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
    let mut found = Vec::new();
    for name in names_of(&before, &after) {
        let (Some((_, old)), Some((_, new))) = (nearest(&before, name), nearest(&after, name))
        else {
            continue;
        };
        for paths in paths_of(old, new) {
            let (Some((wide, led)), Some((_, leading))) = (old.nearest(paths), new.nearest(paths))
            else {
                continue;
            };
            let is_own_name = names(old).any(|own| own == name);
            if takes_from_all(&after, (old, name), (wide, paths)) {
                continue;
            }
            let (from, to) = (VirtualHost::asked(led), VirtualHost::asked(leading));
            let had = led_by(was, &from).into_iter();
            let had: BTreeSet<&str> = had.map(|it| step.pairs.now(it)).collect();
            let has = led_by(is, &to);
            // Where nobody answered, or nobody will, nothing moves.
            let (Some(from), Some(to)) = (from.first(), to.first()) else {
                continue;
            };
            if had.is_empty() || has.is_empty() {
                continue;
            }
            let shown = if wide == paths && is_own_name {
                from
            } else {
                to
            };
            for service in had.symmetric_difference(&has) {
                found.extend(step.both(service).map(|both| Moved {
                    pattern: routing::pattern(shown.route).0.to_owned(),
                    gains: has.contains(service),
                    service: both.new.name(),
                    span: to.route.span,
                }));
            }
        }
    }
    // Its old version surely has no answer to what it gets, be it a path that was taken out of a wider one; of what it loses its new one may.
    let gets = |service: &str| {
        let leads = |gateway: &Gateway| -> BTreeSet<String> {
            let routes = gateway.route.iter();
            let routes = routes.filter(|route| led(gateway, route).contains(service));
            routes.map(|it| routing::pattern(it).0.to_owned()).collect()
        };
        !leads(is).is_subset(&leads(was))
    };
    found.retain(|moved| moved.gains || !gets(moved.service));
    found
}

/// The names of before, then those that only now somebody says.
fn names_of<'h>(before: &'h [VirtualHost<'_>], after: &'h [VirtualHost<'_>]) -> Vec<&'h str> {
    let mut known = BTreeSet::new();
    let all = before.iter().chain(after).flat_map(names);
    all.filter(|name| known.insert(*name)).collect()
}

/// The patterns of before, then those that only now stand there.
fn paths_of<'h>(old: &'h VirtualHost<'_>, new: &'h VirtualHost<'_>) -> Vec<&'h Paths> {
    let mut known = BTreeSet::new();
    let all = old.paths.iter().chain(&new.paths).map(|(paths, _)| paths);
    all.filter(|paths| known.insert(*paths)).collect()
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
pub(super) fn led_by<'a>(gateway: &'a Gateway, routes: &[Candidate<'a>]) -> BTreeSet<&'a str> {
    let routes = routes.iter();
    routes.flat_map(|it| led(gateway, it.route)).collect()
}

/// The services that a route leads to, each of the shares of it.
fn led<'a>(gateway: &'a Gateway, route: &'a Node<Route>) -> BTreeSet<&'a str> {
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

fn goes_first(moved: &Moved<'_>) -> Diagnostic {
    let Moved {
        pattern, service, ..
    } = moved;
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "`{service}` goes first: whichever service switches has nginx take all of its new configuration, which leads `{pattern}` to \
             `{service}`, and its old version was never asked for that"
        ),
        moved.span,
    )
    .help(format!("`deploy.sh {service}` and `switch.sh {service}` first, then the others"))
    .about(service)
}

fn slot_by_slot(moved: &Moved<'_>) -> Diagnostic {
    let Moved {
        pattern, service, ..
    } = moved;
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "nginx leads `{pattern}` to `{service}` as soon as the first service has switched, and its slots that run the old version were \
             never asked for that"
        ),
        moved.span,
    )
    .note("a gateway of a plain host is not deployed by itself: no order helps")
    .help(format!("in two deploys: the new `{service}` with the routes as they are; then the routes"))
    .about(service)
}

fn why(gateway: &str, moved: &Moved<'_>) -> Diagnostic {
    let Moved {
        pattern,
        gains,
        service,
        span,
    } = moved;
    let (text, first, then) = if *gains {
        let text = format!(
            "`{service}` goes first: the new `{gateway}` leads `{pattern}` to it, for which its old version was never asked"
        );
        (text, *service, gateway)
    } else {
        let text = format!(
            "`{gateway}` goes first: until then it leads `{pattern}` to `{service}`, whose new version may not answer that any more"
        );
        (text, gateway, *service)
    };
    Diagnostic::new(&catalogue::ORDER_MATTERS, text, *span)
        .help(format!(
            "deploy `{first}` with `{then}` as it is, and `{then}` once that is done"
        ))
        .about(service)
}
