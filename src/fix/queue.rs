//! The sets of changes of one site, the smallest first, and what came of them.

use super::sites::Site;
use crate::diagnostics::{Diagnostic, Replacement, Severity};
use crate::rollout::remedies::{Change, Part};
use crate::source::Str;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

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
    /// Whether there was any candidate.
    any: bool,
    /// What came of each that was judged.
    heard: BTreeMap<Changes, (Vec<Replacement>, Outcome)>,
    /// What some candidate mends, with nothing new.
    mendable: BTreeSet<Key>,
    /// What some candidate mends, with something new or not.
    vanishing: BTreeSet<Key>,
    /// What was left with all tried that may help with it.
    stuck: BTreeSet<Key>,
    /// What none does: the rest is searched for without it.
    given_up: BTreeSet<Key>,
    /// Whether that was so before all were tried.
    cut: bool,
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
            any: false,
            heard: BTreeMap::new(),
            mendable: BTreeSet::new(),
            vanishing: BTreeSet::new(),
            stuck: BTreeSet::new(),
            given_up: BTreeSet::new(),
            cut: false,
        };
        search.begin();
        search
    }

    /// Begins with what may help with what fails first.
    fn begin(&mut self) {
        for change in self.branches(&self.root).unwrap_or_default() {
            self.add(&[], &change);
        }
        self.any |= !self.queue.is_empty();
    }

    /// The candidate that edits the fewest properties.
    pub(super) fn next(&mut self) -> Option<Changes> {
        loop {
            if self.best.as_ref().is_some_and(|best| best.done) {
                return None;
            }
            let next = if self.left == 0 {
                None
            } else {
                self.queue.pop()
            };
            match next {
                Some(Reverse((_, _, changes))) => {
                    let Some((edits, outcome)) = self.heard.remove(&changes) else {
                        self.left -= 1;
                        return Some(changes);
                    };
                    self.hears(changes, edits, outcome);
                }
                None if self.gives_up() => {}
                None => return None,
            }
        }
    }

    /// Goes on without what nothing mends: a change that was for that alone would stay in every larger set. Says whether
    /// there is something of the kind.
    fn gives_up(&mut self) -> bool {
        let failing = self.root.failing.iter().map(|(_, key)| key);
        let left = failing
            .filter(|key| !self.root.helpless.contains(*key) && !self.given_up.contains(*key));
        // What was not come to may be mended yet.
        let tried: Vec<&Key> = left
            .enumerate()
            .filter(|(index, key)| *index == 0 || self.stuck.contains(*key))
            .map(|(_, key)| key)
            .collect();
        let first = |not: &BTreeSet<Key>| tried.iter().find(|key| !not.contains(**key));
        let stuck = || tried.iter().find(|key| self.stuck.contains(**key));
        // With what never goes others may be mended without anything new.
        let key = first(&self.vanishing)
            .or_else(|| first(&self.mendable))
            .or_else(stuck);
        let Some(key) = key.map(|key| (*key).clone()) else {
            return false;
        };
        self.given_up.insert(key);
        self.cut |= !self.queue.is_empty();
        self.queue.clear();
        self.seen.clear();
        self.left = MOST_CANDIDATES;
        self.begin();
        true
    }

    /// What may help with what fails first and can be helped; nothing where that has had all that may, which is told.
    fn branches(&self, outcome: &Outcome) -> Result<Vec<Change>, Key> {
        let gone = |key: &Key| self.root.helpless.contains(key) || self.given_up.contains(key);
        let spent =
            |key: &Key| self.root.remedies.contains_key(key) && !outcome.remedies.contains_key(key);
        let mut failing = outcome.failing.iter().map(|(_, key)| key);
        if let Some(key) = failing.find(|key| !gone(key) && spent(key)) {
            return Err(key.clone());
        }
        for (severity, key) in &outcome.failing {
            if gone(key) {
                continue;
            }
            let changes = outcome.remedies.get(key).filter(|it| !it.is_empty());
            if let Some(changes) = changes {
                return Ok(changes.clone());
            }
            if *severity == Severity::Error {
                return Err(key.clone());
            }
        }
        Ok(Vec::new())
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

    /// Takes in what came of a candidate. What causes anything new is no mending, whatever else it does.
    pub(super) fn hears(&mut self, changes: Changes, edits: Vec<Replacement>, outcome: Outcome) {
        let count =
            |list: &[(Severity, Key)], severity| list.iter().filter(|it| it.0 == severity).count();
        let both = |list| (count(list, Severity::Error), count(list, Severity::Warning));
        let failing: BTreeSet<Key> = outcome.failing.iter().map(|(_, key)| key.clone()).collect();
        let had: BTreeSet<&Key> = self.root.failing.iter().map(|(_, key)| key).collect();
        let mended: Vec<Key> = had
            .iter()
            .filter(|key| !failing.contains(**key))
            .map(|key| (*key).clone())
            .collect();
        let new = !outcome.news.is_empty() || failing.iter().any(|key| !had.contains(key));
        self.vanishing.extend(mended.iter().cloned());
        if !new {
            self.mendable.extend(mended);
            let gone = |key: &Key| self.root.helpless.contains(key) || self.given_up.contains(key);
            let done = failing.iter().all(gone);
            let (errors, warnings) = both(&outcome.failing);
            let properties = changes.iter().map(Change::properties).sum();
            let rank = changes.iter().map(Change::rank).sum();
            let price = (errors, warnings, properties, rank);
            let better = self.best.as_ref().is_none_or(|best| {
                let as_much = (errors, warnings) == (best.price.0, best.price.1);
                price < best.price || (done && as_much)
            });
            if better && (errors, warnings) < both(&self.root.failing) {
                self.best = Some(Best {
                    price,
                    changes: changes.clone(),
                    edits: edits.clone(),
                    failing,
                    done,
                });
            }
        }
        // What harms others harms them with more, too.
        if count(&outcome.news, Severity::Error) == 0 {
            match self.branches(&outcome) {
                Ok(more) => more.iter().for_each(|it| self.add(&changes, it)),
                Err(key) => {
                    self.stuck.insert(key);
                }
            }
        }
        self.heard.insert(changes, (edits, outcome));
    }

    /// Why nothing was found, or nothing better.
    pub(super) fn ended(&self) -> Option<Ended> {
        match &self.best {
            Some(best) if best.done && self.given_up.is_empty() => None,
            _ if self.cut || !self.queue.is_empty() => Some(Ended::GivenUp),
            _ if self.written || !self.any => Some(Ended::Judged),
            _ => Some(Ended::Unwritable),
        }
    }

    /// What could be mended, but for what that would cause.
    pub(super) fn harmful(&self) -> impl Iterator<Item = &Key> {
        self.vanishing.difference(&self.mendable)
    }

    pub(super) fn solved(self) -> Option<Solved> {
        let best = self.best?;
        let failed = self.root.failing.into_iter().map(|(_, key)| key);
        let mended = failed.filter(|key| !best.failing.contains(key)).collect();
        Some(Solved {
            site: self.site,
            whole: best.changes.clone(),
            changes: best.changes,
            edits: best.edits,
            is_whole: best.done && self.given_up.is_empty(),
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
    /// What may help with each of it.
    pub(super) remedies: BTreeMap<Key, Vec<Change>>,
    /// What nothing may help with.
    pub(super) helpless: BTreeSet<Key>,
}

/// A site that is mended.
pub(super) struct Solved {
    pub(super) site: Site,
    pub(super) changes: Changes,
    /// With what comes with an update that is written in the place of a derived one.
    pub(super) whole: Changes,
    pub(super) edits: Vec<Replacement>,
    /// Whether all is mended that can be.
    pub(super) is_whole: bool,
    /// What failed of it and does not any more.
    pub(super) mended: BTreeSet<Key>,
}

impl Solved {
    /// Some of its changes, with what comes with an update.
    pub(super) fn with_carried(&self, changes: &[Change]) -> Changes {
        let mut all = changes.to_vec();
        if changes.iter().any(Change::writes_update) {
            let carried = self.whole.iter().filter(|it| !self.changes.contains(it));
            all.extend(carried.cloned());
            all.sort();
        }
        all
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

/// Whether two changes are of one property or block.
pub(super) fn is_of_one(one: &Change, other: &Change) -> bool {
    slot(one) == slot(other)
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
