//! A Deployment's rollout, searched: the closed form's other opinion, for small numbers.

use super::deployment::{Deployment, Strategy};
use crate::models::prediction::Moment;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Pods that are wanted of each `ReplicaSet`, and how many of them are available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    old: u32,
    old_available: u32,
    new: u32,
    new_available: u32,
}

impl State {
    fn pods(self) -> u32 {
        self.old.saturating_add(self.new)
    }

    fn available(self) -> u32 {
        self.old_available.saturating_add(self.new_available)
    }
}

/// The fewest available and the most wanted, in every order of events.
pub fn search(deployment: &Deployment) -> (u32, u32) {
    let replicas = deployment.replicas;
    let first = first(deployment);
    let mut seen = BTreeSet::from([first]);
    let mut open = vec![first];
    let (mut least, mut most) = (replicas, replicas);
    while let Some(state) = open.pop() {
        least = least.min(state.available());
        most = most.max(state.pods());
        for next in next(deployment, state) {
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    (least, most)
}

/// A change of replicas goes to the old `ReplicaSet` before anything else (`sync.go`, `scale`).
fn first(deployment: &Deployment) -> State {
    State {
        old: deployment.next.replicas,
        old_available: deployment.replicas.min(deployment.next.replicas),
        new: 0,
        new_available: 0,
    }
}

/// The shortest way to the fewest available, and from there to where nothing more happens. There is
/// no clock in it: the controller acts when events reach it.
pub fn worst_way(deployment: &Deployment) -> (Vec<Moment>, Vec<Moment>) {
    let (least, _) = search(deployment);
    let there = way(deployment, first(deployment), |state| {
        state.available() == least
    });
    let Some(worst) = there.last() else {
        return Default::default();
    };
    let on = way(deployment, *worst, |state| {
        next(deployment, state).is_empty()
    });
    let on = moments(deployment, &on).into_iter().skip(1).collect();
    (moments(deployment, &there), on)
}

/// The states on the shortest way from one to another.
fn way(deployment: &Deployment, from: State, wanted: impl Fn(State) -> bool) -> Vec<State> {
    let mut came_from = BTreeMap::from([(from, from)]);
    let mut open = VecDeque::from([from]);
    while let Some(state) = open.pop_front() {
        if wanted(state) {
            let before = |state: &State| came_from.get(state).filter(|it| *it != state).copied();
            let mut states: Vec<State> = std::iter::successors(Some(state), before).collect();
            states.reverse();
            return states;
        }
        for next in next(deployment, state) {
            came_from.entry(next).or_insert_with(|| {
                open.push_back(next);
                state
            });
        }
    }
    Vec::new()
}

fn moments(deployment: &Deployment, states: &[State]) -> Vec<Moment> {
    let steps = states.iter().zip(states.iter().skip(1));
    let moment = |state: State, event: String| Moment {
        at: None,
        event,
        serving: state.available(),
        by_version: vec![state.old_available, state.new_available],
    };
    let before = states
        .first()
        .map(|state| moment(*state, "before".to_owned()));
    let moments = steps.map(|(before, after)| moment(*after, event(deployment, *before, *after)));
    before.into_iter().chain(moments).collect()
}

fn event(deployment: &Deployment, before: State, after: State) -> String {
    let is_set = deployment.strategy == Strategy::StatefulSet;
    if is_set && after.new > before.new {
        "the StatefulSet makes a new pod".to_owned()
    } else if is_set && after.old < before.old {
        "the StatefulSet stops an old pod".to_owned()
    } else if after.new > before.new {
        format!("the new ReplicaSet is scaled to {}", after.new)
    } else if after.old < before.old {
        format!("the old ReplicaSet is scaled to {}", after.old)
    } else if after.new_available > before.new_available {
        "a new pod is available".to_owned()
    } else {
        "an old pod is available".to_owned()
    }
}

fn next(deployment: &Deployment, state: State) -> Vec<State> {
    let mut next = Vec::new();
    // A new pod becomes available.
    if deployment.next.ready_after.is_some() && state.new_available < state.new {
        next.push(State {
            new_available: state.new_available.saturating_add(1),
            ..state
        });
    }
    // An old one does, that a change of replicas brought.
    if state.old_available < state.old {
        next.push(State {
            old_available: state.old_available.saturating_add(1),
            ..state
        });
    }
    next.extend(synchronised(deployment, state));
    next
}

/// What the controller does when it looks: the new `ReplicaSet` up, or else the old one down.
fn synchronised(deployment: &Deployment, state: State) -> Option<State> {
    let replicas = deployment.next.replicas;
    let (surge, unavailable) = deployment.strategy.fenceposts(replicas);
    if deployment.strategy == Strategy::Recreate {
        return match state {
            State { old: 0, .. } if state.new < replicas => Some(State {
                new: replicas,
                ..state
            }),
            State { old: 0, .. } => None,
            _ => Some(State {
                old: 0,
                old_available: 0,
                ..state
            }),
        };
    }
    let allowed = replicas.saturating_add(surge);
    if state.new < replicas && state.pods() < allowed {
        let room = allowed.saturating_sub(state.pods());
        let new = state.new.saturating_add(room).min(replicas);
        return Some(State { new, ..state });
    }
    let least = replicas.saturating_sub(unavailable);
    let coming = state.new.saturating_sub(state.new_available);
    let spare = state
        .pods()
        .saturating_sub(least)
        .saturating_sub(coming)
        .min(state.old);
    // Old pods that are not available go first, whatever is available; then those that can be spared.
    let broken = state.old.saturating_sub(state.old_available).min(spare);
    let sound = state
        .available()
        .saturating_sub(least)
        .min(spare.saturating_sub(broken));
    let going = broken.saturating_add(sound);
    (going > 0).then(|| State {
        old: state.old.saturating_sub(going),
        old_available: state.old_available.saturating_sub(sound),
        ..state
    })
}
