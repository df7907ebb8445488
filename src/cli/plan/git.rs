//! A revision as a compilation sees it: files under one root in git's tree. The working tree is
//! neither read nor touched.

use super::blobs::{Blob, Blobs};
use super::checkout::Checkout;
use super::documents::is_named_so;
use crate::cli::Failure;
use crate::cli::project::{MAIN, show};
use crate::diagnostics::render::escape_line;
use crate::source::{LoadError, MAX_SOURCE_BYTES, Str, World, join_path};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The most links that lead from one to the next.
const MOST_LINKS: usize = 16;

/// A revision's tree.
#[derive(Debug)]
pub(super) struct Tree {
    revision: String,
    /// By path in the repository.
    entries: BTreeMap<String, Entry>,
    folder: PathBuf,
    blobs: Blobs,
    /// Asked once, when the first file is read.
    checkout: OnceLock<Option<Checkout>>,
}

/// A file of a tree.
#[derive(Clone, Debug)]
struct Entry {
    kind: Kind,
    object: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Link,
    /// Another repository.
    Module,
}

/// Opens a revision of the repository that a path is in.
///
/// # Errors
/// There is no git, no repository, or no such revision.
pub(super) fn open(revision: &str, path: &Path) -> Result<Tree, Failure> {
    let folder = nearest_folder(path);
    let commit = format!("{revision}^{{commit}}");
    // What looks like an option is none.
    let words = [
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        &commit,
    ];
    let commit = run(&folder, &words).map_err(|failure| match failure.help {
        // Git said why: it is not about the revision.
        Some(_) => failure,
        None => Failure::new(format!("there is no revision `{}`", escape_line(revision))).help(
            if revision == "HEAD" {
                "nothing is committed yet: commit what is deployed, or name two files, `zdc plan old.zd new.zd`; a first deploy is `zdc plan /dev/null new.zd`"
            } else if is(&folder, "--is-shallow-repository") {
                "this clone has the newest commits alone: `git fetch --unshallow --tags origin '+refs/heads/*:refs/remotes/origin/*'` gets \
                 the others; in GitHub Actions `fetch-depth: 0` of `actions/checkout` does"
            } else {
                "name a commit, a branch or a tag; or a file or folder that exists"
            },
        ),
    })?;
    let commit = text(commit)?.trim().to_owned();
    let words = ["ls-tree", "-r", "-z", "--full-tree", &commit];
    let listing = run(&folder, &words)?;
    let entries = listing.split(|byte| *byte == 0).filter_map(entry).collect();
    Ok(Tree {
        blobs: Blobs::of(folder.clone()),
        checkout: OnceLock::new(),
        folder,
        revision: revision.to_owned(),
        entries,
    })
}

impl Tree {
    /// The program that a path names, or the folder of manifests: its path in the repository.
    pub(super) fn main(&self, path: &Path) -> Result<PathBuf, Failure> {
        let path = path_of(path)?;
        let below = match path.as_str() {
            "" => MAIN.to_owned(),
            path => format!("{path}/{MAIN}"),
        };
        if self.entries.contains_key(&path) {
            return Ok(path.into());
        }
        if self.entries.contains_key(&below) {
            return Ok(below.into());
        }
        let folder = format!("{path}/");
        if self.entries.keys().any(|known| known.starts_with(&folder)) {
            return Ok(path.into());
        }
        let revision = escape_line(&self.revision);
        let failure = Failure::new(format!(
            "there is no `{}` in `{revision}`",
            escape_line(&path)
        ));
        let is_program = |path: &&String| Path::new(path).file_name() == Some(MAIN.as_ref());
        Err(match self.entries.keys().find(is_program) {
            Some(there) => failure.help(format!(
                "it has `{}`: say so, `zdc plan {revision}:path/to/{MAIN} path/to/{MAIN}`, with paths from here",
                escape_line(there)
            )),
            None => failure.help(format!(
                "name the program: `zdc plan {revision}:path/to/old.zd path/to/{MAIN}`"
            )),
        })
    }

