//! Sources rewritten: each beside its place first, then all into place, if nobody else has changed one meanwhile.

use super::write::{WAITING, keep_owner, watch_signals};
use crate::cli::Failure;
use crate::cli::project::show;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use tempfile::TempPath;

/// A source as it was read, and as it is to be.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    /// The file, as the user would name it; may be a symbolic link to it.
    pub(crate) path: PathBuf,
    /// What it held when it was read.
    pub(crate) old: String,
    /// What it is to hold.
    pub(crate) new: String,
}

/// Writes all of them or none. Says whether it did: a signal may have come first.
///
/// # Errors
/// A file cannot be written, is not to be written, or has changed since it was read.
pub(crate) fn rewrite(edits: &[Edit]) -> Result<bool, Failure> {
    let interrupted = watch_signals()?;
    let mut waiting = Vec::with_capacity(edits.len());
    for edit in edits {
        // Through a link the file it leads to is replaced, not the link.
        let real = edit
            .path
            .canonicalize()
            .map_err(|error| failed(edit, &error))?;
        waiting.push((
            beside(edit, &real).map_err(|error| failed(edit, &error))?,
            real,
            edit,
        ));
    }
    for (_, real, edit) in &waiting {
        let now = fs::read(real).map_err(|error| failed(edit, &error))?;
        if now != edit.old.as_bytes() {
            let shown = show(&edit.path);
            let changed = Failure::new(format!(
                "nothing was written: `{shown}` was changed meanwhile"
            ));
            return Err(changed.help("run it again"));
        }
    }
    if interrupted.load(Ordering::SeqCst) {
        return Ok(false);
    }
    let all = waiting.len();
    for (done, (from, real, edit)) in waiting.into_iter().enumerate() {
        from.persist(&real).map_err(|error| {
            let shown = show(&edit.path);
            Failure::new(format!(
                "cannot put `{shown}` into place: {}; {done} of {all} files were written",
                error.error
            ))
        })?;
        let folder = real.parent().unwrap_or(Path::new("."));
        // A rename is lasting once its folder is on the disk. Not every system can do that.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(true)
}

fn failed(edit: &Edit, error: &io::Error) -> Failure {
    let shown = show(&edit.path);
    Failure::new(format!(
        "nothing was written: cannot write `{shown}`: {error}"
    ))
}

/// Writes the new text under a name of its own beside its place, with the owner and the rights of the old one.
fn beside(edit: &Edit, real: &Path) -> io::Result<TempPath> {
    let old = fs::metadata(real)?;
    let rights = old.permissions();
    // A rename would not ask.
    if rights.readonly() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it may not be written",
        ));
    }
    let folder = real.parent().unwrap_or(Path::new("."));
    let mut options = tempfile::Builder::new();
    options.prefix(WAITING.0).suffix(WAITING.1);
    let mut out = options.tempfile_in(folder)?;
    out.write_all(edit.new.as_bytes())?;
    keep_owner(out.as_file(), &old);
    out.as_file().set_permissions(rights)?;
    // A full disk may be told only now.
    out.as_file().sync_all()?;
    Ok(out.into_temp_path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: PathBuf, old: &str) -> Edit {
        Edit {
            path,
            old: old.to_owned(),
            new: "new".to_owned(),
        }
    }

    /// Only root may give a file away, and root's edit is not to take one.
    #[cfg(unix)]
    #[test]
    fn a_file_stays_its_owners() {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("one.zd");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let given = std::os::unix::fs::chown(&file, Some(4321), Some(4322)).is_ok();
        let before = fs::metadata(&file).unwrap();
        assert!(!given || before.uid() == 4321);
        assert!(rewrite(&[edit(file.clone(), "old")]).unwrap());
        let after = fs::metadata(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        let of = |found: &fs::Metadata| (found.uid(), found.gid(), found.mode());
        assert_eq!(of(&after), of(&before));
    }

    /// Two files, of which somebody has changed the second.
    #[test]
    fn what_changed_meanwhile_is_left_and_so_is_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one.zd"), folder.path().join("two.zd"));
        fs::write(&one, "old").unwrap();
        fs::write(&two, "edited").unwrap();
        let both = [edit(one.clone(), "old"), edit(two.clone(), "old")];
        let failure = rewrite(&both).unwrap_err().to_string();
        assert!(failure.contains("was changed meanwhile"), "{failure}");
        assert_eq!(fs::read_to_string(&one).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        fs::write(&two, "old").unwrap();
        assert!(rewrite(&both).unwrap());
        assert_eq!(fs::read_to_string(&two).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        fs::remove_file(&one).unwrap();
        assert!(rewrite(&[edit(one, "old")]).is_err());
    }
}
