//! How a Deployment replaces its pods, and how it stops one.

use super::lowering::{Lowering, SAID, int, long};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::ServiceView;
use crate::rollout::derivation::Number;
use crate::rollout::derivation::kubernetes::{Kubernetes as Policy, Pods, Strategy};
use crate::source::Span;
use crate::targets::hosts_own;
use crate::vocabulary::{FailureAction, Node, Signal, Update, WrittenId};
use k8s_openapi::api::apps::v1::{DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{Lifecycle, LifecycleHandler, SleepAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The fields of a Deployment that say how it replaces its pods.
#[derive(Default)]
pub(super) struct Rollout {
    pub(super) strategy: Option<DeploymentStrategy>,
    pub(super) min_ready_seconds: Option<i32>,
    pub(super) progress_deadline_seconds: Option<i32>,
}

impl<'g> Lowering<'g> {
    /// The policy in force in Kubernetes' words.
    pub(super) fn rollout(&mut self, service: ServiceView<'g>, policy: &Policy) -> Rollout {
        if let Some(update) = &service.node.service.update {
            self.account(update);
        }
        let seconds = |number: &Number<u64>| number.emitted().map(|seconds| int(*seconds));
        let strategy = match policy.strategy {
            Strategy::StatefulSet => return Rollout::default(),
            Strategy::Recreate(kind) => Some(DeploymentStrategy {
                type_: Some(kind.value.to_owned()),
                rolling_update: None,
            }),
            Strategy::RollingUpdate {
                max_surge,
                max_unavailable,
            } => rolling(&max_surge, &max_unavailable),
        };
        Rollout {
            strategy,
            min_ready_seconds: seconds(&policy.min_ready),
            progress_deadline_seconds: seconds(&policy.progress_deadline),
        }
    }

    /// What became of each property of an `update`.
    pub(super) fn account(&mut self, update: &'g Node<Update>) {
        if update.label.name() == "blue_green" {
            self.ledger
                .decline_block(update, no_blue_green(update.span));
            return;
        }
        let body = self.ledger.enter(update);
        hosts_own(&mut self.ledger, body);
        self.ledger.take_from(body.order.as_ref());
        self.ledger.take_from(body.parallelism.as_ref());
        if let Some(delay) = &body.delay {
            self.seconds(delay);
        }
        let is_canary = update.label.name() == "canary";
        if is_canary {
            let span = body.monitor.as_ref().map_or(update.span, |it| it.span);
            self.ledger.report(each_is_a_canary(span));
        }
        let mut lost: Vec<(WrittenId, &str, Span)> = Vec::new();
        if let Some(action) = &body.on_failure {
            // A rollout that does not progress stops by itself, as `pause` asks.
            if action.value == FailureAction::Pause {
                self.ledger.take(action);
            } else {
                lost.push((action.id, "on_failure", action.key_span));
            }
        }
        if let Some(monitor) = body.monitor.as_ref().filter(|_| is_canary) {
            self.seconds(monitor);
        } else if let Some(monitor) = &body.monitor {
            lost.push((monitor.id, "monitor", monitor.key_span));
        }
        if let Some(ratio) = &body.max_failure_ratio {
            lost.push((ratio.id, "max_failure_ratio", ratio.key_span));
        }
        if let Some(rollback) = &body.rollback {
            self.ledger.declare_block(rollback, SAID);
            lost.push((rollback.id, "rollback", rollback.span));
        }
        let Some((_, _, span)) = lost.first().copied() else {
            return;
        };
        let words: Vec<&str> = lost.iter().map(|(_, word, _)| *word).collect();
        let ids = lost.iter().map(|(id, ..)| *id);
        self.decline_all(ids, span, || no_rollback(&words, span));
    }

    /// How long a pod may take to end.
    pub(super) fn grace(&mut self, service: ServiceView<'g>, policy: &Policy) -> Option<i64> {
        if let Some(shutdown) = &service.node.service.shutdown {
            let body = self.ledger.enter(shutdown);
            if let Some(signal) = &body.signal {
                self.ledger.take(signal);
                if signal.value != Signal::Term {
                    self.differs(
                        signal.id,
                        signal.span,
                        "Kubernetes sends the signal that the image names, SIGTERM by default",
                        "put `STOPSIGNAL` into the image",
                    );
                }
            }
            if let Some(grace) = &body.grace {
                self.seconds(grace);
            }
        }
        policy.grace.emitted().map(|grace| long(*grace))
    }

    /// The pod goes on serving while its address is taken out of every balancer, before it is told
    /// to stop.
    pub(super) fn lifecycle(
        &mut self,
        service: ServiceView<'g>,
        policy: &Policy,
    ) -> Option<Lifecycle> {
        let shutdown = service.node.service.shutdown.as_ref();
        if let Some(drain) = shutdown.and_then(|shutdown| shutdown.drain.as_ref()) {
            self.seconds(drain);
        }
        policy.pre_stop.emitted().map(|seconds| Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction {
                    seconds: long(*seconds),
                }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        })
    }
}

/// Nothing where Kubernetes' own shares are in force.
fn rolling(surge: &Number<Pods>, unavailable: &Number<Pods>) -> Option<DeploymentStrategy> {
    let pods = |pods: &Pods| match pods {
        Pods::Count(count) => IntOrString::Int(int(*count)),
        Pods::Share(share) => IntOrString::String(share.to_string()),
    };
    let rolling = RollingUpdateDeployment {
        max_surge: surge.emitted().map(pods),
        max_unavailable: unavailable.emitted().map(pods),
    };
    (rolling != RollingUpdateDeployment::default()).then(|| DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(rolling),
    })
}

/// A Deployment replaces pods and switches nothing.
fn no_blue_green(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::UPDATE_KIND,
        "a Deployment has no blue/green update: it replaces pods until none of the old is left",
        span,
    )
    .help("write `update rolling { order = start_first }`, or leave kubernetes out with `targets`")
}

/// `minReadySeconds` is for each pod.
fn each_is_a_canary(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::EACH_IS_A_CANARY,
        "Kubernetes watches every new pod so long, not the first alone, and does not go back",
        span,
    )
    .labelled("`minReadySeconds`: a pod that is not ready so long holds the others back")
    .help(
        "`deploy.sh`, which stands beside the manifests, waits for it and goes back where it fails",
    )
}

/// A Deployment does not go back.
fn no_rollback(words: &[&str], span: Span) -> Diagnostic {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let (has, it) = if words.len() == 1 {
        ("has", "it")
    } else {
        ("have", "they")
    };
    Diagnostic::new(
        &catalogue::NO_AUTOMATIC_ROLLBACK,
        format!("{} {has} no effect on Kubernetes", words.join(", ")),
        span,
    )
    .labelled(format!(
        "{it} would need a Deployment that goes back by itself"
    ))
    .help(
        "`deploy.sh`, which stands beside the manifests, waits for it and goes back where it fails",
    )
}
