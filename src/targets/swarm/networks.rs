//! The networks of a service of a swarm, and those that outlive each stack.

use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::Graph;
use crate::source::Span;
use crate::targets::docker::{Lowering, Networks, attachments};
use std::collections::BTreeSet;

/// The networks that outlive each stack, by zd name.
pub(super) fn externals(graph: &Graph) -> BTreeSet<&str> {
    let networks = graph.deployment().networks.iter();
    networks
        .map(|network| network.label.name())
        .filter(|name| graph.is_external(name))
        .collect()
}

/// The `networks` of a service.
pub(super) fn lower(lowering: &mut Lowering<'_, '_>) -> Option<Networks> {
    let name = lowering.service.name();
    let networks = attachments(lowering, |ledger, join| {
        let address = join.address.as_ref()?;
        let span = address.key_span.to(address.span);
        let diagnostic = static_address(&address.value.to_string(), span).about(name);
        ledger.decline(address.id, diagnostic);
        None
    });
    Networks::of(networks)
}

fn static_address(address: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::STATIC_ADDRESS,
        format!(
            "swarm gives every task its own address: `{address}` would be dropped without a word"
        ),
        span,
    )
    .help(
        "reach the service by name: `aliases = [\"…\"]`, or a reference such as `service.port.url`",
    )
}
