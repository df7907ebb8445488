//! Data that a workload finds no more in what it goes on to mount: at its path another folder of a claim is mounted (`subPath`, which is
//! made where it is not there: `kubernetes.io/docs/concepts/storage/volumes`, Using subPath), or the claim is mounted at another path; or another
//! volume is there, or none.

use super::parts::{self, items, text};
use super::settings::{self, Settings};
use super::stored::{Kept, Mount, found, mounts};
use super::{Key, Keyed, is_workload};
use crate::change::difference::{at, value};
use crate::change::{Change, Loss, Lost};
use serde_json::Value;

/// Says it of each whose pods are replaced.
pub(super) fn lost((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let may = |it: &&mut Change| {
        let mut fields = it.fields.iter();
        let moves = fields.any(|it| {
            it.path.contains(".volumeMounts") || it.path.starts_with("spec.template.spec.volumes")
        });
        is_workload(&it.kind) && it.effect.replaces() && moves
    };
    for change in changes.iter_mut().filter(may) {
        let key = (
            "apps",
            &*change.kind,
            &*change.name,
            change.namespace.as_deref(),
        );
        let both = old.get(&key).zip(new.get(&key));
        let Some((was, is)) = both.map(|(was, is)| (value(&was.content), value(&is.content)))
        else {
            continue;
        };
        let who = format!("{} `{}`", change.kind, change.name);
        let namespace = change.namespace.as_deref();
        let is_made_empty = |name: &str| made_empty((old, new), name, namespace) == Some(true);
        let told_of = |of: (&Value, &Value)| settings::of(of, new, namespace);
        let told = told(&who, &change.kind, (&was, &is), (is_made_empty, told_of));
        change.losses.extend(told.unwrap_or_default());
    }
}

/// Whether a claim that is written is made in this step, with nothing in it: who makes one with data says from what, or on which volume.
pub(super) fn made_empty(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    name: &str,
    namespace: Option<&str>,
) -> Option<bool> {
    let key: Key<'_> = ("", "PersistentVolumeClaim", name, namespace);
    let spec = at(&new.get(&key)?.content, &["spec"])?;
    let mut filled = ["dataSource", "dataSourceRef", "volumeName"].into_iter();
    Some(!old.contains_key(&key) && filled.all(|it| spec.get(it).is_none()))
}

fn told(
    who: &str,
    kind: &str,
    (was, is): (&Value, &Value),
    (is_made_empty, told_of): (impl Fn(&str) -> bool, impl Fn((&Value, &Value)) -> Settings),
) -> Option<Vec<Loss>> {
    let (before, now) = (parts::pod_in(kind, was)?, parts::pod_in(kind, is)?);
    let mut told = Vec::new();
    for container in items(before, "containers") {
        let mut all = items(now, "containers");
        let Some(same) = all.find(|it| text(it, "name") == text(container, "name")) else {
            continue;
        };
        let is_image_kept = text(container, "image") == text(same, "image");
        let had = mounts(was, before, container);
        let has = mounts(is, now, same);
        let (Some(had), Some(has)) = (had, has) else {
            continue;
        };
        let settings = told_of((now, same));
        for mount in had.iter().filter(|it| it.is_kept()) {
            let is_moved = is_moved(is, now, mount.of);
            if is_told((container, same), mount) {
                continue;
            }
            let of = mount.of;
            let is_of_use = is_of_use(mount);
            let is_kept = |path: &str| {
                let both = found(&had, path).zip(found(&has, path));
                both.is_some_and(|((was, before), (is, now))| was.of == is.of && before == now)
            };
            // What a flag names may be a file that stands there by itself.
            let is_other =
                |path: &str| found(&has, path).is_some_and(|(it, _)| it.of == Kept::Nowhere);
            let flags = flags(same).into_iter().filter(|(_, path)| !is_other(path));
            let of_maps = settings
                .variables
                .iter()
                .map(|(name, value)| (&**name, &**value));
            let says = variables(same).chain(of_maps).chain(flags);
            let named: Vec<(&str, &str)> = says.filter(|it| is_within(it.1, mount.path)).collect();
            let are_kept = !named.is_empty() && named.iter().all(|(_, path)| is_kept(path));
            // A home is where a program may have more than its data, a folder of it.
            let has_some_below = || has.iter().any(|it| it.of == of && is_kept(it.path));
            let is_missed = named.iter().any(|(variable, path)| {
                let is_home = *variable == "HOME";
                let is_there = is_kept(path) || is_home && has_some_below();
                !is_there
            });
            let may_look_at = |path: &str| {
                let of_maps = settings.variables.iter().map(|(_, value)| value);
                let mut all = texts(same).chain(of_maps.chain(&settings.texts).map(String::as_str));
                settings.are_elsewhere || all.any(|it| names(it, path, mount.path))
            };
            let one = match found(&has, mount.path) {
                Some((it, folder)) if it.of == of && folder == mount.folder => continue,
                Some((it, folder)) if it.of == of && it.path == mount.path => {
                    let is_known = had.iter().any(|it| it.of == of && it.folder == folder);
                    let surely = is_image_kept && !is_moved && !is_known;
                    other_folder(who, mount, &folder, surely)
                }
                // What was there is at hand, and may be copied.
                _ if is_moved => continue,
                Some((it, _)) if it.of != of => {
                    let is_empty = it.is_empty || it.of.claim().is_some_and(&is_made_empty);
                    let is_gone = is_empty && !is_mounted(is, now, of);
                    other_volume(who, mount, it, is_gone && is_of_use)
                }
                None if !is_mounted(is, now, of) => {
                    no_volume(who, mount, is_image_kept && is_of_use)
                }
                // Another image may have its data elsewhere, and so may what is told to.
                _ if !is_image_kept || are_kept => continue,
                Some((_, folder)) if is_missed => other_folder(who, mount, &folder, true),
                Some((it, _)) if may_look_at(it.path) => continue,
                Some((_, folder)) => other_folder(who, mount, &folder, false),
                None => match has.iter().find(|it| it.of == of) {
                    Some(it) if is_missed => other_path(who, mount, it.path, true),
                    Some(it) if !may_look_at(it.path) => other_path(who, mount, it.path, false),
                    _ => continue,
                },
            };
            // Of two containers the other one may have it there, too.
            if !told.contains(&one) {
                told.push(one);
            }
        }
        let covered = has.iter().filter_map(|it| covered(who, it, (&had, &has)));
        for one in covered {
            if !told.contains(&one) {
                told.push(one);
            }
        }
    }
    Some(told)
}

/// What is hidden by a mount that comes to stand below another one, which stays: nobody knows what was there.
fn covered(who: &str, mount: &Mount<'_>, (had, has): (&[Mount<'_>], &[Mount<'_>])) -> Option<Loss> {
    let is_known = had.iter().any(|it| it.path == mount.path);
    let (above, hidden) = found(had, mount.path)?;
    let mut all = has.iter();
    let stays = all.any(|it| (it.path, it.of, it.folder) == (above.path, above.of, above.folder));
    // A file, such as a setting, is put there to be found.
    let is_folder = mount.is_empty || mount.of != Kept::Nowhere;
    if is_known || !stays || !is_folder || !above.is_kept() || is_scratch(mount.path) {
        return None;
    }
    // It is that folder itself.
    if mount.of == above.of && mount.folder == hidden {
        return None;
    }
    let (path, of, hidden) = (mount.path, above.of, folder(&hidden));
    let (finds, unless) = match mount.of {
        Kept::Nowhere => (
            "an empty folder".to_owned(),
            "unless nothing of use is there: what it writes there now ends with its pod".to_owned(),
        ),
        other => (other.to_string(), format!("unless {other} has it already")),
    };
    Some(Loss {
        about: Lost::Data { surely: false },
        what: format!(
            "{who} finds {finds} at `{path}`: what is there now stays in {hidden} of {of}, where nobody sees it"
        ),
        way: format!(
            "leave `{path}` as it is; or copy what is there first, with its pods stopped, {unless}"
        ),
    })
}

/// Whether what goes before the containers of a pod has what is kept, and may move what is in it.
pub(super) fn is_moved(whole: &Value, pod: &Value, kept: Kept<'_>) -> bool {
    let mut starting = items(pod, "initContainers");
    starting.any(|it| {
        let all = mounts(whole, pod, it).unwrap_or_default();
        all.iter().any(|it| it.of == kept)
    })
}

/// Whether one of two containers is told of a place, and the other is not.
fn is_told((container, same): (&Value, &Value), mount: &Mount<'_>) -> bool {
    [mount.path, mount.folder].into_iter().any(|word| {
        let all = [(container, same), (same, container)];
        let says = |(one, other)| {
            texts(one).any(|it| it.contains(word) && !texts(other).any(|text| text == it))
        };
        !word.is_empty() && all.into_iter().any(says)
    })
}

fn is_of_use(mount: &Mount<'_>) -> bool {
    !is_scratch(mount.path) && !mount.of.claim().is_some_and(is_scratch)
}

/// A container in its pod, which stands in an object.
pub(super) type Within<'v> = (&'v Value, &'v Value, &'v Value);

