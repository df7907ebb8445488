//! How a Deployment replaces its pods, and how it stops one.

use super::lowering::{Lowering, SAID, int, long};
use super::probes;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::ServiceView;
use crate::rollout::policy::{self, Origin, Steps};
use crate::source::Span;
use crate::targets::hosts_own;
use crate::vocabulary::{FailureAction, Node, Order, Signal, Update, WrittenId};
use k8s_openapi::api::apps::v1::{DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{Lifecycle, LifecycleHandler, SleepAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Kubernetes' own default, in seconds (`DeploymentSpec.progressDeadlineSeconds`).
const PROGRESS_DEADLINE: u64 = 600;
/// Kubernetes' own default, in seconds (`PodSpec.terminationGracePeriodSeconds`).
const GRACE: u64 = 30;

/// The fields of a Deployment that say how it replaces its pods.
#[derive(Default)]
pub(super) struct Rollout {
    pub(super) strategy: Option<DeploymentStrategy>,
    pub(super) min_ready_seconds: Option<i32>,
    pub(super) progress_deadline_seconds: Option<i32>,
}

impl<'g> Lowering<'g> {
    /// The policy in force in Kubernetes' words.
    ///
    /// `start_first` with so many at once is that surge and nothing unavailable, `stop_first` the
    /// reverse. `delay` becomes `minReadySeconds`: a pod counts as available only once it has been
    /// ready so long, and only available pods let the next ones be replaced, so the wait is the
    /// same. A Deployment waits in this way for each pod, not after each step.
    pub(super) fn rollout(&mut self, service: ServiceView<'g>) -> Rollout {
        let policy = policy::effective(self.graph, service);
        let written = service.node.service.update.as_ref();
        if let Some(update) = written {
            self.account(update);
        }
        let recreate = written.is_some_and(|update| update.label.name() == "recreate");
        if recreate {
            return Rollout {
                strategy: Some(DeploymentStrategy {
                    type_: Some("Recreate".to_owned()),
                    rolling_update: None,
                }),
                ..Rollout::default()
            };
        }
        if policy.origin == Origin::Engine {
            return Rollout::default();
        }
        let ready = policy.update.delay.seconds_up();
        Rollout {
            strategy: Some(rolling(&policy.update)),
            min_ready_seconds: (ready > 0).then(|| int(ready)),
            progress_deadline_seconds: deadline(service, ready),
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
        let mut lost: Vec<(WrittenId, &str, Span)> = Vec::new();
        if let Some(action) = &body.on_failure {
            // A rollout that does not progress stops by itself, as `pause` asks.
            if action.value == FailureAction::Pause {
                self.ledger.take(action);
            } else {
                lost.push((action.id, "on_failure", action.key_span));
            }
        }
        if let Some(monitor) = &body.monitor {
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

    /// How long a pod may take to end. The API refuses a `preStop` that is as long or longer
    /// (`must be … less than terminationGracePeriodSeconds`, seen), so that a long drain brings a
    /// longer time with it.
    pub(super) fn grace(&mut self, service: ServiceView<'g>) -> Option<i64> {
        let shutdown = service.node.service.shutdown.as_ref()?;
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
            return Some(long(self.seconds(grace)));
        }
        let drain = body.drain.as_ref()?.value.seconds_up();
        (drain >= GRACE).then(|| long(drain.saturating_add(GRACE)))
    }

    /// `drain`: the pod goes on serving while its address is taken out of every balancer, before it
    /// is told to stop (KEP-3960, the `sleep` action). Removal and SIGTERM race otherwise
    /// (`kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle`, termination).
    pub(super) fn lifecycle(&mut self, service: ServiceView<'g>) -> Option<Lifecycle> {
        let drain = service.node.service.shutdown.as_ref()?.drain.as_ref()?;
        let seconds = self.seconds(drain);
        (seconds > 0).then(|| Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction {
                    seconds: long(seconds),
                }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        })
    }
}

/// So many more, or so many fewer; all of them for 0.
fn rolling(steps: &Steps) -> DeploymentStrategy {
    let step = match i32::try_from(steps.parallelism) {
        Ok(number) if number > 0 => IntOrString::Int(number),
        _ => IntOrString::String("100%".to_owned()),
    };
    let (surge, unavailable) = match steps.order {
        Order::StartFirst => (step, IntOrString::Int(0)),
        Order::StopFirst => (IntOrString::Int(0), step),
    };
    DeploymentStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateDeployment {
            max_surge: Some(surge),
            max_unavailable: Some(unavailable),
        }),
    }
}

/// How long a Deployment may go without progress, where the default would call a good update
/// failed: the longest start, the wait, and the default again for pulling and placing.
fn deadline(service: ServiceView<'_>, ready: u64) -> Option<i32> {
    let body = &service.node.service;
    let stated = body
        .timing
        .as_ref()
        .and_then(|timing| timing.startup.as_ref())
        .map_or(0, |startup| startup.value.most.seconds_up());
    let allowed = body.health.as_deref().map_or(0, probes::startup_seconds);
    let longest = stated.max(allowed).saturating_add(ready);
    (longest >= PROGRESS_DEADLINE).then(|| int(longest.saturating_add(PROGRESS_DEADLINE)))
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
        "let the deploy step wait with `kubectl rollout status` and go back with `kubectl rollout \
         undo`",
    )
}
