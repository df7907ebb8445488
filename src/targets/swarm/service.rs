//! One service of a stack file.

use super::compose::{Logging, Map, Port, Service, Words};
use super::text::{Place, escaped};
use super::{Lowering, deploy, gateway, health, is_host_mode, mounts, networks, stack};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::protocol;
use crate::source::Spanned;
use crate::targets::contract;
use crate::types::Text;
use crate::vocabulary::{Attribute, Between, Node, PortNumber, Protocol, Pull};
use crate::yaml::Flow;

/// Adds the service to its stack.
pub(super) fn lower(lowering: &mut Lowering<'_, '_>) {
    let service = lowering.service;
    let node = &service.node.service;
    let body = lowering.ledger.enter(node);
    contract(lowering.ledger, service);
    let lowered = Service {
        image: text(lowering, body.image.as_ref(), Place::Field),
        // zd's `command` replaces the image's entry point; Compose's `command` is its arguments.
        entrypoint: words(lowering, body.command.as_ref()),
        command: words(lowering, body.args.as_ref()),
        user: lowering
            .ledger
            .take_from(body.user.as_ref())
            .map(|user| escaped(user)),
        working_dir: lowering
            .ledger
            .take_from(body.workdir.as_ref())
            .map(|folder| escaped(folder)),
        hostname: text(lowering, body.hostname.as_ref(), Place::Template),
        environment: environment(lowering),
        ports: ports(lowering),
        networks: networks::lower(lowering),
        volumes: mounts::volumes(lowering),
        configs: mounts::configs(lowering),
        secrets: Vec::new(),
        healthcheck: health::lower(lowering),
        stop_grace_period: None,
        stop_signal: None,
        deploy: deploy::lower(lowering),
        logging: logging(lowering),
    };
    let lowered = stopping(lowering, lowered);
    let mut lowered = gateway::lower(lowering, lowered);
    // Texts may name secrets that no `secret` block mounts, so these come last.
    lowered.secrets = mounts::secrets(lowering);
    elsewhere(lowering);
    stack::add_service(lowering, lowered);
}

fn text(
    lowering: &mut Lowering<'_, '_>,
    attribute: Option<&Attribute<Text>>,
    place: Place,
) -> Option<String> {
    let attribute = attribute?;
    let text = lowering.ledger.take(attribute);
    Some(lowering.text(text, place, attribute.span))
}

fn words(
    lowering: &mut Lowering<'_, '_>,
    attribute: Option<&Attribute<Vec<Spanned<Text>>>>,
) -> Option<Words> {
    let words = lowering.ledger.take_from(attribute)?;
    Some(Flow(
        words
            .iter()
            .map(|word| lowering.text(&word.value, Place::Field, word.span))
            .collect(),
    ))
}

fn environment(lowering: &mut Lowering<'_, '_>) -> Map<String> {
    let Some(node) = &lowering.service.node.service.body.env else {
        return Map::default();
    };
    let environment = lowering.ledger.enter(node);
    let entry = |entry| {
        let (key, value) = lowering.ledger.take_entry(entry);
        (
            key.to_owned(),
            lowering.value(value, Place::Template, entry.attribute.span),
        )
    };
    environment.entries.iter().map(entry).collect()
}

fn stopping(lowering: &mut Lowering<'_, '_>, mut lowered: Service) -> Service {
    if let Some(node) = &lowering.service.node.service.body.shutdown {
        let ledger = &mut *lowering.ledger;
        let shutdown = ledger.enter(node);
        lowered.stop_grace_period = ledger
            .take_from(shutdown.grace.as_ref())
            .map(ToString::to_string);
        lowered.stop_signal = ledger
            .take_from(shutdown.signal.as_ref())
            .map(|signal| signal.word());
        ledger.declare_from(
            shutdown.drain.as_ref(),
            "what the program does itself after the signal; a swarm waits for `grace` only",
        );
    }
    lowered
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
    if is_host_mode(port) {
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

fn logging(lowering: &mut Lowering<'_, '_>) -> Option<Logging> {
    let ledger = &mut *lowering.ledger;
    let logging = ledger.enter(lowering.service.node.service.body.logging.as_ref()?);
    let driver = ledger
        .take_from(logging.driver.as_ref())
        .map(|driver| escaped(driver));
    let options = logging
        .options
        .as_ref()
        .map(|options| ledger.enter(options));
    let options = options
        .iter()
        .flat_map(|options| &options.entries)
        .map(|entry| {
            let (key, value) = ledger.take_entry(entry);
            (key.to_owned(), escaped(value))
        });
    Some(Logging {
        driver,
        options: options.collect(),
    })
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
        "no target waits; `docker stack deploy` drops `depends_on` without a word",
    );
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
