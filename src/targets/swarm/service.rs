//! One service of a stack file.

use super::format::{Entry, Port, Service};
use super::{deploy, gateway, networks, patches, stack};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{is_of_nodes, protocol};
use crate::targets::contract;
use crate::targets::docker::{self, Lowering, Place, configs, escaped, health, secrets, volumes};
use crate::vocabulary::{Attribute, Between, Node, PortNumber, Protocol, Pull};

/// The service, by its name within the stack.
pub(super) fn lower(lowering: &mut Lowering<'_, '_>) -> (String, Entry) {
    let service = lowering.service;
    let node = &service.node.service;
    let body = lowering.ledger.enter(node);
    contract(lowering.ledger, service);
    let mut lowered = Service {
        image: lowering.optional_text(body.image.as_ref(), Place::Field),
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
        hostname: lowering.optional_text(body.hostname.as_ref(), Place::Template),
        environment: lowering.environment(),
        ports: ports(lowering),
        networks: networks::lower(lowering),
        volumes: volumes(lowering),
        configs: configs(lowering),
        secrets: Vec::new(),
        healthcheck: health(lowering),
        stop_grace_period: None,
        stop_signal: None,
        deploy: deploy::lower(lowering),
        logging: lowering.logging(),
    };
    let stopping = lowering.stopping();
    lowered.stop_grace_period = stopping.grace;
    lowered.stop_signal = stopping.signal;
    gateway::through_mesh(lowering);
    let (listeners, configuration) = docker::gateway(lowering);
    let listeners = listeners
        .iter()
        .map(|number| Port::Short(format!("{number}:{number}")));
    lowered.ports.extend(listeners);
    lowered.configs.extend(configuration);
    // Texts may name secrets that no `secret` block mounts, so these come last.
    lowered.secrets = secrets(lowering);
    elsewhere(lowering);
    let entry = patches::patched(lowering, lowered);
    (stack::service_name(lowering), entry)
}

fn ports(lowering: &mut Lowering<'_, '_>) -> Vec<Port> {
    let service = lowering.service;
    let mut ports = Vec::new();
    for node in service.ports() {
        let ledger = &mut *lowering.ledger;
        let port = ledger.enter(node);
        ledger.declare_from(port.node_port.as_ref(), "kubernetes publishes on it");
        let udp = protocol(node) == Protocol::Udp;
        let inside = ledger
            .take_from(port.number.as_ref())
            .map_or(0, |number| number.get());
        ledger.take_from(port.protocol.as_ref());
        let Some(publish) = &port.publish else {
            ledger.declare_from(port.mode.as_ref(), "says how a published port is published");
            continue;
        };
        ledger.take_from(port.mode.as_ref());
        let Between { least, most } = *ledger.take(publish);
        if least != most {
            let diagnostic = published_range(publish).about(service.name());
            ledger.report(diagnostic);
        }
        ports.push(published(node, least.get(), inside, udp));
    }
    ports
}

fn published(port: &Node<crate::vocabulary::Port>, outside: u64, inside: u64, udp: bool) -> Port {
    if is_of_nodes(port) {
        return Port::Long {
            target: inside,
            published: outside,
            protocol: udp.then_some("udp"),
            mode: "host",
        };
    }
    let suffix = if udp { "/udp" } else { "" };
    Port::Short(format!("{outside}:{inside}{suffix}"))
}

/// What is expressed by where and under which name the service stands, and what other targets
/// alone have.
fn elsewhere(lowering: &mut Lowering<'_, '_>) {
    let service = lowering.service;
    let body = &service.node.service.body;
    let ledger = &mut *lowering.ledger;
    ledger.take_from(body.stack.as_ref());
    ledger.take_from(body.name.as_ref());
    ledger.declare_from(
        body.after.as_ref(),
        "a swarm does not wait; `docker stack deploy` drops `depends_on` without a word",
    );
    if let Some(build) = &body.build {
        ledger.declare_block(
            build,
            "the image is built and pushed before; `docker stack deploy` ignores `build`",
        );
    }
    if let Some(liveness) = &body.liveness {
        ledger.declare_block(
            liveness,
            "kubernetes alone has a second probe; a swarm ends every unhealthy task",
        );
    }
    if let Some(pull) = &body.pull {
        match pull.value {
            Pull::Always => ledger.declare(pull.id, "a node of a swarm always asks the registry"),
            Pull::IfNotPresent | Pull::Never => {
                ledger.decline(pull.id, pull_not_chosen(pull).about(service.name()));
            }
        }
    }
}

fn published_range(publish: &Attribute<Between<PortNumber>>) -> Diagnostic {
    let least = publish.value.least.get();
    Diagnostic::new(&catalogue::PUBLISHED_RANGE, "all tasks of a swarm's service are published on one port", publish.span)
        .labelled("one port for each slot of a plain host")
        .help(format!("publish one port: `publish = {least}`; with `mode = host` every node publishes its own task"))
        .replace(publish.span, least.to_string())
}

fn pull_not_chosen(pull: &Attribute<Pull>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::PULL_NOT_CHOSEN,
        format!(
            "swarm has no `pull = {}`: a node asks the registry and falls back on what it has",
            pull.value.word()
        ),
        pull.span,
    )
    .help("take it out, or leave swarm out with `targets`")
}
