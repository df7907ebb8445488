//! Whose new pods ask for what is not there: a key that a `ConfigMap` or Secret of the same manifests does not have, or one of a name that
//! they have none of. Such a pod stays in `CreateContainerConfigError` or without its files (kubernetes/kubernetes `pkg/kubelet/kubelet_pods.go`,
//! `makeEnvironmentVariables`; `pkg/volume/configmap`, `pkg/volume/secret`).

use super::behind;
use super::parts;
use super::reads::{self, Read};
use super::{Key, Keyed, secret};
use crate::change::difference::{at, value};
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;
use std::collections::BTreeMap;

/// Says it of what is made or changed, where it did not ask for that before. What a program asks for it declares.
pub(super) fn asked_for((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let may_start = |it: &Change| {
        let starts = matches!(
            it.effect,
            Effect::Created | Effect::InPlace | Effect::Renamed
        );
        it.service.is_none() && (starts || it.effect.replaces())
    };
    if !changes.iter().any(may_start) {
        return;
    }
    for change in changes.iter_mut().filter(|it| may_start(it)) {
        let Some(object) = find(change, new) else {
            continue;
        };
        let before = find(change, old).and_then(reads::of).unwrap_or_default();
        let mut said: Vec<String> = Vec::new();
        for read in reads::of(object).unwrap_or_default() {
            let place = change.namespace.as_deref();
            let one = lacking(&read, &before, place, (old, new));
            for one in one.into_iter().filter(|_| !read.optional) {
                if !said.contains(&one) {
                    said.push(one);
                }
            }
        }
        said.extend(account((old, new), change, object));
        for said in said {
            change.says_also(&said);
        }
        if change.effect == Effect::RestartsAtOnce {
            let told = down((old, new), change, object, &before);
            change.losses.extend(told);
        }
    }
}

/// The account that pods come to run as, and that no manifest has: none of them is made (kubernetes/kubernetes
/// `plugin/pkg/admission/serviceaccount`, `Admit`).
fn account(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    change: &Change,
    object: &Object,
) -> Option<String> {
    let namespace = change.namespace.as_deref();
    let name = runs_as(object)?;
    let is_new = find(change, old).and_then(runs_as).as_ref() != Some(&name);
    let key: Key<'_> = ("", "ServiceAccount", &name, namespace);
    // Where none is written at all they are elsewhere; one that is left behind says so itself.
    let mut here = new.keys();
    let some = here.any(|it| (it.0, it.1, it.3) == (key.0, key.1, namespace));
    let is_there = new.contains_key(&key) || old.contains_key(&key);
    let is_told = is_new && some && !is_there && name != "default";
    (is_told && !is_made(new, &name, namespace)).then(|| {
        format!(
            "no ServiceAccount of these manifests is called `{name}`: no new pod is made, unless the cluster has one"
        )
    })
}

fn runs_as(object: &Object) -> Option<String> {
    let whole = value(&object.content);
    let pod = parts::pod_in(&object.kind, &whole)?;
    let name = parts::text(pod, "serviceAccountName");
    let name = name.or_else(|| parts::text(pod, "serviceAccount"));
    name.map(ToOwned::to_owned)
}

/// What is lost where all pods are stopped that a Service leads to, and no new one starts: each asks for a key that is not there.
fn down(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    change: &Change,
    object: &Object,
    before: &[Read],
) -> Option<Loss> {
    let namespace = change.namespace.as_deref();
    let lacks = |read: Read| {
        let key: Key<'_> = ("", read.kind, &read.name, namespace);
        let keys = keys(read.kind, new.get(&key)?)?;
        let had = old.get(&key).map(|it| secret::held(read.kind, &it.content));
        let asked = |it: &String| {
            let mut same = before
                .iter()
                .filter(|was| (was.kind, &was.name) == (read.kind, &read.name));
            same.any(|was| was.needed.contains(it))
        };
        // What was asked for before, and was not there either, somebody added.
        let is_told = |it: &&String| {
            let was = had.as_ref().and_then(|had| had.get(*it));
            !keys.contains_key(*it) && was.map_or_else(|| !asked(it), |was| !was.is_kept)
        };
        let lacking = read.needed.iter().find(is_told)?.clone();
        let is_known = !read.optional && !is_made(new, &read.name, namespace);
        is_known.then_some((read.kind, read.name, lacking))
    };
    let (kind, name, lacking) = reads::of(object)?.into_iter().find_map(lacks)?;
    let pods = behind::all(new);
    let pods = pods.iter().find(|it| it.are_of(change))?;
    let services = behind::services(new);
    let mut led = services.iter();
    let service = led.find(|it| pods.are_for(it.key.3, &it.selector))?.key.2;
    Some(Loss {
        about: Lost::Pods,
        what: format!(
            "Service `{service}` leads to no pod that serves: those of {} `{}` are stopped, and no new one starts without `{lacking}`, which {kind} `{name}` has not",
            change.kind, change.name
        ),
        way: format!("write `{lacking}` into {kind} `{name}`, or ask for a key that it has"),
    })
}

/// The keys of one of these manifests, where nobody else fills it.
fn keys(kind: &str, object: &Object) -> Option<BTreeMap<String, secret::Held>> {
    let keys = secret::held(kind, &object.content);
    // Somebody else fills an empty one, such as a controller that makes tokens or certificates.
    let is_filled = at(&object.content, &["type"]);
    let is_filled = is_filled.is_some_and(|it| it.as_str() == Some(TOKEN));
    (!keys.is_empty() && !is_filled).then_some(keys)
}

/// What makes pods, of whatever group.
pub(super) fn find<'a>(change: &Change, side: &Keyed<'a>) -> Option<&'a Object> {
    let namespace = change.namespace.as_deref();
    ["apps", "batch", ""].iter().find_map(|group| {
        let key: Key<'_> = (group, &change.kind, &change.name, namespace);
        side.get(&key).copied()
    })
}

