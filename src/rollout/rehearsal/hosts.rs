//! On a plain host: the scripts' own steps, one slot after the other or one switch of an include. What they do with a
//! version that fails is held to real hosts in `tests/real/hosts.rs`.

use super::{Rehearsal, Rehearsing, Scene, Unknown};
use crate::models::interval::{Interval, Millis};
use crate::models::prediction::{Moment, Outcome, Prediction};
use crate::rollout::hosts::{self, Policy};
use crate::rollout::ways::{millis, small};
use crate::vocabulary::{FailureAction, Order};
use std::collections::BTreeSet;

/// What `docker run` and a reload take, at most.
const STEP: Millis = 10_000;

pub(super) fn rehearse(rehearsing: &Rehearsing<'_>) -> Result<Rehearsal, Unknown> {
    let (graph, service) = (rehearsing.graph, rehearsing.service);
    let least = hosts::least_serving(graph, service).ok_or(Unknown::NoModel)?;
    if matches!(
        rehearsing.scene,
        Scene::Scale | Scene::SecondDeploy | Scene::Drain
    ) {
        // The scripts know no other number of slots, one deploy holds the lock, and there is one node.
        return Err(Unknown::NoModel);
    }
    let policy = hosts::policy(graph, service);
    let least = match rehearsing.scene {
        Scene::InstancesLost(lost) => least.saturating_sub(u64::from(lost)),
        // Slot after slot is replaced by what fails when nobody asks any more; one switch takes all.
        Scene::LateCrash => 0,
        // It is asked again for `monitor` after it was brought in; a slot that fails is given up.
        Scene::Crash if policy.order == Order::StartFirst && !policy.swap_back => {
            least.saturating_sub(1)
        }
        _ => least,
    };
    let steps = Steps {
        rehearsing,
        policy: &policy,
        serving: small(rehearsing.replicas),
    };
    let prediction = steps.prediction(least);
    Ok(rehearsing.rehearsal(least, rehearsing.replicas, prediction))
}

/// The steps of one deploy.
struct Steps<'a> {
    rehearsing: &'a Rehearsing<'a>,
    policy: &'a Policy,
    serving: u32,
}

impl Steps<'_> {
    fn prediction(&self, least: u64) -> Prediction {
        let scene = self.rehearsing.scene;
        let fails = matches!(
            scene,
            Scene::NeverHealthy | Scene::NeverHealthyEndsWell | Scene::Rejected | Scene::Crash
        );
        let outcome = match (scene, fails, self.policy.on_failure) {
            (_, true, FailureAction::Rollback) => Outcome::RolledBack,
            (_, true, _) => Outcome::Paused,
            (Scene::Rollback, ..) => Outcome::RolledBack,
            _ => Outcome::Completed,
        };
        let beside = u32::from(self.policy.order == Order::StartFirst);
        let most = if self.policy.blue_green {
            self.serving.saturating_mul(2)
        } else {
            self.serving.saturating_add(beside)
        };
        let ends_within = self.ends_within(fails);
        Prediction {
            least_serving: small(least),
            best_least_serving: small(least),
            least_listening: small(least),
            most_alive: most,
            most_with_terminating: None,
            outcomes: BTreeSet::from([outcome]),
            races: BTreeSet::new(),
            duration: None,
            ends_within: Some(ends_within),
            side_by_side: Some(match (fails, self.policy.blue_green) {
                (true, _) => Interval::NOW,
                // Old workers of nginx end what they have begun.
                (_, true) => Interval::new(0, millis(self.policy.drain)),
                (_, false) => Interval::new(0, ends_within.most),
            }),
            worst: self.worst(small(least)),
            after: Vec::new(),
            states: 0,
            complete: true,
        }
    }

    /// A slot: it starts, is judged, the old one drains and stops.
    fn slot(&self) -> Interval {
        let started = Interval::new(
            0,
            millis(self.policy.judgement.patience()).saturating_add(STEP),
        );
        let stopped = Interval::new(
            0,
            millis(self.policy.drain).saturating_add(millis(self.policy.grace)),
        );
        started
            .plus(stopped)
            .plus(Interval::exactly(millis(self.policy.delay)))
    }

    fn ends_within(&self, fails: bool) -> Interval {
        let rounds = if self.policy.blue_green || fails {
            1
        } else {
            self.serving
        };
        let monitored = Interval::exactly(millis(self.policy.monitor));
        if self.policy.canary {
            return self.slot().times(rounds).plus(monitored);
        }
        self.slot().plus(monitored).times(rounds)
    }

    /// In place the old one goes first; else nothing is missing at any time.
    fn worst(&self, least: u32) -> Vec<Moment> {
        let moment = |at, event: &str, serving| Moment {
            at: Some(at),
            event: event.to_owned(),
            serving,
            by_version: vec![serving],
        };
        let mut moments = vec![moment(Interval::NOW, "before", self.serving)];
        if self.policy.order == Order::StopFirst {
            let less = self.serving.saturating_sub(1);
            moments.push(moment(
                Interval::NOW,
                "nginx is told that the first slot takes no requests",
                less,
            ));
            let drained = Interval::new(0, millis(self.policy.drain));
            moments.push(moment(
                drained,
                "its old instance is told to stop: no slot is free beside it",
                less,
            ));
        } else {
            moments.push(moment(
                Interval::NOW,
                "the new version starts in a free slot",
                self.serving,
            ));
        }
        if self.rehearsing.scene.lost() > 0 {
            let serving = moments.last().map_or(0, |last| last.serving);
            for left in (least..serving).rev() {
                moments.push(moment(
                    Interval::NOW,
                    "an old instance ends by itself",
                    left,
                ));
            }
        }
        if self.rehearsing.scene == Scene::LateCrash {
            let end = self.ends_within(false);
            moments.push(moment(
                end,
                "the new version ends when nobody asks any more",
                least,
            ));
        }
        moments
    }
}
