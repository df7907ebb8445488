//! Plain hosts, where a release has other slots, other upstreams or another kind of update than the one before: the
//! scripts of both bundles meet on one host, under load, where the plan of the step has nothing to say against it.

mod killed;

use std::process::Command;

use crate::found::Plan;
use crate::host::{Host, answer};
use crate::hosts::{blue_green, node_cluster, with};
use crate::machine::run;
use crate::nginx::modern;
use crate::programs::Program;
use crate::{Test, Verdict, ensure, test};

pub(crate) fn tests(_: &[Program]) -> Vec<Test> {
    let mut tests = vec![
        test(
            "moved::rolling_ports_lose_nothing",
            rolling_ports_lose_nothing,
        ),
        test(
            "moved::blue_green_slots_lose_nothing",
            blue_green_slots_lose_nothing,
        ),
        test(
            "moved::an_upstream_that_comes_loses_nothing",
            an_upstream_that_comes_loses_nothing,
        ),
        test(
            "moved::an_upstream_that_goes_loses_nothing",
            an_upstream_that_goes_loses_nothing,
        ),
        test("moved::a_service_loses_nothing", a_service_loses_nothing),
        test(
            "moved::rolling_to_blue_green_loses_nothing",
            rolling_to_blue_green_loses_nothing,
        ),
        test(
            "moved::a_failing_version_loses_nothing",
            a_failing_version_loses_nothing,
        ),
    ];
    tests.extend(killed::tests());
    tests
}

/// Two programs of one app: what the one serves the other takes over.
struct Step<'a> {
    name: &'a str,
    port: u16,
    /// Each with the slots that serve it in the end.
    sides: [(&'a str, &'a [u16], usize); 2],
}

impl Step<'_> {
    /// There, back, there again, on, back, and by a deploy to the first once more: with nothing lost.
    fn loses_nothing(&self) -> Verdict {
        let [(old, ..), (new, ..)] = self.sides;
        for sides in [[old, new], [new, old]] {
            Plan::of(self.name, sides)?.finds(&[])?;
        }
        let host = Host::new("host", old, modern()?)?;
        host.update("1")?;
        self.serves(&host, 0, "1")?;
        self.under_load(&host, || {
            host.build(new)?;
            host.update("2")?;
            self.serves(&host, 1, "2")?;
            host.run("rollback.sh")?;
            self.serves(&host, 0, "1")?;
            host.update("2")?;
            self.serves(&host, 1, "2")?;
            host.update("3")?;
            self.serves(&host, 1, "3")?;
            host.run("rollback.sh")?;
            self.serves(&host, 1, "2")?;
            host.build(old)?;
            host.update("4")?;
            self.serves(&host, 0, "4")?;
            host.run("rollback.sh")?;
            self.serves(&host, 1, "2")
        })
    }

    fn under_load(&self, host: &Host, work: impl FnOnce() -> Verdict) -> Verdict {
        let seen = host.under_load(self.port, work)?;
        println!(
            "  {}: {} lost and {} twice of {} {}",
            self.name, seen.lost, seen.twice, seen.total, seen.faults
        );
        ensure(
            seen.lost == 0 && seen.twice == 0 && seen.total > 300,
            || format!("{seen:?}"),
        )
    }

    /// This version answers, in slots of this side, and nothing else runs.
    fn serves(&self, host: &Host, side: usize, version: &str) -> Verdict {
        let (_, slots, many) = self.sides[side];
        for _ in 0..4 {
            let found = answer(self.port)?;
            ensure(found == version, || format!("{found}, not {version}"))?;
        }
        let (well, status) = host.status();
        let live = host.live()?;
        ensure(
            well && live.len() == many && live.iter().all(|slot| slots.contains(slot)),
            || format!("{version} in {live:?}: {status}"),
        )?;
        ensure(status.matches("healthy").count() == many, || status)
    }
}

fn rolling_ports_lose_nothing() -> Verdict {
    let old = node_cluster()?;
    let new = with(&old, "3000..3002", "3011..3013")?;
    Step {
        name: "rolling slots move",
        port: 3333,
        sides: [
            (&old, &[3000, 3001, 3002], 2),
            (&new, &[3011, 3012, 3013], 2),
        ],
    }
    .loses_nothing()
}

