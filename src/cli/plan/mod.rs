//! `zdc plan`: what a deploy changes, and what goes wrong on the way.

mod blobs;
mod documents;
mod git;
mod human;
mod json;
mod manifests;
mod markdown;
mod script;
mod side;

use super::terminal::Color;
use super::{Exit, Failure, arguments, params, terminal};
use crate::change::{self, Changes};
use crate::diagnostics::render::{Format as Told, Shown, render};
use crate::diagnostics::{Diagnostic, Severity};
use crate::graph::Graph;
use crate::source::{Sources, World};
use crate::types::Date;
use crate::vocabulary::TargetId;
use crate::{Inspection, Options, parallel};
use clap::{Args, ValueEnum};
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

    /// Set a parameter on both sides; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = arguments::setting)]
    set: Vec<(String, String)>,

    /// Set a parameter of the old side to something else; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = arguments::setting)]
    set_old: Vec<(String, String)>,

    /// Read parameters from a YAML file; of several the last wins, and --set wins over all
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
    /// The commands that carry it out in its steps, on a swarm or on Kubernetes
    Script,
}

/// A side, compiled or read.
struct Compiled {
    inspection: Inspection,
    /// What stands before its paths where they are shown.
    shown: String,
}

/// What is shown.
struct Planned<'a> {
    changes: &'a Changes,
    /// What is wrong with the step, in the order of the source.
    found: &'a [Diagnostic],
    sources: &'a Sources,
    /// The new program, where there is one.
    graph: Option<&'a Graph>,
    /// What stands before a path.
    shown: &'a str,
    /// What the sides are called.
    names: (&'a str, &'a str),
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
        let set_old = || self.set.iter().chain(&self.set_old).cloned().collect();
        // They have nothing in common before they are compared.
        let (new, old) = parallel::both(
            ROOM,
            || self.compile(&new, one_stack, self.set.clone(), crate::inspect),
            || self.compile(&old, one_stack, set_old(), crate::inspect_deployed),
        );
        // What the process ends with is not freed piece by piece.
        let (old, new) = (ManuallyDrop::new(old?), ManuallyDrop::new(new?));
        let mut broken = false;
        for (side, is_new) in [(&old, false), (&new, true)] {
            broken |= self.tell(side, is_new);
            // Without a graph there is nothing to compare with.
            if side.inspection.graph.is_none() && side.has_errors() {
                return Ok(Exit::Found);
            }
        }
        let changes = change::compare(&old.inspection.revision(), &new.inspection.revision());
        let changes = ManuallyDrop::new(changes);
        let found = changes.found.clone().into_sorted();
        let planned = Planned {
            changes: &changes,
            found: &found,
            sources: &new.inspection.sources,
            graph: new.inspection.graph.as_ref(),
            shown: &new.shown,
            names: (&names.0, &names.1),
        };
        let style = terminal::output_style(self.color);
        let wrong = broken || changes.found.has_errors();
        match self.format {
            Format::Human => terminal::to_output(|out| human::write(&planned, style, out))?,
            Format::Json => terminal::to_output(|out| json::write(&planned, out))?,
            Format::Markdown => terminal::to_output(|out| markdown::write(&planned, out))?,
            Format::Script => self.script(&planned, &new, wrong)?,
        }
        Ok(match (wrong, self.detailed_exitcode) {
            (true, _) => Exit::Found,
            (false, true) if !changes.is_empty() => Exit::Changes,
            (false, _) => Exit::Success,
        })
    }

    /// Writes the commands, and what is wrong with the step beside them; of a step with errors nothing but those.
    fn script(&self, planned: &Planned<'_>, new: &Compiled, wrong: bool) -> Result<(), Failure> {
        let objects = &new.inspection.objects;
        let (target, objects) = script::target(&planned.changes.targets, objects)?;
        self.told(new, planned.found);
        if wrong {
            terminal::say("error: no script is written for a step with errors");
            return Ok(());
        }
        terminal::to_output(|out| script::write(planned, target, objects, out))
    }

    fn compile(
        &self,
        side: &Side,
        one_stack: Option<&str>,
        set: Vec<(String, String)>,
        inspect: fn(&dyn World, &str, &Options) -> Inspection,
    ) -> Result<Compiled, Failure> {
        let wanted = |target: &TargetId| self.targets.is_empty() || self.targets.contains(target);
        match side {
            Side::Program {
                world, main, shown, ..
            } => {
                let options = Options {
                    inputs: params::inputs(set, &self.params)?,
                    targets: self.targets.clone(),
                    as_of: self.as_of,
                    ..Options::default()
                };
                Ok(Compiled {
                    inspection: inspect(&**world, main, &options),
                    shown: shown.clone(),
                })
            }
            Side::Manifests { place, .. } => {
                let mut objects = place.objects(one_stack)?;
                objects.retain(|(target, _)| wanted(target));
                Ok(Compiled {
                    inspection: Inspection {
                        objects,
                        ..Inspection::default()
                    },
                    shown: String::new(),
                })
            }
        }
    }

    /// Tells what is wrong with a side: of the old one only what keeps it from being read, since it
    /// is deployed whatever it promises. Says whether the new one is broken.
    fn tell(&self, side: &Compiled, is_new: bool) -> bool {
        if !is_new && side.inspection.graph.is_some() {
            return false;
        }
        let errors = side.inspection.diagnostics.iter();
        let errors = errors.filter(|found| found.severity == Severity::Error);
        let errors: Vec<Diagnostic> = errors.cloned().collect();
        self.told(side, &errors);
        !errors.is_empty()
    }

    /// Tells of a side for people, beside what is written.
    fn told(&self, side: &Compiled, diagnostics: &[Diagnostic]) {
        if diagnostics.is_empty() {
            return;
        }
        let shown = Shown {
            sources: &side.inspection.sources,
            diagnostics,
            folder: &side.shown,
        };
        let style = terminal::error_style(self.color);
        terminal::to_error(|out| render(Told::Human, &shown, style, out));
    }
}

impl Compiled {
    fn has_errors(&self) -> bool {
        let mut found = self.inspection.diagnostics.iter();
        found.any(|found| found.severity == Severity::Error)
    }
}
