//! Writes YAML: the one place where a manifest becomes text.
//!
//! Every value written here comes back as the same value from YAML 1.1 and YAML 1.2 readers alike: see `scalar` for the rule and its reason.
//! What is written, and in which order, is the business of the serialized types. Reading YAML lives elsewhere, but for [`differing`],
//! [`at`], [`read`], [`read_without`], [`entries`] and [`documents`], which know the writer's own text, and
//! [`as_read_by`] and [`is_too_deep`], which look at other people's before it is read.

mod annotate;
mod block;
mod differing;
mod narrowed;
mod node;
mod plain;
mod scalar;
mod writer;
mod written;

use std::fmt;

use serde::Serialize;

pub use annotate::{Apart, Commented, Flow, comment};
pub use differing::differing;
pub use node::{Node, to_node};
pub use plain::{Reader, as_read_by, is_too_deep};
pub use written::{at, documents, entries, read, read_without};

/// The value as one block-style YAML document, with a final newline.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    let mut out = String::new();
    write(&mut out, value)?;
    Ok(out)
}

/// Appends the value as block-style YAML to `out`, which is empty or ends in a newline.
pub fn write<T: Serialize + ?Sized>(out: &mut String, value: &T) -> Result<(), Error> {
    value.serialize(&mut writer::Writer::new(out))
}

/// What stands between two documents of a stream.
pub const BETWEEN: &str = "---\n";

/// A value that has no place in a manifest, such as a map with a list as key. The types of the targets cannot raise it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error(message.to_string())
    }
}

#[cfg(test)]
mod tests;
