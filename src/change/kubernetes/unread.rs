//! What the API server, or kubectl before it, cannot read as the kind that it says it is: a number where a text is asked for, a field that
//! no type has.
//!
//! `kubernetes.io/docs/reference/using-api/api-concepts`, Field validation: `kubectl apply` asks for `Strict`.

use super::decoding::{Found, Is, Reader, Unread, Why};
use super::invalid::{as_told, is_around};
use super::refused::Refused;
use super::{refusal, version};
use crate::change::{Effect, Field, Refusal};
use crate::targets::{Content, Object};
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::Deserialize;
use serde_json::Value;
use std::cell::RefCell;

/// What is said of an object that cannot be read; its field is refused.
pub(super) fn consider(object: &Object, fields: &mut [Field], is_new: bool) -> Option<Refused> {
    // What zdc writes comes from these types, and what is patched into it is held to them.
    let Content::Value(value) = &object.content else {
        return None;
    };
    let found = read(version(object), &object.kind, value)?;
    let (places, why) = if let Some(unread) = &found.unread {
        (vec![&unread.place], words(unread, is_new))
    } else {
        let unknown = found.unknown.iter();
        let unknown = unknown.map(|it| format!("unknown field \"{it}\""));
        let unknown: Vec<String> = unknown.collect();
        let why = format!("strict decoding error: {}", unknown.join(", "));
        (found.unknown.iter().collect(), why)
    };
    for place in &places {
        let told = as_told(&object.content, place);
        for field in fields.iter_mut().filter(|it| is_around(&it.path, &told)) {
            field.effect = Effect::Refused;
        }
    }
    let said = match &found.unread {
        // kubectl reads the metadata itself: staging/src/k8s.io/cli-runtime/pkg/resource/mapper.go, `infoForData`.
        Some(Unread {
            place,
            why: Why::Type(..),
        }) if place.starts_with("metadata.") => {
            format!("unable to decode …: {why}")
        }
        _ if is_new => {
            let version = version(object).rsplit('/').next().unwrap_or_default();
            refusal::unread(&object.kind, version, &why)
        }
        _ => refusal::unread_patch(&why),
    };
    let refusal = match &found.unread {
        Some(_) => Refusal::Invalid,
        None => Refusal::Unknown,
    };
    Some((refusal, said))
}

/// Why something cannot be read: of a new object as it is sent (kubernetes-sigs/json `internal/golang/encoding/json/decode.go`,
/// `UnmarshalTypeError`), of one that is there as it comes out of the patch (kubernetes/kubernetes
/// `staging/src/k8s.io/apimachinery/pkg/runtime/converter.go`, `fromUnstructured`). The metadata is read by kubectl, whole.
fn words(unread: &Unread, is_new: bool) -> String {
    match &unread.why {
        Why::Type(is, field, wanted) if is_new || unread.place.starts_with("metadata.") => {
            let is = match is {
                Is::Text => "string",
                // Which one is said where a whole number is asked for.
                Is::Fraction if wanted.starts_with("int") => "number …",
                Is::Whole | Is::Fraction => "number",
                Is::Truth => "bool",
                Is::List => "array",
                Is::Map => "object",
            };
            format!("json: cannot unmarshal {is} into Go struct field {field} of type {wanted}")
        }
        Why::Type(Is::Whole, _, "string") => "cannot convert int64 to string".to_owned(),
        Why::Type(Is::Fraction, _, wanted @ ("int32" | "int64")) => {
            format!("cannot convert float64 to {wanted}")
        }
        Why::Type(_, _, wanted @ ("string" | "int32" | "int64" | "bool")) => {
            format!("unrecognized type: {wanted}")
        }
        Why::Type(..) => "cannot restore …".to_owned(),
        Why::Bytes if is_new => "illegal base64 data at input byte …".to_owned(),
        Why::Bytes => "error decoding from json: illegal base64 data at input byte …".to_owned(),
        Why::Amount(why) => (*why).to_owned(),
    }
}

/// What was found in an object, where that is something and its kind is known.
fn read(version: &str, kind: &str, value: &Value) -> Option<Found> {
    let found = RefCell::default();
    let reader = Reader::new(value, &found);
    macro_rules! read {
        ($($version:literal: $($kind:ident)*;)*) => {
            match (version, kind) {
                $($(($version, stringify!($kind)) => $kind::deserialize(reader).map(drop),)*)*
                _ => return None,
            }
        };
    }
    let read = read! {
        "v1": ConfigMap PersistentVolumeClaim Pod Secret Service ServiceAccount;
        "apps/v1": DaemonSet Deployment ReplicaSet StatefulSet;
        "autoscaling/v2": HorizontalPodAutoscaler;
        "batch/v1": CronJob Job;
        "networking.k8s.io/v1": Ingress NetworkPolicy;
        "policy/v1": PodDisruptionBudget;
        "rbac.authorization.k8s.io/v1": ClusterRole ClusterRoleBinding Role RoleBinding;
    };
    let found = found.into_inner();
    // What is not read for another reason is not judged.
    let is_known = found.unread.is_some() || read.is_ok() && !found.unknown.is_empty();
    is_known.then_some(found)
}
