//! This writer's own text, read entry by entry: an entry begins on a line of its own, in the column of its map, and all that
//! belongs to it stands deeper. So no more is read than is asked for.

use super::{BETWEEN, scalar};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::ops::Range;

/// What stands in a written map under a key, in the map there under the next one, and so on. The keys are plain. No more
/// of the text is looked through than leads there.
pub fn at(text: &str, path: &[&str]) -> Option<Value> {
    let (mut part, mut column) = (text, 0);
    let (last, maps) = path.split_last()?;
    for key in maps {
        let found = part.get(begin_of_entry(part, column, key)?..)?;
        let (line, inner) = found.split_at_checked(end_of_line(found))?;
        // What is nested begins below its key.
        part = (line.len() == column + key.len() + ":\n".len()).then_some(inner)?;
        column += 2;
    }
    let found = part.get(begin_of_entry(part, column, last)?..)?;
    let line = found.get(..end_of_line(found))?;
    // Most of what is asked for is one word, and what is none begins below its key or with a `|`.
    let word = line.get(column + last.len()..)?.strip_prefix(": ");
    word.and_then(scalar).or_else(|| {
        let lines = Lines::of(entry_at(found, column)?);
        let entries = lines.whole(column)?.entries()?;
        entries.first()?.value()
    })
}

/// A whole map that was written here; nothing where the text is none.
pub fn read(text: &str) -> Option<Value> {
    read_without(text, "")
}

/// The same without the lists under a key, wherever they stand: to read what nobody asks for takes as long as the rest.
pub fn read_without(text: &str, lists: &str) -> Option<Value> {
    let lines = Lines::of(text);
    let block = lines.whole(0)?;
    key(block.first_line())?;
    block.value_without(lists)
}

/// The documents of a stream that was written here.
pub fn documents(stream: &str) -> impl Iterator<Item = &str> {
    let after_a_line = memchr::memmem::Finder::new("\n---\n");
    let mut rest = Some(stream);
    std::iter::from_fn(move || {
        let stream = rest.take()?;
        let end = after_a_line.find(stream.as_bytes()).map(|end| end + 1);
        let (document, others) = stream.split_at_checked(end.unwrap_or(stream.len()))?;
        rest = others.strip_prefix(BETWEEN);
        Some(document)
    })
}

/// The entries of the map that stands under a plain key of a written map, each as a document of its own; none where there
/// is no such key. Nothing where the text is not this writer's.
pub fn entries(text: &str, key: &str) -> Option<Vec<(String, String)>> {
    let Some(found) = entry(text, 0, key) else {
        return Some(Vec::new());
    };
    let lines = Lines::of(found);
    let whole = lines.whole(0)?.entries()?;
    let inner = whole.first()?.inner()?.entries()?;
    let named = |entry: Entry<'_>| Some((self::text(entry.key)?, entry.document()?));
    inner.into_iter().map(named).collect()
}

/// The lines of the entry that has a plain key, in a map that begins with a text and stands in a column.
fn entry<'t>(text: &'t str, column: usize, key: &str) -> Option<&'t str> {
    entry_at(text.get(begin_of_entry(text, column, key)?..)?, column)
}

/// The lines of the entry that a text begins with.
fn entry_at(text: &str, column: usize) -> Option<&str> {
    let mut all = lines(text);
    let first = all.next()?.len();
    let inner = all.take_while(|line| depth(line) > column);
    text.get(..first + inner.map(str::len).sum::<usize>())
}

fn begin_of_entry(text: &str, column: usize, key: &str) -> Option<usize> {
    let is_behind = |it: &str| it.starts_with(": ") || it.starts_with(":\n");
    if column == 0 {
        // No line stands less deep: the text need not be looked through line by line.
        if text.strip_prefix(key).is_some_and(is_behind) {
            return Some(0);
        }
        let line = ["\n", key, ":"].concat();
        let mut found = memchr::memmem::find_iter(text.as_bytes(), &line).map(|end| end + 1);
        return found.find(|start| text.get(start + key.len()..).is_some_and(is_behind));
    }
    let mut start = 0;
    for line in lines(text) {
        match depth(line) {
            depth if depth < column => return None,
            depth if depth == column => {
                let behind = line.get(column..)?.strip_prefix(key);
                if behind.is_some_and(is_behind) {
                    return Some(start);
                }
            }
            _ => {}
        }
        start += line.len();
    }
    None
}

/// A text by its lines, which are looked through once for every level of it.
pub(super) struct Lines<'t> {
    text: &'t str,
    /// Where each begins, and how deep it stands: a comment and an empty one deeper than all others.
    lines: Vec<(usize, usize)>,
}

/// About as long as the lines of a manifest are.
const SHORT_LINE: usize = 24;

