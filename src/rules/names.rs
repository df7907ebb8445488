//! Names and ports that may be had once: emitted names within a stack, published ports, ports
//! within a service; and what a service cannot be written without.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceId, ServiceView, protocol};
use crate::source::Span;
use crate::vocabulary::{Capability, Protocol, TargetId};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Two services of one stack with one emitted name; docker compose has one project for all stacks.
pub(super) fn emitted_names(graph: &Graph, diagnostics: &mut Diagnostics) {
    let mut said: BTreeSet<ServiceId> = BTreeSet::new();
    for target in [TargetId::Swarm, TargetId::Compose] {
        let mut seen: FxHashMap<(&str, &str), ServiceView<'_>> = FxHashMap::default();
        for service in graph.services_on(target) {
            let stack = match target {
                TargetId::Compose => "",
                _ => graph.stack(service),
            };
            let name = service.emitted_name();
            let Some(first) = seen.get(&(stack, name)) else {
                seen.insert((stack, name), service);
                continue;
            };
            if said.insert(service.id) {
                let place = match target {
                    TargetId::Compose => "the compose project".to_owned(),
                    _ => format!("stack `{stack}`"),
                };
                let text = format!("two services of {place} are called `{name}`");
                let other = match target {
                    TargetId::Compose => "give one of them another `name`",
                    _ => "give one of them another `name` or `stack`",
                };
                diagnostics.push(
                    Diagnostic::new(&catalogue::NAME_TAKEN, text, service.span())
                        .and(first.span(), "the first")
                        .help(other)
                        .about(service.name()),
                );
            }
        }
    }
}

/// Two services of a target that publish one port, and a service that listens twice on one.
pub(super) fn ports(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let mut own: BTreeMap<(u64, bool), (&str, Span)> = BTreeMap::new();
        for port in service.ports() {
            let Some(number) = &port.number else {
                if graph.is_on_host(service) {
                    continue;
                }
                diagnostics.push(missing_number(service, port.label.name(), port.span));
                continue;
            };
            let key = (number.value.get(), protocol(port) == Protocol::Udp);
            if let Some((other, span)) = own.insert(key, (port.label.name(), number.span)) {
                let text = format!("`{}` listens twice on port {}", service.name(), key.0);
                let first = format!("port `{other}`");
                let diagnostic = Diagnostic::new(&catalogue::PORT_TAKEN, text, number.span)
                    .and(span, first)
                    .help("one port can have one name");
                diagnostics.push(diagnostic.about(service.name()));
            }
        }
    }
    for target in [TargetId::Swarm, TargetId::Kubernetes, TargetId::Compose] {
        published(graph, target, diagnostics);
    }
}

/// Services that a target runs and that lack an image.
pub(super) fn images(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let written = &service.node.service;
        if written.command.is_some() {
            // A program without an image is a plain host's: `hosts::only_there` says so.
            continue;
        }
        let runs = TargetId::ALL.iter().find(|target| {
            // A gateway may be routes for the cluster's own controller.
            let runs = target.has(Capability::RunsServices)
                && (service.node.gateway.is_none() || target.has(Capability::RunsGateways));
            let is_built = **target == TargetId::Compose && written.build.is_some();
            runs && !is_built && graph.runs_on(service, **target)
        });
        if let Some(target) = runs.filter(|_| written.image.is_none()) {
            let (name, target) = (service.name(), target.word());
            diagnostics.push(
                Diagnostic::new(
                    &catalogue::MISSING_IMAGE,
                    format!("`{name}` has no image, and {target} runs images"),
                    service.span(),
                )
                .help(format!("add one: `image = \"example/{name}:1.0.0\"`"))
                .about(name),
            );
        }
    }
}

/// What one target publishes, on which port, once.
fn published(graph: &Graph, target: TargetId, diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<(u64, bool), (ServiceView<'_>, Span)> = BTreeMap::new();
    for service in graph.services_on(target) {
        for (number, udp, span) in claims(service, target) {
            match seen.get(&(number, udp)) {
                Some(first) => {
                    // What is published on a swarm is so on compose: it is said once.
                    let is_said = target == TargetId::Compose
                        && [service, first.0]
                            .iter()
                            .all(|service| graph.runs_on(*service, TargetId::Swarm));
                    if !is_said {
                        diagnostics.push(published_twice(target, number, service, span, *first));
                    }
                }
                None => {
                    seen.insert((number, udp), (service, span));
                }
            }
        }
    }
}

/// The ports that a service publishes on a target: number, whether it is UDP, and where.
fn claims(service: ServiceView<'_>, target: TargetId) -> Vec<(u64, bool, Span)> {
    let mut claims = Vec::new();
    for port in service.ports() {
        let udp = protocol(port) == Protocol::Udp;
        match (target, &port.publish, &port.node_port) {
            (TargetId::Kubernetes, _, Some(number)) => {
                claims.push((number.value.get(), udp, number.span));
            }
            (TargetId::Swarm | TargetId::Compose, Some(publish), _) => {
                let numbers = publish.value.least.get()..=publish.value.most.get();
                claims.extend(numbers.map(|number| (number, udp, publish.span)));
            }
            _ => {}
        }
    }
    let gateway = service
        .node
        .gateway
        .iter()
        .filter(|_| target.has(Capability::RunsGateways));
    for listen in gateway.flat_map(|gateway| &gateway.listen) {
        let number = crate::graph::routing::port(listen);
        // Listeners may share a port, and a declared port may publish theirs in its own way.
        if !claims
            .iter()
            .any(|(known, udp, _)| *known == number && !udp)
        {
            claims.push((number, false, listen.span));
        }
    }
    claims
}

fn published_twice(
    target: TargetId,
    number: u64,
    service: ServiceView<'_>,
    span: Span,
    first: (ServiceView<'_>, Span),
) -> Diagnostic {
    let (one, two, target) = (first.0.name(), service.name(), target.word());
    Diagnostic::new(
        &catalogue::PORT_TAKEN,
        format!("`{one}` and `{two}` both publish port {number} on {target}"),
        span,
    )
    .and(first.1, format!("`{one}` has it"))
    .help("publish one of them on another port, or put a gateway in front of both")
    .about(two)
}

fn missing_number(service: ServiceView<'_>, port: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::MISSING_PORT_NUMBER,
        format!("port `{port}` of `{}` has no number", service.name()),
        span,
    )
    .help(format!(
        "say what the program listens on: `port {port} {{ number = 8080 }}`"
    ))
    .about(service.name())
}
