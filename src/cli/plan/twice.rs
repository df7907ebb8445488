//! Keys that stand twice in a mapping of a stack file, which docker refuses (go.yaml.in/yaml `decode.go`, `uniqueKeys`).

use serde::Deserialize;
use std::collections::BTreeMap;

/// What docker says of the first one of a file's first document, as far as each stands on a line of its own.
pub(super) fn said(text: &str) -> Option<String> {
    let twice = scan(text)?;
    // Lines may look like keys and be none.
    let document = serde_yaml::Deserializer::from_str(text).next()?;
    let read = serde_yaml::Value::deserialize(document);
    let is_so = read.is_err_and(|why| why.to_string().contains("duplicate entry"));
    let Twice { key, first, again } = twice;
    is_so.then(|| {
        format!("yaml: unmarshal errors: line {again}: mapping key {key:?} already defined at line {first}")
    })
}

#[derive(Debug, PartialEq)]
struct Twice<'t> {
    key: &'t str,
    first: usize,
    again: usize,
}

/// The keys of a mapping whose lines begin at a column.
struct Level<'t> {
    column: usize,
    keys: BTreeMap<&'t str, usize>,
}

fn scan(text: &str) -> Option<Twice<'_>> {
    let mut levels: Vec<Level<'_>> = Vec::new();
    // The column of the key whose text goes on for several lines.
    let mut within: Option<usize> = None;
    for (line, number) in text.lines().zip(1..) {
        let mut rest = line.trim_start_matches(' ');
        let mut column = line.len() - rest.len();
        if rest.is_empty() || within.is_some_and(|of| column > of) {
            continue;
        }
        within = None;
        if rest.starts_with('#') {
            continue;
        }
        if line.starts_with("---") {
            if levels.is_empty() {
                continue;
            }
            return None;
        }
        while let Some(item) = rest.strip_prefix("- ") {
            levels.retain(|level| level.column <= column);
            rest = item.trim_start_matches(' ');
            column = line.len() - rest.len();
        }
        let Some((key, value)) = key(rest) else {
            continue;
        };
        if goes_on(value) {
            within = Some(column);
        }
        levels.retain(|level| level.column <= column);
        match levels.last_mut().filter(|level| level.column == column) {
            Some(level) => {
                if let Some(first) = level.keys.insert(key, number).filter(|_| key != "<<") {
                    return Some(Twice {
                        key,
                        first,
                        again: number,
                    });
                }
            }
            None => levels.push(Level {
                column,
                keys: BTreeMap::from([(key, number)]),
            }),
        }
    }
    None
}

/// The key that a line begins with, and what stands behind it.
fn key(line: &str) -> Option<(&str, &str)> {
    let quote = line.chars().next().filter(|it| matches!(it, '"' | '\''));
    let (key, behind) = match quote {
        Some(quote) => line.strip_prefix(quote)?.split_once(quote)?,
        None => match line.split_once(": ") {
            Some((key, value)) => return Some((key.trim_end(), value)),
            None => (line.trim_end().strip_suffix(':')?, ":"),
        },
    };
    Some((key, behind.trim_start().strip_prefix(':')?))
}

/// Whether a text of several lines begins there.
fn goes_on(value: &str) -> bool {
    let mut words = value.split_whitespace();
    let first = words.find(|word| !word.starts_with(['&', '!']));
    first.is_some_and(|word| word.starts_with(['|', '>']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_named_with_its_lines() {
        let of = |text: &str| said(text);
        let words = |key: &str, first: usize, again: usize| {
            Some(format!(
                "yaml: unmarshal errors: line {again}: mapping key {key:?} already defined at line {first}"
            ))
        };
        let image = "services:\n  web:\n    image: a\n\n    # b\n    \"image\": b\n";
        assert_eq!(of(image), words("image", 3, 6));
        let service = "---\nservices:\n  web:\n    image: a\n  api: {}\n  web: {}\n";
        assert_eq!(of(service), words("web", 3, 6));
        let item = "ports:\n- target: 1\n  target: 2\n";
        assert_eq!(of(item), words("target", 2, 3));
    }

    #[test]
    fn what_stands_once_in_each_mapping_does_not() {
        for text in [
            "a:\n  image: a\nb:\n  image: a\n",
            "ports:\n- target: 1\n- target: 2\n",
            "ports:\n  - target: 1\n    mode: host\n  - target: 2\n    mode: host\n",
            "command: |\n  a: 1\n  a: 2\nb: 1\n",
            "command: &c >-\n  a: 1\n\n  a: 2\n",
            "command: \"a\n  b: 1\n  b: 2\"\n",
            "a: 1\n---\na: 2\n",
            "a: {b: 1}\nc: {b: 1}\n",
        ] {
            assert_eq!(said(text), None, "{text}");
        }
    }
}
