//! The arguments that several subcommands take.

use super::invocation::Telling;
use super::terminal::Color;
use crate::diagnostics::nearest;
use crate::diagnostics::render::Format;
use crate::types::Date;
use crate::vocabulary::TargetId;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Which program, and with which inputs.
#[derive(Debug, Args)]
pub(super) struct Program {
    /// The program, or its folder; `app.zd` by default
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,

    /// Set a parameter; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub(super) set: Vec<(String, String)>,

    /// Read parameters from a YAML file; of several the last wins, and --set wins over all
    #[arg(long, value_name = "FILE.yaml")]
    pub(super) params: Vec<PathBuf>,

    /// The folder that imports may not leave; the program's own by default
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,

    /// Colours: when the terminal has them, always, or never
    #[arg(long, value_name = "WHEN", default_value = "auto", value_enum)]
    pub(super) color: Color,
}

/// What is judged, and how it is told.
#[derive(Debug, Args)]
pub(super) struct Judging {
    /// Only this target; may be repeated. The app's by default
    #[arg(
        long = "target",
        value_name = "TARGET",
        value_delimiter = ',',
        value_parser = targets()
    )]
    pub(super) targets: Vec<TargetId>,

    /// Judge as of a day: what is accepted until an earlier one is not any more
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(super) as_of: Option<Date>,

    /// Let warnings fail too
    #[arg(long)]
    pub(super) deny_warnings: bool,

    /// How diagnostics are written
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        value_parser = formats()
    )]
    pub(super) format: Format,

    /// Say nothing where nothing is wrong
    #[arg(short, long)]
    pub(super) quiet: bool,
}

impl Judging {
    /// How the user wants to be told of this program.
    pub(super) fn telling(&self, program: &Program, output_is_taken: bool) -> Telling {
        Telling {
            format: self.format,
            color: program.color,
            output_is_taken,
            deny_warnings: self.deny_warnings,
        }
    }
}

pub(super) fn targets() -> impl TypedValueParser<Value = TargetId> {
    PossibleValuesParser::new(TargetId::WORDS)
        .try_map(|word| TargetId::from_word(&word).ok_or("there is no such target"))
}

fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::WORDS)
        .try_map(|word| Format::from_word(&word).ok_or("there is no such format"))
}

/// A day as zd writes it.
pub(super) fn day(text: &str) -> Result<Date, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let date = match parts.as_slice() {
        [year, month, day]
            if (year.len(), month.len(), day.len()) == (4, 2, 2)
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'-') =>
        {
            let number = |text: &str| text.parse::<u16>().ok();
            let small = |text: &str| text.parse::<u8>().ok();
            number(year)
                .zip(small(month).zip(small(day)))
                .and_then(|(year, (month, day))| Date::new(year, month, day))
        }
        _ => None,
    };
    date.ok_or_else(|| "expected a day of the calendar, as in 2027-01-31".to_owned())
}

pub(super) fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// How what a command found out is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DataFormat {
    /// For people
    Human,
    /// For programs
    Json,
}

/// `did you mean x?`
pub(super) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(word, candidates).map(|near| format!("did you mean `{near}`?"))
}
