//! A world in memory: for tests, documentation examples and editors.

use super::{LoadError, Str, World};
use std::collections::BTreeMap;

/// Files held in memory, by their path from the root.
#[derive(Clone, Debug, Default)]
pub struct MemoryWorld {
    files: BTreeMap<String, Str>,
}

impl MemoryWorld {
    /// A world with one file.
    pub fn single(path: impl Into<String>, text: impl Into<Str>) -> Self {
        Self::default().with(path, text)
    }

    /// The same world with one more file.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, text: impl Into<Str>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }
}

impl World for MemoryWorld {
    fn load(&self, path: &str) -> Result<Str, LoadError> {
        self.files.get(path).cloned().ok_or(LoadError::NotFound)
    }
}
