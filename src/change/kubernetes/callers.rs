//! Callers that are given the address of a Service with a port which this has no more. A port of a Service that is not headless is its own,
//! whatever its pods listen on (`kubernetes.io/docs/concepts/services-networking/service`, Port definitions).

use super::askers::{Told, told};
use super::behind::{self, Led, Pods};
use super::{Key, Keyed, is_workload};
use crate::change::{Change, Effect, Loss, Lost};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

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
    let effects: Vec<Option<Effect>> = after
        .iter()
        .map(|now| changes.iter().find(|it| now.are_of(it)).map(|it| it.effect))
        .collect();
    let by_key: FxHashMap<Key<'_>, &Pods<'_>> = before.iter().map(|it| (it.key, it)).collect();
    let asking = after.iter().zip(effects).filter_map(|(now, effect)| {
        let was = by_key.get(&now.key)?;
        Some(Asking::of(was, now, effect))
    });
    let asking: Vec<Asking<'_>> = asking.collect();
    for (change, service) in changes.iter_mut().zip(&services) {
        let Some((service, gone)) = service else {
            continue;
        };
        let losses = gone.iter().flat_map(|port| losses(service, *port, &asking));
        change.losses.extend(losses);
    }
}

/// Pods with whom they are told of, before a step and after it.
struct Asking<'p> {
    now: &'p Pods<'p>,
    was_told: Told<'p>,
    is_told: Told<'p>,
    /// Whether those that run stay for a while with what they were told.
    stay: bool,
}

impl<'p> Asking<'p> {
    fn of(was: &'p Pods<'p>, now: &'p Pods<'p>, effect: Option<Effect>) -> Self {
        // What a map gives is read once, when a pod starts; each run of what is scheduled is another pod.
        let stays = || is_workload(now.key.1) && matches!(effect, None | Some(Effect::InPlace));
        Self {
            now,
            was_told: told(was),
            is_told: told(now),
            stay: effect == Some(Effect::Rolls) || stays(),
        }
    }
}

/// Who asks for a port that a Service has no more: each by what it is told itself, and together by what one `ConfigMap` gives them.
fn losses(service: &Led<'_>, port: u64, asking: &[Asking<'_>]) -> Vec<Loss> {
    let (name, namespace) = (service.key.2, service.key.3);
    let address = ((name, namespace), Some(port));
    let mut losses = Vec::new();
    let mut given: BTreeMap<(&str, bool), Vec<String>> = BTreeMap::new();
    for it in asking {
        // What they are told of themselves may be what they tell others.
        if it.now.are_for(namespace, &service.selector) {
            continue;
        }
        let (by, is_for_good) = match (it.was_told.get(&address), it.is_told.get(&address)) {
            (Some(_), Some(by)) => (by, true),
            (Some(by), None) if it.stay => (by, false),
            _ => continue,
        };
        let who = it.now.shown();
        if let Some(map) = by {
            given.entry((*map, is_for_good)).or_default().push(who);
        } else {
            let until = if is_for_good {
                ""
            } else {
                " until it is replaced"
            };
            let asks = format!("{who} asks for `{name}:{port}`{until}");
            losses.push(loss(&asks, name, port));
        }
    }
    for ((map, is_for_good), who) in given {
        let (are, they) = if who.len() == 1 {
            ("is", "it is")
        } else {
            ("are", "they are")
        };
        let until = if is_for_good {
            String::new()
        } else {
            format!(" until {they} replaced")
        };
        let who = who.join(", ");
        let given = format!("{who} {are} given `{name}:{port}` by ConfigMap `{map}`{until}");
        losses.push(loss(&given, name, port));
    }
    losses
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

fn loss(asks: &str, service: &str, port: u64) -> Loss {
    Loss {
        about: Lost::Callers,
        what: format!("{asks}, and Service `{service}` has no port {port} any more"),
        way: format!(
            "keep port {port} beside the new one, move who asks there, and take it away in a later step"
        ),
    }
}
