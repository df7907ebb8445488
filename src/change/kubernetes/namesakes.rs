//! What is lost with objects of one name in several namespaces, as where one folder has a shop for each of them: each says in which it is.

use super::place;
use crate::change::Change;
use std::collections::{BTreeMap, BTreeSet};

/// Says it of each.
pub(super) fn tell_apart(changes: &mut [Change]) {
    let loses = |it: &&Change| !it.losses.is_empty();
    let named = |it: &Change| (it.kind.clone(), it.name.clone());
    let (mut met, mut several) = (BTreeMap::new(), BTreeSet::new());
    for change in changes.iter().filter(loses) {
        let namespace = &change.namespace;
        if *met.entry(named(change)).or_insert(namespace) != namespace {
            several.insert(named(change));
        }
    }
    if several.is_empty() {
        return;
    }
    let is_one = |it: &&mut Change| several.contains(&named(it));
    for change in changes.iter_mut().filter(is_one) {
        let there = place(change.namespace.as_deref());
        for loss in &mut change.losses {
            loss.what = format!("{there}, {}", loss.what);
        }
    }
}
