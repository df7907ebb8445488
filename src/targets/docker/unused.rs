//! What no file has: other targets' settings and services, and resources that nothing uses.

use super::draft::Used;
use crate::eval::ConfigNode;
use crate::graph::Graph;
use crate::targets::Ledger;
use crate::types::ResourceKind;
use crate::vocabulary::{Label, TargetId};
use std::collections::BTreeSet;

/// Accounts for it.
pub(in crate::targets) fn declare_unused(
    graph: &Graph,
    target: TargetId,
    used: &BTreeSet<Used>,
    ledger: &mut Ledger<'_>,
) {
    const UNUSED: &str = "no service of this target uses it";
    let deployment = graph.deployment();
    ledger.declare_elsewhere(graph, target);
    let is_unused =
        |kind: ResourceKind, label: &Label| !used.contains(&(kind, label.name().into()));
    for node in &deployment.networks {
        if is_unused(ResourceKind::Network, &node.label) {
            ledger.declare_rest(node, UNUSED);
        }
    }
    for node in &deployment.volumes {
        if is_unused(ResourceKind::Volume, &node.label) {
            ledger.declare_rest(node, UNUSED);
        }
    }
    for node in &deployment.secrets {
        if is_unused(ResourceKind::Secret, &node.label) {
            ledger.declare_rest(node, UNUSED);
        }
    }
    for ConfigNode { config, .. } in &deployment.configs {
        if is_unused(ResourceKind::Config, &config.label) {
            ledger.declare_rest(
                config,
                "no service of this target mounts it or reads this key",
            );
        }
    }
}
