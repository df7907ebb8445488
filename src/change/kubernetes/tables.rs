//! What may be left out of an object, with what it means to leave it out.
//!
//! kubernetes/kubernetes `pkg/apis/*/v1/defaults.go`, by the function that each part names.

use serde_json::Value;

/// A value that may be left out.
#[derive(Clone, Copy)]
pub(super) enum Left {
    Text(&'static str),
    Number(u64),
    No,
    Yes,
}

use Left::{No, Number, Text, Yes};

impl Left {
    pub(super) fn is(self, value: &Value) -> bool {
        match self {
            Text(text) => value.as_str() == Some(text),
            Number(number) => value.as_u64() == Some(number),
            No => value == &Value::Bool(false),
            Yes => value == &Value::Bool(true),
        }
    }
}

pub(super) type Table = &'static [(&'static str, Left)];

/// Of a pod. Not what `SetDefaults_Pod` adds: it is for pods, and not for templates of them.
pub(super) static POD: Table = &[
    // SetDefaults_PodSpec
    ("dnsPolicy", Text("ClusterFirst")),
    ("restartPolicy", Text("Always")),
    ("terminationGracePeriodSeconds", Number(30)),
    ("schedulerName", Text("default-scheduler")),
    // Of a field that is no pointer, no and nothing are the same: staging/src/k8s.io/api/core/v1/types.go.
    ("hostNetwork", No),
    ("hostPID", No),
    ("hostIPC", No),
    ("containers.*.stdin", No),
    ("containers.*.stdinOnce", No),
    ("containers.*.tty", No),
    ("containers.*.env.*.value", Text("")),
    ("containers.*.volumeMounts.*.readOnly", No),
    ("containers.*.volumeMounts.*.subPath", Text("")),
    ("containers.*.livenessProbe.initialDelaySeconds", Number(0)),
    ("containers.*.readinessProbe.initialDelaySeconds", Number(0)),
    ("containers.*.startupProbe.initialDelaySeconds", Number(0)),
    ("volumes.*.persistentVolumeClaim.readOnly", No),
    // SetDefaults_Container
    (
        "containers.*.terminationMessagePath",
        Text("/dev/termination-log"),
    ),
    ("containers.*.terminationMessagePolicy", Text("File")),
    // Declared at ContainerPort in types.go.
    ("containers.*.ports.*.protocol", Text("TCP")),
    // SetDefaults_ObjectFieldSelector
    (
        "containers.*.env.*.valueFrom.fieldRef.apiVersion",
        Text("v1"),
    ),
    // SetDefaults_Probe
    ("containers.*.livenessProbe.timeoutSeconds", Number(1)),
    ("containers.*.livenessProbe.periodSeconds", Number(10)),
    ("containers.*.livenessProbe.successThreshold", Number(1)),
    ("containers.*.livenessProbe.failureThreshold", Number(3)),
    ("containers.*.readinessProbe.timeoutSeconds", Number(1)),
    ("containers.*.readinessProbe.periodSeconds", Number(10)),
    ("containers.*.readinessProbe.successThreshold", Number(1)),
    ("containers.*.readinessProbe.failureThreshold", Number(3)),
    ("containers.*.startupProbe.timeoutSeconds", Number(1)),
    ("containers.*.startupProbe.periodSeconds", Number(10)),
    ("containers.*.startupProbe.successThreshold", Number(1)),
    ("containers.*.startupProbe.failureThreshold", Number(3)),
    // SetDefaults_HTTPGetAction
    ("containers.*.livenessProbe.httpGet.path", Text("/")),
    ("containers.*.livenessProbe.httpGet.scheme", Text("HTTP")),
    ("containers.*.readinessProbe.httpGet.path", Text("/")),
    ("containers.*.readinessProbe.httpGet.scheme", Text("HTTP")),
    ("containers.*.startupProbe.httpGet.path", Text("/")),
    ("containers.*.startupProbe.httpGet.scheme", Text("HTTP")),
    ("containers.*.lifecycle.*.httpGet.path", Text("/")),
    ("containers.*.lifecycle.*.httpGet.scheme", Text("HTTP")),
    // Declared at GRPCAction in types.go.
    ("containers.*.livenessProbe.grpc.service", Text("")),
    ("containers.*.readinessProbe.grpc.service", Text("")),
    ("containers.*.startupProbe.grpc.service", Text("")),
    // SetDefaults_SecretVolumeSource and the three like it; 420 is 0644.
    ("volumes.*.secret.defaultMode", Number(420)),
    ("volumes.*.configMap.defaultMode", Number(420)),
    ("volumes.*.downwardAPI.defaultMode", Number(420)),
    ("volumes.*.projected.defaultMode", Number(420)),
    // SetDefaults_HostPathVolumeSource
    ("volumes.*.hostPath.type", Text("")),
    // SetDefaults_ServiceAccountTokenProjection
    (
        "volumes.*.projected.sources.*.serviceAccountToken.expirationSeconds",
        Number(3600),
    ),
];

