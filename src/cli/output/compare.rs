//! What is in the output folder beside what should be.

use super::Destination;
use super::stamp::{Origin, origin, stamped};
use crate::certificate;
use crate::cli::Failure;
use crate::cli::project::show;
use crate::targets::Artifact;
use crate::vocabulary::TargetId;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A larger file was not written by zdc; it is not read.
const MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Folders within folders that are looked into for what is no longer written.
const MAX_DEPTH: usize = 8;

/// How long a file waits at most to be put into its place. A build that is killed leaves its own behind.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// What would be done to the output folder.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What should be there, in the order of its targets.
    pub(crate) files: Vec<Planned>,
    /// Files of an earlier build that are no longer written, sorted; and what one has left that was killed.
    pub(crate) extra: Vec<Extra>,
    /// Files that are no longer written but were edited, sorted: they stay.
    pub(crate) kept: Vec<PathBuf>,
}

/// A file that should be there.
#[derive(Debug)]
pub(crate) struct Planned {
    /// Where.
    pub(crate) path: PathBuf,
    /// With its mark.
    pub(crate) text: String,
    /// What is there now.
    pub(crate) found: Found,
}

/// A file that should not be there.
#[derive(Debug)]
pub(crate) struct Extra {
    /// Where.
    pub(crate) path: PathBuf,
    /// What it holds.
    pub(crate) bytes: Vec<u8>,
}

/// What is where a file should be.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing.
    Missing,
    /// The very same file.
    Same,
    /// The same file, but nobody may execute it, as it is meant to be.
    Unexecutable,
    /// A file that zdc wrote.
    Stale(Vec<u8>),
    /// A file that zdc wrote from another source, which is there: its name.
    Another(Vec<u8>, String),
    /// A file that is not zdc's to overwrite: why.
    Theirs(Vec<u8>, &'static str),
    /// Something that cannot be a file even when asked for: why.
    Blocked(&'static str),
}

/// Compares the output folder with what was compiled.
///
/// # Errors
/// What is there cannot be read.
pub(crate) fn plan(artifacts: &[Artifact], to: &Destination<'_>) -> Result<Plan, Failure> {
    if fs::metadata(to.folder).is_ok_and(|found| !found.is_dir()) {
        return Err(
            Failure::new(format!("`{}` is not a folder", show(to.folder)))
                .help("name another one with --out"),
        );
    }
    let mut files = Vec::with_capacity(artifacts.len());
    let mut checked = BTreeSet::new();
    let mut sources = BTreeMap::new();
    for artifact in artifacts {
        let path = to.folder.join(inside(&artifact.path)?);
        let text = stamped(artifact, to.source);
        let blocked = blocked_above(to.folder, &path, &mut checked)?;
        let found = match blocked {
            Some(why) => Found::Blocked(why),
            None => own(look(&path, &text)?, to, &mut sources),
        };
        files.push(Planned { path, text, found });
    }
    let expected: BTreeSet<&Path> = files.iter().map(|file| file.path.as_path()).collect();
    let (mut extra, mut kept) = (left_behind(to.folder)?, Vec::new());
    // A target that the program is for no more leaves its folder.
    let cleared = if to.whole { TargetId::ALL } else { to.targets };
    for target in cleared {
        let (more, edited) = no_longer_written(*target, to, &expected)?;
        extra.extend(more);
        kept.extend(edited);
    }
    if to.whole {
        for name in [certificate::PAGE, certificate::RECORD] {
            let path = to.folder.join(name);
            if !expected.contains(path.as_path()) {
                let (more, edited) = left_over(path, to.source)?;
                extra.extend(more);
                kept.extend(edited);
            }
        }
    }
    Ok(Plan { files, extra, kept })
}

/// A path that stays where it is put; targets give no other.
fn inside(path: &str) -> Result<&Path, Failure> {
    let path = Path::new(path);
    let mut parts = path.components();
    if parts.clone().next().is_some() && parts.all(|part| matches!(part, Component::Normal(_))) {
        return Ok(path);
    }
    Err(Failure::new(format!(
        "`{}` would leave the output folder",
        show(path)
    )))
}

/// Why a file cannot be written at a path: one of its folders below the output folder is none.
fn blocked_above<'a>(
    folder: &Path,
    path: &'a Path,
    checked: &mut BTreeSet<PathBuf>,
) -> Result<Option<&'static str>, Failure> {
    let above: Vec<&'a Path> = path
        .ancestors()
        .skip(1)
        .take_while(|above| *above != folder && !above.as_os_str().is_empty())
        .collect();
    for above in above.into_iter().rev() {
        if checked.contains(above) {
            continue;
        }
        match metadata(above)? {
            None => return Ok(None),
            Some(found) if found.is_symlink() => {
                return Ok(Some("its folder is a symbolic link, which is not followed"));
            }
            Some(found) if !found.is_dir() => {
                return Ok(Some("a file stands where its folder must be"));
            }
            Some(_) => {
                checked.insert(above.to_path_buf());
            }
        }
    }
    Ok(None)
}

/// Whether a file is meant to be executed.
pub(super) fn is_script(text: &str) -> bool {
    text.starts_with("#!")
}

/// Whether its owner may: whatever the user's mask takes, it leaves that. Only where files have modes.
fn may_be_executed(found: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        found.permissions().mode() & 0o100 != 0
    }
    #[cfg(not(unix))]
    {
        let _ = found;
        true
    }
}