    /// The programs, and what they import, by path in the repository.
    pub(super) fn programs(&self) -> impl Iterator<Item = &str> {
        let paths = self.entries.keys().map(String::as_str);
        paths.filter(|path| Path::new(path).extension() == Some("zd".as_ref()))
    }

    /// Whether it has a file of this path in the repository.
    pub(super) fn has(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// Every file of a folder, or the one file, with its text, by path from there.
    pub(super) fn files_below(&self, path: &str) -> Result<BTreeMap<String, String>, Failure> {
        let folder = format!("{path}/");
        let mut files = BTreeMap::new();
        for (known, entry) in &self.entries {
            let inside = match known.strip_prefix(&folder) {
                Some(inside) => inside,
                None if known == path => path.rsplit('/').next().unwrap_or(path),
                None => continue,
            };
            let (known, entry) = match self.followed(known, entry)? {
                Ok(found) => found,
                Err(dead) if dead.is_told(inside) => {
                    return Err(dead.failure(&self.revision, known));
                }
                Err(_) => continue,
            };
            if entry.kind != Kind::File {
                continue;
            }
            let text = match self.blob(known, entry)? {
                Blob::Bytes(bytes) => String::from_utf8(bytes).ok(),
                Blob::TooLarge(_) => None,
            };
            files.extend(text.map(|text| (inside.to_owned(), text)));
        }
        Ok(files)
    }

    /// Why nothing is read of a path that is a link.
    pub(super) fn why_unread(&self, path: &str) -> Option<String> {
        let (path, entry) = self.entries.get_key_value(path)?;
        let followed = self.followed(path, entry).ok()?;
        followed.err().map(|dead| dead.why())
    }

    /// The file that a link leads to in the tree, as it would be read where the tree is checked out.
    fn followed<'t>(
        &'t self,
        path: &'t str,
        entry: &'t Entry,
    ) -> Result<Result<(&'t str, &'t Entry), Dead>, Failure> {
        let (mut path, mut entry) = (path, entry);
        for _ in 0..MOST_LINKS {
            if entry.kind != Kind::Link {
                return Ok(Ok((path, entry)));
            }
            let Blob::Bytes(target) = self.blobs.blob(&entry.object)? else {
                return Ok(Err(Dead::Nowhere));
            };
            let Ok(target) = String::from_utf8(target) else {
                return Ok(Err(Dead::Nowhere));
            };
            let Some(full) = join_path(path, &target) else {
                let out = Dead::Outside(target);
                return Ok(Err(out));
            };
            let folder = format!("{full}/");
            (path, entry) = match self.entries.get_key_value(&full) {
                Some((path, entry)) => (path, entry),
                None if self.entries.keys().any(|it| it.starts_with(&folder)) => {
                    return Ok(Err(Dead::Folder));
                }
                None => return Ok(Err(Dead::Nowhere)),
            };
        }
        Ok(Err(Dead::Nowhere))
    }

    /// What a file of the tree holds, as it is checked out.
    fn blob(&self, path: &str, entry: &Entry) -> Result<Blob, Failure> {
        let checkout = self.checkout.get_or_init(|| {
            let mut paths = self.entries.keys().map(String::as_str);
            let attributes = self.entries.iter();
            let attributes =
                attributes.filter(|(path, _)| path.rsplit('/').next() == Some(ATTRIBUTES));
            let attributes: Vec<(&str, &str)> = attributes
                .map(|(path, entry)| (path.as_str(), entry.object.as_str()))
                .collect();
            // Without one in the tree nobody who clones it has its files converted, and git need not be asked.
            (!attributes.is_empty()).then(|| Checkout::of(&self.folder, &attributes, &mut paths))?
        });
        let checkout = checkout
            .as_ref()
            .filter(|checkout| entry.kind == Kind::File && checkout.converts(path));
        let Some(checkout) = checkout else {
            return self.blobs.blob(&entry.object);
        };
        let bytes = checkout.bytes(&entry.object, path)?;
        Ok(match bytes.len() as u64 {
            size if size > MAX_SOURCE_BYTES => Blob::TooLarge(size),
            _ => Blob::Bytes(bytes),
        })
    }
}

