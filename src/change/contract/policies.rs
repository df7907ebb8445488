//! What a `NetworkPolicy` holds that is written no more: an apply deletes nothing, and a policy counts for whatever pods have the labels
//! that it selects, of whichever version (`kubernetes.io/docs/concepts/services-networking/network-policies`).
//!
//! A service that is on no network of its own any more has no policy in the new program, and is open there. The policy of before goes on
//! to admit the pods of its networks alone, of which the new version of nobody is one.

use super::undo::share;
use super::{Both, Step};
use crate::change::kubernetes::parts::deletion;
use crate::change::{Change, Effect};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, ServiceView};
use crate::vocabulary::TargetId;
use std::collections::{BTreeMap, BTreeSet};

/// Services that a policy of before shuts off from those who ask for them, or whom they ask for.
pub(super) fn left_in_force(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for service in new.services_on(TargetId::Kubernetes) {
        let left = of(step, service.name());
        let left = left.and_then(|policy| Some((step.both(service.name())?, policy)));
        let Some((both, policy)) = left else { continue };
        let refused = refused((old, new), both);
        let unheard = unheard((old, new), both);
        if !refused.is_empty() || !unheard.is_empty() {
            found.push(shut((old, both), policy, (&refused, &unheard)));
        }
    }
}

/// The policy of before that goes on to count for the pods of a service, by the name that it has now.
pub(super) fn of<'a>(step: &Step<'a>, name: &str) -> Option<&'a Change> {
    let left = || policies_left(step);
    // Most steps leave none.
    let policy = *step
        .policies_left
        .get_or_init(left)
        .get(step.pairs.before(name))?;
    // What has another name or namespace has pods of its own.
    let is_its = !step.renames(name) && step.both(name).is_some();
    is_its.then_some(policy)
}

/// The policies that are written no more, by the zd name that their service had; the first of each.
fn policies_left<'a>(step: &Step<'a>) -> BTreeMap<&'a str, &'a Change> {
    let mut left = BTreeMap::new();
    for change in step.on(TargetId::Kubernetes) {
        let is_left = change.effect == Effect::Left && change.kind == "NetworkPolicy";
        if let (true, Some(service)) = (is_left, change.service.as_deref()) {
            left.entry(service).or_insert(change);
        }
    }
    left
}

/// Whether one keeps a caller and a callee apart: one of the callee, or one that keeps the caller to its networks in what it asks for.
pub(super) fn keep_apart(step: &Step<'_>, (caller, callee): (&str, &str)) -> bool {
    let old = step.old.zip(step.both(caller));
    let keeps_in = old.is_some_and(|(old, both)| old.is_closed(both.old));
    of(step, callee).is_some() || keeps_in && of(step, caller).is_some()
}

/// Who asks for a service in the new program and is on none of the networks that it was on.
fn refused((old, new): (&Graph, &Graph), both: Both<'_>) -> BTreeSet<String> {
    let was_open = |name: &str| {
        let mut ports = both.old.ports();
        ports.any(|port| port.label.name() == name && old.is_open(both.old, port))
    };
    let mut found = BTreeSet::new();
    // Nobody asks for who has no instance.
    if new.replicas(both.new).most == 0 {
        return found;
    }
    for (edge, from) in new.edges_to(both.new.id) {
        let asks = edge.kind != EdgeKind::After
            && from.id != both.new.id
            && new.runs_on(from, TargetId::Kubernetes)
            && new.replicas(from).most > 0;
        if !asks || was_open(&edge.port) {
            continue;
        }
        let admitted = if from.node.gateway.is_some() {
            is_routed(old, both.old, &edge.port)
        } else {
            share((new, from), (old, both.old))
        };
        if !admitted {
            found.insert(format!("`{}`", from.name()));
        }
    }
    let opens = both.new.ports().any(|port| {
        let name = port.label.name();
        new.is_open(both.new, port) && !was_open(name)
    });
    if opens {
        found.insert("whoever asks from outside".to_owned());
    }
    found
}

/// Whom a service asks for that could ask those on its networks alone, and who is on none of these.
fn unheard((old, new): (&Graph, &Graph), both: Both<'_>) -> BTreeSet<String> {
    if !old.is_closed(both.old) || new.replicas(both.new).most == 0 {
        return BTreeSet::new();
    }
    let asked = new.edges().filter_map(|(from, edge, to)| {
        let to = new.service(to).filter(|_| from == both.new.id)?;
        let asks = edge.kind == EdgeKind::Calls && to.id != both.new.id;
        let here = asks && new.runs_on(to, TargetId::Kubernetes);
        (here && !share((old, both.old), (new, to))).then(|| format!("`{}`", to.name()))
    });
    asked.collect()
}

/// Whether the policy of a service admits who carries the gateways of a cluster at a port.
fn is_routed(graph: &Graph, service: ServiceView<'_>, port: &str) -> bool {
    let mut edges = graph.edges_to(service.id);
    edges.any(|(edge, from)| {
        edge.kind == EdgeKind::Routes
            && *edge.port == *port
            && graph.runs_on(from, TargetId::Kubernetes)
    })
}

fn shut(
    (old, both): (&Graph, Both<'_>),
    policy: &Change,
    (refused, unheard): (&BTreeSet<String>, &BTreeSet<String>),
) -> Diagnostic {
    let name = both.new.name();
    let list = |names: &BTreeSet<String>| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        names.join(" and ")
    };
    let by = format!("NetworkPolicy `{}` of before stays", policy.name);
    let keeps = match (refused.is_empty(), unheard.is_empty()) {
        (false, true) => format!("refuses {}", list(refused)),
        (true, _) => format!("keeps `{name}` from {}", list(unheard)),
        (false, false) => format!(
            "refuses {}, and keeps `{name}` from {}",
            list(refused),
            list(unheard)
        ),
    };
    let networks = old.joins(both.old).map(|(network, _)| network);
    let networks: BTreeSet<String> = networks.map(|it| format!("`{it}`")).collect();
    let networks = list(&networks);
    let command = deletion("networkpolicy", &policy.name, policy.namespace.as_deref());
    Diagnostic::new(
        &catalogue::ADDRESS_MOVED,
        format!("`{name}` is on {networks} no more, and {by}: it {keeps}"),
        both.new.span(),
    )
    .note(format!(
        "an apply deletes nothing, and no order of the two helps: of both versions only pods of {networks} are admitted until it is deleted"
    ))
    .help(format!(
        "keep `join`; or {command} before this step, with which `{name}` is open to all as the new program has it, and write \
         `allow address_moved {{ because = \"…\" }}`"
    ))
    .about(name)
}
