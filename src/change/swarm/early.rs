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
        if !is_checked(was) {
            continue;
        }
        let Some(unless) = unchecked(is) else {
            continue;
        };
        let by_others = by_others.get_or_insert_with(|| callers::callees(new, apart));
        if is_published(is) || is_routed(is) || by_others.contains(&change.name) {
            change.says_also(&format!(
                "each new one is asked, and the update goes on, as soon as its process runs: no check says when it serves{unless}"
            ));
        }
    }
}

/// Whether a check is written for its tasks; what only says how often is that of the image.
fn is_checked(service: &Service<'_>) -> bool {
    let test = service.at(&["healthcheck", "test"]);
    let is_test = test.is_some_and(|test| match &*test {
        Value::Array(words) => words.first().is_some_and(|it| it.as_str() != Some("NONE")),
        Value::String(text) => !text.is_empty(),
        _ => false,
    });
    is_test && !is_disabled(service)
}

fn is_disabled(service: &Service<'_>) -> bool {
    let disabled = service.at(&["healthcheck", "disable"]);
    disabled.is_some_and(|it| it.as_bool() == Some(true))
}

/// Whether its tasks have no check, with what may be one all the same: where none is written that of the image counts, which `NONE` and
/// `disable` take away (docs.docker.com/reference/compose-file/services, healthcheck).
fn unchecked(service: &Service<'_>) -> Option<&'static str> {
    let test = service.at(&["healthcheck", "test"]);
    let is_none = test.as_deref().is_some_and(|test| {
        let words = test.as_array().and_then(|words| words.first());
        words.and_then(Value::as_str) == Some("NONE")
    });
    if is_none || is_disabled(service) {
        return Some("");
    }
    (!is_checked(service)).then_some(", unless the image has one of its own")
}

/// Whether it is asked from outside of the swarm.
fn is_published(service: &Service<'_>) -> bool {
    let ports = service.at(&["ports"]);
    ports.is_some_and(|it| it.as_array().is_some_and(|ports| !ports.is_empty()))
}

/// Whether a router leads to it as its labels say, which it takes from the swarm: Traefik (doc.traefik.io/traefik/routing/providers/swarm),
/// Caddy (github.com/lucaslorentz/caddy-docker-proxy) or Docker Flow Proxy.
fn is_routed(service: &Service<'_>) -> bool {
    let labels = service.stack.service(service.object);
    let labels = labels.pointer("/deploy/labels").and_then(Value::as_object);
    let mut labels = labels.into_iter().flatten();
    let is_off = |value: &Value| value.as_str() == Some("false") || value == &Value::Bool(false);
    let mut leads = false;
    let is_left_out = labels.any(|(label, value)| {
        leads |= [
            "traefik.http.",
            "traefik.tcp.",
            "traefik.udp.",
            "caddy",
            "com.df.",
        ]
        .iter()
        .any(|it| label.starts_with(it))
            || label == "traefik.enable";
        label == "traefik.enable" && is_off(value)
    });
    leads && !is_left_out
}
