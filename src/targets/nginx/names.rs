//! Names that must be told apart within one nginx: pools, the variables of backends, and the
//! addresses and host names that are listened on.

use super::gateway::resolver_directives;
use super::hosts::Include;
use super::plan::Directive;
use super::values;
use crate::source::Span;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// What the gateways of one file have taken so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    pools: BTreeSet<String>,
    /// By port and host name; an empty one is all that no other server has.
    listeners: BTreeMap<(u64, String), Span>,
    hosts: BTreeSet<String>,
    variables: BTreeSet<String>,
    zones: BTreeSet<String>,
}

/// The services that the routes of one gateway lead to by a variable.
#[derive(Debug, Default)]
pub(super) struct Backends {
    /// Host and variable, in the order first used.
    list: Vec<(String, String)>,
    /// The variable's place by host.
    by_host: BTreeMap<String, usize>,
    taken: BTreeSet<String>,
    /// Whether other variables hold names that are looked up.
    pub(super) needs_resolver: bool,
    /// The live slots of a plain host, by the path of the file that names each.
    slots: BTreeMap<String, Include>,
}

impl Names {
    /// Keeps pools from taking the names of hosts: nginx takes `proxy_pass http://app:8080` for a
    /// pool named `app`, which then may have no port (nginx `src/http/ngx_http_upstream.c`).
    pub(super) fn reserve_host(&mut self, host: &str) {
        self.hosts.insert(host.to_ascii_lowercase());
    }

    /// A name for a pool: its own, else with its gateway's before it, else numbered.
    pub(super) fn pool(&mut self, gateway: &str, label: &str) -> String {
        let (label, gateway) = (word(label, '-'), word(gateway, '-'));
        let long = format!("{gateway}-{label}");
        let numbered = (2..).map(|number| format!("{long}-{number}"));
        let free = [label, long.clone()]
            .into_iter()
            .chain(numbered)
            .find(|name| {
                let name = name.to_ascii_lowercase();
                !self.hosts.contains(&name) && !self.pools.contains(&name)
            });
        let name = free.unwrap_or_default();
        self.pools.insert(name.to_ascii_lowercase());
        name
    }

    /// A name for a variable that all of nginx shares, without its `$`.
    pub(super) fn variable(&mut self, kind: &str, hint: &str) -> String {
        let hint = word(hint, '_').to_ascii_lowercase();
        let words = hint.split('_').filter(|word| !word.is_empty());
        let name = words.fold(kind.to_owned(), |name, word| format!("{name}_{word}"));
        free(&name, &mut self.variables)
    }

    /// A name for the memory of a rate limit: the gateway's, with the route's and the key's behind it. nginx refuses another key
    /// for a name that it has, and only once it reloads (nginx/nginx `ngx_http_limit_req_init_zone`).
    pub(super) fn zone(&mut self, gateway: &str, route: &str, key: &str) -> String {
        let mut name = word(gateway, '-');
        for part in [route, key].map(|part| word(part, '-')) {
            let part = part.trim_matches('-');
            if !part.is_empty() {
                name.push('-');
                name.push_str(part);
            }
        }
        free(&name, &mut self.zones)
    }

    /// Takes a host name on a port; the error is the place that has it.
    pub(super) fn listen(&mut self, port: u64, host: &str, span: Span) -> Result<(), Span> {
        let place = self.listeners.entry((port, host.to_owned()));
        match place {
            Entry::Occupied(first) => Err(*first.get()),
            Entry::Vacant(free) => {
                free.insert(span);
                Ok(())
            }
        }
    }

    /// What the `http` level needs for them. A host name that does not fit nginx's hash of names
    /// stops its start.
    pub(super) fn directives(&self) -> Vec<Directive> {
        let longest = self.listeners.keys().map(|(_, host)| host.len()).max();
        let bucket = longest.and_then(values::hash_bucket);
        bucket
            .map(|bucket| Directive::new("server_names_hash_bucket_size", [bucket.to_string()]))
            .into_iter()
            .collect()
    }
}

impl Backends {
    /// The variable that holds a host.
    pub(super) fn variable(&mut self, service: &str, host: &str) -> String {
        let known = self
            .by_host
            .get(host)
            .and_then(|place| self.list.get(*place));
        if let Some((_, variable)) = known {
            return variable.clone();
        }
        let name = format!("backend_{}", word(service, '_').to_ascii_lowercase());
        let variable = free(&name, &mut self.taken);
        self.by_host.insert(host.to_owned(), self.list.len());
        self.list.push((host.to_owned(), variable.clone()));
        variable
    }

    /// Has the address of a plain host's live slot included.
    pub(super) fn include(&mut self, path: String, include: Include) {
        self.slots.insert(path, include);
    }

    /// What is included.
    pub(super) fn included(&self) -> impl Iterator<Item = &Include> {
        self.slots.values()
    }

    /// The name server, the variables and the includes.
    pub(super) fn directives(&self, resolver: Ipv4Addr) -> Vec<Directive> {
        let paths = self.slots.keys();
        let includes = paths.map(|path| Directive::new("include", [path.as_str()]));
        if self.list.is_empty() && !self.needs_resolver {
            return includes.collect();
        }
        let [server, timeout] = resolver_directives(resolver);
        let why =
            "A name in a variable is looked up at request time: no reload when addresses change.";
        let mut out = vec![server.comment(why), timeout];
        let sets = self
            .list
            .iter()
            .map(|(host, variable)| Directive::new("set", [format!("${variable}"), host.clone()]));
        out.extend(sets);
        out.extend(includes);
        out
    }
}

/// A name that is not taken yet, short enough: a longer one would not fit nginx's hash of variables,
/// which only the main file can widen.
fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut name = name.trim_end_matches(['_', '-']).to_owned();
    while values::hash_bucket(name.len()).is_some() {
        name.pop();
    }
    let numbered = (2..).map(|number| {
        let kept = name.len().min(36);
        format!("{}_{number}", name.get(..kept).unwrap_or_default())
    });
    let mut names = std::iter::once(name.clone()).chain(numbered);
    let free = names.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

/// A text in letters, digits and a filler.
fn word(text: &str, filler: char) -> String {
    let keep = |char: char| {
        if char.is_ascii_alphanumeric() || char == '_' {
            char
        } else {
            filler
        }
    };
    text.chars().map(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_have_names_of_their_own() {
        let mut names = Names::default();
        names.reserve_host("api");
        assert_eq!(names.pool("edge", "app"), "app");
        assert_eq!(names.pool("edge", "App"), "edge-App");
        assert_eq!(names.pool("edge", "app"), "edge-app-2");
        assert_eq!(names.pool("edge", "api"), "edge-api");
        assert_eq!(names.pool("edge", "a;b"), "a-b");
    }

    #[test]
    fn variables_are_short_and_apart() {
        let mut backends = Backends::default();
        let long = "x".repeat(63);
        assert_eq!(
            backends.variable("user-service", "user"),
            "backend_user_service"
        );
        assert_eq!(
            backends.variable("user_service", "other"),
            "backend_user_service_2"
        );
        assert_eq!(
            backends.variable("user-service", "user"),
            "backend_user_service"
        );
        let one = backends.variable(&long, "one");
        let two = backends.variable(&long, "two");
        assert_ne!(one, two);
        assert!(one.len() <= 46 && two.len() <= 46);
    }
}
