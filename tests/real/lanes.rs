//! The order of the tests. What mostly waits goes in lanes beside each other, each a process of this program in
//! namespaces of its own: lanes share no port, no name and no server, only the processors. What counts requests comes
//! after them, in a lane alone, since what it claims is about time. A test that does not end is ended with its lane.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, ChildStdin, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{scope, spawn};
use std::time::{Duration, Instant};

use crate::{Failure, Test, machine};

/// How long a test may take: thrice what the longest does on two processors.
const BOUND: Duration = Duration::from_secs(15 * 60);

/// The first word of a lane's command line. It reads the names of its tests, one a line, when it is ready for one.
pub(crate) const WORD: &str = "lane";

/// The tests of a control plane and those of an engine, by how their names begin or end, and how many lanes share them.
const KINDS: [(&[&str], usize); 2] = [
    (
        &[
            "::on_a_control_plane",
            "kubernetes::",
            "gateway_api::",
            "tutorial::",
            "hazard::",
        ],
        1,
    ),
    (
        &[
            "::on_a_swarm",
            "deploy::without_room",
            "deploy::what_ends",
            "swarm::",
            "compose::",
        ],
        2,
    ),
];

/// What counts requests that are lost, or the time between some, by a part of its name.
const ALONE: [&str; 7] = [
    "updates::",
    "found::",
    "loses_nothing",
    "lose_nothing",
    "by_hand_some_are_lost",
    "gateway::",
    "a_failing_container_goes_back",
];

#[derive(Clone, Copy, Default)]
pub(crate) struct Outcome {
    passed: usize,
    pub(crate) failed: usize,
    ignored: usize,
}

impl Outcome {
    pub(crate) fn code(&self) -> ExitCode {
        if self.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// What another process wrote.
    fn read(text: &str) -> Option<Self> {
        let mut numbers = text
            .split("; ")
            .map(|part| part.split(' ').next()?.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self {
            passed: next()?,
            failed: next()?,
            ignored: next()?,
        })
    }

    fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            ignored,
        } = self;
        write!(f, "{passed} passed; {failed} failed; {ignored} ignored")
    }
}

/// Consumers whose absence was told.
type Said = Mutex<BTreeSet<String>>;

pub(crate) fn run(tests: Vec<Test>, required: bool) -> Outcome {
    let said = Said::default();
    if !machine::is_isolated() {
        return in_turn(tests, required, &said);
    }
    let mut kinds = KINDS.map(|_| Vec::new());
    let (mut beside, mut alone) = (Vec::new(), Vec::new());
    for test in tests {
        let name = test.name.as_str();
        let is = |part: &&str| name.starts_with(part) || name.ends_with(part);
        match KINDS.iter().position(|(parts, _)| parts.iter().any(is)) {
            Some(kind) => kinds[kind].push(test.name),
            None if ALONE.iter().any(|part| name.contains(part)) => alone.push(test.name),
            None => beside.push(test.name),
        }
    }
    // A lane begins at the end, and these in their order.
    beside.reverse();
    alone.reverse();
    let (kinds, beside, alone) = (kinds.map(Mutex::new), Mutex::new(beside), Mutex::new(alone));
    let shared = KINDS.iter().zip(&kinds);
    let shared = shared.flat_map(|((_, lanes), open)| std::iter::repeat_n(open, *lanes));
    let outcome = scope(|scope| {
        let lanes: Vec<_> = shared
            .chain([&beside])
            .map(|open| scope.spawn(|| lane(open, &said)))
            .collect();
        let ended = lanes.into_iter().map(|lane| lane.join().unwrap());
        ended.fold(Outcome::default(), Outcome::and)
    });
    // In a lane of their own, too: what the others started listens on ports that hosts have services on.
    outcome.and(lane(&alone, &said))
}

/// A lane: takes one test after the other, as long as there are some. One that breaks off is begun anew, and where its engine ended
/// by itself a test is done once more.
fn lane(open: &Mutex<Vec<String>>, said: &Said) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut lane, mut again) = (None, BTreeSet::new());
    // From the end of the list: the longest are there.
    while let Some(name) = { open.lock().unwrap().pop() } {
        let judged = match &mut lane {
            Some(lane) => Lane::judge(lane, &name, said),
            None => Lane::start().and_then(|started| lane.insert(started).judge(&name, said)),
        };
        match judged {
            Ok(judged) => outcome = outcome.and(judged),
            Err(why) if why.starts_with(ENDED) && again.insert(name.clone()) => {
                println!("{why}\n{name} is done once more");
                open.lock().unwrap().push(name);
                lane = None;
            }
            Err(why) => {
                println!("test {name}{FAILED}: its lane broke off: {why}");
                outcome.failed += 1;
                lane = None;
            }
        }
    }
    outcome
}

