//! Which pods there are, with the ports that they say they listen on, and which of them a Service leads to.

use super::given::{self, Given};
use super::parts::{self, items, text};
use super::scaling::is_off;
use super::{Key, Keyed};
use crate::change::Change;
use crate::change::difference::{at, value};
use crate::targets::Object;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What makes pods, and has some.
#[derive(Clone)]
pub(super) struct Pods<'a> {
    pub(super) key: Key<'a>,
    pub(super) labels: Map<String, Value>,
    /// The pod itself, `spec` of the template.
    pub(super) pod: Value,
    /// The variables that `ConfigMaps` give them.
    pub(super) given: Vec<Given>,
    /// Whether more than one of them is asked for.
    pub(super) are_several: bool,
}

/// A port of pods, by its number or its name.
#[derive(Clone, PartialEq)]
pub(super) enum Target {
    Number(u64),
    Name(String),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => write!(f, "`{name}`"),
        }
    }
}

impl Target {
    pub(super) fn of(value: &Value) -> Option<Self> {
        let number = value.as_u64().map(Self::Number);
        number.or_else(|| Some(Self::Name(value.as_str()?.to_owned())))
    }

    /// Whether it is a port, by whichever of the two it says.
    pub(super) fn is(&self, name: Option<&str>, number: u64) -> bool {
        match self {
            Self::Number(wanted) => number == *wanted,
            Self::Name(wanted) => name == Some(wanted),
        }
    }
}

/// Whether labels have what a selector asks for.
pub(super) fn have_all(labels: &Map<String, Value>, selector: &Map<String, Value>) -> bool {
    let mut wanted = selector.iter();
    wanted.all(|(label, value)| labels.get(label) == Some(value))
}

impl Pods<'_> {
    /// Whether a selector asks for them in a namespace.
    pub(super) fn are_for(&self, namespace: Option<&str>, selector: &Map<String, Value>) -> bool {
        namespace == self.key.3 && have_all(&self.labels, selector)
    }

    /// Whether they have the network of their nodes: what policies are to them is not defined, and mostly nothing
    /// (`kubernetes.io/docs/concepts/services-networking/network-policies`, `NetworkPolicy` and `hostNetwork` pods).
    pub(super) fn are_on_nodes(&self) -> bool {
        self.pod.get("hostNetwork").and_then(Value::as_bool) == Some(true)
    }

    /// Whether they are of what a change is of.
    pub(super) fn are_of(&self, change: &Change) -> bool {
        (self.key.1, self.key.2, self.key.3)
            == (&*change.kind, &*change.name, change.namespace.as_deref())
    }

    /// The ports that they say they listen on, each with its name; those of sidecars, too, which not every version of
    /// Kubernetes finds by their names.
    pub(super) fn ports(&self) -> impl Iterator<Item = (Option<&str>, u64)> {
        let ports = parts::running(&self.pod).flat_map(|it| items(it, "ports"));
        ports.filter_map(|it| Some((text(it, "name"), it.get("containerPort")?.as_u64()?)))
    }

    /// Whether they say that they listen there.
    pub(super) fn listen(&self, target: &Target) -> bool {
        let mut ports = self.ports();
        ports.any(|(name, number)| target.is(name, number))
    }

    pub(super) fn shown(&self) -> String {
        parts::shown(self.key)
    }
}

/// Those of all that runs on, by their kinds and names; a Job's end by themselves.
pub(super) fn all<'a>(side: &Keyed<'a>) -> Vec<Pods<'a>> {
    let mut all: Vec<Pods<'a>> = side.iter().filter_map(pods).collect();
    all.sort_unstable_by_key(|it| it.key);
    given::fill(&mut all, side);
    all
}

/// Those of each run of what is started again and again, by their names; of what is suspended there is none.
pub(super) fn scheduled<'a>(side: &Keyed<'a>) -> Vec<Pods<'a>> {
    let all = side.iter().filter(|(key, object)| {
        let is_suspended = at(&object.content, &["spec", "suspend"]);
        key.1 == "CronJob" && is_suspended.as_deref() != Some(&Value::Bool(true))
    });
    let mut all: Vec<Pods<'a>> = all.filter_map(made).collect();
    all.sort_unstable_by_key(|it| it.key);
    given::fill(&mut all, side);
    all
}

fn pods<'a>((key, object): (&Key<'a>, &&Object)) -> Option<Pods<'a>> {
    if matches!(key.1, "Job" | "CronJob") || is_off(&object.content) {
        return None;
    }
    made((key, object))
}

