//! The programs that are judged and what `zdc build` makes of them. Folders are discovered: `examples/NAME/app.zd` and
//! `tests/real/cases/NAME/app.zd`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{machine, test};

/// A program and the folder with what `zdc` wrote for it.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) output: PathBuf,
}

/// Builds every program; what does not build is a panic, since nothing is left to judge.
pub(crate) fn discover() -> Vec<Program> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources: Vec<(String, PathBuf)> = ["examples", "tests/real/cases"]
        .iter()
        .filter_map(|parent| std::fs::read_dir(root.join(parent)).ok())
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path().join("app.zd"),
            )
        })
        .filter(|(_, source)| source.is_file())
        .collect();
    sources.sort();
    sources
        .into_iter()
        .map(|(name, source)| {
            let output = machine::state().join("built").join(&name);
            build(&source, &output).unwrap_or_else(|why| panic!("{why}"));
            Program { name, output }
        })
        .collect()
}

/// `zdc build SOURCE --out OUTPUT`.
pub(crate) fn build(source: &Path, output: &Path) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zdc"));
    command.arg("build").arg(source).arg("--out").arg(output);
    machine::run(command).map(|_| ())
}

impl Program {
    /// The files below `folder` with one of the endings, sorted, where there are any.
    pub(crate) fn files(&self, folder: &str, endings: &[&str]) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.output.join(folder), &mut found);
        found.retain(|path| {
            path.extension()
                .is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted))
        });
        found.sort();
        found
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
    {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// A test of `judge` on each program that has such files.
pub(crate) fn each(
    programs: &[Program],
    consumer: &str,
    (folder, endings): (&str, &[&str]),
    judge: fn(&Program, &[PathBuf]) -> crate::Verdict,
) -> Vec<crate::Test> {
    programs
        .iter()
        .filter_map(|program| {
            let files = program.files(folder, endings);
            let name = format!("{consumer}::{}", program.name);
            let program = program.clone();
            (!files.is_empty()).then(|| test(name, move || judge(&program, &files)))
        })
        .collect()
}
