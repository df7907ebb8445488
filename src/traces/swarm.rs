//! Recordings of a swarm: parameters to a scenario.
//!
//! The application that was recorded takes its behaviour from the environment: `START_DELAY_MS`,
//! `HEALTH_DELAY_MS`, `DRAIN_MS`, `IGNORE_TERM`, `EXIT_CODE` after SIGTERM (0 without it), and
//! `FAIL`: `unhealthy`, `unhealthy-after:MS`, or `crash:MS`, which ends with 3.

use super::Seen;
use super::fields::{Fields, millis, wrong};
use crate::models::interval::{Interval, Millis};
use crate::models::prediction::Outcome;
use crate::models::swarm::{
    Action, Behaviour, Exit, FailureAction, Fault, Frees, Health, Order, Policy, Restart,
    RestartCondition, Room, Scenario, Service, Step, Task,
};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// What the machine of the recordings had.
const CORES: f64 = 2.0;

/// The default of `stop_grace_period`.
const GRACE: Millis = 10_000;

/// The scenario of a recording's parameters, or which of them no model takes.
pub(super) fn scenario(params: &Object) -> Result<Scenario, String> {
    let mut revisions = Revisions::default();
    let mut fields = Fields::new(params);
    // How long it took, how the client was called, where it connects to.
    fields.pass_over(&["name", "max_s", "settle", "args", "note"]);
    let before = service(params, "v1", fields.object("v1")?, &mut revisions)?;
    let steps = if let Some(steps) = fields.get("steps") {
        listed(params, steps, &mut fields, &mut revisions, &before)?
    } else {
        let environment = merged(fields.object("base")?, fields.object("v2")?);
        let after = service(params, "v2", Some(&environment), &mut revisions)?;
        vec![Step {
            at: Interval::NOW,
            action: Action::Deploy(after),
        }]
    };
    fields.pass_over(&SERVICE_KEYS);
    fields.pass_over(&["base", "v1", "v2", "noupdate"]);
    let watched = fields.number("post_s")?.unwrap_or(2.0) * 1_000.0;
    let scenario = Scenario {
        up: fields.count("want")? != Some(0),
        room: room(&mut fields)?,
        watched: millis(watched),
        before,
        steps,
    };
    fields.all_taken()?;
    within_bounds(&scenario)?;
    Ok(scenario)
}

/// A search of more than this would not end in bearable time.
fn within_bounds(scenario: &Scenario) -> Result<(), String> {
    const MOST_REPLICAS: u32 = 8;
    const MOST_STEPS: usize = 8;
    let deployed = scenario.steps.iter().filter_map(|step| match &step.action {
        Action::Deploy(service) => Some(service),
        Action::Rollback => None,
    });
    let mut services = deployed.chain([&scenario.before]);
    if services.any(|service| service.replicas > MOST_REPLICAS) {
        return Err(format!("more than {MOST_REPLICAS} replicas"));
    }
    if scenario.steps.len() > MOST_STEPS {
        return Err(format!("more than {MOST_STEPS} steps"));
    }
    Ok(())
}

/// What [`service`] reads.
const SERVICE_KEYS: [&str; 13] = [
    "replicas",
    "replicas2",
    "mode",
    "order",
    "par",
    "delay",
    "monitor",
    "fa",
    "ratio",
    "rb",
    "rp",
    "hc",
    "grace",
];

fn listed(
    params: &Object,
    steps: &Value,
    fields: &mut Fields<'_>,
    revisions: &mut Revisions,
    before: &Service,
) -> Result<Vec<Step>, String> {
    let list = steps.as_array().ok_or_else(|| wrong("steps", steps))?;
    let base = fields.object("base")?;
    let mut last = before.clone();
    let mut done = Vec::new();
    for step in list {
        let step = step.as_object().ok_or_else(|| wrong("steps", steps))?;
        let mut of_step = Fields::new(step);
        of_step.pass_over(&["args"]);
        let at = of_step.count("at")?.unwrap_or_default();
        let action = if let Some(command) = of_step.text("cmd")? {
            commanded(command, &mut last, revisions)?
        } else {
            let over = merged(Some(params), of_step.object("over")?);
            let environment = merged(base, of_step.object("env")?);
            let version = of_step.text("ver")?.unwrap_or("v2");
            last = service(&over, version, Some(&environment), revisions)?;
            Action::Deploy(last.clone())
        };
        of_step.all_taken()?;
        done.push(Step {
            at: Interval::exactly(at),
            action,
        });
    }
    Ok(done)
}

