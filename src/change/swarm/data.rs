//! Data that stays in a volume which a service of a stack mounts no more. Between two programs `contract` says it, which knows what
//! is one volume on every target.

use super::homes;
use super::mounts::{SUBPATH, is_path};
use crate::change::{Loss, Lost};
use serde_json::{Map, Value};
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// What a service loses of the volumes that it had, both sides as the engine sees them: what differs of it, and all of it. A mount that it only
/// read was filled by somebody else. `is_there` knows the volumes of before.
pub(super) fn left_behind(
    service: &str,
    (was, is): (&Value, &Value),
    whole: (&Value, &Value),
    is_there: impl Fn(&str) -> bool,
) -> Vec<Loss> {
    let had = was.get("volumes").and_then(Value::as_object);
    let has = is.get("volumes").and_then(Value::as_object);
    let mut losses = Vec::new();
    for (path, before) in had.into_iter().flatten() {
        let Some(old) = named(before).filter(|_| text(before, "mode") != "ro") else {
            continue;
        };
        let now = has.and_then(|has| has.get(path));
        let is_another = now.is_some_and(|now| are_apart(old, text(now, "from")));
        let may_be_there = is_open(old) || may_stand_at(path, now, has);
        if is_open(path) || !is_another && may_be_there || is_in_memory(before) {
            continue;
        }
        let others = || {
            let all = has.into_iter().flatten();
            all.filter(|(_, how)| named(how) == Some(old))
        };
        let elsewhere = others().next();
        let loss = match now.map(|now| (now, named(now))) {
            Some((now, Some(new))) if new == old => match another_folder(before, now) {
                Some(folders) if !follows(was, is, folders) => {
                    of_volume(service, (path, old), folders)
                }
                _ => continue,
            },
            Some((now, Some(_))) if is_one_device(before, now) => continue,
            Some((now, Some(new))) => another(service, path, old, (now, new)),
            _ if let Some((now, _)) = elsewhere => {
                let stays = others().any(|(now, how)| stands_at((path, before), (now, how)));
                if !runs_the_same(was, is) || stays {
                    continue;
                }
                moved(service, old, (path, now))
            }
            Some((now, None)) if is_path(text(now, "from")) => {
                of_the_node(service, path, old, text(now, "from"))
            }
            _ => match homes::holder(path, whole) {
                Some(now) => {
                    // Below it nothing could be put while the other one was mounted there.
                    let is_kept = is_mounted(whole.0, now);
                    let is_filled = is_there(text(now.1, "from")) || !is_of_node(now.1);
                    let may_be_filled = is_filled && !is_kept && !is_in_memory(now.1);
                    held(service, (path, old), now, may_be_filled)
                }
                None => gone(service, path, old),
            },
        };
        losses.push(loss);
    }
    losses
}

/// Whether a variable stands in a path or a name: nobody knows which that is.
pub(super) fn is_open(written: &str) -> bool {
    written.contains('$')
}

/// Whether two names with the same variables in them are two whatever these are: what differs is between two of them. A variable is
/// taken to be the same on both sides.
fn are_apart(one: &str, other: &str) -> bool {
    let (one, other) = (pieces(one), pieces(other));
    let mut differ = one.iter().zip(&other).filter(|(one, other)| one != other);
    let first = differ.next();
    // Two paths may lead to one folder, whatever stands in them.
    let is_written = |piece: &str| !piece.starts_with('$') && !piece.contains('/');
    one.len() == other.len()
        && one.len() > 1
        && first.is_some_and(|(one, other)| is_written(one) && is_written(other))
        && differ.next().is_none()
}

