//! Writing: everything beside its place first, then all of it into place. Until the first rename
//! nothing has changed, and whatever fails before leaves nothing behind.

use super::compare::{Found, Plan, Planned, is_script};
use crate::cli::Failure;
use crate::cli::project::show;
use crate::diagnostics::render::escape_line;
use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempPath;

/// How the name of a file begins and ends that waits to be put into its place.
pub(super) const WAITING: (&str, &str) = (".zdc-", ".tmp");

/// How many wait for the disk at once.
const MAX_WAITERS: usize = 16;
/// The fewest files that one of them waits for.
const MIN_SHARE: usize = 8;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// The folder is as it should be.
    Done {
        /// Files that were made or replaced.
        wrote: usize,
        /// Files that were right already.
        unchanged: usize,
        /// Files that are gone.
        removed: usize,
    },
    /// A signal came in time; nothing was changed.
    Interrupted,
}

/// Makes the output folder what it should be.
///
/// # Errors
/// A file is not zdc's to overwrite (unless `force`), or cannot be written.
pub(crate) fn write(plan: &Plan, folder: &Path, force: bool) -> Result<Written, Failure> {
    refuse(&plan.files, folder, force)?;
    let due: Vec<&Planned> = plan
        .files
        .iter()
        .filter(|file| !matches!(file.found, Found::Same))
        .collect();
    let unchanged = plan.files.len() - due.len();
    if !due.is_empty() || !plan.extra.is_empty() {
        let interrupted = watch_signals()?;
        // Dropped last: the folders made here go only after the files in them.
        let mut made = MadeFolders::default();
        let mut waiting = Vec::with_capacity(due.len());
        for file in &due {
            waiting.push((beside(file, &mut made)?, *file));
            if interrupted.load(Ordering::SeqCst) {
                return Ok(Written::Interrupted);
            }
        }
        settle(&waiting)?;
        if interrupted.load(Ordering::SeqCst) {
            return Ok(Written::Interrupted);
        }
        into_place(waiting)?;
        made.keep();
        remove(plan, folder)?;
    }
    Ok(Written::Done {
        wrote: due.len(),
        unchanged,
        removed: plan.extra.len(),
    })
}

/// Refuses to overwrite what is not zdc's, naming all of it.
fn refuse(files: &[Planned], folder: &Path, force: bool) -> Result<(), Failure> {
    let refused: Vec<String> = files
        .iter()
        .filter_map(|file| match &file.found {
            Found::Blocked(why) => Some((file, (*why).to_owned())),
            Found::Theirs(_, why) if !force => Some((file, (*why).to_owned())),
            Found::Another(_, source) if !force => {
                Some((file, format!("written from `{}`", escape_line(source))))
            }
            _ => None,
        })
        .map(|(file, why)| format!("\n  {}: {why}", show(&file.path)))
        .collect();
    if refused.is_empty() {
        return Ok(());
    }
    let (count, s) = (refused.len(), if refused.len() == 1 { "" } else { "s" });
    let failure = Failure::new(format!(
        "nothing was written: {count} file{s} in {} would be lost{}",
        show(folder),
        refused.concat()
    ));
    Err(failure.help(way_out(files)))
}

/// What to do where files are not zdc's to overwrite.
fn way_out(files: &[Planned]) -> &'static str {
    let any = |is: fn(&Found) -> bool| files.iter().any(|file| is(&file.found));
    if any(|found| matches!(found, Found::Blocked(_))) {
        "move what stands in the way, or choose another folder with --out"
    } else if any(|found| matches!(found, Found::Another(..))) {
        "give each program a folder of its own with --out, or overwrite them with --force"
    } else {
        "move what you changed into the source, or overwrite it with --force"
    }
}

/// Why a build would not write: what to do first.
pub(crate) fn held_back(plan: &Plan) -> Option<&'static str> {
    let is_held = |file: &Planned| {
        matches!(
            file.found,
            Found::Blocked(_) | Found::Another(..) | Found::Theirs(..)
        )
    };
    plan.files.iter().any(is_held).then(|| way_out(&plan.files))
}

/// Set by SIGINT, SIGTERM and, where a terminal is closed, SIGHUP, from now on. Before this they end the program at once, which is
/// right as long as there is nothing to clean up.
pub(super) fn watch_signals() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&flag))
            .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    }
    // Beyond a limit of a file's size the write fails then (setrlimit(2), RLIMIT_FSIZE), which is told and cleaned up
    // after; by itself the signal ends the program.
    #[cfg(unix)]
    for (signal, flag) in [
        (signal_hook::consts::SIGHUP, Arc::clone(&flag)),
        (signal_hook::consts::SIGXFSZ, Arc::default()),
    ] {
        signal_hook::flag::register(signal, flag)
            .map_err(|error| Failure::new(format!("cannot watch for signals: {error}")))?;
    }
    Ok(flag)
}