/// Where the next line begins.
pub(super) fn end_of_line(text: &str) -> usize {
    let end = memchr::memchr(b'\n', text.as_bytes());
    end.map_or(text.len(), |end| end + 1)
}

/// A line at a time, each with its end.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (line, below) = rest.split_at_checked(end_of_line(rest))?;
        rest = below;
        (!line.is_empty()).then_some(line)
    })
}

/// How deep the line stands that a text begins with: a comment and an empty one deeper than all others.
pub(super) fn depth(line: &str) -> usize {
    let depth = spaces(line.as_bytes());
    match line.as_bytes().get(depth) {
        Some(b'\n' | b'#') => usize::MAX,
        _ => depth,
    }
}

/// How many spaces there are first. Half of a manifest is spaces: eight are looked at in one.
fn spaces(line: &[u8]) -> usize {
    const ALL: u64 = u64::from_le_bytes([b' '; 8]);
    let (eights, _) = line.as_chunks::<8>();
    let mut count = 0;
    for eight in eights {
        let others = u64::from_le_bytes(*eight) ^ ALL;
        if others != 0 {
            return count + others.trailing_zeros() as usize / 8;
        }
        count += 8;
    }
    let rest = line.iter().skip(count);
    count + rest.take_while(|byte| **byte == b' ').count()
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        // A few more, since what is narrowed to a few lines has shorter ones.
        let mut all = Vec::with_capacity(text.len() / SHORT_LINE + 8);
        let mut start = 0;
        for line in lines(text) {
            all.push((start, depth(line)));
            start += line.len();
        }
        Self { text, lines: all }
    }

    pub(super) fn whole(&self, column: usize) -> Option<Block<'_>> {
        self.block(0..self.lines.len(), column)
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
pub(super) struct Block<'l> {
    of: &'l Lines<'l>,
    begin: usize,
    lines: Range<usize>,
    column: usize,
}

/// A part of a block, by the key or the name that it has as it is written.
pub(super) struct Entry<'l> {
    pub(super) key: &'l str,
    /// From the key on; of an item, from behind its dash on.
    pub(super) block: Block<'l>,
}

impl<'l> Block<'l> {
    pub(super) fn text(&self) -> &'l str {
        let end = self.of.lines.get(self.lines.end);
        let end = end.map_or(self.of.text.len(), |(start, _)| *start);
        self.of.text.get(self.begin..end).unwrap_or_default()
    }

    fn first_line(&self) -> &'l str {
        let below = self.of.lines.get(self.lines.start + 1);
        let end = below.map_or(self.of.text.len(), |(start, _)| *start);
        self.of.text.get(self.begin..end).unwrap_or_default()
    }

    pub(super) fn is_list(&self) -> bool {
        self.first_line().starts_with("- ")
    }

    /// What begins in its column, one after the other; nothing in the place of one where a line stands less deep.
    fn parts(&self) -> impl Iterator<Item = Option<Block<'l>>> {
        let (of, begin, column) = (self.of, self.begin, self.column);
        let mut left = self.lines.clone();
        std::iter::from_fn(move || {
            let (line, _) = of.lines.get(left.clone())?.first()?;
            let below = of.lines.get(left.start + 1..left.end)?;
            let next = below.iter().position(|(_, depth)| *depth <= column);
            if next.is_some_and(|next| below.get(next).is_some_and(|(_, it)| *it < column)) {
                left.start = left.end;
                return Some(None);
            }
            let end = next.map_or(left.end, |next| left.start + 1 + next);
            let lines = std::mem::replace(&mut left.start, end)..end;
            let begin = begin.max(line + column);
            Some(Some(Block {
                of,
                begin,
                lines,
                column,
            }))
        })
    }

    /// As a part of a map.
    fn entry(self) -> Option<Entry<'l>> {
        let key = key(self.first_line())?;
        Some(Entry { key, block: self })
    }

    /// As a part of a list, without its dash.
    fn item(self) -> Option<Block<'l>> {
        self.is_list().then(|| Block {
            begin: self.begin + 2,
            column: self.column + 2,
            ..self
        })
    }

    /// The entries of a map.
    pub(super) fn entries(&self) -> Option<Vec<Entry<'l>>> {
        self.parts().map(|part| part?.entry()).collect()
    }

    /// The items of a list, without their dashes.
    fn items(&self) -> Option<Vec<Block<'l>>> {
        self.parts().map(|part| part?.item()).collect()
    }

    /// The items of a list where each begins with a name of its own.
    pub(super) fn named(&self) -> Option<Vec<Entry<'l>>> {
        let items = self.items()?.into_iter();
        let named = |block: Block<'l>| {
            let key = name(block.first_line())?;
            Some(Entry { key, block })
        };
        let named: Vec<Entry<'l>> = items.map(named).collect::<Option<_>>()?;
        let names: BTreeSet<&str> = named.iter().map(|entry| entry.key).collect();
        (names.len() == named.len()).then_some(named)
    }

    /// A map, a list, or what is left of an item behind its dash.
    pub(super) fn value(&self) -> Option<Value> {
        self.value_without("")
    }

    /// The same without the lists under a key.
    fn value_without(&self, lists: &str) -> Option<Value> {
        if self.is_list() {
            let items = self.parts().map(|part| part?.item()?.value_without(lists));
            return items.collect::<Option<_>>().map(Value::Array);
        }
        if key(self.first_line()).is_some() {
            // One by one: to collect a map sorts it first.
            let mut map = Map::new();
            for part in self.parts() {
                let entry = part?.entry()?;
                if entry.key == lists && entry.inner().is_some_and(|inner| inner.is_list()) {
                    continue;
                }
                map.insert(text(entry.key)?, entry.value_without(lists)?);
            }
            return Some(Value::Object(map));
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
    pub(super) fn inner(&self) -> Option<Block<'l>> {
        let Block {
            of, lines, column, ..
        } = &self.block;
        let nested = self.rest().starts_with(":\n");
        nested.then(|| of.block(lines.start + 1..lines.end, column + 2))?
    }

    /// What stands behind the key, as a text of its own.
    fn document(&self) -> Option<String> {
        let rest = self.rest();
        let Some(nested) = rest.strip_prefix(":\n") else {
            // Several lines behind a key are a text, and no entry of a map of maps is one.
            let one_line = end_of_line(rest) == rest.len();
            return rest
                .strip_prefix(": ")
                .filter(|_| one_line)
                .map(str::to_owned);
        };
        let column = self.block.column + 2;
        let mut text = String::with_capacity(nested.len());
        for line in nested.split_inclusive('\n') {
            let margin = line
                .bytes()
                .take(column)
                .take_while(|byte| *byte == b' ')
                .count();
            text.push_str(line.get(margin..)?);
        }
        Some(text)
    }

    pub(super) fn value(&self) -> Option<Value> {
        self.value_without("")
    }

    fn value_without(&self, lists: &str) -> Option<Value> {
        if let Some(inner) = self.inner() {
            return inner.value_without(lists);
        }
        let line = self.block.first_line().get(self.key.len()..)?;
        line.strip_prefix(": ").and_then(scalar).or_else(|| {
            let read: Value = serde_yaml::from_str(&["k", self.rest()].concat()).ok()?;
            read.get("k").cloned()
        })
    }
}

