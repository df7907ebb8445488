//! Tests of a program, written in the program: `test "name" { set …, expect … }`.
//!
//! A program is read and checked once, and built once for each set of inputs that a test asks for.
//! Not here: which programs there are, how long a test took, and how it is told (`cli/`).

mod manifests;

use crate::check::{Checked, expected_code};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity, catalogue};
use crate::eval::{self, Inputs};
use crate::source::{FileId, Sources, Span, Str, World};
use crate::syntax::ast::{self, Expr, Item};
use crate::types::Value;
use crate::{Compilation, Options};
use manifests::Files;

/// A program with its tests.
pub struct Suite<'w> {
    world: &'w dyn World,
    checked: Checked,
    found: Vec<Diagnostic>,
    options: Options,
    tests: Vec<Test>,
    builds: Vec<Build>,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it says must be true.
    pub name: Str,
    /// Where its name stands.
    pub span: Span,
    file: FileId,
    index: usize,
}

/// What became of a test.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Why it failed; nothing where it passed.
    pub failures: Vec<Diagnostic>,
}

/// The program for one set of inputs.
struct Build {
    values: Vec<(Str, Value)>,
    diagnostics: Vec<Diagnostic>,
    /// Whether all of it has values, and expectations can be asked.
    evaluated: bool,
    files: Files,
}

/// What a test says.
struct Body<'a> {
    set: Vec<(Str, &'a Expr)>,
    /// In the order written.
    expected: Vec<Expected<'a>>,
}

