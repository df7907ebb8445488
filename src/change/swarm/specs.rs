//! Services of stack files that the engine does not take, though `docker stack deploy` calls for them. What it was called for before is done then,
//! and what comes after is not.

use super::apart::Apart;
use super::ports::{self, published};
use super::service::{self, Service};
use super::stack::{Stack, by_port};
use super::writers::takes_one;
use crate::change::{Change, Effect, Lost, Refusal};
use crate::targets::Object;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Refuses what was not refused before, or was for something else.
pub(super) fn refuse(
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
    apart: &Apart<'_>,
    changes: &mut [Change],
) {
    let (before, after) = (service::all(old), service::all(new));
    let may = |it: &Change| {
        let stays = matches!(it.effect, Effect::Ignored | Effect::Left | Effect::Refused);
        it.kind == "service" && !stays
    };
    for change in changes.iter_mut().filter(|it| may(it)) {
        let was = before.get(&change.name);
        let Some(fault) = after.get(&change.name).and_then(fault) else {
            continue;
        };
        if was
            .and_then(self::fault)
            .is_some_and(|it| it.said == fault.said)
        {
            continue;
        }
        let verb = if was.is_some() { "update" } else { "create" };
        change.effect = Effect::Refused;
        change.how = format!(
            "failed to {verb} service {}: Error response from daemon: {}",
            change.name, fault.said
        );
        change.refusal = Refusal::Said(fault.way.to_owned());
        change.losses.clear();
    }
    twice(changes, (&before, &after), apart);
    // What is refused anyway needs no word of what it may be refused for.
    let is_refused = |it: &&mut Change| it.kind == "service" && it.effect == Effect::Refused;
    for change in changes.iter_mut().filter(is_refused) {
        change.losses.retain(|it| it.about != Lost::Refused);
    }
}

type Services<'s> = std::collections::BTreeMap<String, Service<'s>>;

/// Two services that both come to want a port which nobody had: the one that docker calls for second is refused (swarmkit
/// `manager/controlapi/service.go`, `checkPortConflicts`).
fn twice(
    changes: &mut [Change],
    (before, after): (&Services<'_>, &Services<'_>),
    apart: &Apart<'_>,
) {
    let may = |it: &Change| {
        let stays = matches!(it.effect, Effect::Ignored | Effect::Left | Effect::Refused);
        it.kind == "service" && !stays
    };
    let gained = |change: &Change| {
        let is = after.get(&change.name)?;
        let was = before.get(&change.name);
        let mut gained = published(is.object);
        let had = was.map(|was| published(was.object)).unwrap_or_default();
        gained.retain(|port, _| !had.contains_key(port) && !port.contains('$'));
        (!gained.is_empty()).then(|| (change.name.clone(), is.stack.name, gained))
    };
    let all = changes.iter().filter(|it| may(it)).filter_map(gained);
    let all: Vec<_> = all.collect();
    for change in changes.iter_mut().filter(|it| may(it)) {
        let Some(at) = all.iter().position(|(name, _, _)| *name == change.name) else {
            continue;
        };
        let (earlier, rest) = all.split_at(at);
        let Some((_, stack, ours)) = rest.first() else {
            continue;
        };
        let clashes = earlier.iter().filter_map(|(other, of, theirs)| {
            let mut ports = ours.keys().filter(|_| !apart.have_own_ports(stack, of));
            let port = ports.find(|port| ports::clash(ours, theirs, port))?;
            Some((apart.are_beside(stack, of), other, port))
        });
        // The surest.
        let clash = clashes.max_by_key(|(surely, _, _)| *surely);
        if let Some((false, other, port)) = clash {
            ports::told_unless_apart(change, port, other);
        } else if let Some((true, other, port)) = clash {
            let is_there = before.contains_key(&change.name);
            let verb = if is_there { "update" } else { "create" };
            change.how = ports::refusal(verb, &change.name, port, other);
            change.effect = Effect::Refused;
            change.refusal = Refusal::Said(format!(
                "publish another port of one of the two: `{other}` comes to have it as well, and whichever docker calls for second is refused"
            ));
            change.losses.clear();
        }
    }
}

struct Fault {
    /// In the engine's words.
    said: String,
    way: &'static str,
}

fn fault(service: &Service<'_>) -> Option<Fault> {
    let text = |path: &[&str]| {
        let value = service.at(path)?;
        value.as_str().map(ToOwned::to_owned)
    };
    // moby `daemon/cluster/convert/service.go`, `restartPolicyToGRPC`. Of capitals nothing is said.
    let condition = text(&["deploy", "restart_policy", "condition"]).unwrap_or_default();
    let known = ["", "none", "on-failure", "any"];
    if !known.contains(&condition.to_lowercase().as_str()) && !condition.contains('$') {
        return Some(Fault {
            said: format!("invalid RestartCondition: {condition:?}"),
            way: "write `any`, `on-failure` or `none`: `always` and `unless-stopped` are words of `restart`, which `any` stands for",
        });
    }
    // swarmkit `manager/controlapi/service.go`, `validateEndpointSpec`.
    let ports = published(service.object);
    let in_mesh = |how: &Value| how.get("mode").and_then(|it| it.as_str()) == Some("ingress");
    let is_dnsrr = text(&["deploy", "endpoint_mode"]).is_some_and(|it| it == "dnsrr");
    // One that the engine chooses is in the mesh as well.
    let is_in_mesh = || {
        let mut all = service
            .at(&["ports"])
            .map(Cow::into_owned)
            .unwrap_or_default();
        by_port(&mut all);
        let mut all = all.as_object().into_iter().flat_map(Map::values);
        all.any(in_mesh)
    };
    let said = if is_dnsrr && is_in_mesh() {
        (
            "port published with ingress mode can't be used with dnsrr mode",
            "publish the port on the nodes, `mode: host`; or leave `endpoint_mode` at `vip`",
        )
    } else if ports
        .keys()
        .any(|port| port.ends_with('\'') && !port.contains('$'))
    {
        (
            "duplicate published ports provided",
            "publish each port once: for two ports inside take two numbers outside",
        )
    } else {
        return None;
    };
    Some(Fault {
        said: format!(
            "rpc error: code = InvalidArgument desc = EndpointSpec: {}",
            said.0
        ),
        way: said.1,
    })
}

/// What there is to do about another mode: under another name the port or the data is the old one's as well.
pub(super) fn way_past_mode(stack: &Stack<'_>, was: &Object) -> Refusal {
    let service = Service { stack, object: was };
    let has_port = !published(was).is_empty();
    let mut written = service.written().into_iter();
    let writes = written.any(|it| it.is_of_node || takes_one(&it.path));
    if !has_port && !writes {
        return Refusal::Kept;
    }
    let by_another = if writes {
        ""
    } else {
        "; or give it another name and another published port until the old one is removed"
    };
    let name = format!("{}_{}", stack.name, was.name);
    Refusal::Said(format!(
        "keep what it was; or `docker service rm {name}` first, with which it is down until the new one serves{by_another}"
    ))
}
