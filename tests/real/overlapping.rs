//! A second deploy during the first, on the real swarm: `deploy.sh` waits for the first; one past it cuts the first short,
//! which `deploy.sh` says of its own deploy and `rollback.sh` of what it would take back.

use std::collections::BTreeSet;
use std::thread::{scope, sleep};
use std::time::Duration;

use crate::deploy::LOCAL;
use crate::machine::wait;
use crate::steps::{PROGRAM, SERVICES, Version, images, inspected};
use crate::swarm::{self, Engine};
use crate::{Failure, Test, Verdict, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![test("overlapping::on_a_swarm", on_a_swarm)]
}

fn on_a_swarm() -> Verdict {
    let engine = swarm::engine()?;
    for tag in ["example/carried:2", "example/carried:3"] {
        engine.import(tag, &BTreeSet::new())?;
    }
    // An update takes a while: one of two waits for the other.
    let slow = PROGRAM
        .replace("delay = 1s", "delay = 4s")
        .replace("service front {", "service front {\n  replicas = 2");
    let version = |number: &str| {
        let text = slow.replace("VERSION", number).replace("PORT", "8080");
        Version::new(engine, &format!("overlapping-{number}"), &text)
    };
    // The image of the third, told apart by a variable alone.
    let text = slow
        .replace("VERSION", "3")
        .replace("\"PORT\"", "\"8080\", MORE = \"1\"");
    let fourth = Version::new(engine, "overlapping-4", &text)?;
    let versions = [version("1")?, version("2")?, version("3")?, fourth];
    let verdict = overlapping(engine, &versions);
    verdict.and(engine.remove_named(&["stepped"]))
}

fn overlapping(engine: &Engine, [first, second, third, fourth]: &[Version; 4]) -> Verdict {
    let all = "every service runs what was deployed";
    first.script.with(&[], &LOCAL)?.ended(0, all)?;
    let front = SERVICES[1];

    // By the scripts: the second is deployed once the first is done.
    scope(|scope| {
        let deploying = scope.spawn(|| second.script.with(&[], &LOCAL));
        updating(engine, front)?;
        let waited = third.script.with(&[], &LOCAL)?;
        waited.ended(0, "stepped: waits for what is under way:")?;
        waited.ended(0, all)?;
        joined(deploying).map(drop)
    })?;
    images(engine, ["3", "3"])?;

    // Past them: what was under way is left where it is, and another update begins.
    scope(|scope| {
        let deploying = scope.spawn(|| fourth.script.with(&[], &LOCAL));
        updating(engine, front)?;
        // What comes before the script has asked the swarm what it was given is taken for the script's own.
        sleep(Duration::from_secs(3));
        engine.docker(&[
            "service",
            "update",
            "--detach",
            "--env-add",
            "LATE=1",
            front,
        ])?;
        fourth
            .rollback(&["--only", front])?
            .ended(1, "its last update was cut short by another")?;
        joined(deploying)?.ended(
            1,
            "another deploy came in between, and what runs is that one's: stepped_front",
        )
    })
}

type Deploying<'scope> = std::thread::ScopedJoinHandle<'scope, Result<crate::deploy::Ran, Failure>>;

fn joined(deploying: Deploying<'_>) -> Result<crate::deploy::Ran, Failure> {
    let ended = deploying.join();
    ended.unwrap_or_else(|_| Err(Failure::Wrong("the deploy panicked".to_owned())))
}

/// Waits until an update of a service is under way.
pub(crate) fn updating(engine: &Engine, name: &str) -> Verdict {
    let begun = wait(Duration::from_secs(60), || {
        let service = inspected(engine, name).map_err(|_| "no such service".to_owned())?;
        let status = &service["UpdateStatus"];
        if status["State"] == "updating" {
            Ok(())
        } else {
            Err(status.to_string())
        }
    });
    begun.map_err(Failure::Wrong)
}
