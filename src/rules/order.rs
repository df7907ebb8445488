//! `after` is an order, so it has no cycle.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, ServiceId};
use petgraph::algo::tarjan_scc;

/// Services that wait for each other.
pub(super) fn check(graph: &Graph, diagnostics: &mut Diagnostics) {
    if !graph
        .edges()
        .any(|(_, edge, _)| edge.kind == EdgeKind::After)
    {
        return;
    }
    let mut order = graph.petgraph().clone();
    order.retain_edges(|order, edge| {
        order
            .edge_weight(edge)
            .is_some_and(|edge| edge.kind == EdgeKind::After)
    });
    for component in tarjan_scc(&order) {
        let mut members: Vec<ServiceId> = component
            .iter()
            .map(|node| ServiceId(node.index()))
            .collect();
        members.sort_unstable();
        let inner: Vec<_> = graph
            .edges()
            .filter(|(from, edge, to)| {
                edge.kind == EdgeKind::After && members.contains(from) && members.contains(to)
            })
            .collect();
        if let Some(diagnostic) = waits_for_itself(graph, &inner) {
            diagnostics.push(diagnostic);
        }
    }
}

fn waits_for_itself(
    graph: &Graph,
    edges: &[(ServiceId, &crate::graph::Edge, ServiceId)],
) -> Option<Diagnostic> {
    let name = |id: &ServiceId| graph.service(*id).map_or("", |service| service.name());
    let ((from, edge, to), rest) = edges.split_first()?;
    let text = format!(
        "`{}` comes after `{}`, which comes after it",
        name(from),
        name(to)
    );
    let start = Diagnostic::new(&catalogue::ORDER_CYCLE, text, edge.span)
        .labelled(format!("`{}` after `{}`", name(from), name(to)))
        .help("take one of the `after` out; a service should bear that another is not up yet")
        .about(name(from));
    Some(rest.iter().fold(start, |diagnostic, (from, edge, to)| {
        diagnostic.and(edge.span, format!("`{}` after `{}`", name(from), name(to)))
    }))
}
