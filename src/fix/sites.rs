//! Which services are mended by one edit: those that one text is the policy of.

use super::layout::Where;
use super::places::Places;
use crate::diagnostics::{Diagnostic, Severity};
use crate::graph::{Graph, ServiceView};
use crate::rollout::remedies;
use crate::source::{Span, Str};
use std::collections::{BTreeMap, BTreeSet};

/// Services that are mended by one edit, and where it is made.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) services: Vec<Str>,
    pub(super) at: Where,
}

/// The services that fail, by what mends them: those that share a template and fail alike, where all that use it do;
/// and each alone, with whether it is to be edited over its template.
pub(super) fn sites(
    places: &Places<'_>,
    graph: &Graph,
    diagnostics: &[Diagnostic],
) -> (Vec<Site>, Vec<(Site, bool)>) {
    let mut failing: BTreeMap<Str, Vec<&'static str>> = BTreeMap::new();
    let mut order: Vec<Str> = Vec::new();
    for diagnostic in diagnostics {
        let fails = diagnostic.severity > Severity::Note && remedies::is_proof(diagnostic.code);
        if let Some(service) = diagnostic.service.as_ref().filter(|_| fails) {
            let codes = failing.entry(service.clone()).or_default();
            if codes.is_empty() {
                order.push(service.clone());
            }
            codes.push(diagnostic.code.id);
        }
    }
    for codes in failing.values_mut() {
        codes.sort_unstable();
    }
    let mut users: BTreeMap<Span, Vec<Str>> = BTreeMap::new();
    for service in graph.services() {
        if let Some(text) = text_of(places, service) {
            users.entry(text).or_default().push(service.name().into());
        }
    }
    let mut shared: Vec<Site> = Vec::new();
    let mut single = Vec::new();
    let mut heads: BTreeSet<Span> = BTreeSet::new();
    let mut together: BTreeSet<Str> = BTreeSet::new();
    for name in &order {
        let Some(service) = graph.find(name) else {
            continue;
        };
        let Some(text) = text_of(places, service) else {
            continue;
        };
        let all = users.get(&text).map_or(&[][..], Vec::as_slice);
        let alike = all
            .iter()
            .all(|user| failing.get(user) == failing.get(name));
        if alike && !together.contains(name) {
            together.extend(all.iter().cloned());
            shared.push(Site {
                services: all.to_vec(),
                at: Where::InPlace,
            });
        }
        // What a loop or a component makes of one block is edited once.
        if heads.insert(service.span()) {
            let same = order.iter().filter(|other| {
                graph
                    .find(other)
                    .is_some_and(|other| other.span() == service.span())
            });
            let site = Site {
                services: same.cloned().collect(),
                at: Where::InPlace,
            };
            single.push((site, text != service.span()));
        }
    }
    (shared, single)
}

/// The text that a service's policy is written in: its template where it uses one of the user's, else its own block.
fn text_of(places: &Places<'_>, service: ServiceView<'_>) -> Option<Span> {
    let own = places.block(service.span())?;
    let templates = places.templates(own.it);
    let template = templates.last().map(|body| body.span);
    let template = template.filter(|span| places.is_own(span.file));
    Some(template.unwrap_or(service.span()))
}
