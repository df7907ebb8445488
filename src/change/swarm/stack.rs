//! A stack as the engine sees it: names within the file resolved to those in the swarm, short forms
//! written out.

use super::{defaults, env_files, mounts, theirs};
use crate::change::difference::{apart, at, value};
use crate::change::short::{labels, pairs, parts, ports};
use crate::targets::{Content, Object};
use serde_json::{Map, Value, json};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The sections that services refer to.
pub(super) const SECTIONS: [&str; 4] = ["networks", "volumes", "configs", "secrets"];

/// What says of a file which stack it is a variant of, where several files would be one by their names.
pub const VARIANT: &str = "variant";

/// The objects of one stack file.
#[derive(Debug, Default)]
pub(super) struct Stack<'a> {
    pub(super) name: &'a str,
    /// Its path, with that name in it.
    pub(super) file: &'a str,
    /// By the name in the file, in its order.
    pub(super) services: Vec<&'a Object>,
    /// What docker says of a file that is no YAML to it.
    pub(super) refused: Option<&'a Object>,
    /// What stands at the top of the file, where somebody wrote it by hand.
    pub(super) top: Option<&'a Object>,
    /// What of the file docker does not read.
    pub(super) unread: Option<&'a Object>,
    /// What it would be called but for others that would be called so.
    pub(super) variant_of: Option<&'a str>,
    /// By section and name in the file.
    entries: BTreeMap<(&'a str, &'a str), Entry<'a>>,
    /// The files that configs are made from, by path from the stack file's folder.
    files: Rc<BTreeMap<&'a str, &'a Object>>,
}

/// A network, volume, config or secret. It is read once at most: a thousand services may refer to it.
#[derive(Debug)]
struct Entry<'a> {
    object: &'a Object,
    value: OnceCell<Value>,
}

impl Entry<'_> {
    fn get(&self, key: &str) -> Option<&Value> {
        let read = || value(&self.object.content).into_owned();
        self.value.get_or_init(read).get(key)
    }

    fn is_external(&self) -> bool {
        let external = self.get("external");
        !matches!(external, None | Some(Value::Null | Value::Bool(false)))
    }
}

/// The stacks among a target's objects, in the order of the files.
pub(super) fn stacks(objects: &[Object]) -> Vec<Stack<'_>> {
    let mut stacks: Vec<Stack<'_>> = Vec::new();
    let files = || objects.iter().filter(|object| object.kind == Object::FILE);
    let files: BTreeMap<&str, &Object> = files().map(|it| (it.file.as_str(), it)).collect();
    let files = Rc::new(files);
    for object in objects.iter().filter(|it| it.kind != Object::FILE) {
        let name = stem(&object.file);
        // The objects of a file come in a row.
        let known = stacks.iter().rposition(|stack| stack.name == name);
        let index = known.unwrap_or_else(|| {
            stacks.push(Stack {
                name,
                file: &object.file,
                files: Rc::clone(&files),
                ..Stack::default()
            });
            stacks.len() - 1
        });
        let Some(stack) = stacks.get_mut(index) else {
            continue;
        };
        if object.kind == "services" {
            stack.services.push(object);
        } else if object.kind == Object::TOP {
            stack.top = Some(object);
        } else if object.kind == VARIANT {
            stack.variant_of = Some(&object.name);
        } else if object.kind == Object::REFUSED {
            stack.refused = Some(object);
        } else if object.kind == Object::UNREAD {
            stack.unread = Some(object);
        } else {
            let value = OnceCell::new();
            let key = (object.kind.as_str(), object.name.as_str());
            stack.entries.insert(key, Entry { object, value });
        }
    }
    stacks
}

/// `shop` of `swarm/shop.yml`.
pub fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split_once('.').map_or(file, |(stem, _)| stem)
}

