//! `zdc explain`: a code's page.

use super::arguments::did_you_mean;
use super::terminal::{self, Color};
use super::{Exit, Failure};
use crate::diagnostics::catalogue;
use crate::diagnostics::render::escape_line;
use clap::Args;
use std::fmt::Write as _;

/// Explain a code of a diagnostic; without one, list them all
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc explain ZD0001
  zdc explain syntax-error
  zdc explain")]
pub(super) struct Explain {
    /// A number or a name
    #[arg(value_name = "CODE")]
    code: Option<String>,

    /// Colours: when the terminal has them, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    color: Color,
}

impl Explain {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let text = match &self.code {
            None => list(),
            Some(code) => {
                let found = catalogue::find(code.trim()).ok_or_else(|| unknown(code))?;
                page(found.page, terminal::output_style(self.color).color)
            }
        };
        terminal::to_output(|out| out.write_all(text.as_bytes()))?;
        Ok(Exit::Success)
    }
}

/// Every code with its severity and name.
fn list() -> String {
    let mut text = String::new();
    for code in catalogue::ALL {
        // Writing to a string never fails.
        let _ = writeln!(
            text,
            "{}  {:<7}  {}",
            code.id,
            code.severity.to_string(),
            code.name
        );
    }
    text
}

/// A page for the terminal: headings bold, code indented, its fences gone.
fn page(markdown: &str, color: bool) -> String {
    let mut text = String::with_capacity(markdown.len() + 64);
    let mut in_code = false;
    for line in markdown.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let heading = line.trim_start_matches('#').trim_start();
        // Writing to a string never fails.
        let _ = match line.starts_with('#') && !in_code {
            _ if in_code && line.is_empty() => writeln!(text),
            _ if in_code => writeln!(text, "    {line}"),
            true if color => writeln!(text, "\u{1b}[1m{heading}\u{1b}[0m"),
            true => writeln!(text, "{heading}"),
            false => writeln!(text, "{line}"),
        };
    }
    text
}

fn unknown(code: &str) -> Failure {
    let words = catalogue::ALL.iter().flat_map(|code| [code.id, code.name]);
    let wanted = code.trim();
    let near = did_you_mean(wanted, words.clone())
        .or_else(|| did_you_mean(&wanted.to_ascii_uppercase(), words));
    Failure::new(format!("there is no code `{}`", escape_line(code)))
        .help(near.unwrap_or_else(|| "`zdc explain` lists them all".to_owned()))
}
