//! `zdc plan`: what a deploy changes, and what goes wrong on the way.

mod blobs;
mod checkout;
mod documents;
mod git;
mod human;
mod json;
mod kustomization;
mod manifests;
mod markdown;
mod outside;
mod script;
mod side;
mod stack;
mod twice;

use super::project::MAIN;
use super::terminal::Color;
use super::{Exit, Failure, arguments, invocation, params, terminal};
use crate::change::{self, Changes};
use crate::diagnostics::render::{Format as Told, Shown, render};
use crate::diagnostics::{Diagnostic, Severity, catalogue};
use crate::eval::{Inputs, unknown_input};
use crate::graph::Graph;
use crate::source::{MemoryWorld, Sources, Span, World};
use crate::targets::Object;
use crate::types::Date;
use crate::vocabulary::TargetId;
use crate::{Inspection, Options, parallel};
use clap::{Args, ValueEnum};
use manifests::Asked;
use side::{Side, Sides};
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::ExitCode;

/// Show what a deploy changes
///
/// Compares what the targets would be asked for, service by service: what has no effect, rolls,
/// restarts at once, is created, left behind or refused; and what goes wrong on the way. A side is a
/// program, a folder with one, a folder or file of manifests, or a git revision, with `REV:PATH` for a
/// program elsewhere in it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc plan                          the last commit against the working tree
  zdc plan HEAD~1                   that revision against the working tree
  zdc plan v1.2..v1.3               one revision against another
  zdc plan old/app.zd new/app.zd
  zdc plan manifests app.zd         the manifests that were written against a fresh build
  zdc plan --format markdown        for a comment on a pull request
  zdc plan /dev/null app.zd         a first deploy: everything is created
  zdc plan --format script --target swarm > steps.sh
                                    the commands that carry it out, step by step

Exit codes: 0 done, 1 the step is refused, loses something, or a program has errors, 2 usage or files.
With --detailed-exitcode: 0 nothing changes, 1 any error, wrong use too, 2 something changes.")]
pub(super) struct Plan {
    /// What is deployed; or, alone, a revision, `OLD..NEW`, or the program
    #[arg(value_name = "OLD")]
    old: Option<String>,

    /// What shall be deployed; the working tree by default
    #[arg(value_name = "NEW")]
    new: Option<String>,

    /// The program that is meant in a revision; `app.zd` by default
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// The folder that imports may not leave; the program's own by default
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Set a parameter on both sides, or on the one that has it; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = arguments::setting)]
    set: Vec<(String, String)>,

    /// Set a parameter of the old side to something else; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = arguments::setting)]
    set_old: Vec<(String, String)>,

    /// Read parameters from a YAML file, for either side what it has; of several the last wins, and --set wins over all
    #[arg(long, value_name = "FILE.yaml")]
    params: Vec<PathBuf>,

    /// Only this target; may be repeated. Those of either side by default
    #[arg(
        long = "target",
        value_name = "TARGET",
        value_delimiter = ',',
        value_parser = arguments::targets()
    )]
    targets: Vec<TargetId>,

    /// Judge as of a day: what is accepted until an earlier one is not any more
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = arguments::day)]
    as_of: Option<Date>,

    /// How it is written
    #[arg(long, value_name = "FORMAT", default_value = "human", value_enum)]
    format: Format,

    /// End with 0 where nothing changes, 1 for any error, 2 where something changes
    #[arg(long)]
    detailed_exitcode: bool,

    /// Colours: when the terminal has them, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    color: Color,
}

/// About what a side of some hundred services takes.
const ROOM: usize = 8 << 20;

/// How a plan is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// For programs
    Json,
    /// For a comment on a pull request
    Markdown,
    /// The commands that carry it out in its steps, on a swarm, on Kubernetes or on a plain host
    Script,
}

/// A side, compiled or read.
struct Compiled {
    inspection: Inspection,
    /// What stands before its paths where they are shown.
    shown: String,
    /// What its stacks name and is not known, in words.
    unread: Vec<String>,
    /// Why there is nothing of it.
    nothing: Option<String>,
}

/// What is shown.
struct Planned<'a> {
    changes: &'a Changes,
    /// The errors of the new program.
    broken: &'a [Diagnostic],
    /// What is wrong with the step, in the order of the source.
    found: &'a [Diagnostic],
    sources: &'a Sources,
    /// The new program, where there is one.
    graph: Option<&'a Graph>,
    /// What stands before a path.
    folder: &'a str,
    /// What the sides are called.
    names: (&'a str, &'a str),
    /// What there is no program of.
    objects_only: Option<ObjectsOnly<'a>>,
    /// Why the old side is nothing, where all is created.
    first: Option<&'a str>,
}

