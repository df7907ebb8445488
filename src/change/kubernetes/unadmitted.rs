//! New pods that ask for a Service whose pods refuse them, by policies that stay as they are: they lack the label by which they were admitted, or
//! come to ask where nobody admits them (`kubernetes.io/docs/concepts/services-networking/network-policies`: a policy knows pods by their labels).
//! What a policy that changes does to those who asked is told of that one (`shut`).

use super::askers::{Asked, asked, asked_by_pod};
use super::behind::{self, Led, Pods};
use super::parts;
use super::policies::{self, Peer, Policy, Way, admit, is_at, meet};
use super::{Keyed, is_workload};
use crate::change::{Change, Effect, Loss, Lost};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// Says it of each workload that is made, or whose pods are replaced.
pub(super) fn callers((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let concerned = |it: &Change| {
        is_workload(&it.kind) && (it.effect == Effect::Created || it.effect.replaces())
    };
    if !changes.iter().any(concerned) {
        return;
    }
    let are = policies::deciding((old, new));
    if are.is_empty() {
        return;
    }
    let (before, after) = (behind::all(old), behind::all(new));
    let services = behind::services(new);
    let services = services.iter().map(|it| ((it.key.2, it.key.3), it));
    let sides = Sides {
        before: &before,
        after: &after,
        services: services.collect(),
        are: &are,
    };
    for change in changes.iter_mut().filter(|it| concerned(it)) {
        let losses = sides.refused(change);
        change.losses.extend(losses);
    }
}

struct Sides<'s> {
    before: &'s [Pods<'s>],
    after: &'s [Pods<'s>],
    services: FxHashMap<Asked<'s>, &'s Led<'s>>,
    /// What is written, and what stays.
    are: &'s [Policy<'s>],
}

/// A Service that is asked, at a port where that is known, and whether for one of its pods by name.
type Ask<'p> = (Asked<'p>, Option<u64>, bool);

fn asks<'p>(pods: &'p Pods<'_>) -> BTreeSet<Ask<'p>> {
    let by_pod = asked_by_pod(pods).into_iter();
    let by_pod = by_pod.map(|(service, port)| (service, port, true));
    let asked = asked(pods).into_iter();
    let all = asked.map(|(service, port)| (service, port, false));
    all.chain(by_pod).collect()
}

impl Sides<'_> {
    fn refused(&self, change: &Change) -> Vec<Loss> {
        let is_it = |it: &&Pods<'_>| it.are_of(change);
        let now = self.after.iter().find(is_it);
        let Some(now) = now.filter(|it| !it.are_on_nodes()) else {
            return Vec::new();
        };
        let was = self.before.iter().find(is_it);
        // Who had no pods, or is made under another name, asked nobody that is known.
        if was.is_none() != (change.effect == Effect::Created) {
            return Vec::new();
        }
        let asked = was.map(asks).unwrap_or_default();
        let asked: BTreeSet<Asked<'_>> = asked.into_iter().map(|it| it.0).collect();
        let mut told = BTreeSet::new();
        let mut losses = Vec::new();
        for (name, port, by_pod) in asks(now) {
            let service = self.services.get(&name);
            let service = service.filter(|it| !by_pod || it.is_headless);
            let Some(service) = service.filter(|_| !told.contains(&name)) else {
                continue;
            };
            let refusals = |caller| self.refusals(caller, now, (service, port));
            let refusing = refusals(now);
            let before = was.filter(|_| asked.contains(&name));
            // Those who were refused as well are told of the policy, or know of it.
            if refusing.is_empty() || before.is_some_and(|was| !refusals(was).is_empty()) {
                continue;
            }
            told.insert(name);
            losses.push(loss(now, (was, before.is_some()), service, &refusing));
        }
        losses
    }

    /// The policies that refuse a caller at all pods of a Service, those of before and those that come.
    fn refusals(
        &self,
        caller: &Pods<'_>,
        of: &Pods<'_>,
        (service, port): (&Led<'_>, Option<u64>),
    ) -> BTreeSet<&str> {
        let at = service.asked_at(port);
        let are_behind = |it: &&Pods<'_>| it.are_for(service.key.3, &service.selector);
        let run: Vec<&Pods<'_>> = self.before.iter().filter(are_behind).collect();
        let come = self.after.iter().filter(are_behind);
        let callees: Vec<&Pods<'_>> = run.iter().copied().chain(come).collect();
        let is_open = |it: &&Pods<'_>| it.key == of.key || meet(self.are, caller, it, &at);
        // Where none of them runs yet all of it may be made for each other.
        if run.is_empty() || callees.iter().any(is_open) {
            return BTreeSet::new();
        }
        let from = Peer::Pods(caller.key.3, &caller.labels);
        let refusing = callees.iter().flat_map(|callee| {
            let admits = admit(self.are, callee, Way::Ingress, from, is_at(&at, callee));
            let (way, pods) = if admits {
                (Way::Egress, caller)
            } else {
                (Way::Ingress, *callee)
            };
            let selecting = self.are.iter().filter(move |it| it.selects(way, pods));
            selecting.map(|it| it.key.2)
        });
        refusing.collect()
    }
}

fn loss(
    now: &Pods<'_>,
    (was, did): (Option<&Pods<'_>>, bool),
    service: &Led<'_>,
    refusing: &BTreeSet<&str>,
) -> Loss {
    let who = parts::shown(now.key);
    let policies: Vec<String> = refusing.iter().map(|it| format!("`{it}`")).collect();
    let (kind, refuse) = if policies.len() == 1 {
        ("NetworkPolicy", "refuses")
    } else {
        ("NetworkPolicies", "refuse")
    };
    let by = format!("{kind} {}", policies.join(", "));
    let service = service.key.2;
    let Some(was) = was.filter(|_| did) else {
        let asks = if was.is_some() {
            "comes to ask"
        } else {
            "asks"
        };
        return Loss {
            about: Lost::Callers,
            what: format!("{who} {asks} for Service `{service}`, and {by} {refuse} that"),
            way: "have a policy that admits it in the same step: a policy counts at once"
                .to_owned(),
        };
    };
    let gone = was.labels.iter();
    let gone = gone.filter(|(label, value)| now.labels.get(*label) != Some(*value));
    let gone: Vec<String> = gone
        .map(|(label, value)| format!("`{label}: {}`", value.as_str().unwrap_or_default()))
        .collect();
    let (why, keep) = if gone.is_empty() {
        (
            "with the labels that they come to have".to_owned(),
            "take those out".to_owned(),
        )
    } else {
        let gone = gone.join(" and ");
        (format!("without {gone}"), format!("keep {gone}"))
    };
    Loss {
        about: Lost::Callers,
        what: format!(
            "the new pods of {who} ask for Service `{service}`, and {by} {refuse} them {why}"
        ),
        way: format!("{keep}; or have a policy that admits both versions first"),
    }
}
