//! The updater: which slot is next, what is done with it, and what a failure means.

use super::machine::{Machine, Ways, small_count};
use super::state::{Part, Phase, Slot, State, Status, Task, Updater, Work};
use super::{FailureAction, Frees, Order, Policy, Rule};
use crate::models::interval::{Interval, Millis};
use crate::models::prediction::Race;

impl Machine<'_> {
    /// A worker takes a slot; once for each kind of slot, since their order is arbitrary.
    pub(super) fn hand_out(&self, state: &State) -> Vec<State> {
        let mut next = Vec::new();
        let mut seen: Vec<&Slot> = Vec::new();
        for (index, slot) in state.slots.iter().enumerate() {
            if slot.work == Work::Queued && !seen.contains(&slot) {
                seen.push(slot);
                next.extend(self.work_on(state.clone(), index));
            }
        }
        next
    }

    pub(super) fn work_on(&self, mut state: State, index: usize) -> Vec<State> {
        let version = self.version(state.service);
        let policy = self.policy(&state);
        let Some(slot) = state.slots.get_mut(index) else {
            return Vec::new();
        };
        slot.work = Work::Busy;
        let known = |task: &Task| !task.fresh;
        let clean = slot
            .tasks
            .iter()
            .position(|task| known(task) && task.version == version)
            .filter(|_| self.keeps(Rule::TaskOfThisVersionIsKept));
        if let Some(clean) = clean {
            return self.keep(state, index, clean);
        }
        let old: Vec<Task> = slot
            .tasks
            .iter()
            .filter(|task| known(task))
            .cloned()
            .collect();
        let life = self.lives.get(usize::from(version));
        let mut new = Task::new(version, Phase::Waiting);
        new.tracked = life.is_some_and(|life| life.fails);
        new.awaited = true;
        if policy.order == Order::StartFirst {
            if !self.keeps(Rule::OldServesUntilNewRuns) {
                slot.tasks.retain(|task| task.fresh);
            }
            return self.start(state, index, new);
        }
        slot.tasks.retain(|task| task.fresh);
        if old.is_empty() {
            // "already shut down when reached by updater": the new task is never started.
            new.awaited = false;
            slot.tasks.push(new);
            self.worker_done(&mut state, index);
            return vec![state];
        }
        let (stop, alive) = self.told_to_stop(&mut state, &old);
        let limit = if self.keeps(Rule::OldTaskTimeout) {
            self.profile.old_task_timeout
        } else {
            Millis::MAX
        };
        let outlives = stop.most > limit;
        new.clock = stop.until(limit);
        new.phase = Phase::Behind {
            alive: alive > 0 && !outlives,
        };
        if outlives && alive > 0 {
            state.leaving.push(stop);
        }
        for _ in 1..alive {
            state.leaving.push(stop);
        }
        new.rejected_in = life
            .and_then(|life| life.rejected)
            .unwrap_or(Interval::NEVER);
        let pending = |state: &State| {
            let mut tasks = state.slots.iter().flat_map(|slot| &slot.tasks);
            tasks.any(|task| task.phase == Phase::Pending)
        };
        let contested = self
            .room()
            .is_some_and(|room| room.frees == Frees::WhenTold && pending(&state));
        if !self.keeps(Rule::NewWaitsForOld) {
            state.leaving.extend((alive > 0).then_some(stop));
            return self.start(state, index, new);
        }
        if contested {
            // Its place is free for any: whoever is placed first.
            state.leaving.extend((alive > 0).then_some(stop));
            new.phase = Phase::Pending;
            new.clock = Interval::NEVER;
            new.rejected_in = Interval::NEVER;
        }
        if let Some(slot) = state.slots.get_mut(index) {
            slot.tasks.push(new);
        }
        vec![state]
    }

    /// A start-first worker's new task, if there is room for it.
    pub(super) fn start(&self, mut state: State, index: usize, mut new: Task) -> Vec<State> {
        let full = self
            .room()
            .is_some_and(|room| state.taken(room) >= room.places);
        if full {
            new.phase = Phase::Pending;
            if let Some(slot) = state.slots.get_mut(index) {
                slot.tasks.push(new);
            }
            return vec![state];
        }
        let tasks = self.entered(new, 0).into_iter().map(|task| {
            let mut state = state.clone();
            if let Some(slot) = state.slots.get_mut(index) {
                slot.tasks.push(task);
            }
            state
        });
        tasks.collect()
    }

    /// The slot has a task of this version, whatever its state: the others go at once.
    pub(super) fn keep(&self, mut state: State, index: usize, clean: usize) -> Vec<State> {
        let Some(slot) = state.slots.get_mut(index) else {
            return Vec::new();
        };
        let mut others = Vec::new();
        let mut kept = Vec::new();
        for (number, task) in slot.tasks.drain(..).enumerate() {
            if number == clean || task.fresh {
                kept.push(task);
            } else {
                others.push(task);
            }
        }
        let waits = kept.iter().any(|task| {
            !task.fresh
                && matches!(
                    task.phase,
                    Phase::Waiting | Phase::Behind { .. } | Phase::Flapping
                )
        });
        slot.tasks = kept;
        if others.is_empty() {
            self.worker_done(&mut state, index);
            return vec![state];
        }
        let (stop, alive) = self.told_to_stop(&mut state, &others);
        if !waits {
            state.leaving.extend((0..alive).map(|_| stop));
            self.worker_done(&mut state, index);
            return vec![state];
        }
        if let Some(slot) = state.slots.get_mut(index) {
            let flaps = slot.tasks.iter().any(|task| task.phase == Phase::Flapping);
            let clock = Interval::new(if flaps { 0 } else { stop.least }, stop.most)
                .until(self.profile.old_task_timeout);
            slot.work = Work::Held {
                alive: small_count(alive),
                clock,
            };
            for task in &mut slot.tasks {
                if task.phase == Phase::Waiting {
                    // It is advanced when the others have stopped.
                    task.clock = clock;
                }
            }
        }
        vec![state]
    }

    /// Tasks are told to stop: how long the last one takes, and how many have a process.
    pub(super) fn told_to_stop(&self, state: &mut State, tasks: &[Task]) -> (Interval, u32) {
        let (mut stop, mut alive) = (None, 0);
        for task in tasks {
            let Some(life) = self.lives.get(usize::from(task.version)) else {
                continue;
            };
            let anywhere = Interval::new(self.profile.abort.least, life.stop.most);
            let (takes, process) = match task.phase {
                Phase::Pending => (Interval::new(0, self.profile.old_task_timeout), false),
                Phase::Waiting => (self.profile.abort, false),
                Phase::Behind { alive, .. } => {
                    if alive {
                        state.leaving.push(task.clock);
                    }
                    (self.profile.abort, false)
                }
                Phase::Flapping if !life.exists => (self.profile.abort, false),
                Phase::Flapping => (anywhere, true),
                Phase::Life { stage, .. } => match life.stage(stage) {
                    _ if !life.exists => (self.profile.abort, false),
                    Some(stage) if stage.momentary => (self.profile.crash, true),
                    Some(stage) if stage.running => (life.stop, true),
                    _ => (anywhere, true),
                },
            };
            alive += u32::from(process);
            stop = Some(stop.map_or(takes, |stop: Interval| stop.joined(takes)));
        }
        (stop.unwrap_or(Interval::NOW), alive)
    }

    /// A worker is done with its slot, and rests.
    pub(super) fn worker_done(&self, state: &mut State, index: usize) {
        let delay = self.policy(state).delay;
        if let Some(slot) = state.slots.get_mut(index) {
            slot.work = Work::Idle;
            for task in &mut slot.tasks {
                task.awaited = false;
            }
        }
        if let Some(updater) = &mut state.updater
            && delay > 0
        {
            updater.resting.push(Interval::exactly(delay));
        }
    }

    /// The task that a worker waited for is RUNNING.
    pub(super) fn came_up(&self, state: &mut State, slot: usize, task: usize) {
        if self.policy(state).order == Order::StartFirst
            && let Some(held) = state.slots.get_mut(slot)
        {
            let mut others = Vec::new();
            let mut kept = Vec::new();
            for (number, other) in held.tasks.drain(..).enumerate() {
                if number == task || other.fresh {
                    kept.push(other);
                } else {
                    others.push(other);
                }
            }
            held.tasks = kept;
            let (stop, alive) = self.told_to_stop(state, &others);
            state.leaving.extend((0..alive).map(|_| stop));
        }
        self.worker_done(state, slot);
    }

    /// The updater looks at one failure.
    pub(super) fn look_at_failure(&self, mut state: State, ways: &mut Ways) -> Vec<State> {
        let policy = self.policy(&state);
        let Some(updater) = &mut state.updater else {
            return vec![state];
        };
        let Some(age) = updater.unread.pop() else {
            return vec![state];
        };
        let limit = match updater.part {
            _ if !self.keeps(Rule::MonitorLimit) => Millis::MAX,
            Part::Monitoring { .. } => policy.monitored_at_the_end(),
            _ => policy.monitored(),
        };
        let counts = age.is_none_or(|age| age.least <= limit);
        let passes = age.is_some_and(|age| age.most > limit);
        if counts && passes {
            ways.races.insert(Race::InsideOrOutsideMonitor);
        }
        let mut next = Vec::new();
        if passes {
            next.push(state.clone());
        }
        if counts {
            next.extend(self.failure_counts(state, &policy));
        }
        next
    }

    pub(super) fn failure_counts(&self, mut state: State, policy: &Policy) -> Vec<State> {
        let Some(updater) = &mut state.updater else {
            return vec![state];
        };
        updater.failures = updater.failures.saturating_add(1);
        let share = u32::from(updater.failures).saturating_mul(1_000);
        let tolerated = policy
            .max_failure_ratio
            .saturating_mul(u32::from(updater.dirty));
        if share <= tolerated && self.keeps(Rule::FailureRatio) {
            return vec![state];
        }
        let rolls_back = updater.rolls_back;
        updater.stopped = true;
        updater.unread.clear();
        updater.part = Part::Waiting;
        match (state.status, policy.on_failure) {
            // The state was dropped by another deploy of the same: none is written any more.
            (Status::None, _) | (_, FailureAction::Continue) => vec![state],
            (_, FailureAction::Pause) if !rolls_back => {
                state.status = Status::Paused;
                self.refilled(state)
            }
            (_, FailureAction::Pause) => {
                state.status = Status::RollbackPaused;
                self.refilled(state)
            }
            (_, FailureAction::Rollback) if rolls_back => {
                state.status = Status::RollbackPaused;
                self.refilled(state)
            }
            (_, FailureAction::Rollback) => self.roll_back(state),
        }
    }

    /// An updater starts, where slots differ.
    pub(super) fn update(&self, mut state: State) -> Vec<State> {
        if matches!(state.status, Status::Paused | Status::RollbackPaused) {
            return vec![state];
        }
        let version = self.version(state.service);
        let mut dirty = 0_u8;
        for slot in &mut state.slots {
            slot.abandoned(&mut state.leaving);
            slot.forget();
            let clean =
                slot.tasks.len() == 1 && slot.tasks.iter().all(|task| task.version == version);
            if !clean {
                slot.work = Work::Queued;
                dirty = dirty.saturating_add(1);
            }
        }
        if dirty == 0 {
            state.updater = None;
            return match state.status {
                Status::Updating | Status::RollingBack => self.complete(state),
                _ => vec![state],
            };
        }
        if state.status == Status::None {
            state.status = Status::Updating;
        }
        let rolls_back = state.status == Status::RollingBack;
        let policy = self.policy_of(state.service, rolls_back);
        let workers = match policy.parallelism {
            0 => u32::from(dirty),
            some => some.min(u32::from(dirty)),
        };
        state.updater = Some(Updater {
            rolls_back,
            workers: small_count(workers),
            dirty,
            failures: 0,
            unread: Vec::new(),
            resting: Vec::new(),
            part: Part::HandingOut,
            stopped: false,
        });
        vec![state]
    }

    /// The update is declared completed; what is left over is looked at again.
    pub(super) fn complete(&self, mut state: State) -> Vec<State> {
        state.updater = None;
        state.status = match state.status {
            Status::None => {
                for slot in &mut state.slots {
                    slot.forget();
                }
                return vec![state];
            }
            Status::RollingBack => Status::RolledBack,
            _ => Status::Completed,
        };
        if !self.keeps(Rule::CompletedIsLookedAtAgain) {
            state.slots.iter_mut().for_each(Slot::forget);
            return self.refilled(state);
        }
        self.reconcile(state)
    }
}
