//! nginx in front of a service: whether requests are lost while what is behind it is replaced.
//!
//! Computed from when each listener closes and opens, when the configuration is loaded, and the
//! pool's options. Where a request that cannot be sent twice races with a process's end, or an idle
//! connection with its closing, nothing decides: the verdict is maybe, with the reason.

mod pool;
mod resolver;
mod switch;

pub use pool::{Answers, Pool, Retry, Server};
pub use resolver::{Change, Name, Resolution};
pub use switch::Switch;

use super::interval::Millis;
use std::fmt;

/// Whether requests are lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// None is.
    Kept,
    /// Some are, and why.
    Lost(Reason),
    /// Some may be, and why.
    Maybe(Reason),
}

/// Why requests are lost, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No server of the pool accepts, or nginx holds that none does.
    NoServer,
    /// The time for which a failed server is passed over may reach to the next one's end.
    MarksMayMeet,
    /// A failed request is not tried with the next server.
    NoRetry,
    /// A server answers with an error that is passed on.
    ErrorPassedOn,
    /// A request that may not be sent twice is at a process that ends.
    CutWhileSent,
    /// A request that may not be sent twice meets an error that others are retried for.
    NotRetried,
    /// Nothing answers in time.
    TimedOut,
    /// A reload closes an idle connection of a client that is about to use it.
    ClientKeepalive,
    /// The old side is stopped while nginx still sends it requests.
    StoppedTooEarly,
    /// The new side does not listen yet.
    NotListening,
    /// The new configuration was refused, and the old side stopped all the same.
    ReloadRefused,
    /// Old workers are made to end before their requests do.
    WorkersCut,
    /// An address that is gone is still used.
    StaleAddress,
    /// The name does not resolve.
    NoAddress,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoServer => {
                "no server is left: set max_fails=0, or wait longer than fail_timeout"
            }
            Self::MarksMayMeet => {
                "a failed server may be passed over until the next one ends: \
                                   wait fail_timeout and a second more"
            }
            Self::NoRetry => "proxy_next_upstream is off",
            Self::ErrorPassedOn => "an error is answered, and proxy_next_upstream does not name it",
            Self::CutWhileSent => {
                "a POST may be at a process that ends: let it finish what it has \
                                   accepted, or allow non_idempotent"
            }
            Self::NotRetried => "a POST is not tried again: allow non_idempotent",
            Self::TimedOut => "a server does not answer in time",
            Self::ClientKeepalive => {
                "a reload may close a client's idle connection under its next \
                                      request: keepalive_min_timeout"
            }
            Self::StoppedTooEarly => {
                "the old side stops while old workers still send to it: wait \
                                      for them to end"
            }
            Self::NotListening => "the new side is switched to before it listens",
            Self::ReloadRefused => "the reload was refused, and the old side stopped all the same",
            Self::WorkersCut => "worker_shutdown_timeout is shorter than the longest request",
            Self::StaleAddress => "an address is used after it is gone: resolve again in time",
            Self::NoAddress => "the name does not resolve",
        })
    }
}

/// The requests that come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// This many clients at once.
    pub clients: u32,
    /// A client's wait between two requests.
    pub pause: Millis,
    /// How long a request takes.
    pub work: Millis,
    /// Of a hundred requests, those that may not be sent twice.
    pub posts: u32,
    /// Clients use a connection again.
    pub keepalive: bool,
    /// A client gives up after this long.
    pub patience: Millis,
    /// No request comes after it.
    pub until: Millis,
}

impl Load {
    /// How many requests that may not be sent twice one of so many servers has, in thousandths.
    fn posts_at(&self, servers: u32) -> u32 {
        let cycle = self.work.saturating_add(self.pause).max(1);
        let at_once = self.clients.saturating_mul(1_000).saturating_mul(self.work) / cycle;
        at_once.saturating_mul(self.posts) / 100 / servers.max(1)
    }
}

/// The worse of several verdicts.
fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Verdict {
    let mut worst = Verdict::Kept;
    for verdict in verdicts {
        match (&worst, &verdict) {
            (Verdict::Lost(_), _) | (_, Verdict::Kept) | (Verdict::Maybe(_), Verdict::Maybe(_)) => {
            }
            _ => worst = verdict,
        }
    }
    worst
}
