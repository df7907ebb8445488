//! Who finds a service of stacks no more by the name that it is given: on another network, or under an alias less. A name is looked up on the
//! networks that a task has joined, where a service goes by its own name and its aliases (docs.docker.com/engine/swarm/networking, Service
//! discovery; docker/cli `cli/compose/convert/service.go`, `convertServiceNetworks`).

use super::stack::Stack;
use super::{env_files, service};
use crate::change::authorities::{asks_nobody, hosts, is_host_of};
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Says it of services that go on asking.
pub(super) fn lost(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut [Change]) {
    let mut fields = changes.iter().flat_map(|it| &it.fields);
    if !fields.any(|field| field.path.starts_with("networks")) {
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
        if may_be_answered {
            continue;
        }
        for host in &is.asks {
            let Some((callee, callee_was)) = before
                .iter()
                .find(|(of, it)| *of != name && was.finds(it, host))
            else {
                continue;
            };
            let Some(callee_is) = after.get(callee) else {
                continue;
            };
            let is_asked = was.asks.contains(host) && callee_is.answers(host);
            let meanwhile = (
                is_asked && !was.finds(callee_is, host),
                is_asked && !is.finds(callee_was, host),
            );
            let loss = if after.iter().any(|(_, it)| is.finds(it, host)) {
                until_replaced(name, host, callee, meanwhile)
            } else {
                Some(never(name, host, callee))
            };
            let Some(loss) = loss else {
                continue;
            };
            let is_of = |it: &Change, of: &str| {
                it.kind == "service" && it.name == of && it.effect != Effect::Refused
            };
            let place = changes.iter().position(|it| is_of(it, name));
            let place = place.or_else(|| changes.iter().position(|it| is_of(it, callee)));
            if let Some(change) = place.and_then(|place| changes.get_mut(place)) {
                change.losses.push(loss);
            }
        }
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
struct Known {
    /// The names that it goes by, by network.
    networks: BTreeMap<String, BTreeSet<String>>,
    /// Those of the networks that somebody else makes.
    foreign: BTreeSet<String>,
    /// The hosts that its tasks are given.
    asks: BTreeSet<String>,
}

impl Known {
    /// Whether one of a name is found from its networks.
    fn finds(&self, other: &Known, host: &str) -> bool {
        let mut networks = self.networks.keys().filter_map(|it| other.networks.get(it));
        networks.any(|names| names.contains(host))
    }

    fn answers(&self, host: &str) -> bool {
        self.networks.values().any(|names| names.contains(host))
    }
}

/// Every service by its name in the swarm.
fn all(stacks: &[Stack<'_>]) -> BTreeMap<String, Known> {
    let services = service::all(stacks).into_iter();
    let services = services.map(|(name, it)| (name, known(it.stack, it.object)));
    services.collect()
}

fn known(stack: &Stack<'_>, object: &Object) -> Known {
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
        networks,
        foreign: foreign.collect(),
        asks: asks(stack, object, &service),
    }
}

/// The hosts that the tasks of a service are given.
pub(super) fn asked(service: &service::Service<'_>) -> BTreeSet<String> {
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
