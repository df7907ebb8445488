//! `ConfigMaps` and Secrets that hold something else under their name, and whose pods read them.
//!
//! A pod reads environment variables once, when it starts, and files as they are then, or after a while (`docs/src/diagnostics/ZD4054.md`; of a Secret
//! `kubernetes.io/docs/concepts/configuration/secret`, Using Secrets as environment variables, Mounted Secrets are updated automatically). So one that is
//! replaced in the same step has the new data; and one that `kubectl rollout undo` brings back as well, since its template has
//! the same name (`kubernetes.io/docs/concepts/workloads/controllers/deployment`, Rolling Back a Deployment: the template alone). One that asks
//! for a key which is gone stays in `CreateContainerConfigError` (kubernetes/kubernetes `pkg/kubelet/kubelet_pods.go`, `makeEnvironmentVariables`).

use super::reads::{self, CONFIG_MAP, Read, SECRET};
use super::scaling::is_off;
use super::{Key, Keyed, is_workload, secret};
use crate::change::{Change, Effect};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// What makes pods, with what those read.
struct Reader<'a> {
    key: Key<'a>,
    reads: Vec<Read>,
    /// Whether it says that it has no pods.
    off: bool,
}

impl Reader<'_> {
    /// What it reads of a `ConfigMap` or Secret.
    fn of(&self, change: &Change) -> impl Iterator<Item = &Read> {
        let here = self.key.3 == change.namespace.as_deref();
        let reads = self.reads.iter().filter(move |_| here);
        reads.filter(|read| (read.kind, &read.name) == (&*change.kind, &change.name))
    }

    fn reads(&self, change: &Change) -> bool {
        self.of(change).next().is_some()
    }

    /// Whether it reads what is not what it was.
    fn reads_any(&self, change: &Change, other: &Other) -> bool {
        self.of(change).any(|read| read.is_of(&other.changed))
    }

    /// Whether none of its pods starts without a key.
    fn needs(&self, change: &Change, key: &String) -> bool {
        self.of(change).any(|read| read.needed.contains(key))
    }

    fn shown(&self) -> String {
        format!("{} {}", self.key.1, self.key.2)
    }

    /// Whether its pods run on; those of each run of another one end.
    fn runs_on(&self) -> bool {
        !self.off && !matches!(self.key.1, "Job" | "CronJob")
    }
}

/// In the order of their names.
fn readers<'a>(side: &Keyed<'a>) -> Vec<Reader<'a>> {
    let all = side.iter().filter_map(|(key, object)| {
        Some(Reader {
            key: *key,
            reads: reads::of(object)?,
            off: is_off(&object.content),
        })
    });
    let mut all: Vec<Reader<'_>> = all.collect();
    all.sort_unstable_by_key(|it| it.key);
    all
}

/// Who does something, in the words for one or for more.
fn say(who: &[&Reader<'_>], words: [&str; 2]) -> Option<String> {
    let shown: Vec<String> = who.iter().map(|it| it.shown()).collect();
    let [one, more] = words;
    let does = if shown.len() == 1 { one } else { more };
    (!shown.is_empty()).then(|| format!("; {} {does}", shown.join(", ")))
}

type Place<'a> = (&'a str, &'a str, Option<&'a str>);

