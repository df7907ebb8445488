//! The documents of a file, as kubectl and docker take them.

use crate::cli::Failure;
use crate::diagnostics::render::escape_line;
use crate::targets::{Content, Object};
use crate::yaml::{Reader, as_read_by, is_too_deep};
use serde::Deserialize;
use serde_json::Value;

pub(super) fn is_yaml(path: &str) -> bool {
    [".yml", ".yaml"].iter().any(|end| path.ends_with(end))
}

fn is_json(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, end)| end == "json")
}

/// Whether a file goes by the name of one that holds manifests.
pub(super) fn is_named_so(path: &str) -> bool {
    is_yaml(path) || is_json(path) || path.rsplit('/').next() == Some("Kustomization")
}

/// Whether a document is an object of Kubernetes.
pub(super) fn is_object(document: &Value) -> bool {
    ["apiVersion", "kind"]
        .iter()
        .all(|key| document.get(*key).is_some_and(Value::is_string))
}

/// Whether a file holds objects of Kubernetes, or says so and cannot be read.
pub(super) fn holds_objects(path: &str, text: &str) -> bool {
    let mentions = ["apiVersion", "kind"].iter().all(|key| text.contains(key));
    let hold = |documents: Vec<Value>| documents.iter().any(is_object);
    mentions && is_manifest(path, text) && documents(path, text).map_or(true, hold)
}

/// Whether a file holds manifests: of YAML every one, of JSON what says so, and the one name that needs no end.
pub(super) fn is_manifest(path: &str, text: &str) -> bool {
    let first = || {
        let text = without_byte_order_mark(text);
        serde_json::Deserializer::from_str(text).into_iter().next()
    };
    let says_so = |document: Value| document.get("apiVersion").is_some();
    is_yaml(path)
        || path.rsplit('/').next() == Some("Kustomization")
        || is_json(path) && first().is_some_and(|document| document.is_ok_and(says_so))
}

/// A text without the mark that PowerShell and Visual Studio begin one with: kubectl and docker read what follows (yaml/go-yaml
/// `readerc.go`, `yaml_parser_determine_encoding`), and here it would count as a column.
pub(super) fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

pub(super) fn documents(path: &str, text: &str) -> Result<Vec<Value>, Failure> {
    let text = without_byte_order_mark(text);
    let read: Result<Vec<Value>, String> = if is_json(path) {
        let documents = serde_json::Deserializer::from_str(text).into_iter();
        documents
            .map(|it| it.map_err(|error| error.to_string()))
            .collect()
    } else if is_too_deep(text) {
        Err("it is nested too deep".to_owned())
    } else {
        let text = as_read_by(reader(text), text);
        let merges = text.contains("<<");
        serde_yaml::Deserializer::from_str(&text)
            .map(|document| document_of_yaml(document, merges))
            .collect()
    };
    let read = read.map_err(|error| {
        let (path, error) = (escape_line(path), escape_line(&error));
        Failure::new(format!("cannot read `{path}`: {error}"))
    })?;
    let listed = read.into_iter().flat_map(listed);
    Ok(listed.filter(|it| !it.is_null()).collect())
}

/// Who a file of YAML is for: one that is for kubectl says so at the top of its documents.
fn reader(text: &str) -> Reader {
    let is_for_kubectl = |line: &str| line.starts_with("apiVersion");
    if text.lines().any(is_for_kubectl) {
        Reader::Kubectl
    } else {
        Reader::Docker
    }
}

fn document_of_yaml(document: serde_yaml::Deserializer<'_>, merges: bool) -> Result<Value, String> {
    if !merges {
        return Value::deserialize(document).map_err(|error| error.to_string());
    }
    // `<<: *common` takes in what is elsewhere, as kubectl and docker read it.
    let mut read = serde_yaml::Value::deserialize(document).map_err(|error| error.to_string())?;
    take_in(&mut read)?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

/// Takes in what `<<` names, which may take in more itself: what is written wins, then what is named first
/// (yaml.org/type/merge.html). What is taken in is moved, so that nothing grows; its depth is the reader's to bound.
fn take_in(value: &mut serde_yaml::Value) -> Result<(), String> {
    use serde_yaml::Value::{Mapping, Sequence, Tagged};
    match value {
        Mapping(mapping) => {
            for field in mapping.values_mut() {
                take_in(field)?;
            }
            let named = match mapping.remove("<<") {
                None => return Ok(()),
                Some(Sequence(all)) => all,
                Some(one) => vec![one],
            };
            for one in named {
                let Mapping(fields) = one else {
                    return Err("`<<` takes in a mapping, or a list of them".to_owned());
                };
                for (key, field) in fields {
                    mapping.entry(key).or_insert(field);
                }
            }
        }
        Sequence(items) => {
            for item in items {
                take_in(item)?;
            }
        }
        Tagged(tagged) => take_in(&mut tagged.value)?,
        _ => {}
    }
    Ok(())
}

/// What a list of Kubernetes lists, as kubectl takes it; anything else is itself. Of a `ConfigMapList` an item need not say what it is
/// (kubernetes/kubernetes `staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/unstructured/helpers.go`, `decodeToList`).
fn listed(mut document: Value) -> Vec<Value> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let kind = text("kind").and_then(|kind| kind.strip_suffix("List"));
    let (Some(kind), Some(version)) = (kind, text("apiVersion")) else {
        return vec![document];
    };
    let (kind, version) = (kind.to_owned(), version.to_owned());
    let Some(Value::Array(items)) = document.get_mut("items") else {
        return vec![document];
    };
    let mut items = std::mem::take(items);
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        if !kind.is_empty() && !item.contains_key("kind") && !item.contains_key("apiVersion") {
            item.insert("kind".to_owned(), kind.clone().into());
            item.insert("apiVersion".to_owned(), version.clone().into());
        }
    }
    items
}

