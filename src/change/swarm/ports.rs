//! Ports of the routing mesh, of which each is one service's in the whole swarm.
//!
//! swarmkit `manager/controlapi/service.go`, `checkPortConflicts`: a spec with a port that another service has is refused,
//! whichever stack that is in, unless both publish it on their nodes. docker/cli
//! `cli/command/stack/swarm/deploy_composefile.go` calls for the services of a stack in no certain order.

use super::apart::Apart;
use super::stack::{Stack, by_port, stem};
use crate::change::difference::at;
use crate::change::{Change, Effect, Field, Loss, Lost, images};
use crate::targets::Object;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const SOURCE: &str = "swarmkit manager/controlapi/service.go, checkPortConflicts";
const LEFT: &str = "the other service is left behind, and its port with it";
const KEPT: &str = "the other service keeps it";
const SWAPPED: &str =
    "each of them has what another one wants: whichever is called for first is refused";
const GIVEN_UP: &str = "where docker calls for it before the other service gives the port up";
const ANOTHER: &str = "publish another port of one of the two";

/// Services by their names in the swarm.
type Services<'o> = BTreeMap<String, &'o Object>;
/// Published ports, and how.
pub(super) type Ports = Map<String, Value>;

/// A port that a service gains, and who has it.
struct Gain {
    /// Which of the changes.
    change: usize,
    /// `80/tcp`
    port: String,
    holder: String,
    because: &'static str,
    /// Whether both are on one swarm for sure.
    surely: bool,
}

/// Refuses what wants a port that another service has.
pub(super) fn refuse(
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
    apart: &Apart<'_>,
    changes: &mut [Change],
) {
    let (old, new) = (services(old), services(new));
    let gains = gains((&old, &new), apart, changes);
    for gain in gains {
        let Some(change) = changes.get_mut(gain.change) else {
            continue;
        };
        if !gain.surely && gain.because != SWAPPED && gain.because != GIVEN_UP {
            let way = match gain.because {
                LEFT => &format!(
                    "`docker service rm {}` first, with which it ends; or publish another port until it is removed",
                    gain.holder
                ),
                _ => ANOTHER,
            };
            told(change, &gain.port, &gain.holder, way);
            continue;
        }
        change.fields.push(Field {
            path: format!("ports[\"{}\"]", gain.port),
            old: Some(gain.holder.as_str().into()),
            new: Some(change.name.as_str().into()),
            effect: Effect::Refused,
            because: gain.because,
            source: SOURCE,
            span: change.span,
        });
        if gain.because != GIVEN_UP && change.effect != Effect::Refused {
            let verb = match change.effect {
                Effect::Created | Effect::Renamed => "create",
                _ => "update",
            };
            change.how = refusal(verb, &change.name, &gain.port, &gain.holder);
            change.effect = Effect::Refused;
        }
    }
}

/// What docker says of it.
pub(super) fn refusal(verb: &str, name: &str, port: &str, holder: &str) -> String {
    let number = port.split('/').next().unwrap_or(port);
    format!(
        "failed to {verb} service {name}: Error response from daemon: rpc error: code = InvalidArgument \
         desc = port '{number}' is already in use by service '{holder}'"
    )
}

/// Says of a port that a service of another stack has, or comes to have, which may be of another swarm.
pub(super) fn told_unless_apart(change: &mut Change, port: &str, holder: &str) {
    told(change, port, holder, ANOTHER);
}

/// Of several it says the first.
fn told(change: &mut Change, port: &str, holder: &str, way: &str) {
    if change.losses.iter().any(|it| it.about == Lost::Refused) {
        return;
    }
    let number = port.split('/').next().unwrap_or(port);
    let what = format!(
        "`{}` comes to publish port {number}, as `{holder}` of another stack does: where both are deployed to one swarm it is refused, \
         `port '{number}' is already in use by service '{holder}'`",
        change.name
    );
    change.losses.push(Loss {
        about: Lost::Refused,
        what,
        way: format!(
            "{way}; where each stack is deployed to a swarm of its own, nothing has to be done"
        ),
    });
}

/// Every service by its name in the swarm.
pub(super) fn services<'o>(stacks: &[Stack<'o>]) -> Services<'o> {
    let services = stacks.iter().flat_map(|stack| {
        let services = stack.services.iter();
        services.map(move |service| (format!("{}_{}", stack.name, service.name), *service))
    });
    services.collect()
}

/// The published ports of a service.
pub(super) fn published(service: &Object) -> Ports {
    let Some(ports) = at(&service.content, &["ports"]) else {
        return Ports::new();
    };
    let mut ports = ports.into_owned();
    by_port(&mut ports);
    match ports {
        Value::Object(ports) => {
            let chosen = |port: &String| port.starts_with(':');
            ports
                .into_iter()
                .filter(|(port, _)| !chosen(port))
                .collect()
        }
        _ => Ports::new(),
    }
}

