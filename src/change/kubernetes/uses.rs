//! Who uses what is written no more, beside what pods read of `ConfigMaps` and Secrets: claims, accounts, what images are pulled with, and
//! certificates. And what becomes of data where a workload comes to have other claims.

use super::parts::{self, items, text};
use super::{Key, Keyed, SAME, is_workload, place};
use crate::change::difference::value;
use crate::change::{Change, Effect};
use crate::targets::Object;
use serde_json::Value;
use std::collections::BTreeSet;

/// How something is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// A pod waits for its claim (kubernetes/kubernetes `pkg/scheduler/framework/plugins/volumebinding`, `PreFilter`); one in use goes with the last
    /// pod that has it (`kubernetes.io/docs/concepts/storage/persistent-volumes`, Storage Object in Use Protection).
    Mounts,
    /// No pod is admitted without its account (kubernetes/kubernetes `plugin/pkg/admission/serviceaccount`, `Admit`).
    RunsAs,
    /// It is tried without (kubernetes/kubernetes `pkg/kubelet/kubelet_pods.go`, `getPullSecretsForPod`).
    PullsWith,
    /// `kubernetes.io/docs/concepts/services-networking/ingress`, TLS; `gateway-api.sigs.k8s.io/reference/spec`, `ListenerTLSConfig`.
    Certificate,
}

impl How {
    fn kind(self) -> &'static str {
        match self {
            Self::Mounts => CLAIM,
            Self::RunsAs => "ServiceAccount",
            Self::PullsWith | Self::Certificate => "Secret",
        }
    }

    /// Of one and of more.
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Mounts => [
                "mounts it, and starts no pod where it is gone",
                "mount it, and start no pod where it is gone",
            ],
            Self::RunsAs => [
                "runs as it, and makes no pod where it is gone",
                "run as it, and make no pod where it is gone",
            ],
            Self::PullsWith => [
                "pulls its images with it, and without where it is gone",
                "pull their images with it, and without where it is gone",
            ],
            Self::Certificate => [
                "has its certificate from it, and none of its own where it is gone",
                "have their certificate from it, and none of their own where it is gone",
            ],
        }
    }
}

const CLAIM: &str = "PersistentVolumeClaim";

/// What is used, how, and in which namespace.
type Use = (How, String, Option<String>);

/// What an object uses.
fn uses(object: &Object) -> BTreeSet<Use> {
    let whole = value(&object.content);
    let mut found = BTreeSet::new();
    let mut add = |how, name: Option<&str>, namespace: Option<&str>| {
        let namespace = namespace.or(object.namespace.as_deref());
        found.extend(name.map(|it| (how, it.to_owned(), namespace.map(ToOwned::to_owned))));
    };
    if let Some(pod) =
        parts::pod_in(&object.kind, &whole).filter(|it| it.get("containers").is_some())
    {
        for volume in items(pod, "volumes") {
            let claim = volume.get("persistentVolumeClaim");
            add(
                How::Mounts,
                claim.and_then(|it| text(it, "claimName")),
                None,
            );
        }
        let account = text(pod, "serviceAccountName").or_else(|| text(pod, "serviceAccount"));
        add(How::RunsAs, account, None);
        for secret in items(pod, "imagePullSecrets") {
            add(How::PullsWith, text(secret, "name"), None);
        }
    }
    match (super::group(object), object.kind.as_str()) {
        ("networking.k8s.io", "Ingress") => {
            for tls in whole
                .get("spec")
                .into_iter()
                .flat_map(|it| items(it, "tls"))
            {
                add(How::Certificate, text(tls, "secretName"), None);
            }
        }
        ("gateway.networking.k8s.io", "Gateway") => {
            let listeners = whole.get("spec").into_iter();
            let tls = listeners.flat_map(|it| items(it, "listeners"));
            let tls = tls.filter_map(|it| it.get("tls"));
            for certificate in tls.flat_map(|it| items(it, "certificateRefs")) {
                if text(certificate, "kind").is_none_or(|it| it == "Secret") {
                    let namespace = text(certificate, "namespace");
                    add(How::Certificate, text(certificate, "name"), namespace);
                }
            }
        }
        _ => {}
    }
    found
}

