//! Lines and columns, each found in constant time however many are asked for.

use super::Shown;
use crate::source::{FileId, Source, Sources, Span};
use serde::Serialize;
use std::collections::BTreeMap;

/// Bytes between two counts of lines and characters.
const BLOCK: usize = 1024;

/// Where things are in the files of some diagnostics.
pub(super) struct Places<'a> {
    sources: &'a Sources,
    folder: &'a str,
    files: BTreeMap<FileId, FileLines>,
}

/// A place as machines are told of it. Lines and columns count from 1; columns count characters.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Place {
    /// The file.
    pub(super) path: String,
    /// The first line.
    pub(super) line: usize,
    /// The column of the first character.
    pub(super) column: usize,
    /// The last line.
    pub(super) end_line: usize,
    /// One past the column of the last character.
    pub(super) end_column: usize,
    /// The first byte, from 0.
    pub(super) start: u32,
    /// One past the last byte.
    pub(super) end: u32,
}

/// What is before each block of a file's bytes: where one thing is told of a large file, no more is
/// looked at than has to be.
struct FileLines(Vec<Before>);

#[derive(Clone, Copy, Default)]
struct Before {
    /// Ends of lines.
    lines: usize,
    characters: usize,
}

impl<'a> Places<'a> {
    /// The places of these diagnostics.
    pub(super) fn of(shown: &Shown<'a>) -> Self {
        let mut files = BTreeMap::new();
        for diagnostic in shown.diagnostics {
            let tried = diagnostic.fix.iter().flat_map(|fix| &fix.edits);
            let edits = diagnostic.replacement.iter().chain(tried);
            let labels = diagnostic.labels.iter().map(|label| label.span);
            for span in labels.chain(edits.map(|edit| edit.span)) {
                let Some(source) = shown.sources.get(span.file) else {
                    continue;
                };
                files
                    .entry(span.file)
                    .or_insert_with(|| FileLines::of(&source.text));
            }
        }
        Self {
            sources: shown.sources,
            folder: shown.folder,
            files,
        }
    }

    /// A file's path, as the user would name it.
    pub(super) fn path(&self, file: FileId) -> Option<String> {
        let source = self.sources.get(file)?;
        Some(format!("{}{}", self.folder, source.path))
    }

    /// A span as a place.
    pub(super) fn place(&self, span: Span) -> Option<Place> {
        let source = self.sources.get(span.file)?;
        let lines = self.files.get(&span.file)?;
        let (line, column) = lines.position(&source.text, span.start as usize);
        let (end_line, end_column) =
            lines.position(&source.text, span.end.max(span.start) as usize);
        Some(Place {
            path: self.path(span.file)?,
            line,
            column,
            end_line,
            end_column,
            start: span.start,
            end: span.end,
        })
    }

    /// The file with the number, from 0, of the line that an offset is in.
    pub(super) fn line(&self, file: FileId, offset: usize) -> Option<(&'a Source, usize)> {
        let source = self.sources.get(file)?;
        let lines = self.files.get(&file)?;
        Some((source, lines.line(&source.text, offset)))
    }

    /// The bytes of a line, by its number from 0, without its end; `None` past the last.
    pub(super) fn bytes_of_line(&self, file: FileId, line: usize) -> Option<(usize, usize)> {
        let source = self.sources.get(file)?;
        let lines = self.files.get(&file)?;
        let start = lines.start(&source.text, line)?;
        let rest = source.text.get(start..)?;
        let end = start + rest.find('\n').unwrap_or(rest.len());
        let text = source.text.get(start..end)?;
        Some((start, start + text.strip_suffix('\r').unwrap_or(text).len()))
    }
}

impl FileLines {
    fn of(text: &str) -> Self {
        let mut before = Before::default();
        let blocks = text.as_bytes().chunks(BLOCK).map(|block| {
            let here = before;
            before.add(block);
            here
        });
        Self(blocks.collect())
    }

    /// What is before an offset.
    fn before(&self, text: &str, offset: usize) -> Before {
        let offset = offset.min(text.len());
        // The end of a text that fills its last block begins none.
        let block = (offset / BLOCK).min(self.0.len().saturating_sub(1));
        let mut before = self.0.get(block).copied().unwrap_or_default();
        let rest = text.as_bytes().get(block * BLOCK..offset);
        before.add(rest.unwrap_or_default());
        before
    }

    /// The line, from 0.
    fn line(&self, text: &str, offset: usize) -> usize {
        self.before(text, offset).lines
    }

    /// The first byte of a line, by its number from 0.
    fn start(&self, text: &str, line: usize) -> Option<usize> {
        if line == 0 {
            return Some(0);
        }
        let block = self.0.partition_point(|before| before.lines < line);
        let block = block.checked_sub(1)?;
        let skipped = line - 1 - self.0.get(block)?.lines;
        let rest = text.as_bytes().get(block * BLOCK..)?;
        let mut ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Some(block * BLOCK + ends.nth(skipped)?.0 + 1)
    }

    /// Line and column, from 1.
    fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let offset = offset.min(text.len());
        let here = self.before(text, offset);
        let start = self.start(text, here.lines).unwrap_or(0);
        let column = here.characters - self.before(text, start).characters;
        (here.lines + 1, column + 1)
    }
}

impl Before {
    fn add(&mut self, bytes: &[u8]) {
        let ends = bytes.iter().map(|byte| usize::from(*byte == b'\n'));
        self.lines += ends.sum::<usize>();
        self.characters += count(bytes);
    }
}

/// The characters that begin in some bytes of UTF-8.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| *byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_where_counting_from_the_start_finds_it() {
        let long = "é word\n\n".repeat(300);
        let (full, _) = long.split_at(BLOCK * 2);
        let (less, _) = long.split_at(BLOCK * 2 - 1);
        for text in ["", "\n", "one", &long, full, less] {
            let lines = FileLines::of(text);
            for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
                let (before, _) = text.split_at(offset);
                let number = before.matches('\n').count();
                let start = before.rfind('\n').map_or(0, |end| end + 1);
                let (_, here) = before.split_at(start);
                let place = (number + 1, here.chars().count() + 1);
                assert_eq!(lines.position(text, offset), place);
                assert_eq!(lines.start(text, number), Some(start));
            }
            assert_eq!(lines.start(text, text.matches('\n').count() + 1), None);
        }
    }
}
