//! Blue/green: an include names the side, and a reload makes nginx read it.

use super::{Load, Reason, Verdict, worst};
use crate::models::interval::Millis;

/// A switch from one side to the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switch {
    /// When nginx was told to reload, and whether it took the configuration.
    pub reloads: Vec<(Millis, bool)>,
    /// When the new side listens.
    pub new_listens: Option<Millis>,
    /// When the old side was stopped, if it was.
    pub old_stopped: Option<Millis>,
    /// The old workers had ended before.
    pub waited: bool,
    /// Old workers are ended after this long.
    pub worker_shutdown_timeout: Option<Millis>,
}

/// A reload returns when the signal is sent; old workers accept for a moment more.
const SIGNAL: Millis = 50;
/// By then new workers have taken over.
const TAKEN_OVER: Millis = 250;

impl Switch {
    /// Whether requests are lost.
    pub fn verdict(&self, load: &Load) -> Verdict {
        let taken = self.reloads.iter().filter(|(_, taken)| *taken);
        let first = taken.clone().map(|(at, _)| *at).next();
        let reloaded = taken.count() > 0;
        worst([
            self.old_side(first, load),
            self.new_side(first),
            self.workers(reloaded, load),
            if load.keepalive && reloaded {
                Verdict::Maybe(Reason::ClientKeepalive)
            } else {
                Verdict::Kept
            },
        ])
    }

    fn old_side(&self, reloaded: Option<Millis>, load: &Load) -> Verdict {
        let Some(stopped) = self.old_stopped.filter(|stopped| *stopped < load.until) else {
            return Verdict::Kept;
        };
        let Some(reloaded) = reloaded else {
            return Verdict::Lost(Reason::ReloadRefused);
        };
        let wait = stopped.saturating_sub(reloaded);
        match wait {
            _ if self.waited => Verdict::Kept,
            wait if wait < SIGNAL => Verdict::Lost(Reason::StoppedTooEarly),
            wait if wait < load.work.saturating_add(TAKEN_OVER) => {
                Verdict::Maybe(Reason::StoppedTooEarly)
            }
            _ => Verdict::Kept,
        }
    }

    fn new_side(&self, reloaded: Option<Millis>) -> Verdict {
        match (reloaded, self.new_listens) {
            (Some(reloaded), Some(listens)) if listens > reloaded.saturating_add(SIGNAL) => {
                Verdict::Lost(Reason::NotListening)
            }
            _ => Verdict::Kept,
        }
    }

    fn workers(&self, reloaded: bool, load: &Load) -> Verdict {
        match self.worker_shutdown_timeout {
            Some(limit) if reloaded && limit < load.work => Verdict::Lost(Reason::WorkersCut),
            _ => Verdict::Kept,
        }
    }
}
