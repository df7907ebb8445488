//! Whether a value of one type may stand in a place of another, and the words for types.

use crate::source::Str;
use crate::types::{IntRange, ResourceKind, Ty};
use std::sync::Arc;

/// How a type fits a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Another type altogether.
    No,
    /// The right type, but no number of it lies in the place's range.
    OutOfRange,
    /// The right type, but it may be `none`.
    PerhapsNone,
    /// The right type, but known only when it is deployed.
    TooLate,
    /// It fits; evaluation still holds values against refinements.
    Yes,
}

/// Whether a value of type `actual` fits a place of type `expected`.
pub(super) fn fit(actual: &Ty, expected: &Ty) -> Fit {
    match (actual, expected) {
        (Ty::Any, _)
        | (_, Ty::Any)
        | (Ty::None, Ty::Optional(_))
        | (Ty::Text(_), Ty::Text(_) | Ty::Image | Ty::Path | Ty::Url)
        | (Ty::Words(_) | Ty::Image | Ty::Path | Ty::Url, Ty::Text(_))
        | (Ty::Resource(ResourceKind::Secret), Ty::Secret(_)) => Fit::Yes,
        (Ty::Deploy(inner), Ty::Deploy(wanted)) => deploy_fit(inner, wanted),
        (_, Ty::Deploy(wanted)) => fit(actual, wanted),
        (_, Ty::Either(choices)) => best(actual, choices),
        (Ty::Either(types), _) => worst(types.iter().map(|ty| (ty, expected))),
        (Ty::Optional(inner), Ty::Optional(wanted)) => fit(inner, wanted),
        (_, Ty::Optional(wanted)) => fit(actual, wanted),
        (Ty::Optional(inner), _) => perhaps_none(fit(inner, expected)),
        (Ty::Deploy(inner), _) => match fit(inner, expected) {
            Fit::No => Fit::No,
            _ => Fit::TooLate,
        },
        (Ty::Int(given), Ty::Int(wanted)) => {
            range_fit(given.max >= wanted.min && wanted.max >= given.min)
        }
        (Ty::Words(given), Ty::Words(wanted)) => {
            yes_if(given.iter().all(|word| wanted.contains(word)))
        }
        (Ty::List(given, _), Ty::List(wanted, _))
        | (Ty::Map(given), Ty::Map(wanted))
        | (Ty::Range(given), Ty::Range(wanted))
        | (Ty::Secret(given), Ty::Secret(wanted)) => fit(given, wanted),
        (Ty::Record(fields), Ty::Map(wanted)) => {
            worst(fields.iter().map(|(_, field)| (field, &**wanted)))
        }
        (Ty::Record(given), Ty::Record(wanted)) => record_fit(given, wanted),
        (given, wanted) => yes_if(given == wanted),
    }
}

fn yes_if(fits: bool) -> Fit {
    if fits { Fit::Yes } else { Fit::No }
}

fn range_fit(fits: bool) -> Fit {
    if fits { Fit::Yes } else { Fit::OutOfRange }
}

/// The fit of the choice that suits most.
fn best(actual: &Ty, choices: &[Ty]) -> Fit {
    let mut best = Fit::No;
    for choice in choices {
        match fit(actual, choice) {
            Fit::Yes => return Fit::Yes,
            better if better > best => best = better,
            _ => {}
        }
    }
    best
}

/// The fit of the part that suits least, of pairs of what is given and what is wanted.
fn worst<'t>(parts: impl Iterator<Item = (&'t Ty, &'t Ty)>) -> Fit {
    let mut worst = Fit::Yes;
    for (given, wanted) in parts {
        match fit(given, wanted) {
            Fit::No => return Fit::No,
            worse if worse < worst => worst = worse,
            _ => {}
        }
    }
    worst
}

/// The fit of a value that may also be `none`, where its place takes none. A function of its own
/// that is never inlined: written as `.min()` on the recursion, beside choices folded with `max`,
/// the release build of rustc 1.95 took every choice for one that may be `none`.
#[inline(never)]
fn perhaps_none(fit: Fit) -> Fit {
    match fit {
        Fit::No | Fit::OutOfRange => fit,
        Fit::PerhapsNone | Fit::TooLate | Fit::Yes => Fit::PerhapsNone,
    }
}

