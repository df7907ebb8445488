//! One compilation on behalf of the user: read, compile, tell.

use super::arguments::{Judging, Program};
use super::project::Project;
use super::terminal::Color;
use super::{Failure, params, terminal};
use crate::diagnostics::Severity;
use crate::diagnostics::render::{Format, Shown, render};
use crate::eval::Inputs;
use crate::graph::Graph;
use crate::source::Str;
use crate::types::Date;
use crate::vocabulary::TargetId;
use crate::{Compilation, Options};
use std::time::{Duration, Instant};

/// A compiled program.
#[derive(Debug)]
pub(super) struct Invocation {
    /// The program.
    pub(super) project: Project,
    /// What it was given.
    pub(super) inputs: Inputs,
    /// What it gave.
    pub(super) compilation: Compilation,
    /// The targets it was compiled for, in the order they are written.
    pub(super) targets: Vec<TargetId>,
    /// What it was compiled for.
    options: Options,
    started: Instant,
}

/// How the user wants to be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    /// As what.
    pub(super) format: Format,
    /// In colours.
    pub(super) color: Color,
    /// Whether standard output is for something else.
    pub(super) output_is_taken: bool,
    /// Whether a warning fails.
    pub(super) deny_warnings: bool,
}

impl Telling {
    /// To people, beside what a command writes to standard output.
    pub(super) fn aside(color: Color) -> Self {
        Self {
            format: Format::Human,
            color,
            output_is_taken: true,
            deny_warnings: false,
        }
    }
}

impl Invocation {
    /// Compiles for these targets, for the app's where none is named; judges as of a day.
    ///
    /// # Errors
    /// The main file or a parameter file cannot be read.
    pub(super) fn compile(
        program: &Program,
        targets: &[TargetId],
        as_of: Option<Date>,
    ) -> Result<Self, Failure> {
        let asked = Options {
            targets: targets.to_vec(),
            as_of,
            ..Options::default()
        };
        Self::of(program, asked)
    }

    /// Compiles for these targets and keeps what was proved as numbers.
    ///
    /// # Errors
    /// The main file or a parameter file cannot be read.
    pub(super) fn judge(program: &Program, judging: &Judging) -> Result<Self, Failure> {
        let asked = Options {
            targets: judging.targets.clone(),
            as_of: judging.as_of,
            table: true,
            ..Options::default()
        };
        Self::of(program, asked)
    }

    fn of(program: &Program, asked: Options) -> Result<Self, Failure> {
        let started = Instant::now();
        let project = Project::open(program.file.as_deref(), program.root.as_deref())?;
        let options = Options {
            inputs: params::inputs(program.set.clone(), &program.params)?,
            ..asked
        };
        let compilation = crate::compile(&project.world, &project.main, &options);
        if let Some(graph) = &compilation.graph {
            let lacking = options.targets.iter().find(|it| !is_for(graph, **it));
            if let Some(lacking) = lacking {
                return Err(not_for(*lacking, &project.main_shown(), graph));
            }
        }
        let mut targets = match &compilation.graph {
            Some(graph) if options.targets.is_empty() => graph.targets(),
            _ => options.targets.clone(),
        };
        targets.sort_unstable();
        targets.dedup();
        Ok(Self {
            project,
            inputs: options.inputs.clone(),
            compilation,
            targets,
            options,
            started,
        })
    }

    /// Shows with what failed the smallest edit that mends it, where a search finds one. Only what is at least as bad
    /// as `least` starts one.
    pub(super) fn search_edits(&mut self, least: Severity) {
        let (world, main) = (&self.project.world, &self.project.main);
        let repairs = crate::repairs(world, main, &self.options, &self.compilation, least);
        for (index, fix) in repairs.fixes {
            if let Some(diagnostic) = self.compilation.diagnostics.get_mut(index) {
                diagnostic.fix = Some(Box::new(fix));
            }
        }
    }

    /// Makes the smallest edits in memory: what was compiled is then the program with them. Gives the files that are
    /// otherwise: their project paths, what was read and what is to be there; and what was edited, in words.
    pub(super) fn mend(&mut self) -> (Vec<(Str, Str, Str)>, Vec<String>) {
        let (world, main) = (&self.project.world, &self.project.main);
        let read = std::mem::take(&mut self.compilation);
        let sources = read.sources.clone();
        let mut mended = crate::mend(world, main, &self.options, read);
        for (index, why) in mended.left {
            if let Some(diagnostic) = mended.compilation.diagnostics.get_mut(index) {
                diagnostic.notes.push(format!("`--fix` leaves it: {why}"));
            }
        }
        self.compilation = mended.compilation;
        let texts = mended.texts.into_iter();
        let texts = texts
            .filter_map(|(path, new)| {
                let mut sources = sources.iter().map(|(_, source)| source);
                let old = sources.find(|source| source.path == path)?.text.clone();
                (old != new).then_some((path, old, new))
            })
            .collect();
        (texts, mended.titles)
    }

    /// Tells what was found: people on standard error, machines on standard output unless that is
    /// taken. Says whether the program passes.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) fn tell(&self, telling: Telling) -> Result<bool, Failure> {
        let shown = Shown {
            sources: &self.compilation.sources,
            diagnostics: &self.compilation.diagnostics,
            folder: &self.project.shown,
        };
        let for_people = telling.format == Format::Human;
        if !for_people && !telling.output_is_taken {
            let style = terminal::output_style(telling.color);
            terminal::to_output(|out| render(telling.format, &shown, style, out))?;
        } else if !(for_people && shown.diagnostics.is_empty()) {
            // Where there is nothing to tell, which is most of the time, nothing is set up.
            let style = terminal::error_style(telling.color);
            terminal::to_error(|out| render(telling.format, &shown, style, out));
        }
        let worst = shown.diagnostics.iter().map(|found| found.severity).max();
        Ok(match worst {
            Some(Severity::Error) => false,
            Some(Severity::Warning) => !telling.deny_warnings,
            Some(Severity::Note) | None => true,
        })
    }

    /// How long it has taken so far: `12 ms`.
    pub(super) fn elapsed(&self) -> String {
        show_duration(self.started.elapsed())
    }
}

/// Whether a program is written for a target, or a service of it alone is.
pub(super) fn is_for(graph: &Graph, target: TargetId) -> bool {
    graph.targets().contains(&target) || graph.services_on(target).next().is_some()
}

/// A target that was asked for and is none of the program's.
pub(super) fn not_for(target: TargetId, program: &str, graph: &Graph) -> Failure {
    let targets: Vec<&str> = graph.targets().iter().map(|it| it.word()).collect();
    let targets = targets.join(", ");
    let target = target.word();
    Failure::new(format!(
        "`{program}` is not written for {target}, but for {targets}"
    ))
    .help(format!(
        "leave `--target {target}` out, or write `targets = [{targets}, {target}]` in `app`"
    ))
}

pub(super) fn show_duration(elapsed: Duration) -> String {
    match elapsed.as_millis() {
        millis @ ..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", elapsed.as_secs_f64()),
    }
}
