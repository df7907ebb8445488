//! The sets of changes of one site, the smallest first, and what came of them.

use super::sites::Site;
use crate::diagnostics::{Diagnostic, Replacement, Severity};
use crate::rollout::remedies::{Change, Part};
use crate::source::Str;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// The most candidates of one site.
const MOST_CANDIDATES: usize = 64;

/// The search for one site.
pub(super) struct Search {
    pub(super) site: Site,
    queue: BinaryHeap<Reverse<(usize, usize, Changes)>>,
    seen: BTreeSet<Changes>,
    left: usize,
    root: Outcome,
    best: Option<Best>,
    /// Whether any candidate could be written.
    pub(super) written: bool,
}

/// Why a search found nothing, or not all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ended {
    /// No candidate could be written where the policy is.
    Unwritable,
    /// Every candidate was judged.
    Judged,
    /// There were too many.
    GivenUp,
}

/// The best so far.
struct Best {
    /// Errors and warnings that are left, then the price.
    price: (usize, usize, usize, usize),
    changes: Changes,
    edits: Vec<Replacement>,
    failing: BTreeSet<Key>,
    done: bool,
}

impl Search {
    pub(super) fn new(site: Site, root: Outcome) -> Self {
        let mut search = Self {
            site,
            queue: BinaryHeap::new(),
            seen: BTreeSet::new(),
            left: MOST_CANDIDATES,
            root,
            best: None,
            written: false,
        };
        for change in search.root.changes.clone() {
            search.add(&[], &change);
        }
        search
    }

    /// The candidate that edits the fewest properties.
    pub(super) fn next(&mut self) -> Option<Changes> {
        if self.best.as_ref().is_some_and(|best| best.done) || self.left == 0 {
            return None;
        }
        let Reverse((_, _, changes)) = self.queue.pop()?;
        self.left -= 1;
        Some(changes)
    }

    /// Takes a candidate up; again, where nobody judged it.
    pub(super) fn wait(&mut self, changes: Changes) {
        let properties = changes.iter().map(Change::properties).sum();
        let rank = changes.iter().map(Change::rank).sum();
        self.queue.push(Reverse((properties, rank, changes)));
    }

    fn add(&mut self, before: &[Change], change: &Change) {
        let Some(changes) = with(before, change) else {
            return;
        };
        if self.seen.insert(changes.clone()) {
            self.wait(changes);
        }
    }

    pub(super) fn hears(&mut self, changes: &[Change], edits: Vec<Replacement>, outcome: &Outcome) {
        let count =
            |list: &[(Severity, Key)], severity| list.iter().filter(|it| it.0 == severity).count();
        let errors = count(&outcome.failing, Severity::Error);
        if count(&outcome.news, Severity::Error) > 0 {
            return;
        }
        let warnings =
            count(&outcome.failing, Severity::Warning) + count(&outcome.news, Severity::Warning);
        let failing: BTreeSet<Key> = outcome.failing.iter().map(|(_, key)| key.clone()).collect();
        let done = outcome.news.is_empty() && failing.is_subset(&self.root.helpless);
        let had: BTreeSet<&Key> = self.root.failing.iter().map(|(_, key)| key).collect();
        let before = (
            count(&self.root.failing, Severity::Error),
            count(&self.root.failing, Severity::Warning),
        );
        let new = outcome
            .failing
            .iter()
            .any(|(severity, key)| *severity == Severity::Error && !had.contains(key));
        let properties = changes.iter().map(Change::properties).sum();
        let rank = changes.iter().map(Change::rank).sum();
        let price = (errors, warnings, properties, rank);
        let better = self.best.as_ref().is_none_or(|best| price < best.price);
        if !new && (done || (better && (errors, warnings) < before)) {
            self.best = Some(Best {
                price,
                changes: changes.to_vec(),
                edits,
                failing,
                done,
            });
        }
        for change in &outcome.changes {
            self.add(changes, change);
        }
    }

