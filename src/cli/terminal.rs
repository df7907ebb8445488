//! What the terminal can do, and how to write to it: a reader who left is no error.

use super::Failure;
use crate::diagnostics::render::Style;
use clap::ValueEnum;
use std::env;
use std::io::{self, IsTerminal, Write};

/// When there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// Where the terminal has them and the environment does not forbid them.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What standard error can do.
pub(super) fn error_style(color: Color) -> Style {
    style(color, io::stderr().is_terminal())
}

/// What standard output can do.
pub(super) fn output_style(color: Color) -> Style {
    style(color, io::stdout().is_terminal())
}

/// `NO_COLOR` (<https://no-color.org>) is stronger than `CLICOLOR_FORCE` and `CLICOLOR`
/// (<https://bixense.com/clicolors>), and an argument stronger than either.
fn style(color: Color, is_terminal: bool) -> Style {
    let term = text("TERM");
    let set = |name| text(name).is_some_and(|value| !value.is_empty());
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto if text("CLICOLOR_FORCE").is_some_and(|value| !matches!(&*value, "" | "0")) => {
            true
        }
        Color::Auto => {
            is_terminal
                && text("CLICOLOR").as_deref() != Some("0")
                && !matches!(term.as_deref(), None | Some("" | "dumb"))
        }
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(text)
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .to_ascii_uppercase();
    Style {
        color,
        unicode: (locale.contains("UTF-8") || locale.contains("UTF8"))
            && term.as_deref() != Some("linux"),
        width: if is_terminal { None } else { Some(100) },
    }
}

fn text(variable: &str) -> Option<String> {
    env::var(variable).ok()
}

/// Writes a line to standard error.
pub(super) fn say(line: &str) {
    // Nobody is there to be told that nobody listens.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes to standard error through a buffer.
pub(super) fn to_error(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
    let mut out = io::BufWriter::new(io::stderr().lock());
    let _ = write(&mut out).and_then(|()| out.flush());
}

/// Writes to standard output through a buffer.
///
/// # Errors
/// What keeps the output from being written, other than a reader who left.
pub(super) fn to_output(
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(format!(
            "cannot write to standard output: {error}"
        ))),
        // What is still in the buffer has nowhere to go.
        Err(_) => {
            drop(out.into_parts());
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
