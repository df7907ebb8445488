//! A file to be written.

use crate::vocabulary::TargetId;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// A file to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The target it is for; none for what is about all of them.
    pub target: Option<TargetId>,
    /// Its path under the output folder, with `/`: `swarm/shop.yml`.
    pub path: String,
    /// Its text, without the line that says who made it.
    pub text: Text,
    /// How that line is written.
    pub header: Header,
}

/// A file's text; of thousands of files written in a row, a stretch of what they all share.
#[derive(Clone)]
pub struct Text {
    whole: Arc<String>,
    stretch: Range<usize>,
}

impl Text {
    /// A stretch of a text; nothing where it does not lie on the bounds of characters.
    pub fn stretch(whole: &Arc<String>, stretch: Range<usize>) -> Self {
        Self {
            whole: Arc::clone(whole),
            stretch,
        }
    }

    /// A part of this text.
    pub(super) fn part(&self, part: Range<usize>) -> Self {
        let start = self.stretch.start;
        Self::stretch(&self.whole, start + part.start..start + part.end)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.whole.get(self.stretch.clone()).unwrap_or_default()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self {
            stretch: 0..text.len(),
            whole: Arc::new(text),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// How a file says that zdc made it, so that a hand-edited one is never overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A first line that begins with `#`: YAML, nginx, shell.
    Hash,
    /// A first line that begins with `//`: Groovy.
    Slashes,
    /// A first line that is a comment of HTML: Markdown.
    Markup,
    /// A second line that is the first key: JSON, which has no comments.
    Key,
    /// Its format has no comments, or it is a user's data: its name ends in the hash of its
    /// content, `-0123456789ab`, before the extension.
    Name,
}
