//! Who finds a service of stacks no more by the name that it is given: on another network, in another stack, or under an alias less. A name is
//! looked up on the networks that a task has joined, where a service goes by its own name and its aliases (docs.docker.com/engine/swarm/networking,
//! Service discovery; docker/cli `cli/compose/convert/service.go`, `convertServiceNetworks`).

use super::apart::Apart;
use super::env_files;
use super::service::{self, Service};
use super::stack::Stack;
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::{Content, Object};
use crate::types::authorities::{asks_nobody, hosts, is_host_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

type Services<'s> = BTreeMap<String, Service<'s>>;

/// Says it of services that go on asking.
pub(super) fn lost(
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
    apart: &Apart<'_>,
    changes: &mut [Change],
) {
    let mut fields = changes.iter().flat_map(|it| &it.fields);
    let moved = moved(changes);
    if moved.is_empty() && !fields.any(|field| field.path.starts_with("networks")) {
        return;
    }
    let (before, after) = (all(old), all(new));
    for (name, is) in &after {
        let Some(was) = before.get(name) else {
            continue;
        };
        let joins = |network: &&String| is.foreign.contains(*network);
        // Somebody else may answer there.
        let may_be_answered = is
            .networks
            .keys()
            .filter(joins)
            .any(|it| !was.networks.contains_key(it));
        for host in &is.asks {
            let callee = was.answering(host, &before, apart).find(|of| *of != name);
            let Some((callee, callee_was)) = callee.and_then(|of| before.get_key_value(of)) else {
                continue;
            };
            let is_answered = || is.answering(host, &after, apart).next().is_some();
            let callee_is = after.get(callee);
            // Who comes there as well is who answers.
            if may_be_answered && !callee_is.is_some_and(|it| is.finds(it, host)) {
                continue;
            }
            let Some(callee_is) = callee_is else {
                if let Some(now) = moved.get(callee).filter(|_| !is_answered()) {
                    let together = after.get(now).is_some_and(|now| is.meets(now));
                    let finds = (is.finds(callee_was, host), together);
                    let loss = elsewhere((name, host), (callee, now), finds);
                    tell(changes, [name, now], loss);
                }
                continue;
            };
            let is_asked = was.asks.contains(host) && callee_is.answers(host);
            let meanwhile = (
                is_asked && !was.finds(callee_is, host),
                is_asked && !is.finds(callee_was, host),
            );
            let loss = if is_answered() {
                until_replaced(name, host, callee, meanwhile)
            } else {
                Some(never(name, host, callee))
            };
            if let Some(loss) = loss {
                tell(changes, [name, callee], loss);
            }
        }
    }
}

/// The services that go by another name, by the one that they had.
fn moved(changes: &[Change]) -> BTreeMap<String, String> {
    let moved = changes
        .iter()
        .filter(|it| it.kind == "service" && it.effect == Effect::Renamed);
    let moved = moved.filter_map(|it| Some((it.was.as_ref()?.name.clone(), it.name.clone())));
    moved.collect()
}

/// Says it of the first of two services that changes.
fn tell(changes: &mut [Change], names: [&String; 2], loss: Loss) {
    let of = |name: &String| {
        let mut changes = changes.iter();
        changes
            .position(|it| it.kind == "service" && it.name == *name && it.effect != Effect::Refused)
    };
    let place = names.into_iter().find_map(of);
    if let Some(change) = place.and_then(|place| changes.get_mut(place)) {
        change.losses.push(loss);
    }
}

/// What becomes of services that are gone, by who stays and asked for them.
#[derive(Default)]
pub(super) struct Asked {
    /// Those that it goes on asking for, by a name that nobody else answers.
    pub(super) missed: BTreeSet<String>,
    /// Those in whose place it finds a new service by the name that it goes on asking for, or may by the one that it asks for instead.
    pub(super) answered: BTreeSet<(String, String)>,
}

pub(super) fn of_gone((before, after): (&Services<'_>, &Services<'_>), apart: &Apart<'_>) -> Asked {
    let (before, after) = (known_of(before), known_of(after));
    let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
    let gone: Vec<(&String, &Known<'_>)> = gone.collect();
    let mut found = Asked::default();
    for (name, is) in &after {
        let Some(was) = before.get(name) else {
            continue;
        };
        for host in &was.asks {
            let gone = gone.iter().copied();
            let asked: Vec<&String> = was.answering(host, gone, apart).collect();
            if asked.is_empty() {
                continue;
            }
            let is_same = is.asks.contains(host);
            if is_same && is.answering(host, &after, apart).next().is_none() {
                found.missed.extend(asked.into_iter().cloned());
                continue;
            }
            // Of several that answer to one name nobody knows who is asked.
            let [callee] = &*was.answering(host, &before, apart).collect::<Vec<_>>() else {
                continue;
            };
            let asked_now: Vec<&String> = if is_same {
                vec![host]
            } else {
                is.asks.difference(&was.asks).collect()
            };
            for host in asked_now {
                let answer: Vec<&String> = is.answering(host, &after, apart).collect();
                let new = answer.first().filter(|it| !before.contains_key(**it));
                if let (Some(new), 1) = (new, answer.len()) {
                    let both = ((*callee).clone(), (*new).clone());
                    found.answered.insert(both);
                }
            }
        }
    }
    found
}

/// The services that another one asks, as its tasks are given it in variables, words or configs.
pub(super) fn callees(stacks: &[Stack<'_>], apart: &Apart<'_>) -> BTreeSet<String> {
    let services = service::all(stacks);
    let all = known_of(&services);
    let mut found = BTreeSet::new();
    for (name, service) in &services {
        let Some(is) = all.get(name) else {
            continue;
        };
        let in_configs = in_configs(service);
        for host in is.asks.iter().chain(&in_configs) {
            let others = is.answering(host, &all, apart).filter(|of| *of != name);
            found.extend(others.cloned());
        }
    }
    found
}

/// The hosts in the configs that a service mounts, such as that of a proxy, where a file holds them.
fn in_configs(service: &Service<'_>) -> BTreeSet<String> {
    let stack = service.stack;
    let Some(mounts) = service.at(&["configs"]) else {
        return BTreeSet::new();
    };
    let mounts = mounts.as_array().into_iter().flatten();
    let names = mounts.filter_map(|it| it.as_str().or_else(|| it.get("source")?.as_str()));
    let texts = names.filter_map(|name| stack.text(stack.entry("configs", name)?));
    let texts = texts.filter_map(|it| match it {
        Content::Text(text) => Some(&**text),
        Content::Value(_) => None,
    });
    let hosts = texts.flat_map(hosts).map(|(host, _)| host.to_owned());
    hosts.collect()
}

/// What comes in the place of a service is not found by its name: a network is its stack's own where nothing else is written (docker/cli
/// `cli/compose/convert/compose.go`, `Networks`).
fn elsewhere(
    (name, host): (&str, &str),
    (was, now): (&str, &str),
    (finds_the_old_one, are_together): (bool, bool),
) -> Loss {
    let finds = if finds_the_old_one {
        "it asks the old one until that is removed, and finds nobody then"
    } else {
        "it finds nobody"
    };
    let alias = format!("`{host}` an alias of `{now}`");
    let way = if are_together {
        format!("write {alias} on a network of both, until nobody asks for it")
    } else {
        let own = format!("_{host}");
        let as_named = if now.ends_with(&own) {
            String::new()
        } else {
            format!(", with {alias} there")
        };
        format!(
            "have both join one network, which is `external` in both stacks, or has a `name` in one and is `external` under it in the \
             other{as_named}"
        )
    };
    Loss {
        about: Lost::Callers,
        what: format!(
            "`{name}` asks for `{host}`, and `{now}`, which comes in the place of `{was}`, goes by that name on none of its networks: {finds}"
        ),
        way,
    }
}

fn never(name: &str, host: &str, callee: &str) -> Loss {
    Loss {
        about: Lost::Callers,
        what: format!(
            "`{name}` asks for `{host}`, and is on no network any more on which `{callee}` goes by that name: it finds nobody"
        ),
        way: format!(
            "keep both on one network, and `{host}` an alias of `{callee}` there, until nobody asks for it"
        ),
    }
}

/// Whether the old tasks miss the new ones of who is asked, and the new tasks the old ones: docker replaces both at a time.
fn until_replaced(name: &str, host: &str, callee: &str, misses: (bool, bool)) -> Option<Loss> {
    let whose = match misses {
        (true, true) => format!(
            "its old tasks are on no network with the new ones of `{callee}`, nor its new ones with the old"
        ),
        (true, false) => format!("its old tasks are on no network with the new ones of `{callee}`"),
        (false, true) => format!("its new tasks are on no network with the old ones of `{callee}`"),
        (false, false) => return None,
    };
    Some(Loss {
        about: Lost::Callers,
        what: format!("`{name}` asks for `{host}` while both are replaced: {whose}"),
        way: "have both join the new network beside the old one, deploy, and take the old one out in the next deploy".to_owned(),
    })
}

/// A service, as far as names matter.
struct Known<'s> {
    stack: &'s str,
    /// The names that it goes by, by network.
    networks: BTreeMap<String, BTreeSet<String>>,
    /// Those of the networks that somebody else makes.
    foreign: BTreeSet<String>,
    /// The hosts that its tasks are given.
    asks: BTreeSet<String>,
}

impl Known<'_> {
    /// Whether one of a name is found from its networks.
    fn finds(&self, other: &Known<'_>, host: &str) -> bool {
        let mut networks = self.networks.keys().filter_map(|it| other.networks.get(it));
        networks.any(|names| names.contains(host))
    }

    /// Who of its swarm it finds by a name.
    fn answering<'k>(
        &'k self,
        host: &'k str,
        all: impl IntoIterator<Item = (&'k String, &'k Known<'k>)>,
        apart: &'k Apart<'_>,
    ) -> impl Iterator<Item = &'k String> {
        let answers =
            move |it: &Known<'_>| self.finds(it, host) && !apart.are_surely(self.stack, it.stack);
        let found = all.into_iter().filter(move |(_, it)| answers(it));
        found.map(|(name, _)| name)
    }

    /// Whether both are on one network.
    fn meets(&self, other: &Known<'_>) -> bool {
        let mut networks = self.networks.keys();
        networks.any(|it| other.networks.contains_key(it))
    }

    fn answers(&self, host: &str) -> bool {
        self.networks.values().any(|names| names.contains(host))
    }
}

