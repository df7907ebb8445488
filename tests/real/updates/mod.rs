//! Updates under load, on a real swarm: the examples as they should be lose no request and receive none twice; as they
//! were found they lose some.
//!
//! The stack files are the generated ones with this much changed, since there is one node and its kernel may have no
//! IPVS: names answer with every task's address (`dnsrr`) instead of a virtual one; the published ports are those of an
//! edge, an nginx that stays; programs are checked every two seconds; and the waits for a verdict, which only matter to
//! a version that fails, are a second. The programs drain and keep connections as the examples say theirs do.

mod found;
mod load;
mod systems;

use std::thread::{scope, sleep};
use std::time::Duration;

use serde_json::Value;

use crate::machine::{folder, wait};
use crate::swarm::{Engine, Stack, engine};
use crate::{Failure, Test, Verdict, ensure, socket, test};
use load::{Load, Outcome};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("updates::as_they_should_be_lose_nothing", || {
            both(
                ("shop", || systems::shop()?.is_clean()),
                ("primary-backup", || systems::primary_backup()?.is_clean()),
            )
        }),
        test("updates::from_as_found_there_and_back", || {
            both(
                ("shop", found::shop),
                ("primary-backup", found::primary_backup),
            )
        }),
        test("updates::as_found_lose_some", || {
            both(
                ("shop", || systems::shop_as_found()?.loses_some()),
                ("primary-backup", || {
                    systems::primary_backup_as_found()?.loses_some()
                }),
            )
        }),
    ]
}

type Named = (&'static str, fn() -> Verdict);

/// Two systems at once, since an update is mostly waiting; more are too many for two processors.
fn both((one, judge_one): Named, (other, judge_other): Named) -> Verdict {
    // What a container wrote is gone with it.
    engine()?.docker(&["swarm", "update", "--task-history-limit", "50"])?;
    let (first, second) = scope(|scope| {
        let first = scope.spawn(judge_one);
        let second = judge_other();
        (first.join(), second)
    });
    let first = first.unwrap_or_else(|_| Err(Failure::Wrong("the test panicked".to_owned())));
    let told = |name: &str, verdict: Verdict| match verdict {
        Err(Failure::Wrong(why)) => Err(Failure::Wrong(format!("{name}: {why}"))),
        other => other,
    };
    match (told(one, first), told(other, second)) {
        (Err(Failure::Wrong(one)), Err(Failure::Wrong(other))) => {
            Err(Failure::Wrong(format!("{one}\n{other}")))
        }
        (first, second) => first.and(second),
    }
}

/// A system whose versions are deployed one after the other.
struct System<'a> {
    name: &'a str,
    /// Makes a version; all versions of a stack share a folder, so that each is made when it is its turn.
    version: Box<dyn Fn(usize) -> Result<Vec<Stack>, Failure> + 'a>,
    /// The services that each update changes, by full name.
    updates: &'a [&'a [&'a str]],
    edge: Edge<'a>,
}

/// What stands before a system: an nginx that stays.
struct Edge<'a> {
    /// The networks it is on, by their real names.
    networks: &'a [&'a str],
    configuration: &'a str,
    /// The port through which the system is asked.
    port: u16,
}

/// How the load goes with the updates.
#[derive(Clone, Copy)]
enum Under {
    /// Through all of them.
    OneLoad,
    /// Until an update has lost a request.
    LoadUntilLost,
}

