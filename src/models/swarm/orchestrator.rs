//! What the orchestrator does when a service is written: as many slots as it wants, an updater for
//! those that differ, and the previous version where it is asked for.

use super::Rule;
use super::machine::Machine;
use super::state::{Phase, Slot, State, Status, Task, Work};

impl Machine<'_> {
    /// The previous service comes back.
    pub(super) fn roll_back(&self, mut state: State) -> Vec<State> {
        let Some(previous) = state.previous else {
            return vec![state];
        };
        state.bet = false;
        state.previous = Some(state.service);
        state.service = previous;
        state.status = Status::RollingBack;
        state.updater = None;
        self.scaled(state)
    }

    /// As many slots as the service has: what is too much goes at once, what lacks comes at once.
    pub(super) fn scaled(&self, mut state: State) -> Vec<State> {
        let wanted = self.services.get(usize::from(state.service));
        let wanted = wanted.map_or(0, |service| service.replicas) as usize;
        // The updater takes the slots that there were.
        let known = state.slots.len().min(wanted);
        // Those that serve least go first.
        let spare = |slot: &Slot| slot.tasks.iter().all(|task| !self.runs(task));
        state.slots.sort_by_key(spare);
        let removed = state.slots.split_off(known);
        for slot in removed {
            slot.abandoned(&mut state.leaving);
            let (stop, alive) = self.told_to_stop(&mut state, &slot.tasks);
            state.leaving.extend((0..alive).map(|_| stop));
        }
        let added = if self.keeps(Rule::AddedSlotsComeAtOnce) {
            wanted.saturating_sub(known)
        } else {
            0
        };
        let next = self.reconcile(state);
        let mut done = Vec::new();
        for mut state in next {
            for _ in 0..added {
                state.slots.push(Slot {
                    work: Work::Idle,
                    tasks: Vec::new(),
                });
            }
            done.extend(self.refilled(state));
        }
        done
    }

    pub(super) fn runs(&self, task: &Task) -> bool {
        let Phase::Life { stage, .. } = task.phase else {
            return false;
        };
        let life = self.lives.get(usize::from(task.version));
        let stage = life.and_then(|life| life.stage(stage));
        stage.is_some_and(|stage| stage.running)
    }

    /// Slots without a task get one of the stored version at once.
    pub(super) fn refilled(&self, state: State) -> Vec<State> {
        let version = self.version(state.service);
        let fails = |version: u8| {
            let life = self.lives.get(usize::from(version));
            life.is_none_or(|life| life.fails)
        };
        let mut open = vec![state];
        let mut done = Vec::new();
        while let Some(mut state) = open.pop() {
            let Some(empty) = state.slots.iter().position(|slot| slot.tasks.is_empty()) else {
                done.push(state);
                continue;
            };
            let tasks = if fails(version) {
                vec![Task::new(version, Phase::Flapping)]
            } else {
                self.entered(Task::new(version, Phase::Waiting), 0)
            };
            for task in tasks {
                if let Some(slot) = state.slots.get_mut(empty) {
                    slot.tasks = vec![task];
                }
                open.push(state.clone());
            }
        }
        done
    }

    /// The service was written: its orchestrator looks at it again.
    pub(super) fn reconcile(&self, state: State) -> Vec<State> {
        let states = self.refilled(state).into_iter();
        states.flat_map(|state| self.update(state)).collect()
    }
}
