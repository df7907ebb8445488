//! docker compose: a container whose section differs is stopped and made anew
//! (docker/compose `pkg/compose/convergence.go`, `mustRecreate`; `hash.go` leaves `build`,
//! `pull_policy`, `deploy.replicas` and `depends_on` out).

use super::difference::{apart, differences};
use super::rules::{Rule, fields};
use super::{Change, Effect, Pair, TargetChanges};
use crate::graph::ServiceView;
use crate::targets::Object;
use rustc_hash::FxHashMap;

const SOURCE: &str = "docker/compose pkg/compose/convergence.go, hash.go";
const NOT_HASHED: &str =
    "docker compose looks at it when it makes a container, and not for a change";

static SERVICE: &[Rule] = &[
    Rule::new("build.**", Effect::Ignored, NOT_HASHED, SOURCE),
    Rule::new("pull_policy", Effect::Ignored, NOT_HASHED, SOURCE),
    Rule::new("depends_on.**", Effect::Ignored, NOT_HASHED, SOURCE),
    Rule::new(
        "deploy.replicas",
        Effect::InPlace,
        "containers are added, or the surplus stopped",
        SOURCE,
    ),
    Rule::new(
        "**",
        Effect::RestartsAtOnce,
        "a container whose section differs is made anew",
        SOURCE,
    ),
];

/// What becomes of every service.
pub(super) fn compare(pair: &Pair<'_>) -> TargetChanges {
    let (old, new) = (by_name(pair.old), by_name(pair.new));
    let mut changes = Vec::new();
    let mut unchanged = 0;
    for service in services(pair.new) {
        let was = old.get(service.name.as_str());
        let view = pair.new_graph.and_then(|graph| graph.find(&service.name));
        let mut change = Change {
            service: view.map(|view| view.name().into()),
            kind: "service".to_owned(),
            name: service.name.clone(),
            namespace: None,
            was: None,
            effect: Effect::Created,
            how: String::new(),
            fields: Vec::new(),
            span: view.map(ServiceView::span),
        };
        if let Some(was) = was {
            if was.content == service.content {
                unchanged += 1;
                continue;
            }
            let (was, is) = apart(&was.content, &service.content);
            let differ = differences(&was, &is);
            change.fields = fields(SERVICE, &differ, view);
            let worst = change.fields.iter().map(|field| field.effect).max();
            let Some(worst) = worst else {
                unchanged += 1;
                continue;
            };
            change.effect = worst;
            change.how = match worst {
                Effect::RestartsAtOnce => "its containers are stopped and made anew".to_owned(),
                _ => "no container is made anew".to_owned(),
            };
        }
        changes.push(change);
    }
    for service in services(pair.old) {
        if !new.contains_key(service.name.as_str()) {
            changes.push(Change {
                service: Some(service.name.as_str().into()),
                kind: "service".to_owned(),
                name: service.name.clone(),
                namespace: None,
                was: None,
                effect: Effect::Left,
                how: "runs on until `docker compose up --remove-orphans`".to_owned(),
                fields: Vec::new(),
                span: None,
            });
        }
    }
    TargetChanges {
        target: pair.target,
        changes,
        unchanged,
        variables: Vec::new(),
    }
}

fn services(objects: &[Object]) -> impl Iterator<Item = &Object> {
    objects.iter().filter(|object| object.kind == "services")
}

fn by_name(objects: &[Object]) -> FxHashMap<&str, &Object> {
    services(objects)
        .map(|object| (object.name.as_str(), object))
        .collect()
}