/// A service of two stacks as the engine sees it, as far as it differs. What is written alike means the same but for
/// the sections in which names do not.
pub(super) fn service_apart(
    (old, before): (&Stack<'_>, &Object),
    (new, after): (&Stack<'_>, &Object),
    other_names: &[&str],
) -> (Value, Value) {
    let (was, is) = apart(&before.content, &after.content);
    let mut sides = [
        (old, before, was.into_owned()),
        (new, after, is.into_owned()),
    ];
    for (_, object, part) in &mut sides {
        let Value::Object(fields) = part else {
            continue;
        };
        for section in other_names {
            if let Some(named) = at(&object.content, &[section]) {
                fields.insert((*section).to_owned(), named.into_owned());
            }
        }
    }
    let orders = sides.each_ref().map(|(_, _, part)| order(part));
    let [mut was, mut is] = sides.map(|(stack, object, part)| stack.seen(of_a_task(part, object)));
    env_files::merge((old, before, &mut was), (new, after, &mut is));
    on_default_network([(old, before, &mut was), (new, after, &mut is)]);
    defaults::settle(&mut was, &mut is);
    let [was_order, is_order] = orders;
    if was.get("volumes") == is.get("volumes") && was_order != is_order {
        for (side, order) in [(&mut was, was_order), (&mut is, is_order)] {
            if let Value::Object(fields) = side {
                fields.insert("volumes".to_owned(), json!({"in order": order}));
            }
        }
    }
    (was, is)
}

fn order(service: &Value) -> Vec<Value> {
    let volumes = service.get("volumes");
    volumes.map(mounts::order).unwrap_or_default()
}

/// What of a part of a service docker reads: nobody reads `x-…` but people, a `deploy` or `pid` that is null is none (docker/cli
/// `cli/compose/schema/data/config_schema_v3.13.json`; other words it refuses so), and `restart` stands for a `deploy.restart_policy`
/// where none is written (`cli/compose/convert/service.go`, `convertRestartPolicy`).
fn of_a_task(mut part: Value, service: &Object) -> Value {
    if let Value::Object(fields) = &mut part {
        let is_none = |key: &str, field: &Value| matches!(key, "deploy" | "pid") && field.is_null();
        fields.retain(|key, field| !key.starts_with("x-") && !is_none(key, field));
        let restart = fields.get("restart").and_then(Value::as_str);
        let is_none = restart.is_some_and(|restart| matches!(restart, "" | "no"));
        let policy = || at(&service.content, &["deploy", "restart_policy"]);
        if is_none || restart.is_some() && policy().is_some_and(|policy| !policy.is_null()) {
            fields.remove("restart");
        }
    }
    part
}

/// Who names no network is on the default one, under whatever name the file gives it (docker/cli
/// `cli/compose/convert/service.go`, `convertServiceNetworks`).
fn on_default_network(sides: [(&Stack<'_>, &Object, &mut Value); 2]) {
    let sides = sides.map(|(stack, service, side)| {
        let default = names_no_network(service).then(|| stack.real("networks", "default"));
        (default, side)
    });
    let is_same = matches!(&sides, [(Some(was), _), (Some(is), _)] if was == is);
    for (default, side) in sides {
        if let (Some(default), Value::Object(fields)) = (default, side) {
            if is_same {
                fields.remove("networks");
            } else {
                fields.insert("networks".to_owned(), json!({default: {}}));
            }
        }
    }
}

/// Ports by their number outside: a swarm publishes for every address of its nodes, whichever is written (docker/cli `cli/compose/loader/loader.go`, `toServicePortConfigs`:
/// `ignoring IP-address`).
pub(super) fn by_port(field: &mut Value) {
    for port in field.as_array_mut().into_iter().flatten() {
        // `127.0.0.1:8080:80`, of which the last two are ports.
        let parts = parts(port.as_str().unwrap_or_default(), ':');
        if let [_, .., outside, inside] = *parts {
            *port = format!("{outside}:{inside}").into();
        }
    }
    ports(field);
}

pub(super) fn names_no_network(service: &Object) -> bool {
    let networks = at(&service.content, &["networks"]);
    networks.is_none_or(|it| match &*it {
        Value::Array(names) => names.is_empty(),
        Value::Object(joined) => joined.is_empty(),
        other => other.is_null(),
    })
}

impl<'a> Stack<'a> {
    /// One with a name and nothing in it.
    pub(super) fn empty(name: &'a str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// The sections of which a name within the file may mean something else in another stack.
    pub(super) fn other_names(&self, other: &Stack<'_>) -> Vec<&'static str> {
        let differ = |section: &&str| {
            let ours = self.entries_of(section);
            let ours = ours.map(|(name, entry)| (name, &entry.object.content));
            let theirs = other.entries_of(section);
            let theirs = theirs.map(|(name, entry)| (name, &entry.object.content));
            self.name != other.name || !ours.eq(theirs)
        };
        SECTIONS.into_iter().filter(differ).collect()
    }

    fn entries_of(&self, section: &str) -> impl Iterator<Item = (&'a str, &Entry<'a>)> {
        let entries = self.entries.iter();
        entries.filter_map(move |((of, name), entry)| (*of == section).then_some((*name, entry)))
    }

    /// What the stack itself makes in a section, by its name in the swarm; without what another stack has just so.
    pub(super) fn own(&self, section: &str, other: &Stack<'_>) -> BTreeMap<String, &'a Object> {
        let is_as_theirs = |name: &str, object: &Object| {
            self.name == other.name
                && other.entries.get(&(section, name)).is_some_and(|theirs| {
                    theirs.object.content == object.content
                        && self.text(object) == other.text(theirs.object)
                })
        };
        self.entries_of(section)
            .filter(|(name, entry)| !is_as_theirs(name, entry.object) && !entry.is_external())
            .map(|(name, entry)| (self.real(section, name), entry.object))
            .collect()
    }

    /// Whether a network is the one that docker makes of a stack for those who name none, where the file says nothing of it
    /// (docker/cli `cli/command/stack/swarm/deploy_composefile.go`, `getServicesDeclaredNetworks`).
    pub(super) fn makes_unsaid(&self, real: &str) -> bool {
        !self.entries.contains_key(&("networks", "default"))
            && self.real("networks", "default") == real
            && self.services.iter().any(|it| names_no_network(it))
    }

    /// The services of the stack that use what goes by a name of the swarm.
    pub(super) fn users(&self, section: &str, real: &str) -> impl Iterator<Item = &'a Object> {
        let names = self.entries_of(section).map(|(name, _)| name);
        let names: Vec<&str> = names
            .filter(|name| self.real(section, name) == real)
            .collect();
        let on_default = section == "networks" && self.real("networks", "default") == real;
        let services = self.services.iter().copied();
        services.filter(move |service| {
            names
                .iter()
                .any(|name| theirs::uses(service, section, name))
                || on_default && names_no_network(service)
        })
    }

    /// Whether the stack uses what somebody else made under a name of the swarm. A volume belongs to no stack: a node makes it for
    /// the first task that mounts one of that name.
    pub(super) fn uses(&self, section: &str, real: &str) -> bool {
        let mut shared = self
            .entries_of(section)
            .filter(|(_, entry)| section == "volumes" || entry.is_external());
        shared.any(|(name, _)| self.real(section, name) == real)
    }

    /// Whether the stack has what goes by a name of the swarm, whoever made it.
    pub(super) fn knows(&self, section: &str, real: &str) -> bool {
        let mut names = self.entries_of(section).map(|(name, _)| name);
        names.any(|name| self.real(section, name) == real)
    }

    /// Whether the stack itself makes what goes by a name of the swarm.
    pub(super) fn makes(&self, section: &str, real: &str) -> bool {
        let own = self
            .entries_of(section)
            .filter(|(_, entry)| !entry.is_external());
        let mut names = own.map(|(name, _)| name);
        names.any(|name| self.real(section, name) == real)
            || section == "networks" && self.makes_unsaid(real)
    }

    /// What somebody else makes, by its name in a section.
    pub(super) fn external(&self, section: &str) -> impl Iterator<Item = &'a str> {
        let entries = self.entries_of(section);
        entries.filter_map(|(name, entry)| entry.is_external().then_some(name))
    }

    /// The entries of a section, by their names in the file.
    pub(super) fn all(&self, section: &str) -> impl Iterator<Item = (&'a str, &'a Object)> {
        let entries = self.entries_of(section);
        entries.map(|(name, entry)| (name, entry.object))
    }

    /// An entry of a section.
    pub(super) fn entry(&self, section: &str, name: &str) -> Option<&'a Object> {
        let entry = self.entries.get(&(section, name))?;
        Some(entry.object)
    }

    /// Whether a section of the file has an entry.
    pub(super) fn has(&self, section: &str, name: &str) -> bool {
        self.entries.contains_key(&(section, name))
    }

    /// Whether somebody else makes an entry of a section.
    pub(super) fn is_external(&self, section: &str, name: &str) -> bool {
        let entry = self.entries.get(&(section, name));
        entry.is_some_and(Entry::is_external)
    }

    /// A field of an entry of a section.
    pub(super) fn get(&self, section: &str, name: &str, key: &str) -> Option<Value> {
        self.entries.get(&(section, name))?.get(key).cloned()
    }

    /// The name in the swarm of an entry of a section.
    pub(super) fn real(&self, section: &str, name: &str) -> String {
        let entry = self.entries.get(&(section, name));
        let field = |field: &str| entry.and_then(|entry| entry.get(field));
        match (field("name"), field("external")) {
            (Some(Value::String(real)), _) => real.clone(),
            (_, Some(Value::Object(external))) => {
                let real = external.get("name").and_then(Value::as_str);
                real.unwrap_or(name).to_owned()
            }
            (_, Some(Value::Bool(true))) => name.to_owned(),
            _ => format!("{}_{name}", self.name),
        }
    }

    /// A file beside the stack files, by its path from their folder.
    pub(super) fn file(&self, path: &str) -> Option<&'a Object> {
        self.files.get(path).copied()
    }

    /// What a config or secret holds, where that is known.
    pub(super) fn text(&self, object: &Object) -> Option<&Content> {
        let path = at(&object.content, &["file"])?;
        let file = self.file(&Object::beside(&object.file, path.as_str()?))?;
        Some(&file.content)
    }

    /// Whether the file that a config is made of is a secret's as well.
    pub(super) fn is_of_a_secret(&self, config: &Object) -> bool {
        let path = |object: &Object| {
            let path = at(&object.content, &["file"])?;
            Some(Object::beside(&object.file, path.as_str()?))
        };
        let own = path(config);
        let mut secrets = self.entries_of("secrets");
        own.is_some() && secrets.any(|(_, entry)| path(entry.object) == own)
    }

    /// A service as the engine sees it.
    pub(super) fn service(&self, object: &Object) -> Value {
        self.seen(value(&object.content).into_owned())
    }

    /// A service, or a part of one, as the engine sees it.
    fn seen(&self, mut service: Value) -> Value {
        let Value::Object(fields) = &mut service else {
            return service;
        };
        for (key, field) in fields.iter_mut() {
            match key.as_str() {
                "environment" => pairs(field),
                "labels" => labels(field),
                "networks" => self.networks(field),
                "volumes" => self.volumes(field),
                "configs" => self.mounted(field, "configs"),
                "secrets" => self.mounted(field, "secrets"),
                "ports" => by_port(field),
                _ => {}
            }
        }
        if let Some(field) = fields.get_mut("deploy").and_then(|it| it.get_mut("labels")) {
            labels(field);
        }
        service
    }

    fn networks(&self, field: &mut Value) {
        let joined: Map<String, Value> = match field {
            Value::Array(names) => {
                let names = names.iter().filter_map(Value::as_str);
                names
                    .map(|name| (self.real("networks", name), json!({})))
                    .collect()
            }
            Value::Object(joined) => {
                let joined = joined.iter();
                joined
                    .map(|(name, how)| {
                        // To join one without more is to join it.
                        let how = if how.is_null() {
                            json!({})
                        } else {
                            how.clone()
                        };
                        (self.real("networks", name), how)
                    })
                    .collect()
            }
            _ => return,
        };
        *field = Value::Object(joined);
    }
}
