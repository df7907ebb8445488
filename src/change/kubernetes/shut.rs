//! Whom policies shut out: who asks for pods by what manifests say of it, who leads to them from outside, and who is led to by what stays.
//!
//! A policy counts at once, for the pods of both versions (seen: `tests/changes/observed/policies.json`). Between two programs who asks for
//! whom is known, and told of them (`src/change/contract/addresses.rs`).

use super::askers::{Asked, asked, asked_by_pod, left_and_asked};
use super::backends;
use super::behind::{self, Led, Pods, Target};
use super::carriers;
use super::closing::{ShutTo, is_carried_on, list};
use super::parts::{self, text};
use super::policies::{
    self, Peer, Policy, Way, admit, are_known, closed, is_at, is_port, meet, names_others,
};
use super::{Key, Keyed, routed};
use crate::change::{Change, Effect, Loss, Lost};
use rustc_hash::FxHashMap;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What there is before a step, and after it.
struct Sides<'s> {
    after: &'s [Pods<'s>],
    services: Vec<Served<'s>>,
    were: &'s [Policy<'s>],
    /// What is written, and what stays.
    are: &'s [Policy<'s>],
}

/// What makes pods before a step and after it, with the pods of both.
#[derive(Clone, Copy)]
struct Both<'s> {
    was: &'s Pods<'s>,
    now: &'s Pods<'s>,
}

/// A Service with the pods that it leads to, and with those who ask for it before a step, and whether they do after it.
struct Served<'s> {
    service: &'s Led<'s>,
    targets: Vec<Target>,
    pods: Vec<Both<'s>>,
    callers: Vec<Caller<'s>>,
}

/// Who asks for a Service before a step.
#[derive(Clone, Copy)]
struct Caller<'s> {
    pods: Both<'s>,
    /// Whether it does after the step.
    asks: bool,
    /// Whether it asks for a pod by its name, which may be one of its peers.
    by_pod: bool,
    /// At which port, where that is known.
    port: Option<u64>,
}

/// Says it of policies that are made, changed or left, and of what leads from outside and is left.
pub(super) fn out((old, new): (&Keyed<'_>, &Keyed<'_>), is_judged: bool, changes: &mut [Change]) {
    let is_led = |it: &Change| it.effect == Effect::Left && backends::is_one(&it.kind);
    // What a policy that changes makes of two programs is told of their callers.
    let concerned = |it: &Change| {
        let is_left = it.effect == Effect::Left;
        it.kind == "NetworkPolicy" && (is_left || !is_judged) || is_led(it)
    };
    if !changes.iter().any(concerned) {
        return;
    }
    let (were, are) = (policies::all(old), policies::standing((old, new)));
    if were.is_empty() && are.is_empty() {
        return;
    }
    let (before, mut after) = (behind::all(old), behind::all(new));
    let refused = changes.iter().filter(|it| it.effect == Effect::Refused);
    let refused: BTreeSet<(&str, &str, Option<&str>)> = refused
        .map(|it| (&*it.kind, &*it.name, it.namespace.as_deref()))
        .collect();
    let by_key: FxHashMap<Key<'_>, &Pods<'_>> = before.iter().map(|it| (it.key, it)).collect();
    // What is refused stays what it was.
    for pods in &mut after {
        let is_refused = refused.contains(&(pods.key.1, pods.key.2, pods.key.3));
        if let Some(was) = by_key.get(&pods.key).filter(|_| is_refused) {
            *pods = (*was).clone();
        }
    }
    let services = behind::services(new);
    let runs = [old, new].map(behind::scheduled);
    let callers = others(&runs, &before, (old, new));
    let sides = Sides {
        services: served(&by_key, (&after, &callers), &services),
        after: &after,
        were: &were,
        are: &are,
    };
    let another = policies::another(new).or_else(|| policies::another(old));
    let mut told = BTreeSet::new();
    for change in changes.iter_mut().filter(|it| concerned(it)) {
        if is_led(change) {
            if another.is_none() {
                sides.led((old, new), is_judged, change);
            }
            continue;
        }
        let namespace = change.namespace.as_deref();
        let key = (
            "networking.k8s.io",
            "NetworkPolicy",
            &*change.name,
            namespace,
        );
        let Some(policy) = sides.are.iter().find(|it| it.key == key) else {
            continue;
        };
        match change.effect {
            Effect::Left => sides.stays(policy, change),
            Effect::Created | Effect::InPlace if sides.is_another(policy) => {
                if let Some(another) = another {
                    let another = parts::shown(another);
                    change.says_also(&format!(
                        "whom it keeps out is not told, since {another} says who may ask as well"
                    ));
                    continue;
                }
                let said = sides.shuts(new, policy, &mut told).into_iter();
                let losses = said.map(|what| refusal(&change.name, what));
                change.losses.extend(losses);
            }
            _ => {}
        }
    }
}

