//! Callers that are given the address of a Service with a port which this has no more. A port of a Service that is not headless is its own,
//! whatever its pods listen on (`kubernetes.io/docs/concepts/services-networking/service`, Port definitions).

use super::askers::asked;
use super::behind::{self, Led, Pods};
use super::{Key, Keyed};
use crate::change::{Change, Effect, Loss, Lost};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Says it of each Service that loses a port. Between two programs who asks for whom is known, and told of them
/// (`src/change/contract/addresses.rs`).
pub(super) fn lost((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let services: Vec<Option<(Led<'_>, BTreeSet<u64>)>> = changes
        .iter()
        .map(|change| without_ports((old, new), change))
        .collect();
    if services.iter().all(Option::is_none) {
        return;
    }
    let asking = |side| {
        let mut all = behind::all(side);
        all.extend(behind::scheduled(side));
        all
    };
    let (before, after) = (asking(old), asking(new));
    let rolling: BTreeSet<(String, String, Option<String>)> = changes
        .iter()
        .filter(|it| it.effect == Effect::Rolls)
        .map(|it| (it.kind.clone(), it.name.clone(), it.namespace.clone()))
        .collect();
    let is_rolling = |key: Key<'_>| {
        let mut rolling = rolling.iter();
        rolling.any(|it| (&*it.0, &*it.1, it.2.as_deref()) == (key.1, key.2, key.3))
    };
    let by_key: FxHashMap<Key<'_>, &Pods<'_>> = before.iter().map(|it| (it.key, it)).collect();
    let asking = after.iter().filter_map(|now| {
        let was = by_key.get(&now.key)?;
        Some((now, asked(was), asked(now)))
    });
    let asking: Vec<_> = asking.collect();
    for (change, service) in changes.iter_mut().zip(&services) {
        let Some((service, gone)) = service else {
            continue;
        };
        for (pods, asked, asks) in &asking {
            // What they are told of themselves may be what they tell others.
            if pods.are_for(service.key.3, &service.selector) {
                continue;
            }
            for port in gone {
                let address = ((service.key.2, service.key.3), Some(*port));
                let until = match (asked.contains(&address), asks.contains(&address)) {
                    (true, true) => "",
                    (true, false) if is_rolling(pods.key) => " until it is replaced",
                    _ => continue,
                };
                let loss = loss((&pods.shown(), until), service.key.2, *port);
                change.losses.push(loss);
            }
        }
    }
}

/// A Service as it is now, with the numbers that it has no more.
fn without_ports<'a>(
    (old, new): (&Keyed<'a>, &Keyed<'a>),
    change: &Change,
) -> Option<(Led<'a>, BTreeSet<u64>)> {
    let mut fields = change.fields.iter();
    let in_place = change.kind == "Service" && change.effect == Effect::InPlace;
    if !in_place || !fields.any(|it| it.path.starts_with("spec.ports")) {
        return None;
    }
    let name = (&*change.name, change.namespace.as_deref());
    let is_it = |key: &Key<'_>| (key.0, key.1) == ("", "Service") && (key.2, key.3) == name;
    let [was, is] = [old, new].map(|side| {
        let (key, service) = side.iter().find(|(key, _)| is_it(key))?;
        behind::led(*key, service)
    });
    let (was, is) = was
        .zip(is)
        .filter(|(was, is)| !was.is_headless && !is.is_headless)?;
    let numbers = |it: &Led<'_>| -> BTreeSet<u64> { it.ports.iter().map(|it| it.1).collect() };
    let gone = &numbers(&was) - &numbers(&is);
    (!gone.is_empty()).then_some((is, gone))
}

fn loss((who, until): (&str, &str), service: &str, port: u64) -> Loss {
    Loss {
        about: Lost::Callers,
        what: format!(
            "{who} asks for `{service}:{port}`{until}, and Service `{service}` has no port {port} any more"
        ),
        way: format!(
            "keep port {port} beside the new one, move who asks there, and take it away in a later step"
        ),
    }
}
