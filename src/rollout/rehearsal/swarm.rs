//! On a swarm: closed forms where every version works, else a search of as many replicas as decide.

use super::{Rehearsal, Rehearsing, Scene, Searches, Unknown};
use crate::models::interval::{Interval, Millis};
use crate::models::prediction::{Moment, Outcome, Prediction};
use crate::models::swarm as model;
use crate::rollout::derivation::swarm;
use crate::rollout::ways::{millis, policy, small};
use std::collections::BTreeSet;

/// Fewer replicas than this are searched as they are.
const FEW: u64 = 3;
/// More are never searched: it takes a second.
const MANY: u64 = 5;

pub(super) fn rehearse(
    rehearsing: &Rehearsing<'_>,
    numbers: &swarm::Swarm,
    searches: &mut Searches,
) -> Result<Rehearsal, Unknown> {
    if rehearsing.scene == Scene::Drain {
        return Ok(rehearsing.drained());
    }
    let update = policy(&numbers.update);
    let searched = rehearsing.searched(&update)?;
    let mut prediction = searches.predict(rehearsing.scenario(numbers, searched));
    let least = rehearsing.least(numbers, searched, &prediction);
    for _ in 0..rehearsing.scene.lost() {
        prediction.lose_one();
    }
    Ok(rehearsing.rehearsal(least, searched, prediction))
}

impl Rehearsing<'_> {
    /// How many replicas decide. A slot that no way touches is one that any number more would leave alone: a
    /// version that fails takes those at work and, where chance decides, the next ones.
    fn searched(&self, update: &model::Policy) -> Result<u64, Unknown> {
        let at_once = match u64::from(update.parallelism) {
            0 => self.replicas,
            some => some.min(self.replicas),
        };
        if self.scene.works() {
            return Ok(self
                .replicas
                .min(at_once.saturating_add(1).clamp(FEW, MANY)));
        }
        let decide = at_once.saturating_mul(2).saturating_add(1).max(FEW);
        let enough = self.replicas.min(decide);
        // What is tolerated grows with the number of replicas.
        let all =
            enough == self.replicas || (update.max_failure_ratio == 0 && at_once < self.replicas);
        if all && enough <= MANY {
            Ok(enough)
        } else {
            Err(Unknown::TooMany)
        }
    }

    fn least(&self, numbers: &swarm::Swarm, searched: u64, prediction: &Prediction) -> u64 {
        let lost = searched.saturating_sub(u64::from(prediction.least_serving));
        let serving = |direction| {
            u64::from(model::least_serving(
                &policy(direction),
                small(self.replicas),
            ))
        };
        match self.scene {
            // These have closed forms, for any number.
            Scene::Update | Scene::Scale => serving(&numbers.update),
            Scene::InstancesLost(lost) => serving(&numbers.update).saturating_sub(u64::from(lost)),
            Scene::Rollback => serving(&numbers.update).min(serving(&numbers.rollback)),
            // A search that was cut off shows nothing; what never runs is bounded without it.
            Scene::NeverHealthy | Scene::Rejected if !prediction.complete => {
                let policy = policy(&numbers.update);
                let taken = model::most_taken_by_what_never_runs(&policy, small(self.replicas));
                self.replicas.saturating_sub(u64::from(taken))
            }
            _ if !prediction.complete || lost == searched => 0,
            _ => self.replicas.saturating_sub(lost),
        }
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
        let fault = self.fault(&numbers.update, next.health.as_ref());
        next.behaviour.fault = fault;
        let mut after = model::Service {
            task: next,
            ..before.clone()
        };
        let update = model::duration(&before, &after, &model::GUARANTEED);
        let deploy = |at, service: &model::Service| model::Step {
            at,
            action: model::Action::Deploy(service.clone()),
        };
        if self.scene == Scene::Scale {
            after.replicas = after.replicas.saturating_add(1);
        }
        let mut steps = vec![deploy(Interval::NOW, &after)];
        match self.scene {
            Scene::Rollback => steps.push(model::Step {
                at: Interval::exactly(update.most.saturating_add(1_000)),
                action: model::Action::Rollback,
            }),
            Scene::SecondDeploy => {
                after.task.revision = 2;
                steps.push(deploy(Interval::new(0, update.most), &after));
            }
            _ => {}
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
                exit: match self.scene {
                    Scene::NeverHealthy => model::Exit::Failure,
                    _ => model::Exit::Success,
                },
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

    fn fault(
        &self,
        update: &swarm::Direction,
        health: Option<&model::Health>,
    ) -> Option<model::Fault> {
        let crash = |later: Millis| model::Fault::Crash {
            after: self.healthy_by(health).saturating_add(later),
            exit: model::Exit::Failure,
        };
        match self.scene {
            Scene::NeverHealthy | Scene::NeverHealthyEndsWell => Some(model::Fault::NeverHealthy),
            Scene::Rejected => Some(model::Fault::Rejected),
            Scene::Crash => Some(crash(1_000)),
            Scene::LateCrash => {
                let counted = millis(update.monitor.value).max(millis(update.delay.value));
                // Reports are late by a few seconds.
                Some(crash(counted.saturating_add(10_000)))
            }
            _ => None,
        }
    }

    /// When the check has passed.
    fn healthy_by(&self, health: Option<&model::Health>) -> Millis {
        let startup = self.startup();
        let interval = health.map_or(0, |health| health.interval);
        let probes = startup.checked_div(interval).unwrap_or(0).saturating_add(1);
        interval.saturating_mul(probes).max(startup)
    }

    /// All tasks of a node that is drained are told to stop at once: the new ones start elsewhere when these
    /// have stopped, with no regard to the policy (swarmkit `orchestrator/replicated/tasks.go`,
    /// `orchestrator/restart/restart.go`). How many that are is known where a node takes only so many.
    fn drained(&self) -> Rehearsal {
        let placement = self.service.node.service.placement.as_ref();
        let most = placement.and_then(|placement| placement.max_per_node.as_ref());
        let on_node = most.map_or(self.replicas, |most| most.value.get().min(self.replicas));
        let least = self.replicas.saturating_sub(on_node);
        let moment = |event: &str, serving| Moment {
            at: None,
            event: event.to_owned(),
            serving: small(serving),
            by_version: vec![small(serving)],
        };
        let told = if on_node == self.replicas {
            "the node that has all of them is drained: they are told to stop at once"
        } else {
            "the node that has most of them is drained: they are told to stop at once"
        };
        let prediction = Prediction {
            least_serving: small(least),
            best_least_serving: small(self.replicas),
            least_listening: small(least),
            // A new one starts when the one before it has stopped.
            most_alive: small(self.replicas),
            most_with_terminating: None,
            outcomes: BTreeSet::from([Outcome::Nothing]),
            races: BTreeSet::new(),
            duration: None,
            ends_within: None,
            side_by_side: Some(Interval::NOW),
            worst: vec![moment("before", self.replicas), moment(told, least)],
            after: Vec::new(),
            states: 0,
            complete: true,
        };
        self.rehearsal(least, self.replicas, prediction)
    }
}
