//! Services of stacks that go by another name, or are in another stack: to a swarm they are new, and the old ones run on.

use super::apart::{Apart, is_official};
use super::data::{data, text};
use super::service::{self, Service};
use super::stack::{Stack, stem};
use super::writers::takes_one;
use super::{callers, left_behind, ports};
use crate::change::{Change, Effect, Loss, Pair, Refusal, Was, images};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Whether what is left is what a new one was.
type IsOne<'f> = &'f dyn Fn(&Change, &Change) -> bool;
type Services<'s> = BTreeMap<String, Service<'s>>;
type Ties = BTreeMap<String, Tie>;

/// A service that is created and one that is left are one with another name, where they are one in the program, are the same but for the
/// name, or have in stack files one image and more that ties them.
pub(super) fn find(
    pair: &Pair<'_>,
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
    apart: &Apart<'_>,
    changes: &mut Vec<Change>,
) {
    let (mut created, mut left) = taken(changes);
    if !created.is_empty() && !left.is_empty() {
        let (before, after) = (service::all(old), service::all(new));
        let (had, has) = (contents(&before), contents(&after));
        let are_same = |was: &Change, is: &Change| {
            let one = pair.old_graph.is_some() && was.service == is.service;
            let is_alike = || {
                has.get(&is.name)
                    .is_some_and(|is| had.get(&was.name) == Some(is))
            };
            one && is.service.is_some() || is_alike()
        };
        // Of two programs it is known which are one.
        let are_programs = pair.old_graph.is_some() && pair.new_graph.is_some();
        let ties = |services: &Services<'_>, changes: &[Change]| -> Ties {
            let names = changes.iter().filter(|_| !are_programs);
            let ties =
                names.filter_map(|it| Some((it.name.clone(), tie(services.get(&it.name)?)?)));
            ties.collect()
        };
        let (were, are) = (ties(&before, &left), ties(&after, &created));
        let (callers, asked) = if were.is_empty() || are.is_empty() {
            Default::default()
        } else {
            let asked = callers::of_gone((&before, &after), apart);
            (callers_that_moved(&before, &after), asked)
        };
        let are_tied = |was: &Change, is: &Change| {
            let both = were.get(&was.name).zip(are.get(&is.name));
            both.is_some_and(|(was, is)| {
                let is_in_its_place = || {
                    asked.answered.contains(&(was.name(), is.name()))
                        || takes_its_port((was, is), (&before, &after), apart)
                };
                let has_moved = || {
                    asked.missed.contains(&was.name())
                        || moved_along((was, is), (&were, &are), (&before, &after))
                };
                let are_tied = are_one(was, is, &callers)
                    || was.is_called_as(is) && is_in_its_place()
                    || was.is_as(is) && has_moved();
                are_tied && !apart.stay_apart(&was.stack, &is.stack)
            })
        };
        let are_tied_and_alike = |was: &Change, is: &Change| {
            let both = before.get(&was.name).zip(after.get(&is.name));
            let are_alike =
                || both.is_some_and(|(was, is)| was.object.content == is.object.content);
            are_tied(was, is) && are_alike()
        };
        // What two apps may both have is not one because it is the same. Of several that are the same, rather one of its swarm.
        let are_same = |was: &Change, is: &Change| {
            let both = were.get(&was.name).zip(are.get(&is.name));
            let may_be_two = both.is_some_and(|(was, is)| was.is_of_all && was.stack != is.stack);
            are_same(was, is) && (!may_be_two || are_tied(was, is))
        };
        let are_same_there = |was: &Change, is: &Change| {
            let both = before.get(&was.name).zip(after.get(&is.name));
            let is_there = |(was, is): (&Service<'_>, &Service<'_>)| {
                !apart.stay_apart(was.stack.name, is.stack.name)
            };
            are_same(was, is) && both.is_none_or(is_there)
        };
        let mut ways: Vec<(IsOne<'_>, bool)> = vec![(&are_same_there, false), (&are_same, false)];
        if !are_programs {
            ways.extend([(&are_tied_and_alike as _, true), (&are_tied as _, true)]);
        }
        for (is_one, is_by_itself) in ways {
            for index in 0..created.len() {
                let Some(found) = partner(&created, index, &left, is_one, is_by_itself) else {
                    continue;
                };
                let was = left.remove(found);
                let Some(change) = created.get_mut(index) else {
                    continue;
                };
                let both = before.get(&was.name).zip(after.get(&change.name));
                rename(change, &was.name, both, apart, !are_programs);
                // One that is refused is so until the old one is removed, and finds another volume then.
                if !are_programs {
                    change.losses = losses((&was.name, &change.name), (&had, &has), old);
                }
            }
        }
        for was in &left {
            let found = one_of_several((was, &created), (&were, &are), (&before, &after), apart);
            if let Some(change) = found.and_then(|found| created.get_mut(found)) {
                let losses = losses((&was.name, &change.name), (&had, &has), old);
                change.losses.extend(losses.into_iter().map(|loss| Loss {
                    about: data(false),
                    what: format!(
                        "where it is deployed to the swarm of `{}`, {}",
                        was.name, loss.what
                    ),
                    ..loss
                }));
            }
        }
    }
    // In the order of the manifests: what is there, what is new, what is gone.
    changes.splice(0..0, created);
    changes.extend(left);
}

