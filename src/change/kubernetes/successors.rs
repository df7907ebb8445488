//! Workloads of another name or another kind beside one that is written no more and runs on: both write to one claim; or the new one takes the place
//! of the old one, and starts with none of its data. A claim that a `StatefulSet` makes is called by it
//! (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`, Stable Storage).

use super::askers::asked;
use super::behind::{self, Led, Pods};
use super::folders;
use super::parts::{deletion, items, text};
use super::rolling::starts_beside;
use super::stored::{Mount, mounts};
use super::writers::{self, Access};
use super::{Key, Keyed, heirs, uses};
use crate::change::difference::{at, value};
use crate::change::{Change, Effect, Loss, Lost, images};
use crate::targets::Object;
use serde_json::Value;
use std::collections::BTreeSet;

/// Says it of each that is made.
pub(super) fn taken((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let is_made = |it: &Change| {
        let is_here = it.was.as_ref().is_none_or(|was| was.place.is_none());
        let is_new = matches!(it.effect, Effect::Created | Effect::Renamed) && is_here;
        is_new && it.service.is_none() && is_one(&it.kind)
    };
    if !changes.iter().any(is_made) {
        return;
    }
    let is_left = |it: &&Change| it.effect == Effect::Left && is_one(&it.kind);
    let left: Vec<Change> = changes.iter().filter(is_left).cloned().collect();
    if left.is_empty() && !changes.iter().any(|it| it.was.is_some()) {
        return;
    }
    let (before, after) = (behind::all(old), behind::all(new));
    let step = Step {
        sides: (old, new),
        services: (behind::services(old), behind::services(new)),
        pods: (&before, &after),
    };
    for change in changes.iter_mut().filter(|it| is_made(it)) {
        let namespace = change.namespace.as_deref();
        let here = left
            .iter()
            .filter(|it| it.namespace.as_deref() == namespace);
        let mut of: Vec<(&str, &str)> = here.map(|it| (&*it.kind, &*it.name)).collect();
        if let Some(was) = &change.was {
            of = vec![(&was.kind, &was.name)];
        }
        let mut told = Vec::new();
        let is = Member::of(new, &after, (&change.kind, &change.name, namespace));
        for (kind, name) in of {
            let was = Member::of(old, &before, (kind, name, namespace));
            if let Some((was, is)) = was.zip(is.as_ref()) {
                told.extend(step.told(&was, is));
            }
        }
        change.losses.extend(told);
    }
}

fn is_one(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet")
}

/// A workload, with the pods that it has.
struct Member<'s> {
    object: &'s Object,
    pods: &'s Pods<'s>,
}

impl<'s> Member<'s> {
    fn of(
        side: &Keyed<'s>,
        pods: &'s [Pods<'s>],
        (kind, name, namespace): (&str, &str, Option<&str>),
    ) -> Option<Self> {
        let is_it = |it: &&Pods<'_>| it.key == ("apps", kind, name, namespace);
        let pods = pods.iter().find(is_it)?;
        Some(Self {
            object: side.get(&pods.key).copied()?,
            pods,
        })
    }

    fn shown(&self) -> String {
        format!("{} `{}`", self.object.kind, self.object.name)
    }

    fn is_led(&self, service: &Led<'_>) -> bool {
        self.pods.are_for(service.key.3, &service.selector)
    }

    /// Its claims, each pod's own by that of the first one.
    fn claims(&self) -> Vec<String> {
        let mut all = uses::mounted(self.object);
        all.extend(uses::firsts(self.object));
        all
    }
}

struct Step<'s> {
    sides: (&'s Keyed<'s>, &'s Keyed<'s>),
    services: (Vec<Led<'s>>, Vec<Led<'s>>),
    pods: (&'s [Pods<'s>], &'s [Pods<'s>]),
}

