//! Who comes to lead to, or ask, one Service in the place of another one: an Ingress or a route at a name and path that it had, or one that
//! takes the place of it under another name; and pods that are called otherwise as well.

use super::answers::{Answer, Backend, Leader, ROUTES};
use super::behind::Pods;
use super::parts::{INGRESS, items};
use super::{Key, Keyed, answered, routed, successors};
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
        one == other || (one.1, one.3) == (other.1, other.3) && is_renamed()
    };
    let moves = |was: &Leader<'_>, is: &Leader<'_>| {
        let mut answers = was.answers.iter();
        let of_paths = answers.any(|was| {
            let mut answers = is.answers.iter();
            answers
                .any(|is| is_at_one_place(was, is) && goes(&was.backends, &is.backends, (from, to)))
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

fn is_at_one_place(was: &Answer, is: &Answer) -> bool {
    (&was.host, &was.path, &was.besides) == (&is.host, &is.path, &is.besides) && was.kind == is.kind
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

/// Pods that are made under another name, of the program of such as are written no more, and ask for one of the others where those asked for one
/// of some: others than the ones that are asked.
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
            (was.key.1, was.key.3) == (is.key.1, is.key.3) && are_of_one_program(was, is)
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

fn are_of_one_program(was: &Pods<'_>, is: &Pods<'_>) -> bool {
    let mut containers = items(&was.pod, "containers");
    containers.any(|one| {
        let program = successors::program(one);
        let mut others = items(&is.pod, "containers");
        program.is_some() && others.any(|other| successors::program(other) == program)
    })
}