fn blue_green_slots_lose_nothing() -> Verdict {
    let old = blue_green()?;
    let new = with(&old, "[8081, 8082]", "[8181, 8182]")?;
    Step {
        name: "blue/green slots move",
        port: 80,
        sides: [(&old, &[8081, 8082], 1), (&new, &[8181, 8182], 1)],
    }
    .loses_nothing()
}

/// The file that says what is live has another name.
fn an_upstream_that_comes_loses_nothing() -> Verdict {
    let straight = blue_green()?;
    let pool = with(
        &straight,
        "route \"/\" { to = api.http }",
        "upstream pool { server api.http { weight = 5 } }\n  route \"/\" { to = pool }",
    )?;
    let slots: &[u16] = &[8081, 8082];
    Step {
        name: "an upstream comes, blue/green",
        port: 80,
        sides: [(&straight, slots, 1), (&pool, slots, 1)],
    }
    .loses_nothing()
}

fn an_upstream_that_goes_loses_nothing() -> Verdict {
    let pool = node_cluster()?;
    let straight = with(&pool, "to = nodejs_server", "to = node.http")?;
    let (before, after) = straight
        .split_once("  upstream nodejs_server {")
        .ok_or_else(|| "no upstream".to_owned())?;
    let (_, after) = after
        .split_once("  }\n")
        .ok_or_else(|| "no end".to_owned())?;
    let straight = format!("{before}{after}");
    let slots: &[u16] = &[3000, 3001, 3002];
    Step {
        name: "an upstream goes, rolling",
        port: 3333,
        sides: [(&pool, slots, 2), (&straight, slots, 2)],
    }
    .loses_nothing()
}

/// A service more, as the plan says: it first. Back it stays, since it has nothing to go back to.
fn a_service_loses_nothing() -> Verdict {
    let old = node_cluster()?;
    let new = beside(&old)?;
    let plan = Plan::of("a service comes", [&old, &new])?;
    plan.finds(&["ZD4062"])?;
    let host = Host::new("host", &old, modern()?)?;
    let step = Step {
        name: "a service comes and goes",
        port: 3333,
        sides: [(&old, &[3000, 3001, 3002], 2), (&new, &[], 4)],
    };
    host.update("1")?;
    step.under_load(&host, || {
        host.build(&new)?;
        for version in ["2", "3"] {
            host.version(version)?;
            for service in ["side", "node"] {
                for script in ["deploy.sh", "switch.sh"] {
                    let mut script = host.script(script);
                    script.arg(service);
                    run(script)?;
                }
            }
            both(&host, Some(version), version)?;
            host.run("rollback.sh")?;
            both(&host, None, "1")?;
        }
        host.update("4")?;
        both(&host, Some("4"), "4")?;
        host.run("rollback.sh")?;
        host.run("rollback.sh")?;
        both(&host, Some("4"), "4")?;
        host.build(&old)?;
        host.update("5")?;
        both(&host, None, "5")
    })
}

/// The second service answers with this version, or not at all.
fn both(host: &Host, side: Option<&str>, node: &str) -> Verdict {
    let (_, status) = host.status();
    let serves = answer(3333)?;
    ensure(serves == node, || format!("{serves}, not {node}: {status}"))?;
    let mut ask = Command::new("curl");
    ask.args(["--silent", "--fail", "http://127.0.0.1:3333/side"]);
    let serves = run(ask)?;
    let wanted = side.unwrap_or(node);
    ensure(serves.trim() == wanted, || {
        format!("{serves}, not {wanted}: {status}")
    })
}

/// The same with a second service, at a path of its own.
fn beside(text: &str) -> Result<String, String> {
    let begins = text.find("service node {").ok_or("no service")?;
    let ends = text.find("\ngateway ").ok_or("no gateway")?;
    let service = text.get(begins..ends).unwrap_or_default();
    let service = with(service, "service node", "service side")?;
    let service = with(&service, "3000..3002", "3020..3022")?;
    let service = with(&service, "number = 3000", "number = 3020")?;
    let text = with(text, "\ngateway ", &format!("\n{service}\ngateway "))?;
    with(
        &text,
        "  route \"/\" {",
        "  route \"/side\" { to = side.http }\n  route \"/\" {",
    )
}

