//! `zdc build`: compile and write; or compare, or print.

use super::arguments::{Judging, Program};
use super::invocation::Invocation;
use super::output::{self, Destination, Plan, Written};
use super::project::show;
use super::{Exit, Failure, terminal};
use crate::diagnostics::Severity;
use crate::diagnostics::render::{Format, escape_line};
use crate::source::World;
use crate::targets::Artifact;
use crate::vocabulary::TargetId;
use clap::Args;
use std::borrow::Cow;
use std::io::IsTerminal;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// The output folder beside the program.
const FOLDER: &str = "manifests";

/// Build a program's manifests
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc build
  zdc build shop/app.zd --target swarm --set IMG_TAG=1.4.2
  zdc build --target kubernetes --stdout | kubectl apply -f -
  zdc build --check --deny-warnings --format github

A file that zdc did not write, or that was edited since, is never overwritten without --force.
A file that zdc wrote from this program and no longer writes is removed.")]
pub(super) struct Build {
    #[command(flatten)]
    program: Program,
    #[command(flatten)]
    judging: Judging,

    /// Where to write; `manifests/` beside the program by default
    #[arg(short, long, value_name = "DIR", conflicts_with = "stdout")]
    out: Option<PathBuf>,

    /// Write nothing; fail and show a diff where the manifests are not up to date
    #[arg(long, conflicts_with_all = ["stdout", "force"])]
    check: bool,

    /// Print one target's files as one stream instead of writing them
    #[arg(long, conflicts_with = "force")]
    stdout: bool,

    /// Overwrite files that were edited or that zdc did not write
    #[arg(long)]
    force: bool,
}

impl Build {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        if self.stdout {
            one_target(&self.judging.targets, true)?;
        }
        // The process ends with it: the system takes its memory back at once.
        let mut invocation = ManuallyDrop::new(Invocation::compile(
            &self.program,
            &self.judging.targets,
            self.judging.as_of,
        )?);
        invocation.search_edits(Severity::Error);
        if !invocation.tell(self.judging.telling(&self.program, self.stdout))? {
            return Ok(Exit::Found);
        }
        let Some(artifacts) = &invocation.compilation.artifacts else {
            // No phase leaves a program unproved without an error; nothing is written if one does.
            terminal::say("error: not every target was proved; nothing was written");
            return Ok(Exit::Found);
        };
        if self.stdout {
            return print(artifacts, &invocation.targets);
        }
        let folder = self
            .out
            .clone()
            .unwrap_or_else(|| invocation.project.folder.join(FOLDER));
        let world = &invocation.project.world;
        let to = Destination {
            is_source: &|source| world.load(source).is_ok(),
            folder: &folder,
            source: &invocation.project.main,
            targets: &invocation.targets,
            whole: self.judging.targets.is_empty(),
        };
        let plan = output::plan(artifacts, &to)?;
        for kept in &plan.kept {
            terminal::say(&format!(
                "warning: {} is no longer written but was edited; it was left there",
                show(kept)
            ));
        }
        if self.check {
            return self.compare(&plan, &to, &invocation);
        }
        self.write(&plan, &to, &invocation)
    }

    fn write(
        &self,
        plan: &Plan,
        to: &Destination<'_>,
        invocation: &Invocation,
    ) -> Result<Exit, Failure> {
        match output::write(plan, to.folder, self.force)? {
            Written::Interrupted => {
                terminal::say("interrupted; nothing was written");
                Ok(Exit::Interrupted)
            }
            Written::Done {
                wrote,
                unchanged,
                removed,
            } => {
                if !self.judging.quiet {
                    let part = |count, words: &str| match count {
                        0 => String::new(),
                        _ => words.to_owned(),
                    };
                    let unchanged = part(unchanged, &format!(", {unchanged} unchanged"));
                    let removed = part(removed, &format!(", removed {removed}"));
                    terminal::say(&format!(
                        "wrote {}{unchanged}{removed} in {} ({})",
                        files(wrote),
                        as_folder(to.folder),
                        invocation.elapsed()
                    ));
                }
                Ok(Exit::Success)
            }
        }
    }

    fn compare(
        &self,
        plan: &Plan,
        to: &Destination<'_>,
        invocation: &Invocation,
    ) -> Result<Exit, Failure> {
        let style = terminal::output_style(self.program.color);
        let to_terminal = std::io::stdout().is_terminal();
        let Some((diff, count)) = output::diff(plan, style, to_terminal) else {
            if !self.judging.quiet {
                terminal::say(&format!(
                    "{} in {} up to date ({})",
                    files(plan.files.len()),
                    as_folder(to.folder),
                    invocation.elapsed()
                ));
            }
            return Ok(Exit::Success);
        };
        if self.judging.format == Format::Human {
            terminal::to_output(|out| out.write_all(diff.as_bytes()))?;
        } else {
            terminal::to_error(|out| out.write_all(diff.as_bytes()));
        }
        let next = match output::held_back(plan) {
            Some(way_out) => way_out.to_owned(),
            None => format!("write with: {}", without_check()),
        };
        terminal::say(&format!(
            "{} in {} not up to date; {next}",
            files(count),
            as_folder(to.folder)
        ));
        Ok(Exit::Found)
    }
}

fn files(count: usize) -> String {
    format!("{count} file{}", if count == 1 { "" } else { "s" })
}

/// A folder with the `/` that says so.
fn as_folder(folder: &Path) -> String {
    format!("{}/", show(folder).trim_end_matches('/'))
}

/// The only target, where there is one.
fn one_target(targets: &[TargetId], or_none: bool) -> Result<Option<TargetId>, Failure> {
    match targets {
        [] if or_none => Ok(None),
        [target] => Ok(Some(*target)),
        _ => {
            let words: Vec<&str> = targets.iter().map(|target| target.word()).collect();
            Err(Failure::new(format!(
                "--stdout prints one target, and there are {}: {}",
                targets.len(),
                words.join(", ")
            ))
            .help("name one: `--target kubernetes`"))
        }
    }
}

fn print(artifacts: &[Artifact], targets: &[TargetId]) -> Result<Exit, Failure> {
    if let Some(target) = one_target(targets, false)? {
        terminal::to_output(|out| output::stream(artifacts, target, out))?;
    }
    Ok(Exit::Success)
}

/// The command that was given, without `--check`, as a shell takes it.
fn without_check() -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./=,:@%+".contains(character);
    let words = std::env::args_os()
        .skip(1)
        .filter(|word| word != "--check")
        .map(|word| {
            let word = word.to_string_lossy();
            if !word.is_empty() && word.chars().all(plain) {
                word.into_owned()
            } else {
                let word: Cow<'_, str> = Cow::Owned(escape_line(&word).replace('\'', r"'\''"));
                format!("'{word}'")
            }
        });
    std::iter::once("zdc".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}
