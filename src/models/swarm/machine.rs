//! A scenario, prepared, and what comes of a time that is up. What the updater does is in `updater`,
//! what becomes of tasks in `tasks`, what the orchestrator does around both in `orchestrator`.

use super::life::Life;
use super::profile::Profile;
use super::state::{Part, Phase, Slot, State, Status, Task, Work};
use super::{Action, Policy, Room, Rule, Scenario, Service};
use crate::models::interval::{Interval, Millis};
use crate::models::prediction::Race;
use std::collections::BTreeSet;

/// A scenario, prepared.
pub(super) struct Machine<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) services: Vec<&'a Service>,
    /// The version of each service's tasks.
    pub(super) versions: Vec<u8>,
    pub(super) lives: Vec<Life>,
    /// What each step deploys; nothing where it is a rollback.
    pub(super) deploys: Vec<Option<u8>>,
    pub(super) profile: Profile,
    without: Option<Rule>,
}

/// Something that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    Task { slot: usize, task: usize },
    Rejection { slot: usize, task: usize },
    Held { slot: usize },
    Leaving(usize),
    Resting(usize),
    Monitor,
    Step,
    Watch,
}

/// The states that may follow, and what decided between them.
#[derive(Default)]
pub(super) struct Ways {
    pub(super) states: Vec<State>,
    pub(super) races: BTreeSet<Race>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(scenario: &'a Scenario, profile: &Profile, without: Option<Rule>) -> Self {
        let mut machine = Self {
            scenario,
            services: Vec::new(),
            versions: Vec::new(),
            lives: Vec::new(),
            deploys: Vec::new(),
            profile: *profile,
            without,
        };
        machine.add(&scenario.before);
        for step in &scenario.steps {
            let deploys = match &step.action {
                Action::Deploy(service) => Some(machine.add(service)),
                Action::Rollback => None,
            };
            machine.deploys.push(deploys);
        }
        machine
    }

    /// Whether the engine has a rule.
    pub(super) fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// What limits the tasks.
    pub(super) fn room(&self) -> Option<Room> {
        self.scenario.room.filter(|_| self.keeps(Rule::Places))
    }

    /// The number of a service, old or new.
    fn add(&mut self, service: &'a Service) -> u8 {
        let known = self.services.iter().position(|other| *other == service);
        let index = known.unwrap_or_else(|| {
            let same = |other: &&Service| other.task.revision == service.task.revision;
            let version = if let Some(same) = self.services.iter().position(same) {
                self.versions.get(same).copied().unwrap_or_default()
            } else {
                self.lives.push(Life::of(&service.task, &self.profile));
                small(self.lives.len().saturating_sub(1))
            };
            self.services.push(service);
            self.versions.push(version);
            self.services.len().saturating_sub(1)
        });
        small(index)
    }

    /// Where everything begins.
    pub(super) fn initial(&self) -> State {
        let before = &self.scenario.before;
        let room = self.room().map_or(u32::MAX, |room| room.places);
        let slots = (0..before.replicas).map(|number| {
            let mut task = Task::new(0, Phase::Flapping);
            if self.scenario.up {
                task = self.settled();
            }
            if number >= room {
                task = Task::new(0, Phase::Pending);
            }
            Slot {
                work: Work::Idle,
                tasks: vec![task],
            }
        });
        State {
            slots: slots.collect(),
            leaving: Vec::new(),
            updater: None,
            service: 0,
            previous: None,
            status: Status::None,
            step: 0,
            step_in: self.step_after(0, Interval::NOW),
            watched: Interval::NEVER,
            over: false,
            bet: false,
        }
    }

    /// A task of the version before, up for an unknown time.
    fn settled(&self) -> Task {
        let life = self.lives.first();
        let stage = life.and_then(Life::settled).unwrap_or_default();
        let mut task = Task::new(0, Phase::Life { stage, end: 0 });
        let ends = life.and_then(|life| life.stage(stage));
        if let Some(end) = ends.and_then(|stage| stage.ends.first()) {
            task.clock = Interval::new(0, end.after.most);
        }
        task
    }

    /// How long after a step the next one comes: the client takes its time.
    pub(super) fn step_after(&self, step: u8, last: Interval) -> Interval {
        const CLIENT: Interval = Interval::new(0, 600);
        match self.scenario.steps.get(usize::from(step)) {
            Some(next) => next.at.since(last).plus(CLIENT),
            None => Interval::NEVER,
        }
    }