impl System<'_> {
    /// Deploys, updates under load, counts, and takes everything down.
    fn updated(&self, under: Under) -> Result<Outcome, Failure> {
        let engine = engine()?;
        let first = (self.version)(1)?;
        let edge = self.edge.stack(self.name)?;
        // The edge is taken down first: it is on the others' network.
        let all = || [&edge].into_iter().chain(&first);
        let outcome = engine
            .deploys(&first)
            .and_then(|()| engine.deploys([&edge]))
            .and_then(|()| {
                let stacks: Vec<String> = all().map(|stack| stack.name.clone()).collect();
                self.loaded(engine, &stacks, under)
            });
        engine.remove(all())?;
        if let Ok(outcome) = &outcome {
            println!("  {}: {outcome}", self.name);
        }
        outcome
    }

    fn loaded(&self, engine: &Engine, stacks: &[String], under: Under) -> Result<Outcome, Failure> {
        let mut load = Load::start(self.edge.port, stacks)?;
        let mut before: Option<Outcome> = None;
        let mut last = Vec::new();
        for (index, services) in self.updates.iter().enumerate() {
            sleep(Duration::from_secs(1));
            last = (self.version)(index + 2)?;
            engine.updates(&last, services)?;
            if let Under::LoadUntilLost = under {
                let now = load.end()?;
                if now.lost > 0 {
                    return Ok(now.after(before));
                }
                before = Some(now.after(before));
                load = Load::start(self.edge.port, stacks)?;
            }
        }
        sleep(Duration::from_secs(2));
        let outcome = load.end()?.after(before);
        engine.deploys_again_without_a_new_task(&last)?;
        Ok(outcome)
    }
}

impl Edge<'_> {
    fn stack(&self, system: &str) -> Result<Stack, Failure> {
        let name = format!("{system}-edge");
        let (mut joined, mut declared) = (Vec::new(), Vec::new());
        for (index, network) in self.networks.iter().enumerate() {
            joined.push(format!("net{index}"));
            declared.push(format!("net{index}: {{external: true, name: {network}}}"));
        }
        let text = format!(
            r#"version: "3.8"
services:
  edge:
    image: edge/nginx:1
    networks: [{}]
    ports: [{{target: 80, published: {}, mode: host}}]
    configs: [{{source: conf, target: /etc/nginx/conf.d/default.conf}}]
    deploy: {{endpoint_mode: dnsrr}}
networks: {{{}}}
configs: {{conf: {{file: ./edge.conf}}}}
"#,
            joined.join(", "),
            self.port,
            declared.join(", ")
        );
        written(&name, &text, &[("edge.conf", self.configuration)])
    }
}

/// A stack file of our own, with files beside it.
fn written(name: &str, text: &str, beside: &[(&str, &str)]) -> Result<Stack, Failure> {
    let folder = folder(&format!("written/{name}"));
    let stack = format!("{name}.yml");
    for (file, text) in beside.iter().chain(&[(stack.as_str(), text)]) {
        std::fs::write(folder.join(file), text).map_err(|error| error.to_string())?;
    }
    engine()?.read(&folder.join(&stack), &[])
}

impl Engine {
    fn deploys<'s>(&self, stacks: impl IntoIterator<Item = &'s Stack> + Clone) -> Verdict {
        for stack in stacks.clone() {
            self.prepare(std::slice::from_ref(stack))?;
            self.deploy(stack)?;
        }
        stacks
            .into_iter()
            .try_for_each(|stack| self.converges(stack, Duration::from_secs(90)))
    }

    /// Deploys a new version and waits until the engine says of each service that it has it.
    fn updates(&self, stacks: &[Stack], services: &[&str]) -> Verdict {
        let before = statuses(services)?;
        self.prepare(stacks)?;
        for stack in stacks {
            self.deploy(stack)?;
        }
        let ended = wait(Duration::from_secs(120), || {
            sleep(Duration::from_millis(200));
            let now = statuses(services)?;
            let begun = |(before, now): (&Value, &Value)| before["StartedAt"] != now["StartedAt"];
            // It may stand for the update before, or for none yet.
            let all_begun = before.iter().zip(&now).all(begun);
            if all_begun && now.iter().all(|now| now["State"] != "updating") {
                Ok(now)
            } else {
                Err(format!("{now:?}"))
            }
        })?;
        let completed = ended.iter().all(|status| status["State"] == "completed");
        ensure(completed, || format!("{ended:?}"))
    }
}

fn statuses(services: &[&str]) -> Result<Vec<Value>, String> {
    let status = |name: &&str| {
        let service = socket::get(&format!("/services/{name}"))?;
        Ok(service["UpdateStatus"].clone())
    };
    services.iter().map(status).collect()
}