/// What is manifests, of which no program is known.
#[derive(Clone, Copy, Debug)]
enum ObjectsOnly<'a> {
    /// One side, by its name; the other is a program.
    Side(&'a str),
    Both,
}

impl std::fmt::Display for ObjectsOnly<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Side(name) => write!(f, "`{name}`"),
            Self::Both => f.write_str("both sides"),
        }
    }
}

impl<'a> Planned<'a> {
    /// Diagnostics of the new program, to be shown.
    fn shown(&self, diagnostics: &'a [Diagnostic]) -> Shown<'a> {
        Shown {
            sources: self.sources,
            diagnostics,
            folder: self.folder,
        }
    }

    /// Where a part of the new program stands.
    fn place(&self, span: Option<Span>) -> Option<String> {
        human::place(&self.shown(&[]), span?)
    }
}

impl Plan {
    /// Runs, and ends with the exit code that was asked for.
    pub(super) fn end(self) -> ExitCode {
        let misused = if self.detailed_exitcode { 1 } else { 2 };
        super::exit(self.run(), misused)
    }

    fn run(self) -> Result<Exit, Failure> {
        let sides = Sides {
            old: self.old.as_deref(),
            new: self.new.as_deref(),
            file: self.file.as_deref(),
            root: self.root.as_deref(),
        };
        let (old, new) = sides.open()?;
        let names = (old.name(), new.name());
        let one_stack = Side::one_stack(&old, &new);
        let one_stack = one_stack.as_deref();
        let singles = [old.single(), new.single()];
        let both = params::inputs(self.set.clone(), &self.params)?;
        let mut only_old = both.clone();
        only_old.set.extend(self.set_old.iter().cloned());
        let compiled = |inputs: &[Inputs; 2]| {
            // They have nothing in common before they are compared.
            let (new, old) = parallel::both(
                ROOM,
                || self.compile(&new, one_stack, &inputs[1], crate::inspect),
                || self.compile(&old, one_stack, &inputs[0], crate::inspect_deployed),
            );
            let (mut old, new) = (old?, new?);
            if let (Some(_), Some(graph)) = (&old.nothing, &new.inspection.graph) {
                old.inspection = nothing_of(graph, &self.targets);
            }
            // What the process ends with is not freed piece by piece.
            Ok::<_, Failure>((ManuallyDrop::new(old), ManuallyDrop::new(new)))
        };
        let mut inputs = [only_old, both];
        let (mut old, mut new) = compiled(&inputs)?;
        // A parameter that comes or goes is given to the side that has it.
        if self.give_each_its_own(&mut inputs, [&old, &new]) {
            (old, new) = compiled(&inputs)?;
        }
        outside::say([&old.unread, &new.unread]);
        let names = (names.0.as_str(), names.1.as_str());
        let [of_old, of_new] = singles.each_ref().map(Option::as_deref);
        // Who names a file means it.
        if of_old.is_none() && of_new.is_none() {
            stack::leave_out_those_of_compose([&mut old, &mut new]);
        }
        stack::tell_apart([&mut old, &mut new]);
        stack::go_by_that_of((&mut *old, of_old), (&new, names.1));
        stack::go_by_that_of((&mut *new, of_new), (&old, names.0));
        let wrong_sides = [old.wrong(false), new.wrong(true)];
        for (side, errors) in [&*old, &*new].into_iter().zip(&wrong_sides) {
            self.told(side, errors);
        }
        // Without a graph there is nothing to compare with.
        if [&old, &new].into_iter().any(|side| side.is_unreadable()) {
            let sides = [
                old.shown_with(&wrong_sides[0]),
                new.shown_with(&wrong_sides[1]),
            ];
            match self.format {
                Format::Human | Format::Script => {}
                Format::Json => terminal::to_output(|out| json::unplanned(names, &sides, out))?,
                Format::Markdown => terminal::to_output(|out| markdown::unplanned(&sides, out))?,
            }
            return Ok(Exit::Found);
        }
        if let Some(lacking) = self.lacking([&old, &new], [names.0, names.1]) {
            return Err(lacking);
        }
        let [_, broken] = wrong_sides;
        let changes = change::compare(&old.inspection.revision(), &new.inspection.revision());
        let changes = ManuallyDrop::new(changes);
        let mut found = changes.found.clone().into_sorted();
        if !changes.is_empty() {
            found.extend(new.unseen().cloned());
        }
        let planned = Planned {
            changes: &changes,
            broken: &broken,
            found: &found,
            sources: &new.inspection.sources,
            graph: new.inspection.graph.as_ref(),
            folder: &new.shown,
            names,
            objects_only: match (&old.inspection.graph, &new.inspection.graph) {
                (None, Some(_)) => Some(ObjectsOnly::Side(names.0)),
                (Some(_), None) => Some(ObjectsOnly::Side(names.1)),
                (None, None) => Some(ObjectsOnly::Both),
                (Some(_), Some(_)) => None,
            },
            first: old.nothing.as_deref(),
        };
        let style = terminal::output_style(self.color);
        let wrong = !broken.is_empty() || changes.found.has_errors();
        match self.format {
            Format::Human => terminal::to_output(|out| human::write(&planned, style, out))?,
            Format::Json => terminal::to_output(|out| json::write(&planned, out))?,
            Format::Markdown => terminal::to_output(|out| markdown::write(&planned, out))?,
            Format::Script => self.script(&planned, [&old, &new], wrong)?,
        }
        Ok(match (wrong, self.detailed_exitcode) {
            (true, _) => Exit::Found,
            (false, true) if !changes.is_empty() => Exit::Changes,
            (false, _) => Exit::Success,
        })
    }

