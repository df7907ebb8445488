//! Who asks for a Service of manifests, as far as what its pods are given says so: an address in a variable, an argument or a command. What stands
//! in a `ConfigMap` is not looked at, so that nobody is taken for one who does not ask.

use super::behind::Pods;
use super::parts::{items, text};
use serde_json::Value;
use std::collections::BTreeSet;

/// A Service by its name and its namespace.
pub(super) type Asked<'p> = (&'p str, Option<&'p str>);

/// The Services of which pods are given the address, if there are some of that name: each has it by its name, with its namespace or without
/// (`kubernetes.io/docs/concepts/services-networking/dns-pod-service`), and the ports, where these are known. Of the namespace of kubectl's
/// context the name is not known.
pub(super) fn asked<'p>(pods: &'p Pods<'_>) -> BTreeSet<(Asked<'p>, Option<u64>)> {
    let hosts = said(&pods.pod).flat_map(hosts);
    let found = hosts.filter_map(|(host, port)| Some((of_host(host, pods)?, port)));
    found.collect()
}

/// The headless Services by which pods are asked, each by its own name (`mongo-0.mongo`), where one is called so: a pod of a `StatefulSet` has its
/// name and a number (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`, Stable Network ID).
pub(super) fn asked_by_pod<'p>(pods: &'p Pods<'_>) -> BTreeSet<(Asked<'p>, Option<u64>)> {
    let hosts = said(&pods.pod).flat_map(hosts);
    let services = hosts.filter_map(|(host, port)| {
        let mut labels = host.split('.');
        let (_, number) = labels.next()?.rsplit_once('-')?;
        let is_number = !number.is_empty() && number.bytes().all(|it| it.is_ascii_digit());
        let service = labels.next().filter(|_| is_number)?;
        let namespace = labels.next();
        is_of_cluster(labels.next()).then(|| ((service, namespace.or(pods.key.3)), port))
    });
    services.collect()
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

/// The texts that a container of a pod is given.
fn said(pod: &Value) -> impl Iterator<Item = &str> {
    let containers = ["containers", "initContainers"].into_iter();
    let containers = containers.flat_map(|key| items(pod, key));
    containers.flat_map(|container| {
        let variables = items(container, "env").filter(|it| !names_image(it));
        let variables = variables.filter_map(|it| text(it, "value"));
        let words = ["command", "args"].into_iter();
        let words = words.flat_map(|key| items(container, key));
        variables.chain(words.filter_map(Value::as_str))
    })
}

/// Whether a variable says by its name that it holds an image, whose tag looks like a port: `JOB_IMAGE`, `postgres:16`.
fn names_image(variable: &Value) -> bool {
    let name = text(variable, "name").unwrap_or_default();
    let name = name.to_ascii_lowercase();
    name.ends_with("image") || name.ends_with("img")
}

/// The hosts of a text that stand where only an address does: after `//` or `@`, or before the number of a port; each with that number, if it is
/// known.
fn hosts(text: &str) -> impl Iterator<Item = (&str, Option<u64>)> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(is_host)?;
            let before = text.len() - rest.len() + start;
            let from = rest.get(start..)?;
            let end = from.find(|c| !is_host(c)).unwrap_or(from.len());
            let (host, after) = from.split_at_checked(end)?;
            rest = after;
            let lead = text.get(..before).unwrap_or_default();
            // Before the host of an address its user may stand.
            let authority = after.split(['/', ' ', ',']).next().unwrap_or_default();
            let is_user = lead.ends_with("//") && authority.contains('@');
            let is_led = !is_user && (lead.ends_with("//") || lead.ends_with('@'));
            let port = after.strip_prefix(':');
            let is_numbered = port.is_some_and(is_number);
            // What stands before a number in the address of something else is its password, or its tag.
            let is_plain = !lead.ends_with(['/', ':', '=']) || lead.ends_with("//");
            if lead.ends_with("image=") {
                continue;
            }
            if is_led || is_numbered && !is_user && (is_plain || lead.ends_with('=')) {
                let number = port.filter(|_| is_numbered).map(number);
                return Some((host, number.unwrap_or_else(|| of_scheme(lead))));
            }
        }
    })
}

/// Whether digits stand there and nothing that goes on with them, as a version does: `redis:7.2`, `redis:7-alpine`.
fn is_number(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    text.starts_with(is_digit) && !text.trim_start_matches(is_digit).starts_with(goes_on)
}

/// The number at which a text begins.
fn number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len())).0.parse().ok()
}

/// The port that is asked where an address names none, by what stands before its host (RFC 9110, 4.2).
fn of_scheme(lead: &str) -> Option<u64> {
    let is = |scheme: &str| lead.ends_with(scheme);
    let http = is("http://").then_some(80);
    http.or_else(|| is("https://").then_some(443))
}

#[cfg(test)]
mod tests {
    use super::hosts;

    #[test]
    fn a_host_stands_where_an_address_does() {
        for (text, found) in [
            ("http://api:8080/v1", &[("api", Some(8080))][..]),
            ("http://api/v1", &[("api", Some(80))]),
            ("https://api", &[("api", Some(443))]),
            ("redis://api", &[("api", None)]),
            ("api:8080", &[("api", Some(8080))]),
            ("--upstream=api:8080", &[("api", Some(8080))]),
            (
                "a:1,b.shop.svc:2",
                &[("a", Some(1)), ("b.shop.svc", Some(2))],
            ),
            (
                "postgres://user:word@db.shop:5432/shop",
                &[("db.shop", Some(5432))],
            ),
            ("amqp://queue@queue/api", &[("queue", None)]),
            ("registry/api:1.0.0", &[]),
            ("redis:7.2", &[]),
            ("redis:7-alpine", &[]),
            ("node:22beta", &[]),
            ("--job-image=postgres:16", &[]),
            ("api:8080.", &[]),
            ("api:8080, see there", &[("api", Some(8080))]),
            ("see the api", &[]),
            ("api", &[]),
        ] {
            assert_eq!(hosts(text).collect::<Vec<_>>(), found, "{text}");
        }
    }
}