/// What a call of the client does to a service.
fn commanded(
    command: &str,
    last: &mut Service,
    revisions: &mut Revisions,
) -> Result<Action, String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let unknown = || format!("the command `{command}`");
    let ["docker", "service", verb, arguments @ ..] = words.as_slice() else {
        return Err(unknown());
    };
    let mut arguments = arguments.iter();
    match *verb {
        "rollback" => return Ok(Action::Rollback),
        "scale" => {
            let count = arguments.find_map(|word| word.split_once('='));
            let count = count.and_then(|(_, count)| count.parse().ok());
            last.replicas = count.ok_or_else(unknown)?;
        }
        "update" => {
            while let Some(word) = arguments.next() {
                match *word {
                    "-d" | "--detach" | "--no-resolve-image" | "{svc}" => {}
                    "--force" => {
                        last.task.revision = revisions.number(format!("forced {:?}", last.task));
                    }
                    "--image" => {
                        let image = arguments.next().ok_or_else(unknown)?;
                        last.task.revision = revisions.number(format!("{image} {:?}", last.task));
                        // The recordings know the images `demo:v1` and `demo:v2`.
                        if !matches!(*image, "demo:v1" | "demo:v2") {
                            last.task.behaviour.fault = Some(Fault::Rejected);
                        }
                    }
                    _ => return Err(unknown()),
                }
            }
        }
        _ => return Err(unknown()),
    }
    Ok(Action::Deploy(last.clone()))
}

fn service(
    params: &Object,
    version: &str,
    environment: Option<&Object>,
    revisions: &mut Revisions,
) -> Result<Service, String> {
    let mut fields = Fields::new(params);
    let mut replicas = fields.count("replicas")?.unwrap_or(1);
    if let Some(later) = fields.count("replicas2")?
        && version != "v1"
    {
        replicas = later;
    }
    match fields.text("mode")? {
        None | Some("replicated") => {}
        // One on each node, and there was one node.
        Some("global") => replicas = 1,
        Some(other) => return Err(format!("`mode` = {other}")),
    }
    let rollback = match fields.object("rb")? {
        Some(rollback) => policy(rollback, &ROLLBACK_KEYS)?,
        None => Policy::DEFAULT,
    };
    Ok(Service {
        replicas,
        task: task(&mut fields, version, environment, revisions)?,
        update: policy(params, &UPDATE_KEYS)?,
        rollback,
    })
}

/// What a policy's parts are called.
struct PolicyKeys {
    order: &'static str,
    parallelism: &'static str,
    delay: &'static str,
    monitor: &'static str,
    action: &'static str,
    ratio: &'static str,
}

const UPDATE_KEYS: PolicyKeys = PolicyKeys {
    order: "order",
    parallelism: "par",
    delay: "delay",
    monitor: "monitor",
    action: "fa",
    ratio: "ratio",
};

const ROLLBACK_KEYS: PolicyKeys = PolicyKeys {
    order: "order",
    parallelism: "parallelism",
    delay: "delay",
    monitor: "monitor",
    action: "failure_action",
    ratio: "max_failure_ratio",
};

