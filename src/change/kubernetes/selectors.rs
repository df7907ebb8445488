//! Services whose selector asks for a label that only pods to come have.

use super::{Key, Keyed, is_workload};
use crate::change::difference::at;
use crate::change::{Change, Effect};
use crate::targets::{Content, Object};
use serde_json::{Map, Value};

/// A workload with the labels of its pods, before and now.
struct Pods<'a> {
    namespace: Option<&'a str>,
    was: Map<String, Value>,
    is: Map<String, Value>,
}

/// Says of a Service that gets another selector where no pod that is there has its labels: the selector counts at once
/// (`kubernetes.io/docs/concepts/services-networking/service`, Defining a Service), and a pod's labels come with the pod.
pub(super) fn ahead_of_pods((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let asks = |change: &&mut Change| {
        let mut fields = change.fields.iter();
        let in_place = change.kind == "Service" && change.effect == Effect::InPlace;
        in_place && fields.any(|field| field.path.starts_with("spec.selector"))
    };
    let asking: Vec<&mut Change> = changes.iter_mut().filter(asks).collect();
    if asking.is_empty() {
        return;
    }
    let workloads: Vec<Pods<'_>> = new
        .iter()
        .filter_map(|(key, object)| pods(*key, object, old))
        .collect();
    for change in asking {
        let namespace = change.namespace.as_deref();
        let service = ("", change.kind.as_str(), change.name.as_str(), namespace);
        let service = new.get(&service);
        let selector = service.and_then(|it| map(&it.content, &["spec", "selector"]));
        let Some(selector) = selector.filter(|it| !it.is_empty()) else {
            continue;
        };
        let mut served = workloads.iter();
        let of_it = |pods: &&Pods<'_>| pods.namespace == namespace && has(&pods.is, &selector);
        let all: Vec<&Pods<'_>> = served.by_ref().filter(of_it).collect();
        if all.is_empty() || all.iter().any(|pods| has(&pods.was, &selector)) {
            continue;
        }
        let lacking = selector
            .iter()
            .find(|(label, value)| all.iter().all(|pods| pods.was.get(*label) != Some(value)));
        let label = lacking.map_or_else(String::new, |(label, value)| {
            format!(" `{label}: {}`", value.as_str().unwrap_or_default())
        });
        change.how = format!(
            "the pods that are there have no{label}: nobody is asked until new ones are ready, nor after `kubectl rollout undo`"
        );
    }
}

/// The pods of a workload that was there before.
fn pods<'a>(key: Key<'a>, object: &Object, old: &Keyed<'_>) -> Option<Pods<'a>> {
    const LABELS: [&str; 4] = ["spec", "template", "metadata", "labels"];
    let (_, kind, _, namespace) = key;
    let before = old.get(&key).filter(|_| is_workload(kind))?;
    Some(Pods {
        namespace,
        was: map(&before.content, &LABELS)?,
        is: map(&object.content, &LABELS)?,
    })
}

fn map(content: &Content, path: &[&str]) -> Option<Map<String, Value>> {
    at(content, path)?.as_object().cloned()
}

fn has(labels: &Map<String, Value>, selector: &Map<String, Value>) -> bool {
    let mut wanted = selector.iter();
    wanted.all(|(label, value)| labels.get(label) == Some(value))
}
