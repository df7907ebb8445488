//! Whose number of pods something else than its manifest says.

use super::objects;
use crate::change::difference::at;
use crate::targets::Object;
use rustc_hash::FxHashMap;
use serde_json::Value;

/// The least number of pods of each workload that is scaled, by kind, name and namespace.
pub(super) struct Scaling(FxHashMap<(String, String, Option<String>), u64>);

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
            let spec = at(&object.content, &["spec"])?;
            let target = spec.get("scaleTargetRef")?;
            let text = |key| target.get(key).and_then(Value::as_str);
            let kind = text("kind").unwrap_or("Deployment").to_owned();
            let name = text("name")?.to_owned();
            let least = spec.get(least).and_then(Value::as_u64).unwrap_or(default);
            Some(((kind, name, object.namespace.clone()), least))
        });
        Self(scaled.collect())
    }

    /// The least number of pods that a workload is scaled to, where it is.
    pub(super) fn least(&self, object: &Object) -> Option<u64> {
        // Nearly all programs have none.
        if self.0.is_empty() {
            return None;
        }
        let key = (
            object.kind.clone(),
            object.name.clone(),
            object.namespace.clone(),
        );
        self.0.get(&key).copied()
    }
}
