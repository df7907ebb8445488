//! What a service mounts, by the path inside: docker/cli `cli/compose/loader/volume.go` for the short form,
//! `cli/compose/convert/volume.go` and `service.go` for what of it is a task's.

use super::forms::bytes;
use super::stack::Stack;
use crate::change::short::{pairs, parts};
use serde_json::{Map, Value, json};

/// The ways in which mounts of the host are seen by each other (docker/cli `cli/compose/loader/volume.go`,
/// `isBindOption`).
const PROPAGATIONS: [&str; 6] = [
    "rprivate", "private", "rshared", "shared", "rslave", "slave",
];

/// The folder of a volume that is mounted, where it is not all of it.
pub(super) const SUBPATH: &str = "subpath";

impl Stack<'_> {
    pub(super) fn volumes(&self, field: &mut Value) {
        let Value::Array(mounts) = field else {
            return;
        };
        let mounts = mounts.iter().map(|mount| match mount {
            Value::String(short) => self.volume(&written_out(short)),
            long => self.volume(long),
        });
        *field = Value::Object(mounts.collect());
    }

    /// A mount in its long form.
    fn volume(&self, long: &Value) -> (String, Value) {
        let text = |key: &str| long.get(key).and_then(Value::as_str).unwrap_or_default();
        let (source, target) = (text("source"), text("target"));
        let kind = match text("type") {
            "" => "volume",
            kind => kind,
        };
        let named = kind == "volume" && !source.is_empty();
        let read_only = long.get("read_only") == Some(&Value::Bool(true));
        // What is put in may be a path as well.
        let is_known = !source.contains('$') || self.has("volumes", source);
        let real = if named && is_known {
            self.real("volumes", source)
        } else {
            source.to_owned()
        };
        let mut how = Map::new();
        how.insert("from".to_owned(), real.into());
        how.insert(
            "mode".to_owned(),
            if read_only { "ro" } else { "rw" }.into(),
        );
        // What is mounted from a path is no volume: that need not be said.
        if kind != "volume" && !(kind == "bind" && is_path(source)) {
            how.insert("type".to_owned(), kind.into());
        }
        for pointer in [
            "/bind/propagation",
            "/volume/nocopy",
            "/tmpfs/size",
            "/consistency",
        ] {
            let option = long.pointer(pointer);
            let option = option.filter(|it| !matches!(it, Value::Null | Value::Bool(false)));
            let name = pointer.rsplit('/').next().unwrap_or(pointer);
            // The one that is an amount.
            let amount = |option: &Value| bytes(option).filter(|_| name == "size");
            let option = option.map(|option| amount(option).unwrap_or_else(|| option.clone()));
            how.extend(option.map(|option| (name.to_owned(), option)));
        }
        // Of a volume without a name docker forgets it (`handleVolumeToMount`).
        let folder = long.pointer("/volume/subpath").filter(|_| named);
        if let Some(folder) = folder.filter(|it| !is_empty(it)) {
            how.insert(SUBPATH.to_owned(), folder.clone());
        }
        if named && self.is_external("volumes", source) {
            // Others have the label of their stack (`AddStackLabel`).
            how.insert("external".to_owned(), true.into());
        } else if named {
            for key in ["labels", "driver", "driver_opts"] {
                let option = self.get("volumes", source, key).filter(|it| !is_empty(it));
                how.extend(option.map(|mut option| {
                    pairs(&mut option);
                    (key.to_owned(), option)
                }));
            }
        }
        (target.to_owned(), Value::Object(how))
    }

    /// The real name of each config or secret.
    pub(super) fn mounted(&self, field: &mut Value, section: &str) {
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
            how.retain(|key, value| {
                !matches!(&**key, "source" | "target") && !is_default(key, value)
            });
            how.insert("from".to_owned(), self.real(section, source).into());
            by_path.insert(target, Value::Object(how));
        }
        *field = Value::Object(by_path);
    }
}

/// What a config or secret belongs to, and may be done with, where nothing is written (`convertFileObject`).
fn is_default(key: &str, value: &Value) -> bool {
    match key {
        "uid" | "gid" => value == "0" || *value == 0,
        "mode" => value == "0444" || *value == 0o444,
        _ => false,
    }
}

fn is_empty(option: &Value) -> bool {
    option.is_null() || option.as_object().is_some_and(Map::is_empty)
}

pub(super) fn is_path(source: &str) -> bool {
    source.starts_with(['/', '.', '~'])
}

/// The paths inside, in their order: a task's mounts are a list, which docker sorts no more than swarmkit does.
pub(super) fn order(field: &Value) -> Vec<Value> {
    let mounts = field.as_array().into_iter().flatten();
    let paths = mounts.filter_map(|mount| match mount {
        Value::String(short) => written_out(short).get("target").cloned(),
        long => long.get("target").cloned(),
    });
    paths.collect()
}

/// `data:/data:ro` in the long form.
fn written_out(short: &str) -> Value {
    let parts = parts(short, ':');
    let (source, target, options) = match *parts {
        [source, target, ref options @ ..] => (source, target, options.join(":")),
        _ => ("", short, String::new()),
    };
    let options: Vec<&str> = options.split(',').collect();
    let mut long = json!({
        "type": if is_path(source) { "bind" } else { "volume" },
        "source": source,
        "target": target,
        "read_only": options.contains(&"ro"),
        "volume": {"nocopy": options.contains(&"nocopy")},
    });
    let propagation = options.iter().find(|it| PROPAGATIONS.contains(it));
    if let (Some(propagation), Value::Object(fields)) = (propagation, &mut long) {
        fields.insert("bind".to_owned(), json!({"propagation": propagation}));
    }
    long
}
