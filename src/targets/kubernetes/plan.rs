//! The files to be written.

use super::script;
use crate::targets::artifact::Text;
use crate::targets::{Artifact, Content, Header, Object, Plan, Unproved};
use crate::vocabulary::TargetId;
use crate::yaml;
use serde::Serialize;
use std::collections::BTreeMap;

/// Every file, by its name without the extension. The objects are written as soon as they are made:
/// kept as objects, thousands of them would take ten times the memory of their text. Nobody sees
/// the text without a proof.
#[derive(Clone, Debug, Default)]
pub(super) struct KubernetesPlan {
    pub(super) namespace: Option<String>,
    pub(super) files: BTreeMap<String, Text>,
    /// What its scripts are told of it.
    pub(super) told: String,
}

impl Plan for KubernetesPlan {
    fn objects(&self) -> Vec<Object> {
        let files = self.files.iter();
        files
            .flat_map(|(name, text)| objects(&format!("kubernetes/{name}.yaml"), text))
            .collect()
    }

    fn unproved(self: Box<Self>) -> Unproved {
        self.render().into()
    }
}

impl KubernetesPlan {
    /// Every file's text. The list of files is one of them, so that `kubectl apply -k` finds all.
    pub(super) fn render(self) -> Vec<Artifact> {
        let kustomization = Kustomization {
            api_version: "kustomize.config.k8s.io/v1beta1",
            kind: "Kustomization",
            namespace: self.namespace.as_deref(),
            resources: self
                .files
                .keys()
                .map(|name| [name, ".yaml"].concat())
                .collect(),
        };
        let text = yaml::to_string(&kustomization).unwrap_or_default();
        let mut artifacts: Vec<Artifact> = self
            .files
            .into_iter()
            .map(|(name, text)| artifact(&[&*name, ".yaml"].concat(), text))
            .collect();
        artifacts.push(artifact("kustomization.yaml", text.into()));
        for (name, text) in script::BOTH {
            let text = [text, &*self.told, script::END].concat();
            artifacts.push(artifact(name, text.into()));
        }
        artifacts.sort_by(|a, b| a.path.cmp(&b.path));
        artifacts
    }
}

/// The objects of a file that zdc wrote: kind, name and namespace of each stand in the places that `order.rs` gives them; kind and
/// name are empty where it has none.
pub(crate) fn objects(path: &str, text: &Text) -> Vec<Object> {
    let mut begun = 0;
    let documents = yaml::documents(text).map(|document| {
        let part = text.part(begun..begun + document.len());
        begun += document.len() + yaml::BETWEEN.len();
        part
    });
    let object = |document: Text| {
        let mut lines = document.lines();
        let kind = after(&mut lines, "kind: ");
        let name = after(&mut lines, "  name: ");
        // No more than the next line is looked at: most objects have no namespace.
        let namespace = after(&mut lines.take(1), "  namespace: ");
        Object {
            file: path.to_owned(),
            kind: kind.unwrap_or_default(),
            name: name.unwrap_or_default(),
            namespace,
            content: Content::Text(document),
        }
    };
    documents.map(object).collect()
}

/// What stands in the first line that begins so.
fn after<'t>(lines: &mut impl Iterator<Item = &'t str>, start: &str) -> Option<String> {
    let found = lines.find_map(|line| line.strip_prefix(start))?;
    Some(found.trim_matches('"').to_owned())
}

/// The list of files (`kubectl.docs.kubernetes.io`, reference of the kustomization file).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kustomization<'a> {
    api_version: &'static str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    resources: Vec<String>,
}

fn artifact(name: &str, text: Text) -> Artifact {
    Artifact {
        target: Some(TargetId::Kubernetes),
        path: ["kubernetes/", name].concat(),
        text,
        header: Header::Hash,
    }
}
