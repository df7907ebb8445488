//! Who asks for a Service of manifests, as far as what its pods are given says so: an address in a variable, an argument or a command, or a name in a
//! variable that is called so (`DB_HOST`). Files are not looked at, so that nobody is taken for one who does not ask.

use super::Keyed;
use super::backends;
use super::behind::{self, Led, Pods};
use super::given::Given;
use super::parts::{containers, items, text};
use crate::types::authorities::{asks_nobody, hosts, is_host_of, is_port_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A Service by its name and its namespace.
pub(super) type Asked<'p> = (&'p str, Option<&'p str>);

/// The Services of which pods are given the address, if there are some of that name: each has it by its name, with its namespace or without
/// (`kubernetes.io/docs/concepts/services-networking/dns-pod-service`), and the ports, where these are known. Of the namespace of kubectl's
/// context the name is not known.
pub(super) fn asked<'p>(pods: &'p Pods<'_>) -> BTreeSet<(Asked<'p>, Option<u64>)> {
    let found = addresses(pods, &meant(pods)).into_iter();
    let found = found.filter_map(|((host, port), _)| Some((of_host(host, pods)?, port)));
    found.collect()
}

/// Each with the `ConfigMap` that gives it, where it is told by nothing else.
pub(super) type Told<'p> = BTreeMap<(Asked<'p>, Option<u64>), Option<&'p str>>;

/// The same, with all that `ConfigMaps` give them, whether or not it is meant for these pods.
pub(super) fn told<'p>(pods: &'p Pods<'_>) -> Told<'p> {
    let given: Vec<&Given> = pods.given.iter().collect();
    let mut told = Told::new();
    for ((host, port), map) in addresses(pods, &given) {
        if let Some(service) = of_host(host, pods) {
            told.entry((service, port)).or_insert(map);
        }
    }
    told
}

/// What of maps is meant for these pods.
fn meant<'p>(pods: &'p Pods<'_>) -> Vec<&'p Given> {
    pods.given.iter().filter(|it| it.is_meant).collect()
}

/// The headless Services by which pods are asked, each by its own name (`mongo-0.mongo`), where one is called so: a pod of a `StatefulSet` has its
/// name and a number (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`, Stable Network ID).
pub(super) fn asked_by_pod<'p>(pods: &'p Pods<'_>) -> BTreeSet<(Asked<'p>, Option<u64>)> {
    let found = addresses(pods, &meant(pods)).into_iter();
    let services = found.filter_map(|((host, port), _)| {
        let mut labels = host.split('.');
        let (_, number) = labels.next()?.rsplit_once('-')?;
        let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
        let service = labels.next().filter(|_| is_number)?;
        let namespace = labels.next();
        is_of_cluster(labels.next()).then(|| ((service, namespace.or(pods.key.3)), port))
    });
    services.collect()
}

/// Those that are written no more, run on and are asked: by who asked for them before and is written still, until it is replaced or for good; or
/// from outside.
pub(super) fn left_and_asked<'p>(
    before: &'p [Pods<'p>],
    (old, new): (&Keyed<'_>, &Keyed<'_>),
) -> Vec<&'p Pods<'p>> {
    let (left, stay): (Vec<&Pods<'_>>, Vec<&Pods<'_>>) =
        before.iter().partition(|it| !new.contains_key(&it.key));
    if left.is_empty() {
        return left;
    }
    let services = leading((old, new));
    let asked: BTreeSet<Asked<'_>> = stay
        .into_iter()
        .flat_map(asked)
        .map(|(service, _)| service)
        .collect();
    let is_asked = |pods: &&Pods<'_>| {
        let mut led = services
            .iter()
            .filter(|it| pods.are_for(it.key.3, &it.selector));
        led.any(|it| {
            let is_led_to = || !backends::leading_to(new, it.key).is_empty();
            it.is_outside || asked.contains(&(it.key.2, it.key.3)) || is_led_to()
        })
    };
    left.into_iter().filter(is_asked).collect()
}

/// What leads to pods that run already: a Service that stays by its new selector, which counts at once, and one that is left by that of before.
fn leading<'a>((old, new): (&Keyed<'a>, &Keyed<'a>)) -> Vec<Led<'a>> {
    let left = behind::services(old).into_iter();
    let left = left.filter(|it| !new.contains_key(&it.key));
    let stay = behind::services(new).into_iter();
    let stay = stay.filter(|it| old.contains_key(&it.key));
    left.chain(stay).collect()
}

fn of_host<'p>(host: &'p str, pods: &'p Pods<'_>) -> Option<Asked<'p>> {
    let mut labels = host.split('.');
    let (name, namespace) = (labels.next()?, labels.next());
    is_of_cluster(labels.next()).then(|| (name, namespace.or(pods.key.3)))
}

/// Whether a name of a Service and its namespace may go on so: what does otherwise is a name of elsewhere (`auth.acme.com`).
fn is_of_cluster(next: Option<&str>) -> bool {
    next.is_none_or(|it| it == "svc")
}

/// A host that is asked, with the port, where that is known.
type Address<'p> = (&'p str, Option<u64>);

/// A variable and its value.
type Variable<'p> = (&'p str, &'p str);

/// The hosts whose addresses the containers of a pod are told; last those by maps, each with the map.
fn addresses<'p>(pods: &'p Pods<'_>, given: &[&'p Given]) -> Vec<(Address<'p>, Option<&'p str>)> {
    let of_maps = || given.iter().map(|it| (it.name.as_str(), it.value.as_str()));
    let mut found = Vec::new();
    let mut all: Vec<Variable<'p>> = of_maps().collect();
    for container in containers(&pods.pod) {
        let words = ["command", "args"].into_iter();
        let words = words.flat_map(|key| items(container, key));
        found.extend(words.filter_map(Value::as_str).flat_map(hosts));
        let own: Vec<Variable<'p>> = variables(container).collect();
        let beside: Vec<Variable<'p>> = own.iter().copied().chain(of_maps()).collect();
        found.extend(own.iter().flat_map(|one| of_variable(*one, &beside)));
        all.extend(own);
    }
    let own = found.into_iter().map(|it| (it, None));
    let by_maps = given.iter().flat_map(|one| {
        let found = of_variable((&one.name, &one.value), &all).into_iter();
        found.map(|it| (it, Some(one.map.as_str())))
    });
    own.chain(by_maps).collect()
}

/// The hosts in a variable: those in addresses, or the one that it holds alone, with the number in the variable for its port, which stands beside it.
fn of_variable<'p>((name, value): Variable<'p>, beside: &[Variable<'p>]) -> Vec<Address<'p>> {
    if asks_nobody(name) {
        return Vec::new();
    }
    let named = is_host_of(name, value).then(|| {
        let mut ports = beside.iter().filter(|(port, _)| is_port_of(port, name));
        (value, ports.find_map(|(_, port)| port.parse().ok()))
    });
    hosts(value).chain(named).collect()
}

fn variables(container: &Value) -> impl Iterator<Item = Variable<'_>> {
    let variables = items(container, "env");
    variables.filter_map(|it| Some((text(it, "name")?, text(it, "value")?)))
}