fn made<'a>((key, object): (&Key<'a>, &&Object)) -> Option<Pods<'a>> {
    let whole = value(&object.content);
    // It runs where helm says so, and not by an apply (helm.sh/docs/topics/charts_hooks).
    if whole
        .pointer("/metadata/annotations/helm.sh~1hook")
        .is_some()
    {
        return None;
    }
    let pod = parts::pod_in(key.1, &whole)?;
    pod.get("containers")?;
    let labels = match key.1 {
        "Pod" => "/metadata/labels",
        "CronJob" => "/spec/jobTemplate/spec/template/metadata/labels",
        _ => "/spec/template/metadata/labels",
    };
    let labels = whole.pointer(labels).and_then(Value::as_object);
    Some(Pods {
        key: *key,
        labels: labels.cloned().unwrap_or_default(),
        pod: pod.clone(),
        given: Vec::new(),
        are_several: whole.pointer("/spec/replicas").and_then(Value::as_u64) > Some(1),
    })
}

/// A Service with what it leads to.
pub(super) struct Led<'a> {
    pub(super) key: Key<'a>,
    pub(super) selector: Map<String, Value>,
    /// By name, number, and port of the pods.
    pub(super) ports: Vec<(Option<String>, u64, Target)>,
    /// Whether it is reached from outside of the cluster.
    pub(super) is_outside: bool,
    /// Whether who asks for it is given the pods themselves.
    pub(super) is_headless: bool,
}

impl Led<'_> {
    /// The ports of the pods at which it is asked; who asks a headless one goes to the pods, at the port that it names.
    pub(super) fn targets(&self) -> Vec<Target> {
        let ports = self.ports.iter();
        let targets = ports.flat_map(|(_, number, target)| {
            let direct = self.is_headless.then_some(Target::Number(*number));
            [Some(target.clone()), direct]
        });
        targets.flatten().collect()
    }

    /// The ports of the pods to which one of its own leads; all, where it is not known which.
    pub(super) fn behind(&self, port: Option<&Target>) -> Vec<Target> {
        let is_it = |name: Option<&str>, number: u64| match port {
            Some(Target::Number(wanted)) => number == *wanted,
            Some(Target::Name(wanted)) => name == Some(wanted),
            None => false,
        };
        let mut ports = self.ports.iter();
        let found = ports.find(|(name, number, _)| is_it(name.as_deref(), *number));
        found.map_or_else(|| self.targets(), |(.., target)| vec![target.clone()])
    }

    /// The same of who asks: by a headless one the pods are given, whose port is the one that is asked.
    pub(super) fn asked_at(&self, port: Option<u64>) -> Vec<Target> {
        let port = port.map(Target::Number);
        match port {
            Some(port) if self.is_headless => vec![port],
            port => self.behind(port.as_ref()),
        }
    }
}

/// A Service, where it asks for pods.
pub(super) fn led<'a>(key: Key<'a>, service: &Object) -> Option<Led<'a>> {
    if (key.0, key.1) != ("", "Service") {
        return None;
    }
    let whole = value(&service.content);
    let spec = whole.get("spec")?;
    let kind = text(spec, "type").unwrap_or("ClusterIP");
    let selector = spec.get("selector").and_then(Value::as_object);
    let selector = selector.filter(|it| !it.is_empty() && kind != "ExternalName")?;
    // Two of one number, as HTTP/3 has beside https, are told apart by their protocols: the one of TCP is the one that is asked.
    let is_udp = |it: &Value| text(it, "protocol") == Some("UDP");
    let tcp = items(spec, "ports").filter(|it| !is_udp(it));
    let tcp: BTreeSet<u64> = tcp.filter_map(|it| it.get("port")?.as_u64()).collect();
    // Left out, it is the port itself: kubernetes/kubernetes `pkg/apis/core/v1/defaults.go`, `SetDefaults_Service`.
    let ports = items(spec, "ports").filter_map(|port| {
        let number = port.get("port")?.as_u64()?;
        let is_beside = is_udp(port) && tcp.contains(&number);
        let target = port.get("targetPort").and_then(Target::of);
        let name = text(port, "name").map(ToOwned::to_owned);
        (!is_beside).then_some((name, number, target.unwrap_or(Target::Number(number))))
    });
    Some(Led {
        key,
        selector: selector.clone(),
        ports: ports.collect(),
        is_outside: matches!(kind, "LoadBalancer" | "NodePort"),
        is_headless: text(spec, "clusterIP") == Some("None"),
    })
}

/// All Services that ask for pods, by their names.
pub(super) fn services<'a>(side: &Keyed<'a>) -> Vec<Led<'a>> {
    let mut all: Vec<Led<'a>> = side
        .iter()
        .filter_map(|(key, object)| led(*key, object))
        .collect();
    all.sort_unstable_by_key(|it| it.key);
    all
}
