//! What the API server takes of no Service, Ingress, autoscaler or disruption budget, changed or not.
//!
//! kubernetes/kubernetes `pkg/apis/*/validation`, by the function that each part names; its words are on record.

use super::refused::Refused;
use super::{invalid, refusal};
use crate::change::difference::value;
use crate::change::{Effect, Field, Refusal};
use crate::targets::{Content, Object};
use serde_json::Value;

/// What is wrong, place by place.
type Faults = Vec<(String, String)>;

/// What is said of an object, where something is wrong with it; its field is refused.
pub(super) fn consider(
    object: &Object,
    before: Option<&Content>,
    fields: &mut [Field],
) -> Option<Refused> {
    let (kind, name) = (&*object.kind, &*object.name);
    if ![
        "Service",
        "Ingress",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
    ]
    .contains(&kind)
    {
        return None;
    }
    let whole = value(&object.content);
    let group = super::group(object);
    let faults = match (group, kind) {
        ("", "Service") => service(&whole, before),
        ("networking.k8s.io", "Ingress") => ingress(&whole),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(&whole),
        ("policy", "PodDisruptionBudget") => budget(&whole),
        _ => return None,
    };
    let (place, said) = faults.first()?;
    for (place, _) in &faults {
        for field in fields
            .iter_mut()
            .filter(|it| invalid::is_around(&it.path, place))
        {
            field.effect = Effect::Refused;
        }
    }
    // Of several kubectl makes a list.
    let place = match faults.len() {
        1 => place.clone(),
        _ => format!("…{place}"),
    };
    Some((Refusal::Invalid, refusal::fault(kind, name, &place, said)))
}

/// `ValidateService`, `validateServicePort`.
fn service(service: &Value, before: Option<&Content>) -> Faults {
    let ports = || items(service.get("spec"), "ports").enumerate();
    let is_unnamed = |port: &Value| text(port, "name").unwrap_or_default().is_empty();
    let mut faults = Faults::new();
    if ports().count() > 1 {
        let unnamed = ports().filter(|(_, port)| is_unnamed(port));
        faults.extend(unnamed.map(|(index, _)| {
            let place = format!("spec.ports[{index}].name");
            (place, "Required value".to_owned())
        }));
    }
    // Ports of the nodes that a Service of another type had are taken out with the type, unless they are others:
    // `pkg/registry/core/service/strategy.go`, `dropTypeDependentFields`.
    let before = before.map(value);
    let is_dropped = before.as_deref().is_some_and(|was| {
        let needs = ["NodePort", "LoadBalancer"].contains(&type_of(was));
        needs && node_ports(was) == node_ports(service)
    });
    if type_of(service) == "ClusterIP" && !is_dropped {
        let on_nodes = ports().filter(|(_, port)| node_port(port).is_some());
        faults.extend(on_nodes.map(|(index, _)| {
            let why = "Forbidden: may not be used when `type` is 'ClusterIP'";
            (format!("spec.ports[{index}].nodePort"), why.to_owned())
        }));
    }
    faults
}

fn type_of(service: &Value) -> &str {
    let spec = service.get("spec");
    spec.and_then(|it| text(it, "type")).unwrap_or("ClusterIP")
}

fn node_port(port: &Value) -> Option<u64> {
    let port = port.get("nodePort").and_then(Value::as_u64);
    port.filter(|it| *it > 0)
}

fn node_ports(service: &Value) -> Vec<u64> {
    let mut ports: Vec<u64> = items(service.get("spec"), "ports")
        .filter_map(node_port)
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// `validateHTTPIngressPath`; what was served before v1 was given a type (`SetDefaults_HTTPIngressPath` of v1beta1).
fn ingress(ingress: &Value) -> Faults {
    let is_v1 = text(ingress, "apiVersion") == Some("networking.k8s.io/v1");
    let rules = items(ingress.get("spec"), "rules")
        .filter(|_| is_v1)
        .enumerate();
    let paths = rules.flat_map(|(rule, it)| {
        let paths = items(it.get("http"), "paths").enumerate();
        paths.map(move |(path, it)| (rule, path, it))
    });
    let untyped = paths.filter(|(.., path)| path.get("pathType").is_none_or(Value::is_null));
    let fault = |(rule, path, _): (usize, usize, &Value)| {
        let why = "Required value: pathType must be specified";
        let place = format!("spec.rules[{rule}].http.paths[{path}].pathType");
        (place, why.to_owned())
    };
    untyped.map(fault).collect()
}

/// `validateHorizontalPodAutoscalerSpec`; one pod is the least where nothing is said (`SetDefaults_HorizontalPodAutoscaler`).
fn autoscaler(autoscaler: &Value) -> Faults {
    let of = |key: &str| autoscaler.pointer(&format!("/spec/{key}"))?.as_u64();
    let (least, most) = (of("minReplicas").unwrap_or(1), of("maxReplicas"));
    let most = most.filter(|most| (1..least).contains(most));
    let fault = |most| {
        let why = format!("Invalid value: {most}: must be greater than or equal to `minReplicas`");
        ("spec.maxReplicas".to_owned(), why)
    };
    most.map(fault).into_iter().collect()
}

/// `ValidatePodDisruptionBudgetSpec`.
fn budget(budget: &Value) -> Faults {
    let has = |key: &str| {
        let of = budget.get("spec").and_then(|it| it.get(key));
        of.is_some_and(|it| !it.is_null())
    };
    let why = "Invalid value: …: minAvailable and maxUnavailable cannot be both set";
    let fault = ("spec".to_owned(), why.to_owned());
    let both = has("minAvailable") && has("maxUnavailable");
    both.then_some(fault).into_iter().collect()
}

fn items<'v>(value: Option<&'v Value>, key: &str) -> impl Iterator<Item = &'v Value> {
    let items = value.and_then(|it| it.get(key)).and_then(Value::as_array);
    items.into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}
