//! `allow CODE { because = "…" }`: a service accepts a diagnostic about itself.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::Graph;
use crate::vocabulary::{Allow, Node};

/// What the services of a graph accept, and which of it was found.
#[derive(Debug)]
pub struct Waivers<'g> {
    list: Vec<Waiver<'g>>,
}

#[derive(Debug)]
struct Waiver<'g> {
    service: &'g str,
    allow: &'g Node<Allow>,
    used: bool,
}

impl<'g> Waivers<'g> {
    /// Every `allow CODE` of a graph.
    pub fn of(graph: &'g Graph) -> Self {
        let allowed = graph.services().flat_map(|service| {
            let allows = service.node.service.body.allow.iter();
            allows.map(move |allow| Waiver {
                service: service.name(),
                allow,
                used: false,
            })
        });
        Self {
            list: allowed
                .filter(|waiver| waiver.allow.label.name() != "downtime")
                .collect(),
        }
    }

    /// What no service accepts of what was found about it.
    pub fn apply(&mut self, found: Diagnostics) -> Diagnostics {
        let mut kept = Diagnostics::default();
        for diagnostic in found {
            let waiver = self.list.iter_mut().find(|waiver| {
                diagnostic.service.as_deref() == Some(waiver.service)
                    && catalogue::find(waiver.allow.label.name()) == Some(diagnostic.code)
            });
            match waiver {
                Some(waiver) => waiver.used = true,
                None => kept.push(diagnostic),
            }
        }
        kept
    }

    /// A diagnostic for each `allow` that silenced nothing.
    pub fn unused(self) -> impl Iterator<Item = Diagnostic> {
        let unused = self.list.into_iter().filter(|waiver| !waiver.used);
        unused.map(|waiver| unused_allow(waiver.service, waiver.allow))
    }
}

/// An `allow` without anything to allow.
fn unused_allow(service: &str, allow: &Node<Allow>) -> Diagnostic {
    let code = allow.label.name();
    Diagnostic::new(
        &catalogue::UNUSED_ALLOW,
        format!("`{service}` allows `{code}`, which is not found in it"),
        allow.span,
    )
    .help("take the `allow` out, so that it cannot hide a fault that comes later")
}