    /// Writes the commands, and what is wrong with the step beside them; of a step with errors nothing but those.
    fn script(
        &self,
        planned: &Planned<'_>,
        [old, new]: [&Compiled; 2],
        wrong: bool,
    ) -> Result<(), Failure> {
        if let Some(which) = planned.objects_only {
            return Err(Failure::new(format!(
                "a script keeps the order of services, and of {which} only objects are known"
            ))
            .help(
                "compare two programs: `zdc plan REVISION app.zd`, or `zdc plan old/app.zd app.zd`",
            ));
        }
        let objects = &new.inspection.objects;
        let (target, objects) = script::target(&planned.changes.targets, objects)?;
        self.told(new, planned.found);
        if wrong {
            terminal::say("error: no script is written for a step with errors");
            return Ok(());
        }
        let before = &old.inspection.objects;
        let before = script::of(target.target, before);
        terminal::to_output(|out| script::write(planned, target, [before, objects], out))
    }

    fn compile(
        &self,
        side: &Side,
        one_stack: Option<&str>,
        inputs: &Inputs,
        inspect: fn(&dyn World, &str, &Options) -> Inspection,
    ) -> Result<Compiled, Failure> {
        let wanted = |target: &TargetId| self.targets.is_empty() || self.targets.contains(target);
        match side {
            Side::Program {
                world, main, shown, ..
            } => {
                let options = Options {
                    inputs: inputs.clone(),
                    targets: self.targets.clone(),
                    as_of: self.as_of,
                    ..Options::default()
                };
                let mut inspection = inspect(&**world, main, &options);
                put_in(&mut inspection.objects, inputs);
                Ok(Compiled {
                    inspection,
                    shown: shown.clone(),
                    unread: Vec::new(),
                    nothing: None,
                })
            }
            Side::Nothing { why, .. } => Ok(Compiled {
                inspection: Inspection::default(),
                shown: String::new(),
                unread: Vec::new(),
                nothing: Some(why.clone()),
            }),
            Side::Manifests { place, .. } => {
                let Asked {
                    mut objects,
                    unread,
                } = place.asked(one_stack)?;
                objects.retain(|(target, _)| wanted(target));
                put_in(&mut objects, inputs);
                Ok(Compiled {
                    inspection: Inspection {
                        objects,
                        ..Inspection::default()
                    },
                    shown: String::new(),
                    unread,
                    nothing: None,
                })
            }
        }
    }

    /// What was asked for and neither side is for: "no changes" would be no answer.
    fn lacking(&self, sides: [&Compiled; 2], names: [&str; 2]) -> Option<Failure> {
        let has = |side: &Compiled, target: TargetId| match &side.inspection.graph {
            Some(graph) => invocation::is_for(graph, target),
            None => side.inspection.objects.iter().any(|(of, _)| *of == target),
        };
        let is_there = |target: &TargetId| sides.iter().any(|side| has(side, *target));
        let target = *self.targets.iter().find(|it| !is_there(it))?;
        let [old, new] = sides;
        Some(match (&new.inspection.graph, &old.inspection.graph) {
            (Some(graph), _) => invocation::not_for(target, names[1], graph),
            (None, Some(graph)) => invocation::not_for(target, names[0], graph),
            (None, None) => Failure::new(format!(
                "`{}` has no manifests for {}",
                names[1],
                target.word()
            )),
        })
    }

