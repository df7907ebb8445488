//! What a service says that policies are derived from, with the language's own defaults filled in.

use crate::graph::{self, Graph, Promise, ReplicaRange, ServiceView};
use crate::types::{Duration, Reference};
use crate::vocabulary::{Disturbance, Label, Node, TargetId, VolumeAccess, VolumeMount};

/// Docker's own defaults (<https://docs.docker.com/reference/dockerfile/#healthcheck>), which are
/// the language's too, so that one check means one thing on every target.
pub const INTERVAL: Duration = Duration::from_seconds(30);
/// As for [`INTERVAL`].
pub const RETRIES: u64 = 3;
/// The language's default, shorter than Docker's 30 s: what does not answer in five seconds does
/// not serve.
pub const TIMEOUT: Duration = Duration::from_seconds(5);
/// Docker's, where the check is the image's and nothing is written.
const TIMEOUT_OF_IMAGE: Duration = Duration::from_seconds(30);

/// The facts of one service.
#[derive(Clone, Debug)]
pub(in crate::rollout) struct Facts {
    pub(super) replicas: ReplicaRange,
    pub(super) promise: Promised,
    /// The least that must serve of the fewest and of the most replicas, through an update.
    pub(super) update: [u64; 2],
    /// The same through a rollback.
    pub(super) rollback: [u64; 2],
    pub(super) global: bool,
    /// Whether a port is published on the nodes themselves.
    pub(super) host_port: bool,
    pub(in crate::rollout) health: Option<Check>,
    /// Whether a second probe restarts what fails it.
    pub(super) liveness: bool,
    pub(super) shutdown: Option<Shutdown>,
    pub(in crate::rollout) startup: Option<Duration>,
    pub(super) longest_request: Option<Duration>,
    pub(super) dns_cache: Option<Duration>,
    pub(super) pool_idle: Option<Duration>,
}

/// What is promised of a service's capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rollout) enum Promised {
    Nothing,
    /// It takes traffic and says no more.
    ByDefault,
    /// `availability` says how much.
    Stated,
}

/// What is written of a service's end.
#[derive(Clone, Copy, Debug)]
pub(in crate::rollout) struct Shutdown {
    pub(super) grace: Option<Duration>,
    pub(super) drain: Option<Duration>,
}

/// A health check's times.
#[derive(Clone, Copy, Debug)]
pub(in crate::rollout) struct Check {
    pub(in crate::rollout) interval: Duration,
    pub(super) timeout: Duration,
    pub(in crate::rollout) retries: u64,
    /// What was written.
    pub(super) start_period: Option<Duration>,
}

impl Facts {
    pub(in crate::rollout) fn of(graph: &Graph, service: ServiceView<'_>) -> Self {
        let body = &service.node.service;
        let promise = graph.promise(service);
        let replicas = graph.replicas(service);
        let floors = |disturbance| {
            let floor = |count| {
                let least = promise.floor(count).max(1);
                if promise.covers(disturbance) {
                    least
                } else {
                    0
                }
            };
            [floor(replicas.least), floor(replicas.most)]
        };
        let timing = body.timing.as_ref();
        let host_port = publishes_on_nodes(service);
        Self {
            replicas,
            promise: match promise {
                Promise::Capacity { .. } if body.availability.is_some() => Promised::Stated,
                Promise::Capacity { .. } => Promised::ByDefault,
                Promise::None | Promise::Downtime => Promised::Nothing,
            },
            update: floors(Disturbance::Update),
            rollback: floors(Disturbance::Rollback),
            global: graph.is_global(service),
            host_port,
            health: check(service),
            liveness: body.liveness.is_some(),
            shutdown: body.shutdown.as_ref().map(|shutdown| Shutdown {
                grace: shutdown.grace.as_ref().map(|it| it.value),
                drain: shutdown.drain.as_ref().map(|it| it.value),
            }),
            startup: timing.and_then(|it| Some(it.startup.as_ref()?.value.most)),
            longest_request: timing.and_then(|it| Some(it.longest_request.as_ref()?.value)),
            dns_cache: timing.and_then(|it| Some(it.dns_cache.as_ref()?.value)),
            pool_idle: timing.and_then(|it| Some(it.pool_idle.as_ref()?.value)),
        }
    }

