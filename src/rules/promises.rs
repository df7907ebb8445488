//! Promises that no policy can keep.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, Promise};

/// More instances promised than run. With none the proof says so itself, and one a node is promised node by node.
pub(super) fn above_replicas(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let body = &service.node.service;
        let stated = body.availability.as_ref();
        let Some(stated) = stated.and_then(|stated| stated.min_available.as_ref()) else {
            continue;
        };
        let replicas = graph.replicas(service);
        let promised = stated.value.of_up(replicas.least);
        let holds = matches!(graph.promise(service), Promise::Capacity { .. });
        if !holds || graph.is_global(service) || replicas.least == 0 || promised <= replicas.least {
            continue;
        }
        let name = service.name();
        let may = if replicas.least == replicas.most {
            "has"
        } else {
            "may have"
        };
        let (least, plural) = (replicas.least, if replicas.least == 1 { "" } else { "s" });
        let diagnostic = Diagnostic::new(
            &catalogue::PROMISE_ABOVE_REPLICAS,
            format!("`{name}` {may} {least} instance{plural}, and {promised} are promised"),
            stated.span,
        )
        .labelled("no way to update keeps that")
        .help(format!(
            "run {promised} or more, or promise at most {least}: each that may be missing for a moment is one more to run"
        ))
        .about(name);
        let scale = body.scale.as_ref().and_then(|scale| scale.min.as_ref());
        let counted = scale.map(|min| min.span);
        let counted = counted.or_else(|| body.replicas.as_ref().map(|replicas| replicas.span));
        diagnostics.push(match counted {
            Some(span) => diagnostic.and(span, "so many run at least"),
            None => diagnostic,
        });
    }
}
