//! The order of a step: which services are deployed together, and which only after others.
//!
//! A swarm updates the services of a stack at the same time, called in random order (docker/cli
//! `cli/command/stack/swarm/deploy_composefile.go`), and `kubectl apply` takes objects one after the other without
//! waiting. So an order is kept only by separate deploys, each done before the next one begins.

use super::contract::Before;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::BTreeMap;

/// The services that have an order among them, in as few deploys as keep it; those that have none stand in
/// a deploy together. Empty where one deploy does for all.
pub(super) fn deploys(order: &[Before<'_>]) -> Vec<Vec<String>> {
    let mut graph: DiGraph<&str, ()> = DiGraph::new();
    let mut known: BTreeMap<&str, NodeIndex> = BTreeMap::new();
    for before in order {
        let mut node = |name| *known.entry(name).or_insert_with(|| graph.add_node(name));
        let (first, then) = (node(before.first), node(before.then));
        graph.update_edge(first, then, ());
    }
    // A component comes after those that it leads to.
    let components = tarjan_scc(&graph);
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
        let order = order.iter().map(|(first, then)| Before { first, then });
        deploys(&order.collect::<Vec<_>>())
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
}
