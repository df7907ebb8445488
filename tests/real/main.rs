//! The real consumers judge what `zdc` writes: YAML readers, nginx, a Docker swarm, docker
//! compose, a Kubernetes API server.
//!
//! A test is a program times a consumer, besides what each judge must refuse to be worth asking. Where a consumer is
//! absent one line says so and the rest goes on; with `ZDC_REQUIRE_REAL=1` absence is a failure. This target has its
//! own `main` (`harness = false`), because such a line has to be seen and because the consumers are started once for
//! all tests, inside namespaces of their own (`machine.rs`). A word on the command line selects tests by name;
//! `record` records rollouts instead (`tests/rollouts/record`).
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test program: it prints, reads the machine it is on, and may fail loudly"
)]

mod changes;
mod compose;
mod containers;
mod deploy;
mod found;
mod gateway;
mod gateway_api;
mod grpc;
mod hazard;
mod host;
mod hosts;
mod kubernetes;
mod machine;
mod nginx;
mod overlapping;
mod pipeline;
mod programs;
mod reach;
mod record;
mod shell;
mod socket;
mod steps;
mod swarm;
mod tutorial;
mod undo;
mod updates;
mod yaml;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread::scope;
use std::time::Instant;

/// Why a test did not pass.
pub(crate) enum Failure {
    /// The consumer is not on this machine.
    Absent { consumer: &'static str, why: String },
    /// The consumer refused, or did not do what was asked.
    Wrong(String),
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Wrong(why)
    }
}

pub(crate) type Verdict = Result<(), Failure>;

/// A named test.
pub(crate) struct Test {
    name: String,
    run: Box<dyn FnOnce() -> Verdict + Send>,
}

pub(crate) fn test(
    name: impl Into<String>,
    run: impl FnOnce() -> Verdict + Send + 'static,
) -> Test {
    Test {
        name: name.into(),
        run: Box::new(run),
    }
}

/// `Wrong` unless `holds`.
pub(crate) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Verdict {
    if holds {
        Ok(())
    } else {
        Err(Failure::Wrong(why()))
    }
}

/// How many updates a system gets under load: three, and `ZDC_UPDATES` of them in a long run.
pub(crate) fn updates() -> usize {
    std::env::var("ZDC_UPDATES")
        .ok()
        .and_then(|number| number.parse().ok())
        .unwrap_or(3)
}

fn main() -> ExitCode {
    let required = std::env::var_os("ZDC_REQUIRE_REAL").is_some_and(|value| value == "1");
    if let Err(why) = machine::enter(required) {
        println!("{why}");
        return ExitCode::FAILURE;
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("record", words)) = words
        .split_first()
        .map(|(word, rest)| (word.as_str(), rest))
    {
        let code = record::main(words);
        swarm::stop();
        machine::clear();
        return code;
    }
    let filters: Vec<&String> = words.iter().filter(|word| !word.starts_with('-')).collect();
    let (mut tests, rest): (Vec<Test>, Vec<Test>) = all()
        .into_iter()
        .partition(|test| selected(&test.name, &filters));
    if words.iter().any(|word| word == "--list") {
        tests
            .drain(..)
            .for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", tests.len());
    let outcome = run(tests, required);
    swarm::stop();
    machine::clear();
    println!(
        "\ntest result: {}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out\n",
        if outcome.failed == 0 { "ok" } else { "FAILED" },
        outcome.passed,
        outcome.failed,
        outcome.ignored,
        rest.len()
    );
    if outcome.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn selected(name: &str, filters: &[&String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

fn all() -> Vec<Test> {
    let programs = programs::discover();
    let mut tests = Vec::new();
    for judge in [
        programs::tests,
        yaml::tests,
        // Before nginx's: upstreams of those stay, and a host takes no port that is taken.
        hosts::tests,
        found::hosts::tests,
        nginx::tests,
        shell::tests,
        pipeline::tests,
        kubernetes::tests,
        swarm::tests,
        compose::tests,
    ] {
        tests.extend(judge(&programs));
    }
    tests.extend(gateway::tests());
    tests.extend(gateway_api::tests());
    tests.extend(grpc::tests());
    tests.extend(hazard::tests());
    tests.extend(containers::tests());
    tests.extend(tutorial::tests());
    tests.extend(updates::tests());
    tests.extend(changes::tests());
    tests.extend(deploy::tests());
    tests.extend(undo::tests());
    tests.extend(found::cluster::tests());
    tests.extend(steps::tests());
    tests.extend(overlapping::tests());
    tests
}

#[derive(Default)]
struct Outcome {
    passed: usize,
    failed: usize,
    ignored: usize,
}

/// Consumers whose tests of that name mostly wait, each for its own: they run beside each other, after all else.
const BESIDE: [&str; 2] = ["::on_a_swarm", "::on_a_control_plane"];

fn run(tests: Vec<Test>, required: bool) -> Outcome {
    let said = Mutex::new(BTreeSet::new());
    let of = |test: &Test| BESIDE.iter().position(|name| test.name.ends_with(name));
    let (beside, alone): (Vec<Test>, Vec<Test>) =
        tests.into_iter().partition(|test| of(test).is_some());
    let (swarm, cluster) = beside.into_iter().partition(|test| of(test) == Some(0));
    let run = |tests: Vec<Test>| in_turn(tests, required, &said);
    let alone = run(alone);
    let (swarm, cluster) = scope(|scope| {
        let cluster = scope.spawn(|| run(cluster));
        (run(swarm), cluster.join().unwrap())
    });
    let all = || [&alone, &swarm, &cluster].into_iter();
    Outcome {
        passed: all().map(|outcome| outcome.passed).sum(),
        failed: all().map(|outcome| outcome.failed).sum(),
        ignored: all().map(|outcome| outcome.ignored).sum(),
    }
}

fn in_turn(tests: Vec<Test>, required: bool, said: &Mutex<BTreeSet<&'static str>>) -> Outcome {
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
                if said.lock().unwrap().insert(consumer) {
                    println!("skipped: {consumer}: {why}");
                }
            }
            Err(Failure::Absent { consumer, why }) => {
                outcome.failed += 1;
                println!("test {name} ... FAILED: {consumer} is required: {why}");
            }
            Err(Failure::Wrong(why)) => {
                outcome.failed += 1;
                let why: String = why.chars().take(6_000).collect();
                println!("test {name} ... FAILED ({took:.1} s)\n{why}");
            }
        }
    }
    outcome
}
