//! docker compose: a container whose section differs is stopped and made anew
//! (docker/compose `pkg/compose/convergence.go`, `mustRecreate`; `hash.go` leaves `build`,
//! `pull_policy`, `deploy.replicas`, `scale`, `profiles` and `depends_on` out), and so is one whose networks or volumes are
//! others than before (`checkExpectedNetworks`, `checkExpectedVolumes`).

use super::difference::{apart, differences, value};
use super::rules::{Rule, fields};
use super::{Change, Effect, Field, Pair, TargetChanges, Was, service_named, short};
use crate::graph::{Graph, ServiceView};
use crate::targets::Object;
use crate::vocabulary::TargetId;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SOURCE: &str = "docker/compose pkg/compose/convergence.go, hash.go";
const NOT_HASHED: &str =
    "docker compose looks at it when it makes a container, and not for a change";
const SCALED: &str = "containers are added, or the surplus stopped";
const PORT_HELD: &str = "a container that is left behind still has the port";

static SERVICE: &[Rule] = &[
    Rule::new("build.**", Effect::Ignored, NOT_HASHED, SOURCE),
    Rule::new("pull_policy", Effect::Ignored, NOT_HASHED, SOURCE),
    Rule::new("depends_on.**", Effect::Ignored, NOT_HASHED, SOURCE),
    Rule::new("profiles.**", Effect::Ignored, NOT_HASHED, SOURCE),
    Rule::new("scale", Effect::InPlace, SCALED, SOURCE),
    Rule::new("deploy.replicas", Effect::InPlace, SCALED, SOURCE),
    Rule::new(
        "network.**",
        Effect::RestartsAtOnce,
        "a network whose settings differ is made anew, and the containers on it",
        "docker/compose pkg/compose/create.go, ensureNetwork; convergence.go, checkExpectedNetworks",
    ),
    Rule::new(
        "volume.**",
        Effect::RestartsAtOnce,
        "a container that has not the volumes of its section is made anew",
        "docker/compose pkg/compose/convergence.go, checkExpectedVolumes",
    ),
    Rule::new(
        "**",
        Effect::RestartsAtOnce,
        "a container whose section differs is made anew",
        SOURCE,
    ),
];

static SECRET: &[Rule] = &[Rule::new(
    "**",
    Effect::InPlace,
    "what a secret holds is put into a container when it is made",
    "docker/compose pkg/compose/secrets.go, injectSecrets",
)];

/// A network or volume of both, by section and name in the file, that is another one or has other settings now.
type Others<'o> = BTreeMap<(&'static str, &'o str), (Value, Value)>;

/// A service by the name that it has in the file.
fn view<'g>(graph: Option<&'g Graph>, name: &str) -> Option<ServiceView<'g>> {
    service_named(graph?, TargetId::Compose, name, |_| true)
}

/// What becomes of every service.
pub(super) fn compare(pair: &Pair<'_>) -> TargetChanges {
    let (old, new) = (by_name(pair.old), by_name(pair.new));
    let projects = (project(pair.old), project(pair.new));
    let moved = projects.0.zip(projects.1).filter(|(old, new)| old != new);
    let others = others(pair, projects.1.or(projects.0).unwrap_or_default());
    let mut changes = Vec::new();
    let mut unchanged = 0;
    for service in services(pair.new) {
        let view = view(pair.new_graph, &service.name);
        let mut change = Change {
            service: view.map(|view| view.name().into()),
            effect: Effect::Created,
            span: view.map(ServiceView::span),
            ..Change::of("service", service.name.clone())
        };
        match (old.get(service.name.as_str()), moved) {
            (Some(_), Some((before, after))) => {
                let was = format!("{before}-{}", service.name);
                change.name = format!("{after}-{}", service.name);
                change.effect = Effect::Renamed;
                change.how = format!("was {was}, which runs on beside it until it is removed");
                change.was = Some(Was {
                    kind: "service".to_owned(),
                    name: was,
                    place: None,
                    may_be_here: false,
                    data: None,
                });
            }
            (Some(was), None) => {
                let Some((effect, differ)) = changed(was, service, &others, view) else {
                    unchanged += 1;
                    continue;
                };
                change.effect = effect;
                change.fields = differ;
                change.how = match effect {
                    Effect::RestartsAtOnce => "its containers are stopped and made anew".to_owned(),
                    _ => "no container is made anew".to_owned(),
                };
            }
            (None, _) => {}
        }
        changes.push(change);
    }
    let prefix = moved.map_or_else(String::new, |(before, _)| format!("{before}-"));
    let stays = |name: &str| moved.is_none() && new.contains_key(name);
    let left: Vec<&Object> = services(pair.old).filter(|it| !stays(&it.name)).collect();
    hold_ports(
        &left,
        &prefix,
        &new,
        &mut changes,
        moved.map(|(_, new)| new),
    );
    for service in left {
        if moved.is_some() && new.contains_key(service.name.as_str()) {
            continue;
        }
        changes.push(Change {
            service: view(pair.old_graph, &service.name).map(|view| view.name().into()),
            effect: Effect::Left,
            how: match moved {
                Some((before, _)) => {
                    format!("runs on until `docker compose --project-name {before} down`")
                }
                None => "runs on until `docker compose up --remove-orphans`".to_owned(),
            },
            ..Change::of("service", format!("{prefix}{}", service.name))
        });
    }
    changes.extend(sources(pair));
    TargetChanges {
        target: pair.target,
        changes,
        unchanged,
        variables: Vec::new(),
    }
}