/// Says of each whose pods read it and stay, and of which it is read anew.
pub(super) fn read_by((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let others: Vec<Option<Other>> = changes
        .iter()
        .map(|change| Other::of(change, (old, new)))
        .collect();
    if others.iter().all(Option::is_none) {
        return;
    }
    // Who had no pods starts those it gets with what there is then.
    let had = |it: &Reader<'_>| !old.get(&it.key).is_some_and(|was| is_off(&was.content));
    let after = readers(new);
    let running: Vec<&Reader<'_>> = after.iter().filter(|it| it.runs_on() && had(it)).collect();
    let before = readers(old);
    let left = before.iter().filter(|it| it.runs_on());
    let left: Vec<&Reader<'_>> = left.filter(|it| !new.contains_key(&it.key)).collect();
    let versions = Versions {
        before: &before,
        after: &after,
        new,
    };
    let effects: FxHashMap<Place<'_>, Effect> =
        changes.iter().map(|it| (place(it), it.effect)).collect();
    let asking: Vec<&Reader<'_>> = after.iter().chain(left.iter().copied()).collect();
    let mut said = Vec::new();
    for (change, other) in changes.iter().zip(&others) {
        said.push(other.as_ref().map(|other| {
            let found = of(change, other, &running, &effects);
            let how = versions.start_with(change, other, &found.anew);
            let mut gone = other.gone(change, &asking);
            gone.push_str(&versions.starts_no_more(change, other));
            (found.stay, how, gone)
        }));
    }
    for ((change, other), said) in changes.iter_mut().zip(&others).zip(said) {
        let Some((other, (stay, how, gone))) = other.as_ref().zip(said) else {
            continue;
        };
        if let Some(how) = how {
            change.how = how;
        }
        change.how.push_str(&gone);
        change.unaware = stay;
        let left = left.iter().filter(|it| it.reads_any(change, other));
        let left: Vec<&Reader<'_>> = left.copied().collect();
        let words = [
            "reads it, and is left behind",
            "read it, and are left behind",
        ];
        change.how.extend(say(&left, words));
    }
}

/// Which keys of one that stays are not what they were.
struct Other {
    changed: BTreeSet<String>,
    /// Those of them that are there no more.
    gone: BTreeSet<String>,
}

impl Other {
    fn of(change: &Change, (old, new): (&Keyed<'_>, &Keyed<'_>)) -> Option<Self> {
        if !is_kind(change) || change.effect != Effect::InPlace {
            return None;
        }
        let key = (
            "",
            &*change.kind,
            &*change.name,
            change.namespace.as_deref(),
        );
        let [was, is] = [old, new].map(|side| {
            side.get(&key)
                .map(|it| secret::held(&change.kind, &it.content))
        });
        let (was, is) = (was?, is?);
        let gone = was
            .iter()
            .filter(|(key, held)| !held.is_kept && !is.contains_key(*key));
        let gone: BTreeSet<String> = gone.map(|(key, _)| key.clone()).collect();
        let changed = is
            .iter()
            .filter(|(key, held)| was.get(*key).is_none_or(|was| was.value != held.value));
        let changed: BTreeSet<String> = changed
            .map(|(key, _)| key.clone())
            .chain(gone.iter().cloned())
            .collect();
        (!changed.is_empty()).then_some(Self { changed, gone })
    }

    /// Whose pods ask for what is gone.
    fn gone(&self, change: &Change, readers: &[&Reader<'_>]) -> String {
        let said = self.gone.iter().filter_map(|key| {
            let needs = |it: &&Reader<'_>| it.needs(change, key);
            let who: Vec<&Reader<'_>> = readers.iter().copied().filter(needs).collect();
            let [one, more] =
                ["asks", "ask"].map(|ask| format!("{ask} for `{key}`, which is gone"));
            say(
                &who,
                [
                    &format!("{one}, and starts no new pod"),
                    &format!("{more}, and start no new pod"),
                ],
            )
        });
        said.collect()
    }
}

/// Whose pods read something.
#[derive(Default)]
struct Readers<'a> {
    stay: Vec<String>,
    anew: Vec<&'a Reader<'a>>,
}

/// Who reads before a step, and after it.
struct Versions<'a> {
    before: &'a [Reader<'a>],
    after: &'a [Reader<'a>],
    new: &'a Keyed<'a>,
}

