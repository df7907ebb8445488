//! Whom `NetworkPolicies` admit (`kubernetes.io/docs/concepts/services-networking/network-policies`): a pod that none selects is open, and of
//! several each admits its own.

use super::behind::{Pods, Target};
use super::parts::{items, text};
use super::{Key, Keyed};
use crate::change::difference::value;
use crate::targets::Object;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// One of them.
pub(super) struct Policy<'a> {
    pub(super) key: Key<'a>,
    pub(super) spec: Value,
}

/// Which way somebody asks.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Way {
    Ingress,
    Egress,
}

/// Who is at the other end.
#[derive(Clone, Copy)]
pub(super) enum Peer<'p> {
    Pods(Option<&'p str>, &'p Map<String, Value>),
    /// Whoever is in another namespace or outside of the cluster.
    Elsewhere,
}

pub(super) fn all<'a>(side: &Keyed<'a>) -> Vec<Policy<'a>> {
    let mut all: Vec<Policy<'a>> = side
        .iter()
        .filter(|(key, _)| is_one(key))
        .filter_map(|(key, object)| of(*key, object))
        .collect();
    all.sort_unstable_by_key(|it| it.key);
    all
}

/// What counts after a step: what is written, and what is written no more and stays.
pub(super) fn standing<'a>((old, new): (&Keyed<'a>, &Keyed<'a>)) -> Vec<Policy<'a>> {
    let mut all = all(new);
    let stay = old.iter().filter(|(key, _)| is_one(key));
    let stay = stay.filter(|(key, _)| !new.contains_key(*key));
    all.extend(stay.filter_map(|(key, object)| of(*key, object)));
    all
}

/// The same, where they alone decide: none where another kind of policy may admit what they do not.
pub(super) fn deciding<'a>((old, new): (&Keyed<'a>, &Keyed<'a>)) -> Vec<Policy<'a>> {
    if another(new).or_else(|| another(old)).is_some() {
        return Vec::new();
    }
    standing((old, new))
}

/// Others have a kind of that name, too.
pub(super) fn is_one(key: &Key<'_>) -> bool {
    (key.0, key.1) == ("networking.k8s.io", "NetworkPolicy")
}

/// Kinds by which others say who may ask beside a `NetworkPolicy`, or instead of it (`docs.cilium.io/en/stable/security/policy`,
/// `network-policy-api.sigs.k8s.io/api-overview`, `docs.tigera.io/calico/latest/network-policy`).
const OTHERS: [(&str, &str); 9] = [
    ("cilium.io", "CiliumNetworkPolicy"),
    ("cilium.io", "CiliumClusterwideNetworkPolicy"),
    ("policy.networking.k8s.io", "AdminNetworkPolicy"),
    ("policy.networking.k8s.io", "BaselineAdminNetworkPolicy"),
    ("policy.networking.k8s.io", "ClusterNetworkPolicy"),
    ("projectcalico.org", "NetworkPolicy"),
    ("projectcalico.org", "GlobalNetworkPolicy"),
    ("crd.projectcalico.org", "NetworkPolicy"),
    ("crd.projectcalico.org", "GlobalNetworkPolicy"),
];

/// The first of those that says so, too.
pub(super) fn another<'a>(side: &Keyed<'a>) -> Option<Key<'a>> {
    let others = side.keys().filter(|it| OTHERS.contains(&(it.0, it.1)));
    others.min().copied()
}

pub(super) fn of<'a>(key: Key<'a>, policy: &Object) -> Option<Policy<'a>> {
    let spec = value(&policy.content).get("spec")?.clone();
    Some(Policy { key, spec })
}

impl Policy<'_> {
    /// Whether it counts for pods in that way (`NetworkPolicySpec`, `policyTypes`: ingress always, egress where it says some).
    pub(super) fn selects(&self, way: Way, pods: &Pods<'_>) -> bool {
        if pods.are_on_nodes() {
            return false;
        }
        let types = self.spec.get("policyTypes").and_then(Value::as_array);
        let word = match way {
            Way::Ingress => "Ingress",
            Way::Egress => "Egress",
        };
        let counts = match types {
            Some(types) if !types.is_empty() => types.iter().any(|it| it.as_str() == Some(word)),
            _ => way == Way::Ingress || self.spec.get("egress").is_some(),
        };
        let selector = self.spec.get("podSelector");
        counts && pods.key.3 == self.key.3 && selector.is_none_or(|it| matches(it, &pods.labels))
    }

    fn rules(&self, way: Way) -> impl Iterator<Item = &Value> {
        items(
            &self.spec,
            match way {
                Way::Ingress => "ingress",
                Way::Egress => "egress",
            },
        )
    }
}

