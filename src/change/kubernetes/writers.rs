//! Deployments whose pods come to have one claim of one node beside each other: a step away from `Recreate`, from one pod to several, by an autoscaler
//! too, or to such a claim. The pods of
//! a node share a `ReadWriteOnce` claim, and those of another node wait where its storage is attached; of `ReadWriteOncePod` one pod alone has it
//! (`kubernetes.io/docs/concepts/storage/persistent-volumes`, Access Modes; `kubernetes.io/docs/concepts/workloads/controllers/deployment`,
//! Strategy).

use super::parts::{self, items, text};
use super::rolling::{fewest, starts_beside};
use super::scaling::Scaling;
use super::{Key, Keyed, uses};
use crate::change::difference::{at, value};
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;

/// Says it of each that changes, or whose autoscaler does.
pub(super) fn beside(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    scaling: &[Scaling; 2],
    changes: &mut [Change],
) {
    let may = |it: &&mut Change| {
        let mut fields = it.fields.iter();
        let concerned = |path: &str| {
            path == "spec.replicas"
                || path.starts_with("spec.strategy")
                || path.starts_with("spec.template.spec.volumes")
                || path.contains(".volumeMounts")
        };
        it.kind == "Deployment"
            && it.effect != Effect::Refused
            && fields.any(|field| concerned(&field.path))
    };
    let mut known: Vec<(String, Option<String>)> = Vec::new();
    for change in changes.iter_mut().filter(may) {
        let namespace = change.namespace.as_deref();
        let told = told(
            (old, new),
            scaling,
            (&change.name, namespace),
            change.effect,
        );
        let told = told.unwrap_or_default();
        if !told.is_empty() {
            known.push((change.name.clone(), change.namespace.clone()));
        }
        change.losses.extend(told);
    }
    let scales = |it: &&mut Change| matches!(it.effect, Effect::Created | Effect::InPlace);
    for change in changes.iter_mut().filter(scales) {
        let namespace = change.namespace.as_deref();
        let [_, after] = scaling;
        let scaled = after.scaled_by(&change.kind, &change.name, namespace);
        let Some(name) = scaled.filter(|kind_and_name| kind_and_name.0 == "Deployment") else {
            continue;
        };
        let name = name.1;
        if known
            .iter()
            .any(|it| it.0 == name && it.1 == change.namespace)
        {
            continue;
        }
        let told = told((old, new), scaling, (name, namespace), Effect::InPlace);
        change.losses.extend(told.unwrap_or_default());
    }
}

fn told(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    scaling: &[Scaling; 2],
    (name, namespace): (&str, Option<&str>),
    effect: Effect,
) -> Option<Vec<Loss>> {
    let key = ("apps", "Deployment", name, namespace);
    let (was, is) = (old.get(&key)?, new.get(&key)?);
    let Comes {
        were,
        are,
        several: more,
        beside: stepped,
    } = comes((was, is), scaling);
    let is_apart = !are_held_together(is);
    let more = more.filter(|_| is_apart);
    let had = written(was);
    // What several had already they have on one node, or somewhere else than in a claim of one.
    let had_none = || {
        let mut had = had.iter();
        had.all(|claim| is_for_several((old, new), claim, namespace))
    };
    let comes = were > 1 && are > 1 && is_apart && effect.replaces() && had_none();
    if more.is_none() && !stepped && !comes {
        return None;
    }
    let mounts = uses::mounted(was);
    let told = written(is).into_iter().filter_map(|claim| {
        let access = access((old, new), &claim, namespace)?;
        let is_kept = had.contains(&claim);
        if let Some(are) = more {
            Some(several(name, are, &claim, access))
        } else if comes && !mounts.contains(&format!("`{claim}`")) {
            Some(mounted(name, are, &claim, access))
        } else {
            (stepped && is_kept).then(|| overlapping(name, effect, &claim, access))
        }
    });
    Some(told.collect())
}

