//! The search: sets of changes by how many properties they edit, each judged with the whole program.
//!
//! Services are mended at once, since what one needs seldom matters to another: a judgement tries one candidate of each.
//! Where something new appears that is nobody's, each is tried alone.

use super::layout::{self, Where, agree};
use super::places::Places;
use super::queue::{Changes, Key, Outcome, Search, Solved, keys};
use super::sites::{Site, sites};
use super::{BEYOND_POLICY, Case, Edited, Judged, Repairs, edited};
use crate::diagnostics::{Fix, Replacement, Severity};
use crate::graph::Graph;
use crate::rollout::remedies::{self, Change};
use crate::source::{Str, World};
use std::collections::{BTreeMap, BTreeSet};

/// The most judgements of a small program.
const MOST_JUDGEMENTS: usize = 240;
/// So many bytes of source are judged at most, all judgements together, but of no program fewer than
/// [`FEWEST_JUDGEMENTS`].
const MOST_BYTES: usize = 32 << 20;
const FEWEST_JUDGEMENTS: usize = 24;

pub(super) fn repairs(case: &Case<'_>, judge: &mut dyn FnMut(&dyn World) -> Judged) -> Repairs {
    let root = judge(case.world);
    let Some(graph) = &root.graph else {
        return super::beyond_policy(case.diagnostics);
    };
    let places = Places::of(case.program);
    let bytes: usize = case
        .program
        .sources
        .iter()
        .map(|(_, source)| source.text.len())
        .sum();
    let judgements = (MOST_BYTES / bytes.max(1)).clamp(FEWEST_JUDGEMENTS, MOST_JUDGEMENTS);
    let mut trial = Trial {
        case,
        places: &places,
        graph,
        known: keys(&root.diagnostics),
        judge,
        judgements,
    };
    let mended = trial.mended(&root);
    let solved = trial.together(mended);
    let singles = trial.apart(&solved);
    told(case, graph, &places, &solved, &singles)
}

/// Judging a program with edits.
struct Trial<'a, 'j> {
    case: &'a Case<'a>,
    places: &'a Places<'a>,
    graph: &'a Graph,
    /// What was said of the program as it is.
    known: BTreeSet<Key>,
    judge: &'j mut dyn FnMut(&dyn World) -> Judged,
    /// How many more there may be.
    judgements: usize,
}

impl Trial<'_, '_> {
    /// Every site with the smallest set that mends it, where one was found.
    fn mended(&mut self, root: &Judged) -> Vec<Solved> {
        let (shared, single) = sites(self.places, self.graph, &root.diagnostics);
        let mut solved = self.searched(shared, root);
        // What a template cannot have for all that use it, one of them may have for itself.
        let done: BTreeSet<Str> = solved
            .iter()
            .flat_map(|it| it.site.services.clone())
            .collect();
        for at in [Where::InPlace, Where::Over] {
            let left = single.iter().filter(|(site, over)| {
                (*over == (at == Where::Over)) && !site.services.iter().any(|it| done.contains(it))
            });
            let left: Vec<Site> = left.map(|(site, _)| Site { at, ..site.clone() }).collect();
            solved.extend(self.searched(left, root));
        }
        let done: BTreeSet<Str> = solved
            .iter()
            .flat_map(|it| it.site.services.clone())
            .collect();
        let other = |at| {
            if at == Where::Over {
                Where::InPlace
            } else {
                Where::Over
            }
        };
        let left = single
            .into_iter()
            .filter(|(site, _)| !site.services.iter().any(|it| done.contains(it)))
            .map(|(site, over)| Site {
                at: other(if over { Where::Over } else { Where::InPlace }),
                ..site
            });
        let left: Vec<Site> = left.collect();
        solved.extend(self.searched(left, root));
        solved
    }

    /// Searches for all of these sites at once.
    fn searched(&mut self, sites: Vec<Site>, root: &Judged) -> Vec<Solved> {
        let mut searches: Vec<Search> = sites
            .into_iter()
            .map(|site| {
                let outcome = self.outcome(&site, &[&site], root);
                Search::new(site, outcome)
            })
            .collect();
        loop {
            let mut batch = Vec::new();
            for (index, search) in searches.iter_mut().enumerate() {
                while let Some(changes) = search.next() {
                    let edits = self.edits(&search.site, &changes);
                    if let Some(edits) = edits {
                        batch.push((index, changes, edits));
                        break;
                    }
                }
            }
            if batch.is_empty() || self.judgements == 0 {
                break;
            }
            let tried: Vec<(&Site, &[Replacement])> = batch
                .iter()
                .filter_map(|(index, _, edits)| {
                    Some((&searches.get(*index)?.site, edits.as_slice()))
                })
                .collect();
            let outcomes = self.tried(&tried);
            for ((index, changes, edits), outcome) in batch.into_iter().zip(outcomes) {
                if let (Some(search), Some(outcome)) = (searches.get_mut(index), outcome) {
                    search.hears(&changes, edits, &outcome);
                }
            }
        }
        searches.into_iter().filter_map(Search::solved).collect()
    }

