//! An `upstream` block: which servers are passed over, and when none is left.

use super::{Load, Reason, Verdict, worst};
use crate::models::interval::{Interval, Millis};
use std::collections::BTreeSet;

/// A pool, and what happens to its servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its servers.
    pub servers: Vec<Server>,
    /// What is tried with the next server.
    pub retry: Retry,
    /// How long a server may take to answer.
    pub read_timeout: Millis,
    /// When the configuration was loaded again: what had failed is forgotten.
    pub reloads: Vec<Millis>,
}

/// A server of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// It is used where no other is left.
    pub backup: bool,
    /// So many failures, and it is passed over; never with 0.
    pub max_fails: u32,
    /// For this long.
    pub fail_timeout: Millis,
    /// It does not accept in these times.
    pub closed: Vec<Interval>,
    /// It answers in its way in these times.
    pub answers: Vec<(Interval, Answers)>,
    /// Its process ends then, with what it has not answered.
    pub cuts: Vec<Millis>,
    /// Its process ends then, after it has answered what it has.
    pub ends: Vec<Millis>,
}

/// What a server does that accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// It answers with this status.
    Status(u16),
    /// It answers nothing.
    Nothing,
}

/// What is tried with the next server: `proxy_next_upstream`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Refused and broken connections, and timeouts.
    pub errors: bool,
    /// Answers of these statuses.
    pub statuses: BTreeSet<u16>,
    /// Requests that may not be sent twice, too.
    pub non_idempotent: bool,
}

impl Default for Retry {
    /// nginx's own.
    fn default() -> Self {
        Self {
            errors: true,
            statuses: BTreeSet::new(),
            non_idempotent: false,
        }
    }
}

/// A window in which a server is not used: for certain, and perhaps.
struct Away {
    certain: Vec<Interval>,
    possible: Vec<Interval>,
}

/// `fail_timeout` is counted in whole seconds.
const SECOND: Millis = 1_000;
/// More requests than this, in thousandths, and one of them is lost for certain.
const MANY: u32 = 3_000;

impl Pool {
    /// Whether requests are lost.
    pub fn verdict(&self, load: &Load) -> Verdict {
        worst([
            self.without_retry(load),
            self.exhausted(load),
            self.errors(load),
            self.silence(load),
            self.cuts(load),
            self.client_connections(load),
        ])
    }

    fn without_retry(&self, load: &Load) -> Verdict {
        let closes = self
            .servers
            .iter()
            .filter(|server| !server.backup)
            .flat_map(|server| &server.closed)
            .any(|closed| closed.least < load.until);
        if closes && !self.retry.errors {
            Verdict::Lost(Reason::NoRetry)
        } else {
            Verdict::Kept
        }
    }

    /// Whether at some time no server is left.
    fn exhausted(&self, load: &Load) -> Verdict {
        let alone = self.servers.len() <= 1;
        let primaries: Vec<Away> = self
            .servers
            .iter()
            .filter(|server| !server.backup)
            .map(|server| self.away(server, alone, None, load))
            .collect();
        let needed = common(primaries.iter().map(|away| &away.possible));
        let backups: Vec<Away> = self
            .servers
            .iter()
            .filter(|server| server.backup)
            .map(|server| self.away(server, alone, Some(&needed), load))
            .collect();
        let all = || primaries.iter().chain(&backups);
        let within = |times: Vec<Interval>| times.iter().any(|time| time.least < load.until);
        if within(common(all().map(|away| &away.certain))) {
            return Verdict::Lost(Reason::NoServer);
        }
        if within(common(all().map(|away| &away.possible))) {
            Verdict::Maybe(Reason::MarksMayMeet)
        } else {
            Verdict::Kept
        }
    }

    /// When a server is not used. A backup is only marked as failed in a time in which it is used.
    fn away(&self, server: &Server, alone: bool, used: Option<&[Interval]>, load: &Load) -> Away {
        // By then each client has sent a request: one of them met the closed server.
        let first_request = load.pause.saturating_add(load.work);
        let mut away = Away {
            certain: Vec::new(),
            possible: Vec::new(),
        };
        for closed in self.unusable(server) {
            away.certain.push(closed);
            away.possible.push(closed);
            let tried = used.is_none_or(|used| used.iter().any(|time| overlap(*time, closed)));
            // The mark of a server that is the only one is not looked at.
            if server.max_fails == 0 || alone || !tried {
                continue;
            }
            let marked = closed.least.saturating_add(server.fail_timeout);
            let again = if closed.most > marked {
                closed.most
            } else {
                closed.least.saturating_add(first_request)
            };
            let latest = again
                .saturating_add(server.fail_timeout)
                .saturating_add(SECOND);
            let forgotten = |until: Millis| {
                let mut reloads = self.reloads.iter().copied();
                let reload = reloads.find(|reload| *reload >= closed.most);
                until.min(reload.unwrap_or(Millis::MAX)).max(closed.most)
            };
            if used.is_none() {
                away.certain
                    .push(Interval::new(closed.least, forgotten(marked)));
            }
            away.possible
                .push(Interval::new(closed.least, forgotten(latest)));
        }
        away
    }