fn refusal(policy: &str, what: String) -> Loss {
    Loss {
        about: Lost::Callers,
        what,
        way: format!(
            "have a policy that admits them beside `{policy}` first, or say it of that one; a policy counts at once, for the pods of both versions"
        ),
    }
}

/// Who asks beside those that run and are written: each run of what is scheduled, and what is written no more and asked all the same.
fn others<'s>(
    [were, are]: &'s [Vec<Pods<'s>>; 2],
    before: &'s [Pods<'s>],
    sides: (&Keyed<'_>, &Keyed<'_>),
) -> Vec<Both<'s>> {
    let runs = are.iter().filter_map(|now| {
        let was = were.iter().find(|it| it.key == now.key)?;
        Some(Both { was, now })
    });
    let left = left_and_asked(before, sides).into_iter();
    runs.chain(left.map(|was| Both { was, now: was })).collect()
}

/// Which pods each Service leads to, and who asks for it: looked up once, for all policies.
fn served<'s>(
    before: &FxHashMap<Key<'_>, &'s Pods<'s>>,
    (after, others): (&'s [Pods<'s>], &[Both<'s>]),
    services: &'s [Led<'s>],
) -> Vec<Served<'s>> {
    let both = after.iter().filter_map(|now| {
        let was = *before.get(&now.key)?;
        Some(Both { was, now })
    });
    let both: Vec<Both<'s>> = both.collect();
    let mut asking: FxHashMap<(Asked<'s>, bool), Vec<Caller<'s>>> = FxHashMap::default();
    for pods in both.iter().chain(others) {
        // Nor is it known whom a policy takes them for.
        if pods.was.are_on_nodes() || pods.now.are_on_nodes() {
            continue;
        }
        let ways = [
            (false, asked(pods.was), asked(pods.now)),
            (true, asked_by_pod(pods.was), asked_by_pod(pods.now)),
        ];
        for (by_pod, before, after) in ways {
            for (service, port) in before {
                let caller = Caller {
                    pods: *pods,
                    asks: after.contains(&(service, port)),
                    by_pod,
                    port,
                };
                asking.entry((service, by_pod)).or_default().push(caller);
            }
        }
    }
    let served = services.iter().map(|service| {
        let are_for = |it: &&Both<'_>| it.now.are_for(service.key.3, &service.selector);
        let name = (service.key.2, service.key.3);
        let mut callers = asking.get(&(name, false)).cloned().unwrap_or_default();
        if service.is_headless {
            callers.extend(asking.get(&(name, true)).into_iter().flatten().copied());
        }
        Served {
            service,
            targets: service.targets(),
            pods: both.iter().filter(are_for).copied().collect(),
            callers,
        }
    });
    served.collect()
}

impl Served<'_> {
    /// Whether a rule may be for a port of pods at which the Service is asked; one that names none gives the pods' addresses alone.
    fn is_at(&self, pods: &Pods<'_>) -> impl Fn(&Value) -> bool {
        is_at(&self.targets, pods)
    }
}

