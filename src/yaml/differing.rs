//! Where two written documents differ, read. What they have in common, which is nearly all, is not read.
//!
//! Only for this writer's own text, in which an entry begins on a line of its own, in the column of its map, and all that
//! belongs to it stands deeper.

use super::scalar;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;

/// Two maps as [`to_string`](super::to_string) writes them, without the entries that are equal, and without the equal items
/// of lists whose items all begin with a name of their own. What is left has the paths that it had; an entry of which nothing
/// is left is left out. Nothing where a text is no map, or not this writer's.
pub fn differing(old: &str, new: &str) -> Option<(Value, Value)> {
    let (old, new) = (Lines::of(old), Lines::of(new));
    let (old, new) = maps(&old.whole()?, &new.whole()?)?;
    Some((Value::Object(old), Value::Object(new)))
}

/// What stands in a written map under a key, in the map there under the next one, and so on. The keys are plain.
pub fn at(text: &str, path: &[&str]) -> Option<Value> {
    let lines = Lines::of(text);
    let mut block = lines.whole()?;
    let (last, maps) = path.split_last()?;
    for key in maps {
        block = block.entry(key)?.inner()?;
    }
    block.entry(last)?.value()
}

/// One side and the other.
type Two<T> = (T, T);

fn maps(old: &Block<'_>, new: &Block<'_>) -> Option<Two<Map<String, Value>>> {
    let (before, after) = (old.entries()?, new.entries()?);
    let (known, others) = (by_key(&before), by_key(&after));
    let (mut was, mut is) = (Map::new(), Map::new());
    for old in &before {
        let (old_value, new_value) = match others.get(old.key) {
            None => (Some(old.value()?), None),
            Some(new) if old.block.text() == new.block.text() => continue,
            Some(new) => entries_that_differ(old, new)?,
        };
        for (map, value) in [(&mut was, old_value), (&mut is, new_value)] {
            if let Some(value) = value {
                map.insert(text(old.key)?, value);
            }
        }
    }
    for new in after.iter().filter(|new| !known.contains_key(new.key)) {
        is.insert(text(new.key)?, new.value()?);
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
    let (known, others) = (by_key(before), by_key(after));
    let (mut was, mut is) = (Vec::new(), Vec::new());
    for old in before {
        match others.get(old.key) {
            None => was.push(old.block.value()?),
            Some(new) if old.block.text() == new.block.text() => {}
            Some(new) => {
                let (mut old_map, mut new_map) = maps(&old.block, &new.block)?;
                for (map, list) in [(&mut old_map, &mut was), (&mut new_map, &mut is)] {
                    map.insert("name".to_owned(), Value::String(text(old.key)?));
                    list.push(Value::Object(std::mem::take(map)));
                }
            }
        }
    }
    for new in after.iter().filter(|new| !known.contains_key(new.key)) {
        is.push(new.block.value()?);
    }
    Some((was, is))
}

fn by_key<'e, 'l>(entries: &'e [Entry<'l>]) -> BTreeMap<&'l str, &'e Entry<'l>> {
    entries.iter().map(|entry| (entry.key, entry)).collect()
}

/// A text by its lines, which are looked through once for every level of it.
struct Lines<'t> {
    text: &'t str,
    /// Where each begins, and how deep it stands: a comment and an empty one deeper than all others.
    lines: Vec<(usize, usize)>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let mut start = 0;
        let lines = text.split_inclusive('\n').map(|line| {
            let inner = line.trim_start_matches(' ');
            let depth = if inner.starts_with(['\n', '#']) {
                usize::MAX
            } else {
                line.len() - inner.len()
            };
            let begun = start;
            start += line.len();
            (begun, depth)
        });
        Self {
            text,
            lines: lines.collect(),
        }
    }

    fn whole(&self) -> Option<Block<'_>> {
        self.block(0..self.lines.len(), 0)
    }

    /// What of these lines begins in a column; nothing where the first of them, but for comments, does not.
    fn block(&self, lines: Range<usize>, column: usize) -> Option<Block<'_>> {
        let mut all = self.lines.get(lines.clone())?.iter();
        let first = all.position(|(_, depth)| *depth != usize::MAX)? + lines.start;
        let (start, depth) = self.lines.get(first)?;
        (*depth == column).then_some(Block {
            of: self,
            begin: start + column,
            lines: first..lines.end,
            column,
        })
    }
}

