//! What the API server and the controllers do with another value at each place of an object.
//!
//! Immutable fields are those of the API's validation (kubernetes/kubernetes
//! `pkg/apis/apps/validation`, `pkg/apis/core/validation`); a rollout begins where the pod template
//! differs and nowhere else (`kubernetes.io/docs/concepts/workloads/controllers/deployment`, "Updating
//! a Deployment"). What is on record in `tests/changes/observed/kubernetes.json` was seen; the rest rests on
//! the source that it names.

use super::{kept, parts};
use crate::change::Effect;
use crate::change::rules::Rule;

const SEEN: &str = "tests/changes/observed/kubernetes.json";
const TEMPLATE: &str = "kubernetes.io/docs/concepts/workloads/controllers/deployment, Updating a Deployment; \
     tests/changes/observed/kubernetes.json";
const VALIDATION: &str = "kubernetes/kubernetes pkg/apis/apps/validation, ValidateStatefulSetUpdate, ValidateDeploymentUpdate, ValidateDaemonSetUpdate";
const BATCH: &str = "kubernetes/kubernetes pkg/apis/batch/validation, ValidateJobSpecUpdate; tests/changes/observed/kubernetes.json";
const RBAC: &str = "kubernetes/kubernetes pkg/apis/rbac/validation, ValidateRoleBindingUpdate; \
     tests/changes/observed/kubernetes.json";
const STORAGE: &str = "kubernetes/kubernetes pkg/apis/storage/validation, ValidateStorageClassUpdate; \
     tests/changes/observed/kubernetes.json";
const WORKLOADS: &str = "kubernetes.io/docs/concepts/workloads: who replaces pods is a workload";
const CORE: &str =
    "kubernetes/kubernetes pkg/apis/core/validation; tests/changes/observed/kubernetes.json";

/// The rules of a kind of object, of its group: one of others may have the name of another kind.
pub(super) fn of(group: &str, kind: &str) -> &'static [Rule] {
    match kind {
        _ if parts::is_custom(group) => CUSTOM,
        "Deployment" => DEPLOYMENT,
        "StatefulSet" => STATEFUL_SET,
        "DaemonSet" => DAEMON_SET,
        "Job" => JOB,
        "ConfigMap" => CONFIG_MAP,
        "PersistentVolumeClaim" => CLAIM,
        "Pod" => POD,
        "ReplicaSet" => REPLICA_SET,
        "RoleBinding" | "ClusterRoleBinding" => ROLE_BINDING,
        "Secret" => SECRET,
        "Service" => SERVICE,
        "StorageClass" => STORAGE_CLASS,
        kind => kept::of(kind).unwrap_or(OTHER),
    }
}

static DEPLOYMENT: &[Rule] = &[
    Rule::new(
        "spec.selector.**",
        Effect::Refused,
        "which pods a Deployment has cannot be changed",
        VALIDATION,
    ),
    Rule::new(
        "spec.template.**",
        Effect::Rolls,
        "another pod template is another ReplicaSet",
        TEMPLATE,
    ),
    Rule::new(
        "spec.replicas",
        Effect::InPlace,
        "pods are started or stopped at once, those of the old version too",
        SEEN,
    ),
    Rule::new(
        "spec.**",
        Effect::InPlace,
        "it is not part of the pod template: it counts from this rollout on",
        TEMPLATE,
    ),
    Rule::new(
        "metadata.**",
        Effect::InPlace,
        "labels and annotations of a Deployment are not its pods'",
        SEEN,
    ),
    Rule::new(
        "**",
        Effect::InPlace,
        "it is not part of the pod template",
        TEMPLATE,
    ),
];

