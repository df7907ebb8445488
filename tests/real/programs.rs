//! The programs that are judged and what `zdc build` makes of them. Folders are discovered: `examples/NAME/app.zd` and
//! `tests/real/cases/NAME/app.zd` and `tests/cases/nginx/NAME/app.zd`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{ensure, machine, test};

/// A program and the folder with what `zdc` wrote for it.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) name: String,
    source: PathBuf,
    pub(crate) output: PathBuf,
}

/// Every program; what could be built of it is in its folder.
pub(crate) fn discover() -> Vec<Program> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut programs: Vec<Program> = ["examples", "tests/real/cases", "tests/cases/nginx"]
        .iter()
        .filter_map(|parent| std::fs::read_dir(root.join(parent)).ok())
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            Program::new(name, entry.path().join("app.zd"))
        })
        .filter(|program| program.source.is_file())
        .collect();
    programs.sort_by(|one, other| one.name.cmp(&other.name));
    for program in &programs {
        // What it says is a test of its own, below: the judges' own tests run all the same.
        let _ = program.build();
    }
    programs
}

/// Each program builds, and files come of it.
pub(crate) fn tests(programs: &[Program]) -> Vec<crate::Test> {
    let builds = |program: &Program| {
        let program = program.clone();
        test(format!("build::{}", program.name), move || {
            program.build()?;
            let files = program.files("", &["yml", "yaml", "conf"]);
            ensure(!files.is_empty(), || "no file was written".to_owned())
        })
    };
    let found = programs.len();
    let some = test("build::examples_are_found", move || {
        ensure(found > 0, || "there is no examples/NAME/app.zd".to_owned())
    });
    programs.iter().map(builds).chain([some]).collect()
}

impl Program {
    pub(crate) fn new(name: String, source: PathBuf) -> Self {
        let output = machine::state().join("built").join(&name);
        Self {
            name,
            source,
            output,
        }
    }

    /// `zdc build SOURCE --out OUTPUT`.
    pub(crate) fn build(&self) -> Result<(), String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zdc"));
        command
            .arg("build")
            .arg(&self.source)
            .arg("--out")
            .arg(&self.output);
        machine::run(command).map(|_| ())
    }

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
