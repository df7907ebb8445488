//! What is answered for names and paths by an Ingress or a route, and how that is gone. Those that are carried together answer for each other,
//! the longest path first (`kubernetes.io/docs/concepts/services-networking/ingress`, Path types; `gateway-api.sigs.k8s.io/reference/spec`,
//! `HTTPRouteRule`).

use super::parts::INGRESS;
use super::{Key, Keyed};
use crate::change::{Loss, Lost};
use crate::graph::routing::host_covers;
use crate::targets::Content;
use serde_json::Value;
use std::slice;

/// An Ingress or a route.
pub(super) struct Leader<'a> {
    pub(super) key: Key<'a>,
    /// Whether it answers by itself, as with a redirect, whichever Service it names.
    pub(super) is_by_itself: bool,
    pub(super) answers: Vec<Answer>,
    /// What is answered by nobody else comes to it.
    pub(super) default: Option<Backend>,
}

/// A path of a name, and who it comes to.
pub(super) struct Answer {
    /// For all names without one.
    pub(super) host: Option<String>,
    pub(super) kind: Kind,
    pub(super) path: String,
    /// What a request needs besides, such as a header; nothing is for all.
    pub(super) besides: String,
    /// Those who share the requests; none where that is not known, or it answers by itself.
    pub(super) backends: Vec<Backend>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Exact,
    Prefix,
    /// As its controller has it.
    Other,
    /// A regular expression.
    Pattern,
}

/// A Service and its port, or whatever else is named.
#[derive(Clone, PartialEq)]
pub(super) struct Backend {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) port: Option<Value>,
}

impl Answer {
    pub(super) fn is_for(&self, host: &str) -> bool {
        self.host.as_deref().is_none_or(|it| host_covers(it, host))
    }

    /// Whether it is written as one was, or answers more.
    fn is_same(&self, was: &Self) -> bool {
        let plain = |it: &Self| it.path.trim_end_matches('/').to_owned();
        match (self.kind, was.kind) {
            _ if !self.takes_all_of(was) => false,
            (Kind::Exact, Kind::Prefix) => false,
            (Kind::Exact, _) | (_, Kind::Exact) => self.path == was.path,
            _ => plain(self) == plain(was),
        }
    }

    /// Whether it answers all of another path; of a pattern whether it may.
    pub(super) fn covers(&self, was: &Self) -> bool {
        if !self.takes_all_of(was) {
            return false;
        }
        if self.is_pattern() {
            return literal(&was.path).starts_with(literal(&self.path));
        }
        let (own, path) = (self.path.trim_end_matches('/'), literal(&was.path));
        match self.kind {
            Kind::Exact => was.kind == Kind::Exact && self.path == was.path,
            Kind::Prefix => {
                let rest = path.strip_prefix(own);
                rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
            }
            Kind::Other | Kind::Pattern => path.starts_with(own),
        }
    }

    /// Whether its controller reads it as a pattern, or may.
    fn is_pattern(&self) -> bool {
        self.kind == Kind::Pattern || self.path.contains(SIGNS)
    }

    /// Whether a request needs no more for it, or the same.
    fn takes_all_of(&self, was: &Self) -> bool {
        self.besides.is_empty() || self.besides == was.besides
    }

    fn is_led_as(&self, other: &[Backend]) -> bool {
        let own = &self.backends;
        let is_one = |it: &Backend| other.iter().any(|other| it.is_as(other));
        own.is_empty() || other.is_empty() || own.iter().any(is_one)
    }
}

/// Of what a pattern is made, by some controllers (`kubernetes.github.io/ingress-nginx/user-guide/ingress-path-matching`).
const SIGNS: [char; 13] = [
    '*', '(', ')', '[', ']', '{', '}', '^', '$', '|', '\\', '+', '?',
];

/// What a pattern begins with in any case.
fn literal(path: &str) -> &str {
    let (literal, rest) = path.split_at(path.find(SIGNS).unwrap_or(path.len()));
    // The sign before one of these may be left out.
    if rest.starts_with(['?', '*', '{']) {
        let mut chars = literal.chars();
        chars.next_back();
        return chars.as_str();
    }
    literal
}

