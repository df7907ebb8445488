//! A service's policy on a target as a scenario for the models, and what they say of it.

use super::capacity::{modelled, percent, small};
use super::derivation::{self, Facts, kubernetes, swarm};
use crate::graph::{Graph, Promise, ServiceView};
use crate::models::interval::Millis;
use crate::models::kubernetes as pods;
use crate::models::prediction::{Outcome, Prediction, Race};
use crate::models::swarm as model;
use crate::types::{Duration, Percent};
use crate::vocabulary::{Disturbance, FailureAction, TargetId};

/// What a service is put through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A new version that works.
    Update,
    /// Back to the version before.
    Rollback,
    /// A new version whose health check never passes.
    NeverHealthy,
    /// A new version that ends a second after it was healthy.
    Crash,
    /// A new version whose image is missing.
    Rejected,
}

impl Scene {
    /// All of them.
    pub const ALL: [Scene; 5] = [
        Scene::Update,
        Scene::Rollback,
        Scene::NeverHealthy,
        Scene::Crash,
        Scene::Rejected,
    ];

    /// As it is called on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Scene::Update => "update",
            Scene::Rollback => "rollback",
            Scene::NeverHealthy => "never-healthy",
            Scene::Crash => "crash",
            Scene::Rejected => "rejected",
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
            Unknown::TooMany => "more than three slots at once: not searched",
        }
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
) -> Result<Rehearsal, Unknown> {
    // One on each node: what happens on one.
    let replicas = if graph.is_global(service) {
        1
    } else {
        graph.replicas(service).least
    };
    if replicas == 0 {
        return Err(Unknown::NoReplicas);
    }
    if derivation::policy(graph, service, target).is_none() {
        return Err(Unknown::NoModel);
    }
    if scene == Scene::NeverHealthy && !service.has_health_check() {
        return Err(Unknown::NoHealthCheck);
    }
    let rehearsal = Rehearsing {
        graph,
        service,
        facts: Facts::of(graph, service),
        scene,
        replicas,
    };
    match target {
        TargetId::Swarm => rehearsal.on_swarm(),
        TargetId::Kubernetes => Ok(rehearsal.on_kubernetes()),
        TargetId::Nginx | TargetId::Compose => Err(Unknown::NoModel),
    }
}

/// More replicas than this are not searched: a slot that no way touches is one that more would leave
/// alone too.
const SEARCHED: u64 = 3;

/// The way to the worst moment is told of as many pods as one can read.
const READABLE: u32 = 10;

struct Rehearsing<'a> {
    graph: &'a Graph,
    service: ServiceView<'a>,
    facts: Facts,
    scene: Scene,
    replicas: u64,
}

