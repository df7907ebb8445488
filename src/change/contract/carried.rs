//! Which routes of a gateway Kubernetes carries: an Ingress only those that lead to a service
//! (`kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1`), a Gateway no files. The rest is warned of where it is
//! built (ZD5060, ZD5077), and nobody answers there.

use super::listeners::is_gateway_api;
use crate::graph::{Graph, ServiceView};
use crate::vocabulary::{Gateway, Label, Node, Route, TargetId};
use std::borrow::Cow;

/// A gateway as Kubernetes has it.
pub(super) fn on_kubernetes<'g>(
    graph: &Graph,
    service: ServiceView<'_>,
    gateway: &'g Gateway,
) -> Cow<'g, Gateway> {
    let is_lost = |route: &Node<Route>| {
        if is_gateway_api(graph) {
            route.root.is_some()
        } else {
            // What is patched in may do what the Ingress has no field for.
            route.to.is_none() && !patches_its_ingress(service)
        }
    };
    if !gateway.route.iter().any(|route| is_lost(route)) {
        return Cow::Borrowed(gateway);
    }
    let mut carried = gateway.clone();
    carried.route.retain(|route| !is_lost(route));
    Cow::Owned(carried)
}

fn patches_its_ingress(service: ServiceView<'_>) -> bool {
    let on = service.node.service.on.iter();
    let on = on.filter(|on| on.label.name() == TargetId::Kubernetes.word());
    let mut patches = on.flat_map(|on| &on.patch);
    patches.any(|patch| matches!(&patch.label, Label::Name(name) if &**name == "ingress"))
}