impl Versions<'_> {
    fn before(&self, key: Key<'_>) -> Option<&Reader<'_>> {
        self.before.iter().find(|it| it.key == key)
    }

    /// Whose new pods start with it, and whether those of the version before do once they are back.
    fn start_with(&self, change: &Change, other: &Other, anew: &[&Reader<'_>]) -> Option<String> {
        if anew.is_empty() {
            return None;
        }
        let starts = |it: &Reader<'_>| {
            let mut gone = other.gone.iter();
            it.reads_any(change, other) && !gone.any(|key| it.needs(change, key))
        };
        let comes_back = |it: &&&Reader<'_>| self.before(it.key).is_some_and(starts);
        let back: Vec<String> = anew
            .iter()
            .filter(comes_back)
            .map(|it| it.shown())
            .collect();
        let shown: Vec<String> = anew.iter().map(|it| it.shown()).collect();
        let undo = "those that `kubectl rollout undo` brings back";
        let back = match back.len() {
            0 => String::new(),
            all if all == anew.len() => format!(", and {undo} as well"),
            _ => format!(", and {undo} of {} as well", back.join(", ")),
        };
        Some(format!(
            "the new pods of {} start with it{back}",
            shown.join(", ")
        ))
    }

    /// Whose version before asks for what is gone, where the new one does not: its pods that are there run on, and none
    /// that is made anew starts.
    fn starts_no_more(&self, change: &Change, other: &Other) -> String {
        let said = other.gone.iter().filter_map(|key| {
            let had = self.before.iter().filter(|it| is_workload(it.key.1));
            let had = had.filter(|it| it.needs(change, key));
            let is_other = |was: &&Reader<'_>| {
                let mut after = self.after.iter();
                self.new.contains_key(&was.key)
                    && !after.any(|is| is.key == was.key && is.needs(change, key))
            };
            let shown: Vec<String> = had.filter(is_other).map(Reader::shown).collect();
            let who = shown.join(", ");
            (!shown.is_empty()).then(|| {
                let [versions, ask, start] = match shown.len() {
                    1 => ["version", "asks", "starts"],
                    _ => ["versions", "ask", "start"],
                };
                format!(
                    "; the {versions} before of {who} {ask} for `{key}`, which is gone, and {start} no pod any more, \
                     not by `kubectl rollout undo` either"
                )
            })
        });
        said.collect()
    }
}

fn of<'a>(
    change: &Change,
    other: &Other,
    readers: &[&'a Reader<'a>],
    effects: &FxHashMap<Place<'_>, Effect>,
) -> Readers<'a> {
    let mut found = Readers::default();
    for reader in readers.iter().filter(|it| it.reads_any(change, other)) {
        let (_, kind, name, namespace) = reader.key;
        match effects.get(&(kind, name, namespace)) {
            Some(Effect::Rolls | Effect::RestartsAtOnce) => found.anew.push(reader),
            Some(Effect::Created | Effect::Renamed) => {}
            // How others replace their pods is theirs.
            Some(_) if !is_workload(kind) && !matches!(kind, "Pod" | "ReplicaSet") => {}
            Some(_) | None => found.stay.push(reader.shown()),
        }
    }
    found
}

/// Says of each that is written no more who reads it all the same, or did: `kubectl apply` deletes nothing, and no container is made
/// without what it has to read (kubernetes/kubernetes `pkg/kubelet/kubelet_pods.go`, `makeEnvironmentVariables`;
/// `pkg/volume/configmap`, `pkg/volume/secret`).
pub(super) fn left_behind((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let is_left = |it: &Change| it.effect == Effect::Left && is_kind(it);
    if !changes.iter().any(is_left) {
        return;
    }
    let (before, after) = (readers(old), readers(new));
    for change in changes.iter_mut().filter(|it| is_left(it)) {
        let all: Vec<&Reader<'_>> = after.iter().filter(|it| it.reads(change)).collect();
        let mut some = all.clone();
        some.retain(|it| it.of(change).any(|read| !read.optional));
        let needed = [
            "reads it, and starts no pod where it is gone",
            "read it, and start no pod where it is gone",
        ];
        let wanted = ["reads it where it is there", "read it where it is there"];
        if let Some(said) = say(&some, needed).or_else(|| say(&all, wanted)) {
            change.how.push_str(&said);
            continue;
        }
        let goes_back = |it: &Reader<'_>| is_workload(it.key.1) && new.contains_key(&it.key);
        if before.iter().any(|it| goes_back(it) && it.reads(change)) {
            "kept for `kubectl rollout undo`".clone_into(&mut change.how);
        }
    }
}

fn is_kind(change: &Change) -> bool {
    matches!(&*change.kind, CONFIG_MAP | SECRET)
}

fn place(change: &Change) -> Place<'_> {
    (&change.kind, &change.name, change.namespace.as_deref())
}
