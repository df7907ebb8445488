//! Whether a service that is new is the one that is gone under another label, or one more of its kind: two databases run one image and
//! keep their data at one path, whoever they are for.

use super::pairs::repository;
use crate::graph::{Edge, EdgeKind, Graph, ServiceView};
use crate::vocabulary::{EntryValue, Node, Route};
use std::collections::BTreeSet;

/// How surely one takes the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tie {
    /// Who asked the one asks the other, by another word: the data of the one may be what is looked for.
    Perhaps,
    /// Who asked the one asks the other by the same word, or nothing but the name tells them apart.
    Sure,
}

/// A service of a program, and by which name of the new program one of its callers goes.
type Asked<'s, 'g> = (
    &'g Graph,
    ServiceView<'g>,
    &'s dyn Fn(&str) -> Option<String>,
);

/// What ties two services; nothing where each has callers of its own.
pub(super) fn between(before: Asked<'_, '_>, now: Asked<'_, '_>) -> Option<Tie> {
    let (was, is) = (before.1, now.1);
    let (before, now) = (callers(before), callers(now));
    if before.is_empty() && now.is_empty() {
        return is_alike(was, is).then_some(Tie::Sure);
    }
    let named = |it: &&Caller| it.word.is_some();
    if before.iter().filter(named).any(|it| now.contains(it)) {
        return Some(Tie::Sure);
    }
    let common = before
        .iter()
        .any(|it| now.iter().any(|other| it.who == other.who));
    common.then_some(Tie::Perhaps)
}

/// Who asks for a service, and by what.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Caller {
    /// By the name that it has in the new program; one that is in only one of them by what it runs.
    who: String,
    /// What in it says so; nothing where it only starts after it.
    word: Option<String>,
}

fn callers((graph, service, name): Asked<'_, '_>) -> BTreeSet<Caller> {
    let edges = graph.edges_to(service.id);
    let edges = edges.filter(|(_, caller)| caller.id != service.id);
    let callers = edges.map(|(edge, caller)| {
        let runs = || repository(caller).map(|image| format!("image {image}"));
        Caller {
            who: name(caller.name())
                .or_else(runs)
                .unwrap_or_else(|| caller.name().to_owned()),
            word: (edge.kind != EdgeKind::After).then(|| word(graph, caller, edge)),
        }
    });
    callers.collect()
}

/// What of a caller an edge comes from: a variable, a key of a config, a route.
fn word(graph: &Graph, caller: ServiceView<'_>, edge: &Edge) -> String {
    let body = &caller.node.service;
    let env = body.env.iter().flat_map(|env| &env.entries);
    let configs = graph.deployment().configs.iter();
    let data = configs.filter_map(|config| config.config.data.as_ref());
    let entries = env.chain(data.flat_map(|data| &data.entries));
    let mut entries = entries.filter(|entry| entry.attribute.span == edge.span);
    if let Some(entry) = entries.next() {
        return format!("variable {}", entry.key);
    }
    let gateway = caller.node.gateway.iter();
    let mut routes = gateway.clone().flat_map(|gateway| &gateway.route);
    if let Some(route) = routes.find(|route| is_of(route, edge)) {
        return format!("route {}", route.label.name());
    }
    let mut upstreams = gateway.flat_map(|gateway| &gateway.upstream);
    let upstream = upstreams.find(|it| it.server.iter().any(|server| server.span == edge.span));
    upstream.map_or_else(
        || "words".to_owned(),
        |upstream| format!("upstream {}", upstream.label.name()),
    )
}

fn is_of(route: &Node<Route>, edge: &Edge) -> bool {
    let to = route.to.as_ref().map(|to| to.span);
    to == Some(edge.span) || route.split.iter().any(|split| split.span == edge.span)
}

/// Whether nothing tells two services that run one image apart but their names and those of their volumes.
fn is_alike(was: ServiceView<'_>, is: ServiceView<'_>) -> bool {
    let env = |service: ServiceView<'_>| {
        let entries = service.node.service.env.iter().flat_map(|env| &env.entries);
        let entries = entries.map(|it| (it.key.to_string(), it.attribute.value.clone()));
        let mut entries: Vec<(String, EntryValue)> = entries.collect();
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        entries
    };
    let ports = |service: ServiceView<'_>| {
        let ports = service.ports();
        let ports = ports.map(|port| {
            let number = port.number.as_ref().map(|it| it.value);
            let publish = port.publish.as_ref().map(|it| it.value);
            (port.label.name().to_owned(), number, publish)
        });
        ports.collect::<Vec<_>>()
    };
    let words = |service: ServiceView<'_>| {
        let body = &service.node.service;
        let words = [body.command.as_ref(), body.args.as_ref()];
        words.map(|words| {
            let words = words.into_iter().flat_map(|words| &words.value);
            words.map(|it| it.value.clone()).collect::<Vec<_>>()
        })
    };
    env(was) == env(is) && ports(was) == ports(is) && words(was) == words(is)
}
