//! Who is cut off once `kubectl rollout undo` took pods back: they stand behind the Services and policies of this step, which
//! it leaves (kubernetes.io/docs/concepts/workloads/controllers/deployment, "Rolling Back a Deployment").
//!
//! A Service leads where its ports say now, whichever pods stand behind it. A policy selects a service's pods of both versions,
//! and knows their peers by the labels of the networks that they have
//! (kubernetes.io/docs/concepts/services-networking/network-policies; seen: `tests/changes/observed/policies.json`).

use super::{Step, addresses};
use crate::graph::{EdgeKind, Graph, ServiceView};
use crate::vocabulary::TargetId;
use std::collections::BTreeSet;

/// A caller and a callee of before that do not meet after an undo, by the zd names that they have now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cut<'a> {
    /// The one of the two whose objects keep them apart.
    pub(super) by: &'a str,
    pub(super) caller: &'a str,
    pub(super) callee: &'a str,
}

/// All of them.
pub(super) fn cut<'a>(step: &Step<'a>) -> BTreeSet<Cut<'a>> {
    let mut all = BTreeSet::new();
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return all;
    };
    if !step.targets().any(|target| target == TargetId::Kubernetes) {
        return all;
    }
    for (from, edge, to) in old.edges() {
        let (Some(from), Some(to)) = (old.service(from), old.service(to)) else {
            continue;
        };
        // A gateway is the ingress controller, which no step replaces.
        let is_asked = edge.kind != EdgeKind::After && from.node.gateway.is_none();
        if !is_asked || from.name() == to.name() || old.replicas(from).most == 0 {
            continue;
        }
        let now = |name| step.both(step.pairs.now(name)).map(|both| both.new);
        let (Some(caller), Some(callee)) = (now(from.name()), now(to.name())) else {
            continue;
        };
        // One of another name is made beside the old one, which keeps what is its own.
        let goes_back = |before: ServiceView<'a>, after: ServiceView<'a>| {
            old.runs_on(before, TargetId::Kubernetes)
                && new.runs_on(after, TargetId::Kubernetes)
                && !step.renames(after.name())
        };
        if !goes_back(from, caller) || !goes_back(to, callee) {
            continue;
        }
        let pair = |by: ServiceView<'a>| Cut {
            by: by.name(),
            caller: caller.name(),
            callee: callee.name(),
        };
        if addresses::is_kept_out((old, from, to), edge, (new, callee)) {
            all.insert(pair(callee));
        }
        if new.is_closed(caller) && !share((new, caller), (old, to)) {
            all.insert(pair(caller));
        }
    }
    all
}

/// Whether two services are on one network, by the label that their pods have of it.
pub(super) fn share(one: (&Graph, ServiceView<'_>), other: (&Graph, ServiceView<'_>)) -> bool {
    let networks = |(graph, service): (&Graph, ServiceView<'_>)| -> BTreeSet<String> {
        let names = graph.joins(service).map(|(name, _)| name);
        names
            .map(|name| graph.network_name_on(TargetId::Kubernetes, service, name))
            .collect()
    };
    !networks(one).is_disjoint(&networks(other))
}