/// How many pods a workload comes to have beside each other.
pub(super) struct Comes {
    were: u64,
    are: u64,
    /// So many where there was one.
    pub(super) several: Option<u64>,
    /// Whether a Deployment comes to start a new one before the old one is stopped.
    pub(super) beside: bool,
}

pub(super) fn comes((was, is): (&Object, &Object), [scaled, scales]: &[Scaling; 2]) -> Comes {
    let (before, now) = (scaled.least(was), scales.least(is));
    let [were, are] = [(was, before), (is, now)].map(|(it, least)| fewest(&it.content, least));
    // How many an autoscaler made of one is not known; one that is told to make more keeps them.
    let more = were == 1 && are > 1 && before.is_none_or(|before| now > Some(before));
    let is_paused = at(&is.content, &["spec", "paused"]).as_deref() == Some(&Value::Bool(true));
    Comes {
        were,
        are,
        several: more.then_some(are),
        beside: were > 0
            && !starts_beside(&was.content, before)
            && starts_beside(&is.content, now)
            && !is_paused,
    }
}

/// Whether a claim is written as one that several nodes may have.
fn is_for_several(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    claim: &str,
    namespace: Option<&str>,
) -> bool {
    let key: Key<'_> = ("", "PersistentVolumeClaim", claim, namespace);
    let is_written = old.contains_key(&key) || new.contains_key(&key);
    is_written && access((old, new), claim, namespace).is_none()
}

/// Who may have a claim at a time.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Access {
    Node,
    Pod,
}

/// What is known of a claim that is written, or stays.
pub(super) fn access(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    claim: &str,
    namespace: Option<&str>,
) -> Option<Access> {
    let key: Key<'_> = ("", "PersistentVolumeClaim", claim, namespace);
    let claim = new.get(&key).or_else(|| old.get(&key))?;
    of_modes(&*at(&claim.content, &["spec", "accessModes"])?)
}

fn of_modes(modes: &Value) -> Option<Access> {
    match modes.as_array()?.as_slice() {
        [Value::String(mode)] if mode == "ReadWriteOnce" => Some(Access::Node),
        [Value::String(mode)] if mode == "ReadWriteOncePod" => Some(Access::Pod),
        _ => None,
    }
}

/// The claims that the first pod of a `StatefulSet` has for itself and may write to, each with who may have it.
pub(super) fn firsts(object: &Object) -> Vec<(String, Option<Access>)> {
    let whole = value(&object.content);
    let spec = whole.get("spec").filter(|_| object.kind == "StatefulSet");
    let pod = parts::pod_in(&object.kind, &whole);
    let Some((spec, pod)) = spec.zip(pod) else {
        return Vec::new();
    };
    let templates = items(spec, "volumeClaimTemplates").filter_map(|template| {
        let name = text(template.get("metadata")?, "name")?;
        let modes = template.pointer("/spec/accessModes");
        let claim = format!("{name}-{}-0", object.name);
        is_written(pod, name, is_for_all).then(|| (claim, modes.and_then(of_modes)))
    });
    templates.collect()
}

/// The claims that all pods of a Deployment may write to at one path of them.
pub(super) fn written(object: &Object) -> Vec<String> {
    let whole = value(&object.content);
    let Some(pod) = parts::pod_in(&object.kind, &whole) else {
        return Vec::new();
    };
    let claims = items(pod, "volumes").filter_map(|volume| writable(pod, volume, is_for_all));
    claims.map(ToOwned::to_owned).collect()
}

/// Whether a mount is of one folder for all pods, and not of one for each.
fn is_for_all(mount: &Value) -> bool {
    mount.get("subPathExpr").is_none()
}

/// Whether the pods of an object may write to a claim anywhere.
pub(super) fn may_write(object: &Object, claim: &str) -> bool {
    let whole = value(&object.content);
    let pod = parts::pod_in(&object.kind, &whole);
    pod.is_some_and(|pod| {
        let mut volumes = items(pod, "volumes");
        volumes.any(|it| writable(pod, it, |_| true) == Some(claim))
    })
}

