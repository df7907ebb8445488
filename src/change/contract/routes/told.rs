//! What is said of requests that a gateway answers no more.

use super::{Gone, names};
use crate::graph::routing::{self, Candidate, VirtualHost};
use crate::vocabulary::{Gateway, Node, Route, RouteTarget};

/// How a gateway no longer answers what came to a route.
pub(super) enum How<'g> {
    /// Nobody answers for the name.
    Name,
    /// Nobody answers.
    All,
    /// Some of the requests are refused.
    Some,
    /// Who was not asked before answers.
    Wider {
        by: String,
        now: &'g Node<Route>,
        first: String,
    },
}

/// What is answered no more, and for which names.
pub(super) struct Lost<'g> {
    how: How<'g>,
    /// The route that answered, and its place; any where nobody answers for the name.
    route: Option<(usize, &'g Node<Route>)>,
    names: Vec<&'g str>,
}

impl<'g> Lost<'g> {
    pub(super) fn of(how: How<'g>, candidate: Option<Candidate<'g>>) -> Self {
        Self {
            how,
            route: candidate.map(|it| (it.index, it.route)),
            names: Vec::new(),
        }
    }

    /// One more, or one name more of the same one.
    pub(super) fn add(all: &mut Vec<Self>, lost: Self, name: &'g str) {
        match all.iter_mut().find(|it| it.is_as(&lost)) {
            Some(known) => known.names.push(name),
            None => all.push(Self {
                names: vec![name],
                ..lost
            }),
        }
    }

    /// Whether another one is the same but for its names.
    fn is_as(&self, other: &Self) -> bool {
        let place = |lost: &Self| lost.route.map(|(place, _)| place);
        let how = match (&self.how, &other.how) {
            (How::All, How::All) | (How::Some, How::Some) => true,
            (How::Wider { now: one, .. }, How::Wider { now: other, .. }) => {
                std::ptr::eq(*one, *other)
            }
            _ => false,
        };
        how && place(self) == place(other)
    }

    /// In words, and what to write where it is meant.
    pub(super) fn told(&self, (before, is): (&[VirtualHost<'_>], &Gateway)) -> Option<Gone> {
        let Some((place, route)) = self.route else {
            let name = self.names.first().map(|name| named(name));
            return name.map(|name| (name, String::new()));
        };
        let (pattern, _) = routing::pattern(route);
        let of = self.of_names(before, (place, route));
        Some(match &self.how {
            How::Name | How::All => (format!("`{pattern}`{of}"), String::new()),
            How::Some => {
                let some = format!("every request for `{pattern}`{of} that it did");
                (some, String::new())
            }
            How::Wider { by, now, first } => {
                let (wider, _) = routing::pattern(now);
                let other = self.whose(route, now);
                let what = format!(
                    "`{pattern}`{of} by {by}: its `{wider}`{other} leads these to `{first}` now"
                );
                (what, self.meant(route, now, (is, first)))
            }
        })
    }

    /// For which names the route is that answers now, where it was another one's names that made the difference.
    fn whose(&self, route: &Node<Route>, now: &Node<Route>) -> String {
        let Some(hosts) = &now.hosts else {
            return route
                .hosts
                .as_ref()
                .map_or("", |_| " for any name")
                .to_owned();
        };
        let name = self.names.first().copied().unwrap_or_default();
        let mut hosts = hosts
            .value
            .iter()
            .map(|host| host.value.to_ascii_lowercase());
        let above = hosts.find(|host| host != name && routing::host_covers(host, name));
        above.map_or_else(String::new, |host| format!(" for `{host}`"))
    }

    /// For which names, where the route has some of its own or answers for others as before.
    fn of_names(
        &self,
        before: &[VirtualHost<'_>],
        (place, route): (usize, &Node<Route>),
    ) -> String {
        let asks = |host: &&VirtualHost<'_>| {
            let mut all = host
                .paths
                .iter()
                .flat_map(|(_, all)| VirtualHost::asked(all));
            all.any(|candidate| candidate.index == place)
        };
        let asking = before.iter().filter(asks).flat_map(names);
        if route.hosts.is_none() && asking.count() == self.names.len() {
            return String::new();
        }
        let names: Vec<String> = self.names.iter().map(|name| named(name)).collect();
        let names = names.join(" and ");
        if names.starts_with(OTHERS) {
            format!(" {names}")
        } else {
            format!(" for {names}")
        }
    }

    /// A route that says that the new one is meant.
    fn meant(
        &self,
        route: &Node<Route>,
        now: &Node<Route>,
        (is, first): (&Gateway, &str),
    ) -> String {
        let Some(RouteTarget::Port(port)) = now.to.as_ref().map(|to| &to.value) else {
            return String::new();
        };
        let to = format!("to = {}.{}", port.service, port.port);
        let (pattern, _) = routing::pattern(route);
        let names = self.names.iter().filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
        let hosts = names.join(", ");
        let is_taken = |label: &str| is.route.iter().any(|it| it.label.name() == label);
        let label = route.label.name();
        let written = if route.hosts.is_none() || hosts.is_empty() {
            format!("route \"{pattern}\" {{ {to} }}")
        } else if label == pattern && !is_taken(label) {
            format!("route \"{label}\" {{ hosts = [{hosts}], {to} }}")
        } else {
            let name = self.names.first().copied().unwrap_or_default();
            let label = if is_taken(label) { name } else { label };
            format!("route \"{label}\" {{ path = \"{pattern}\", hosts = [{hosts}], {to} }}")
        };
        format!("; where `{first}` answers them, `{written}`")
    }
}

/// What is said of the name that stands for all that are not listed.
const OTHERS: &str = "for names that it does not list";

fn named(name: &str) -> String {
    match name {
        "" => OTHERS.to_owned(),
        name => format!("`{name}`"),
    }
}
