//! How long the ways through the states take: the shortest and the longest, from the beginning to a declared end.

use super::{Edge, Node};
use crate::models::interval::{Interval, Millis};

/// The time that is spent in the counted states on the way to the first end. The shortest way is counted with each wait at
/// its least, the longest at its most, and a way that comes to no end has no bound. `None` where states lead back to
/// themselves: then the search does not tell how often.
pub(super) fn between(
    nodes: &[Node],
    edges: &[Edge],
    counted: impl Fn(&Node) -> bool,
) -> Option<Interval> {
    let order = in_order(nodes, edges)?;
    let mut leads: Vec<Vec<&Edge>> = vec![Vec::new(); nodes.len()];
    for edge in onward(nodes, edges) {
        if let Some(from) = leads.get_mut(edge.from) {
            from.push(edge);
        }
    }
    let mut reached: Vec<Option<Interval>> = vec![None; nodes.len()];
    if let Some(first) = reached.first_mut() {
        *first = Some(Interval::NOW);
    }
    let mut all: Option<Interval> = None;
    let end = |so_far: Interval, all: Option<Interval>| {
        Some(all.map_or(so_far, |all| all.joined(so_far)))
    };
    for index in order {
        let Some((node, so_far)) = nodes.get(index).zip(reached.get(index).copied().flatten())
        else {
            continue;
        };
        if node.ended {
            all = end(so_far, all);
            continue;
        }
        let onward = leads.get(index).map_or(&[][..], Vec::as_slice);
        if onward.is_empty() && node.last {
            all = end(Interval::new(so_far.least, Millis::MAX), all);
        }
        for edge in onward {
            let wait = if counted(node) {
                edge.wait
            } else {
                Interval::NOW
            };
            let then = so_far.plus(wait);
            if let Some(reached) = reached.get_mut(edge.to) {
                *reached = Some(reached.map_or(then, |known| known.joined(then)));
            }
        }
    }
    all
}

/// The edges that lead on, from states in which it has not ended.
fn onward<'a>(nodes: &'a [Node], edges: &'a [Edge]) -> impl Iterator<Item = &'a Edge> {
    let going = |index: usize| nodes.get(index).is_some_and(|node| !node.ended);
    edges
        .iter()
        .filter(move |edge| edge.from != edge.to && going(edge.from))
}

/// Every state after those that lead to it (Kahn, 1962).
fn in_order(nodes: &[Node], edges: &[Edge]) -> Option<Vec<usize>> {
    let mut before = vec![0_usize; nodes.len()];
    let mut leads: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for edge in onward(nodes, edges) {
        if let (Some(from), Some(count)) = (leads.get_mut(edge.from), before.get_mut(edge.to)) {
            from.push(edge.to);
            *count += 1;
        }
    }
    let free = before.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut open: Vec<usize> = free.map(|(index, _)| index).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(index) = open.pop() {
        order.push(index);
        for next in leads.get(index).into_iter().flatten() {
            if let Some(count) = before.get_mut(*next) {
                *count -= 1;
                if *count == 0 {
                    open.push(*next);
                }
            }
        }
    }
    (order.len() == nodes.len()).then_some(order)
}
