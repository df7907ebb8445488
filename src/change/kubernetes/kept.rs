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

const fn in_place(pattern: &'static str) -> Rule {
    Rule::new(pattern, Effect::InPlace, "no pod is replaced", VALIDATION)
}

const fn kept(pattern: &'static str, source: &'static str) -> Rule {
    Rule::new(pattern, Effect::Refused, KEPT, source)
}

const VALIDATION: &str = "kubernetes/kubernetes pkg/apis, validation of the kind";

const KEPT: &str = "it cannot be changed once it is there";

static VOLUME: &[Rule] = &[
    in_place("spec.capacity.**"),
    in_place("spec.accessModes"),
    in_place("spec.claimRef.**"),
    in_place("spec.mountOptions"),
    in_place("spec.nodeAffinity.**"),
    in_place("spec.persistentVolumeReclaimPolicy"),
    in_place("spec.storageClassName"),
    in_place("spec.volumeAttributesClassName"),
    Rule::new(
        "spec.**",
        Effect::Refused,
        "where a volume is cannot be changed",
        "kubernetes/kubernetes pkg/apis/core/validation, ValidatePersistentVolumeUpdate",
    ),
    in_place("**"),
];

static PRIORITY_CLASS: &[Rule] = &[
    kept(
        "value",
        "kubernetes/kubernetes pkg/apis/scheduling/validation, ValidatePriorityClassUpdate",
    ),
    kept(
        "preemptionPolicy",
        "kubernetes/kubernetes pkg/apis/scheduling/validation, ValidatePriorityClassUpdate",
    ),
    in_place("**"),
];

const DEFINITIONS: &str = "kubernetes/kubernetes staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation, validateCustomResourceDefinitionSpecUpdate";

static DEFINITION: &[Rule] = &[
    kept("spec.scope", DEFINITIONS),
    kept("spec.group", DEFINITIONS),
    kept("spec.names.kind", DEFINITIONS),
    kept("spec.names.plural", DEFINITIONS),
    in_place("**"),
];

static INGRESS_CLASS: &[Rule] = &[
    kept(
        "spec.controller",
        "kubernetes/kubernetes pkg/apis/networking/validation, validateIngressClassSpecUpdate",
    ),
    in_place("**"),
];

static GATEWAY_CLASS: &[Rule] = &[
    kept(
        "spec.controllerName",
        "kubernetes-sigs/gateway-api apis/v1/gatewayclass_types.go",
    ),
    in_place("**"),
];

static RUNTIME_CLASS: &[Rule] = &[
    kept(
        "handler",
        "kubernetes/kubernetes pkg/apis/node/validation, ValidateRuntimeClassUpdate",
    ),
    in_place("**"),
];

static ENDPOINT_SLICE: &[Rule] = &[
    kept(
        "addressType",
        "kubernetes/kubernetes pkg/apis/discovery/validation, ValidateEndpointSliceUpdate",
    ),
    in_place("**"),
];

static RESOURCE_QUOTA: &[Rule] = &[
    kept(
        "spec.scopes",
        "kubernetes/kubernetes pkg/apis/core/validation, ValidateResourceQuotaUpdate",
    ),
    in_place("**"),
];

static CSI_DRIVER: &[Rule] = &[
    kept(
        "spec.attachRequired",
        "kubernetes/kubernetes pkg/apis/storage/validation, ValidateCSIDriverUpdate",
    ),
    kept(
        "spec.volumeLifecycleModes",
        "kubernetes/kubernetes pkg/apis/storage/validation, ValidateCSIDriverUpdate",
    ),
    in_place("**"),
];
