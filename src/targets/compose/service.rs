//! One service of a project.

use super::format::{Dependency, Deploy, Service};
use super::instances::Instances;
use super::{build, networks, restart};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{ServiceView, protocol};
use crate::source::Span;
use crate::targets::docker::{
    Lowering, Map, Place, configs, escaped, gateway, health, resources, secrets, volumes,
};
use crate::targets::{contract, patch};
use crate::types::{Piece, Text};
use crate::vocabulary::{Between, Protocol, TargetId};

/// The service, by its name within the project; it waits for `dependencies`.
pub(super) fn lower(
    lowering: &mut Lowering<'_, '_>,
    instances: &Instances<'_>,
    dependencies: &[ServiceView<'_>],
) -> (String, Service) {
    let service = lowering.service;
    let body = lowering.ledger.enter(&service.node.service);
    contract(lowering.ledger, service);
    patch::no_objects(lowering.ledger, service, TargetId::Compose);
    let (build, pull_policy) = build::lower(lowering);
    let mut lowered = Service {
        image: lowering.optional_text(body.image.as_ref(), Place::Field),
        build,
        pull_policy,
        // zd's `command` replaces the image's entry point; Compose's `command` is its arguments.
        entrypoint: lowering.words(body.command.as_ref()),
        command: lowering.words(body.args.as_ref()),
        user: lowering
            .ledger
            .take_from(body.user.as_ref())
            .map(|user| escaped(user)),
        working_dir: lowering
            .ledger
            .take_from(body.workdir.as_ref())
            .map(|folder| escaped(folder)),
        hostname: hostname(lowering),
        environment: lowering.environment(),
        ports: ports(lowering),
        depends_on: depends_on(dependencies),
        networks: networks::lower(lowering),
        volumes: volumes(lowering),
        configs: configs(lowering),
        secrets: Vec::new(),
        healthcheck: health(lowering),
        restart: restart::lower(lowering),
        stop_grace_period: None,
        stop_signal: None,
        deploy: None,
        labels: lowering.labels(),
        logging: lowering.logging(),
    };
    let stopping = lowering.stopping();
    lowered.stop_grace_period = stopping.grace;
    lowered.stop_signal = stopping.signal;
    let deploy = Deploy {
        replicas: instances.lower(lowering),
        resources: resources(lowering),
    };
    lowered.deploy = (deploy != Deploy::default()).then_some(deploy);
    let (listeners, configuration) = gateway(lowering);
    let listeners = listeners.iter().map(|number| format!("{number}:{number}"));
    lowered.ports.extend(listeners);
    lowered.configs.extend(configuration);
    // Texts may name secrets that no `secret` block mounts, so these come last.
    lowered.secrets = secrets(lowering);
    elsewhere(lowering);
    (name(lowering), lowered)
}

/// Its emitted name; the schema allows letters, digits, `.`, `_` and `-`.
fn name(lowering: &mut Lowering<'_, '_>) -> String {
    let service = lowering.service;
    let name = service.emitted_name();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || !name.chars().all(is_plain) {
        let written = service.node.service.body.name.as_ref();
        let span = written.map_or(service.span(), |written| written.span);
        lowering
            .ledger
            .report(invalid_name(name, span).about(service.name()));
    }
    name.to_owned()
}

/// Its host name. Docker gives each container its own id for one where none is written.
fn hostname(lowering: &mut Lowering<'_, '_>) -> Option<String> {
    let service = lowering.service;
    let written = service.node.service.body.hostname.as_ref()?;
    let has_slot = |text: &Text| text.unknowns().any(|piece| matches!(piece, Piece::Slot(_)));
    if has_slot(&written.value) && !lowering.runs_once {
        let what = format!(
            "compose does not tell the instances of `{}` their numbers",
            service.name()
        );
        let note = different(what, written.span)
            .help("each has its container's id for a host name; run one, whose number is 1");
        lowering
            .ledger
            .decline(written.id, note.about(service.name()));
        return None;
    }
    lowering.optional_text(Some(written), Place::Template)
}

fn ports(lowering: &mut Lowering<'_, '_>) -> Vec<String> {
    let mut ports = Vec::new();
    for node in lowering.service.ports() {
        let ledger = &mut *lowering.ledger;
        let port = ledger.enter(node);
        ledger.declare_from(port.node_port.as_ref(), "kubernetes publishes on it");
        ledger.declare_from(port.mode.as_ref(), "one host has no routing mesh");
        ledger.take_from(port.protocol.as_ref());
        let inside = ledger
            .take_from(port.number.as_ref())
            .map_or(0, |number| number.get());
        let Some(Between { least, most }) = ledger.take_from(port.publish.as_ref()) else {
            continue;
        };
        let (least, most) = (least.get(), most.get());
        let outside = if least == most {
            least.to_string()
        } else {
            format!("{least}-{most}")
        };
        let udp = protocol(node) == Protocol::Udp;
        let suffix = if udp { "/udp" } else { "" };
        ports.push(format!("{outside}:{inside}{suffix}"));
    }
    ports
}

/// What it starts after. A container without a health check never becomes healthy
/// (docker/compose `pkg/compose/convergence.go`, `isServiceHealthy`).
fn depends_on(dependencies: &[ServiceView<'_>]) -> Map<Dependency> {
    let each = dependencies.iter().map(|callee| {
        let condition = if callee.has_health_check() {
            "service_healthy"
        } else {
            "service_started"
        };
        (callee.emitted_name().to_owned(), Dependency { condition })
    });
    each.collect()
}

/// What is expressed by where and under which name the service stands, and what other targets
/// alone have.
fn elsewhere(lowering: &mut Lowering<'_, '_>) {
    const PROMISE: &str = "compose is for development: told once, as no-promise-on-compose";
    let body = &lowering.service.node.service.body;
    let ledger = &mut *lowering.ledger;
    ledger.take_from(body.name.as_ref());
    ledger.take_from(body.after.as_ref());
    ledger.declare_from(body.stack.as_ref(), "docker compose has one project");
    ledger.declare_from(
        body.endpoint.as_ref(),
        "a name answers with every container's address",
    );
    if let Some(liveness) = &body.liveness {
        ledger.declare_block(
            liveness,
            "kubernetes alone has a second probe, and restarts what it finds",
        );
    }
    if let Some(update) = &body.update {
        ledger.declare_block(update, PROMISE);
    }
    if let Some(placement) = &body.placement {
        ledger.declare_block(placement, PROMISE);
    }
}

/// Something is said that compose has no word for, and something else happens there.
pub(super) fn different(what: String, span: Span) -> Diagnostic {
    Diagnostic::new(&catalogue::DIFFERENT_ON_COMPOSE, what, span)
}

fn invalid_name(name: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_COMPOSE_NAME,
        format!("docker compose refuses the name `{name}`"),
        span,
    )
    .labelled("only letters, digits, `.`, `_` and `-` may stand in it")
    .help("write a plainer `name`")
}
