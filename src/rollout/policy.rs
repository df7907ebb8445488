//! The update policy that is in force: written, derived, or the engine's own.

use crate::graph::{Graph, Promise, ServiceView};
use crate::types::{Duration, Percent, Reference};
use crate::vocabulary::{
    Attribute, Count, FailureAction, Label, Node, Order, Update, VolumeAccess,
};

/// Where a policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user's `update`; what it leaves out is the engine's default.
    Written,
    /// There is a promise and no `update`: the least surge that keeps it.
    Derived,
    /// There is neither: the engine's default.
    Engine,
}

/// A policy in swarm's terms, with every default filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where it comes from.
    pub origin: Origin,
    /// How the new version comes.
    pub update: Steps,
    /// How the old version comes back. On swarm it is not the update's: what is left out is the
    /// engine's default (`docs.docker.com`, compose deploy `rollback_config`; our own traces of a
    /// start-first service without it).
    pub rollback: Steps,
}

/// One direction of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Which goes first.
    pub order: Order,
    /// How many at once; 0 is all.
    pub parallelism: u64,
    /// The wait after each.
    pub delay: Duration,
    /// How long a failure counts.
    pub monitor: Duration,
    /// The share of failures that is tolerated.
    pub max_failure_ratio: Percent,
    /// What a failure does.
    pub on_failure: FailureAction,
}

/// Swarm's own defaults (swarmkit `api/defaults/service.go`).
pub const ENGINE: Steps = Steps {
    order: Order::StopFirst,
    parallelism: 1,
    delay: Duration::from_millis(0),
    monitor: Duration::from_seconds(5),
    max_failure_ratio: Percent { thousandths: 0 },
    on_failure: FailureAction::Pause,
};

/// The policy in force for a service.
pub fn effective(graph: &Graph, service: ServiceView<'_>) -> Policy {
    if let Some(update) = &service.node.service.update {
        return written(update);
    }
    let promised = matches!(graph.promise(service), Promise::Capacity { .. });
    if promised && service.has_health_check() && !has_single_writer(graph, service) {
        return derived(service);
    }
    Policy {
        origin: Origin::Engine,
        update: ENGINE,
        rollback: ENGINE,
    }
}

/// Whether a service mounts a volume that one instance may write at a time.
pub fn has_single_writer(graph: &Graph, service: ServiceView<'_>) -> bool {
    service.node.service.volume.iter().any(|mount| {
        let Label::Reference(Reference::Volume(name)) = &mount.label else {
            return false;
        };
        let access = graph.volume(name).and_then(|volume| volume.access.as_ref());
        let single = access.is_none_or(|access| access.value == VolumeAccess::SingleWriter);
        single
            && !mount
                .read_only
                .as_ref()
                .is_some_and(|read_only| read_only.value)
    })
}

fn written(update: &Node<Update>) -> Policy {
    if update.label.name() == "recreate" {
        let all = Steps {
            parallelism: 0,
            ..ENGINE
        };
        return Policy {
            origin: Origin::Written,
            update: all,
            rollback: ENGINE,
        };
    }
    let steps = steps(
        update.order.as_ref(),
        update.parallelism.as_ref(),
        update.delay.as_ref(),
        update.monitor.as_ref(),
        update.max_failure_ratio.as_ref(),
        update.on_failure.as_ref(),
    );
    let rollback = update.rollback.as_ref().map_or(ENGINE, |rollback| {
        self::steps(
            rollback.order.as_ref(),
            rollback.parallelism.as_ref(),
            rollback.delay.as_ref(),
            rollback.monitor.as_ref(),
            rollback.max_failure_ratio.as_ref(),
            rollback.on_failure.as_ref(),
        )
    });
    Policy {
        origin: Origin::Written,
        update: steps,
        rollback,
    }
}

/// What was written, and the engine's default for what was not.
fn steps(
    order: Option<&Attribute<Order>>,
    parallelism: Option<&Attribute<Count>>,
    delay: Option<&Attribute<Duration>>,
    monitor: Option<&Attribute<Duration>>,
    max_failure_ratio: Option<&Attribute<Percent>>,
    on_failure: Option<&Attribute<FailureAction>>,
) -> Steps {
    Steps {
        order: order.map_or(ENGINE.order, |it| it.value),
        parallelism: parallelism.map_or(ENGINE.parallelism, |it| it.value.get()),
        delay: delay.map_or(ENGINE.delay, |it| it.value),
        monitor: monitor.map_or(ENGINE.monitor, |it| it.value),
        max_failure_ratio: max_failure_ratio.map_or(ENGINE.max_failure_ratio, |it| it.value),
        on_failure: on_failure.map_or(ENGINE.on_failure, |it| it.value),
    }
}

/// One more instance at a time, each judged before the next: a failure that the health check would
/// find within `monitor` still stops the update, because `delay` is as long (the monitor alone
/// does not hold the next slot back: our traces, and swarmkit `update/updater.go`).
fn derived(service: ServiceView<'_>) -> Policy {
    let verdict = service
        .node
        .service
        .health
        .as_ref()
        .map_or(ENGINE.monitor, |health| {
            let interval = health
                .interval
                .as_ref()
                .map_or(Duration::from_seconds(30), |a| a.value);
            let timeout = health
                .timeout
                .as_ref()
                .map_or(Duration::from_seconds(5), |a| a.value);
            let retries = health.retries.as_ref().map_or(3, |a| a.value.get());
            interval.times(retries).plus(timeout)
        });
    let monitor = verdict.max(ENGINE.monitor);
    let steps = Steps {
        order: Order::StartFirst,
        delay: monitor,
        monitor,
        ..ENGINE
    };
    Policy {
        origin: Origin::Derived,
        update: Steps {
            on_failure: FailureAction::Rollback,
            ..steps
        },
        rollback: steps,
    }
}
