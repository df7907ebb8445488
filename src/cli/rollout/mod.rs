//! `zdc rollout`: what a target makes of an update, a rollback or a bad version, as a timeline.

mod data;
mod picture;
mod text;

use super::arguments::{Program, did_you_mean, targets};
use super::invocation::{Invocation, Telling};
use super::{Exit, Failure, terminal};
use crate::diagnostics::Severity;
use crate::diagnostics::render::{escape_json, escape_line};
use crate::graph::{Graph, ServiceView};
use crate::rollout::rehearsal::{Costs, Rehearsal, Scene, Searches, Unknown, costs, rehearse};
use crate::vocabulary::TargetId;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use serde_json::Value;

/// Show what an update, a rollback or a bad version does to a service
///
/// Each is played on a model of the target, in every order of events; the timeline is the shortest
/// way through the worst moment to an end.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc rollout
  zdc rollout --service web --scenario never-healthy
  zdc rollout shop/app.zd --service web --target swarm --format json
  zdc rollout --service web --scenario crash --format svg > crash.svg")]
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

    /// With `instance-lost`: how many of the old instances end by themselves
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    lost: u32,

    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "human", value_enum)]
    format: Format,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For programs
    Json,
    /// A picture, with the versions side by side
    Svg,
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
    rehearsal: Result<(Rehearsal, Costs), Unknown>,
}

impl Played<'_> {
    fn title(&self) -> String {
        let name = escape_line(self.service.name());
        let (target, scene) = (self.target.word(), self.scene.word());
        match self.scene {
            Scene::InstancesLost(lost) if lost > 1 => {
                format!("{name} on {target}: {scene} ({lost})")
            }
            _ => format!("{name} on {target}: {scene}"),
        }
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
                Format::Human => text::write(&played, self.scenes.len() == 1, style, out),
                Format::Json => {
                    let all: Vec<Value> = played.iter().map(data::value).collect();
                    writeln!(out, "{}", escape_json(&serde_json::to_string(&all)?))
                }
                Format::Svg => out.write_all(picture::svg(&played).as_bytes()),
            })?;
        }
        Ok(if broken { Exit::Found } else { Exit::Success })
    }

    /// With as many old instances as were asked for.
    fn meant(&self, scene: Scene) -> Scene {
        match scene {
            Scene::InstancesLost(_) => Scene::InstancesLost(self.lost),
            other => other,
        }
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
        let mut searches = Searches::default();
        for target in targets.iter().copied() {
            for service in graph.services_on(target).filter(wanted) {
                for scene in scenes.iter().map(|scene| self.meant(*scene)) {
                    let rehearsal = rehearse(graph, service, target, scene, &mut searches);
                    let rehearsal = rehearsal.map(|rehearsal| {
                        let costs = costs(graph, service, target, scene, &rehearsal);
                        (rehearsal, costs)
                    });
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
}

fn known(graph: &Graph, name: &str) -> Result<(), Failure> {
    if graph.find(name).is_some() {
        return Ok(());
    }
    let failure = Failure::new(format!("there is no service `{}`", escape_line(name)));
    let near = did_you_mean(name, graph.services().map(ServiceView::name));
    Err(near.into_iter().fold(failure, Failure::help))
}
