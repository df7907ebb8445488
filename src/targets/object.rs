//! What a target will ask an orchestrator for, object by object: to be compared with another
//! revision. Nothing of it is ever written, so it needs no proof.

use super::artifact::Text;
use crate::yaml;
use serde::Serialize;

/// An object of an orchestrator, or a file of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The manifest it stands in: `swarm/shop.yml`.
    pub file: String,
    /// What it is: a section of a stack file, a kind of Kubernetes, or [`Object::FILE`].
    pub kind: String,
    /// Its name there.
    pub name: String,
    /// The namespace of Kubernetes that it names; where it names none, it goes to that of the client.
    pub namespace: Option<String>,
    /// What it holds.
    pub content: Content,
}

/// What an object holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// As YAML, or whatever a file's format is: a text of its own, so that what did not change is
    /// not read.
    Text(Text),
    /// As it was read.
    Value(serde_json::Value),
}

impl Object {
    /// The kind of what is a file and no object.
    pub const FILE: &'static str = "file";
    /// The kind of what is the name of a Compose file's project.
    pub const PROJECT: &'static str = "name";
    /// The kind of what stands at the top of a stack file, without what is in its sections.
    pub const TOP: &'static str = "(root)";
    /// The kind of what docker says of a stack file that is no YAML to it.
    pub const REFUSED: &'static str = "refused";
    /// The kind of what docker does not read of a stack file: a document behind its first one.
    pub const UNREAD: &'static str = "unread";
    /// What ends the name of what gets another one each time it is made; no name of Kubernetes has it.
    pub const GENERATED: &'static str = "*";

    /// The path of what a file names by a path from itself.
    pub fn beside(file: &str, path: &str) -> String {
        let folder = file.rsplit_once('/').map(|(folder, _)| folder);
        let whole = match folder {
            Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
            _ => path.to_owned(),
        };
        let mut steps: Vec<&str> = Vec::new();
        for step in whole.split('/').filter(|step| *step != ".") {
            match steps.last() {
                Some(last) if step == ".." && !matches!(*last, ".." | "") => _ = steps.pop(),
                _ => steps.push(step),
            }
        }
        steps.join("/")
    }

    /// An entry of a section of a file, under its name.
    pub(super) fn entry<T: Serialize>(file: &str, kind: &str, name: &str, entry: &T) -> Self {
        // The types of the targets have no value that YAML could not write.
        let text = yaml::to_string(entry).unwrap_or_default();
        Self {
            file: file.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: None,
            content: Content::Text(text.into()),
        }
    }

    /// A file as a whole.
    pub(super) fn file(path: &str, text: Text) -> Self {
        Self {
            file: path.to_owned(),
            kind: Self::FILE.to_owned(),
            name: path.rsplit('/').next().unwrap_or(path).to_owned(),
            namespace: None,
            content: Content::Text(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_from_the_file_that_names_them() {
        let beside = Object::beside;
        assert_eq!(beside("stack.yml", "./a.conf"), "a.conf");
        assert_eq!(
            beside("swarm/stack.yml", "../configs/./a.conf"),
            "configs/a.conf"
        );
        assert_eq!(beside("stack.yml", "../a.conf"), "../a.conf");
        assert_eq!(beside("swarm/stack.yml", "/etc/a.conf"), "/etc/a.conf");
    }
}