/// Whether one service cannot have a port while another has it.
pub(super) fn clash(ours: &Ports, theirs: &Ports, port: &str) -> bool {
    let mode = |ports: &Ports| {
        let mode = ports.get(port)?.get("mode")?.as_str()?;
        Some(mode.to_owned())
    };
    match (mode(ours), mode(theirs)) {
        (Some(ours), Some(theirs)) => ours != "host" || theirs != "host",
        _ => false,
    }
}

/// The first port that one service cannot have while the other has it.
pub(super) fn taken(was: &Object, is: &Object) -> Option<String> {
    let (theirs, ours) = (published(was), published(is));
    let mut ports = ours.keys();
    ports.find(|port| clash(&ours, &theirs, port)).cloned()
}

fn gains(
    (old, new): (&Services<'_>, &Services<'_>),
    apart: &Apart<'_>,
    changes: &[Change],
) -> Vec<Gain> {
    let mut wanted = Vec::new();
    for (index, change) in changes.iter().enumerate() {
        let has_other_ports = || change.fields.iter().any(|it| it.path.starts_with("ports"));
        let wants = match change.effect {
            Effect::Created | Effect::Renamed => true,
            Effect::Left | Effect::Refused => false,
            _ => has_other_ports(),
        };
        if let (true, "service", Some(after)) = (wants, &*change.kind, new.get(&change.name)) {
            let (ports, before) = (published(after), old.get(&change.name));
            let had = before.map(|before| published(before)).unwrap_or_default();
            if ports != had && !ports.is_empty() {
                wanted.push((index, change.name.as_str(), ports, had));
            }
        }
    }
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut gains = Vec::new();
    // Of the same name before: that one has its own ports.
    let held = old
        .iter()
        .map(|(name, service)| (name, stem(&service.file), published(service)));
    let held: Vec<(&String, &str, Ports)> =
        held.filter(|(_, _, ports)| !ports.is_empty()).collect();
    for (index, name, ports, had) in &wanted {
        let stack = new.get(*name).map(|service| stem(&service.file));
        let stack = stack.unwrap_or_default();
        for port in ports.keys() {
            let holders = held.iter().filter(|(holder, of, theirs)| {
                holder.as_str() != *name
                    && clash(ports, theirs, port)
                    && !clash(had, theirs, port)
                    && !apart.have_own_ports(stack, of)
            });
            // What it was in another stack, which stays, was on the same swarm.
            let moved = |holder: &str, of: &str| {
                let image = |services: &Services<'_>, name: &str| {
                    let image = at(&services.get(name)?.content, &["image"])?;
                    image.as_str().map(|it| images::name(it).to_owned())
                };
                let change = changes.get(*index);
                let is_named = change.and_then(|it| it.was.as_ref());
                let stays = || new.values().any(|it| stem(&it.file) == of);
                let is_moved = || !new.contains_key(holder) && stays();
                let runs = || image(old, holder).filter(|_| is_moved());
                is_named.is_some_and(|was| was.name == holder)
                    || runs().is_some_and(|it| Some(it) == image(new, name))
            };
            let holders = holders.map(|(holder, of, _)| {
                // Who takes the port of one that goes was meant to come in its place; of several for a swarm each nobody knows which.
                let rivals = || {
                    let came = wanted.iter().filter(|(_, it, theirs, _)| {
                        let of_it = new.get(*it).map(|it| stem(&it.file));
                        clash(theirs, ports, port) && of_it.is_some_and(|it| apart.comes_of(it, of))
                    });
                    came.count()
                };
                let in_its_place =
                    || !new.contains_key(*holder) && !apart.say_other_swarms(stack, of);
                let is_its = || moved(holder, of) || in_its_place();
                let is_open = || apart.comes_of(stack, of) && rivals() > 1;
                let surely = apart.are_beside(stack, of) || is_its() && !is_open();
                (*holder, surely)
            });
            let holders: Vec<(&String, bool)> = holders.collect();
            let surest = holders.iter().find(|(_, surely)| *surely);
            let Some((holder, surely)) = surest.or(holders.first()).copied() else {
                continue;
            };
            let because = match new.get(holder) {
                None => LEFT,
                Some(after) if clash(ports, &published(after), port) => KEPT,
                Some(_) => GIVEN_UP,
            };
            gains.push(Gain {
                change: *index,
                port: port.clone(),
                holder: holder.clone(),
                because,
                surely,
            });
        }
    }
    swaps(changes, &mut gains);
    gains
}

/// Tells those that wait for each other.
fn swaps(changes: &[Change], gains: &mut [Gain]) {
    let mut waits: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let named = |gain: &Gain| changes.get(gain.change).map(|it| it.name.clone());
    for gain in gains.iter().filter(|gain| gain.because == GIVEN_UP) {
        if let Some(name) = named(gain) {
            waits.entry(name).or_default().insert(gain.holder.clone());
        }
    }
    let leads_to = |from: &str, to: &str| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(at) = next.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at.clone()) {
                next.extend(waits.get(&at).into_iter().flatten().cloned());
            }
        }
        false
    };
    for gain in gains.iter_mut().filter(|gain| gain.because == GIVEN_UP) {
        if named(gain).is_some_and(|name| leads_to(&gain.holder, &name)) {
            gain.because = SWAPPED;
        }
    }
}