/// A path at which a container has nothing that is kept, and another one a claim.
pub(super) struct Emptied<'v> {
    pub(super) claim: &'v str,
    pub(super) path: &'v str,
    /// Whether an `emptyDir` is there.
    pub(super) has_folder: bool,
    /// Whether it surely looks for its data there.
    pub(super) surely: bool,
}

/// The first such path of a container that takes the place of another one, in a pod that has the claim nowhere.
pub(super) fn emptied<'v>(was: Within<'v>, is: Within<'v>) -> Option<Emptied<'v>> {
    let ((whole, before, container), (new, now, same)) = (was, is);
    let (had, has) = (mounts(whole, before, container)?, mounts(new, now, same)?);
    let is_image_kept = text(container, "image") == text(same, "image");
    had.into_iter().filter(Mount::is_kept).find_map(|mount| {
        let claim = mount.of.claim()?;
        let has_folder = match found(&has, mount.path) {
            Some((it, _)) if it.is_empty => true,
            Some(_) => return None,
            None => false,
        };
        let is_there = is_mounted(new, now, mount.of) || is_moved(new, now, mount.of);
        (!is_there && !is_told((container, same), &mount)).then(|| Emptied {
            claim,
            path: mount.path,
            has_folder,
            surely: (has_folder || is_image_kept) && is_of_use(&mount),
        })
    })
}

