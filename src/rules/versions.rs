//! Versions of interfaces within one program: every caller is served what it asks for. And of data: what is said is a version.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, ServiceView};
use crate::source::Span;
use crate::vocabulary::{Node, Provides};
use std::collections::BTreeSet;

/// What is provided on no port, or is no version.
pub(super) fn provided(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        for provides in &service.node.service.provides {
            let port = provides.label.name();
            if service.port(port).is_none() {
                diagnostics.push(no_port(service, provides));
            } else if provides.version.is_none() {
                diagnostics.push(no_version(service, provides));
            } else if service.served(port).since > service.served(port).version {
                diagnostics.push(nothing(service, provides));
            }
        }
    }
}

/// A form of data that is none.
pub(super) fn schemas(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let Some(schema) = &service.node.service.schema else {
            continue;
        };
        let (name, left) = (service.name(), service.schema());
        if schema.version.is_none() {
            diagnostics.push(
                Diagnostic::new(
                    &catalogue::INVALID_SCHEMA,
                    format!("`{name}` does not say which version its data is of"),
                    schema.span,
                )
                .help("write the one that it brings its data to: `version = 2`")
                .about(name),
            );
        } else if left.since > left.version {
            let since = schema.since.as_ref();
            diagnostics.push(
                Diagnostic::new(
                    &catalogue::INVALID_SCHEMA,
                    format!(
                        "`{name}` leaves data of version {}, with which programs could live from {} on: that is newer",
                        left.version, left.since
                    ),
                    since.map_or(schema.span, |since| since.span),
                )
                .help(format!("write `since = {}`, or an older one", left.version))
                .about(name),
            );
        }
    }
}

/// What a caller asks for and is not served.
pub(super) fn needed(graph: &Graph, diagnostics: &mut Diagnostics) {
    let says = |service: ServiceView<'_>| {
        let body = &service.node.service;
        !body.provides.is_empty() || !body.needs.is_empty()
    };
    if !graph.services().any(says) {
        return;
    }
    let mut seen = BTreeSet::new();
    for (from, edge, to) in graph.edges() {
        if edge.kind != EdgeKind::Calls || !seen.insert((from, to, &edge.port)) {
            continue;
        }
        let (Some(caller), Some(callee)) = (graph.service(from), graph.service(to)) else {
            continue;
        };
        // Who is switched off asks nobody.
        if graph.replicas(caller).most == 0 {
            continue;
        }
        let (asked, written) = caller.asked(callee.name(), &edge.port);
        let served = callee.served(&edge.port);
        // One that serves nothing is a fault of its own.
        if served.since <= served.version && !served.has(asked) {
            let span = written.unwrap_or(edge.span);
            diagnostics.push(unmet(caller, callee, &edge.port, asked, span));
        }
    }
}

fn no_port(service: ServiceView<'_>, provides: &Node<Provides>) -> Diagnostic {
    let (name, port) = (service.name(), provides.label.name());
    let ports = service.ports();
    let ports: Vec<String> = ports.map(|it| format!("`{}`", it.label.name())).collect();
    let there = if ports.is_empty() {
        format!("`{name}` has no port")
    } else {
        format!("`{name}` has {}", ports.join(", "))
    };
    Diagnostic::new(
        &catalogue::INVALID_PROVIDES,
        format!("`{name}` provides something on `{port}`, which is no port of it"),
        provides.span,
    )
    .note(there)
    .help(format!(
        "name one of its ports, or add `port {port} {{ … }}`"
    ))
    .about(name)
}

fn no_version(service: ServiceView<'_>, provides: &Node<Provides>) -> Diagnostic {
    let (name, port) = (service.name(), provides.label.name());
    Diagnostic::new(
        &catalogue::INVALID_PROVIDES,
        format!("`{name}` does not say which version it provides on `{port}`"),
        provides.span,
    )
    .help("write the newest one that it serves: `version = 2`")
    .about(name)
}

fn nothing(service: ServiceView<'_>, provides: &Node<Provides>) -> Diagnostic {
    let (name, port) = (service.name(), provides.label.name());
    let served = service.served(port);
    let span = provides.since.as_ref().map_or(provides.span, |it| it.span);
    Diagnostic::new(
        &catalogue::INVALID_PROVIDES,
        format!(
            "`{name}` serves no version on `{port}`: none is at least {} and at most {}",
            served.since, served.version
        ),
        span,
    )
    .help("`since` is the oldest version that is still served, `version` the newest")
    .about(name)
}

fn unmet(
    caller: ServiceView<'_>,
    callee: ServiceView<'_>,
    port: &str,
    asked: u64,
    span: Span,
) -> Diagnostic {
    let (caller_name, callee_name) = (caller.name(), callee.name());
    let served = callee.served(port);
    let says = caller.needs(callee_name, port).is_some();
    let diagnostic = Diagnostic::new(
        &catalogue::UNMET_NEED,
        format!(
            "`{caller_name}` asks `{callee_name}.{port}` for version {asked}, and it serves {served}"
        ),
        span,
    );
    let diagnostic = if says {
        diagnostic
    } else {
        diagnostic.labelled("nothing is said of it, which is version 1")
    };
    let diagnostic = match callee.provides(port) {
        Some(provides) => diagnostic.and(provides.span, format!("serves {served}")),
        None => diagnostic.and(callee.span(), "says nothing of it, which is version 1"),
    };
    diagnostic
        .help(format!(
            "write `needs {callee_name}.{port} {{ version = {} }}` once the program speaks it, or have `{callee_name}` \
             serve {asked} too",
            served.version
        ))
        .about(caller_name)
}
