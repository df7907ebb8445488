//! Ports that services of stack files publish no more, or on the nodes of their tasks alone, while clients still ask there. Between two
//! programs `contract` says it.

use super::apart::Apart;
use super::service::{self, Service};
use super::stack::{Stack, by_port};
use crate::change::{Change, Effect, Loss, Lost};
use serde_json::Value;
use std::collections::BTreeMap;

/// A number with its protocol, by which a port is asked for, and whether only nodes with a task answer there.
pub(super) type Published = BTreeMap<(String, u16), bool>;

/// Says it of services that stay, where nobody of the new stacks of their swarm answers instead. What is left behind goes on to answer.
pub(super) fn lost(
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
    apart: &Apart<'_>,
    changes: &mut [Change],
) {
    let has_other_ports = |it: &Change| {
        let mut fields = it.fields.iter();
        let stays = it.effect.replaces() || it.effect == Effect::InPlace;
        it.kind == "service" && stays && fields.any(|field| field.path.starts_with("ports"))
    };
    if !changes.iter().any(has_other_ports) {
        return;
    }
    let (before, after) = (service::all(old), service::all(new));
    let left = before.iter().filter(|(name, _)| !after.contains_key(*name));
    let there = after.iter().chain(left).filter(|(_, it)| !it.is_off());
    let there: Vec<_> = there.map(|(name, it)| (name, it, published(it))).collect();
    for change in changes.iter_mut().filter(|it| has_other_ports(it)) {
        let both = before.get(&change.name).zip(after.get(&change.name));
        let Some((was, is)) = both.filter(|(was, is)| !was.is_off() && !is.is_off()) else {
            continue;
        };
        let (Some(had), Some(has)) = (published(was), published(is)) else {
            continue;
        };
        let others: Vec<_> = there
            .iter()
            .filter(|(name, it, _)| {
                **name != change.name && !apart.are_surely(is.stack.name, it.stack.name)
            })
            .map(|(.., ports)| ports.as_ref())
            .collect();
        // A variable may be any port.
        if others.iter().any(Option::is_none) {
            continue;
        }
        let (mut gone, mut of_tasks) = (Vec::new(), Vec::new());
        for (port, was_of_tasks) in &had {
            match has.get(port) {
                Some(true) if !was_of_tasks && !is_everywhere(is) => of_tasks.push(port),
                Some(_) => {}
                None => {
                    let mut others = others.iter().flatten();
                    if !others.any(|ports| ports.contains_key(port)) {
                        gone.push(port);
                    }
                }
            }
        }
        let name = &change.name;
        let losses = [
            (!gone.is_empty()).then(|| Loss {
                about: Lost::Outside,
                what: removed(name, &format!("on {}", words(&gone))),
                way: KEEP.to_owned(),
            }),
            (!of_tasks.is_empty()).then(|| Loss {
                about: Lost::Outside,
                what: out_of_mesh(name, &words(&of_tasks), "mode: host"),
                way: KEEP_IN_MESH.to_owned(),
            }),
        ];
        change.losses.extend(losses.into_iter().flatten());
    }
}

/// What to do about a port that is published no more.
pub(in crate::change) const KEEP: &str = "keep it published until no client asks there";

/// What to do about a port that left the routing mesh.
pub(in crate::change) const KEEP_IN_MESH: &str =
    "publish it through the mesh until clients ask only nodes that run a task";

/// Of a service that publishes a port no more.
pub(in crate::change) fn removed(name: &str, ports: &str) -> String {
    format!("`{name}` no longer answers {ports}, where it was published")
}

/// Of a service of which a port left the routing mesh: the mode `ingress` "makes the target port accessible on every node, regardless of
/// whether there is a task for the service running on that node or not", `host` publishes it "directly on the swarm node where that
/// service is running" (docs.docker.com/reference/api/engine, `EndpointPortConfig`).
pub(in crate::change) fn out_of_mesh(name: &str, ports: &str, mode: &str) -> String {
    format!(
        "`{name}` no longer answers on {ports} of every node of the swarm: only those that run a task do, with `{mode}`"
    )
}

/// Whether each node has a task of a service.
fn is_everywhere(service: &Service<'_>) -> bool {
    let constraints = service.constraints();
    service.is_global() && constraints.is_some_and(|it| it.is_empty())
}

/// The ports that a service is asked for from outside, but for those that the engine chooses; `None` where one of them is not known.
pub(super) fn published(service: &Service<'_>) -> Option<Published> {
    let mut published = Published::new();
    let Some(ports) = service.at(&["ports"]) else {
        return Some(published);
    };
    let mut ports = ports.into_owned();
    by_port(&mut ports);
    let chosen = |port: &str| port.starts_with(':');
    let ports = ports.as_object()?.iter().filter(|(port, _)| !chosen(port));
    for (port, how) in ports {
        let (numbers, protocol) = port.rsplit_once('/')?;
        let (least, most) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let protocol = protocol.trim_end_matches('\'').to_ascii_lowercase();
        let of_tasks = how.get("mode").and_then(Value::as_str) == Some("host");
        for number in least.parse::<u16>().ok()?..=most.parse::<u16>().ok()? {
            let known = published.entry((protocol.clone(), number)).or_insert(true);
            *known &= of_tasks;
        }
    }
    Some(published)
}

/// `port 80`, `ports 53/udp, 80 and 8000-8010`.
pub(super) fn words(ports: &[&(String, u16)]) -> String {
    let mut rows: Vec<(&str, u16, u16)> = Vec::new();
    for (protocol, number) in ports {
        match rows.last_mut() {
            Some((of, _, last)) if *of == *protocol && last.checked_add(1) == Some(*number) => {
                *last = *number;
            }
            _ => rows.push((protocol, *number, *number)),
        }
    }
    let is_one = ports.len() == 1;
    let rows = rows.into_iter().map(|(protocol, first, last)| {
        let protocol = match protocol {
            "tcp" => String::new(),
            other => format!("/{other}"),
        };
        if first == last {
            format!("{first}{protocol}")
        } else {
            format!("{first}-{last}{protocol}")
        }
    });
    let rows: Vec<String> = rows.collect();
    let numbers = match rows.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => rows.join(""),
    };
    format!("{} {numbers}", if is_one { "port" } else { "ports" })
}
