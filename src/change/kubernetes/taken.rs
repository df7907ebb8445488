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

/// Refuses a Service what another one has, changed or not, since manifests are applied one after the other. A port is one Service's for
/// whatever protocol (kubernetes/kubernetes `pkg/registry/core/service/portallocator`, `Allocate`;
/// `pkg/registry/core/service/storage/alloc.go`, `updateNodePorts`; `pkg/registry/core/service/ipallocator`).
pub(super) fn refuse((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let wanted = |change: &Change| {
        let namespace = change.namespace.as_deref();
        let key = ("", &*change.kind, &*change.name, namespace);
        let is_one = change.kind == "Service" && change.effect != Effect::Left;
        let object = new.get(&key).filter(|_| is_one);
        object.map_or_else(Vec::new, |object| things(&object.content))
    };
    let wanted: Vec<_> = changes.iter().map(wanted).collect();
    if wanted.iter().all(Vec::is_empty) {
        return;
    }
    let mut held: FxHashMap<Thing, (String, Option<String>)> = FxHashMap::default();
    let mut before: Vec<_> = old
        .iter()
        .filter(|(key, _)| (key.0, key.1) == ("", "Service"))
        .collect();
    before.sort_unstable_by_key(|(key, _)| **key);
    for (key, object) in before {
        let had = things(&object.content).into_iter();
        let holder = (key.2.to_owned(), key.3.map(ToOwned::to_owned));
        held.extend(had.map(|(_, thing)| (thing, holder.clone())));
    }
    for (change, wanted) in changes.iter_mut().zip(wanted) {
        if change.kind != "Service" || change.effect == Effect::Left {
            continue;
        }
        let own = (change.name.clone(), change.namespace.clone());
        let is_taken = |thing: &Thing| held.get(thing).is_some_and(|it| *it != own);
        if let Some((place, thing)) = wanted.iter().find(|(_, thing)| is_taken(thing)) {
            let how = match thing {
                Thing::Port(port) => (Refusal::Port, refusal::port(&change.name, *place, *port)),
                Thing::Address(address) => (
                    Refusal::Address,
                    refusal::taken_address(&change.name, address),
                ),
            };
            change.refuse(Some(how));
            continue;
        }
        held.retain(|_, holder| *holder != own);
        held.extend(wanted.into_iter().map(|(_, thing)| (thing, own.clone())));
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
