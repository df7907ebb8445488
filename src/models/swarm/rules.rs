//! The rules of the model that can be left out: to show that each is needed.

/// A rule of the orchestrator. [`super::predict`] keeps them all; [`super::predict_without`] leaves one out, and
/// then a recording or a property does not hold any more (`tests/rollouts.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Start-first, an old task is told to stop when the new one is RUNNING, not before.
    OldServesUntilNewRuns,
    /// Stop-first, the new task starts when the old one has stopped.
    NewWaitsForOld,
    /// Stop-first, the new task starts a minute after the old one was told to stop, stopped or not.
    OldTaskTimeout,
    /// A task that fails before RUNNING frees its worker as it reports: either comes first.
    FailureOrNextSlot,
    /// Nobody looks at a failure while the last slots are at work or in their delay.
    FailuresWaitForTheLastSlots,
    /// A failure counts for the monitor time after RUNNING, and no longer.
    MonitorLimit,
    /// So many failures are tolerated as `max_failure_ratio` of the slots that differed.
    FailureRatio,
    /// What is declared completed is looked at again: slots that hold two tasks lose one.
    CompletedIsLookedAtAgain,
    /// A slot that holds a task of this version, whatever its state, loses its others at once.
    TaskOfThisVersionIsKept,
    /// A rollback has its own policy, and stops first where none is written.
    RollbackHasItsOwnPolicy,
    /// The same deployed again while it is updated drops the update's state.
    SameAgainDropsTheState,
    /// Slots that a deploy adds come at once, beside the update.
    AddedSlotsComeAtOnce,
    /// A task needs a place.
    Places,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::OldServesUntilNewRuns,
        Self::NewWaitsForOld,
        Self::OldTaskTimeout,
        Self::FailureOrNextSlot,
        Self::FailuresWaitForTheLastSlots,
        Self::MonitorLimit,
        Self::FailureRatio,
        Self::CompletedIsLookedAtAgain,
        Self::TaskOfThisVersionIsKept,
        Self::RollbackHasItsOwnPolicy,
        Self::SameAgainDropsTheState,
        Self::AddedSlotsComeAtOnce,
        Self::Places,
    ];
}
