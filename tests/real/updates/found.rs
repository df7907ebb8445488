//! The two systems of the swarm as they were found, deployed by hand-written stack files, made what they should be by the
//! generated scripts, and taken back: under load. The plan says of each step what to expect of it.
//!
//! The stack files of both sides are changed as those of the other updates are. What the images of the systems are like
//! stands in the environment: the programs of the shop end at the signal, nginx's own image asks for `SIGQUIT`.

use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use zdc::vocabulary::TargetId;

use super::Edge;
use super::load::{Load, Outcome};
use super::systems::{BEFORE_THE_WEBAPP, patch, patch_found, program, stack_file};
use crate::changes::write_to;
use crate::deploy::{self, LOCAL, Script};
use crate::found::{Plan, example, objects};
use crate::hosts::with;
use crate::machine::{folder, state};
use crate::programs::Program;
use crate::steps::write_steps;
use crate::swarm::{Stack, engine};
use crate::{Failure, Verdict, ensure};

/// As it is written, the swarm has no place for `front`; under the name that it had, the step is one.
pub(super) fn shop() -> Verdict {
    let found = example("shop", "as-found")?;
    let written = example("shop", "")?;
    let refused = Plan::of("shop", [&found, &written])?;
    refused.finds(&["ZD4050", "ZD4055", "ZD4055", "ZD4062", "ZD4074", "ZD4074"])?;
    refused.makes(
        TargetId::Swarm,
        &[
            ("service coupon_coupon", "renamed"),
            ("service front_front", "refused"),
            ("service prod_prod", "renamed"),
        ],
    )?;
    refused.says("port '80' is already in use by service 'front_app'")?;
    refused.says("write `name = \"app\"` in it")?;
    refused.has_no_script(TargetId::Swarm)?;
    is_refused(&refused, &found, &written)?;
    let kept = with(
        &written,
        "service front {",
        "service front {\n  name = \"app\"",
    )?;
    let plan = Plan::of("shop-kept", [&found, &kept])?;
    plan.finds(&[
        "ZD4055", "ZD4055", "ZD4060", "ZD4062", "ZD4074", "ZD4074", "ZD4074",
    ])?;
    plan.makes(
        TargetId::Swarm,
        &[
            ("service coupon_coupon", "renamed"),
            ("service front_app", "rolls"),
            ("service prod_prod", "renamed"),
        ],
    )?;

    let old = written_down("found-shop", &found, &[("STOP", "at_once")])?;
    let new = program("found-shop-new", &kept)?;
    let names = ["prod", "coupon", "front"];
    for name in names {
        patch(&new, name)?;
    }
    let read = |file: PathBuf, tag: &str| engine()?.read(&file, &[("IMG_TAG", tag)]);
    let old: Vec<Stack> = names
        .iter()
        .map(|name| read(old.join(format!("{name}.yml")), "found"))
        .collect::<Result<_, _>>()?;
    let edge = Edge {
        networks: &["backend"],
        configuration: "resolver 127.0.0.11 valid=1s ipv6=off;
server {
  listen 80;
  location / {
    set $front front_app;
    proxy_pass http://$front:8080;
    proxy_connect_timeout 1s;
  }
}
",
        port: 18_080,
    };
    running("shop", &old, &edge, |shop| {
        // Each is read only when what was there before is deployed: both are read into one folder.
        for tag in ["2", "3"] {
            let read = |name: &&str| read(stack_file(&new, name), tag);
            engine()?.prepare(&names.iter().map(read).collect::<Result<Vec<_>, _>>()?)?;
        }
        let deploy = |tag: &str, stacks: &[&str]| {
            script(&new, "deploy.sh")?
                .with(&[("IMG_TAG", tag)], &[stacks, &LOCAL[..]].concat())?
                .ended(0, "front: every service runs what was deployed")
        };
        let rollback = |said: &str| script(&new, "rollback.sh")?.with(&[], &[])?.ended(0, said);
        // What is stopped ends at its signal, as the plan fears.
        shop.during("there", || deploy("2", &[]))?.loses_few()?;
        shop.during("back", || {
            rollback("front_app: shop/front:2 -> shop/front:found")
        })?
        .loses_few()?;
        deploy("2", &["front"])?;
        shop.during("the old ones removed", || {
            engine()?.docker(&["service", "rm", "prod_app", "coupon_app"])?;
            Ok(())
        })?
        .loses_few()?;
        // From here on the plan has nothing to say.
        shop.during("the next, there", || deploy("3", &["front"]))?
            .is_clean()?;
        shop.during("the next, back", || {
            rollback("front_app: shop/front:3 -> shop/front:2")
        })?
        .is_clean()
    })
}

