//! SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use super::escape::escape_json;
use super::places::{Place, Places};
use super::{Shown, edit};
use crate::diagnostics::{Code, Diagnostic, Replacement, Severity};
use serde_json::{Value, json};
use std::fmt::Write;
use std::io;

pub(super) fn render(shown: &Shown<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let places = Places::of(shown);
    let mut codes: Vec<&Code> = shown.diagnostics.iter().map(|found| found.code).collect();
    codes.sort_by_key(|code| code.id);
    codes.dedup_by_key(|code| code.id);
    let results: Vec<Value> = shown
        .diagnostics
        .iter()
        .map(|diagnostic| result(diagnostic, &codes, shown, &places))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "zdc",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": codes.iter().map(|code| rule(code)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    writeln!(out, "{}", escape_json(&log.to_string()))
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.id,
        "name": code.name,
        "shortDescription": { "text": code.name.replace('-', " ") },
        "help": { "text": code.page, "markdown": code.page },
        "defaultConfiguration": { "level": level(code.severity) },
    })
}

fn result(
    diagnostic: &Diagnostic,
    codes: &[&Code],
    shown: &Shown<'_>,
    places: &Places<'_>,
) -> Value {
    let mut text = diagnostic.message.clone();
    let help = diagnostic.help.clone();
    for line in diagnostic
        .notes
        .iter()
        .cloned()
        .chain(help)
        .chain(edit(diagnostic, shown.sources))
    {
        // Writing to a string never fails.
        let _ = write!(text, "\n{line}");
    }
    let mut locations = diagnostic
        .labels
        .iter()
        .filter_map(|label| Some((places.place(label.span)?, label.text.as_str())))
        .map(|(place, text)| location(&place, text));
    let first: Vec<Value> = locations.next().into_iter().collect();
    let mut result = json!({
        "ruleId": diagnostic.code.id,
        "ruleIndex": codes.iter().position(|code| code.id == diagnostic.code.id),
        "level": level(diagnostic.severity),
        "message": { "text": text },
        "locations": first,
    });
    let related: Vec<Value> = locations.collect();
    if let Some(result) = result.as_object_mut() {
        if !related.is_empty() {
            result.insert("relatedLocations".to_owned(), related.into());
        }
        let fixes = fixes(diagnostic, places);
        if !fixes.is_empty() {
            result.insert("fixes".to_owned(), fixes.into());
        }
    }
    result
}

fn location(place: &Place, text: &str) -> Value {
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&place.path) },
            "region": region(place),
        },
    });
    if let (false, Some(location)) = (text.is_empty(), location.as_object_mut()) {
        location.insert("message".to_owned(), json!({ "text": text }));
    }
    location
}

fn region(place: &Place) -> Value {
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
        "byteOffset": place.start,
        "byteLength": place.end.saturating_sub(place.start),
    })
}

/// What was tried first: a reader that takes one takes the first.
fn fixes(diagnostic: &Diagnostic, places: &Places<'_>) -> Vec<Value> {
    let tried = diagnostic.fix.as_ref().map(|fix| {
        json!({
            "description": { "text": fix.title },
            "artifactChanges": changes(&fix.edits, places),
        })
    });
    let meant = diagnostic.replacement.as_ref().map(|edit| {
        let edit = std::slice::from_ref(edit);
        json!({ "artifactChanges": changes(edit, places) })
    });
    tried.into_iter().chain(meant).collect()
}

/// Edits by their files: 3.55.3 wants one change for each.
fn changes(edits: &[Replacement], places: &Places<'_>) -> Vec<Value> {
    let mut files: Vec<(String, Vec<Value>)> = Vec::new();
    for edit in edits {
        let Some(place) = places.place(edit.span) else {
            continue;
        };
        let replacement = json!({
            "deletedRegion": region(&place),
            "insertedContent": { "text": edit.text },
        });
        match files.iter_mut().find(|(path, _)| *path == place.path) {
            Some((_, replacements)) => replacements.push(replacement),
            None => files.push((place.path, vec![replacement])),
        }
    }
    let change = |(path, replacements): (String, Vec<Value>)| {
        json!({
            "artifactLocation": { "uri": uri(&path) },
            "replacements": replacements,
        })
    };
    files.into_iter().map(change).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// A path as a relative URI reference (RFC 3986): everything but unreserved characters and `/` in
/// per cent.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            // Writing to a string never fails.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri
}
