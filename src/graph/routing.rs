//! What a gateway does with a request, the same for every target: which listeners and routes a
//! host name has, and which of them takes which paths.
//!
//! The longest path decides, and a request that none of its routes takes is refused, never handed
//! to a shorter path: `methods` at a path is a restriction. What is no pattern of paths is left
//! out here; the rules say it.

use crate::source::{Span, Str};
use crate::vocabulary::{Gateway, Listen, Method, Node, Protocol, Route};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Which paths a route takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Paths {
    /// All.
    All,
    /// This one.
    One(String),
    /// This one and all below it.
    Below(String),
}

impl Paths {
    /// Reads `/`, `/x` or `/x/**`.
    pub fn read(pattern: &str) -> Option<Paths> {
        if matches!(pattern, "/" | "/**") {
            return Some(Paths::All);
        }
        let below = pattern.strip_suffix("/**");
        let prefix = below.unwrap_or(pattern);
        if prefix.contains(['*', '{', '}']) || !prefix.starts_with('/') {
            return None;
        }
        match below {
            Some(prefix) if prefix.ends_with('/') => None,
            Some(prefix) => Some(Paths::Below(prefix.to_owned())),
            None => Some(Paths::One(prefix.to_owned())),
        }
    }

    /// The path that they begin with.
    pub fn text(&self) -> &str {
        match self {
            Paths::All => "/",
            Paths::One(path) | Paths::Below(path) => path,
        }
    }

    /// Whether all of the other's paths are among these.
    pub fn cover(&self, other: &Paths) -> bool {
        match (self, other) {
            (Paths::All, _) => true,
            (Paths::One(one), Paths::One(other)) => one == other,
            (Paths::Below(one), Paths::One(other) | Paths::Below(other)) => other
                .strip_prefix(one.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            _ => false,
        }
    }
}

/// The pattern of a route's paths, and where it stands.
pub fn pattern(route: &Node<Route>) -> (&str, Span) {
    match &route.path {
        Some(path) => (&path.value, path.span),
        None => (route.label.name(), route.span),
    }
}

/// The paths of a route.
pub fn paths(route: &Node<Route>) -> Option<Paths> {
    Paths::read(pattern(route).0)
}

/// What a listener speaks: https where it has a certificate or goes by that name.
pub fn protocol(listen: &Node<Listen>) -> Protocol {
    let implied = if listen.tls.is_some() || listen.label.name() == "https" {
        Protocol::Https
    } else {
        Protocol::Http
    };
    listen.protocol.as_ref().map_or(implied, |it| it.value)
}

/// The port of a listener.
pub fn port(listen: &Node<Listen>) -> u64 {
    let usual = if protocol(listen) == Protocol::Https {
        443
    } else {
        80
    };
    listen.port.as_ref().map_or(usual, |port| port.value.get())
}

/// The methods of a route, in order: whoever may GET may HEAD (RFC 9110, 9.3.2). None for all.
pub fn methods(route: &Route) -> Option<BTreeSet<Method>> {
    let written = route.methods.as_ref()?;
    let mut methods: BTreeSet<Method> = written.value.iter().map(|method| method.value).collect();
    if methods.contains(&Method::Get) {
        methods.insert(Method::Head);
    }
    Some(methods)
}

/// The headers that a route asks for, by name in small letters.
pub fn headers(route: &Route) -> BTreeSet<(String, &str)> {
    let entries = route.headers.iter().flat_map(|headers| &headers.entries);
    entries
        .map(|entry| (entry.key.to_ascii_lowercase(), &*entry.attribute.value))
        .collect()
}

/// Whether a route takes every request for its hosts and paths.
pub fn is_unconditional(route: &Route) -> bool {
    route.methods.is_none() && route.headers.is_none()
}

/// Host names that are treated alike.
#[derive(Clone, Debug)]
pub struct VirtualHost<'g> {
    /// The names, in small letters; none for all that no other has.
    pub hosts: Vec<String>,
    /// The listeners that answer for them, by their place in the gateway.
    pub listeners: Vec<usize>,
    /// For each pattern of paths, in the order written, the routes that are asked in turn.
    pub paths: Vec<(Paths, Vec<Candidate<'g>>)>,
}

/// A route that is asked whether it takes a request.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'g> {
    /// Its place in the gateway.
    pub index: usize,
    /// The route.
    pub route: &'g Node<Route>,
    /// The place of the one before it that takes all of its requests.
    pub covered_by: Option<usize>,
}

