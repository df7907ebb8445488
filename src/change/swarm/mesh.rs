//! Ports of the routing mesh that become others while tasks of both versions run. Each node keeps a balancer by the service and its ports, and
//! one address for all of them: that of the new ports cannot take the address which that of the old ones has, and leads to no task; with the
//! last old task the rules of all ports go (moby `daemon/libnetwork/service_linux.go`, `addLBBackend` and `rmLBBackend`; seen by others in
//! github.com/docker/cli/issues/2274, mended by github.com/moby/moby/pull/51657).

use super::ports::published;
use super::service;
use super::stack::Stack;
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use std::collections::BTreeSet;

/// Says it of those whose new tasks start before the old ones end.
pub(super) fn changed(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut [Change]) {
    let rolls = |it: &&mut Change| {
        let mut fields = it.fields.iter();
        let is_rolling = it.kind == "service" && it.effect == Effect::Rolls;
        is_rolling && fields.any(|field| field.path.starts_with("ports"))
    };
    if !changes.iter_mut().any(|it| rolls(&it)) {
        return;
    }
    let (before, after) = (service::all(old), service::all(new));
    for change in changes.iter_mut().filter(rolls) {
        let Some((was, is)) = before.get(&change.name).zip(after.get(&change.name)) else {
            continue;
        };
        let (had, has) = (through_mesh(was.object), through_mesh(is.object));
        let is_known = had.union(&has).all(|port| !port.contains('$'));
        if is.starts_first() && is_known && !had.is_empty() && !has.is_empty() && had != has {
            change.losses.push(loss(change, &had, &has));
        }
    }
}

/// The ports that every node takes, each with that of the tasks.
fn through_mesh(service: &Object) -> BTreeSet<String> {
    let ports = published(service).into_iter();
    let meshed = ports.filter_map(|(port, how)| {
        let said = |key: &str| how.get(key).cloned().unwrap_or_default();
        (said("mode") != "host").then(|| format!("{port} {}", said("target")))
    });
    meshed.collect()
}

fn loss(change: &Change, had: &BTreeSet<String>, has: &BTreeSet<String>) -> Loss {
    let name = &change.name;
    let list = |ports: &BTreeSet<String>| {
        let ports = ports
            .iter()
            .filter_map(|port| port.split([' ', '/']).next());
        let mut ports: Vec<&str> = ports.collect();
        ports.sort_by_key(|port| (port.len(), *port));
        ports.join(", ")
    };
    Loss {
        about: Lost::Mesh,
        what: format!(
            "`{name}` publishes port {} and then {} while tasks of both versions run: an engine without moby#51657 leads to none of the new \
             tasks, and nobody answers at any of these ports once the last old task is gone, until the engine is started anew",
            list(had),
            list(has)
        ),
        way: format!(
            "where every node has a newer engine nothing has to be done; else publish the other port from a service of its own beside this \
             one, or `docker service scale {name}=0` first, with which it is down until its new tasks serve"
        ),
    }
}
