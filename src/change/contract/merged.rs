//! Which gateways of Kubernetes answer as one: "If multiple Ingresses define paths for the same host, the ingress controller merges the
//! definitions" (kubernetes.github.io/ingress-nginx/how-it-works, Building the NGINX model). A Gateway has an address of its own.

use super::listeners::is_gateway_api;
use super::{Both, Step, carried};
use crate::graph::Graph;
use crate::vocabulary::{Gateway, TargetId};
use std::borrow::Cow;

/// Classes of which each Ingress is a load balancer of its own (kubernetes-sigs.github.io/aws-load-balancer-controller, `IngressGroup`;
/// cloud.google.com/kubernetes-engine/docs/concepts/ingress).
const APART: [&str; 3] = ["alb", "gce", "gce-internal"];

/// The other gateways that answer where one does, after a step; none where something else than an Ingress carries it as well.
pub(super) fn beside<'g>(
    step: &Step<'_>,
    both: Both<'_>,
    (old, new): (&Graph, &'g Graph),
) -> Vec<Cow<'g, Gateway>> {
    let targets = step.targets();
    let mut targets = targets.filter(|it| old.runs_on(both.old, *it) || new.runs_on(both.new, *it));
    let class = new.settings(TargetId::Kubernetes);
    let class = class.and_then(|it| it.ingress_class.as_ref());
    let is_apart = class.is_some_and(|class| APART.contains(&&*class.value));
    let are_ingresses = !is_apart && ![old, new].into_iter().any(is_gateway_api);
    if !are_ingresses || targets.any(|it| it != TargetId::Kubernetes) {
        return Vec::new();
    }
    let others = new.services_on(TargetId::Kubernetes);
    let others = others.filter(|it| it.id != both.new.id);
    let others = others.filter_map(|it| {
        let gateway = it.node.gateway.as_deref()?;
        Some(carried::on_kubernetes(new, it, gateway))
    });
    others.collect()
}
