//! The networks of a service, with the names it answers to on each.

use super::Lowering;
use super::format::Attachment;
use super::text::escaped;
use crate::graph::{EdgeKind, Graph, ServiceId, ServiceView, SharedNetwork};
use crate::targets::Ledger;
use crate::vocabulary::{Join, Node, TargetId};
use std::collections::BTreeMap;

/// The network of a service that joins none.
const DEFAULT: &str = "default";

/// For a service, the networks on which callers reach it by its zd name, and nothing else makes it
/// answer to that.
pub(in crate::targets) type Names<'g> = BTreeMap<ServiceId, Vec<&'g str>>;

/// Where zd names must be added as aliases.
pub(in crate::targets) fn names_to_add(graph: &Graph, target: TargetId) -> Names<'_> {
    let mut names = Names::new();
    for (from, edge, to) in graph.edges() {
        let (Some(caller), Some(callee)) = (graph.service(from), graph.service(to)) else {
            continue;
        };
        // nginx beside a swarm asks on its networks, though the swarm does not run it.
        let is_beside = target == TargetId::Swarm && graph.leads_to_a_swarm(caller);
        let asks = is_beside || graph.runs_on(caller, target);
        let both_run = asks && graph.runs_on(callee, target);
        if edge.kind == EdgeKind::After || !both_run {
            continue;
        }
        let Some(network) = unnamed(graph, caller, callee) else {
            continue;
        };
        let networks = names.entry(to).or_default();
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    names
}

/// The network over which `caller` reaches `callee`, by the callee's zd name for it, if the callee
/// does not answer to its zd name or an alias there by itself.
fn unnamed<'g>(
    graph: &'g Graph,
    caller: ServiceView<'g>,
    callee: ServiceView<'g>,
) -> Option<&'g str> {
    // The emitted name is an alias on each network (docker/cli `cli/compose/convert/service.go`,
    // docker/compose `pkg/compose/create.go`).
    if callee.emitted_name() == callee.name() {
        return None;
    }
    match graph.shared_network(caller, callee)? {
        SharedNetwork::Named { theirs, .. } => {
            let (_, join) = graph.joins(callee).find(|(name, _)| *name == theirs)?;
            aliases(join).next().is_none().then_some(theirs)
        }
        SharedNetwork::Default => {
            Some(graph.joins(callee).next().map_or(DEFAULT, |(name, _)| name))
        }
    }
}

/// The networks of a service; none where it is on its file's default network under its own name.
/// What becomes of a static address is the target's to say.
pub(in crate::targets) fn attachments<'g>(
    lowering: &mut Lowering<'g, '_>,
    mut address: impl FnMut(&mut Ledger<'g>, &'g Node<Join>) -> Option<String>,
) -> Vec<(String, Attachment)> {
    let (graph, service) = (lowering.graph, lowering.service);
    let to_add = lowering
        .names
        .get(&service.id)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut networks = Vec::new();
    for (name, node) in graph.joins(service) {
        let join = lowering.ledger.enter(node);
        let ipv4_address = address(lowering.ledger, node);
        lowering.ledger.take_from(join.aliases.as_ref());
        let added = to_add.contains(&name).then(|| service.name());
        let attachment = Attachment {
            aliases: aliases(node).chain(added).map(escaped).collect(),
            ipv4_address,
        };
        networks.push((name.to_owned(), attachment));
        lowering.draft.joins(name);
    }
    if networks.is_empty() && to_add.contains(&DEFAULT) {
        let attachment = Attachment {
            aliases: vec![service.name().to_owned()],
            ipv4_address: None,
        };
        networks.push((DEFAULT.to_owned(), attachment));
    }
    networks
}

fn aliases(join: &Node<Join>) -> impl Iterator<Item = &str> {
    join.aliases
        .iter()
        .flat_map(|aliases| &aliases.value)
        .map(|alias| &*alias.value)
}
