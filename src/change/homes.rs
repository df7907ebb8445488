//! Where databases have their data that are told it by a variable, and what is said where they are told of another folder of what they mount.

use super::{Loss, Lost, images};
use crate::targets::Content;
use std::path::Path;

/// What says where `PostgreSQL` has its data, of its image and of those made of it (`hub.docker.com/_/postgres`, PGDATA).
pub(super) const VARIABLE: &str = "PGDATA";

/// Where it has it where nothing is said, up to version 17.
const FOLDER: &str = "/var/lib/postgresql/data";

/// What the names of its images hold, and of those made of it.
const IMAGES: [&str; 4] = ["postgres", "postgis", "pgvector", "timescale"];

/// What a container is told by a variable.
#[derive(Clone, PartialEq)]
pub(super) enum Told {
    Nothing,
    Path(String),
    /// Something that is not known here.
    Something,
}

impl Told {
    /// What a value tells; with another variable in it nobody knows.
    pub(super) fn of(value: &str) -> Self {
        match value.trim_end_matches('/') {
            path if path.starts_with('/') && !path.contains('$') => Self::Path(path.to_owned()),
            _ => Self::Something,
        }
    }
}

/// Whether one of those may be in an object, which is read no further otherwise.
pub(super) fn may_be_in(object: &Content) -> bool {
    match object {
        Content::Text(text) => IMAGES.iter().any(|it| text.contains(it)),
        Content::Value(_) => true,
    }
}

/// The folder in which the database of an image has its data, where that is known.
pub(super) fn of(image: &str, told: &Told) -> Option<String> {
    let name = images::name(image);
    let mut known = IMAGES.iter();
    match told {
        Told::Path(path) => known.any(|it| name.contains(*it)).then(|| path.clone()),
        Told::Nothing => by_itself(name, images::parts(image).1),
        Told::Something => None,
    }
}

/// Where it is of an image that is told nothing (docker-library/postgres `Dockerfile-debian.template`: by the version from 18 on).
fn by_itself(name: &str, tag: &str) -> Option<String> {
    match version(name, tag)? {
        number @ 18.. => Some(format!("/var/lib/postgresql/{number}/docker")),
        _ => Some(FOLDER.to_owned()),
    }
}

/// The version of `PostgreSQL` in an image: `pgvector` has its own first, `0.8.1-pg18`.
fn version(name: &str, tag: &str) -> Option<u32> {
    let number = match name {
        "postgres" | "postgis" => tag.split(['.', '-']).next(),
        "pgvector" => tag.split('-').find_map(|it| it.strip_prefix("pg")),
        _ => None,
    };
    number?.parse().ok()
}

/// Whether a folder is in a volume that each container has of its own, below one that is mounted: up to version 17 the image has one
/// (docker-library/postgres `Dockerfile-debian.template`, `VOLUME`).
pub(super) fn is_in_its_own(image: &str, folder: &str, mounted: &str) -> bool {
    let is_newer = version(images::name(image), images::parts(image).1).is_some_and(|it| it >= 18);
    let is_within = |path: &str| Path::new(path).starts_with(FOLDER);
    !is_newer && is_within(folder) && !is_within(mounted)
}

/// What a container is told to do, one word after the other, that says where the data is besides.
pub(super) fn names_data<'w>(mut words: impl Iterator<Item = &'w str>) -> bool {
    words.any(|word| word.starts_with("-D") || word.contains("data_directory"))
}

/// A folder that is another one now, in a volume that is where it was.
pub(super) struct Moved<'m> {
    pub(super) who: &'m str,
    /// What is mounted, in words.
    pub(super) of: &'m str,
    /// The folder before and now, in words.
    pub(super) folders: [String; 2],
    pub(super) told: [&'m Told; 2],
    pub(super) images: [&'m str; 2],
    /// Who is stopped before data is moved.
    pub(super) stopped: &'m str,
}

impl Moved<'_> {
    pub(super) fn loss(self) -> Loss {
        let [was, now] = self.folders;
        let since = match self.told {
            [_, Told::Nothing] => format!("since `{VARIABLE}` is set no more"),
            [_, Told::Path(path)] => format!("since `{VARIABLE}` is `{path}` now"),
            [_, Told::Something] => format!("since `{VARIABLE}` is another one now"),
        };
        let keep = match self.told {
            [Told::Path(path), _] => format!("keep `{VARIABLE}` at `{path}`"),
            _ => format!("leave `{VARIABLE}` out as before"),
        };
        // Of another version somebody may have put it there, as with `pg_upgrade`.
        let [before, after] = self.images;
        let surely = before == after;
        let unless = if surely {
            String::new()
        } else {
            format!(", unless it is in {now} already")
        };
        let (who, of) = (self.who, self.of);
        Loss {
            about: Lost::Data { surely },
            what: format!("{who} looks for its data in {now} of {of}, {since}: it stays in {was}"),
            way: format!(
                "{keep}; or move the data there first, with {} stopped{unless}",
                self.stopped
            ),
        }
    }
}

/// A folder of a volume in words; the top one has no name.
pub(super) fn shown(name: &str) -> String {
    match name {
        "" => "the top folder".to_owned(),
        name => format!("folder `{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_that_of_the_variable_or_of_the_image() {
        let of = |image: &str, told: &Told| super::of(image, told).unwrap_or_default();
        assert_eq!(
            of("postgres:16", &Told::Nothing),
            "/var/lib/postgresql/data"
        );
        assert_eq!(
            of("postgres:18.1-alpine", &Told::Nothing),
            "/var/lib/postgresql/18/docker"
        );
        for tag in ["pg18", "0.8.1-pg18", "0.8.1-pg18-trixie"] {
            let image = format!("pgvector/pgvector:{tag}");
            assert_eq!(of(&image, &Told::Nothing), "/var/lib/postgresql/18/docker");
        }
        assert_eq!(of("postgres:16", &Told::of("/pgdata/")), "/pgdata");
        for unknown in [
            "postgres",
            "postgres:latest",
            "bitnami/postgresql:16",
            "redis:7",
            "pgvector/pgvector:0.8.1",
        ] {
            assert_eq!(of(unknown, &Told::Nothing), "", "{unknown}");
        }
        assert_eq!(of("postgres:16", &Told::of("$(HOME)/data")), "");
        assert_eq!(of("redis:7", &Told::of("/data")), "");
    }

    #[test]
    fn the_volume_of_the_image_is_below_what_is_mounted_above_it() {
        let above = "/var/lib/postgresql";
        assert!(is_in_its_own("postgres:16", FOLDER, above));
        assert!(!is_in_its_own("postgres:18", FOLDER, above));
        assert!(!is_in_its_own("postgres:16", FOLDER, FOLDER));
        let folder = "/var/lib/postgresql/data/pgdata";
        assert!(!is_in_its_own("postgres:16", folder, folder));
        assert!(!is_in_its_own(
            "postgres:16",
            "/var/lib/postgresql/pgdata",
            above
        ));
    }
}
