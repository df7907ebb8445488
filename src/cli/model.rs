//! `zdc model check`: the models of orchestrators beside recordings of the real ones.

use super::arguments::DataFormat as Format;
use super::project::show;
use super::{Exit, Failure, terminal};
use crate::diagnostics::render::{escape_json, escape_line};
use crate::models::nginx::Verdict;
use crate::models::prediction::Prediction;
use crate::models::swarm::{GUARANTEED, Profile, TYPICAL};
use crate::traces::{self, Judged, Predicted, Report, Seen, Tightness};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Compare the models of orchestrators with recordings
#[derive(Debug, Args)]
pub(super) struct Model {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
}

/// Predict each recorded rollout, and say what was seen beside it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc model check tests/rollouts/traces/swarm.jsonl
  zdc model check *.jsonl --format json

Exit codes: 0 nothing was seen that was not predicted, 1 something was, 2 usage or files.")]
struct Check {
    /// Recordings, one a line of JSON
    #[arg(value_name = "TRACES.jsonl", required = true)]
    traces: Vec<PathBuf>,

    /// How the comparison is written
    #[arg(long, value_name = "FORMAT", default_value = "human", value_enum)]
    format: Format,

    /// The latencies of the engine: those that a proof uses, or the usual ones
    #[arg(long, value_name = "WIDTH", default_value = "guaranteed", value_enum)]
    latencies: Latencies,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Latencies {
    /// No recording left them
    Guaranteed,
    /// Most recordings kept to them
    Typical,
}

/// The largest file of recordings, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

impl Model {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let Command::Check(check) = self.command;
        check.run()
    }
}

impl Check {
    fn run(self) -> Result<Exit, Failure> {
        let profile = match self.latencies {
            Latencies::Guaranteed => GUARANTEED,
            Latencies::Typical => TYPICAL,
        };
        let files = self.traces.iter().map(|file| {
            let report = judged(file, &profile)?;
            Ok((file.as_path(), report))
        });
        let files: Vec<(&Path, Report)> = files.collect::<Result<_, Failure>>()?;
        terminal::to_output(|out| match self.format {
            Format::Human => files
                .iter()
                .try_for_each(|(file, report)| told(file, report, out)),
            Format::Json => {
                let files: Vec<Value> = files
                    .iter()
                    .map(|(file, report)| value(file, report))
                    .collect();
                let text = serde_json::to_string(&files)?;
                writeln!(out, "{}", escape_json(&text))
            }
        })?;
        let sound = |report: &Report| report.sound() == report.modelled();
        if files.iter().all(|(_, report)| sound(report)) {
            Ok(Exit::Success)
        } else {
            Ok(Exit::Found)
        }
    }
}

fn judged(file: &Path, profile: &Profile) -> Result<Report, Failure> {
    let shown = show(file);
    let failed = |error: io::Error| Failure::new(format!("cannot read `{shown}`: {error}"));
    let size = fs::metadata(file).map_err(failed)?.len();
    if size > MAX_BYTES {
        return Err(Failure::new(format!("`{shown}` is larger than 64 MiB")));
    }
    let text = fs::read_to_string(file).map_err(failed)?;
    let cases = traces::read(&text).map_err(|error| {
        let why = escape_line(&error.why);
        Failure::new(format!("{shown}:{}: not a recording: {why}", error.line))
    })?;
    Ok(traces::judge(&cases, profile))
}

/// A line for each recording, and the shares.
fn told(file: &Path, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let width = report.cases.iter().map(|case| case.name.chars().count());
    let width = width.max().unwrap_or_default().min(48);
    writeln!(out, "{}", show(file))?;
    for case in &report.cases {
        let name = escape_line(&case.name);
        let verdict = match (&case.predicted, case.unsound.as_slice()) {
            (Err(_), _) => "-".to_owned(),
            (Ok(_), []) => tightness(case.tightness).to_owned(),
            (Ok(_), unsound) => format!("UNSOUND: {}", unsound.join(", ")),
        };
        let predicted = match &case.predicted {
            Err(why) => format!("not modelled: {}", escape_line(why)),
            Ok(Predicted::Capacity(prediction)) => capacity(prediction, &case.seen),
            Ok(Predicted::Requests(verdict)) => requests(verdict, &case.seen),
        };
        writeln!(out, "  {name:<width$}  {predicted}  {verdict}")?;
    }
    let all = report.cases.len();
    let modelled = report.modelled();
    let distinct = report.distinct();
    writeln!(
        out,
        "  sound {} of {modelled} ({}); tight {} of {distinct} ({}): {} exact, {} in a repeat, {} by chance; \
         repeats {}; not modelled {} of {all}\n",
        report.sound(),
        share(report.sound(), modelled),
        report.tight(),
        share(report.tight(), distinct),
        report.with(Tightness::Exact),
        report.with(Tightness::Repeat),
        report.with(Tightness::Race),
        report.repeats(),
        all.saturating_sub(modelled),
    )
}

