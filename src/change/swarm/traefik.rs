//! Services behind Traefik, which reads the labels of a service, not those of its tasks: what they say counts at once for the tasks of both
//! versions (traefik/traefik `pkg/provider/docker/pswarm.go`, `parseService` and `parseTasks`).

use super::apart::Apart;
use super::asked;
use super::caddy;
use super::reached;
use super::routers::{hosts, wholes};
use super::service::{self, Service};
use super::stack::Stack;
use crate::change::{Change, Effect, Loss, Lost, images};
use crate::targets::{Content, Object};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Its labels, of which Traefik reads names in any case.
pub(super) type Labels = BTreeMap<String, String>;

/// Says what a change of labels does, of services that stay.
pub(super) fn told(
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
    objects: &[Object],
    apart: &Apart<'_>,
    changes: &mut [Change],
) {
    let has_other_labels = |it: &Change| {
        let mut fields = it.fields.iter();
        let stays = it.effect.replaces() || it.effect == Effect::InPlace;
        let counts = |path: &str| path.starts_with("deploy") || path.starts_with("networks");
        it.kind == "service" && stays && fields.any(|field| counts(&field.path))
    };
    if !changes.iter().any(has_other_labels) {
        return;
    }
    let (before, after) = (service::all(old), service::all(new));
    for change in changes.iter_mut().filter(|it| has_other_labels(it)) {
        let both = before.get(&change.name).zip(after.get(&change.name));
        let Some((was, is)) = both.filter(|(was, is)| !was.is_off() && !is.is_off()) else {
            continue;
        };
        let (had, has) = (labels(was), labels(is));
        if change.effect == Effect::Rolls && is_on(&had, None) && is_on(&has, None) {
            let moved = port_moved(change, "Traefik", (ports(&had), ports(&has)));
            let moved = moved.or_else(|| asked::otherwise(change, (&had, &has)));
            change.losses.extend(moved);
        }
        // What is left behind goes on to answer.
        let left = before.iter().filter(|(name, _)| !after.contains_key(*name));
        let there = after.iter().chain(left).filter(|(name, it)| {
            **name != change.name && !apart.are_surely(is.stack.name, it.stack.name)
        });
        let there: Vec<&Service<'_>> = there.map(|(_, it)| it).collect();
        let of_caddy = caddy::told(change, (&had, &has), &there, objects);
        change.losses.extend(of_caddy);
        let takes_all = takes_all(&there);
        if change.effect.replaces() && is_on(&had, takes_all) && is_asked(&has, takes_all) {
            let known: Vec<&Service<'_>> = before.values().collect();
            let both = (known.as_slice(), there.as_slice());
            let left = reached::left(&change.name, (was, is), &has, both);
            change.losses.extend(left);
        }
        if is_on(&had, takes_all) {
            let others = there.iter().map(|it| labels(it));
            let others: Vec<Labels> = others.filter(|it| is_on(it, takes_all)).collect();
            let own = Some(&has).filter(|has| is_on(has, takes_all));
            let gone = hosts_gone(&had, others.iter().chain(own), objects);
            let hidden = is_hidden((&had, &has), takes_all);
            let hidden = hidden.then(|| hosts_gone(&had, others.iter(), objects));
            let is_sure = hidden.as_ref().is_none_or(|hidden| *hidden == gone);
            let gone = hidden.unwrap_or(gone);
            let stays = is_asked(&has, takes_all);
            change
                .losses
                .extend(unanswered(&change.name, &gone, (is_sure, stays)));
            let narrowed = narrowed(&had, others.iter().chain(own), objects);
            let narrowed = &narrowed - &gone;
            change
                .losses
                .extend(answered_in_part(&change.name, &narrowed));
        }
    }
}

pub(super) fn labels(service: &Service<'_>) -> Labels {
    let labels = service.labels().into_iter();
    labels
        .map(|(name, text)| (name.to_ascii_lowercase(), text))
        .collect()
}

