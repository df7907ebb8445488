//! Addresses, while two versions serve: an old caller meets a new callee and a new caller an old one.
//!
//! Where one of the two meetings fails the step has an order; where both fail it has none.

mod answers;
mod told;

use super::Step;
use super::order::{Before, Ordered};
use super::{has_ended, pairs, policies, routes};
use crate::diagnostics::Diagnostics;
use crate::graph::{Edge, EdgeKind, Graph, ServiceView, SharedNetwork, port_number, protocol};
use crate::source::Span;
use crate::vocabulary::{Protocol, TargetId};
use answers::{missing, own_network, unnamed};
use std::collections::BTreeMap;
use told::{callee_first, caller_first, no_order};

/// A meeting that fails: what is asked for, and why it is not answered.
pub(super) struct Fault<'a> {
    caller: &'a str,
    callee: &'a str,
    asked: Asked,
    why: Why,
    /// The network of one name in both programs that has another real name now, and the one that it had.
    renamed: Option<(String, String)>,
    /// Whether one `name` keeps the network on every target.
    one_name: bool,
    /// Whether one of the networks is the one that a stack has of its own.
    by_own: bool,
    /// Whether the callee's `NetworkPolicy` lets in who carries the gateways at those ports alone that a route leads to.
    is_by_route: bool,
    /// What in the callee keeps it from answering.
    span: Span,
}

/// How a caller asks for a callee.
pub(super) struct Asked {
    target: TargetId,
    /// Whether the caller joins no network of a swarm, and so is on its stack's own.
    on_own: bool,
    pub(super) host: String,
    /// The network through which it is meant to ask, by its zd name.
    through: Option<String>,
    /// The port by its name, as the callee of the caller's revision calls it.
    port: String,
    /// The names of the other ports of that callee.
    others: Vec<String>,
    number: u16,
    by: By,
    protocol: Protocol,
    /// The caller's networks by their real names, first the one through which it is meant to ask. A container looks a name up on
    /// all of its networks (moby libnetwork `sandbox.go`, `ResolveName`).
    networks: Vec<String>,
    /// Whether the caller may ask only those on one of its networks.
    closed: bool,
    /// Whether it is a gateway: on a cluster that is the ingress controller, whom policies admit.
    gateway: bool,
}

impl Asked {
    /// Whether the name leads to a service on a swarm.
    pub(super) fn leads_to(&self, graph: &Graph, service: ServiceView<'_>) -> bool {
        unnamed(graph, service, self).is_none()
    }

    /// What a service to which the name leads lacks, nothing where it answers.
    pub(super) fn lacks_of(&self, graph: &Graph, service: ServiceView<'_>) -> Option<String> {
        let why = missing(TargetId::Swarm, graph, service, self);
        // Who has no task has no address.
        let why = why.filter(|why| *why != Why::Nobody);
        why.map(|why| self.lack(why))
    }

    /// `host:port`
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.number)
    }

    /// What a callee lacks, after its name.
    fn lack(&self, why: Why) -> String {
        match (why, self.networks.first()) {
            (Why::Nobody, _) => "has no instance".to_owned(),
            (Why::Port, _) => "does not listen there".to_owned(),
            (Why::OtherPort, _) => "has another of its ports there".to_owned(),
            (Why::Protocol, _) => format!("speaks something else than {}", self.protocol.word()),
            (Why::Name, _) => "does not go by that name".to_owned(),
            (Why::Network, Some(network)) if self.on_own => {
                format!("is not on `{network}`, the network that its stack has of its own")
            }
            (Why::Network, network) => {
                format!("is not on network `{}`", network.map_or("", String::as_str))
            }
            (Why::Policy, _) => "admits only pods of its networks".to_owned(),
        }
    }

    /// The network through which the caller asks and its real name, where a revision's callee is on one of the same zd name.
    fn renamed(&self, (graph, callee): (&Graph, ServiceView<'_>)) -> Option<(String, String)> {
        let (through, real) = (self.through.as_ref()?, self.networks.first()?);
        let mut joins = graph.joins(callee);
        let is_there = joins.any(|(name, _)| name == through);
        is_there.then(|| (through.clone(), real.clone()))
    }

    /// Whether the network through which the caller asks has one real name on all targets that have networks by name.
    fn has_one_name(&self, step: &Step<'_>, graph: &Graph, caller: ServiceView<'_>) -> bool {
        let Some((through, real)) = self.through.as_ref().zip(self.networks.first()) else {
            return true;
        };
        let by_name = [TargetId::Swarm, TargetId::Kubernetes, TargetId::Compose];
        let mut targets = step.targets().filter(|target| by_name.contains(target));
        targets.all(|target| graph.network_name_on(target, caller, through) == *real)
    }

    /// Whether the caller is on a network that a service of a revision joins under this name.
    fn is_on(&self, graph: &Graph, service: ServiceView<'_>, name: &str) -> bool {
        let real = graph.network_name_on(self.target, service, name);
        self.networks.contains(&real)
    }
}

