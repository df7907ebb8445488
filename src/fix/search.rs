//! The search: sets of changes by how many properties they edit, each judged with the whole program.
//!
//! Services are mended at once, since what one needs seldom matters to another: a judgement tries one candidate of each.
//! Where something new appears that is nobody's, halves of them are tried until it is known whose it is.

use super::layout::{self, Where, agree};
use super::places::Places;
use super::queue::{Changes, Ended, Key, Outcome, Search, Solved, is_of_one, keys};
use super::sites::{Site, Sites, sites};
use super::{Case, Edited, Judged, Repairs, edited, told};
use crate::diagnostics::{Replacement, Severity};
use crate::graph::Graph;
use crate::rollout::remedies::{self, Change};
use crate::source::{Span, Str, World};
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
        blocks: blocks(graph),
        judge,
        judgements,
        ended: BTreeMap::new(),
        harmful: BTreeSet::new(),
    };
    let mended = trial.mended(&root);
    let pruned = trial.pruned(mended);
    let solved = trial.together(pruned);
    let singles = trial.apart(&solved);
    let found = told::Found {
        ended: &trial.ended,
        harmful: &trial.harmful,
        solved: &solved,
        singles: &singles,
    };
    told::told(case, graph, &places, &found)
}

/// Judging a program with edits.
pub(super) struct Trial<'a, 'j> {
    case: &'a Case<'a>,
    places: &'a Places<'a>,
    graph: &'a Graph,
    /// What was said of the program as it is.
    pub(super) known: BTreeSet<Key>,
    /// How many services each block makes.
    blocks: BTreeMap<Span, usize>,
    judge: &'j mut dyn FnMut(&dyn World) -> Judged,
    /// How many more there may be.
    pub(super) judgements: usize,
    /// How searches ended that did not find all.
    ended: BTreeMap<Str, Ended>,
    /// What could be mended, but for what that would cause.
    harmful: BTreeSet<Key>,
}

fn blocks(graph: &Graph) -> BTreeMap<Span, usize> {
    let mut blocks = BTreeMap::new();
    for service in graph.services() {
        *blocks.entry(service.span()).or_default() += 1;
    }
    blocks
}

impl Trial<'_, '_> {
    /// Every site with the smallest set that mends it, where one was found: where its policy stands if that is its own or
    /// shared by those that fail alike, else over its template; and then the other way. A template of another file comes
    /// after what can be written over it.
    fn mended(&mut self, root: &Judged) -> Vec<Solved> {
        let Sites {
            shared,
            imported,
            single,
        } = sites(self.places, self.graph, &root.diagnostics);
        let at = |site: &Site, at| Site { at, ..site.clone() };
        let first = single.iter().map(|(site, over)| at(site, Where::of(*over)));
        let second = single.iter().map(|(site, over)| at(site, Where::of(!over)));
        let rounds: [Vec<Site>; 4] = [shared, first.collect(), imported, second.collect()];
        let mut tried = BTreeSet::new();
        let mut solved: Vec<Solved> = Vec::new();
        let mut partly: Vec<Solved> = Vec::new();
        let services = |solved: &[Solved]| -> BTreeSet<Str> {
            let services = solved.iter().flat_map(|it| it.site.services.clone());
            services.collect()
        };
        for round in rounds {
            let done = services(&solved);
            let left = round.into_iter().filter(|site| {
                let fails = !site.services.iter().any(|it| done.contains(it));
                fails && tried.insert(site.clone())
            });
            let left: Vec<Site> = left.collect();
            for one in self.searched(left, root) {
                // What does not do over a template may do in it, though others may use it.
                let is_partial = one.site.is_imported && !one.is_whole;
                let list = if is_partial { &mut partly } else { &mut solved };
                list.push(one);
            }
        }
        let mut done = services(&solved);
        for one in partly {
            if one.site.services.iter().all(|it| !done.contains(it)) {
                done.extend(one.site.services.iter().cloned());
                solved.push(one);
            }
        }
        solved
    }

    /// Searches for all of these sites at once.
    fn searched(&mut self, sites: Vec<Site>, root: &Judged) -> Vec<Solved> {
        let all: Vec<&Site> = sites.iter().collect();
        let outcomes = self.outcomes(&all, root);
        let searches = sites.into_iter().zip(outcomes);
        let mut searches: Vec<Search> = searches
            .map(|(site, outcome)| Search::new(site, outcome))
            .collect();
        loop {
            let mut batch = Vec::new();
            for (index, search) in searches.iter_mut().enumerate() {
                while let Some(changes) = search.next() {
                    let whole = self.whole(&search.site, &changes);
                    if let Some(edits) = self.edits(&search.site, &whole) {
                        search.written = true;
                        batch.push((index, changes, edits));
                        break;
                    }
                }
            }
            if batch.is_empty() {
                break;
            }
            // What nobody judges any more waits, so that it is known to be left.
            if self.judgements == 0 {
                for (index, changes, _) in batch {
                    if let Some(search) = searches.get_mut(index) {
                        search.wait(changes);
                    }
                }
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
                match (searches.get_mut(index), outcome) {
                    (Some(search), Some(outcome)) => search.hears(changes, edits, outcome),
                    (Some(search), None) => search.wait(changes),
                    (None, _) => {}
                }
            }
        }
        for search in &searches {
            self.harmful.extend(search.harmful().cloned());
            if let Some(ended) = search.ended() {
                for service in &search.site.services {
                    let known = self.ended.entry(service.clone()).or_insert(ended);
                    *known = ended.max(*known);
                }
            }
        }
        searches.into_iter().filter_map(Search::solved).collect()
    }

