//! What becomes of a task: it starts, serves, ends, and another takes its place.

use super::FailureAction;
use super::life::{Next, Stage};
use super::machine::{Machine, Ways};
use super::state::{Phase, State, Status, Task, Work};
use crate::models::interval::Interval;
use crate::models::prediction::Race;

impl Machine<'_> {
    /// A task's phase is over.
    pub(super) fn task_changes(
        &self,
        state: State,
        slot: usize,
        task: usize,
        ways: &mut Ways,
    ) -> Vec<State> {
        let Some(held) = state.slots.get(slot).and_then(|slot| slot.tasks.get(task)) else {
            return Vec::new();
        };
        match held.phase {
            Phase::Pending | Phase::Flapping => vec![state],
            Phase::Waiting | Phase::Behind { .. } => {
                let rest = held.rejected_in;
                let rejected = rest != Interval::NEVER;
                let started = self.entered(held.clone(), 0).into_iter();
                let started = started.map(|mut started| {
                    if rejected {
                        started.clock = rest;
                    }
                    state.clone().with_task(slot, task, started)
                });
                started.collect()
            }
            Phase::Life { stage, end } => {
                let life = self.lives.get(usize::from(held.version));
                let now = life.and_then(|life| life.stage(stage));
                let to = now.and_then(|stage| stage.ends.get(usize::from(end)));
                match to.map(|end| end.to) {
                    None => vec![state],
                    Some(Next::Failed) => self.fail(state, slot, task),
                    Some(Next::Stage(next)) => self.pass(state, slot, task, next, ways),
                }
            }
        }
    }

    /// A task gets to its next stage, maybe to RUNNING.
    pub(super) fn pass(
        &self,
        state: State,
        slot: usize,
        task: usize,
        next: u8,
        ways: &mut Ways,
    ) -> Vec<State> {
        let Some(held) = state.slots.get(slot).and_then(|slot| slot.tasks.get(task)) else {
            return Vec::new();
        };
        let life = self.lives.get(usize::from(held.version));
        let runs = |stage: Option<&Stage>| stage.is_some_and(|stage| stage.running);
        let Phase::Life { stage, .. } = held.phase else {
            return vec![state];
        };
        let newly = !runs(life.and_then(|life| life.stage(stage)))
            && runs(life.and_then(|life| life.stage(next)));
        let mut next_states = Vec::new();
        for mut entered in self.entered(held.clone(), next) {
            if newly && entered.tracked {
                entered.age = Some(Interval::NOW);
            }
            let awaited = entered.awaited;
            let mut state = state.clone().with_task(slot, task, entered);
            if newly && awaited {
                let dies = life.and_then(|life| life.stage(next));
                if dies.is_some_and(|stage| stage.momentary) {
                    ways.races.insert(Race::RunningForAMoment);
                }
                self.came_up(&mut state, slot, task);
            }
            next_states.push(state);
        }
        next_states
    }

    /// A task has ended without being told to.
    pub(super) fn fail(&self, mut state: State, slot: usize, task: usize) -> Vec<State> {
        let Some(held) = state.slots.get_mut(slot) else {
            return Vec::new();
        };
        if task >= held.tasks.len() {
            return vec![state];
        }
        let failed = held.tasks.remove(task);
        if failed.awaited {
            match failed.phase {
                Phase::Behind { alive, .. } => {
                    held.work = Work::Held {
                        alive: u8::from(alive),
                        clock: failed.clock,
                    };
                }
                _ => self.worker_done(&mut state, slot),
            }
        } else if let Phase::Behind { alive: true, .. } = failed.phase {
            state.leaving.push(failed.clock);
        }
        let policy = self.policy(&state);
        if failed.tracked
            && policy.on_failure != FailureAction::Continue
            && let Some(updater) = &mut state.updater
            && !updater.stopped
        {
            updater.unread.push(failed.age);
        }
        let restarts = self
            .lives
            .get(usize::from(failed.version))
            .is_some_and(|life| life.restarts);
        if !restarts {
            return vec![state];
        }
        self.restart(state, slot, policy.on_failure)
    }

    /// Another task takes the place of one that ended: of the version that is stored then, which a
    /// rollback may just have changed.
    pub(super) fn restart(
        &self,
        state: State,
        slot: usize,
        on_failure: FailureAction,
    ) -> Vec<State> {
        let mut next = vec![self.restarted(state.clone(), slot, self.version(state.service))];
        if let Some(previous) = state.previous
            && state.status == Status::Updating
            && on_failure == FailureAction::Rollback
            && state
                .updater
                .as_ref()
                .is_some_and(|updater| !updater.unread.is_empty())
        {
            let mut bet = self.restarted(state, slot, self.version(previous));
            bet.bet = true;
            next.push(bet);
        }
        next
    }

    pub(super) fn restarted(&self, mut state: State, slot: usize, version: u8) -> State {
        let life = self.lives.get(usize::from(version));
        let mut new = match life {
            Some(life) if !life.fails => {
                let mut new = Task::new(version, Phase::Waiting);
                new.clock = life.restart;
                new
            }
            _ => Task::new(version, Phase::Flapping),
        };
        if let Some(held) = state.slots.get_mut(slot) {
            new.fresh = held.work != Work::Idle;
            held.tasks.push(new);
        }
        state
    }
}