/// By what a caller knows a port.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Number,
    /// Whichever number it has.
    Name,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It has no instance.
    Nobody,
    Port,
    OtherPort,
    Protocol,
    Name,
    Network,
    Policy,
}

/// A caller and a callee that cannot be replaced one after the other in either order.
pub(super) fn moved(step: &Step<'_>, found: &mut Diagnostics) {
    for (old_meets_new, new_meets_old) in meetings(step) {
        if let (Some(fault), Some(_)) = (old_meets_new, new_meets_old)
            && !step.is_down_meanwhile(fault.caller)
        {
            found.push(no_order(fault));
        }
    }
}

/// The callers and callees that have to be replaced one after the other, and why.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let ordered = |meetings: &Meetings<'a>| match meetings {
        (Some(fault), None) => Some(Ordered {
            before: Before {
                first: fault.caller,
                then: fault.callee,
            },
            why: caller_first(fault),
        }),
        (None, Some(fault)) => Some(Ordered {
            before: Before {
                first: fault.callee,
                then: fault.caller,
            },
            why: callee_first(fault),
        }),
        // Of two that fail nothing helps, and what another order is for holds for them, too.
        _ => None,
    };
    meetings(step).iter().filter_map(ordered).collect()
}

/// The callers and callees that have none.
pub(super) fn without_order<'a>(step: &Step<'a>) -> Vec<(&'a str, &'a str)> {
    let failing = meetings(step).iter();
    let failing = failing.filter_map(|(old, new)| old.as_ref().zip(new.as_ref()));
    failing
        .map(|(fault, _)| (fault.caller, fault.callee))
        .collect()
}

/// What fails between the old caller and the new callee, and between the new caller and the old callee.
pub(super) type Meetings<'a> = (Option<Fault<'a>>, Option<Fault<'a>>);

fn meetings<'s, 'a>(step: &'s Step<'a>) -> &'s [Meetings<'a>] {
    step.by_address.get_or_init(|| search(step))
}