/// Some lines of a text, from the first entry or item among them on, which may follow the dash of an item.
struct Block<'l> {
    of: &'l Lines<'l>,
    begin: usize,
    lines: Range<usize>,
    column: usize,
}

/// A part of a block, by the key or the name that it has as it is written.
struct Entry<'l> {
    key: &'l str,
    /// From the key on; of an item, from behind its dash on.
    block: Block<'l>,
}

impl<'l> Block<'l> {
    fn text(&self) -> &'l str {
        let end = self.of.lines.get(self.lines.end);
        let end = end.map_or(self.of.text.len(), |(start, _)| *start);
        self.of.text.get(self.begin..end).unwrap_or_default()
    }

    fn first_line(&self) -> &'l str {
        let text = self.text();
        text.split_inclusive('\n').next().unwrap_or_default()
    }

    fn is_list(&self) -> bool {
        self.text().starts_with("- ")
    }

    /// What begins in its column; nothing where a line of it stands less deep.
    fn parts(&self) -> Option<Vec<Block<'l>>> {
        let mut starts = vec![self.lines.start];
        for index in self.lines.clone().skip(1) {
            let (_, depth) = self.of.lines.get(index)?;
            if *depth < self.column {
                return None;
            }
            if *depth == self.column {
                starts.push(index);
            }
        }
        let ends = starts.iter().skip(1).copied().chain([self.lines.end]);
        let parts = starts.iter().zip(ends).map(|(start, end)| {
            let (line, _) = self.of.lines.get(*start)?;
            Some(Block {
                begin: self.begin.max(line + self.column),
                lines: *start..end,
                ..*self
            })
        });
        parts.collect()
    }

    /// The entries of a map.
    fn entries(&self) -> Option<Vec<Entry<'l>>> {
        let parts = self.parts()?.into_iter();
        let entry = |block: Block<'l>| {
            let key = key(block.first_line())?;
            Some(Entry { key, block })
        };
        parts.map(entry).collect()
    }

    /// The entry of a map that has a plain key.
    fn entry(&self, wanted: &str) -> Option<Entry<'l>> {
        let mut entries = self.entries()?.into_iter();
        entries.find(|entry| entry.key == wanted)
    }

    /// The items of a list, without their dashes.
    fn items(&self) -> Option<Vec<Block<'l>>> {
        let parts = self.parts()?.into_iter();
        let item = |block: Block<'l>| {
            block.is_list().then(|| Block {
                begin: block.begin + 2,
                column: block.column + 2,
                ..block
            })
        };
        parts.map(item).collect()
    }

    /// The items of a list where each begins with a name of its own.
    fn named(&self) -> Option<Vec<Entry<'l>>> {
        let items = self.items()?.into_iter();
        let named = |block: Block<'l>| {
            let name = block.first_line().strip_prefix("name: ")?;
            let key = name.strip_suffix('\n')?;
            (key.starts_with('"') || scalar::is_plain(key)).then_some(Entry { key, block })
        };
        let named: Vec<Entry<'l>> = items.map(named).collect::<Option<_>>()?;
        (by_key(&named).len() == named.len()).then_some(named)
    }

    /// A map, a list, or what is left of an item behind its dash.
    fn value(&self) -> Option<Value> {
        if self.is_list() {
            let items = self.items()?.into_iter();
            let items = items.map(|item| item.value());
            return items.collect::<Option<_>>().map(Value::Array);
        }
        if key(self.first_line()).is_some() {
            let entries = self.entries()?.into_iter();
            let entries = entries.map(|entry| Some((text(entry.key)?, entry.value()?)));
            return entries.collect::<Option<_>>().map(Value::Object);
        }
        scalar(self.first_line()).or_else(|| {
            let read: Value = serde_yaml::from_str(&["- ", self.text()].concat()).ok()?;
            read.get(0).cloned()
        })
    }
}

