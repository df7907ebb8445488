//! Data that stays on a node: what a swarm makes of a volume is its node's, and a task that goes to another one finds it empty. Between two
//! programs `contract` says it.

use super::data::is_open;
use super::moves;
use super::service::{self, Service, Written};
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
        let is_replaced = change.effect.replaces();
        let loss = both.and_then(|(was, is)| told(&change.name, is_replaced, was, is));
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

impl Asked<'_> {
    /// Whether both ask for the same.
    fn is(&self, other: &Asked<'_>) -> bool {
        self.key == other.key
            && self.is_equal == other.is_equal
            && self.value.eq_ignore_ascii_case(other.value)
    }

    /// Whether it means a node by its name.
    fn is_of_one(&self) -> bool {
        self.is_equal && matches!(self.key, "node.hostname" | "node.id")
    }

    /// Whether it is about a label, which may be given to another node or another value.
    fn is_of_label(&self) -> bool {
        self.key.starts_with("node.labels.") || self.key.starts_with("engine.labels.")
    }

    /// Whether it means one node, or those with a label.
    fn is_of_some(&self) -> bool {
        self.is_of_one() || self.is_equal && self.is_of_label()
    }

    /// Whether it is not known what it asks for before it is deployed.
    fn is_open(&self) -> bool {
        is_open(self.written)
    }
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
    let is_known = |it: &&Asked<'_>| !one.is_open() && !it.is_open() && it.key == one.key;
    let mut others = others.iter().filter(is_known);
    others.find(|it| {
        let is_same = it.value.eq_ignore_ascii_case(one.value);
        match (one.is_equal, it.is_equal) {
            (true, true) => !is_same,
            (true, false) | (false, true) => is_same,
            (false, false) => false,
        }
    })
}

fn told(name: &str, is_replaced: bool, was: &Service<'_>, is: &Service<'_>) -> Option<Loss> {
    let written = of_both(was, is).filter(|_| !was.is_off() && !is.is_off())?;
    let volume = &written.from;
    let unless = if written.is_of_node {
        String::new()
    } else {
        format!("; or see that `{volume}` is one folder on all of them, such as a share")
    };
    let both = (was.constraints()?, is.constraints()?);
    let (before, now) = (asked(&both.0), asked(&both.1));
    let apart = before.iter().find_map(|it| Some((it, excluded(it, &now)?)));
    if let Some((it, by)) = apart {
        // Who deploys may give the node another label, and its data stays where it is.
        if it.is_of_label() && by.is_equal {
            let mut loss = where_it_fits_no_more(name, by, &written, &unless);
            if let Some(label) = by.key.strip_prefix("node.labels.") {
                loss.way = other_value(name, was, (label, it, by)) + &unless;
            }
            return Some(loss);
        }
        return Some(Loss {
            about: Lost::Data {
                surely: written.is_of_node && !it.is_of_label(),
            },
            what: format!(
                "`{name}` goes to another node, where `{}`: its data stays in `{volume}` of the one where `{}`",
                by.written, it.written
            ),
            way: format!(
                "keep `{}`; or stop the service, and copy the data to the node that it goes to{unless}",
                it.written
            ),
        });
    }
    // What comes with a variable may ask for the node that it was.
    let mut new = both.1.iter().filter(|it| is_open(it));
    if new.any(|it| !both.0.contains(it)) {
        return None;
    }
    let is_kept = |it: &Asked<'_>| before.iter().any(|was| was.is(it));
    // Most swarms have their data on a manager.
    let is_manager = |it: &Asked<'_>| it.key == "node.role" && it.value == "manager";
    if was.is_global() || now.iter().any(|it| it.is_of_one() && is_kept(it)) {
        return None;
    }
    let may_be_kept = |it: &Asked<'_>| {
        let mut before = before.iter().filter(|was| was.is_open());
        before.any(|was| was.key == it.key)
    };
    let mut new = now
        .iter()
        .filter(|it| it.is_equal && !is_kept(it) && !may_be_kept(it));
    if let Some(new) = new.find(|it| !is_manager(it)) {
        return Some(where_it_fits_no_more(name, new, &written, &unless));
    }
    let is_held = now
        .iter()
        .any(|it| it.is_of_some() && (is_kept(it) || may_be_kept(it)));
    let is_dropped = |it: &&Asked<'_>| {
        let holds = it.is_of_some() || it.is_equal && it.key == "node.role";
        holds && !now.iter().any(|now| now.is(it))
    };
    let held = before.iter().find(is_dropped);
    let held = held.filter(|_| is_replaced && !is_held)?;
    Some(let_go(name, held, &written, &unless))
}

fn where_it_fits_no_more(name: &str, new: &Asked<'_>, written: &Written, unless: &str) -> Loss {
    let label = new.key.strip_prefix("node.labels.");
    let way = match label {
        Some(label) => format!(
            "give the node that has the data this label first: `docker node update --label-add {label}={} NODE`",
            new.value
        ),
        None => "see that it is the node that has the data; or stop the service, and copy the data to the one that it goes to".to_owned(),
    };
    let volume = &written.from;
    Loss {
        about: Lost::Data { surely: false },
        what: format!(
            "where the node of `{name}` does not fit `{}` it goes to another one, and its data stays in `{volume}`",
            new.written
        ),
        way: way + unless,
    }
}

/// What there is to do about another value of a label, of which a node has one: what runs there for the one before ends with it (swarmkit
/// `manager/orchestrator/constraintenforcer/constraint_enforcer.go`, `rejectNoncompliantTasks`).
fn other_value(
    name: &str,
    was: &Service<'_>,
    (label, before, now): (&str, &Asked<'_>, &Asked<'_>),
) -> String {
    let stop = if was.is_global() {
        format!("docker service rm {name}")
    } else {
        format!("docker service scale {name}=0")
    };
    format!(
        "a node has one value of `{label}`, and another one ends at once what runs there for `{}`: stop the service first, `{stop}`, \
         then `docker node update --label-add {label}={} NODE` for the node that has the data, and deploy; or ask for a label of \
         another name, which the node is given beside this one first; or copy the data to the node that it goes to",
        before.written, now.value
    )
}

/// A task whose spec differs is replaced, and the new one goes to any node that fits; where placement alone differs it stays (swarmkit
/// `manager/orchestrator/task.go`, `IsTaskDirty`).
fn let_go(name: &str, held: &Asked<'_>, written: &Written, unless: &str) -> Loss {
    let volume = &written.from;
    let finds = if written.is_of_node {
        format!("finds `{volume}` empty")
    } else {
        format!("does not find what is in `{volume}`")
    };
    Loss {
        about: Lost::Data { surely: false },
        what: format!(
            "nothing holds `{name}` any more where `{}`, and its tasks are replaced: on another node a new one {finds}",
            held.written
        ),
        way: format!("keep `{}`{unless}", held.written),
    }
}

/// Whether all tasks of a service are on one node, which it names.
pub(super) fn is_held(service: &Service<'_>) -> bool {
    let constraints = service.constraints().unwrap_or_default();
    asked(&constraints).iter().any(Asked::is_of_one)
}

/// What each node has for itself, and both write to: a volume, or else a folder.
fn of_both(was: &Service<'_>, is: &Service<'_>) -> Option<Written> {
    let before = was.written();
    let mut both: Vec<Written> = is.written();
    both.retain(|now| {
        let mut before = before.iter();
        before.any(|it| {
            let is_one = it.from == now.from;
            is_one && (it.is_of_node && now.is_of_node || it.is_folder && now.is_folder)
        })
    });
    both.sort_by_key(|it| !it.is_of_node);
    both.into_iter().next()
}
