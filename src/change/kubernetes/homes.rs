//! Databases that are told by a variable of another folder of the claim that they have where they had it.

use super::folders::{self, is_moved};
use super::parts::{self, items, text};
use super::reads::{CONFIG_MAP, SECRET};
use super::secret::held;
use super::stored::{found, mounts};
use super::{Keyed, given, is_workload};
use crate::change::difference::value;
use crate::change::homes::{self, Moved, Told, VARIABLE};
use crate::change::{Change, Loss};
use serde_json::Value;

/// Says it of each whose pods are replaced.
pub(super) fn moved((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let may = |it: &&mut Change| {
        let mut fields = it.fields.iter();
        let is_told = fields.any(|it| it.path.contains("].env"));
        is_workload(&it.kind) && it.effect.replaces() && is_told
    };
    for change in changes.iter_mut().filter(may) {
        let namespace = change.namespace.as_deref();
        let key = ("apps", &*change.kind, &*change.name, namespace);
        let both = old.get(&key).zip(new.get(&key));
        let both = both.filter(|(_, is)| homes::may_be_in(&is.content));
        let Some((was, is)) = both.map(|(was, is)| (value(&was.content), value(&is.content)))
        else {
            continue;
        };
        let who = format!("{} `{}`", change.kind, change.name);
        let pods = parts::pod_in(&change.kind, &was).zip(parts::pod_in(&change.kind, &is));
        let Some((before, now)) = pods else { continue };
        for container in items(before, "containers") {
            let mut all = items(now, "containers");
            let Some(same) = all.find(|it| text(it, "name") == text(container, "name")) else {
                continue;
            };
            let told = [told(container, old, namespace), told(same, new, namespace)];
            let sides = ((&*was, before, container), (&*is, now, same));
            change.losses.extend(loss(&who, sides, &told));
        }
    }
}

fn loss(
    who: &str,
    ((whole, before, container), (new, now, same)): (folders::Within<'_>, folders::Within<'_>),
    told: &[Told; 2],
) -> Option<Loss> {
    let [was, is] = told;
    let images = [text(container, "image")?, text(same, "image")?];
    let [before_image, image] = images;
    let (old, is_at) = (homes::of(before_image, was)?, homes::of(image, is)?);
    let is_other_program = container.get("command") != same.get("command");
    if was == is || is_other_program || [container, same].into_iter().any(is_led) {
        return None;
    }
    let had = mounts(whole, before, container)?;
    let has = mounts(new, now, same)?;
    let ((mount, was), (stays, _)) = (found(&had, &old)?, found(&has, &old)?);
    let (at, now_in) = found(&has, &is_at)?;
    let is_kept = mount == stays && stays == at && mount.is_kept();
    if !is_kept || was == now_in || is_moved(new, now, mount.of) {
        return None;
    }
    // What is in a volume of each container alone was kept nowhere.
    let is_elsewhere = |(image, path): (&str, &str)| homes::is_in_its_own(image, path, mount.path);
    if [(before_image, &*old), (image, &*is_at)]
        .into_iter()
        .any(is_elsewhere)
    {
        return None;
    }
    let moved = Moved {
        who,
        of: &mount.of.to_string(),
        folders: [homes::shown(&was), homes::shown(&now_in)],
        told: told.each_ref(),
        images,
        stopped: "its pods",
    };
    Some(moved.loss())
}

/// Whether its words say where the data is.
fn is_led(container: &Value) -> bool {
    let words = ["command", "args"].into_iter();
    let words = words.flat_map(|key| items(container, key));
    homes::names_data(words.filter_map(Value::as_str))
}

/// What the variable of a container says. Of what stands in no manifest nothing is known.
fn told(container: &Value, side: &Keyed<'_>, namespace: Option<&str>) -> Told {
    let mut own = items(container, "env");
    let own = own.find(|it| text(it, "name") == Some(VARIABLE));
    if let Some(value) = own.and_then(|it| text(it, "value")) {
        return Told::of(value);
    }
    let mut given = given::to_one(container, side, namespace).into_iter();
    if let Some(given) = given.find(|it| it.name == VARIABLE) {
        return Told::of(&given.value);
    }
    let may_hold = |kind: &'static str, from: Option<&Value>| {
        let name = from.and_then(|it| text(it, "name"));
        name.is_some_and(|name| match side.get(&("", kind, name, namespace)) {
            Some(object) => held(kind, &object.content).contains_key(VARIABLE),
            None => true,
        })
    };
    let mut whole = items(container, "envFrom");
    let is_elsewhere = whole.any(|it| {
        it.get("prefix").is_none()
            && (may_hold(CONFIG_MAP, it.get("configMapRef"))
                || may_hold(SECRET, it.get("secretRef")))
    });
    if own.is_some() || is_elsewhere {
        return Told::Something;
    }
    Told::Nothing
}
