//! Routes of the Gateway API that are written no more and stay, for names that a wider route of the new program is meant to answer: "precedence
//! must be given to rules from the `HTTPRoute` with the largest number of: characters in a matching non-wildcard hostname"
//! (gateway-api.sigs.k8s.io/reference/spec, `HTTPRouteSpec`, hostnames), and of equal ones to "the oldest Route based on creation timestamp"
//! (the same, `HTTPRouteRule`, matches).

use super::{left_route, names, nearest, route_of};
use crate::change::contract::admissions::closes;
use crate::change::contract::rerouted::led_by;
use crate::change::contract::{Both, Step};
use crate::change::kubernetes::parts::deletion;
use crate::change::{Change, Effect};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::graph::routing::{self, VirtualHost};
use crate::vocabulary::{Gateway, TargetId};
use std::collections::BTreeSet;

const LONGEST: &str = "the route with the longest name for a host goes first";
const OLDEST: &str = "of two routes for one name and one path the older one goes first";

/// What a route that is left behind goes on to answer in the place of the new one.
pub(super) fn answering(
    step: &Step<'_>,
    both: Both<'_>,
    (was, is): (&Gateway, &Gateway),
    found: &mut Diagnostics,
) {
    let (before, after) = (routing::virtual_hosts(was), routing::virtual_hosts(is));
    for host in &before {
        let stale = names(host).find_map(|name| {
            let left = left_route(step, both, (host, name))?;
            let (length, now) = nearest(&after, name)?;
            // Of one name the longest path decides, whichever route has it, and of one path the oldest route.
            let wins = if length < routing::closeness(name) {
                LONGEST
            } else if route_of(step, both.new, now, Effect::Created).is_some() {
                OLDEST
            } else {
                // Of two that were there which one is older is not known.
                return None;
            };
            let mut paths = host.paths.iter();
            paths.find_map(|(paths, candidates)| {
                let old = VirtualHost::asked(candidates);
                let new = VirtualHost::asked(&now.nearest(paths)?.1);
                let had = led_by(was, &old).into_iter();
                let had: BTreeSet<&str> = had.map(|it| step.pairs.now(it)).collect();
                let has = led_by(is, &new);
                let (pattern, _) = routing::pattern(old.first()?.route);
                (had != has).then_some((left, (name, pattern, had, wins)))
            })
        });
        if let Some((left, (name, pattern, had, wins))) = stale {
            let gateway = both.new.name();
            let is_refused = had.iter().any(|it| closes(step, gateway, it));
            let diagnostic = told(both, left, (name, pattern, &had), wins);
            found.push(if is_refused {
                diagnostic.severity(Severity::Error)
            } else {
                diagnostic
            });
        }
    }
}

/// Routes of the other kind that are left behind: of both for one host name "the implementation MUST accept exactly one", the oldest
/// (gateway-api.sigs.k8s.io/reference/spec, `GRPCRouteSpec`, hostnames).
pub(super) fn of_another_kind(step: &Step<'_>, both: Both<'_>, found: &mut Diagnostics) {
    let of = |kind: &str, effect: Effect, service: &str| {
        let mut changes = step.on(TargetId::Kubernetes);
        let is_its = |it: &&Change| it.service.as_deref() == Some(service);
        changes.find(|it| it.kind == kind && it.effect == effect && is_its(it))
    };
    for (kind, other) in [("HTTPRoute", "GRPCRoute"), ("GRPCRoute", "HTTPRoute")] {
        let come = of(kind, Effect::Created, both.new.name());
        let left = of(other, Effect::Left, both.old.name());
        // Those of one name are for the same host names.
        if let (Some(come), Some(left)) = (come, left)
            && come.name == left.name
        {
            found.push(one_kind(both, come, left));
        }
    }
}

fn one_kind(both: Both<'_>, come: &Change, left: &Change) -> Diagnostic {
    let (gateway, name) = (both.new.name(), &come.name);
    let delete = deletion(
        &left.kind.to_lowercase(),
        &left.name,
        left.namespace.as_deref(),
    );
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!(
            "{} `{name}` is not served while {} `{name}` stays, which is written no more",
            come.kind, left.kind
        ),
        both.new.span(),
    )
    .labelled("for one host name a listener takes routes of one kind, the oldest")
    .help(format!("{delete} right after this is applied"))
    .about(gateway)
}

fn told(
    both: Both<'_>,
    left: &Change,
    (name, pattern, had): (&str, &str, &BTreeSet<&str>),
    wins: &'static str,
) -> Diagnostic {
    let (gateway, kind, route) = (both.new.name(), &left.kind, &left.name);
    let leads = if had.is_empty() {
        format!("answers `{pattern}` of `{name}`")
    } else {
        format!("leads `{pattern}` of `{name}` to {}", super::list(had))
    };
    let delete = deletion(&kind.to_lowercase(), route, left.namespace.as_deref());
    let in_its_place = if wins == LONGEST {
        format!(
            "name `{name}` among the `hosts` of the new route, so that this one is changed in its place; or "
        )
    } else {
        String::new()
    };
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!(
            "{kind} `{route}` is written no more and stays: it {leads} as before, and the new route of `{gateway}` is not asked there"
        ),
        both.new.span(),
    )
    .labelled(wins)
    .help(format!(
        "{in_its_place}{delete} once the new `{gateway}` is applied, before the services that it leads to change"
    ))
    .about(gateway)
}
