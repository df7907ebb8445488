//! The networks of a service, with the names it answers to on each.

use super::Lowering;
use super::compose::{Aliases, Map, Networks};
use super::text::escaped;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{EdgeKind, Graph, ServiceId, ServiceView, SharedNetwork};
use crate::source::Span;
use crate::vocabulary::{Join, Node, TargetId};
use std::collections::{BTreeMap, BTreeSet};

/// The network of a service that joins none.
const DEFAULT: &str = "default";

/// For a service, the networks on which callers reach it by its zd name, and nothing else makes it
/// answer to that.
pub(super) type Names<'g> = BTreeMap<ServiceId, Vec<&'g str>>;

/// The networks that outlive each stack, by zd name.
pub(super) fn externals(graph: &Graph) -> BTreeSet<&str> {
    let networks = graph.deployment().networks.iter();
    networks
        .map(|network| network.label.name())
        .filter(|name| graph.is_external(name))
        .collect()
}

/// Where zd names must be added as aliases.
pub(super) fn names_to_add(graph: &Graph) -> Names<'_> {
    let mut names = Names::new();
    for (from, edge, to) in graph.edges() {
        let (Some(caller), Some(callee)) = (graph.service(from), graph.service(to)) else {
            continue;
        };
        let both_run = [caller, callee]
            .iter()
            .all(|service| graph.runs_on(*service, TargetId::Swarm));
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
    // The emitted name is an alias on each network (docker/cli `cli/compose/convert/service.go`).
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

/// The `networks` of a service; none where it is on its stack's default network under its own name.
pub(super) fn lower(lowering: &mut Lowering<'_, '_>) -> Option<Networks> {
    let (graph, service) = (lowering.graph, lowering.service);
    let to_add = lowering
        .names
        .get(&service.id)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let mut networks: Vec<(String, Vec<String>)> = Vec::new();
    for (name, node) in graph.joins(service) {
        let join = lowering.ledger.enter(node);
        if let Some(address) = &join.address {
            let diagnostic = static_address(
                &address.value.to_string(),
                address.key_span.to(address.span),
            )
            .about(service.name());
            lowering.ledger.decline(address.id, diagnostic);
        }
        lowering.ledger.take_from(join.aliases.as_ref());
        let added = to_add.contains(&name).then(|| service.name());
        let names = aliases(node).chain(added).map(escaped).collect();
        networks.push((name.to_owned(), names));
        lowering.draft.joins(name);
    }
    if networks.is_empty() && to_add.contains(&DEFAULT) {
        networks.push((DEFAULT.to_owned(), vec![service.name().to_owned()]));
    }
    if networks.is_empty() {
        return None;
    }
    if networks.iter().all(|(_, aliases)| aliases.is_empty()) {
        return Some(Networks::Names(
            networks.into_iter().map(|(name, _)| name).collect(),
        ));
    }
    let aliased = networks
        .into_iter()
        .map(|(name, aliases)| (name, Aliases { aliases }));
    Some(Networks::Aliased(aliased.collect::<Map<_>>()))
}

fn aliases(join: &Node<Join>) -> impl Iterator<Item = &str> {
    join.aliases
        .iter()
        .flat_map(|aliases| &aliases.value)
        .map(|alias| &*alias.value)
}

fn static_address(address: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::STATIC_ADDRESS,
        format!(
            "swarm gives every task its own address: `{address}` would be dropped without a word"
        ),
        span,
    )
    .help(
        "reach the service by name: `aliases = [\"…\"]`, or a reference such as `service.port.url`",
    )
}