impl Backend {
    /// Whether it is another one for sure: a port may be written by its name.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let ports = self.port.as_ref().zip(other.port.as_ref());
        let differ =
            |(one, other): (&Value, &Value)| one.is_number() == other.is_number() && one != other;
        (&self.name, &self.namespace) == (&other.name, &other.namespace)
            && !ports.is_some_and(differ)
    }
}

/// What is said, with the names that it is said for.
pub(super) type Told = (How, Vec<String>);

/// How something is answered no more.
#[derive(PartialEq)]
pub(super) enum How {
    Name,
    Path(String),
    /// The path alone is answered still.
    Below(String),
    /// Some requests of it are answered still.
    Some(String),
    /// Another one has it now.
    Wider {
        path: String,
        was: String,
        /// Its path, as it is told.
        by: String,
        now: String,
    },
    Https,
    /// What no rule takes, by this Service.
    Rest(String),
}

pub(super) fn tell(told: &mut Vec<Told>, how: How, host: Option<&str>) {
    let name = host.map_or_else(|| "any name".to_owned(), |it| format!("`{it}`"));
    match told.iter_mut().find(|(it, _)| *it == how) {
        Some((_, names)) if !names.contains(&name) => names.push(name),
        Some(_) => {}
        None => told.push((how, vec![name])),
    }
}

/// How an answer of somebody is gone, if it is, with all who answer together then; the same one first, where it does.
pub(super) fn gone(answer: &Answer, was: &Leader<'_>, all: &[&Leader<'_>]) -> Option<How> {
    let each = || {
        all.iter()
            .flat_map(|it| it.answers.iter().map(move |one| (*it, one)))
    };
    // One by name comes before one with a star, and that before what is for all.
    let by_name = |one: &Answer| one.host == answer.host;
    let by_star = |one: &Answer| {
        let both = one.host.as_deref().zip(answer.host.as_deref());
        !by_name(one) && both.is_some_and(|(one, host)| host_covers(one, host))
    };
    let by_all = |one: &Answer| one.host.is_none() && answer.host.is_some();
    let layers: [&dyn Fn(&Answer) -> bool; 3] = [&by_name, &by_star, &by_all];
    let own = all.first().and_then(|it| it.default.as_ref());
    let mut has_name = false;
    for layer in layers {
        let of_layer = || each().filter(|(_, one)| layer(one));
        has_name |= of_layer().next().is_some();
        if of_layer().any(|(_, one)| by_name(one) && one.is_same(answer)) {
            return None;
        }
        // Of a pattern it is not known what it takes.
        let is_unknown = |one: &Answer| answer.is_pattern() || one.is_pattern();
        let may = |one: &Answer| {
            one.is_pattern() && one.covers(answer)
                || is_unknown(one) && answer.is_led_as(&one.backends)
        };
        if of_layer().any(|(_, one)| may(one)) {
            return None;
        }
        let covering = of_layer().filter(|(_, one)| one.covers(answer));
        let Some((by, now)) = covering.max_by_key(|(_, one)| one.path.len()) else {
            continue;
        };
        // Where that led to the same before, it is that one which changes.
        let before = was.answers.iter();
        let mut before = before.filter(|it| it.host == now.host && it.is_same(now));
        if by.is_by_itself
            || answer.is_led_as(&now.backends)
            || before.any(|it| answer.is_led_as(&it.backends))
        {
            return None;
        }
        // What was for some requests alone, as a canary's, is answered as the others are.
        if !answer.besides.is_empty() && now.besides.is_empty() {
            return None;
        }
        // Of one that its controller reads in its own way it is not known what it takes.
        if now.kind == Kind::Other && now.path != "/" {
            return Some(How::Path(answer.path.clone()));
        }
        let its = if by.key == was.key {
            "its".to_owned()
        } else {
            format!("{} `{}` with", by.key.1, by.key.2)
        };
        let of_all = if now.host.is_none() && answer.host.is_some() {
            " for any name"
        } else {
            ""
        };
        return Some(How::Wider {
            path: answer.path.clone(),
            was: answer.backends.first()?.name.clone(),
            by: format!("{its} `{}`{of_all}", now.path),
            now: now.backends.first()?.name.clone(),
        });
    }
    if own.is_some_and(|own| answer.is_led_as(slice::from_ref(own))) {
        return None;
    }
    let path = answer.path.clone();
    let is_narrowed = |(_, one): (_, &Answer)| one.host == answer.host && one.path == answer.path;
    let is_for_some = |(_, one): (_, &Answer)| {
        one.host == answer.host && one.path == answer.path && !one.takes_all_of(answer)
    };
    Some(if !has_name {
        How::Name
    } else if each().any(is_for_some) {
        How::Some(path)
    } else if each().any(is_narrowed) {
        How::Below(path)
    } else {
        How::Path(path)
    })
}

