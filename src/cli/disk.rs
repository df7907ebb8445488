//! The disk as a compilation sees it: files under one root, and nothing else.

use crate::source::{LoadError, MAX_SOURCE_BYTES, Str, World};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Files under a folder; the main one was read before.
#[derive(Debug)]
pub(super) struct DiskWorld {
    root: PathBuf,
    /// The root without symbolic links, once it is asked for.
    real_root: OnceLock<PathBuf>,
    main: String,
    main_text: Str,
}

impl DiskWorld {
    /// The files under `root`, of which `main` (a project path) is `text`.
    pub(super) fn new(root: PathBuf, main: String, text: Str) -> Self {
        Self {
            root,
            real_root: OnceLock::new(),
            main,
            main_text: text,
        }
    }

    /// Where a file is, by its project path.
    pub(super) fn place(&self, path: &str) -> PathBuf {
        let place = self.root.join(path);
        let bare = place.strip_prefix(".").map(Path::to_path_buf);
        bare.unwrap_or(place)
    }

    fn real_root(&self) -> Result<&Path, LoadError> {
        if let Some(root) = self.real_root.get() {
            return Ok(root);
        }
        let root = self.root.canonicalize().map_err(|error| failed(&error))?;
        Ok(self.real_root.get_or_init(|| root))
    }
}

impl World for DiskWorld {
    fn load(&self, path: &str) -> Result<Str, LoadError> {
        if path == self.main {
            return Ok(self.main_text.clone());
        }
        let root = self.real_root()?;
        let real = root
            .join(path)
            .canonicalize()
            .map_err(|error| failed(&error))?;
        if !real.starts_with(root) {
            return Err(LoadError::OutsideRoot);
        }
        read_source(&real)
    }
}

/// The text of a source file: a regular file of bearable size, in UTF-8.
///
/// # Errors
/// See [`LoadError`].
pub(super) fn read_source(path: &Path) -> Result<Str, LoadError> {
    // Asked before it is opened, since to open a pipe is to wait for its other end.
    let is_file = |metadata: &fs::Metadata| metadata.is_file();
    if !fs::metadata(path).as_ref().map(is_file).map_err(failed)? {
        return Err(LoadError::NotAFile);
    }
    let file = File::open(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if !metadata.is_file() {
        return Err(LoadError::NotAFile);
    }
    let bytes = metadata.len();
    if bytes > MAX_SOURCE_BYTES {
        return Err(LoadError::TooLarge { bytes });
    }
    let mut text = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    file.take(MAX_SOURCE_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| failed(&error))?;
    // It may have grown, or be one of those that do not tell their size.
    if text.len() as u64 > MAX_SOURCE_BYTES {
        return Err(LoadError::TooLarge {
            bytes: text.len() as u64,
        });
    }
    match String::from_utf8(text) {
        Ok(text) => Ok(text.into()),
        Err(error) => Err(LoadError::NotUtf8 {
            offset: error.utf8_error().valid_up_to(),
        }),
    }
}

fn failed(error: &io::Error) -> LoadError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => LoadError::NotFound,
        _ => LoadError::Io(error.to_string()),
    }
}
