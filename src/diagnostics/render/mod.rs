//! Diagnostics as text: for people, and in the three formats that machines read.
//!
//! A renderer writes to what it is given; it asks neither the terminal nor the environment. What
//! any fault means is not here: it is with the phase that finds it.

mod edits;
mod escape;
mod excerpt;
mod github;
mod human;
mod json;
mod places;
mod sarif;

pub use escape::{escape_json, escape_line, escape_text};
pub use human::report;
pub use json::values;

use super::{Diagnostic, Severity};
use crate::source::Sources;
use std::io;

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people: with the source.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// GitHub's workflow commands: annotations on a pull request.
    Github,
}

impl Format {
    /// Its words, in order.
    pub const WORDS: &'static [&'static str] = &["human", "json", "sarif", "github"];

    /// The format of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "human" => Some(Format::Human),
            "json" => Some(Format::Json),
            "sarif" => Some(Format::Sarif),
            "github" => Some(Format::Github),
            _ => None,
        }
    }
}

/// What the reader's terminal can do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// ANSI colours.
    pub color: bool,
    /// Lines and arrows beyond ASCII.
    pub unicode: bool,
    /// Columns; `None` asks the terminal, and is 80 where there is none.
    pub width: Option<usize>,
}

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// The files that spans point into.
    pub sources: &'a Sources,
    /// In the order of the source.
    pub diagnostics: &'a [Diagnostic],
    /// What stands before a project path where it is shown: the project's folder as the user
    /// named it, with its `/`; may be empty.
    pub folder: &'a str,
}

/// Writes diagnostics in a format. Nothing is written for people or GitHub where there are none.
///
/// # Errors
/// Those of `out`.
pub fn render(
    format: Format,
    shown: &Shown<'_>,
    style: Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        Format::Human => human::render(shown, style, out),
        Format::Json => json::render(shown, out),
        Format::Sarif => sarif::render(shown, out),
        Format::Github => github::render(shown, out),
    }
}

/// `2 errors, 1 warning`; `None` where there is nothing to count.
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let part = |severity: Severity| {
        let count = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count();
        match count {
            0 => None,
            1 => Some(format!("1 {severity}")),
            _ => Some(format!("{count} {severity}s")),
        }
    };
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter_map(part)
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The edit in words: write this, or remove that.
fn edit(diagnostic: &Diagnostic, sources: &Sources) -> Option<String> {
    let replacement = diagnostic.replacement.as_ref()?;
    let text = replacement.text.trim_end();
    let said = |help: &String| !text.is_empty() && help.contains(text);
    if diagnostic.help.as_ref().is_some_and(said) {
        return None;
    }
    if text.is_empty() {
        let old = sources.slice(replacement.span);
        return (!old.trim().is_empty() && !old.contains('\n')).then(|| format!("remove `{old}`"));
    }
    Some(if text.contains('\n') {
        format!("write\n{text}")
    } else {
        format!("write `{}`", text.trim_start())
    })
}

/// The edits that were proved: what they do, and their lines. Of those that an earlier diagnostic shows it says so.
fn proved(
    diagnostic: &Diagnostic,
    shown: &Shown<'_>,
    places: &places::Places<'_>,
) -> Option<(String, Vec<String>)> {
    let fix = diagnostic.fix.as_ref()?;
    let all = shown.diagnostics.iter();
    let mut before = all.take_while(|it| !std::ptr::eq(*it, diagnostic));
    let same = |it: &&Diagnostic| it.fix.as_ref().is_some_and(|it| it.edits == fix.edits);
    if let Some(first) = before.find(same) {
        let line = first.span().and_then(|span| places.place(span));
        let line = line.map_or(0, |place| place.line);
        let id = first.code.id;
        let told = format!("the edit that mends {id} at line {line} mends this too");
        return Some((told, Vec::new()));
    }
    let told = format!("{} (proved; `zdc check --fix` does it)", fix.title);
    Some((told, edits::lines(fix, places)))
}

#[cfg(test)]
mod tests;
