//! One JSON object a line.

use super::Shown;
use super::escape::escape_json;
use super::places::{Place, Places};
use crate::diagnostics::Diagnostic;
use serde::Serialize;
use std::io;

pub(super) fn render(shown: &Shown<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let places = Places::of(shown);
    for diagnostic in shown.diagnostics {
        let line = serde_json::to_string(&Line::of(diagnostic, &places))?;
        writeln!(out, "{}", escape_json(&line))?;
    }
    Ok(())
}

/// The same objects, to be part of another.
pub fn values(shown: &Shown<'_>) -> Vec<serde_json::Value> {
    let places = Places::of(shown);
    let lines = shown.diagnostics.iter();
    lines
        .filter_map(|diagnostic| serde_json::to_value(Line::of(diagnostic, &places)).ok())
        .collect()
}

/// A diagnostic; its fields are part of zdc's interface.
#[derive(Serialize)]
struct Line<'a> {
    code: &'a str,
    name: &'a str,
    severity: String,
    message: &'a str,
    labels: Vec<Labelled<'a>>,
    help: Option<&'a str>,
    notes: &'a [String],
    replacement: Option<Labelled<'a>>,
    fix: Option<Edits<'a>>,
}

/// What was tried and mends it, all edits together.
#[derive(Serialize)]
struct Edits<'a> {
    title: &'a str,
    edits: Vec<Labelled<'a>>,
}

/// A place with what is said of it, or with what is to stand there.
#[derive(Serialize)]
struct Labelled<'a> {
    #[serde(flatten)]
    place: Place,
    text: &'a str,
}

impl<'a> Line<'a> {
    fn of(diagnostic: &'a Diagnostic, places: &Places<'_>) -> Self {
        let labelled = |span, text| {
            Some(Labelled {
                place: places.place(span)?,
                text,
            })
        };
        Self {
            code: diagnostic.code.id,
            name: diagnostic.code.name,
            severity: diagnostic.severity.to_string(),
            message: &diagnostic.message,
            labels: diagnostic
                .labels
                .iter()
                .filter_map(|label| labelled(label.span, &label.text))
                .collect(),
            help: diagnostic.help.as_deref(),
            notes: &diagnostic.notes,
            replacement: diagnostic
                .replacement
                .as_ref()
                .and_then(|edit| labelled(edit.span, &edit.text)),
            fix: diagnostic.fix.as_ref().map(|fix| Edits {
                title: &fix.title,
                edits: fix
                    .edits
                    .iter()
                    .filter_map(|edit| labelled(edit.span, &edit.text))
                    .collect(),
            }),
        }
    }
}