/// `a-`, `${B}`, `-c`: what is written, and each variable, in turns. Of a `$` that begins no such variable nothing is known: it is one piece with
/// what follows.
fn pieces(name: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some((before, _)) = rest.split_once('$') {
        let (before, variable) = rest.split_at(before.len());
        let end = variable.find('}').filter(|_| variable.starts_with("${"));
        let end = end.map_or(variable.len(), |end| end + 1);
        let (variable, after) = variable.split_at(end);
        pieces.extend([before, variable]);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

/// Whether a mount whose name or path holds a variable may be what was at a path.
fn may_stand_at(path: &str, now: Option<&Value>, has: Option<&Map<String, Value>>) -> bool {
    if let Some(now) = now {
        return is_open(text(now, "from"));
    }
    let mut others = has.into_iter().flat_map(Map::keys);
    others.any(|other| other != path && is_open(other))
}

pub(super) fn text<'v>(how: &'v Value, key: &str) -> &'v str {
    how.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The folder of a volume that a mount has, and its parts; none is all of the volume.
fn folder(how: &Value) -> PathBuf {
    let parts = Path::new(text(how, SUBPATH)).components();
    let parts = parts.filter(|part| matches!(part, Component::Normal(_)));
    parts.collect()
}

/// The folders that two mounts of one volume have, where these are two.
fn another_folder<'v>(before: &'v Value, now: &'v Value) -> Option<(&'v str, &'v str)> {
    let (was, is) = (text(before, SUBPATH), text(now, SUBPATH));
    let are_known = !is_open(was) && !is_open(is) || are_apart(was, is);
    (are_known && folder(before) != folder(now)).then_some((was, is))
}

/// Whether what differs of a program names one of two folders, as `PGDATA` may: then it looks elsewhere in the volume now.
fn follows(was: &Value, is: &Value, (before, now): (&str, &str)) -> bool {
    let names = |side: &Value, folder: &str| {
        let last = Path::new(folder).file_name().and_then(OsStr::to_str);
        let words = ["environment", "command", "entrypoint"].into_iter();
        let mut written = words
            .filter_map(|word| side.get(word))
            .map(Value::to_string);
        let is_end = |it: char| !(it.is_alphanumeric() || "._-".contains(it));
        last.is_some_and(|last| written.any(|text| text.split(is_end).any(|word| word == last)))
    };
    let mut folders = [before, now].into_iter();
    folders.any(|folder| names(was, folder) != names(is, folder))
}

/// Whether what a mount has of its volume stands where another mount of that volume had it, which has more of it, or less.
fn stands_at((was, before): (&str, &Value), (now, how): (&str, &Value)) -> bool {
    let (had, has) = (folder(before), folder(how));
    let inner = has.strip_prefix(&had).ok();
    let outer = had.strip_prefix(&has).ok();
    inner.is_some_and(|inner| Path::new(was).join(inner) == Path::new(now))
        || outer.is_some_and(|outer| Path::new(now).join(outer) == Path::new(was))
}

/// The name in the swarm of a volume that has one; nothing is kept of one without.
pub(super) fn named(how: &Value) -> Option<&str> {
    let from = text(how, "from");
    let is_volume = how.get("type").is_none() && !from.is_empty() && !is_path(from);
    is_volume.then_some(from)
}

/// Whether two volumes are names for what is elsewhere, such as one share of a network. Options that say how large a volume is, or of which
/// kind, are those of any: it is found by its name.
fn is_one_device(before: &Value, now: &Value) -> bool {
    let of = |how: &Value| how.get("driver_opts").cloned();
    let names_it = of(before).is_some_and(|options| {
        let mut options = options.as_object().into_iter().flatten();
        options.any(|(key, option)| names_a_place(key, option.as_str().unwrap_or_default()))
    });
    names_it && of(before) == of(now) && text(before, "driver") == text(now, "driver")
}

/// Whether an option of a volume says where its data is: by a path, an address, or the name that a driver knows it by.
fn names_a_place(key: &str, option: &str) -> bool {
    let names = ["device", "share", "bucket", "volname", "volumeid"];
    let is_none = matches!(option, "" | "tmpfs" | "none");
    option.contains(['/', ':']) || names.contains(&key.to_lowercase().as_str()) && !is_none
}

/// Whether a volume is in memory, and empty once nobody mounts it (docs.docker.com/reference/cli/docker/volume/create, `--opt`).
fn is_in_memory(how: &Value) -> bool {
    let kind = how.pointer("/driver_opts/type").and_then(Value::as_str);
    matches!(text(how, "driver"), "" | "local") && kind == Some("tmpfs")
}

/// Whether a mount is a volume that each node makes for itself: what somebody else made, or what has a driver or options of its own, may have
/// its data anywhere.
pub(super) fn is_of_node(how: &Value) -> bool {
    named(how).is_some()
        && how.get("external").is_none()
        && how.get("driver_opts").is_none()
        && matches!(text(how, "driver"), "" | "local")
}

