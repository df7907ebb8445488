//! What the API server takes of no pod that a workload makes, as its template says it.
//!
//! kubernetes/kubernetes `pkg/apis/core/validation`, by the function that each part names.

use super::invalid::{Fault, said};
use super::parts::{self, items, text};
use super::ports;
use super::quantity::quantity;
use crate::change::difference::value;
use crate::targets::Content;
use serde_json::Value;

/// A list of containers, and the containers with their places.
type Containers<'v> = Vec<(&'static str, String, &'v Value)>;

/// What is wrong with the pods of an object.
pub(super) fn consider(kind: &str, content: &Content, is_new: bool) -> Option<Fault> {
    let whole = value(content);
    let pod = parts::pod_in(kind, &whole)?;
    let place = &*parts::pod(kind).trim_start_matches('/').replace('/', ".");
    let mut all: Containers<'_> = Vec::new();
    for list in ["containers", "initContainers"] {
        let containers = items(pod, list).enumerate();
        all.extend(containers.map(|(at, it)| (list, format!("{place}.{list}[{at}]"), it)));
    }
    // Those of a StatefulSet are volumes of its pods: `ValidateStatefulSetSpec`, `volumesToAddForTemplates`.
    let claims = whole.get("spec");
    let claims = claims.and_then(|it| it.get("volumeClaimTemplates")?.as_array());
    let claims = claims.into_iter().flatten();
    let claims = claims.filter_map(|it| it.pointer("/metadata/name")?.as_str());
    let mut volumes: Vec<&str> = claims.collect();
    volumes.extend(items(pod, "volumes").filter_map(|it| text(it, "name")));
    if is_new && let Some(fault) = volumes_twice(place, pod) {
        return Some(fault);
    }
    let mut names: Vec<&str> = Vec::new();
    let fault = all.iter().find_map(|(list, at, container)| {
        let name = text(container, "name").unwrap_or_default();
        // Of one that is there kubectl makes one of both: `patchMergeKey` in staging/src/k8s.io/api/core/v1/types.go.
        let is_twice = is_new && !name.is_empty() && names.contains(&name);
        names.push(name);
        of_name(at, name)
            .or_else(|| image(kind, at, container))
            .or_else(|| container_ports(at, container, is_new))
            .or_else(|| sources(at, container))
            .or_else(|| mounts(at, container, &volumes, is_new))
            .or_else(|| resources(at, container))
            .or_else(|| {
                let why = || format!("Duplicate value: \"{name}\"");
                is_twice.then(|| said(&format!("{at}.name"), why()))
            })
            .or_else(|| handlers(at, container))
            .or_else(|| thresholds(list, at, container))
            .or_else(|| probes(at, container))
    });
    fault.or_else(|| restart(kind, place, pod, is_new))
}

/// `validateContainerCommon`, `validatePullPolicy`; and of a pod itself `validateContainersOnlyForPod`.
fn image(kind: &str, at: &str, container: &Value) -> Option<Fault> {
    const POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];
    let place = || format!("{at}.image");
    let image = text(container, "image").unwrap_or_default();
    if image.is_empty() {
        return Some(said(&place(), "Required value"));
    }
    if kind == "Pod" && image.trim() != image {
        let why = "must not have leading or trailing whitespace";
        return Some(said(&place(), format!("Invalid value: \"{image}\": {why}")));
    }
    let policy = text(container, "imagePullPolicy");
    let policy = policy.filter(|it| !it.is_empty() && !POLICIES.contains(it))?;
    let why = format!(
        "Unsupported value: \"{policy}\": supported values: \"Always\", \"IfNotPresent\", \"Never\""
    );
    Some(said(&format!("{at}.imagePullPolicy"), why))
}

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// `ValidateVolumes`. Of two of one name kubectl makes one where they are there already: `patchMergeKey` in
/// staging/src/k8s.io/api/core/v1/types.go.
fn volumes_twice(place: &str, pod: &Value) -> Option<Fault> {
    let mut names: Vec<&str> = Vec::new();
    items(pod, "volumes").enumerate().find_map(|(index, it)| {
        let name = text(it, "name")?;
        let is_twice = names.contains(&name);
        names.push(name);
        let why = format!("Duplicate value: \"{name}\"");
        is_twice.then(|| said(&format!("{place}.volumes[{index}].name"), why))
    })
}

