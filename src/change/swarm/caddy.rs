//! Services behind Caddy, where it is told of them by labels of services, which count at once for the tasks of both versions
//! (lucaslorentz/caddy-docker-proxy `generator/services.go`, `getServiceCaddyfile` and `getServiceTasksIps`).

use super::service::Service;
use super::traefik::{Labels, labels, listed, port_moved};
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::{Content, Object};
use std::collections::BTreeSet;

/// What a service that stays loses by its labels, beside those of others that are there.
pub(super) fn told(
    change: &Change,
    (had, has): (&Labels, &Labels),
    there: &[&Service<'_>],
    objects: &[Object],
) -> Vec<Loss> {
    if !had.keys().any(|label| label.starts_with("caddy")) {
        return Vec::new();
    }
    let ports = (ports(had), ports(has));
    let moved = port_moved(change, "Caddy", ports).filter(|_| change.effect == Effect::Rolls);
    let gone = unanswered(change, (had, has), there, objects);
    moved.into_iter().chain(gone).collect()
}

fn unanswered(
    change: &Change,
    (had, has): (&Labels, &Labels),
    there: &[&Service<'_>],
    objects: &[Object],
) -> Option<Loss> {
    let others = there.iter().map(|it| labels(it));
    let all: Vec<Labels> = others.chain([has.clone()]).collect();
    let answered: Option<Vec<BTreeSet<String>>> =
        all.iter().flat_map(addresses).map(hosts).collect();
    let answered = answered?;
    let is_in_a_file = |host: &str| {
        let mut files = objects.iter().filter(|it| it.kind == Object::FILE);
        files.any(|it| matches!(&it.content, Content::Text(text) if text.contains(host)))
    };
    let were = addresses(had).filter_map(hosts).flatten();
    let gone = were.filter(|host| !answered.iter().any(|it| it.contains(host)));
    let gone: BTreeSet<String> = gone.filter(|host| !is_in_a_file(host)).collect();
    Some(Loss {
        about: Lost::Outside,
        what: format!(
            "`{}` no longer answers for {}: Caddy takes its labels at once, and no other label has that host",
            change.name,
            listed(&gone)?
        ),
        way: "keep the host beside the new one in the label until no client asks for it".to_owned(),
    })
}

/// The addresses of sites: `caddy`, `caddy_1`. What has none is for all of them, and what stands in parentheses is a part of others.
fn addresses(labels: &Labels) -> impl Iterator<Item = &str> {
    let is_site = |name: &str| {
        let number = name.strip_prefix("caddy");
        let number = number.map(|it| it.strip_prefix('_').unwrap_or(it));
        number.is_some_and(|it| it.chars().all(|it| it.is_ascii_digit()))
    };
    let sites = labels.iter().filter(move |(name, _)| is_site(name));
    let sites = sites.map(|(_, site)| site.trim());
    sites.filter(|it| !it.is_empty() && !it.starts_with('('))
}

/// The only hosts of a site; `None` where it may answer others (caddyserver.com/docs/caddyfile/concepts, Addresses).
fn hosts(site: &str) -> Option<BTreeSet<String>> {
    let addresses = site.split([' ', ',']).filter(|it| !it.is_empty());
    let hosts = addresses.map(|address| {
        let (_, rest) = address.split_once("://").unwrap_or(("", address));
        let host = rest.split([':', '/']).next().unwrap_or_default();
        let is_known = !host.is_empty() && !address.contains(['*', '$', '{']);
        is_known.then(|| host.to_ascii_lowercase())
    });
    hosts.collect()
}

/// The ports at which tasks are asked: `{{upstreams 8080}}`.
fn ports(labels: &Labels) -> BTreeSet<u16> {
    let of_caddy = labels.iter().filter(|(name, _)| name.starts_with("caddy"));
    let upstreams = of_caddy.flat_map(|(_, text)| text.split("{{").skip(1));
    let upstreams = upstreams.filter_map(|it| it.trim_start().strip_prefix("upstreams"));
    let ports = upstreams.filter_map(|it| {
        let (inside, _) = it.split_once("}}")?;
        inside.split_whitespace().last()?.parse().ok()
    });
    ports.collect()
}