impl<'l> Entry<'l> {
    /// What stands behind the key, from the colon on.
    fn rest(&self) -> &'l str {
        self.block.text().get(self.key.len()..).unwrap_or_default()
    }

    /// What is nested under the key.
    fn inner(&self) -> Option<Block<'l>> {
        let Block {
            of, lines, column, ..
        } = &self.block;
        let nested = self.rest().starts_with(":\n");
        nested.then(|| of.block(lines.start + 1..lines.end, column + 2))?
    }

    fn value(&self) -> Option<Value> {
        if let Some(inner) = self.inner() {
            return inner.value();
        }
        let line = self.block.first_line().get(self.key.len()..)?;
        line.strip_prefix(": ").and_then(scalar).or_else(|| {
            let read: Value = serde_yaml::from_str(&["k", self.rest()].concat()).ok()?;
            read.get("k").cloned()
        })
    }
}

/// The key that a line begins with, as it is written.
fn key(line: &str) -> Option<&str> {
    let end = if line.starts_with('"') {
        quoted(line)?
    } else {
        let plain = |first: char| first.is_ascii_alphanumeric() || matches!(first, '/' | '.' | '$');
        let end = line.find(": ").or_else(|| line.len().checked_sub(2))?;
        line.starts_with(plain).then_some(end)?
    };
    let behind = line.get(end..)?;
    (behind.starts_with(": ") || behind == ":\n").then(|| line.get(..end))?
}

/// The length of the quoted text that a line begins with, with its quotes.
fn quoted(line: &str) -> Option<usize> {
    let mut escaped = true;
    let end = line.bytes().position(|byte| match byte {
        // The first one opens.
        _ if std::mem::take(&mut escaped) => false,
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    })?;
    Some(end + 1)
}

/// A value on one line, where that is all of it.
fn scalar(line: &str) -> Option<Value> {
    let word = line.strip_suffix('\n')?;
    match word {
        "null" => Some(Value::Null),
        "true" | "false" => Some(Value::Bool(word == "true")),
        "{}" => Some(Value::Object(Map::new())),
        "[]" => Some(Value::Array(Vec::new())),
        _ if scalar::is_plain(word) => Some(Value::String(word.to_owned())),
        // What is written between quotes is mostly JSON as well, and so are most numbers.
        _ if word
            .starts_with(|first: char| matches!(first, '"' | '-') || first.is_ascii_digit()) =>
        {
            serde_json::from_str(word).ok()
        }
        _ => None,
    }
}

/// A key or a name as it is meant.
fn text(written: &str) -> Option<String> {
    if !written.starts_with('"') {
        return scalar::is_plain(written).then(|| written.to_owned());
    }
    let json = serde_json::from_str(written).ok();
    json.or_else(|| serde_yaml::from_str(written).ok())
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
        assert_eq!(old, json!({"env": [{"name": "B", "value": "y"}]}));
        assert_eq!(
            new,
            json!({"env": [{"name": "B", "value": "z"}, {"name": "C"}]})
        );
        let (old, new) = ("e:\n  - name: A\n", "e:\n  - name: A\n  - name: B\n");
        let (old, new) = differing(old, new).unwrap();
        assert_eq!((old, new), (json!({}), json!({"e": [{"name": "B"}]})));
    }

    #[test]
    fn a_path_is_followed() {
        let written = "a: 1\nspec:\n  text: |\n    b:\n  b:\n    # why\n    c: x\n\n    d: [1, 2]\n  e: 2\nf: 3\n";
        for (path, value) in [
            (&["a"][..], Some(json!(1))),
            (&["f"], Some(json!(3))),
            (&["spec", "text"], Some(json!("b:\n"))),
            (&["spec", "b"], Some(json!({"c": "x", "d": [1, 2]}))),
            (&["spec", "b", "d"], Some(json!([1, 2]))),
            (&["spec", "e"], Some(json!(2))),
            (&["spec", "f"], None),
            (&["c"], None),
            (&["a", "b"], None),
        ] {
            assert_eq!(at(written, path), value, "{path:?}");
        }
    }
}
