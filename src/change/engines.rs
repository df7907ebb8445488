//! Databases that come to run another version on the data of before: which that one does not read, or which that of before does not
//! read afterwards.

use super::difference::value;
use super::homes::{Told, VARIABLE};
use super::kubernetes::lasting;
use super::{Change, Field, Loss, Lost, Pair, images, short};
use crate::targets::{Content, Object};
use serde_json::Value;
use std::path::Path;

/// A database by its images.
struct Engine {
    name: &'static str,
    /// The last words of its images' names.
    images: &'static [&'static str],
    /// Where its data is by default, in those images.
    folders: &'static [&'static str],
    /// Whether a variable may say another folder (`homes`).
    variable: bool,
    /// How many numbers of a version tell one form of the data from another.
    numbers: usize,
    /// Whether a newer version takes the data in.
    takes_older: bool,
    /// The versions that cannot be skipped on the way to a newer one.
    steps: &'static [[u32; 2]],
    /// What its server says or does.
    says: &'static str,
    way: &'static str,
}

const ENGINES: [Engine; 3] = [
    // PostgreSQL `src/backend/utils/init/miscinit.c`, `ValidatePgVersion`; documentation, "Upgrading a PostgreSQL Cluster".
    Engine {
        name: "PostgreSQL",
        images: &["postgres", "postgresql", "postgis", "pgvector"],
        folders: &["/var/lib/postgresql", "/bitnami/postgresql"],
        variable: true,
        numbers: 1,
        takes_older: false,
        steps: &[],
        says: "it ends with `database files are incompatible with server`",
        way: "move the data first, by a dump into a new volume or by `pg_upgrade` while the old one is stopped, and deploy the new image onto that",
    },
    // MySQL 8.4 Reference Manual, "Downgrading MySQL": to another series only by a logical dump; "Upgrade Paths": "A bugfix or LTS series
    // cannot be skipped".
    Engine {
        name: "MySQL",
        images: &["mysql", "mysql-server"],
        folders: &["/var/lib/mysql", "/bitnami/mysql"],
        variable: false,
        numbers: 2,
        takes_older: true,
        steps: &[[5, 6], [5, 7], [8, 0], [8, 4]],
        says: "it ends, since a server reads no data of a newer series",
        way: "keep the newer one, or load a dump into a new volume with the older one",
    },
    // MariaDB documentation, "Downgrading between Major Versions of MariaDB": not supported.
    Engine {
        name: "MariaDB",
        images: &["mariadb"],
        folders: &["/var/lib/mysql", "/bitnami/mariadb"],
        variable: false,
        numbers: 2,
        takes_older: true,
        steps: &[],
        says: "a server of an older series may not read the data of a newer one",
        way: "keep the newer one, or load a dump into a new volume with the older one",
    },
];

/// Tells of those whose instances are replaced and whose data stays where it is.
pub(super) fn judge(pair: &Pair<'_>, changes: &mut [Change]) {
    for change in changes.iter_mut().filter(|it| it.effect.replaces()) {
        let is_its = |it: &&Object| {
            let stack = change.name.strip_suffix(it.name.as_str());
            stack.is_some_and(|stack| stack.is_empty() || stack.ends_with('_'))
        };
        let exchanged = exchanged(change).filter(|_| !has_other_data(change));
        if let Some((old, new)) = exchanged {
            let keeps = has_data(old.0, pair.old, is_its) && has_data(new.0, pair.new, is_its);
            let loss = keeps.then(|| of_another(&change.name, &old, &new));
            change.losses.extend(loss);
        }
        let Some((engine, was, is)) = another(change) else {
            continue;
        };
        let [before, now] = [pair.old, pair.new].map(|side| has_data(engine, side, is_its));
        if has_other_data(change) {
            let is_copied =
                |it: &&mut Loss| matches!(it.about, Lost::Data { .. }) && it.way.contains("copy");
            let unread = no_copy(engine, &was, &is);
            for loss in change.losses.iter_mut().filter(is_copied) {
                loss.way.push_str(unread.as_deref().unwrap_or_default());
            }
        } else if before && now {
            change.losses.push(loss(&change.name, engine, &was, &is));
        }
    }
}

/// Whether one of some objects has the data of a database where that outlives its instance.
fn has_data(engine: &Engine, side: &[Object], is_its: impl Fn(&&Object) -> bool) -> bool {
    let mut objects = side.iter().filter(is_its);
    objects.any(|it| {
        // Of what ends with its instance the next one finds none.
        let has_in = |folder: &&str| names(it, folder) && lasting::keeps(it, folder) != Some(false);
        let is_told = || {
            let whole = value(&it.content);
            let folder = engine.variable.then(|| told_in(&whole))??;
            let keeps = lasting::keeps(it, &folder);
            Some(keeps.unwrap_or_else(|| is_mounted(&whole, &folder)))
        };
        engine.folders.iter().any(has_in) || is_told() == Some(true)
    })
}

