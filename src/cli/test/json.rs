//! One JSON object a line: each program that has errors, each test, and last their number.

use super::{Case, Program, Report};
use crate::diagnostics::render::{escape_json, values};
use serde::Serialize;
use serde_json::Value;
use std::io;

/// A line; its fields are part of zdc's interface.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    /// A program whose tests were not run.
    Program {
        program: &'a str,
        errors: Vec<Value>,
    },
    Test {
        program: &'a str,
        name: &'a str,
        path: &'a str,
        line: usize,
        passed: bool,
        seconds: f64,
        failures: Vec<Value>,
    },
    Summary {
        passed: usize,
        failed: usize,
        filtered: usize,
        broken_programs: usize,
        seconds: f64,
    },
}

pub(super) fn write(all: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    for program in &all.programs {
        if !program.errors.is_empty() {
            let broken = Line::Program {
                program: &program.name,
                errors: values(&program.shown(&program.errors)),
            };
            line(&broken, out)?;
        }
        for case in &program.cases {
            line(&test(program, case), out)?;
        }
    }
    let summary = Line::Summary {
        passed: all.passed(),
        failed: all.failed(),
        filtered: all.filtered(),
        broken_programs: all.broken(),
        seconds: all.elapsed.as_secs_f64(),
    };
    line(&summary, out)
}

fn test<'a>(program: &'a Program, case: &'a Case) -> Line<'a> {
    Line::Test {
        program: &program.name,
        name: &case.name,
        path: &case.path,
        line: case.line,
        passed: case.failures.is_empty(),
        seconds: case.elapsed.as_secs_f64(),
        failures: values(&program.shown(&case.failures)),
    }
}

fn line(line: &Line<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let text = serde_json::to_string(line)?;
    writeln!(out, "{}", escape_json(&text))
}
