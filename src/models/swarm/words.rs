//! What happens, in words: for the way to a worst moment.

use super::life::Next;
use super::machine::{Machine, Timer};
use super::state::{Phase, State, Task};

const FAILED: &str = "is seen to have failed";
const BROKE: &str = "stops working";

impl Machine<'_> {
    /// What a timer is, in words.
    pub(super) fn event(&self, state: &State, timer: Timer) -> String {
        let version = |slot: usize, task: usize| {
            let task = state.slots.get(slot).and_then(|slot| slot.tasks.get(task));
            task.map_or(0, |task| task.version.saturating_add(1))
        };
        match timer {
            Timer::Task { slot, task } => {
                let held = state.slots.get(slot).and_then(|slot| slot.tasks.get(task));
                let what = match held.map(|task| task.phase) {
                    Some(Phase::Behind { .. }) => "starts: the one before it has stopped",
                    Some(Phase::Waiting) => "starts after the restart delay",
                    Some(Phase::Life { stage, end }) => self.passage(held, stage, end),
                    _ => "changes",
                };
                format!("a task of version {} {what}", version(slot, task))
            }
            Timer::Rejection { slot, task } => {
                format!("a task of version {} is rejected", version(slot, task))
            }
            Timer::Held { .. } => "the old task of a slot has stopped".to_owned(),
            Timer::Leaving(_) => "a container that was told to stop is gone".to_owned(),
            Timer::Resting(_) => "the delay of a worker is over".to_owned(),
            Timer::Monitor => "the monitor time is over".to_owned(),
            Timer::Step => match self.deploys.get(usize::from(state.step)) {
                Some(Some(service)) => {
                    let version = self.versions.get(usize::from(*service));
                    let version = version.map_or(0, |version| version.saturating_add(1));
                    format!("version {version} is deployed")
                }
                _ => "a rollback is asked for".to_owned(),
            },
            Timer::Watch => "nobody looks any more".to_owned(),
        }
    }

    /// Whether what happens is a failure of its own.
    pub(super) fn fails(&self, state: &State, timer: Timer) -> bool {
        let Timer::Task { slot, task } = timer else {
            return false;
        };
        let held = state.slots.get(slot).and_then(|slot| slot.tasks.get(task));
        match held.map(|task| task.phase) {
            Some(Phase::Life { stage, end }) => {
                self.passage(held, stage, end) == FAILED || self.passage(held, stage, end) == BROKE
            }
            _ => false,
        }
    }

    fn passage(&self, task: Option<&Task>, stage: u8, end: u8) -> &'static str {
        let life = task.and_then(|task| self.lives.get(usize::from(task.version)));
        let stage = life.and_then(|life| life.stage(stage));
        let to = stage.and_then(|stage| stage.ends.get(usize::from(end)));
        match (stage, to.map(|end| end.to)) {
            (_, Some(Next::Failed)) => FAILED,
            (Some(stage), _) if !stage.running => "is RUNNING",
            (Some(stage), _) if !stage.listening => "listens",
            _ => BROKE,
        }
    }
}
