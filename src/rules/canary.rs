//! `update canary`: one instance of the new version beside the old ones, watched before the others follow.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::Graph;
use crate::source::Span;
use crate::types::Duration;
use crate::vocabulary::Order;

/// What makes no canary: one that nobody watches, and one in an old instance's place.
pub(super) fn check(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let Some(update) = service.node.service.update.as_deref() else {
            continue;
        };
        if update.label.name() != "canary" {
            continue;
        }
        let name = service.name();
        let monitor = update.monitor.as_ref();
        if monitor.is_none_or(|monitor| monitor.value == Duration::default()) {
            let span = monitor.map_or(update.span, |monitor| monitor.span);
            diagnostics.push(unwatched(span).about(name));
        }
        let in_place =
            |order: &&crate::vocabulary::Attribute<Order>| order.value == Order::StopFirst;
        if let Some(order) = update.order.as_ref().filter(in_place) {
            diagnostics.push(stops_first(order.span).about(name));
        }
    }
}

fn unwatched(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::UNWATCHED_CANARY,
        "nothing says how long the canary is watched",
        span,
    )
    .labelled("the other instances would follow at once")
    .help("write `monitor = 10m` in it, or `update rolling`")
}

fn stops_first(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::CANARY_IN_PLACE,
        "a canary comes beside the old instances, and this one would take the place of one",
        span,
    )
    .help("take it out, or write `update rolling`")
}
