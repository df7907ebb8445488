//! The order in which people write the keys of an object: `name` before `image`, `replicas` before
//! `template`. `k8s-openapi` writes them by the alphabet.
//!
//! One table of the kinds and fields that the lowering sets. A test holds it to `k8s-openapi`'s own
//! writing: a field that was set and is missing here would be dropped.

use k8s_openapi::Resource;
use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy, Deployment, DeploymentSpec,
    DeploymentStrategy, RollingUpdateDaemonSet, RollingUpdateDeployment, StatefulSet,
    StatefulSetSpec,
};
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec,
    MetricTarget, ResourceMetricSource,
};
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapKeySelector, ConfigMapVolumeSource, Container, ContainerPort, EnvVar,
    EnvVarSource, ExecAction, GRPCAction, HTTPGetAction, HostPathVolumeSource, Lifecycle,
    LifecycleHandler, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource, PodSecurityContext, PodSpec, PodTemplateSpec, Probe,
    ResourceRequirements, SecretKeySelector, SecretVolumeSource, SecurityContext, Service,
    ServicePort, ServiceSpec, SleepAction, TCPSocketAction, TopologySpreadConstraint, Volume,
    VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, NetworkPolicy, NetworkPolicyEgressRule,
    NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
    ServiceBackendPort,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::collections::BTreeMap;

/// An object that is written in its people's order.
pub(super) struct Ordered<'a, T>(pub(super) &'a T);

impl<T: InOrder> Serialize for Ordered<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

/// What is written with its keys in order.
pub(super) trait InOrder {
    /// Whether there is nothing to write, not even its key.
    fn is_absent(&self) -> bool {
        false
    }

    /// Writes it.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

/// `Type { "key" field, … }`: the keys of a part of an object, in order.
macro_rules! parts {
    ($($part:ident { $($key:literal $field:ident,)* })*) => {$(
        impl InOrder for $part {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut state = serializer.serialize_struct(stringify!($part), 0)?;
                $(if !self.$field.is_absent() {
                    state.serialize_field($key, &Ordered(&self.$field))?;
                })*
                state.end()
            }
        }
    )*};
}

/// `Type { "key" field, … }`: the same for an object, whose first keys say what it is.
macro_rules! objects {
    ($($object:ident { $($key:literal $field:ident,)* })*) => {$(
        impl InOrder for $object {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut state = serializer.serialize_struct(stringify!($object), 0)?;
                state.serialize_field("apiVersion", <Self as Resource>::API_VERSION)?;
                state.serialize_field("kind", <Self as Resource>::KIND)?;
                state.serialize_field("metadata", &Ordered(&self.metadata))?;
                $(if !self.$field.is_absent() {
                    state.serialize_field($key, &Ordered(&self.$field))?;
                })*
                state.end()
            }
        }
    )*};
}

objects! {
    ConfigMap { "immutable" immutable, "data" data, }
    DaemonSet { "spec" spec, }
    Deployment { "spec" spec, }
    HorizontalPodAutoscaler { "spec" spec, }
    Ingress { "spec" spec, }
    NetworkPolicy { "spec" spec, }
    PersistentVolumeClaim { "spec" spec, }
    PodDisruptionBudget { "spec" spec, }
    Service { "spec" spec, }
    StatefulSet { "spec" spec, }
}

