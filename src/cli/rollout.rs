//! `zdc rollout`: what a target makes of an update, a rollback or a bad version, as a timeline.

use super::arguments::{DataFormat as Format, Program, did_you_mean, targets};
use super::invocation::{Invocation, Telling};
use super::{Exit, Failure, terminal};
use crate::diagnostics::Severity;
use crate::diagnostics::render::{Style, escape_json, escape_line};
use crate::graph::{Graph, ServiceView};
use crate::models::prediction::Moment;
use crate::rollout::rehearsal::{Rehearsal, Scene, Unknown, rehearse};
use crate::vocabulary::TargetId;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Show what an update, a rollback or a bad version does to a service
///
/// Each is played on a model of the target, in every order of events; the timeline is the shortest
/// way to the worst moment.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc rollout
  zdc rollout --service web --scenario never-healthy
  zdc rollout shop/app.zd --service web --target swarm --format json")]
pub(super) struct Rollout {
    #[command(flatten)]
    program: Program,

    /// Only this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,

    /// Only this target; may be repeated. The app's by default
    #[arg(long = "target", value_name = "TARGET", value_delimiter = ',', value_parser = targets())]
    targets: Vec<TargetId>,

    /// Only this; may be repeated. All by default
    #[arg(
        long = "scenario",
        value_name = "SCENARIO",
        value_delimiter = ',',
        value_parser = scenes()
    )]
    scenes: Vec<Scene>,

    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "human", value_enum)]
    format: Format,
}

fn scenes() -> impl TypedValueParser<Value = Scene> {
    PossibleValuesParser::new(Scene::ALL.map(Scene::word)).try_map(|word| {
        let mut all = Scene::ALL.into_iter();
        all.find(|scene| scene.word() == word)
            .ok_or("there is no such scenario")
    })
}

/// One service on one target in one scene.
struct Played<'a> {
    service: ServiceView<'a>,
    target: TargetId,
    scene: Scene,
    rehearsal: Result<Rehearsal, Unknown>,
}

impl Played<'_> {
    fn title(&self) -> String {
        let name = escape_line(self.service.name());
        let (target, scene) = (self.target.word(), self.scene.word());
        format!("{name} on {target}: {scene}")
    }
}

impl Rollout {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let invocation = Invocation::compile(&self.program, &self.targets, None)?;
        let found = &invocation.compilation.diagnostics;
        let broken = found.iter().any(|found| found.severity == Severity::Error);
        // A broken promise is an error too, and what this is for: it is told, and played.
        if broken {
            invocation.tell(Telling::aside(self.program.color))?;
        }
        if let Some(graph) = &invocation.compilation.graph {
            let played = self.play(graph, &invocation.targets)?;
            let style = terminal::output_style(self.program.color);
            terminal::to_output(|out| match self.format {
                Format::Human => {
                    let widths = played.iter().map(|played| played.title().chars().count());
                    let width = widths.max().unwrap_or_default();
                    played
                        .iter()
                        .try_for_each(|played| self.draw(played, width, style, out))
                }
                Format::Json => {
                    let all: Vec<Value> = played.iter().map(value).collect();
                    writeln!(out, "{}", escape_json(&serde_json::to_string(&all)?))
                }
            })?;
        }
        Ok(if broken { Exit::Found } else { Exit::Success })
    }

    fn play<'g>(&self, graph: &'g Graph, targets: &[TargetId]) -> Result<Vec<Played<'g>>, Failure> {
        if let Some(name) = &self.service {
            known(graph, name)?;
        }
        let scenes = match self.scenes.as_slice() {
            [] => &Scene::ALL,
            some => some,
        };
        let wanted = |service: &ServiceView<'_>| {
            let name = self.service.as_deref();
            name.is_none_or(|name| service.name() == name)
        };
        let mut played = Vec::new();
        for target in targets.iter().copied() {
            for service in graph.services_on(target).filter(wanted) {
                for scene in scenes.iter().copied() {
                    let rehearsal = rehearse(graph, service, target, scene);
                    // Of a target without a model nothing is said unless it was asked for.
                    let asked = self.service.is_some() || !self.targets.is_empty();
                    if asked || !matches!(rehearsal, Err(Unknown::NoModel)) {
                        played.push(Played {
                            service,
                            target,
                            scene,
                            rehearsal,
                        });
                    }
                }
            }
        }
        Ok(played)
    }

    /// A line, and the timeline where one scene is asked for or the promise does not hold.
    fn draw(
        &self,
        played: &Played<'_>,
        width: usize,
        style: Style,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let title = played.title();
        let rehearsal = match &played.rehearsal {
            Ok(rehearsal) => rehearsal,
            Err(unknown) => return writeln!(out, "{title:<width$}  - ({})", unknown.word()),
        };
        let kept = match (rehearsal.promised, rehearsal.keeps()) {
            (0, _) => "none promised".to_owned(),
            (promised, true) => format!("{promised} promised: kept"),
            (promised, false) => format!("{promised} promised: not kept"),
        };
        let outcomes: Vec<String> = rehearsal.outcomes().map(|it| it.to_string()).collect();
        writeln!(
            out,
            "{title:<width$}  {} of {} serve, {kept}; {}",
            rehearsal.least,
            rehearsal.replicas,
            outcomes.join(" or "),
        )?;
        if self.scenes.len() == 1 || !rehearsal.keeps() {
            timeline(rehearsal, style, out)?;
        }
        Ok(())
    }
}

