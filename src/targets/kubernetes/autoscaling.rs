//! How many pods there are over time: the autoscaler, and the budget of a drain.

use super::lowering::{Lowering, different, int};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Promise, ServiceView};
use crate::rollout::derivation;
use crate::source::Span;
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec,
    MetricTarget, ResourceMetricSource,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

impl<'g> Lowering<'g> {
    /// `scale`. Without `cpu` the API's own aim holds, 80 % of what is requested.
    pub(super) fn autoscaler(&mut self, service: ServiceView<'g>, metadata: &mut ObjectMeta) {
        let Some(scale) = &service.node.service.scale else {
            return;
        };
        if self.graph.is_global(service) {
            return;
        }
        let body = self.ledger.enter(scale);
        let range = self.graph.replicas(service);
        self.ledger.take_from(body.min.as_ref());
        self.ledger.take_from(body.max.as_ref());
        let requests_cpu = service
            .node
            .service
            .resources
            .as_ref()
            .is_some_and(|resources| {
                [&resources.reservations, &resources.limits]
                    .into_iter()
                    .flatten()
                    .any(|amounts| amounts.cpu.is_some())
            });
        if !requests_cpu {
            self.ledger.report(nothing_to_scale_by(service, scale.span));
        }
        let metric = self.ledger.take_from(body.cpu.as_ref()).map(|share| {
            let percent = share.thousandths.div_ceil(1000).max(1);
            if !share.thousandths.is_multiple_of(1000) {
                let span = body.cpu.as_ref().map_or(scale.span, |cpu| cpu.span);
                self.ledger.report(different(
                    &format!("`{share}` becomes {percent}% on Kubernetes"),
                    "an autoscaler aims at whole percents",
                    span,
                ));
            }
            MetricSpec {
                type_: "Resource".to_owned(),
                resource: Some(ResourceMetricSource {
                    name: "cpu".to_owned(),
                    target: MetricTarget {
                        type_: "Utilization".to_owned(),
                        average_utilization: Some(int(percent)),
                        ..MetricTarget::default()
                    },
                }),
                ..MetricSpec::default()
            }
        });
        let autoscaler = HorizontalPodAutoscaler {
            spec: Some(HorizontalPodAutoscalerSpec {
                scale_target_ref: CrossVersionObjectReference {
                    api_version: Some("apps/v1".to_owned()),
                    kind: if self.is_stateful(service) {
                        "StatefulSet"
                    } else {
                        "Deployment"
                    }
                    .to_owned(),
                    name: self
                        .object_name(
                            service,
                            if self.is_stateful(service) {
                                "stateful_set"
                            } else {
                                "deployment"
                            },
                        )
                        .to_owned(),
                },
                min_replicas: Some(int(range.least)),
                max_replicas: int(range.most),
                metrics: metric.map(|metric| vec![metric]),
                ..HorizontalPodAutoscalerSpec::default()
            }),
            ..HorizontalPodAutoscaler::default()
        };
        self.write(metadata, autoscaler);
    }

    /// How many pods a drain may take at once: those above the promise where it covers a drain, and
    /// always one, since a budget of none keeps a node from ever being emptied
    /// (`kubernetes.io/docs/tasks/run-application/configure-pdb`). Pods that do not serve anyway
    /// never hold a drain up.
    pub(super) fn disruption_budget(
        &mut self,
        service: ServiceView<'g>,
        metadata: &mut ObjectMeta,
        replicas: Option<u64>,
    ) {
        let promise = self.graph.promise(service);
        let pods = replicas.unwrap_or_else(|| self.graph.replicas(service).least);
        let promised = matches!(promise, Promise::Capacity { .. });
        // Instances with a volume each are most often a quorum, promised or not.
        // A drain leaves the pods of a DaemonSet alone.
        if self.graph.is_global(service) || !(promised || self.is_stateful(service)) {
            return;
        }
        let Some(spare) = derivation::spared_in_drain(&promise, pods) else {
            return;
        };
        let budget = PodDisruptionBudget {
            spec: Some(PodDisruptionBudgetSpec {
                max_unavailable: Some(IntOrString::Int(int(spare))),
                selector: Some(self.label_selector(service)),
                unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
                ..PodDisruptionBudgetSpec::default()
            }),
            ..PodDisruptionBudget::default()
        };
        self.write(metadata, budget);
    }
}

/// The share that is aimed at is of nothing.
fn nothing_to_scale_by(service: ServiceView<'_>, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::SCALE_WITHOUT_RESERVATION,
        format!(
            "`{}` reserves no cpu, so its autoscaler never acts",
            service.name()
        ),
        span,
    )
    .labelled("a share of what is reserved")
    .about(service.name())
    .help("write `resources { reservations { cpu = 100mcpu } }`")
}
