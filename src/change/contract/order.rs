//! The order that callers and callees have among them: pair by pair, or round in a circle, in which none can go first.

use super::{Before, Step, addresses, migrations, newcomers, order_of, ports, slots, versions};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::BTreeMap;

/// Two services that have to be replaced one after the other.
pub(super) struct Ordered<'a> {
    /// The caller and the callee.
    pub(super) pair: (&'a str, &'a str),
    /// Which goes first, and why.
    pub(super) why: Diagnostic,
}

/// Pairs that have an order; of those in a circle what leads round it is told in one.
pub(super) fn check(step: &Step<'_>, found: &mut Diagnostics) {
    let mut ordered = addresses::ordered(step);
    ordered.extend(ports::ordered(step));
    ordered.extend(slots::ordered(step));
    ordered.extend(versions::ordered(step));
    ordered.extend(migrations::ordered(step));
    ordered.extend(newcomers::ordered(step));
    if ordered.is_empty() {
        return;
    }
    let circles = circles(step);
    let mut inside: Vec<Vec<Diagnostic>> = circles.iter().map(|_| Vec::new()).collect();
    for Ordered { pair, why } in ordered {
        let around = |members: &Vec<&str>| members.contains(&pair.0) && members.contains(&pair.1);
        let circle = circles.iter().position(around);
        match circle.and_then(|index| inside.get_mut(index)) {
            Some(inside) => inside.push(why),
            None => found.push(why),
        }
    }
    for (members, why) in circles.iter().zip(inside) {
        found.extend(circle(members, &why));
    }
}

/// The circles among the pairs that have an order; a pair that has none is told of as such.
fn circles<'a>(step: &Step<'a>) -> Vec<Vec<&'a str>> {
    let mut without = addresses::without_order(step);
    without.extend(versions::without_order(step));
    let has_none = |before: &Before<'_>| {
        let (first, then) = (before.first, before.then);
        without.contains(&(first, then)) || without.contains(&(then, first))
    };
    let mut graph: DiGraph<&str, ()> = DiGraph::new();
    let mut known: BTreeMap<&str, NodeIndex> = BTreeMap::new();
    for before in order_of(step).iter().filter(|before| !has_none(before)) {
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