    /// Some changes with what a derived update had, where they write one in its place: it is judged with them.
    pub(super) fn whole(&self, site: &Site, changes: &[Change]) -> Changes {
        let mut whole = changes.to_vec();
        if changes.iter().any(Change::writes_update) {
            let of = |name: &Str| {
                let service = self.graph.find(name)?;
                remedies::carried(self.graph, service, changes)
            };
            let each: Option<Vec<Change>> = site.services.iter().map(of).collect();
            let carried = each.and_then(|each| each.into_iter().next());
            // What says another thing of it says that.
            whole.extend(carried.filter(|it| !changes.iter().any(|own| is_of_one(own, it))));
            whole.sort();
        }
        whole
    }

    /// The edits of some changes, of all services of a site alike.
    pub(super) fn edits(&self, site: &Site, changes: &[Change]) -> Option<Vec<Replacement>> {
        let mut all: BTreeSet<Replacement> = BTreeSet::new();
        for name in &site.services {
            let service = self.graph.find(name)?;
            let alone = self.blocks.get(&service.span()) == Some(&1);
            let edits = layout::edits(self.places, (service, alone), changes, site.at)?;
            if !agree(&all, &edits) {
                return None;
            }
            all.extend(edits);
        }
        (!all.is_empty()).then(|| all.into_iter().collect())
    }

    /// What comes of one candidate of each of some sites; `None` where there was no judgement left for it.
    pub(super) fn tried(&mut self, tried: &[(&Site, &[Replacement])]) -> Vec<Option<Outcome>> {
        let mut outcomes: Vec<Option<Outcome>> = tried.iter().map(|_| None).collect();
        let mut waiting: Vec<Vec<usize>> = vec![(0..tried.len()).collect()];
        while let Some(group) = waiting.pop().filter(|_| self.judgements > 0) {
            let mut edits: BTreeSet<Replacement> = BTreeSet::new();
            let (mut now, mut later) = (Vec::new(), Vec::new());
            for index in group {
                let own = tried.get(index).map_or(&[][..], |(_, own)| own);
                if agree(&edits, own) {
                    edits.extend(own.iter().cloned());
                    now.push(index);
                } else {
                    later.push(index);
                }
            }
            if !later.is_empty() {
                waiting.push(later);
            }
            let judged = self.judged(edits);
            let sites = now.iter().filter_map(|index| Some(tried.get(*index)?.0));
            let sites: Vec<&Site> = sites.collect();
            let found = self.outcomes(&sites, &judged);
            // Whose doing it is shows when they are told apart.
            if now.len() > 1 && found.iter().any(|it| !it.news.is_empty()) {
                let half = now.split_off(now.len() / 2);
                waiting.extend([half, now]);
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

    fn judged(&mut self, edits: BTreeSet<Replacement>) -> Judged {
        self.judgements = self.judgements.saturating_sub(1);
        let edits: Vec<Replacement> = edits.into_iter().collect();
        let texts = edited(&self.case.program.sources, &edits);
        let world = Edited {
            world: self.case.world,
            texts: &texts,
        };
        (self.judge)(&world)
    }

    /// What a judgement says of each of some sites, in one pass: there may be thousands of both.
    fn outcomes(&self, sites: &[&Site], judged: &Judged) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = sites.iter().map(|_| Outcome::default()).collect();
        let mut of: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, site) in sites.iter().enumerate() {
            of.extend(site.services.iter().map(|name| (&**name, index)));
        }
        let mut news = Vec::new();
        for diagnostic in &judged.diagnostics {
            if diagnostic.severity == Severity::Note {
                continue;
            }
            let key = Key::of(diagnostic);
            let fails = remedies::is_proof(diagnostic.code);
            let site = of.get(&*key.about).filter(|_| fails);
            let place = site.and_then(|site| Some((sites.get(*site)?, outcomes.get_mut(*site)?)));
            let Some((site, outcome)) = place else {
                if !self.known.contains(&key) {
                    news.push((diagnostic.severity, key));
                }
                continue;
            };
            if !outcome.remedies.contains_key(&key) && !outcome.helpless.contains(&key) {
                let graph = judged.graph.as_ref();
                let service = graph.and_then(|graph| Some((graph, graph.find(&key.about)?)));
                let changes = service
                    .map(|(graph, service)| remedies::remedies(graph, service, diagnostic.code));
                let mut changes = changes.unwrap_or_default();
                changes.retain(|change| site.is_asked_alike || !change.is_check());
                if changes.is_empty() {
                    outcome.helpless.insert(key.clone());
                } else {
                    outcome.remedies.insert(key.clone(), changes);
                }
            }
            outcome.failing.push((diagnostic.severity, key));
        }
        for outcome in &mut outcomes {
            outcome.news.clone_from(&news);
        }
        outcomes
    }

    /// Sites whose edits can be made together: what is new because of another one is left out.
    fn together(&mut self, solved: Vec<Solved>) -> Vec<Solved> {
        let mut kept: Vec<Solved> = Vec::new();
        let mut taken: BTreeSet<Replacement> = BTreeSet::new();
        for one in solved {
            if agree(&taken, &one.edits) {
                taken.extend(one.edits.iter().cloned());
                kept.push(one);
            }
        }
        if kept.len() < 2 {
            return kept;
        }
        let all = |list: &[Solved]| -> BTreeSet<Replacement> {
            list.iter().flat_map(|it| it.edits.clone()).collect()
        };
        let known = self.known.clone();
        let sound =
            |judged: &Judged| judged.graph.is_some() && keys(&judged.diagnostics).is_subset(&known);
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
}
