//! Source text: files, spans, and the only door to the outside.
//!
//! No phase opens a file, reads a clock or looks at the environment. What a phase needs from
//! outside it asks of a [`World`]; the command line hands it the disk, tests hand it memory.

mod lines;
mod memory;

pub use memory::MemoryWorld;

use lines::Lines;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A cheap shared string; names and literals are cloned far more often than they are made.
pub type Str = Arc<str>;

/// The largest source file that is read, in bytes; some 18,000 services. It bounds memory: a usual
/// program's tree takes fifteen times its input, one of nothing but `a=1` eighty-five times.
pub const MAX_SOURCE_BYTES: u64 = 4 * 1024 * 1024;

/// Names one file of a compilation; an index into [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file the bytes are in.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            file,
            start: clamp(start),
            end: clamp(end),
        }
    }

    /// The smallest span that covers both; `self` where they are in different files.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span {
            file: self.file,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}..{}", self.file.0, self.start, self.end)
    }
}

/// A value and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The source it was read from.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Pairs a value with its origin.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same origin with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned {
            value: f(self.value),
            span: self.span,
        }
    }
}

/// Why a file could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// There is no such file.
    NotFound,
    /// The path leads out of the project root, symbolic links resolved.
    OutsideRoot,
    /// It is a folder, a device or a socket.
    NotAFile,
    /// It is larger than [`MAX_SOURCE_BYTES`].
    TooLarge {
        /// The file's size in bytes.
        bytes: u64,
    },
    /// It is not UTF-8.
    NotUtf8 {
        /// The offset of the first byte that is not.
        offset: usize,
    },
    /// The operating system said no; its words.
    Io(String),
}

/// What a compilation may ask of the outside: files under one root, by their path from it.
///
/// Paths use `/`, have no `.` or `..` parts and never start with `/`; [`join_path`] makes them.
pub trait World: Sync {
    /// The text of a file.
    ///
    /// # Errors
    /// See [`LoadError`]; an implementation must refuse to leave the root.
    fn load(&self, path: &str) -> Result<Str, LoadError>;
}

/// Resolves `relative` against the folder of `from` (both project paths); `None` where the
/// result would leave the root or `relative` is absolute.
pub fn join_path(from: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') || relative.contains('\0') || relative.contains('\\') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// One file that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path from the project root.
    pub path: Str,
    /// Its text.
    pub text: Str,
    /// Once somebody has asked for a line.
    lines: OnceLock<Lines>,
}

impl Source {
    /// Line and column of an offset, both from 1; columns count characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        self.lines().position(&self.text, offset)
    }

    /// The line that an offset is in, from 0.
    pub fn line(&self, offset: usize) -> usize {
        self.lines().line(&self.text, offset)
    }

    /// The first byte of a line, by its number from 0; `None` past the last.
    pub fn line_start(&self, line: usize) -> Option<usize> {
        self.lines().start(&self.text, line)
    }

    fn lines(&self) -> &Lines {
        self.lines.get_or_init(|| Lines::of(&self.text))
    }
}

/// Every file of a compilation, in the order they were first imported.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// Adds a file and names it.
    pub fn add(&mut self, path: impl Into<Str>, text: impl Into<Str>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(Source {
            path: path.into(),
            text: text.into(),
            lines: OnceLock::new(),
        });
        id
    }

    /// A file by its name; `None` for a name from another compilation.
    pub fn get(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.0 as usize)
    }

    /// All files with their names.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        (0..).map(FileId).zip(&self.files)
    }

    /// The text a span covers; empty where it lies outside its file.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.file)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or_default()
    }

    /// Line and column of a span's start, both from 1; columns count characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let source = self.get(span.file);
        source.map_or((1, 1), |source| source.position(span.start as usize))
    }
}
