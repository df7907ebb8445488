//! Data that stays in a folder of the node which a service of a stack mounts no more, or not where it did. Between two programs `contract` says
//! it.

use super::data::{data, is_of_node, is_open, named, runs_the_same, text};
use super::mounts::is_path;
use super::writers::{mostly_takes_one, takes_one};
use crate::change::{Loss, images};
use serde_json::Value;
use std::path::Path;

/// Folders in which nodes and engines have what is theirs.
const OF_THE_NODE: [&str; 12] = [
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    "/var/log",
    "/var/lib/docker",
    "/lib",
    "/usr",
    "/boot",
    "/tmp",
];

/// Those of them that an image has of its own, in which its data may be as well.
const OF_THE_IMAGE: [&str; 3] = ["/usr", "/lib", "/boot"];

/// Where images have data in what is called as what others fill: `WordPress`, Nextcloud, Joomla and Matomo beside their own code
/// (`hub.docker.com/_/wordpress`, `/_/nextcloud`, `/_/joomla`, `/_/matomo`), `MediaWiki`, Drupal and Monica below it (`/_/mediawiki`, `/_/drupal`,
/// `/_/monica`), Home Assistant and Pi-hole in their settings (`home-assistant.io/installation`, `github.com/pi-hole/docker-pi-hole`).
const OF_IMAGES: [(&str, &str); 9] = [
    ("wordpress", "/var/www/html"),
    ("nextcloud", "/var/www/html"),
    ("joomla", "/var/www/html"),
    ("matomo", "/var/www/html"),
    ("mediawiki", "/var/www/html/images"),
    ("drupal", "/var/www/html/sites"),
    ("monica", "/var/www/html/storage"),
    ("home-assistant", "/config"),
    ("pihole", "/etc/pihole"),
];

/// How files end that are mounted one by one.
const FILES: &str =
    "cfg cnf conf crt env ini jar js json key pem php properties py sh sock sql toml xml yaml yml";

/// Files that are mounted one by one and have no end.
const FILES_WITHOUT_END: &str =
    "htpasswd Caddyfile Corefile Dockerfile Jenkinsfile Makefile Procfile";

/// Words in the names of folders that others fill: with settings, certificates, pages or code.
const FILLED: &str = "conf confs config configs configuration setting settings cert certs certbot certificate certificates ssl tls key keys \
     keystore secret secrets template templates static asset assets html htdocs www wwwroot public src code script scripts init initdb \
     plugin plugins log logs logging provision provisioning dashboards datasources";

/// What a service loses of the folders that it wrote to, both sides as the engine sees them. `is_there` knows the volumes of before.
pub(super) fn left_behind(
    (service, image): (&str, &str),
    (was, is): (&Value, &Value),
    is_there: impl Fn(&str) -> bool,
) -> Vec<Loss> {
    let (had, has) = (mounts(image, was), mounts(image, is));
    let mut losses = Vec::new();
    for before in had.iter().filter(|it| it.may_hold_data()) {
        let stays = has.iter().find(|now| now.holds(before.from));
        let mut above: Vec<&Mount<'_>> = has
            .iter()
            .filter(|now| Path::new(before.path).starts_with(now.path))
            .collect();
        above.sort_by_key(|now| now.path.len());
        // It keeps what its image has there, while nothing else stands in the place of the rest.
        let keeps = |now: &Mount<'_>| now.is_part_of(before) && now.is_known();
        if above.is_empty() && has.iter().any(keeps) {
            continue;
        }
        let loss = match (stays, above.last()) {
            (Some(now), _) if now.has_at(before.path, before.from) => continue,
            (Some(now), _) if runs_the_same(was, is) && !is_open(now.path) => {
                moved(service, before, now)
            }
            (Some(_), _) => continue,
            // It may be any folder, this one too.
            (None, Some(now)) if is_open(now.root()) || is_open(now.from) => continue,
            (None, Some(now)) if named(now.how).is_some() => {
                volume(service, before, now, is_there(now.from))
            }
            (None, Some(now)) if may_be_home(before.from, now.from) => continue,
            (None, Some(now)) if now.is_folder() => another(service, before, now),
            // Where that stands is not known.
            _ if has
                .iter()
                .any(|now| is_open(now.path) && !is_as_before(now, &had)) =>
            {
                continue;
            }
            _ if before.is_of_program(is) => continue,
            _ => {
                let mut parts: Vec<&Mount<'_>> =
                    has.iter().filter(|now| now.is_part_of(before)).collect();
                parts.sort_by_key(|now| now.path);
                if parts.is_empty() {
                    gone(service, before)
                } else {
                    in_part(service, before, &parts)
                }
            }
        };
        losses.push(loss);
    }
    losses
}