/// Secrets whose values come from somewhere else.
fn sources(pair: &Pair<'_>) -> Vec<Change> {
    let secrets = |side: &[Object]| -> BTreeMap<String, Value> {
        let secrets = side.iter().filter(|it| it.kind == "secrets");
        let read = |it: &Object| (it.name.clone(), value(&it.content).into_owned());
        secrets.map(read).collect()
    };
    let before = secrets(pair.old);
    let moved = secrets(pair.new).into_iter().filter_map(|(name, is)| {
        let was = before.get(&name).filter(|was| **was != is)?;
        Some(Change {
            effect: Effect::InPlace,
            how: "what it holds comes from elsewhere: a container keeps what it was made with until it is made anew".to_owned(),
            fields: fields(SECRET, &differences(was, &is), None),
            ..Change::of("secret", name)
        })
    });
    moved.collect()
}

/// What of a service differs, and what it does.
fn changed(
    before: &Object,
    after: &Object,
    others: &Others<'_>,
    view: Option<ServiceView<'_>>,
) -> Option<(Effect, Vec<Field>)> {
    if before.content == after.content && others.is_empty() {
        return None;
    }
    let (was, is) = apart(&before.content, &after.content);
    let (mut was, mut is) = (seen(was.into_owned()), seen(is.into_owned()));
    if !others.is_empty() {
        let (old_uses, new_uses) = (uses(before), uses(after));
        for ((section, name), sides) in others {
            let uses = |uses: &BTreeSet<(&str, String)>| uses.contains(&(section, (*name).into()));
            if uses(&old_uses) && uses(&new_uses) {
                let key = section.trim_end_matches('s');
                put(&mut was, key, name, &sides.0);
                put(&mut is, key, name, &sides.1);
            }
        }
    }
    let fields = fields(SERVICE, &differences(&was, &is), view);
    let worst = fields.iter().map(|field| field.effect).max()?;
    Some((worst, fields))
}

/// Puts what a service uses among what differs of it.
fn put(side: &mut Value, key: &str, name: &str, what: &Value) {
    if let Value::Object(fields) = side {
        let all = fields.entry(key).or_insert_with(|| json!({}));
        if let Value::Object(all) = all {
            all.insert(name.to_owned(), what.clone());
        }
    }
}

/// A section as docker compose takes it: networks are a map, in no order.
fn seen(mut service: Value) -> Value {
    if let Some(networks) = service.get_mut("networks") {
        let joined: Map<String, Value> = match &*networks {
            Value::Array(names) => {
                let names = names.iter().filter_map(Value::as_str);
                names.map(|name| (name.to_owned(), json!({}))).collect()
            }
            Value::Object(joined) => {
                let how = |how: &Value| {
                    if how.is_null() {
                        json!({})
                    } else {
                        how.clone()
                    }
                };
                let joined = joined.iter();
                joined.map(|(name, it)| (name.clone(), how(it))).collect()
            }
            _ => return service,
        };
        *networks = Value::Object(joined);
    }
    service
}

