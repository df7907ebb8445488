//! What the API server takes of no Service, Ingress, autoscaler, disruption budget, schedule, policy, `ConfigMap` or Secret, changed or not.
//!
//! kubernetes/kubernetes `pkg/apis/*/validation`, by the function that each part names; its words are on record.

use super::parts::text;
use super::refused::Refused;
use super::{invalid, pods, ports, refusal};
use crate::change::difference::value;
use crate::change::{Effect, Field, Refusal};
use crate::targets::{Content, Object};
use serde_json::Value;

/// What is wrong, place by place.
type Faults = Vec<(String, String)>;

const KINDS: [&str; 8] = [
    "ConfigMap",
    "CronJob",
    "HorizontalPodAutoscaler",
    "Ingress",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Secret",
    "Service",
];

/// What is said of an object, where something is wrong with it; its field is refused.
pub(super) fn consider(
    object: &Object,
    before: Option<&Content>,
    fields: &mut [Field],
) -> Option<Refused> {
    let (kind, name) = (&*object.kind, &*object.name);
    // Most of what zdc writes is none of these.
    if !KINDS.contains(&kind) {
        return None;
    }
    let whole = value(&object.content);
    let group = super::group(object);
    let faults = match (group, kind) {
        ("", "Service") => service(&whole, before),
        ("", "ConfigMap" | "Secret") => keys(&whole),
        ("networking.k8s.io", "Ingress") => ingress(&whole),
        ("networking.k8s.io", "NetworkPolicy") => policy(&whole),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(&whole),
        ("policy", "PodDisruptionBudget") => budget(&whole),
        ("batch", "CronJob") => schedule(&whole),
        _ => return None,
    };
    let (place, said) = faults.first()?;
    for (place, _) in &faults {
        for field in fields
            .iter_mut()
            .filter(|it| invalid::is_around(&it.path, place.trim_start_matches('…')))
        {
            field.effect = Effect::Refused;
        }
    }
    // Of several kubectl makes a list.
    let place = match faults.len() {
        1 => place.clone(),
        _ if place.starts_with('…') => place.clone(),
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
    faults.extend(target_ports(service));
    // Of two of one number kubectl makes one where they are there already: `patchMergeKey` in
    // staging/src/k8s.io/api/core/v1/types.go.
    if before.is_none() {
        faults.extend(twice(service));
    }
    let kind = type_of(service);
    if !["", "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"].contains(&kind) {
        let why = format!(
            "Unsupported value: \"{kind}\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\""
        );
        faults.push(("spec.type".to_owned(), why));
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
    faults.extend(headless(service, before.as_deref()));
    faults
}

/// `ValidateService`: what has no address of its own is for nobody outside. That there is none is kept where nothing is written
/// (`pkg/registry/core/service/storage/alloc.go`, `patchAllocatedValues`).
fn headless(service: &Value, before: Option<&Value>) -> Option<(String, String)> {
    let address = |service: &Value| text(service.get("spec")?, "clusterIP").map(ToOwned::to_owned);
    let kept = before.filter(|it| type_of(it) != "ExternalName");
    let is = address(service).filter(|it| !it.is_empty());
    let is = is.or_else(|| kept.and_then(address))?;
    let kind = type_of(service);
    let is_outside = matches!(kind, "NodePort" | "LoadBalancer");
    let said = format!("Invalid value: \"None\": may not be set to 'None' for {kind} services");
    (is == "None" && is_outside).then(|| ("spec.clusterIPs[0]".to_owned(), said))
}

/// `validateServicePort`: none is the port itself.
fn target_ports(service: &Value) -> Faults {
    let ports = items(service.get("spec"), "ports").enumerate();
    let faults = ports.filter_map(|(index, port)| {
        let target = port.get("targetPort")?;
        let is_none = target.as_u64() == Some(0) || target.as_str() == Some("");
        let place = || format!("spec.ports[{index}].targetPort");
        ports::either(place, target).filter(|_| !is_none)
    });
    faults.collect()
}

/// `ValidateService`: a number and a protocol are one port's.
fn twice(service: &Value) -> Faults {
    let mut met = Vec::new();
    let ports = items(service.get("spec"), "ports").enumerate();
    let faults = ports.filter_map(|(index, port)| {
        let protocol = text(port, "protocol").filter(|it| !it.is_empty());
        let key = (port.get("port")?.as_u64()?, protocol.unwrap_or("TCP"));
        let is_twice = met.contains(&key);
        met.push(key);
        let why = format!(
            "Duplicate value: {{\"Name\":\"\",\"Protocol\":\"{}\"",
            key.1
        );
        is_twice.then(|| (format!("spec.ports[{index}]"), why))
    });
    faults.collect()
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
    let faults = paths.filter_map(|(rule, path, it)| {
        let place = |key: &str| format!("spec.rules[{rule}].http.paths[{path}].{key}");
        let kind = it.get("pathType").filter(|it| !it.is_null());
        let Some(kind) = kind.and_then(Value::as_str) else {
            let why = "Required value: pathType must be specified";
            return Some((place("pathType"), why.to_owned()));
        };
        let path = text(it, "path").unwrap_or_default();
        match kind {
            "Exact" | "Prefix" | "ImplementationSpecific" => {
                let may_be_none = kind == "ImplementationSpecific" && path.is_empty();
                let why = format!("Invalid value: \"{path}\": must be an absolute path");
                (!path.starts_with('/') && !may_be_none).then(|| (place("path"), why))
            }
            _ => {
                let why = format!(
                    "Unsupported value: \"{kind}\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\""
                );
                Some((place("pathType"), why))
            }
        }
    });
    let mut faults: Faults = faults.collect();
    faults.extend(hosts(ingress));
    faults
}

/// `ValidateIngressSpec`, `validateIngressRules`: a name, without a port; one with a star is not looked at.
fn hosts(ingress: &Value) -> Faults {
    let rules = items(ingress.get("spec"), "rules").enumerate();
    let faults = rules.filter_map(|(index, rule)| {
        let host = text(rule, "host").filter(|it| !it.is_empty() && !it.contains('*'))?;
        let is_plain = host.split('.').all(pods::is_label);
        let why =
            format!("Invalid value: \"{host}\": a lowercase RFC 1123 subdomain must consist of ");
        (!is_plain).then(|| (format!("spec.rules[{index}].host"), why))
    });
    faults.collect()
}

/// `ValidateNetworkPolicySpec`.
fn policy(policy: &Value) -> Faults {
    let types = items(policy.get("spec"), "policyTypes").enumerate();
    let faults = types.filter_map(|(index, kind)| {
        let kind = kind
            .as_str()
            .filter(|it| !matches!(*it, "Ingress" | "Egress"))?;
        let why =
            format!("Unsupported value: \"{kind}\": supported values: \"Ingress\", \"Egress\"");
        Some((format!("spec.policyTypes[{index}]"), why))
    });
    faults.collect()
}

/// `ValidateConfigMap`, `ValidateSecret`: `IsConfigMapKey`.
fn keys(object: &Value) -> Faults {
    let blocks = ["data", "binaryData", "stringData"].into_iter();
    let keys = blocks.flat_map(|block| {
        let keys = object.get(block).and_then(Value::as_object);
        keys.into_iter().flatten().map(move |(key, _)| (block, key))
    });
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let odd = keys.filter(|(_, key)| !key.chars().all(is_plain) || key.is_empty());
    let faults = odd.map(|(block, key)| {
        let why = format!(
            "Invalid value: \"{key}\": a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        );
        // What is written as text is data by then.
        let block = if block == "stringData" { "data" } else { block };
        (format!("{block}[{key}]"), why)
    });
    faults.collect()
}

/// `validateScheduleFormat`, by github.com/robfig/cron/v3 `parser.go`, `ParseStandard`, `getRange`: of five fields, of which only
/// those are looked at that are a number.
fn schedule(job: &Value) -> Faults {
    const BOUNDS: [(u64, u64); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
    let schedule = job.get("spec").and_then(|it| text(it, "schedule"));
    let schedule = schedule.unwrap_or_default();
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.is_empty() || schedule.starts_with('@') || schedule.contains("TZ") {
        return Faults::new();
    }
    let bounds = BOUNDS.into_iter().zip(&fields);
    let mut wrong = bounds.filter_map(|((least, most), field)| {
        let number: u64 = field.parse().ok()?;
        match number {
            number if number > most => Some(format!(
                "end of range ({number}) above maximum ({most}): {field}"
            )),
            number if number < least => Some(format!(
                "beginning of range ({number}) below minimum ({least}): {field}"
            )),
            _ => None,
        }
    });
    let why = match fields.len() {
        5 => wrong.next(),
        found => Some(format!(
            "expected exactly 5 fields, found {found}: [{}]",
            fields.join(" ")
        )),
    };
    let fault = why.map(|why| {
        let why = format!("Invalid value: \"{schedule}\": {why}");
        ("spec.schedule".to_owned(), why)
    });
    fault.into_iter().collect()
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
    if has("minAvailable") && has("maxUnavailable") {
        return vec![fault];
    }
    let shares = ["minAvailable", "maxUnavailable"].into_iter();
    let faults = shares.filter_map(|key| {
        let amount = budget.get("spec")?.get(key)?;
        invalid::share(&format!("spec.{key}"), amount, true)
    });
    faults.collect()
}

fn items<'v>(value: Option<&'v Value>, key: &str) -> impl Iterator<Item = &'v Value> {
    let items = value.and_then(|it| it.get(key)).and_then(Value::as_array);
    items.into_iter().flatten()
}
