//! Data that stays on a node: what a swarm makes of a volume is its node's, and a task that goes to another one finds it empty. Between two
//! programs `contract` says it.

use super::moves;
use super::service::{self, Service};
use super::stack::Stack;
use crate::change::{Change, Effect, Loss, Lost};

/// Says it of services whose tasks have to run on other nodes than before.
pub(super) fn lost(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut [Change]) {
    let may = |it: &Change| {
        let is_taken = it.kind == "service" && it.effect != Effect::Refused;
        is_taken && it.fields.iter().any(moves)
    };
    if !changes.iter().any(may) {
        return;
    }
    let (before, after) = (service::all(old), service::all(new));
    for change in changes.iter_mut().filter(|it| may(it)) {
        let both = before.get(&change.name).zip(after.get(&change.name));
        let loss = both.and_then(|(was, is)| told(&change.name, was, is));
        change.losses.extend(loss);
    }
}

/// Whether two services run on different nodes for sure.
pub(super) fn are_apart(one: &Service<'_>, other: &Service<'_>) -> bool {
    let all = |service: &Service<'_>| service.constraints().unwrap_or_default();
    let (one, other) = (all(one), all(other));
    let (one, other) = (asked(&one), asked(&other));
    one.iter().any(|it| excluded(it, &other).is_some())
}

/// What nodes are asked for: `node.labels.disk == ssd` (docs.docker.com/engine/swarm/services, Placement constraints).
struct Asked<'c> {
    written: &'c str,
    key: &'c str,
    is_equal: bool,
    value: &'c str,
}

fn asked(constraints: &[String]) -> Vec<Asked<'_>> {
    let asked = constraints.iter().filter_map(|written| {
        let (is_equal, (key, value)) = match written.split_once("==") {
            Some(both) => (true, both),
            None => (false, written.split_once("!=")?),
        };
        let (key, value) = (key.trim(), value.trim());
        Some(Asked {
            written,
            key,
            is_equal,
            value,
        })
    });
    asked.collect()
}

/// What of the others no node has that has this. The scheduler compares values without regard to case (swarmkit
/// `manager/constraint/constraint.go`, `Match`).
fn excluded<'o, 'c>(one: &Asked<'_>, others: &'o [Asked<'c>]) -> Option<&'o Asked<'c>> {
    let mut others = others.iter().filter(|it| it.key == one.key);
    others.find(|it| {
        let is_same = it.value.eq_ignore_ascii_case(one.value);
        match (one.is_equal, it.is_equal) {
            (true, true) => !is_same,
            (true, false) | (false, true) => is_same,
            (false, false) => false,
        }
    })
}

fn told(name: &str, was: &Service<'_>, is: &Service<'_>) -> Option<Loss> {
    let volume = of_both(was, is).filter(|_| !was.is_off() && !is.is_off())?;
    let (before, now) = (was.constraints()?, is.constraints()?);
    let (before, now) = (asked(&before), asked(&now));
    let apart = before.iter().find_map(|it| Some((it, excluded(it, &now)?)));
    if let Some((it, by)) = apart {
        return Some(Loss {
            about: Lost::Data { surely: true },
            what: format!(
                "`{name}` goes to another node, where `{}`: its data stays in `{volume}` of the one where `{}`",
                by.written, it.written
            ),
            way: format!(
                "keep `{}`; or stop the service, and copy the data to the node that it goes to",
                it.written
            ),
        });
    }
    let is_kept = |it: &Asked<'_>| {
        let mut before = before.iter();
        before.any(|was| {
            was.key == it.key
                && was.is_equal == it.is_equal
                && was.value.eq_ignore_ascii_case(it.value)
        })
    };
    // A node that is meant by its name stays the one; and most swarms have their data on a manager.
    let is_pinned = |it: &Asked<'_>| it.is_equal && matches!(it.key, "node.hostname" | "node.id");
    let is_manager = |it: &Asked<'_>| it.key == "node.role" && it.value == "manager";
    if was.is_global() || now.iter().any(|it| is_pinned(it) && is_kept(it)) {
        return None;
    }
    let mut new = now.iter().filter(|it| it.is_equal && !is_kept(it));
    let new = new.find(|it| !is_manager(it))?;
    let label = new.key.strip_prefix("node.labels.");
    let way = match label {
        Some(label) => format!(
            "give the node that has the data this label first: `docker node update --label-add {label}={} NODE`",
            new.value
        ),
        None => "see that it is the node that has the data; or stop the service, and copy the data to the one that it goes to".to_owned(),
    };
    Some(Loss {
        about: Lost::Data { surely: false },
        what: format!(
            "where the node of `{name}` does not fit `{}` it goes to another one, and its data stays in `{volume}`",
            new.written
        ),
        way,
    })
}

/// A volume that each node makes for itself, and that both write to.
fn of_both(was: &Service<'_>, is: &Service<'_>) -> Option<String> {
    let before = was.written();
    let mut now = is.written().into_iter();
    let both = now.find(|now| {
        let mut before = before.iter();
        now.is_of_node && before.any(|it| it.is_of_node && it.from == now.from)
    });
    both.map(|it| it.from)
}
