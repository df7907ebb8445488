//! Fewer changes of what was found: those without which as much is mended, and for each diagnostic those that it needs.

use super::queue::{Changes, Key, Solved};
use super::search::Trial;
use super::sites::Site;
use crate::diagnostics::Replacement;
use crate::rollout::remedies::Change;
use std::collections::{BTreeMap, BTreeSet};

impl Trial<'_, '_> {
    /// Every site without the changes without which as much is mended.
    pub(super) fn pruned(&mut self, mut solved: Vec<Solved>) -> Vec<Solved> {
        for one in &mut solved {
            one.whole = self.whole(&one.site, &one.changes);
        }
        let all = solved.iter().enumerate();
        let several = all.filter(|(_, it)| it.changes.len() > 1);
        let wanted: Vec<(usize, BTreeSet<Key>)> = several
            .map(|(index, it)| (index, it.mended.clone()))
            .collect();
        let fewest = self.fewest(&solved, &wanted);
        for ((index, _), (changes, edits)) in wanted.into_iter().zip(fewest) {
            if let Some(one) = solved.get_mut(index) {
                one.whole = one.with_carried(&changes);
                one.changes = changes;
                one.edits = edits;
            }
        }
        solved
    }

    /// Of each of these sites changes that mend what is wanted, and of which none can be left out.
    fn fewest(
        &mut self,
        solved: &[Solved],
        wanted: &[(usize, BTreeSet<Key>)],
    ) -> Vec<(Changes, Vec<Replacement>)> {
        let ones: Vec<(&Solved, &BTreeSet<Key>)> = wanted
            .iter()
            .filter_map(|(index, keys)| Some((solved.get(*index)?, keys)))
            .collect();
        let mut found: Vec<(Changes, Vec<Replacement>)> = ones
            .iter()
            .map(|(one, _)| (one.changes.clone(), one.edits.clone()))
            .collect();
        let left_out: Vec<Vec<Changes>> = ones.iter().map(|it| left_out(&it.0.changes)).collect();
        let most = left_out.iter().map(Vec::len).max();
        for turn in 0..most.unwrap_or_default() {
            let mut batch = Vec::new();
            for (place, (one, _)) in ones.iter().enumerate() {
                let out = left_out.get(place).and_then(|it| it.get(turn));
                let (Some(out), Some((changes, _))) = (out, found.get(place)) else {
                    continue;
                };
                let mut fewer = changes.clone();
                fewer.retain(|it| !out.contains(it));
                if fewer.len() == changes.len() {
                    continue;
                }
                let edits = self.edits(&one.site, &one.with_carried(&fewer));
                batch.extend(edits.map(|edits| (place, fewer, edits)));
            }
            let tried: Vec<(&Site, &[Replacement])> = batch
                .iter()
                .filter_map(|(place, _, edits)| Some((&ones.get(*place)?.0.site, &**edits)))
                .collect();
            let outcomes = self.tried(&tried);
            for ((place, fewer, edits), outcome) in batch.into_iter().zip(outcomes) {
                let does = ones.get(place).zip(outcome).is_some_and(|((_, keys), it)| {
                    let mut failing = it.failing.iter().map(|(_, key)| key);
                    let fits = |key: &Key| self.known.contains(key) && !keys.contains(key);
                    it.news.is_empty() && failing.all(fits)
                });
                if let Some(place) = found.get_mut(place).filter(|_| does) {
                    *place = (fewer, edits);
                }
            }
        }
        found
    }

    /// For each diagnostic of a site the fewest of its changes that mend it alone.
    pub(super) fn apart(
        &mut self,
        solved: &[Solved],
    ) -> BTreeMap<Key, (Changes, Vec<Replacement>)> {
        let mut found: BTreeMap<Key, (Changes, Vec<Replacement>)> = BTreeMap::new();
        let several = solved
            .iter()
            .filter(|it| it.changes.len() > 1 && it.mended.len() > 1);
        let mut parts: Vec<(&Solved, std::vec::IntoIter<Changes>)> = several
            .map(|it| (it, parts(&it.changes).into_iter()))
            .collect();
        while self.judgements > 0 {
            let mut batch = Vec::new();
            for (one, parts) in &mut parts {
                let wanted = one.mended.iter().any(|key| !found.contains_key(key));
                let next = parts.next().filter(|_| wanted);
                let edits = next.and_then(|changes| {
                    let changes = one.with_carried(&changes);
                    let edits = self.edits(&one.site, &changes)?;
                    Some((*one, changes, edits))
                });
                batch.extend(edits);
            }
            parts.retain(|(_, parts)| parts.len() > 0);
            if batch.is_empty() && parts.is_empty() {
                break;
            }
            let tried = batch
                .iter()
                .map(|(one, _, edits)| (&one.site, edits.as_slice()));
            let tried: Vec<(&Site, &[Replacement])> = tried.collect();
            let outcomes = if tried.is_empty() {
                Vec::new()
            } else {
                self.tried(&tried)
            };
            for ((one, changes, edits), outcome) in batch.iter().zip(outcomes) {
                let Some(outcome) = outcome.filter(|outcome| outcome.news.is_empty()) else {
                    continue;
                };
                let failing = outcome.failing.into_iter().map(|(_, key)| key);
                let failing: BTreeSet<Key> = failing.collect();
                if failing.iter().all(|key| self.known.contains(key)) {
                    for key in one.mended.difference(&failing) {
                        let fix = || (changes.clone(), edits.clone());
                        found.entry(key.clone()).or_insert_with(fix);
                    }
                }
            }
        }
        // Of many changes not every part was tried.
        loop {
            let all = solved.iter().enumerate();
            let wanted = all.filter(|(_, it)| it.changes.len() > MOST_IN_PARTS);
            let wanted: Vec<(usize, BTreeSet<Key>)> = wanted
                .filter_map(|(index, it)| {
                    let key = it.mended.iter().find(|key| !found.contains_key(key))?;
                    Some((index, BTreeSet::from([key.clone()])))
                })
                .collect();
            if wanted.is_empty() {
                return found;
            }
            let fewest = self.fewest(solved, &wanted);
            for ((index, keys), (changes, edits)) in wanted.into_iter().zip(fewest) {
                let Some(one) = solved.get(index) else {
                    continue;
                };
                let whole = one.with_carried(&changes);
                found.extend(
                    keys.into_iter()
                        .map(|key| (key, (whole.clone(), edits.clone()))),
                );
            }
        }
    }
}

/// What is tried to be left out, in this order: all of an update at once, where one part of it may hold only with the
/// others, and then each change alone.
fn left_out(changes: &[Change]) -> Vec<Changes> {
    let update = changes.iter().filter(|change| change.writes_update());
    let update: Changes = update.cloned().collect();
    let together = (2..changes.len()).contains(&update.len());
    let alone = changes.iter().map(|change| vec![change.clone()]);
    together
        .then_some(update)
        .into_iter()
        .chain(alone)
        .collect()
}

/// Of more changes not every part is tried.
const MOST_IN_PARTS: usize = 4;

/// Parts of a set, the small ones first: of a few changes all, of many each alone.
fn parts(changes: &[Change]) -> Vec<Changes> {
    if changes.len() > MOST_IN_PARTS {
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
