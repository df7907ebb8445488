//! Services that come to lead to another port of pods while the policies that select these stay as they are and admit the port of before alone: the
//! ports of a policy are those of the pods (`kubernetes.io/docs/concepts/services-networking/network-policies`), so that a number in it does not
//! follow a port that a Service knows by its name. What a policy that changes does is told of that one (`shut`).

use super::askers::asked;
use super::behind::{self, Led, Pods, Target};
use super::parts::text;
use super::policies::{self, Peer, Policy, Way, admit, closed, is_port};
use super::{Keyed, is_workload};
use crate::change::{Change, Effect, Loss, Lost};
use serde_json::Value;

/// Says it of the workload whose pods come to listen elsewhere, or else of the Service.
pub(super) fn shut((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let is_led = |it: &Change| it.kind == "Service" && it.effect == Effect::InPlace;
    let concerned = |it: &Change| is_led(it) || is_workload(&it.kind) && it.effect.replaces();
    if !changes.iter().any(concerned) {
        return;
    }
    let are = policies::deciding((old, new));
    if are.is_empty() {
        return;
    }
    let were = policies::all(old);
    let is_kept = |it: &Policy<'_>| {
        let mut were = were.iter();
        were.any(|was| was.key == it.key && was.spec == it.spec)
    };
    let (before, after) = (behind::all(old), behind::all(new));
    let (led, leads) = (behind::services(old), behind::services(new));
    for service in leads.iter().filter(|it| !it.is_headless) {
        let Some(earlier) = led.iter().find(|it| it.key == service.key) else {
            continue;
        };
        for now in after.iter().filter(|it| are_behind(it, service)) {
            let was = before.iter().find(|it| it.key == now.key);
            let Some(was) = was.filter(|it| are_behind(it, earlier)) else {
                continue;
            };
            let mut ports = service.ports.iter();
            let moved = ports.find_map(|port| {
                let moved = moved((earlier, was), (port, now))?;
                let refused = refused(&are, &after, (was, now), (service, &moved))?;
                Some((moved, refused))
            });
            let Some((moved, callers)) = moved else {
                continue;
            };
            let selecting = are.iter().filter(|it| it.selects(Way::Ingress, now));
            let selecting: Vec<&Policy<'_>> = selecting.collect();
            if !selecting.iter().all(|it| is_kept(it)) {
                continue;
            }
            let is_its = |it: &&mut Change| now.are_of(it) && it.effect.replaces();
            let is_of_service = |it: &&mut Change| {
                let named = (it.name.as_str(), it.namespace.as_deref());
                is_led(it) && named == (service.key.2, service.key.3)
            };
            let are_new = changes.iter_mut().any(|it| is_its(&it));
            let mut all = changes.iter_mut();
            let change = all.find(|it| {
                if are_new {
                    is_its(it)
                } else {
                    is_of_service(it)
                }
            });
            let pods = if are_new { "the new pods" } else { "the pods" };
            let pods = format!("{pods} of {}", now.shown());
            if let Some(change) = change {
                // One that lets nobody in at all has no port that could be another one.
                let by = selecting.into_iter().filter(|it| {
                    let alone = std::slice::from_ref(*it);
                    !closed(alone, now, Way::Ingress, is_before(&moved, now))
                });
                let loss = loss((service, &pods), &moved, &by.collect::<Vec<_>>(), &callers);
                change.losses.push(loss);
            }
        }
    }
}

fn are_behind(pods: &Pods<'_>, service: &Led<'_>) -> bool {
    pods.are_for(service.key.3, &service.selector) && !pods.are_on_nodes()
}

/// A port to which a Service leads.
struct Moved<'s> {
    /// Of the Service itself.
    own: u64,
    /// Of its pods, before and now.
    was: u64,
    is: u64,
    /// By which the pods have both.
    name: Option<&'s str>,
}

