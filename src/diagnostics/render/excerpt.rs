//! The lines of source that a diagnostic shows, harmless and of a bearable length.
//!
//! One excerpt may be of several files. It has offsets of its own: miette sees one text, told
//! apart into chunks of neighbouring lines, each with its file's name.

use super::escape::{escape_line, push_shown};
use super::places::Places;
use crate::diagnostics::{Diagnostic, Label};
use crate::source::FileId;
use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

/// Labels shown of one diagnostic.
const MAX_LABELS: usize = 12;
/// Lines shown of one span; a longer one is cut to its first line.
const MAX_SPAN_LINES: usize = 6;
/// Bytes shown of one line.
const MAX_LINE_BYTES: usize = 240;
/// Bytes shown before the first label of a long line.
const LEAD_BYTES: usize = 60;

/// The lines around the labels of a diagnostic.
#[derive(Debug)]
pub(super) struct Excerpt {
    text: String,
    chunks: Vec<Chunk>,
    labels: Vec<ShownLabel>,
}

/// Neighbouring lines of one file.
#[derive(Debug)]
struct Chunk {
    name: String,
    start: usize,
    end: usize,
    /// From 0, in its file.
    first_line: usize,
    lines: usize,
}

/// A label by its offsets in the excerpt.
#[derive(Debug)]
struct ShownLabel {
    start: usize,
    length: usize,
    text: String,
    /// From 0, in the file.
    line: usize,
    column: usize,
}

/// A label by its lines in its file.
struct Located<'a> {
    label: &'a Label,
    file: FileId,
    start: usize,
    end: usize,
    first: usize,
    last: usize,
    column: usize,
}

impl Excerpt {
    /// The excerpt of a diagnostic; empty where it has no place.
    pub(super) fn of(diagnostic: &Diagnostic, places: &Places<'_>) -> Self {
        let located: Vec<Located<'_>> = diagnostic
            .labels
            .iter()
            .take(MAX_LABELS)
            .filter_map(|label| locate(label, places))
            .collect();
        let mut excerpt = Self {
            text: String::new(),
            chunks: Vec::new(),
            labels: Vec::new(),
        };
        let mut files: Vec<FileId> = Vec::new();
        for label in &located {
            if !files.contains(&label.file) {
                files.push(label.file);
            }
        }
        for file in files {
            for (first, last) in windows(located.iter().filter(|label| label.file == file)) {
                excerpt.add_chunk(file, first, last, &located, places);
            }
        }
        excerpt
    }

    /// Whether it shows nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Its labels, the first of the diagnostic marked.
    pub(super) fn labels(&self) -> impl Iterator<Item = LabeledSpan> + '_ {
        self.labels.iter().enumerate().map(|(index, label)| {
            let text = (!label.text.is_empty()).then(|| label.text.clone());
            let span = (label.start, label.length);
            if index == 0 {
                LabeledSpan::new_primary_with_span(text, span)
            } else {
                LabeledSpan::new_with_span(text, span)
            }
        })
    }

    fn add_chunk(
        &mut self,
        file: FileId,
        first: usize,
        last: usize,
        located: &[Located<'_>],
        places: &Places<'_>,
    ) {
        let ours: Vec<&Located<'_>> = located
            .iter()
            .filter(|label| label.file == file && first <= label.first && label.last <= last)
            .collect();
        // Every offset that must be found again, with where it is in the excerpt.
        let mut marks: Vec<(usize, usize)> = ours
            .iter()
            .flat_map(|label| [(label.start, 0), (label.end, 0)])
            .collect();
        marks.sort_unstable();
        marks.dedup();
        let start = self.text.len();
        let mut lines = 0;
        for line in first..=last {
            let Some((from, to)) = places.bytes_of_line(file, line) else {
                break;
            };
            let Some((source, _)) = places.line(file, from) else {
                break;
            };
            let text = source.text.get(from..to).unwrap_or_default();
            // What follows the last line's end is a line only where something points there.
            let past_the_end = text.is_empty() && from == source.text.len() && line > first;
            if past_the_end && !marks.iter().any(|(offset, _)| *offset == from) {
                break;
            }
            push_line(&mut self.text, text, from, &mut marks);
            lines += 1;
        }
        let shown = |offset: usize| {
            marks
                .iter()
                .find(|(mark, _)| *mark == offset)
                .map_or(start, |(_, at)| (*at).max(start))
        };
        for label in ours {
            let from = shown(label.start);
            self.labels.push(ShownLabel {
                start: from,
                length: shown(label.end).saturating_sub(from),
                text: escape_line(&label.label.text).into_owned(),
                line: label.first,
                column: label.column,
            });
        }
        self.chunks.push(Chunk {
            name: escape_line(&places.path(file).unwrap_or_default()).into_owned(),
            start,
            end: self.text.len(),
            first_line: first,
            lines,
        });
    }
}