    /// Why nothing was found, or nothing better.
    pub(super) fn ended(&self) -> Option<Ended> {
        match &self.best {
            Some(best) if best.done => None,
            _ if !self.queue.is_empty() => Some(Ended::GivenUp),
            _ if self.written || self.seen.is_empty() => Some(Ended::Judged),
            _ => Some(Ended::Unwritable),
        }
    }

    pub(super) fn solved(self) -> Option<Solved> {
        let best = self.best?;
        let failed = self.root.failing.into_iter().map(|(_, key)| key);
        let mended = failed.filter(|key| !best.failing.contains(key)).collect();
        Some(Solved {
            site: self.site,
            changes: best.changes,
            carried: None,
            edits: best.edits,
            is_whole: best.done,
            mended,
        })
    }
}

/// What a diagnostic is about: its code and its service; what it says where it is about none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) code: &'static str,
    pub(super) about: Str,
}

impl Key {
    pub(super) fn of(diagnostic: &Diagnostic) -> Self {
        let about = match &diagnostic.service {
            Some(service) => service.clone(),
            None => diagnostic.message.as_str().into(),
        };
        Self {
            code: diagnostic.code.id,
            about,
        }
    }
}

/// What is said of a program, but for notes.
pub(super) fn keys(diagnostics: &[Diagnostic]) -> BTreeSet<Key> {
    let told = diagnostics.iter().filter(|it| it.severity > Severity::Note);
    told.map(Key::of).collect()
}

/// A set of changes of a site's services.
pub(super) type Changes = Vec<Change>;

/// What comes of a candidate.
#[derive(Default)]
pub(super) struct Outcome {
    /// What still fails of the site, in the order of the source.
    pub(super) failing: Vec<(Severity, Key)>,
    /// What is new and about nobody who is mended.
    pub(super) news: Vec<(Severity, Key)>,
    /// What may help with what still fails.
    pub(super) changes: Vec<Change>,
    /// What nothing may help with, as far as that was asked.
    pub(super) helpless: BTreeSet<Key>,
}

/// A site that is mended.
pub(super) struct Solved {
    pub(super) site: Site,
    pub(super) changes: Changes,
    /// What comes with an update that is written in the place of a derived one.
    pub(super) carried: Option<Change>,
    pub(super) edits: Vec<Replacement>,
    /// Whether all is mended that can be.
    pub(super) is_whole: bool,
    /// What failed of it and does not any more.
    pub(super) mended: BTreeSet<Key>,
}

impl Solved {
    /// Some of its changes, with what comes with them.
    pub(super) fn whole(&self, changes: &[Change]) -> Changes {
        let mut whole = changes.to_vec();
        let carried = self.carried.iter().cloned();
        whole.extend(carried.filter(|_| changes.iter().any(Change::writes_update)));
        whole.sort();
        whole
    }
}

/// A set with one change more, in one form; `None` where it has that, or undoes it.
fn with(before: &[Change], change: &Change) -> Option<Changes> {
    let is_of = |part: Part, of: Part| part == of || (part == Part::Rollback && of == Part::Update);
    let gone =
        |it: &Change| matches!(it, Change::Remove { part, .. } if is_of(change.part(), *part));
    if before.iter().any(gone) || before.contains(change) {
        return None;
    }
    let replaced = |it: &Change| match change {
        Change::Remove { part, .. } => is_of(it.part(), *part),
        _ => slot(it) == slot(change),
    };
    let mut changes: Changes = before.iter().filter(|it| !replaced(it)).cloned().collect();
    changes.push(change.clone());
    changes.sort();
    Some(changes)
}

/// What a change is of.
fn slot(change: &Change) -> (Part, Option<&'static str>) {
    match change {
        Change::Set { part, property, .. } | Change::Unset { part, property } => {
            (*part, Some(property))
        }
        Change::Add { part, .. } | Change::Remove { part, .. } => (*part, None),
    }
}