/// Every service by its name in the swarm.
fn all<'s>(stacks: &'s [Stack<'s>]) -> BTreeMap<String, Known<'s>> {
    known_of(&service::all(stacks))
}

fn known_of<'s>(services: &Services<'s>) -> BTreeMap<String, Known<'s>> {
    let services = services.iter();
    let services = services.map(|(name, it)| (name.clone(), known(it.stack, it.object)));
    services.collect()
}

fn known<'s>(stack: &'s Stack<'_>, object: &Object) -> Known<'s> {
    let service = stack.service(object);
    let own = [
        object.name.clone(),
        format!("{}_{}", stack.name, object.name),
    ];
    let mut networks: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (network, how) in service
        .get("networks")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let aliases = how
            .get("aliases")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let aliases = aliases.filter_map(Value::as_str).map(ToOwned::to_owned);
        networks.insert(
            network.clone(),
            own.iter().cloned().chain(aliases).collect(),
        );
    }
    if networks.is_empty() {
        networks.insert(
            stack.real("networks", "default"),
            own.iter().cloned().collect(),
        );
    }
    let foreign = stack
        .external("networks")
        .map(|name| stack.real("networks", name));
    Known {
        stack: stack.name,
        networks,
        foreign: foreign.collect(),
        asks: asks(stack, object, &service),
    }
}

