//! Records rollouts of the real orchestrators, for the models to be held to: `tests/rollouts/record`.
//!
//! What is deployed comes from recordings (`--again`), each as often as asked for, or is generated from a seed
//! (`--generated`). Each recording is a line of JSON in the format of `tests/rollouts/traces`, with the version of what
//! was recorded and the day; what was recorded is then judged, and a model that is not sound fails the command.

mod generated;
mod kubernetes;
mod stack;
mod swarm;

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread::scope;

use serde_json::{Map, Value, json};
use zdc::models::swarm::GUARANTEED;
use zdc::traces;

use crate::Failure;

pub(crate) const USAGE: &str = "usage: record {swarm|kubernetes} (--again FILE [--case NAME]... | --generated COUNT [--seed SEED] \
     [--of deployment|statefulset|drain]) [--times COUNT] [--at-once COUNT] --into FILE";

/// What is recorded, and where to.
#[derive(Default)]
struct Order {
    of: Kind,
    again: Option<PathBuf>,
    names: Vec<String>,
    generated: u32,
    seed: u64,
    times: u32,
    at_once: usize,
    into: PathBuf,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Swarm,
    Deployment,
    StatefulSet,
    Drain,
}

/// A rollout that is to be recorded.
pub(crate) struct Case {
    name: String,
    params: Map<String, Value>,
}

pub(crate) fn main(words: &[String]) -> ExitCode {
    let result = order(words)
        .map_err(|why| Failure::Wrong(format!("{why}\n{USAGE}")))
        .and_then(|order| record(&order));
    match result {
        Ok(sound) if sound => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(Failure::Wrong(why)) => {
            println!("{why}");
            ExitCode::from(2)
        }
        Err(Failure::Absent { consumer, why }) => {
            println!("{consumer}: {why}");
            ExitCode::from(2)
        }
    }
}

fn order(words: &[String]) -> Result<Order, String> {
    let mut order = Order {
        times: 1,
        at_once: 2,
        ..Order::default()
    };
    let mut words = words.iter();
    match words.next().map(String::as_str) {
        Some("swarm") => {}
        Some("kubernetes") => order.of = Kind::Deployment,
        _ => return Err("what is recorded is a `swarm` or `kubernetes`".to_owned()),
    }
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("{option} of what?"))?;
        let count = || {
            value
                .parse::<u32>()
                .map_err(|_| format!("{option} {value}"))
        };
        match option.as_str() {
            "--again" => order.again = Some(value.into()),
            "--case" => order.names.push(value.clone()),
            "--generated" => order.generated = count()?,
            "--seed" => order.seed = u64::from(count()?),
            "--of" if order.of == Kind::Swarm => return Err("a swarm has one kind".to_owned()),
            "--of" => {
                order.of = match value.as_str() {
                    "deployment" => Kind::Deployment,
                    "statefulset" => Kind::StatefulSet,
                    "drain" => Kind::Drain,
                    _ => return Err(format!("--of {value}")),
                }
            }
            "--times" => order.times = count()?,
            "--at-once" => order.at_once = count()?.max(1) as usize,
            "--into" => order.into = value.into(),
            _ => return Err(format!("what is {option}?")),
        }
    }
    if order.into.as_os_str().is_empty() {
        return Err("--into is missing".to_owned());
    }
    Ok(order)
}

fn cases(order: &Order) -> Result<Vec<Case>, String> {
    let generate = match order.of {
        Kind::Swarm => generated::cases,
        Kind::Deployment => generated::deployments,
        Kind::StatefulSet => generated::stateful_sets,
        Kind::Drain => generated::drains,
    };
    let mut cases = generate(order.generated, order.seed);
    if let Some(file) = &order.again {
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            let name = value["name"].as_str().unwrap_or_default().to_owned();
            let params = value["params"].as_object().cloned().unwrap_or_default();
            if order.names.is_empty() || order.names.contains(&name) {
                cases.push(Case { name, params });
            }
        }
    }
    let unknown = order
        .names
        .iter()
        .find(|name| !cases.iter().any(|case| case.name == **name));
    match unknown {
        Some(name) => Err(format!("there is no recording `{name}`")),
        None => Ok(cases),
    }
}

/// What records.
enum Recorder {
    Swarm(swarm::Recorder),
    Kubernetes(kubernetes::Recorder),
}

impl Recorder {
    fn start(order: &Order) -> Result<Self, Failure> {
        if order.of == Kind::Swarm {
            swarm::Recorder::start().map(Self::Swarm)
        } else {
            kubernetes::Recorder::start().map(Self::Kubernetes)
        }
    }

    fn recorded(&self, place: &str, case: &Case) -> Result<Value, Failure> {
        match self {
            Self::Swarm(recorder) => recorder.recorded(place, case),
            Self::Kubernetes(recorder) => recorder.recorded(place, case),
        }
    }
}

/// Records, writes, and judges all that was written.
fn record(order: &Order) -> Result<bool, Failure> {
    let cases = cases(order)?;
    let recorder = Recorder::start(order)?;
    let all = (1..=order.times).flat_map(|time| cases.iter().map(move |case| (time, case)));
    let open: Mutex<VecDeque<_>> = Mutex::new(all.collect());
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&order.into)
        .map_err(|error| format!("{}: {error}", order.into.display()))?;
    let file = Mutex::new(file);
    let next = || open.lock().unwrap().pop_front();
    scope(|scope| {
        for worker in 0..order.at_once {
            let (next, file, recorder) = (&next, &file, &recorder);
            scope.spawn(move || {
                while let Some((time, case)) = next() {
                    let stack = format!("r{worker}");
                    match recorder.recorded(&stack, case) {
                        Ok(seen) => {
                            println!("{} ({time}): {}", case.name, seen["summary"]);
                            let line = line(case, time, order.again.is_some(), seen);
                            writeln!(file.lock().unwrap(), "{line}").unwrap();
                        }
                        Err(Failure::Wrong(why)) => println!("{} ({time}): {why}", case.name),
                        Err(Failure::Absent { why, .. }) => println!("{why}"),
                    }
                }
            });
        }
    });
    judged(order)
}

fn line(case: &Case, time: u32, again: bool, seen: Value) -> Value {
    let repeats = again || time > 1;
    let mut line = json!({ "name": case.name, "params": case.params });
    if repeats {
        line["name"] = json!(format!("{} again {time}", case.name));
        line["repeats"] = json!(case.name);
    }
    if let (Some(line), Value::Object(seen)) = (line.as_object_mut(), seen) {
        line.extend(seen);
    }
    line
}

fn judged(order: &Order) -> Result<bool, Failure> {
    let text = std::fs::read_to_string(&order.into).map_err(|error| error.to_string())?;
    let cases = traces::read(&text).map_err(|error| error.to_string())?;
    let report = traces::judge(&cases, &GUARANTEED);
    for case in report.cases.iter().filter(|case| !case.unsound.is_empty()) {
        println!("UNSOUND {}: {}", case.name, case.unsound.join(", "));
    }
    println!(
        "{} recordings: {} modelled, {} sound; of {} cases {} as predicted",
        report.cases.len(),
        report.modelled(),
        report.sound(),
        report.distinct(),
        report.tight()
    );
    Ok(report.sound() == report.modelled())
}
