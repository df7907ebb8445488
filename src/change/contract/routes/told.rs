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
    /// Whether a part of it is answered as before.
    part: bool,
}

impl<'g> Lost<'g> {
    pub(super) fn of(how: How<'g>, candidate: Option<Candidate<'g>>, part: bool) -> Self {
        Self {
            how,
            route: candidate.map(|it| (it.index, it.route)),
            names: Vec::new(),
            part,
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
        how && self.part == other.part && place(self) == place(other)
    }

    /// In words, and what to write where it is meant.
    pub(super) fn told(
        &self,
        (before, after): (&[VirtualHost<'_>], &[VirtualHost<'_>]),
        is: &Gateway,
    ) -> Option<Gone> {
        let Some((place, route)) = self.route else {
            let name = self.names.first().map(|name| named(name));
            return name.map(|name| (name, String::new()));
        };
        let (pattern, _) = routing::pattern(route);
        let is_alone = self.is_alone(before, place);
        let of = self.of_names(route, is_alone);
        let all = if self.part { "all of " } else { "" };
        Some(match &self.how {
            How::Name | How::All => {
                let own = self.own_rules(before);
                (format!("{all}`{pattern}`{of}{own}"), String::new())
            }
            How::Some => {
                let some = format!("every request for `{pattern}`{of} that it did");
                (some, String::new())
            }
            How::Wider { by, now, first } => {
                let (wider, _) = routing::pattern(now);
                let other = self.whose(route, now);
                let these = if self.part { "the rest" } else { "these" };
                let what = format!(
                    "{all}`{pattern}`{of} by {by}: its `{wider}`{other} leads {these} to `{first}` now"
                );
                let mut answering = after.iter().flat_map(names);
                let of_all = is_alone && answering.all(|name| self.names.contains(&name));
                let written = self.meant((route, now), (is, is_alone, of_all));
                let meant = written.map(|it| format!("; where `{first}` answers them, `{it}`"));
                (what, meant.unwrap_or_default())
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

    /// Whether these are all the names that asked the route.
    fn is_alone(&self, before: &[VirtualHost<'_>], place: usize) -> bool {
        let asks = |host: &&VirtualHost<'_>| {
            let mut all = host
                .paths
                .iter()
                .flat_map(|(_, all)| VirtualHost::asked(all));
            all.any(|candidate| candidate.index == place)
        };
        let mut asking = before.iter().filter(asks).flat_map(names);
        asking.all(|name| self.names.contains(&name))
    }

    /// Why it is not answered, where a wider name's rules answered.
    fn own_rules(&self, before: &[VirtualHost<'_>]) -> &'static str {
        let mut known = before.iter().flat_map(names);
        if known.any(|name| self.names.contains(&name)) {
            ""
        } else if self.names.len() == 1 {
            ", which has rules of its own now"
        } else {
            ", which have rules of their own now"
        }
    }

    /// For which names, where the route has some of its own or answers for others as before.
    fn of_names(&self, route: &Node<Route>, is_alone: bool) -> String {
        if route.hosts.is_none() && is_alone {
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

    /// A route that says that the new one is meant: with `hosts` where other names would come to it, and by a label that another one for
    /// the same paths does not have.
    fn meant(
        &self,
        (route, now): (&Node<Route>, &Node<Route>),
        (is, is_alone, of_all): (&Gateway, bool, bool),
    ) -> Option<String> {
        let Some(RouteTarget::Port(port)) = now.to.as_ref().map(|to| &to.value) else {
            return None;
        };
        let to = format!("to = {}.{}", port.service, port.port);
        let (pattern, _) = routing::pattern(route);
        // All that have no name of their own cannot be written as `hosts`.
        if self.names.contains(&"") || route.hosts.is_none() && of_all {
            return Some(format!("route \"{pattern}\" {{ {to} }}"));
        }
        let names: Vec<String> = self.names.iter().map(|it| format!("\"{it}\"")).collect();
        let hosts = names.join(", ");
        let is_taken = |label: &str| is.route.iter().any(|it| it.label.name() == label);
        let label = route.label.name();
        if is_alone && label == pattern && !is_taken(label) {
            return Some(format!("route \"{label}\" {{ hosts = [{hosts}], {to} }}"));
        }
        let label = if is_alone && !is_taken(label) {
            label.to_owned()
        } else {
            let name = self.names.first().copied().unwrap_or_default();
            format!("{name}{}", if pattern == "/" { "" } else { pattern })
        };
        Some(format!(
            "route \"{label}\" {{ path = \"{pattern}\", hosts = [{hosts}], {to} }}"
        ))
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
