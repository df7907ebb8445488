//! What a proof rests on: the orchestrator it was made for, and what the program says of itself.

use crate::graph::{Graph, ServiceView};
use crate::rollout::table::Proof;
use crate::types::Duration;
use crate::vocabulary::{Between, TargetId};
use serde::Serialize;
use std::collections::BTreeSet;

/// A target, as what it was modelled, and what must be true of it.
#[derive(Serialize)]
pub(super) struct Basis {
    pub(super) target: &'static str,
    /// The version whose recorded updates the model is held to (`docs/src/models.md`).
    pub(super) engine: Option<&'static str>,
    pub(super) assumes: Vec<&'static str>,
}

/// No policy gives back what was replaced when it turned out (`docs/src/proof.md`).
const GOES_ON: &str = "a version that passed its check goes on serving until the instances that are replaced at once are";

/// The scene of an update has the old instances, the new ones and nothing else (`src/rollout/rehearsal`): one that ends
/// meanwhile is one less (`zdc rollout --scenario instance-lost`).
const NOTHING_ENDS: &str = "no instance ends by itself while an update runs";

/// The scene of a drain has no update in it, and that of an update no drain.
const NO_NODE_GOES: &str = "no node is lost or drained while an update runs";

/// A `docker service scale` is nobody's promise, and the next deploy takes it back (docker/cli `cli/compose/convert/service.go`, `convertDeployMode`).
const NOBODY_SCALES: &str = "nothing but a deploy sets how many replicas there are";

/// A swarm has no autoscaler (ZD5010).
const FEWEST: &str = "of `scale` a deploy sets the fewest, and nothing sets more";

/// What is taken for granted of each target.
pub(super) fn engines(graph: &Graph, targets: &[TargetId]) -> Vec<Basis> {
    let mut swarm = graph.services_on(TargetId::Swarm);
    let is_scaled = swarm.any(|service| service.node.service.scale.is_some());
    let engine = |target: &TargetId| {
        let (engine, assumes): (_, &[_]) = match target {
            TargetId::Swarm => (
                Some("Docker Engine 20.10.24"),
                &[
                    "nodes have room for what an update adds, and reach the registry",
                    NO_NODE_GOES,
                    NOTHING_ENDS,
                    "nodes are drained one after the other, each once the tasks of the one before serve elsewhere",
                    "a service is updated by one deploy at a time",
                    NOBODY_SCALES,
                    "a task that is killed while it starts ends with something other than 0",
                    GOES_ON,
                ],
            ),
            TargetId::Kubernetes => (
                Some("Kubernetes v1.36.3"),
                &[
                    "nodes have room for `maxSurge` pods more, and for those that terminate",
                    "nothing but these manifests and their autoscalers sets what they say",
                    NO_NODE_GOES,
                    NOTHING_ENDS,
                    "nodes are drained by evictions, one after the other",
                    GOES_ON,
                ],
            ),
            TargetId::Nginx => (
                Some("nginx 1.22.1"),
                &[
                    "one host, on which nobody else starts or stops what the scripts do",
                    NOTHING_ENDS,
                    GOES_ON,
                ],
            ),
            TargetId::Compose => (None, &["nothing is promised of it"]),
        };
        let fewest = (*target == TargetId::Swarm && is_scaled).then_some(FEWEST);
        Basis {
            target: target.word(),
            engine,
            assumes: assumes.iter().copied().chain(fewest).collect(),
        }
    };
    targets.iter().map(engine).collect()
}

/// What a service says of itself, and proofs believe; what is not stated, none relies on.
#[derive(Serialize)]
pub(super) struct Facts<'a> {
    pub(super) service: &'a str,
    /// Whether instances are checked before they take traffic.
    pub(super) health_check: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) startup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) longest_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) graceful_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) drain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) idle_timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pool_idle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dns_cache: Option<String>,
    /// The fewest nodes that its `max_per_node` asks for, before an update adds any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nodes: Option<u64>,
}

/// The facts of the services of which something was proved, in the order declared.
pub(super) fn facts<'g>(graph: &'g Graph, proofs: &[Proof]) -> Vec<Facts<'g>> {
    let proved: BTreeSet<&str> = proofs.iter().map(|proof| &*proof.service).collect();
    let services = graph.services();
    services
        .filter(|service| proved.contains(service.name()))
        .map(|service| of(graph, service))
        .collect()
}

fn of<'g>(graph: &'g Graph, service: ServiceView<'g>) -> Facts<'g> {
    let body = &service.node.service;
    let timing = body.timing.as_ref();
    let shutdown = body.shutdown.as_ref();
    let placement = body.placement.as_ref();
    let most = placement.and_then(|placement| placement.max_per_node.as_ref());
    Facts {
        service: service.name(),
        health_check: service.has_health_check(),
        startup: timing.and_then(|it| it.startup.as_ref().map(|it| range(it.value))),
        longest_request: timing
            .and_then(|it| it.longest_request.as_ref().map(|it| it.value.to_string())),
        graceful_limit: timing
            .and_then(|it| it.graceful_limit.as_ref().map(|it| it.value.to_string())),
        drain: shutdown.and_then(|it| it.drain.as_ref().map(|it| it.value.to_string())),
        idle_timeout: timing.and_then(|it| it.idle_timeout.as_ref().map(|it| it.value.to_string())),
        pool_idle: timing.and_then(|it| it.pool_idle.as_ref().map(|it| it.value.to_string())),
        dns_cache: timing.and_then(|it| it.dns_cache.as_ref().map(|it| it.value.to_string())),
        nodes: most.map(|most| {
            graph
                .replicas(service)
                .most
                .div_ceil(most.value.get().max(1))
        }),
    }
}

fn range(times: Between<Duration>) -> String {
    if times.least == times.most {
        times.least.to_string()
    } else {
        format!("{}..{}", times.least, times.most)
    }
}
