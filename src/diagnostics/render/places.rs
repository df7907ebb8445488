//! Places in the sources as people and machines are told of them.

use super::Shown;
use crate::source::{FileId, Source, Sources, Span};
use serde::Serialize;

/// Where things are in the files of some diagnostics.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    sources: &'a Sources,
    folder: &'a str,
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

impl<'a> Places<'a> {
    /// The places of these diagnostics.
    pub(super) fn of(shown: &Shown<'a>) -> Self {
        Self {
            sources: shown.sources,
            folder: shown.folder,
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
        let (line, column) = source.position(span.start as usize);
        let (end_line, end_column) = source.position(span.end.max(span.start) as usize);
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
        Some((source, source.line(offset)))
    }

    /// The bytes of a line, by its number from 0, without its end; `None` past the last.
    pub(super) fn bytes_of_line(&self, file: FileId, line: usize) -> Option<(usize, usize)> {
        let source = self.sources.get(file)?;
        let start = source.line_start(line)?;
        let rest = source.text.get(start..)?;
        let end = start + rest.find('\n').unwrap_or(rest.len());
        let text = source.text.get(start..end)?;
        Some((start, start + text.strip_suffix('\r').unwrap_or(text).len()))
    }
}