/// Whether a name says that what is there can be made again: `/var/cache/nginx`, `web-tmp`.
fn is_scratch(name: &str) -> bool {
    let mut words = name.split(['/', '-', '_', '.']);
    words.any(|it| ["cache", "caches", "tmp", "temp", "scratch"].contains(&it))
}

/// Whether a pod has what is kept anywhere.
fn is_mounted(whole: &Value, pod: &Value, kept: Kept<'_>) -> bool {
    let mut containers = items(pod, "containers");
    containers.any(|it| {
        // A folder of its own for each pod may be one of it.
        mounts(whole, pod, it).is_none_or(|all| all.iter().any(|it| it.of == kept))
    })
}

fn variables(container: &Value) -> impl Iterator<Item = (&str, &str)> {
    let variables = items(container, "env");
    variables.filter_map(|it| Some((text(it, "name")?, text(it, "value")?)))
}

/// The paths that a program is told by flags, each with its flag: `--storage.tsdb.path=/prometheus`, `-D /data`.
fn flags(container: &Value) -> Vec<(&str, &str)> {
    let words = ["command", "args"].into_iter();
    let words = words.flat_map(|key| items(container, key));
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    let is_flag = |it: &&str| it.starts_with('-');
    let apart = words.iter().zip(words.iter().skip(1));
    let apart = apart.filter(|(flag, path)| is_flag(flag) && path.starts_with('/'));
    let joined = words.iter().copied().filter(is_flag);
    let joined = joined.filter_map(|it| it.split_once('='));
    joined
        .chain(apart.map(|(flag, path)| (*flag, *path)))
        .collect()
}

