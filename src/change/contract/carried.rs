//! Which routes of a gateway Kubernetes carries: an Ingress only those that lead to a service
//! (`kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1`), and that alone, a Gateway no files. The rest is warned of where it is
//! built (ZD5060, ZD5077), and nobody answers there.

use super::listeners::is_gateway_api;
use crate::graph::{Graph, ServiceView};
use crate::vocabulary::{Gateway, Label, Node, Route, TargetId};
use std::borrow::Cow;
use std::sync::Arc;

/// A gateway as Kubernetes has it.
pub(super) fn on_kubernetes<'g>(
    graph: &Graph,
    service: ServiceView<'_>,
    gateway: &'g Gateway,
) -> Cow<'g, Gateway> {
    let is_gateway = is_gateway_api(graph);
    // What is patched in may do what the Ingress has no field for.
    let is_plain = !is_gateway && !patches_its_ingress(service);
    let is_lost =
        |route: &Node<Route>| is_gateway && route.root.is_some() || is_plain && route.to.is_none();
    let is_split = |route: &Node<Route>| is_plain && !route.split.is_empty();
    let mut routes = gateway.route.iter();
    if !routes.any(|route| is_lost(route) || is_split(route)) {
        return Cow::Borrowed(gateway);
    }
    let mut carried = gateway.clone();
    carried.route.retain(|route| !is_lost(route));
    for route in carried.route.iter_mut().filter(|route| is_split(route)) {
        Arc::make_mut(route).body.split.clear();
    }
    Cow::Owned(carried)
}

fn patches_its_ingress(service: ServiceView<'_>) -> bool {
    let on = service.node.service.on.iter();
    let on = on.filter(|on| on.label.name() == TargetId::Kubernetes.word());
    let mut patches = on.flat_map(|on| &on.patch);
    patches.any(|patch| matches!(&patch.label, Label::Name(name) if &**name == "ingress"))
}