fn is_as_before(now: &Mount<'_>, had: &[Mount<'_>]) -> bool {
    let mut had = had.iter();
    had.any(|before| before.path == now.path && before.how == now.how)
}

/// A mount, its paths without a slash at the end.
struct Mount<'v> {
    image: &'v str,
    path: &'v str,
    from: &'v str,
    how: &'v Value,
}

/// Whether a mount is a folder of the node in which a service has data. One beside the stack file may be the program.
pub(super) fn holds_data(image: &str, path: &str, how: &Value) -> bool {
    let mount = mount(image, path, how);
    mount.may_hold_data() && (mount.is_known() || mount.from.starts_with('/'))
}

fn mount<'v>(image: &'v str, path: &'v str, how: &'v Value) -> Mount<'v> {
    Mount {
        image,
        path: trimmed(path),
        from: trimmed(text(how, "from")),
        how,
    }
}

fn mounts<'v>(image: &'v str, service: &'v Value) -> Vec<Mount<'v>> {
    let mounts = service.get("volumes").and_then(Value::as_object);
    let mounts = mounts
        .into_iter()
        .flatten()
        .map(|(path, how)| mount(image, path, how));
    mounts.collect()
}

/// Whether two folders may be one: the home is that of who deploys.
fn may_be_home(one: &str, other: &str) -> bool {
    let ends_so = |one: &str, other: &str| {
        let below = one.strip_prefix('~');
        below.is_some_and(|below| other.starts_with('/') && other.ends_with(below))
    };
    ends_so(one, other) || ends_so(other, one)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_among(words: &str, word: &str) -> bool {
    let mut words = words.split(' ');
    words.any(|it| it.eq_ignore_ascii_case(word))
}

/// Whether a folder is called what services call their data, whatever it is below: `/usr/src/app/uploads`.
fn ends_in_data(path: &str) -> bool {
    let last = name(path).rsplit(['-', '_', '.']).next();
    last.is_some_and(|last| is_among("data uploads", last))
}

fn trimmed(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => path,
        trimmed => trimmed,
    }
}

impl Mount<'_> {
    fn is_folder(&self) -> bool {
        self.how.get("type").is_none() && is_path(self.from)
    }

    /// Whether its image, or a database, has its data there.
    fn is_known(&self) -> bool {
        let is_of_image = |(image, path): &(&str, &str)| {
            *path == self.path && images::name(self.image).eq_ignore_ascii_case(image)
        };
        // What the team of LinuxServer packs has all of its own in `/config` (docs.linuxserver.io, Running our containers).
        let is_of_team = self.path == "/config" && self.image.contains("linuxserver/");
        let of_wordpress = Path::new(self.path).ends_with("www/html/wp-content");
        takes_one(self.path) || is_of_team || of_wordpress || OF_IMAGES.iter().any(is_of_image)
    }

    /// Whether it is a folder that it may write to, of which nothing says that somebody else fills it.
    fn may_hold_data(&self) -> bool {
        let is_below = |end: &str, folder: &str| Path::new(end).starts_with(folder);
        let is_of_node = OF_THE_NODE.iter().any(|it| is_below(self.from, it));
        let mut inside = OF_THE_NODE.iter().filter(|it| !OF_THE_IMAGE.contains(it));
        let is_filled = |end: &str| {
            let mut names = Path::new(end).iter().filter_map(|name| name.to_str());
            let is_hidden = |name: &str| name.len() > 2 && name.starts_with('.');
            let is_one = |word: &str| is_among(FILLED, word);
            names.any(|name| is_hidden(name) || name.split(['-', '_', '.']).any(is_one))
        };
        let ends = [self.path, self.from];
        let is_called_data = mostly_takes_one("", self.path) || ends.into_iter().any(ends_in_data);
        let mut is_others =
            || inside.any(|it| is_below(self.path, it)) || ends.into_iter().any(is_filled);
        let is_data =
            self.is_known() || !is_of_node && (is_called_data || !self.is_file() && !is_others());
        let is_written =
            text(self.how, "mode") != "ro" && ![self.from, self.path].into_iter().any(is_open);
        self.is_folder() && is_written && is_data && self.from != "/"
    }

    /// Whether a folder is in what it mounts; a volume may be another name for one (`device` of the driver `local`).
    fn holds(&self, folder: &str) -> bool {
        let root = self.root();
        !root.is_empty() && Path::new(folder).starts_with(root)
    }

    /// Whether it is a single file, as far as names say it: that of a folder may have a dot as well, as a host's.
    fn is_file(&self) -> bool {
        let end = |path: &str| Path::new(path).extension()?.to_str().map(ToOwned::to_owned);
        is_among(FILES_WITHOUT_END, name(self.from))
            || end(self.path).is_some()
            || end(self.from).is_some_and(|end| is_among(FILES, &end))
    }

    /// The folder that it is a name for, where it is one.
    fn root(&self) -> &str {
        if self.is_folder() {
            return self.from;
        }
        let device = self.how.pointer("/driver_opts/device");
        device.and_then(Value::as_str).map_or("", trimmed)
    }

    /// Whether what is in it of a folder stands at a path.
    fn has_at(&self, path: &str, folder: &str) -> bool {
        let below = if self.is_folder() {
            Path::new(folder).strip_prefix(self.from).ok()
        } else {
            Some(Path::new(""))
        };
        below.is_some_and(|below| Path::new(self.path).join(below) == Path::new(path))
    }

    /// Whether it is a folder of another mount, where that had it.
    fn is_part_of(&self, other: &Mount<'_>) -> bool {
        self.is_folder()
            && self.from != other.from
            && other.holds(self.from)
            && other.has_at(self.path, self.from)
    }

    /// Whether it may be the program that was mounted there, or its settings: a folder beside the stack file, or one of which a config or secret
    /// takes the place.
    fn is_of_program(&self, is: &Value) -> bool {
        let files = ["configs", "secrets"].into_iter();
        let files = files.filter_map(|section| is.get(section)?.as_object());
        let mut files = files.flatten();
        let is_named = |file: &str, how: &Value| {
            let ends = [name(self.path), name(self.from)];
            let is_real = |end: &str| text(how, "from").ends_with(&format!("_{end}"));
            let mut ends = ends.into_iter();
            !self.is_known() && ends.any(|end| end == name(file) || is_real(end))
        };
        !self.is_known() && !self.from.starts_with('/')
            || files
                .any(|(file, how)| Path::new(file).starts_with(self.path) || is_named(file, how))
    }
}