/// The engine refuses what the plan says that it refuses, in those words. Where nothing runs, nobody misses the ports.
fn is_refused(plan: &Plan, found: &str, written: &str) -> Verdict {
    let engine = engine()?;
    let stack = |file: PathBuf| engine.read(&file, &[("IMG_TAG", "found"), ("REPLICAS", "0")]);
    let home = folder("refused-shop");
    write_to(&objects(found, TargetId::Swarm)?, &home)?;
    let there = [stack(home.join("swarm/front.yml"))?];
    engine.prepare(&there)?;
    engine.deploy(&there[0])?;
    let wanted = [stack(stack_file(
        &program("refused-shop-new", written)?,
        "front",
    ))?];
    engine.prepare(&wanted)?;
    let deployed = engine.deploy(&wanted[0]);
    engine.remove(there.iter().chain(&wanted))?;
    let expected = plan.how(TargetId::Swarm, "service front_front")?;
    match deployed {
        Err(Failure::Wrong(said)) => ensure(said.contains(&expected), || {
            format!("the plan says {expected:?}, the engine {said:?}")
        }),
        Err(absent) => Err(absent),
        Ok(()) => Err(Failure::Wrong(format!("it was taken, and not: {expected}"))),
    }
}

/// A network is moved in three steps, of which the first two are made here: on both, and on the new one alone.
pub(super) fn primary_backup() -> Verdict {
    let found = example("primary-backup", "as-found")?;
    let written = example("primary-backup", "")?;
    let moved = Plan::of("webapp", [&found, &written])?;
    let late = [
        "ZD4060", "ZD4060", "ZD4060", "ZD4061", "ZD4061", "ZD4061", "ZD4074", "ZD4074",
    ];
    moved.finds(&[&["ZD4052", "ZD4052"], &late[..]].concat())?;
    moved.says("is not on network `webapp_nginxdocker-net`")?;
    moved.has_no_script(TargetId::Swarm)?;
    moved.says("serve both, `join` both networks; move the callers; take the old one away")?;
    let both = with(
        &written,
        "  join webnet\n",
        "  join nginxdocker-net\n  join webnet\n",
    )?;
    let both = with(
        &both,
        "network webnet ",
        "network nginxdocker-net { attachable = true }\nnetwork webnet ",
    )?;
    Plan::of("webapp-both", [&found, &both])?.finds(&late)?;
    let newer = with(&written, "test-web:1.4.2", "test-web:1.4.3")?;
    let newer = with(&newer, "nginx:1.28.0", "nginx:1.28.1")?;
    // What Kubernetes keeps of it is a note there.
    Plan::of("webapp-moved", [&both, &newer])?.finds(&["ZD4068", "ZD4068"])?;

    let old = written_down("found-webapp", &found, &[("LISTEN", "8080")])?;
    std::fs::write(old.join("default.conf"), LOOKED_UP_ONCE).map_err(|error| error.to_string())?;
    let (both, newer) = (
        program("found-webapp-both", &both)?,
        program("found-webapp-new", &newer)?,
    );
    for program in [&both, &newer] {
        patch(program, "webapp")?;
    }
    let read = |file: PathBuf| engine()?.read(&file, &[]);
    let old = vec![read(old.join("webapp.yml"))?];
    // The edge follows the gateway from one network to the other, as a published port does.
    let edge = Edge {
        networks: &["webapp_nginxdocker-net", "webapp_webnet"],
        configuration: BEFORE_THE_WEBAPP,
        port: 18_081,
    };
    let label = "--label=com.docker.stack.namespace=webapp";
    engine()?.docker(&[
        "network",
        "create",
        "--driver=overlay",
        "--attachable",
        label,
        "webapp_webnet",
    ])?;
    running("primary-backup", &old, &edge, |webapp| {
        // It may have looked up what one of the pools had before all of it ran, and never looks again.
        engine()?.docker(&["service", "update", "--quiet", "--force", "webapp_nginx"])?;
        for program in [&both, &newer] {
            engine()?.prepare(&[read(stack_file(program, "webapp"))?])?;
        }
        let all = "webapp: every service runs what was deployed";
        let deploy = || {
            // Names answer with every task's address here, and the old gateway looked them up once: it goes first.
            let first = [&["--only", "webapp_nginx"], &LOCAL[..]].concat();
            script(&both, "deploy.sh")?
                .with(&[], &first)?
                .ended(0, "every service of --only runs what was deployed")?;
            script(&both, "deploy.sh")?.with(&[], &LOCAL)?.ended(0, all)
        };
        webapp.during("there", deploy)?.loses_few()?;
        // Of the gateway none may serve meanwhile.
        webapp.during("back", || {
            script(&both, "rollback.sh")?
                .with(&[], &[])?
                .ended(0, "webapp: what was changed runs the version before")
        })?;
        script(&both, "deploy.sh")?
            .with(&[], &LOCAL)?
            .ended(0, all)?;
        let steps = steps(&newer, ["found-webapp-both", "found-webapp-new"])?;
        let manifests = newer.output.display().to_string();
        webapp
            .during("the next, there", || {
                let there = [&["--manifests", &manifests, "--"], &LOCAL[..]].concat();
                steps.with(&[], &there)?.ended(0, "done: 1 of 1")
            })?
            .is_clean()?;
        webapp
            .during("the next, back", || {
                steps
                    .with(&[], &["--manifests", &manifests, "--back", "1"])?
                    .ended(0, "webapp_nginx: nginx:1.28.1 -> nginx:1.28.0")
            })?
            .is_clean()
    })
}

