//! What a model says of a scenario.

use super::interval::Interval;
use std::collections::BTreeSet;
use std::fmt;

/// How an update may end, or where it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// There was nothing to update, or its state was dropped.
    Nothing,
    /// It goes on for ever.
    Updating,
    /// The new version is declared to be everywhere.
    Completed,
    /// It stopped half-way.
    Paused,
    /// The way back goes on for ever.
    RollingBack,
    /// The old version is declared to be everywhere.
    RolledBack,
    /// The way back stopped half-way.
    RollbackPaused,
    /// It goes on, and is reported to have failed: `ProgressDeadlineExceeded`.
    DeadlineExceeded,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "none",
            Self::Updating => "updating",
            Self::Completed => "completed",
            Self::Paused => "paused",
            Self::RollingBack => "rollback_started",
            Self::RolledBack => "rollback_completed",
            Self::RollbackPaused => "rollback_paused",
            Self::DeadlineExceeded => "deadline_exceeded",
        })
    }
}

/// What may be seen of a scenario. Nothing beyond these bounds can happen within the latencies
/// that were assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prediction {
    /// The fewest instances that the orchestrator counts as serving, at the worst moment of the
    /// worst way.
    pub least_serving: u32,
    /// The same at the worst moment of the best way: where it is more, timing or chance decides.
    pub best_least_serving: u32,
    /// The fewest of those that listen too.
    pub least_listening: u32,
    /// The most instances with a process at one time.
    pub most_alive: u32,
    /// Those, with instances that were told to go and that the orchestrator does not count.
    pub most_with_terminating: Option<u32>,
    /// How it may end.
    pub outcomes: BTreeSet<Outcome>,
    /// What decides between several ends, beyond the order of slots.
    pub races: BTreeSet<Race>,
    /// From the beginning to the declared end, where the model knows it.
    pub duration: Option<Interval>,
    /// From the beginning to where the update, or what follows it, is declared to have ended: on the shortest and on the
    /// longest way. The longest has no bound where it may go on for ever; nothing where the search does not tell.
    pub ends_within: Option<Interval>,
    /// How long both versions serve on the way there, at least and at most.
    pub side_by_side: Option<Interval>,
    /// The shortest way to the fewest serving.
    pub worst: Vec<Moment>,
    /// From there the shortest way to an end; nothing where the model has none.
    pub after: Vec<Moment>,
    /// How many states were looked at; 0 where a closed form answered.
    pub states: usize,
    /// Whether the search was cut off: then it shows nothing.
    pub complete: bool,
}

impl Prediction {
    /// One whole way: to the worst moment, and on to an end.
    pub fn way(&self) -> impl Iterator<Item = &Moment> + Clone {
        self.worst.iter().chain(&self.after)
    }

    /// An old instance ends by itself at the worst moment, where one is left.
    pub fn lose_one(&mut self) {
        self.after.clear();
        let last = self.worst.last().filter(|moment| moment.serving > 0);
        self.worst.extend(last.cloned().map(|mut moment| {
            "an old instance ends by itself".clone_into(&mut moment.event);
            moment.serving = moment.serving.saturating_sub(1);
            if let Some(old) = moment.by_version.iter_mut().find(|count| **count > 0) {
                *old -= 1;
            }
            moment
        }));
    }
}

/// What may go either way within an orchestrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Race {
    /// A task that fails before RUNNING frees its worker and reports at the same time: the next
    /// slot may start before the failure is looked at.
    NextSlotOrFailure,
    /// A failure may be looked at within the monitor time or after it.
    InsideOrOutsideMonitor,
    /// A task that is killed while starting and exits with 0 may show RUNNING for a moment.
    RunningForAMoment,
    /// Two tasks want one place.
    OnePlace,
}

impl fmt::Display for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NextSlotOrFailure => "next slot or failure first",
            Self::InsideOrOutsideMonitor => "failure inside or outside the monitor time",
            Self::RunningForAMoment => "running for a moment",
            Self::OnePlace => "two tasks for one place",
        })
    }
}

/// A moment of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When, at the earliest and at the latest; nothing where the model has no clock.
    pub at: Option<Interval>,
    /// What happened.
    pub event: String,
    /// How many serve from then on.
    pub serving: u32,
    /// How many of each version: of the first, that was there before, and of those that followed.
    pub by_version: Vec<u32>,
}

impl Moment {
    /// In a line, of so many instances: `t=0.6s: 0 of 1 serving, because …`.
    pub fn told(&self, of: u64) -> String {
        let at = self.at.map_or_else(String::new, |at| {
            format!("t={:.1}s: ", f64::from(at.least) / 1_000.0)
        });
        format!(
            "{at}{} of {of} serving, because {}",
            self.serving, self.event
        )
    }
}
