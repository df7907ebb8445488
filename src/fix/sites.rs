//! Which services are mended by one edit: those that one text is the policy of.

use super::layout::Where;
use super::places::Places;
use crate::diagnostics::{Diagnostic, Severity};
use crate::graph::{Graph, ServiceView};
use crate::rollout::remedies;
use crate::source::{Span, Str};
use std::collections::{BTreeMap, BTreeSet};

/// Services that are mended by one edit, and where it is made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Site {
    pub(super) services: Vec<Str>,
    pub(super) at: Where,
    /// Whether one new check would do for all of them: images have different programs to ask with.
    pub(super) is_asked_alike: bool,
    /// Whether policy of theirs stands in a template of another file, which other programs may import.
    pub(super) is_imported: bool,
}

/// All that fails, by what mends it.
#[derive(Default)]
pub(super) struct Sites {
    /// Services that share a template of their own file and fail alike, where all that use it do.
    pub(super) shared: Vec<Site>,
    /// The same of templates of other files.
    pub(super) imported: Vec<Site>,
    /// Each alone, with whether it is to be edited over its template.
    pub(super) single: Vec<(Site, bool)>,
}

impl Site {
    fn new(graph: &Graph, services: Vec<Str>, is_imported: bool) -> Self {
        let checks = |name: &Str| graph.find(name).map(|it| remedies::checks(graph, it));
        let mut others = services.iter();
        let is_asked_alike = match others.next().map(checks) {
            Some(first) => others.all(|other| checks(other) == first),
            None => true,
        };
        Self {
            services,
            at: Where::InPlace,
            is_asked_alike,
            is_imported,
        }
    }
}

/// The services that fail, by what mends them.
pub(super) fn sites(places: &Places<'_>, graph: &Graph, diagnostics: &[Diagnostic]) -> Sites {
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
    let mut texts: BTreeMap<Str, Vec<Span>> = BTreeMap::new();
    let mut users: BTreeMap<Span, Vec<Str>> = BTreeMap::new();
    for service in graph.services() {
        let name: Str = service.name().into();
        let own = texts_of(places, service);
        for text in &own {
            users.entry(*text).or_default().push(name.clone());
        }
        texts.insert(name, own);
    }
    let mut made: BTreeMap<Span, Vec<Str>> = BTreeMap::new();
    for (name, service) in order
        .iter()
        .filter_map(|name| Some((name, graph.find(name)?)))
    {
        made.entry(service.span()).or_default().push(name.clone());
    }
    let mut sites = Sites::default();
    let mut heads: BTreeSet<Span> = BTreeSet::new();
    let mut together: BTreeSet<Str> = BTreeSet::new();
    for name in &order {
        let Some(service) = graph.find(name) else {
            continue;
        };
        let Some(own) = texts.get(name).filter(|own| !own.is_empty()) else {
            continue;
        };
        let elsewhere = |text: &Span| text.file != service.span().file;
        let is_imported = own.iter().any(elsewhere);
        let all: BTreeSet<&Str> = own
            .iter()
            .filter_map(|text| users.get(text))
            .flatten()
            .collect();
        let alike =
            |user: &&Str| failing.get(*user) == failing.get(name) && texts.get(*user) == Some(own);
        if all.iter().all(alike) && !together.contains(name) {
            let services: Vec<Str> = all.into_iter().cloned().collect();
            together.extend(services.iter().cloned());
            let site = Site::new(graph, services, is_imported);
            let list = if is_imported {
                &mut sites.imported
            } else {
                &mut sites.shared
            };
            list.extend(site.is_asked_alike.then_some(site));
        }
        // What a loop or a component makes of one block is edited once.
        if heads.insert(service.span()) {
            let mut services: Vec<Str> = made.get(&service.span()).cloned().unwrap_or_default();
            services.sort();
            let site = Site::new(graph, services, is_imported);
            sites.single.push((site, !own.contains(&service.span())));
        }
    }
    sites
}

/// The texts that a service's policy is written in: the templates of the user's that it uses, else its own block; none
/// where that is in another's file.
fn texts_of(places: &Places<'_>, service: ServiceView<'_>) -> Vec<Span> {
    let Some(own) = places.block(service.span()) else {
        return Vec::new();
    };
    let templates = places.templates(own.it);
    let templates = templates.iter().map(|body| body.span);
    let texts: Vec<Span> = templates.filter(|span| places.is_own(span.file)).collect();
    if texts.is_empty() {
        vec![service.span()]
    } else {
        texts
    }
}
