//! A state of a service and its updater: what is counted, and the time that each thing still takes.

use super::{Frees, Room};
use crate::models::interval::{Interval, Millis};

/// Times closer than this are one: it keeps the number of states small, and errs on the safe side.
const STEP: Millis = 100;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) slots: Vec<Slot>,
    /// Containers that were told to stop and that nothing waits for: until each is gone for certain,
    /// since they matter to the most that are alive alone.
    pub(super) leaving: Vec<Interval>,
    pub(super) updater: Option<Updater>,
    /// The service that is stored, and the one stored before.
    pub(super) service: u8,
    pub(super) previous: Option<u8>,
    pub(super) status: Status,
    /// The next step, and the time until then.
    pub(super) step: u8,
    pub(super) step_in: Interval,
    /// The time until nobody looks any more.
    pub(super) watched: Interval,
    pub(super) over: bool,
    /// A restart was taken to come after a rollback that has not begun yet.
    pub(super) bet: bool,
}

/// What `UpdateStatus` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Status {
    None,
    Updating,
    Completed,
    Paused,
    RollingBack,
    RolledBack,
    RollbackPaused,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot {
    pub(super) work: Work,
    /// Tasks that are wanted, with what they wait for.
    pub(super) tasks: Vec<Task>,
}

/// What the updater does with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Work {
    Idle,
    /// It differs, and no worker has it yet.
    Queued,
    /// A worker waits for the task that is its own.
    Busy,
    /// A worker waits for so many that were told to stop.
    Held {
        alive: u8,
        clock: Interval,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Task {
    pub(super) version: u8,
    pub(super) phase: Phase,
    /// Made by the running updater: its failure counts.
    pub(super) tracked: bool,
    /// The one that the slot's worker waits for.
    pub(super) awaited: bool,
    /// Newer than what the updater knows of the slot.
    pub(super) fresh: bool,
    /// Until the phase ends.
    pub(super) clock: Interval,
    /// Until it is rejected, while it waits for another to stop.
    pub(super) rejected_in: Interval,
    /// Since RUNNING.
    pub(super) age: Option<Interval>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Phase {
    /// There is no room for it.
    Pending,
    /// It starts when the one before it has stopped, or no longer counts.
    Behind { alive: bool },
    /// It starts after the restart delay; for ever where the updater lost it.
    Waiting,
    /// A stage of its life, and how it will end.
    Life { stage: u8, end: u8 },
    /// It starts and ends again and again.
    Flapping,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Updater {
    pub(super) rolls_back: bool,
    pub(super) workers: u8,
    /// Slots that differed at the start.
    pub(super) dirty: u8,
    pub(super) failures: u8,
    /// Failures that were not looked at: the time since RUNNING.
    pub(super) unread: Vec<Option<Interval>>,
    /// Workers in their delay.
    pub(super) resting: Vec<Interval>,
    pub(super) part: Part,
    pub(super) stopped: bool,
}

/// Where an updater is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// It waits for a worker to take the next slot.
    HandingOut,
    /// It waits for the workers to end.
    Waiting,
    /// It waits for late failures.
    Monitoring { clock: Interval },
}

/// How a clock goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Down,
    Up,
}

impl State {
    /// The state after a wait in which nothing happened.
    pub(super) fn elapsed(mut self, wait: Interval) -> Self {
        self.clocks(&mut |clock, way| {
            *clock = match way {
                Way::Down => clock.after(wait).coarse(STEP),
                Way::Up => clock.plus(wait).coarse(STEP),
            };
        });
        for clock in &mut self.leaving {
            *clock = Interval::exactly(clock.most);
        }
        self
    }

    /// In the one order that stands for all.
    pub(super) fn sorted(mut self) -> Self {
        for slot in &mut self.slots {
            slot.tasks
                .sort_by_cached_key(|task| (task.shape(), task.clone()));
        }
        self.slots
            .sort_by_cached_key(|slot| (slot.shape(), slot.clone()));
        self.leaving.sort_unstable();
        if let Some(updater) = &mut self.updater {
            updater.unread.sort_unstable();
            updater.resting.sort_unstable();
        }
        self
    }

    /// It without its times, and its times.
    pub(super) fn split(&self) -> (Self, Vec<Interval>) {
        let mut shape = self.clone();
        let mut times = Vec::new();
        shape.clocks(&mut |clock, _| {
            times.push(*clock);
            *clock = blank(*clock);
        });
        (shape, times)
    }

    /// It with other times.
    pub(super) fn with_times(mut self, times: &[Interval]) -> Self {
        let mut times = times.iter();
        self.clocks(&mut |clock, _| {
            if let Some(time) = times.next() {
                *clock = *time;
            }
        });
        self
    }

    /// It with another task in one's place.
    pub(super) fn with_task(mut self, slot: usize, task: usize, new: Task) -> Self {
        let slot = self.slots.get_mut(slot);
        if let Some(held) = slot.and_then(|slot| slot.tasks.get_mut(task)) {
            *held = new;
        }
        self
    }

    /// How many places are taken.
    pub(super) fn taken(&self, room: Room) -> u32 {
        let tasks = self.slots.iter().flat_map(|slot| &slot.tasks);
        let placed = tasks.filter(|task| task.phase != Phase::Pending).count();
        let going = match room.frees {
            Frees::WhenTold => 0,
            Frees::WhenStopped => {
                let held = self.slots.iter().map(|slot| match slot.work {
                    Work::Held { alive, .. } => usize::from(alive),
                    _ => 0,
                });
                self.leaving.len() + held.sum::<usize>()
            }
        };
        u32::try_from(placed + going).unwrap_or(u32::MAX)
    }

    fn clocks(&mut self, visit: &mut dyn FnMut(&mut Interval, Way)) {
        for slot in &mut self.slots {
            slot.clocks(visit);
        }
        for clock in &mut self.leaving {
            visit(clock, Way::Down);
        }
        if let Some(updater) = &mut self.updater {
            for age in updater.unread.iter_mut().flatten() {
                visit(age, Way::Up);
            }
            for clock in &mut updater.resting {
                visit(clock, Way::Down);
            }
            if let Part::Monitoring { clock } = &mut updater.part {
                visit(clock, Way::Down);
            }
        }
        visit(&mut self.step_in, Way::Down);
        visit(&mut self.watched, Way::Down);
    }
}

impl Slot {
    /// Whether a worker has it.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.work, Work::Busy | Work::Held { .. })
    }

    /// What an updater knew of it is forgotten.
    pub(super) fn forget(&mut self) {
        self.work = Work::Idle;
        for task in &mut self.tasks {
            task.tracked = false;
            task.awaited = false;
            task.fresh = false;
            task.age = None;
        }
    }

    /// The containers that a worker waited for are nobody's any more.
    pub(super) fn abandoned(&self, leaving: &mut Vec<Interval>) {
        if let Work::Held { alive, clock } = self.work {
            leaving.extend((0..alive).map(|_| clock));
        }
    }

    fn clocks(&mut self, visit: &mut dyn FnMut(&mut Interval, Way)) {
        if let Work::Held { clock, .. } = &mut self.work {
            visit(clock, Way::Down);
        }
        for task in &mut self.tasks {
            task.clocks(visit);
        }
    }

    fn shape(&self) -> Self {
        let mut shape = self.clone();
        shape.clocks(&mut |clock, _| *clock = blank(*clock));
        shape
    }
}

impl Task {
    /// A task of a version that nothing waits for.
    pub(super) fn new(version: u8, phase: Phase) -> Self {
        Self {
            version,
            phase,
            tracked: false,
            awaited: false,
            fresh: false,
            clock: Interval::NEVER,
            rejected_in: Interval::NEVER,
            age: None,
        }
    }

    fn clocks(&mut self, visit: &mut dyn FnMut(&mut Interval, Way)) {
        visit(&mut self.clock, Way::Down);
        visit(&mut self.rejected_in, Way::Down);
        if let Some(age) = &mut self.age {
            visit(age, Way::Up);
        }
    }

    fn shape(&self) -> Self {
        let mut shape = self.clone();
        shape.clocks(&mut |clock, _| *clock = blank(*clock));
        shape
    }
}

/// Whether a clock runs at all is part of the shape.
fn blank(clock: Interval) -> Interval {
    match clock {
        Interval::NEVER => Interval::NEVER,
        _ => Interval::NOW,
    }
}
