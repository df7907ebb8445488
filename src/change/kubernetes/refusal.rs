//! What the API server says where it refuses a change, word for word.
//!
//! Seen on v1.36.3: `tests/changes/observed/kubernetes.json`.

use serde_json::Value;

/// The refusal of another selector.
pub(super) fn selector(kind: &str, name: &str, new: &Value) -> String {
    let selector = new.pointer("/spec/selector").cloned().unwrap_or_default();
    format!(
        "The {kind} \"{name}\" is invalid: spec.selector: Invalid value: {selector}: field is immutable"
    )
}

/// The refusal of another run under the name of one; the value that it goes on with is the whole of it.
pub(super) fn job(name: &str, field: &str) -> String {
    format!("The Job \"{name}\" is invalid: {field}: Invalid value: ")
}

/// The refusal of what a `StatefulSet` keeps.
pub(super) fn stateful_set(name: &str) -> String {
    format!(
        "The StatefulSet \"{name}\" is invalid: spec: Forbidden: updates to statefulset spec for fields \
         other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', \
         'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )
}

/// The refusal of other data in a `ConfigMap` that says it never changes.
pub(super) fn immutable(kind: &str, name: &str) -> String {
    format!(
        "The {kind} \"{name}\" is invalid: data: Forbidden: field is immutable when `immutable` is set"
    )
}

/// The refusal of another claim.
pub(super) fn claim(name: &str) -> String {
    format!(
        "The PersistentVolumeClaim \"{name}\" is invalid: spec: Forbidden: spec is immutable after \
         creation except resources.requests and volumeAttributesClassName for bound claims"
    )
}

/// The refusal of a smaller claim, once it is bound.
pub(super) fn smaller(name: &str) -> String {
    format!(
        "The PersistentVolumeClaim \"{name}\" is invalid: spec.resources.requests.storage: Forbidden: \
         field can not be less than status.capacity"
    )
}

/// The refusal of an address for a Service that had none, and the other way round.
pub(super) fn address(name: &str, new: &Value) -> String {
    let address = new.pointer("/spec/clusterIP").and_then(Value::as_str);
    match address {
        Some(address) => format!(
            "The Service \"{name}\" is invalid: spec.clusterIPs[0]: Invalid value: [\"{address}\"]: may \
             not change once set"
        ),
        None => format!(
            "The Service \"{name}\" is invalid: spec.clusterIPs[0]: Invalid value: []: primary clusterIP \
             can not be unset"
        ),
    }
}

/// The refusal of a port of the nodes that another Service has.
pub(super) fn port(name: &str, index: usize, port: u64) -> String {
    format!(
        "The Service \"{name}\" is invalid: spec.ports[{index}].nodePort: Invalid value: {port}: provided port is \
         already allocated"
    )
}
