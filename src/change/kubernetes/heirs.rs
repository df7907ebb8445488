//! Who comes to lead to, or ask, one Service in the place of another one: an Ingress or a route at a name and path that it had, or one that
//! takes the place of it under another name where it is carried by the same; and pods that are called otherwise as well, and are led to so.

use super::answers::{Backend, Leader, ROUTES};
use super::behind::{self, Pods};
use super::parts::{INGRESS, items};
use super::{Key, Keyed, answered, routed, successors, unready};
use crate::change::images;
use std::collections::BTreeSet;

/// Services, by name and namespace.
pub(super) type Named = BTreeSet<(String, Option<String>)>;

/// Who leads from one of some Services to one of others.
pub(super) fn leading(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    (from, to): (&Named, &Named),
) -> Option<String> {
    let (had, has) = (leaders(old), leaders(new));
    let is_heir = |was: &Leader<'_>, is: &Leader<'_>| {
        let (one, other) = (was.key, is.key);
        let is_renamed = || !new.contains_key(&one) && !old.contains_key(&other);
        // Where both are for all names, two of two classes or Gateways answer each for its own.
        let are_together = || {
            let both = old.get(&one).zip(new.get(&other));
            both.is_some_and(|(was, is)| unready::are_together([(one, *was), (other, *is)]))
        };
        one == other || (one.1, one.3) == (other.1, other.3) && is_renamed() && are_together()
    };
    let moves = |was: &Leader<'_>, is: &Leader<'_>| {
        let mut answers = was.answers.iter();
        let of_paths = answers.any(|was| {
            let mut answers = is.answers.iter();
            answers.any(|is| {
                unready::is_for_the_same(was, is) && goes(&was.backends, &is.backends, (from, to))
            })
        });
        let defaults = was.default.as_slice();
        of_paths || was.key == is.key && goes(defaults, is.default.as_slice(), (from, to))
    };
    let found = has.iter().find(|is| {
        let mut had = had.iter();
        had.any(|was| is_heir(was, is) && moves(was, is))
    })?;
    let (_, kind, name, _) = found.key;
    Some(format!("{kind} `{name}` leads to it from then on"))
}

fn leaders<'a>(side: &Keyed<'a>) -> Vec<Leader<'a>> {
    let all = side.iter().filter_map(|(key, object)| {
        if (key.0, key.1) == INGRESS {
            return Some(answered::leader(*key, object));
        }
        let is_route = key.0 == routed::GROUP && ROUTES.contains(&key.1);
        is_route.then(|| routed::of_names(*key, object))
    });
    let mut all: Vec<Leader<'a>> = all.filter(|it| !it.is_by_itself).collect();
    all.sort_unstable_by_key(|it| it.key);
    all
}

/// Whether all of it goes to others: of two that share it for a while each has its own data.
fn goes(was: &[Backend], is: &[Backend], (from, to): (&Named, &Named)) -> bool {
    let is_of = |it: &Backend, all: &Named| {
        let named = (it.name.clone(), it.namespace.clone());
        all.contains(&named)
    };
    let is_before = was.iter().any(|it| is_of(it, from) && !is_of(it, to));
    let is_now = is.iter().any(|it| is_of(it, to));
    is_before && is_now && is.iter().all(|it| !is_of(it, from))
}

/// Pods that are made under another name, of the images of such as are written no more, and ask for one of the others where those asked for one of
/// some: others than the ones that are asked. Two editions of one program are side by side as well, one for each customer: they are led to at one
/// name and path.
pub(super) fn asking(
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    (before, after): (&[Pods<'_>], &[Pods<'_>]),
    asked: Key<'_>,
    (from, to): (&Named, &Named),
) -> Option<String> {
    let asks = |pods: &Pods<'_>, all: &Named| !successors::asks(pods).is_disjoint(all);
    let is_gone = |key: Key<'_>, side: &Keyed<'_>| !side.contains_key(&key);
    let left: Vec<&Pods<'_>> = before
        .iter()
        .filter(|it| is_gone(it.key, new) && asks(it, from) && !asks(it, to))
        .collect();
    let heir = after.iter().find(|is| {
        let is_heir = |was: &Pods<'_>| {
            (was.key.1, was.key.3) == (is.key.1, is.key.3)
                && are_of_one_program(was, is)
                && leading((old, new), (&led_by(old, was), &led_by(new, is))).is_some()
        };
        is.key != asked
            && is_gone(is.key, old)
            && asks(is, to)
            && !asks(is, from)
            && left.iter().any(|was| is_heir(was))
    })?;
    let (_, kind, name, _) = heir.key;
    Some(format!(
        "{kind} `{name}`, itself of another name now, asks for it"
    ))
}

/// The Services that lead to pods.
fn led_by(side: &Keyed<'_>, pods: &Pods<'_>) -> Named {
    let all = behind::services(side).into_iter();
    all.filter(|it| pods.are_for(it.key.3, &it.selector))
        .map(|it| (it.key.2.to_owned(), it.key.3.map(ToOwned::to_owned)))
        .collect()
}

/// Whether they run the same images, and not only such as any program may run on: a proxy beside two programs makes them no one.
fn are_of_one_program(was: &Pods<'_>, is: &Pods<'_>) -> bool {
    let (was, is) = (programs(was), programs(is));
    was == is && was.iter().flatten().any(|it| !is_of_many(it))
}

fn programs<'p>(pods: &'p Pods<'_>) -> BTreeSet<Option<&'p str>> {
    let containers = items(&pods.pod, "containers");
    containers.map(successors::program).collect()
}

/// Official images of systems, languages and web servers, which say nothing of the program.
const OF_MANY: [&str; 27] = [
    "almalinux",
    "alpine",
    "amazoncorretto",
    "amazonlinux",
    "bash",
    "buildpack-deps",
    "busybox",
    "caddy",
    "centos",
    "debian",
    "eclipse-temurin",
    "envoy",
    "fedora",
    "golang",
    "haproxy",
    "httpd",
    "nginx",
    "node",
    "openjdk",
    "perl",
    "php",
    "python",
    "rockylinux",
    "ruby",
    "rust",
    "tomcat",
    "ubuntu",
];

/// Whether any program may run on an image, wherever a copy of it is had from.
fn is_of_many(repository: &str) -> bool {
    OF_MANY.contains(&images::name(repository))
}
