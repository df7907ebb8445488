//! Records a rollout on a swarm of one node: what the engine's API says, ten times a second.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::Case;
use super::stack::{merged, stack};
use crate::machine::{built, folder, run, state, wait};
use crate::swarm::{Engine, Stack, engine, environment};
use crate::{Failure, Verdict, socket};

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(100);

/// An engine that has the subject's images.
pub(super) struct Recorder {
    engine: &'static Engine,
    version: String,
    day: String,
    /// `Engine::read` writes into one folder for each stack.
    reading: Mutex<()>,
}

/// What was seen at one look.
#[derive(Clone, PartialEq)]
struct Look {
    serving: Vec<String>,
    containers: usize,
    status: Value,
}

impl Recorder {
    pub(super) fn start() -> Result<Self, Failure> {
        let engine = engine()?;
        // What a task wrote is gone with it.
        engine.docker(&["swarm", "update", "--task-history-limit", "50"])?;
        let subject = built("swarm", "subject")?;
        let image = folder("subject");
        std::fs::copy(subject, image.join("subject")).map_err(|error| error.to_string())?;
        for name in ["demo:v1", "demo:v2"] {
            let mut import = Command::new("sh");
            import.args([
                "-c",
                r#"tar c -C "$1" . | "$2" import -c 'ENTRYPOINT ["/subject"]' - "$3""#,
                "sh",
            ]);
            import.arg(&image).arg(built("swarm", "docker")?).arg(name);
            import.envs(environment());
            run(import)?;
        }
        let version = socket::get("/version")?;
        let mut day = Command::new("date");
        day.args(["-u", "+%F"]);
        Ok(Self {
            engine,
            version: version["Version"].as_str().unwrap_or_default().to_owned(),
            day: run(day)?.trim().to_owned(),
            reading: Mutex::new(()),
        })
    }

    /// A recording's `summary`, its `timeline` (milliseconds, serving, containers, update state) and where it is from.
    pub(super) fn recorded(&self, name: &str, case: &Case) -> Result<Value, Failure> {
        let first = stack(&case.params, "v1", &merged(None, case.params.get("v1")));
        let first = self.read(name, &first)?;
        self.engine.deploy(&first)?;
        let seen = settled(name, case).and_then(|()| self.rolled_out(name, case));
        self.engine.remove([&first])?;
        let mut seen = seen?;
        seen["engine"] = json!(format!("Docker Engine {}", self.version));
        seen["recorded"] = json!(self.day);
        Ok(seen)
    }

    fn read(&self, name: &str, stack: &Value) -> Result<Stack, Failure> {
        let _one = self.reading.lock().unwrap();
        let file: PathBuf = folder(&format!("recorded/{name}")).join(format!("{name}.yml"));
        std::fs::write(&file, stack.to_string()).map_err(|error| error.to_string())?;
        self.engine.read(&file, &[])
    }

    /// Does the steps, and looks until the last update has ended and a while longer.
    fn rolled_out(&self, name: &str, case: &Case) -> Result<Value, Failure> {
        let params = &case.params;
        let steps = steps(params);
        let mut steps = steps.iter().peekable();
        let (most, longer) = (
            seconds(params.get("max_s"), 90.0),
            seconds(params.get("post_s"), 2.0),
        );
        let start = Instant::now();
        let begun = epoch();
        let mut looks: Vec<(u64, Look)> = Vec::new();
        let mut ended: Option<Instant> = None;
        let mut refused = Vec::new();
        let mut last = look(name)?;
        looks.push((epoch(), last.clone()));
        while start.elapsed() < most {
            let due = |step: &&Step| start.elapsed() >= step.at;
            if let Some(step) = steps.next_if(due) {
                if let Err(why) = self.does(name, params, step) {
                    refused.push(why);
                }
                ended = None;
            }
            last = look(name)?;
            if looks.last().is_none_or(|(_, before)| *before != last) {
                looks.push((epoch(), last.clone()));
            }
            let state = last.status["State"].as_str().unwrap_or_default();
            let over = matches!(
                state,
                "completed" | "paused" | "rollback_completed" | "rollback_paused"
            );
            let over = over || params.contains_key("noupdate") && state.is_empty();
            match ended {
                _ if !over || steps.peek().is_some() => ended = None,
                None => ended = Some(Instant::now()),
                Some(ended) if ended.elapsed() > longer => break,
                Some(_) => {}
            }
            sleep(PERIOD);
        }
        if let Some(why) = refused.pop() {
            return Err(why);
        }
        let timed_out = start.elapsed() >= most;
        Ok(summed_up(begun, &looks, &last, timed_out, &listening()))
    }

    fn does(&self, name: &str, params: &Map<String, Value>, step: &Step) -> Verdict {
        if let Some(command) = &step.command {
            let command = command.replace("{svc}", &format!("{name}_app"));
            let words: Vec<&str> = command.split_whitespace().skip(1).collect();
            self.engine.docker(&words)?;
            return Ok(());
        }
        let over = merged(Some(&json!(params)), Some(&step.over));
        let stack = stack(&over, &step.version, &step.environment);
        self.engine.deploy(&self.read(name, &stack)?)
    }
}