/// Says of each that is written no more who uses it all the same.
pub(super) fn left_behind(new: &Keyed<'_>, changes: &mut [Change]) {
    let is_used = |it: &Change| {
        it.effect == Effect::Left && matches!(&*it.kind, CLAIM | "ServiceAccount" | "Secret")
    };
    if !changes.iter().any(is_used) {
        return;
    }
    let mut users: Vec<_> = new.iter().collect();
    users.sort_unstable_by_key(|(key, _)| **key);
    let users: Vec<(String, BTreeSet<Use>)> = users
        .into_iter()
        .map(|(key, object)| (parts::shown(*key), uses(object)))
        .collect();
    for change in changes.iter_mut().filter(|it| is_used(it)) {
        for how in [How::Mounts, How::RunsAs, How::PullsWith, How::Certificate] {
            if how.kind() != change.kind {
                continue;
            }
            let used = (how, change.name.clone(), change.namespace.clone());
            let who = users.iter().filter(|(_, uses)| uses.contains(&used));
            let who: Vec<&str> = who.map(|(shown, _)| shown.as_str()).collect();
            let [one, more] = how.words();
            let does = match who.len() {
                0 => continue,
                1 => one,
                _ => more,
            };
            change.how = format!("{}; {} {does}", change.how, who.join(", "));
        }
    }
}

/// Says where the data of a workload stays that comes to have other claims: one of another name, or those of a `StatefulSet` under
/// another name or in another namespace (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`, Stable Storage; a claim is of one namespace:
/// `kubernetes.io/docs/concepts/storage/persistent-volumes`, Claims As Volumes). Between two programs ZD4051 says it.
pub(super) fn data((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    for change in changes.iter_mut().filter(|it| is_workload(&it.kind)) {
        match change.effect {
            Effect::Left => {
                let was = find(old, &change.kind, &change.name, change.namespace.as_deref());
                change.how.extend(was.and_then(goes_with));
            }
            Effect::Renamed if change.service.is_none() => moved((old, new), change),
            Effect::Created | Effect::Refused | Effect::Renamed => {}
            _ if change.service.is_none() => {
                let place = change.namespace.as_deref();
                let [was, is] =
                    [old, new].map(|side| find(side, &change.kind, &change.name, place));
                let said = was.zip(is).and_then(|(was, is)| other_claims(was, is));
                change.how.extend(said);
            }
            _ => {}
        }
    }
}

fn find<'a>(
    side: &Keyed<'a>,
    kind: &str,
    name: &str,
    namespace: Option<&str>,
) -> Option<&'a Object> {
    side.get(&("apps", kind, name, namespace)).copied()
}

/// What becomes of the claims of a `StatefulSet` that somebody deletes (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`,
/// `PersistentVolumeClaim` retention: they stay where nothing else is said).
fn goes_with(was: &Object) -> Option<String> {
    match claims(was)? {
        Claims::Deleted => {
            Some("; `whenDeleted: Delete` deletes its claims with it, and their data".to_owned())
        }
        Claims::Kept => Some("; its claims stay then, with their data".to_owned()),
    }
}

/// What becomes of the claims that a `StatefulSet` makes once it is deleted.
#[derive(PartialEq)]
enum Claims {
    Kept,
    Deleted,
}

fn claims(object: &Object) -> Option<Claims> {
    let whole = value(&object.content);
    let spec = whole.get("spec").filter(|_| object.kind == "StatefulSet")?;
    items(spec, "volumeClaimTemplates").next()?;
    let deleted = spec.pointer("/persistentVolumeClaimRetentionPolicy/whenDeleted");
    let deleted = deleted.and_then(Value::as_str) == Some("Delete");
    Some(if deleted {
        Claims::Deleted
    } else {
        Claims::Kept
    })
}

