//! Databases that come to run another version on the data of before, which that one does not read.

use super::{Change, Loss, Lost, Pair, images};
use crate::targets::{Content, Object};
use serde_json::Value;

/// A database by its images.
struct Engine {
    name: &'static str,
    /// The last words of its images' names.
    images: &'static [&'static str],
    /// Where its data is by default, in those images.
    folders: &'static [&'static str],
    /// How many numbers of a version tell one form of the data from another.
    numbers: usize,
    /// Whether a newer version takes the data in.
    takes_older: bool,
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
        numbers: 1,
        takes_older: false,
        says: "it ends with `database files are incompatible with server`",
        way: "move the data first, by a dump into a new volume or by `pg_upgrade` while the old one is stopped, and deploy the new image onto that",
    },
    // MySQL 8.4 Reference Manual, "Downgrading MySQL": to another series only by a logical dump.
    Engine {
        name: "MySQL",
        images: &["mysql", "mysql-server"],
        folders: &["/var/lib/mysql", "/bitnami/mysql"],
        numbers: 2,
        takes_older: true,
        says: "it ends, since a server reads no data of a newer series",
        way: "keep the newer one, or load a dump into a new volume with the older one",
    },
    // MariaDB documentation, "Downgrading between Major Versions of MariaDB": not supported.
    Engine {
        name: "MariaDB",
        images: &["mariadb"],
        folders: &["/var/lib/mysql", "/bitnami/mariadb"],
        numbers: 2,
        takes_older: true,
        says: "a server of an older series may not read the data of a newer one",
        way: "keep the newer one, or load a dump into a new volume with the older one",
    },
];

/// Tells of those whose instances are replaced and whose data stays where it is.
pub(super) fn judge(pair: &Pair<'_>, changes: &mut [Change]) {
    for change in changes.iter_mut().filter(|it| it.effect.replaces()) {
        let is_moved = |path: &str| path.contains("olume") && !path.ends_with("image");
        if change.fields.iter().any(|field| is_moved(&field.path)) {
            continue;
        }
        let Some((engine, was, is)) = another(change) else {
            continue;
        };
        let has_data = |side: &[Object]| {
            let is_its = |it: &&Object| {
                let stack = change.name.strip_suffix(it.name.as_str());
                stack.is_some_and(|stack| stack.is_empty() || stack.ends_with('_'))
            };
            let mut objects = side.iter().filter(is_its);
            objects.any(|it| engine.folders.iter().any(|folder| names(it, folder)))
        };
        if !has_data(pair.old) || !has_data(pair.new) {
            continue;
        }
        change.losses.push(Loss {
            about: Lost::Form,
            what: format!(
                "`{}` comes to run {} {is} on the data of {was}: {}",
                change.name, engine.name, engine.says
            ),
            way: engine.way.to_owned(),
        });
    }
}

/// The database of which a change starts another version than that of its data, and both.
fn another(change: &Change) -> Option<(&'static Engine, String, String)> {
    let images = change.fields.iter();
    let mut images = images.filter(|field| field.path.split('.').next_back() == Some("image"));
    images.find_map(|field| {
        let of = |side: Option<&Value>| version(side?.as_str()?);
        let ((engine, was), (other, is)) = (of(field.old.as_ref())?, of(field.new.as_ref())?);
        let differs = if engine.takes_older {
            is < was
        } else {
            is != was
        };
        (engine.name == other.name && differs).then(|| (engine, shown(&was), shown(&is)))
    })
}

/// The database that an image holds, and the numbers of its version that count: `postgres:16.4-alpine`, `pgvector:pg16`.
fn version(image: &str) -> Option<(&'static Engine, Vec<u32>)> {
    let (name, (_, tag)) = (images::name(image), images::parts(image));
    let engine = ENGINES.iter().find(|it| it.images.contains(&name))?;
    let numbers = tag.trim_start_matches("pg").split(['.', '-']);
    let numbers = numbers.map_while(|it| it.parse().ok());
    let numbers: Vec<u32> = numbers.take(engine.numbers).collect();
    (numbers.len() == engine.numbers).then_some((engine, numbers))
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
        for unknown in [
            "postgres",
            "postgres:latest",
            "mysql:8",
            "acme/db:1",
            "postgres:${TAG}",
        ] {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }
}
