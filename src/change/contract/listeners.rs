//! Ports on which a gateway listens no more, while clients still ask there.

use super::{Both, Step};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, routing};
use crate::source::Span;
use crate::vocabulary::{Gateway, KubernetesGateway, Listen, Node, Protocol, TargetId};

/// What a gateway listened to and listens to no more.
pub(super) fn removed(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        let (was, is) = (&both.old.node.gateway, &both.new.node.gateway);
        let (Some(was), Some(is)) = (was, is) else {
            continue;
        };
        let carried = carried(step, both, (old, new));
        for listen in &was.listen {
            let gone = carried.and_then(|it| gone(it, listen, is, new));
            let what = gone
                .map(|what| format!("{what}, where its listener `{}` did", listen.label.name()));
            found.extend(what.map(|what| removal(both.new.name(), &what, both.new.span())));
        }
    }
}

/// What carries a gateway before and after a step.
#[derive(Clone, Copy)]
enum Carried {
    /// It listens on its ports itself, on one target at least.
    Itself,
    /// An Ingress, whose controller has ports of its own (`kubernetes.io/docs/concepts/services-networking/ingress`, The Ingress resource).
    Ingress,
}

fn carried(step: &Step<'_>, both: Both<'_>, (old, new): (&Graph, &Graph)) -> Option<Carried> {
    let on = step
        .targets()
        .filter(|target| old.runs_on(both.old, *target) && new.runs_on(both.new, *target));
    let each = on.filter_map(|target| {
        match (target, [old, new].map(is_gateway_api)) {
            (TargetId::Kubernetes, [false, false]) => Some(Carried::Ingress),
            // From the one to the other everything is another one's.
            (TargetId::Kubernetes, [was, is]) if was != is => None,
            _ => Some(Carried::Itself),
        }
    });
    let all: Vec<Carried> = each.collect();
    let itself = all.iter().find(|it| matches!(it, Carried::Itself));
    itself.or(all.first()).copied()
}

/// Whether gateways on Kubernetes are written as Gateways and their routes.
pub(super) fn is_gateway_api(graph: &Graph) -> bool {
    let settings = graph.settings(TargetId::Kubernetes);
    let gateway = settings.and_then(|settings| settings.gateway.as_ref());
    gateway.is_some_and(|it| it.value == KubernetesGateway::GatewayApi)
}

/// What is answered no more where a listener was, in words; nothing where somebody else of the program listens there.
fn gone(carried: Carried, was: &Node<Listen>, is: &Gateway, new: &Graph) -> Option<String> {
    let is_https = |it: &Node<Listen>| routing::protocol(it) == Protocol::Https;
    let (port, https) = (routing::port(was), is_https(was));
    let word = if https { "https" } else { "http" };
    if matches!(carried, Carried::Ingress) {
        let still = is.listen.iter().any(|it| is_https(it));
        return (https && !still).then(|| word.to_owned());
    }
    let mut gateways = new.services().filter_map(|it| it.node.gateway.as_ref());
    let same = |it: &Node<Listen>| routing::port(it) == port && is_https(it) == https;
    let publishes = new.services().any(|service| {
        service.ports().any(|it| {
            let publish = it.publish.as_ref().map(|publish| &publish.value);
            publish.is_some_and(|all| (all.least.get()..=all.most.get()).contains(&port))
        })
    });
    if gateways.any(|it| it.listen.iter().any(|it| same(it))) || publishes {
        return None;
    }
    let other = is.listen.iter().any(|it| routing::port(it) == port);
    Some(if other {
        format!("{word} on port {port}")
    } else {
        format!("on port {port}")
    })
}

fn removal(gateway: &str, what: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!("`{gateway}` no longer answers {what}"),
        span,
    )
    .help("keep the listener beside the new one until no client asks there; one of http may send all to https, `redirect = https`")
    .about(gateway)
}
