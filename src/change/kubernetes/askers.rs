//! Who asks for a Service of manifests, as far as what its pods are given says so: an address in a variable, an argument or a command, or a name in a
//! variable that is called so (`DB_HOST`). What stands in a `ConfigMap` is not looked at, so that nobody is taken for one who does not ask.

use super::Keyed;
use super::backends;
use super::behind::{self, Led, Pods};
use super::parts::{items, text};
use crate::change::authorities::{asks_nobody, hosts, is_host_of, is_port_of};
use serde_json::Value;
use std::collections::BTreeSet;

/// A Service by its name and its namespace.
pub(super) type Asked<'p> = (&'p str, Option<&'p str>);

/// The Services of which pods are given the address, if there are some of that name: each has it by its name, with its namespace or without
/// (`kubernetes.io/docs/concepts/services-networking/dns-pod-service`), and the ports, where these are known. Of the namespace of kubectl's
/// context the name is not known.
pub(super) fn asked<'p>(pods: &'p Pods<'_>) -> BTreeSet<(Asked<'p>, Option<u64>)> {
    let found = addresses(&pods.pod);
    let found = found.filter_map(|(host, port)| Some((of_host(host, pods)?, port)));
    found.collect()
}

/// The headless Services by which pods are asked, each by its own name (`mongo-0.mongo`), where one is called so: a pod of a `StatefulSet` has its
/// name and a number (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`, Stable Network ID).
pub(super) fn asked_by_pod<'p>(pods: &'p Pods<'_>) -> BTreeSet<(Asked<'p>, Option<u64>)> {
    let services = addresses(&pods.pod).filter_map(|(host, port)| {
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

/// The hosts whose addresses the containers of a pod are given, each with the port, where that is known.
fn addresses(pod: &Value) -> impl Iterator<Item = (&str, Option<u64>)> {
    let containers = ["containers", "initContainers"].into_iter();
    let containers = containers.flat_map(|key| items(pod, key));
    containers.flat_map(|container| said(container).flat_map(hosts).chain(named(container)))
}

/// The texts that a container is given.
fn said(container: &Value) -> impl Iterator<Item = &str> {
    let variables = variables(container).filter(|(name, _)| !asks_nobody(name));
    let words = ["command", "args"].into_iter();
    let words = words.flat_map(|key| items(container, key));
    variables
        .map(|(_, value)| value)
        .chain(words.filter_map(Value::as_str))
}

/// The hosts that variables hold alone, each with the number in the one for its port.
fn named(container: &Value) -> impl Iterator<Item = (&str, Option<u64>)> {
    let hosts = variables(container).filter(|(name, value)| is_host_of(name, value));
    hosts
        .filter(|(name, _)| !asks_nobody(name))
        .map(|(host, value)| {
            let mut ports = variables(container).filter(|(name, _)| is_port_of(name, host));
            (value, ports.find_map(|(_, port)| port.parse().ok()))
        })
}

fn variables(container: &Value) -> impl Iterator<Item = (&str, &str)> {
    let variables = items(container, "env");
    variables.filter_map(|it| Some((text(it, "name")?, text(it, "value")?)))
}
