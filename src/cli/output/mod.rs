//! The output folder: what is there, what should be, and how one becomes the other.
//!
//! [`plan`] compares and changes nothing. A file that zdc did not write, or that was edited since,
//! is never overwritten unless that is asked for.

mod compare;
mod diff;
mod edit;
mod stamp;
mod stream;
mod write;

pub(super) use compare::{Plan, plan};
pub(super) use diff::diff;
pub(super) use edit::{Edit, rewrite};
pub(super) use stamp::{Mark, mark, stamped, unstamped};
pub(super) use stream::stream;
pub(super) use write::{Written, held_back, write};

use crate::vocabulary::TargetId;
use std::path::Path;

/// Where manifests go.
#[derive(Clone, Copy)]
pub(super) struct Destination<'a> {
    /// The output folder.
    pub(super) folder: &'a Path,
    /// The source as the files' first line names it: its project path.
    pub(super) source: &'a str,
    /// The targets that are built: their folders are cleared of what is no longer written.
    pub(super) targets: &'a [TargetId],
    /// Whether these are all the program is for: then the folders of others are cleared too, and files about all of them.
    pub(super) whole: bool,
    /// Whether there is a source of this name: what was written from another one that is there is not overwritten.
    pub(super) is_source: &'a dyn Fn(&str) -> bool,
}

#[cfg(test)]
mod tests;