    /// Takes from each side's inputs what only the other program has a parameter for, and says whether there was any.
    fn give_each_its_own(&self, inputs: &mut [Inputs; 2], sides: [&Compiled; 2]) -> bool {
        // What is given to the old side alone is meant for it.
        let is_shared = |name: &str| !self.set_old.iter().any(|(given, _)| given == name);
        let mut changed = false;
        let [old, new] = sides;
        for (inputs, (own, other)) in inputs.iter_mut().zip([(old, new), (new, old)]) {
            let is_meant = |name: &str| own.takes(name) || !other.takes(name) || !is_shared(name);
            let before = inputs.set.len() + inputs.params.len();
            inputs.set.retain(|(name, _)| is_meant(name));
            inputs.params.retain(|(name, _)| is_meant(name));
            changed |= inputs.set.len() + inputs.params.len() < before;
        }
        changed
    }

    /// Tells of a side for people, beside what is written.
    fn told(&self, side: &Compiled, diagnostics: &[Diagnostic]) {
        if diagnostics.is_empty() {
            return;
        }
        let shown = side.shown_with(diagnostics);
        let style = terminal::error_style(self.color);
        terminal::to_error(|out| render(Told::Human, &shown, style, out));
    }
}

/// A program of the same app and for the same targets, those that are asked for, with nothing in it: what there was before the first deploy.
fn nothing_of(graph: &Graph, asked: &[TargetId]) -> Inspection {
    let targets = graph.targets().into_iter();
    let targets = targets.filter(|it| asked.is_empty() || asked.contains(it));
    let targets: Vec<&str> = targets.map(TargetId::word).collect();
    let text = format!(
        "app {} {{ targets = [{}] }}\n",
        graph.name(),
        targets.join(", ")
    );
    let world = MemoryWorld::single(MAIN, text);
    let mut inspection = crate::inspect_deployed(&world, MAIN, &Options::default());
    // What any app has, such as a namespace, is created with the first.
    for (_, objects) in &mut inspection.objects {
        objects.clear();
    }
    inspection
}

/// Puts in the values that were given of variables that are left to docker.
fn put_in(objects: &mut [(TargetId, Vec<Object>)], inputs: &Inputs) {
    if inputs.set.is_empty() {
        return;
    }
    for (target, objects) in objects {
        if matches!(target, TargetId::Swarm | TargetId::Compose) {
            change::substitute(objects, &inputs.set);
        }
    }
}

impl Compiled {
    /// What is wrong with a side: of the old one only what keeps it from being read, since it is deployed whatever it
    /// promises.
    fn wrong(&self, is_new: bool) -> Vec<Diagnostic> {
        if !is_new && self.inspection.graph.is_some() {
            return Vec::new();
        }
        let errors = self.inspection.diagnostics.iter();
        let errors = errors.filter(|found| found.severity == Severity::Error);
        errors.cloned().collect()
    }

    /// The calls of a side that are texts: of these no plan can say whom it cuts off.
    fn unseen(&self) -> impl Iterator<Item = &Diagnostic> {
        let found = self.inspection.diagnostics.iter();
        found.filter(|found| found.code == &catalogue::CALL_AS_TEXT)
    }

    /// Whether it is a program, and takes a value that it was given.
    fn takes(&self, name: &str) -> bool {
        let told = unknown_input(name);
        let mut found = self.inspection.diagnostics.iter();
        let is_unknown =
            |it: &Diagnostic| it.code == &catalogue::UNKNOWN_INPUT && it.message == told;
        self.inspection.sources.iter().next().is_some() && !found.any(is_unknown)
    }

    fn is_unreadable(&self) -> bool {
        let mut found = self.inspection.diagnostics.iter();
        let has_errors = found.any(|found| found.severity == Severity::Error);
        self.inspection.graph.is_none() && has_errors
    }

    fn shown_with<'a>(&'a self, diagnostics: &'a [Diagnostic]) -> Shown<'a> {
        Shown {
            sources: &self.inspection.sources,
            diagnostics,
            folder: &self.shown,
        }
    }
}