/// The hosts that the tasks of a service are given.
pub(super) fn asked(service: &Service<'_>) -> BTreeSet<String> {
    let (stack, object) = (service.stack, service.object);
    asks(stack, object, &stack.service(object))
}

fn asks(stack: &Stack<'_>, object: &Object, service: &Value) -> BTreeSet<String> {
    let mut variables = env_files::variables(stack, object).unwrap_or_default();
    if let Some(Value::Object(own)) = service.get("environment") {
        variables.extend(own.clone());
    }
    let mut found: BTreeSet<String> = BTreeSet::new();
    for (name, value) in &variables {
        let Some(text) = value.as_str().filter(|_| !asks_nobody(name)) else {
            continue;
        };
        found.extend(hosts(text).map(|(host, _)| host.to_owned()));
        found.extend(is_host_of(name, text).then(|| text.to_owned()));
    }
    let words = ["command", "entrypoint"]
        .into_iter()
        .filter_map(|key| service.get(key));
    for word in words {
        let one = word.as_str().into_iter();
        let many = word
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        found.extend(
            one.chain(many)
                .flat_map(hosts)
                .map(|(host, _)| host.to_owned()),
        );
    }
    // Its tasks are found under the same name (docs.docker.com/engine/swarm/networking).
    let plain = |host: String| {
        host.strip_prefix("tasks.")
            .map(ToOwned::to_owned)
            .unwrap_or(host)
    };
    found.into_iter().map(plain).collect()
}
