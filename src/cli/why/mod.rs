//! `zdc why`: what put a line of a written file there.

mod told;

use super::arguments::{DataFormat, Program};
use super::invocation::{Invocation, Telling};
use super::output::{Mark, mark};
use super::project::{MAIN, show};
use super::{Exit, Failure, terminal};
use crate::diagnostics::Severity;
use crate::diagnostics::render::escape_line;
use crate::provenance::Traced;
use crate::targets::Artifact;
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use told::Told;

/// Say what put a line of a written file there
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc why manifests/kubernetes/web.yaml:14
  zdc why manifests/swarm/shop.yml:31 --format json
  zdc why out/nginx/conf.d/shop.conf:7 shop/app.zd --set VERSION=1.4.2

The program is looked for beside the folder that the file is in, under the name that the file's
first line has. Give the `--set` and `--params` that the file was built with.")]
pub(super) struct Why {
    /// The file and the line, from 1
    #[arg(value_name = "FILE:LINE")]
    place: String,

    #[command(flatten)]
    program: Program,

    /// How the answer is written
    #[arg(long, value_name = "FORMAT", default_value = "human", value_enum)]
    format: DataFormat,
}

/// A written file is never larger; what is was not written by zdc.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

impl Why {
    pub(super) fn run(mut self) -> Result<Exit, Failure> {
        let (file, number) = file_and_line(&self.place)?;
        let text = read(&file)?;
        let mark = mark(&file, &text);
        if self.program.file.is_none() {
            self.program.file = Some(beside(&file, &mark)?);
        }
        let invocation = Invocation::compile(&self.program, &[], None)?;
        let found = &invocation.compilation.diagnostics;
        if found.iter().any(|found| found.severity == Severity::Error) {
            invocation.tell(Telling::aside(self.program.color))?;
            return Ok(Exit::Found);
        }
        let artifacts = invocation.compilation.artifacts.as_deref();
        let program = invocation.project.main_shown();
        let artifact = artifact_of(artifacts.unwrap_or_default(), &file)
            .ok_or_else(|| not_written(&file, &mark, &program))?;
        let Some(target) = artifact.target else {
            return Err(about_all(&file));
        };
        let expected = super::output::stamped(artifact, &invocation.project.main);
        if text != expected {
            return Err(stale(&file, &mark, &program));
        }
        let lines: Vec<&str> = text.lines().collect();
        let line = *number
            .checked_sub(1)
            .and_then(|index| lines.get(index))
            .ok_or_else(|| {
                let count = lines.len();
                Failure::new(format!("`{}` has no line {number}", show(&file)))
                    .help(format!("it has {count}, from 1"))
            })?;
        let provenance = match mark.line_without(number - 1) {
            None => None,
            Some(index) => {
                let (world, inputs) = (&invocation.project.world, &invocation.inputs);
                let path = &artifact.path;
                let checked = invocation.compilation.checked.as_ref();
                let found = checked
                    .and_then(|checked| Traced::new(world, checked, inputs, target, path))
                    .and_then(|traced| traced.line(index));
                Some(found.ok_or_else(|| stale(&file, &mark, &program))?)
            }
        };
        let told = Told {
            file: &file,
            number,
            line,
            target,
            provenance: provenance.as_ref(),
            program: &program,
            folder: &invocation.project.shown,
            sources: &invocation.compilation.sources,
        };
        let text = match self.format {
            DataFormat::Human => told.human(terminal::output_style(self.program.color)),
            DataFormat::Json => told.json(),
        };
        terminal::to_output(|out| out.write_all(text.as_bytes()))?;
        Ok(Exit::Success)
    }
}

fn file_and_line(place: &str) -> Result<(PathBuf, usize), Failure> {
    let parts = place
        .rsplit_once(':')
        .and_then(|(file, line)| Some((file, line.parse::<usize>().ok()?)))
        .filter(|(file, line)| !file.is_empty() && *line > 0);
    match parts {
        Some((file, line)) => Ok((PathBuf::from(file), line)),
        None => Err(
            Failure::new(format!("`{}` names no line of a file", escape_line(place)))
                .help("write the file, a colon and the line, from 1: manifests/swarm/shop.yml:14"),
        ),
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let fails = |words: &str| Failure::new(format!("cannot read `{}`: {words}", show(file)));
    let found = fs::metadata(file).map_err(|error| fails(&error.to_string()))?;
    if !found.is_file() {
        return Err(fails("it is no file"));
    }
    if found.len() > MAX_BYTES {
        return Err(foreign(file));
    }
    let bytes = fs::read(file).map_err(|error| fails(&error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| foreign(file))
}

/// The program whose output folder the file is in.
fn beside(file: &Path, mark: &Mark) -> Result<PathBuf, Failure> {
    if matches!(mark, Mark::None) {
        return Err(foreign(file));
    }
    let name = mark
        .source()
        .and_then(|source| Path::new(source).file_name());
    let name = name.unwrap_or(MAIN.as_ref());
    // Nearest first; without its links the path has all its folders.
    let real = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    let shown: Vec<&Path> = file.ancestors().skip(1).collect();
    for (steps, folder) in real.ancestors().skip(1).enumerate() {
        if folder.join(name).is_file() {
            // As the user would say it, where that names the same folder.
            let said = shown
                .get(steps)
                .map(|said| said.join(name))
                .filter(|said| said.canonicalize().ok() == folder.join(name).canonicalize().ok());
            return Ok(said.unwrap_or_else(|| folder.join(name)));
        }
    }
    Err(Failure::new(format!(
        "there is no `{}` beside the folders of `{}`",
        escape_line(&name.to_string_lossy()),
        show(file)
    ))
    .help("name the program: zdc why FILE:LINE path/to/app.zd"))
}

/// The file of the build that this one is: its path ends in the other's.
fn artifact_of<'a>(artifacts: &'a [Artifact], file: &Path) -> Option<&'a Artifact> {
    let real = file.canonicalize().unwrap_or_else(|_| file.to_path_buf());
    artifacts
        .iter()
        .find(|artifact| real.ends_with(&artifact.path))
}

fn about_all(file: &Path) -> Failure {
    Failure::new(format!(
        "`{}` is about the whole program: its lines have no causes of their own",
        show(file)
    ))
    .help("`zdc explain --policy SERVICE` shows what a proof is made of")
}

fn not_written(file: &Path, mark: &Mark, program: &str) -> Failure {
    if matches!(mark, Mark::None) {
        return foreign(file);
    }
    Failure::new(format!(
        "`{}` writes no file `{}`",
        escape_line(program),
        show(file)
    ))
    .help("it may be of an earlier build or of another program; `zdc build` removes what is left over")
}

fn stale(file: &Path, mark: &Mark, program: &str) -> Failure {
    let (shown, program) = (show(file), escape_line(program));
    match mark {
        Mark::Edited(_) => Failure::new(format!("`{shown}` was edited since zdc wrote it")).help(
            "its lines are not all of the program; `zdc build --check` shows what was changed",
        ),
        Mark::None => foreign(file),
        Mark::Intact { .. } | Mark::Named => {
            Failure::new(format!("`{shown}` is not what `{program}` would write now")).help(
                "write it again with `zdc build`, or give the `--set` and `--params` that it was \
                 built with",
            )
        }
    }
}

fn foreign(file: &Path) -> Failure {
    Failure::new(format!("`{}` was not written by zdc", show(file)))
        .help("the files that `zdc build` writes say so in their first line or in their name")
}
