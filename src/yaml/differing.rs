//! Where two written documents differ, read. What they have in common, which is nearly all, is not read.
//!
//! Only for this writer's own text, in which an entry begins on a line of its own, in the column of its map, and all that
//! belongs to it stands deeper. A text begins here where its first entry does, without the spaces before it.

use super::scalar;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Two maps as [`to_string`](super::to_string) writes them, without the entries that are equal, and without the equal items
/// of lists whose items all begin with a name of their own. What is left has the paths that it had; an entry of which nothing
/// is left is left out. Nothing where a text is no map, or not this writer's.
pub fn differing(old: &str, new: &str) -> Option<(Value, Value)> {
    let (old, new) = maps(old, new, 0)?;
    Some((Value::Object(old), Value::Object(new)))
}

/// What stands in a written map under a key, in the map there under the next one, and so on. The keys are plain.
pub fn at(text: &str, path: &[&str]) -> Option<Value> {
    let (last, maps) = path.split_last()?;
    let (mut text, mut column) = (text, 0);
    for key in maps {
        text = inner(behind(text, column, key)?, column)?;
        column += 2;
    }
    let found = behind(text, column, last)?;
    let end = begins_again(found, column).unwrap_or(found.len());
    entry(found.get(..end)?, column)
}

/// A part of a map or a list: the key or the name as it is written, and what stands behind it; of an item, all of it.
type Part<'t> = (&'t str, &'t str);

/// One side and the other.
type Two<T> = (T, T);

fn maps(old: &str, new: &str, column: usize) -> Option<Two<Map<String, Value>>> {
    let (old, new) = without_common_ends(old, new, column);
    let (before, after) = (entries(old, column)?, entries(new, column)?);
    let (mut was, mut is) = (Map::new(), Map::new());
    let others: BTreeMap<&str, &str> = after.iter().copied().collect();
    let known: BTreeMap<&str, &str> = before.iter().copied().collect();
    for (key, old) in before {
        let (old, new) = match others.get(key) {
            None => (Some(entry(old, column)?), None),
            Some(new) if old == *new => continue,
            Some(new) => entries_that_differ(old, new, column)?,
        };
        for (map, value) in [(&mut was, old), (&mut is, new)] {
            if let Some(value) = value {
                map.insert(text(key)?, value);
            }
        }
    }
    for (key, new) in after.iter().filter(|(key, _)| !known.contains_key(key)) {
        is.insert(text(key)?, entry(new, column)?);
    }
    Some((was, is))
}

/// What stands behind one key; nothing of it where nothing is left.
fn entries_that_differ(old: &str, new: &str, column: usize) -> Option<Two<Option<Value>>> {
    if let Some((was, is)) = inner(old, column).zip(inner(new, column)) {
        let left = |array: Vec<Value>| (!array.is_empty()).then_some(Value::Array(array));
        match [was, is].map(is_list) {
            [false, false] => {
                let (old, new) = maps(was, is, column + 2)?;
                let left =
                    |map: Map<String, Value>| (!map.is_empty()).then_some(Value::Object(map));
                return Some((left(old), left(new)));
            }
            [true, true] => {
                if let Some((was, is)) = named(was, column + 2).zip(named(is, column + 2)) {
                    let (old, new) = lists(&was, &is, column + 2)?;
                    return Some((left(old), left(new)));
                }
            }
            _ => {}
        }
    }
    Some((Some(entry(old, column)?), Some(entry(new, column)?)))
}

fn lists(before: &[Part<'_>], after: &[Part<'_>], column: usize) -> Option<Two<Vec<Value>>> {
    let others: BTreeMap<&str, &str> = after.iter().copied().collect();
    let known: BTreeMap<&str, &str> = before.iter().copied().collect();
    let (mut was, mut is) = (Vec::new(), Vec::new());
    for (name, old) in before {
        match others.get(name) {
            None => was.push(item(old, column)?),
            Some(new) if old == new => {}
            Some(new) => {
                let (mut old, mut new) = maps(old, new, column + 2)?;
                for (map, list) in [(&mut old, &mut was), (&mut new, &mut is)] {
                    map.insert("name".to_owned(), Value::String(text(name)?));
                    list.push(Value::Object(std::mem::take(map)));
                }
            }
        }
    }
    for (_, new) in after.iter().filter(|(name, _)| !known.contains_key(name)) {
        is.push(item(new, column)?);
    }
    Some((was, is))
}

/// Two maps without the entries at their beginnings and ends that are the same.
fn without_common_ends<'t>(mut old: &'t str, mut new: &'t str, column: usize) -> Two<&'t str> {
    /// Compared at once.
    const STRETCH: usize = 64;
    fn common<'b>(
        old: impl Iterator<Item = &'b [u8]>,
        new: impl Iterator<Item = &'b [u8]>,
    ) -> usize {
        old.zip(new).take_while(|(old, new)| old == new).count() * STRETCH
    }
    let begins = |text: &str, start: usize| {
        let line = text.get(start..).and_then(|line| line.get(column..));
        let rest = text.as_bytes().get(start..).unwrap_or_default();
        let deep = rest.iter().take_while(|byte| **byte == b' ').count();
        deep == column && line.is_some_and(|line| !line.starts_with(['#', '\n']))
    };
    let alike = common(
        old.as_bytes().chunks(STRETCH),
        new.as_bytes().chunks(STRETCH),
    );
    // The last entry that begins in what is alike differs perhaps, those before it do not.
    let mut end = alike.min(old.len()).min(new.len());
    while let Some(line) = old
        .as_bytes()
        .get(..end)
        .and_then(|text| text.iter().rposition(|byte| *byte == b'\n'))
    {
        let start = line + 1;
        if begins(old, start) && begins(new, start) {
            old = old.get(start + column..).unwrap_or(old);
            new = new.get(start + column..).unwrap_or(new);
            break;
        }
        end = line;
    }
    let alike = common(
        old.as_bytes().rchunks(STRETCH),
        new.as_bytes().rchunks(STRETCH),
    );
    let alike = alike.min(old.len()).min(new.len());
    let tail = old.get(old.len() - alike..).unwrap_or_default();
    let lines = tail.match_indices('\n').map(|(line, _)| line + 1);
    let first = lines.clone().find(|start| begins(tail, *start));
    if let Some(start) = first {
        let same = tail.len() - start;
        old = old.get(..old.len() - same).unwrap_or(old);
        new = new.get(..new.len() - same).unwrap_or(new);
    }
    (old, new)
}

