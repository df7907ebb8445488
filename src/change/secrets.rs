//! Secrets of a program, whose values are in no manifest.

use crate::vocabulary::{Node, Secret};

/// Where the value comes from, in words; nothing where the program does not say.
pub(super) fn source(secret: &Node<Secret>) -> Option<String> {
    match (&secret.from, &secret.file) {
        (Some(from), _) => Some(format!("the variable {}", from.value.0)),
        (None, Some(file)) => Some(format!("the file {}", file.value)),
        (None, None) => None,
    }
}

/// The name that it goes by.
pub(super) fn real_name(secret: &Node<Secret>) -> &str {
    let name = secret.name.as_ref();
    name.map_or(secret.label.name(), |name| &name.value)
}
