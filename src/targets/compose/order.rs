//! What starts after what: a service waits for those that it comes after, calls or routes to.
//!
//! docker compose refuses a circle (compose-go `graph/cycle.go`, "dependency cycle detected"), and
//! services may well refer to each other: of a circle only a part is kept.

use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Edge, EdgeKind, Graph, ServiceId, ServiceView};
use crate::targets::Ledger;
use crate::vocabulary::{Staged, TargetId};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::DfsPostOrder;
use std::collections::{BTreeMap, BTreeSet};

/// What each service waits for, in the order written.
pub(super) struct Order<'g>(BTreeMap<ServiceId, Vec<ServiceView<'g>>>);

impl<'g> Order<'g> {
    /// What one service waits for.
    pub(super) fn of(&self, service: ServiceId) -> &[ServiceView<'g>] {
        self.0.get(&service).map_or(&[], Vec::as_slice)
    }
}

/// A service, what it refers to, and how.
type Reference<'g> = (ServiceId, &'g Edge, ServiceId);

/// The order of the project's services, without circles.
pub(super) fn order<'g>(graph: &'g Graph, ledger: &mut Ledger<'_>) -> Order<'g> {
    let runs = |id: ServiceId| {
        graph
            .service(id)
            .is_some_and(|service| graph.runs_on(service, TargetId::Compose) && has_any(service))
    };
    let edges: Vec<Reference<'g>> = graph
        .edges()
        .filter(|(from, _, to)| from != to && runs(*from) && runs(*to))
        .collect();
    let mut left_out: BTreeMap<usize, Vec<Reference<'g>>> = BTreeMap::new();
    let places = places(graph, &edges);
    let mut order: BTreeMap<ServiceId, Vec<ServiceView<'g>>> = BTreeMap::new();
    for (from, edge, to) in edges {
        if let (Some(one), Some(other)) = (places.get(&from), places.get(&to))
            && one.circle == other.circle
            && other.position > one.position
        {
            left_out
                .entry(one.circle)
                .or_default()
                .push((from, edge, to));
            continue;
        }
        let waits = order.entry(from).or_default();
        if !waits.iter().any(|known| known.id == to) {
            waits.extend(graph.service(to));
        }
    }
    for references in left_out.values() {
        // What comes after itself is an error of its own.
        let told: Vec<_> = references
            .iter()
            .filter(|(_, edge, _)| edge.kind != EdgeKind::After)
            .collect();
        if let Some(note) = in_a_circle(graph, &told) {
            ledger.report(note);
        }
    }
    Order(order)
}

/// Whether it has a container that could be waited for.
fn has_any(service: ServiceView<'_>) -> bool {
    let replicas = service.node.service.replicas.as_ref();
    !replicas
        .is_some_and(|replicas| matches!(replicas.value, Staged::Known(count) if count.get() == 0))
}

/// Where a service of a circle stands.
struct Place {
    circle: usize,
    position: usize,
}

/// The places of the services that are in circles. Within one, services stand in an order that
/// keeps to `after`, and for the rest in one that a walk along the references left them in, so that
/// few of these lead to a later one: who refers to a later one does not wait for it.
fn places(graph: &Graph, edges: &[Reference<'_>]) -> BTreeMap<ServiceId, Place> {
    let mut references: DiGraph<(), ()> = DiGraph::new();
    for _ in graph.services() {
        references.add_node(());
    }
    for (from, _, to) in edges {
        references.add_edge(NodeIndex::new(from.0), NodeIndex::new(to.0), ());
    }
    let mut left: Vec<usize> = vec![0; references.node_count()];
    let mut walk = DfsPostOrder::empty(&references);
    let mut count = 0;
    for start in references.node_indices() {
        walk.move_to(start);
        while let Some(node) = walk.next(&references) {
            if let Some(place) = left.get_mut(node.index()) {
                *place = count;
            }
            count += 1;
        }
    }
    let mut places = BTreeMap::new();
    let circles = tarjan_scc(&references);
    let circles = circles.iter().filter(|members| members.len() > 1);
    for (circle, members) in circles.enumerate() {
        let rank = |node: &NodeIndex| left.get(node.index()).copied().unwrap_or_default();
        let members = members
            .iter()
            .map(|node| (rank(node), ServiceId(node.index())));
        let members: BTreeSet<Ranked> = members.collect();
        for (position, (_, id)) in in_order(&members, edges).into_iter().enumerate() {
            places.insert(id, Place { circle, position });
        }
    }
    places
}

/// A service behind its place on the walk.
type Ranked = (usize, ServiceId);

/// The members of a circle, each behind those that it comes after.
fn in_order(members: &BTreeSet<Ranked>, edges: &[Reference<'_>]) -> Vec<Ranked> {
    let ranks: BTreeMap<ServiceId, usize> = members.iter().map(|(rank, id)| (*id, *rank)).collect();
    let mut missing: BTreeMap<ServiceId, usize> = BTreeMap::new();
    let mut followers: BTreeMap<ServiceId, Vec<ServiceId>> = BTreeMap::new();
    for (from, edge, to) in edges {
        if edge.kind == EdgeKind::After && ranks.contains_key(from) && ranks.contains_key(to) {
            *missing.entry(*from).or_default() += 1;
            followers.entry(*to).or_default().push(*from);
        }
    }
    let mut ready: BTreeSet<Ranked> = members
        .iter()
        .filter(|(_, id)| !missing.contains_key(id))
        .copied()
        .collect();
    let mut order = Vec::new();
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for follower in followers.remove(&next.1).unwrap_or_default() {
            let Some(count) = missing.get_mut(&follower) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                ready.extend(ranks.get(&follower).map(|rank| (*rank, follower)));
            }
        }
    }
    // Those that come after each other are left: an error that another rule tells.
    let placed: BTreeSet<Ranked> = order.iter().copied().collect();
    order.extend(members.difference(&placed));
    order
}

/// Services that refer to each other in a circle: who does not wait for whom.
fn in_a_circle(graph: &Graph, references: &[&Reference<'_>]) -> Option<Diagnostic> {
    const MOST: usize = 8;
    let name = |id: ServiceId| graph.service(id).map_or("", |service| service.name());
    let ((from, edge, to), others) = references.split_first()?;
    let text = format!(
        "`{}` and `{}` lead to each other: on compose the first does not wait for the second",
        name(*from),
        name(*to)
    );
    let note = Diagnostic::new(&catalogue::STARTS_UNWAITED, text, edge.span)
        .labelled(format!("does not wait for `{}`", name(*to)))
        .help("nothing has to be done where it bears that the other is not up yet");
    let others = others.iter().take(MOST);
    Some(others.fold(note, |note, (from, edge, to)| {
        note.and(
            edge.span,
            format!("`{}` does not wait for `{}`", name(*from), name(*to)),
        )
    }))
}
