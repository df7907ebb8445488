//! Routes of a gateway that are gone, while clients still ask for them.

use super::Step;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::routing;
use crate::source::Span;

/// A path that a gateway answered and answers no more.
pub(super) fn removed(step: &Step<'_>, found: &mut Diagnostics) {
    let Some(new) = step.new else {
        return;
    };
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        let gateways = both
            .old
            .node
            .gateway
            .as_ref()
            .zip(both.new.node.gateway.as_ref());
        let Some((was, is)) = gateways else {
            continue;
        };
        for route in &was.route {
            let Some(paths) = routing::paths(route) else {
                continue;
            };
            let taken = is.route.iter().filter_map(|route| routing::paths(route));
            if !taken.into_iter().any(|now| now.cover(&paths)) {
                let (pattern, _) = routing::pattern(route);
                found.push(gone(both.new.name(), pattern, both.new.span()));
            }
        }
    }
}

fn gone(gateway: &str, pattern: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!("`{gateway}` no longer answers `{pattern}`"),
        span,
    )
    .help("keep the route until no client asks for it, or answer with `redirect`")
    .about(gateway)
}
