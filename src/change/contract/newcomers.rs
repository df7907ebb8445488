//! Services that are new, and those that were there and come to ask for them: nobody answers before the new one serves.
//!
//! A swarm starts what is new and replaces what is there at the same time (docker/cli
//! `cli/command/stack/swarm/deploy_composefile.go`), and so does who gets all of it from `kubectl apply`; an Ingress or a route
//! counts at once; on a plain host nginx leads to all of them once the first service has switched.

use super::order::{Before, Ordered};
use super::{Step, addresses};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::EdgeKind;
use crate::source::Span;
use crate::vocabulary::TargetId;
use std::collections::{BTreeMap, BTreeSet};

/// A caller that was there, and what it comes to ask for.
struct Arrival<'a> {
    caller: &'a str,
    callee: &'a str,
    address: String,
    /// Whether both are on a plain host.
    on_host: bool,
    /// Who has to be deployed after the callee.
    waits: Vec<&'a str>,
    span: Span,
}

/// What is new goes first, before all who come to ask for it: that is told of it once.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let mut of: BTreeMap<&str, Vec<Arrival<'a>>> = BTreeMap::new();
    for arrival in arrivals(step) {
        of.entry(arrival.callee).or_default().push(arrival);
    }
    let mut ordered = Vec::new();
    for (callee, arrivals) in of {
        let Some(why) = goes_first(&arrivals) else {
            continue;
        };
        let waits: BTreeSet<&str> = arrivals
            .iter()
            .flat_map(|it| it.waits.iter().copied())
            .collect();
        ordered.extend(waits.into_iter().map(|then| Ordered {
            before: Before {
                first: callee,
                then,
            },
            why: why.clone(),
        }));
    }
    ordered
}

/// Each caller and callee once.
fn arrivals<'a>(step: &Step<'a>) -> Vec<Arrival<'a>> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let mut found: BTreeMap<(&str, &str), Arrival<'a>> = BTreeMap::new();
    for target in step.targets() {
        if target == TargetId::Compose {
            continue;
        }
        let on_host = target == TargetId::Nginx;
        let known = |name| {
            let service = old.find(step.pairs.before(name));
            service.is_some_and(|service| old.runs_on(service, target))
        };
        // Most steps have nobody who is new.
        let mut here = new.services_on(target);
        if here.all(|service| known(service.name())) {
            continue;
        }
        let rolling = step.rolling(target);
        for (from, edge, to) in new.edges() {
            let (Some(caller), Some(callee)) = (new.service(from), new.service(to)) else {
                continue;
            };
            let is_beside = !on_host && target == TargetId::Swarm && new.leads_to_a_swarm(caller);
            let here = (new.runs_on(caller, target) || is_beside) && new.runs_on(callee, target);
            // Both slots of one are there before nginx leads to either, in one deploy.
            let is_ready = on_host && (!new.is_on_host(callee) || callee.is_blue_green());
            let here = here && !is_ready;
            let asks = match edge.kind {
                EdgeKind::After => false,
                EdgeKind::Routes => true,
                EdgeKind::Calls => rolling.contains(caller.name()),
            };
            let was_there = known(caller.name())
                || is_beside && old.find(step.pairs.before(caller.name())).is_some();
            if !here || !asks || !was_there || known(callee.name()) {
                continue;
            }
            let address = if on_host {
                Some(callee.name().to_owned())
            } else {
                addresses::address(target, new, (caller, callee), edge)
            };
            let Some(address) = address else { continue };
            // Whichever service's switch comes first has nginx lead to all of them (`put_live` in
            // `src/targets/nginx/hosts/scripts/host.sh`).
            let waits = if on_host && edge.kind == EdgeKind::Routes {
                rolling.iter().copied().filter(|name| known(name)).collect()
            } else {
                vec![caller.name()]
            };
            if waits.is_empty() {
                continue;
            }
            let pair = (caller.name(), callee.name());
            let arrival = found.entry(pair).or_insert(Arrival {
                caller: pair.0,
                callee: pair.1,
                address,
                on_host,
                waits: Vec::new(),
                span: edge.span,
            });
            arrival.waits.extend(waits);
        }
    }
    found.into_values().collect()
}

/// The most callers that are named.
const MOST: usize = 3;

/// Why a callee goes first, of all who come to ask for it.
fn goes_first(arrivals: &[Arrival<'_>]) -> Option<Diagnostic> {
    let (first, others) = arrivals.split_first()?;
    let Arrival {
        caller,
        callee,
        address,
        span,
        ..
    } = first;
    if first.on_host {
        let text = format!(
            "`{callee}` goes first: whichever service switches has nginx take all of its new configuration, which leads to `{callee}`, \
             and nobody serves there before `{callee}` has switched"
        );
        return Some(
            Diagnostic::new(&catalogue::ORDER_MATTERS, text, *span)
                .help(format!(
                    "`deploy.sh {callee}` and `switch.sh {callee}` first, then the others"
                ))
                .about(callee),
        );
    }
    let (who, then) = if others.is_empty() {
        let then = format!("with `{caller}` as it is, and `{caller}` once that is done");
        (format!("the new `{caller}` asks"), then)
    } else {
        let named = arrivals
            .iter()
            .take(MOST)
            .map(|it| format!("`{}`", it.caller));
        let mut names: Vec<String> = named.collect();
        let rest = arrivals.len() - names.len();
        let last = match rest {
            0 => names.pop().unwrap_or_default(),
            rest => format!("{rest} more"),
        };
        let names = format!("{} and {last}", names.join(", "));
        (
            format!("the new {names} ask"),
            "with those as they are, and them once that is done".to_owned(),
        )
    };
    let diagnostic = Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!("`{callee}` goes first: {who} for `{address}`, and nobody answers there before `{callee}` serves"),
        *span,
    )
    .help(format!("deploy `{callee}` {then}"))
    .about(callee);
    // Those who have it of one template ask at one place.
    let others = others.iter().filter(|other| other.span != *span);
    let others = others.take(MOST - 1);
    Some(others.fold(diagnostic, |diagnostic, other| {
        diagnostic.and(
            other.span,
            format!("`{}` asks for `{}`", other.caller, other.address),
        )
    }))
}
