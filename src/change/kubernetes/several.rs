//! Databases of one pod that come to have several, each with a claim of its own (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`,
//! Stable Storage): the claims of those that come are empty, and a Service leads to each of its pods in turn
//! (`kubernetes.io/docs/concepts/services-networking/service`). Of stack files `overlap` says it, of two programs on a swarm `contract`.
//!
//! Nothing is said where a word of replication, of a cluster or of shards stands in the pod or in what it is given, where something that it is
//! given is written elsewhere, or where a Service tells its pods apart; nor of a headless Service, which leads nobody anywhere.

use super::behind::{self, Led, Pods};
use super::parts::{items, text};
use super::rolling::fewest;
use super::scaling::Scaling;
use super::{Keyed, reads};
use crate::change::difference::value;
use crate::change::swarm::{mostly_takes_one, takes_one};
use crate::change::{Change, Effect, Loss, Lost, images};
use crate::targets::{Content, Object};
use serde_json::{Map, Value};

/// The last words of the names of images with a database that knows of no other one by itself. Others with it have other names
/// (`postgresql-repmgr`, `mariadb-galera`, `redis-cluster`).
const ALONE: [&str; 14] = [
    "mariadb",
    "mongo",
    "mongodb",
    "mongodb-community-server",
    "mysql",
    "mysql-server",
    "pgvector",
    "postgis",
    "postgres",
    "postgresql",
    "redis",
    "redis-stack",
    "redis-stack-server",
    "valkey",
];

/// What stands somewhere in the settings of one that has others, in small letters: `--replSet`, `replicaof`, `MARIADB_REPLICATION_MODE`,
/// `cluster-enabled`, `shardsvr`, `wsrep_on`.
const TOGETHER: [&str; 14] = [
    "cluster", "follower", "galera", "gtid", "master", "patroni", "primary", "replic", "replset",
    "sentinel", "shard", "slave", "standby", "wsrep",
];

/// Says it of each that stays and has more pods.
pub(super) fn apart(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    scaling: &[Scaling; 2],
    changes: &mut [Change],
) {
    let may = |it: &&mut Change| {
        let mut fields = it.fields.iter();
        it.kind == "StatefulSet"
            && it.effect != Effect::Refused
            && fields.any(|field| field.path == "spec.replicas")
    };
    for change in changes.iter_mut().filter(may) {
        let namespace = change.namespace.as_deref();
        let key = ("apps", "StatefulSet", &*change.name, namespace);
        let (Some(was), Some(is)) = (old.get(&key), new.get(&key)) else {
            continue;
        };
        let [scaled, scales] = scaling.each_ref().map(|it| it.least(is));
        let were = fewest(&was.content, scaled);
        let are = fewest(&is.content, scales);
        if were != 1 || are < 2 || !is_alone(is, new) {
            continue;
        }
        let pods = behind::all(new);
        let pods = pods.iter().find(|it| it.are_of(change));
        let service = pods.and_then(|it| leading(it, new));
        let told = service.map(|service| loss(change, are, service));
        change.losses.extend(told);
    }
}

/// Whether it is a database with claims of its own that says nothing of others.
fn is_alone(object: &Object, side: &Keyed<'_>) -> bool {
    let whole = value(&object.content);
    let Some((spec, pod)) = whole
        .get("spec")
        .and_then(|spec| Some((spec, spec.pointer("/template/spec")?)))
    else {
        return false;
    };
    let claims: Vec<&str> = items(spec, "volumeClaimTemplates")
        .filter_map(|it| text(it.get("metadata")?, "name"))
        .collect();
    let keeps = |container: &Value| {
        let image = text(container, "image").unwrap_or_default();
        let mut mounts = items(container, "volumeMounts");
        ALONE.contains(&images::name(image))
            && mounts.any(|mount| {
                let path = text(mount, "mountPath").unwrap_or_default();
                let is_known = takes_one(path) || mostly_takes_one(image, path);
                is_known && text(mount, "name").is_some_and(|it| claims.contains(&it))
            })
    };
    items(pod, "containers").any(keeps)
        && !says(&pod.to_string())
        && is_given_nothing_else(object, side)
}

/// Whether all that its pods are given is written, and says nothing of others; of a Secret only the value is not known, which is a password
/// mostly.
fn is_given_nothing_else(object: &Object, side: &Keyed<'_>) -> bool {
    let namespace = object.namespace.as_deref();
    let mut read = reads::of(object).into_iter().flatten();
    read.all(|it| {
        let given = side.get(&("", it.kind, &*it.name, namespace));
        match given.map(|it| &it.content) {
            None => it.kind == reads::SECRET && it.keys.is_some(),
            Some(Content::Text(text)) => !says(text),
            Some(Content::Value(value)) => !says(&value.to_string()),
        }
    })
}

fn says(text: &str) -> bool {
    // Of a table that a script makes.
    let text = text.to_ascii_lowercase().replace("primary key", "");
    TOGETHER.iter().any(|word| text.contains(word))
}

/// The name of a Service that leads to all of some pods, where none tells them apart.
fn leading<'a>(pods: &Pods<'_>, side: &Keyed<'a>) -> Option<&'a str> {
    let services = behind::services(side);
    let of_here = || services.iter().filter(|it| it.key.3 == pods.key.3);
    if of_here().any(|it| tells_apart(&pods.labels, it)) {
        return None;
    }
    let mut leading = of_here().filter(|it| pods.are_for(it.key.3, &it.selector));
    leading.find(|it| !it.is_headless).map(|it| it.key.2)
}

/// Whether a Service asks for some of the pods, by a label that they get while they run: the name of one
/// (`statefulset.kubernetes.io/pod-name`), or what it does.
fn tells_apart(labels: &Map<String, Value>, service: &Led<'_>) -> bool {
    let (theirs, others): (Vec<_>, Vec<_>) = service
        .selector
        .iter()
        .partition(|(label, _)| labels.contains_key(*label));
    let mut theirs = theirs.into_iter();
    let is_by_name = |label: &str| {
        label == "statefulset.kubernetes.io/pod-name" || label == "apps.kubernetes.io/pod-index"
    };
    let mut names = others.iter();
    let is_named = names.any(|(label, _)| is_by_name(label));
    !others.is_empty()
        && (is_named || theirs.len() > 0)
        && theirs.all(|(label, value)| labels.get(label) == Some(value))
}

fn loss(change: &Change, count: u64, service: &str) -> Loss {
    let name = &change.name;
    Loss {
        about: Lost::Writers { surely: false },
        what: format!(
            "StatefulSet `{name}` comes to have {count} pods, each with a claim of its own, and Service `{service}` leads to all of them: the \
             claims of those that come are empty, and what is written to one pod the others do not have"
        ),
        way: "keep one pod; or have the others follow it, by the replication of the database itself, and write by a Service that leads to that one alone"
            .to_owned(),
    }
}