/// Takes the services out that are created, and those that are left.
fn taken(changes: &mut Vec<Change>) -> (Vec<Change>, Vec<Change>) {
    let of = |effect: Effect, change: &Change| change.effect == effect && change.kind == "service";
    let (mut created, mut left) = (Vec::new(), Vec::new());
    for change in std::mem::take(changes) {
        if of(Effect::Left, &change) {
            left.push(change);
        } else if of(Effect::Created, &change) {
            created.push(change);
        } else {
            changes.push(change);
        }
    }
    (created, left)
}

/// Which of those that are left a new one was; where it has to be by itself, none if one of both sides may be another's.
fn partner(
    created: &[Change],
    index: usize,
    left: &[Change],
    is_one: IsOne<'_>,
    is_by_itself: bool,
) -> Option<usize> {
    let change = created.get(index).filter(|it| it.was.is_none())?;
    let mut found = left
        .iter()
        .enumerate()
        .filter(|(_, was)| is_one(was, change));
    let (at, was) = found.next()?;
    let mut others = created
        .iter()
        .filter(|it| it.was.is_none() && it.name != change.name);
    let mut is_alone = || found.next().is_none() && !others.any(|other| is_one(was, other));
    (!is_by_itself || is_alone()).then_some(at)
}

/// What one service loses that another one has, by their names.
fn losses(
    (was, is): (&str, &str),
    (had, has): (&BTreeMap<String, Value>, &BTreeMap<String, Value>),
    old: &[Stack<'_>],
) -> Vec<Loss> {
    let contents = had.get(was).zip(has.get(is));
    let losses = contents.map(|both| left_behind((is, text(both.0, "image")), both, both, old));
    losses.unwrap_or_default()
}

/// Of several that come of one stack that goes, each for a swarm of its own, the service that may be what is left: rather one of a stack that
/// takes a port of it.
fn one_of_several(
    (was, created): (&Change, &[Change]),
    (were, are): (&Ties, &Ties),
    (before, after): (&Services<'_>, &Services<'_>),
    apart: &Apart<'_>,
) -> Option<usize> {
    let is_of_path = before.get(&was.name)?.stack.variant_of.is_some();
    let was = were.get(&was.name).filter(|_| !is_of_path)?;
    let come = apart.come_of(&was.stack);
    let may_be = created.iter().enumerate().filter_map(|(index, it)| {
        let is = are.get(&it.name).filter(|_| it.was.is_none())?;
        let comes = come.len() > 1 && come.contains(&&*is.stack);
        (comes && was.is_called_as(is)).then_some((index, is))
    });
    let may_be: Vec<_> = may_be.collect();
    let takes_a_port = |is: &Tie| {
        let mut all = all_of(before, &was.stack);
        all.any(|was| all_of(after, &is.stack).any(|is| takes_a_port(was, is)))
    };
    let mut taking = may_be.iter().filter(|(_, is)| takes_a_port(is));
    let found = taking.next().or(may_be.first());
    found.map(|(index, _)| *index)
}

/// The hosts that a service asked for, with those that it asks for instead.
type Moved = Vec<(BTreeSet<String>, BTreeSet<String>)>;

fn callers_that_moved(before: &Services<'_>, after: &Services<'_>) -> Moved {
    let both = after
        .iter()
        .filter_map(|(name, is)| Some((before.get(name)?, is)));
    let both = both.filter(|(was, is)| was.object.content != is.object.content);
    let asked = both.map(|(was, is)| {
        let (was, is) = (callers::asked(was), callers::asked(is));
        (&was - &is, &is - &was)
    });
    asked.collect()
}

/// What a service may be known by under another name.
struct Tie {
    stack: String,
    key: String,
    /// Without its tag.
    image: String,
    /// Whether stacks that have nothing to do with each other have it: an official image, or a database.
    is_of_all: bool,
    is_global: bool,
    aliases: BTreeSet<String>,
    /// The names in the swarm of those that are written.
    networks: BTreeSet<String>,
    asks: BTreeSet<String>,
    /// Where it is reached from outside, or what there it asks: rules of its routers, and whole host names.
    outside: BTreeSet<String>,
}

impl Tie {
    /// Its name in the swarm.
    fn name(&self) -> String {
        format!("{}_{}", self.stack, self.key)
    }

    /// Whether it is of the same key and image in another stack. A thousand stacks have a `redis`.
    fn is_as(&self, other: &Tie) -> bool {
        self.is_called_as(other) && self.image == other.image
    }

    /// So, but perhaps of another registry.
    fn is_called_as(&self, other: &Tie) -> bool {
        let is_same = images::name(&self.image) == images::name(&other.image);
        let is_alike = is_same && self.is_global == other.is_global;
        self.stack != other.stack && self.key == other.key && is_alike
    }
}

/// Whether what is of one key and image in two stacks moved from the one to the other: it is reached as before, both are on one network, most of
/// the old stack went the same way, or somebody did who asks for it, or for whom it asks. Of images of everybody, which another app may have
/// too, a network or most of the stack does not say it: all of the new one came of the old one then, which stays, or all of the old one went
/// there.
fn moved_along(
    (was, is): (&Tie, &Tie),
    (were, are): (&Ties, &Ties),
    (before, after): (&Services<'_>, &Services<'_>),
) -> bool {
    if !was.outside.is_disjoint(&is.outside) {
        return true;
    }
    let is_taken_out = || is_taken_out((was, is), (were, are), (before, after));
    if !was.networks.is_disjoint(&is.networks) && (!was.is_of_all || is_taken_out()) {
        return true;
    }
    let (mut pairs, mut of_all) = (0, 0);
    for old in were.values().filter(|it| it.stack == was.stack) {
        let new = are.get(&format!("{}_{}", is.stack, old.key));
        let Some(new) = new.filter(|new| old.is_as(new)) else {
            continue;
        };
        let is_asked = old.asks.contains(&was.key) && new.asks.contains(&is.key);
        let asks = was.asks.contains(&old.key) && is.asks.contains(&new.key);
        if is_asked && !asks_any(&old.image) || asks && !asks_any(&was.image) {
            return true;
        }
        pairs += 1;
        of_all += usize::from(old.is_of_all);
    }
    let all = all_of(before, &was.stack).count();
    pairs * 2 > all && (pairs > of_all || pairs == all || is_taken_out())
}

/// Whether an image is made to look into whatever database there is (hub.docker.com/_/adminer, `/_/phpmyadmin`, `/_/mongo-express`,
/// `/r/dpage/pgadmin4`): each app may have one.
fn asks_any(image: &str) -> bool {
    let tools = ["adminer", "phpmyadmin", "mongo-express", "pgadmin4"];
    tools.contains(&images::name(image))
}

/// Whether a service publishes a port that another one has, and was meant to come in its place. Of a file that went elsewhere and has no name but
/// for its path the stack may be the one that it was.
fn takes_its_port(
    (was, is): (&Tie, &Tie),
    (before, after): (&Services<'_>, &Services<'_>),
    apart: &Apart<'_>,
) -> bool {
    let both = before.get(&was.name()).zip(after.get(&is.name()));
    both.is_some_and(|(old, new)| {
        let is_of_path = [old, new].iter().any(|it| it.stack.variant_of.is_some());
        let stays = || all_of(after, &was.stack).next().is_some();
        let [one, other] = [&*was.stack, &*is.stack];
        let may_be_there = if stays() {
            !apart.are_surely(one, other)
        } else {
            !is_of_path && !apart.say_other_swarms(one, other)
        };
        takes_a_port(old, new) && may_be_there
    })
}

/// On each node, too: there the new one waits for it.
fn takes_a_port(was: &Service<'_>, is: &Service<'_>) -> bool {
    let (theirs, ours) = (ports::published(was.object), ports::published(is.object));
    let mut ours = ours.keys();
    ours.any(|port| theirs.contains_key(port) && !port.contains('$'))
}

/// Whether a new stack was made of services that one had which stays without them.
fn is_taken_out(
    (was, is): (&Tie, &Tie),
    (were, are): (&Ties, &Ties),
    (before, after): (&Services<'_>, &Services<'_>),
) -> bool {
    let was_there = |key: &str| {
        let both = were
            .get(&format!("{}_{key}", was.stack))
            .zip(are.get(&format!("{}_{key}", is.stack)));
        both.is_some_and(|(was, is)| was.is_as(is))
    };
    let stays = |it: &Service<'_>| after.contains_key(&format!("{}_{}", was.stack, it.object.name));
    all_of(before, &was.stack).any(stays)
        && all_of(after, &is.stack).all(|it| was_there(&it.object.name))
}

/// The services of a stack.
fn all_of<'a, 's>(
    services: &'a Services<'s>,
    stack: &'a str,
) -> impl Iterator<Item = &'a Service<'s>> {
    services.values().filter(move |it| it.stack.name == stack)
}

fn tie(service: &Service<'_>) -> Option<Tie> {
    let image = service.at(&["image"])?;
    let image = images::repository(image.as_str()?);
    let is_database = || service.written().iter().any(|it| takes_one(&it.path));
    let networks = service.at(&["networks"]);
    let networks = networks.as_deref().and_then(Value::as_object);
    let aliases = networks
        .into_iter()
        .flatten()
        .filter_map(|(_, how)| how.get("aliases")?.as_array());
    let aliases = aliases.flatten().filter_map(Value::as_str);
    let stack = service.stack;
    let joined = stack.service(service.object);
    let joined = joined.get("networks").and_then(Value::as_object);
    let joined = joined.into_iter().flat_map(|all| all.keys());
    let asks = callers::asked(service);
    let whole = asks.iter().filter(|host| host.contains('.'));
    let outside = whole.cloned().chain(rules(service)).collect();
    Some(Tie {
        outside,
        stack: service.stack.name.to_owned(),
        key: service.object.name.clone(),
        image: image.to_owned(),
        is_of_all: is_official(image) || is_database(),
        is_global: service.is_global(),
        aliases: aliases.map(ToOwned::to_owned).collect(),
        networks: joined.cloned().collect(),
        asks,
    })
}

/// The rules by which a router leads to a service, as labels say them (doc.traefik.io/traefik/routing/routers, Rule).
fn rules(service: &Service<'_>) -> Vec<String> {
    let labels = [&["labels"][..], &["deploy", "labels"]];
    let labels = labels.into_iter().filter_map(|path| service.at(path));
    let texts = labels.flat_map(|it| match &*it {
        Value::Object(labels) => labels.values().cloned().collect(),
        Value::Array(labels) => labels.clone(),
        _ => Vec::new(),
    });
    let texts = texts.filter_map(|it| it.as_str().map(ToOwned::to_owned));
    texts
        .filter(|it| it.contains("Host") && it.contains('('))
        .collect()
}

/// Whether what is in one place of two stack files is what was in the other: one image, whatever its tag, that goes on to answer to the key, or that who asked the one asks for instead.
fn are_one(was: &Tie, is: &Tie, callers: &Moved) -> bool {
    let is_asked_instead = || {
        let mut callers = callers.iter();
        callers.any(|(were, are)| were.contains(&was.key) && are.contains(&is.key))
    };
    was.image == is.image
        && was.is_global == is.is_global
        && (is.aliases.contains(&was.key) || is_asked_instead())
}

/// Every service as the engine sees it, by its name in the swarm.
fn contents(services: &Services<'_>) -> BTreeMap<String, Value> {
    let services = services.iter();
    let services = services.map(|(name, it)| (name.clone(), it.stack.service(it.object)));
    services.collect()
}

fn rename(
    change: &mut Change,
    was: &str,
    both: Option<(&Service<'_>, &Service<'_>)>,
    apart: &Apart<'_>,
    is_written: bool,
) {
    change.was = Some(Was {
        kind: "service".to_owned(),
        name: was.to_owned(),
        place: None,
        may_be_here: false,
        data: None,
    });
    let beside = both.filter(|(was, is)| !apart.stay_apart(was.stack.name, is.stack.name));
    let taken = beside.and_then(|(was, is)| ports::taken(was.object, is.object));
    (change.effect, change.how) = match taken {
        Some(port) => (
            Effect::Refused,
            ports::refusal("create", &change.name, &port, was),
        ),
        None => (
            Effect::Renamed,
            format!("was {was}, which runs on beside it until it is removed"),
        ),
    };
    if let Some((old, new)) = both.filter(|_| is_written && change.effect == Effect::Refused) {
        let key = &old.object.name;
        let kept = if stem(&old.object.file) == stem(&new.object.file) {
            format!("keep the name `{key}`")
        } else {
            format!("keep it as `{key}` in the stack `{}`", old.stack.name)
        };
        change.refusal = Refusal::Said(format!(
            "{kept}: it is replaced under its policy then, and has its port; or `docker service rm {was}` first, with which it is down until \
             the new one serves; or publish another port until the old one is removed"
        ));
    }
}
