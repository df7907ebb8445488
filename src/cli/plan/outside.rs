//! What stacks name that is not among the files of a side: `../web.conf`, or `/srv/web.conf`, as `docker stack config` writes it.

use crate::cli::disk::read_source;
use crate::cli::project::show;
use crate::cli::terminal;
use crate::diagnostics::render::escape_line;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Reads what the stacks of a folder name, as it is read beside a single stack file; gives what is not read, in words. Whoever wrote the stack
/// file is not to have the rest of the machine shown, so that it is read in the folder, in its repository and in the folder that zdc runs in.
pub(super) fn read_below_roots(
    folder: &Path,
    named: BTreeSet<String>,
    files: &mut BTreeMap<String, String>,
) -> Vec<String> {
    let roots = roots(folder);
    read(folder, named, files, |path| {
        roots.iter().any(|root| path.starts_with(root))
    })
}

/// Reads what a single stack file names, which somebody means by naming the file; gives what is not read, in words.
pub(super) fn read_beside(
    folder: &Path,
    named: BTreeSet<String>,
    files: &mut BTreeMap<String, String>,
) -> Vec<String> {
    read(folder, named, files, |_| true)
}

fn read(
    folder: &Path,
    named: BTreeSet<String>,
    files: &mut BTreeMap<String, String>,
    may_be_read: impl Fn(&Path) -> bool,
) -> Vec<String> {
    let mut unread = Vec::new();
    let folder_shown = show(folder);
    for inside in named {
        if files.contains_key(&inside) {
            continue;
        }
        let found = std::fs::canonicalize(folder.join(&inside));
        let why = match found {
            Err(_) => "it is not there",
            Ok(path) if !may_be_read(&path) => {
                "it is not in that folder, nor in its repository, nor in the one where `zdc` runs"
            }
            Ok(path) => match read_source(&path) {
                Ok(text) => {
                    files.insert(inside, text.to_string());
                    continue;
                }
                Err(_) => "it cannot be read as text",
            },
        };
        unread.extend(told(&inside, &folder_shown, why));
    }
    unread
}

/// Why what a stack names is not known; of what belongs in the folder nothing is said, since many leave secrets out of it.
pub(super) fn told(inside: &str, side: &str, why: &str) -> Option<String> {
    let is_outside = inside.starts_with('/') || inside.split('/').next() == Some("..");
    is_outside.then(|| unknown(inside, side, why))
}

/// The same of what there is a link for.
pub(super) fn unknown(inside: &str, side: &str, why: &str) -> String {
    let (inside, side) = (escape_line(inside), escape_line(side));
    format!("what `{inside}` holds, which a stack of `{side}` names, is not known: {why}")
}

/// Says what of either side is not known.
pub(super) fn say(unread: [&[String]; 2]) {
    let all: BTreeSet<&String> = unread.into_iter().flatten().collect();
    for note in all {
        terminal::say(&format!("note: {note}"));
    }
}

/// The folders in which is read what stacks name, as they are without links. The whole disk is none.
fn roots(folder: &Path) -> Vec<PathBuf> {
    let folder = std::fs::canonicalize(folder).ok();
    let above = folder.iter().flat_map(|folder| folder.ancestors());
    let repository = above.into_iter().find(|it| it.join(".git").exists());
    let repository = repository.map(Path::to_path_buf);
    let here = std::fs::canonicalize(".").ok();
    let all = [folder.clone(), repository, here].into_iter().flatten();
    all.filter(|root| root.parent().is_some()).collect()
}