/// Docker makes no such folder (docs.docker.com/engine/storage/volumes, Mount a volume subdirectory): where it is there, somebody made it, and may
/// have filled it.
fn of_volume(service: &str, (path, volume): (&str, &str), (was, is): (&str, &str)) -> Loss {
    let shown = |folder: &str| match folder {
        "" => format!("all of volume `{volume}`"),
        folder => format!("folder `{folder}` of volume `{volume}`"),
    };
    let stays = match was {
        "" => "beside it".to_owned(),
        was => format!("in folder `{was}`"),
    };
    let unless = match is {
        "" => "the program looks there already".to_owned(),
        is => format!("`{is}` has it already: where that folder is not there no task starts"),
    };
    Loss {
        about: data(false),
        what: format!(
            "`{service}` finds {} at `{path}`, where it had {}: its data stays {stays}",
            shown(is),
            shown(was)
        ),
        way: format!(
            "leave `{SUBPATH}` as it is; or move the data first, with the service stopped, unless {unless}"
        ),
    }
}

/// One that is not of the node may hold the data already.
fn another(service: &str, path: &str, old: &str, (now, new): (&Value, &str)) -> Loss {
    let may_be_filled = !is_of_node(now);
    let unless = if may_be_filled {
        format!(", unless `{new}` has it already")
    } else {
        String::new()
    };
    Loss {
        about: data(!may_be_filled),
        what: format!(
            "`{service}` finds another volume at `{path}`, `{new}`: its data stays in `{old}`"
        ),
        way: format!(
            "mount `{old}` there as before, by its `name` in `volumes`; or copy the data first, with the service stopped{unless}"
        ),
    }
}

fn of_the_node(service: &str, path: &str, old: &str, source: &str) -> Loss {
    Loss {
        about: data(false),
        what: format!(
            "`{service}` finds `{source}` of its node at `{path}`: its data stays in `{old}`"
        ),
        way: format!(
            "mount `{old}` there as before; or copy the data first, with the service stopped, unless `{source}` has it already"
        ),
    }
}

/// Whether a service has a mount at a path.
fn is_mounted(service: &Value, (at, how): (&str, &Value)) -> bool {
    let mounts = service.get("volumes");
    mounts.and_then(|it| it.get(at)) == Some(how)
}

/// One that is mounted elsewhere, and holds the data now.
fn held(
    service: &str,
    (path, old): (&str, &str),
    (at, how): (&str, &Value),
    may_be_filled: bool,
) -> Loss {
    let new = text(how, "from");
    let unless = if may_be_filled {
        format!(", unless `{new}` has it already")
    } else {
        String::new()
    };
    let shown = match named(how) {
        Some(new) => format!("another one, `{new}`,"),
        None => format!("`{new}` of its node"),
    };
    Loss {
        about: data(!may_be_filled),
        what: format!(
            "`{service}` has no volume at `{path}` any more, and {shown} at `{at}`: its data stays in `{old}`"
        ),
        way: format!(
            "keep `{old}` at `{path}` with the image that reads it; or bring its data into `{new}` first, as the new image reads it and while \
             nobody writes to it{unless}"
        ),
    }
}

/// Whether the program of a service is the one that it was: then it looks where it looked.
pub(super) fn runs_the_same(was: &Value, is: &Value) -> bool {
    let words = [
        "image",
        "environment",
        "env_file",
        "command",
        "entrypoint",
        "configs",
        "secrets",
    ];
    words.iter().all(|word| was.get(word) == is.get(word))
}

fn moved(service: &str, volume: &str, (was, now): (&str, &str)) -> Loss {
    Loss {
        about: data(false),
        what: format!(
            "`{service}` has nothing at `{was}` any more, and `{volume}` at `{now}`: where its program looks as before, it finds no data"
        ),
        way: format!("keep it at `{was}`, unless the program looks at `{now}` already"),
    }
}

fn gone(service: &str, path: &str, old: &str) -> Loss {
    Loss {
        about: data(true),
        what: format!("`{service}` has no volume at `{path}` any more: its data stays in `{old}`"),
        way: format!(
            "mount `{old}` there as before: what it writes there now ends with its container"
        ),
    }
}

pub(super) fn data(surely: bool) -> Lost {
    Lost::Data { surely }
}
