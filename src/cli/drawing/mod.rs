//! The graph as a picture: in the languages of Graphviz and Mermaid, and as SVG by a layout of our
//! own, so that no other tool is needed.

mod dot;
mod layout;
mod mermaid;
mod svg;

pub(super) use dot::dot;
pub(super) use mermaid::mermaid;
pub(super) use svg::svg;

use crate::diagnostics::render::escape_line;
use crate::graph::{EdgeKind, Graph, ServiceId};
use std::collections::BTreeMap;

/// What is drawn.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    title: String,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// The stacks, where there are several; nodes name theirs by its index.
    groups: Vec<String>,
}

/// A service.
#[derive(Debug)]
struct Node {
    name: String,
    /// `gateway`, or what tells its replicas.
    detail: String,
    is_gateway: bool,
    group: usize,
}

/// Everything of one kind that leads from one service to another.
#[derive(Debug)]
struct Edge {
    from: usize,
    to: usize,
    kind: EdgeKind,
    /// The ports.
    label: String,
}

impl Drawing {
    /// What there is to draw of a graph.
    pub(super) fn of(graph: &Graph) -> Self {
        let mut groups: Vec<String> = graph
            .services()
            .map(|service| line(graph.stack(service)))
            .collect();
        groups.sort();
        groups.dedup();
        let nodes = graph.services().map(|service| Node {
            name: line(service.name()),
            detail: if service.node.gateway.is_some() {
                "gateway".to_owned()
            } else {
                ports(service.ports().map(|port| port.label.name()))
            },
            is_gateway: service.node.gateway.is_some(),
            group: groups
                .binary_search(&line(graph.stack(service)))
                .unwrap_or(0),
        });
        let nodes = nodes.collect();
        let mut joined: BTreeMap<(ServiceId, ServiceId, EdgeKind), Vec<&str>> = BTreeMap::new();
        for (from, edge, to) in graph.edges() {
            let ports = joined.entry((from, to, edge.kind)).or_default();
            if !edge.port.is_empty() && !ports.contains(&&*edge.port) {
                ports.push(&edge.port);
            }
        }
        let edges = joined.into_iter().map(|((from, to, kind), ports)| Edge {
            from: from.0,
            to: to.0,
            kind,
            label: match kind {
                EdgeKind::After => "after".to_owned(),
                EdgeKind::Calls | EdgeKind::Routes => line(&ports.join(", ")),
            },
        });
        Self {
            title: line(graph.name()),
            nodes,
            edges: edges.collect(),
            groups: if groups.len() > 1 { groups } else { Vec::new() },
        }
    }
}

fn ports<'a>(names: impl Iterator<Item = &'a str>) -> String {
    line(&names.collect::<Vec<_>>().join(", "))
}

fn line(text: &str) -> String {
    escape_line(text).into_owned()
}

#[cfg(test)]
mod tests;