/// The claim of a volume, where a container may write to it.
fn writable<'v>(
    pod: &Value,
    volume: &'v Value,
    is_meant: impl Fn(&Value) -> bool,
) -> Option<&'v str> {
    let claim = volume.get("persistentVolumeClaim")?;
    let is_written = is_written(pod, text(volume, "name")?, is_meant) && !is_set(claim, "readOnly");
    text(claim, "claimName").filter(|_| is_written)
}

/// Whether a container may write to a volume by a mount that is meant, or as to a device.
fn is_written(pod: &Value, volume: &str, is_meant: impl Fn(&Value) -> bool) -> bool {
    let mut containers = parts::containers(pod);
    let is_it = |it: &Value| text(it, "name") == Some(volume);
    containers.any(|container| {
        let mut mounts = items(container, "volumeMounts");
        let mut devices = items(container, "volumeDevices");
        mounts.any(|it| is_it(it) && !is_set(it, "readOnly") && is_meant(it)) || devices.any(is_it)
    })
}

fn is_set(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool) == Some(true)
}

/// Whether all its pods are kept on one node, by somebody who knows of it.
pub(super) fn are_held_together(object: &Object) -> bool {
    let whole = value(&object.content);
    let pod = parts::pod_in(&object.kind, &whole);
    pod.is_some_and(|pod| {
        pod.get("nodeName").is_some()
            || pod
                .pointer("/nodeSelector/kubernetes.io~1hostname")
                .is_some()
            || pod.pointer("/affinity/podAffinity").is_some()
    })
}

const APART: &str = "keep one pod; or make it a StatefulSet, whose pods have a claim each (`volumeClaimTemplates`); or mount a claim that is `ReadWriteMany`, \
                     where several may write";

fn several(name: &str, count: u64, claim: &str, access: Access) -> Loss {
    let what = match access {
        Access::Node => format!(
            "Deployment `{name}` comes to have {count} pods, and all write to claim `{claim}`, which is `ReadWriteOnce`: those on one node write side \
             by side, and on another node none starts where its storage is attached to one"
        ),
        Access::Pod => format!(
            "Deployment `{name}` comes to have {count} pods, and only one of them starts: claim `{claim}` is `ReadWriteOncePod`"
        ),
    };
    loss(what, APART, access == Access::Pod)
}

fn mounted(name: &str, count: u64, claim: &str, access: Access) -> Loss {
    let what = match access {
        Access::Node => format!(
            "the {count} pods of Deployment `{name}` come to write to claim `{claim}`, which is `ReadWriteOnce`: those on one node write side by side, and \
             on another node none starts where its storage is attached to one"
        ),
        Access::Pod => format!(
            "the {count} pods of Deployment `{name}` come to ask for claim `{claim}`, which is `ReadWriteOncePod`, and only one of them starts"
        ),
    };
    loss(what, APART, access == Access::Pod)
}

fn overlapping(name: &str, effect: Effect, claim: &str, access: Access) -> Loss {
    let is_now = effect.replaces();
    let when = if is_now {
        "a"
    } else {
        "from the next version on a"
    };
    let what = match access {
        Access::Node => format!(
            "{when} new pod of Deployment `{name}` starts before the old one is stopped, and both write to claim `{claim}`, which is `ReadWriteOnce`: \
             side by side on one node, and on another one the new pod never starts where its storage is attached to one"
        ),
        Access::Pod => format!(
            "{when} new pod of Deployment `{name}` waits for ever for claim `{claim}`, which is `ReadWriteOncePod`: the old one has it, and is \
             not stopped before the new one is ready"
        ),
    };
    let way = "keep `strategy: {type: Recreate}`, which stops the old pod first";
    loss(what, way, is_now && access == Access::Pod)
}

fn loss(what: String, way: &str, surely: bool) -> Loss {
    Loss {
        about: Lost::Writers { surely },
        what,
        way: way.to_owned(),
    }
}
