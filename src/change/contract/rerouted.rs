//! Routes that move from one service to another, of which a new version comes in the same step: the old version of whom they come to
//! lead to was never asked for that, and the new one of whom they leave may not answer it any more. So whom a route comes to lead to goes
//! before the gateway, and the gateway before whom it leaves.
//!
//! On a plain host nginx leads to all of the new ones with the first that switches.

use super::order::{Before, Ordered};
use super::routes::{names, nearest};
use super::{Both, Step, carried};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::routing::{self, Candidate, VirtualHost};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::types::Reference;
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
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let mut found = BTreeMap::new();
    for target in [TargetId::Kubernetes, TargetId::Swarm] {
        let renewed: BTreeSet<&str> = step.rolling(target).into_iter().collect();
        let has_another_image = |name: &str| {
            let mut changes = step.on(target);
            changes.any(|change| {
                let mut fields = change.fields.iter();
                change.service.as_deref() == Some(name)
                    && fields.any(|field| field.path.rsplit('.').next() == Some("image"))
            })
        };
        let is_renewed = |name: &str| {
            let stays = step.both(name).is_some() && !step.renames(name);
            renewed.contains(name) && stays && has_another_image(name)
        };
        for gateway in new.services_on(target) {
            let both = step
                .both(gateway.name())
                .filter(|both| old.runs_on(both.old, target));
            for moved in both.map_or_else(Vec::new, |both| moved(step, both, target)) {
                if !is_renewed(moved.service) {
                    continue;
                }
                let (first, then) = if moved.gains {
                    (moved.service, gateway.name())
                } else {
                    (gateway.name(), moved.service)
                };
                let before = Before { first, then };
                found
                    .entry(before)
                    .or_insert_with(|| why(gateway.name(), &moved));
            }
        }
    }
    let found = found.into_iter();
    found.map(|(before, why)| Ordered { before, why }).collect()
}

/// What moves of the paths that routes of before were written for.
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
    // Of what somebody else takes out of a wider route nobody knows whether anybody asked for it.
    for host in &before {
        for name in names(host) {
            let Some((_, now)) = nearest(&after, name) else {
                continue;
            };
            for (paths, candidates) in &host.paths {
                let Some((_, taking)) = now.nearest(paths) else {
                    continue;
                };
                let (old, new) = (VirtualHost::asked(candidates), VirtualHost::asked(taking));
                let had = led_by(was, &old).into_iter();
                let had: BTreeSet<&str> = had.map(|it| step.pairs.now(it)).collect();
                let has = led_by(is, &new);
                // Where nobody answered, or nobody will, nothing moves.
                let (Some(from), Some(to)) = (old.first(), new.first()) else {
                    continue;
                };
                if had.is_empty() || has.is_empty() {
                    continue;
                }
                for service in had.symmetric_difference(&has) {
                    found.extend(step.both(service).map(|both| Moved {
                        pattern: routing::pattern(from.route).0.to_owned(),
                        gains: has.contains(service),
                        service: both.new.name(),
                        span: to.route.span,
                    }));
                }
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