/// One that was there, or is not of the node, may hold the data already.
fn volume(service: &str, before: &Mount<'_>, now: &Mount<'_>, is_there: bool) -> Loss {
    let may_be_filled = is_there || !is_of_node(now.how);
    let unless = if may_be_filled {
        format!(", unless `{}` has it already", now.from)
    } else {
        String::new()
    };
    Loss {
        about: data(!may_be_filled),
        what: format!(
            "`{service}` finds a volume at `{}`, `{}`: its data stays in `{}` of its node",
            before.path, now.from, before.from
        ),
        way: format!(
            "mount `{}` there as before; or copy the data first, with the service stopped{unless}",
            before.from
        ),
    }
}

fn another(service: &str, before: &Mount<'_>, now: &Mount<'_>) -> Loss {
    Loss {
        about: data(false),
        what: format!(
            "`{service}` finds another folder of its node at `{}`, `{}`: what it wrote stays in `{}`",
            before.path, now.from, before.from
        ),
        way: format!(
            "mount `{}` there as before; or move what is in it first, with the service stopped, unless `{}` has it already",
            before.from, now.from
        ),
    }
}

fn moved(service: &str, before: &Mount<'_>, now: &Mount<'_>) -> Loss {
    Loss {
        about: data(false),
        what: format!(
            "`{service}` has nothing at `{}` any more, and `{}` at `{}`: where its program looks as before, it finds no data",
            before.path, now.from, now.path
        ),
        way: format!(
            "keep it at `{}`, unless the program looks at `{}` already",
            before.path, now.path
        ),
    }
}

/// What is still mounted of it may be all that is needed.
fn in_part(service: &str, before: &Mount<'_>, parts: &[&Mount<'_>]) -> Loss {
    let names = parts.iter().take(3).map(|part| format!("`{}`", part.from));
    let mut names: Vec<String> = names.collect();
    if let Some(more @ 1..) = parts.len().checked_sub(3) {
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    let names = if names.is_empty() {
        last
    } else {
        format!("{} and {last}", names.join(", "))
    };
    Loss {
        about: data(false),
        what: format!(
            "`{service}` has of `{}` only {names} at `{}` any more: what else it wrote stays there, and is not mounted",
            before.from, before.path
        ),
        way: format!(
            "mount `{}` there as before, unless nothing else in it is needed",
            before.from
        ),
    }
}

fn gone(service: &str, before: &Mount<'_>) -> Loss {
    Loss {
        about: data(before.is_known()),
        what: format!(
            "`{service}` has no folder of its node at `{}` any more: what it wrote stays in `{}`",
            before.path, before.from
        ),
        way: format!(
            "mount `{}` there as before: what it writes there now ends with its container",
            before.from
        ),
    }
}