fn known(graph: &Graph, name: &str) -> Result<(), Failure> {
    if graph.find(name).is_some() {
        return Ok(());
    }
    let failure = Failure::new(format!("there is no service `{}`", escape_line(name)));
    let near = did_you_mean(name, graph.services().map(ServiceView::name));
    Err(near.into_iter().fold(failure, Failure::help))
}

/// The shortest way to the worst moment: when, how many serve, and what happened.
fn timeline(rehearsal: &Rehearsal, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let prediction = &rehearsal.prediction;
    if rehearsal.searched < rehearsal.replicas {
        writeln!(out, "    with {} replicas:", rehearsal.searched)?;
    }
    for moment in &prediction.worst {
        let at = match moment.at {
            Some(at) => format!("{at}"),
            None => String::new(),
        };
        let versions: Vec<String> = (1_u32..)
            .zip(&moment.by_version)
            .filter(|(_, count)| **count > 0)
            .map(|(version, count)| format!("{count}x v{version}"))
            .collect();
        writeln!(
            out,
            "    {at:>14}  {}  {:<12} {}",
            bar(moment, rehearsal, style),
            versions.join(" "),
            moment.event,
        )?;
    }
    for race in rehearsal.races() {
        writeln!(out, "    chance: {race}")?;
    }
    Ok(())
}

/// The capacity as a bar, the promise as a mark in it.
fn bar(moment: &Moment, rehearsal: &Rehearsal, style: Style) -> String {
    const WIDEST: u64 = 40;
    let (full, empty, line) = if style.unicode {
        ('█', '·', '│')
    } else {
        ('#', '.', '|')
    };
    let missing = rehearsal.replicas.saturating_sub(rehearsal.promised);
    let promised = rehearsal.searched.saturating_sub(missing);
    let mut bar = String::new();
    for position in 0..rehearsal.searched.min(WIDEST) {
        if position == promised && rehearsal.promised > 0 {
            bar.push(line);
        }
        let serves = position < u64::from(moment.serving);
        bar.push(if serves { full } else { empty });
    }
    if promised >= rehearsal.searched && rehearsal.promised > 0 {
        bar.push(line);
    }
    bar
}

fn value(played: &Played<'_>) -> Value {
    let (name, target, scene) = (
        played.service.name(),
        played.target.word(),
        played.scene.word(),
    );
    let rehearsal = match &played.rehearsal {
        Ok(rehearsal) => rehearsal,
        Err(unknown) => {
            return json!({
                "service": name,
                "target": target,
                "scenario": scene,
                "unknown": unknown.word(),
            });
        }
    };
    let moment = |moment: &Moment| {
        json!({
            "from_ms": moment.at.map(|at| at.least),
            "until_ms": moment.at.map(|at| at.most),
            "event": moment.event,
            "serving": moment.serving,
            "by_version": moment.by_version,
        })
    };
    let timeline: Vec<Value> = rehearsal.prediction.worst.iter().map(moment).collect();
    let outcomes: Vec<String> = rehearsal.outcomes().map(|it| it.to_string()).collect();
    let races: Vec<String> = rehearsal.races().map(|it| it.to_string()).collect();
    json!({
        "service": name,
        "target": target,
        "scenario": scene,
        "replicas": rehearsal.replicas,
        "promised": rehearsal.promised,
        "minimum": rehearsal.least,
        "kept": rehearsal.keeps(),
        "searched_with": rehearsal.searched,
        "outcomes": outcomes,
        "chance": races,
        "timeline": timeline,
    })
}
