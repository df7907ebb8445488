//! Health checks as probes. The kubelet asks from outside the container, at the pod's address.

use super::lowering::{Lowering, SAID, int};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{self, ServiceView};
use crate::rollout::derivation::kubernetes::Kubernetes as Policy;
use crate::rollout::derivation::{INTERVAL, RETRIES, TIMEOUT};
use crate::source::{Span, Spanned, Str};
use crate::types::{Duration, Text};
use crate::vocabulary::{Attribute, Health, Liveness, Node, Port, Protocol, Whole};
use k8s_openapi::api::core::v1::{ExecAction, GRPCAction, HTTPGetAction, Probe, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The probes of one container.
#[derive(Default)]
pub(super) struct Probes {
    pub(super) startup: Option<Probe>,
    pub(super) readiness: Option<Probe>,
    pub(super) liveness: Option<Probe>,
}

impl<'g> Lowering<'g> {
    /// Readiness from `health`; a startup probe from its `start_period`, during which nothing else
    /// is asked; liveness only where it was written, since it restarts what it finds. So does a
    /// startup probe: without a `start_period` there is none, and a slow start is only not ready.
    pub(super) fn probes(&mut self, service: ServiceView<'g>, policy: &Policy) -> Probes {
        let body = &service.node.service;
        let mut probes = Probes::default();
        if let Some(health) = &body.health {
            probes.readiness = self.readiness(service, health);
            probes.startup = probes.readiness.as_ref().and_then(|readiness| {
                let tries = policy.probes?.startup?;
                Some(Probe {
                    failure_threshold: Some(int(tries.value)),
                    ..readiness.clone()
                })
            });
        }
        if let Some(liveness) = &body.liveness {
            probes.liveness = self.liveness(service, liveness);
        }
        probes
    }

    fn readiness(&mut self, service: ServiceView<'g>, health: &'g Node<Health>) -> Option<Probe> {
        let body = self.ledger.enter(health);
        self.ledger
            .declare_from(body.client.as_ref(), "the kubelet probes by itself");
        match health.label.name() {
            "none" => return None,
            "image" => {
                self.ledger.declare_block(health, SAID);
                self.decline(health.id, health.span, || {
                    check_of_image(service, health.span)
                });
                return None;
            }
            _ => {}
        }
        let times = Times {
            interval: body.interval.as_ref(),
            timeout: body.timeout.as_ref(),
            retries: body.retries.as_ref(),
        };
        if let Some(start) = &body.start_period {
            self.seconds(start);
        }
        let asked = Asked {
            kind: health.label.name(),
            span: health.span,
            path: body.path.as_ref(),
            port: body.port.as_ref(),
            command: body.command.as_ref(),
        };
        self.probe(service, &asked, &times)
    }

    fn liveness(
        &mut self,
        service: ServiceView<'g>,
        liveness: &'g Node<Liveness>,
    ) -> Option<Probe> {
        let body = self.ledger.enter(liveness);
        let times = Times {
            interval: body.interval.as_ref(),
            timeout: body.timeout.as_ref(),
            retries: body.retries.as_ref(),
        };
        let asked = Asked {
            kind: liveness.label.name(),
            span: liveness.span,
            path: body.path.as_ref(),
            port: body.port.as_ref(),
            command: body.command.as_ref(),
        };
        self.probe(service, &asked, &times)
    }

    fn probe(
        &mut self,
        service: ServiceView<'g>,
        asked: &Asked<'g>,
        times: &Times<'g>,
    ) -> Option<Probe> {
        let interval = times.interval.map(|interval| self.seconds(interval));
        let timeout = times.timeout.map(|timeout| self.seconds(timeout));
        let retries = self
            .ledger
            .take_from(times.retries)
            .map(|retries| retries.get());
        let mut probe = Probe {
            period_seconds: Some(int(interval.unwrap_or(INTERVAL.seconds_up()).max(1))),
            timeout_seconds: Some(int(timeout.unwrap_or(TIMEOUT.seconds_up()).max(1))),
            failure_threshold: Some(int(retries.unwrap_or(RETRIES))),
            ..Probe::default()
        };
        if asked.kind == "exec" {
            let Some(command) = asked.command else {
                let help = "say what tells a healthy instance: `command = [\"/app\", \"--check\"]`";
                self.incomplete(service, asked.span, "`health exec` says no command", help);
                return None;
            };
            self.ledger.take(command);
            probe.exec = Some(ExecAction {
                command: Some(self.words(&command.value, service)),
            });
            return Some(probe);
        }
        let path = (asked.kind == "http")
            .then(|| self.ledger.take_from(asked.path))
            .flatten();
        let port = self.asked_port(service, asked)?;
        let name = || IntOrString::String(port.label.name().to_owned());
        match asked.kind {
            "http" => {
                let secure = graph::protocol(port) == Protocol::Https;
                probe.http_get = Some(HTTPGetAction {
                    path: path.map(ToString::to_string),
                    port: name(),
                    scheme: secure.then(|| "HTTPS".to_owned()),
                    ..HTTPGetAction::default()
                });
            }
            "tcp" => {
                probe.tcp_socket = Some(TCPSocketAction {
                    port: name(),
                    ..TCPSocketAction::default()
                });
            }
            _ => {
                let number = graph::port_number(port)?;
                probe.grpc = Some(GRPCAction {
                    port: i32::from(number),
                    service: None,
                });
            }
        }
        Some(probe)
    }

    fn asked_port(
        &mut self,
        service: ServiceView<'g>,
        asked: &Asked<'g>,
    ) -> Option<&'g Node<Port>> {
        let found = match self.ledger.take_from(asked.port) {
            Some(name) => service.port(name),
            None => service.default_port(),
        };
        if found.is_none() {
            let help = "declare the port it asks: `port http { number = 8080 }`; where there are \
                        several, name it: `port = http`";
            self.incomplete(service, asked.span, "the health check asks no port", help);
        }
        found
    }

    fn incomplete(&mut self, service: ServiceView<'g>, span: Span, what: &str, help: &str) {
        let diagnostic = Diagnostic::new(&catalogue::INCOMPLETE_PROBE, what, span);
        self.ledger
            .report(diagnostic.help(help).about(service.name()));
    }
}

/// What a probe asks.
struct Asked<'g> {
    kind: &'g str,
    span: Span,
    path: Option<&'g Attribute<Str>>,
    port: Option<&'g Attribute<Str>>,
    command: Option<&'g Attribute<Vec<Spanned<Text>>>>,
}

/// How often, how long, how many.
struct Times<'g> {
    interval: Option<&'g Attribute<Duration>>,
    timeout: Option<&'g Attribute<Duration>>,
    retries: Option<&'g Attribute<Whole<1, 1_000>>>,
}

/// Kubernetes does not read the image's own check.
fn check_of_image(service: ServiceView<'_>, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::HEALTH_CHECK_OF_IMAGE,
        "Kubernetes does not run the health check of an image",
        span,
    )
    .labelled("its pods would take traffic as soon as they start")
    .about(service.name())
    .help("write what is asked: `health http { path = \"/health\" }`")
}