/// The process of a lane.
struct Lane {
    process: Child,
    /// Closed, it ends.
    asks: Option<ChildStdin>,
    told: Receiver<String>,
}

impl Lane {
    fn start() -> Result<Self, String> {
        let mut lane = machine::apart();
        lane.arg(WORD).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = lane.spawn().map_err(|error| error.to_string())?;
        let (asks, tells) = (process.stdin.take(), process.stdout.take());
        let tells = tells.ok_or("it tells nothing")?;
        let (tell, told) = channel();
        spawn(move || {
            let lines = BufReader::new(tells).lines().map_while(Result::ok);
            lines.map(|line| tell.send(line)).all(|told| told.is_ok())
        });
        Ok(Self {
            process,
            asks,
            told,
        })
    }

    /// Has it do a test. What it tells of it is told in one piece.
    fn judge(&mut self, name: &str, said: &Said) -> Result<Outcome, String> {
        let asks = self.asks.as_mut().ok_or("it was ended")?;
        writeln!(asks, "{name}").map_err(|error| error.to_string())?;
        let (mut told, start) = (String::new(), Instant::now());
        loop {
            let line = match self
                .told
                .recv_timeout(BOUND.saturating_sub(start.elapsed()))
            {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return Err(format!("it ended\n{told}")),
                Err(RecvTimeoutError::Timeout) => {
                    let runs = machine::descendants(self.process.id()).join("\n  ");
                    self.process.kill().map_err(|error| error.to_string())?;
                    let minutes = BOUND.as_secs() / 60;
                    return Err(format!(
                        "not ended after {minutes} minutes, with these running:\n  {runs}\n{told}"
                    ));
                }
            };
            if line.starts_with(ENDED) {
                let rest = self.told.iter().collect::<Vec<_>>().join("\n");
                return Err(format!("{line}\n{rest}"));
            }
            if let Some(outcome) = line.strip_prefix(JUDGED) {
                print!("{told}");
                return Outcome::read(outcome).ok_or(line);
            }
            if is_news(&line, said) {
                told = told + &line + "\n";
            }
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        drop(self.asks.take());
        let _ = self.process.wait();
    }
}

/// What the process of a lane does: each test that it is told the name of.
pub(crate) fn follow(tests: Vec<Test>, required: bool) -> ExitCode {
    let named = tests.into_iter().map(|test| (test.name.clone(), test));
    let mut tests: BTreeMap<String, Test> = named.collect();
    let said = Said::default();
    let mut all = Outcome::default();
    for name in std::io::stdin().lines().map_while(Result::ok) {
        let outcome = in_turn(tests.remove(&name), required, &said);
        if outcome.failed > 0
            && let Some(log) = crate::swarm::ended()
        {
            println!("{ENDED}, and said:\n{log}");
            return ExitCode::FAILURE;
        }
        println!("{JUDGED}{outcome}");
        all = all.and(outcome);
    }
    all.code()
}

/// What a lane's last line of a test begins with.
const JUDGED: &str = "judged: ";

/// And its last line of all, where a test failed and its engine is gone.
const ENDED: &str = "the engine ended by itself";

/// The absence of a consumer is told once.
fn is_news(line: &str, said: &Said) -> bool {
    let skipped = line
        .strip_prefix(SKIPPED)
        .and_then(|rest| rest.split_once(": "));
    skipped.is_none_or(|(consumer, _)| said.lock().unwrap().insert(consumer.to_owned()))
}

const FAILED: &str = " ... FAILED";
const SKIPPED: &str = "skipped: ";

fn in_turn(tests: impl IntoIterator<Item = Test>, required: bool, said: &Said) -> Outcome {
    let mut outcome = Outcome::default();
    for Test { name, run } in tests {
        let start = Instant::now();
        let verdict = catch_unwind(AssertUnwindSafe(run))
            .unwrap_or_else(|_| Err(Failure::Wrong("the test itself panicked".to_owned())));
        let took = start.elapsed().as_secs_f64();
        match verdict {
            Ok(()) => {
                outcome.passed += 1;
                println!("test {name} ... ok ({took:.1} s)");
            }
            Err(Failure::Absent { consumer, why }) if !required => {
                outcome.ignored += 1;
                let line = format!("{SKIPPED}{consumer}: {why}");
                if is_news(&line, said) {
                    println!("{line}");
                }
            }
            Err(Failure::Absent { consumer, why }) => {
                outcome.failed += 1;
                println!("test {name}{FAILED}: {consumer} is required: {why}");
            }
            Err(Failure::Wrong(why)) => {
                outcome.failed += 1;
                let why: String = why.chars().take(6_000).collect();
                println!("test {name}{FAILED} ({took:.1} s)\n{why}");
            }
        }
    }
    outcome
}
