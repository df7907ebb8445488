//! What an Ingress that stays no longer answers: a name, a path, https (`kubernetes.io/docs/concepts/services-networking/ingress`, Path types,
//! Hostname wildcards, TLS). Controllers put those of one class together, so that another one may answer instead.

use super::parts::{INGRESS, items, text};
use super::{Key, Keyed};
use crate::change::difference::value;
use crate::change::{Change, Loss, Lost};
use crate::graph::routing::host_covers;
use crate::targets::{Content, Object};
use serde_json::Value;

/// What may answer for a name as well, of whatever group.
const ROUTES: [&str; 12] = [
    "ApisixRoute",
    "GRPCRoute",
    "HTTPProxy",
    "HTTPRoute",
    "IngressRoute",
    "IngressRouteTCP",
    "Mapping",
    "Route",
    "TCPRoute",
    "TLSRoute",
    "VirtualServer",
    "VirtualService",
];

/// Each, where nothing else of the new manifests answers it.
pub(super) fn lost(change: &Change, (old, new): (&Keyed<'_>, &Keyed<'_>)) -> Vec<Loss> {
    let concerned = ["spec.rules", "spec.tls", "spec.defaultBackend"];
    let mut fields = change.fields.iter();
    let key: Key<'_> = (
        INGRESS.0,
        INGRESS.1,
        &change.name,
        change.namespace.as_deref(),
    );
    let both = old.get(&key).zip(new.get(&key));
    let both = both.filter(|_| fields.any(|it| concerned.iter().any(|of| it.path.starts_with(of))));
    let Some((was, is)) = both else {
        return Vec::new();
    };
    let [was, is] = [was, is].map(|it| Ingress::of(key, it));
    // One that takes a share of what another one answers has nothing of its own.
    if was.is_canary {
        return Vec::new();
    }
    let all = answering(new, key, [&was, &is]);
    let mut told: Vec<Told> = Vec::new();
    for answer in &was.answers {
        if let Some(how) = gone(answer, &was, &all)
            && !is_elsewhere(new, &all, answer)
        {
            tell(&mut told, how, answer.host.as_deref());
        }
    }
    for host in was.secured() {
        let answers = |it: &Ingress<'_>| it.answers.iter().any(|it| it.is_for(host));
        let is_secured = |it: &Ingress<'_>| it.is_secured(host);
        if answers(&is) && !all.iter().any(is_secured) && !is_named(new, host) {
            tell(&mut told, How::Https, Some(host));
        }
    }
    told.iter()
        .map(|(how, names)| how.loss(&change.name, names))
        .collect()
}

/// What of an Ingress matters here.
struct Ingress<'a> {
    key: Key<'a>,
    class: Option<String>,
    is_canary: bool,
    /// Whether it answers by itself, as with a redirect, whichever Service it names.
    is_by_itself: bool,
    /// What its controller reads, and may answer more by.
    more: Vec<String>,
    answers: Vec<Answer>,
    default: Option<Backend>,
    /// With the names of each; none are all of its rules.
    tls: Vec<Vec<String>>,
    /// Whether it is told otherwise how to speak https.
    is_tls_elsewhere: bool,
}

/// A path of a name, and who it comes to.
#[derive(PartialEq)]
struct Answer {
    host: Option<String>,
    kind: Kind,
    path: String,
    backend: Option<Backend>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Exact,
    Prefix,
    /// As its controller has it.
    Other,
}

/// A Service and its port, or whatever else is named.
#[derive(Clone, PartialEq)]
struct Backend {
    name: String,
    namespace: Option<String>,
    port: Option<Value>,
}

impl<'a> Ingress<'a> {
    fn of(key: Key<'a>, object: &Object) -> Self {
        let whole = value(&object.content);
        let nothing = Value::Null;
        let spec = whole.get("spec").unwrap_or(&nothing);
        let notes = whole.pointer("/metadata/annotations");
        let notes = notes.and_then(Value::as_object).into_iter().flatten();
        let notes = notes.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        let notes: Vec<(&str, &str)> = notes.collect();
        let has = |is_it: &dyn Fn(&str, &str) -> bool| notes.iter().any(|(k, v)| is_it(k, v));
        let default = spec.get("defaultBackend").or_else(|| spec.get("backend"));
        let default = default.and_then(|it| Backend::of(it, key.3));
        let class = text(spec, "ingressClassName").or_else(|| {
            let class = notes.iter().find(|(k, _)| *k == CLASS);
            class.map(|(_, class)| *class)
        });
        let more = notes.iter().filter(|(k, _)| {
            let may = ["alias", "snippet", "conditions.", "actions."];
            may.iter().any(|it| last(k).contains(it))
        });
        let tls = items(spec, "tls").map(|it| {
            let hosts = items(it, "hosts").filter_map(Value::as_str);
            hosts.map(ToOwned::to_owned).collect()
        });
        Self {
            key,
            class: class.map(ToOwned::to_owned),
            is_canary: has(&|k, v| last(k) == "canary" && v == "true"),
            is_by_itself: has(&|k, _| {
                let may = ["permanent-redirect", "temporal-redirect", "actions."];
                may.iter().any(|it| last(k).starts_with(it))
            }),
            more: more.map(|(_, text)| (*text).to_owned()).collect(),
            answers: Answer::all(spec, key.3, default.as_ref()),
            default,
            tls: tls.collect(),
            is_tls_elsewhere: has(&is_tls),
        }
    }

