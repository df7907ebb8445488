//! A stack as the engine sees it: names within the file resolved to those in the swarm, short forms
//! written out.

use crate::change::difference::{apart, at, value};
use crate::change::short::{pairs, ports};
use crate::targets::{Content, Object};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::cell::OnceCell;
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
            let value = OnceCell::new();
            let key = (object.kind.as_str(), object.name.as_str());
            stack.entries.insert(key, Entry { object, value });
        }
    }
    stacks
}

/// `shop` of `swarm/shop.yml`.
fn stem(path: &str) -> &str {
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
    let [was, is] = sides.map(|(stack, _, part)| stack.seen(part));
    (was, is)
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
        let is_own = |entry: &Entry<'_>| {
            let external = entry.get("external");
            matches!(external, None | Some(Value::Null | Value::Bool(false)))
        };
        self.entries_of(section)
            .filter(|(name, entry)| !is_as_theirs(name, entry.object) && is_own(entry))
            .map(|(name, entry)| (self.real(section, name), entry.object))
            .collect()
    }

    /// The name in the swarm of an entry of a section.
    fn real(&self, section: &str, name: &str) -> String {
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

    /// What a config or secret holds, where that is known.
    pub(super) fn text(&self, object: &Object) -> Option<&Content> {
        let path = at(&object.content, &["file"])?;
        let path = path.as_str()?.trim_start_matches("./");
        let folder = object
            .file
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let path = if folder.is_empty() {
            Cow::Borrowed(path)
        } else {
            Cow::Owned(format!("{folder}/{path}"))
        };
        self.files.get(&*path).map(|file| &file.content)
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
