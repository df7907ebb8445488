//! Which two revisions are meant.

use super::git::{self, GitWorld};
use super::manifests::{self, Manifests};
use super::outside;
use crate::cli::Failure;
use crate::cli::project::{MAIN, Project, show};
use crate::diagnostics::render::escape_line;
use crate::source::World;
use crate::targets::Object;
use std::path::{Path, PathBuf};

/// What was asked for.
pub(super) struct Sides<'a> {
    pub(super) old: Option<&'a str>,
    pub(super) new: Option<&'a str>,
    /// The program in a revision.
    pub(super) file: Option<&'a Path>,
    pub(super) root: Option<&'a Path>,
}

/// One side.
pub(super) enum Side {
    /// A program, on disk or in a revision.
    Program {
        world: Box<dyn World>,
        main: String,
        /// What stands before a project path where it is shown.
        shown: String,
        name: String,
    },
    /// Manifests, whoever wrote them.
    Manifests { place: Manifests, name: String },
    /// Nothing: what is deployed is the first.
    Nothing { name: String, why: String },
}

impl Side {
    /// The name of both sides' stack, where each is a single file: they are versions of one.
    pub(super) fn one_stack(old: &Self, new: &Self) -> Option<String> {
        old.single().and_then(|_| new.single())
    }

    /// The name of the one file that it is, where it is manifests.
    pub(super) fn single(&self) -> Option<String> {
        match self {
            Self::Manifests { place, .. } => place.single(),
            Self::Program { .. } | Self::Nothing { .. } => None,
        }
    }

    /// As people call it.
    pub(super) fn name(&self) -> String {
        let (Side::Program { name, .. }
        | Side::Manifests { name, .. }
        | Side::Nothing { name, .. }) = self;
        escape_line(name).into_owned()
    }
}

/// Where a side is.
enum Place<'a> {
    Disk(PathBuf),
    Revision(&'a str, Option<&'a Path>),
}

impl Place<'_> {
    /// One of two that are named, which a range is not.
    fn alone(self, other: &str) -> Result<Self, Failure> {
        match self {
            // Git has no name with two dots in it (git-check-ref-format).
            Self::Revision(range, None) if range.contains("..") => Err(Failure::new(format!(
                "`{}` names two revisions already",
                escape_line(range)
            ))
            .help(format!(
                "name the program beside them: `zdc plan {} --file {}`",
                escape_line(range),
                escape_line(other)
            ))),
            one => Ok(one),
        }
    }
}

impl Sides<'_> {
    /// Finds both.
    ///
    /// # Errors
    /// There is no such file or revision, or no git.
    pub(super) fn open(&self) -> Result<(Side, Side), Failure> {
        let default = || {
            Place::Disk(
                self.file
                    .map_or_else(|| PathBuf::from(MAIN), Path::to_path_buf),
            )
        };
        let (old, new) = match (self.old, self.new) {
            (None, _) => (Place::Revision("HEAD", None), default()),
            (Some(old), Some(new)) => (place(old).alone(new)?, place(new).alone(old)?),
            (Some(one), None) => match (place(one), one.split_once("..")) {
                (Place::Disk(path), _) => (Place::Revision("HEAD", None), Place::Disk(path)),
                (_, Some((_, new))) if new.starts_with('.') => {
                    return Err(Failure::new(format!(
                        "`{}` names no two revisions",
                        escape_line(one)
                    ))
                    .help("write two dots between them: `zdc plan v1.2..v1.3`"));
                }
                (_, Some((old, new))) => (revision(or_head(old)), revision(or_head(new))),
                (revision, None) => (revision, default()),
            },
        };
        if matches!((&old, &new), (Place::Revision(..), Place::Disk(path)) if !path.exists())
            && git::is(Path::new("."), "--is-bare-repository")
        {
            return Err(Failure::new("a bare repository has no working tree")
                .help("name two revisions: `zdc plan HEAD~1..HEAD`"));
        }
        // A revision without a path holds the program that the other side names.
        let named = |place: &Place<'_>| match place {
            Place::Disk(path) if is_program(path) && !is_nothing(path) => Some(path.clone()),
            _ => None,
        };
        let program = self.file.map(Path::to_path_buf);
        let program = program.or_else(|| named(&new)).or_else(|| named(&old));
        let program = program.unwrap_or_else(|| PathBuf::from(MAIN));
        let before = match &old {
            Place::Disk(path) if is_nothing(path) => {
                let name = show(path);
                let why = format!("`{name}` is empty");
                Side::Nothing { name, why }
            }
            _ => match self.side(&old, &program) {
                Ok(side) => side,
                Err(failure) => nothing(&old, &new, &program).ok_or(failure)?,
            },
        };
        Ok((before, self.side(&new, &program)?))
    }

    fn side(&self, place: &Place<'_>, program: &Path) -> Result<Side, Failure> {
        match place {
            Place::Disk(path) if is_program(path) => self.on_disk(path),
            Place::Disk(path) => Ok(Side::Manifests {
                place: Manifests::OnDisk(path.clone()),
                name: show(path),
            }),
            Place::Revision(revision, path) => {
                let path = path.unwrap_or(program);
                self.in_revision(revision, path)
            }
        }
    }

    fn on_disk(&self, path: &Path) -> Result<Side, Failure> {
        let file = Some(path).filter(|path| *path != Path::new(MAIN));
        let project = Project::open(file, self.root)?;
        Ok(Side::Program {
            name: project.main_shown(),
            main: project.main,
            shown: project.shown,
            world: Box::new(project.world),
        })
    }

    fn in_revision(&self, revision: &str, path: &Path) -> Result<Side, Failure> {
        let tree = git::open(revision, path)?;
        let main = tree.main(path)?;
        let name = format!("{revision}:{}", main.display());
        let Some(main) = main.to_str().map(ToOwned::to_owned) else {
            return Err(Failure::new(format!(
                "`{}` is not a name in UTF-8",
                show(path)
            )));
        };
        if Path::new(&main).extension().is_none_or(|it| it != "zd") {
            let mut files = tree.files_below(&main)?;
            let own = main.rsplit('/').next().unwrap_or(&main);
            let is_single = files.len() == 1 && files.contains_key(own);
            let mut unread = Vec::new();
            // What stacks name may stand beside the one file, or outside of the folder.
            for inside in manifests::contents(&files) {
                if files.contains_key(&inside) {
                    continue;
                }
                let path = if is_single {
                    Object::beside(&main, &inside)
                } else {
                    Object::beside(&format!("{main}/."), &inside)
                };
                match tree.files_below(&path)?.into_values().next() {
                    Some(text) => _ = files.insert(inside, text),
                    None => match tree.why_unread(&path) {
                        Some(why) => unread.push(outside::unknown(&inside, &name, &why)),
                        None => unread.extend(outside::told(&inside, &name, "it is not there")),
                    },
                }
            }
            let place = Manifests::Read(files, unread);
            return Ok(Side::Manifests { place, name });
        }
        let root = match self.root {
            Some(root) => git::path_of(root)?,
            None => main
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder)
                .to_owned(),
        };
        let inside = match root.as_str() {
            "" => Some(main.as_str()),
            root => main
                .strip_prefix(root)
                .and_then(|rest| rest.strip_prefix('/')),
        };
        let Some(inside) = inside else {
            return Err(Failure::new(format!(
                "`{main}` is outside the root `{root}`"
            )));
        };
        let shown = match root.as_str() {
            "" => format!("{revision}:"),
            root => format!("{revision}:{root}/"),
        };
        Ok(Side::Program {
            main: inside.to_owned(),
            shown,
            name,
            world: Box::new(GitWorld::new(tree, root)),
        })
    }
}