/// With ports of its own, and with one of before that is free.
fn rolling_to_blue_green_loses_nothing() -> Verdict {
    let rolling = node_cluster()?;
    let update = "update rolling { order = start_first, parallelism = 1, delay = 500ms, on_failure = rollback }";
    let balanced = with(
        &rolling,
        update,
        "update blue_green { slots = [3011, 3012], monitor = 500ms }",
    )?;
    let balanced = with(&balanced, "replicas = instances", "replicas = 1")?;
    let balanced = with(&balanced, ", publish = 3000..3002", "")?;
    Step {
        name: "rolling becomes blue/green",
        port: 3333,
        sides: [
            (&rolling, &[3000, 3001, 3002], 2),
            (&balanced, &[3011, 3012], 1),
        ],
    }
    .loses_nothing()
}

/// One that is never healthy, and one whose second slot ends at once, leave the version before; the next is taken.
fn a_failing_version_loses_nothing() -> Verdict {
    let old = quick(&blue_green()?);
    let new = with(&old, "[8081, 8082]", "[8181, 8182]")?;
    let host = Host::new("host", &old, modern()?)?;
    let step = Step {
        name: "blue/green slots move, with one that fails",
        port: 80,
        sides: [(&old, &[8081, 8082], 1), (&new, &[8181, 8182], 1)],
    };
    host.update("1")?;
    step.under_load(&host, || {
        host.build(&new)?;
        for (version, fails) in [("2", "sick"), ("3", "broken")] {
            host.version(fails)?;
            let done = host.run("deploy.sh");
            ensure(done.is_err(), || format!("{fails} is live: {done:?}"))?;
            host.run("switch.sh")?;
            let (side, before) = if version == "2" { (0, "1") } else { (1, "2") };
            step.serves(&host, side, before)?;
            host.update(version)?;
            step.serves(&host, 1, version)?;
        }
        Ok(())
    })?;
    drop(host);
    let old = quick(&node_cluster()?);
    let new = with(&old, "3000..3002", "3011..3013")?;
    let host = Host::new("host", &old, modern()?)?;
    let step = Step {
        name: "rolling slots move, with one that fails",
        port: 3333,
        sides: [
            (&old, &[3000, 3001, 3002], 2),
            (&new, &[3011, 3012, 3013], 2),
        ],
    };
    host.update("1")?;
    step.under_load(&host, || {
        host.build(&new)?;
        host.version("broken")?;
        let done = host.run("deploy.sh");
        ensure(done.is_err(), || format!("it is live: {done:?}"))?;
        step.serves(&host, 0, "1")?;
        host.version("2")?;
        host.run("deploy.sh")?;
        // From here on no other slot comes up.
        let waits = std::fs::read_to_string(host.path("state/node/candidate"));
        let waits = waits.map_err(|error| error.to_string())?;
        let release = waits.lines().next().unwrap_or_default();
        std::fs::write(
            host.path(&format!("state/releases/{release}/version")),
            "broken",
        )
        .map_err(|error| error.to_string())?;
        let done = host.run("switch.sh");
        ensure(done.is_err(), || format!("it is live: {done:?}"))?;
        let serves = answer(3333)?;
        let (well, status) = host.status();
        ensure(
            well && serves == "1" && status.matches("healthy").count() == 2,
            || format!("{serves} serves: {done:?} {status}"),
        )?;
        host.update("3")?;
        step.serves(&host, 1, "3")?;
        host.run("rollback.sh")?;
        let serves = answer(3333)?;
        ensure(serves == "1", || format!("{serves}, not 1"))
    })
}

/// Judged at once, with little patience at the start.
fn quick(text: &str) -> String {
    let mut text = text.to_owned();
    for (from, to) in [
        ("start_period = 60s", "start_period = 1s"),
        ("start_period = 5s", "start_period = 1s"),
        ("startup         = 10s..40s", "startup         = 0s..1s"),
        ("startup         = 1s..4s", "startup         = 0s..1s"),
        ("monitor = 1s", "monitor = 0s"),
        ("delay = 500ms", "delay = 0s"),
    ] {
        text = text.replace(from, to);
    }
    text
}