/// A link of which nothing is read.
enum Dead {
    /// It leads out of the repository, to what is in no revision.
    Outside(String),
    Folder,
    Nowhere,
}

impl Dead {
    /// Whether it is in the way of a plan, as on disk: a file that is called as one of manifests, or a folder; but none that is hidden.
    fn is_told(&self, inside: &str) -> bool {
        let is_hidden = inside.split('/').any(|name| name.starts_with('.'));
        !is_hidden && (is_named_so(inside) || matches!(self, Self::Folder))
    }

    fn why(&self) -> String {
        match self {
            Self::Outside(target) => format!(
                "it is a link to `{}`, which is outside of the repository",
                escape_line(target)
            ),
            Self::Folder => "it is a link to a folder, which nobody follows".to_owned(),
            Self::Nowhere => "it is a link to what is not there".to_owned(),
        }
    }

    fn failure(&self, revision: &str, path: &str) -> Failure {
        let shown = escape_line(&format!("{revision}:{path}")).into_owned();
        let failure = Failure::new(format!("cannot read `{shown}`: {}", self.why()));
        failure.help(match self {
            Self::Outside(_) => "no revision has what it leads to: compare two folders of the disk",
            Self::Folder => "name the folder itself, or put the files here",
            Self::Nowhere => "put the file there, or take the link away",
        })
    }
}

/// The file that says how files are checked out (`gitattributes(5)`).
const ATTRIBUTES: &str = ".gitattributes";

/// The folder on disk that the paths of a repository are told from.
pub(super) fn top(path: &Path) -> Option<PathBuf> {
    let top = run(&nearest_folder(path), &["rev-parse", "--show-toplevel"]).ok()?;
    let top = String::from_utf8(top).ok()?;
    Some(PathBuf::from(top.trim_end_matches('\n')))
}

/// A path on disk as a path in the repository that it is in.
pub(super) fn path_of(path: &Path) -> Result<String, Failure> {
    let folder = nearest_folder(path);
    let rest = path.strip_prefix(&folder).unwrap_or(path);
    // Without a working tree paths are those of the repository.
    let prefix = match run(&folder, &["rev-parse", "--show-prefix"]) {
        Err(_) if is(&folder, "--is-bare-repository") => String::new(),
        prefix => text(prefix?)?,
    };
    let parts = prefix.trim_end_matches('\n').split('/');
    let parts = parts.filter(|part| !part.is_empty());
    let mut parts: Vec<String> = parts.map(ToOwned::to_owned).collect();
    for part in rest.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::CurDir => {}
            _ => {
                return Err(Failure::new(format!(
                    "`{}` is no path in the repository",
                    show(path)
                )));
            }
        }
    }
    Ok(parts.join("/"))
}

/// The nearest folder on disk above a path, or the path itself.
fn nearest_folder(path: &Path) -> PathBuf {
    let mut folder = path;
    while !folder.is_dir() {
        match folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => folder = parent,
            _ => return PathBuf::from("."),
        }
    }
    folder.to_path_buf()
}

/// A line of `ls-tree`: mode, type and object, then the path.
fn entry(line: &[u8]) -> Option<(String, Entry)> {
    let line = std::str::from_utf8(line).ok()?;
    let (head, path) = line.split_once('\t')?;
    let mut words = head.split_ascii_whitespace();
    let kind = match words.next()? {
        "120000" => Kind::Link,
        "160000" => Kind::Module,
        _ => Kind::File,
    };
    let object = words.nth(1)?.to_owned();
    Some((path.to_owned(), Entry { kind, object }))
}