impl Sides<'_> {
    /// Whether a policy is new or has other rules than it had.
    fn is_another(&self, policy: &Policy<'_>) -> bool {
        let was = self.were.iter().find(|it| it.key == policy.key);
        was.is_none_or(|it| it.spec != policy.spec)
    }

    /// Whose pods the rules of a policy go on to count for that is written no more.
    fn stays(&self, policy: &Policy<'_>, change: &mut Change) {
        let ways = [Way::Ingress, Way::Egress];
        let selects = |pods: &&Pods<'_>| ways.iter().any(|way| policy.selects(*way, pods));
        let selected: Vec<String> = self.after.iter().filter(selects).map(Pods::shown).collect();
        if !selected.is_empty() {
            change.says_also(&format!(
                "until then its rules count for the pods of {}",
                selected.join(", ")
            ));
        }
    }

    /// Whom a policy that is new or another one shuts out, in words, where another one was not said to.
    fn shuts(
        &self,
        new: &Keyed<'_>,
        policy: &Policy<'_>,
        told: &mut BTreeSet<(String, String)>,
    ) -> Vec<String> {
        let (were, are) = (self.were, self.are);
        let name = policy.key.2;
        let (mut found, mut shut) = (Vec::new(), BTreeSet::new());
        for served in &self.services {
            let led = served.service.key.2;
            for both in &served.pods {
                let Both { was, now } = *both;
                let selects =
                    policy.selects(Way::Ingress, was) || policy.selects(Way::Ingress, now);
                let mut is_news = |who: &str, whom: String| told.insert((who.to_owned(), whom));
                // Whoever asks for them is refused, and somebody asks for what a Service leads to.
                if selects && closed(are, now, Way::Ingress, served.is_at(now)) {
                    let shown = now.shown();
                    // Others may ask at a port to which this Service does not lead.
                    let shown = if closed(are, now, Way::Ingress, |_| true) {
                        shown
                    } else {
                        format!("{shown} at {}", ports(&served.targets))
                    };
                    let was_closed = closed(were, was, Way::Ingress, served.is_at(was));
                    if !was_closed && is_news("all", shown.clone()) {
                        shut.insert(shown);
                    }
                    continue;
                }
                if selects
                    && let Some(by) = self.leader(new, served, both)
                    && is_news(&by, now.shown())
                {
                    let shown = now.shown();
                    found.push(format!(
                        "NetworkPolicy `{name}` admits nobody from outside of its namespace to the pods of {shown}, and {by} leads to them"
                    ));
                }
                for (who, how) in self.refused(policy, served, both) {
                    if is_news(&who, now.shown()) {
                        found.push(format!(
                            "{who} asks for Service `{led}`, and NetworkPolicy `{name}` {how}"
                        ));
                    }
                }
            }
        }
        if !shut.is_empty() {
            let shut: Vec<String> = shut.into_iter().collect();
            let shut = shut.join(", ");
            found.push(format!(
                "NetworkPolicy `{name}` lets nobody ask any more for the pods of {shut}, to which Services lead"
            ));
        }
        found
    }

    /// Whether somebody outside of the namespace was admitted to pods at one of some ports, and is no more.
    fn shuts_outside(&self, targets: &[Target], both: &Both<'_>) -> bool {
        let Both { was, now } = *both;
        let admits = |policies: &[Policy<'_>], pods: &Pods<'_>| {
            let is_at = is_at(targets, pods);
            admit(policies, pods, Way::Ingress, Peer::Elsewhere, is_at)
        };
        admits(self.were, was) && !admits(self.are, now)
    }

    /// Whether who carries something that leads to pods is not among the pods that are admitted: all that are named are others, or it is in
    /// another namespace.
    fn is_shut_out(
        &self,
        side: &Keyed<'_>,
        leader: Key<'_>,
        targets: &[Target],
        now: &Pods<'_>,
    ) -> bool {
        let is_at = || is_at(targets, now);
        are_known(self.are, now, self.after, is_at())
            || carriers::is_elsewhere(side, leader, now.key.3)
                && !names_others(self.are, now, self.after, is_at())
    }

    /// Who leads to a Service from outside of its namespace, at a port of its pods to which somebody was admitted, and is not any more.
    fn leader(&self, new: &Keyed<'_>, served: &Served<'_>, both: &Both<'_>) -> Option<String> {
        let service = served.service;
        let is_refused = |leader: Key<'_>, port: &Option<Target>| {
            let targets = served.service.behind(port.as_ref());
            self.shuts_outside(&targets, both) && self.is_shut_out(new, leader, &targets, both.now)
        };
        let mut leading = backends::leading_to(new, service.key).into_iter();
        let by = leading.find(|(key, ports)| ports.iter().any(|it| is_refused(*key, it)));
        let by = by.map(|(key, _)| key);
        let itself = service.is_outside && self.shuts_outside(&served.targets, both);
        let by = by.or_else(|| itself.then_some(service.key));
        by.map(parts::shown)
    }

    /// Who is given the address of a Service and refused by a policy or kept from it, with how.
    fn refused(
        &self,
        policy: &Policy<'_>,
        served: &Served<'_>,
        both: &Both<'_>,
    ) -> Vec<(String, String)> {
        let Both { was, now } = *both;
        let (were, are) = (self.were, self.are);
        // Names are looked up by UDP (`kubernetes.io/docs/concepts/services-networking/dns-pod-service`), at a port of its pods that is not
        // 53 everywhere.
        let looks_up = |policies: &[Policy<'_>], caller: &Pods<'_>| {
            let dns = |rule: &Value| {
                let is_udp = text(rule, "protocol") == Some("UDP");
                is_udp || is_port(rule, &Target::Number(53), caller)
            };
            admit(policies, caller, Way::Egress, Peer::Elsewhere, dns)
        };
        let mut found = Vec::new();
        let is_another = |it: &&Caller<'_>| {
            let is_peer = it.by_pod && now.are_several;
            it.pods.now.key != now.key || is_peer
        };
        for it in served.callers.iter().filter(is_another) {
            let (before, caller, asks) = (it.pods.was, it.pods.now, it.asks);
            // Most policies are about others: asked first, this keeps a plan of many short.
            let selects = |(caller, callee)| {
                policy.selects(Way::Ingress, callee) || policy.selects(Way::Egress, caller)
            };
            if ![(before, was), (caller, now)].into_iter().any(selects) {
                continue;
            }
            let at = served.service.asked_at(it.port);
            if !meet(were, before, was, &at) || !looks_up(were, before) {
                continue;
            }
            let refused = |caller| {
                let mut callees = [was, now].into_iter();
                callees.any(|callee| !meet(are, caller, callee, &at))
            };
            let is_left = std::ptr::eq(before, caller);
            let how = if asks && refused(caller) && is_left {
                "keeps it from that, though it is written no more, runs on and is asked"
            } else if asks && refused(caller) {
                "keeps it from that"
            } else if asks && !looks_up(are, caller) {
                "lets it look up no name: it may ask nobody by UDP, nor at port 53"
            } else if refused(before) && before.key.1 != "CronJob" {
                "keeps it from that until it is replaced"
            } else {
                continue;
            };
            found.push((caller.shown(), how.to_owned()));
        }
        found
    }

    /// From where outside pods are asked no more.
    fn shut_to(&self, served: &Served<'_>, both: &Both<'_>) -> Option<ShutTo> {
        if self.shuts_outside(&served.targets, both) {
            return Some(ShutTo::All);
        }
        let Both { was, now } = *both;
        let are = policies::namespaces(self.are, now, served.is_at(now))?;
        if are.is_empty() {
            return None;
        }
        let to = list(are.iter().copied());
        let were = policies::namespaces(self.were, was, served.is_at(was));
        let Some(were) = were else {
            return Some(ShutTo::AllBut(to));
        };
        let mut gone = were.difference(&are).copied().peekable();
        gone.peek()?;
        Some(ShutTo::These {
            gone: list(gone),
            to,
        })
    }

    /// What leads from outside, is written no more and stays: whether it goes on to be answered.
    fn led(&self, (old, new): (&Keyed<'_>, &Keyed<'_>), is_judged: bool, change: &mut Change) {
        let namespace = change.namespace.as_deref();
        let of = (&*change.kind, &*change.name, namespace);
        let Some((leader, led)) = backends::led_by(old, of) else {
            return;
        };
        let mut shut: BTreeMap<ShutTo, BTreeSet<String>> = BTreeMap::new();
        for served in &self.services {
            let (.., name, namespace) = served.service.key;
            if !led.contains(&(name.to_owned(), namespace.map(ToOwned::to_owned))) {
                continue;
            }
            for both in &served.pods {
                let to = self.shut_to(served, both);
                let to = to.filter(|_| self.is_shut_out(old, leader, &served.targets, both.now));
                if let Some(to) = to {
                    shut.entry(to).or_default().insert(both.now.shown());
                }
            }
        }
        for (to, pods) in shut {
            let pods: Vec<String> = pods.into_iter().collect();
            let pods = pods.join(", ");
            let (kind, name) = (change.kind.clone(), change.name.clone());
            change.says_also(&format!(
                "from now on the pods of {pods} refuse what comes by it{}",
                to.said()
            ));
            // Of two programs that is told, with what to do.
            if is_judged && matches!(to, ShutTo::All) && routed::keeps(leader, (old, new)) {
                continue;
            }
            // One who carries others of its class goes on to do so from where it is.
            if matches!(to, ShutTo::AllBut(_)) && is_carried_on((old, new), change) {
                continue;
            }
            change.losses.push(Loss {
                about: Lost::Outside,
                what: format!(
                    "{kind} `{name}` is written no more and stays, and the pods of {pods} refuse what comes by it{}",
                    to.told()
                ),
                way: to.way(is_judged).to_owned(),
            });
        }
    }
}

fn ports(targets: &[Target]) -> String {
    let shown: BTreeSet<String> = targets.iter().map(ToString::to_string).collect();
    let shown: Vec<String> = shown.into_iter().collect();
    format!("port {}", shown.join(", "))
}