/// The old side where that is a revision from before the program that the new side names. Where it had a program that is there
/// no more, that may have moved, and this is no first deploy.
fn nothing(old: &Place<'_>, new: &Place<'_>, program: &Path) -> Option<Side> {
    let Place::Revision(revision, path) = old else {
        return None;
    };
    let path = path.unwrap_or(program);
    let wanted = match new {
        Place::Disk(path) => path.as_path(),
        Place::Revision(_, path) => path.unwrap_or(program),
    };
    // Of a path that only one side names nobody knows whether it is meant.
    let in_folder = |path: &Path| path.join(MAIN);
    if path != wanted && path != in_folder(wanted) && in_folder(path) != wanted {
        return None;
    }
    let tree = git::open(revision, path).ok()?;
    let missing = git::path_of(path).ok()?;
    // It may be there, and be what is wrong.
    if tree.main(path).is_ok() {
        return None;
    }
    let mut had = tree.programs();
    let has_moved = match new {
        Place::Disk(_) => {
            let top = git::top(path)?;
            had.any(|file| !top.join(file).exists())
        }
        Place::Revision(revision, _) => {
            let now = git::open(revision, path).ok()?;
            had.any(|file| !now.has(file))
        }
    };
    (!has_moved).then(|| Side::Nothing {
        name: format!("{revision}:{missing}"),
        why: format!("there is no `{missing}` in `{revision}`"),
    })
}

/// Whether nothing is there: an empty folder, or the file that is always empty.
fn is_nothing(path: &Path) -> bool {
    let is_empty = |mut entries: std::fs::ReadDir| entries.next().is_none();
    path == Path::new("/dev/null") || std::fs::read_dir(path).is_ok_and(is_empty)
}

fn or_head(revision: &str) -> &str {
    if revision.is_empty() {
        "HEAD"
    } else {
        revision
    }
}

/// A path that exists is meant as one; else a revision is.
fn place(word: &str) -> Place<'_> {
    let path = Path::new(word);
    // A name that ends so is never a revision, and a better message follows.
    let is_path = std::fs::symlink_metadata(path).is_ok()
        || path.extension().is_some_and(|it| it == "zd") && !word.contains(':');
    if is_path {
        return Place::Disk(path.to_path_buf());
    }
    revision(word)
}

/// What is a revision, whatever files there are: a bare repository has one that is called `HEAD`.
fn revision(word: &str) -> Place<'_> {
    match word.split_once(':') {
        Some((revision, path)) => Place::Revision(revision, Some(Path::new(path))),
        None => Place::Revision(word, None),
    }
}

/// Whether a path on disk is a program or a folder with one, and not manifests.
fn is_program(path: &Path) -> bool {
    if path.is_dir() {
        return path.join(MAIN).exists();
    }
    path.extension()
        .is_none_or(|it| it != "yml" && it != "yaml")
}
