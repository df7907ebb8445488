//! `zdc check --fix`: the smallest edits, made in the files.

use super::invocation::Invocation;
use super::output::{self, Edit};
use super::{Failure, terminal};
use crate::diagnostics::render::escape_line;
use crate::source::Str;
use similar::{Algorithm, DiffTag, TextDiff};

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Mended {
    edits: Vec<Edit>,
    /// The project path of each.
    names: Vec<Str>,
    /// The main file's.
    main: String,
}

/// Makes the edits in memory, and leaves the invocation with the program as it is then.
pub(super) fn mend(invocation: &mut Invocation) -> Mended {
    let mut mended = Mended {
        main: invocation.project.main.clone(),
        ..Mended::default()
    };
    for (name, old, new) in invocation.mend() {
        mended.edits.push(Edit {
            path: invocation.project.world.place(&name),
            old: old.to_string(),
            new: new.to_string(),
        });
        mended.names.push(name);
    }
    mended
}

impl Mended {
    /// Whether nothing is changed.
    pub(super) fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Writes the files. Says whether it did: a signal may have come first.
    ///
    /// # Errors
    /// A file cannot be written, or has changed meanwhile.
    pub(super) fn write(&self) -> Result<bool, Failure> {
        output::rewrite(&self.edits)
    }

    /// What is changed, a line for each change.
    pub(super) fn tell(&self, folder: &str) {
        for (edit, name) in self.edits.iter().zip(&self.names) {
            for line in changes(&edit.old, &edit.new) {
                terminal::say(&escape_line(&format!("{folder}{name}:{line}")));
            }
        }
        self.tell_shared(folder);
    }

    /// Which files of these may be part of programs that nobody judged.
    pub(super) fn tell_shared(&self, folder: &str) {
        let shared = self.names.iter().filter(|name| ***name != *self.main);
        for name in shared {
            let text = format!("{folder}{name}: other programs may import it: check them, too");
            terminal::say(&escape_line(&text));
        }
    }

    /// As a unified diff.
    pub(super) fn diff(&self, folder: &str) -> String {
        let each = self.edits.iter().zip(&self.names);
        each.map(|(edit, name)| {
            let path = escape_line(&format!("{folder}{name}")).into_owned();
            let diff = TextDiff::from_lines(&edit.old, &edit.new);
            diff.unified_diff()
                .context_radius(3)
                .header(&path, &path)
                .to_string()
        })
        .collect()
    }
}

/// `12: old → new`, by the lines of the old text.
fn changes(old: &str, new: &str) -> Vec<String> {
    let (before, after): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let operations = similar::capture_diff_slices(Algorithm::Myers, &before, &after);
    let mut told = Vec::new();
    for operation in operations {
        let (tag, was, is) = operation.as_tag_tuple();
        if tag == DiffTag::Equal {
            continue;
        }
        let (was_at, is_at) = (was.start, is.start);
        let gone = before.get(was).unwrap_or_default();
        let come = after.get(is).unwrap_or_default();
        for index in 0..gone.len().max(come.len()) {
            let (gone, come) = (gone.get(index), come.get(index));
            let trim =
                |line: Option<&&str>| line.map_or(String::new(), |line| line.trim().to_owned());
            let words = match (gone, come) {
                (Some(_), None) => format!("`{}` taken out", trim(gone)),
                (None, _) => format!("`{}` added", trim(come)),
                (Some(_), Some(_)) => format!("`{}` → `{}`", trim(gone), trim(come)),
            };
            // What is added has a line in the new text alone.
            let line = if gone.is_some() {
                was_at + index
            } else {
                is_at + index
            };
            told.push(format!("{}: {words}", line + 1));
        }
    }
    told
}
