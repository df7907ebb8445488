//! The order that callers and callees have among them: pair by pair, or round in a circle, in which none can go first.

use super::{
    Step, addresses, admissions, data, gateways, leavers, migrations, newcomers, ports, rerouted,
    slots, stops, versions,
};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::{BTreeMap, BTreeSet};

/// One service that has to be deployed before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::change) struct Before<'a> {
    /// The one that goes first.
    pub(in crate::change) first: &'a str,
    /// The one that waits.
    pub(in crate::change) then: &'a str,
}

/// Two services that have to be replaced one after the other, and why.
pub(super) struct Ordered<'a> {
    pub(super) before: Before<'a>,
    pub(super) why: Diagnostic,
}

/// An order that gives way to those that have to be, and goes round in no circle: it is for what a program may not answer, or for the ends of
/// pods alone.
pub(super) struct Soft<'a> {
    pub(super) ordered: Ordered<'a>,
    /// What is to be said where it gives way.
    pub(super) given_up: Option<Diagnostic>,
}

impl<'a> From<Ordered<'a>> for Soft<'a> {
    fn from(ordered: Ordered<'a>) -> Self {
        Self {
            ordered,
            given_up: None,
        }
    }
}

/// All that have an order, kind by kind, and what is to be said of orders that gave way.
pub(super) struct Orders<'a> {
    kept: Vec<Ordered<'a>>,
    given_up: Vec<Diagnostic>,
}

fn all<'s, 'a>(step: &'s Step<'a>) -> &'s Orders<'a> {
    step.ordered.get_or_init(|| search(step))
}

fn search<'a>(step: &Step<'a>) -> Orders<'a> {
    let mut kept = addresses::ordered(step);
    kept.extend(ports::ordered(step));
    kept.extend(slots::ordered(step));
    kept.extend(versions::ordered(step));
    kept.extend(gateways::ordered(step));
    kept.extend(migrations::ordered(step));
    kept.extend(newcomers::ordered(step));
    kept.extend(admissions::ordered(step));
    kept.extend(rerouted::ordered_on_hosts(step));
    kept.extend(data::handed_on(step));
    let mut given_up = Vec::new();
    let soft = rerouted::ordered(step).into_iter();
    let soft = soft.chain(leavers::ordered(step));
    let of_ends = stops::ordered(step).into_iter().map(Soft::from);
    for soft in soft.chain(of_ends) {
        let Before { first, then } = soft.ordered.before;
        if comes_before(&kept, then, first) {
            given_up.extend(soft.given_up);
        } else if !kept.iter().any(|it| it.before == soft.ordered.before) {
            kept.push(soft.ordered);
        }
    }
    Orders { kept, given_up }
}

/// Whether one has to be deployed before another, be it for the sake of those between them.
fn comes_before(ordered: &[Ordered<'_>], first: &str, then: &str) -> bool {
    let mut known = BTreeSet::from([first]);
    loop {
        let next = ordered.iter().filter(|it| known.contains(it.before.first));
        let next: BTreeSet<&str> = next.map(|it| it.before.then).collect();
        if next.contains(then) {
            return true;
        }
        if next.is_subset(&known) {
            return false;
        }
        known.extend(next);
    }
}

/// Which of the services has to be deployed before which.
pub(super) fn of<'a>(step: &Step<'a>) -> Vec<Before<'a>> {
    let mut order: Vec<Before<'a>> = all(step).kept.iter().map(|it| it.before).collect();
    order.sort();
    order.dedup();
    order
}

/// Pairs that have an order; of those in a circle what leads round it is told in one.
pub(super) fn check(step: &Step<'_>, found: &mut Diagnostics) {
    let Orders { kept, given_up } = all(step);
    if kept.is_empty() {
        return;
    }
    let circles = circles(step, kept);
    let mut outside: Vec<Diagnostic> = Vec::new();
    let mut inside: Vec<Vec<Diagnostic>> = circles.iter().map(|_| Vec::new()).collect();
    for Ordered { before, why } in kept {
        let around =
            |members: &Vec<&str>| members.contains(&before.first) && members.contains(&before.then);
        let circle = circles.iter().position(around);
        let told = match circle.and_then(|index| inside.get_mut(index)) {
            Some(inside) => inside,
            None => &mut outside,
        };
        // One reason may be that of several pairs, which come in a row.
        if told.last() != Some(why) {
            told.push(why.clone());
        }
    }
    found.extend(outside);
    found.extend(given_up.iter().cloned());
    for (members, why) in circles.iter().zip(inside) {
        found.extend(circle(members, &why).map(|told| hands_on(step, members, told)));
    }
}

/// The circles among the pairs that have an order; a pair that has none is told of as such.
fn circles<'a>(step: &Step<'a>, ordered: &[Ordered<'a>]) -> Vec<Vec<&'a str>> {
    let mut without = addresses::without_order(step);
    without.extend(versions::without_order(step));
    let has_none = |before: &Before<'_>| {
        let (first, then) = (before.first, before.then);
        without.contains(&(first, then)) || without.contains(&(then, first))
    };
    let mut graph: DiGraph<&str, ()> = DiGraph::new();
    let mut known: BTreeMap<&str, NodeIndex> = BTreeMap::new();
    let order: BTreeSet<&Before<'a>> = ordered.iter().map(|it| &it.before).collect();
    for before in order.into_iter().filter(|before| !has_none(before)) {
        let mut node = |name| *known.entry(name).or_insert_with(|| graph.add_node(name));
        let (first, then) = (node(before.first), node(before.then));
        graph.update_edge(first, then, ());
    }
    let components = tarjan_scc(&graph).into_iter();
    let components = components.filter(|component| component.len() > 1);
    let named = |component: Vec<NodeIndex>| -> Vec<&'a str> {
        let names = component.iter().filter_map(|node| graph.node_weight(*node));
        let mut names: Vec<&str> = names.copied().collect();
        names.sort_unstable();
        names
    };
    components.map(named).collect()
}

/// How a volume is handed on that one of a circle gives up for another.
fn hands_on(step: &Step<'_>, members: &[&str], told: Diagnostic) -> Diagnostic {
    let handed = data::handed_on(step).into_iter().map(|it| it.before);
    let mut around = handed.filter(|it| members.contains(&it.first) && members.contains(&it.then));
    match around.next() {
        Some(Before { first, then }) => told.help(format!(
            "in two deploys: first `{then}` mounts the volume of `{first}` beside it, with `read_only = true`; once that is done `{first}` \
             gives it up and `{then}` writes to it"
        )),
        None => told,
    }
}

fn circle(members: &[&str], why: &[Diagnostic]) -> Option<Diagnostic> {
    const MOST: usize = 8;
    let (first, others) = why.split_first()?;
    let names: Vec<String> = members.iter().map(|name| format!("`{name}`")).collect();
    let diagnostic = Diagnostic::new(
        &catalogue::ORDER_IN_A_CIRCLE,
        format!("each of {} has to be replaced before another of them", names.join(", ")),
        first.span()?,
    )
    .labelled(first.message.clone())
    .help(
        "in more steps: have one of them serve both the old and the new, then move the others, then take \
         the old away",
    )
    .about(members.first()?);
    let others = others.iter().take(MOST);
    Some(
        others.fold(diagnostic, |diagnostic, other| match other.span() {
            Some(span) => diagnostic.and(span, other.message.clone()),
            None => diagnostic,
        }),
    )
}
