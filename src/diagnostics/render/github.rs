//! GitHub's workflow commands: <https://docs.github.com/actions/reference/workflow-commands>.

use super::places::Places;
use super::{Shown, edit, escape_text, proved};
use crate::diagnostics::{Diagnostic, Severity};
use std::io;

pub(super) fn render(shown: &Shown<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let places = Places::of(shown);
    for diagnostic in shown.diagnostics {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let title = format!("{} {}", diagnostic.code.id, diagnostic.code.name);
        let place = diagnostic.span().and_then(|span| places.place(span));
        let place = place.map_or_else(String::new, |place| {
            // Columns are refused where the annotation is of several lines.
            let columns = if place.line == place.end_line {
                format!(",col={},endColumn={}", place.column, place.end_column)
            } else {
                String::new()
            };
            let (file, line, end_line) = (property(&place.path), place.line, place.end_line);
            format!("file={file},line={line},endLine={end_line}{columns},")
        });
        let message = message(diagnostic, shown, &places);
        writeln!(
            out,
            "::{command} {place}title={}::{message}",
            property(&title)
        )?;
    }
    Ok(())
}

/// The message with all that helps, since an annotation has no other room.
fn message(diagnostic: &Diagnostic, shown: &Shown<'_>, places: &Places<'_>) -> String {
    let mut lines = vec![diagnostic.message.clone()];
    for label in diagnostic.labels.iter().skip(1) {
        if let Some(place) = places.place(label.span) {
            lines.push(format!("{}:{}: {}", place.path, place.line, label.text));
        }
    }
    lines.extend(diagnostic.notes.iter().cloned());
    lines.extend(diagnostic.help.iter().map(|help| format!("help: {help}")));
    lines.extend(edit(diagnostic, shown.sources).map(|edit| format!("help: {edit}")));
    if let Some((told, edits)) = proved(diagnostic, shown, places) {
        lines.push(format!("fix: {told}"));
        lines.extend(edits);
    }
    data(&lines.join("\n"))
}

fn data(text: &str) -> String {
    escape_text(text)
        .replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
