//! What one Service has in the whole cluster until it gives it up or is deleted: ports of the nodes, and addresses.

use super::{Keyed, refusal};
use crate::change::difference::at;
use crate::change::{Change, Effect, Refusal};
use crate::targets::Content;
use rustc_hash::FxHashMap;
use serde_json::Value;

/// What Services ask for, as a refusal names it: the place of a port among them, and what it is.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Thing {
    Port(u64),
    Address(String),
}

/// Refuses a Service what another one has, since manifests are applied one after the other (kubernetes/kubernetes
/// `pkg/registry/core/service/portallocator`, `pkg/registry/core/service/ipallocator`).
pub(super) fn refuse((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let of = |side: &Keyed<'_>, change: &Change| {
        let namespace = change.namespace.as_deref();
        let key = ("", &*change.kind, &*change.name, namespace);
        let object = side.get(&key);
        object.map_or_else(Vec::new, |object| things(&object.content))
    };
    let services = || {
        changes
            .iter()
            .enumerate()
            .filter(|(_, it)| it.kind == "Service")
    };
    let mut held: FxHashMap<Thing, usize> = FxHashMap::default();
    for (index, change) in services() {
        let had = of(old, change).into_iter();
        held.extend(had.map(|(_, thing)| (thing, index)));
    }
    if held.is_empty() {
        return;
    }
    let same = |one: usize, other: usize| {
        let named = |index: usize| changes.get(index).map(|it| (&it.name, &it.namespace));
        named(one) == named(other)
    };
    let mut refused = Vec::new();
    for (index, change) in services().filter(|(_, it)| it.effect != Effect::Left) {
        let wanted = of(new, change);
        let is_taken = |thing: &Thing| held.get(thing).is_some_and(|it| !same(*it, index));
        if let Some((place, thing)) = wanted.iter().find(|(_, thing)| is_taken(thing)) {
            let how = match thing {
                Thing::Port(port) => (Refusal::Port, refusal::port(&change.name, *place, *port)),
                Thing::Address(address) => (
                    Refusal::Address,
                    refusal::taken_address(&change.name, address),
                ),
            };
            refused.push((index, how));
            continue;
        }
        held.retain(|_, holder| *holder != index);
        held.extend(wanted.into_iter().map(|(_, thing)| (thing, index)));
    }
    for (index, how) in refused {
        if let Some(change) = changes.get_mut(index) {
            change.refuse(Some(how));
        }
    }
}

/// What a Service asks for, a port of the nodes with its place among its ports.
fn things(service: &Content) -> Vec<(usize, Thing)> {
    // Most ask for none, and are not read.
    if matches!(service, Content::Text(text) if !["nodePort: ", "clusterIP: "].iter().any(|it| text.contains(it)))
    {
        return Vec::new();
    }
    let ports = at(service, &["spec", "ports"]).unwrap_or_default();
    let ports = ports.as_array().into_iter().flatten().enumerate();
    let port = |(place, port): (usize, &Value)| {
        let port = port.get("nodePort").and_then(Value::as_u64)?;
        (port > 0).then_some((place, Thing::Port(port)))
    };
    let mut things: Vec<(usize, Thing)> = ports.filter_map(port).collect();
    let address = at(service, &["spec", "clusterIP"]);
    let address = address.as_deref().and_then(Value::as_str);
    let address = address.filter(|it| !matches!(*it, "" | "None"));
    things.extend(address.map(|it| (0, Thing::Address(it.to_owned()))));
    things
}
