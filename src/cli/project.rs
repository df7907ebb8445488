//! Which program is meant: its main file, its root, and how its paths are shown.

use super::Failure;
use super::arguments::did_you_mean;
use super::disk::{DiskWorld, read_source};
use crate::diagnostics::render::escape_line;
use crate::source::LoadError;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The name of a program's main file, where none is given.
pub(super) const MAIN: &str = "app.zd";

/// A program on disk.
#[derive(Debug)]
pub(super) struct Project {
    /// Its files.
    pub(super) world: DiskWorld,
    /// The main file's project path: `app.zd`.
    pub(super) main: String,
    /// The main file's folder, as the user named it.
    pub(super) folder: PathBuf,
    /// What stands before a project path where it is shown; may be empty.
    pub(super) shown: String,
}

impl Project {
    /// Finds and reads the main file.
    ///
    /// # Errors
    /// There is no such file, it cannot be read, or it lies outside `root`.
    pub(super) fn open(file: Option<&Path>, root: Option<&Path>) -> Result<Self, Failure> {
        let file = main_file(file)?;
        let text = read_source(&file).map_err(|error| unreadable(&file, &error))?;
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or_else(|| Failure::new(format!("`{}` is not a name in UTF-8", show(&file))))?;
        let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
        let (root, main) = match root {
            None => (folder.clone(), name.to_owned()),
            Some(root) => (root.to_path_buf(), within(root, &folder, name)?),
        };
        let shown = prefix(&root);
        // The current folder's own path is empty, which the system does not take.
        let root = if root.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            root
        };
        Ok(Self {
            world: DiskWorld::new(root, main.clone(), text),
            main,
            folder,
            shown,
        })
    }

    /// The main file as the user would name it.
    pub(super) fn main_shown(&self) -> String {
        format!("{}{}", self.shown, self.main)
    }
}

/// A path as it may be printed.
pub(super) fn show(path: &Path) -> String {
    escape_line(&path.to_string_lossy()).into_owned()
}

/// The file that is meant: `app.zd` in the folder that is named, or here.
fn main_file(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(given) = given else {
        let file = PathBuf::from(MAIN);
        return if fs::symlink_metadata(&file).is_ok() {
            Ok(file)
        } else {
            Err(nothing_in(Path::new(".")))
        };
    };
    if !given.is_dir() {
        return Ok(given.to_path_buf());
    }
    let file = given.join(MAIN);
    if fs::symlink_metadata(&file).is_ok() {
        Ok(file)
    } else {
        Err(nothing_in(given))
    }
}

/// The project path of a file that lies in a folder under the root.
fn within(root: &Path, folder: &Path, name: &str) -> Result<String, Failure> {
    let real = |path: &Path| {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        path.canonicalize().map_err(|error| {
            Failure::new(format!("cannot open the folder `{}`: {error}", show(path)))
        })
    };
    let (real_root, real_folder) = (real(root)?, real(folder)?);
    let inside = real_folder.strip_prefix(&real_root).map_err(|_| {
        Failure::new(format!("`{name}` is outside the root `{}`", show(root)))
            .help("name a root that holds the program and all it imports")
    })?;
    let mut parts = Vec::new();
    for part in inside.components() {
        if let Component::Normal(part) = part {
            parts.push(part.to_str().ok_or_else(|| {
                Failure::new(format!("`{}` is not a name in UTF-8", show(inside)))
            })?);
        }
    }
    parts.push(name);
    Ok(parts.join("/"))
}

/// What stands before the paths of files under a root.
fn prefix(root: &Path) -> String {
    let root = root.strip_prefix(".").unwrap_or(root);
    let text = root.to_string_lossy();
    match &*text {
        "" => String::new(),
        text if text.ends_with('/') => text.to_owned(),
        text => format!("{text}/"),
    }
}

fn nothing_in(folder: &Path) -> Failure {
    let here = folder == Path::new(".");
    let place = if here {
        "here".to_owned()
    } else {
        format!("in `{}`", show(folder))
    };
    let failure = Failure::new(format!("there is no `{MAIN}` {place}"));
    match sources_in(folder).first() {
        Some(other) => {
            let path = if here {
                PathBuf::from(other)
            } else {
                folder.join(other)
            };
            failure.help(format!("name the program, `{}`", show(&path)))
        }
        None => failure.help("write a first one with `zdc init`, or name the file"),
    }
}

fn unreadable(file: &Path, error: &LoadError) -> Failure {
    let shown = show(file);
    match error {
        LoadError::NotFound => missing(file),
        LoadError::NotAFile => Failure::new(format!("`{shown}` is not a regular file")),
        LoadError::OutsideRoot => Failure::new(format!("`{shown}` is outside the root")),
        LoadError::TooLarge { bytes } => Failure::new(format!(
            "`{shown}` is too large: {bytes} bytes, of at most {}",
            crate::source::MAX_SOURCE_BYTES
        ))
        .help("split it into modules with `import`, or write what repeats as `for` or `template`"),
        LoadError::NotUtf8 { offset } => {
            Failure::new(format!("`{shown}` is not UTF-8: byte {offset} is not text"))
                .help("save it as UTF-8")
        }
        LoadError::Io(words) => Failure::new(format!("cannot read `{shown}`: {words}")),
    }
}

fn missing(file: &Path) -> Failure {
    let failure = Failure::new(format!("there is no file `{}`", show(file)));
    let folder = file.parent().unwrap_or(Path::new(""));
    let near = sources_in(if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    });
    let name = file.file_name().map(|name| name.to_string_lossy());
    let near = name.and_then(|name| did_you_mean(&name, near.iter().map(String::as_str)));
    match near {
        Some(near) => failure.help(near),
        None => failure,
    }
}

/// The names of a folder's `.zd` files, sorted, at most a thousand.
fn sources_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .take(1000)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "zd")
        })
        .collect();
    names.sort();
    names
}
