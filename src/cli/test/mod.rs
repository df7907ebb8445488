//! `zdc test`: the `test` blocks of programs.

mod discover;
mod human;
mod json;
mod junit;

use super::arguments::{day, setting};
use super::project::Project;
use super::terminal::{self, Color};
use super::{Exit, Failure, params};
use crate::Options;
use crate::diagnostics::Diagnostic;
use crate::eval::Inputs;
use crate::source::Sources;
use crate::testing::Suite;
use crate::types::Date;
use clap::{Args, ValueEnum};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Run the tests of programs
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc test
  zdc test shop/app.zd --filter replicas
  zdc test --format junit > tests.xml

A test is written in the program that it is about:

  test \"four instances when asked\" {
    set REPLICAS = 4
    expect web.replicas == 4
    expect manifest(\"swarm/shop.yml\").services.web.deploy.replicas == 4
  }")]
pub(super) struct Test {
    /// Programs, or folders whose programs are meant; this folder by default
    #[arg(value_name = "FILE|FOLDER")]
    paths: Vec<PathBuf>,

    /// Only tests whose name has this in it, in any case
    #[arg(long, value_name = "WORDS")]
    filter: Option<String>,

    /// Set a parameter where a test does not; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    set: Vec<(String, String)>,

    /// Read parameters from a YAML file; of several the last wins, and --set wins over all
    #[arg(long, value_name = "FILE.yaml")]
    params: Vec<PathBuf>,

    /// The folder that imports may not leave; each program's own by default
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Judge as of a day: what is accepted until an earlier one is not any more
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    as_of: Option<Date>,

    /// How the outcome is written
    #[arg(long, value_name = "FORMAT", default_value = "human", value_enum)]
    format: Told,

    /// Colours: when the terminal has them, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    color: Color,
}

/// How the outcome is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Told {
    /// For people
    Human,
    /// One JSON object a line: each test, then their number
    Json,
    /// XML as `JUnit` writes it, for CI
    Junit,
}

/// What became of all programs.
struct Report {
    programs: Vec<Program>,
    filter: Option<String>,
    elapsed: Duration,
}

/// One program and its tests.
struct Program {
    /// Its main file as the user would name it.
    name: String,
    /// What stands before its paths where they are shown.
    folder: String,
    sources: Sources,
    /// What keeps its tests from being run.
    errors: Vec<Diagnostic>,
    cases: Vec<Case>,
    /// The tests that the filter leaves out.
    filtered: usize,
    elapsed: Duration,
}

/// One test that was run.
struct Case {
    name: String,
    /// The file it stands in, as the user would name it.
    path: String,
    line: usize,
    failures: Vec<Diagnostic>,
    elapsed: Duration,
}

impl Test {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let started = Instant::now();
        let inputs = params::inputs(self.set.clone(), &self.params)?;
        let mut programs = Vec::new();
        for main in discover::programs(&self.paths)? {
            programs.push(self.program(&main, &inputs)?);
        }
        let report = Report {
            programs,
            filter: self.filter,
            elapsed: started.elapsed(),
        };
        let style = terminal::output_style(self.color);
        let write = |out: &mut dyn io::Write| match self.format {
            Told::Human => human::write(&report, style, out),
            Told::Json => json::write(&report, out),
            Told::Junit => junit::write(&report, out),
        };
        terminal::to_output(write)?;
        Ok(if report.has_failed() {
            Exit::Found
        } else {
            Exit::Success
        })
    }

    fn program(&self, main: &Path, inputs: &Inputs) -> Result<Program, Failure> {
        let started = Instant::now();
        let project = Project::open(Some(main), self.root.as_deref())?;
        let options = Options {
            inputs: inputs.clone(),
            targets: Vec::new(),
            as_of: self.as_of,
            ..Options::default()
        };
        let mut suite = Suite::open(&project.world, &project.main, options);
        let mut program = Program {
            name: project.main_shown(),
            folder: project.shown.clone(),
            sources: suite.sources().clone(),
            errors: suite.errors(),
            cases: Vec::new(),
            filtered: 0,
            elapsed: Duration::ZERO,
        };
        for test in suite.tests().to_vec() {
            if !self.is_wanted(&test.name) {
                program.filtered += 1;
            } else if program.errors.is_empty() {
                let started = Instant::now();
                let outcome = suite.run(&test);
                let source = program.sources.get(test.span.file);
                program.cases.push(Case {
                    name: test.name.to_string(),
                    path: format!(
                        "{}{}",
                        program.folder,
                        source.map_or("", |source| &source.path)
                    ),
                    line: program.sources.position(test.span).0,
                    failures: outcome.failures,
                    elapsed: started.elapsed(),
                });
            }
        }
        program.elapsed = started.elapsed();
        Ok(program)
    }

    fn is_wanted(&self, name: &str) -> bool {
        let wanted = self.filter.as_ref().map(|words| words.to_lowercase());
        wanted.is_none_or(|words| name.to_lowercase().contains(&words))
    }
}

impl Report {
    fn cases(&self) -> impl Iterator<Item = &Case> {
        self.programs.iter().flat_map(|program| &program.cases)
    }

    fn failed(&self) -> usize {
        self.cases()
            .filter(|case| !case.failures.is_empty())
            .count()
    }

    fn passed(&self) -> usize {
        self.cases().count() - self.failed()
    }

    fn filtered(&self) -> usize {
        self.programs.iter().map(|program| program.filtered).sum()
    }

    /// The programs whose tests could not be run.
    fn broken(&self) -> usize {
        let broken = |program: &&Program| !program.errors.is_empty();
        self.programs.iter().filter(broken).count()
    }

    fn has_failed(&self) -> bool {
        self.failed() + self.broken() > 0
    }
}
