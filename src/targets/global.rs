//! A service with one instance on each node, on every target that has nodes.

use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::vocabulary::{Attribute, Mode};

/// How many nodes there are decides how many instances.
pub(super) fn with_replicas(replicas: Span, mode: &Attribute<Mode>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::GLOBAL_WITH_REPLICAS,
        "a global service has one instance on each node, and no number of replicas",
        replicas,
    )
    .and(mode.span, "global")
    .help("take out one of the two")
}