/// A deploy-time number cannot be looked at later: a bound that was written must lie within the
/// place's. A bound that was not written is for the proofs to refuse.
fn deploy_fit(given: &Ty, wanted: &Ty) -> Fit {
    match (given, wanted) {
        (Ty::Int(given), Ty::Int(wanted)) => {
            let least = given.min == i64::MIN || given.min >= wanted.min;
            let most = given.max == i64::MAX || given.max <= wanted.max;
            range_fit(least && most)
        }
        _ => fit(given, wanted),
    }
}

fn record_fit(given: &[(Str, Ty)], wanted: &[(Str, Ty)]) -> Fit {
    let known = |name: &Str| wanted.iter().any(|(wanted, _)| wanted == name);
    if given.iter().any(|(name, _)| !known(name)) {
        return Fit::No;
    }
    worst(wanted.iter().map(|(name, ty)| {
        let given = given.iter().find(|(given, _)| given == name);
        (given.map_or(&Ty::None, |(_, given)| given), ty)
    }))
}

/// One type for two values of a list or two branches, if there is one.
pub(super) fn join(a: Ty, b: &Ty) -> Option<Ty> {
    match (&a, b) {
        (Ty::Any, _) | (_, Ty::Any) => return Some(Ty::Any),
        (Ty::Int(a), Ty::Int(b)) => {
            return Some(Ty::Int(IntRange {
                min: a.min.min(b.min),
                max: a.max.max(b.max),
            }));
        }
        (Ty::Text(a), Ty::Text(b)) if a != b => return Some(Ty::TEXT),
        (Ty::None, Ty::Optional(_)) => return Some(b.clone()),
        (Ty::None | Ty::Optional(_), Ty::None) => return Some(a),
        (Ty::None, _) => return Some(Ty::Optional(Arc::new(b.clone()))),
        (_, Ty::None) => return Some(Ty::Optional(Arc::new(a))),
        (Ty::Deploy(inner), _) if fit(b, inner) == Fit::Yes => return Some(a),
        (_, Ty::Deploy(inner)) if fit(&a, inner) == Fit::Yes => return Some(b.clone()),
        _ => {}
    }
    if fit(b, &a) == Fit::Yes {
        Some(a)
    } else if fit(&a, b) == Fit::Yes {
        Some(b.clone())
    } else if let (Ty::Words(first), Ty::Words(second)) = (&a, b) {
        let new = second.iter().filter(|word| !first.contains(word));
        Some(Ty::Words(first.iter().chain(new).cloned().collect()))
    } else {
        None
    }
}

/// The type without what only refines it: what a comparison looks at.
pub(super) fn unrefined(ty: &Ty) -> Ty {
    match ty {
        Ty::Int(_) => Ty::INT,
        Ty::Text(_) => Ty::TEXT,
        Ty::Optional(inner) => Ty::Optional(Arc::new(unrefined(inner))),
        other => other.clone(),
    }
}

/// Types this deep or large are taken as [`Ty::Any`]: aliases can make them grow without bound.
const MOST_NODES: usize = 2_000;
const MOST_DEPTH: usize = 48;

/// The type, or [`Ty::Any`] where it is too large to look at again and again.
pub(super) fn bounded(ty: Ty) -> Ty {
    let mut left = MOST_NODES;
    if within(&ty, MOST_DEPTH, &mut left) {
        ty
    } else {
        Ty::Any
    }
}

fn within(ty: &Ty, depth: usize, left: &mut usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let Some(rest) = left.checked_sub(1) else {
        return false;
    };
    *left = rest;
    match ty {
        Ty::Either(types) => types.iter().all(|ty| within(ty, depth, left)),
        Ty::Record(fields) => fields.iter().all(|(_, ty)| within(ty, depth, left)),
        Ty::List(inner, _)
        | Ty::Map(inner)
        | Ty::Optional(inner)
        | Ty::Range(inner)
        | Ty::Deploy(inner)
        | Ty::Secret(inner) => within(inner, depth, left),
        _ => true,
    }
}

/// The type as a message names it, without an article.
pub(super) fn noun(ty: &Ty) -> String {
    match ty {
        Ty::Int(IntRange::NATURAL) => "int".to_owned(),
        Ty::Int(range) if range.max == i64::MAX || range.min == i64::MIN => "int".to_owned(),
        Ty::Words(words) => one_of(words.iter().map(|word| format!("`{word}`")).collect()),
        Ty::Either(types) => {
            let mut nouns: Vec<String> = Vec::new();
            for ty in types.iter() {
                let noun = noun(ty);
                if !nouns.contains(&noun) {
                    nouns.push(noun);
                }
            }
            one_of(nouns)
        }
        Ty::Deploy(inner) | Ty::Optional(inner) => noun(inner),
        Ty::Secret(_) => "secret".to_owned(),
        Ty::PortReference => "service port".to_owned(),
        Ty::List(item, _) if **item == Ty::Any => "list".to_owned(),
        Ty::Map(item) if **item == Ty::Any => "map".to_owned(),
        Ty::List(item, _) => format!("list<{}>", noun(item)),
        Ty::Map(item) => format!("map<{}>", noun(item)),
        Ty::Range(inner) => format!("range of {}", noun(inner)),
        other => other.to_string(),
    }
}