impl Rehearsing<'_> {
    fn on_swarm(&self) -> Result<Rehearsal, Unknown> {
        let numbers = swarm::numbers(self.graph, self.service);
        let searched = self.replicas.min(SEARCHED);
        let parallelism = numbers.update.parallelism.value;
        let all = parallelism == 0 || parallelism >= self.replicas;
        let works = matches!(self.scene, Scene::Update | Scene::Rollback);
        if !works && !all && parallelism > 2 && self.replicas > SEARCHED {
            return Err(Unknown::TooMany);
        }
        let scenario = self.scenario(&numbers, searched);
        let prediction = model::predict(&scenario, &model::GUARANTEED);
        let lost = searched.saturating_sub(u64::from(prediction.least_serving));
        let least = match self.scene {
            // These have closed forms, for any number.
            Scene::Update => self.serving(&numbers.update),
            Scene::Rollback => self
                .serving(&numbers.update)
                .min(self.serving(&numbers.rollback)),
            _ if !prediction.complete || lost == searched => 0,
            _ => self.replicas.saturating_sub(lost),
        };
        Ok(self.rehearsal(least, searched, prediction))
    }

    fn serving(&self, direction: &swarm::Direction) -> u64 {
        let replicas = small(self.replicas);
        u64::from(model::least_serving(&policy(direction), replicas))
    }

    fn scenario(&self, numbers: &swarm::Swarm, replicas: u64) -> model::Scenario {
        let task = self.task(numbers);
        let before = model::Service {
            replicas: small(replicas),
            task: task.clone(),
            update: policy(&numbers.update),
            rollback: policy(&numbers.rollback),
        };
        let mut next = model::Task {
            revision: 1,
            ..task
        };
        next.behaviour.fault = self.fault(next.health.as_ref());
        let after = model::Service {
            task: next,
            ..before.clone()
        };
        let mut steps = vec![model::Step {
            at: 0,
            action: model::Action::Deploy(after.clone()),
        }];
        if self.scene == Scene::Rollback {
            let update = model::duration(&before, &after, &model::GUARANTEED);
            steps.push(model::Step {
                at: update.most.saturating_add(1_000),
                action: model::Action::Rollback,
            });
        }
        model::Scenario {
            before,
            up: true,
            steps,
            room: None,
            watched: None,
        }
    }

    fn task(&self, numbers: &swarm::Swarm) -> model::Task {
        let startup = self.startup();
        model::Task {
            revision: 0,
            behaviour: model::Behaviour {
                listens_after: startup,
                healthy_after: startup,
                drain: millis(self.facts.drain().unwrap_or_default()),
                ..model::Behaviour::default()
            },
            health: self.facts.health.map(|health| model::Health {
                interval: millis(health.interval),
                retries: small(health.retries),
                start_period: numbers
                    .start_period
                    .map_or(0, |period| millis(period.value)),
            }),
            grace: millis(numbers.grace.value),
            restart: model::Restart::DEFAULT,
        }
    }

    /// How long a start takes at most.
    fn startup(&self) -> Millis {
        millis(self.facts.startup.unwrap_or_default())
    }

    fn fault(&self, health: Option<&model::Health>) -> Option<model::Fault> {
        match self.scene {
            Scene::Update | Scene::Rollback => None,
            Scene::NeverHealthy => Some(model::Fault::NeverHealthy),
            Scene::Rejected => Some(model::Fault::Rejected),
            Scene::Crash => {
                let startup = self.startup();
                let interval = health.map_or(0, |health| health.interval);
                let probes = startup.checked_div(interval).unwrap_or(0).saturating_add(1);
                let healthy = interval.saturating_mul(probes).max(startup);
                Some(model::Fault::Crash {
                    after: healthy.saturating_add(1_000),
                    exit: model::Exit::Failure,
                })
            }
        }
    }

    fn on_kubernetes(&self) -> Rehearsal {
        let numbers = kubernetes::numbers(self.graph, self.service);
        let replicas = small(self.replicas);
        let works = matches!(self.scene, Scene::Update | Scene::Rollback);
        let strategy = match numbers.strategy {
            // In place, one after the other: what a Deployment does with this.
            kubernetes::Strategy::StatefulSet => pods::Strategy::RollingUpdate {
                surge: pods::Amount::Count(0),
                unavailable: pods::Amount::Count(1),
            },
            kubernetes::Strategy::Recreate(_) => pods::Strategy::Recreate,
            kubernetes::Strategy::RollingUpdate {
                max_surge,
                max_unavailable,
            } => pods::Strategy::RollingUpdate {
                surge: amount(max_surge.value),
                unavailable: amount(max_unavailable.value),
            },
        };
        let deployment = |replicas| pods::Deployment {
            replicas,
            strategy,
            min_ready: seconds(numbers.min_ready.value),
            progress_deadline: seconds(numbers.progress_deadline.value),
            next: pods::Next {
                replicas,
                ready_after: works.then_some(0),
                terminates_within: seconds(numbers.grace.value),
                then_replaced: false,
            },
        };
        let mut prediction = pods::predict(&deployment(replicas));
        // A pod that ends a second after it was ready has been available where that is soon enough,
        // and its predecessor is gone. Timestamps have whole seconds.
        if self.scene == Scene::Crash && numbers.min_ready.value <= 2 {
            prediction.least_serving = 0;
            return self.rehearsal(0, self.replicas, prediction);
        }
        let least = u64::from(prediction.least_serving);
        if replicas <= READABLE {
            prediction.worst = pods::worst_way(&deployment(replicas));
        }
        self.rehearsal(least, self.replicas, prediction)
    }

    fn rehearsal(&self, least: u64, searched: u64, prediction: Prediction) -> Rehearsal {
        let promise = self.graph.promise(self.service);
        let through = match self.scene {
            Scene::Rollback => Disturbance::Rollback,
            _ => Disturbance::Update,
        };
        let promised = match promise {
            Promise::Capacity { .. } if promise.covers(through) => {
                promise.floor(self.replicas).max(1)
            }
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

fn policy(direction: &swarm::Direction) -> model::Policy {
    model::Policy {
        order: modelled(direction.order.value),
        parallelism: small(direction.parallelism.value),
        delay: millis(direction.delay.value),
        monitor: millis(direction.monitor.value),
        on_failure: match direction.on_failure.value {
            FailureAction::Pause => model::FailureAction::Pause,
            FailureAction::Continue => model::FailureAction::Continue,
            FailureAction::Rollback => model::FailureAction::Rollback,
        },
        max_failure_ratio: thousandths(direction.max_failure_ratio.value),
    }
}

/// Thousandths of the whole: a percentage has thousandths of a hundredth.
fn thousandths(share: Percent) -> u32 {
    small(share.thousandths / 100)
}

fn amount(pods: kubernetes::Pods) -> pods::Amount {
    match pods {
        kubernetes::Pods::Count(count) => pods::Amount::Count(small(count)),
        kubernetes::Pods::Share(share) => percent(share),
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.millis).unwrap_or(Millis::MAX / 4)
}

fn seconds(seconds: u64) -> Millis {
    millis(Duration::from_seconds(seconds))
}
