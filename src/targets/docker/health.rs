//! A health check as a command that the engine runs inside the container.

use super::Lowering;
use super::format::Healthcheck;
use super::text::Place;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{port_number, protocol, routing, scheme};
use crate::rollout::derivation::{TIMEOUT, nginx};
use crate::source::Span;
use crate::vocabulary::{Health, Listen, Node, ProbeClient, Protocol, TargetId};
use crate::yaml::Flow;
use std::sync::Arc;

/// The health check of a service.
pub(in crate::targets) fn health(lowering: &mut Lowering<'_, '_>) -> Option<Healthcheck> {
    let service = lowering.service;
    let node = service.node.service.body.health.as_ref()?;
    let health = lowering.ledger.enter(node);
    let kind = node.label.name();
    let test = match kind {
        "none" => {
            return Some(Healthcheck {
                disable: true,
                ..Healthcheck::default()
            });
        }
        "image" => None,
        "exec" => exec(lowering, node),
        "http" => http(lowering, node),
        _ => {
            let port = health
                .port
                .as_ref()
                .map_or_else(|| service.default_port(), |port| service.port(&port.value));
            let diagnostic =
                no_portable_probe(lowering.target, kind, port.and_then(port_number), node.span)
                    .about(service.name());
            lowering.ledger.decline(node.id, diagnostic);
            lowering.ledger.declare_from(
                health.port.as_ref(),
                "part of a probe that the engine has no word for",
            );
            None
        }
    };
    let policy = lowering.policy;
    let ledger = &mut *lowering.ledger;
    let written = ledger.take_from(health.start_period.as_ref()).copied();
    let start_period = match policy {
        Some(policy) => policy.start_period.and_then(|it| it.emitted().copied()),
        None => written,
    };
    let timeout = ledger.take_from(health.timeout.as_ref()).copied();
    let timeout = timeout.or((kind != "image").then_some(TIMEOUT));
    let check = Healthcheck {
        test: test.map(Flow),
        disable: false,
        interval: ledger
            .take_from(health.interval.as_ref())
            .map(ToString::to_string),
        timeout: timeout.map(|timeout| timeout.to_string()),
        retries: ledger
            .take_from(health.retries.as_ref())
            .map(|retries| retries.get()),
        start_period: start_period.map(|it| it.to_string()),
    };
    (check != Healthcheck::default()).then_some(check)
}

fn exec(lowering: &mut Lowering<'_, '_>, node: &Node<Health>) -> Option<Vec<String>> {
    let Some(command) = &node.command else {
        let diagnostic = incomplete(node.span, "`health exec` says no command")
            .help("say what tells a healthy instance: `command = [\"/app\", \"--check\"]`")
            .about(lowering.service.name());
        lowering.ledger.report(diagnostic);
        return None;
    };
    let words = lowering.ledger.take(command);
    let words = words
        .iter()
        .map(|word| lowering.text(&word.value, Place::Field, word.span));
    Some(std::iter::once("CMD".to_owned()).chain(words).collect())
}

fn http(lowering: &mut Lowering<'_, '_>, node: &Node<Health>) -> Option<Vec<String>> {
    let service = lowering.service;
    let path = lowering
        .ledger
        .take_from(node.path.as_ref())
        .map_or("/", |path| path);
    let image = service.node.service.image.as_ref();
    let has_only_curl = image.is_some_and(|image| nginx::has_only_curl(&image.value));
    let own = has_only_curl.then_some(&ProbeClient::Curl);
    let client = lowering.ledger.take_from(node.client.as_ref()).or(own);
    let port = match lowering.ledger.take_from(node.port.as_ref()) {
        Some(name) => service.port(name),
        None => service.default_port(),
    };
    // A gateway listens where it says so.
    let listener = || {
        let listens = &service.node.gateway.as_ref()?.listen;
        let plain = |listen: &&Arc<Node<Listen>>| routing::protocol(listen) == Protocol::Http;
        let listen = listens.iter().find(plain).or(listens.first())?;
        Some((routing::port(listen), routing::protocol(listen)))
    };
    let asked = port.map(|port| (port_number(port).unwrap_or_default().into(), protocol(port)));
    let Some((number, protocol)) = asked.or_else(listener) else {
        let diagnostic = incomplete(node.span, "the health check asks no port")
            .help("declare the port it asks: `port http { number = 8080 }`; where there are several, name it: `port = http`")
            .about(service.name());
        lowering.ledger.report(diagnostic);
        return None;
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    // busybox's wget, which most small images have, tries one address of a name only: for
    // `localhost` that may be `::1`, where few programs listen.
    let host = match client {
        Some(ProbeClient::Wget) | None => "127.0.0.1",
        Some(_) => "localhost",
    };
    let scheme = scheme(protocol);
    // A certificate is for the names that clients ask for, not for this one; kubelet does not look at it either
    // (kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes, HTTP probes).
    let is_secure = scheme == "https";
    let url = super::text::escaped(&format!("{scheme}://{host}:{number}{slash}{path}"));
    let words: Vec<String> = match client {
        Some(ProbeClient::Curl) if is_secure => vec!["curl".into(), "-fk".into()],
        Some(ProbeClient::Curl) => vec!["curl".into(), "-f".into()],
        Some(ProbeClient::Wget) | None if is_secure => {
            ["wget", "-q", "--no-check-certificate", "-O", "/dev/null"]
                .map(Into::into)
                .into()
        }
        // Options that busybox has too.
        Some(ProbeClient::Wget) | None => ["wget", "-q", "-O", "/dev/null"].map(Into::into).into(),
        Some(ProbeClient::Command(words)) => words
            .iter()
            .map(|word| lowering.text(&word.value, Place::Field, word.span))
            .collect(),
    };
    Some(
        std::iter::once("CMD".to_owned())
            .chain(words)
            .chain([url])
            .collect(),
    )
}

fn no_portable_probe(target: TargetId, kind: &str, port: Option<u16>, span: Span) -> Diagnostic {
    let port = port.unwrap_or(8080);
    let command = if kind == "grpc" {
        format!("command = [\"grpc_health_probe\", \"-addr=localhost:{port}\"]")
    } else {
        format!("command = [\"nc\", \"-z\", \"localhost\", \"{port}\"]")
    };
    Diagnostic::new(
        &catalogue::NO_PORTABLE_PROBE,
        format!(
            "{} probes from inside the container, and no program for a {kind} probe is in every \
             image",
            target.word()
        ),
        span,
    )
    .help(format!(
        "name one that the image has: `health exec {{ {command} }}`"
    ))
}

fn incomplete(span: Span, text: &str) -> Diagnostic {
    Diagnostic::new(&catalogue::INCOMPLETE_PROBE, text, span)
}