/// An object of Kubernetes; a document without a kind is none.
///
/// # Errors
/// It goes by no name.
pub(super) fn object(path: &str, mut document: Value) -> Result<Option<Object>, Failure> {
    // A namespace is taken out of what is in none, so that it is the same object with one and without: kubernetes/kubernetes
    // `staging/src/k8s.io/apiserver/pkg/registry/rest/meta.go`, `EnsureObjectNamespaceMatchesRequestNamespace`.
    if is_cluster_wide(&document)
        && let Some(metadata) = document.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.remove("namespace");
    }
    let text = |pointer: &str| {
        let text = document.pointer(pointer).and_then(Value::as_str);
        text.map(ToOwned::to_owned)
    };
    let Some(kind) = text("/kind") else {
        return Ok(None);
    };
    // No name has a star in it.
    let generated = || text("/metadata/generateName").map(|begins| begins + Object::GENERATED);
    let Some(name) = text("/metadata/name").or_else(generated) else {
        let failure = format!(
            "there is a {} in `{}` without a `metadata.name` that is text: nobody could apply it",
            escape_line(&kind),
            escape_line(path),
        );
        let failure = Failure::new(failure);
        // A word such as `off`, or a number.
        let is_none = document
            .pointer("/metadata/name")
            .is_none_or(Value::is_null);
        return Err(if is_none {
            failure
        } else {
            failure.help("put the name in quotes: kubectl reads words such as `on`, `off`, `yes`, `no`, `y` and `n` as true or false, and digits as a number")
        });
    };
    let namespace = text("/metadata/namespace");
    Ok(Some(Object {
        file: path.to_owned(),
        kind,
        name,
        namespace,
        content: Content::Value(document),
    }))
}

/// The kinds that are in no namespace, with their groups (`kubectl api-resources --namespaced=false`; of others the most common).
const CLUSTER_WIDE: [(&str, &[&str]); 16] = [
    (
        "",
        &["Namespace", "Node", "PersistentVolume", "ComponentStatus"],
    ),
    (
        "rbac.authorization.k8s.io",
        &["ClusterRole", "ClusterRoleBinding"],
    ),
    (
        "storage.k8s.io",
        &[
            "StorageClass",
            "CSIDriver",
            "CSINode",
            "VolumeAttachment",
            "VolumeAttributesClass",
        ],
    ),
    (
        "networking.k8s.io",
        &["IngressClass", "IPAddress", "ServiceCIDR"],
    ),
    ("scheduling.k8s.io", &["PriorityClass"]),
    ("node.k8s.io", &["RuntimeClass"]),
    ("apiextensions.k8s.io", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &["APIService"]),
    (
        "admissionregistration.k8s.io",
        &[
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
        ],
    ),
    (
        "certificates.k8s.io",
        &["CertificateSigningRequest", "ClusterTrustBundle"],
    ),
    (
        "flowcontrol.apiserver.k8s.io",
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
    ("resource.k8s.io", &["DeviceClass", "ResourceSlice"]),
    ("gateway.networking.k8s.io", &["GatewayClass"]),
    (
        "snapshot.storage.k8s.io",
        &["VolumeSnapshotClass", "VolumeSnapshotContent"],
    ),
    ("policy", &["PodSecurityPolicy"]),
    ("cert-manager.io", &["ClusterIssuer"]),
];

/// Whether a document is an object that is in no namespace.
pub(super) fn is_cluster_wide(document: &Value) -> bool {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let (version, kind) = (text("apiVersion").unwrap_or_default(), text("kind"));
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let mut groups = CLUSTER_WIDE.iter();
    kind.is_some_and(|kind| groups.any(|(of, kinds)| *of == group && kinds.contains(&kind)))
}