/// Writes a file under a name of its own beside its place.
fn beside(file: &Planned, made: &mut MadeFolders) -> Result<TempPath, Failure> {
    let failed = |error: &io::Error| unwritable(file, error);
    let folder = file.path.parent().unwrap_or(Path::new(""));
    made.make(folder).map_err(|error| failed(&error))?;
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut options = tempfile::Builder::new();
    options.prefix(WAITING.0).suffix(WAITING.1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if is_script(&file.text) { 0o755 } else { 0o644 };
        // The user's mask takes its part of it.
        options.permissions(fs::Permissions::from_mode(mode));
    }
    let mut out = options
        .tempfile_in(folder)
        .map_err(|error| failed(&error))?;
    out.write_all(file.text.as_bytes())
        .map_err(|error| failed(&error))?;
    if let Ok(old) = fs::symlink_metadata(&file.path) {
        keep_owner(out.as_file(), &old);
    }
    // Closed, so that a fleet of files does not hold a fleet of descriptors.
    Ok(out.into_temp_path())
}

/// Gives a file to whom the one belongs that it replaces, which root alone may do; another's is the writer's from now on.
pub(super) fn keep_owner(file: &File, old: &Metadata) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        let is_same = file
            .metadata()
            .is_ok_and(|new| (new.uid(), new.gid()) == (old.uid(), old.gid()));
        if !is_same && fchown(file, Some(old.uid()), Some(old.gid())).is_err() {
            // Its group may be one of the writer's.
            let _ = fchown(file, None, Some(old.gid()));
        }
    }
    #[cfg(not(unix))]
    {
        let _ = (file, old);
    }
}

/// Waits until every file is on the disk: a full disk may be told only then. Several wait at once,
/// since a file system takes down together what it is asked at the same time.
fn settle(waiting: &[(TempPath, &Planned)]) -> Result<(), Failure> {
    let settle = |part: &[(TempPath, &Planned)]| {
        part.iter().try_for_each(|(path, file)| {
            let synced = File::open(path).and_then(|file| file.sync_all());
            synced.map_err(|error| unwritable(file, &error))
        })
    };
    let size = waiting.len().div_ceil(MAX_WAITERS).max(MIN_SHARE);
    if waiting.len() <= size {
        return settle(waiting);
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> = waiting
            .chunks(size)
            .map(|part| scope.spawn(move || settle(part)))
            .collect();
        parts.into_iter().try_for_each(|part| {
            let lost = |_| Failure::new("nothing was written: a file did not reach the disk");
            part.join().map_err(lost)?
        })
    })
}

fn unwritable(file: &Planned, error: &io::Error) -> Failure {
    let shown = show(&file.path);
    Failure::new(format!(
        "nothing was written: cannot write `{shown}`: {error}"
    ))
}

/// Renames every file into place.
fn into_place(waiting: Vec<(TempPath, &Planned)>) -> Result<(), Failure> {
    let all = waiting.len();
    let mut folders = BTreeSet::new();
    for (done, (from, file)) in waiting.into_iter().enumerate() {
        from.persist(&file.path).map_err(|error| {
            Failure::new(format!(
                "cannot put `{}` into place: {}; {done} of {all} files were written",
                show(&file.path),
                error.error
            ))
        })?;
        folders.extend(file.path.parent());
    }
    for folder in folders {
        // A rename is lasting once its folder is on the disk. Not every system can do that; the
        // files are there either way.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// Removes what is no longer written, and the folders that it leaves empty.
fn remove(plan: &Plan, folder: &Path) -> Result<(), Failure> {
    for extra in &plan.extra {
        match fs::remove_file(&extra.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let shown = show(&extra.path);
                return Err(Failure::new(format!("cannot remove `{shown}`: {error}")));
            }
            _ => {}
        }
        let above = extra.path.ancestors().skip(1);
        for above in above.take_while(|above| *above != folder && above.starts_with(folder)) {
            // Fails where it is not empty, which is what is wanted.
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Folders that were made; they go again unless the work succeeds.
#[derive(Debug, Default)]
struct MadeFolders {
    made: Vec<PathBuf>,
    there: BTreeSet<PathBuf>,
}

impl MadeFolders {
    /// Makes a folder and those above it.
    fn make(&mut self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() || self.there.contains(folder) {
            return Ok(());
        }
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|above| !above.as_os_str().is_empty() && !above.is_dir())
            .collect();
        for above in missing.into_iter().rev() {
            match fs::create_dir(above) {
                Ok(()) => self.made.push(above.to_path_buf()),
                // Another build was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && above.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        self.there.insert(folder.to_path_buf());
        Ok(())
    }

    fn keep(&mut self) {
        self.made.clear();
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // Fails where another build has put something into it, which then stays.
            let _ = fs::remove_dir(folder);
        }
    }
}
