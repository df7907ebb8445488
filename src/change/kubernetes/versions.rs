//! Versions of the API that are served no more: nothing of one can be applied.
//!
//! `kubernetes.io/docs/reference/using-api/deprecation-guide`, by the release that each is gone since. The oldest API server that is
//! assumed is that of the types that objects are held to, 1.33: all of these are gone from it.

use super::refused::Refused;
use super::{is_generated, refusal, version};
use crate::change::Refusal;
use crate::targets::Object;

/// The release that one is gone since, a version of a group, and the kinds of it; none where it is all of them. What came to a version
/// later is not listed.
type Gone = (&'static str, &'static str, &'static [&'static str]);

const GONE: [Gone; 25] = [
    (
        "1.16",
        "extensions/v1beta1",
        &[
            "DaemonSet",
            "Deployment",
            "NetworkPolicy",
            "PodSecurityPolicy",
            "ReplicaSet",
        ],
    ),
    ("1.16", "apps/v1beta1", &[]),
    ("1.16", "apps/v1beta2", &[]),
    ("1.22", "extensions/v1beta1", &["Ingress"]),
    (
        "1.22",
        "networking.k8s.io/v1beta1",
        &["Ingress", "IngressClass"],
    ),
    (
        "1.22",
        "admissionregistration.k8s.io/v1beta1",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("1.22", "apiextensions.k8s.io/v1beta1", &[]),
    ("1.22", "apiregistration.k8s.io/v1beta1", &[]),
    (
        "1.22",
        "certificates.k8s.io/v1beta1",
        &["CertificateSigningRequest"],
    ),
    ("1.22", "coordination.k8s.io/v1beta1", &["Lease"]),
    ("1.22", "rbac.authorization.k8s.io/v1alpha1", &[]),
    ("1.22", "rbac.authorization.k8s.io/v1beta1", &[]),
    ("1.22", "scheduling.k8s.io/v1beta1", &["PriorityClass"]),
    (
        "1.22",
        "storage.k8s.io/v1beta1",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"],
    ),
    ("1.25", "batch/v1beta1", &["CronJob"]),
    ("1.25", "discovery.k8s.io/v1beta1", &["EndpointSlice"]),
    ("1.25", "events.k8s.io/v1beta1", &["Event"]),
    ("1.25", "autoscaling/v2beta1", &[]),
    (
        "1.25",
        "policy/v1beta1",
        &["PodDisruptionBudget", "PodSecurityPolicy"],
    ),
    ("1.25", "node.k8s.io/v1beta1", &["RuntimeClass"]),
    ("1.26", "autoscaling/v2beta2", &[]),
    ("1.26", "flowcontrol.apiserver.k8s.io/v1beta1", &[]),
    ("1.27", "storage.k8s.io/v1beta1", &["CSIStorageCapacity"]),
    ("1.29", "flowcontrol.apiserver.k8s.io/v1beta2", &[]),
    ("1.32", "flowcontrol.apiserver.k8s.io/v1beta3", &[]),
];

/// What is said of an object of one of them.
pub(super) fn consider(object: &Object) -> Option<Refused> {
    let (version, kind) = (version(object), &*object.kind);
    let mut gone = GONE.iter();
    let (since, ..) =
        gone.find(|(_, of, kinds)| *of == version && (kinds.is_empty() || kinds.contains(&kind)))?;
    let said = refusal::no_version(object, version, since);
    (!is_generated(object)).then_some((Refusal::Invalid, said))
}