/// The first version runs, and goes on doing so.
fn settled(name: &str, case: &Case) -> Verdict {
    let params = &case.params;
    let wanted = params.get("want").or(params.get("replicas"));
    let wanted = wanted.and_then(Value::as_u64).unwrap_or(1);
    let mut often = 0;
    wait(Duration::from_secs(60), || {
        let look = look(name)?;
        often = if look.serving.len() as u64 >= wanted {
            often + 1
        } else {
            0
        };
        if often > 5 {
            Ok(())
        } else {
            Err(format!("{} serve", look.serving.len()))
        }
    })?;
    sleep(seconds(params.get("settle"), 0.5));
    Ok(())
}

/// Something that is done to the service.
struct Step {
    at: Duration,
    command: Option<String>,
    version: String,
    environment: Map<String, Value>,
    over: Value,
}

fn steps(params: &Map<String, Value>) -> Vec<Step> {
    let base = params.get("base");
    let Some(steps) = params.get("steps").and_then(Value::as_array) else {
        return vec![Step {
            at: Duration::ZERO,
            command: None,
            version: "v2".to_owned(),
            environment: merged(base, params.get("v2")),
            over: json!({}),
        }];
    };
    let step = |step: &Value| Step {
        at: Duration::from_millis(step["at"].as_u64().unwrap_or_default()),
        command: step["cmd"].as_str().map(str::to_owned),
        version: step["ver"].as_str().unwrap_or("v2").to_owned(),
        environment: merged(base, step.get("env")),
        over: step["over"].clone(),
    };
    steps.iter().map(step).collect()
}

fn look(name: &str) -> Result<Look, String> {
    let containers = socket::of_stack("containers/json", name)?;
    let service = socket::get(&format!("/services/{name}_app"))?;
    let filter = socket::encoded(&format!(r#"{{"service":["{name}_app"]}}"#));
    let tasks = socket::get(&format!("/tasks?filters={filter}"))?;
    let tasks = tasks.as_array().cloned().unwrap_or_default();
    let serves =
        |task: &&Value| task["DesiredState"] == "running" && task["Status"]["State"] == "running";
    let container = |task: &Value| {
        let id = task["Status"]["ContainerStatus"]["ContainerID"].as_str();
        id.unwrap_or_default().to_owned()
    };
    let mut serving: Vec<String> = tasks.iter().filter(serves).map(container).collect();
    serving.sort_unstable();
    Ok(Look {
        serving,
        containers: containers
            .iter()
            .filter(|it| it["State"] == "running")
            .count(),
        status: service["UpdateStatus"].clone(),
    })
}

/// When each container began to listen, and when it ended of itself or was told to.
type Listening = BTreeMap<String, (u64, u64)>;

/// From what the subject has written.
fn listening() -> Listening {
    let folder = state().join("docker/data/containers");
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let of = |entry: std::fs::DirEntry| {
        let id = entry.file_name().to_string_lossy().into_owned();
        let log = entry.path().join(format!("{id}-json.log"));
        let text = std::fs::read_to_string(log).ok()?;
        let said = |what: &str| {
            let (_, rest) = text.split_once(&format!("\"{what} "))?;
            rest.split_once('\\')?.0.parse::<u64>().ok()
        };
        Some((id, (said("listens")?, said("ends").unwrap_or(u64::MAX))))
    };
    entries.filter_map(Result::ok).filter_map(of).collect()
}

fn summed_up(
    begun: u64,
    looks: &[(u64, Look)],
    last: &Look,
    timed_out: bool,
    listening: &Listening,
) -> Value {
    let listens = |at: u64, container: &String| {
        let known = listening.get(container);
        known.is_some_and(|(from, until)| *from <= at && at < *until)
    };
    let ready = |(at, look): &(u64, Look)| {
        look.serving
            .iter()
            .filter(|container| listens(*at, container))
            .count()
    };
    let time = |key: &str| last.status[key].as_str().and_then(of_day);
    let duration = time("StartedAt").zip(time("CompletedAt"));
    let duration = duration.map(|(from, until)| (until + DAY - from) % DAY);
    let timeline: Vec<Value> = looks
        .iter()
        .map(|(at, look)| {
            let at = at.saturating_sub(begun);
            json!([
                at,
                look.serving.len(),
                look.containers,
                look.status["State"]
            ])
        })
        .collect();
    json!({
        "summary": {
            "final_update_state": last.status["State"],
            "min_serving": looks.iter().map(|(_, look)| look.serving.len()).min(),
            "min_ready": looks.iter().map(ready).min(),
            "max_containers": looks.iter().map(|(_, look)| look.containers).max(),
            "update_duration_ms": duration,
            "timed_out": timed_out,
        },
        "timeline": timeline,
    })
}

/// The milliseconds of a day.
const DAY: u64 = 86_400_000;

/// Milliseconds of the day of a time as the engine writes it: `2026-01-31T12:00:00.123456789Z`.
fn of_day(text: &str) -> Option<u64> {
    let (_, time) = text.strip_suffix('Z')?.split_once('T')?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = whole.split(':').map(str::parse::<u64>);
    let (hours, minutes, seconds) = (
        parts.next()?.ok()?,
        parts.next()?.ok()?,
        parts.next()?.ok()?,
    );
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000 + millis.parse::<u64>().ok()?)
}

fn epoch() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

fn seconds(value: Option<&Value>, otherwise: f64) -> Duration {
    Duration::from_secs_f64(value.and_then(Value::as_f64).unwrap_or(otherwise))
}