impl Step<'_> {
    fn told(&self, was: &Member<'_>, is: &Member<'_>) -> Option<Loss> {
        let had = was.claims();
        let both = is.claims().into_iter().find(|it| had.contains(it));
        let told = match both {
            Some(_) => self.writers(was, is),
            None => self.data(was, is),
        };
        told.or_else(|| self.emptied(was, is))
    }

    /// The claims that it may write to, each with who may have it, where that is known.
    fn written(&self, it: &Member<'_>) -> Vec<(String, Option<Access>)> {
        let named = writers::written(it.object).into_iter().map(|claim| {
            let access = writers::access(self.sides, &claim, it.pods.key.3);
            (claim, access)
        });
        named.chain(writers::firsts(it.object)).collect()
    }

    /// Where both write to one claim of one node or one pod, and nobody else does, who would say that several may.
    fn writers(&self, was: &Member<'_>, is: &Member<'_>) -> Option<Loss> {
        let (written, writes) = (self.written(was), self.written(is).into_iter());
        let mut both = writes.filter_map(|(claim, access)| {
            let (_, was) = written.iter().find(|(it, _)| *it == claim)?;
            Some((claim, access.or(*was)?))
        });
        let (claim, access) = both.next()?;
        let sides = [self.sides.0, self.sides.1].into_iter();
        let others: Vec<Key<'_>> = sides.flat_map(|it| others(it, was, is, &claim)).collect();
        let has_more = others.iter().any(runs_on);
        let is_part = |it: &Member<'_>| {
            let containers = items(&it.pods.pod, "containers");
            let mut mounts = containers.flat_map(|it| items(it, "volumeMounts"));
            mounts.any(|it| it.get("subPath").is_some())
        };
        if has_more || is_part(was) || is_part(is) {
            return None;
        }
        // Of a Deployment that is stopped before its new pod starts somebody said that one writes at a time.
        let is_one_writer =
            was.object.kind == "StatefulSet" || !starts_beside(&was.object.content, None);
        let how = match access {
            Access::Node => {
                "which is `ReadWriteOnce`: side by side on one node, and on another one the new pod does not start where its storage is attached to one"
            }
            Access::Pod => "which is `ReadWriteOncePod`: the new pod waits until that one is gone",
        };
        let (kind, name) = (was.object.kind.to_lowercase(), &was.object.name);
        Some(Loss {
            about: Lost::Writers {
                surely: access == Access::Pod || is_one_writer && others.is_empty(),
            },
            what: format!(
                "{} is made beside {}, which runs on, and both write to claim `{claim}`, {how}",
                is.shown(),
                was.shown()
            ),
            way: format!(
                "keep its name and kind; or delete the old one first, {}, and take the time in which neither serves",
                deletion(&kind, name, is.pods.key.3)
            ),
        })
    }

    /// Where the new one has a claim of its own at the path where the old one has its data, for the same program, and is asked in its place.
    fn data(&self, was: &Member<'_>, is: &Member<'_>) -> Option<Loss> {
        let (whole, now) = (value(&was.object.content), value(&is.object.content));
        let same = |one: &Value, other: &Value| {
            program(one).is_some()
                && program(one) == program(other)
                && meet(
                    mounts(&whole, &was.pods.pod, one),
                    mounts(&now, &is.pods.pod, other),
                )
        };
        let mut containers = items(&was.pods.pod, "containers");
        let is_same = containers.any(|one| {
            let mut others = items(&is.pods.pod, "containers");
            others.any(|other| same(one, other))
        });
        if !is_same {
            return None;
        }
        let asked = self.asked(was, is)?;
        let has = is.claims();
        let are_new = has
            .iter()
            .all(|it| self.is_made_empty(it.trim_matches('`'), is));
        let claims = was.claims().join(" and ");
        Some(Loss {
            about: Lost::Data {
                surely: are_new && nobody_copies(was, is),
            },
            what: format!(
                "{} takes the place of {}, whose data stays in claim {claims}: it has {}{}, and {asked}",
                is.shown(),
                was.shown(),
                has.join(" and "),
                if are_new { ", made in this step" } else { "" }
            ),
            way: "keep the name and kind of the old one; or stop that, copy its data into the new claim, and apply the new one then".to_owned(),
        })
    }

    /// Where the new one has nothing that is kept at the path where the old one has its data, for the same program, and is asked in its place.
    fn emptied(&self, was: &Member<'_>, is: &Member<'_>) -> Option<Loss> {
        let (whole, now) = (value(&was.object.content), value(&is.object.content));
        let mut containers = items(&was.pods.pod, "containers");
        let emptied = containers.find_map(|one| {
            let mut others = items(&is.pods.pod, "containers");
            let same = others.find(|it| program(one).is_some() && program(one) == program(it))?;
            folders::emptied((&whole, &was.pods.pod, one), (&now, &is.pods.pod, same))
        })?;
        // What a set makes for each of its pods is called by both.
        let own = format!("`{}-{}-0`", emptied.claim, was.object.name);
        let is_own = uses::firsts(was.object).contains(&own);
        let claim = if is_own {
            own
        } else {
            format!("`{}`", emptied.claim)
        };
        // Somebody else goes on with it.
        let others = others(self.sides.1, was, is, claim.trim_matches('`'));
        if others.iter().any(runs_on) {
            return None;
        }
        let asked = self.asked(was, is)?;
        let has = if emptied.has_folder {
            "an empty folder"
        } else {
            "no volume"
        };
        Some(Loss {
            about: Lost::Data {
                surely: emptied.surely && nobody_copies(was, is),
            },
            what: format!(
                "{} takes the place of {}, whose data stays in claim {claim}: it has {has} at `{}`, and {asked}",
                is.shown(),
                was.shown(),
                emptied.path
            ),
            way: format!(
                "keep the name and kind of the old one, and its volume; or mount claim {claim} there, with the old one deleted first where one \
                 writes at a time: what the new one writes there now ends with its pod"
            ),
        })
    }

    fn is_made_empty(&self, claim: &str, is: &Member<'_>) -> bool {
        let namespace = is.pods.key.3;
        let is_own = || {
            let key: Key<'_> = ("", "PersistentVolumeClaim", claim, namespace);
            let mut own = uses::firsts(is.object).into_iter();
            own.any(|it| it.trim_matches('`') == claim) && !self.sides.0.contains_key(&key)
        };
        folders::made_empty(self.sides, claim, namespace).unwrap_or_else(is_own)
    }

    /// Who asks for the new one where the old one was asked; none where nobody does.
    fn asked(&self, was: &Member<'_>, is: &Member<'_>) -> Option<String> {
        let (before, after) = (&self.services.0, &self.services.1);
        let led = before.iter().filter(|it| was.is_led(it));
        let led: Vec<&Led<'_>> = led.collect();
        let comes = after.iter().filter(|it| is.is_led(it));
        let comes: Vec<&Led<'_>> = comes.collect();
        if let Some(service) = comes
            .iter()
            .find(|it| led.iter().any(|was| was.key == it.key))
        {
            let name = service.key.2;
            return Some(if was.is_led(service) {
                format!(
                    "Service `{name}` leads to both until `{}` is deleted",
                    was.object.name
                )
            } else {
                format!("Service `{name}` leads to it")
            });
        }
        let names = |all: &[&Led<'_>]| -> heirs::Named {
            let named = |it: &&Led<'_>| (it.key.2.to_owned(), it.key.3.map(ToOwned::to_owned));
            all.iter().map(named).collect()
        };
        let (from, to) = (names(&led), names(&comes));
        let mut callers = self.pods.1.iter();
        let caller = callers.find(|now| {
            let mut before = self.pods.0.iter();
            before.find(|it| it.key == now.key).is_some_and(|was| {
                let (had, has) = (asks(was), asks(now));
                let moves = |all: &BTreeSet<_>, one: &BTreeSet<_>, other: &BTreeSet<_>| {
                    all.iter().any(|it| one.contains(it) && !other.contains(it))
                };
                moves(&from, &had, &has) && moves(&to, &has, &had)
            })
        });
        if let Some((_, kind, name, _)) = caller.map(|it| it.key) {
            return Some(format!("{kind} `{name}` asks for it from then on"));
        }
        heirs::leading(self.sides, (&from, &to))
            .or_else(|| heirs::asking(self.sides, self.pods, is.pods.key, (&from, &to)))
    }
}