fn moved((old, new): (&Keyed<'_>, &Keyed<'_>), change: &mut Change) {
    let Some(was) = &mut change.was else {
        return;
    };
    let is_it = |key: &Key<'_>| {
        let is_there = match &was.place {
            None => key.3 == change.namespace.as_deref(),
            // Where it was is said in words.
            Some(said) => *said == place(key.3),
        };
        (key.0, key.1, key.2) == ("apps", &*was.kind, &*was.name) && is_there
    };
    let Some((_, object)) = old.iter().find(|(key, _)| is_it(key)) else {
        return;
    };
    let is = find(new, &change.kind, &change.name, change.namespace.as_deref());
    let becomes = is.filter(|_| was.place.is_none() && was.kind != change.kind);
    if let Some(is) = becomes {
        let Some((said, data)) = another_kind(object, is) else {
            return;
        };
        was.data = Some(data);
        change.says_also(&said);
        return;
    }
    let (said, data) = match claims(object) {
        Some(Claims::Kept) => (
            "its claims are others: the data stays in those of the old one".to_owned(),
            "copy its data first",
        ),
        Some(Claims::Deleted) => (
            "its claims are others: the data stays in those of the old one, which `whenDeleted: Delete` deletes with it".to_owned(),
            "copy its data first, which goes with the old one as `whenDeleted: Delete` says",
        ),
        None => {
            let mounted = mounted(object);
            if was.place.is_none() || mounted.is_empty() {
                return;
            }
            (
                format!(
                    "claim {} is another one there: the data stays in the old one's",
                    mounted.join(" and ")
                ),
                "copy its data first",
            )
        }
    };
    was.data = Some(data);
    let (how, same) = change
        .how
        .strip_suffix(SAME)
        .map_or((&*change.how, ""), |how| (how, SAME));
    change.how = format!("{how}; {said}{same}");
}

/// What becomes of the data of a workload that is of another kind now, and which runs on beside it.
fn another_kind(was: &Object, is: &Object) -> Option<(String, &'static str)> {
    let [before, after] = [was, is].map(|it| {
        let mut all = mounted(it);
        all.extend(firsts(it));
        all
    });
    let gone: Vec<&str> = apart(&before, &after);
    let both: Vec<&str> = before
        .iter()
        .map(String::as_str)
        .filter(|it| !gone.contains(it))
        .collect();
    if !both.is_empty() {
        let both = both.join(" and ");
        let said = format!("both mount {both} until the old one is deleted");
        return Some((
            said,
            "delete it first where that data takes one writer at a time",
        ));
    }
    let come = apart(&after, &before);
    if gone.is_empty() {
        return None;
    }
    let (gone, come) = (gone.join(" and "), come.join(" and "));
    let said = if come.is_empty() {
        format!("its data stays in claim {gone}, and the new one mounts none")
    } else {
        format!(
            "its data stays in claim {gone}: the new one has {come}, which is new and empty unless somebody filled it"
        )
    };
    Some((said, "copy its data first"))
}

/// The claims that the first pod of a `StatefulSet` has for itself (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`,
/// Stable Storage).
pub(super) fn firsts(object: &Object) -> Vec<String> {
    let whole = value(&object.content);
    let spec = whole.get("spec").filter(|_| object.kind == "StatefulSet");
    let templates = spec
        .into_iter()
        .flat_map(|it| items(it, "volumeClaimTemplates"));
    let names = templates.filter_map(|it| text(it.get("metadata")?, "name"));
    names
        .map(|name| format!("`{name}-{}-0`", object.name))
        .collect()
}

/// What stays in claims that a workload mounts no more.
fn other_claims(was: &Object, is: &Object) -> Option<String> {
    let [before, after] = [was, is].map(mounted);
    let gone: Vec<&str> = apart(&before, &after);
    let come = apart(&after, &before);
    if gone.is_empty() {
        return None;
    }
    let (claims, come) = (gone.join(" and "), come.join(" and "));
    Some(if come.is_empty() {
        format!("; its data in claim {claims} stays there, and it mounts that no more")
    } else {
        format!(
            "; its data in claim {claims} stays there: it mounts {come} now, which has none of it unless somebody copied it"
        )
    })
}

/// The claims that it mounts by their names.
pub(super) fn mounted(object: &Object) -> Vec<String> {
    let uses = uses(object).into_iter();
    uses.filter(|(how, ..)| *how == How::Mounts)
        .map(|(_, name, _)| format!("`{name}`"))
        .collect()
}

fn apart<'a>(some: &'a [String], others: &[String]) -> Vec<&'a str> {
    let apart = some.iter().filter(|it| !others.contains(it));
    apart.map(String::as_str).collect()
}
