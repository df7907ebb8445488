//! `zdc explain`: a code's page, a word's page, or the numbers of a service's policy.

mod policy;
mod words;

use super::arguments::{Program, did_you_mean, targets};
use super::terminal::{self, Color};
use super::{Exit, Failure};
use crate::diagnostics::catalogue;
use crate::diagnostics::render::escape_line;
use crate::vocabulary::TargetId;
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Explain a code or a word; with --policy, the numbers of a service's updates
///
/// Without an argument it lists every code and every word.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc explain ZD0001
  zdc explain syntax-error
  zdc explain blue-green
  zdc explain --policy web
  zdc explain --policy web shop/app.zd --target swarm --format json
  zdc explain")]
pub(super) struct Explain {
    /// A number, a name or a word; with --policy the program, `app.zd` by default
    #[arg(value_name = "CODE|WORD|FILE")]
    what: Vec<String>,

    /// How this service is updated on each target: every number, where it comes from and why
    #[arg(long, value_name = "SERVICE")]
    policy: Option<String>,

    /// Only this target; may be repeated. The app's by default
    #[arg(
        long = "target",
        value_name = "TARGET",
        requires = "policy",
        value_delimiter = ',',
        value_parser = targets()
    )]
    targets: Vec<TargetId>,

    /// How it is written
    #[arg(
        long,
        value_name = "FORMAT",
        requires = "policy",
        default_value = "human",
        value_enum
    )]
    format: policy::Format,

    /// Set a parameter; may be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "policy", value_parser = super::arguments::setting)]
    set: Vec<(String, String)>,

    /// Read parameters from a YAML file; of several the last wins, and --set wins over all
    #[arg(long, value_name = "FILE.yaml", requires = "policy")]
    params: Vec<PathBuf>,

    /// The folder that imports may not leave; the program's own by default
    #[arg(long, value_name = "DIR", requires = "policy")]
    root: Option<PathBuf>,

    /// Colours: when the terminal has them, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    color: Color,
}

impl Explain {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let color = terminal::output_style(self.color).color;
        if let Some(service) = self.policy {
            if let [_, other, ..] = self.what.as_slice() {
                let other = escape_line(other);
                return Err(Failure::new(format!(
                    "there is one program, and `{other}` too"
                )));
            }
            let program = Program {
                file: self.what.first().map(PathBuf::from),
                set: self.set,
                params: self.params,
                root: self.root,
                color: self.color,
            };
            return policy::run(&program, &service, &self.targets, self.format);
        }
        let word = self.what.join(" ");
        let text = if word.is_empty() {
            list()
        } else if let Some(code) = catalogue::find(word.trim()) {
            page(code.page, color)
        } else if let Some(word) = words::find(&word) {
            page(word.page, color)
        } else {
            return Err(unknown(&word));
        };
        terminal::to_output(|out| out.write_all(text.as_bytes()))?;
        Ok(Exit::Success)
    }
}

/// Every code with its severity and name, and every word.
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
    let _ = writeln!(text, "\nWords:");
    for word in words::ALL {
        let _ = writeln!(text, "{:<26}  {}", word.name, word.what);
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

fn unknown(word: &str) -> Failure {
    let codes = catalogue::ALL.iter().flat_map(|code| [code.id, code.name]);
    let known = codes.chain(words::ALL.iter().map(|word| word.name));
    let wanted = words::normal(word);
    let near = did_you_mean(word.trim(), known.clone())
        .or_else(|| did_you_mean(&wanted, known.clone()))
        .or_else(|| did_you_mean(&wanted.to_ascii_uppercase(), known));
    Failure::new(format!("there is no code or word `{}`", escape_line(word)))
        .help(near.unwrap_or_else(|| "`zdc explain` lists them all".to_owned()))
}
