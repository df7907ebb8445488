//! Files that a checkout converts: ends of lines, texts of other encodings, Git LFS, git-crypt. What is deployed is what
//! stands in the working tree, so that a revision is read as it would be checked out.

use super::git;
use crate::cli::Failure;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The attributes by which a checkout converts (`gitattributes(5)`, "Checking-out and checking-in").
const ATTRIBUTES: [&str; 4] = ["eol", "filter", "ident", "working-tree-encoding"];

/// What a checkout of a repository converts.
#[derive(Debug)]
pub(super) struct Checkout {
    /// The top of the working tree, which paths are told from.
    top: PathBuf,
    converted: BTreeSet<String>,
}

impl Checkout {
    /// Of the paths of a tree; `None` where nothing is converted, or its attributes, by path and object, are not those of the working tree,
    /// which alone git looks at.
    pub(super) fn of<'p>(
        folder: &Path,
        attributes_of: &[(&str, &str)],
        paths: impl Iterator<Item = &'p str>,
    ) -> Option<Self> {
        // Without a working tree nothing is checked out.
        let top = git::run(folder, &["rev-parse", "--show-toplevel"]).ok()?;
        let top = PathBuf::from(String::from_utf8(top).ok()?.trim_end_matches('\n'));
        let mut words = vec!["hash-object", "--"];
        words.extend(attributes_of.iter().map(|(path, _)| path));
        // One that is not there ends it.
        let there = String::from_utf8(git::run(&top, &words).ok()?).ok()?;
        if !there
            .lines()
            .eq(attributes_of.iter().map(|(_, object)| *object))
        {
            return None;
        }
        let questions: Vec<u8> = paths
            .flat_map(|path| [path.as_bytes(), b"\0"])
            .flatten()
            .copied()
            .collect();
        let said = attributes(&top, questions).ok()?;
        let said = String::from_utf8(said).ok()?;
        let words: Vec<&str> = said.split('\0').collect();
        let converted: BTreeSet<String> = words
            .chunks_exact(3)
            .filter(|answer| matches!(answer, [_, attribute, value] if converts(attribute, value)))
            .filter_map(|answer| answer.first().map(|path| (*path).to_owned()))
            .collect();
        (!converted.is_empty()).then_some(Self { top, converted })
    }

    /// Whether it converts a path.
    pub(super) fn converts(&self, path: &str) -> bool {
        self.converted.contains(path)
    }

    /// What it makes of an object at a path.
    ///
    /// # Errors
    /// What converts it fails, as a checkout would.
    pub(super) fn bytes(&self, object: &str, path: &str) -> Result<Vec<u8>, Failure> {
        let path = format!("--path={path}");
        git::run(&self.top, &["cat-file", "--filters", &path, object])
    }
}

/// Whether a value of an attribute changes what is checked out; without `filter.NAME.smudge` git converts nothing all the same.
fn converts(attribute: &str, value: &str) -> bool {
    match attribute {
        "eol" => value == "crlf",
        "ident" => value == "set",
        _ => !matches!(value, "unspecified" | "unset" | "set" | ""),
    }
}

/// What git says to paths that end in a NUL each: path, attribute and value, with a NUL behind each.
fn attributes(top: &Path, questions: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut git = Command::new("git");
    git.arg("-C")
        .arg(top)
        .args(["check-attr", "-z", "--stdin"])
        .args(ATTRIBUTES);
    git.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut git = git.spawn()?;
    let pipe = git.stdin.take();
    // It answers while it is asked: who writes all before reading waits for ever.
    let asks =
        std::thread::spawn(move || pipe.map_or(Ok(()), |mut pipe| pipe.write_all(&questions)));
    let output = git.wait_with_output()?;
    match asks.join() {
        Ok(Ok(())) if output.status.success() => Ok(output.stdout),
        Ok(Err(error)) => Err(error),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}
