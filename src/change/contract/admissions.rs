//! Services that a gateway of Kubernetes comes to lead to, or leads to no more: their policies admit its controller from now on, or
//! refuse it.
//!
//! A policy counts at once, for the pods of both versions (seen: `tests/changes/observed/policies.json`), and another Ingress or
//! route once its controller has taken it: ingress-nginx does so up to three times in ten seconds (kubernetes/ingress-nginx
//! `docs/user-guide/cli-arguments.md`, `--sync-rate-limit`). So who is newly led to goes before the gateway, and the gateway before
//! whom it leaves.

use super::admitted::carrier;
use super::listeners::is_gateway_api;
use super::order::{Before, Ordered};
use super::routes::{names, nearest};
use super::{Both, Step, carried};
use crate::change::Effect;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::routing::{self, Paths, VirtualHost};
use crate::graph::{Edge, EdgeKind, Graph, ServiceView};
use crate::source::Span;
use crate::vocabulary::{Gateway, Node, Route, RouteTarget, TargetId};
use std::collections::{BTreeMap, BTreeSet};

/// How long the script of a plan waits for controllers and nodes after such a step (`settle` in `src/cli/plan/script/steps.sh`).
const PAUSE: &str = "10 seconds";

/// A gateway and a service whose policy comes to admit it at a port, or admits it there no more.
#[derive(Clone, Copy)]
struct Turn<'a> {
    gateway: &'a str,
    service: &'a str,
    port: &'a str,
    /// Whether the service of before listens there.
    listens_already: bool,
    span: Span,
}

/// All of a step.
#[derive(Default)]
pub(super) struct Turns<'a> {
    opens: Vec<Turn<'a>>,
    closes: Vec<Turn<'a>>,
}

/// Who is led to goes first, and who is left goes last.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let turns = turns(step);
    let both = in_both(turns);
    // Who does not listen there yet goes first for that.
    let opens = turns.opens.iter().filter(|turn| turn.listens_already);
    let opens = opens.map(|turn| Ordered {
        before: Before {
            first: turn.service,
            then: turn.gateway,
        },
        why: opened(turn),
    });
    let closes = turns.closes.iter().map(|turn| Ordered {
        before: Before {
            first: turn.gateway,
            then: turn.service,
        },
        why: closed(step, turn),
    });
    let all = opens.chain(closes);
    all.filter(|it| {
        let (first, then) = (it.before.first, it.before.then);
        !both.contains_key(&(first, then)) && !both.contains_key(&(then, first))
    })
    .collect()
}

/// A gateway and a service that have no order: the one policy both comes to admit it and refuses it.
pub(super) fn at_once(step: &Step<'_>, found: &mut Diagnostics) {
    let turns = turns(step);
    for (opens, closes) in in_both(turns).into_values() {
        found.push(no_order(opens, closes));
    }
}

/// Whether the policy of a service refuses a gateway somewhere once the step is done.
pub(super) fn closes(step: &Step<'_>, gateway: &str, service: &str) -> bool {
    let mut closes = turns(step).closes.iter();
    closes.any(|it| it.gateway == gateway && it.service == service)
}

/// What turns both ways between one gateway and one service.
fn in_both<'t, 'a>(
    turns: &'t Turns<'a>,
) -> BTreeMap<(&'a str, &'a str), (&'t Turn<'a>, &'t Turn<'a>)> {
    let pairs = turns.closes.iter().filter_map(|closes| {
        let is_its = |it: &&Turn<'_>| it.gateway == closes.gateway && it.service == closes.service;
        let opens = turns.opens.iter().find(is_its)?;
        Some(((closes.gateway, closes.service), (opens, closes)))
    });
    pairs.collect()
}

fn turns<'s, 'a>(step: &'s Step<'a>) -> &'s Turns<'a> {
    step.by_policy.get_or_init(|| search(step))
}

