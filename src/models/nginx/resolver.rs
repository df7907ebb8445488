//! A name in `proxy_pass`: when nginx notices that it leads elsewhere.

use super::{Load, Reason, Verdict, worst};
use crate::models::interval::{Interval, Millis};

/// A name, and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// When nginx asks for it.
    pub resolution: Resolution,
    /// When it leads elsewhere.
    pub changes: Vec<Change>,
    /// When what it led to was gone.
    pub old_gone: Option<Millis>,
    /// When the configuration was loaded again, and whether nginx took it.
    pub reloads: Vec<(Millis, bool)>,
    /// It does not resolve in these times.
    pub unknown: Vec<Interval>,
    /// The server of names does not answer in these times.
    pub silent: Vec<Interval>,
    /// How long nginx waits for an answer.
    pub timeout: Millis,
}

/// When nginx asks for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// When it loads its configuration.
    AtStart,
    /// When a request needs it and its last answer is older than this.
    Every(Millis),
    /// Never: there is no `resolver`.
    Never,
    /// It is a pool's.
    Pool,
}

/// When a name leads elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// From then on.
    pub at: Millis,
    /// To the old address too.
    pub both: bool,
}

/// Answers are kept by whole seconds.
const SECOND: Millis = 1_000;

impl Name {
    /// Whether requests are lost.
    pub fn verdict(&self, load: &Load) -> Verdict {
        match self.resolution {
            Resolution::Never => Verdict::Lost(Reason::NoAddress),
            Resolution::Pool => Verdict::Kept,
            Resolution::AtStart => worst([self.read_once(load), self.posts(load)]),
            Resolution::Every(kept) => worst([
                self.stale(kept, load),
                self.unresolved(kept),
                self.posts(load),
            ]),
        }
    }

    /// Read with the configuration: a reload between the move and the end makes it right.
    fn read_once(&self, load: &Load) -> Verdict {
        let Some(gone) = self.old_gone.filter(|gone| *gone < load.until) else {
            return Verdict::Kept;
        };
        let moved = self.changes.last().map(|change| change.at);
        let in_time = self
            .reloads
            .iter()
            .any(|(at, taken)| *taken && *at < gone && moved.is_some_and(|moved| moved <= *at));
        if in_time {
            Verdict::Kept
        } else {
            Verdict::Lost(Reason::StaleAddress)
        }
    }

    /// Whether the old address may still be used when it is gone. The first answer is of the first
    /// request, so a long-lived one is known to be there still.
    fn stale(&self, kept: Millis, load: &Load) -> Verdict {
        let Some(gone) = self.old_gone.filter(|gone| *gone < load.until) else {
            return Verdict::Kept;
        };
        // While both are known, the one that is gone is tried and the other one follows.
        let Some(change) = self.changes.first() else {
            return Verdict::Lost(Reason::StaleAddress);
        };
        let noticed = change.at.saturating_add(kept).saturating_add(SECOND);
        if gone >= noticed {
            Verdict::Kept
        } else if kept >= gone.max(SECOND) {
            Verdict::Lost(Reason::StaleAddress)
        } else {
            Verdict::Maybe(Reason::StaleAddress)
        }
    }

    fn unresolved(&self, kept: Millis) -> Verdict {
        let lost = |time: &Interval, patience: Millis| {
            let lasts = time.most.saturating_sub(time.least);
            let covered = kept.saturating_add(patience);
            if lasts >= covered.saturating_add(SECOND) {
                Verdict::Lost(Reason::NoAddress)
            } else if lasts >= patience {
                Verdict::Maybe(Reason::NoAddress)
            } else {
                Verdict::Kept
            }
        };
        let unknown = self.unknown.iter().map(|time| lost(time, 0));
        let silent = self.silent.iter().map(|time| lost(time, self.timeout));
        worst(unknown.chain(silent))
    }

    /// A request that may not be sent twice, at a process that ends.
    fn posts(&self, load: &Load) -> Verdict {
        let ends = self.old_gone.is_some_and(|gone| gone < load.until);
        if load.posts > 0 && ends {
            Verdict::Maybe(Reason::CutWhileSent)
        } else {
            Verdict::Kept
        }
    }
}
