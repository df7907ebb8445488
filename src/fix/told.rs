//! What a search found, for each diagnostic: the edit that mends it, or why there is none.

use super::places::Places;
use super::queue::{Changes, Ended, Key, Solved};
use super::{BEYOND_POLICY, Case, Repairs};
use crate::diagnostics::{Fix, Replacement, Severity};
use crate::graph::Graph;
use crate::rollout::remedies::{self, Change};
use crate::source::Str;
use std::collections::{BTreeMap, BTreeSet};

/// What a search found.
pub(super) struct Found<'a> {
    /// How searches ended that did not find all, by service.
    pub(super) ended: &'a BTreeMap<Str, Ended>,
    /// What could be mended, but for what that would cause.
    pub(super) harmful: &'a BTreeSet<Key>,
    /// What mends each site.
    pub(super) solved: &'a [Solved],
    /// What mends a diagnostic alone.
    pub(super) singles: &'a BTreeMap<Key, (Changes, Vec<Replacement>)>,
}

/// What was found, for the diagnostics as they were given.
pub(super) fn told(
    case: &Case<'_>,
    graph: &Graph,
    places: &Places<'_>,
    found: &Found<'_>,
) -> Repairs {
    let (solved, singles, ended) = (found.solved, found.singles, found.ended);
    let mut repairs = Repairs::default();
    let mended = solved
        .iter()
        .flat_map(|it| it.mended.iter().map(move |key| (key, it)));
    let mended: BTreeMap<&Key, &Solved> = mended.collect();
    for (index, diagnostic) in case.diagnostics.iter().enumerate() {
        let fails = diagnostic.severity > Severity::Note && remedies::is_proof(diagnostic.code);
        let key = Key::of(diagnostic);
        let service = graph.find(&key.about).filter(|_| fails);
        let Some(service) = service else {
            if diagnostic.severity == Severity::Error {
                repairs.left.push((index, BEYOND_POLICY.to_owned()));
            }
            continue;
        };
        let whole = mended.get(&key);
        match (singles.get(&key), whole) {
            (Some((changes, edits)), _) => repairs.fixes.push((index, fix(places, changes, edits))),
            (None, Some(all)) => {
                let fix = fix(places, &all.whole, &all.edits);
                repairs.fixes.push((index, fix));
            }
            (None, None) => {
                let why = match ended.get(&key.about) {
                    _ if places.block(service.span()).is_none() => {
                        "its service is written in a file of the library, which is not yours to edit"
                    }
                    Some(Ended::GivenUp) => {
                        "the search ended before all was tried; mend something else first, or this by hand"
                    }
                    Some(Ended::Unwritable) => {
                        "what would mend it is computed, and for other services too"
                    }
                    _ => {
                        let why = remedies::why_not(graph, service, diagnostic.code);
                        if why == remedies::NO_CHANGE && found.harmful.contains(&key) {
                            "what of its policy would mend it causes something else"
                        } else {
                            why
                        }
                    }
                };
                repairs.left.push((index, why.to_owned()));
            }
        }
    }
    for one in solved {
        let names: Vec<String> = one
            .site
            .services
            .iter()
            .map(|it| format!("`{it}`"))
            .collect();
        let title = fix(places, &one.whole, &one.edits).title;
        repairs
            .titles
            .push(format!("{}: {title}", names.join(", ")));
    }
    let edited = solved.iter().flat_map(|it| &it.whole);
    repairs.properties = edited.map(Change::properties).sum();
    let edits = solved.iter().flat_map(|it| it.edits.clone());
    repairs.edits = edits.collect::<BTreeSet<_>>().into_iter().collect();
    repairs
}

fn fix(places: &Places<'_>, changes: &[Change], edits: &[Replacement]) -> Fix {
    let words = remedies::in_words(changes);
    let shared = edits.iter().find_map(|edit| places.importable(edit.span));
    let title = match shared {
        Some(path) => format!("{words}; in `{path}`, which other programs may import"),
        None => words,
    };
    Fix {
        title,
        edits: edits.to_vec(),
    }
}