/// `validateContainerPorts`. Of two of one number kubectl makes one where they are there already: `patchMergeKey` in
/// staging/src/k8s.io/api/core/v1/types.go.
fn container_ports(at: &str, container: &Value, is_new: bool) -> Option<Fault> {
    let mut named: Vec<(&str, Option<i64>)> = Vec::new();
    items(container, "ports")
        .enumerate()
        .find_map(|(index, port)| {
            let number = port.get("containerPort").and_then(Value::as_i64);
            let name = text(port, "name").unwrap_or_default();
            let mut before = named.iter().filter(|(it, _)| !it.is_empty() && *it == name);
            let is_twice = before.any(|(_, other)| is_new || *other != number);
            named.push((name, number));
            let place = |key: &str| format!("{at}.ports[{index}].{key}");
            let misnamed = Some(name).filter(|it| !it.is_empty());
            if let Some(fault) = misnamed.and_then(|name| ports::named(|| place("name"), name)) {
                return Some(fault);
            }
            if is_twice {
                let why = format!("Duplicate value: \"{name}\"");
                return Some(said(&place("name"), why));
            }
            let protocol = text(port, "protocol").filter(|it| !PROTOCOLS.contains(it));
            if let Some(protocol) = protocol.filter(|it| !it.is_empty()) {
                let why = format!(
                    "Unsupported value: \"{protocol}\": supported values: \"SCTP\", \"TCP\", \"UDP\""
                );
                return Some(said(&place("protocol"), why));
            }
            let number = number.filter(|it| *it < 0 || *it > 65535)?;
            let why = format!("Invalid value: {number}: must be between 1 and 65535, inclusive");
            Some(said(&place("containerPort"), why))
        })
}

/// `validateEnvVarValueFrom`.
fn sources(at: &str, container: &Value) -> Option<Fault> {
    let mut all = items(container, "env").enumerate();
    let (index, _) = all.find(|(_, it)| {
        let has_value = text(it, "value").is_some_and(|it| !it.is_empty());
        has_value && it.get("valueFrom").is_some_and(Value::is_object)
    })?;
    let why = "Invalid value: \"\": may not be specified when `value` is not empty";
    Some(said(&format!("{at}.env[{index}].valueFrom"), why))
}

/// `validateLivenessProbe`, `validateStartupProbe`; none is one (`SetDefaults_Probe`).
fn thresholds(list: &str, at: &str, container: &Value) -> Option<Fault> {
    let mut probes = ["livenessProbe", "startupProbe"].into_iter();
    probes.find_map(|probe| {
        let count = container.get(probe)?.get("successThreshold")?.as_i64()?;
        let place = format!("{at}.{probe}.successThreshold");
        let why = format!("Invalid value: {count}: must be 1");
        (list == "containers" && count > 1).then(|| said(&place, why))
    })
}

/// `validateProbe`, `validateHTTPGetAction`, `validateTCPSocketAction`.
fn probes(at: &str, container: &Value) -> Option<Fault> {
    const TIMES: [&str; 5] = [
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ];
    PROBES.into_iter().find_map(|probe| {
        let block = container.get(probe)?;
        let below = TIMES.into_iter().find_map(|key| {
            let time = block.get(key)?.as_i64().filter(|it| *it < 0)?;
            let why = format!("Invalid value: {time}: must be greater than or equal to 0");
            Some(said(&format!("{at}.{probe}.{key}"), why))
        });
        let asked = ["httpGet", "tcpSocket"].into_iter();
        let port = asked.filter_map(|by| {
            let port = block.get(by)?.get("port")?;
            ports::either(|| format!("{at}.{probe}.{by}.port"), port)
        });
        let scheme = block.get("httpGet").and_then(|it| text(it, "scheme"));
        let scheme = scheme.filter(|it| !matches!(*it, "" | "HTTP" | "HTTPS"));
        let scheme = scheme.map(|scheme| {
            let why =
                format!("Unsupported value: \"{scheme}\": supported values: \"HTTP\", \"HTTPS\"");
            said(&format!("{at}.{probe}.httpGet.scheme"), why)
        });
        port.chain(scheme).next().or(below)
    })
}

/// `ValidatePodTemplateSpecForReplicaSet`, `ValidateDaemonSetSpec`, `ValidateStatefulSetSpec`: what runs on is started again;
/// pkg/apis/batch/validation, `validateJobSpec`: what ends is not. A Job that is there has one, and is another run with another one.
fn restart(kind: &str, place: &str, pod: &Value, is_new: bool) -> Option<Fault> {
    let place = || format!("{place}.restartPolicy");
    // An empty one is `Always` (`pkg/apis/core/v1/defaults.go`, `SetDefaults_PodSpec`).
    let policy = text(pod, "restartPolicy").filter(|it| !it.is_empty());
    let policy = policy.unwrap_or("Always");
    match kind {
        "Pod" => None,
        "Job" if !is_new => None,
        "Job" | "CronJob" => {
            let why = "Required value: valid values: \"OnFailure\", \"Never\"";
            (policy == "Always").then(|| said(&place(), why))
        }
        _ => {
            let why = || format!("Unsupported value: \"{policy}\": supported values: \"Always\"");
            (policy != "Always").then(|| said(&place(), why()))
        }
    }
}

/// `ValidateDNS1123Label`.
fn of_name(at: &str, name: &str) -> Option<Fault> {
    if is_label(name) || name.is_empty() || name.contains('.') {
        return None;
    }
    let why = format!(
        "Invalid value: \"{name}\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', …"
    );
    Some(said(&format!("{at}.name"), why))
}