fn search<'a>(step: &Step<'a>) -> Turns<'a> {
    let mut turns = Turns::default();
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return turns;
    };
    let on_kubernetes = step.targets().any(|it| it == TargetId::Kubernetes);
    // What another controller carries is another thing that is asked.
    if !on_kubernetes || carrier(old) != carrier(new) {
        return turns;
    }
    let changes = step.on(TargetId::Kubernetes);
    let changes = changes.filter(|it| {
        it.kind == "NetworkPolicy" && matches!(it.effect, Effect::InPlace | Effect::Created)
    });
    // Most steps change none.
    let changed: BTreeSet<&str> = changes.filter_map(|it| it.service.as_deref()).collect();
    for name in changed {
        let Some(callee) = staying(step, (old, new), name) else {
            continue;
        };
        let serves = |graph: &Graph, it| graph.replicas(it).most > 0;
        if !serves(old, callee.old) || !serves(new, callee.new) {
            continue;
        }
        for (edge, from) in led(new, callee.new) {
            let was_admitted = admits(old, callee.old, &edge.port);
            let gateway = staying(step, (old, new), from.name());
            let gateway = gateway.filter(|_| !was_admitted && new.knows_peers(callee.new));
            let is_meant = |both: &Both<'_>| takes_over(old, (both.old, both.new), edge);
            if let Some(gateway) = gateway.filter(is_meant) {
                turns.opens.push(Turn {
                    gateway: gateway.new.name(),
                    service: callee.new.name(),
                    port: &edge.port,
                    listens_already: callee.old.port(&edge.port).is_some(),
                    span: edge.span,
                });
            }
        }
        for (edge, from) in led(old, callee.old) {
            // A port that is gone is told of where addresses are.
            let listens = callee.new.port(&edge.port).is_some();
            let is_admitted = admits(new, callee.new, &edge.port);
            let gateway = staying(step, (old, new), step.pairs.now(from.name()));
            let gateway = gateway.filter(|_| listens && !is_admitted);
            let is_meant = |both: &Both<'_>| takes_over(new, (both.new, both.old), edge);
            if let Some(gateway) = gateway.filter(is_meant) {
                turns.closes.push(Turn {
                    gateway: gateway.new.name(),
                    service: callee.new.name(),
                    port: &edge.port,
                    listens_already: true,
                    span: callee.new.span(),
                });
            }
        }
    }
    for turns in [&mut turns.opens, &mut turns.closes] {
        let mut known = BTreeSet::new();
        turns.retain(|it| known.insert((it.gateway, it.service, it.port)));
    }
    turns
}

/// A service that is on Kubernetes before and after, by one name there.
fn staying<'a>(
    step: &Step<'a>,
    (old, new): (&'a Graph, &'a Graph),
    name: &str,
) -> Option<Both<'a>> {
    let both = step.both(name).filter(|_| !step.renames(name))?;
    let runs =
        old.runs_on(both.old, TargetId::Kubernetes) && new.runs_on(both.new, TargetId::Kubernetes);
    runs.then_some(both)
}

/// The gateways of a cluster that lead to a service.
fn led<'g>(
    graph: &'g Graph,
    service: ServiceView<'g>,
) -> impl Iterator<Item = (&'g Edge, ServiceView<'g>)> {
    let edges = graph.edges_to(service.id);
    edges.filter(|(edge, from)| {
        edge.kind == EdgeKind::Routes && graph.runs_on(*from, TargetId::Kubernetes)
    })
}

/// Whether who carries the gateways of a cluster is let in at a port of a service.
fn admits(graph: &Graph, service: ServiceView<'_>, port: &str) -> bool {
    let admits = |port| graph.is_open(service, port) || graph.is_routed(service, port);
    !graph.knows_peers(service) || service.port(port).is_some_and(admits)
}