/// The folder that the variable of a database says anywhere in an object: as a container, a service or a list of variables has it.
fn told_in(value: &Value) -> Option<String> {
    let path = |said: &str| match Told::of(said) {
        Told::Path(path) => Some(path),
        _ => None,
    };
    match value {
        Value::Array(items) => items.iter().find_map(told_in),
        Value::Object(fields) => {
            let is_it = fields.get("name").and_then(Value::as_str) == Some(VARIABLE);
            let said = fields.get("value").filter(|_| is_it);
            let said = said.or_else(|| fields.get(VARIABLE));
            let said = said.and_then(Value::as_str).and_then(path);
            said.or_else(|| fields.values().find_map(told_in))
        }
        Value::String(text) => path(text.strip_prefix(VARIABLE)?.strip_prefix('=')?),
        _ => None,
    }
}

/// Whether a service has something mounted at a folder or above it.
fn is_mounted(service: &Value, folder: &str) -> bool {
    let volumes = service.get("volumes").and_then(Value::as_array);
    let mut paths = volumes.into_iter().flatten().filter_map(|it| match it {
        Value::String(text) => short::parts(text, ':').get(1).copied(),
        long => long.get("target").and_then(Value::as_str),
    });
    paths.any(|path| Path::new(folder).starts_with(path))
}

/// Whether its volumes are others: the same one at another path has the same data.
fn has_other_data(change: &Change) -> bool {
    let last = |field: &&Field| field.path.rsplit('.').next().unwrap_or_default().to_owned();
    let fields = change.fields.iter();
    let of_volumes = fields.filter(|it| it.path.contains("olume") && last(it) != "image");
    let of_volumes: Vec<&Field> = of_volumes.collect();
    let of = |side: fn(&Field) -> Option<&Value>| {
        let named = of_volumes.iter();
        let named = named.filter(|it| matches!(&*last(it), "from" | "volumes"));
        let values = named.filter_map(|it| side(it));
        let mut sources: Vec<String> = values.flat_map(sources).collect();
        sources.sort();
        sources
    };
    let is_path = |it: &&Field| matches!(&*last(it), "from" | "mode" | "mountPath" | "volumes");
    !of_volumes.iter().all(is_path) || of(|it| it.old.as_ref()) != of(|it| it.new.as_ref())
}

/// The volumes and folders that a value of a mount, or of a list of them, names: `pg`, `pg:/var/lib/postgresql/data`.
fn sources(value: &Value) -> Vec<String> {
    let source = |it: &Value| {
        let short = it.as_str().and_then(|it| it.split(':').next());
        let source = short.or_else(|| it.get("source")?.as_str());
        source.map(ToOwned::to_owned)
    };
    match value {
        Value::Array(items) => items.iter().filter_map(source).collect(),
        one => source(one).into_iter().collect(),
    }
}

/// What to add where the data of one image is to be copied for another one, which reads none of its files.
pub(super) fn unread(was: &str, is: &str) -> Option<String> {
    let (engine, was, is) = versions(was, is)?;
    no_copy(engine, &was, &is)
}

fn no_copy(engine: &Engine, was: &[u32], is: &[u32]) -> Option<String> {
    let (database, old, new) = (engine.name, shown(was), shown(is));
    let is_read = loss("", engine, was, is).about != Lost::Form;
    (!is_read).then(|| format!("; copy it by a dump: {database} {new} reads no files of {old}"))
}

/// What a database on the data of another version of it comes to.
fn loss(name: &str, engine: &Engine, was: &[u32], is: &[u32]) -> Loss {
    let (database, old, new) = (engine.name, shown(was), shown(is));
    // Of `mysql:5` it may be any.
    let mut steps = engine.steps.iter().filter(|_| was.len() > 1);
    let skipped = steps.find(|step| was < step.as_slice() && step.as_slice() < is);
    if let Some(step) = skipped {
        let step = shown(step);
        return Loss {
            about: Lost::Form,
            what: format!(
                "`{name}` comes to run {database} {new} on the data of {old}: it ends, since none reads that before {step} took it in"
            ),
            way: format!(
                "run {step} on it first, and {new} once that serves; or load a dump into a new volume"
            ),
        };
    }
    if engine.takes_older && was < is {
        return taken_in(name, &format!("{database} {new}"), &old);
    }
    Loss {
        about: Lost::Form,
        what: format!(
            "`{name}` comes to run {database} {new} on the data of {old}: {}",
            engine.says
        ),
        way: engine.way.to_owned(),
    }
}

