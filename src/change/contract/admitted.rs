//! From which namespace the pods behind the gateways of Kubernetes are asked, `ingress_from`, where it becomes another one while a gateway stays:
//! a policy counts at once, for the pods of both versions (seen: `tests/changes/observed/policies.json`). Where its controller is, no program says.

use super::Step;
use super::listeners::is_gateway_api;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::graph::{EdgeKind, Graph, ServiceView};
use crate::source::Str;
use crate::vocabulary::{Attribute, TargetId};
use std::collections::BTreeSet;

/// Says it where it becomes another one, or comes to be written.
pub(super) fn moved(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    let on_kubernetes = step.targets().any(|it| it == TargetId::Kubernetes);
    let (was, Some(is)) = (admitted(old), admitted(new)) else {
        return;
    };
    let was = was.map(|it| &*it.value);
    // What another one carries from now on is told of where the class is.
    if !on_kubernetes || was == Some(&*is.value) || carrier(old) != carrier(new) {
        return;
    }
    let gateways = new.services_on(TargetId::Kubernetes);
    let stay = gateways.filter(|it| leads_as_before(step, (old, new), *it));
    let stay: BTreeSet<&str> = stay.map(ServiceView::name).collect();
    let Some(first) = stay.first() else {
        return;
    };
    let names: Vec<String> = stay.iter().map(|name| format!("`{name}`")).collect();
    let diagnostic = match was {
        Some(was) => other(&names, was, is),
        None => written(&names, is),
    };
    found.push(diagnostic.about(first));
}

fn admitted(graph: &Graph) -> Option<&Attribute<Str>> {
    graph.settings(TargetId::Kubernetes)?.ingress_from.as_ref()
}

/// What carries the gateways of a program, as far as it says so.
pub(super) fn carrier(graph: &Graph) -> (bool, Option<&str>) {
    let settings = graph.settings(TargetId::Kubernetes);
    let class = settings.and_then(|it| {
        if is_gateway_api(graph) {
            it.gateway_class.as_ref()
        } else {
            it.ingress_class.as_ref()
        }
    });
    (is_gateway_api(graph), class.map(|class| &*class.value))
}

/// Whether a gateway leads to a port to which it, or another one, led before, and which a policy keeps to those that it admits.
fn leads_as_before(
    step: &Step<'_>,
    (old, new): (&Graph, &Graph),
    gateway: ServiceView<'_>,
) -> bool {
    let is_there = |both: super::Both<'_>| old.runs_on(both.old, TargetId::Kubernetes);
    let mut edges = new.edges();
    gateway.node.gateway.is_some()
        && step.both(gateway.name()).is_some_and(is_there)
        && edges.any(|(from, edge, to)| {
            let led = from == gateway.id && edge.kind == EdgeKind::Routes;
            let led = new.service(to).filter(|_| led);
            let Some(both) = led.and_then(|led| step.both(led.name())) else {
                return false;
            };
            let was_led = both.old.port(&edge.port).is_some_and(|port| {
                old.runs_on(both.old, TargetId::Kubernetes) && old.is_routed(both.old, port)
            });
            let is_open = both
                .new
                .port(&edge.port)
                .is_none_or(|port| new.is_open(both.new, port));
            was_led && !is_open && new.knows_peers(both.new)
        })
}

fn other(gateways: &[String], was: &str, is: &Attribute<Str>) -> Diagnostic {
    let (gateways, is_now) = (gateways.join(" and "), &is.value);
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!(
            "the pods behind {gateways} refuse namespace `{was}` from now on, and admit `{is_now}` in its place: what a controller in `{was}` \
             leads to them gets no answer"
        ),
        is.span,
    )
    .note("a policy counts at once, for the pods of both versions")
    .help(format!(
        "where the controller moves, leave `ingress_from` out in this step, and write it once nothing comes from `{was}`; where it never was \
         there, write `allow route_removed {{ because = \"…\" }}`"
    ))
}

fn written(gateways: &[String], is: &Attribute<Str>) -> Diagnostic {
    let (gateways, is_now) = (gateways.join(" and "), &is.value);
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!(
            "the pods behind {gateways} admit nobody from outside but namespace `{is_now}` from now on: the controller has to be there"
        ),
        is.span,
    )
    .severity(Severity::Note)
    .help("a policy counts at once; see where it is first: `kubectl get pods --all-namespaces`")
}
