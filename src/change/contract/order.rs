//! The order that callers and callees have among them: pair by pair, or round in a circle, in which none can go first.

use super::{
    Step, addresses, admissions, data, gateways, migrations, newcomers, ports, rerouted, slots,
    stops, versions,
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

/// All that have an order, kind by kind.
fn all<'s, 'a>(step: &'s Step<'a>) -> &'s [Ordered<'a>] {
    step.ordered.get_or_init(|| search(step))
}

fn search<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let mut all = addresses::ordered(step);
    all.extend(ports::ordered(step));
    all.extend(slots::ordered(step));
    all.extend(versions::ordered(step));
    all.extend(gateways::ordered(step));
    all.extend(migrations::ordered(step));
    all.extend(newcomers::ordered(step));
    all.extend(admissions::ordered(step));
    all.extend(rerouted::ordered_on_hosts(step));
    all.extend(data::handed_on(step));
    // What is only for the ends of pods, or for what a program may not answer, gives way to what has to be, and goes round in no circle.
    let soft = stops::ordered(step).into_iter();
    for soft in soft.chain(rerouted::ordered(step)) {
        let Before { first, then } = soft.before;
        if !all.iter().any(|it| it.before == soft.before) && !comes_before(&all, then, first) {
            all.push(soft);
        }
    }
    all
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
    let mut order: Vec<Before<'a>> = all(step).iter().map(|it| it.before).collect();
    order.sort();
    order.dedup();
    order
}

/// Pairs that have an order; of those in a circle what leads round it is told in one.
pub(super) fn check(step: &Step<'_>, found: &mut Diagnostics) {
    let ordered = all(step);
    if ordered.is_empty() {
        return;
    }
    let circles = circles(step, ordered);
    let mut outside: Vec<Diagnostic> = Vec::new();
    let mut inside: Vec<Vec<Diagnostic>> = circles.iter().map(|_| Vec::new()).collect();
    for Ordered { before, why } in ordered {
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
    for why in outside {
        found.push(why);
    }
    for (members, why) in circles.iter().zip(inside) {
        found.extend(circle(members, &why));
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
