//! Databases of stack files that are told by a variable of another folder of the volume that they have where they had it, or that have another
//! volume for their data at another path.

use super::data::text;
use crate::change::Loss;
use crate::change::homes::{self, Moved, Told, VARIABLE};
use serde_json::Value;
use std::path::Path;

/// Whether what differs of a service is what it is told of its data.
pub(super) fn are_told((was, is): (&Value, &Value)) -> bool {
    [was, is].into_iter().any(|it| said(it).is_some())
}

fn said(service: &Value) -> Option<&Value> {
    service.get("environment")?.get(VARIABLE)
}

/// What a service loses so, both sides of all of it as the engine sees them.
pub(super) fn moved(service: &str, (before, after): (&Value, &Value)) -> Option<Loss> {
    let told = [told(before), told(after)];
    let images = [text(before, "image"), text(after, "image")];
    let ([old_image, image], [was, is]) = (images, &told);
    let (old, is_at) = (homes::of(old_image, was)?, homes::of(image, is)?);
    let is_other_program = before.get("entrypoint") != after.get("entrypoint");
    if is_other_program || is_led(before) || is_led(after) {
        return None;
    }
    let ((path, how, was), stays) = (found(before, &old)?, found(after, &old)?);
    let (at, _, now) = found(after, &is_at)?;
    let is_kept = (path, how) == (stays.0, stays.1) && at == path;
    let is_elsewhere = |image: &str, folder: &str| homes::is_in_its_own(image, folder, path);
    if is_elsewhere(old_image, &old) || is_elsewhere(image, &is_at) {
        return None;
    }
    let from = text(how, "from");
    if !is_kept || was == now || from.is_empty() || text(how, "mode") == "ro" {
        return None;
    }
    let moved = Moved {
        who: &format!("`{service}`"),
        of: &format!("`{from}`"),
        folders: [homes::shown(was), homes::shown(now)],
        told: told.each_ref(),
        images,
        stopped: "the service",
    };
    Some(moved.loss())
}

/// What the variable of a service says.
fn told(service: &Value) -> Told {
    match said(service) {
        // One without a value has that of whoever deploys.
        Some(said) => said.as_str().map_or(Told::Something, Told::of),
        // What stands in a file that is not known may say it as well; those that are known stand in its environment (`env_files`).
        None if service.get("env_file").is_some() => Told::Something,
        None => Told::Nothing,
    }
}

/// Whether its words say where the data is.
fn is_led(service: &Value) -> bool {
    let words = ["command", "entrypoint"].into_iter();
    let words = words.filter_map(|key| service.get(key));
    let words = words.flat_map(|it| match it {
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
        one => one
            .as_str()
            .map_or_else(Vec::new, |it| it.split(' ').collect()),
    });
    homes::names_data(words)
}

/// Where images have a volume of their own, which is made for each container below what is mounted above it (`VOLUME` of docker-library/mysql,
/// docker-library/mongo).
const OF_IMAGES: [&str; 2] = ["/var/lib/mysql", "/data/db"];

/// What holds the data of a service now that it had in a volume at a path where nothing is mounted any more: what is mounted where its database
/// has it, or above that path. `None` where that is nothing which outlives a container.
pub(super) fn holder<'v>(
    path: &str,
    (before, after): (&Value, &'v Value),
) -> Option<(&'v str, &'v Value)> {
    let is_kept = |how: &Value| {
        let is_of_kind = how.get("type").is_none();
        is_of_kind && !text(how, "from").is_empty() && text(how, "mode") != "ro"
    };
    let home = |service: &Value| {
        let home = homes::of(text(service, "image"), &told(service));
        home.filter(|_| !is_led(service))
    };
    let old = home(before).filter(|it| found(before, it).is_some_and(|(at, ..)| at == path));
    let known = old.and_then(|_| home(after));
    let image = text(after, "image");
    let is_own = |at: &str| match &known {
        // Of a tag without a number it may be any version.
        Some(home) => {
            homes::of(image, &Told::Nothing).is_some() && homes::is_in_its_own(image, home, at)
        }
        None => OF_IMAGES
            .iter()
            .any(|own| Path::new(path).starts_with(own) && !Path::new(at).starts_with(own)),
    };
    let (at, how, _) = found(after, known.as_deref().unwrap_or(path))?;
    (is_kept(how) && !is_own(at)).then_some((at, how))
}

/// The nearest mount at a path or above it, with where in it the path is.
pub(super) fn found<'v, 'p>(
    service: &'v Value,
    path: &'p str,
) -> Option<(&'v str, &'v Value, &'p str)> {
    let mounts = service.get("volumes")?.as_object()?;
    let above = mounts.iter().filter_map(|(at, how)| {
        let rest = path.strip_prefix(at.trim_end_matches('/'))?;
        let is_above = rest.is_empty() || rest.starts_with('/');
        is_above.then(|| (at.as_str(), how, rest.trim_matches('/')))
    });
    above.max_by_key(|(at, ..)| at.len())
}
