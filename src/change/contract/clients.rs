//! Clients outside of a program, and versions of an interface that a service behind a gateway or a published port serves no more: what they ask
//! for nobody declares, and a plan has no order for them.

use super::{Both, Step};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, ServiceView};
use crate::source::Span;

/// Versions that are served no more where somebody outside may ask for them.
pub(super) fn dropped(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        for port in service.ports() {
            let name = port.label.name();
            let Some(span) = service.provides(name).and_then(|it| it.since.as_ref()) else {
                continue;
            };
            let (was, is) = (both.old.served(name), both.new.served(name));
            let by = (was.since < is.since).then(|| asked_by((old, new), both, name));
            if let Some(by) = by.flatten() {
                found.push(served_no_more(
                    both,
                    (name, was.since, is.since),
                    &by,
                    span.span,
                ));
            }
        }
    }
}

/// By way of what those outside ask for a port, before and after: a gateway that says no version of its own, or the port as it is published.
fn asked_by((old, new): (&Graph, &Graph), both: Both<'_>, name: &str) -> Option<String> {
    let says = |gateway: &ServiceView<'_>| gateway.needs(both.old.name(), name).is_some();
    let mut led = leading(old, both.old, name).filter(|it| !says(it));
    let goes_on = |gateway: &ServiceView<'_>| {
        leading(new, both.new, name).any(|it| it.name() == gateway.name())
    };
    if let Some(gateway) = led.find(goes_on) {
        return Some(format!("`{}`", gateway.name()));
    }
    let is_published = |service: ServiceView<'_>| {
        let port = service.port(name);
        port.is_some_and(|it| it.publish.is_some() || it.node_port.is_some())
    };
    (is_published(both.old) && is_published(both.new)).then(|| "its published port".to_owned())
}

/// The gateways that lead to a port of a service.
fn leading<'g>(
    graph: &'g Graph,
    service: ServiceView<'g>,
    port: &str,
) -> impl Iterator<Item = ServiceView<'g>> {
    let edges = graph.edges_to(service.id);
    let routes =
        edges.filter(move |(edge, _)| edge.kind == EdgeKind::Routes && *edge.port == *port);
    routes.map(|(_, gateway)| gateway)
}

fn served_no_more(
    both: Both<'_>,
    (port, was, is): (&str, u64, u64),
    by: &str,
    span: Span,
) -> Diagnostic {
    let name = both.new.name();
    let gone = if was + 1 == is {
        format!("version {was}")
    } else {
        format!("versions {was} to {}", is - 1)
    };
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!("`{name}.{port}` serves {gone} no more, for which clients of {by} may ask"),
        span,
    )
    .help(format!(
        "keep `since = {was}` until no client outside asks for that; `needs` says it of a gateway whose clients ask for a newer one"
    ))
    .about(name)
}
