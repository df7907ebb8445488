//! Databases of stack files that are told by a variable of another folder of the volume that they have where they had it.

use super::data::text;
use crate::change::Loss;
use crate::change::homes::{self, Moved, Told, VARIABLE};
use serde_json::Value;

/// Whether what differs of a service is what it is told of its data.
pub(super) fn are_told((was, is): (&Value, &Value)) -> bool {
    [was, is].into_iter().any(|it| said(it).is_some())
}

fn said(service: &Value) -> Option<&Value> {
    service.get("environment")?.get(VARIABLE)
}

/// What a service loses so: what differs of it, and all of it, as the engine sees them.
pub(super) fn moved(
    service: &str,
    (was, is): (&Value, &Value),
    (before, after): (&Value, &Value),
) -> Option<Loss> {
    // What stands in a file that is not known may say it as well, and one without a value has that of whoever deploys.
    let told = |said: Option<&Value>, whole: &Value| match said {
        Some(said) => said.as_str().map_or(Told::Something, Told::of),
        None if whole.get("env_file").is_some() => Told::Something,
        None => Told::Nothing,
    };
    let told = [told(said(was), before), told(said(is), after)];
    let images = [text(before, "image"), text(after, "image")];
    let ([old_image, image], [was, is]) = (images, &told);
    let (old, is_at) = (homes::of(old_image, was)?, homes::of(image, is)?);
    let words = ["command", "entrypoint"];
    let is_other_program = before.get("entrypoint") != after.get("entrypoint");
    let is_led = |it: &Value| {
        let words = words.into_iter().filter_map(|key| it.get(key));
        let words = words.flat_map(|it| match it {
            Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
            one => one
                .as_str()
                .map_or_else(Vec::new, |it| it.split(' ').collect()),
        });
        homes::names_data(words)
    };
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

/// The nearest mount at a path or above it, with where in it the path is.
fn found<'v>(service: &'v Value, path: &'v str) -> Option<(&'v str, &'v Value, &'v str)> {
    let mounts = service.get("volumes")?.as_object()?;
    let above = mounts.iter().filter_map(|(at, how)| {
        let rest = path.strip_prefix(at.trim_end_matches('/'))?;
        let is_above = rest.is_empty() || rest.starts_with('/');
        is_above.then(|| (at.as_str(), how, rest.trim_matches('/')))
    });
    above.max_by_key(|(at, ..)| at.len())
}