/// Whether Traefik takes a service, or may.
pub(super) fn is_on(labels: &Labels, takes_all: Option<bool>) -> bool {
    match labels.get("traefik.enable") {
        None => takes_all != Some(false),
        Some(said) => !said.eq_ignore_ascii_case("false"),
    }
}

/// Whether Traefik takes a service, or may, and has a rule for it.
pub(super) fn is_asked(labels: &Labels, takes_all: Option<bool>) -> bool {
    is_on(labels, takes_all) && rules(labels).next().is_some()
}

/// Whether a service says no more that Traefik may take it, and nobody knows whether it has to.
fn is_hidden((had, has): (&Labels, &Labels), takes_all: Option<bool>) -> bool {
    let says = |labels: &Labels| labels.contains_key("traefik.enable");
    takes_all.is_none() && says(had) && !says(has)
}

/// The ports at which tasks are asked (doc.traefik.io/traefik/routing/providers/swarm, `loadbalancer.server.port`).
fn ports(labels: &Labels) -> BTreeSet<u16> {
    let of_http = labels.iter().filter(|(name, _)| {
        name.starts_with("traefik.http.services.") && name.ends_with(".loadbalancer.server.port")
    });
    of_http.filter_map(|(_, port)| port.parse().ok()).collect()
}

/// Of a service that is asked at another port while tasks of both versions run, where something else of it says that they listen there
/// instead, or may, since their image is another one. Who changes the label alone has tasks that listen at both.
pub(super) fn port_moved(
    change: &Change,
    proxy: &str,
    (were, are): (BTreeSet<u16>, BTreeSet<u16>),
) -> Option<Loss> {
    let [was] = *(&were - &are).into_iter().collect::<Vec<_>>() else {
        return None;
    };
    let [is] = *(&are - &were).into_iter().collect::<Vec<_>>() else {
        return None;
    };
    let says = |value: Option<&Value>, number: u16| {
        let text = value.map(Value::to_string).unwrap_or_default();
        let number = number.to_string();
        let mut words = text.split(|it: char| !it.is_ascii_digit());
        words.any(|word| word == number)
    };
    let of_task = || {
        let fields = change.fields.iter();
        fields.filter(|field| !field.path.starts_with("deploy") && !field.path.starts_with("ports"))
    };
    let moves = of_task().any(|it| says(it.old.as_ref(), was) && says(it.new.as_ref(), is));
    let is_another_image = of_task().any(|it| it.path == "image");
    let asked = match (moves, is_another_image) {
        (true, _) => format!("its old tasks, which listen at {was}, at {is}, and answers with 502"),
        (false, true) => {
            format!("its old tasks at {is}, and answers with 502 where those listen at {was} alone")
        }
        (false, false) => return None,
    };
    let name = &change.name;
    Some(Loss {
        about: Lost::Routed,
        what: format!(
            "{proxy} takes the labels of `{name}` at once, for the tasks of both versions: until the last old one is replaced it asks {asked}"
        ),
        way: format!(
            "have its tasks listen at {was} and {is} in one deploy, change the label in the next, and let {was} go in a third; or serve {is} from a \
             service of its own beside this one"
        ),
    })
}

/// Whether a service is Traefik itself, by its image.
pub(super) fn is_traefik(service: &Service<'_>) -> bool {
    let image = service.at(&["image"]);
    let image = image.as_deref().and_then(Value::as_str);
    image.is_some_and(|image| images::name(image) == "traefik")
}

