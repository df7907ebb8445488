//! Which services a gateway has answer for some paths, and for which paths it has them asked: a `rewrite` makes another path of them, and a
//! `redirect` has the client ask for another one, which the gateway may lead to a service, too.

use super::moved::led;
use crate::change::contract::routes::{names, nearest};
use crate::graph::routing::{self, Candidate, Paths, VirtualHost};
use crate::vocabulary::{Gateway, Method, Node, Route};
use std::collections::{BTreeMap, BTreeSet};

/// A gateway with its host names.
#[derive(Clone, Copy)]
pub(super) struct Asking<'h, 'a> {
    gateway: &'a Gateway,
    hosts: &'h [VirtualHost<'a>],
}

/// A path that a service is asked for, in text that tells one from another, and whether clients are sent there first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) is_redirected: bool,
}

impl<'h, 'a> Asking<'h, 'a> {
    pub(super) fn of(gateway: &'a Gateway, hosts: &'h [VirtualHost<'a>]) -> Self {
        Self { gateway, hosts }
    }

    /// The routes of a name that are the nearest to some paths.
    pub(super) fn nearest(&self, name: &str, paths: &Paths) -> Option<&'h [Candidate<'a>]> {
        let (_, host) = nearest(self.hosts, name)?;
        host.nearest(paths).map(|(_, candidates)| &**candidates)
    }

    /// The services that answer in the end where some routes take requests of a name for some paths.
    pub(super) fn by(
        &self,
        routes: &[Candidate<'a>],
        (name, paths, method): (&str, &Paths, Option<Method>),
    ) -> BTreeMap<&'a str, Asked> {
        let mut found = BTreeMap::new();
        self.follow(routes, (name, paths, method), &mut Vec::new(), &mut found);
        found
    }

    /// The services that answer in the end who was sent to some paths of a name, and asks for them by GET.
    pub(super) fn at(&self, (name, paths): (&str, &Paths)) -> BTreeSet<&'a str> {
        let get = Some(Method::Get);
        let taken = self.nearest(name, paths);
        let routes = taken.map(|candidates| taking(&VirtualHost::asked(candidates), get));
        let found = routes.map(|routes| self.by(&routes, (name, paths, get)));
        found.unwrap_or_default().into_keys().collect()
    }

    fn follow(
        &self,
        routes: &[Candidate<'a>],
        (name, paths, method): (&str, &Paths, Option<Method>),
        sent: &mut Vec<(String, Paths)>,
        found: &mut BTreeMap<&'a str, Asked>,
    ) {
        for candidate in routes {
            for service in led(self.gateway, candidate.route) {
                found.entry(service).or_insert_with(|| Asked {
                    path: asked_for(candidate.route, paths),
                    is_redirected: !sent.is_empty(),
                });
            }
            let there = self.goes_to(candidate.route, name, paths);
            // To one and another path and back there is no end.
            let Some(there) = there.filter(|it| !sent.contains(it)) else {
                continue;
            };
            sent.push(there.clone());
            let (name, paths) = there;
            if let Some(candidates) = self.nearest(&name, &paths) {
                let routes = taking(&VirtualHost::asked(candidates), method);
                self.follow(&routes, (&name, &paths, method), sent, found);
            }
        }
    }

    /// The name and the paths of this gateway that a route sends clients to; another port is another one's, and a host name that it does not say.
    pub(super) fn goes_to(
        &self,
        route: &Node<Route>,
        name: &str,
        paths: &Paths,
    ) -> Option<(String, Paths)> {
        let redirect = route.redirect.as_ref().filter(|it| it.port.is_none())?;
        let name = match &redirect.host {
            Some(host) => {
                let host = host.value.to_ascii_lowercase();
                let mut own = self.hosts.iter().flat_map(names);
                let is_own = own.any(|own| !own.is_empty() && routing::host_covers(own, &host));
                Some(host).filter(|_| is_own)?
            }
            None => name.to_owned(),
        };
        let paths = match &redirect.path {
            Some(path) => Paths::read(&path.value)?,
            None => paths.clone(),
        };
        Some((name, paths))
    }

    /// Whether a service is asked for a path by a route that was written for it, under whichever name; or by one for all paths, where that
    /// counts.
    pub(super) fn asks(&self, service: &str, path: &str, all_count: bool) -> bool {
        let own = Paths::read(if path.is_empty() { "/" } else { path });
        let is_for = |(paths, candidates): &(Paths, Vec<Candidate<'_>>)| {
            candidates.iter().any(|it| {
                led(self.gateway, it.route).contains(service)
                    && (asked_for(it.route, paths) == path
                        || it.route.rewrite.is_none()
                            && (all_count || *paths != Paths::All)
                            && own.as_ref().is_some_and(|own| paths.cover(own)))
            })
        };
        self.hosts.iter().any(|host| host.paths.iter().any(is_for))
    }
}

/// The routes that may take a request of a method, in turn.
pub(super) fn taking<'g>(
    candidates: &[Candidate<'g>],
    method: Option<Method>,
) -> Vec<Candidate<'g>> {
    let mut taking = Vec::new();
    for candidate in candidates {
        let takes = routing::methods(candidate.route)
            .is_none_or(|methods| method.is_some_and(|method| methods.contains(&method)));
        if takes {
            taking.push(*candidate);
            if candidate.route.headers.is_none() {
                break;
            }
        }
    }
    taking
}

/// What a service is asked for by a route instead of some paths: text that tells one from another.
fn asked_for(route: &Node<Route>, paths: &Paths) -> String {
    let base = |paths: &Paths| match paths {
        Paths::All => String::new(),
        paths => paths.text().to_owned(),
    };
    let path = base(paths);
    let Some(rewrite) = &route.rewrite else {
        return path;
    };
    let Some(prefix) = &rewrite.prefix else {
        let said = [&rewrite.from, &rewrite.to].map(|it| it.as_ref().map(|it| &*it.value));
        return format!("{path} {said:?}");
    };
    let own = routing::paths(route).map_or_else(String::new, |own| base(&own));
    let rest = path.strip_prefix(own.as_str()).unwrap_or(&path);
    format!("{}{rest}", prefix.value.trim_end_matches('/'))
}
