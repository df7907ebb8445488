//! Ports of the routing mesh that become others while tasks of both versions run, be it that new ones start first or that some old ones are
//! left. Each node keeps a balancer by the service and its ports, and one address for all of them: that of the new ports cannot take the
//! address which that of the old ones has, and leads to no task; with the last old task the rules of all ports go (moby
//! `daemon/libnetwork/service_linux.go`, `addLBBackend` and `rmLBBackend`; seen by others in github.com/docker/cli/issues/2274, mended by
//! github.com/moby/moby/pull/51657).
//!
//! And ports that go from the mesh to the nodes of the tasks: while a task has a port there, the engine of every node listens at it itself, and
//! refuses it to a container (`programIngress` and `plumbProxy` there; seen by others in github.com/moby/moby/issues/24328 and
//! github.com/moby/moby/issues/32377).

use super::ports::published;
use super::published;
use super::service::{self, Service};
use super::stack::Stack;
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use std::collections::BTreeSet;

/// Says it of those that are replaced a few at a time.
pub(super) fn changed(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut [Change]) {
    let rolls = |it: &Change| {
        let mut fields = it.fields.iter();
        let is_rolling = it.kind == "service" && it.effect == Effect::Rolls;
        is_rolling && fields.any(|field| field.path.starts_with("ports"))
    };
    if !changes.iter().any(rolls) {
        return;
    }
    let (before, after) = (service::all(old), service::all(new));
    for change in changes.iter_mut().filter(|it| rolls(it)) {
        let Some((was, is)) = before.get(&change.name).zip(after.get(&change.name)) else {
            continue;
        };
        // Of new tasks that do not start nothing else is to be said.
        if let Some(loss) = taken_out(&change.name, was, is) {
            change.losses.push(loss);
            continue;
        }
        let (had, has) = (through_mesh(was.object), through_mesh(is.object));
        let is_known = had.union(&has).all(|port| !port.contains('$'));
        if is_known && !had.is_empty() && !has.is_empty() && had != has {
            change.losses.push(loss(change, is, (&had, &has)));
        }
    }
}

/// The ports that every node takes, each with that of the tasks: `80:8080/tcp`.
fn through_mesh(service: &Object) -> BTreeSet<String> {
    let ports = published(service).into_iter();
    let meshed = ports.filter_map(|(port, how)| {
        let said = |key: &str| how.get(key).cloned().unwrap_or_default();
        let (outside, protocol) = port.split_once('/').unwrap_or((&port, "tcp"));
        let inside = said("target").to_string().replace('"', "");
        (said("mode") != "host").then(|| format!("{outside}:{inside}/{protocol}"))
    });
    meshed.collect()
}

fn loss(
    change: &Change,
    service: &Service<'_>,
    (had, has): (&BTreeSet<String>, &BTreeSet<String>),
) -> Loss {
    let name = &change.name;
    let list = |ports: &BTreeSet<String>| {
        let mut ports: Vec<&str> = ports.iter().map(String::as_str).collect();
        ports.sort_by_key(|port| (port.find(':'), *port));
        ports.join(", ")
    };
    let gap = if service.starts_first() {
        "nobody answers at any of these ports once the last old task is gone, until the engine is started anew"
    } else {
        "nobody answers at any of these ports from the end of the last old task until the last new one serves, which is led to alone then"
    };
    let outside = |ports: &BTreeSet<String>| -> BTreeSet<String> {
        let ports = ports.iter().filter_map(|port| port.split(':').next());
        ports.map(ToOwned::to_owned).collect()
    };
    let (was, is) = (outside(had), outside(has));
    let beside = if !is.is_subset(&was) {
        "publish the other port from a service of its own beside this one; or "
    } else if is != was {
        "keep what it publishes; or "
    } else {
        ""
    };
    let way = format!("{beside}{} first", ends(name, service));
    Loss {
        about: Lost::Mesh,
        what: format!(
            "`{name}` publishes {} and then {} while tasks of both versions run: an engine without moby#51657 leads to none of the new tasks that \
             start meanwhile, and {gap}",
            list(had),
            list(has)
        ),
        way: format!(
            "{way}, with which it is down until its new tasks serve; or try it where every node has a newer engine"
        ),
    }
}

/// The command after which no task runs: docker scales no service that runs one on each node.
fn ends(name: &str, service: &Service<'_>) -> String {
    if service.is_global() {
        format!("`docker service rm {name}`")
    } else {
        format!("`docker service scale {name}=0`")
    }
}

/// Of ports that the mesh has before, and the nodes of the tasks under the same number after.
fn taken_out(name: &str, was: &Service<'_>, is: &Service<'_>) -> Option<Loss> {
    if was.is_off() {
        return None;
    }
    let (had, has) = (published::published(was)?, published::published(is)?);
    let is_meshed = |port: &(String, u16)| had.get(port) == Some(&false);
    let out = has
        .iter()
        .filter(|(port, of_tasks)| **of_tasks && is_meshed(port));
    let out: Vec<&(String, u16)> = out.map(|(port, _)| port).collect();
    if out.is_empty() {
        return None;
    }
    let becomes = if is.starts_first() {
        "no new task starts"
    } else {
        "no new task starts in the place of those that are stopped"
    };
    let (ports, ends) = (published::words(&out), ends(name, is));
    let (number, it) = match &*out {
        [_] => ("another number", "it"),
        _ => ("other numbers", "them"),
    };
    Some(Loss {
        about: Lost::Mesh,
        what: format!(
            "`{name}` takes {ports} out of the routing mesh, and publishes {it} on the nodes of its tasks: until its last old task is gone the engine \
             of every node listens there itself, and {becomes} (`driver failed programming external connectivity`, `address already in use`)"
        ),
        way: format!(
            "publish on the nodes under {number}, and lead clients there; or {ends} first, with which it is down until its new tasks serve"
        ),
    })
}
