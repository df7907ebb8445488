//! What a container is told by `ConfigMaps` and Secrets, in variables and in files, as far as the manifests hold them
//! (`kubernetes.io/docs/concepts/configuration/configmap`, `kubernetes.io/docs/concepts/configuration/secret`).

use super::parts::{items, text};
use super::reads::{CONFIG_MAP, SECRET};
use super::secret::held;
use super::{Keyed, given};
use k8s_openapi::ByteString;
use serde_json::Value;

pub(super) struct Settings {
    /// Variables of maps, with their values.
    pub(super) variables: Vec<(String, String)>,
    /// What stands in files, and in all of a map or a Secret that is given as variables.
    pub(super) texts: Vec<String>,
    /// Whether something that it may be told by stands elsewhere.
    pub(super) are_elsewhere: bool,
}

/// Those of a container in its pod.
pub(super) fn of(
    (pod, container): (&Value, &Value),
    side: &Keyed<'_>,
    namespace: Option<&str>,
) -> Settings {
    let variables = given::to_one(container, side, namespace).into_iter();
    let mut settings = Settings {
        variables: variables.map(|it| (it.name, it.value)).collect(),
        texts: Vec::new(),
        are_elsewhere: false,
    };
    let mut add = |kind: &'static str, name: Option<&str>| {
        let Some(name) = name else { return };
        match side.get(&("", kind, name, namespace)) {
            Some(object) => {
                let held = held(kind, &object.content).into_values();
                let texts = held.map(|it| match kind {
                    SECRET => decoded(it.value),
                    _ => it.value,
                });
                settings.texts.extend(texts);
            }
            None => settings.are_elsewhere = true,
        }
    };
    for from in items(container, "envFrom") {
        let name = |key: &str| from.get(key).and_then(|it| text(it, "name"));
        add(CONFIG_MAP, name("configMapRef"));
        add(SECRET, name("secretRef"));
    }
    let mut are_elsewhere = false;
    for mount in items(container, "volumeMounts") {
        let mut volumes = items(pod, "volumes");
        let volume = volumes.find(|it| text(it, "name") == text(mount, "name"));
        let Some(volume) = volume else { continue };
        let of = |from: &Value, kind: &str, key: &str| {
            let name = from.get(kind).and_then(|it| text(it, key));
            name.map(ToOwned::to_owned)
        };
        add(CONFIG_MAP, of(volume, "configMap", "name").as_deref());
        add(SECRET, of(volume, "secret", "secretName").as_deref());
        let projected = volume.get("projected").into_iter();
        for source in projected.flat_map(|it| items(it, "sources")) {
            add(CONFIG_MAP, of(source, "configMap", "name").as_deref());
            add(SECRET, of(source, "secret", "name").as_deref());
        }
        are_elsewhere |= is_elsewhere(pod, volume);
    }
    settings.are_elsewhere |= are_elsewhere;
    settings
}

/// What holds none, or what is read here.
const KNOWN: [&str; 6] = [
    "configMap",
    "downwardAPI",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Whether what stands in a volume is not known: it is none of those, or is empty and filled before the containers start.
fn is_elsewhere(pod: &Value, volume: &Value) -> bool {
    if volume.get("emptyDir").is_some() {
        let starting = items(pod, "initContainers");
        let mut mounts = starting.flat_map(|it| items(it, "volumeMounts"));
        return mounts.any(|it| text(it, "name") == text(volume, "name"));
    }
    KNOWN.iter().all(|it| volume.get(it).is_none())
}

/// What is no text tells of no path.
fn decoded(value: String) -> String {
    let bytes = serde_json::from_value::<ByteString>(Value::String(value));
    let text = bytes.ok().and_then(|it| String::from_utf8(it.0).ok());
    text.unwrap_or_default()
}