fn tightness(tightness: Tightness) -> &'static str {
    match tightness {
        Tightness::Exact => "exact",
        Tightness::Repeat => "in a repeat",
        Tightness::Race => "by chance",
        Tightness::Loose => "loose",
        Tightness::None => "-",
    }
}

fn capacity(prediction: &Prediction, seen: &Seen) -> String {
    let number = |seen: Option<u32>| seen.map_or("-".to_owned(), |seen| seen.to_string());
    let least = match prediction.best_least_serving {
        best if best > prediction.least_serving => {
            format!("{}..{best}", prediction.least_serving)
        }
        _ => prediction.least_serving.to_string(),
    };
    let outcomes: Vec<String> = prediction
        .outcomes
        .iter()
        .map(ToString::to_string)
        .collect();
    let outcome = seen
        .outcome
        .map_or("-".to_owned(), |outcome| outcome.to_string());
    format!(
        "minimum {least}, seen {}; maximum {}, seen {}; {}, seen {outcome}",
        number(seen.least_serving),
        prediction.most_alive,
        number(seen.most_alive),
        outcomes.join(" or "),
    )
}

fn requests(verdict: &Verdict, seen: &Seen) -> String {
    let lost = seen.lost.unwrap_or_default();
    match verdict {
        Verdict::Kept => format!("none lost, seen {lost} lost"),
        Verdict::Lost(why) => format!("some lost, seen {lost} lost ({why})"),
        Verdict::Maybe(why) => format!("maybe, seen {lost} lost ({why})"),
    }
}

/// A share in percent, with one digit.
fn share(part: usize, whole: usize) -> String {
    let thousandths = part.saturating_mul(1_000).checked_div(whole);
    thousandths.map_or("none".to_owned(), |share| {
        format!("{}.{} %", share / 10, share % 10)
    })
}

fn value(file: &Path, report: &Report) -> Value {
    let cases: Vec<Value> = report.cases.iter().map(case).collect();
    json!({
        "file": show(file),
        "cases": cases,
        "total": report.cases.len(),
        "modelled": report.modelled(),
        "repeats": report.repeats(),
        "sound": report.sound(),
        "tight": report.tight(),
        "exact": report.with(Tightness::Exact),
        "repeat": report.with(Tightness::Repeat),
        "race": report.with(Tightness::Race),
    })
}

fn case(case: &Judged) -> Value {
    let seen = &case.seen;
    let predicted = match &case.predicted {
        Err(why) => json!({ "not_modelled": why }),
        Ok(Predicted::Requests(verdict)) => match verdict {
            Verdict::Kept => json!({ "verdict": "kept" }),
            Verdict::Lost(why) => json!({ "verdict": "lost", "reason": why.to_string() }),
            Verdict::Maybe(why) => json!({ "verdict": "maybe", "reason": why.to_string() }),
        },
        Ok(Predicted::Capacity(prediction)) => predicted_capacity(prediction),
    };
    json!({
        "name": case.name,
        "predicted": predicted,
        "seen": {
            "minimum": seen.least_serving,
            "minimum_listening": seen.least_listening,
            "maximum": seen.most_alive,
            "maximum_with_terminating": seen.most_with_terminating,
            "outcome": seen.outcome.map(|outcome| outcome.to_string()),
            "duration_ms": seen.duration,
            "lost_requests": seen.lost,
        },
        "sound": case.predicted.is_ok().then_some(case.unsound.is_empty()),
        "unsound": case.unsound,
        "tight": match case.tightness {
            Tightness::Exact => "exact",
            Tightness::Repeat => "repeat",
            Tightness::Race => "race",
            Tightness::Loose => "loose",
            Tightness::None => "none",
        },
    })
}

fn predicted_capacity(prediction: &Prediction) -> Value {
    let texts = |texts: Vec<String>| Value::from(texts);
    let trace: Vec<Value> = prediction
        .worst
        .iter()
        .map(|moment| {
            json!({
                "from_ms": moment.at.map(|at| at.least),
                "until_ms": moment.at.map(|at| at.most),
                "event": moment.event,
                "serving": moment.serving,
            })
        })
        .collect();
    json!({
        "minimum": prediction.least_serving,
        "best_minimum": prediction.best_least_serving,
        "minimum_listening": prediction.least_listening,
        "maximum": prediction.most_alive,
        "maximum_with_terminating": prediction.most_with_terminating,
        "outcomes": texts(prediction.outcomes.iter().map(ToString::to_string).collect()),
        "races": texts(prediction.races.iter().map(ToString::to_string).collect()),
        "duration_ms": prediction.duration.map(|duration| [duration.least, duration.most]),
        "worst": trace,
    })
}