/// Those that count for pods in a way.
fn selecting<'s, 'a>(
    policies: &'s [Policy<'a>],
    pods: &Pods<'_>,
    way: Way,
) -> impl Iterator<Item = &'s Policy<'a>> {
    policies.iter().filter(move |it| it.selects(way, pods))
}

/// Whether a set of policies lets pods be asked, or ask, at a port; of no port where any will do.
pub(super) fn admit(
    policies: &[Policy<'_>],
    pods: &Pods<'_>,
    way: Way,
    peer: Peer<'_>,
    is_port: impl Fn(&Value) -> bool,
) -> bool {
    let mut selecting = selecting(policies, pods, way).peekable();
    selecting.peek().is_none()
        || selecting.any(|policy| {
            let mut rules = policy.rules(way);
            rules.any(|rule| is_for(rule, &is_port) && is_among(rule, way, peer, policy.key.3))
        })
}

/// Whether a set of policies lets some pods ask others at one of some ports of these.
pub(super) fn meet(
    policies: &[Policy<'_>],
    caller: &Pods<'_>,
    callee: &Pods<'_>,
    at: &[Target],
) -> bool {
    let from = Peer::Pods(caller.key.3, &caller.labels);
    let to = Peer::Pods(callee.key.3, &callee.labels);
    admit(policies, callee, Way::Ingress, from, is_at(at, callee))
        && admit(policies, caller, Way::Egress, to, is_at(at, callee))
}

/// Whether a rule may be for one of some ports of pods; of none it is not known for which.
pub(super) fn is_at(targets: &[Target], pods: &Pods<'_>) -> impl Fn(&Value) -> bool {
    move |rule| {
        let mut all = targets.iter();
        targets.is_empty() || all.any(|it| is_port(rule, it, pods))
    }
}

/// Whether a rule is for one of some ports; of no port it is for all of them.
fn is_for(rule: &Value, is_port: impl Fn(&Value) -> bool) -> bool {
    let mut ports = items(rule, "ports").peekable();
    ports.peek().is_none() || ports.any(is_port)
}

/// Whether pods that are selected may be asked, or ask, by nobody at all at some ports.
pub(super) fn closed(
    policies: &[Policy<'_>],
    pods: &Pods<'_>,
    way: Way,
    is_port: impl Fn(&Value) -> bool,
) -> bool {
    let mut selecting = selecting(policies, pods, way).peekable();
    selecting.peek().is_some()
        && selecting.all(|it| !it.rules(way).any(|rule| is_for(rule, &is_port)))
}

/// Whether all that rules for some ports say of pods of their namespace is said of pods that are known: who else might be among them is nobody
/// then. One that asks for all pods names those as well who are made for a `Gateway` beside them
/// (`istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api`, Automated deployment).
pub(super) fn are_known(
    policies: &[Policy<'_>],
    pods: &Pods<'_>,
    known: &[Pods<'_>],
    is_port: impl Fn(&Value) -> bool,
) -> bool {
    let named = named_here(policies, pods, is_port);
    named.iter().all(|named| match named {
        None => false,
        Some(labels) => are_of(labels, pods, known),
    })
}

/// Whether one of the peers in the pods' own namespace is named by labels that no known pods have: somebody else runs those.
pub(super) fn names_others(
    policies: &[Policy<'_>],
    pods: &Pods<'_>,
    known: &[Pods<'_>],
    is_port: impl Fn(&Value) -> bool,
) -> bool {
    let named = named_here(policies, pods, is_port);
    let mut named = named.iter().flatten();
    named.any(|labels| !are_of(labels, pods, known))
}

/// The peers in the namespace of pods that may ask for them at some ports, by the selectors of their labels; `None` are all.
fn named_here<'p>(
    policies: &'p [Policy<'_>],
    pods: &Pods<'_>,
    is_port: impl Fn(&Value) -> bool,
) -> Vec<Option<&'p Value>> {
    let selecting = selecting(policies, pods, Way::Ingress);
    let rules = selecting.flat_map(|it| it.rules(Way::Ingress));
    let peers = rules
        .filter(|rule| is_for(rule, &is_port))
        .flat_map(|rule| items(rule, "from"));
    let here = peers.filter(|it| !is_elsewhere(it));
    here.map(|peer| peer.get("podSelector").filter(|it| !is_for_all(it)))
        .collect()
}

/// Whether a selector is for known pods of the namespace of others.
fn are_of(selector: &Value, pods: &Pods<'_>, known: &[Pods<'_>]) -> bool {
    let mut known = known.iter().filter(|it| it.key.3 == pods.key.3);
    known.any(|pods| matches(selector, &pods.labels))
}

/// From which other namespaces pods may be asked at some ports, by their names; `None` where more is said of who may ask than that.
pub(super) fn namespaces<'p>(
    policies: &'p [Policy<'_>],
    pods: &Pods<'_>,
    is_port: impl Fn(&Value) -> bool,
) -> Option<BTreeSet<&'p str>> {
    let mut selecting = selecting(policies, pods, Way::Ingress).peekable();
    selecting.peek()?;
    let mut named = BTreeSet::new();
    let rules = selecting.flat_map(|it| it.rules(Way::Ingress));
    for rule in rules.filter(|rule| is_for(rule, &is_port)) {
        let mut peers = items(rule, "from").peekable();
        peers.peek()?;
        for peer in peers.filter(|it| is_elsewhere(it)) {
            let selector = peer.get("namespaceSelector")?;
            let labels = selector.get("matchLabels")?.as_object()?;
            let is_name_alone =
                labels.len() == 1 && items(selector, "matchExpressions").next().is_none();
            named.insert(name(selector).filter(|_| is_name_alone)?);
        }
    }
    Some(named)
}