    /// As [`alone_on_its_node`].
    pub(super) fn alone_on_its_node(&self) -> bool {
        self.global && self.host_port
    }

    /// Whether it promises capacity at all.
    pub(super) fn promises(&self) -> bool {
        self.promise != Promised::Nothing
    }

    /// How long an instance may take to end, where that is written.
    pub(super) fn grace(&self) -> Option<Duration> {
        self.shutdown?.grace
    }

    /// How long it goes on accepting after it was told to stop, where that is written.
    pub(in crate::rollout) fn drain(&self) -> Option<Duration> {
        self.shutdown?.drain
    }

    /// Whether an update may do without one instance, however many there are. Both bounds are
    /// linear in the number of replicas, so that the fewest decide.
    pub(super) fn spares_one(&self, floors: [u64; 2]) -> bool {
        let [least, _] = floors;
        !self.global && self.replicas.least > least
    }
}

/// A check that decides about capacity; `none` does not.
fn check(service: ServiceView<'_>) -> Option<Check> {
    let health = service.node.service.health.as_ref()?;
    let timeout = match health.label.name() {
        "none" => return None,
        "image" => TIMEOUT_OF_IMAGE,
        _ => TIMEOUT,
    };
    Some(Check {
        interval: health.interval.as_ref().map_or(INTERVAL, |it| it.value),
        timeout: health.timeout.as_ref().map_or(timeout, |it| it.value),
        retries: health.retries.as_ref().map_or(RETRIES, |it| it.value.get()),
        start_period: health.start_period.as_ref().map(|it| it.value),
    })
}

/// Whether an instance takes a port of its node.
pub fn publishes_on_nodes(service: ServiceView<'_>) -> bool {
    let mut ports = service.ports();
    ports.any(|port| port.publish.is_some() && graph::is_of_nodes(port))
}

/// Whether no new instance of a service ever finds a place on a swarm while the old one is there: the task of a global service
/// belongs to one node, whose scheduler keeps it waiting while a port of the node is taken (swarmkit
/// `manager/scheduler/scheduler.go`, `taskFitNode`, with `HostPortFilter` of `filter.go`).
pub fn alone_on_its_node(graph: &Graph, service: ServiceView<'_>) -> bool {
    graph.is_global(service) && publishes_on_nodes(service)
}

/// Whether each instance of a service has a claim of its own for a volume on Kubernetes: it is the service's alone, which keeps
/// something that one instance may write at a time (`targets/kubernetes/stateful.rs`).
pub fn has_own_claims(graph: &Graph, service: ServiceView<'_>, volume: &str) -> bool {
    let mounts = |service: ServiceView<'_>| {
        let mut mounts = service.node.service.volume.iter();
        mounts.any(|mount| {
            matches!(&mount.label, Label::Reference(Reference::Volume(name)) if **name == *volume)
        })
    };
    let external = graph.volume(volume).and_then(|it| it.external.as_ref());
    let external = external.is_some_and(|external| external.value);
    let others = || graph.services_on(TargetId::Kubernetes);
    let is_shared = || others().any(|other| other.name() != service.name() && mounts(other));
    !external && !graph.is_global(service) && has_single_writer(graph, service) && !is_shared()
}

/// Whether a service mounts a volume that one instance may write at a time.
pub fn has_single_writer(graph: &Graph, service: ServiceView<'_>) -> bool {
    let mut mounts = service.node.service.volume.iter();
    mounts.any(|mount| is_sole_writer(graph, mount))
}

/// Whether a mount is of a volume that one instance may write at a time, and not for reading alone.
pub fn is_sole_writer(graph: &Graph, mount: &Node<VolumeMount>) -> bool {
    let Label::Reference(Reference::Volume(name)) = &mount.label else {
        return false;
    };
    let access = graph.volume(name).and_then(|volume| volume.access.as_ref());
    let single = access.is_none_or(|access| access.value == VolumeAccess::SingleWriter);
    let read_only = mount.read_only.as_ref();
    single && !read_only.is_some_and(|read_only| read_only.value)
}