/// The routes of the Gateway API that have rules.
pub(super) const ROUTES: [&str; 2] = ["HTTPRoute", "GRPCRoute"];

/// What else may answer for a name, of whatever group.
const OTHERS: [&str; 10] = [
    "ApisixRoute",
    "HTTPProxy",
    "IngressRoute",
    "IngressRouteTCP",
    "Mapping",
    "Route",
    "TCPRoute",
    "TLSRoute",
    "VirtualServer",
    "VirtualService",
];

/// Whether an object of some kinds names a host, or one of those others.
pub(super) fn is_named(side: &Keyed<'_>, kinds: &[&str], host: &str) -> bool {
    let may = |kind: &str| kinds.contains(&kind) || OTHERS.contains(&kind);
    let mut all = side.iter().filter(|(key, _)| may(key.1));
    all.any(|(_, object)| match &object.content {
        Content::Text(text) => text.contains(host),
        Content::Value(value) => value.to_string().contains(host),
    })
}

impl How {
    /// It is said of an object by its kind and name, and where nobody answers, in words.
    pub(super) fn loss(&self, (kind, name): (&str, &str), names: &[String], there: &str) -> Loss {
        let names = names.join(" and ");
        let is_ingress = kind == INGRESS.1;
        let (what, way) = match self {
            Self::Name => (
                format!("for {names}{there}: who asks there gets no answer"),
                match (is_ingress, there) {
                    (true, _) => "keep its rule, beside a new one, until nobody asks for it",
                    (false, "") => {
                        "keep a route for what is asked, beside a new one, until nobody asks"
                    }
                    (false, _) => "keep that Gateway among `parentRefs` until nobody asks there",
                },
            ),
            Self::Path(path) => (format!("`{path}` for {names}"), KEEP),
            Self::Below(path) => (
                format!("what is below `{path}` for {names}: `Exact` takes the path alone"),
                if is_ingress {
                    "keep `pathType: Prefix` until nobody asks for that"
                } else {
                    "keep `type: PathPrefix` until nobody asks for that"
                },
            ),
            Self::Some(path) => (
                format!("all of `{path}` for {names}: its `matches` take some requests alone"),
                "keep a match for the others until nobody sends them",
            ),
            Self::Wider { path, was, by, now } => (
                format!("`{path}` for {names} by Service `{was}`: {by} leads these to `{now}` now"),
                KEEP,
            ),
            Self::Rest(service) => (
                format!(
                    "what no rule takes, by Service `{service}`: its `defaultBackend` is gone, and what these get is up to the controller"
                ),
                "keep `defaultBackend`, or write a rule for what is asked still",
            ),
            Self::Https => (
                format!(
                    "https for {names} with a certificate from its `tls`: the controller's own is shown there"
                ),
                "keep it in `tls`, unless the controller's own certificate is for that name, or nobody asks there by https",
            ),
        };
        Loss {
            about: Lost::Outside,
            what: format!("{kind} `{name}` no longer answers {what}"),
            way: way.to_owned(),
        }
    }
}

const KEEP: &str = "keep that path until nobody asks for it";
