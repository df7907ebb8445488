//! Services of stack files that publish a port on their nodes, each of which has it once: a new task waits while an old one has it (swarmkit
//! `manager/scheduler/filter.go`, `HostPortFilter`). Between two programs, and of one, `contract` and ZD4014 say it.

use super::nodes::{are_apart, is_held};
use super::ports::published;
use super::service::{self, Service};
use super::stack::Stack;
use crate::change::{Change, Effect, Loss, Lost};
use serde_json::Value;

/// Says it where it is known that no node has a place; of a program's own updates ZD4014 does.
pub(super) fn wanted(
    old: &[Stack<'_>],
    new: &[Stack<'_>],
    is_program: bool,
    changes: &mut [Change],
) {
    let may = |it: &Change| {
        let starts = matches!(it.effect, Effect::Created | Effect::Renamed);
        it.kind == "service" && (starts || it.effect.replaces())
    };
    let (before, after) = (service::all(old), service::all(new));
    let left: Vec<(&String, &Service<'_>)> = before
        .iter()
        .filter(|(name, was)| !after.contains_key(*name) && !was.is_off())
        .collect();
    for change in changes.iter_mut().filter(|it| may(it)) {
        let Some(is) = after.get(&change.name).filter(|is| !is.is_off()) else {
            continue;
        };
        let asked = of_nodes(is);
        // Most services ask for none.
        if asked.is_empty() {
            continue;
        }
        let loss = if change.effect.replaces() {
            let was = before.get(&change.name);
            let was = was.filter(|was| !was.is_off() && !is_program);
            let port = was.and_then(|was| held(was, is, &asked));
            port.map(|port| never_rolls(&change.name, &port))
        } else {
            let mut others = left.iter();
            others.find_map(|(name, was)| {
                let had = of_nodes(was);
                let port = asked.iter().find(|port| had.contains(port))?;
                (!are_apart(was, is)).then(|| waits(&change.name, name, port))
            })
        };
        change.losses.extend(loss);
    }
}

/// The ports that it publishes on its nodes, but for those that the engine chooses.
fn of_nodes(service: &Service<'_>) -> Vec<String> {
    let ports = published(service.object).into_iter();
    let of_nodes = ports.filter(|(_, how)| how.get("mode").and_then(Value::as_str) == Some("host"));
    of_nodes
        .map(|(port, _)| port)
        .filter(|port| !port.contains('$'))
        .collect()
}

/// The port that an old task has on every node where the new one may be, until it is stopped. How many nodes there are is not known; each
/// has one of a global service, and one is named.
fn held(was: &Service<'_>, is: &Service<'_>, asked: &[String]) -> Option<String> {
    if !is.starts_first() {
        return None;
    }
    let is_on_each = was.is_global() && is.is_global();
    let is_on_one = is_held(is) && was.constraints() == is.constraints();
    let had = of_nodes(was);
    let port = asked.iter().find(|port| had.contains(port))?;
    (is_on_each || is_on_one).then(|| port.clone())
}

fn number(port: &str) -> &str {
    port.split('/').next().unwrap_or(port)
}

fn never_rolls(name: &str, port: &str) -> Loss {
    let port = number(port);
    Loss {
        about: Lost::Place,
        what: format!(
            "no new task of `{name}` ever starts: it is to start before the old one is stopped, which has port {port} of the node"
        ),
        way: format!(
            "write `order: stop-first`, with which a node does not answer until its new task serves; or publish {port} through the routing mesh, \
             without `mode: host`"
        ),
    }
}

fn waits(name: &str, holder: &str, port: &str) -> Loss {
    let port = number(port);
    Loss {
        about: Lost::Beside,
        what: format!(
            "`{name}` waits for ever wherever `{holder}` runs on, which has port {port} of the node"
        ),
        way: format!(
            "remove the old one first, `docker service rm {holder}`; or publish another port until it is removed"
        ),
    }
}
