//! Putting a value into an object that was lowered, and taking one out.

use super::path::Step;
use crate::yaml::Node;

/// Puts a value at a path. Maps on the way are made; an item may be added at a list's end.
///
/// # Errors
/// How many steps could be gone.
pub(super) fn put(node: &mut Node, steps: &[Step], value: Node) -> Result<(), usize> {
    let Some((step, rest)) = steps.split_first() else {
        merge(node, value);
        return Ok(());
    };
    let deeper = |gone: usize| gone + 1;
    match (node.bare_mut(), step) {
        (Node::Map(entries), Step::Key(key)) => {
            let known = entries.iter().position(|(known, _)| known == key);
            let is_plain = rest.is_empty() && !is_structure(&value);
            let index = known.unwrap_or_else(|| {
                if is_plain {
                    plain_end(entries)
                } else {
                    entries.len()
                }
            });
            if known.is_none() {
                entries.insert(index, (key.clone(), made_for(rest)));
            }
            match entries.get_mut(index) {
                Some((_, inner)) => put(inner, rest, value).map_err(deeper),
                None => Err(0),
            }
        }
        (Node::List(items), Step::Item(index)) => {
            if *index == items.len() {
                items.push(made_for(rest));
            }
            match items.get_mut(*index) {
                Some(item) => put(item, rest, value).map_err(deeper),
                None => Err(0),
            }
        }
        _ => Err(0),
    }
}

/// Takes what is at a path out of its map or list. Says whether something was there.
pub(super) fn remove(node: &mut Node, steps: &[Step]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return false;
    };
    match (node.bare_mut(), step) {
        (Node::Map(entries), Step::Key(key)) => {
            let Some(index) = entries.iter().position(|(known, _)| known == key) else {
                return false;
            };
            if rest.is_empty() {
                entries.remove(index);
                return true;
            }
            entries
                .get_mut(index)
                .is_some_and(|(_, inner)| remove(inner, rest))
        }
        (Node::List(items), Step::Item(index)) if *index < items.len() => {
            if rest.is_empty() {
                items.remove(*index);
                return true;
            }
            items
                .get_mut(*index)
                .is_some_and(|inner| remove(inner, rest))
        }
        _ => false,
    }
}

/// Whether something is at a path whose last step is a key: another item takes an item's place.
pub(super) fn has(node: &Node, steps: &[Step]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return true;
    };
    match (node.bare(), step) {
        (Node::Map(entries), Step::Key(key)) => entries
            .iter()
            .any(|(known, inner)| known == key && has(inner, rest)),
        (Node::List(items), Step::Item(index)) => {
            !rest.is_empty() && items.get(*index).is_some_and(|item| has(item, rest))
        }
        _ => false,
    }
}

/// What is not there yet, and has something put into it.
fn made_for(steps: &[Step]) -> Node {
    match steps.first() {
        Some(Step::Item(_)) => Node::List(Vec::new()),
        Some(Step::Key(_)) => Node::Map(Vec::new()),
        None => Node::Null,
    }
}

/// A record goes into a record key by key; anything else takes the other's place.
fn merge(node: &mut Node, value: Node) {
    match (node.bare_mut(), value) {
        (Node::Map(_), Node::Map(entries)) => {
            for (key, value) in entries {
                // A key of a map always has a place.
                let _ = put(node, &[Step::Key(key)], value);
            }
        }
        (place, value) => *place = value,
    }
}

/// After the plain values that a map begins with: people write `name` and `replicas` before lists
/// and maps.
fn plain_end(entries: &[(String, Node)]) -> usize {
    let structure = entries.iter().position(|(_, value)| is_structure(value));
    structure.unwrap_or(entries.len())
}

fn is_structure(value: &Node) -> bool {
    matches!(value.bare(), Node::Map(_) | Node::List(_))
}

#[cfg(test)]
mod tests {
    use super::super::path::steps;
    use super::*;

    fn node(yaml: &str) -> Node {
        let value: serde_yaml::Value = serde_yaml::from_str(yaml).unwrap();
        crate::yaml::to_node(&value).unwrap()
    }

    fn patched(yaml: &str, path: &str, value: &str) -> String {
        let mut object = node(yaml);
        match put(&mut object, &steps(path), node(value)) {
            Ok(()) => crate::yaml::to_string(&object).unwrap(),
            Err(gone) => format!("after {gone}"),
        }
    }

    #[test]
    fn values_are_put_where_people_would_write_them() {
        let pod = "name: a\nports: [1]\nenv: {a: b}\n";
        for (path, value, expected) in [
            (
                "tty",
                "true",
                "name: a\ntty: true\nports:\n  - 1\nenv:\n  a: b\n",
            ),
            ("name", "b", "name: b\nports:\n  - 1\nenv:\n  a: b\n"),
            (
                "args",
                "[x]",
                "name: a\nports:\n  - 1\nenv:\n  a: b\nargs:\n  - x\n",
            ),
            (
                "ports[1]",
                "2",
                "name: a\nports:\n  - 1\n  - 2\nenv:\n  a: b\n",
            ),
            (
                "env",
                "{c: d}",
                "name: a\nports:\n  - 1\nenv:\n  a: b\n  c: d\n",
            ),
            (
                r#"env."x.y""#,
                "z",
                "name: a\nports:\n  - 1\nenv:\n  a: b\n  x.y: z\n",
            ),
            (
                "a.b.c",
                "1",
                "name: a\nports:\n  - 1\nenv:\n  a: b\na:\n  b:\n    c: 1\n",
            ),
            (
                "new[0].x",
                "1",
                "name: a\nports:\n  - 1\nenv:\n  a: b\nnew:\n  - x: 1\n",
            ),
            ("ports[3]", "2", "after 1"),
            ("name.x", "2", "after 1"),
        ] {
            assert_eq!(patched(pod, path, value), expected, "{path}");
        }
    }
}