fn policy(params: &Object, keys: &PolicyKeys) -> Result<Policy, String> {
    let mut fields = Fields::new(params);
    let default = Policy::DEFAULT;
    let ratio = fields.number(keys.ratio)?.unwrap_or_default();
    let ratio = millis(ratio * 1_000.0).ok_or_else(|| format!("`{}` = {ratio}", keys.ratio))?;
    let policy = Policy {
        order: match fields.text(keys.order)? {
            None => default.order,
            Some("start-first") => Order::StartFirst,
            Some("stop-first") => Order::StopFirst,
            Some(other) => return Err(format!("`{}` = {other}", keys.order)),
        },
        parallelism: fields
            .count(keys.parallelism)?
            .unwrap_or(default.parallelism),
        delay: fields.duration(keys.delay)?.unwrap_or(default.delay),
        monitor: fields.duration(keys.monitor)?.unwrap_or(default.monitor),
        on_failure: match fields.text(keys.action)? {
            None | Some("pause") => FailureAction::Pause,
            Some("continue") => FailureAction::Continue,
            Some("rollback") => FailureAction::Rollback,
            Some(other) => return Err(format!("`{}` = {other}", keys.action)),
        },
        max_failure_ratio: ratio,
    };
    if keys.parallelism == ROLLBACK_KEYS.parallelism {
        fields.all_taken()?;
    }
    Ok(policy)
}

fn task(
    fields: &mut Fields<'_>,
    version: &str,
    environment: Option<&Object>,
    revisions: &mut Revisions,
) -> Result<Task, String> {
    let grace = fields.duration("grace")?;
    let revision = json!([
        version,
        environment.cloned().unwrap_or_default(),
        fields.get("hc"),
        grace,
        fields.get("rp"),
    ]);
    Ok(Task {
        revision: revisions.number(revision.to_string()),
        behaviour: behaviour(environment)?,
        health: health(fields)?,
        grace: grace.unwrap_or(GRACE),
        restart: restart(fields)?,
    })
}

fn behaviour(environment: Option<&Object>) -> Result<Behaviour, String> {
    let text = |key: &str| {
        let value = environment.and_then(|environment| environment.get(key));
        value.map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    };
    let time = |key: &str| -> Result<Millis, String> {
        let value = text(key);
        value.map_or(Ok(0), |value| {
            let time = value.parse();
            time.map_err(|_| format!("`{key}` = {value}"))
        })
    };
    let exit = match text("EXIT_CODE").as_deref() {
        None | Some("" | "0") => Exit::Success,
        Some(_) => Exit::Failure,
    };
    Ok(Behaviour {
        listens_after: time("START_DELAY_MS")?,
        healthy_after: time("HEALTH_DELAY_MS")?,
        drain: time("DRAIN_MS")?,
        ignores_term: text("IGNORE_TERM").is_some_and(|value| !value.is_empty()),
        exit,
        fault: text("FAIL").map(|fail| fault(&fail)).transpose()?,
    })
}

fn fault(fail: &str) -> Result<Fault, String> {
    let unknown = || format!("`FAIL` = {fail}");
    if fail == "unhealthy" {
        return Ok(Fault::NeverHealthy);
    }
    let (kind, after) = fail.split_once(':').ok_or_else(unknown)?;
    let after = after.parse().map_err(|_| unknown())?;
    match kind {
        "crash" => Ok(Fault::Crash {
            after,
            exit: Exit::Failure,
        }),
        "unhealthy-after" => Ok(Fault::UnhealthyAfter(after)),
        _ => Err(unknown()),
    }
}

/// The check that the recordings use: each second, three failures in a row.
fn health(fields: &mut Fields<'_>) -> Result<Option<Health>, String> {
    let mut health = Health {
        interval: 1_000,
        retries: 3,
        start_period: 0,
    };
    match fields.get("hc") {
        None | Some(Value::Bool(false)) => return Ok(None),
        Some(Value::Bool(true)) => {}
        Some(Value::Object(written)) => {
            let mut fields = Fields::new(written);
            // The command, and a limit that no probe of the recordings came near.
            fields.pass_over(&["test", "timeout"]);
            health.interval = fields.duration("interval")?.unwrap_or(health.interval);
            health.retries = fields.count("retries")?.unwrap_or(health.retries);
            health.start_period = fields.duration("start_period")?.unwrap_or_default();
            fields.all_taken()?;
        }
        Some(other) => return Err(wrong("hc", other)),
    }
    Ok(Some(health))
}

