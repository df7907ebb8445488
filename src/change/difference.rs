//! Where two values differ, and reading them.

use crate::targets::Content;
use crate::yaml;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt::Write;

/// A value that differs, with its path.
#[derive(Debug, PartialEq)]
pub(super) struct Difference<'v> {
    /// The steps to it: keys, and names of a list's items.
    pub(super) path: Vec<String>,
    /// Which of the steps are names.
    named: Vec<bool>,
    pub(super) old: Option<Cow<'v, Value>>,
    pub(super) new: Option<Cow<'v, Value>>,
}

impl Difference<'_> {
    /// The path as people write it: `containers[web].image`.
    pub(super) fn shown(&self) -> String {
        let mut shown = String::new();
        for (step, named) in self.path.iter().zip(&self.named) {
            // Writing to a string never fails.
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            if *named {
                let _ = write!(shown, "[{step}]");
            } else if !step.chars().all(plain) {
                let _ = write!(shown, "[\"{step}\"]");
            } else if shown.is_empty() {
                shown += step;
            } else {
                let _ = write!(shown, ".{step}");
            }
        }
        shown
    }
}

/// Every leaf that differs, in the order of the keys.
pub(super) fn differences<'v>(old: &'v Value, new: &'v Value) -> Vec<Difference<'v>> {
    let mut walk = Walk {
        path: Vec::new(),
        named: Vec::new(),
        found: Vec::new(),
    };
    walk.compare(Some(old), Some(new));
    walk.found
}

/// What an object holds as a value: its YAML, or the text of what is none.
pub(super) fn value(content: &Content) -> Cow<'_, Value> {
    match content {
        Content::Value(value) => Cow::Borrowed(value),
        Content::Text(text) => {
            let read = yaml::read(text).or_else(|| serde_yaml::from_str(text).ok());
            Cow::Owned(read.unwrap_or_else(|| Value::String(text.to_string())))
        }
    }
}

/// Two objects as values as far as they differ: nearly all of two versions of an object is equal, and to read it takes longer
/// than all the rest of a plan.
pub(super) fn apart<'c>(old: &'c Content, new: &'c Content) -> (Cow<'c, Value>, Cow<'c, Value>) {
    let differing = match (old, new) {
        (Content::Text(old), Content::Text(new)) => yaml::differing(old, new),
        _ => None,
    };
    match differing {
        Some((old, new)) => (Cow::Owned(old), Cow::Owned(new)),
        None => (value(old), value(new)),
    }
}

/// What stands at a path of an object.
pub(super) fn at<'c>(content: &'c Content, path: &[&str]) -> Option<Cow<'c, Value>> {
    match content {
        Content::Text(text) => yaml::at(text, path).map(Cow::Owned),
        Content::Value(value) => {
            let found = path.iter().try_fold(value, |value, key| value.get(key));
            found.map(Cow::Borrowed)
        }
    }
}

/// Whether a number that stands at a path of an object is 0.
pub(super) fn is_zero(content: &Content, path: &[&str]) -> bool {
    at(content, path).is_some_and(|number| number.as_u64() == Some(0))
}

struct Walk<'v> {
    path: Vec<&'v str>,
    named: Vec<bool>,
    found: Vec<Difference<'v>>,
}

impl<'v> Walk<'v> {
    fn compare(&mut self, old: Option<&'v Value>, new: Option<&'v Value>) {
        if old == new {
            return;
        }
        // What stands on one side alone is compared with nothing, key by key: a rule is about a key.
        match (old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => self.keys(Some(old), Some(new)),
            (Some(Value::Object(old)), None) if !old.is_empty() => self.keys(Some(old), None),
            (None, Some(Value::Object(new))) if !new.is_empty() => self.keys(None, Some(new)),
            _ => match (named(old), named(new)) {
                (Some(old), Some(new)) => self.items(&old, &new),
                (Some(old), None) if is_empty(new) && !old.is_empty() => self.items(&old, &[]),
                (None, Some(new)) if is_empty(old) && !new.is_empty() => self.items(&[], &new),
                _ => self.push(old.map(Cow::Borrowed), new.map(Cow::Borrowed)),
            },
        }
    }