parts! {
    ObjectMeta {
        "name" name, "namespace" namespace, "labels" labels, "annotations" annotations,
    }
    LabelSelector { "matchLabels" match_labels, }

    DeploymentSpec {
        "replicas" replicas, "selector" selector, "strategy" strategy,
        "minReadySeconds" min_ready_seconds,
        "progressDeadlineSeconds" progress_deadline_seconds, "template" template,
    }
    StatefulSetSpec {
        "replicas" replicas, "selector" selector, "serviceName" service_name,
        "podManagementPolicy" pod_management_policy, "minReadySeconds" min_ready_seconds,
        "template" template, "volumeClaimTemplates" volume_claim_templates,
    }
    DeploymentStrategy { "type" type_, "rollingUpdate" rolling_update, }
    DaemonSetSpec {
        "selector" selector, "updateStrategy" update_strategy,
        "minReadySeconds" min_ready_seconds, "template" template,
    }
    DaemonSetUpdateStrategy { "type" type_, "rollingUpdate" rolling_update, }
    RollingUpdateDaemonSet {
        "maxSurge" max_surge, "maxUnavailable" max_unavailable,
    }
    RollingUpdateDeployment { "maxSurge" max_surge, "maxUnavailable" max_unavailable, }
    PodTemplateSpec { "metadata" metadata, "spec" spec, }
    PodSpec {
        "hostname" hostname, "enableServiceLinks" enable_service_links,
        "terminationGracePeriodSeconds" termination_grace_period_seconds,
        "nodeSelector" node_selector,
        "topologySpreadConstraints" topology_spread_constraints,
        "securityContext" security_context, "containers" containers, "volumes" volumes,
    }
    PodSecurityContext {
        "fsGroup" fs_group, "fsGroupChangePolicy" fs_group_change_policy,
    }
    TopologySpreadConstraint {
        "maxSkew" max_skew, "topologyKey" topology_key,
        "whenUnsatisfiable" when_unsatisfiable, "labelSelector" label_selector,
        "matchLabelKeys" match_label_keys,
    }
    Container {
        "name" name, "image" image, "imagePullPolicy" image_pull_policy, "command" command,
        "args" args, "workingDir" working_dir, "ports" ports, "env" env, "resources" resources,
        "startupProbe" startup_probe, "readinessProbe" readiness_probe,
        "livenessProbe" liveness_probe, "lifecycle" lifecycle,
        "securityContext" security_context, "volumeMounts" volume_mounts,
    }
    ContainerPort { "name" name, "containerPort" container_port, "protocol" protocol, }
    EnvVar { "name" name, "value" value, "valueFrom" value_from, }
    EnvVarSource { "configMapKeyRef" config_map_key_ref, "secretKeyRef" secret_key_ref, }
    ConfigMapKeySelector { "name" name, "key" key, }
    SecretKeySelector { "name" name, "key" key, }
    ResourceRequirements { "requests" requests, "limits" limits, }
    Probe {
        "httpGet" http_get, "tcpSocket" tcp_socket, "exec" exec, "grpc" grpc,
        "periodSeconds" period_seconds, "timeoutSeconds" timeout_seconds,
        "failureThreshold" failure_threshold,
    }
    HTTPGetAction { "path" path, "port" port, "scheme" scheme, }
    TCPSocketAction { "port" port, }
    ExecAction { "command" command, }
    GRPCAction { "port" port, }
    Lifecycle { "preStop" pre_stop, }
    LifecycleHandler { "sleep" sleep, }
    SleepAction { "seconds" seconds, }
    SecurityContext { "runAsUser" run_as_user, "runAsGroup" run_as_group, }
    VolumeMount {
        "name" name, "mountPath" mount_path, "subPath" sub_path, "readOnly" read_only,
    }
    Volume {
        "name" name, "configMap" config_map, "secret" secret,
        "persistentVolumeClaim" persistent_volume_claim, "hostPath" host_path,
    }
    ConfigMapVolumeSource { "name" name, }
    SecretVolumeSource { "secretName" secret_name, }
    PersistentVolumeClaimVolumeSource { "claimName" claim_name, }
    HostPathVolumeSource { "path" path, }

    ServiceSpec {
        "type" type_, "clusterIP" cluster_ip,
        "publishNotReadyAddresses" publish_not_ready_addresses, "selector" selector,
        "ports" ports,
    }
    ServicePort {
        "name" name, "port" port, "targetPort" target_port, "nodePort" node_port,
        "protocol" protocol, "appProtocol" app_protocol,
    }

    PersistentVolumeClaimSpec { "accessModes" access_modes, "resources" resources, }
    VolumeResourceRequirements { "requests" requests, }

    HorizontalPodAutoscalerSpec {
        "scaleTargetRef" scale_target_ref, "minReplicas" min_replicas,
        "maxReplicas" max_replicas, "metrics" metrics,
    }
    CrossVersionObjectReference { "apiVersion" api_version, "kind" kind, "name" name, }
    MetricSpec { "type" type_, "resource" resource, }
    ResourceMetricSource { "name" name, "target" target, }
    MetricTarget { "type" type_, "averageUtilization" average_utilization, }

    PodDisruptionBudgetSpec {
        "maxUnavailable" max_unavailable, "selector" selector,
        "unhealthyPodEvictionPolicy" unhealthy_pod_eviction_policy,
    }

    IngressSpec { "ingressClassName" ingress_class_name, "tls" tls, "rules" rules, }
    IngressTLS { "hosts" hosts, "secretName" secret_name, }
    IngressRule { "host" host, "http" http, }
    HTTPIngressRuleValue { "paths" paths, }
    HTTPIngressPath { "path" path, "pathType" path_type, "backend" backend, }
    IngressBackend { "service" service, }
    IngressServiceBackend { "name" name, "port" port, }
    ServiceBackendPort { "name" name, }

    NetworkPolicySpec {
        "podSelector" pod_selector, "policyTypes" policy_types, "ingress" ingress,
        "egress" egress,
    }
    NetworkPolicyIngressRule { "from" from, "ports" ports, }
    NetworkPolicyEgressRule { "to" to, "ports" ports, }
    NetworkPolicyPeer {
        "namespaceSelector" namespace_selector, "podSelector" pod_selector,
    }
    NetworkPolicyPort { "port" port, "protocol" protocol, }
}

impl<T: InOrder> InOrder for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(serializer),
            None => serializer.serialize_none(),
        }
    }
}

impl<T: InOrder> InOrder for Vec<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Ordered))
    }
}

impl<T: InOrder> InOrder for BTreeMap<String, T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (key, Ordered(value))))
    }
}

/// Values that have no keys.
macro_rules! leaves {
    ($($leaf:ty,)*) => {$(
        impl InOrder for $leaf {
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }
        }
    )*};
}

leaves! { String, bool, i32, i64, IntOrString, Quantity, }