    /// Everything that takes time, and how long.
    pub(super) fn timers(state: &State) -> Vec<(Timer, Interval)> {
        let mut timers = vec![(Timer::Step, state.step_in), (Timer::Watch, state.watched)];
        for (slot, held) in state.slots.iter().enumerate() {
            if let Work::Held { clock, .. } = held.work {
                timers.push((Timer::Held { slot }, clock));
            }
            for (task, held) in held.tasks.iter().enumerate() {
                timers.push((Timer::Task { slot, task }, held.clock));
                timers.push((Timer::Rejection { slot, task }, held.rejected_in));
            }
        }
        for (index, clock) in state.leaving.iter().enumerate() {
            timers.push((Timer::Leaving(index), *clock));
        }
        if let Some(updater) = &state.updater {
            for (index, clock) in updater.resting.iter().enumerate() {
                timers.push((Timer::Resting(index), *clock));
            }
            if let Part::Monitoring { clock } = updater.part {
                timers.push((Timer::Monitor, clock));
            }
        }
        timers.retain(|(_, clock)| *clock != Interval::NEVER);
        timers
    }

    /// How many are counted as serving, how many of them listen, and how many have a process.
    pub(super) fn counts(&self, state: &State) -> (u32, u32, u32) {
        let (mut serving, mut listening) = (0, 0);
        let mut alive = u32::try_from(state.leaving.len()).unwrap_or(u32::MAX);
        for slot in &state.slots {
            if let Work::Held { alive: held, .. } = slot.work {
                alive += u32::from(held);
            }
            for task in &slot.tasks {
                let life = self.lives.get(usize::from(task.version));
                match task.phase {
                    Phase::Pending | Phase::Waiting => {}
                    Phase::Behind { alive: behind, .. } => alive += u32::from(behind),
                    Phase::Flapping => alive += u32::from(life.is_some_and(|life| life.exists)),
                    Phase::Life { stage, .. } => {
                        let Some(stage) = life.and_then(|life| life.stage(stage)) else {
                            continue;
                        };
                        let exists = life.is_some_and(|life| life.exists);
                        serving += u32::from(stage.running);
                        listening += u32::from(stage.running && stage.listening);
                        alive += u32::from(stage.alive && exists);
                    }
                }
            }
        }
        (serving, listening, alive)
    }
}

