//! Variables that pods are given by `ConfigMaps` of the same manifests (`kubernetes.io/docs/concepts/configuration/configmap`,
//! Using `ConfigMaps` as environment variables). Of one that is written elsewhere nothing is known.

use super::Keyed;
use super::behind::Pods;
use super::parts::{self, items, text};
use super::reads::{self, CONFIG_MAP};
use crate::change::difference::at;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A variable of a container.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) name: String,
    pub(super) value: String,
    /// The `ConfigMap`.
    pub(super) map: String,
    /// Whether it is meant for these pods: named by its key, or of a map that nobody else reads. Of one that several read as a whole each
    /// may use a part.
    pub(super) is_meant: bool,
}

/// Puts into pods what the maps of their side give them.
pub(super) fn fill<'a>(all: &mut [Pods<'a>], side: &Keyed<'a>) {
    let mut maps = Maps::of_side(side);
    for pods in all {
        let mut given = Vec::new();
        for container in parts::containers(&pods.pod) {
            maps.of(container, pods.key.3, &mut given);
        }
        pods.given = given;
    }
}

/// What they give one container.
pub(super) fn to_one(container: &Value, side: &Keyed<'_>, namespace: Option<&str>) -> Vec<Given> {
    let mut given = Vec::new();
    Maps::of_side(side).of(container, namespace, &mut given);
    given
}

/// The name of a map and its namespace.
type Place = (String, Option<String>);

/// The maps of a side, each read once.
struct Maps<'a, 'k> {
    side: &'k Keyed<'a>,
    read: FxHashMap<Place, Map<String, Value>>,
    /// By how many objects each is read, once that is asked.
    readers: Option<FxHashMap<Place, usize>>,
}

impl<'a, 'k> Maps<'a, 'k> {
    fn of_side(side: &'k Keyed<'a>) -> Self {
        Self {
            side,
            read: FxHashMap::default(),
            readers: None,
        }
    }

    /// What a container is given. Its own variables come before those of a map as a whole, and a later one of these before an earlier one
    /// (kubernetes/kubernetes `pkg/kubelet/kubelet_pods.go`, `makeEnvironmentVariables`).
    fn of(&mut self, container: &Value, namespace: Option<&str>, given: &mut Vec<Given>) {
        let own = || items(container, "env").filter_map(|it| Some((text(it, "name")?, it)));
        for (name, variable) in own() {
            let from = variable
                .get("valueFrom")
                .and_then(|it| it.get("configMapKeyRef"));
            let named = from.and_then(|it| Some((text(it, "name")?, text(it, "key")?)));
            let Some((map, key)) = named else { continue };
            let value = self.map(map, namespace).and_then(|it| text_of(it.get(key)));
            given.extend(value.map(|value| Given {
                name: name.to_owned(),
                value,
                map: map.to_owned(),
                is_meant: true,
            }));
        }
        let mut whole: Vec<Given> = Vec::new();
        for from in items(container, "envFrom") {
            let map = from.get("configMapRef").and_then(|it| text(it, "name"));
            let Some(map) = map else { continue };
            let prefix = text(from, "prefix").unwrap_or_default();
            let values = self.map(map, namespace).into_iter().flatten();
            let values = values.filter_map(|(key, value)| Some((key, text_of(Some(value))?)));
            let values: Vec<Given> = values
                .map(|(key, value)| Given {
                    name: format!("{prefix}{key}"),
                    value,
                    map: map.to_owned(),
                    is_meant: false,
                })
                .filter(|it| own().all(|(name, _)| name != it.name))
                .collect();
            if values.is_empty() {
                continue;
            }
            let is_meant = self.readers(map, namespace) == 1;
            whole.retain(|it| values.iter().all(|later| later.name != it.name));
            whole.extend(values.into_iter().map(|it| Given { is_meant, ..it }));
        }
        given.append(&mut whole);
    }

    fn map(&mut self, name: &str, namespace: Option<&str>) -> Option<&Map<String, Value>> {
        let object = self.side.get(&("", CONFIG_MAP, name, namespace))?;
        let place = (name.to_owned(), namespace.map(ToOwned::to_owned));
        let read = self.read.entry(place).or_insert_with(|| {
            let data = at(&object.content, &["data"]);
            data.and_then(|it| it.as_object().cloned())
                .unwrap_or_default()
        });
        Some(read)
    }

    /// How many objects read it for their pods.
    fn readers(&mut self, name: &str, namespace: Option<&str>) -> usize {
        let side = self.side;
        let readers = self.readers.get_or_insert_with(|| {
            let mut readers = FxHashMap::default();
            for (key, object) in side {
                let reads = reads::of(object).into_iter().flatten();
                let reads = reads.filter(|it| it.kind == CONFIG_MAP);
                let names: BTreeSet<String> = reads.map(|it| it.name).collect();
                for name in names {
                    let place = (name, key.3.map(ToOwned::to_owned));
                    *readers.entry(place).or_default() += 1;
                }
            }
            readers
        });
        let place = (name.to_owned(), namespace.map(ToOwned::to_owned));
        readers.get(&place).copied().unwrap_or_default()
    }
}

/// What stands in one line: of a file that somebody keeps beside them nobody is asked.
fn text_of(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?.trim_end();
    (!text.contains('\n')).then(|| text.to_owned())
}
