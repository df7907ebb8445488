//! Services of stack files whose tasks come to write to one volume beside each other: a step to start-first, or from one task to several. Of a
//! program ZD4013 says it.

use super::nodes::is_held;
use super::service::{self, Service, Written};
use super::stack::Stack;
use super::writers::{mostly_takes_one, takes_one};
use crate::change::{Change, Effect, Loss, Lost};
use serde_json::Value;

/// Says it of those that stay, where the step brings the second writer.
pub(super) fn told(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut [Change]) {
    let may = |it: &Change| {
        let stays = it.effect.replaces() || it.effect == Effect::InPlace;
        let mut fields = it.fields.iter();
        it.kind == "service" && stays && fields.any(|field| field.path.starts_with("deploy"))
    };
    if !changes.iter().any(may) {
        return;
    }
    let (before, after) = (service::all(old), service::all(new));
    for change in changes.iter_mut().filter(|it| may(it)) {
        let both = before.get(&change.name).zip(after.get(&change.name));
        let loss = both.and_then(|(was, is)| loss(change, was, is));
        change.losses.extend(loss);
    }
}

fn loss(change: &Change, was: &Service<'_>, is: &Service<'_>) -> Option<Loss> {
    if was.is_off() || is.is_off() {
        return None;
    }
    let is_alone = !was.is_global() && was.replicas() == Some(1);
    let count = is.replicas().filter(|_| is_alone && !is.is_global());
    let count = count.filter(|count| *count > 1);
    let steps = !was.starts_first() && is.starts_first();
    if count.is_none() && !steps {
        return None;
    }
    let image = is.at(&["image"]);
    let image = image.as_deref().and_then(Value::as_str).unwrap_or_default();
    let before = was.written();
    let both = is.written().into_iter().filter(|now| {
        let mut before = before.iter();
        // One of a template is another one for each task.
        !now.from.contains("{{") && before.any(|it| it.from == now.from && it.path == now.path)
    });
    let mut both: Vec<Written> = both.collect();
    both.retain(|it| takes_one(&it.path) || mostly_takes_one(image, &it.path));
    both.sort_by_key(|it| !takes_one(&it.path));
    let written = both.into_iter().next()?;
    let is_held = is.is_global() || is_held(is);
    let is_each_nodes = written.is_of_node || written.from.starts_with('/');
    let on_one_each = is.at(&["deploy", "placement", "max_replicas_per_node"]);
    let is_one_each = on_one_each.is_some_and(|it| it.as_u64() == Some(1));
    match count {
        Some(_) if is_one_each && is_each_nodes => None,
        Some(count) => Some(several(change, count, &written, is_held || !is_each_nodes)),
        None => Some(overlapping(change, &written, is_held || !is_each_nodes)),
    }
}

/// What takes one writer, in words.
fn takes(written: &Written) -> &'static str {
    if takes_one(&written.path) {
        "which takes one writer"
    } else {
        "which mostly takes one writer"
    }
}

fn several(change: &Change, count: u64, written: &Written, on_one: bool) -> Loss {
    let (name, from, takes) = (&change.name, &written.from, takes(written));
    let elsewhere = if on_one {
        ""
    } else {
        ": those on one node write side by side, and those on another have one of their own, which is empty at first"
    };
    Loss {
        about: Lost::Writers {
            surely: on_one && takes_one(&written.path),
        },
        what: format!(
            "`{name}` comes to have {count} tasks, and all write to `{from}`, {takes}{elsewhere}"
        ),
        way: "keep one task; or give each a volume and a service of its own".to_owned(),
    }
}

fn overlapping(change: &Change, written: &Written, on_one: bool) -> Loss {
    let (name, from, takes) = (&change.name, &written.from, takes(written));
    let is_now = change.effect.replaces();
    let when = if is_now {
        "a"
    } else {
        "from the next version on a"
    };
    let elsewhere = if on_one {
        ""
    } else {
        ": side by side on one node, and on another the new one has one of its own, which is empty at first"
    };
    Loss {
        about: Lost::Writers {
            surely: is_now && on_one && takes_one(&written.path),
        },
        what: format!(
            "{when} new task of `{name}` starts before the old one is stopped, and both write to `{from}`, {takes}{elsewhere}"
        ),
        way: "leave `order` at `stop-first`, with which it is down until the new one serves"
            .to_owned(),
    }
}