/// As the gateway of the webapp was configured.
const LOOKED_UP_ONCE: &str = "upstream app-server {
  least_conn;
  server webapp-real:8080 max_fails=1 fail_timeout=2s;
  server webapp-backup:8080 backup;
}
server {
  listen 80;
  location / {
    proxy_pass http://app-server;
    proxy_set_header Host $http_host;
  }
}
";

/// A system that runs.
struct Running<'a> {
    name: &'a str,
    stacks: Vec<String>,
    port: u16,
}

impl Running<'_> {
    /// What becomes of the requests while something is done.
    fn during(&self, what: &str, work: impl FnOnce() -> Verdict) -> Result<Outcome, Failure> {
        let load = Load::start(self.port, &self.stacks)?;
        sleep(Duration::from_secs(1));
        work()?;
        sleep(Duration::from_secs(2));
        let outcome = load.end()?;
        println!("  {} as found, {what}: {outcome}", self.name);
        Ok(outcome)
    }
}

/// Deploys what was found, does something with it, and takes everything down.
fn running(
    name: &str,
    found: &[Stack],
    edge: &Edge<'_>,
    carry: impl FnOnce(&Running<'_>) -> Verdict,
) -> Verdict {
    let engine = engine()?;
    let asked = || -> Verdict {
        engine.deploys(found)?;
        let edge_stack = edge.stack(name)?;
        engine.deploys([&edge_stack])?;
        let all = [&edge_stack].into_iter().chain(found);
        carry(&Running {
            name,
            stacks: all.map(|stack| stack.name.clone()).collect(),
            port: edge.port,
        })
    };
    let verdict = asked();
    // The edge is on the others' networks.
    engine.remove_named(&[&format!("{name}-edge")])?;
    engine.remove(found)?;
    verdict
}

/// The stack files of what was found, in a folder, with what its images hold.
fn written_down(
    name: &str,
    program: &str,
    environment: &[(&str, &str)],
) -> Result<PathBuf, Failure> {
    let home = folder(name);
    for file in write_to(&objects(program, TargetId::Swarm)?, &home)? {
        patch_found(&file, environment)?;
    }
    Ok(home.join("swarm"))
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