impl SourceCode for Excerpt {
    /// With context lines, the whole chunk; without, the span alone, with its place in the file.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (start, end) = (span.offset(), span.offset() + span.len());
        let chunk = self
            .chunks
            .iter()
            .find(|chunk| chunk.start <= start && end <= chunk.end)
            .ok_or(MietteError::OutOfBounds)?;
        let label = self.labels.iter().find(|label| label.start == start);
        let (from, to, line, column) = match label {
            Some(label) if before == 0 && after == 0 => (start, end, label.line, label.column),
            _ => (chunk.start, chunk.end, chunk.first_line, 0),
        };
        let data = self.text.get(from..to).ok_or(MietteError::OutOfBounds)?;
        Ok(Box::new(MietteSpanContents::new_named(
            chunk.name.clone(),
            data.as_bytes(),
            (from, to - from).into(),
            line,
            column,
            chunk.lines,
        )))
    }
}

fn locate<'a>(label: &'a Label, places: &Places<'_>) -> Option<Located<'a>> {
    let (source, first) = places.line(label.span.file, label.span.start as usize)?;
    let start = boundary(&source.text, label.span.start as usize);
    let mut end = boundary(&source.text, label.span.end as usize).max(start);
    // A span that ends with its line's end is not of the next line.
    let (_, mut last) = places.line(label.span.file, end.saturating_sub(1).max(start))?;
    if last - first >= MAX_SPAN_LINES {
        last = first;
    }
    if let Some((_, line_end)) = places.bytes_of_line(label.span.file, last) {
        end = end.min(line_end).max(start);
    }
    let column = places.place(label.span)?.column - 1;
    Some(Located {
        label,
        file: label.span.file,
        start,
        end,
        first,
        last,
        column,
    })
}

/// Lines from and to, with one of context at each side, neighbours joined.
fn windows<'a>(labels: impl Iterator<Item = &'a Located<'a>>) -> Vec<(usize, usize)> {
    let mut around: Vec<(usize, usize)> = labels
        .map(|label| (label.first.saturating_sub(1), label.last + 1))
        .collect();
    around.sort_unstable();
    let mut joined: Vec<(usize, usize)> = Vec::new();
    for (first, last) in around {
        match joined.last_mut() {
            Some((_, end)) if first <= *end + 2 => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// Adds one line that begins at byte `from` of its file, and notes where each mark in it is shown.
fn push_line(out: &mut String, line: &str, from: usize, marks: &mut [(usize, usize)]) {
    let to = from + line.len();
    let mut marks: Vec<&mut (usize, usize)> = marks
        .iter_mut()
        .filter(|(offset, _)| (from..=to).contains(offset))
        .collect();
    let (mut first, mut last) = (0, line.len());
    if line.len() > MAX_LINE_BYTES {
        let label = marks.first().map_or(0, |mark| mark.0 - from);
        first = boundary(line, label.saturating_sub(LEAD_BYTES));
        last = boundary(line, first + MAX_LINE_BYTES);
    }
    if first > 0 {
        out.push('…');
    }
    let mut waiting = marks.iter_mut().peekable();
    for (index, character) in line.get(first..last).unwrap_or_default().char_indices() {
        while let Some(mark) = waiting.next_if(|mark| mark.0 <= from + first + index) {
            mark.1 = out.len();
        }
        push_shown(out, character);
    }
    for mark in waiting {
        mark.1 = out.len();
    }
    if last < line.len() {
        out.push('…');
    }
    out.push('\n');
}

/// The nearest boundary of a character at or before an offset.
fn boundary(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset)
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(0)
}
