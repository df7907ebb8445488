//! One compilation on behalf of the user: read, compile, tell.

use super::arguments::{Judging, Program};
use super::project::Project;
use super::{Failure, params, terminal};
use crate::diagnostics::Severity;
use crate::diagnostics::render::{Format, Shown, render};
use crate::eval::Inputs;
use crate::vocabulary::TargetId;
use crate::{Compilation, Options};
use std::time::{Duration, Instant};

/// A compiled program.
#[derive(Debug)]
pub(super) struct Session {
    /// The program.
    pub(super) project: Project,
    /// What it gave.
    pub(super) compilation: Compilation,
    /// The targets it was compiled for, in the order they are written.
    pub(super) targets: Vec<TargetId>,
    started: Instant,
}

impl Session {
    /// Compiles for these targets; for the app's where none is named.
    ///
    /// # Errors
    /// The main file or a parameter file cannot be read.
    pub(super) fn compile(program: &Program, targets: &[TargetId]) -> Result<Self, Failure> {
        let started = Instant::now();
        let project = Project::open(program.file.as_deref(), program.root.as_deref())?;
        let options = Options {
            inputs: Inputs {
                set: program.set.clone(),
                params: params::read(&program.params)?,
            },
            targets: targets.to_vec(),
        };
        let compilation = crate::compile(&project.world, &project.main, &options);
        let mut targets = match &compilation.graph {
            Some(graph) if targets.is_empty() => graph.targets(),
            _ => targets.to_vec(),
        };
        targets.sort_unstable();
        targets.dedup();
        Ok(Self {
            project,
            compilation,
            targets,
            started,
        })
    }

    /// Tells what was found: people on standard error, machines on standard output unless that is
    /// taken for manifests. Says whether the program passes.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(super) fn report(
        &self,
        judging: &Judging,
        program: &Program,
        output_is_taken: bool,
    ) -> Result<bool, Failure> {
        let shown = Shown {
            sources: &self.compilation.sources,
            diagnostics: &self.compilation.diagnostics,
            folder: &self.project.shown,
        };
        if judging.format == Format::Human || output_is_taken {
            // Nothing was found most of the time: nothing is then set up.
            if !(shown.diagnostics.is_empty() && judging.format == Format::Human) {
                let style = terminal::error_style(program.color);
                terminal::to_error(|out| render(judging.format, &shown, style, out));
            }
        } else {
            let style = terminal::output_style(program.color);
            terminal::to_output(|out| render(judging.format, &shown, style, out))?;
        }
        let worst = shown.diagnostics.iter().map(|found| found.severity).max();
        Ok(match worst {
            Some(Severity::Error) => false,
            Some(Severity::Warning) => !judging.deny_warnings,
            Some(Severity::Note) | None => true,
        })
    }

    /// How long it has taken so far: `12 ms`.
    pub(super) fn elapsed(&self) -> String {
        show_duration(self.started.elapsed())
    }
}

fn show_duration(elapsed: Duration) -> String {
    match elapsed.as_millis() {
        millis @ ..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", elapsed.as_secs_f64()),
    }
}
