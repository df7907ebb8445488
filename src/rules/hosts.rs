//! Plain hosts: what only they have, whether the slots suffice, and who a program behind nginx
//! takes its clients for.

use super::gateways::gateways;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::vocabulary::{Staged, TargetId};
use std::collections::BTreeMap;

/// Slots, and programs without an image, for a target that has neither.
pub(super) fn only_there(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let elsewhere = graph.targets_of(service).into_iter().find(|target| {
            let is_routes = service.node.gateway.is_some() && *target == TargetId::Kubernetes;
            *target != TargetId::Nginx && !is_routes
        });
        let Some(target) = elsewhere else {
            if graph.is_on_host(service) {
                runs_nothing(service, diagnostics);
            }
            continue;
        };
        let body = &service.node.service;
        if let (Some(command), None) = (&body.command, &body.image) {
            let what = format!("{} runs images, and a command alone", target.word());
            diagnostics.push(only_on_a_host(service, &what, command.key_span));
        }
        // `blue_green` is refused by its target as a whole.
        let update = body.update.as_ref();
        let taken = update.filter(|update| update.label.name() != "blue_green");
        if let Some(slots) = taken.and_then(|update| update.slots.as_ref()) {
            let what = format!("{} finds ports by itself, and slots", target.word());
            diagnostics.push(only_on_a_host(service, &what, slots.key_span));
        }
    }
}

/// Whether the slots of each service are enough, and nobody else's.
pub(super) fn slots(graph: &Graph, diagnostics: &mut Diagnostics) {
    let mut taken: BTreeMap<u64, (String, Span)> = BTreeMap::new();
    for gateway in graph.services_on(TargetId::Nginx) {
        for listen in gateway
            .node
            .gateway
            .iter()
            .flat_map(|gateway| &gateway.listen)
        {
            let number = listen.port.as_ref().map_or(80, |port| port.value.get());
            let name = gateway.name().to_owned();
            taken.entry(number).or_insert((name, listen.span));
        }
    }
    for service in graph.services_on(TargetId::Nginx) {
        if !graph.is_on_host(service) {
            continue;
        }
        let Some(slots) = graph.slots(service) else {
            diagnostics.push(no_slots(service));
            continue;
        };
        for port in &slots.ports {
            match taken.get(port) {
                Some(first) => diagnostics.push(taken_twice(service, *port, slots.span, first)),
                None => {
                    taken.insert(*port, (service.name().to_owned(), slots.span));
                }
            }
        }
        diagnostics.extend(count(graph, service, slots.ports.len(), slots.span));
    }
}

/// Gateways that tell services nothing of who asked.
pub(super) fn client_addresses(graph: &Graph, diagnostics: &mut Diagnostics) {
    for (service, gateway) in gateways(graph) {
        let Some(forwarded) = gateway.forwarded_headers.as_ref().filter(|it| !it.value) else {
            continue;
        };
        let sets_it = |name: &str| name.eq_ignore_ascii_case("X-Forwarded-For");
        let mut routes = gateway.route.iter().filter(|route| {
            let changes = route.request_headers.as_ref();
            let set = changes.and_then(|changes| changes.set.as_ref());
            let mut names = set.iter().flat_map(|set| &set.entries);
            !names.any(|entry| sets_it(&entry.key))
        });
        if let Some(route) = routes.next() {
            diagnostics.push(
                Diagnostic::new(
                    &catalogue::CLIENT_ADDRESS_HIDDEN,
                    format!(
                        "behind `{}` every request seems to come from nginx itself",
                        service.name()
                    ),
                    forwarded.key_span,
                )
                .and(route.span, "its requests carry no `X-Forwarded-For`")
                .help("take `forwarded_headers` out: the headers are then set")
                .about(service.name()),
            );
        }
    }
}

fn count(graph: &Graph, service: ServiceView<'_>, slots: usize, span: Span) -> Option<Diagnostic> {
    let name = service.name();
    let body = &service.node.service;
    let replicas = body.replicas.as_ref();
    if let Some(replicas) = replicas.filter(|it| matches!(it.value, Staged::Variable(_))) {
        let text = format!("the slots of `{name}` are fixed, and its replicas are not known yet");
        return Some(
            Diagnostic::new(&catalogue::SLOT_COUNT, text, replicas.span)
                .and(span, "the slots")
                .help("write a number, or take a `param`, which `--set` changes")
                .about(name),
        );
    }
    let wanted = graph.replicas(service).least;
    let (text, help) = if service.is_blue_green() && (slots != 2 || wanted != 1) {
        (
            format!(
                "blue/green is one instance and two slots, and `{name}` has {wanted} and {slots}"
            ),
            "write two: `slots = [8081, 8082]`; for more instances write `update rolling`",
        )
    } else if (slots as u64) < wanted {
        (
            format!("`{name}` has {wanted} instances and {slots} slots"),
            "publish as many ports as there are instances: `publish = 3000..3001`; one more is room to \
             start the new version first",
        )
    } else {
        return None;
    };
    let diagnostic = Diagnostic::new(&catalogue::SLOT_COUNT, text, span);
    let diagnostic = match replicas {
        Some(replicas) => diagnostic.and(replicas.span, "the instances"),
        None => diagnostic,
    };
    Some(diagnostic.help(help).about(name))
}

fn only_on_a_host(service: ServiceView<'_>, what: &str, span: Span) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::ONLY_ON_A_HOST,
        format!("{what} is a plain host's"),
        span,
    );
    let diagnostic = match &service.node.service.targets {
        Some(targets) => diagnostic.and(targets.span, "the targets"),
        None => diagnostic,
    };
    diagnostic
        .help("leave the other targets out: `targets = [nginx]`")
        .about(service.name())
}

/// A service of a host with neither an image nor a command.
fn runs_nothing(service: ServiceView<'_>, diagnostics: &mut Diagnostics) {
    let body = &service.node.service;
    if body.image.is_some() || body.command.is_some() {
        return;
    }
    let name = service.name();
    diagnostics.push(
        Diagnostic::new(
            &catalogue::MISSING_IMAGE,
            format!("`{name}` has no image and no command, and a plain host runs one of them"),
            service.span(),
        )
        .help("add one: `command = [\"./server\", \"--port=${slot.port}\"]`")
        .about(name),
    );
}

fn no_slots(service: ServiceView<'_>) -> Diagnostic {
    let name = service.name();
    Diagnostic::new(
        &catalogue::SLOT_COUNT,
        format!("`{name}` runs on a plain host and has no slot to run in"),
        service.span(),
    )
    .help(
        "name a port for each instance: `publish = 3000..3001` in its `port`, or \
         `update blue_green { slots = [8081, 8082] }`",
    )
    .about(name)
}

fn taken_twice(
    service: ServiceView<'_>,
    port: u64,
    span: Span,
    (name, first): &(String, Span),
) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::PORT_TAKEN,
        format!(
            "`{name}` and `{}` both listen on port {port} of the host",
            service.name()
        ),
        span,
    );
    let diagnostic = if *first == span {
        diagnostic
    } else {
        diagnostic.and(*first, format!("`{name}` has it"))
    };
    diagnostic
        .help("give each slot a port of its own")
        .about(service.name())
}
