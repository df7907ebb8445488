//! Two autoscalers of one workload, and two budgets of one pod: of each there may be one, and what is written no more stays where it is.

use super::behind::{self, Pods};
use super::parts;
use super::policies::matches;
use super::scaling::target;
use super::{Key, Keyed};
use crate::change::difference::at;
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;

/// Says it of each that comes to have another one beside it.
pub(super) fn beside((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let comes = |it: &&mut Change| {
        let is_one = is_autoscaler(&it.kind) || it.kind == BUDGET;
        is_one && matches!(it.effect, Effect::Created | Effect::InPlace)
    };
    let mut pods: Option<Vec<Pods<'_>>> = None;
    for change in changes.iter_mut().filter(comes) {
        let namespace = change.namespace.as_deref();
        let is_it =
            |key: &Key<'_>| (key.1, key.2, key.3) == (&*change.kind, &*change.name, namespace);
        let Some((own, object)) = new.iter().find(|(key, _)| is_it(key)) else {
            continue;
        };
        let was = old.get(own);
        let mut others: Vec<(Key<'_>, &Object)> = Vec::new();
        let left = old.iter().filter(|(key, _)| !new.contains_key(*key));
        for (key, other) in new.iter().chain(left) {
            let is_another = key.3 == namespace && (key.1, key.2) != (own.1, own.2);
            // Of two that come it is told once.
            let is_told = key < own && new.contains_key(key) && !old.contains_key(key);
            let is_like = key.1 == own.1 || is_autoscaler(key.1) && is_autoscaler(own.1);
            if is_another && is_like && !is_told {
                others.push((*key, other));
            }
        }
        others.sort_unstable_by_key(|(key, _)| *key);
        let told = others.iter().find_map(|(key, other)| {
            let (shared, what) = if own.1 == BUDGET {
                let pods = pods.get_or_insert_with(|| behind::all(new));
                let shared = pods
                    .iter()
                    .find(|it| it.key.1 != "DaemonSet" && asks(object, it) && asks(other, it))?;
                // They met before.
                let met = was.is_some_and(|was| asks(was, shared)) && old.contains_key(key);
                let shared = parts::shown(shared.key);
                (!met).then_some((shared, "no pod of it can be evicted, so that `kubectl drain` of its nodes ends with an error"))?
            } else {
                let shared = target(object)?;
                let is_for_it = |it: &Object| target(it).as_ref() == Some(&shared);
                let met = was.is_some_and(|was| is_for_it(was)) && old.contains_key(key);
                let is_one = is_for_it(other) && !met;
                is_one.then_some((format!("{} {}", shared.0, shared.1), "neither of them scales it any more, and it keeps the number of pods that it has"))?
            };
            Some(loss(change, *key, (&shared, what), !new.contains_key(key)))
        });
        change.losses.extend(told);
    }
}

const BUDGET: &str = "PodDisruptionBudget";

/// Of one workload there may be one (kubernetes/kubernetes `pkg/controller/podautoscaler/horizontal.go`, `AmbiguousSelector`); a `ScaledObject`
/// makes one of its own, and is refused beside another by KEDA's webhook.
fn is_autoscaler(kind: &str) -> bool {
    matches!(kind, "HorizontalPodAutoscaler" | "ScaledObject")
}

/// Whether a budget is for pods. Of one pod there may be one (kubernetes/kubernetes `pkg/registry/core/pod/storage/eviction.go`, `Create`).
fn asks(budget: &Object, pods: &Pods<'_>) -> bool {
    let selector = at(&budget.content, &["spec", "selector"]);
    let is_here = budget.namespace.as_deref() == pods.key.3;
    is_here && selector.is_some_and(|it| matches(&it, &pods.labels))
}

fn loss(change: &Change, other: Key<'_>, (shared, what): (&str, &str), is_left: bool) -> Loss {
    let (kind, name) = (&change.kind, &change.name);
    let stays = if is_left { ", which stays," } else { "" };
    let way = if is_left {
        let delete = parts::deletion(&other.1.to_lowercase(), other.2, other.3);
        format!(
            "keep the name; or {delete} first, since nothing that is written no more goes by itself"
        )
    } else {
        "write one of them".to_owned()
    };
    Loss {
        about: Lost::Beside,
        what: format!(
            "{kind} `{name}` and {} `{}`{stays} are both for {shared}: {what}",
            other.1, other.2
        ),
        way,
    }
}
