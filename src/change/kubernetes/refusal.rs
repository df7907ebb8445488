//! What the API server says where it refuses a change, word for word; … is for what it says in between.
//!
//! Seen on v1.36.3: `tests/changes/observed/kubernetes.json`.

use crate::change::Field;
use crate::targets::Object;
use serde_json::Value;

/// The refusal of another selector.
pub(super) fn selector(kind: &str, name: &str, new: &Value) -> String {
    let selector = new.pointer("/spec/selector").cloned().unwrap_or_default();
    format!(
        "The {kind} \"{name}\" is invalid: spec.selector: Invalid value: {selector}: field is immutable"
    )
}

/// The refusal of another run under the name of one, without the value, which is the whole of it.
pub(super) fn job(name: &str, field: &str) -> String {
    format!("The Job \"{name}\" is invalid: {field}: Invalid value")
}

/// The refusal of another value where none may be, without the value and why.
pub(super) fn field(kind: &str, name: &str, place: &str) -> String {
    format!("The {kind} \"{name}\" is invalid: {place}: Invalid value")
}

/// The same, in other words.
pub(super) fn forbidden(kind: &str, name: &str, place: &str) -> String {
    format!("The {kind} \"{name}\" is invalid: {place}: Forbidden")
}

/// The refusal of what is wrong by itself.
pub(super) fn fault(kind: &str, name: &str, place: &str, said: &str) -> String {
    format!("The {kind} \"{name}\" is invalid: {place}: {said}")
}

/// The refusal of a version that is served no more, by kubectl, before it is asked of the API server.
pub(super) fn no_version(object: &Object, version: &str, since: &str) -> String {
    let namespace = object.namespace.as_deref().unwrap_or_default();
    format!(
        "resource mapping not found for name: \"{}\" namespace: \"{namespace}\" from …: no matches for kind \"{}\" in version \
         \"{version}\"; unless the API server is older than {since}",
        object.name, object.kind
    )
}

/// The refusal of what cannot be read, where an object is made (kubernetes/kubernetes
/// `staging/src/k8s.io/apiserver/pkg/endpoints/handlers/create.go`, `createHandler`).
pub(super) fn unread(kind: &str, version: &str, why: &str) -> String {
    format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}")
}

/// The same, where an object is changed by `kubectl apply` (`staging/src/k8s.io/apiserver/pkg/endpoints/handlers/patch.go`,
/// `applyPatchToObject`).
pub(super) fn unread_patch(why: &str) -> String {
    format!("The request is invalid: patch: Invalid value: …: {why}")
}

/// The refusal of an address that another Service has.
pub(super) fn taken_address(name: &str, address: &str) -> String {
    format!(
        "The Service \"{name}\" is invalid: spec.clusterIPs: Invalid value: [\"{address}\"]: failed to allocate IP {address}: \
         provided IP is already allocated"
    )
}

/// The refusal of what a `StatefulSet` keeps.
pub(super) fn stateful_set(name: &str) -> String {
    format!(
        "The StatefulSet \"{name}\" is invalid: spec: Forbidden: updates to statefulset spec for fields \
         other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', \
         'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
    )
}

/// The refusal of other data in what says that it never changes, and of saying so no more.
pub(super) fn immutable(kind: &str, name: &str, what: &str) -> String {
    format!(
        "The {kind} \"{name}\" is invalid: {what}: Forbidden: field is immutable when `immutable` is set"
    )
}

/// The refusal of letting the pods of a `StatefulSet` wait that were replaced by themselves.
pub(super) fn on_delete(name: &str) -> String {
    format!(
        "The StatefulSet \"{name}\" is invalid: spec.updateStrategy.rollingUpdate: Invalid value: …: only allowed for \
         updateStrategy 'RollingUpdate'"
    )
}

/// The refusal of another pod under the name of one.
pub(super) fn pod(name: &str) -> String {
    format!(
        "The Pod \"{name}\" is invalid: spec: Forbidden: pod updates may not change fields other than "
    )
}

/// The refusal of another role.
pub(super) fn role(kind: &str, name: &str, role: &Value) -> String {
    let of = |key| role.get(key).and_then(Value::as_str).unwrap_or_default();
    let (group, role_kind, role) = (of("apiGroup"), of("kind"), of("name"));
    // What is not written has its default by then.
    let group = if group.is_empty() {
        "rbac.authorization.k8s.io"
    } else {
        group
    };
    format!(
        "The {kind} \"{name}\" is invalid: roleRef: Invalid value: \
         {{\"APIGroup\":\"{group}\",\"Kind\":\"{role_kind}\",\"Name\":\"{role}\"}}: cannot change roleRef"
    )
}

/// The refusal of another way to make volumes.
pub(super) fn class(name: &str, path: &str) -> String {
    let field = path.split(['.', '[']).next().unwrap_or(path);
    format!("The StorageClass \"{name}\" is invalid: {field}: Invalid value")
}

/// The refusal of another kind of Secret.
pub(super) fn secret_type(name: &str, field: &Field) -> String {
    let is = field.new.clone().unwrap_or_default();
    format!("The Secret \"{name}\" is invalid: type: Invalid value: {is}: field is immutable")
}

/// The refusal of another maker of a load balancer.
pub(super) fn load_balancer(name: &str, field: &Field) -> String {
    let is = field.new.clone().unwrap_or_default();
    format!(
        "The Service \"{name}\" is invalid: spec.loadBalancerClass: Invalid value: {is}: may not change once set"
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
