//! `JUnit`'s XML as CI servers read it: a suite for each program, a case for each test.
//!
//! The format has no standard; this is the part that Jenkins' `junit` step and GitLab read
//! (`docs.gitlab.com/ci/testing/unit_test_reports`).

use super::{Case, Program, Report};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::render::{Style, report};
use std::fmt;
use std::io;
use std::time::Duration;

/// Columns of a failure's text.
const WIDTH: usize = 100;

pub(super) fn write(all: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"zdc\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{}\">",
        all.cases().count() + all.broken(),
        all.failed(),
        all.broken(),
        seconds(all.elapsed)
    )?;
    for program in &all.programs {
        suite(program, out)?;
    }
    writeln!(out, "</testsuites>")
}

fn suite(program: &Program, out: &mut dyn io::Write) -> io::Result<()> {
    let broken = usize::from(!program.errors.is_empty());
    let failed = program
        .cases
        .iter()
        .filter(|case| !case.failures.is_empty());
    writeln!(
        out,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{broken}\" skipped=\"0\" time=\"{}\">",
        Escaped(&program.name),
        program.cases.len() + broken,
        failed.count(),
        seconds(program.elapsed)
    )?;
    if broken > 0 {
        let name = Escaped(&program.name);
        writeln!(
            out,
            "    <testcase name=\"the program has no errors\" classname=\"{name}\" file=\"{name}\" time=\"0.000\">"
        )?;
        why("error", program, &program.errors, out)?;
        writeln!(out, "    </testcase>")?;
    }
    for case in &program.cases {
        test(program, case, out)?;
    }
    writeln!(out, "  </testsuite>")
}

fn test(program: &Program, case: &Case, out: &mut dyn io::Write) -> io::Result<()> {
    let end = if case.failures.is_empty() { "/" } else { "" };
    writeln!(
        out,
        "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\" time=\"{}\"{end}>",
        Escaped(&case.name),
        Escaped(&program.name),
        Escaped(&case.path),
        case.line,
        seconds(case.elapsed)
    )?;
    if case.failures.is_empty() {
        return Ok(());
    }
    why("failure", program, &case.failures, out)?;
    writeln!(out, "    </testcase>")
}

/// The first diagnostic in an attribute, all of them as people read them in the text.
fn why(
    element: &str,
    program: &Program,
    found: &[Diagnostic],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(first) = found.first() else {
        return Ok(());
    };
    let style = Style {
        color: false,
        unicode: true,
        width: Some(WIDTH),
    };
    let mut text = Vec::new();
    report(&program.shown(found), style, &mut text)?;
    writeln!(
        out,
        "      <{element} type=\"{}\" message=\"{}\">{}</{element}>",
        first.code.id,
        Escaped(&first.message),
        Escaped(String::from_utf8_lossy(&text).trim_end())
    )
}

fn seconds(elapsed: Duration) -> String {
    format!("{:.3}", elapsed.as_secs_f64())
}

/// Text in an element or an attribute. What XML 1.0 has no way to write, even escaped
/// (`www.w3.org/TR/xml/#charsets`), is replaced.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&apos;")?,
                '\t' | '\r' => write!(f, "&#{};", u32::from(character))?,
                '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                    write!(f, "{character}")?;
                }
                _ => f.write_str("\u{fffd}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_xml_can_hold() {
        let hostile = "a<b>&\"'\u{0}\u{1b}[31m\u{fffe}\tü\u{1f600}\n";
        let expected = "a&lt;b&gt;&amp;&quot;&apos;\u{fffd}\u{fffd}[31m\u{fffd}&#9;ü\u{1f600}\n";
        assert_eq!(Escaped(hostile).to_string(), expected);
    }
}
