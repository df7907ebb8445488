//! A service's policy on a target as a scenario for the models, and what they say of it.

mod costs;
mod hosts;
mod kubernetes;
mod swarm;

pub use costs::{Costs, Cut, Surge, costs};

use super::derivation::swarm::Swarm;
use super::derivation::{self, Facts};
use super::ways::millis;
use crate::graph::{Graph, Promise, ServiceView};
use crate::models::interval::Millis;
use crate::models::prediction::{Outcome, Prediction, Race};
use crate::models::swarm as model;
use crate::vocabulary::{Disturbance, TargetId};
use rustc_hash::FxHashMap;

/// What a service is put through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A new version that works.
    Update,
    /// Back to the version before.
    Rollback,
    /// A new version whose health check never passes.
    NeverHealthy,
    /// The same, and when it is killed for that it exits with 0: the engine may then show it as running for a moment.
    NeverHealthyEndsWell,
    /// A new version that ends a second after it was healthy.
    Crash,
    /// A new version that ends after nobody counts its failures any more.
    LateCrash,
    /// A new version whose image is missing.
    Rejected,
    /// A new version that works, while so many of the old instances end by themselves.
    InstancesLost(u32),
    /// A new version that works, and one replica more in the same deploy.
    Scale,
    /// A second new version, at any time while the first one comes. Both work.
    SecondDeploy,
    /// Each node in turn is emptied.
    Drain,
}

impl Scene {
    /// All of them.
    pub const ALL: [Scene; 11] = [
        Scene::Update,
        Scene::Rollback,
        Scene::NeverHealthy,
        Scene::NeverHealthyEndsWell,
        Scene::Crash,
        Scene::LateCrash,
        Scene::Rejected,
        Scene::InstancesLost(1),
        Scene::Scale,
        Scene::SecondDeploy,
        Scene::Drain,
    ];

    /// As it is called on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Scene::Update => "update",
            Scene::Rollback => "rollback",
            Scene::NeverHealthy => "never-healthy",
            Scene::NeverHealthyEndsWell => "never-healthy-exit-0",
            Scene::Crash => "crash",
            Scene::LateCrash => "late-crash",
            Scene::Rejected => "rejected",
            Scene::InstancesLost(_) => "instance-lost",
            Scene::Scale => "scale",
            Scene::SecondDeploy => "second-deploy",
            Scene::Drain => "drain",
        }
    }

    /// How many of the old instances end by themselves.
    fn lost(self) -> u32 {
        match self {
            Scene::InstancesLost(lost) => lost,
            _ => 0,
        }
    }

    /// Whether every version in it works.
    fn works(self) -> bool {
        !matches!(
            self,
            Scene::NeverHealthy
                | Scene::NeverHealthyEndsWell
                | Scene::Crash
                | Scene::LateCrash
                | Scene::Rejected
        )
    }

    /// What the promise has to cover for it to hold here; nothing where no promise can.
    fn disturbance(self) -> Option<Disturbance> {
        match self {
            Scene::Rollback => Some(Disturbance::Rollback),
            Scene::Drain => Some(Disturbance::Drain),
            // Failures that are not counted stop nothing, and nobody promises that no instance ends.
            Scene::LateCrash | Scene::InstancesLost(_) => None,
            _ => Some(Disturbance::Update),
        }
    }
}

/// What a model says of a service.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The fewest replicas that it may be deployed with.
    pub replicas: u64,
    /// How many of them are promised to serve; 0 where none are.
    pub promised: u64,
    /// How many of them serve at the worst moment.
    pub least: u64,
    /// With this many the search was made: what it found holds for more (`docs/src/models.md`).
    pub searched: u64,
    /// What was found for that many.
    pub prediction: Prediction,
}

impl Rehearsal {
    /// Whether what is promised is kept.
    pub fn keeps(&self) -> bool {
        self.least >= self.promised
    }

    /// Whether it may go on for ever, or stand still half-way: `Err` says how.
    pub fn comes_to_an_end(&self) -> Result<(), Outcome> {
        let stays = |outcome: &Outcome| {
            matches!(
                outcome,
                Outcome::Updating | Outcome::RollingBack | Outcome::DeadlineExceeded
            )
        };
        self.outcomes().find(stays).map_or(Ok(()), Err)
    }