    /// The names that it speaks https for.
    fn secured(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for host in self.answers.iter().filter_map(|it| it.host.as_deref()) {
            if self.is_in_tls(host) && !found.contains(&host) {
                found.push(host);
            }
        }
        found
    }

    fn is_in_tls(&self, host: &str) -> bool {
        let mut tls = self.tls.iter();
        tls.any(|hosts| hosts.is_empty() || hosts.iter().any(|it| host_covers(it, host)))
    }

    fn is_secured(&self, host: &str) -> bool {
        self.is_in_tls(host) || self.is_tls_elsewhere
    }
}

const CLASS: &str = "kubernetes.io/ingress.class";

/// The last part of the key of an annotation.
fn last(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// Whether an annotation has to do with certificates that are not those of `tls`, such as `alb.ingress.kubernetes.io/certificate-arn`,
/// `networking.gke.io/managed-certificates` or `traefik.ingress.kubernetes.io/router.tls`.
fn is_tls(key: &str, value: &str) -> bool {
    let word = last(key);
    let is_other = key.starts_with("cert-manager.io/")
        || word == "tls-acme"
        || word.starts_with("auth-tls")
        || word.starts_with("proxy-ssl");
    !is_other
        && (["cert", "tls", "passthrough"]
            .iter()
            .any(|it| word.contains(it))
            || value.contains("HTTPS"))
}

impl Answer {
    fn all(spec: &Value, namespace: Option<&str>, default: Option<&Backend>) -> Vec<Self> {
        let rules = items(spec, "rules").flat_map(|rule| {
            let host = text(rule, "host").filter(|it| !it.is_empty());
            let host = host.map(str::to_ascii_lowercase);
            let Some(http) = rule.get("http") else {
                // All of it comes to the default one, where there is one.
                let all = default.map(|backend| Self {
                    host,
                    kind: Kind::Prefix,
                    path: "/".to_owned(),
                    backend: Some(backend.clone()),
                });
                return all.into_iter().collect::<Vec<_>>();
            };
            let paths = items(http, "paths").map(|it| Self {
                host: host.clone(),
                kind: match text(it, "pathType") {
                    Some("Exact") => Kind::Exact,
                    Some("Prefix") => Kind::Prefix,
                    _ => Kind::Other,
                },
                path: match text(it, "path") {
                    None | Some("") => "/".to_owned(),
                    Some(path) => path.to_owned(),
                },
                backend: it.get("backend").and_then(|it| Backend::of(it, namespace)),
            });
            paths.collect()
        });
        rules.collect()
    }

    fn is_for(&self, host: &str) -> bool {
        self.host.as_deref().is_none_or(|it| host_covers(it, host))
    }

    /// Whether it is written as one was, or answers more.
    fn is_same(&self, was: &Self) -> bool {
        let plain = |it: &Self| it.path.trim_end_matches('/').to_owned();
        match (self.kind, was.kind) {
            (Kind::Exact, Kind::Prefix) => false,
            (Kind::Exact, _) | (_, Kind::Exact) => self.path == was.path,
            _ => plain(self) == plain(was),
        }
    }

    /// Whether it answers all of another path; of a pattern whether it may.
    fn covers(&self, was: &Self) -> bool {
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
            Kind::Other => path.starts_with(own),
        }
    }

    /// Whether its controller reads it as a pattern, or may.
    fn is_pattern(&self) -> bool {
        self.path.contains(SIGNS)
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
    /// In the form of today or that of `v1beta1` (`kubernetes.io/docs/reference/using-api/deprecation-guide`, v1.22, Ingress).
    fn of(backend: &Value, namespace: Option<&str>) -> Option<Self> {
        let service = backend.get("service");
        let port = service.and_then(|it| it.get("port"));
        let port = port.and_then(|it| it.get("number").or_else(|| it.get("name")));
        let name = service.and_then(|it| text(it, "name"));
        let name = name.or_else(|| text(backend, "serviceName"));
        let name = name.map(ToOwned::to_owned);
        let resource = || Some(backend.get("resource")?.to_string());
        Some(Self {
            name: name.or_else(resource)?,
            namespace: namespace.map(ToOwned::to_owned),
            port: port.or_else(|| backend.get("servicePort")).cloned(),
        })
    }

    /// Whether it is another one for sure: a port may be written by its name.
    fn is_as(&self, other: &Self) -> bool {
        let ports = self.port.as_ref().zip(other.port.as_ref());
        let differ =
            |(one, other): (&Value, &Value)| one.is_number() == other.is_number() && one != other;
        (&self.name, &self.namespace) == (&other.name, &other.namespace)
            && !ports.is_some_and(differ)
    }
}

/// All that answer together in the new manifests, the one itself first.
fn answering<'a>(new: &Keyed<'a>, own: Key<'_>, sides: [&Ingress<'_>; 2]) -> Vec<Ingress<'a>> {
    let all = new.iter().filter(|(key, _)| (key.0, key.1) == INGRESS);
    let all = all.map(|(key, object)| Ingress::of(*key, object));
    let is_of = |it: &Ingress<'_>| {
        let same = |side: &&Ingress<'_>| {
            let classes = side.class.as_ref().zip(it.class.as_ref());
            classes.is_none_or(|(one, other)| one == other)
        };
        !it.is_canary && (it.key == own || sides.iter().any(same))
    };
    let mut all: Vec<Ingress<'a>> = all.filter(is_of).collect();
    all.sort_unstable_by_key(|it| (it.key != own, it.key));
    all
}