/// Every host name of a gateway with its routes, in the order written.
pub fn virtual_hosts(gateway: &Gateway) -> Vec<VirtualHost<'_>> {
    let mut out: Vec<VirtualHost<'_>> = Vec::new();
    for name in names(gateway) {
        let listeners = listeners(gateway, &name);
        let paths = table(gateway, &name);
        let same = |known: &&mut VirtualHost<'_>| {
            !name.is_empty()
                && !known.hosts.is_empty()
                && known.listeners == listeners
                && is_same(&known.paths, &paths)
        };
        match out.iter_mut().find(same) {
            Some(known) => known.hosts.push(name),
            None => out.push(VirtualHost {
                hosts: Some(name)
                    .filter(|name| !name.is_empty())
                    .into_iter()
                    .collect(),
                listeners,
                paths,
            }),
        }
    }
    out
}

/// The names that listeners and routes say; an empty one for all.
fn names(gateway: &Gateway) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    let mut add = |name: String| {
        if seen.insert(name.clone()) {
            out.push(name);
        }
    };
    for listen in &gateway.listen {
        match &listen.hosts {
            None => add(String::new()),
            Some(hosts) => hosts.value.iter().for_each(|host| add(lower(&host.value))),
        }
    }
    for host in gateway.route.iter().flat_map(|route| &route.hosts) {
        host.value.iter().for_each(|host| add(lower(&host.value)));
    }
    out
}

/// The listeners that answer for a name: those that say it, else those that cover it.
fn listeners(gateway: &Gateway, name: &str) -> Vec<usize> {
    let by = |test: &dyn Fn(&Listen) -> bool| -> Vec<usize> {
        let listens = gateway.listen.iter().enumerate();
        listens
            .filter(|(_, listen)| test(listen))
            .map(|(index, _)| index)
            .collect()
    };
    let own = by(&|listen| match &listen.hosts {
        None => name.is_empty(),
        Some(hosts) => hosts.value.iter().any(|host| lower(&host.value) == name),
    });
    let of_route = gateway
        .route
        .iter()
        .flat_map(|route| &route.hosts)
        .any(|hosts| hosts.value.iter().any(|host| lower(&host.value) == name));
    if !of_route {
        return own;
    }
    by(&|listen| {
        listen.hosts.as_ref().is_none_or(|hosts| {
            let mut hosts = hosts.value.iter();
            hosts.any(|host| host_covers(&lower(&host.value), name))
        })
    })
}

/// Whether a host name, or `*.` and one, is the other or above it.
pub fn host_covers(pattern: &str, name: &str) -> bool {
    pattern == name
        || pattern
            .strip_prefix('*')
            .is_some_and(|suffix| name.len() > suffix.len() && name.ends_with(suffix))
}

/// How closely a host name of a route or a listener fits a name that it covers: a whole one before those above it, and of these the longest.
pub fn closeness(host: &str) -> usize {
    2 * host.len() + usize::from(!host.starts_with('*'))
}

/// How closely a route's hosts fit a name, the closest first; `None` where it is not for it.
pub fn host_rank(route: &Route, name: &str) -> Option<Reverse<usize>> {
    let Some(hosts) = &route.hosts else {
        return Some(Reverse(0));
    };
    let hosts = hosts.value.iter().map(|host| lower(&host.value));
    hosts
        .filter(|host| host_covers(host, name))
        .map(|host| Reverse(closeness(&host)))
        .min()
}

