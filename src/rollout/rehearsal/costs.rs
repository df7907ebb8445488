//! What an update costs beside capacity: the room for the most instances at once, and requests that are cut.

use super::{Rehearsal, Scene};
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation::{self, Setting};
use crate::types::{Cpu, Memory};
use crate::vocabulary::TargetId;

/// What a rehearsal costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    /// The room that is needed beside the replicas.
    pub surge: Surge,
    /// Whether a request may be cut off.
    pub cut: Cut,
}

/// What the instances beside the replicas need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surge {
    /// How many there are at most.
    pub instances: u64,
    /// The memory of so many, where their limits or reservations say.
    pub memory: Option<Memory>,
    /// The processors of so many.
    pub cpu: Option<Cpu>,
}

/// Whether a request that an instance is at may be cut off when that is told to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Every condition holds.
    No,
    /// One does not, or an instance ends by itself.
    May(String),
    /// A fact is missing: this one.
    Unknown(&'static str),
}

/// The settings that decide whether requests end in time.
const ENDS: [&str; 5] = [
    "stop_grace_period",
    "shutdown.drain",
    "shutdown.grace",
    "preStop.sleep",
    "terminationGracePeriodSeconds",
];

/// What a scene costs on a target.
pub fn costs(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    scene: Scene,
    rehearsal: &Rehearsal,
) -> Costs {
    Costs {
        surge: surge(service, beside(scene, rehearsal)),
        cut: cut(graph, service, target, scene),
    }
}

/// How many instances there are beside the replicas at most. A version that fails has no more of them beyond the
/// cut-off; those that work grow with the replicas.
fn beside(scene: Scene, rehearsal: &Rehearsal) -> u64 {
    let prediction = &rehearsal.prediction;
    let most = prediction
        .most_with_terminating
        .unwrap_or(prediction.most_alive);
    let beside = u64::from(most).saturating_sub(rehearsal.searched);
    if rehearsal.searched == rehearsal.replicas || !scene.works() {
        return beside;
    }
    // As many generations beside one another as in the search.
    let generations = beside.div_ceil(rehearsal.searched.max(1));
    rehearsal.replicas.saturating_mul(generations)
}

/// The room for so many instances beside the replicas.
fn surge(service: ServiceView<'_>, instances: u64) -> Surge {
    let resources = service.node.service.resources.as_ref();
    let amounts = resources.and_then(|it| it.limits.as_ref().or(it.reservations.as_ref()));
    let memory = amounts.and_then(|amounts| amounts.memory.as_ref());
    let cpu = amounts.and_then(|amounts| amounts.cpu.as_ref());
    Surge {
        instances,
        memory: memory.map(|memory| Memory {
            bytes: memory.value.bytes.saturating_mul(instances),
        }),
        cpu: cpu.map(|cpu| Cpu {
            millis: cpu.value.millis.saturating_mul(instances),
        }),
    }
}

/// Whether requests are cut, by the conditions of `--policy`.
fn cut(graph: &Graph, service: ServiceView<'_>, target: TargetId, scene: Scene) -> Cut {
    if matches!(
        scene,
        Scene::Crash | Scene::LateCrash | Scene::InstancesLost(_)
    ) {
        return Cut::May("an instance ends by itself".to_owned());
    }
    let settings = derivation::explain(graph, service, target);
    let ends: Vec<&Setting> = settings
        .iter()
        .filter(|setting| ENDS.contains(&setting.name.as_str()))
        .collect();
    let failing = ends
        .iter()
        .flat_map(|setting| &setting.must)
        .find(|law| !law.holds());
    if let Some(law) = failing {
        return Cut::May(format!("{}: {}", law.law(), law.numbers()));
    }
    let wanted = ends.iter().find_map(|setting| setting.wants);
    wanted.map_or(Cut::No, Cut::Unknown)
}
