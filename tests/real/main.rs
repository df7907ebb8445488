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

mod away;
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
mod lanes;
mod machine;
mod moved;
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

use std::process::ExitCode;

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
    if let Some((word, words)) = words.split_first()
        && let Some(code) = of_its_own(word, words, required)
    {
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
    let outcome = lanes::run(tests, required);
    swarm::stop();
    machine::clear();
    println!(
        "\ntest result: {}. {outcome}; 0 measured; {} filtered out\n",
        if outcome.failed == 0 { "ok" } else { "FAILED" },
        rest.len()
    );
    outcome.code()
}

/// What a first word asks for that is no part of a test's name.
fn of_its_own(word: &str, words: &[String], required: bool) -> Option<ExitCode> {
    match word {
        "record" => Some(record::main(words)),
        lanes::WORD => Some(lanes::follow(all(), required)),
        _ => None,
    }
}

fn selected(name: &str, filters: &[&String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
}

fn all() -> Vec<Test> {
    let programs = programs::discover();
    // A lane begins at the end, and where a server was away its clients may take a while to come back.
    let mut tests = away::tests();
    for judge in [
        programs::tests,
        yaml::tests,
        // Before nginx's: upstreams of those stay, and a host takes no port that is taken.
        hosts::tests,
        found::hosts::tests,
        moved::tests,
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
