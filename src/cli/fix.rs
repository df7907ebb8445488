//! `zdc check --fix`: the smallest edits, made in the files.

use super::invocation::Invocation;
use super::output::{self, Edit};
use super::{Failure, terminal};
use crate::diagnostics::render::escape_line;
use crate::source::Str;
use similar::{Algorithm, DiffTag, TextDiff};
use std::ops::Range;

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Mended {
    edits: Vec<Edit>,
    /// The project path of each.
    names: Vec<Str>,
    /// What was edited, in words: with what nobody proved of it.
    titles: Vec<String>,
    /// The main file's.
    main: String,
}

/// Makes the edits in memory, and leaves the invocation with the program as it is then.
pub(super) fn mend(invocation: &mut Invocation) -> Mended {
    let mut mended = Mended {
        main: invocation.project.main.clone(),
        ..Mended::default()
    };
    let (texts, titles) = invocation.mend();
    mended.titles = titles;
    for (name, old, new) in texts {
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
        self.tell_granted(folder);
    }

    /// What the edits are in words, with what nobody proved of them, and which of the files may be part of programs that
    /// nobody judged.
    pub(super) fn tell_granted(&self, folder: &str) {
        for title in &self.titles {
            terminal::say(&escape_line(title));
        }
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
        let mut at = 0;
        for (index, old) in gone.iter().enumerate() {
            let line = was_at + index + 1;
            let rest = come.get(at..).unwrap_or_default();
            let place = rest.iter().position(|new| word(new) == word(old));
            let Some(place) = place else {
                told.push(format!("{line}: `{}` taken out", old.trim()));
                continue;
            };
            told.extend(added(come, at..at + place, is_at));
            let new = come.get(at + place).map_or("", |new| new.trim());
            told.push(format!("{line}: `{}` → `{new}`", old.trim()));
            at += place + 1;
        }
        told.extend(added(come, at..come.len(), is_at));
    }
    told
}

/// What a line is of: one of another word is no other form of it.
fn word(line: &str) -> &str {
    let end = |char: char| !(char.is_alphanumeric() || char == '_');
    let line = line.trim_start();
    line.split(end).next().unwrap_or(line)
}

/// Lines that the new text alone has, by its own count.
fn added(come: &[&str], range: Range<usize>, from: usize) -> Vec<String> {
    let first = from + range.start + 1;
    let lines = come.get(range).unwrap_or_default().iter().enumerate();
    lines
        .map(|(index, line)| format!("{}: `{}` added", first + index, line.trim()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn lines_of_other_words_are_other_changes() {
        let old = "a {\n  update rolling { order = stop_first }\n  shutdown { grace = 5s }\n}\n";
        let new = "a {\n  placement { max_per_node = 1 }\n  shutdown { grace = 9s }\n  health tcp {}\n}\n";
        assert_eq!(
            changes(old, new),
            [
                "2: `update rolling { order = stop_first }` taken out",
                "2: `placement { max_per_node = 1 }` added",
                "3: `shutdown { grace = 5s }` → `shutdown { grace = 9s }`",
                "4: `health tcp {}` added",
            ]
        );
    }
}
