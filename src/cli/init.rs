//! `zdc init`: a first program.

use super::project::{MAIN, show};
use super::{Exit, Failure, terminal};
use clap::Args;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The first program; `APP` becomes the folder's name.
const TEMPLATE: &str = include_str!("init.zd");

/// Write a first app.zd that builds
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc init
  zdc init shop")]
pub(super) struct Init {
    /// Where; made where there is none. Here by default
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

impl Init {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let file = if self.folder == Path::new(".") {
            PathBuf::from(MAIN)
        } else {
            self.folder.join(MAIN)
        };
        let shown = show(&file);
        fs::create_dir_all(&self.folder).map_err(|error| {
            Failure::new(format!(
                "cannot make the folder `{}`: {error}",
                show(&self.folder)
            ))
        })?;
        let text = TEMPLATE.replace("APP", &app_name(&self.folder));
        // Never over a file that is there.
        let written = File::create_new(&file).and_then(|mut out| {
            out.write_all(text.as_bytes())
                .inspect_err(|_| drop(fs::remove_file(&file)))
        });
        match written {
            Ok(()) => {
                let argument = if file == Path::new(MAIN) {
                    String::new()
                } else {
                    format!(" {shown}")
                };
                terminal::say(&format!("wrote {shown}; next: zdc build{argument}"));
                Ok(Exit::Success)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::new(
                format!("`{shown}` is there already; it was left as it is"),
            )
            .help(format!(
                "build it with `zdc build {shown}`, or name another folder"
            ))),
            Err(error) => Err(Failure::new(format!("cannot write `{shown}`: {error}"))),
        }
    }
}

/// The folder's name as the name of an app: lower case letters, digits and `-`.
fn app_name(folder: &Path) -> String {
    let real = folder.canonicalize().unwrap_or_default();
    let name = real.file_name().unwrap_or_default().to_string_lossy();
    let mut app = String::new();
    for character in name.to_ascii_lowercase().chars() {
        match character {
            'a'..='z' => app.push(character),
            '0'..='9' if !app.is_empty() => app.push(character),
            _ if !app.is_empty() && !app.ends_with('-') => app.push('-'),
            _ => {}
        }
    }
    app.truncate(40);
    let app = app.trim_end_matches('-');
    if app.is_empty() {
        "hello".to_owned()
    } else {
        app.to_owned()
    }
}