static STATEFUL_SET: &[Rule] = &[
    Rule::new(
        "spec.template.**",
        Effect::Rolls,
        "another pod template is another revision: pods are replaced one by one, the last first",
        "kubernetes.io/docs/concepts/workloads/controllers/statefulset, Rolling Updates",
    ),
    Rule::new(
        "spec.replicas",
        Effect::InPlace,
        "pods are started or stopped one by one; what a stopped one stored stays",
        SEEN,
    ),
    Rule::new(
        "spec.updateStrategy.**",
        Effect::InPlace,
        "it is not part of a pod",
        VALIDATION,
    ),
    Rule::new(
        "spec.ordinals.**",
        Effect::InPlace,
        "it is not part of a pod",
        VALIDATION,
    ),
    Rule::new(
        "spec.minReadySeconds",
        Effect::InPlace,
        "it is not part of a pod",
        VALIDATION,
    ),
    Rule::new(
        "spec.revisionHistoryLimit",
        Effect::InPlace,
        "it is not part of a pod",
        VALIDATION,
    ),
    Rule::new(
        "spec.persistentVolumeClaimRetentionPolicy.**",
        Effect::InPlace,
        "it is not part of a pod",
        VALIDATION,
    ),
    Rule::new(
        "spec.**",
        Effect::Refused,
        "of a StatefulSet little more than its pods can be changed",
        VALIDATION,
    ),
    Rule::new(
        "metadata.**",
        Effect::InPlace,
        "labels and annotations of a StatefulSet are not its pods'",
        VALIDATION,
    ),
    Rule::new("**", Effect::InPlace, "it is not part of a pod", VALIDATION),
];

static DAEMON_SET: &[Rule] = &[
    Rule::new(
        "spec.selector.**",
        Effect::Refused,
        "which pods a DaemonSet has cannot be changed",
        VALIDATION,
    ),
    Rule::new(
        "spec.template.**",
        Effect::Rolls,
        "another pod template is another revision: the pod of each node is replaced",
        "kubernetes.io/docs/tasks/manage-daemon/update-daemon-set; tests/changes/observed/kubernetes.json",
    ),
    Rule::new("**", Effect::InPlace, "it is not part of a pod", VALIDATION),
];

static JOB: &[Rule] = &[
    Rule::new("spec.template.**", Effect::Refused, RUNS_ONCE, BATCH),
    Rule::new("spec.selector.**", Effect::Refused, RUNS_ONCE, BATCH),
    Rule::new("spec.completionMode", Effect::Refused, RUNS_ONCE, BATCH),
    Rule::new("spec.completions", Effect::Refused, RUNS_ONCE, BATCH),
    Rule::new(
        "spec.backoffLimitPerIndex",
        Effect::Refused,
        RUNS_ONCE,
        BATCH,
    ),
    Rule::new("spec.managedBy", Effect::Refused, RUNS_ONCE, BATCH),
    Rule::new(
        "spec.podFailurePolicy.**",
        Effect::Refused,
        RUNS_ONCE,
        BATCH,
    ),
    Rule::new("spec.successPolicy.**", Effect::Refused, RUNS_ONCE, BATCH),
    Rule::new(
        "spec.suspend",
        Effect::InPlace,
        "a Job that is suspended has no pods: those that run are stopped, and others started once it is resumed",
        "kubernetes.io/docs/concepts/workloads/controllers/job, Suspending a Job",
    ),
    Rule::new("**", Effect::InPlace, "its pods go on", BATCH),
];

const RUNS_ONCE: &str = "a Job is one run: another one has another name";

static CONFIG_MAP: &[Rule] = &[
    Rule::new(
        "metadata.**",
        Effect::InPlace,
        "no pod looks at labels and annotations of a ConfigMap",
        SEEN,
    ),
    Rule::new(
        "**",
        Effect::InPlace,
        "no pod is replaced: files in it change after a while, environment variables never",
        "kubernetes.io/docs/concepts/configuration/configmap, Mounted ConfigMaps are updated automatically; \
         tests/changes/observed/kubernetes.json",
    ),
];

static SECRET: &[Rule] = &[
    Rule::new(
        "type",
        Effect::Refused,
        "what a Secret is for cannot be changed",
        CORE,
    ),
    Rule::new(
        "**",
        Effect::InPlace,
        "no pod is replaced: files in it change after a while, environment variables never",
        "kubernetes.io/docs/concepts/configuration/secret, Mounted Secrets are updated automatically, Using Secrets as environment variables",
    ),
];

