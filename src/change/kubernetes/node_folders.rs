//! Workloads whose pods come to write to one folder of a node, or of a server of files, beside each other, where a database has its data: by a step
//! away from `Recreate`, from one pod to several, or to another name while the old one runs on. Nothing says how many may write there, as a
//! claim says it (`writers`); each node has a folder of its own (`kubernetes.io/docs/concepts/storage/volumes`, hostPath).

use super::node_ports::are_on_the_same;
use super::parts::{self, deletion, items, text};
use super::rolling::fewest;
use super::scaling::Scaling;
use super::stored::{Kept, mounts};
use super::{Key, Keyed, writers};
use crate::change::difference::value;
use crate::change::swarm::{mostly_takes_one, takes_one};
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;

/// Says it of each that stays or is made.
pub(super) fn beside(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    scaling: &[Scaling; 2],
    changes: &mut [Change],
) {
    let may = |it: &&mut Change| is_one(&it.kind) && it.effect != Effect::Refused;
    for change in changes.iter_mut().filter(may) {
        let namespace = change.namespace.as_deref();
        let key: Key<'_> = ("apps", &*change.kind, &*change.name, namespace);
        let Some(is) = new.get(&key) else { continue };
        let writes = written(is);
        // Most have none.
        if writes.is_empty() {
            continue;
        }
        let told = if let Some(was) = old.get(&key) {
            staying((was, is), &writes, scaling, change.effect)
        } else {
            runs_on((is, &writes), (old, new)).map(|(other, both)| made(is, other, &both))
        };
        change.losses.extend(told);
    }
}

fn is_one(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet")
}

/// A folder that takes one writer, as far as what writes there is known.
#[derive(Clone, PartialEq)]
struct Written {
    /// As it is called.
    of: String,
    /// Whether each node has its own.
    is_of_node: bool,
    /// Whether that is known, and not only so as a rule.
    surely: bool,
}

fn written(object: &Object) -> Vec<Written> {
    let whole = value(&object.content);
    let Some(pod) = parts::pod_in(&object.kind, &whole) else {
        return Vec::new();
    };
    let containers = items(pod, "containers").filter_map(|container| {
        let image = text(container, "image").unwrap_or_default();
        let mounts = mounts(&whole, pod, container)?.into_iter();
        let mounts = mounts.filter(|it| {
            let is_folder = matches!(it.of, Kept::Node(_) | Kept::Share(..));
            let takes_one = takes_one(it.path) || mostly_takes_one(image, it.path);
            is_folder && it.is_kept() && it.folder.is_empty() && takes_one
        });
        let written = mounts.map(|it| Written {
            of: it.of.to_string(),
            is_of_node: matches!(it.of, Kept::Node(_)),
            surely: takes_one(it.path),
        });
        Some(written.collect::<Vec<_>>())
    });
    containers.flatten().collect()
}

/// The first that both write to.
fn shared(before: &[Written], now: &[Written]) -> Option<Written> {
    now.iter().find(|it| before.contains(it)).cloned()
}

/// The first that is written no more and writes to the same, with what that is.
fn runs_on<'s>(
    (is, writes): (&Object, &[Written]),
    (old, new): (&Keyed<'s>, &Keyed<'s>),
) -> Option<(Key<'s>, Written)> {
    let left = old.iter().filter(|(key, was)| {
        is_one(key.1) && !new.contains_key(*key) && fewest(&was.content, None) > 0
    });
    let mut left: Vec<(Key<'s>, &Object)> = left.map(|(key, was)| (*key, *was)).collect();
    left.sort_unstable_by_key(|(key, _)| *key);
    let mut left = left.into_iter();
    left.find_map(|(key, was)| {
        let both = shared(&written(was), writes)?;
        // Each node has a folder of its own.
        (!both.is_of_node || are_on_the_same(was, is)).then_some((key, both))
    })
}

fn staying(
    (was, is): (&Object, &Object),
    writes: &[Written],
    scaling: &[Scaling; 2],
    effect: Effect,
) -> Option<Loss> {
    let written = shared(&written(was), writes)?;
    let comes = writers::comes((was, is), scaling);
    let on_one = !written.is_of_node || writers::are_held_together(is);
    let name = format!("{} `{}`", is.kind, is.name);
    if let Some(count) = comes.several {
        return Some(several(&name, count, &written, on_one));
    }
    let steps = is.kind == "Deployment" && comes.beside;
    steps.then(|| overlapping(&name, effect, &written, on_one))
}

/// What takes one writer, in words.
fn takes(written: &Written) -> &'static str {
    if written.surely {
        "which takes one writer"
    } else {
        "which mostly takes one writer"
    }
}

fn several(name: &str, count: u64, written: &Written, on_one: bool) -> Loss {
    let (of, takes) = (&written.of, takes(written));
    let elsewhere = if on_one {
        ""
    } else {
        ": those on one node write side by side, and those on another have a folder of their own, which is empty at first"
    };
    Loss {
        about: Lost::Writers {
            surely: on_one && written.surely,
        },
        what: format!(
            "{name} comes to have {count} pods, and all write to {of}, {takes}{elsewhere}"
        ),
        way: "keep one pod; or make it a StatefulSet, whose pods have a claim each (`volumeClaimTemplates`)"
            .to_owned(),
    }
}

fn overlapping(name: &str, effect: Effect, written: &Written, on_one: bool) -> Loss {
    let (of, takes) = (&written.of, takes(written));
    let is_now = effect.replaces();
    let when = if is_now {
        "a"
    } else {
        "from the next version on a"
    };
    let elsewhere = if on_one {
        ""
    } else {
        ": side by side on one node, and on another the new one has a folder of its own, which is empty at first"
    };
    Loss {
        about: Lost::Writers {
            surely: is_now && on_one && written.surely,
        },
        what: format!(
            "{when} new pod of {name} starts before the old one is stopped, and both write to {of}, {takes}{elsewhere}"
        ),
        way: "keep `strategy: {type: Recreate}`, which stops the old pod first".to_owned(),
    }
}

fn made(is: &Object, other: Key<'_>, written: &Written) -> Loss {
    let (of, takes) = (&written.of, takes(written));
    let (kind, name) = (&is.kind, &is.name);
    let delete = deletion(&other.1.to_lowercase(), other.2, other.3);
    let elsewhere = if written.is_of_node {
        ", where they are on one node"
    } else {
        ""
    };
    Loss {
        about: Lost::Writers {
            surely: written.surely,
        },
        what: format!(
            "{kind} `{name}` is made beside {} `{}`, which runs on, and both write to {of}, {takes}{elsewhere}",
            other.1, other.2
        ),
        way: format!(
            "keep its name and kind; or delete the old one first, {delete}, and take the time in which neither serves"
        ),
    }
}