/// What of something that is read, and was not before, is not there.
fn lacking(
    read: &Read,
    before: &[Read],
    namespace: Option<&str>,
    (old, new): (&Keyed<'_>, &Keyed<'_>),
) -> Vec<String> {
    let Read { kind, name, .. } = read;
    let key: Key<'_> = ("", kind, name, namespace);
    let same = |it: &&Read| (it.kind, &it.name) == (read.kind, &read.name);
    let Some(object) = new.get(&key) else {
        // Where none is written at all they are elsewhere; one that is left behind says so itself.
        let mut here = new.keys();
        let some = here.any(|it| (it.0, it.1, it.3) == ("", *kind, namespace));
        let is_new = !before.iter().any(|it| same(&it));
        let said = format!(
            "no {kind} of these manifests is called `{name}`: no new pod starts, unless the cluster has one"
        );
        let is_told = some && is_new && !old.contains_key(&key) && !is_made(new, name, namespace);
        return is_told.then_some(said).into_iter().collect();
    };
    let Some(keys) = keys(kind, object) else {
        return Vec::new();
    };
    // What is said of a key that goes is said of what had it.
    let had = old.get(&key).map(|it| secret::held(kind, &it.content));
    let had = had.unwrap_or_default();
    let is_new = |wanted: &&String| {
        let mut before = before.iter().filter(same);
        !before.any(|it| it.needed.contains(wanted))
    };
    let wanted = read.needed.iter().filter(is_new);
    let wanted = wanted.filter(|it| !keys.contains_key(*it) && !had.contains_key(*it));
    let unless = if old.contains_key(&key) {
        ", unless somebody added it"
    } else {
        ""
    };
    let said = |it| format!("no new pod starts: {kind} {name} has no `{it}`{unless}");
    wanted.map(said).collect()
}

/// Every namespace has one of that name (`kubernetes.io/docs/tasks/configure-pod-container/configure-service-account`).
const OF_EVERY_NAMESPACE: &str = "kube-root-ca.crt";

/// Whether a controller may make it: of what the manifests ask one for, or of itself.
fn is_made(new: &Keyed<'_>, name: &str, namespace: Option<&str>) -> bool {
    let mut asked = new
        .iter()
        .filter(|(key, _)| key.3 == namespace && parts::is_custom(key.0));
    name == OF_EVERY_NAMESPACE || asked.any(|(_, object)| says(&value(&object.content), name))
}

/// Whether a text stands somewhere in a value.
fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(own) => own == text,
        Value::Array(items) => items.iter().any(|it| says(it, text)),
        Value::Object(map) => map.values().any(|it| says(it, text)),
        _ => false,
    }
}

/// A token for an account is filled in (`kubernetes.io/docs/concepts/configuration/secret`, `ServiceAccount` token Secrets).
const TOKEN: &str = "kubernetes.io/service-account-token";
