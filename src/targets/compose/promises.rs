//! What a developer's machine does not keep of production, said once.

use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Graph, Promise, ServiceView};
use crate::source::Span;
use crate::targets::Ledger;
use crate::vocabulary::TargetId;

/// One note for the whole program, where there is something that it leaves out.
pub(super) fn told(graph: &Graph, ledger: &mut Ledger<'_>) {
    let promised = graph
        .services_on(TargetId::Compose)
        .any(|service| matches!(graph.promise(service), Promise::Capacity { .. }));
    let written = without_effect(graph);
    if !promised && written.is_empty() {
        return;
    }
    let Some(span) = chosen(graph) else {
        return;
    };
    let text = "compose keeps no promise: `docker compose up` stops a container before it starts \
                the one that takes its place";
    let mut note = Diagnostic::new(&catalogue::NO_PROMISE_ON_COMPOSE, text, span)
        .labelled("for development, on one host")
        .help("nothing has to be done; ship with another target");
    if !written.is_empty() {
        let words: Vec<String> = written.iter().map(|word| format!("`{word}`")).collect();
        note = note.note(format!("without effect there: {}", words.join(", ")));
    }
    ledger.report(note);
}

/// The words that are written for services of the project and have no effect there.
fn without_effect(graph: &Graph) -> Vec<&'static str> {
    type Written = fn(ServiceView<'_>) -> bool;
    const WORDS: [(&str, Written); 4] = [
        ("update", |service| service.node.service.update.is_some()),
        ("availability", |service| {
            service.node.service.availability.is_some()
        }),
        ("placement", |service| {
            service.node.service.placement.is_some()
        }),
        ("scale", |service| service.node.service.scale.is_some()),
    ];
    let is_written = |written: Written| graph.services_on(TargetId::Compose).any(written);
    let words = WORDS
        .into_iter()
        .filter(|(_, written)| is_written(*written));
    words.map(|(word, _)| word).collect()
}

/// Where the target was chosen.
fn chosen(graph: &Graph) -> Option<Span> {
    let app = graph.app()?;
    let named = app.targets.iter().flat_map(|targets| &targets.value);
    let named = named
        .into_iter()
        .find(|target| target.value == TargetId::Compose);
    Some(named.map_or(app.span, |target| target.span))
}
