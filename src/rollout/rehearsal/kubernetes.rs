//! On Kubernetes: closed forms, and a search of as many pods as one can read for the way to the worst moment.

use super::{Rehearsal, Rehearsing, Scene};
use crate::models::kubernetes as pods;
use crate::models::prediction::Outcome;
use crate::rollout::derivation::{self, kubernetes};
use crate::rollout::ways::{seconds, small, strategy};

/// The way to the worst moment is told of as many pods as one can read.
const READABLE: u32 = 10;

pub(super) fn rehearse(rehearsing: &Rehearsing<'_>) -> Rehearsal {
    let numbers = kubernetes::numbers(rehearsing.graph, rehearsing.service);
    match rehearsing.scene {
        Scene::Drain => rehearsing.evicted(),
        _ => rehearsing.rolled_out(&numbers),
    }
}

impl Rehearsing<'_> {
    fn rolled_out(&self, numbers: &kubernetes::Kubernetes) -> Rehearsal {
        let replicas = small(self.replicas);
        let deployment = pods::Deployment {
            replicas,
            strategy: strategy(&numbers.strategy),
            min_ready: seconds(numbers.min_ready.value),
            progress_deadline: seconds(numbers.progress_deadline.value),
            next: pods::Next {
                replicas: match self.scene {
                    Scene::Scale => replicas.saturating_add(1),
                    _ => replicas,
                },
                ready_after: self.scene.works().then(|| self.startup()),
                terminates_within: seconds(numbers.grace.value),
                then_replaced: self.scene == Scene::SecondDeploy,
            },
        };
        let mut prediction = pods::predict(&deployment);
        // A pod that ends a second after it was ready has been available where that is soon enough,
        // and its predecessor is gone. Timestamps have whole seconds.
        let replaces_all = match self.scene {
            Scene::Crash => numbers.min_ready.value <= 2,
            Scene::LateCrash => true,
            _ => false,
        };
        if replaces_all {
            prediction.least_serving = 0;
            prediction.outcomes.insert(Outcome::Completed);
            return self.rehearsal(0, self.replicas, prediction);
        }
        if replicas <= READABLE {
            (prediction.worst, prediction.after) = pods::worst_way(&deployment);
        }
        let mut least = u64::from(prediction.least_serving);
        // The controller does not take more than may be missing; what ends by itself is missing besides.
        for _ in 0..self.scene.lost() {
            least = least.saturating_sub(1);
            prediction.least_serving = small(least);
            prediction.lose_one();
        }
        self.rehearsal(least, self.replicas, prediction)
    }

    /// The eviction of all pods under the budget that is written (`targets/kubernetes/autoscaling.rs`): one pod
    /// has none.
    fn evicted(&self) -> Rehearsal {
        let promise = self.graph.promise(self.service);
        let spare = derivation::spared_in_drain(&promise, self.replicas);
        let budget =
            spare.map(|spare| pods::Budget::MaxUnavailable(pods::Amount::Count(small(spare))));
        let replicas = small(self.replicas);
        let drain = pods::Drain {
            replicas,
            drained: replicas,
            budget,
        };
        let prediction = drain.predict();
        self.rehearsal(
            u64::from(prediction.least_serving),
            self.replicas,
            prediction,
        )
    }
}
