//! Services with one instance on each node: a `DaemonSet` instead of a Deployment.
//!
//! Its pods are replaced node by node: with room for one more on a node (`maxSurge`) the old pod goes
//! once the new one is available, without (`maxUnavailable`, the default of 1) it goes first
//! (`kubernetes.io/docs/tasks/manage-daemon/update-daemon-set`, API reference of
//! `RollingUpdateDaemonSet`). A drain leaves them alone (`kubectl drain --ignore-daemonsets`), and
//! nothing scales them: their number is that of the nodes.

use super::lowering::{Lowering, SAID};
use super::rollout::Rollout;
use crate::diagnostics::{Diagnostic, Severity, catalogue};
use crate::graph::ServiceView;
use crate::rollout::derivation;
use crate::source::Span;
use crate::targets::global;
use k8s_openapi::api::apps::v1::{
    DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy, RollingUpdateDaemonSet,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

impl<'g> Lowering<'g> {
    /// What says how many there are: the nodes do.
    pub(super) fn no_number(&mut self, service: ServiceView<'g>) {
        let body = &service.node.service;
        let Some(mode) = &body.mode else { return };
        let replicas = body.replicas.as_ref().map(|it| (it.id, it.key_span));
        let scale = body.scale.as_ref().map(|it| (it.id, it.span));
        if let Some(scale) = &body.scale {
            self.ledger.declare_block(scale, SAID);
        }
        for (id, span) in replicas.into_iter().chain(scale) {
            self.decline(id, span, || {
                global::with_replicas(span, mode).about(service.name())
            });
        }
    }

    pub(super) fn daemon_set(
        &mut self,
        service: ServiceView<'g>,
        metadata: &mut ObjectMeta,
        template: PodTemplateSpec,
        rollout: Rollout,
    ) {
        if derivation::has_single_writer(self.graph, service) {
            self.ledger.report(one_volume(service));
        }
        let strategy = rollout.strategy.map(|strategy| DaemonSetUpdateStrategy {
            type_: strategy.type_,
            rolling_update: strategy
                .rolling_update
                .map(|rolling| RollingUpdateDaemonSet {
                    max_surge: rolling.max_surge,
                    max_unavailable: rolling.max_unavailable,
                }),
        });
        let set = DaemonSet {
            spec: Some(DaemonSetSpec {
                selector: self.label_selector(service),
                update_strategy: strategy,
                min_ready_seconds: rollout.min_ready_seconds,
                template,
                ..DaemonSetSpec::default()
            }),
            ..DaemonSet::default()
        };
        self.write(metadata, set);
    }
}

/// Pods on several nodes would need one claim.
fn one_volume(service: ServiceView<'_>) -> Diagnostic {
    let name = service.name();
    let mount = service.node.service.volume.first();
    Diagnostic::new(
        &catalogue::VOLUME_ON_EACH_NODE,
        format!("the pods of `{name}` on all nodes would share one volume, which one of them may write"),
        mount.map_or(service.span(), |mount| mount.span),
    )
    .labelled("a DaemonSet has no claim for each pod")
    .about(name)
    .help("mount a path of the node: `mount PATH { bind = \"…\" }`, or leave Kubernetes out with `targets`")
}

/// Whether a new pod finds no place beside the old one, which has a port of its node, and is to be there before that goes: the
/// scheduler's plugin `NodePorts` lets none onto the node (kubernetes/enhancements `keps/sig-apps/1591-daemonset-surge`, Implementation Details).
/// On the node's own network each port of a container is one of the node (kubernetes/kubernetes `pkg/apis/core/v1/defaults.go`,
/// `defaultHostNetworkPorts`).
pub(super) fn has_no_place(set: &DaemonSet) -> bool {
    let Some(spec) = &set.spec else { return false };
    let strategy = spec.update_strategy.as_ref();
    let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
    let surges = match rolling.and_then(|rolling| rolling.max_surge.as_ref()) {
        None => false,
        Some(IntOrString::Int(count)) => *count > 0,
        Some(IntOrString::String(share)) => !matches!(share.as_str(), "0" | "0%"),
    };
    let Some(pod) = spec.template.spec.as_ref().filter(|_| surges) else {
        return false;
    };
    let on_node = pod.host_network == Some(true);
    let mut ports = pod
        .containers
        .iter()
        .flat_map(|it| it.ports.iter().flatten());
    ports.any(|port| on_node || port.host_port.is_some_and(|port| port > 0))
}

/// A `DaemonSet` whose pods have ports of their nodes, and whose new ones start first.
pub(super) fn no_place(service: ServiceView<'_>, promises: bool, span: Span) -> Diagnostic {
    let name = service.name();
    let down = if promises {
        ", and say that it is down meanwhile: `allow downtime { because = \"…\" }`"
    } else {
        ""
    };
    Diagnostic::new(
        &catalogue::NO_PLACE,
        format!("an update of `{name}` waits for ever: no node has a place for a second pod of it"),
        span,
    )
    .severity(Severity::Error)
    .labelled("each node has one, and its port is taken until that has stopped")
    .about(name)
    .help(format!(
        "leave the node's network or port out; or write `update rolling {{ order = stop_first }}`{down}"
    ))
}