/// Whether what a program is told says that it looks at a path, or below it. A text that changed and names it was asked for before.
fn is_within(told: &str, path: &str) -> bool {
    let below = told.strip_prefix(path).filter(|_| !path.is_empty());
    below.is_some_and(|below| {
        let is_path = !below.contains([':', ',', ' ', ';']);
        below.is_empty() || below.starts_with('/') && is_path
    })
}

/// Whether a path, or one below it, stands in a text. One that is that of before, or below it, is not told of another one above: `PGDATA`.
fn names(text: &str, path: &str, before: &str) -> bool {
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let is_at = |text: &str, path: &str| {
        let after = text.strip_prefix(path);
        after.is_some_and(|it| !it.starts_with(goes_on))
    };
    text.match_indices(path).any(|(start, _)| {
        let (lead, here) = text.split_at(start);
        let is_start = !lead.ends_with(|c| goes_on(c) || c == '/');
        is_start && is_at(here, path) && (path == before || !is_at(here, before))
    })
}

/// What a container is told.
fn texts(container: &Value) -> impl Iterator<Item = &str> {
    let values = items(container, "env").filter_map(|it| text(it, "value"));
    let words = ["command", "args"].into_iter();
    let words = words.flat_map(|key| items(container, key));
    values.chain(words.filter_map(Value::as_str))
}

fn folder(name: &str) -> String {
    match name {
        "" => "the top folder".to_owned(),
        name => format!("folder `{name}`"),
    }
}

fn other_folder(who: &str, was: &Mount<'_>, now: &str, surely: bool) -> Loss {
    let Mount { of, path, .. } = was;
    let (was, now) = (folder(was.folder), folder(now));
    Loss {
        about: Lost::Data { surely },
        what: format!("{who} finds {now} of {of} at `{path}`: its data stays in {was}"),
        way: "mount that one there as before; or move the data there first, with its pods stopped"
            .to_owned(),
    }
}

fn other_volume(who: &str, was: &Mount<'_>, now: &Mount<'_>, surely: bool) -> Loss {
    let Mount { of, path, .. } = was;
    let other = now.of;
    let (finds, way) = match other {
        Kept::Nowhere if now.is_empty => (
            "an empty folder".to_owned(),
            "what it writes there now ends with its pod".to_owned(),
        ),
        Kept::Nowhere => (
            "another volume".to_owned(),
            "unless that one has its data already".to_owned(),
        ),
        _ if surely => (
            other.to_string(),
            format!("{other} is made in this step, and nobody filled it"),
        ),
        _ => (
            other.to_string(),
            format!("unless {other} has its data already"),
        ),
    };
    let lead = if way.starts_with("unless") { "," } else { ":" };
    Loss {
        about: Lost::Data { surely },
        what: format!("{who} finds {finds} at `{path}`: its data stays in {of}"),
        way: format!("mount {of} there as before{lead} {way}"),
    }
}

fn no_volume(who: &str, was: &Mount<'_>, surely: bool) -> Loss {
    let Mount { of, path, .. } = was;
    Loss {
        about: Lost::Data { surely },
        what: format!("{who} has no volume at `{path}` any more: its data stays in {of}"),
        way: format!("mount {of} there as before: what it writes there now ends with its pod"),
    }
}

fn other_path(who: &str, was: &Mount<'_>, now: &str, surely: bool) -> Loss {
    let Mount { of, path, .. } = was;
    Loss {
        about: Lost::Data { surely },
        what: format!(
            "{who} has {of} at `{now}` now: what looks for its data at `{path}` as before finds none"
        ),
        way: format!(
            "mount it at `{path}` as before, unless the program looks at `{now}`: what it writes at `{path}` now ends with its pod"
        ),
    }
}
