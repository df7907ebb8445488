//! `zdc explain --policy`: every number of a service's updates, on each target.

use crate::cli::arguments::{Program, did_you_mean};
use crate::cli::invocation::{Invocation, Telling};
use crate::cli::{Exit, Failure, terminal};
use crate::diagnostics::Severity;
use crate::diagnostics::render::escape_line;
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation::{self, Inequality, Origin, Setting, Term};
use crate::vocabulary::TargetId;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Human,
    /// For machines
    Json,
}

/// One target's part.
struct Part {
    target: TargetId,
    /// Where the policy comes from; `None` where the target replaces nothing itself.
    policy: Option<&'static str>,
    /// Why none is derived, where one could be.
    why_not: Option<&'static str>,
    settings: Vec<Setting>,
    /// Why, where there is none.
    nothing: &'static str,
    takes: Option<Term>,
}

/// Explains the policy of `service`. A program whose policy breaks its promise is explained too.
pub(super) fn run(
    program: &Program,
    service: &str,
    targets: &[TargetId],
    format: Format,
) -> Result<Exit, Failure> {
    let invocation = Invocation::compile(program, targets, None)?;
    let Some(graph) = &invocation.compilation.graph else {
        invocation.tell(Telling::aside(program.color))?;
        return Ok(Exit::Found);
    };
    let view = graph.find(service).ok_or_else(|| unknown(graph, service))?;
    let chosen = &invocation.targets;
    if let Some(absent) = targets.iter().find(|target| !graph.runs_on(view, **target)) {
        let (name, target) = (view.name(), absent.word());
        return Err(Failure::new(format!(
            "`{name}` is not written for {target}"
        )));
    }
    let parts: Vec<Part> = chosen
        .iter()
        .filter(|target| graph.runs_on(view, **target))
        .map(|target| part(graph, view, *target))
        .collect();
    let text = match format {
        Format::Human => human(view, &parts, terminal::output_style(program.color).color),
        Format::Json => {
            let parts: Vec<Value> = parts.iter().map(to_json).collect();
            format!(
                "{:#}\n",
                json!({ "service": view.name(), "targets": parts })
            )
        }
    };
    terminal::to_output(|out| out.write_all(text.as_bytes()))?;
    let found = &invocation.compilation.diagnostics;
    if found.iter().any(|found| found.severity == Severity::Error) {
        terminal::say("the program has errors: `zdc check` tells them");
    }
    Ok(Exit::Success)
}

fn part(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Part {
    Part {
        target,
        policy: derivation::origin(graph, service, target).map(Origin::word),
        why_not: why_not(graph, service, target),
        settings: derivation::explain(graph, service, target),
        nothing: nothing(target),
        takes: derivation::takes(graph, service, target),
    }
}

fn unknown(graph: &Graph, service: &str) -> Failure {
    let names: Vec<&str> = graph.services().map(ServiceView::name).collect();
    let help = did_you_mean(service, names.iter().copied()).unwrap_or_else(|| {
        let shown: Vec<String> = names
            .iter()
            .take(8)
            .map(|name| format!("`{name}`"))
            .collect();
        let more = if names.len() > shown.len() {
            ", …"
        } else {
            ""
        };
        format!("there are {}{more}", shown.join(", "))
    });
    let failure = Failure::new(format!("there is no service `{}`", escape_line(service)));
    if names.is_empty() {
        return failure.help("the program has none");
    }
    failure.help(help)
}

fn human(service: ServiceView<'_>, parts: &[Part], color: bool) -> String {
    let mut text = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        show_part(&mut text, service, part, color);
    }
    text
}

