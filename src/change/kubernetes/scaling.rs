//! Whose number of pods something else than its manifest says.

use super::objects;
use super::parts::text;
use crate::change::difference::{at, is_zero};
use crate::change::{Change, Field, Loss, Lost};
use crate::targets::{Content, Object};
use rustc_hash::FxHashMap;
use serde_json::Value;

/// What scales a workload, and to how many pods at the least.
struct Scaled {
    least: u64,
    /// Kind and name of the autoscaler, which is in the namespace of what it scales.
    by: (String, String),
}

/// Workloads that are scaled, by kind, name and namespace.
pub(super) struct Scaling(FxHashMap<(String, String, Option<String>), Scaled>);

impl Scaling {
    /// As autoscalers say (kubernetes/kubernetes `pkg/apis/autoscaling/v2/defaults.go`: at least one) and the `ScaledObject`s of
    /// KEDA, which is none or more of a Deployment where nothing else is said (`keda.sh/docs/latest/reference/scaledobject-spec`).
    pub(super) fn of(all: &[Object]) -> Self {
        let scaled = objects(all).filter_map(|object| {
            let (least, default) = match object.kind.as_str() {
                "HorizontalPodAutoscaler" => ("minReplicas", 1),
                "ScaledObject" => ("minReplicaCount", 0),
                _ => return None,
            };
            let (kind, name) = target(object)?;
            let spec = at(&object.content, &["spec"])?;
            let least = spec.get(least).and_then(Value::as_u64).unwrap_or(default);
            let by = (object.kind.clone(), object.name.clone());
            let scaled = Scaled { least, by };
            Some(((kind, name, object.namespace.clone()), scaled))
        });
        Self(scaled.collect())
    }

    /// The least number of pods that a workload is scaled to, where it is.
    pub(super) fn least(&self, object: &Object) -> Option<u64> {
        self.scaled(object).map(|it| it.least)
    }

    /// What an autoscaler scales: kind and name.
    pub(super) fn scaled_by(
        &self,
        kind: &str,
        name: &str,
        namespace: Option<&str>,
    ) -> Option<(&str, &str)> {
        let is_by_it = |(.., place): &(String, String, Option<String>), it: &Scaled| {
            (&*it.by.0, &*it.by.1) == (kind, name) && place.as_deref() == namespace
        };
        let all = self.0.iter().filter(|(scaled, it)| is_by_it(scaled, it));
        let first = all.map(|(scaled, _)| scaled).min();
        first.map(|(kind, name, _)| (kind.as_str(), name.as_str()))
    }

    fn scaled(&self, object: &Object) -> Option<&Scaled> {
        // Nearly all programs have none.
        if self.0.is_empty() {
            return None;
        }
        let key = (
            object.kind.clone(),
            object.name.clone(),
            object.namespace.clone(),
        );
        self.0.get(&key)
    }
}

/// The kind and the name of what an autoscaler scales.
pub(super) fn target(autoscaler: &Object) -> Option<(String, String)> {
    let target = at(&autoscaler.content, &["spec", "scaleTargetRef"])?;
    let kind = text(&target, "kind").unwrap_or("Deployment");
    Some((kind.to_owned(), text(&target, "name")?.to_owned()))
}

/// An autoscaler: kind, name and namespace.
type Autoscaler = (String, String, Option<String>);

/// What becomes of a workload that is written as it was, with the number of its pods.
pub(super) enum Again {
    /// It is scaled already.
    Each(String),
    /// This is what scales it from now on.
    Later(Autoscaler, String),
}

/// What an apply makes of a workload that is written as it was: `kubectl apply` sends what differs from what is live, and an
/// autoscaler that is written no more stays (kubernetes/kubernetes `staging/src/k8s.io/kubectl/pkg/cmd/apply/patcher.go`; documented at
/// `kubernetes.io/docs/tasks/manage-kubernetes-objects/declarative-config`, How apply calculates differences and merges changes).
pub(super) fn as_written([was, is]: &[Scaling; 2], object: &Object) -> Option<Again> {
    let (was, is) = (was.scaled(object), is.scaled(object));
    let how = overridden(object, is.or(was).map(|it| it.least))?;
    let Some(new) = is.filter(|_| was.is_none()) else {
        return Some(Again::Each(how));
    };
    let (kind, name) = new.by.clone();
    let how = format!("{} {}: {how}", object.kind, object.name);
    Some(Again::Later((kind, name, object.namespace.clone()), how))
}

