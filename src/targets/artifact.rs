//! A file to be written.

use crate::vocabulary::TargetId;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The target it is for.
    pub target: TargetId,
    /// Its path under the output folder, with `/`: `swarm/shop.yml`.
    pub path: String,
    /// Its text, without the line that says who made it.
    pub text: String,
    /// How that line is written.
    pub header: Header,
}

/// How a file says that zdc made it, so that a hand-edited one is never overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A first line that begins with `#`: YAML, nginx, shell.
    Hash,
    /// A first line that begins with `//`: Groovy.
    Slashes,
    /// Its format has no comments, or it is a user's data: its name ends in the hash of its
    /// content, `-0123456789ab`, before the extension.
    Name,
}
