//! What the API server keeps of objects that no pod is made of: another value is refused.

use crate::change::Effect;
use crate::change::rules::Rule;

/// The rules of a kind of which something is kept.
pub(super) fn of(kind: &str) -> Option<&'static [Rule]> {
    Some(match kind {
        "PersistentVolume" => VOLUME,
        "PriorityClass" => PRIORITY_CLASS,
        "CustomResourceDefinition" => DEFINITION,
        "IngressClass" => INGRESS_CLASS,
        "GatewayClass" => GATEWAY_CLASS,
        "RuntimeClass" => RUNTIME_CLASS,
        "EndpointSlice" => ENDPOINT_SLICE,
        "ResourceQuota" => RESOURCE_QUOTA,
        "CSIDriver" => CSI_DRIVER,
        _ => return None,
    })
}

const VALIDATION: &str = "kubernetes/kubernetes pkg/apis, validation of the kind";

const KEPT: &str = "it cannot be changed once it is there";

static VOLUME: &[Rule] = &[
    Rule::new(
        "spec.capacity.**",
        Effect::InPlace,
        "no pod is replaced",
        VALIDATION,
    ),
    Rule::new(
        "spec.accessModes",
        Effect::InPlace,
        "no pod is replaced",
        VALIDATION,
    ),
    Rule::new(
        "spec.claimRef.**",
        Effect::InPlace,
        "no pod is replaced",
        VALIDATION,
    ),
    Rule::new(
        "spec.mountOptions",
        Effect::InPlace,
        "no pod is replaced",
        VALIDATION,
    ),
    Rule::new(
        "spec.nodeAffinity.**",
        Effect::InPlace,
        "no pod is replaced",
        VALIDATION,
    ),
    Rule::new(
        "spec.persistentVolumeReclaimPolicy",
        Effect::InPlace,
        "no pod is replaced",
        VALIDATION,
    ),
    Rule::new(
        "spec.storageClassName",
        Effect::InPlace,
        "no pod is replaced",
        VALIDATION,
    ),
    Rule::new(
        "spec.volumeAttributesClassName",
        Effect::InPlace,
        "no pod is replaced",
        VALIDATION,
    ),
    Rule::new(
        "spec.**",
        Effect::Refused,
        "where a volume is cannot be changed",
        "kubernetes/kubernetes pkg/apis/core/validation, ValidatePersistentVolumeUpdate",
    ),
    Rule::new("**", Effect::InPlace, "no pod is replaced", VALIDATION),
];

static PRIORITY_CLASS: &[Rule] = &[
    Rule::new(
        "value",
        Effect::Refused,
        KEPT,
        "kubernetes/kubernetes pkg/apis/scheduling/validation, ValidatePriorityClassUpdate",
    ),
    Rule::new(
        "preemptionPolicy",
        Effect::Refused,
        KEPT,
        "kubernetes/kubernetes pkg/apis/scheduling/validation, ValidatePriorityClassUpdate",
    ),
    Rule::new("**", Effect::InPlace, "no pod is replaced", VALIDATION),
];

const DEFINITIONS: &str = "kubernetes/kubernetes staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation, validateCustomResourceDefinitionSpecUpdate";

static DEFINITION: &[Rule] = &[
    Rule::new("spec.scope", Effect::Refused, KEPT, DEFINITIONS),
    Rule::new("spec.group", Effect::Refused, KEPT, DEFINITIONS),
    Rule::new("spec.names.kind", Effect::Refused, KEPT, DEFINITIONS),
    Rule::new("spec.names.plural", Effect::Refused, KEPT, DEFINITIONS),
    Rule::new("**", Effect::InPlace, "no pod is replaced", VALIDATION),
];

static INGRESS_CLASS: &[Rule] = &[
    Rule::new(
        "spec.controller",
        Effect::Refused,
        KEPT,
        "kubernetes/kubernetes pkg/apis/networking/validation, validateIngressClassSpecUpdate",
    ),
    Rule::new("**", Effect::InPlace, "no pod is replaced", VALIDATION),
];

static GATEWAY_CLASS: &[Rule] = &[
    Rule::new(
        "spec.controllerName",
        Effect::Refused,
        KEPT,
        "kubernetes-sigs/gateway-api apis/v1/gatewayclass_types.go",
    ),
    Rule::new("**", Effect::InPlace, "no pod is replaced", VALIDATION),
];

static RUNTIME_CLASS: &[Rule] = &[
    Rule::new(
        "handler",
        Effect::Refused,
        KEPT,
        "kubernetes/kubernetes pkg/apis/node/validation, ValidateRuntimeClassUpdate",
    ),
    Rule::new("**", Effect::InPlace, "no pod is replaced", VALIDATION),
];

static ENDPOINT_SLICE: &[Rule] = &[
    Rule::new(
        "addressType",
        Effect::Refused,
        KEPT,
        "kubernetes/kubernetes pkg/apis/discovery/validation, ValidateEndpointSliceUpdate",
    ),
    Rule::new("**", Effect::InPlace, "no pod is replaced", VALIDATION),
];

static RESOURCE_QUOTA: &[Rule] = &[
    Rule::new(
        "spec.scopes",
        Effect::Refused,
        KEPT,
        "kubernetes/kubernetes pkg/apis/core/validation, ValidateResourceQuotaUpdate",
    ),
    Rule::new("**", Effect::InPlace, "no pod is replaced", VALIDATION),
];

static CSI_DRIVER: &[Rule] = &[
    Rule::new(
        "spec.attachRequired",
        Effect::Refused,
        KEPT,
        "kubernetes/kubernetes pkg/apis/storage/validation, ValidateCSIDriverUpdate",
    ),
    Rule::new(
        "spec.volumeLifecycleModes",
        Effect::Refused,
        KEPT,
        "kubernetes/kubernetes pkg/apis/storage/validation, ValidateCSIDriverUpdate",
    ),
    Rule::new("**", Effect::InPlace, "no pod is replaced", VALIDATION),
];