/// Whether what a rule names is not only of pods of its own namespace.
fn is_elsewhere(named: &Value) -> bool {
    named.get("namespaceSelector").is_some() || named.get("ipBlock").is_some()
}

/// Whether a selector asks for no label.
fn is_for_all(selector: &Value) -> bool {
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    labels.is_none_or(Map::is_empty) && items(selector, "matchExpressions").next().is_none()
}

fn is_among(rule: &Value, way: Way, peer: Peer<'_>, namespace: Option<&str>) -> bool {
    let key = match way {
        Way::Ingress => "from",
        Way::Egress => "to",
    };
    let mut peers = items(rule, key).peekable();
    // Nobody named is everybody.
    peers.peek().is_none() || peers.any(|it| is_it(it, peer, namespace))
}

/// Whether somebody may be one that a rule names; of labels of namespaces and of addresses nothing is known.
fn is_it(named: &Value, peer: Peer<'_>, own: Option<&str>) -> bool {
    let of_namespace = named.get("namespaceSelector");
    match peer {
        Peer::Elsewhere => is_elsewhere(named),
        Peer::Pods(namespace, labels) => {
            let there = match of_namespace {
                Some(selector) => may_be(selector, namespace),
                None => named.get("ipBlock").is_some() || namespace == own,
            };
            let selector = named.get("podSelector");
            there && selector.is_none_or(|it| matches(it, labels))
        }
    }
}

/// Whether a namespace may have the labels; one of its name it has (`kubernetes.io/docs/reference/labels-annotations-taints`).
fn may_be(selector: &Value, namespace: Option<&str>) -> bool {
    let name = name(selector).zip(namespace);
    name.is_none_or(|(wanted, is)| wanted == is)
}

fn name(of_namespace: &Value) -> Option<&str> {
    let name = of_namespace.pointer("/matchLabels/kubernetes.io~1metadata.name");
    name.and_then(Value::as_str)
}

/// Whether labels are what a selector asks for (`kubernetes.io/docs/concepts/overview/working-with-objects/labels`).
pub(super) fn matches(selector: &Value, labels: &Map<String, Value>) -> bool {
    let exact = selector.get("matchLabels").and_then(Value::as_object);
    let mut exact = exact.into_iter().flatten();
    exact.all(|(label, value)| labels.get(label) == Some(value))
        && items(selector, "matchExpressions").all(|it| {
            let own = text(it, "key").and_then(|key| labels.get(key));
            let is_one = || items(it, "values").any(|value| Some(value) == own);
            match text(it, "operator") {
                Some("In") => is_one(),
                Some("NotIn") => !is_one(),
                Some("Exists") => own.is_some(),
                Some("DoesNotExist") => own.is_none(),
                _ => true,
            }
        })
}

/// Whether what a rule says of a port may be a port of pods.
pub(super) fn is_port(rule: &Value, target: &Target, pods: &Pods<'_>) -> bool {
    let Some(port) = rule.get("port").and_then(Target::of) else {
        return true;
    };
    let number = |target: &Target| match target {
        Target::Number(number) => Some(*number),
        Target::Name(name) => {
            let mut ports = pods.ports();
            ports
                .find(|it| it.0 == Some(name))
                .map(|(_, number)| number)
        }
    };
    let last = rule.get("endPort").and_then(Value::as_u64);
    match (number(&port), number(target)) {
        (Some(first), Some(it)) => (first..=last.unwrap_or(first)).contains(&it),
        // By a name that no port has nothing is admitted; who says nothing of its ports may have it.
        _ => port == *target || pods.ports().next().is_none(),
    }
}
