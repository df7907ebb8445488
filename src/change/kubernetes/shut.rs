//! Whom policies shut out: who asks for pods by what manifests say of it, who leads to them from outside, and who is led to by what stays.
//!
//! A policy counts at once, for the pods of both versions (seen: `tests/changes/observed/policies.json`). Between two programs who asks for
//! whom is known, and told of them (`src/change/contract/addresses.rs`).

use super::askers::ask;
use super::backends;
use super::behind::{self, Led, Pods, Target};
use super::parts::text;
use super::policies::{self, Peer, Policy, Way, admit, are_known, closed, is_port};
use super::{Key, Keyed};
use crate::change::{Change, Effect, Loss, Lost};
use serde_json::Value;
use std::collections::BTreeSet;

/// What there is before a step, and after it.
struct Sides<'a> {
    before: Vec<Pods<'a>>,
    after: Vec<Pods<'a>>,
    services: Vec<Led<'a>>,
    were: Vec<Policy<'a>>,
    /// What is written, and what stays.
    are: Vec<Policy<'a>>,
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
    let is_left = |key: &Key<'_>| !new.contains_key(key);
    let (were, mut are) = (policies::all(old), policies::all(new));
    let stay = old.iter().filter(|(key, _)| policies::is_one(key));
    let stay = stay.filter(|(key, _)| is_left(key));
    are.extend(stay.filter_map(|(key, object)| policies::of(*key, object)));
    if were.is_empty() && are.is_empty() {
        return;
    }
    let sides = Sides {
        before: behind::all(old),
        after: behind::all(new),
        services: behind::services(new),
        were,
        are,
    };
    let mut told = BTreeSet::new();
    for change in changes.iter_mut().filter(|it| concerned(it)) {
        if is_led(change) {
            sides.led(old, change);
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
            Effect::Created | Effect::InPlace => {
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

impl Sides<'_> {
    fn were(&self) -> Vec<&Policy<'_>> {
        self.were.iter().collect()
    }

    fn are(&self) -> Vec<&Policy<'_>> {
        self.are.iter().collect()
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

    /// The pods of each Service that run before and after a step, both versions of them.
    fn served<'s>(&'s self, service: &'s Led<'_>) -> impl Iterator<Item = [&'s Pods<'s>; 2]> {
        let are_for = |it: &&Pods<'_>| it.are_for(service.key.3, &service.selector);
        let after = self.after.iter().filter(are_for);
        after.filter_map(|now| Some([self.before(now)?, now]))
    }

    /// The pods of before of what makes pods.
    fn before(&self, now: &Pods<'_>) -> Option<&Pods<'_>> {
        self.before.iter().find(|was| was.key == now.key)
    }

    /// Whom a policy that is new or another one shuts out, in words, where another one was not said to.
    fn shuts(
        &self,
        new: &Keyed<'_>,
        policy: &Policy<'_>,
        told: &mut BTreeSet<(String, String)>,
    ) -> Vec<String> {
        let (were, are) = (self.were(), self.are());
        let name = policy.key.2;
        let (mut found, mut shut) = (Vec::new(), BTreeSet::new());
        for service in &self.services {
            let targets = targets(service);
            let led = service.key.2;
            for both in self.served(service) {
                let [was, now] = both;
                let selects =
                    policy.selects(Way::Ingress, was) || policy.selects(Way::Ingress, now);
                let shown = now.shown();
                let mut is_news = |who: &str| told.insert((who.to_owned(), shown.clone()));
                // Whoever asks for them is refused, and somebody asks for what a Service leads to.
                if selects && closed(&are, now, Way::Ingress) {
                    if !closed(&were, was, Way::Ingress) && is_news("all") {
                        shut.insert(shown);
                    }
                    continue;
                }
                if selects
                    && self.shuts_outside((service, both), &targets)
                    && let Some(by) = leaders(new, service)
                    && is_news(&by)
                {
                    found.push(format!(
                        "NetworkPolicy `{name}` admits nobody from outside of its namespace to the pods of {shown}, and {by} leads to them"
                    ));
                }
                for (who, how) in self.refused(policy, (service, both), &targets) {
                    if is_news(&who) {
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

    /// Whether somebody outside of the namespace was admitted to pods, and is no more.
    fn shuts_outside(
        &self,
        (service, [was, now]): (&Led<'_>, [&Pods<'_>; 2]),
        targets: &[Target],
    ) -> bool {
        let (were, are) = (self.were(), self.are());
        let admits = |policies: &[&Policy<'_>], pods: &Pods<'_>| {
            let is_port = |rule: &Value| targets.iter().any(|it| is_port(rule, it, pods));
            admit(policies, pods, Way::Ingress, Peer::Elsewhere, is_port)
        };
        // Who carries a gateway may be among the pods of the namespace, unless all of those that are named are others.
        let is_sure = service.is_outside || are_known(&are, now, &self.after);
        is_sure && admits(&were, was) && !admits(&are, now)
    }

    /// Who is given the address of a Service and refused by a policy or kept from it, with how.
    fn refused(
        &self,
        policy: &Policy<'_>,
        (service, [was, now]): (&Led<'_>, [&Pods<'_>; 2]),
        targets: &[Target],
    ) -> Vec<(String, String)> {
        let (were, are) = (self.were(), self.are());
        let meet = |policies: &[&Policy<'_>], caller: &Pods<'_>, callee: &Pods<'_>| {
            let at = |rule: &Value| targets.iter().any(|it| is_port(rule, it, callee));
            let from = Peer::Pods(caller.key.3, &caller.labels);
            let to = Peer::Pods(callee.key.3, &callee.labels);
            admit(policies, callee, Way::Ingress, from, at)
                && admit(policies, caller, Way::Egress, to, at)
        };
        // Names are looked up by UDP (`kubernetes.io/docs/concepts/services-networking/dns-pod-service`), at a port of its pods that is not
        // 53 everywhere.
        let looks_up = |policies: &[&Policy<'_>], caller: &Pods<'_>| {
            let dns = |rule: &Value| {
                let is_udp = text(rule, "protocol") == Some("UDP");
                is_udp || is_port(rule, &Target::Number(53), caller)
            };
            admit(policies, caller, Way::Egress, Peer::Elsewhere, dns)
        };
        let mut found = Vec::new();
        for caller in self.after.iter().filter(|it| it.key != now.key) {
            let before = self.before(caller).filter(|it| ask(it, service));
            let met = |it: &&Pods<'_>| meet(&were, it, was) && looks_up(&were, it);
            let Some(before) = before.filter(met) else {
                continue;
            };
            let selects = |(caller, callee)| {
                policy.selects(Way::Ingress, callee) || policy.selects(Way::Egress, caller)
            };
            if ![(before, was), (caller, now)].into_iter().any(selects) {
                continue;
            }
            let asks = ask(caller, service);
            let refused = |caller| [was, now].iter().any(|callee| !meet(&are, caller, callee));
            let how = if asks && refused(caller) {
                "keeps it from that"
            } else if asks && !looks_up(&are, caller) {
                "lets it look up no name: it may ask nobody by UDP, nor at port 53"
            } else if refused(before) {
                "keeps it from that until it is replaced"
            } else {
                continue;
            };
            found.push((caller.shown(), how.to_owned()));
        }
        found
    }

    /// What leads from outside, is written no more and stays: whether it goes on to be answered.
    fn led(&self, old: &Keyed<'_>, change: &mut Change) {
        let namespace = change.namespace.as_deref();
        let led = backends::led_by(old, (&change.kind, &change.name, namespace));
        let mut shut = BTreeSet::new();
        for service in &self.services {
            if !led.contains(&(
                service.key.2.to_owned(),
                service.key.3.map(ToOwned::to_owned),
            )) {
                continue;
            }
            let targets = targets(service);
            for both in self.served(service) {
                if self.shuts_outside((service, both), &targets) {
                    shut.insert(both[1].shown());
                }
            }
        }
        if shut.is_empty() {
            return;
        }
        let shut: Vec<String> = shut.into_iter().collect();
        let (kind, name) = (change.kind.clone(), change.name.clone());
        let shut = shut.join(", ");
        change.says_also(&format!(
            "from now on the pods of {shut} refuse what comes by it: their NetworkPolicies admit nobody from outside of the namespace any more"
        ));
        change.losses.push(Loss {
            about: Lost::Outside,
            what: format!(
                "{kind} `{name}` is written no more and stays, and the pods of {shut} refuse what comes by it: their NetworkPolicies admit no \
                 gateway any more"
            ),
            way: "keep it until no client asks there; a policy counts at once, though what leads to it stays".to_owned(),
        });
    }
}

/// The ports of the pods at which a Service is asked; who asks a headless one goes to the pods, at the port that it names.
fn targets(service: &Led<'_>) -> Vec<Target> {
    let ports = service.ports.iter();
    let targets = ports.flat_map(|(_, number, target)| {
        let direct = service.is_headless.then_some(Target::Number(*number));
        [Some(target.clone()), direct]
    });
    targets.flatten().collect()
}

/// Who leads to a Service from outside of its namespace.
fn leaders(new: &Keyed<'_>, service: &Led<'_>) -> Option<String> {
    let by = backends::leading_to(new, service.key);
    let itself = || {
        service
            .is_outside
            .then(|| format!("Service {}", service.key.2))
    };
    by.or_else(itself)
}
