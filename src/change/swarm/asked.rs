//! How Traefik asks the tasks of a service beside their port: by which scheme, and which it takes as fit. What it reads of labels counts at once
//! for the tasks of both versions (traefik/traefik `pkg/provider/docker/pswarm.go`, `parseTasks`).

use super::traefik::Labels;
use crate::change::{Change, Loss, Lost};
use serde_json::Value;
use std::collections::BTreeSet;

/// A label of one of Traefik's services, whose name it knows.
fn of_service<'l>(labels: &'l Labels, service: &str, word: &str) -> Option<&'l str> {
    let label = labels.get(&format!("{SERVICES}{service}.loadbalancer.{word}"));
    label.map(String::as_str)
}

const SERVICES: &str = "traefik.http.services.";

/// Traefik's services of which labels tell.
fn services(labels: &Labels) -> BTreeSet<&str> {
    let names = labels.keys().filter_map(|name| {
        let (service, _) = name.strip_prefix(SERVICES)?.split_once(".loadbalancer.")?;
        Some(service)
    });
    names.collect()
}

/// Of a service whose old tasks are asked otherwise than they were while tasks of both versions run, where what they answer may be another thing
/// in the new ones, since their image is another one, or something of theirs names both.
pub(super) fn otherwise(change: &Change, (had, has): (&Labels, &Labels)) -> Option<Loss> {
    let name = &change.name;
    let both = services(has).into_iter();
    let mut both = both.filter(|it| services(had).contains(it));
    both.find_map(|service| {
        let sides = |word: &str| [had, has].map(|it| of_service(it, service, word));
        let [spoken, speaks] = sides("server.scheme").map(|it| it.unwrap_or("http"));
        if may_differ(change, (spoken, speaks)) {
            return Some(by_another_scheme(name, (spoken, speaks)));
        }
        let [before, path] = sides("healthcheck.path");
        let path = path?;
        if may_differ(change, (before.unwrap_or_default(), path)) {
            return Some(checked_at(name, (before, path)));
        }
        before?;
        ["port", "scheme"].into_iter().find_map(|word| {
            let [was, is] = [had, has].map(|it| checked_by(it, service, word));
            let (was, is) = (was?, is?);
            may_differ(change, (was, is)).then(|| by_another(name, word, (was, is)))
        })
    })
}

/// By which scheme or at which port tasks are checked: as they are asked, where nothing else is written.
fn checked_by<'l>(labels: &'l Labels, service: &str, word: &str) -> Option<&'l str> {
    let mut words = ["healthcheck", "server"].into_iter();
    let found = words.find_map(|it| of_service(labels, service, &format!("{it}.{word}")));
    found.or((word == "scheme").then_some("http"))
}

/// Whether what is asked for is another thing, and tasks of before may not have it.
fn may_differ(change: &Change, (was, is): (&str, &str)) -> bool {
    let has = |value: Option<&Value>, text: &str| {
        let value = value.map(Value::to_string).unwrap_or_default();
        text.len() > 1 && value.contains(text)
    };
    let of_task = change.fields.iter().filter(|field| {
        let is_of_service = ["deploy", "ports"].iter();
        !is_of_service
            .clone()
            .any(|word| field.path.starts_with(word))
    });
    let mut of_task = of_task.filter(|field| {
        field.path == "image" || has(field.old.as_ref(), was) && has(field.new.as_ref(), is)
    });
    was != is && ![was, is].iter().any(|it| it.contains('$')) && of_task.next().is_some()
}

fn by_another_scheme(name: &str, (was, is): (&str, &str)) -> Loss {
    Loss {
        about: Lost::Routed,
        what: format!(
            "Traefik takes the labels of `{name}` at once, for the tasks of both versions: until the last old one is replaced it asks its old tasks \
             by `{is}`, and answers with 500 or 502 where those speak `{was}` alone"
        ),
        way: format!(
            "have its tasks speak `{is}` at a port of its own beside `{was}` in one deploy, change the labels to that port and scheme in the next, and \
             let `{was}` go in a third; or serve `{is}` from a service of its own beside this one"
        ),
    }
}

/// What does not answer a check with 2xx or 3xx is asked no more (doc.traefik.io/traefik/routing/services, Health Check).
fn checked_at(name: &str, (was, is): (Option<&str>, &str)) -> Loss {
    let first = match was {
        Some(was) => format!("have its tasks answer at `{was}` and `{is}` in one deploy"),
        None => format!("have its tasks answer at `{is}` in one deploy"),
    };
    Loss {
        about: Lost::Routed,
        what: format!(
            "{}at `{is}`, and sends nothing to those that do not answer there with 2xx or 3xx: where none does it answers with 503 until a new one serves",
            checks(name)
        ),
        way: format!("{first}, and change the label in the next"),
    }
}

fn by_another(name: &str, word: &str, (was, is): (&str, &str)) -> Loss {
    let (how, both) = match word {
        "port" => (format!("at port {is}"), format!("at ports {was} and {is}")),
        _ => (format!("by `{is}`"), format!("by `{was}` and `{is}`")),
    };
    Loss {
        about: Lost::Routed,
        what: format!(
            "{}{how}, and sends nothing to those that do not answer so: where none does it answers with 503 until a new one serves",
            checks(name)
        ),
        way: format!(
            "have its tasks answer {both} in one deploy, and change the label in the next"
        ),
    }
}

fn checks(name: &str) -> String {
    format!(
        "Traefik takes the labels of `{name}` at once, for the tasks of both versions: until the last old one is replaced it checks its old tasks "
    )
}