/// The networks and volumes that a service uses.
fn uses(service: &Object) -> BTreeSet<(&'static str, String)> {
    let service = seen(value(&service.content).into_owned());
    let mut found = BTreeSet::new();
    match service.get("networks").and_then(Value::as_object) {
        Some(joined) => found.extend(joined.keys().map(|name| ("networks", name.clone()))),
        None => _ = found.insert(("networks", "default".to_owned())),
    }
    for mount in service
        .get("volumes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let source = match mount {
            Value::String(short) => short.split_once(':').map(|(source, _)| source),
            long => long.get("source").and_then(Value::as_str),
        };
        found.extend(source.map(|source| ("volumes", source.to_owned())));
    }
    found
}

/// The networks with other settings, and the volumes with another name: another one that is asked for, under the name that
/// docker knows it by.
fn others<'o>(pair: &Pair<'o>, project: &str) -> Others<'o> {
    let known = |objects: &'o [Object], section: &'static str| -> BTreeMap<&'o str, Value> {
        let of = objects.iter().filter(move |object| object.kind == section);
        of.map(|object| {
            let mut entry = match value(&object.content).into_owned() {
                Value::Object(fields) => fields,
                _ => Map::new(),
            };
            let is_external = entry.get("external") == Some(&Value::Bool(true));
            let name = match entry.get("name").and_then(Value::as_str) {
                Some(name) => name.to_owned(),
                None if is_external => object.name.clone(),
                None => format!("{project}_{}", object.name),
            };
            if is_external || section == "volumes" {
                entry.clear();
            }
            entry.insert("name".to_owned(), name.into());
            (object.name.as_str(), Value::Object(entry))
        })
        .collect()
    };
    let mut others = Others::new();
    for section in ["networks", "volumes"] {
        let before = known(pair.old, section);
        for (name, is) in known(pair.new, section) {
            if let Some(was) = before.get(name).filter(|was| **was != is) {
                others.insert((section, name), (was.clone(), is));
            }
        }
    }
    others
}

/// Refuses what wants a port of a container that is left behind (moby `daemon/libnetwork/portallocator`; containers that are
/// made anew have given theirs up by then: docker/compose `convergence.go`, `recreateContainer`).
fn hold_ports(
    left: &[&Object],
    prefix: &str,
    new: &FxHashMap<&str, &Object>,
    changes: &mut [Change],
    project: Option<&str>,
) {
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    for service in left {
        for port in published(service) {
            held.insert(port, format!("{prefix}{}", service.name));
        }
    }
    if held.is_empty() {
        return;
    }
    for change in changes {
        let own = project.and_then(|project| change.name.strip_prefix(project)?.strip_prefix('-'));
        let own = own.unwrap_or(&change.name);
        let ports = new.get(own).map(|service| published(service));
        let mut ports = ports.into_iter().flatten();
        let Some((port, holder)) = ports.find_map(|port| held.get_key_value(&port)) else {
            continue;
        };
        let number = port.split('/').next().unwrap_or(port);
        change.effect = Effect::Refused;
        change.how = format!(
            "Error response from daemon: Bind for 0.0.0.0:{number} failed: port is already allocated"
        );
        change.fields.push(Field {
            path: format!("ports[\"{port}\"]"),
            old: Some(holder.as_str().into()),
            new: Some(change.name.as_str().into()),
            effect: Effect::Refused,
            because: PORT_HELD,
            source: "moby daemon/libnetwork/portallocator, ErrPortAlreadyAllocated",
            span: change.span,
        });
    }
}

/// The ports of the host that a service publishes: `80/tcp`.
fn published(service: &Object) -> Vec<String> {
    let mut ports = match super::difference::at(&service.content, &["ports"]) {
        Some(ports) => ports.into_owned(),
        None => return Vec::new(),
    };
    short::ports(&mut ports);
    let ports = ports.as_object().into_iter().flat_map(Map::keys);
    let outside = ports.filter(|port| !port.starts_with(':'));
    // Whatever address of the host it is bound to.
    let outside = outside.map(|port| port.rsplit(':').next().unwrap_or(port).to_owned());
    outside.collect()
}

/// The name of the project, where it is known.
fn project(objects: &[Object]) -> Option<&str> {
    let mut names = objects.iter().filter(|it| it.kind == Object::PROJECT);
    names.next().map(|name| name.name.as_str())
}

fn services(objects: &[Object]) -> impl Iterator<Item = &Object> {
    objects.iter().filter(|object| object.kind == "services")
}

fn by_name(objects: &[Object]) -> FxHashMap<&str, &Object> {
    services(objects)
        .map(|object| (object.name.as_str(), object))
        .collect()
}
