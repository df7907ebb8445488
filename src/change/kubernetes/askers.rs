//! Who asks for a Service of manifests, as far as what its pods are given says so: an address in a variable, an argument or a command. What stands
//! in a `ConfigMap` is not looked at, so that nobody is taken for one who does not ask.

use super::behind::{Led, Pods};
use super::parts::{items, text};
use serde_json::Value;

/// Whether pods are given the address of a Service, which they have by its name, with its namespace or without
/// (`kubernetes.io/docs/concepts/services-networking/dns-pod-service`).
pub(super) fn ask(pods: &Pods<'_>, service: &Led<'_>) -> bool {
    let (name, namespace) = (service.key.2, service.key.3);
    let mut said = said(&pods.pod);
    said.any(|text| {
        let mut hosts = hosts(text);
        hosts.any(|host| match host.strip_prefix(name) {
            Some("") => pods.key.3 == namespace,
            Some(rest) => rest.strip_prefix('.').is_some_and(|rest| {
                let there = rest.split('.').next();
                // Of the namespace of kubectl's context the name is not known.
                namespace.is_some() && there == namespace
            }),
            None => false,
        })
    })
}

/// The texts that a container of a pod is given.
fn said(pod: &Value) -> impl Iterator<Item = &str> {
    let containers = ["containers", "initContainers"].into_iter();
    let containers = containers.flat_map(|key| items(pod, key));
    containers.flat_map(|container| {
        let variables = items(container, "env").filter_map(|it| text(it, "value"));
        let words = ["command", "args"].into_iter();
        let words = words.flat_map(|key| items(container, key));
        variables.chain(words.filter_map(Value::as_str))
    })
}

/// The hosts of a text that stand where only an address does: after `//` or `@`, or before the number of a port.
fn hosts(text: &str) -> impl Iterator<Item = &str> {
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
            let is_numbered = port.is_some_and(|it| it.starts_with(|c: char| c.is_ascii_digit()));
            // What stands before a number in the address of something else is its password, or its tag.
            let is_plain = !lead.ends_with(['/', ':', '=']) || lead.ends_with("//");
            if is_led || is_numbered && !is_user && (is_plain || lead.ends_with('=')) {
                return Some(host);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::hosts;

    #[test]
    fn a_host_stands_where_an_address_does() {
        for (text, found) in [
            ("http://api:8080/v1", &["api"][..]),
            ("api:8080", &["api"]),
            ("--upstream=api:8080", &["api"]),
            ("a:1,b.shop.svc:2", &["a", "b.shop.svc"]),
            ("postgres://user:word@db.shop:5432/shop", &["db.shop"]),
            ("amqp://queue@queue/api", &["queue"]),
            ("registry/api:1.0.0", &[]),
            ("see the api", &[]),
            ("api", &[]),
        ] {
            assert_eq!(hosts(text).collect::<Vec<_>>(), found, "{text}");
        }
    }
}