/// Whether Traefik takes services that do not say so, as far as its arguments are known (doc.traefik.io/traefik/providers/swarm,
/// `exposedByDefault`).
pub(super) fn takes_all(there: &[&Service<'_>]) -> Option<bool> {
    let all = there.iter().filter(|it| is_traefik(it));
    let known = all.filter_map(|it| {
        let words = it.at(&["command"])?.to_string();
        let words = words.to_ascii_lowercase();
        let is_said = words.contains("--providers.swarm") || words.contains("--providers.docker");
        is_said.then(|| !words.contains("exposedbydefault=false"))
    });
    known.min()
}

/// The rules of routers.
fn rules(labels: &Labels) -> impl Iterator<Item = &str> {
    let is_rule = |name: &str| {
        name.starts_with("traefik.http.routers.") && name.strip_suffix(".rule").is_some()
    };
    let rules = labels.iter().filter(move |(name, _)| is_rule(name));
    rules.map(|(_, rule)| rule.as_str())
}

/// The host names that Traefik answered for a service, and that no rule has any more. What a rule without a host, or with a variable in it,
/// may answer is not known, nor what Traefik is told in a file.
fn hosts_gone<'l>(
    had: &Labels,
    there: impl Iterator<Item = &'l Labels>,
    objects: &[Object],
) -> BTreeSet<String> {
    let answered: Option<Vec<BTreeSet<String>>> = there.flat_map(rules).map(hosts).collect();
    let Some(answered) = answered else {
        return BTreeSet::new();
    };
    let were = rules(had).filter_map(hosts).flatten();
    let gone = were.filter(|host| !answered.iter().any(|it| it.contains(host)));
    gone.filter(|host| !is_in_a_file(host, objects)).collect()
}

/// Those that Traefik answered for a service whatever was asked, and for which no rules do so any more. The same is not known.
fn narrowed<'l>(
    had: &Labels,
    there: impl Iterator<Item = &'l Labels>,
    objects: &[Object],
) -> BTreeSet<String> {
    let were = wholes(rules(had));
    if were.is_empty() {
        return were;
    }
    let there: Vec<&str> = there.flat_map(rules).collect();
    if there.iter().any(|rule| hosts(rule).is_none()) {
        return BTreeSet::new();
    }
    let lost = &were - &wholes(there.into_iter());
    let lost = lost.into_iter();
    lost.filter(|host| !is_in_a_file(host, objects)).collect()
}

/// Whether a file beside the stacks tells of a host, as one that Traefik reads may.
pub(super) fn is_in_a_file(host: &str, objects: &[Object]) -> bool {
    let is_one = |it: &&Object| {
        let mut ends = [".yml", ".yaml", ".toml"].iter();
        it.kind == Object::FILE && ends.any(|end| it.file.ends_with(end))
    };
    let mut files = objects.iter().filter(is_one);
    files.any(|it| matches!(&it.content, Content::Text(text) if text.contains(host)))
}

fn unanswered(name: &str, gone: &BTreeSet<String>, (is_sure, stays): (bool, bool)) -> Option<Loss> {
    let names = listed(gone)?;
    let when = if is_sure {
        ""
    } else {
        " where it takes only services with `traefik.enable=true` (`exposedByDefault=false`)"
    };
    let way = if is_sure && stays {
        "keep the host in a rule beside the new one (`||`) until no client asks for it"
    } else {
        "keep `traefik.enable=true` and the rule until no client asks there"
    };
    Some(Loss {
        about: Lost::Outside,
        what: format!(
            "`{name}` no longer answers for {names}: Traefik takes its labels at once{when}, and no other rule has that host"
        ),
        way: way.to_owned(),
    })
}

fn answered_in_part(name: &str, narrowed: &BTreeSet<String>) -> Option<Loss> {
    let names = listed(narrowed)?;
    Some(Loss {
        about: Lost::Outside,
        what: format!(
            "`{name}` no longer answers all requests for {names}: Traefik takes its labels at once, and no other rule takes what its rule leaves out now"
        ),
        way: "keep a rule of the host alone until no client asks for the rest, or let another service have it".to_owned(),
    })
}

/// Some names, in words.
pub(super) fn listed(names: &BTreeSet<String>) -> Option<String> {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    Some(match names.split_last()? {
        (last, []) => last.clone(),
        (last, first) => format!("{} and {last}", first.join(", ")),
    })
}