/// The entries of a map in a column.
fn entries(text: &str, column: usize) -> Option<Vec<Part<'_>>> {
    let mut entries = parts(text, column, key)?;
    for (key, entry) in &mut entries {
        *entry = entry.get(key.len() + 1..)?;
    }
    Some(entries)
}

/// The items of a list in a column, where each begins with a name of its own.
fn named(text: &str, column: usize) -> Option<Vec<Part<'_>>> {
    let items = parts(text, column, |line| {
        let name = line.strip_prefix("- name: ")?.strip_suffix('\n')?;
        (name.starts_with('"') || scalar::is_plain(name)).then_some(name)
    })?;
    let names: BTreeMap<&str, &str> = items.iter().copied().collect();
    if names.len() < items.len() {
        return None;
    }
    let items = items.into_iter();
    items
        .map(|(name, item)| Some((name, item.strip_prefix("- ")?)))
        .collect()
}

/// The stretches of a text that begin in a column, each by what its first line says. Comments before the first are
/// left out.
fn parts<'t>(
    text: &'t str,
    column: usize,
    name: impl Fn(&'t str) -> Option<&'t str>,
) -> Option<Vec<Part<'t>>> {
    let mut found: Vec<(&str, usize, usize)> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let inner = line.trim_start_matches(' ');
        let spaces = line.len() - inner.len();
        let indent = if start == 0 { column } else { spaces };
        if indent <= column && inner != "\n" && !inner.starts_with('#') {
            if indent < column {
                return None;
            }
            found.push((name(inner)?, start, start + spaces));
        }
        start += line.len();
    }
    let ends = found.iter().skip(1).map(|(_, line, _)| *line);
    let ends = ends.chain([text.len()]);
    let parts = found.iter().zip(ends);
    parts
        .map(|((name, _, start), end)| Some((*name, text.get(*start..end)?)))
        .collect()
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

/// What is nested under a key, from its first entry or item on.
fn inner(entry: &str, column: usize) -> Option<&str> {
    let mut inner = entry.strip_prefix('\n')?;
    while inner.trim_start_matches(' ').starts_with(['#', '\n']) {
        inner = inner.split_once('\n')?.1;
    }
    let inner = inner.get(column + 2..)?;
    (!inner.starts_with(' ')).then_some(inner)
}

/// What follows a key of the map that a text begins with.
fn behind<'t>(text: &'t str, column: usize, key: &str) -> Option<&'t str> {
    let begins = |text: &'t str| text.strip_prefix(key)?.strip_prefix(':');
    let mut rest = text;
    loop {
        if let Some(found) = begins(rest) {
            return Some(found);
        }
        let next = rest.get(begins_again(rest, column)?..)?;
        rest = next.get(column..)?;
        // It stands less deep: the map is at its end.
        if next.len() - next.trim_start_matches(' ').len() < column {
            return None;
        }
    }
}

/// Where the first line begins, behind the one that a text begins with, that stands no deeper than a column.
fn begins_again(text: &str, column: usize) -> Option<usize> {
    let lines = text.match_indices('\n').map(|(end, _)| end + 1);
    let mut shallow = lines.filter(|start| {
        let line = text.get(*start..).unwrap_or_default();
        let inner = line.trim_start_matches(' ');
        line.len() - inner.len() <= column && !inner.starts_with(['\n', '#']) && !inner.is_empty()
    });
    shallow.next()
}

fn is_list(inner: &str) -> bool {
    inner.starts_with("- ")
}

/// The value behind a key of a map in a column.
fn entry(entry: &str, column: usize) -> Option<Value> {
    if let Some(inner) = inner(entry, column) {
        return nested(inner, column + 2);
    }
    if let Some(value) = first_line(entry).strip_prefix(' ').and_then(scalar) {
        return Some(value);
    }
    let read: Value = serde_yaml::from_str(&["k:", entry].concat()).ok()?;
    read.get("k").cloned()
}

/// A map or a list in a column.
fn nested(text: &str, column: usize) -> Option<Value> {
    if is_list(text) {
        let items = parts(text, column, |line| line.strip_prefix("- "))?;
        let items = items.into_iter();
        let items = items.map(|(_, it)| item(it.strip_prefix("- ")?, column));
        return items.collect::<Option<_>>().map(Value::Array);
    }
    let entries = entries(text, column)?.into_iter();
    let entries = entries.map(|(key, value)| Some((self::text(key)?, entry(value, column)?)));
    entries.collect::<Option<_>>().map(Value::Object)
}

/// An item of a list in a column, without its dash.
fn item(item: &str, column: usize) -> Option<Value> {
    let line = first_line(item);
    if is_list(item) || key(line).is_some() {
        return nested(item, column + 2);
    }
    if let Some(value) = scalar(line) {
        return Some(value);
    }
    let read: Value = serde_yaml::from_str(&["- ", item].concat()).ok()?;
    read.get(0).cloned()
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

fn first_line(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
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
