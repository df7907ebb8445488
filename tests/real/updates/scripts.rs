//! The same by the scripts that are written: a new version deployed, and taken back again, under load. The stack files are
//! changed as those of the other updates are.

use std::thread::sleep;
use std::time::Duration;

use super::Edge;
use super::load::{Load, Outcome};
use super::systems::{BEFORE_THE_WEBAPP, example, patch, program, stack_file};
use crate::deploy::{self, LOCAL, Script};
use crate::machine::state;
use crate::programs::Program;
use crate::steps::write_steps;
use crate::swarm::{Stack, engine};
use crate::{Failure, Verdict, ensure};

/// Another tag for all three stacks, by `deploy.sh`; and back by `rollback.sh`.
pub(super) fn shop() -> Result<Outcome, Failure> {
    let program = program("scripts-shop", &example("shop")?)?;
    let names = ["prod", "coupon", "front"];
    for name in names {
        patch(&program, name)?;
    }
    let read = |tag: &str| -> Result<Vec<Stack>, Failure> {
        let read = |name: &&str| engine()?.read(&stack_file(&program, name), &[("IMG_TAG", tag)]);
        names.iter().map(read).collect()
    };
    let proxy = std::fs::read_to_string(program.output.join("nginx/conf.d/shop.conf"));
    let proxy = proxy.map_err(|error| error.to_string())?;
    let edge = Edge {
        network: "frontend",
        configuration: &proxy,
        port: 18_080,
    };
    engine()?.prepare(&read("2")?)?;
    let first = read("1")?;
    let deploy = script(&program, "deploy.sh")?;
    let with_tag = |tag: &str| {
        deploy
            .with(&[("IMG_TAG", tag)], &LOCAL)?
            .ended(0, "front: every service runs what was deployed")
    };
    engine()?.prepare(&first)?;
    with_tag("1")?;
    under_load("shop", &first, &edge, || {
        with_tag("2")?;
        script(&program, "rollback.sh")?
            .with(&[], &[])?
            .ended(0, "prod_prod: shop/prod:2 -> shop/prod:1")
    })
}

/// Other images of both pools, and another image and configuration of the gateway: by the script of the plan, and back by
/// it.
pub(super) fn primary_backup() -> Result<Outcome, Failure> {
    let text = example("primary-backup")?;
    let mut newer = text.clone();
    for (from, to) in [
        ("test-web:1.4.2", "test-web:1.4.3"),
        (
            "listen http { port = 80 }",
            "listen http { port = 80 }\n  body_size = 2MiB",
        ),
        ("nginx:1.28.0", "nginx:1.28.1"),
    ] {
        ensure(text.contains(from), || format!("the example has no {from}"))?;
        newer = newer.replace(from, to);
    }
    let (old, new) = (
        program("scripts-webapp-1", &text)?,
        program("scripts-webapp-2", &newer)?,
    );
    let mut stacks = Vec::new();
    for program in [&new, &old] {
        patch(program, "webapp")?;
        stacks = vec![engine()?.read(&stack_file(program, "webapp"), &[])?];
        engine()?.prepare(&stacks)?;
    }
    script(&old, "deploy.sh")?
        .with(&[], &LOCAL)?
        .ended(0, "webapp: every service runs what was deployed")?;
    let edge = Edge {
        network: "webapp_webnet",
        configuration: BEFORE_THE_WEBAPP,
        port: 18_081,
    };
    let steps = steps(&new, ["scripts-webapp-1", "scripts-webapp-2"])?;
    let manifests = new.output.display().to_string();
    under_load("primary-backup", &stacks, &edge, || {
        let there = [&["--manifests", &manifests, "--"], &LOCAL[..]].concat();
        steps.with(&[], &there)?.ended(0, "done: 1 of 1")?;
        steps
            .with(&[], &["--manifests", &manifests, "--back", "1"])?
            .ended(0, "webapp_nginx: nginx:1.28.1 -> nginx:1.28.0")
    })
}

/// Does something with a system that runs while it is asked, and takes it down.
fn under_load(
    name: &str,
    stacks: &[Stack],
    edge: &Edge<'_>,
    carry: impl Fn() -> Verdict,
) -> Result<Outcome, Failure> {
    let engine = engine()?;
    let edge_stack = edge.stack(name)?;
    let all = || [&edge_stack].into_iter().chain(stacks);
    let asked = || -> Result<Outcome, Failure> {
        engine.deploys([&edge_stack])?;
        let names: Vec<String> = all().map(|stack| stack.name.clone()).collect();
        let load = Load::start(edge.port, &names)?;
        sleep(Duration::from_secs(1));
        carry()?;
        sleep(Duration::from_secs(2));
        load.end()
    };
    let outcome = asked();
    engine.remove(all())?;
    if let Ok(outcome) = &outcome {
        println!("  {name}, there and back by the scripts: {outcome}");
    }
    outcome
}

fn script(program: &Program, name: &str) -> Result<Script, Failure> {
    deploy::script(program.output.join("swarm").join(name))
}

/// The script of the plan between two programs, by the names of their folders.
fn steps(new: &Program, names: [&str; 2]) -> Result<Script, Failure> {
    let sources = names.map(|name| state().join(name).join("app.zd"));
    let [old, new_source] = &sources;
    let path = new.output.join("steps.sh");
    write_steps([old, new_source], "swarm", &path)?;
    deploy::script(path)
}
