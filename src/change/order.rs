//! The order of a step: which services are deployed together, and which only after others.
//!
//! A swarm updates the services of a stack at the same time, called in random order (docker/cli
//! `cli/command/stack/swarm/deploy_composefile.go`), and `kubectl apply` takes objects one after the other without
//! waiting. So an order is kept only by separate deploys, each done before the next one begins.

use super::contract::Before;
use petgraph::algo::{has_path_connecting, tarjan_scc};
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::BTreeMap;

/// The services that have an order among them, in as few deploys as keep it; those that have none stand in
/// a deploy together. Empty where one deploy does for all.
///
/// What is only better first, such as one that others come `after`, makes several deploys of no one. Where there are several
/// anyway, each is in one that comes before those who come `after` it or call it, as far as that goes with the order.
pub(super) fn deploys(
    order: &[Before<'_>],
    after: &[Before<'_>],
    better_first: &[Before<'_>],
) -> Vec<Vec<String>> {
    let deploys = in_order(&graph_of(order, &[], &[]));
    if deploys.is_empty() {
        return deploys;
    }
    in_order(&graph_of(order, after, better_first))
}

/// The services with what comes before what; of the second kind what goes with the first, of the third what leads to them, too.
fn graph_of<'a>(
    order: &[Before<'a>],
    after: &[Before<'a>],
    better_first: &[Before<'a>],
) -> DiGraph<&'a str, ()> {
    let mut graph: DiGraph<&str, ()> = DiGraph::new();
    let mut known: BTreeMap<&str, NodeIndex> = BTreeMap::new();
    for before in order {
        let mut node = |name| *known.entry(name).or_insert_with(|| graph.add_node(name));
        let (first, then) = (node(before.first), node(before.then));
        graph.update_edge(first, then, ());
    }
    for before in after {
        let mut node = |name| *known.entry(name).or_insert_with(|| graph.add_node(name));
        let (first, then) = (node(before.first), node(before.then));
        if !has_path_connecting(&graph, then, first, None) {
            graph.update_edge(first, then, ());
        }
    }
    let mut left: Vec<&Before<'a>> = better_first.iter().collect();
    loop {
        let (now, later): (Vec<&Before<'a>>, Vec<&Before<'a>>) =
            left.iter().partition(|it| known.contains_key(it.then));
        if now.is_empty() {
            return graph;
        }
        for before in now {
            let Some(then) = known.get(before.then).copied() else {
                continue;
            };
            let first = known.get(before.first).copied();
            let first = first.unwrap_or_else(|| graph.add_node(before.first));
            known.insert(before.first, first);
            if !has_path_connecting(&graph, then, first, None) {
                graph.update_edge(first, then, ());
            }
        }
        left = later;
    }
}

/// The nodes, each as far behind as the longest way that leads to it.
fn in_order(graph: &DiGraph<&str, ()>) -> Vec<Vec<String>> {
    // A component comes after those that it leads to.
    let components = tarjan_scc(graph);
    let mut depths: BTreeMap<NodeIndex, usize> = BTreeMap::new();
    for component in components.iter().rev() {
        let before = component
            .iter()
            .flat_map(|node| graph.neighbors_directed(*node, petgraph::Incoming))
            .filter(|node| !component.contains(node));
        let depth = before
            .filter_map(|node| depths.get(&node).map(|depth| depth + 1))
            .max();
        for node in component {
            depths.insert(*node, depth.unwrap_or(0));
        }
    }
    let mut deploys: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (node, depth) in depths {
        let names = deploys.entry(depth).or_default();
        names.extend(graph.node_weight(node).map(|name| (*name).to_owned()));
    }
    let mut deploys: Vec<Vec<String>> = deploys.into_values().collect();
    for names in &mut deploys {
        names.sort();
    }
    if deploys.len() < 2 {
        deploys.clear();
    }
    deploys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(order: &[(&'static str, &'static str)]) -> Vec<Vec<String>> {
        with_new(order, &[])
    }

    fn with_new(
        order: &[(&'static str, &'static str)],
        new: &[(&'static str, &'static str)],
    ) -> Vec<Vec<String>> {
        with_all(order, &[], new)
    }

    fn with_all(
        order: &[(&'static str, &'static str)],
        after: &[(&'static str, &'static str)],
        new: &[(&'static str, &'static str)],
    ) -> Vec<Vec<String>> {
        let all = |pairs: &[(&'static str, &'static str)]| -> Vec<Before<'static>> {
            let pairs = pairs.iter();
            pairs.map(|(first, then)| Before { first, then }).collect()
        };
        deploys(&all(order), &all(after), &all(new))
    }

    #[test]
    fn a_chain_is_as_many_deploys() {
        assert_eq!(of(&[("a", "b"), ("b", "c")]), [["a"], ["b"], ["c"]]);
        assert_eq!(of(&[("b", "a"), ("c", "a")]), [vec!["b", "c"], vec!["a"]]);
    }

    #[test]
    fn a_circle_is_one_deploy_and_no_order_is_none() {
        assert_eq!(of(&[]), [[""; 0]; 0]);
        assert_eq!(of(&[("a", "b"), ("b", "a")]), [[""; 0]; 0]);
        assert_eq!(
            of(&[("a", "b"), ("b", "a"), ("b", "c")]),
            [vec!["a", "b"], vec!["c"]]
        );
    }

    #[test]
    fn who_comes_after_another_waits_wherever_there_are_several() {
        let after = [("migrate", "worker")];
        assert_eq!(with_all(&[], &after, &[]), [[""; 0]; 0]);
        assert_eq!(
            with_all(&[("api", "front")], &after, &[]),
            [vec!["api", "migrate"], vec!["front", "worker"]]
        );
        // The order is what has to be.
        assert_eq!(
            with_all(&[("worker", "migrate")], &after, &[]),
            [["worker"], ["migrate"]]
        );
    }

    #[test]
    fn a_new_service_goes_before_those_who_call_it() {
        let order = [("front", "coupon")];
        assert_eq!(with_new(&[], &[("tax", "front")]), [[""; 0]; 0]);
        assert_eq!(
            with_new(&order, &[("tax", "coupon")]),
            [vec!["front", "tax"], vec!["coupon"]]
        );
        assert_eq!(
            with_new(
                &order,
                &[("tax", "front"), ("rates", "tax"), ("alone", "other")]
            ),
            [["rates"], ["tax"], ["front"], ["coupon"]]
        );
    }

    #[test]
    fn a_new_service_does_not_break_the_order() {
        let order = [("front", "coupon")];
        // It is called by the first, and calls the second: the first goes before it anyway.
        assert_eq!(
            with_new(&order, &[("tax", "front"), ("coupon", "tax")]),
            [["tax"], ["front"], ["coupon"]]
        );
    }
}