/// What git says to some words.
pub(super) fn run(folder: &Path, words: &[&str]) -> Result<Vec<u8>, Failure> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(words).env("LC_ALL", "C");
    let output = git.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            Failure::new("there is no `git` on this machine, and a revision is asked for")
                .help("name two files or folders instead: `zdc plan old/app.zd new/app.zd`")
        }
        _ => Failure::new(format!("cannot run git: {error}")).help("is it installed?"),
    })?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    match said.trim() {
        "" => Err(Failure::new("git found nothing")),
        // It names the folder, and the command that makes it yours (git setup.c, `ensure_valid_ownership`).
        said if said.contains(DUBIOUS) => {
            let mut lines = said.lines().map(str::trim);
            let first = lines.next().unwrap_or(said);
            let command = lines.find(|line| line.starts_with("git config"));
            Err(
                Failure::new(format!("git: {}", escape_line(first))).help(format!(
                    "the repository is another user's: where you trust it, `{}`",
                    escape_line(
                        command.unwrap_or("git config --global --add safe.directory FOLDER")
                    )
                )),
            )
        }
        said => Err(Failure::new(format!("git: {}", escape_line(said)))
            .help("name two files or folders instead: `zdc plan old/app.zd new/app.zd`")),
    }
}

/// How git says that a repository is another user's.
const DUBIOUS: &str = "detected dubious ownership";

/// What git says to a question about a repository that is answered by yes or no.
pub(super) fn is(folder: &Path, question: &str) -> bool {
    run(folder, &["rev-parse", question]).is_ok_and(|said| said.trim_ascii() == b"true")
}

fn text(bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| Failure::new("git named a path that is not UTF-8"))
}

/// The files under a folder of a revision.
#[derive(Debug)]
pub(super) struct GitWorld {
    tree: Tree,
    root: String,
}

impl GitWorld {
    /// The files under `root`, a path in the repository.
    pub(super) fn new(tree: Tree, root: String) -> Self {
        Self { tree, root }
    }

    /// The file that a path leads to, its links followed within the root.
    fn find(&self, path: &str) -> Result<(&str, &Entry), LoadError> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let full = match self.root.as_str() {
                "" => path.clone(),
                root => format!("{root}/{path}"),
            };
            let Some((full, entry)) = self.tree.entries.get_key_value(&full) else {
                let folder = format!("{full}/");
                let is_folder = self.tree.entries.keys().any(|it| it.starts_with(&folder));
                let mut above = full
                    .match_indices('/')
                    .filter_map(|(end, _)| full.get(..end));
                let module = above.find(|folder| {
                    let entry = self.tree.entries.get(*folder);
                    entry.is_some_and(|entry| entry.kind == Kind::Module)
                });
                return Err(match module {
                    Some(module) => LoadError::Io(format!(
                        "`{module}` is a submodule there, whose files are in another repository"
                    )),
                    None if is_folder => LoadError::NotAFile,
                    None => LoadError::NotFound,
                });
            };
            match entry.kind {
                Kind::File => return Ok((full, entry)),
                Kind::Module => return Err(LoadError::NotAFile),
                Kind::Link => {}
            }
            let target = self.bytes(full, entry)?;
            let target = String::from_utf8(target).map_err(|_| LoadError::NotFound)?;
            path = join_path(&path, &target).ok_or(LoadError::OutsideRoot)?;
        }
        Err(LoadError::Io(
            "too many levels of symbolic links".to_owned(),
        ))
    }

    fn bytes(&self, path: &str, entry: &Entry) -> Result<Vec<u8>, LoadError> {
        match self.tree.blob(path, entry) {
            Ok(Blob::Bytes(bytes)) => Ok(bytes),
            Ok(Blob::TooLarge(bytes)) => Err(LoadError::TooLarge { bytes }),
            Err(failure) => Err(LoadError::Io(failure.message)),
        }
    }
}

impl World for GitWorld {
    fn load(&self, path: &str) -> Result<Str, LoadError> {
        let (path, entry) = self.find(path)?;
        let text =
            String::from_utf8(self.bytes(path, entry)?).map_err(|error| LoadError::NotUtf8 {
                offset: error.utf8_error().valid_up_to(),
            })?;
        Ok(text.into())
    }
}
