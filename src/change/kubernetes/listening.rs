//! What a Gateway that stays listens for no more: a port, how it is spoken to there, a host name (`gateway-api.sigs.k8s.io/reference/spec`,
//! `Listener`). Another Gateway has an address of its own, so that none of those takes its place.

use super::parts::{items, text};
use crate::change::difference::value;
use crate::change::{Loss, Lost};
use crate::graph::routing::host_covers;
use crate::targets::Object;
use serde_json::Value;

struct Listener {
    port: u64,
    protocol: String,
    /// Left out, it is for all.
    host: Option<String>,
}

/// Each, once.
pub(super) fn lost(gateway: &str, (was, is): (&Object, &Object)) -> Vec<Loss> {
    let [before, now] = [was, is].map(listeners);
    let mut told: Vec<String> = Vec::new();
    for it in &before {
        let gone = gone(it, &now);
        told.extend(gone.filter(|gone| !told.contains(gone)));
    }
    let told = told.into_iter().map(|what| Loss {
        about: Lost::Outside,
        what: format!("Gateway `{gateway}` {what}: who asks there gets no answer"),
        way: "keep that listener, beside a new one, until nobody asks there".to_owned(),
    });
    told.collect()
}

fn listeners(gateway: &Object) -> Vec<Listener> {
    let whole = value(&gateway.content);
    let nothing = Value::Null;
    let listeners = items(whole.get("spec").unwrap_or(&nothing), "listeners");
    let listeners = listeners.filter_map(|it| {
        let host = text(it, "hostname").filter(|host| !host.is_empty());
        Some(Listener {
            port: it.get("port")?.as_u64()?,
            protocol: text(it, "protocol")?.to_owned(),
            host: host.map(str::to_ascii_lowercase),
        })
    });
    listeners.collect()
}

fn gone(was: &Listener, now: &[Listener]) -> Option<String> {
    let Listener { port, protocol, .. } = was;
    let is_there = |it: &&Listener| it.port == *port && is_udp(it) == is_udp(was);
    let mut there = now.iter().filter(is_there).peekable();
    let Some(first) = there.peek() else {
        return Some(format!("listens no more on port {port}, by {protocol}"));
    };
    let instead = first.protocol.clone();
    let mut same = there.filter(|it| it.protocol == *protocol).peekable();
    if same.peek().is_none() {
        return Some(format!(
            "speaks no {protocol} on port {port} any more, and {instead} instead"
        ));
    }
    let covers = |it: &Listener| match (&it.host, &was.host) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(now), Some(was)) => host_covers(now, was),
    };
    if same.any(covers) {
        return None;
    }
    Some(match &was.host {
        Some(host) => format!("no longer answers for `{host}` on port {port}"),
        None => format!("answers on port {port} for some host names alone, and no longer for all"),
    })
}

fn is_udp(listener: &Listener) -> bool {
    listener.protocol == "UDP"
}
