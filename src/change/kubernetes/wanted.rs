//! What the pods of a program come to read of Secrets, which no file holds: somebody makes them before, or no new pod starts. And whose values
//! come from elsewhere now, which nobody but that somebody changes.

use super::missing::find;
use super::reads::{self, Read, SECRET};
use super::{Keyed, change, is_workload};
use crate::change::secrets::{real_name, source};
use crate::change::{Change, Effect, Pair};
use crate::targets::{Content, Object};
use serde_json::Value;
use std::collections::BTreeSet;

/// A Secret in its namespace, and a key of it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    namespace: Option<String>,
    name: String,
    key: Option<String>,
}

impl Wanted {
    fn shown(&self) -> String {
        match &self.key {
            Some(key) => format!("{} with `{key}`", self.name),
            None => self.name.clone(),
        }
    }
}

/// Says of pods that start which Secrets none read before: such a pod stays in `CreateContainerConfigError` (`missing`), and `deploy.sh` refuses
/// to begin (`targets/kubernetes/script/secrets.sh`).
pub(super) fn before(
    pair: &Pair<'_>,
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    changes: &mut [Change],
) {
    let starts = |it: &Change| {
        let starts = matches!(it.effect, Effect::Created | Effect::Renamed);
        is_workload(&it.kind) && it.service.is_some() && (starts || it.effect.replaces())
    };
    if pair.new_graph.is_none() || !changes.iter().any(starts) {
        return;
    }
    let mut asked: Vec<(usize, Vec<Wanted>)> = Vec::new();
    for (index, change) in changes.iter().enumerate().filter(|(_, it)| starts(it)) {
        let object = find(change, new).filter(|it| mentions(it, "secret"));
        let reads = object.and_then(reads::of).unwrap_or_default();
        let wanted = reads.iter().flat_map(wanted).map(|(name, key)| Wanted {
            namespace: change.namespace.clone(),
            name,
            key,
        });
        let wanted: BTreeSet<Wanted> = wanted.collect();
        if !wanted.is_empty() {
            asked.push((index, wanted.into_iter().collect()));
        }
    }
    if asked.is_empty() {
        return;
    }
    let names: BTreeSet<&str> = asked
        .iter()
        .flat_map(|(_, wanted)| wanted.iter().map(|it| &*it.name))
        .collect();
    // Most of what is there reads none of them, and is not read.
    let known = old
        .values()
        .filter(|it| names.iter().any(|name| mentions(it, name)));
    let known = known.flat_map(|object| {
        let reads = reads::of(object).unwrap_or_default();
        let all: Vec<_> = reads.iter().flat_map(wanted).collect();
        all.into_iter().map(|(name, key)| Wanted {
            namespace: object.namespace.clone(),
            name,
            key,
        })
    });
    let known: BTreeSet<Wanted> = known.collect();
    for (index, wanted) in asked {
        let new: Vec<String> = wanted
            .iter()
            .filter(|it| !known.contains(it))
            .map(Wanted::shown)
            .collect();
        let said = match new.as_slice() {
            [] => continue,
            [one] => format!("no new pod starts before Secret {one} is there"),
            more => format!(
                "no new pod starts before these Secrets are there: {}",
                more.join(", ")
            ),
        };
        if let Some(change) = changes.get_mut(index) {
            change.says_also(&said);
        }
    }
}

fn mentions(object: &Object, word: &str) -> bool {
    match &object.content {
        Content::Text(text) => text.contains(word),
        Content::Value(_) => true,
    }
}

/// The Secret and the keys that something reads and cannot do without.
fn wanted(read: &Read) -> Vec<(String, Option<String>)> {
    if read.kind != SECRET || read.optional {
        return Vec::new();
    }
    match &read.keys {
        Some(keys) if !keys.is_empty() => {
            let keys = keys.iter();
            keys.map(|key| (read.name.clone(), Some(key.clone())))
                .collect()
        }
        _ => vec![(read.name.clone(), None)],
    }
}

/// Secrets whose values come from somewhere else now: what is there keeps its value, and what runs keeps what it started with.
pub(super) fn sources(pair: &Pair<'_>, new: &Keyed<'_>) -> Vec<Change> {
    let (Some(was), Some(is)) = (pair.old_graph, pair.new_graph) else {
        return Vec::new();
    };
    let secrets = is.deployment().secrets.iter();
    let moved = secrets.filter_map(|secret| {
        let before = was.secret(secret.label.name())?;
        let (from, to) = (source(before)?, source(secret)?);
        // One of another name is one that is to be made.
        (from != to && real_name(before) == real_name(secret)).then_some((secret, from, to))
    });
    let moved: Vec<_> = moved.collect();
    if moved.is_empty() {
        return Vec::new();
    }
    let mut read: BTreeSet<(String, Option<&str>)> = BTreeSet::new();
    for object in new.values() {
        let reads = reads::of(object).unwrap_or_default().into_iter();
        let secrets = reads.filter(|it| it.kind == SECRET);
        read.extend(secrets.map(|it| (it.name, object.namespace.as_deref())));
    }
    let mut changes = Vec::new();
    for (secret, from, to) in moved {
        for (name, namespace) in read.iter().filter(|(name, _)| name == real_name(secret)) {
            let object = Object {
                file: String::new(),
                kind: SECRET.to_owned(),
                name: name.clone(),
                namespace: namespace.map(ToOwned::to_owned),
                content: Content::Value(Value::Null),
            };
            let mut change = change(None, &object);
            change.effect = Effect::InPlace;
            change.how = format!(
                "its value comes from {to}, and came from {from}: make it anew where that is another one; pods that run keep \
                 what they started with"
            );
            change.span = Some(secret.span);
            changes.push(change);
        }
    }
    changes
}