/// Of what else an object holds.
pub(super) fn table(kind: &str) -> Table {
    match kind {
        // apps/v1, SetDefaults_Deployment
        "Deployment" => &[
            ("spec.replicas", Number(1)),
            ("spec.strategy.type", Text("RollingUpdate")),
            ("spec.strategy.rollingUpdate.maxSurge", Text("25%")),
            ("spec.strategy.rollingUpdate.maxUnavailable", Text("25%")),
            ("spec.revisionHistoryLimit", Number(10)),
            ("spec.progressDeadlineSeconds", Number(600)),
            ("spec.minReadySeconds", Number(0)),
            ("spec.paused", No),
        ],
        // apps/v1, SetDefaults_StatefulSet; core/v1, SetDefaults_PersistentVolumeClaimSpec; apps/v1/conversion.go,
        // Convert_v1_StatefulSetSpec_To_apps_StatefulSetSpec, which takes the kind out of a claim's template.
        "StatefulSet" => &[
            ("spec.replicas", Number(1)),
            ("spec.podManagementPolicy", Text("OrderedReady")),
            ("spec.updateStrategy.type", Text("RollingUpdate")),
            ("spec.updateStrategy.rollingUpdate.partition", Number(0)),
            (
                "spec.persistentVolumeClaimRetentionPolicy.whenDeleted",
                Text("Retain"),
            ),
            (
                "spec.persistentVolumeClaimRetentionPolicy.whenScaled",
                Text("Retain"),
            ),
            ("spec.revisionHistoryLimit", Number(10)),
            ("spec.minReadySeconds", Number(0)),
            ("spec.serviceName", Text("")),
            ("spec.volumeClaimTemplates.*.apiVersion", Text("v1")),
            (
                "spec.volumeClaimTemplates.*.kind",
                Text("PersistentVolumeClaim"),
            ),
            (
                "spec.volumeClaimTemplates.*.spec.volumeMode",
                Text("Filesystem"),
            ),
            ("spec.volumeClaimTemplates.*.status.phase", Text("Pending")),
        ],
        // apps/v1, SetDefaults_DaemonSet
        "DaemonSet" => &[
            ("spec.updateStrategy.type", Text("RollingUpdate")),
            (
                "spec.updateStrategy.rollingUpdate.maxUnavailable",
                Number(1),
            ),
            ("spec.updateStrategy.rollingUpdate.maxSurge", Number(0)),
            ("spec.revisionHistoryLimit", Number(10)),
            ("spec.minReadySeconds", Number(0)),
        ],
        // apps/v1, SetDefaults_ReplicaSet
        "ReplicaSet" => &[
            ("spec.replicas", Number(1)),
            ("spec.minReadySeconds", Number(0)),
        ],
        // batch/v1, SetDefaults_Job; `completions` is below.
        "Job" => &[
            ("spec.parallelism", Number(1)),
            ("spec.backoffLimit", Number(6)),
            ("spec.completionMode", Text("NonIndexed")),
            ("spec.suspend", No),
        ],
        // batch/v1, SetDefaults_CronJob
        "CronJob" => &[
            ("spec.concurrencyPolicy", Text("Allow")),
            ("spec.suspend", No),
            ("spec.successfulJobsHistoryLimit", Number(3)),
            ("spec.failedJobsHistoryLimit", Number(1)),
        ],
        // rbac/v1, SetDefaults_RoleBinding, SetDefaults_ClusterRoleBinding and SetDefaults_Subject
        "RoleBinding" | "ClusterRoleBinding" => &[
            ("roleRef.apiGroup", Text("rbac.authorization.k8s.io")),
            ("subjects.*.apiGroup", Text("rbac.authorization.k8s.io")),
            ("subjects.*.apiGroup", Text("")),
        ],
        // storage/v1, SetDefaults_StorageClass
        "StorageClass" => &[
            ("reclaimPolicy", Text("Delete")),
            ("volumeBindingMode", Text("Immediate")),
        ],
        // core/v1, SetDefaults_Secret
        "Secret" => &[("type", Text("Opaque"))],
        // core/v1, SetDefaults_PersistentVolumeClaimSpec
        "PersistentVolumeClaim" => &[("spec.volumeMode", Text("Filesystem"))],
        // core/v1, SetDefaults_PersistentVolume
        "PersistentVolume" => &[
            ("spec.volumeMode", Text("Filesystem")),
            ("spec.persistentVolumeReclaimPolicy", Text("Retain")),
        ],
        // core/v1, SetDefaults_Service; `targetPort` is below.
        "Service" => &[
            ("spec.type", Text("ClusterIP")),
            ("spec.sessionAffinity", Text("None")),
            ("spec.ports.*.protocol", Text("TCP")),
            ("spec.externalTrafficPolicy", Text("Cluster")),
            ("spec.internalTrafficPolicy", Text("Cluster")),
            ("spec.allocateLoadBalancerNodePorts", Yes),
            ("spec.publishNotReadyAddresses", No),
        ],
        _ => &[],
    }
}

/// Where an amount is a quantity, in a pod.
pub(super) static POD_QUANTITIES: &[&str] = &[
    "containers.*.resources.*.*",
    "resources.*.*",
    "overhead.*",
    "volumes.*.emptyDir.sizeLimit",
    "volumes.*.ephemeral.volumeClaimTemplate.spec.resources.*.*",
];

/// And elsewhere.
pub(super) static QUANTITIES: &[&str] = &[
    "spec.resources.*.*",
    "spec.capacity.*",
    "spec.hard.*",
    "spec.volumeClaimTemplates.*.spec.resources.*.*",
    "overhead.podFixed.*",
];

/// Maps that are none where they are empty, since they stand behind no pointer.
pub(super) static MAPS: [&str; 13] = [
    "metadata",
    "labels",
    "annotations",
    "matchLabels",
    "nodeSelector",
    "limits",
    "requests",
    "overhead",
    "data",
    "binaryData",
    "strategy",
    "updateStrategy",
    "rollingUpdate",
];