/// Of every caller and every callee that is in both programs. A caller may be new; one that is gone asks nobody once it is
/// deployed.
fn search<'a>(step: &Step<'a>) -> Vec<Meetings<'a>> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let mut all: BTreeMap<(&'a str, &'a str), Meetings<'a>> = BTreeMap::new();
    for (graph, is_old) in [(old, true), (new, false)] {
        for (from, edge, to) in graph.edges() {
            let (Some(from), Some(to)) = (graph.service(from), graph.service(to)) else {
                continue;
            };
            // Nobody asks who is not there.
            let nobody = graph.replicas(from).most == 0;
            if nobody || edge.kind == EdgeKind::After || from.name() == to.name() {
                continue;
            }
            let now = |name| if is_old { step.pairs.now(name) } else { name };
            let (caller, callee) = (new.find(now(from.name())), step.both(now(to.name())));
            let (Some(caller), Some(callee)) = (caller, callee) else {
                continue;
            };
            let pair = (caller.name(), callee.new.name());
            let meetings = all.entry(pair).or_default();
            let place = if is_old {
                &mut meetings.0
            } else {
                &mut meetings.1
            };
            if place.is_none() {
                let (own, other) = if is_old {
                    ((old, callee.old), (new, callee.new))
                } else {
                    ((new, callee.new), (old, callee.old))
                };
                let asks = (from, own.1);
                let fault = fault(step, edge, asks, own.0, other);
                // Who asks in vain on one side, and on both, has nothing to wait for.
                let counterpart = if is_old {
                    Some(caller)
                } else {
                    old.find(step.pairs.before(from.name()))
                };
                let always = || counterpart.is_some_and(|it| calls(other.0, it, other.1));
                let fault = fault.filter(|(_, why)| *why != Why::Nobody || !always());
                // Who is not replaced asks as before for what has another name now.
                let stays = |asked: &Asked| !step.rolling(asked.target).contains(caller.name());
                let fault = fault.filter(|(asked, why)| *why != Why::OtherPort || !stays(asked));
                let joins_none =
                    |on: TargetId| on == TargetId::Swarm && other.0.joins(other.1).next().is_none();
                *place = fault.map(|(asked, why)| Fault {
                    caller: caller.name(),
                    callee: callee.new.name(),
                    renamed: asked.renamed(other).filter(|_| why == Why::Network),
                    one_name: asked.has_one_name(step, own.0, from),
                    by_own: asked.on_own || joins_none(asked.target),
                    is_by_route: asked.target == TargetId::Kubernetes
                        && asked.gateway
                        && new.knows_peers(callee.new),
                    asked,
                    why,
                    span: self::place(callee.new, edge, why),
                });
            }
        }
    }
    all.into_values().collect()
}

fn calls(graph: &Graph, caller: ServiceView<'_>, callee: ServiceView<'_>) -> bool {
    let mut edges = graph.edges_to(callee.id);
    edges.any(|(edge, from)| edge.kind != EdgeKind::After && from.id == caller.id)
}

