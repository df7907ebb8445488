//! One target's files as one text: what `--stdout` prints.

use crate::targets::{Artifact, Header};
use crate::vocabulary::TargetId;
use std::io::{self, Write};
use std::path::Path;

/// Writes a target's files one after the other. YAML becomes documents of one stream; every other
/// text follows a comment with its path.
pub(crate) fn stream(
    artifacts: &[Artifact],
    target: TargetId,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut documents = 0;
    for artifact in artifacts {
        if artifact.target != target || is_kustomization(artifact) {
            continue;
        }
        let path = &artifact.path;
        if artifact.header == Header::Name {
            // Data has no place of its own in a stream: it stands there for the reader.
            writeln!(out, "# {path}:")?;
            for line in artifact.text.lines() {
                writeln!(out, "#   {line}")?;
            }
            continue;
        }
        let text = artifact
            .text
            .strip_prefix("---\n")
            .unwrap_or(&artifact.text);
        if is_yaml(path) {
            if documents > 0 {
                out.write_all(b"---\n")?;
            }
            documents += 1;
        }
        writeln!(out, "# {path}")?;
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            writeln!(out)?;
        }
    }
    Ok(())
}

/// kubectl takes a kustomization from a folder only: it is no object, and a server refuses it.
fn is_kustomization(artifact: &Artifact) -> bool {
    artifact.target == TargetId::Kubernetes && artifact.path.ends_with("/kustomization.yaml")
}

fn is_yaml(path: &str) -> bool {
    let extension = Path::new(path).extension().unwrap_or_default();
    extension == "yml" || extension == "yaml"
}