/// The name that an item of a list begins with, as it is written.
pub(super) fn name(line: &str) -> Option<&str> {
    let name = line.strip_prefix("name: ")?.strip_suffix('\n')?;
    (name.starts_with('"') || scalar::is_plain(name)).then_some(name)
}

/// The key that a line begins with, as it is written.
pub(super) fn key(line: &str) -> Option<&str> {
    let end = if line.starts_with('"') {
        quoted(line)?
    } else {
        let plain = |first: char| first.is_ascii_alphanumeric() || matches!(first, '/' | '.' | '$');
        if !line.starts_with(plain) {
            return None;
        }
        let bytes = line.as_bytes();
        memchr::memchr_iter(b':', bytes)
            .find(|colon| matches!(bytes.get(colon + 1), Some(b' ' | b'\n')))?
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
pub(super) fn text(written: &str) -> Option<String> {
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
    fn entries_are_documents_of_their_own() {
        let written = "version: 1\nservices:\n  a:\n    # why\n    image: x\n    text: |\n      b\n\n        c\n\n  \"b: c\":\n    e:\n      - 1\n  d: {}\nnetworks: {}\n";
        let found = entries(written, "services").unwrap();
        let found: Vec<(&str, &str)> = found.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(
            found,
            [
                ("a", "# why\nimage: x\ntext: |\n  b\n\n    c\n\n"),
                ("b: c", "e:\n  - 1\n"),
                ("d", "{}\n")
            ]
        );
        assert_eq!(entries(written, "volumes"), Some(Vec::new()));
        assert_eq!(entries(written, "version"), None);
        assert_eq!(entries("services:\n- a\n", "services"), None);
    }

    #[test]
    fn lists_are_left_out_by_their_key() {
        let written = "env: prod\nspec:\n  env:\n    - name: A\n      value: x\n  of:\n    - env:\n        - 1\n      b: 2\n";
        let left = json!({"env": "prod", "spec": {"of": [{"b": 2}]}});
        assert_eq!(read_without(written, "env"), Some(left));
        let whole = serde_yaml::from_str(written).unwrap();
        assert_eq!(read(written), Some(whole));
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