/// What keeps the caller of one revision from the callee of the other, and how it asks, on the first target where something does.
fn fault(
    step: &Step<'_>,
    edge: &Edge,
    (caller, callee): (ServiceView<'_>, ServiceView<'_>),
    graph: &Graph,
    (other, met): (&Graph, ServiceView<'_>),
) -> Option<(Asked, Why)> {
    let runs = |target: &TargetId| {
        matches!(target, TargetId::Swarm | TargetId::Kubernetes)
            && (graph.runs_on(caller, *target)
                || *target == TargetId::Swarm && graph.leads_to_a_swarm(caller))
            && other.runs_on(met, *target)
    };
    let asks_the_old = step.old.is_some_and(|old| std::ptr::eq(old, graph));
    let has_ended = |target: &TargetId| asks_the_old && has_ended(caller, *target);
    let mut targets = step.targets().filter(runs).filter(|it| !has_ended(it));
    targets.find_map(|target| {
        let asked = asked(target, graph, (caller, callee), edge)?;
        let why = missing(target, other, met, &asked)?;
        // What a policy that stays keeps apart no order brings together: that is told of the policy.
        let [asks, answers] = if asks_the_old {
            [step.pairs.now(caller.name()), met.name()]
        } else {
            [caller.name(), step.pairs.now(met.name())]
        };
        let by_policy = target == TargetId::Kubernetes && matches!(why, Why::Policy | Why::Network);
        if by_policy && policies::keep_apart(step, (asks, answers)) {
            return None;
        }
        // One of another stack or name is another service, and the old one runs on beside it for who asks as before.
        let is_another = match target {
            TargetId::Swarm => pairs::place(graph, callee) != pairs::place(other, met),
            _ => step.renames(met.name()),
        };
        let beside = asks_the_old && is_another;
        (!beside).then_some((asked, why))
    })
}

/// Whether the Service or the policy of a callee keeps a caller of before out, whichever pods of the callee stand behind them.
pub(super) fn is_kept_out(
    (old, caller, before): (&Graph, ServiceView<'_>, ServiceView<'_>),
    edge: &Edge,
    (new, callee): (&Graph, ServiceView<'_>),
) -> bool {
    let asked = asked(TargetId::Kubernetes, old, (caller, before), edge);
    // The caller's own policy is the new one by then.
    let asked = asked.map(|asked| Asked {
        closed: false,
        ..asked
    });
    let why = asked.and_then(|asked| missing(TargetId::Kubernetes, new, callee, &asked));
    // Who is switched off is told apart, and what is spoken goes back with the pods.
    why.is_some_and(|why| !matches!(why, Why::Nobody | Why::Protocol))
}

/// Where a caller asks for a port of a callee in a revision, `host:port`; nowhere where it cannot.
pub(super) fn address(
    target: TargetId,
    graph: &Graph,
    pair: (ServiceView<'_>, ServiceView<'_>),
    edge: &Edge,
) -> Option<String> {
    asked(target, graph, pair, edge).map(|asked| asked.address())
}

/// How a caller asks for a port of a callee on a swarm.
pub(super) fn asked_on_swarm(
    graph: &Graph,
    pair: (ServiceView<'_>, ServiceView<'_>),
    edge: &Edge,
) -> Option<Asked> {
    asked(TargetId::Swarm, graph, pair, edge)
}

/// How a caller asks for a port of a callee in a revision.
fn asked(
    target: TargetId,
    graph: &Graph,
    (caller, callee): (ServiceView<'_>, ServiceView<'_>),
    edge: &Edge,
) -> Option<Asked> {
    let port = callee.port(&edge.port)?;
    // Nobody is asked who is not there.
    if graph.replicas(callee).most == 0 {
        return None;
    }
    let on_swarm = target == TargetId::Swarm;
    let meant = match graph.shared_network(caller, callee) {
        Some(SharedNetwork::Named { ours, .. }) => Some(ours),
        None if on_swarm => return None,
        Some(SharedNetwork::Default) | None => None,
    };
    let host = if on_swarm {
        graph.docker_name(caller, callee)
    } else {
        callee.emitted_name()
    };
    let joined = graph.joins(caller).map(|(name, _)| name);
    let others = joined.filter(|name| Some(*name) != meant);
    let networks = meant.into_iter().chain(others);
    let networks = networks.map(|name| graph.network_name_on(target, caller, name));
    let mut networks: Vec<String> = networks.collect();
    let on_own = on_swarm && networks.is_empty();
    if on_own {
        networks.push(own_network(graph, caller));
    }
    Some(Asked {
        target,
        on_own,
        host: host.to_owned(),
        through: meant.map(ToOwned::to_owned),
        port: edge.port.to_string(),
        others: {
            let names = callee.ports().map(|port| port.label.name());
            let others = names.filter(|name| *name != &*edge.port);
            others.map(ToOwned::to_owned).collect()
        },
        number: port_number(port)?,
        by: if target == TargetId::Kubernetes
            && edge.kind == EdgeKind::Routes
            && routes::by_port_name(graph)
        {
            By::Name
        } else {
            By::Number
        },
        protocol: protocol(port),
        networks,
        closed: graph.is_closed(caller),
        gateway: caller.node.gateway.is_some(),
    })
}

/// Where in the new callee it is written.
fn place(callee: ServiceView<'_>, edge: &Edge, why: Why) -> Span {
    let port = callee.port(&edge.port);
    let found = match why {
        Why::Port | Why::OtherPort => {
            port.map(|port| port.number.as_ref().map_or(port.span, |it| it.span))
        }
        Why::Protocol => port.map(|port| port.protocol.as_ref().map_or(port.span, |it| it.span)),
        Why::Nobody => callee.node.service.replicas.as_ref().map(|it| it.span),
        Why::Name | Why::Network | Why::Policy => {
            callee.node.service.join.first().map(|join| join.span)
        }
    };
    found.unwrap_or_else(|| callee.span())
}

impl Fault<'_> {
    /// What the callee lacks, after `the new … `.
    fn lacks(&self) -> String {
        self.asked.lack(self.why)
    }
}