/// What a test expects.
enum Expected<'a> {
    Code(&'static Code, Span),
    Condition(&'a Expr),
}

impl<'w> Suite<'w> {
    /// Reads and checks a program: the file `main` of `world` and all it imports. `options` hold
    /// for every test that does not set an input itself.
    pub fn open(world: &'w dyn World, main: &str, options: Options) -> Self {
        let (checked, found) = crate::read(world, main);
        let mut tests = Vec::new();
        for module in &checked.program.modules {
            for (index, item) in module.file.items.iter().enumerate() {
                if let Item::Test(test) = item {
                    tests.push(Test {
                        name: test.name.as_text().unwrap_or_default().into(),
                        span: test.name.span,
                        file: module.file.id,
                        index,
                    });
                }
            }
        }
        Self {
            world,
            checked,
            found: found.into_sorted(),
            options,
            tests,
            builds: Vec::new(),
        }
    }

    /// Its tests, the main file's first, in the order written.
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// Every file that was read.
    pub fn sources(&self) -> &Sources {
        &self.checked.program.sources
    }

    /// What keeps its tests from being run: the errors of a program that cannot be read or whose
    /// types are wrong.
    pub fn errors(&self) -> Vec<Diagnostic> {
        let errors = self.found.iter();
        let errors = errors.filter(|found| found.severity == Severity::Error);
        errors.cloned().collect()
    }

    /// Runs one of [`Suite::tests`]. In a program with errors every test fails by them.
    pub fn run(&mut self, test: &Test) -> Outcome {
        let failures = match self.errors() {
            errors if errors.is_empty() => self.failures(test),
            errors => errors,
        };
        Outcome { failures }
    }

    fn failures(&mut self, test: &Test) -> Vec<Diagnostic> {
        let item = self.checked.program.item(test.file, test.index);
        let Some(Item::Test(item)) = item else {
            return Vec::new();
        };
        let body = Body::of(&self.checked, test.file, item);
        let inputs = &self.options.inputs;
        let values = eval::settings(self.world, &self.checked, inputs, test.file, &body.set);
        let values = match values {
            Ok(values) => values,
            Err(found) => return found,
        };
        let inputs = Inputs {
            values: values.clone(),
            ..inputs.clone()
        };
        let known = self.builds.iter().position(|build| build.values == values);
        let index = known.unwrap_or(self.builds.len());
        if known.is_none() {
            let options = Options {
                inputs: inputs.clone(),
                ..self.options.clone()
            };
            let sources = self.checked.program.sources.clone();
            let evaluated =
                crate::evaluated(self.world, &self.checked, Diagnostics::default(), &options);
            let built = crate::build(sources, evaluated, &options);
            self.builds.push(Build::of(values, built));
        }
        let Some(build) = self.builds.get(index) else {
            return Vec::new();
        };
        let mut failures = build.unexpected(&body);
        let conditions = body.conditions(test.file);
        let asked = if build.evaluated {
            let (world, checked) = (self.world, &self.checked);
            eval::examine(world, checked, &inputs, &build.files, &conditions)
        } else {
            // Where another error is told, that this leaves nothing to ask goes without saying.
            let silent = !failures.is_empty();
            let unasked = conditions.iter();
            let said = unasked.map(|(_, expr)| (!silent).then(|| not_evaluated(expr.span, build)));
            said.map(|said| said.into_iter().collect()).collect()
        };
        let mut asked = asked.into_iter();
        for expected in &body.expected {
            match expected {
                Expected::Code(code, at) => failures.extend(build.lacks(code, *at)),
                Expected::Condition(_) => failures.extend(asked.next().into_iter().flatten()),
            }
        }
        failures
    }
}

impl<'a> Body<'a> {
    fn of(checked: &Checked, file: FileId, test: &'a ast::Test) -> Self {
        let mut body = Self {
            set: Vec::new(),
            expected: Vec::new(),
        };
        for item in &test.body.items {
            match item {
                Item::Set(attribute) => {
                    let name = attribute.key.as_text().unwrap_or_default();
                    body.set.push((name.into(), &attribute.value));
                }
                Item::Expect(expr) => {
                    let code = expected_code(&checked.program, file, expr);
                    body.expected.push(match code {
                        Some(code) => Expected::Code(code, expr.span),
                        None => Expected::Condition(expr),
                    });
                }
                _ => {}
            }
        }
        body
    }

    fn expects(&self, found: &Diagnostic) -> bool {
        let mut expected = self.expected.iter();
        expected.any(|it| matches!(it, Expected::Code(code, _) if *code == found.code))
    }

    fn conditions(&self, file: FileId) -> Vec<(FileId, &'a Expr)> {
        let expected = self.expected.iter();
        let conditions = expected.filter_map(|it| match it {
            Expected::Condition(expr) => Some((file, *expr)),
            Expected::Code(..) => None,
        });
        conditions.collect()
    }
}

impl Build {
    fn of(values: Vec<(Str, Value)>, built: Compilation) -> Self {
        Self {
            values,
            evaluated: built.graph.is_some(),
            files: Files::of(built.artifacts, &built.diagnostics),
            diagnostics: built.diagnostics,
        }
    }

    /// The errors that a test does not expect.
    fn unexpected(&self, body: &Body<'_>) -> Vec<Diagnostic> {
        let errors = self.diagnostics.iter();
        let errors = errors.filter(|found| found.severity == Severity::Error);
        errors
            .filter(|found| !body.expects(found))
            .cloned()
            .collect()
    }

    /// That a code is expected in vain.
    fn lacks(&self, code: &Code, at: Span) -> Option<Diagnostic> {
        let raised = self.diagnostics.iter().any(|found| found.code == code);
        (!raised).then(|| not_raised(code, at, &self.diagnostics))
    }
}

/// Nothing has a code that a test expects.
fn not_raised(code: &Code, at: Span, raised: &[Diagnostic]) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::NOT_RAISED,
        format!("nothing raises {} `{}`", code.id, code.name),
        at,
    )
    .labelled("expected here");
    let mut told: Vec<String> = Vec::new();
    // Notes are many, and seldom what was meant.
    let least = code.severity.min(Severity::Warning);
    for found in raised.iter().filter(|found| found.severity >= least) {
        let line = format!("{} `{}`: {}", found.code.id, found.code.name, found.message);
        if !told.contains(&line) {
            told.push(line);
        }
    }
    if told.is_empty() {
        return diagnostic.help(format!("with these inputs no {least} at all is raised"));
    }
    let more = told.len().saturating_sub(MOST_TOLD);
    told.truncate(MOST_TOLD);
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    diagnostic.help(format!("raised are\n{}", told.join("\n")))
}

/// So many of the diagnostics that were raised are told.
const MOST_TOLD: usize = 8;

/// An expected error left nothing to ask.
fn not_evaluated(at: Span, build: &Build) -> Diagnostic {
    let codes = codes(&build.diagnostics);
    Diagnostic::new(
        &catalogue::EXPECTATION_FAILED,
        format!("nothing can be said of this: the program does not evaluate ({codes})"),
        at,
    )
    .help("expect the error alone, or set inputs that the program takes")
}

/// The codes of errors: `ZD2031, ZD4001`.
fn codes(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error);
    let mut codes: Vec<&str> = errors.map(|found| found.code.id).collect();
    codes.dedup();
    codes.join(", ")
}
