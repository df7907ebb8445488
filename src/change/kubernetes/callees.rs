//! Pods that stay and come to ask for a Service whose pods are all made in the same step: `kubectl apply` waits for none, so that who is replaced
//! sooner finds nobody there (`kubernetes.io/docs/concepts/services-networking/service`, `EndpointSlices`: a Service leads to pods that are ready).

use super::askers::{Asked, asked};
use super::behind::{self, Pods};
use super::parts::items;
use super::unready::{self, Made};
use super::{Keyed, is_workload};
use crate::change::{Change, Loss, Lost};
use std::collections::BTreeSet;

/// Says it of each workload whose pods are replaced and asked themselves. Between two programs the order is told (`ZD4062`).
pub(super) fn come((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let replaces = |it: &Change| is_workload(&it.kind) && it.effect.replaces();
    if !changes.iter().any(unready::makes) || !changes.iter().any(replaces) {
        return;
    }
    let (before, after) = (behind::all(old), behind::all(new));
    let made = unready::made((&before, &after), (old, new), changes);
    if made.is_empty() {
        return;
    }
    let services = behind::services(new);
    let is_served = |pods: &Pods<'_>| {
        let mut had = services.iter().filter(|it| old.contains_key(&it.key));
        had.any(|it| pods.are_for(it.key.3, &it.selector))
    };
    let told = |change: &Change| {
        let of = |side: &'_ [Pods<'_>]| side.iter().position(|it| it.are_of(change));
        let (was, now) = (before.get(of(&before)?)?, after.get(of(&after)?)?);
        let (asked, asks) = (services_of(was), services_of(now));
        let comes = |it: &&Made<'_>| {
            let service = (it.service.2, it.service.3);
            asks.contains(&service) && !asked.contains(&service) && !waits(now, service.0)
        };
        let made: Vec<&Made<'_>> = made.iter().filter(comes).collect();
        (is_served(now) && !made.is_empty()).then(|| loss(change, &made))
    };
    let told: Vec<Option<Loss>> = changes
        .iter()
        .map(|it| Some(it).filter(|it| replaces(it)).and_then(told))
        .collect();
    for (change, told) in changes.iter_mut().zip(told) {
        change.losses.extend(told);
    }
}

fn services_of<'p>(pods: &'p Pods<'_>) -> BTreeSet<Asked<'p>> {
    asked(pods)
        .into_iter()
        .map(|(service, _)| service)
        .collect()
}

/// Whether something that runs before the program is told of a Service: it may wait for that.
fn waits(pods: &Pods<'_>, service: &str) -> bool {
    let mut starting = items(&pods.pod, "initContainers");
    starting.any(|it| it.to_string().contains(service))
}

fn loss(change: &Change, made: &[&Made<'_>]) -> Loss {
    let who = format!("{} `{}`", change.kind, change.name);
    let services: Vec<String> = made
        .iter()
        .map(|it| format!("Service `{}`", it.service.2))
        .collect();
    let (go, them, their, one) = if services.len() == 1 {
        ("goes", "it", "its", "")
    } else {
        ("go", "them", "their", "one of ")
    };
    let services = services.join(" and ");
    let (mut first, mut waits) = (Vec::new(), Vec::new());
    for it in made {
        first.push(it.shown());
        waits.extend(it.waits());
    }
    waits.dedup();
    Loss {
        about: Lost::Order,
        what: format!(
            "{services} {go} first: {who} comes to ask for {them}, and {their} pods are all made in this step; a new pod of {who} that is ready before {one}those \
             finds nobody there"
        ),
        way: format!(
            "in two applies: first {}, then wait with {}, then {who}",
            first.join(", "),
            waits.join(" and ")
        ),
    }
}
