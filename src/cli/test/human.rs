//! For people: a line for each test, then why some failed, then how many.

use super::{Case, Program, Report};
use crate::cli::invocation::show_duration;
use crate::diagnostics::render::{Shown, Style, escape_line, report};
use std::fmt::Write as _;
use std::io;

pub(super) fn write(all: &Report, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
    for program in &all.programs {
        list(program, style, out)?;
    }
    if all.failed() > 0 {
        writeln!(out, "failures:\n")?;
        for program in &all.programs {
            for case in program
                .cases
                .iter()
                .filter(|case| !case.failures.is_empty())
            {
                failure(program, case, style, out)?;
            }
        }
    }
    let mut told = format!("{} passed; {} failed", all.passed(), all.failed());
    if all.broken() > 0 {
        // Writing to a string never fails.
        let _ = write!(told, "; {} not run for errors", programs(all.broken()));
    }
    if all.filtered() > 0 {
        let _ = write!(told, "; {} filtered out", all.filtered());
    }
    let word = if all.has_failed() {
        paint("FAILED", "31", style)
    } else {
        paint("ok", "32", style)
    };
    let elapsed = show_duration(all.elapsed);
    writeln!(out, "test result: {word}. {told}; finished in {elapsed}")?;
    if all.cases().next().is_none() && !all.has_failed() {
        writeln!(out, "{}", nothing(all))?;
    }
    Ok(())
}

/// The tests of a program with their outcomes.
fn list(program: &Program, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
    let name = escape_line(&program.name);
    if !program.errors.is_empty() {
        writeln!(out, "{name} has errors; its tests are not run\n")?;
        report(&program.shown(&program.errors), style, out)?;
        return writeln!(out);
    }
    if program.cases.is_empty() {
        return match program.filtered {
            0 => writeln!(out, "{name} has no tests\n"),
            _ => Ok(()),
        };
    }
    let count = match program.cases.len() {
        1 => "1 test".to_owned(),
        count => format!("{count} tests"),
    };
    writeln!(out, "running {count} of {name}")?;
    for case in &program.cases {
        let outcome = if case.failures.is_empty() {
            paint("ok", "32", style)
        } else {
            paint("FAILED", "31", style)
        };
        writeln!(out, "test {} ... {outcome}", escape_line(&case.name))?;
    }
    writeln!(out)
}

fn failure(
    program: &Program,
    case: &Case,
    style: Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    writeln!(
        out,
        "---- {} ({}:{}) ----",
        escape_line(&case.name),
        escape_line(&case.path),
        case.line
    )?;
    report(&program.shown(&case.failures), style, out)
}

/// Why nothing was run.
fn nothing(all: &Report) -> String {
    match &all.filter {
        Some(words) if all.filtered() > 0 => {
            format!("no test has `{}` in its name", escape_line(words))
        }
        _ => "write one in the program: `test \"what must be true\" { expect web.replicas == 2 }`"
            .to_owned(),
    }
}

fn programs(count: usize) -> String {
    match count {
        1 => "1 program".to_owned(),
        _ => format!("{count} programs"),
    }
}

fn paint(text: &str, color: &str, style: Style) -> String {
    if style.color {
        format!("\u{1b}[{color}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

impl Program {
    /// Some diagnostics of it.
    pub(super) fn shown<'a>(
        &'a self,
        diagnostics: &'a [crate::diagnostics::Diagnostic],
    ) -> Shown<'a> {
        Shown {
            sources: &self.sources,
            diagnostics,
            folder: &self.folder,
        }
    }
}