    /// The ends it may have.
    pub fn outcomes(&self) -> impl Iterator<Item = Outcome> {
        self.prediction.outcomes.iter().copied()
    }

    /// What chance decides.
    pub fn races(&self) -> impl Iterator<Item = Race> {
        self.prediction.races.iter().copied()
    }
}

/// Why a service cannot be rehearsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The target replaces nothing itself, or no model of it is there yet.
    NoModel,
    /// Without a health check nothing would notice.
    NoHealthCheck,
    /// It may be deployed with none.
    NoReplicas,
    /// The search would take too long.
    TooMany,
}

impl Unknown {
    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Unknown::NoModel => "no model of the target",
            Unknown::NoHealthCheck => "no health check would notice",
            Unknown::NoReplicas => "it may be deployed with no replicas",
            Unknown::TooMany => "more slots at once than are searched",
        }
    }
}

/// What has been searched: services of equal policies and programs share it.
#[derive(Debug, Default)]
pub struct Searches(FxHashMap<model::Scenario, Prediction>);

impl Searches {
    fn predict(&mut self, scenario: model::Scenario) -> Prediction {
        let search = |scenario: &model::Scenario| model::predict(scenario, &model::GUARANTEED);
        if let Some(known) = self.0.get(&scenario) {
            return known.clone();
        }
        let prediction = search(&scenario);
        self.0.insert(scenario, prediction.clone());
        prediction
    }
}

/// Puts a service through a scene on a target.
///
/// # Errors
/// See [`Unknown`].
pub fn rehearse(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    scene: Scene,
    searches: &mut Searches,
) -> Result<Rehearsal, Unknown> {
    let rehearsing = Rehearsing::of(graph, service, scene)?;
    if target == TargetId::Nginx && graph.is_on_host(service) {
        return hosts::rehearse(&rehearsing);
    }
    if derivation::policy(graph, service, target).is_none() {
        return Err(Unknown::NoModel);
    }
    match target {
        TargetId::Swarm => {
            let numbers = derivation::swarm::numbers(graph, service);
            swarm::rehearse(&rehearsing, &numbers, searches)
        }
        TargetId::Kubernetes => Ok(kubernetes::rehearse(&rehearsing)),
        TargetId::Nginx | TargetId::Compose => Err(Unknown::NoModel),
    }
}

/// The same on a swarm, with other numbers than the program's.
pub(super) fn rehearse_as(
    graph: &Graph,
    service: ServiceView<'_>,
    scene: Scene,
    numbers: &Swarm,
    searches: &mut Searches,
) -> Result<Rehearsal, Unknown> {
    let rehearsing = Rehearsing::of(graph, service, scene)?;
    swarm::rehearse(&rehearsing, numbers, searches)
}

struct Rehearsing<'a> {
    graph: &'a Graph,
    service: ServiceView<'a>,
    facts: Facts,
    scene: Scene,
    replicas: u64,
}

impl<'a> Rehearsing<'a> {
    fn of(graph: &'a Graph, service: ServiceView<'a>, scene: Scene) -> Result<Self, Unknown> {
        // One on each node: what happens on one.
        let replicas = if graph.is_global(service) {
            1
        } else {
            graph.replicas(service).least
        };
        if replicas == 0 {
            return Err(Unknown::NoReplicas);
        }
        let needs_check = matches!(scene, Scene::NeverHealthy | Scene::NeverHealthyEndsWell);
        if needs_check && !service.has_health_check() {
            return Err(Unknown::NoHealthCheck);
        }
        Ok(Self {
            graph,
            service,
            facts: Facts::of(graph, service),
            scene,
            replicas,
        })
    }

    /// How long a start takes at most.
    fn startup(&self) -> Millis {
        millis(self.facts.startup.unwrap_or_default())
    }

    fn rehearsal(&self, least: u64, searched: u64, prediction: Prediction) -> Rehearsal {
        let promise = self.graph.promise(self.service);
        let covers = |promise: &Promise| {
            let disturbance = self.scene.disturbance();
            disturbance.is_some_and(|it| promise.covers(it))
        };
        let promised = match promise {
            Promise::Capacity { .. } if covers(&promise) => promise.floor(self.replicas).max(1),
            _ => 0,
        };
        Rehearsal {
            replicas: self.replicas,
            promised,
            least,
            searched,
            prediction,
        }
    }
}