    fn push(&mut self, old: Option<Cow<'v, Value>>, new: Option<Cow<'v, Value>>) {
        self.found.push(Difference {
            path: self.path.iter().map(|step| (*step).to_owned()).collect(),
            named: self.named.clone(),
            old,
            new,
        });
    }

    fn keys(&mut self, old: Option<&'v Map<String, Value>>, new: Option<&'v Map<String, Value>>) {
        let of = |map: Option<&'v Map<String, Value>>| map.into_iter().flat_map(Map::keys);
        let mut keys: Vec<&String> = of(old).chain(of(new)).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let at = |map: Option<&'v Map<String, Value>>| map.and_then(|map| map.get(key));
            self.step(key, false, at(old), at(new));
        }
    }

    fn items(&mut self, old: &[(&'v str, &'v Value)], new: &[(&'v str, &'v Value)]) {
        let find = |items: &[(&'v str, &'v Value)], name: &str| {
            let found = items.iter().find(|(known, _)| *known == name);
            found.map(|(_, item)| *item)
        };
        for (name, item) in old {
            self.step(name, true, Some(item), find(new, name));
        }
        for (name, item) in new.iter().filter(|(name, _)| find(old, name).is_none()) {
            self.step(name, true, None, Some(item));
        }
        // A list in another order is another list: what is compared so replaces pods.
        let common = |items: &[(&'v str, &'v Value)], others: &[(&'v str, &'v Value)]| {
            let names = items.iter().map(|(name, _)| *name);
            let common = names.filter(|name| find(others, name).is_some());
            common.collect::<Vec<_>>()
        };
        let (before, after) = (common(old, new), common(new, old));
        let differ = || before.iter().zip(&after).map(|(old, new)| old != new);
        if let (Some(first), Some(last)) = (differ().position(|it| it), differ().rposition(|it| it))
        {
            let moved = |names: &[&str]| {
                names
                    .get(first..=last)
                    .map(|names| Cow::Owned(names.into()))
            };
            self.push(moved(&before), moved(&after));
        }
    }

    fn step(&mut self, step: &'v str, named: bool, old: Option<&'v Value>, new: Option<&'v Value>) {
        self.path.push(step);
        self.named.push(named);
        self.compare(old, new);
        self.path.pop();
        self.named.pop();
    }
}

fn is_empty(list: Option<&Value>) -> bool {
    matches!(list, Some(Value::Array(items)) if items.is_empty())
}

