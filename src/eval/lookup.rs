//! Finding an item of a growing list by its name: by walking a short list, by hash in a long one.

use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

/// Lists up to this length are walked.
const SHORT: usize = 16;

/// An index over a list that only grows.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    by_hash: FxHashMap<u64, Vec<usize>>,
    covered: usize,
}

impl Lookup {
    /// The position of the item that `is` holds for. `hash` tells the hash of an item, `wanted`
    /// that of the one looked for; neither is asked while the list is short.
    pub(super) fn position<T>(
        &mut self,
        items: &[T],
        wanted: impl FnOnce() -> u64,
        hash: impl Fn(&T) -> u64,
        is: impl Fn(&T) -> bool,
    ) -> Option<usize> {
        if items.len() <= SHORT {
            return items.iter().position(is);
        }
        for (index, item) in items.iter().enumerate().skip(self.covered) {
            self.by_hash.entry(hash(item)).or_default().push(index);
        }
        self.covered = items.len();
        self.by_hash
            .get(&wanted())?
            .iter()
            .copied()
            .find(|index| items.get(*index).is_some_and(&is))
    }
}

/// The hash of a key.
pub(super) fn hash(key: impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    key.hash(&mut hasher);
    hasher.finish()
}