/// Who else may write to a claim.
fn others<'k>(side: &Keyed<'k>, was: &Member<'_>, is: &Member<'_>, claim: &str) -> Vec<Key<'k>> {
    let (ours, here) = ([was.pods.key, is.pods.key], is.pods.key.3);
    let all = side.iter();
    let others = all
        .filter(|(key, it)| key.3 == here && !ours.contains(key) && writers::may_write(it, claim));
    others.map(|(key, _)| *key).collect()
}

/// Whether what makes pods has some all the time: what ends by itself says of nobody that two may write.
fn runs_on(key: &Key<'_>) -> bool {
    !matches!(key.1, "Job" | "CronJob")
}

/// Whether data comes to the new one by none of its own means: what starts before its program may copy it, and so may one of several members.
fn nobody_copies(was: &Member<'_>, is: &Member<'_>) -> bool {
    let replicas = at(&was.object.content, &["spec", "replicas"]);
    let is_one = replicas.is_none_or(|it| it.as_u64() == Some(1));
    is_one && items(&is.pods.pod, "initContainers").next().is_none()
}

/// The Services that pods ask for.
pub(super) fn asks(pods: &Pods<'_>) -> BTreeSet<(String, Option<String>)> {
    let all = asked(pods).into_iter();
    all.map(|((name, namespace), _)| (name.to_owned(), namespace.map(ToOwned::to_owned)))
        .collect()
}

/// The image of a container, of whatever version.
pub(super) fn program(container: &Value) -> Option<&str> {
    text(container, "image").map(images::repository)
}

/// Whether both write to a claim at one path.
fn meet(was: Option<Vec<Mount<'_>>>, is: Option<Vec<Mount<'_>>>) -> bool {
    let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
    let written = |it: &&Mount<'_>| it.of.claim().is_some() && !it.is_read;
    let mut was = was.iter().filter(written);
    was.any(|one| {
        let mut is = is.iter().filter(written);
        is.any(|it| it.path == one.path)
    })
}