static POD: &[Rule] = &[
    Rule::new(
        "spec.containers.*.image",
        Effect::RestartsAtOnce,
        "its container is stopped, and another one started",
        CORE,
    ),
    Rule::new(
        "spec.initContainers.*.image",
        Effect::InPlace,
        "it has run already",
        CORE,
    ),
    Rule::new(
        "spec.activeDeadlineSeconds",
        Effect::InPlace,
        "the container runs on",
        CORE,
    ),
    Rule::new(
        "spec.**",
        Effect::Refused,
        "of a pod that is there little more than its images can be changed",
        CORE,
    ),
    Rule::new("**", Effect::InPlace, "the container runs on", CORE),
];

static REPLICA_SET: &[Rule] = &[
    Rule::new(
        "spec.selector.**",
        Effect::Refused,
        "which pods a ReplicaSet has cannot be changed",
        VALIDATION,
    ),
    Rule::new(
        "**",
        Effect::InPlace,
        "pods that are there stay as they are",
        VALIDATION,
    ),
];

static ROLE_BINDING: &[Rule] = &[
    Rule::new(
        "roleRef.**",
        Effect::Refused,
        "which role is bound cannot be changed",
        RBAC,
    ),
    Rule::new("**", Effect::InPlace, "it holds at once", RBAC),
];

static STORAGE_CLASS: &[Rule] = &[
    Rule::new("parameters.**", Effect::Refused, STAYS, STORAGE),
    Rule::new("provisioner", Effect::Refused, STAYS, STORAGE),
    Rule::new("reclaimPolicy", Effect::Refused, STAYS, STORAGE),
    Rule::new("volumeBindingMode", Effect::Refused, STAYS, STORAGE),
    Rule::new("**", Effect::InPlace, "it is for claims that come", STORAGE),
];

const STAYS: &str = "how a class makes volumes cannot be changed";

static CLAIM: &[Rule] = &[
    Rule::new(
        "spec.volumeAttributesClassName",
        Effect::InPlace,
        "the storage of a bound claim is changed where it is",
        CORE,
    ),
    Rule::new(
        "spec.resources.requests.storage",
        Effect::InPlace,
        "a bound claim may grow where its class lets it, and never shrinks",
        CORE,
    ),
    Rule::new(
        "spec.**",
        Effect::Refused,
        "a claim is for one kind of storage, which cannot be changed",
        CORE,
    ),
    Rule::new("**", Effect::InPlace, "no pod looks at it", SEEN),
];

static SERVICE: &[Rule] = &[
    Rule::new(
        "spec.clusterIPs",
        Effect::Refused,
        "the address of a Service cannot be changed",
        CORE,
    ),
    Rule::new(
        "spec.loadBalancerClass",
        Effect::Refused,
        "who makes the load balancer of a Service cannot be changed",
        CORE,
    ),
    Rule::new(
        "spec.ipFamilies",
        Effect::Refused,
        "the first family of a Service's addresses cannot be changed",
        CORE,
    ),
    Rule::new(
        "spec.healthCheckNodePort",
        Effect::Refused,
        "where a load balancer asks after a Service cannot be changed",
        "kubernetes/kubernetes pkg/registry/core/service/storage/alloc.go",
    ),
    Rule::new(
        "spec.clusterIP",
        Effect::Refused,
        "the address of a Service cannot be changed",
        CORE,
    ),
    Rule::new(
        "spec.**",
        Effect::InPlace,
        "it holds at once for every caller, old and new",
        SEEN,
    ),
    Rule::new("**", Effect::InPlace, "no pod is replaced", SEEN),
];

/// What is said of a kind that is not of Kubernetes.
pub(super) const NOT_KNOWN: &str =
    "what its controller does then is not known, nor whether pods are replaced";

static CUSTOM: &[Rule] = &[Rule::new(
    "**",
    Effect::InPlace,
    NOT_KNOWN,
    "kubernetes.io/docs/concepts/extend-kubernetes/api-extension/custom-resources, Custom controllers",
)];

static OTHER: &[Rule] = &[Rule::new(
    "**",
    Effect::InPlace,
    "no pod is replaced",
    WORKLOADS,
)];
