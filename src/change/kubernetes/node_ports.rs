//! Ports of their nodes that pods have, by `hostPort` or with the network of the node (`kubernetes.io/docs/concepts/configuration/overview`,
//! Services: of each node one pod has such a port): who asks a node there gets no answer once they are gone, and a pod that wants one waits
//! while another one has it (kubernetes/kubernetes `pkg/scheduler/framework/plugins/nodeports`).

use super::parts::{self, items, service_type, text};
use super::rolling::starts_beside;
use super::{Key, Keyed, is_workload};
use crate::change::difference::{at, value};
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;

/// Says it of each workload whose pods are replaced or made.
pub(super) fn told((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let mut after: Option<Vec<Port>> = None;
    for change in changes.iter_mut().filter(|it| is_workload(&it.kind)) {
        let key: Key<'_> = (
            "apps",
            &*change.kind,
            &*change.name,
            change.namespace.as_deref(),
        );
        let Some(is) = new.get(&key) else { continue };
        let wanted = of(is);
        match old.get(&key) {
            Some(was) if change.effect.replaces() => {
                let had = of(was);
                if had.is_empty() {
                    continue;
                }
                let after = after.get_or_insert_with(|| all(new));
                let gone = had.iter().filter(|it| !after.contains(it));
                let lost = gone.map(|it| lost(change, it)).collect::<Vec<_>>();
                change.losses.extend(lost);
                let held = wanted.iter().find(|it| had.contains(it));
                let held = held.filter(|_| never_leaves(was, is));
                let held = held.map(|it| never_rolls(change, it));
                change.losses.extend(held);
            }
            None if !wanted.is_empty()
                && matches!(change.effect, Effect::Created | Effect::Renamed) =>
            {
                let left = old.iter().filter(|(key, _)| !new.contains_key(*key));
                let mut left: Vec<(Key<'_>, Vec<Port>)> =
                    left.map(|(key, it)| (*key, of(it))).collect();
                left.sort_unstable_by_key(|(key, _)| *key);
                // One of each node meets the other one there, unless they are on other nodes.
                let waits = left.iter().find_map(|(other, had)| {
                    let is_on_each = [change.kind.as_str(), other.1].contains(&"DaemonSet");
                    let port = wanted.iter().find(|it| had.contains(it))?;
                    let was = old.get(other)?;
                    (is_on_each && are_on_the_same(was, is)).then(|| waits(change, *other, port))
                });
                change.losses.extend(waits);
            }
            _ => {}
        }
    }
}

/// A port of a node.
#[derive(Clone, PartialEq)]
struct Port {
    number: u64,
    protocol: String,
    /// Of one address of the node alone.
    address: Option<String>,
}

/// Those that the pods of a workload have.
fn of(object: &Object) -> Vec<Port> {
    let whole = value(&object.content);
    let pod = is_workload(&object.kind).then(|| parts::pod_in(&object.kind, &whole));
    let Some(pod) = pod.flatten() else {
        return Vec::new();
    };
    // With the network of its node each port that is listed is one of it (`pkg/apis/core/v1/defaults.go`, `defaultHostNetworkPorts`).
    let key = if pod.get("hostNetwork") == Some(&Value::Bool(true)) {
        "containerPort"
    } else {
        "hostPort"
    };
    let ports = parts::running(pod).flat_map(|it| items(it, "ports"));
    let ports = ports.filter_map(|port| {
        let number = port.get(key)?.as_u64().filter(|it| *it > 0)?;
        let address = text(port, "hostIP").filter(|it| !matches!(*it, "" | "0.0.0.0"));
        Some(Port {
            number,
            protocol: text(port, "protocol").unwrap_or("TCP").to_owned(),
            address: address.map(ToOwned::to_owned),
        })
    });
    ports.collect()
}

/// All at which somebody may answer then: a load balancer of the cluster's own takes ports of the nodes, too
/// (`docs.k3s.io/networking/networking-services`, Service Load Balancer).
fn all(side: &Keyed<'_>) -> Vec<Port> {
    let mut all: Vec<Port> = side.values().flat_map(|it| of(it)).collect();
    for (key, service) in side {
        if (key.0, key.1) != ("", "Service") || service_type(service) != "LoadBalancer" {
            continue;
        }
        let ports = at(&service.content, &["spec", "ports"]);
        let ports = ports.as_deref().and_then(Value::as_array);
        let ports = ports.into_iter().flatten().filter_map(|port| {
            Some(Port {
                number: port.get("port")?.as_u64()?,
                protocol: text(port, "protocol").unwrap_or("TCP").to_owned(),
                address: None,
            })
        });
        all.extend(ports);
    }
    all
}

/// Whether each new pod waits for a port that an old one has, which is not stopped before the new one is ready.
fn never_leaves(was: &Object, is: &Object) -> bool {
    if is.kind == "DaemonSet" {
        let of = |key: &str| {
            at(
                &is.content,
                &["spec", "updateStrategy", "rollingUpdate", key],
            )
        };
        let is_some = |it: &Value| !matches!(it.as_str(), Some("0%")) && it.as_u64() != Some(0);
        // One of them is none: `pkg/apis/apps/validation`, `ValidateRollingUpdateDaemonSet`.
        return of("maxSurge").is_some_and(|it| is_some(&it));
    }
    let node = |object: &Object| {
        let whole = value(&object.content);
        let pod = parts::pod_in(&object.kind, &whole)?;
        let named = pod.get("nodeName");
        let named = named.or_else(|| pod.pointer("/nodeSelector/kubernetes.io~1hostname"));
        named.cloned()
    };
    let is_on_one = node(is).is_some() && node(was) == node(is);
    is.kind == "Deployment" && is_on_one && starts_beside(&is.content, None)
}

/// Whether nothing says that two workloads are on nodes apart.
pub(super) fn are_on_the_same(one: &Object, other: &Object) -> bool {
    let [one, other] = [one, other].map(|object| {
        let whole = value(&object.content);
        let pod = parts::pod_in(&object.kind, &whole);
        ["nodeSelector", "affinity"].map(|key| pod.and_then(|pod| pod.get(key)).cloned())
    });
    let ([labels, affinity], [others, another]) = (one, other);
    labels == others && affinity.is_none() && another.is_none()
}

fn lost(change: &Change, port: &Port) -> Loss {
    let (kind, name) = (&change.kind, &change.name);
    let udp = if port.protocol == "UDP" { "/udp" } else { "" };
    let number = port.number;
    Loss {
        about: Lost::Outside,
        what: format!(
            "the pods of {kind} `{name}` give up port {number}{udp} of their nodes: who asks a node there gets no answer"
        ),
        way: "keep it until nobody asks there; another number may be one beside it".to_owned(),
    }
}

fn never_rolls(change: &Change, port: &Port) -> Loss {
    let (kind, name, number) = (&change.kind, &change.name, port.number);
    let way = if kind == "DaemonSet" {
        "write `maxSurge: 0` and `maxUnavailable: 1`, with which a node does not answer until its new pod serves"
    } else {
        "write `strategy: {type: Recreate}`, with which nobody answers until the new pod serves"
    };
    Loss {
        about: Lost::Place,
        what: format!(
            "no new pod of {kind} `{name}` ever starts: it is to start before the old one is stopped, which has port {number} of the node"
        ),
        way: way.to_owned(),
    }
}

fn waits(change: &Change, other: Key<'_>, port: &Port) -> Loss {
    let (kind, name, number) = (&change.kind, &change.name, port.number);
    let delete = parts::deletion(&other.1.to_lowercase(), other.2, other.3);
    Loss {
        about: Lost::Beside,
        what: format!(
            "the pods of {kind} `{name}` wait for ever wherever one of {} `{}` runs on, which has port {number} of the node",
            other.1, other.2
        ),
        way: format!(
            "keep the name and the kind; or {delete} first, and take the time in which no node answers"
        ),
    }
}
