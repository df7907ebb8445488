//! `ConfigMaps` and Secrets that hold something else under their name, and whose pods read them.
//!
//! A pod reads environment variables once, when it starts, and files as they are then, or after a while (`docs/src/diagnostics/ZD4054.md`; of a Secret
//! `kubernetes.io/docs/concepts/configuration/secret`, Using Secrets as environment variables, Mounted Secrets are updated automatically). So one that is
//! replaced in the same step has the new data; and one that `kubectl rollout undo` brings back as well, since its template has
//! the same name (`kubernetes.io/docs/concepts/workloads/controllers/deployment`, Rolling Back a Deployment: the template alone).

use super::reads::{self, CONFIG_MAP, Read, SECRET};
use super::scaling::is_off;
use super::{Key, Keyed, is_workload};
use crate::change::{Change, Effect};
use crate::targets::Object;
use rustc_hash::FxHashMap;

type Place<'a> = (&'a str, &'a str, Option<&'a str>);

/// Says of each whose pods read it and stay, and of which it is read anew.
pub(super) fn read_by((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    if !changes.iter().any(holds_other) {
        return;
    }
    let mut readers: Vec<(Key<'_>, Vec<Read>)> = new
        .iter()
        // Who had no pods starts those it gets with what there is then.
        .filter(|(key, _)| !old.get(*key).is_some_and(|was| is_off(&was.content)))
        .filter_map(|(key, object)| Some((*key, read(object)?)))
        .collect();
    readers.sort_unstable();
    let effects: FxHashMap<Place<'_>, Effect> =
        changes.iter().map(|it| (place(it), it.effect)).collect();
    let said: Vec<Option<Readers>> = changes
        .iter()
        .map(|change| holds_other(change).then(|| of(change, &readers, &effects)))
        .collect();
    for (change, said) in changes.iter_mut().zip(said) {
        let Some(said) = said else { continue };
        if !said.anew.is_empty() {
            let anew = said.anew.join(", ");
            change.how = format!(
                "the new pods of {anew} start with it, and those that `kubectl rollout undo` brings back as well"
            );
        }
        change.unaware = said.stay;
    }
}

/// Whose pods read something, by kind and name.
#[derive(Default)]
struct Readers {
    stay: Vec<String>,
    anew: Vec<String>,
}

fn of(
    change: &Change,
    readers: &[(Key<'_>, Vec<Read>)],
    effects: &FxHashMap<Place<'_>, Effect>,
) -> Readers {
    let mut found = Readers::default();
    for ((_, kind, name, namespace), reads) in readers {
        let is_it = |read: &Read| (read.kind, &read.name) == (&*change.kind, &change.name);
        if *namespace != change.namespace.as_deref() || !reads.iter().any(is_it) {
            continue;
        }
        let shown = format!("{kind} {name}");
        match effects.get(&(*kind, *name, *namespace)) {
            Some(Effect::Rolls | Effect::RestartsAtOnce) => found.anew.push(shown),
            Some(Effect::Created | Effect::Renamed) => {}
            // How others replace their pods is theirs.
            Some(_) if !is_workload(kind) && !matches!(*kind, "Pod" | "ReplicaSet") => {}
            Some(_) | None => found.stay.push(shown),
        }
    }
    found
}

/// Whether it is a `ConfigMap` or a Secret that stays and holds something else.
fn holds_other(change: &Change) -> bool {
    let is_data = |path: &str| {
        let mut blocks = ["data", "binaryData", "stringData"].into_iter();
        blocks.any(|block| path.starts_with(block))
    };
    matches!(&*change.kind, CONFIG_MAP | SECRET)
        && change.effect == Effect::InPlace
        && change.fields.iter().any(|field| is_data(&field.path))
}

fn place(change: &Change) -> Place<'_> {
    (&change.kind, &change.name, change.namespace.as_deref())
}

/// What the pods of an object read, where it has pods that run on.
fn read(object: &Object) -> Option<Vec<Read>> {
    // Each run starts pods of its own.
    let runs_anew = matches!(object.kind.as_str(), "Job" | "CronJob");
    if runs_anew || is_off(&object.content) {
        return None;
    }
    reads::of(object)
}