fn restart(fields: &mut Fields<'_>) -> Result<Restart, String> {
    let Some(written) = fields.object("rp")? else {
        return Ok(Restart::DEFAULT);
    };
    let mut fields = Fields::new(written);
    // A task that gives up is one that is down: the model takes it for down at any time.
    fields.pass_over(&["max_attempts", "window"]);
    let restart = Restart {
        condition: match fields.text("condition")? {
            None | Some("any") => RestartCondition::Any,
            Some("on-failure") => RestartCondition::OnFailure,
            Some("none") => RestartCondition::None,
            Some(other) => return Err(format!("`condition` = {other}")),
        },
        delay: fields.duration("delay")?.unwrap_or(Restart::DEFAULT.delay),
    };
    fields.all_taken()?;
    Ok(restart)
}

fn room(fields: &mut Fields<'_>) -> Result<Option<Room>, String> {
    fields.pass_over(&["no_net"]);
    let told = fields.count("maxper")?.map(|places| Room {
        places,
        frees: Frees::WhenTold,
    });
    // One node, one port.
    let port = fields.count("hostport")?.map(|_| Room {
        places: 1,
        frees: Frees::WhenStopped,
    });
    let reserved = match fields.object("resv")? {
        None => None,
        Some(reserved) => {
            let mut fields = Fields::new(reserved);
            let cpus = fields
                .text("cpus")?
                .and_then(|cpus| cpus.parse::<f64>().ok());
            fields.all_taken()?;
            let places = cpus.and_then(|cpus| millis((CORES / cpus).floor()));
            Some(Room {
                places: places.ok_or("`resv` without `cpus`")?,
                frees: Frees::WhenStopped,
            })
        }
    };
    match [told, port, reserved]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .as_slice()
    {
        [] => Ok(None),
        [room] => Ok(Some(*room)),
        _ => Err("several limits at once".to_owned()),
    }
}

/// What was seen of a service.
pub(super) fn seen(summary: &Value) -> Result<Seen, String> {
    let count = |key: &str| {
        let count = summary.get(key).and_then(Value::as_u64);
        count.and_then(|count| u32::try_from(count).ok())
    };
    let state = summary.get("final_update_state").and_then(Value::as_str);
    let cut_off = summary.get("timed_out").and_then(Value::as_bool) == Some(true);
    let outcome = match state {
        None => Some(Outcome::Nothing),
        Some("updating") => Some(Outcome::Updating),
        Some("completed") => Some(Outcome::Completed),
        Some("paused") => Some(Outcome::Paused),
        // The recorder left before the end.
        Some("rollback_started") if cut_off => None,
        Some("rollback_started") => Some(Outcome::RollingBack),
        Some("rollback_completed") => Some(Outcome::RolledBack),
        Some("rollback_paused") => Some(Outcome::RollbackPaused),
        Some(other) => return Err(format!("the update state `{other}` is unknown")),
    };
    let least_serving = count("min_serving").ok_or("`summary` has `min_serving`")?;
    Ok(Seen {
        least_serving: Some(least_serving),
        least_listening: count("min_ready"),
        most_alive: count("max_containers"),
        most_with_terminating: None,
        outcome,
        duration: count("update_duration_ms"),
        lost: None,
    })
}

fn merged(first: Option<&Object>, second: Option<&Object>) -> Object {
    let mut merged = first.cloned().unwrap_or_default();
    merged.extend(second.cloned().unwrap_or_default());
    merged
}

/// Numbers for what tasks are made from, the same for the same.
#[derive(Default)]
struct Revisions(Vec<String>);

impl Revisions {
    fn number(&mut self, made_from: String) -> u64 {
        let known = self.0.iter().position(|known| *known == made_from);
        let index = known.unwrap_or_else(|| {
            self.0.push(made_from);
            self.0.len().saturating_sub(1)
        });
        index as u64
    }
}