    /// The edits of some changes, of all services of a site alike.
    fn edits(&self, site: &Site, changes: &[Change]) -> Option<Vec<Replacement>> {
        let mut all: Vec<Replacement> = Vec::new();
        for name in &site.services {
            let service = self.graph.find(name)?;
            let edits = layout::edits(self.places, service, changes, site.at)?;
            if !agree(&all, &edits) {
                return None;
            }
            all.extend(edits);
            all.sort_by_key(|edit| (edit.span, edit.text.clone()));
            all.dedup();
        }
        (!all.is_empty()).then_some(all)
    }

    /// What comes of one candidate of each of some sites; `None` where there was no judgement left for it.
    fn tried(&mut self, tried: &[(&Site, &[Replacement])]) -> Vec<Option<Outcome>> {
        let mut outcomes: Vec<Option<Outcome>> = tried.iter().map(|_| None).collect();
        let mut left: Vec<usize> = (0..tried.len()).collect();
        let mut alone = false;
        while !left.is_empty() && self.judgements > 0 {
            let mut edits: Vec<Replacement> = Vec::new();
            let mut now = Vec::new();
            for index in std::mem::take(&mut left) {
                let own = tried.get(index).map_or(&[][..], |(_, own)| own);
                if (alone && !now.is_empty()) || !agree(&edits, own) {
                    left.push(index);
                } else {
                    edits.extend_from_slice(own);
                    now.push(index);
                }
            }
            let judged = self.judged(edits);
            let sites: Vec<&Site> = now
                .iter()
                .filter_map(|index| Some(tried.get(*index)?.0))
                .collect();
            let found: Vec<Outcome> = sites
                .iter()
                .map(|site| self.outcome(site, &sites, &judged))
                .collect();
            // Whose doing it is shows only alone.
            if now.len() > 1 && found.iter().any(|it| !it.news.is_empty()) {
                alone = true;
                left.extend(now);
                left.sort_unstable();
                continue;
            }
            for (index, outcome) in now.into_iter().zip(found) {
                if let Some(place) = outcomes.get_mut(index) {
                    *place = Some(outcome);
                }
            }
        }
        outcomes
    }

    fn judged(&mut self, mut edits: Vec<Replacement>) -> Judged {
        self.judgements = self.judgements.saturating_sub(1);
        edits.sort_by_key(|edit| (edit.span, edit.text.clone()));
        edits.dedup();
        let texts = edited(&self.case.program.sources, &edits);
        let world = Edited {
            world: self.case.world,
            texts: &texts,
        };
        (self.judge)(&world)
    }

    /// What a judgement says of a site.
    fn outcome(&self, site: &Site, all: &[&Site], judged: &Judged) -> Outcome {
        let of = |site: &Site, key: &Key| site.services.contains(&key.about);
        let mut outcome = Outcome {
            failing: Vec::new(),
            news: Vec::new(),
            changes: Vec::new(),
            helpless: BTreeSet::new(),
        };
        let mut helped = false;
        for diagnostic in &judged.diagnostics {
            if diagnostic.severity == Severity::Note {
                continue;
            }
            let key = Key::of(diagnostic);
            let fails = remedies::is_proof(diagnostic.code);
            if fails && of(site, &key) {
                let graph = judged.graph.as_ref();
                let service = graph.and_then(|graph| graph.find(&key.about));
                let changes = graph
                    .zip(service)
                    .map(|(graph, service)| remedies::remedies(graph, service, diagnostic.code));
                let changes = changes.unwrap_or_default();
                if changes.is_empty() {
                    outcome.helpless.insert(key.clone());
                } else if !helped {
                    helped = true;
                    outcome.changes = changes;
                }
                outcome.failing.push((diagnostic.severity, key));
            } else if !(self.known.contains(&key) || fails && all.iter().any(|site| of(site, &key)))
            {
                outcome.news.push((diagnostic.severity, key));
            }
        }
        outcome
    }