/// The items of a list by their names, where each has one of its own; nothing is an empty list.
fn named(list: Option<&Value>) -> Option<Vec<(&str, &Value)>> {
    let items = match list {
        None => return Some(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return None,
    };
    let name = |item: &'_ Value| item.get("name").and_then(Value::as_str).is_some();
    if items.is_empty() || !items.iter().all(name) {
        return None;
    }
    let named: Vec<(&str, &Value)> = items
        .iter()
        .filter_map(|item| Some((item.get("name")?.as_str()?, item)))
        .collect();
    let mut names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    (names.len() == named.len()).then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn paths(old: &Value, new: &Value) -> Vec<String> {
        differences(old, new)
            .iter()
            .map(Difference::shown)
            .collect()
    }

    #[test]
    fn what_is_equal_differs_nowhere() {
        let value = json!({"a": [1, {"b": 2}]});
        assert_eq!(paths(&value, &value), [""; 0]);
    }

    #[test]
    fn a_block_on_one_side_is_told_key_by_key() {
        let (old, new) = (
            json!({}),
            json!({"deploy": {"labels": {"a.b": "c"}, "mode": "x"}}),
        );
        assert_eq!(paths(&old, &new), ["deploy.labels[\"a.b\"]", "deploy.mode"]);
        assert_eq!(paths(&new, &old), ["deploy.labels[\"a.b\"]", "deploy.mode"]);
    }

    #[test]
    fn items_with_names_are_compared_by_them() {
        let old = json!({"c": [{"name": "a", "v": 1}, {"name": "b", "v": 1}]});
        let new = json!({"c": [{"name": "b", "v": 2}, {"name": "a", "v": 1}]});
        assert_eq!(paths(&old, &new), ["c[b].v", "c"]);
        assert_eq!(paths(&json!({"c": [1, 2]}), &json!({"c": [1, 3]})), ["c"]);
        let (none, one) = (json!({"c": []}), json!({"c": [{"name": "a", "v": 1}]}));
        assert_eq!(paths(&none, &one), ["c[a].name", "c[a].v"]);
        assert_eq!(paths(&one, &none), ["c[a].name", "c[a].v"]);
    }

    /// Texts that YAML takes for something else, or writes in some form of their own.
    fn texts() -> impl Strategy<Value = String> {
        const ODD: &[&str] = &[
            "",
            "a: b",
            "# c",
            "- a",
            "true",
            "null",
            "5",
            "two\nlines\n",
            "\n\n a\n",
            "${A}",
            "\"",
            "x:",
        ];
        prop_oneof![3 => "[abc]{1,2}", 1 => prop::sample::select(ODD).prop_map(ToOwned::to_owned)]
    }

    /// Values as manifests have them: few keys, so that two have some in common; lists of items with names, and others.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            texts().prop_map(Value::String),
            (0..3).prop_map(Value::from),
            any::<bool>().prop_map(Value::Bool),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 40, 4, |inner| {
            let keys = prop_oneof![4 => "[abc]", 1 => texts()];
            let names =
                prop_oneof![9 => texts().prop_map(Value::from), 1 => (0..3).prop_map(Value::from)];
            let item = (
                names,
                prop::collection::btree_map("[xyz]", inner.clone(), 0..3),
            );
            let item = item.prop_map(|(name, rest)| {
                // The name stands first, as it does in a manifest.
                let rest = rest.into_iter();
                Value::Object(
                    [("name".to_owned(), name)]
                        .into_iter()
                        .chain(rest)
                        .collect(),
                )
            });
            prop_oneof![
                3 => prop::collection::btree_map(keys, inner.clone(), 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
                1 => prop::collection::vec(inner, 0..3).prop_map(Value::Array),
                2 => prop::collection::vec(item, 0..4).prop_map(Value::Array),
            ]
        })
    }

    fn maps() -> impl Strategy<Value = Value> {
        let map = prop::collection::btree_map("[abcde]", values(), 0..5);
        map.prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    /// What differs, as rules take it.
    fn told(old: &Value, new: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
        let found = differences(old, new);
        let told = |it: &Difference<'_>| {
            let owned = |side: &Option<Cow<'_, Value>>| side.as_deref().cloned();
            (it.shown(), owned(&it.old), owned(&it.new))
        };
        found.iter().map(told).collect()
    }

    fn content(value: &Value) -> Content {
        Content::Text(yaml::to_string(value).unwrap().into())
    }

    proptest! {
        #[test]
        fn no_difference_is_lost_by_reading_less(old in maps(), mut new in maps(), same in "[abcde]{0,4}") {
            // Two versions of an object have most in common.
            for key in same.chars().map(String::from) {
                match old.get(&key) {
                    Some(value) => new[&key] = value.clone(),
                    None => _ = new.as_object_mut().unwrap().remove(&key),
                }
            }
            let (before, after) = (content(&old), content(&new));
            if let (Content::Text(old), Content::Text(new)) = (&before, &after) {
                let empty = old.starts_with('{') || new.starts_with('{');
                let read = yaml::differing(old, new).is_some();
                prop_assert!(read || empty, "{}\n{}", &**old, &**new);
            }
            let (was, is) = apart(&before, &after);
            prop_assert_eq!(told(&was, &is), told(&old, &new));
            prop_assert_eq!(&*value(&before), &old);
            for path in [&["a"][..], &["b", "c"], &["c", "a", "b"]] {
                let found = at(&before, path).map(Cow::into_owned);
                prop_assert_eq!(found.as_ref(), path.iter().try_fold(&old, |value, key| value.get(key)));
            }
        }
    }
}