/// `a, b or c`
pub(super) fn one_of(words: Vec<String>) -> String {
    let mut words = words;
    let Some(last) = words.pop() else {
        return String::new();
    };
    if words.is_empty() {
        return last;
    }
    format!("{} or {last}", words.join(", "))
}

/// The words of a place, where it takes some: through choices, `?` and stages.
pub(super) fn words_of(ty: &Ty) -> Option<&Arc<[Str]>> {
    match ty {
        Ty::Words(words) => Some(words),
        Ty::Optional(inner) | Ty::Deploy(inner) => words_of(inner),
        Ty::Either(types) => types.iter().find_map(words_of),
        _ => None,
    }
}

/// Finds the part of a place's type that `pick` knows: through choices, `?` and stages.
pub(super) fn part<'t, T: 't>(ty: &'t Ty, pick: &impl Fn(&'t Ty) -> Option<T>) -> Option<T> {
    pick(ty).or_else(|| match ty {
        Ty::Optional(inner) | Ty::Deploy(inner) => part(inner, pick),
        Ty::Either(types) => types.iter().find_map(|ty| part(ty, pick)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(min: i64, max: i64) -> Ty {
        Ty::Int(IntRange { min, max })
    }

    fn deploy(ty: Ty) -> Ty {
        Ty::Deploy(Arc::new(ty))
    }

    #[test]
    fn refinements_fit_where_they_may_and_deploy_time_ones_where_they_must() {
        assert_eq!(fit(&Ty::INT, &int(1, 8)), Fit::Yes);
        assert_eq!(fit(&int(9, 12), &int(1, 8)), Fit::OutOfRange);
        assert_eq!(
            fit(&deploy(int(2, 10)), &deploy(int(1, 8))),
            Fit::OutOfRange
        );
        assert_eq!(fit(&deploy(Ty::INT), &deploy(int(1, 8))), Fit::Yes);
        assert_eq!(fit(&deploy(Ty::INT), &Ty::INT), Fit::TooLate);
        assert_eq!(fit(&deploy(Ty::INT), &Ty::TEXT), Fit::No);
    }

    #[test]
    fn the_best_of_several_choices_counts() {
        let choices = Ty::either([deploy(Ty::TEXT), deploy(Ty::INT), Ty::Bool, Ty::Ip]);
        let place = Ty::Optional(Arc::new(choices));
        for given in [Ty::TEXT, Ty::Bool, Ty::Ip, Ty::None, deploy(Ty::INT)] {
            assert_eq!(fit(&given, &place), Fit::Yes, "{given}");
        }
        assert_eq!(fit(&Ty::Duration, &place), Fit::No);
        assert_eq!(fit(&deploy(Ty::Bool), &place), Fit::TooLate);
    }

    #[test]
    fn unions_fit_wider_unions() {
        let few = Ty::words(&["a", "b"]);
        let many = Ty::words(&["a", "b", "c"]);
        assert_eq!(fit(&few, &many), Fit::Yes);
        assert_eq!(fit(&many, &few), Fit::No);
        assert_eq!(fit(&many, &Ty::TEXT), Fit::Yes);
        assert_eq!(fit(&Ty::TEXT, &many), Fit::No);
    }

    #[test]
    fn what_may_be_none_is_not_there_for_sure() {
        let optional = Ty::Optional(Arc::new(Ty::INT));
        assert_eq!(fit(&optional, &Ty::INT), Fit::PerhapsNone);
        assert_eq!(fit(&Ty::INT, &optional), Fit::Yes);
        assert_eq!(join(Ty::None, &Ty::INT), Some(optional));
    }

    #[test]
    fn a_type_that_grows_without_bound_is_any() {
        let mut ty = Ty::INT;
        for _ in 0..20 {
            let name = |name: &str| Str::from(name);
            ty = Ty::Record([(name("a"), ty.clone()), (name("b"), ty)].into());
        }
        assert_eq!(bounded(ty), Ty::Any);
    }
}