pub(super) fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// `ValidateVolumeMounts`. Of two of one path kubectl makes one where they are there already, as of volumes.
fn mounts(at: &str, container: &Value, volumes: &[&str], is_new: bool) -> Option<Fault> {
    let mut paths: Vec<&str> = Vec::new();
    let mut mounts = items(container, "volumeMounts").enumerate();
    mounts.find_map(|(index, mount)| {
        let name = text(mount, "name")?;
        let place = |key: &str| format!("{at}.volumeMounts[{index}].{key}");
        if !volumes.contains(&name) {
            return Some(said(&place("name"), format!("Not found: \"{name}\"")));
        }
        let path = text(mount, "mountPath")?;
        let is_twice = is_new && paths.contains(&path);
        paths.push(path);
        let why = format!("Invalid value: \"{path}\": must be unique");
        is_twice.then(|| said(&place("mountPath"), why))
    })
}

/// `validateResourceRequirements`, of what may be promised more often than it is there.
fn resources(at: &str, container: &Value) -> Option<Fault> {
    let resources = container.get("resources")?;
    let mut requests = resources.get("requests")?.as_object()?.iter();
    requests.find_map(|(name, asked)| {
        let limit = quantity(resources.get("limits")?.get(name)?)?;
        let asked = quantity(asked)?;
        let is_common = !name.contains('/') && !name.starts_with("hugepages-");
        (is_common && asked.amount > limit.amount).then(|| {
            let why = format!(
                "Invalid value: \"{asked}\": must be less than or equal to {name} limit of {limit}"
            );
            said(&format!("{at}.resources.requests"), why)
        })
    })
}

const PROBES: [&str; 3] = ["livenessProbe", "readinessProbe", "startupProbe"];

/// `validateHandler`.
fn handlers(at: &str, container: &Value) -> Option<Fault> {
    let lifecycle = container.get("lifecycle");
    let hooks = ["postStart", "preStop"].into_iter();
    let hooks = hooks.map(|hook| {
        let block = lifecycle.and_then(|it| it.get(hook));
        ("lifecycle.", hook, block)
    });
    let probes = PROBES.into_iter();
    let probes = probes.map(|probe| ("", probe, container.get(probe)));
    hooks.chain(probes).find_map(|(within, place, block)| {
        let block = block?.as_object()?;
        let kinds = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"].into_iter();
        let mut given = kinds.filter(|kind| block.get(*kind).is_some_and(|it| !it.is_null()));
        let place = || format!("{at}.{within}{place}");
        match (given.next(), given.next()) {
            (None, _) => {
                let why = "Required value: must specify a handler type";
                Some(said(&place(), why))
            }
            (_, Some(second)) => {
                let why = "Forbidden: may not specify more than 1 handler type";
                Some(said(&format!("{}.{second}", place()), why))
            }
            _ => None,
        }
    })
}

/// Whose image no pod may have, and a template may (`validateContainersOnlyForPod`): its workload makes none.
fn unmade(pod: &Value) -> Option<String> {
    let lists = ["initContainers", "containers"].into_iter();
    let mut all = lists.flat_map(|list| items(pod, list));
    let container = all.find(|it| text(it, "image").is_some_and(|it| it.trim() != it))?;
    let name = text(container, "name").unwrap_or_default();
    Some(format!(
        "no new pod is made: the image of {name} begins or ends with a blank, which is refused of a pod"
    ))
}

/// Which probe asks a port by a name that its container has none of: it is not refused, and never asked (`pkg/probe/util.go`,
/// `ResolveContainerPort`). Readiness and start are not so until they were (`pkg/kubelet/prober/worker.go`, `newWorker`, `doProbe`).
pub(super) fn unasked(kind: &str, content: &Content) -> Option<String> {
    let whole = value(content);
    let pod = parts::pod_in(kind, &whole)?;
    let unmade = unmade(pod);
    if unmade.is_some() {
        return unmade;
    }
    items(pod, "containers").find_map(|container| {
        let asked = |probe: &str, by: &str| {
            let port = container.get(probe)?.get(by)?.get("port")?;
            // A number in quotes is refused, if it is one at all: `ValidatePortNumOrName`.
            let port = port.as_str().filter(|it| it.parse::<u16>().is_err())?;
            let mut ports = items(container, "ports");
            let is_there = ports.any(|it| text(it, "name") == Some(port));
            (!is_there).then(|| port.to_owned())
        };
        let name = text(container, "name").unwrap_or_default();
        ["readinessProbe", "startupProbe"].into_iter().find_map(|probe| {
            let port = asked(probe, "httpGet").or_else(|| asked(probe, "tcpSocket"))?;
            Some(format!(
                "no new pod gets ready: `{probe}` of {name} asks port `{port}`, and no port of it is called so"
            ))
        })
    })
}
