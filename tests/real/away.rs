//! An orchestrator that goes away in the middle of a deploy and comes back: what the script says in the end is what runs.

use std::collections::BTreeSet;
use std::thread::{scope, sleep};
use std::time::Duration;

use crate::deploy::{LOCAL, Plane, Ran, Script, edit};
use crate::kubernetes::Cluster;
use crate::machine::wait;
use crate::overlapping::updating;
use crate::steps::{PROGRAM, Version, inspected};
use crate::swarm::{self, Engine};
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("away::on_a_control_plane", on_a_control_plane),
        test("away::on_a_swarm", on_a_swarm),
    ]
}

/// Longer than a script waits before it asks again, so that questions fail; much shorter than it waits in all.
const AWAY: Duration = Duration::from_secs(12);

/// Runs a script, and something else once it has begun.
fn meanwhile(
    script: &Script,
    words: &[&str],
    begun: impl FnOnce() -> Verdict,
) -> Result<Ran, Failure> {
    scope(|scope| {
        let running = scope.spawn(|| script.with(&[], words));
        let verdict = begun();
        let ended = running.join();
        let ran =
            ended.unwrap_or_else(|_| Err(Failure::Wrong("the script panicked".to_owned())))?;
        verdict?;
        Ok(ran)
    })
}

const MANIFESTS: &str = r#"
app away { targets = [kubernetes] }
target kubernetes { namespace = "away" }
service web {
  image = "example/away:VERSION"
  port http { number = 8080 }
  replicas = 2
  health http { path = "/health", interval = 1s, timeout = 1s, retries = 2, start_period = 1s }
}
"#;

fn on_a_control_plane() -> Verdict {
    let plane = Plane::new("away")?;
    let version = |version: &str| {
        plane.build(
            &format!("away-{version}"),
            &MANIFESTS.replace("VERSION", version),
        )
    };
    let [first, second, bad] = [version("1")?, version("2")?, version("bad")?];
    // Controllers may take half a minute to ask again once they were refused for a while.
    let patient = "  replicas: 2\n  progressDeadlineSeconds: 45\n";
    edit(&bad, "web.yaml", ("  replicas: 2\n", patient))?;
    plane.with_pods(|| {
        let cluster = plane.cluster;
        first
            .with(&[], &[])?
            .ended(0, "everything runs what was applied")?;

        // Before anything was asked for: nothing is.
        cluster.without_server(|| {
            second
                .with(&[], &[])?
                .ended(1, "kubectl could not ask what there is")
        })?;
        applied(cluster, "1")?;

        // Killed while the new pods get ready.
        let restart = |image: &str| {
            applied(cluster, image)?;
            // The objects after the Deployment are applied, too: what is cut short there is told as such.
            sleep(Duration::from_secs(2));
            cluster.without_server(|| {
                sleep(AWAY);
                Ok(())
            })
        };
        meanwhile(&second, &[], || restart("2"))?.ended(0, "everything runs what was applied")?;
        applied(cluster, "2")?;

        // And where they never do, the way back is taken all the same.
        meanwhile(&bad, &[], || restart("bad"))?
            .ended(1, "these do not run what was applied: deployment.apps/web")?;
        applied(cluster, "2")
    })
}

/// Waits until the Deployment asks for pods of an image.
fn applied(cluster: &Cluster, version: &str) -> Verdict {
    let path = "jsonpath={.spec.template.spec.containers[0].image}";
    let expected = format!("example/away:{version}");
    let asked = wait(Duration::from_secs(60), || {
        let image = cluster.kubectl(&["get", "deployment/web", "-n", "away", "-o", path])?;
        if image == expected {
            Ok(())
        } else {
            Err(image)
        }
    });
    asked.map_err(Failure::Wrong)
}

fn on_a_swarm() -> Verdict {
    let engine = swarm::engine()?;
    for tag in ["example/carried:2", "example/carried:3"] {
        engine.import(tag, &BTreeSet::new())?;
    }
    // An update of the caller takes a while.
    let slow = PROGRAM
        .replace("app stepped", "app away")
        .replace("delay = 1s", "delay = 4s")
        .replace("PORT", "8080")
        .replace("service front {", "service front {\n  replicas = 2");
    let version = |number: &str| {
        let text = slow.replace("VERSION", number);
        Version::new(engine, &format!("away-{number}"), &text)
    };
    let versions = [version("1")?, version("2")?, version("3")?];
    let verdict = interrupted(engine, &versions);
    verdict.and(engine.remove_named(&["away"]))
}

const SERVICES: [&str; 2] = ["away_coupon", "away_front"];

const DEPLOYED: &str = "away: every service runs what was deployed";

fn interrupted(engine: &Engine, [first, second, third]: &[Version; 3]) -> Verdict {
    engine.without_daemon(|| {
        first
            .script
            .with(&[], &LOCAL)?
            .ended(1, "no engine answers")
    })?;
    first.script.with(&[], &LOCAL)?.ended(0, DEPLOYED)?;

    // The only manager stands still, and its agent with it; or it is killed, and every container ends as it starts
    // again. Of what the update has reached by then a swarm may think what it likes, but not the script.
    let mut before = ["1", "1"];
    follows(engine, second, ("2", &mut before), |away| {
        engine.with_daemon_stopped(away)
    })?;
    follows(engine, third, ("3", &mut before), |away| {
        engine.without_daemon(away)
    })
}

/// Deploys a version while the engine is taken away, and says which version each service is of then.
fn follows(
    engine: &Engine,
    deployed: &Version,
    (version, are): (&'static str, &mut [&'static str; 2]),
    take_away: impl FnOnce(fn() -> Verdict) -> Verdict,
) -> Verdict {
    let ran = meanwhile(&deployed.script, &LOCAL, || {
        updating(engine, SERVICES[1])?;
        take_away(|| {
            sleep(AWAY);
            Ok(())
        })
    })?;
    let mut went = false;
    for (name, is) in SERVICES.into_iter().zip(are.iter_mut()) {
        let said = format!("{name} went back to the version before");
        if ran.ended(1, &said).is_ok() {
            went = true;
        } else {
            *is = version;
        }
    }
    if !went {
        let ended = ran.ended(0, DEPLOYED);
        ended.map_err(|why| with_tasks(engine, why))?;
    }
    // What ends as it waits for its turn may be replaced twice, and the engine may leave it at that.
    let is_doubled = ran.ended(0, "3 tasks run where 2 are asked for").is_ok();
    let front = if is_doubled { "3/2" } else { "2/2" };
    runs(engine, *are, front)
}

/// What went wrong, and the tasks that there are then: they tell why.
fn with_tasks(engine: &Engine, why: Failure) -> Failure {
    let tasks = engine.docker(&["service", "ps", SERVICES[1]]);
    match why {
        Failure::Wrong(why) => Failure::Wrong(format!("{why}\n{}", tasks.unwrap_or_default())),
        absent @ Failure::Absent { .. } => absent,
    }
}

/// The versions of the two services, and how many tasks each has of those that it asks for.
fn runs(engine: &Engine, expected: [&str; 2], front: &str) -> Verdict {
    for (name, version) in SERVICES.into_iter().zip(expected) {
        let image =
            inspected(engine, name)?["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"].clone();
        ensure(image == format!("example/carried:{version}"), || {
            format!("{name} is {image}, not {version}")
        })?;
    }
    let tasks = engine.docker(&[
        "stack",
        "services",
        "away",
        "--format",
        "{{.Name}} {{.Replicas}}",
    ])?;
    let wanted = format!("away_coupon 1/1\naway_front {front}");
    ensure(tasks.trim() == wanted, || tasks.clone())
}