/// Says of autoscalers that what they scale from now on has a number of its own.
pub(super) fn tell(taken_over: &[(Autoscaler, String)], changes: &mut [Change]) {
    for ((kind, name, namespace), how) in taken_over {
        let mut changes = changes.iter_mut();
        let by = changes
            .find(|it| (&it.kind, &it.name, &it.namespace) == (kind, name, namespace))
            .map(|it| &mut it.how);
        if let Some(said) = by {
            let between = if said.is_empty() { "" } else { "; " };
            *said = format!("{said}{between}{how}");
        }
    }
}

/// What `replicas` means beside an autoscaler (`kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale`, "Migrating
/// Deployments and `StatefulSets` to horizontal autoscaling").
pub(super) fn overridden(object: &Object, least: Option<u64>) -> Option<String> {
    let least = least?;
    let said = at(&object.content, &["spec", "replicas"])?.as_u64()?;
    match said {
        // An autoscaler leaves none alone.
        0 => None,
        said if said < least => Some(format!(
            "`replicas` cuts it to {said} at each `kubectl apply`, until its autoscaler puts {least} back"
        )),
        said => Some(format!(
            "`replicas` makes it {said} at each `kubectl apply`, whatever its autoscaler made it"
        )),
    }
}

/// Whether a workload says that it has no pods.
pub(super) fn is_off(object: &Content) -> bool {
    is_zero(object, &["spec", "replicas"])
}

/// What becomes of the pods of a `StatefulSet` with claims whose first one gets another number: those below it are stopped, and others made with
/// claims of their own (kubernetes/kubernetes `pkg/controller/statefulset/stateful_set_utils.go`, `podInOrdinalRange`).
pub(super) fn renumbered(before: &Content, object: &Object, fields: &[Field]) -> Option<Loss> {
    fields.iter().find(|it| it.path == "spec.ordinals.start")?;
    let number = |of: &Content, path: &[&str], default: u64| {
        let said = at(of, path).and_then(|it| it.as_u64());
        said.unwrap_or(default)
    };
    let [(was, had), (is, has)] = [before, &object.content].map(|of| {
        let start = number(of, &["spec", "ordinals", "start"], 0);
        (start, number(of, &["spec", "replicas"], 1))
    });
    let stays = is <= was && was.saturating_add(had) <= is.saturating_add(has);
    let claims = at(&object.content, &["spec", "volumeClaimTemplates"]);
    let has_claims = claims.is_some_and(|it| it.as_array().is_some_and(|it| !it.is_empty()));
    let name = &object.name;
    (has_claims && had > 0 && has > 0 && !stays).then(|| Loss {
        about: Lost::Data { surely: false },
        what: format!(
            "the pods of StatefulSet `{name}` are counted from {is} on, and no more from {was}: those with numbers that it has no more are \
             stopped, their data stays in their claims, and those that come in their place have new ones"
        ),
        way: "keep `ordinals` as it was, unless the data is moved to the claims of the new numbers first, or comes from the other pods"
            .to_owned(),
    })
}

const RETENTION: &str = "kubernetes.io/docs/concepts/workloads/controllers/statefulset, PersistentVolumeClaim retention";
const PARALLEL: &str =
    "kubernetes.io/docs/concepts/workloads/controllers/statefulset, Parallel Pod Management";

/// What becomes of the claims of a `StatefulSet` whose number of pods changes, and whether the pods go one by one; what is lost or left,
/// where something is.
pub(super) fn stateful(object: &Object, fields: &mut [Field]) -> Option<&'static str> {
    let field = fields.iter_mut().find(|it| it.path == "spec.replicas")?;
    let said = |path: &[&str], word: &str| {
        at(&object.content, path).is_some_and(|it| it.as_str() == Some(word))
    };
    let number = |side: &Option<Value>| side.as_ref().and_then(Value::as_u64).unwrap_or(1);
    let policy = ["spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"];
    let claims = at(&object.content, &["spec", "volumeClaimTemplates"]);
    let leaves = number(&field.new) < number(&field.old) && claims.is_some();
    let loses = leaves && said(&policy, "Delete");
    let at_once = said(&["spec", "podManagementPolicy"], "Parallel");
    let because = match (loses, at_once) {
        (true, true) => Some((
            "pods are stopped at once, and the claims of stopped ones are deleted",
            RETENTION,
        )),
        (true, false) => Some((
            "pods are stopped one by one, and the claims of stopped ones are deleted",
            RETENTION,
        )),
        (false, true) => Some((
            "pods are started or stopped at once; what a stopped one stored stays",
            PARALLEL,
        )),
        (false, false) => None,
    };
    if let Some((because, source)) = because {
        (field.because, field.source) = (because, source);
    }
    if loses {
        Some(
            "`whenScaled: Delete` deletes the claims of the pods that are stopped, with their data",
        )
    } else {
        leaves
            .then_some("the claims of the pods that are stopped stay, and nobody reads their data")
    }
}
