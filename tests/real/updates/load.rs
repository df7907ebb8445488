//! The load on a system, and what became of its requests.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use regex_lite::Regex;
use serde_json::Value;

use crate::machine::{built, run, state, wait};
use crate::swarm::engine;
use crate::{Failure, Verdict, ensure};

/// Requests a second.
const RATE: u32 = 80;

/// How many loads there were: no two requests of a system have one name.
static LOADS: AtomicU32 = AtomicU32::new(0);

/// What became of the requests.
pub(super) struct Outcome {
    total: u64,
    pub(super) lost: u64,
    by: String,
    twice: Vec<String>,
    /// What the proxies said of errors, and how often.
    said: BTreeMap<String, u32>,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            total,
            lost,
            by,
            twice,
            ..
        } = self;
        write!(
            f,
            "{lost} of {total} requests lost {by}, {} received twice",
            twice.len()
        )?;
        match twice.first() {
            Some(first) => write!(f, ", {first}"),
            None => Ok(()),
        }
    }
}

impl Outcome {
    pub(super) fn is_clean(&self) -> Verdict {
        ensure(self.total > 1_000, || format!("too few requests: {self}"))?;
        ensure(self.lost == 0 && self.twice.is_empty(), || {
            format!("{self}\n{:#?}", self.said)
        })
    }

    /// Less than one in a hundred: instances end badly, and others serve all the time.
    pub(super) fn loses_few(&self) -> Verdict {
        ensure(self.total > 100 && self.lost * 100 < self.total, || {
            format!("{self}\n{:#?}", self.said)
        })
    }

    pub(super) fn loses_some(&self) -> Verdict {
        ensure(self.lost > 0, || self.to_string())
    }

    /// With what came before it.
    pub(super) fn after(mut self, before: Option<Self>) -> Self {
        if let Some(before) = before {
            self.total += before.total;
            self.lost += before.lost;
            self.by = format!("{} {}", before.by, self.by);
        }
        self
    }
}

/// The running load client of a system.
pub(super) struct Load {
    client: Child,
    /// What each of its requests' names begins with.
    number: u32,
    stacks: Vec<String>,
}

impl Load {
    /// Asks the edge, which stands before these stacks.
    pub(super) fn start(edge: u16, stacks: &[String]) -> Result<Self, Failure> {
        let address = format!("127.0.0.1:{edge}");
        let load = built("swarm", "load")?;
        let workload = built("swarm", "workload")?;
        // Once through, so that the edge is up.
        wait(Duration::from_secs(30), || {
            let mut probe = Command::new(&workload);
            probe.arg0("curl").arg(format!("http://{address}/"));
            run(probe)
        })
        .map_err(|why| unanswered(&why, stacks))?;
        let mut client = Command::new(load);
        client.args(["run", "--address", &address, "--most", "5m"]);
        client.args(["--rate", &RATE.to_string()]);
        let number = LOADS.fetch_add(1, Ordering::Relaxed);
        client.args(["--number", &number.to_string()]);
        let client = client.stdout(Stdio::piped()).stdin(Stdio::null()).spawn();
        let client = client.map_err(|error| error.to_string())?;
        let stacks = stacks.to_vec();
        Ok(Self {
            client,
            number,
            stacks,
        })
    }

    /// Ends it, and reads what the programs received.
    pub(super) fn end(self) -> Result<Outcome, Failure> {
        let mut stop = Command::new("kill");
        stop.args(["-TERM", &self.client.id().to_string()]);
        run(stop)?;
        let counted = self.client.wait_with_output();
        let counted = counted.map_err(|error| error.to_string())?;
        let counted: Value =
            serde_json::from_slice(&counted.stdout).map_err(|error| error.to_string())?;
        let (total, lost) = (counted["total"].as_u64(), counted["lost"].as_u64());
        let (total, lost) = (total.unwrap_or(0), lost.unwrap_or(0));
        // The engine writes a container's last lines when it comes to it.
        let (logs, received) = wait(Duration::from_secs(10), || {
            let logs = logs(&self.stacks)?;
            let received = received(&logs, self.number);
            // The front one of several received them all.
            let most = received.values().map(BTreeMap::len).max().unwrap_or(0);
            if most as u64 >= total - lost {
                Ok((logs, received))
            } else {
                Err(format!(
                    "of {total} requests {most} were seen to be received"
                ))
            }
        })?;
        let twice = received.iter().flat_map(|(port, requests)| {
            let again = requests.iter().filter(|(_, times)| **times > 1);
            again.map(move |(request, times)| format!("{request} on {port}: {times} times"))
        });
        Ok(Outcome {
            total,
            lost,
            by: counted["by"].to_string(),
            twice: twice.collect(),
            said: errors(&logs),
        })
    }
}

/// Why the edge does not answer: what the proxies said of errors, and what became of the tasks.
fn unanswered(why: &str, stacks: &[String]) -> String {
    let said = logs(stacks).map(|logs| errors(&logs));
    let mut told = format!("{why}\n{said:#?}\n");
    for stack in stacks {
        let format = "--format={{.Name}} {{.ID}}: {{.CurrentState}} {{.Error}}";
        let tasks = engine().map(|engine| engine.docker(&["stack", "ps", format, stack]));
        told.push_str(
            &tasks.map_or_else(|_| String::new(), |tasks| tasks.unwrap_or_else(|why| why)),
        );
    }
    told
}

/// What the containers of the stacks wrote, those that have ended too.
fn logs(stacks: &[String]) -> Result<Vec<String>, String> {
    let containers = state().join("docker/data/containers");
    let entries = std::fs::read_dir(containers).map_err(|error| error.to_string())?;
    let mut logs = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let read = |name: &str| std::fs::read_to_string(entry.path().join(name));
        let config = read("config.v2.json").unwrap_or_default();
        let config: Value = serde_json::from_str(&config).unwrap_or_default();
        let stack = config["Config"]["Labels"]["com.docker.stack.namespace"].as_str();
        if stack.is_some_and(|stack| stacks.iter().any(|ours| ours == stack)) {
            let name = format!("{}-json.log", entry.file_name().to_string_lossy());
            match read(&name) {
                Ok(log) => logs.push(log),
                // A task that was told to go before it ran wrote none.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    Ok(logs)
}

/// What the programs wrote of each request of a load, by port: how often it came.
fn received(logs: &[String], number: u32) -> BTreeMap<String, BTreeMap<String, u32>> {
    let line = format!(r#""received (\d+) ([A-Z]+ {number}-[0-9-]+)\\n""#);
    let line = Regex::new(&line).unwrap();
    let mut all: BTreeMap<String, BTreeMap<String, u32>> = BTreeMap::new();
    for found in logs.iter().flat_map(|log| line.captures_iter(log)) {
        let requests = all.entry(found[1].to_owned()).or_default();
        *requests.entry(found[2].to_owned()).or_default() += 1;
    }
    all
}

/// What nginx wrote, without time, connection and client.
fn errors(logs: &[String]) -> BTreeMap<String, u32> {
    let line = Regex::new(
        r#"\[(?:warn|error|crit|alert|emerg)\] [\d#]+: (?:\*\d+ )?([^"]*?)(?:, client|\\n)"#,
    );
    let line = line.unwrap();
    let mut all = BTreeMap::new();
    for found in logs.iter().flat_map(|log| line.captures_iter(log)) {
        *all.entry(found[1].to_owned()).or_default() += 1;
    }
    all
}