/// What is said, with the names that it is said for.
type Told = (How, Vec<String>);

/// How something is answered no more.
#[derive(PartialEq)]
enum How {
    Name,
    Path(String),
    /// The path alone is answered still.
    Below(String),
    /// Another one has it now.
    Wider {
        path: String,
        was: String,
        /// Its path, as it is told.
        by: String,
        now: String,
    },
    Https,
}

fn tell(told: &mut Vec<Told>, how: How, host: Option<&str>) {
    let name = host.map_or_else(|| "any name".to_owned(), |it| format!("`{it}`"));
    match told.iter_mut().find(|(it, _)| *it == how) {
        Some((_, names)) if !names.contains(&name) => names.push(name),
        Some(_) => {}
        None => told.push((how, vec![name])),
    }
}

/// How an answer is gone, if it is.
fn gone(answer: &Answer, was: &Ingress<'_>, all: &[Ingress<'_>]) -> Option<How> {
    let each = || {
        all.iter()
            .flat_map(|it| it.answers.iter().map(move |one| (it, one)))
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
    let led = answer.backend.as_ref();
    let is_led = |to: Option<&Backend>| led.zip(to).is_none_or(|(led, to)| led.is_as(to));
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
                || is_unknown(one) && is_led(one.backend.as_ref())
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
            || is_led(now.backend.as_ref())
            || before.any(|it| is_led(it.backend.as_ref()))
        {
            return None;
        }
        // Of one that its controller reads in its own way it is not known what it takes.
        if now.kind == Kind::Other && now.path != "/" {
            return Some(How::Path(answer.path.clone()));
        }
        let its = if by.key == was.key {
            "its".to_owned()
        } else {
            format!("Ingress `{}` with", by.key.2)
        };
        let of_all = if now.host.is_none() && answer.host.is_some() {
            " for any name"
        } else {
            ""
        };
        return Some(How::Wider {
            path: answer.path.clone(),
            was: led.map_or_else(String::new, |it| it.name.clone()),
            by: format!("{its} `{}`{of_all}", now.path),
            now: now.backend.as_ref()?.name.clone(),
        });
    }
    if own.is_some_and(|own| is_led(Some(own))) {
        return None;
    }
    let path = answer.path.clone();
    let is_narrowed = |(_, one): (_, &Answer)| one.host == answer.host && one.path == answer.path;
    Some(if !has_name {
        How::Name
    } else if each().any(is_narrowed) {
        How::Below(path)
    } else {
        How::Path(path)
    })
}

/// Whether something that is no Ingress may answer it, or what a controller is told beside the rules.
fn is_elsewhere(new: &Keyed<'_>, all: &[Ingress<'_>], answer: &Answer) -> bool {
    let says = |word: &str| {
        all.iter()
            .flat_map(|it| &it.more)
            .any(|it| it.contains(word))
    };
    let host = answer.host.as_deref();
    answer.path.len() > 1 && says(&answer.path)
        || host.is_some_and(|host| says(host) || is_named(new, host))
}

/// Whether a route that is no Ingress names a host.
fn is_named(new: &Keyed<'_>, host: &str) -> bool {
    let mut all = new.iter().filter(|(key, _)| ROUTES.contains(&key.1));
    all.any(|(_, object)| match &object.content {
        Content::Text(text) => text.contains(host),
        Content::Value(value) => value.to_string().contains(host),
    })
}

impl How {
    fn loss(&self, ingress: &str, names: &[String]) -> Loss {
        let names = names.join(" and ");
        let (what, way) = match self {
            Self::Name => (
                format!("for {names}: who asks there gets no answer"),
                "keep its rule, beside a new one, until nobody asks for it",
            ),
            Self::Path(path) => (format!("`{path}` for {names}"), KEEP),
            Self::Below(path) => (
                format!("what is below `{path}` for {names}: `Exact` takes the path alone"),
                "keep `pathType: Prefix` until nobody asks for that",
            ),
            Self::Wider { path, was, by, now } => (
                format!("`{path}` for {names} by Service `{was}`: {by} leads these to `{now}` now"),
                KEEP,
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
            what: format!("Ingress `{ingress}` no longer answers {what}"),
            way: way.to_owned(),
        }
    }
}

const KEEP: &str = "keep that path until nobody asks for it";
