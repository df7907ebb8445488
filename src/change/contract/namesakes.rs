//! Names of a swarm's networks that lead to two services: one that is left behind and runs on, and a new one in its place, or one that
//! was there and comes to have the name.
//!
//! Both are given to who asks, in any order (moby libnetwork `agent.go`, `addEndpointNameResolution`; `resolver.go`,
//! `shuffleAddr`).

use super::Step;
use super::addresses::{self, Asked};
use super::pairs::place;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Edge, EdgeKind, Graph, ServiceView, port_number};
use crate::vocabulary::TargetId;
use std::collections::{BTreeMap, BTreeSet};

/// A service that is left behind, and one that comes to have a name of it.
struct Namesakes<'a> {
    left: ServiceView<'a>,
    come: ServiceView<'a>,
    host: String,
    /// Who of whom asks in vain, in words.
    vain: BTreeSet<String>,
}

/// What one of two services of one name does not answer.
pub(super) fn answer_differently(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    if !step.targets().any(|target| target == TargetId::Swarm) {
        return;
    }
    let (left, mut come) = (alone(old, new), alone(new, old));
    if left.is_empty() {
        return;
    }
    come.extend(renamed(step, (old, new)));
    if come.is_empty() {
        return;
    }
    let mut all: BTreeMap<(&str, &str), Namesakes<'_>> = BTreeMap::new();
    for (graph, other, asked_for, met, is_old) in [
        (old, new, &left, &come, true),
        (new, old, &come, &left, false),
    ] {
        let met = by_name(met);
        for callee in asked_for.iter().copied() {
            for (edge, caller) in graph.edges_to(callee.id) {
                if edge.kind == EdgeKind::After || graph.replicas(caller).most == 0 {
                    continue;
                }
                let asked = addresses::asked_on_swarm(graph, (caller, callee), edge);
                let Some(asked) = asked else { continue };
                for namesake in met.get(&*asked.host).into_iter().flatten().copied() {
                    let Some(lack) = lack(&asked, (caller, callee), edge, (other, namesake)) else {
                        continue;
                    };
                    let (one, two) = if is_old {
                        (callee, namesake)
                    } else {
                        (namesake, callee)
                    };
                    // To who had the name before, it led before this step.
                    let before = step
                        .both(two.name())
                        .filter(|both| place(old, both.old) == place(new, both.new));
                    if before.is_some_and(|both| asked.leads_to(old, both.old)) {
                        continue;
                    }
                    let pair = all
                        .entry((one.name(), two.name()))
                        .or_insert_with(|| Namesakes {
                            left: one,
                            come: two,
                            host: asked.host.clone(),
                            vain: BTreeSet::new(),
                        });
                    let who = if is_old { "as it is" } else { "as it will be" };
                    let which = if is_old { "the new one" } else { "the old one" };
                    pair.vain.insert(format!(
                        "`{}` {who} asks for `{}`, and {which} {lack}",
                        caller.name(),
                        asked.address()
                    ));
                }
            }
        }
    }
    found.extend(all.into_values().map(|pair| told(old, pair)));
}

/// Services by every name that may lead to them.
fn by_name<'a>(services: &[ServiceView<'a>]) -> BTreeMap<&'a str, Vec<ServiceView<'a>>> {
    let mut named: BTreeMap<&str, Vec<ServiceView<'_>>> = BTreeMap::new();
    for service in services.iter().copied() {
        let joins = service.node.service.join.iter();
        let aliases = joins.flat_map(|join| join.aliases.iter().flat_map(|it| &it.value));
        let names = aliases.map(|alias| &*alias.value);
        let names: BTreeSet<&str> = names
            .chain([service.name(), service.emitted_name()])
            .collect();
        for name in names {
            named.entry(name).or_default().push(service);
        }
    }
    named
}

/// The services of a swarm whose real names the other revision does not have.
fn alone<'a>(graph: &'a Graph, other: &Graph) -> Vec<ServiceView<'a>> {
    let known: BTreeSet<(&str, &str)> = other
        .services_on(TargetId::Swarm)
        .map(|service| place(other, service))
        .collect();
    let services = graph.services_on(TargetId::Swarm);
    services
        .filter(|service| !known.contains(&place(graph, *service)))
        .collect()
}

/// The services that a swarm goes on running, where a name comes to lead to them that did not before.
fn renamed<'a>(step: &Step<'a>, (old, new): (&'a Graph, &'a Graph)) -> Vec<ServiceView<'a>> {
    let names = |graph: &Graph, service: ServiceView<'_>| -> BTreeSet<(String, String)> {
        let joins = graph.joins(service);
        let named = joins.flat_map(|(network, join)| {
            let network = graph.network_name_on(TargetId::Swarm, service, network);
            let aliases = join.aliases.iter().flat_map(|it| &it.value);
            let aliases = aliases.map(|alias| &*alias.value);
            let names = aliases.chain([service.name(), service.emitted_name()]);
            let named = names.map(|name| (network.clone(), name.to_owned()));
            named.collect::<Vec<_>>()
        });
        named.collect()
    };
    let staying = new.services_on(TargetId::Swarm).filter_map(|service| {
        let both = step.both(service.name())?;
        let is_same = place(old, both.old) == place(new, both.new);
        (is_same && old.runs_on(both.old, TargetId::Swarm)).then_some(both)
    });
    let renamed = staying.filter(|both| !names(new, both.new).is_subset(&names(old, both.old)));
    renamed.map(|both| both.new).collect()
}

/// What a service to which the name leads as well lacks of what a caller asks for.
fn lack(
    asked: &Asked,
    (caller, callee): (ServiceView<'_>, ServiceView<'_>),
    edge: &Edge,
    (other, namesake): (&Graph, ServiceView<'_>),
) -> Option<String> {
    if !asked.leads_to(other, namesake) {
        return None;
    }
    let lack = asked.lacks_of(other, namesake);
    let version = || {
        let number = callee.port(&edge.port).and_then(port_number);
        let met = namesake.ports().find(|port| port_number(port) == number)?;
        let asked = caller.asked(callee.name(), &edge.port).0;
        let served = namesake.served(met.label.name());
        let lack = format!("serves version {served}, where {asked} is needed");
        (edge.kind == EdgeKind::Calls && !served.has(asked)).then_some(lack)
    };
    lack.or_else(version)
}

fn told(old: &Graph, pair: Namesakes<'_>) -> Diagnostic {
    let Namesakes {
        left,
        come,
        host,
        vain,
    } = pair;
    let real = old.swarm_name(left);
    let join = come.node.service.join.first();
    let diagnostic = Diagnostic::new(
        &catalogue::ADDRESS_MOVED,
        format!(
            "`{host}` leads to the new `{}` and to `{real}`, which runs on: who asks is given the one or the other",
            come.name()
        ),
        join.map_or_else(|| come.span(), |join| join.span),
    );
    let diagnostic = vain.into_iter().fold(diagnostic, Diagnostic::note);
    diagnostic
        .help(format!(
            "give `{}` another alias than `{host}` until the callers have moved and `docker service rm {real}` was done",
            come.name()
        ))
        .about(come.name())
}