fn moved<'s>(
    (earlier, was): (&Led<'_>, &Pods<'_>),
    (port, now): (&'s (Option<String>, u64, Target), &Pods<'_>),
) -> Option<Moved<'s>> {
    let (_, own, target) = port;
    let mut ports = earlier.ports.iter();
    let (.., old) = ports.find(|(_, number, _)| number == own)?;
    let moved = Moved {
        own: *own,
        was: number(old, was)?,
        is: number(target, now)?,
        name: match target {
            Target::Name(name) if old == target => Some(name),
            _ => None,
        },
    };
    (moved.was != moved.is).then_some(moved)
}

fn number(target: &Target, pods: &Pods<'_>) -> Option<u64> {
    match target {
        Target::Number(number) => Some(*number),
        Target::Name(_) => {
            let mut ports = pods.ports();
            let found = ports.find(|(name, number)| target.is(*name, *number));
            found.map(|(_, number)| number)
        }
    }
}

/// Who asks for a Service and was admitted at the port of before, and is not at the new one; nobody is named where all were, and none is.
fn refused(
    are: &[Policy<'_>],
    after: &[Pods<'_>],
    (was, now): (&Pods<'_>, &Pods<'_>),
    (service, moved): (&Led<'_>, &Moved<'_>),
) -> Option<Vec<String>> {
    let after_it = |rule: &Value| is_port(rule, &Target::Number(moved.is), now);
    if closed(are, now, Way::Ingress, after_it) {
        let mut both = [was, now].into_iter();
        let were_open = both.all(|it| !closed(are, it, Way::Ingress, is_before(moved, it)));
        return were_open.then(Vec::new);
    }
    let asks = |pods: &&Pods<'_>| {
        let mut all = asked(pods).into_iter();
        all.any(|(name, port)| {
            name == (service.key.2, service.key.3) && port.is_none_or(|it| it == moved.own)
        })
    };
    let is_refused = |pods: &&Pods<'_>| {
        let peer = Peer::Pods(pods.key.3, &pods.labels);
        let mut both = [was, now].into_iter();
        both.all(|it| admit(are, it, Way::Ingress, peer, is_before(moved, it)))
            && !admit(are, now, Way::Ingress, peer, after_it)
    };
    let others = after
        .iter()
        .filter(|it| it.key != now.key && !it.are_on_nodes());
    let refused = others.filter(|it| is_refused(it) && asks(it));
    let refused: Vec<String> = refused.map(Pods::shown).collect();
    (!refused.is_empty()).then_some(refused)
}

/// Whether a rule is for the port of before. Those of one number are told apart by their protocols, and Services are taken for those of TCP.
fn is_before(moved: &Moved<'_>, pods: &Pods<'_>) -> impl Fn(&Value) -> bool {
    move |rule| {
        let is_tcp = matches!(text(rule, "protocol"), None | Some("TCP"));
        is_tcp && is_port(rule, &Target::Number(moved.was), pods)
    }
}

fn loss(
    (service, pods): (&Led<'_>, &str),
    moved: &Moved<'_>,
    selecting: &[&Policy<'_>],
    callers: &[String],
) -> Loss {
    let Moved { was, is, .. } = moved;
    let names: Vec<String> = selecting
        .iter()
        .map(|it| format!("`{}`", it.key.2))
        .collect();
    let (kind, refuse) = match &*names {
        [_] => ("NetworkPolicy", "refuses"),
        _ => ("NetworkPolicies", "refuse"),
    };
    let policies = format!("{kind} {}", names.join(", "));
    let whom = match callers {
        [] => "everybody".to_owned(),
        callers => callers.join(", "),
    };
    let by_name = moved.name.map_or_else(String::new, |name| {
        format!("; or name that port there, `{name}`")
    });
    Loss {
        about: Lost::Callers,
        what: format!(
            "Service `{}` comes to lead to port {is} of {pods}, where {policies} {refuse} {whom}, unlike at {was}",
            service.key.2
        ),
        way: format!(
            "admit {is} beside {was} in the same step, since a policy counts at once for the pods of both versions, and take {was} out once all \
             are new{by_name}"
        ),
    }
}
