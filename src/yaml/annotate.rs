//! Marks the writer understands around a value: a comment or an empty line above it, or a
//! list on one line.
//!
//! They travel through serde under names no other type has, and only the writer of this module knows them.

use serde::ser::{Serialize, SerializeTupleStruct, Serializer};

/// The tuple struct name of [`Commented`].
pub(super) const COMMENTED: &str = "zdc::yaml::Commented";
/// The newtype struct name of [`Apart`].
pub(super) const APART: &str = "zdc::yaml::Apart";
/// The newtype struct name of [`Flow`].
pub(super) const FLOW: &str = "zdc::yaml::Flow";

/// A value with `# text` lines above the key or list item it belongs to; at the root, at the head of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commented<T> {
    /// The text, without `#`; each of its lines becomes a line. `None` writes none.
    pub comment: Option<String>,
    /// The value itself.
    pub value: T,
}

/// The value under a comment.
pub fn comment<T>(text: impl Into<String>, value: T) -> Commented<T> {
    Commented {
        comment: Some(text.into()),
        value,
    }
}

impl<T> From<T> for Commented<T> {
    fn from(value: T) -> Self {
        Commented {
            comment: None,
            value,
        }
    }
}

impl<T: Serialize> Serialize for Commented<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(comment) = &self.comment else {
            return self.value.serialize(serializer);
        };
        let mut pair = serializer.serialize_tuple_struct(COMMENTED, 2)?;
        pair.serialize_field(comment)?;
        pair.serialize_field(&self.value)?;
        pair.end()
    }
}

/// A value with an empty line above the key or list item it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart<T>(pub T);

impl<T: Serialize> Serialize for Apart<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(APART, &self.0)
    }
}

/// A value on one line, `["CMD", "curl"]`: how people write a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow<T>(pub T);

impl<T: Serialize> Serialize for Flow<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(FLOW, &self.0)
    }
}