impl Machine<'_> {
    /// How many serve of each version.
    pub(super) fn by_version(&self, state: &State) -> Vec<u32> {
        let mut serving = vec![0_u32; self.lives.len()];
        for task in state.slots.iter().flat_map(|slot| &slot.tasks) {
            if self.runs(task)
                && let Some(count) = serving.get_mut(usize::from(task.version))
            {
                *count += 1;
            }
        }
        serving
    }

    /// What may come of a time that is up.
    pub(super) fn fire(&self, mut state: State, timer: Timer, ways: &mut Ways) {
        let next = match timer {
            Timer::Watch => {
                state.over = true;
                ways.states.push(state);
                return;
            }
            Timer::Step => self.step(state),
            Timer::Monitor => self.complete(state),
            Timer::Resting(index) => {
                if let Some(updater) = &mut state.updater {
                    updater.resting.remove(index);
                }
                vec![state]
            }
            Timer::Leaving(index) => {
                state.leaving.remove(index);
                vec![state]
            }
            Timer::Held { slot } => {
                self.worker_done(&mut state, slot);
                vec![state]
            }
            Timer::Rejection { slot, task } => self.fail(state, slot, task),
            Timer::Task { slot, task } => self.task_changes(state, slot, task, ways),
        };
        self.settle(next, ways);
    }

    /// Lets everything happen that takes no time.
    pub(super) fn settle(&self, states: Vec<State>, ways: &mut Ways) {
        let mut open = states;
        while let Some(state) = open.pop() {
            if let Err(next) = self.urgent(state, ways) {
                open.extend(next);
            }
        }
    }

    /// One thing that takes no time, or the state where there is none.
    pub(super) fn urgent(&self, mut state: State, ways: &mut Ways) -> Result<(), Vec<State>> {
        if let Some(next) = self.place(&state, ways) {
            return Err(next);
        }
        let busy = state.slots.iter().filter(|slot| slot.is_busy()).count();
        if let Some(updater) = &mut state.updater {
            let idle = usize::from(updater.workers) > busy + updater.resting.len();
            let queued = state.slots.iter().any(|slot| slot.work == Work::Queued);
            match updater.part {
                Part::HandingOut if updater.stopped || !queued => {
                    updater.part = Part::Waiting;
                    return Err(vec![state]);
                }
                Part::HandingOut => {
                    let failed = !updater.unread.is_empty();
                    if failed && idle {
                        ways.races.insert(Race::NextSlotOrFailure);
                    }
                    let mut next = Vec::new();
                    if idle && (!failed || self.keeps(Rule::FailureOrNextSlot)) {
                        next.extend(self.hand_out(&state));
                    }
                    if failed {
                        next.extend(self.look_at_failure(state.clone(), ways));
                    }
                    if !next.is_empty() {
                        return Err(next);
                    }
                }
                Part::Waiting
                    if !updater.unread.is_empty()
                        && !self.keeps(Rule::FailuresWaitForTheLastSlots) =>
                {
                    return Err(self.look_at_failure(state, ways));
                }
                Part::Waiting if busy == 0 && updater.resting.is_empty() => {
                    if updater.stopped {
                        state.updater = None;
                        for slot in &mut state.slots {
                            slot.forget();
                        }
                        return Err(vec![state]);
                    }
                    let clock = Interval::exactly(self.policy(&state).monitored_at_the_end());
                    if let Some(updater) = &mut state.updater {
                        updater.part = Part::Monitoring { clock };
                    }
                    return Err(vec![state]);
                }
                Part::Monitoring { .. } if !updater.unread.is_empty() => {
                    return Err(self.look_at_failure(state, ways));
                }
                Part::Waiting | Part::Monitoring { .. } => {}
            }
        }
        if !state.bet {
            self.watch(&mut state);
            ways.states.push(state);
        }
        Ok(())
    }

    /// Whether every step is done and what it began is declared to have ended.
    pub(super) fn has_ended(&self, state: &State) -> bool {
        let all_done = usize::from(state.step) >= self.scenario.steps.len();
        let ended = match state.status {
            Status::None => state.updater.is_none(),
            Status::Updating | Status::RollingBack => false,
            _ => true,
        };
        all_done && ended
    }

    /// Begins to count the time that is looked at.
    pub(super) fn watch(&self, state: &mut State) {
        const SLACK: Millis = 600;
        let Some(watched) = self.scenario.watched else {
            return;
        };
        if self.has_ended(state) && state.watched == Interval::NEVER {
            state.watched = Interval::new(watched, watched.saturating_add(SLACK));
        }
    }

    /// Gives a free place to a task that waits for one.
    pub(super) fn place(&self, state: &State, ways: &mut Ways) -> Option<Vec<State>> {
        let room = self.room()?;
        if state.taken(room) >= room.places {
            return None;
        }
        let mut next = Vec::new();
        let mut kinds = BTreeSet::new();
        for (slot, held) in state.slots.iter().enumerate() {
            for (task, waiting) in held.tasks.iter().enumerate() {
                if waiting.phase == Phase::Pending && kinds.insert((held.work, waiting.version)) {
                    for started in self.entered(waiting.clone(), 0) {
                        next.push(state.clone().with_task(slot, task, started));
                    }
                }
            }
        }
        if kinds.len() > 1 {
            ways.races.insert(Race::OnePlace);
        }
        (!next.is_empty()).then_some(next)
    }

    /// A task in a stage of its life, once for each way in which it may end.
    pub(super) fn entered(&self, mut task: Task, stage: u8) -> Vec<Task> {
        task.rejected_in = Interval::NEVER;
        task.clock = Interval::NEVER;
        task.phase = Phase::Life { stage, end: 0 };
        let life = self.lives.get(usize::from(task.version));
        let ends = life.and_then(|life| life.stage(stage));
        let ends = ends.map_or(&[][..], |stage| &stage.ends);
        if ends.is_empty() {
            return vec![task];
        }
        let tasks = ends.iter().enumerate().map(|(end, how)| Task {
            phase: Phase::Life {
                stage,
                end: small(end),
            },
            clock: how.after,
            ..task.clone()
        });
        tasks.collect()
    }

    pub(super) fn version(&self, service: u8) -> u8 {
        let version = self.versions.get(usize::from(service));
        version.copied().unwrap_or_default()
    }

    /// The policy of the updater that runs.
    pub(super) fn policy(&self, state: &State) -> Policy {
        let rolls_back = state
            .updater
            .as_ref()
            .is_some_and(|updater| updater.rolls_back);
        *self.policy_of(state.service, rolls_back)
    }

    pub(super) fn policy_of(&self, service: u8, rolls_back: bool) -> &Policy {
        match self.services.get(usize::from(service)) {
            Some(service) if rolls_back && self.keeps(Rule::RollbackHasItsOwnPolicy) => {
                &service.rollback
            }
            Some(service) => &service.update,
            None => &Policy::DEFAULT,
        }
    }

    /// The next step is done.
    pub(super) fn step(&self, mut state: State) -> Vec<State> {
        let done = usize::from(state.step);
        let step = self.scenario.steps.get(done);
        let at = step.map_or(Interval::NOW, |step| step.at);
        state.step = state.step.saturating_add(1);
        state.step_in = self.step_after(state.step, at);
        let Some(service) = self.deploys.get(done).copied().flatten() else {
            return self.roll_back(state);
        };
        let same = service == state.service;
        state.previous = Some(state.service);
        state.service = service;
        let status = state.status;
        state.status = Status::None;
        if same && state.updater.is_some() && !self.keeps(Rule::SameAgainDropsTheState) {
            state.status = status;
            return vec![state];
        }
        if same && state.updater.is_some() {
            // "There's already an update working towards this goal."
            return vec![state];
        }
        state.updater = None;
        self.scaled(state)
    }
}

pub(super) fn small(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(u8::MAX)
}

pub(super) fn small_count(count: u32) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}
