//! Recorded rollouts of real orchestrators, and what the models say of them: the judge of
//! `crate::models`.
//!
//! A recording is a line of JSON: what was deployed and done (`params`), what was seen (`summary`,
//! and `summary_run1` of an earlier run), and the timeline. One that `repeats` another by name is another run of it. This folder reads the parameters into a
//! scenario and compares. It never looks at a case's name.

mod fields;
mod judge;
mod kubernetes;
mod nginx;
mod swarm;

pub use judge::{Judged, Predicted, Report, Tightness, judge, judge_with};
pub use nginx::Subject as NginxSubject;

use crate::models;
use serde_json::{Map, Value};
use std::fmt;

/// One recording.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is called.
    pub name: String,
    /// What was done, or why no model takes it.
    pub subject: Result<Subject, String>,
    /// What was seen.
    pub seen: Seen,
    /// What was seen in another run of the same.
    pub again: Option<Seen>,
    /// The recorder saw different runs end differently.
    pub racy: bool,
    /// The case that this is another run of: it is held to the same prediction, and is no case of its own.
    pub repeats: Option<String>,
}

/// What a model can take.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A service on a swarm.
    Swarm(Box<models::swarm::Scenario>),
    /// A Deployment or a `StatefulSet` of Kubernetes.
    Deployment(models::kubernetes::Deployment),
    /// Nodes of Kubernetes that are drained.
    Drain(models::kubernetes::Drain),
    /// nginx under load.
    Nginx(nginx::Subject),
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The fewest that the orchestrator counted as serving.
    pub least_serving: Option<u32>,
    /// The fewest of those that listened.
    pub least_listening: Option<u32>,
    /// The most instances with a process.
    pub most_alive: Option<u32>,
    /// Those, with the ones that were going.
    pub most_with_terminating: Option<u32>,
    /// How it ended.
    pub outcome: Option<models::prediction::Outcome>,
    /// How long the update took.
    pub duration: Option<models::interval::Millis>,
    /// Requests that failed, where there were any.
    pub lost: Option<u64>,
}

/// A line that is no recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// Reads recordings, one a line; empty lines are passed over.
pub fn read(text: &str) -> Result<Vec<Case>, Unreadable> {
    let mut cases = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let unreadable = |why: String| Unreadable {
            line: index.saturating_add(1),
            why,
        };
        let value: Value =
            serde_json::from_str(line).map_err(|error| unreadable(error.to_string()))?;
        cases.push(case(&value).map_err(unreadable)?);
    }
    Ok(cases)
}

fn case(value: &Value) -> Result<Case, String> {
    let name = value.get("name").and_then(Value::as_str);
    let name = name.ok_or("a recording has a `name`")?.to_owned();
    let params = value.get("params").and_then(Value::as_object);
    let params = params.ok_or("a recording has `params`")?;
    let again = value.get("summary_run1").filter(|again| again.is_object());
    let racy = value.get("racy").and_then(Value::as_bool);
    let repeats = value.get("repeats").and_then(Value::as_str);
    let (subject, seen) = recorded(value, params)?;
    Ok(Case {
        name,
        subject,
        seen,
        again: again.map(swarm::seen).transpose()?,
        racy: racy.unwrap_or_default(),
        repeats: repeats.map(ToOwned::to_owned),
    })
}

/// What was recorded tells which orchestrator it was: load is put on nginx, what Kubernetes rolls has a
/// strategy, and of it alone drains are recorded.
fn recorded(
    value: &Value,
    params: &Map<String, Value>,
) -> Result<(Result<Subject, String>, Seen), String> {
    if value.get("load").is_some() {
        let lost = value.get("bad").and_then(Value::as_u64);
        let seen = Seen {
            lost: Some(lost.ok_or("a recording of nginx has `bad`")?),
            ..Seen::default()
        };
        return Ok((nginx::scenario(value).map(Subject::Nginx), seen));
    }
    let summary = value.get("summary").unwrap_or(&Value::Null);
    if kubernetes::is_drain(params) {
        let subject = kubernetes::drain(params).map(Subject::Drain);
        return Ok((subject, kubernetes::seen(summary)?));
    }
    if params.contains_key("strategy") {
        let subject = kubernetes::scenario(params).map(Subject::Deployment);
        return Ok((subject, kubernetes::seen(summary)?));
    }
    let subject = swarm::scenario(params).map(|scenario| Subject::Swarm(Box::new(scenario)));
    Ok((subject, swarm::seen(summary)?))
}
