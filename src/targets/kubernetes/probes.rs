//! Health checks as probes. The kubelet asks from outside the container, at the pod's address.

use super::lowering::{Lowering, SAID, int};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{self, ServiceView};
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

/// Docker's own defaults (`docs.docker.com/reference/dockerfile`, HEALTHCHECK; the timeout is the
/// language's), so that one check means one thing on every target.
const INTERVAL: Duration = Duration::from_seconds(30);
const TIMEOUT: Duration = Duration::from_seconds(5);
const RETRIES: u64 = 3;

/// How long the startup probe lets a start take, in seconds.
pub(super) fn startup_seconds(health: &Node<Health>) -> u64 {
    let interval = period(health.interval.as_ref());
    startup_tries(health).map_or(0, |tries| tries.saturating_mul(interval))
}

/// As many tries as fit into `start_period`, and then the `retries` that count.
fn startup_tries(health: &Node<Health>) -> Option<u64> {
    let start = health.start_period.as_ref()?.value.seconds_up();
    let interval = period(health.interval.as_ref());
    let retries = health.retries.as_ref().map_or(RETRIES, |a| a.value.get());
    (start > 0).then(|| start.div_ceil(interval).saturating_add(retries))
}

/// Whole seconds, at least one: 0 would be Kubernetes' own default.
fn period(interval: Option<&Attribute<Duration>>) -> u64 {
    interval
        .map_or(INTERVAL, |interval| interval.value)
        .seconds_up()
        .max(1)
}

impl<'g> Lowering<'g> {
    /// Readiness from `health`; a startup probe from its `start_period`, during which nothing else
    /// is asked; liveness only where it was written, since it restarts what it finds. So does a
    /// startup probe: without a `start_period` there is none, and a slow start is only not ready.
    pub(super) fn probes(&mut self, service: ServiceView<'g>) -> Probes {
        let body = &service.node.service;
        let mut probes = Probes::default();
        if let Some(health) = &body.health {
            probes.readiness = self.readiness(service, health);
            probes.startup = probes.readiness.as_ref().and_then(|readiness| {
                startup_tries(health).map(|tries| Probe {
                    failure_threshold: Some(int(tries)),
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