/// A database and the numbers of its version.
type Version = (&'static Engine, Vec<u32>);

/// The two databases of which a change puts one in the other's place, on data at a path that both have.
fn exchanged(change: &Change) -> Option<(Version, Version)> {
    replaced(change).find_map(|(was, is)| {
        let (was, is) = (version(was)?, version(is)?);
        let mut folders = was.0.folders.iter();
        let is_other = was.0.name != is.0.name;
        (is_other && folders.any(|it| is.0.folders.contains(it))).then_some((was, is))
    })
}

/// Of `MySQL` `MariaDB` takes in what is older than 8.0, and `MySQL` takes in none of `MariaDB`'s (`MariaDB` documentation, "Upgrading from `MySQL` to
/// `MariaDB`", "Incompatibilities and feature differences").
fn of_another(name: &str, (old, was): &Version, (new, is): &Version) -> Loss {
    let (before, after) = (shown(was), shown(is));
    let (old, new) = (old.name, new.name);
    if new == "MariaDB" && was.as_slice() < [8].as_slice() {
        return taken_in(name, &format!("{new} {after}"), &format!("{old} {before}"));
    }
    Loss {
        about: Lost::Form,
        what: format!(
            "`{name}` comes to run {new} {after} on the data of {old} {before}: it ends, since it reads none of it"
        ),
        way: "load a dump of the old one into a new volume".to_owned(),
    }
}

/// Data that is of no use to what was there before, once a newer database has it.
fn taken_in(name: &str, database: &str, data: &str) -> Loss {
    Loss {
        about: Lost::WayBack,
        what: format!(
            "there is no way back after this step: `{name}` runs {database} then, which brings the data of {data} to its own form"
        ),
        way: "have a copy of the data that you can put back: a dump, or the volume copied while it is stopped".to_owned(),
    }
}

/// The database of which a change starts another version than that of its data, and both.
fn another(change: &Change) -> Option<(&'static Engine, Vec<u32>, Vec<u32>)> {
    replaced(change).find_map(|(was, is)| versions(was, is))
}

/// The images of a change that come in another one's place, each with that first.
fn replaced(change: &Change) -> impl Iterator<Item = (&str, &str)> {
    let fields = change.fields.iter();
    let images = fields.filter(|field| field.path.split('.').next_back() == Some("image"));
    images.filter_map(|field| {
        let (was, is) = (field.old.as_ref()?, field.new.as_ref()?);
        was.as_str().zip(is.as_str())
    })
}

/// The database that two images hold in two versions, and both.
fn versions(was: &str, is: &str) -> Option<(&'static Engine, Vec<u32>, Vec<u32>)> {
    let ((engine, was), (other, is)) = (version(was)?, version(is)?);
    // Of what one tag leaves open nothing is known.
    let differs = was.iter().zip(&is).any(|(was, is)| was != is);
    (engine.name == other.name && differs).then_some((engine, was, is))
}

/// The database that an image holds, and the numbers of its version that count: `postgres:16.4-alpine`, `pgvector:pg16`.
fn version(image: &str) -> Option<Version> {
    let (name, (_, tag)) = (images::name(image), images::parts(image));
    let engine = ENGINES.iter().find(|it| it.images.contains(&name))?;
    let numbers = tag.trim_start_matches("pg").split(['.', '-']);
    let numbers = numbers.map_while(|it| it.parse().ok());
    let numbers: Vec<u32> = numbers.take(engine.numbers).collect();
    (!numbers.is_empty()).then_some((engine, numbers))
}

fn shown(numbers: &[u32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    numbers.join(".")
}

fn names(object: &Object, folder: &str) -> bool {
    match &object.content {
        Content::Text(text) => text.contains(folder),
        Content::Value(value) => value.to_string().contains(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_of_tags() {
        let of = |image: &str| version(image).map(|(engine, it)| (engine.name, shown(&it)));
        let postgres = |version: &str| Some(("PostgreSQL", version.to_owned()));
        assert_eq!(of("postgres:16.4-alpine"), postgres("16"));
        assert_eq!(of("registry:5000/db/postgres:16"), postgres("16"));
        assert_eq!(of("pgvector/pgvector:pg17"), postgres("17"));
        assert_eq!(of("postgis/postgis:16-3.4@sha256:00"), postgres("16"));
        assert_eq!(of("mysql:8.0.40"), Some(("MySQL", "8.0".to_owned())));
        assert_eq!(of("mysql:8"), Some(("MySQL", "8".to_owned())));
        for unknown in [
            "postgres",
            "postgres:latest",
            "acme/db:1",
            "postgres:${TAG}",
        ] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }
}
