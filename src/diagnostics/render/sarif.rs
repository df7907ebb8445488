//! SARIF 2.1.0: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use super::escape::escape_json;
use super::places::{Place, Places};
use super::{Shown, edit};
use crate::diagnostics::{Code, Diagnostic, Severity};
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
        if let Some(fix) = fix(diagnostic, places) {
            result.insert("fixes".to_owned(), json!([fix]));
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

fn fix(diagnostic: &Diagnostic, places: &Places<'_>) -> Option<Value> {
    let edit = diagnostic.replacement.as_ref()?;
    let place = places.place(edit.span)?;
    Some(json!({
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(&place.path) },
            "replacements": [{
                "deletedRegion": region(&place),
                "insertedContent": { "text": edit.text },
            }],
        }],
    }))
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
