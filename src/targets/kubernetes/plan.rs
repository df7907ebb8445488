//! The objects to be written, by file, and their writing.

use super::order::{InOrder, Ordered};
use crate::rollout::Verified;
use crate::targets::{Artifact, Header, Plan};
use crate::vocabulary::TargetId;
use crate::yaml;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;
use serde::ser::Serializer;
use std::collections::BTreeMap;

/// One object. The large ones are boxed, so that a list of small ones stays small.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    ConfigMap(Box<ConfigMap>),
    Claim(Box<PersistentVolumeClaim>),
    Deployment(Box<Deployment>),
    Service(Box<Service>),
    Ingress(Box<Ingress>),
    Autoscaler(Box<HorizontalPodAutoscaler>),
    DisruptionBudget(Box<PodDisruptionBudget>),
    NetworkPolicy(Box<NetworkPolicy>),
}

/// Every file, by its name without the extension; the objects of each in the order people read.
#[derive(Clone, Debug, Default)]
pub(super) struct KubernetesPlan {
    pub(super) namespace: Option<String>,
    pub(super) files: BTreeMap<String, Vec<Object>>,
}

impl Plan for KubernetesPlan {
    fn emit(&self, _proof: &Verified<'_>) -> Vec<Artifact> {
        self.render()
    }
}

impl KubernetesPlan {
    /// Every file's text. The list of files is one of them, so that `kubectl apply -k` finds all.
    pub(super) fn render(&self) -> Vec<Artifact> {
        let mut artifacts: Vec<Artifact> = self
            .files
            .iter()
            .map(|(name, objects)| artifact(&format!("{name}.yaml"), documents(objects)))
            .collect();
        let kustomization = Kustomization {
            api_version: "kustomize.config.k8s.io/v1beta1",
            kind: "Kustomization",
            namespace: self.namespace.as_deref(),
            resources: self
                .files
                .keys()
                .map(|name| format!("{name}.yaml"))
                .collect(),
        };
        let text = yaml::to_string(&kustomization).unwrap_or_default();
        artifacts.push(artifact("kustomization.yaml", text));
        artifacts.sort_by(|a, b| a.path.cmp(&b.path));
        artifacts
    }
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

impl InOrder for Object {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Object::ConfigMap(object) => object.write(serializer),
            Object::Claim(object) => object.write(serializer),
            Object::Deployment(object) => object.write(serializer),
            Object::Service(object) => object.write(serializer),
            Object::Ingress(object) => object.write(serializer),
            Object::Autoscaler(object) => object.write(serializer),
            Object::DisruptionBudget(object) => object.write(serializer),
            Object::NetworkPolicy(object) => object.write(serializer),
        }
    }
}

/// The objects as one stream of documents. The types of the objects raise no error of writing.
fn documents(objects: &[Object]) -> String {
    let mut text = String::with_capacity(objects.len() * 1024);
    for object in objects {
        if yaml::write_document(&mut text, &Ordered(object)).is_err() {
            return String::new();
        }
    }
    text
}

fn artifact(name: &str, text: String) -> Artifact {
    Artifact {
        target: TargetId::Kubernetes,
        path: format!("kubernetes/{name}"),
        text,
        header: Header::Hash,
    }
}