    /// When a server fails those that try it: it does not accept, or answers what is tried again.
    fn unusable(&self, server: &Server) -> Vec<Interval> {
        let answers = server.answers.iter().filter(|(_, answers)| match answers {
            Answers::Status(status) => self.retry.statuses.contains(status),
            Answers::Nothing => false,
        });
        let mut times = server.closed.clone();
        times.extend(answers.map(|(time, _)| *time));
        times
    }

    fn errors(&self, load: &Load) -> Verdict {
        let answers = self.servers.iter().flat_map(|server| &server.answers);
        let verdicts = answers
            .filter(|(time, _)| time.least < load.until)
            .map(|(_, answers)| match answers {
                Answers::Status(status) if !self.retry.statuses.contains(status) => {
                    Verdict::Lost(Reason::ErrorPassedOn)
                }
                Answers::Status(_) if load.posts > 0 && !self.retry.non_idempotent => {
                    Verdict::Maybe(Reason::NotRetried)
                }
                _ => Verdict::Kept,
            });
        worst(verdicts)
    }

    /// Servers that accept and do not answer.
    fn silence(&self, load: &Load) -> Verdict {
        let answers = self.servers.iter().flat_map(|server| &server.answers);
        let verdicts = answers
            .filter(|(time, answers)| *answers == Answers::Nothing && time.least < load.until)
            .map(|(time, _)| {
                let lasts = time.most.saturating_sub(time.least);
                let once = load.posts > 0 && !self.retry.non_idempotent;
                if lasts <= self.read_timeout.min(load.patience) {
                    Verdict::Kept
                } else if self.read_timeout >= load.patience || once || !self.retry.errors {
                    Verdict::Lost(Reason::TimedOut)
                } else {
                    Verdict::Kept
                }
            });
        worst(verdicts)
    }

    /// Requests that are at a process when it ends.
    fn cuts(&self, load: &Load) -> Verdict {
        if load.posts == 0 || self.retry.non_idempotent {
            return Verdict::Kept;
        }
        let primaries = self.servers.iter().filter(|server| !server.backup);
        let count = u32::try_from(primaries.clone().count()).unwrap_or(u32::MAX);
        let before = |times: &[Millis]| times.iter().filter(|time| **time < load.until).count();
        let (mut cuts, mut ends) = (0, 0);
        for server in primaries {
            cuts += before(&server.cuts);
            ends += before(&server.ends);
        }
        let cuts = u32::try_from(cuts).unwrap_or(u32::MAX);
        if load.posts_at(count).saturating_mul(cuts) >= MANY {
            return Verdict::Lost(Reason::CutWhileSent);
        }
        if cuts > 0 || ends > 0 {
            Verdict::Maybe(Reason::CutWhileSent)
        } else {
            Verdict::Kept
        }
    }

    fn client_connections(&self, load: &Load) -> Verdict {
        if load.keepalive && self.reloads.iter().any(|reload| *reload < load.until) {
            Verdict::Maybe(Reason::ClientKeepalive)
        } else {
            Verdict::Kept
        }
    }
}

fn overlap(one: Interval, other: Interval) -> bool {
    one.least < other.most && other.least < one.most
}

/// The times that lie in a window of every one.
fn common<'a>(all: impl Iterator<Item = &'a Vec<Interval>>) -> Vec<Interval> {
    let mut common = vec![Interval::new(0, Millis::MAX)];
    for windows in all {
        let windows = apart(windows);
        let meet = |time: &Interval| {
            let both = |window: &Interval| {
                Interval::new(time.least.max(window.least), time.most.min(window.most))
            };
            let both: Vec<Interval> = windows.iter().map(both).collect();
            both.into_iter().filter(|time| time.least < time.most)
        };
        common = common.iter().flat_map(meet).collect();
    }
    common
}

/// The same times in windows that do not overlap.
fn apart(windows: &[Interval]) -> Vec<Interval> {
    let mut sorted = windows.to_vec();
    sorted.sort_unstable();
    let mut apart: Vec<Interval> = Vec::new();
    for window in sorted {
        match apart.last_mut() {
            Some(last) if window.least <= last.most => last.most = last.most.max(window.most),
            _ => apart.push(window),
        }
    }
    apart
}
