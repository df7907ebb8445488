//! Where two written documents differ, read. What they have in common, which is nearly all, is not read.
//!
//! Only for this writer's own text ([`written`](super::written)).

use super::narrowed::narrowed;
use super::written::{Block, Entry, Lines, text};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Two maps as [`to_string`](super::to_string) writes them, without the entries that are equal, and without the equal items
/// of lists whose items all begin with a name of their own and stand in the same order. What is left has the paths that it had; an entry of which nothing
/// is left is left out. Nothing where a text is no map, or not this writer's.
pub fn differing(old: &str, new: &str) -> Option<(Value, Value)> {
    let narrow = narrowed(old, new);
    let found = narrow.and_then(|(old, new)| compared(&old, &new));
    found.or_else(|| compared(old, new))
}

fn compared(old: &str, new: &str) -> Option<(Value, Value)> {
    let (old, new) = (Lines::of(old), Lines::of(new));
    let (old, new) = maps(&old.whole(0)?, &new.whole(0)?)?;
    Some((Value::Object(old), Value::Object(new)))
}

/// One side and the other.
type Two<T> = (T, T);

fn maps(old: &Block<'_>, new: &Block<'_>) -> Option<Two<Map<String, Value>>> {
    let (before, after) = (old.entries()?, new.entries()?);
    let (mut was, mut is) = (Map::new(), Map::new());
    for pair in pairs(&before, &after) {
        let (key, (old_value, new_value)) = match pair {
            (Some(old), Some(new)) if old.block.text() == new.block.text() => continue,
            (Some(old), Some(new)) => (old.key, entries_that_differ(old, new)?),
            (Some(old), None) => (old.key, (Some(old.value()?), None)),
            (None, Some(new)) => (new.key, (None, Some(new.value()?))),
            (None, None) => continue,
        };
        for (map, value) in [(&mut was, old_value), (&mut is, new_value)] {
            if let Some(value) = value {
                map.insert(text(key)?, value);
            }
        }
    }
    Some((was, is))
}

/// What stands behind one key; nothing of it where nothing is left.
fn entries_that_differ(old: &Entry<'_>, new: &Entry<'_>) -> Option<Two<Option<Value>>> {
    if let Some((was, is)) = old.inner().zip(new.inner()) {
        match [&was, &is].map(Block::is_list) {
            [false, false] => {
                let (old, new) = maps(&was, &is)?;
                let left =
                    |map: Map<String, Value>| (!map.is_empty()).then_some(Value::Object(map));
                return Some((left(old), left(new)));
            }
            [true, true] => {
                if let Some((was, is)) = was.named().zip(is.named()) {
                    let (old, new) = lists(&was, &is)?;
                    let left = |list: Vec<Value>| (!list.is_empty()).then_some(Value::Array(list));
                    return Some((left(old), left(new)));
                }
            }
            _ => {}
        }
    }
    Some((Some(old.value()?), Some(new.value()?)))
}

/// Lists of items that go by their names.
fn lists(before: &[Entry<'_>], after: &[Entry<'_>]) -> Option<Two<Vec<Value>>> {
    let (mut was, mut is) = (Vec::new(), Vec::new());
    let pairs = pairs(before, after);
    if !are_in_order(&pairs, after) {
        let whole = |list: &[Entry<'_>]| -> Option<Vec<Value>> {
            list.iter().map(|item| item.block.value()).collect()
        };
        return Some((whole(before)?, whole(after)?));
    }
    for pair in pairs {
        match pair {
            (Some(old), Some(new)) if old.block.text() == new.block.text() => {}
            (Some(old), Some(new)) => {
                let (mut old_map, mut new_map) = maps(&old.block, &new.block)?;
                for (map, list) in [(&mut old_map, &mut was), (&mut new_map, &mut is)] {
                    map.insert("name".to_owned(), Value::String(text(old.key)?));
                    list.push(Value::Object(std::mem::take(map)));
                }
            }
            (Some(old), None) => was.push(old.block.value()?),
            (None, Some(new)) => is.push(new.block.value()?),
            (None, None) => {}
        }
    }
    Some((was, is))
}

/// Whether what goes by the same key stands in the same order on both sides.
fn are_in_order(pairs: &[Two<Option<&Entry<'_>>>], after: &[Entry<'_>]) -> bool {
    let mut rest = after.iter();
    let both = pairs.iter().filter_map(|(old, new)| old.and(*new));
    both.into_iter()
        .all(|new| rest.any(|next| std::ptr::eq(next, new)))
}

/// What goes by the same key on both sides, in the order of the old one; then what the new one alone has. Nearly all stands in
/// the same order on both, so that a table of keys is rarely made.
fn pairs<'e, 'l>(
    before: &'e [Entry<'l>],
    after: &'e [Entry<'l>],
) -> Vec<Two<Option<&'e Entry<'l>>>> {
    let mut places: Option<BTreeMap<&str, usize>> = None;
    let mut paired = vec![false; after.len()];
    let mut pairs = Vec::with_capacity(before.len());
    let mut next = 0;
    for old in before {
        let mut new = after.get(next).filter(|new| new.key == old.key);
        if new.is_none() {
            let places = places.get_or_insert_with(|| {
                let after = after.iter().enumerate();
                after.map(|(place, entry)| (entry.key, place)).collect()
            });
            let place = places.get(old.key);
            next = place.copied().unwrap_or(next);
            new = place.and_then(|place| after.get(*place));
        }
        if new.is_some() {
            if let Some(paired) = paired.get_mut(next) {
                *paired = true;
            }
            next += 1;
        }
        pairs.push((Some(old), new));
    }
    let alone = after.iter().zip(paired).filter(|(_, paired)| !paired);
    pairs.extend(alone.map(|(new, _)| (None, Some(new))));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_equal_is_left_out() {
        let old = "a: 1\nb:\n  c: 1\n  d: 2\ne:\n  - 1\n  - 2\n";
        let new = "a: 1\nb:\n  c: 1\n  d: 3\ne:\n  - 1\n  - 3\nf: {}\n";
        let (old, new) = differing(old, new).unwrap();
        assert_eq!(old, json!({"b": {"d": 2}, "e": [1, 2]}));
        assert_eq!(new, json!({"b": {"d": 3}, "e": [1, 3], "f": {}}));
    }

    #[test]
    fn items_go_by_their_names() {
        let old = "env:\n  - name: A\n    value: x\n  - name: B\n    value: y\n";
        let new = "env:\n  - name: B\n    value: z\n  - name: A\n    value: x\n  - name: C\n";
        let (old, new) = differing(old, new).unwrap();
        let a = json!({"name": "A", "value": "x"});
        assert_eq!(old, json!({"env": [a, {"name": "B", "value": "y"}]}));
        assert_eq!(
            new,
            json!({"env": [{"name": "B", "value": "z"}, a, {"name": "C"}]})
        );
        let (old, new) = ("e:\n  - name: A\n", "e:\n  - name: A\n  - name: B\n");
        let (old, new) = differing(old, new).unwrap();
        assert_eq!((old, new), (json!({}), json!({"e": [{"name": "B"}]})));
    }
}
