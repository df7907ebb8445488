//! The edits of a fix as lines: what goes, and what comes in its place.

use super::places::Places;
use crate::diagnostics::{Fix, Replacement};
use crate::source::FileId;
use std::fmt::Write;

/// The most lines that are shown of one fix.
const MOST_LINES: usize = 24;

/// `12 - old` and `12 + new`, with the path where there is more than one file.
pub(super) fn lines(fix: &Fix, places: &Places<'_>) -> Vec<String> {
    let mut edits: Vec<&Replacement> = fix.edits.iter().collect();
    edits.sort_by_key(|edit| edit.span);
    let mut hunks: Vec<Hunk<'_>> = Vec::new();
    for edit in edits {
        let lines = |offset: u32| places.line(edit.span.file, offset as usize);
        let (Some((_, first)), Some((_, last))) = (lines(edit.span.start), lines(edit.span.end))
        else {
            continue;
        };
        match hunks.last_mut() {
            Some(hunk) if hunk.file == edit.span.file && first <= hunk.last => {
                hunk.last = hunk.last.max(last);
                hunk.edits.push(edit);
            }
            _ => hunks.push(Hunk {
                file: edit.span.file,
                first,
                last,
                edits: vec![edit],
            }),
        }
    }
    let several = hunks
        .iter()
        .any(|hunk| Some(hunk.file) != hunks.first().map(|it| it.file));
    let mut out = String::new();
    for hunk in &hunks {
        if several {
            let path = places.path(hunk.file).unwrap_or_default();
            // Writing to a string never fails.
            let _ = writeln!(out, "{path}");
        }
        hunk.show(places, &mut out);
    }
    let mut shown: Vec<String> = out
        .lines()
        .take(MOST_LINES)
        .map(ToOwned::to_owned)
        .collect();
    if let more @ 1.. = out.lines().count().saturating_sub(MOST_LINES) {
        shown.push(format!("… and {more} lines more"));
    }
    shown
}

/// Neighbouring lines that change.
struct Hunk<'a> {
    file: FileId,
    /// From 0.
    first: usize,
    last: usize,
    edits: Vec<&'a Replacement>,
}

impl Hunk<'_> {
    fn show(&self, places: &Places<'_>, out: &mut String) {
        let Some((old, new)) = self.texts(places) else {
            return;
        };
        let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
        let same = |(a, b): &(&&str, &&str)| a == b;
        let before = old.iter().zip(&new).take_while(same).count();
        let rest = old.len().min(new.len()) - before;
        let after = old
            .iter()
            .rev()
            .zip(new.iter().rev())
            .take(rest)
            .take_while(same)
            .count();
        let part = |lines: &[&str], sign: char, out: &mut String| {
            let end = lines.len().saturating_sub(after);
            for (index, line) in lines.iter().enumerate().take(end).skip(before) {
                let number = self.first + index + 1;
                // Writing to a string never fails.
                let _ = writeln!(out, "{number:>3} {sign} {line}");
            }
        };
        part(&old, '-', out);
        part(&new, '+', out);
    }

    /// The whole lines as they are and as they will be.
    fn texts(&self, places: &Places<'_>) -> Option<(String, String)> {
        let (start, _) = places.bytes_of_line(self.file, self.first)?;
        let (_, end) = places.bytes_of_line(self.file, self.last)?;
        let (source, _) = places.line(self.file, start)?;
        let old = source.text.get(start..end)?.to_owned();
        let new = Replacement::made(&source.text, start..end, self.edits.iter().copied());
        Some((old, new))
    }
}
