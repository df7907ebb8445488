//! Services of stack files whose tasks are replaced by ones without a health check, where those before had one. A task without one is running
//! as soon as its process is, which is when the service's name leads to it, and when the update goes on (moby
//! `daemon/cluster/executor/container/controller.go`, `Start`: it waits for the first health only where there is a check; swarmkit
//! `manager/orchestrator/update/updater.go`, `updateTask`). Of a program ZD4003 says it, of pods `kubernetes::early`.

use super::apart::Apart;
use super::callers;
use super::service::{self, Service};
use super::stack::Stack;
use crate::change::{Change, Effect};
use serde_json::Value;
use std::collections::BTreeSet;

/// Says it of those that somebody asks.
pub(super) fn asked(
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
    apart: &Apart<'_>,
    changes: &mut [Change],
) {
    // With all of them stopped at once nobody serves until the new ones do, whichever way.
    let may = |it: &Change| {
        let mut fields = it.fields.iter();
        let rolls = it.kind == "service" && it.effect == Effect::Rolls;
        rolls && fields.any(|field| field.path.starts_with("healthcheck"))
    };
    if !changes.iter().any(may) {
        return;
    }
    let (before, after) = (service::all(old), service::all(new));
    let mut by_others: Option<BTreeSet<String>> = None;
    for change in changes.iter_mut().filter(|it| may(it)) {
        let Some((was, is)) = before.get(&change.name).zip(after.get(&change.name)) else {
            continue;
        };
        let unless = match (Check::of(was), Check::of(is)) {
            (Check::Written, Check::Off) => "",
            (Check::Written, Check::Unsaid) => ", unless the image has one of its own",
            _ => continue,
        };
        let by_others = by_others.get_or_insert_with(|| callers::callees(new, apart));
        if is_published(is) || is_routed(is) || by_others.contains(&change.name) {
            change.says_also(&format!(
                "each new one is asked, and the update goes on, as soon as its process runs: no check says when it serves{unless}"
            ));
        }
    }
}

/// What a service says of the health of its tasks.
enum Check {
    Written,
    /// Taken away, of the image too (docs.docker.com/reference/compose-file/services, healthcheck).
    Off,
    /// Nothing but how often, so that of the image counts.
    Unsaid,
}

impl Check {
    fn of(service: &Service<'_>) -> Self {
        let disabled = service.at(&["healthcheck", "disable"]);
        if disabled.is_some_and(|it| it.as_bool() == Some(true)) {
            return Self::Off;
        }
        match service.at(&["healthcheck", "test"]).as_deref() {
            Some(Value::Array(words)) => match words.first() {
                Some(word) if word.as_str() == Some("NONE") => Self::Off,
                Some(_) => Self::Written,
                None => Self::Unsaid,
            },
            Some(Value::String(text)) if !text.is_empty() => Self::Written,
            _ => Self::Unsaid,
        }
    }
}

/// Whether it is asked from outside of the swarm.
fn is_published(service: &Service<'_>) -> bool {
    let ports = service.at(&["ports"]);
    ports.is_some_and(|it| it.as_array().is_some_and(|ports| !ports.is_empty()))
}

/// Whether a router leads to it as its labels say, which it takes from the swarm: Traefik (doc.traefik.io/traefik/routing/providers/swarm),
/// Caddy (github.com/lucaslorentz/caddy-docker-proxy) or Docker Flow Proxy.
fn is_routed(service: &Service<'_>) -> bool {
    let labels = service.labels();
    if labels.get("traefik.enable").is_some_and(|it| it == "false") {
        return false;
    }
    let routers = [
        "traefik.http.",
        "traefik.tcp.",
        "traefik.udp.",
        "caddy",
        "com.df.",
    ];
    let leads = |label: &String| {
        label == "traefik.enable" || routers.iter().any(|it| label.starts_with(it))
    };
    labels.keys().any(leads)
}
