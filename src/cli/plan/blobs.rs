//! What files of a repository hold: asked of one git for all of them, since a program may have a thousand modules and
//! a folder of manifests as many files, and to start a git takes longer than to compile most of them.

use super::git;
use crate::cli::Failure;
use crate::source::MAX_SOURCE_BYTES;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// What a file holds.
pub(super) enum Blob {
    Bytes(Vec<u8>),
    /// More bytes than a source may have, so many.
    TooLarge(u64),
}

/// The files that the repository of a folder has or had.
#[derive(Debug)]
pub(super) struct Blobs {
    folder: PathBuf,
    batch: Mutex<Option<Batch>>,
}

impl Blobs {
    /// Nothing is started before something is asked.
    pub(super) fn of(folder: PathBuf) -> Self {
        Self {
            folder,
            batch: Mutex::default(),
        }
    }

    /// The content of a file by the name of its object.
    ///
    /// # Errors
    /// Git does not have it.
    pub(super) fn blob(&self, object: &str) -> Result<Blob, Failure> {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        let started = match batch.take() {
            Some(running) => Ok(running),
            None => Batch::start(&self.folder),
        };
        let said = started.and_then(|mut running| {
            let blob = running.blob(object)?;
            Ok((running, blob))
        });
        if let Ok((running, blob)) = said {
            // Behind what is too large there is more to read than it is worth.
            *batch = Some(running).filter(|_| matches!(blob, Blob::Bytes(_)));
            return Ok(blob);
        }
        // Asked alone, git says why.
        let bytes = git::run(&self.folder, &["cat-file", "blob", object])?;
        Ok(match bytes.len() as u64 {
            size if size > MAX_SOURCE_BYTES => Blob::TooLarge(size),
            _ => Blob::Bytes(bytes),
        })
    }
}

/// A git that answers with one object after another (`git-cat-file(1)`, `--batch`).
#[derive(Debug)]
struct Batch {
    git: Child,
    /// Taken when it shall end.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Batch {
    fn start(folder: &PathBuf) -> io::Result<Self> {
        let mut git = Command::new("git");
        git.arg("-C").arg(folder).args(["cat-file", "--batch"]);
        git.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut git = git.spawn()?;
        let pipes = git.stdin.take().zip(git.stdout.take());
        let (questions, answers) = pipes.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            git,
            questions: Some(questions),
            answers: BufReader::new(answers),
        })
    }

    /// An answer: the object's name, kind and size on a line, its bytes, and the end of a line.
    fn blob(&mut self, object: &str) -> io::Result<Blob> {
        let questions = self.questions.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        questions.write_all(format!("{object}\n").as_bytes())?;
        let mut head = String::new();
        self.answers.read_line(&mut head)?;
        let mut words = head.split_ascii_whitespace().skip(1);
        let (kind, size) = (words.next(), words.next());
        let size = size.and_then(|size| size.parse::<u64>().ok());
        let size = size.filter(|_| kind == Some("blob"));
        let size = size.ok_or(io::ErrorKind::InvalidData)?;
        if size > MAX_SOURCE_BYTES {
            return Ok(Blob::TooLarge(size));
        }
        let mut bytes = Vec::new();
        let answers = self.answers.by_ref();
        answers.take(size + 1).read_to_end(&mut bytes)?;
        match bytes.pop() {
            Some(b'\n') if bytes.len() as u64 == size => Ok(Blob::Bytes(bytes)),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // Without more questions, or with nobody to listen, it ends by itself; one in the middle of an answer is ended.
        drop(self.questions.take());
        let _ = self.git.kill();
        let _ = self.git.wait();
    }
}