/// The settings one below the other, and their sources beneath.
fn show_part(text: &mut String, service: ServiceView<'_>, part: &Part, color: bool) {
    let (name, target) = (service.name(), part.target.word());
    let title = match part.policy {
        Some(policy) => format!("`{name}` on {target}: {policy}"),
        None => format!("`{name}` on {target}"),
    };
    // Writing to a string never fails.
    let _ = writeln!(text, "{}", bold(&title, color));
    if let Some(why_not) = part.why_not {
        let _ = writeln!(text, "  {why_not}");
    }
    if part.settings.is_empty() {
        let _ = writeln!(text, "\n  {}", part.nothing);
        return;
    }
    let widest = |length: fn(&Setting) -> usize| part.settings.iter().map(length).max();
    let name = widest(|setting| setting.name.len()).unwrap_or(0);
    let value = widest(|setting| setting.value.len()).unwrap_or(0);
    let mut sources: Vec<&str> = Vec::new();
    for setting in &part.settings {
        let known = sources.iter().position(|source| *source == setting.source);
        let number = known.unwrap_or_else(|| {
            sources.push(setting.source);
            sources.len() - 1
        });
        let _ = writeln!(
            text,
            "\n  {:<name$}  {:<value$}  {:<14}  [{}]",
            setting.name,
            setting.value,
            setting.origin.word(),
            number + 1
        );
        for law in &setting.must {
            show_law(text, law, color);
        }
        let _ = writeln!(text, "      {}", setting.because);
        if let Some(fact) = setting.wants {
            let _ = writeln!(text, "      not stated: {fact}");
        }
    }
    if let Some(takes) = &part.takes {
        let _ = writeln!(
            text,
            "\n  an update takes about {}\n      {} = {}",
            takes.names(),
            takes.numbers(),
            takes.time()
        );
    }
    text.push('\n');
    for (index, source) in sources.iter().enumerate() {
        let _ = writeln!(text, "  [{}] {source}", index + 1);
    }
}

fn show_law(text: &mut String, law: &Inequality, color: bool) {
    let verdict = match (law.holds(), color) {
        (true, _) => "holds".to_owned(),
        (false, true) => "\u{1b}[31mFAILS\u{1b}[0m".to_owned(),
        (false, false) => "FAILS".to_owned(),
    };
    let _ = writeln!(
        text,
        "      {verdict}  {}\n             {}",
        law.law(),
        law.numbers()
    );
}

fn bold(text: &str, color: bool) -> String {
    if color {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Why a service that could have a derived policy has none.
fn why_not(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> Option<&'static str> {
    if target == TargetId::Nginx && graph.is_on_host(service) {
        return Some(
            "nothing is derived on a plain host: deploy.sh follows what is written, with the \
             defaults of the reference",
        );
    }
    derivation::why_not(graph, service, target)
}

/// Why a target has no numbers at all.
fn nothing(target: TargetId) -> &'static str {
    match target {
        TargetId::Compose => {
            "no policy: `docker compose up` stops a changed container before it starts the new one, \
             so that an update is an outage; `update` and `availability` are for the targets that \
             can keep them (swarm, kubernetes, a plain host)"
        }
        TargetId::Kubernetes => "no policy: the cluster's own controller takes the gateway's place",
        TargetId::Nginx | TargetId::Swarm => {
            "no policy: no proxy written for this target passes requests to it"
        }
    }
}

fn to_json(part: &Part) -> Value {
    let settings: Vec<Value> = part.settings.iter().map(setting_to_json).collect();
    json!({
        "target": part.target.word(),
        "policy": part.policy,
        "why_not": part.why_not,
        "settings": settings,
        "nothing": part.settings.is_empty().then_some(part.nothing),
        "update_takes": part.takes.as_ref().map(|takes| json!({
            "law": takes.names(),
            "numbers": takes.numbers(),
            "value": takes.time().to_string(),
        })),
    })
}

fn setting_to_json(setting: &Setting) -> Value {
    let must = setting
        .must
        .iter()
        .map(|law| json!({ "law": law.law(), "numbers": law.numbers(), "holds": law.holds() }));
    json!({
        "setting": setting.name,
        "value": setting.value,
        "from": setting.origin.word(),
        "must": must.collect::<Vec<_>>(),
        "because": setting.because,
        "source": setting.source,
        "not_stated": setting.wants,
    })
}