fn look(path: &Path, text: &str) -> Result<Found, Failure> {
    let Some(found) = metadata(path)? else {
        return Ok(Found::Missing);
    };
    if found.is_symlink() {
        return Ok(Found::Blocked(
            "a symbolic link stands there, which is not followed",
        ));
    }
    if found.is_dir() {
        return Ok(Found::Blocked("a folder stands there"));
    }
    if !found.is_file() {
        return Ok(Found::Blocked(
            "something that is no regular file stands there",
        ));
    }
    let Some(bytes) = read(path)? else {
        return Ok(Found::Theirs(Vec::new(), "not written by zdc"));
    };
    if bytes == text.as_bytes() {
        return Ok(if is_script(text) && !may_be_executed(&found) {
            Found::Unexecutable
        } else {
            Found::Same
        });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(match origin(&name, &bytes) {
        Origin::Ours(Some(source)) => Found::Another(bytes, source),
        Origin::Ours(None) => Found::Stale(bytes),
        Origin::Edited(_) => Found::Theirs(bytes, "edited since zdc wrote it"),
        Origin::Foreign => Found::Theirs(bytes, "not written by zdc"),
    })
}

/// What was written from another source is that one's as long as it is there: a source may have another name now.
fn own(found: Found, to: &Destination<'_>, sources: &mut BTreeMap<String, bool>) -> Found {
    let Found::Another(bytes, source) = found else {
        return found;
    };
    let is_there = |sources: &mut BTreeMap<String, bool>| {
        let known = sources.entry(source.clone());
        *known.or_insert_with(|| (to.is_source)(&source))
    };
    if source != to.source && is_there(sources) {
        Found::Another(bytes, source)
    } else {
        Found::Stale(bytes)
    }
}

/// The files of a target's folder that zdc wrote from this source and that are not expected; and
/// those of them that were edited.
fn no_longer_written(
    target: TargetId,
    to: &Destination<'_>,
    expected: &BTreeSet<&Path>,
) -> Result<(Vec<Extra>, Vec<PathBuf>), Failure> {
    let (mut others, mut waiting) = (Vec::new(), Vec::new());
    walk(&to.folder.join(target.word()), 0, &mut |path| {
        if is_waiting(&path) {
            waiting.push(path);
        } else if !expected.contains(path.as_path()) {
            others.push(path);
        }
    })?;
    others.sort();
    let (mut unsigned, mut kept) = (Vec::new(), Vec::new());
    let mut extra = abandoned(waiting)?;
    // A hash in a name does not tell the source. Where another source's files stand in the folder
    // it may be that one's, and stays.
    let mut shared = false;
    for path in others {
        let Some(bytes) = read(&path)? else {
            continue;
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match origin(&name, &bytes) {
            Origin::Ours(Some(source)) if source == to.source => extra.push(Extra { path, bytes }),
            Origin::Ours(None) => unsigned.push(Extra { path, bytes }),
            Origin::Edited(source) if source == to.source => kept.push(path),
            Origin::Ours(Some(_)) | Origin::Edited(_) => shared = true,
            Origin::Foreign => {}
        }
    }
    if !shared {
        extra.extend(unsigned);
    }
    extra.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((extra, kept))
}

/// What a build that was killed has left in the output folder itself.
fn left_behind(folder: &Path) -> Result<Vec<Extra>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let paths: Vec<PathBuf> = paths
        .filter(|path| path.as_ref().map_or(true, |path| is_waiting(path)))
        .collect::<io::Result<_>>()
        .map_err(|error| unreadable(folder, &error))?;
    abandoned(paths)
}

/// Those of the files that wait which no build puts into their place any more.
fn abandoned(waiting: Vec<PathBuf>) -> Result<Vec<Extra>, Failure> {
    let now = SystemTime::now();
    let mut extra = Vec::new();
    for path in waiting {
        let found = metadata(&path)?.filter(Metadata::is_file);
        let written = found.and_then(|found| found.modified().ok());
        // One of the future is of another clock, and is left.
        let age = written.and_then(|written| now.duration_since(written).ok());
        if age.is_some_and(|age| age > LONGEST_WAIT) {
            let bytes = read(&path)?.unwrap_or_default();
            extra.push(Extra { path, bytes });
        }
    }
    extra.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(extra)
}

/// A file of the output folder itself that is not expected, where it is this source's; or edited.
fn left_over(path: PathBuf, source: &str) -> Result<(Option<Extra>, Option<PathBuf>), Failure> {
    if !metadata(&path)?.is_some_and(|found| found.is_file()) {
        return Ok((None, None));
    }
    let Some(bytes) = read(&path)? else {
        return Ok((None, None));
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(match origin(&name, &bytes) {
        Origin::Ours(Some(from)) if from == source => (Some(Extra { path, bytes }), None),
        Origin::Edited(from) if from == source => (None, Some(path)),
        Origin::Ours(_) | Origin::Edited(_) | Origin::Foreign => (None, None),
    })
}

/// Every regular file below a folder. Symbolic links are not followed.
fn walk(folder: &Path, depth: usize, visit: &mut impl FnMut(PathBuf)) -> Result<(), Failure> {
    let is_folder = metadata(folder)?.is_some_and(|found| found.is_dir());
    if depth > MAX_DEPTH || !is_folder {
        return Ok(());
    }
    let failed = |error: io::Error| unreadable(folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            walk(&entry.path(), depth + 1, visit)?;
        } else if kind.is_file() {
            visit(entry.path());
        }
    }
    Ok(())
}

/// Whether a file is on its way to its place in another build, or was.
fn is_waiting(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(super::write::WAITING.0) && name.ends_with(super::write::WAITING.1)
}

/// What stands at a path itself; `None` for nothing.
fn metadata(path: &Path) -> Result<Option<Metadata>, Failure> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// A file's bytes; `None` where it is larger than anything zdc writes, or gone.
fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(length) => Ok((length as u64 <= MAX_BYTES).then_some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot read `{}`: {error}", show(path)))
}
