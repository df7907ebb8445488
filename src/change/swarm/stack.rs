//! A stack as the engine sees it: names within the file resolved to those in the swarm, short forms
//! written out.

use crate::change::difference::value;
use crate::targets::{Content, Object};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The sections that services refer to.
pub(super) const SECTIONS: [&str; 4] = ["networks", "volumes", "configs", "secrets"];

/// The objects of one stack file.
#[derive(Debug, Default)]
pub(super) struct Stack<'a> {
    pub(super) name: &'a str,
    /// By the name in the file, in its order.
    pub(super) services: Vec<&'a Object>,
    /// By section and name in the file.
    pub(super) entries: BTreeMap<(&'a str, &'a str), &'a Object>,
    /// The files that configs are made from, by path from the stack file's folder.
    files: Rc<BTreeMap<&'a str, &'a Object>>,
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
        } else {
            stack.entries.insert((&object.kind, &object.name), object);
        }
    }
    stacks
}

/// `shop` of `swarm/shop.yml`.
fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split_once('.').map_or(file, |(stem, _)| stem)
}

impl<'a> Stack<'a> {
    /// One with a name and nothing in it.
    pub(super) fn empty(name: &'a str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Whether every name within the file means the same in another stack.
    pub(super) fn means_the_same(&self, other: &Stack<'_>) -> bool {
        self.name == other.name
            && self.entries.len() == other.entries.len()
            && self.entries.iter().all(|(key, object)| {
                let theirs = other.entries.get(key);
                theirs.is_some_and(|theirs| theirs.content == object.content)
            })
    }

    /// The name in the swarm of an entry of a section.
    pub(super) fn real(&self, section: &str, name: &str) -> String {
        let entry = self
            .entries
            .get(&(section, name))
            .map(|it| value(&it.content));
        let field = |field: &str| entry.as_ref().and_then(|entry| entry.get(field));
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

    /// What a config or secret holds, where that is known.
    pub(super) fn text(&self, object: &Object) -> Option<&Content> {
        let entry = value(&object.content);
        let path = entry
            .get("file")?
            .as_str()?
            .trim_start_matches("./")
            .to_owned();
        let folder = object
            .file
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let path = if folder.is_empty() {
            path
        } else {
            format!("{folder}/{path}")
        };
        self.files.get(path.as_str()).map(|file| &file.content)
    }

    /// A service as the engine sees it.
    pub(super) fn service(&self, object: &Object) -> Value {
        self.seen(value(&object.content).into_owned())
    }

    /// A service, or a part of one, as the engine sees it.
    pub(super) fn seen(&self, mut service: Value) -> Value {
        let Value::Object(fields) = &mut service else {
            return service;
        };
        for (key, field) in fields.iter_mut() {
            match key.as_str() {
                "environment" | "labels" => pairs(field),
                "networks" => self.networks(field),
                "volumes" => self.volumes(field),
                "configs" => self.mounted(field, "configs"),
                "secrets" => self.mounted(field, "secrets"),
                "ports" => ports(field),
                _ => {}
            }
        }
        if let Some(labels) = fields.get_mut("deploy").and_then(|it| it.get_mut("labels")) {
            pairs(labels);
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
                    .map(|(name, how)| (self.real("networks", name), how.clone()))
                    .collect()
            }
            _ => return,
        };
        *field = Value::Object(joined);
    }

    /// By the path inside: what is mounted there, and how.
    fn volumes(&self, field: &mut Value) {
        let Value::Array(mounts) = field else {
            return;
        };
        let mut by_path = Map::new();
        for mount in mounts.iter() {
            let (source, target, mode) = match mount {
                Value::String(short) => {
                    let mut parts = short.splitn(3, ':');
                    let source = parts.next().unwrap_or_default();
                    let target = parts.next().unwrap_or_default();
                    (source, target, parts.next().unwrap_or("rw"))
                }
                long => {
                    let text =
                        |key: &str| long.get(key).and_then(Value::as_str).unwrap_or_default();
                    let read_only = long.get("read_only") == Some(&Value::Bool(true));
                    (
                        text("source"),
                        text("target"),
                        if read_only { "ro" } else { "rw" },
                    )
                }
            };
            let named = !source.is_empty() && !source.starts_with(['/', '.', '~']);
            let source = if named {
                self.real("volumes", source)
            } else {
                source.to_owned()
            };
            by_path.insert(target.to_owned(), json!({"from": source, "mode": mode}));
        }
        *field = Value::Object(by_path);
    }

    /// By the path inside: the real name of what is there.
    fn mounted(&self, field: &mut Value, section: &str) {
        let Value::Array(mounts) = field else {
            return;
        };
        let mut by_path = Map::new();
        for mount in mounts.iter() {
            let (source, target) = match mount {
                Value::String(name) => (name.as_str(), None),
                long => {
                    let text = |key: &str| long.get(key).and_then(Value::as_str);
                    (text("source").unwrap_or_default(), text("target"))
                }
            };
            // docker/cli `cli/compose/convert/service.go`: `/settings` is not `settings` to a task, though it is
            // one place in a container (seen: `written-other-form`).
            let target = target.unwrap_or(source).to_owned();
            let mut how = mount.as_object().cloned().unwrap_or_default();
            how.remove("source");
            how.remove("target");
            how.insert("from".to_owned(), self.real(section, source).into());
            by_path.insert(target, Value::Object(how));
        }
        *field = Value::Object(by_path);
    }
}

/// `["A=1"]` is `{A: "1"}`.
fn pairs(field: &mut Value) {
    if let Value::Array(items) = field {
        let items = items.iter().filter_map(Value::as_str);
        let pairs = items.map(|item| match item.split_once('=') {
            Some((key, value)) => (key.to_owned(), value.into()),
            None => (item.to_owned(), Value::Null),
        });
        *field = Value::Object(pairs.collect());
    }
}

/// By the port outside: `80/tcp`.
fn ports(field: &mut Value) {
    let Value::Array(ports) = field else {
        return;
    };
    let mut by_port = Map::new();
    for port in ports.iter() {
        let (key, how) = match port {
            Value::String(short) => {
                let (numbers, protocol) = short.split_once('/').unwrap_or((short, "tcp"));
                let (published, target) = numbers.rsplit_once(':').unwrap_or(("", numbers));
                let how = json!({"target": target, "mode": "ingress"});
                (format!("{published}/{protocol}"), how)
            }
            long => {
                let text = |key: &str| match long.get(key) {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => String::new(),
                };
                let protocol = long
                    .get("protocol")
                    .and_then(Value::as_str)
                    .unwrap_or("tcp");
                let mode = long
                    .get("mode")
                    .and_then(Value::as_str)
                    .unwrap_or("ingress");
                let how = json!({"target": text("target"), "mode": mode});
                (format!("{}/{protocol}", text("published")), how)
            }
        };
        by_port.insert(key, how);
    }
    *field = Value::Object(by_port);
}
