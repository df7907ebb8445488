//! `allow CODE { because = "…", until = DATE }`: a service accepts a diagnostic about itself.

use crate::diagnostics::{Code, Diagnostic, Diagnostics, Severity, catalogue};
use crate::graph::Graph;
use crate::types::Date;
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
    /// The last day, where that is past.
    ended: Option<Date>,
    used: bool,
}

impl<'g> Waivers<'g> {
    /// Every `allow` of a graph.
    pub fn of(graph: &'g Graph) -> Self {
        let allowed = graph.services().flat_map(|service| {
            let allows = service.node.service.body.allow.iter();
            allows.map(move |allow| Waiver {
                service: service.name(),
                allow,
                ended: graph.ended(allow),
                used: false,
            })
        });
        Self {
            list: allowed.collect(),
        }
    }

    /// What no service accepts of what was found about it. What one accepted until a day that is
    /// past comes back, and says so.
    pub fn apply(&mut self, found: Diagnostics) -> Diagnostics {
        self.sift(found, |_, _| None)
    }

    /// The same, where what is accepted is told as a note, with why: of a step nobody else tells it.
    pub fn apply_and_tell(&mut self, found: Diagnostics) -> Diagnostics {
        self.sift(found, |diagnostic, allow| Some(accepted(diagnostic, allow)))
    }

    fn sift(
        &mut self,
        found: Diagnostics,
        tell: impl Fn(Diagnostic, &Node<Allow>) -> Option<Diagnostic>,
    ) -> Diagnostics {
        let mut kept = Diagnostics::default();
        for diagnostic in found {
            let waiver = self
                .list
                .iter_mut()
                .find(|waiver| waiver.is_for(&diagnostic));
            match waiver {
                Some(waiver) => {
                    waiver.used = true;
                    if let Some(ended) = waiver.ended {
                        kept.push(no_longer(diagnostic, waiver.allow, ended));
                    } else if let Some(told) = tell(diagnostic, waiver.allow) {
                        kept.push(told);
                    }
                }
                None => kept.push(diagnostic),
            }
        }
        kept
    }

    /// A diagnostic for each `allow CODE` that silenced nothing. Downtime is no code: a promise that
    /// is not made has nothing to silence.
    pub fn unused(self) -> impl Iterator<Item = Diagnostic> {
        let unused = self
            .list
            .into_iter()
            .filter(|waiver| !waiver.used && !waiver.is_downtime() && !waiver.is_of_a_change());
        unused.map(|waiver| unused_allow(waiver.service, waiver.allow))
    }
}

impl Waiver<'_> {
    fn is_downtime(&self) -> bool {
        self.allow.label.name() == "downtime"
    }

    /// Whether it is about what only a comparison of two revisions finds.
    fn is_of_a_change(&self) -> bool {
        let code = catalogue::find(self.allow.label.name());
        code.is_some_and(Code::is_of_a_change)
    }

    /// Whether it is about this. An `allow downtime` in force keeps its diagnostics from being
    /// found at all; one that ended is about all that a promise brings.
    fn is_for(&self, diagnostic: &Diagnostic) -> bool {
        let about = diagnostic.service.as_deref() == Some(self.service);
        let named = if self.is_downtime() {
            self.ended.is_some() && diagnostic.code.id.starts_with("ZD4")
        } else {
            catalogue::find(self.allow.label.name()) == Some(diagnostic.code)
        };
        about && named
    }
}

/// What is accepted, for whoever reads what a step does.
fn accepted(diagnostic: Diagnostic, allow: &Node<Allow>) -> Diagnostic {
    let because = allow.because.as_ref().map_or("", |why| &why.value);
    let code = allow.label.name();
    diagnostic
        .severity(Severity::Note)
        .note(format!("accepted by `allow {code}`: {because}"))
}

/// What was accepted, and is not any more.
fn no_longer(diagnostic: Diagnostic, allow: &Node<Allow>, ended: Date) -> Diagnostic {
    let because = allow.because.as_ref().map_or("", |why| &why.value);
    let place = allow.until.as_ref().map_or(allow.span, |until| until.span);
    diagnostic
        .and(place, format!("accepted until {ended}"))
        .note(format!("the `allow` has ended: {because}"))
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