    /// Sites whose edits can be made together: what is new because of another one is left out.
    fn together(&mut self, solved: Vec<Solved>) -> Vec<Solved> {
        let mut kept: Vec<Solved> = Vec::new();
        for one in solved {
            if kept.iter().all(|other| agree(&other.edits, &one.edits)) {
                kept.push(one);
            }
        }
        if kept.len() < 2 {
            return kept;
        }
        let all = |list: &[Solved]| -> Vec<Replacement> {
            list.iter().flat_map(|it| it.edits.clone()).collect()
        };
        let known = self.known.clone();
        let sound = |judged: &Judged| {
            let errors = judged
                .diagnostics
                .iter()
                .filter(|it| it.severity == Severity::Error);
            judged.graph.is_some() && errors.map(Key::of).all(|key| known.contains(&key))
        };
        if sound(&self.judged(all(&kept))) {
            return kept;
        }
        let mut fitting: Vec<Solved> = Vec::new();
        for one in kept {
            fitting.push(one);
            if !sound(&self.judged(all(&fitting))) {
                fitting.pop();
            }
        }
        fitting
    }

    /// For each diagnostic of a site the fewest of its changes that mend it alone.
    fn apart(&mut self, solved: &[Solved]) -> BTreeMap<Key, (Changes, Vec<Replacement>)> {
        let mut found: BTreeMap<Key, (Changes, Vec<Replacement>)> = BTreeMap::new();
        for one in solved {
            if one.changes.len() < 2 || one.mended.len() < 2 {
                continue;
            }
            for changes in parts(&one.changes) {
                let wanted = one.mended.iter().any(|key| !found.contains_key(key));
                let Some(edits) = self
                    .edits(&one.site, &changes)
                    .filter(|_| wanted && self.judgements > 0)
                else {
                    continue;
                };
                let Some(Some(outcome)) = self.tried(&[(&one.site, &edits)]).pop() else {
                    continue;
                };
                let failing: BTreeSet<&Key> = outcome.failing.iter().map(|(_, key)| key).collect();
                let new = failing.iter().any(|key| !self.known.contains(key));
                if new || !outcome.news.is_empty() {
                    continue;
                }
                for key in one.mended.iter().filter(|key| !failing.contains(key)) {
                    found
                        .entry(key.clone())
                        .or_insert_with(|| (changes.clone(), edits.clone()));
                }
            }
        }
        found
    }
}

/// Parts of a set, the small ones first: of a few changes all, of many each alone.
fn parts(changes: &[Change]) -> Vec<Changes> {
    const MOST: usize = 4;
    if changes.len() > MOST {
        return changes.iter().map(|change| vec![change.clone()]).collect();
    }
    let mut choices: Vec<u32> = (1..(1_u32 << changes.len()).saturating_sub(1)).collect();
    choices.sort_by_key(|choice| choice.count_ones());
    choices
        .into_iter()
        .map(|choice| {
            let each = changes.iter().zip(0_u32..);
            each.filter(|(_, bit)| choice & (1 << bit) != 0)
                .map(|(change, _)| change.clone())
                .collect()
        })
        .collect()
}

/// What was found, for the diagnostics as they were given.
fn told(
    case: &Case<'_>,
    graph: &Graph,
    places: &Places<'_>,
    solved: &[Solved],
    singles: &BTreeMap<Key, (Changes, Vec<Replacement>)>,
) -> Repairs {
    let mut repairs = Repairs::default();
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
        let whole = solved.iter().find(|it| it.mended.contains(&key));
        match (singles.get(&key), whole) {
            (Some((changes, edits)), _) => repairs.fixes.push((index, fix(changes, edits))),
            (None, Some(all)) => repairs.fixes.push((index, fix(&all.changes, &all.edits))),
            (None, None) => {
                let why = if places.block(service.span()).is_none() {
                    "its service is written in a file of the library, which is not yours to edit"
                } else {
                    remedies::why_not(graph, service, diagnostic.code)
                };
                repairs.left.push((index, why.to_owned()));
            }
        }
    }
    let edited = solved.iter().flat_map(|it| &it.changes);
    repairs.properties = edited.map(Change::properties).sum();
    repairs.edits = solved.iter().flat_map(|it| it.edits.clone()).collect();
    repairs
        .edits
        .sort_by_key(|edit| (edit.span, edit.text.clone()));
    repairs.edits.dedup();
    repairs
}

fn fix(changes: &[Change], edits: &[Replacement]) -> Fix {
    let words: Vec<String> = changes.iter().map(ToString::to_string).collect();
    Fix {
        title: words.join(", and "),
        edits: edits.to_vec(),
    }
}