fn table<'g>(gateway: &'g Gateway, name: &str) -> Vec<(Paths, Vec<Candidate<'g>>)> {
    type Key = (bool, Reverse<usize>, Reverse<usize>, usize);
    type Keyed<'g> = Vec<(Key, &'g Node<Route>)>;
    let mut places: BTreeMap<Paths, usize> = BTreeMap::new();
    let mut found: Vec<(Paths, Keyed<'g>)> = Vec::new();
    for (index, route) in gateway.route.iter().enumerate() {
        let (Some(paths), Some(rank)) = (paths(route), host_rank(route, name)) else {
            continue;
        };
        let headers = Reverse(headers(route).len());
        let key = (route.methods.is_none(), headers, rank, index);
        let place = *places.entry(paths.clone()).or_insert(found.len());
        match found.get_mut(place) {
            Some((_, routes)) => routes.push((key, route)),
            None => found.push((paths, vec![(key, route)])),
        }
    }
    let ordered = |mut routes: Keyed<'g>| {
        routes.sort_by_key(|(key, _)| *key);
        let mut candidates: Vec<Candidate<'g>> = Vec::new();
        for ((.., index), route) in routes {
            let covered_by = covering(&candidates, route);
            candidates.push(Candidate {
                index,
                route,
                covered_by,
            });
        }
        candidates
    };
    found
        .into_iter()
        .map(|(paths, routes)| (paths, ordered(routes)))
        .collect()
}

/// The first of the routes before this one that takes all of its requests.
fn covering(before: &[Candidate<'_>], route: &Route) -> Option<usize> {
    let covers = |earlier: &&Candidate<'_>| takes_all_of(earlier.route, route);
    before.iter().find(covers).map(|earlier| earlier.index)
}

/// Whether a route takes every request for its paths that another one takes.
pub fn takes_all_of(route: &Route, other: &Route) -> bool {
    let more = match (methods(route), methods(other)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(methods), Some(others)) => others.is_subset(&methods),
    };
    more && headers(route).is_subset(&headers(other))
}

fn is_same(one: &[(Paths, Vec<Candidate<'_>>)], other: &[(Paths, Vec<Candidate<'_>>)]) -> bool {
    let indices = |candidates: &[Candidate<'_>]| -> Vec<usize> {
        candidates.iter().map(|candidate| candidate.index).collect()
    };
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|((a, these), (b, those))| a == b && indices(these) == indices(those))
}

impl<'g> VirtualHost<'g> {
    /// The pattern that decides about paths, with its routes: of those that cover them all the longest.
    pub fn nearest(&self, to: &Paths) -> Option<&(Paths, Vec<Candidate<'g>>)> {
        let covering = self.paths.iter().filter(|(paths, _)| paths.cover(to));
        covering.reduce(|nearest, other| {
            if nearest.0.cover(&other.0) {
                other
            } else {
                nearest
            }
        })
    }

    /// The routes that requests come to, in turn.
    pub fn asked(candidates: &[Candidate<'g>]) -> Vec<Candidate<'g>> {
        let mut out = candidates.to_vec();
        out.retain(|candidate| candidate.covered_by.is_none());
        out
    }
}

/// Of the routes for one path the one that takes every request, else the first.
pub fn chosen<'c, 'g>(asked: &'c [Candidate<'g>]) -> Option<&'c Candidate<'g>> {
    let mut all = asked.iter();
    all.find(|candidate| is_unconditional(candidate.route))
        .or(asked.first())
}

fn lower(host: &Str) -> String {
    host.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read() {
        assert_eq!(Paths::read("/"), Some(Paths::All));
        assert_eq!(Paths::read("/**"), Some(Paths::All));
        assert_eq!(Paths::read("/x"), Some(Paths::One("/x".to_owned())));
        assert_eq!(Paths::read("/x/**"), Some(Paths::Below("/x".to_owned())));
        for wrong in ["", "x", "/x*", "/x/*", "/x//**", "/{id}", "/**/x"] {
            assert_eq!(Paths::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn paths_cover_what_is_below_them() {
        let of = |pattern| Paths::read(pattern).unwrap();
        assert!(of("/").cover(&of("/x/**")));
        assert!(of("/x/**").cover(&of("/x")));
        assert!(of("/x/**").cover(&of("/x/y/**")));
        assert!(!of("/x/**").cover(&of("/xy")));
        assert!(!of("/x").cover(&of("/x/**")));
    }

    #[test]
    fn hosts_cover_names() {
        assert!(host_covers("a.test", "a.test"));
        assert!(host_covers("*.test", "a.b.test"));
        assert!(!host_covers("*.test", "test"));
        assert!(!host_covers("*.test", ".test"));
        assert!(!host_covers("a.test", "b.a.test"));
        assert!(closeness("m.test") > closeness("*.test"));
        assert!(closeness("*.a.test") > closeness("*.test"));
    }
}