/// Whether a gateway of Kubernetes answers in another revision for some of what leads along an edge.
pub(super) fn takes_over(
    graph: &Graph,
    (other, leading): (ServiceView<'_>, ServiceView<'_>),
    edge: &Edge,
) -> bool {
    let other = gateway_of(other).map(|it| carried::on_kubernetes(graph, other, it));
    is_answered((gateway_of(leading), edge), other.as_deref())
}

fn gateway_of(service: ServiceView<'_>) -> Option<&Gateway> {
    service.node.gateway.as_deref()
}

/// Whether some of what leads somewhere in one program is answered by that gateway in the other one too: who asks for the rest is
/// refused there anyway.
fn is_answered((gateway, edge): (Option<&Gateway>, &Edge), other: Option<&Gateway>) -> bool {
    let (Some(gateway), Some(other)) = (gateway, other) else {
        return false;
    };
    let hosts = routing::virtual_hosts(other);
    let answers = |name: &str, paths: &Paths| {
        nearest(&hosts, name).is_some_and(|(_, host)| host.nearest(paths).is_some())
    };
    routing::virtual_hosts(gateway).iter().any(|host| {
        let mut leading = host.paths.iter().filter(|(_, candidates)| {
            let asked = VirtualHost::asked(candidates);
            asked.iter().any(|it| leads(gateway, it.route, edge))
        });
        leading.any(|(paths, _)| names(host).any(|name| answers(name, paths)))
    })
}

/// Whether a route is what an edge comes from.
fn leads(gateway: &Gateway, route: &Node<Route>, edge: &Edge) -> bool {
    if route.split.iter().any(|split| split.span == edge.span) {
        return true;
    }
    let Some(to) = &route.to else { return false };
    match &to.value {
        RouteTarget::Port(_) => to.span == edge.span,
        RouteTarget::Upstream(name) => {
            let mut upstreams = gateway.upstream.iter();
            let upstream = upstreams.find(|it| it.label.name() == &**name);
            upstream.is_some_and(|it| it.server.iter().any(|server| server.span == edge.span))
        }
    }
}

fn opened(turn: &Turn<'_>) -> Diagnostic {
    let Turn {
        gateway,
        service,
        port,
        ..
    } = turn;
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "`{service}` goes first: the new `{gateway}` leads to `{service}.{port}`, and the NetworkPolicy of before admits no gateway there"
        ),
        turn.span,
    )
    .help(format!(
        "deploy `{service}` with `{gateway}` as it is, and `{gateway}` once that is done"
    ))
    .about(service)
}

fn closed(step: &Step<'_>, turn: &Turn<'_>) -> Diagnostic {
    let Turn {
        gateway,
        service,
        port,
        ..
    } = turn;
    let what = if step.new.is_some_and(is_gateway_api) {
        "its routes"
    } else {
        "its Ingress"
    };
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "`{gateway}` goes first: until the controller has taken {what}, it leads to `{service}.{port}`, and the new NetworkPolicy of \
             `{service}` admits no gateway there"
        ),
        turn.span,
    )
    .help(format!(
        "deploy `{gateway}` with `{service}` as it is, and `{service}` some seconds after that is done; the script of the plan waits for {PAUSE}"
    ))
    .about(service)
}

fn no_order(opens: &Turn<'_>, closes: &Turn<'_>) -> Diagnostic {
    let Turn {
        gateway,
        service,
        port,
        ..
    } = closes;
    let next = opens.port;
    Diagnostic::new(
        &catalogue::ADDRESS_MOVED,
        format!(
            "`{gateway}` leads to `{service}.{port}` until its controller has taken what is new, and the new NetworkPolicy of `{service}` \
             admits no gateway there"
        ),
        opens.span,
    )
    .note(format!(
        "nor does the one of before admit a gateway at `{service}.{next}`: no order of the two helps"
    ))
    .help(format!(
        "in three steps: lead to both, by a route to `{service}.{next}` for another path; move this one, with a route to `{service}.{port}` for \
         another path; take that one away"
    ))
    .about(service)
}
