//! Services that are new, and those that were there and come to ask for them: nobody answers before the new one serves.
//!
//! A swarm starts what is new and replaces what is there at the same time (docker/cli
//! `cli/command/stack/swarm/deploy_composefile.go`), and so does who gets all of it from `kubectl apply`; an Ingress or a route
//! counts at once.

use super::order::{Before, Ordered};
use super::{Step, addresses};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::EdgeKind;
use crate::source::Span;
use crate::vocabulary::TargetId;
use std::collections::BTreeMap;

/// A caller that was there, and what it comes to ask for.
struct Arrival<'a> {
    caller: &'a str,
    callee: &'a str,
    address: String,
    span: Span,
}

/// What is new goes first, before all who come to ask for it: that is told of it once.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let mut of: BTreeMap<&str, Vec<Arrival<'a>>> = BTreeMap::new();
    for arrival in arrivals(step) {
        of.entry(arrival.callee).or_default().push(arrival);
    }
    let mut ordered = Vec::new();
    for arrivals in of.values() {
        let Some(why) = goes_first(arrivals) else {
            continue;
        };
        ordered.extend(arrivals.iter().map(|arrival| Ordered {
            before: Before {
                first: arrival.callee,
                then: arrival.caller,
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
        if !matches!(target, TargetId::Swarm | TargetId::Kubernetes) {
            continue;
        }
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
            let here = new.runs_on(caller, target) && new.runs_on(callee, target);
            let asks = match edge.kind {
                EdgeKind::After => false,
                EdgeKind::Routes => true,
                EdgeKind::Calls => rolling.contains(caller.name()),
            };
            if !here || !asks || !known(caller.name()) || known(callee.name()) {
                continue;
            }
            if let Some(address) = addresses::address(target, new, (caller, callee), edge) {
                let pair = (caller.name(), callee.name());
                found.entry(pair).or_insert(Arrival {
                    caller: pair.0,
                    callee: pair.1,
                    address,
                    span: edge.span,
                });
            }
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
    } = first;
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
