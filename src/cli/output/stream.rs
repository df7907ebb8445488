//! One target's files as one text: what `--stdout` prints.

use crate::targets::{Artifact, Header};
use crate::vocabulary::TargetId;
use std::io::{self, Write};
use std::path::Path;

/// Writes a target's files one after the other, each under a comment with its path. YAML becomes
/// documents of one stream, in which every other file is a comment: what is printed stays YAML.
pub(crate) fn stream(
    artifacts: &[Artifact],
    target: TargetId,
    out: &mut dyn Write,
) -> io::Result<()> {
    let files = || {
        artifacts
            .iter()
            .filter(|artifact| artifact.target == Some(target) && !is_of_the_folder(artifact))
    };
    let stream_is_yaml = files().any(|artifact| is_yaml(&artifact.path));
    let mut documents = 0;
    for Artifact {
        path, text, header, ..
    } in files()
    {
        let text = text.strip_prefix("---\n").unwrap_or(text);
        let comment_only = *header == Header::Name || stream_is_yaml != is_yaml(path);
        if comment_only {
            writeln!(out, "# {path}:")?;
            for line in text.lines() {
                writeln!(out, "#   {line}")?;
            }
            continue;
        }
        if stream_is_yaml && documents > 0 {
            out.write_all(b"---\n")?;
        }
        documents += 1;
        writeln!(out, "# {path}")?;
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            writeln!(out)?;
        }
    }
    Ok(())
}

/// Whether a file means the folder that it stands in, and nothing in a stream. kubectl takes a kustomization from a
/// folder only: it is no object, and a server refuses it.
fn is_of_the_folder(artifact: &Artifact) -> bool {
    let orchestrated =
        [Some(TargetId::Swarm), Some(TargetId::Kubernetes)].contains(&artifact.target);
    let means_folder = ["/kustomization.yaml", "/deploy.sh", "/rollback.sh"];
    orchestrated
        && means_folder
            .iter()
            .any(|name| artifact.path.ends_with(name))
}

fn is_yaml(path: &str) -> bool {
    let extension = Path::new(path).extension().unwrap_or_default();
    extension == "yml" || extension == "yaml"
}
