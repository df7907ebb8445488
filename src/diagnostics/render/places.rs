//! Lines and columns, each found in constant time however many are asked for.

use super::Shown;
use crate::source::{FileId, Source, Sources, Span};
use serde::Serialize;
use std::collections::BTreeMap;

/// Bytes between two counts of characters.
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

struct FileLines {
    /// The first byte of each line.
    starts: Vec<usize>,
    /// The characters before each block of bytes.
    characters: Vec<usize>,
}

impl<'a> Places<'a> {
    /// The places of these diagnostics.
    pub(super) fn of(shown: &Shown<'a>) -> Self {
        let mut files = BTreeMap::new();
        for diagnostic in shown.diagnostics {
            let edit = diagnostic.replacement.iter().map(|edit| edit.span);
            for span in diagnostic.labels.iter().map(|label| label.span).chain(edit) {
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
        Some((source, self.files.get(&file)?.line(offset)))
    }

    /// The bytes of a line, by its number from 0, without its end; `None` past the last.
    pub(super) fn bytes_of_line(&self, file: FileId, line: usize) -> Option<(usize, usize)> {
        let source = self.sources.get(file)?;
        let lines = self.files.get(&file)?;
        let start = *lines.starts.get(line)?;
        let end = lines
            .starts
            .get(line + 1)
            .map_or(source.text.len(), |next| next - 1);
        let text = source.text.get(start..end)?;
        Some((start, start + text.strip_suffix('\r').unwrap_or(text).len()))
    }
}

impl FileLines {
    fn of(text: &str) -> Self {
        let newlines = text.match_indices('\n');
        let starts = std::iter::once(0)
            .chain(newlines.map(|(index, _)| index + 1))
            .collect();
        let mut total = 0;
        let characters = text
            .as_bytes()
            .chunks(BLOCK)
            .map(|block| {
                let before = total;
                total += count(block);
                before
            })
            .collect();
        Self { starts, characters }
    }

    /// The line, from 0.
    fn line(&self, offset: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1)
    }

    /// Line and column, from 1.
    fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let offset = offset.min(text.len());
        let line = self.line(offset);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let column = self.characters_before(text, offset) - self.characters_before(text, start);
        (line + 1, column + 1)
    }

    fn characters_before(&self, text: &str, offset: usize) -> usize {
        let Some(before) = self.characters.get(offset / BLOCK) else {
            // The end of a text that fills its last block.
            return self.characters.last().map_or(0, |before| {
                before + count(text.as_bytes().rchunks(BLOCK).next().unwrap_or_default())
            });
        };
        let block = offset / BLOCK * BLOCK;
        before + count(text.as_bytes().get(block..offset).unwrap_or_default())
    }
}

/// The characters that begin in some bytes of UTF-8.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| *byte & 0xc0 != 0x80).count()
}
