//! What an `HTTPRoute` or a `GRPCRoute` that stays no longer answers at a Gateway: a name, a match, all of it
//! (`gateway-api.sigs.k8s.io/reference/spec`, `HTTPRouteSpec`, `GRPCRouteSpec`). All routes of a Gateway are put together, so that another one
//! may answer instead.

use super::answers::{Answer, Backend, Kind, Leader, ROUTES, Told, gone, is_named, tell};
use super::parts::{INGRESS, items, text};
use super::{Key, Keyed};
use crate::change::difference::value;
use crate::change::{Change, Loss};
use crate::targets::Object;
use serde_json::Value;

/// Of what group they are.
pub(super) const GROUP: &str = "gateway.networking.k8s.io";

/// Each, where no other route of the new manifests answers it at the same Gateway.
pub(super) fn lost(change: &Change, (old, new): (&Keyed<'_>, &Keyed<'_>)) -> Vec<Loss> {
    let Some(kind) = ROUTES.iter().find(|it| **it == change.kind) else {
        return Vec::new();
    };
    let concerned = ["spec.hostnames", "spec.rules", "spec.parentRefs"];
    let mut fields = change.fields.iter();
    let key: Key<'_> = (GROUP, kind, &change.name, change.namespace.as_deref());
    let both = old.get(&key).zip(new.get(&key));
    let both = both.filter(|_| fields.any(|it| concerned.iter().any(|of| it.path.starts_with(of))));
    let Some((was, is)) = both else {
        return Vec::new();
    };
    let (was, is) = (value(&was.content), value(&is.content));
    let mut told: Vec<(String, Vec<Told>)> = Vec::new();
    for gateway in gateways(&was, key.3) {
        let stays = gateways(&is, key.3).contains(&gateway);
        let there = if stays {
            String::new()
        } else {
            format!(" at Gateway `{}`", gateway.name)
        };
        let all = attached(new, key, &gateway);
        let all: Vec<&Leader<'_>> = all.iter().collect();
        let hosts = names(&was, old, &gateway);
        let before = leader(key, &was, &hosts);
        let index = told.iter().position(|(it, _)| *it == there);
        let index = index.unwrap_or_else(|| {
            told.push((there, Vec::new()));
            told.len() - 1
        });
        let Some((_, told)) = told.get_mut(index) else {
            continue;
        };
        for answer in &before.answers {
            let host = answer.host.as_deref();
            if let Some(how) = gone(answer, &before, &all)
                && !host.is_some_and(|host| is_named(new, &[INGRESS.1], host))
            {
                tell(told, how, host);
            }
        }
    }
    let losses = told.iter().flat_map(|(there, told)| {
        let loss = |(how, names): &Told| how.loss((kind, &change.name), names, there);
        told.iter().map(loss)
    });
    losses.collect()
}

/// Whether a route that is written no more keeps what others of its Gateway are meant to answer, all of it, for as many names, for more or for all: the longest name
/// goes first, and of equal ones the older route (`gateway-api.sigs.k8s.io/reference/spec`, `HTTPRouteSpec`, hostnames). Of a Gateway that changes that is not known.
pub(super) fn keeps(left: Key<'_>, (old, new): (&Keyed<'_>, &Keyed<'_>)) -> bool {
    let is_route = left.0 == GROUP && ROUTES.contains(&left.1);
    let Some(object) = old.get(&left).filter(|_| is_route) else {
        return false;
    };
    let route = value(&object.content);
    let own = of_own_names(left, &route);
    gateways(&route, left.3).iter().any(|gateway| {
        let key = (
            GROUP,
            "Gateway",
            &*gateway.name,
            gateway.namespace.as_deref(),
        );
        let [was, is] = [old, new].map(|side| side.get(&key).map(|it| &it.content));
        // Of two for one name and one path the older one goes first.
        let goes_behind = |one: &Answer, of: &Answer, is_new: bool| {
            let host = of.host.as_deref();
            let is_wider = || one.host.as_deref() != host;
            host.is_some_and(|host| one.is_for(host) && (is_new || is_wider()))
        };
        let all = attached(new, left, gateway);
        was == is
            && own.answers.iter().all(|of| {
                all.iter().any(|leader| {
                    let is_new = !old.contains_key(&leader.key);
                    let mut answers = leader.answers.iter();
                    answers.any(|one| goes_behind(one, of, is_new) && one.covers(of))
                })
            })
    })
}

/// Whether two routes answer at one Gateway.
pub(super) fn are_at_one_gateway([one, other]: [(Key<'_>, &Object); 2]) -> bool {
    let of = |(key, route): (Key<'_>, &Object)| gateways(&value(&route.content), key.3);
    let (one, other) = (of(one), of(other));
    one.iter().any(|it| other.contains(it))
}

/// A Gateway that a route names.
#[derive(PartialEq)]
pub(super) struct Gateway {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}

pub(super) fn gateways(route: &Value, namespace: Option<&str>) -> Vec<Gateway> {
    let mut found: Vec<Gateway> = Vec::new();
    for parent in parents(route) {
        let gateway = gateway(parent, namespace);
        found.extend(gateway.filter(|it| !found.contains(it)));
    }
    found
}

pub(super) fn parents(route: &Value) -> impl Iterator<Item = &Value> {
    let spec = route.get("spec").into_iter();
    spec.flat_map(|it| items(it, "parentRefs"))
}

pub(super) fn gateway(parent: &Value, namespace: Option<&str>) -> Option<Gateway> {
    let is_gateway = text(parent, "kind").is_none_or(|kind| kind == "Gateway");
    let name = text(parent, "name").filter(|_| is_gateway)?;
    let namespace = text(parent, "namespace").or(namespace);
    Some(Gateway {
        name: name.to_owned(),
        namespace: namespace.map(ToOwned::to_owned),
    })
}

/// The names that a route answers for at a Gateway: its own or, without any, those of the listeners that it is attached to; `None` is for all.
/// None at all where that is not known.
fn names(route: &Value, side: &Keyed<'_>, of: &Gateway) -> Vec<Option<String>> {
    let own = own_names(route);
    if !own.is_empty() {
        return own.into_iter().map(Some).collect();
    }
    let key = (GROUP, "Gateway", &*of.name, of.namespace.as_deref());
    let Some(gateway) = side.get(&key).map(|it: &&Object| value(&it.content)) else {
        return Vec::new();
    };
    let sections: Vec<Option<&str>> = parents(route)
        .filter(|it| text(it, "name") == Some(&of.name))
        .map(|it| text(it, "sectionName"))
        .collect();
    let spec = gateway.get("spec").into_iter();
    let listeners = spec.flat_map(|it| items(it, "listeners"));
    let listeners = listeners.filter(|it| {
        let is_it = |section: Option<&str>| section.is_none() || section == text(it, "name");
        sections.iter().copied().any(is_it)
    });
    let mut found: Vec<Option<String>> = Vec::new();
    for listener in listeners {
        let host = text(listener, "hostname").filter(|host| !host.is_empty());
        let host = host.map(str::to_ascii_lowercase);
        if !found.contains(&host) {
            found.push(host);
        }
    }
    found
}

pub(super) fn own_names(route: &Value) -> Vec<String> {
    let spec = route.get("spec").into_iter();
    let names = spec.flat_map(|it| items(it, "hostnames"));
    let names = names.filter_map(Value::as_str);
    names.map(str::to_ascii_lowercase).collect()
}

/// All routes that are attached to a Gateway, the one itself first.
pub(super) fn attached<'a>(side: &Keyed<'a>, own: Key<'_>, to: &Gateway) -> Vec<Leader<'a>> {
    let is_route = |key: &Key<'_>| key.0 == GROUP && ROUTES.contains(&key.1);
    let all = side.iter().filter(|(key, _)| is_route(key));
    let mut all: Vec<Leader<'a>> = all
        .filter_map(|(key, object)| {
            let route = value(&object.content);
            if !gateways(&route, key.3).contains(to) {
                return None;
            }
            Some(of_own_names(*key, &route))
        })
        .collect();
    all.sort_unstable_by_key(|it| (it.key != own, it.key));
    all
}

/// What a route answers, for its own names or for all.
pub(super) fn of_names<'a>(key: Key<'a>, route: &Object) -> Leader<'a> {
    of_own_names(key, &value(&route.content))
}

fn of_own_names<'a>(key: Key<'a>, route: &Value) -> Leader<'a> {
    let names: Vec<Option<String>> = own_names(route).into_iter().map(Some).collect();
    let for_all = [None];
    leader(key, route, if names.is_empty() { &for_all } else { &names })
}

fn leader<'a>(key: Key<'a>, route: &Value, names: &[Option<String>]) -> Leader<'a> {
    let mut answers = Vec::new();
    let spec = route.get("spec").into_iter();
    let rules = spec.flat_map(|it| items(it, "rules"));
    for rule in rules.filter(|it| is_answered(it)) {
        let nothing = Value::Null;
        let mut matches: Vec<&Value> = items(rule, "matches").collect();
        // Without any all of it.
        if matches.is_empty() {
            matches.push(&nothing);
        }
        for host in names {
            for one in &matches {
                let (kind, path) = path(key.1, one);
                answers.push(Answer {
                    host: host.clone(),
                    kind,
                    path,
                    besides: besides(one),
                    backends: backends(rule, key.3),
                });
            }
        }
    }
    Leader {
        key,
        is_by_itself: false,
        answers,
        default: None,
    }
}

/// The path of a match; of a method of gRPC it is that of its service and its own (`gateway-api.sigs.k8s.io/reference/spec`, `GRPCMethodMatch`).
fn path(route: &str, one: &Value) -> (Kind, String) {
    let field = if route == "HTTPRoute" {
        "path"
    } else {
        "method"
    };
    let Some(written) = one.get(field) else {
        return (Kind::Prefix, "/".to_owned());
    };
    let is_pattern = text(written, "type") == Some("RegularExpression");
    if route == "HTTPRoute" {
        let path = text(written, "value").unwrap_or("/").to_owned();
        let kind = match text(written, "type") {
            _ if is_pattern => Kind::Pattern,
            Some("Exact") => Kind::Exact,
            None | Some("PathPrefix") => Kind::Prefix,
            Some(_) => Kind::Other,
        };
        return (kind, path);
    }
    let [service, method] = ["service", "method"].map(|it| text(written, it));
    match (service, method) {
        (Some(service), Some(method)) if is_pattern => {
            (Kind::Pattern, format!("/{service}/{method}"))
        }
        (Some(service), None) if is_pattern => (Kind::Pattern, format!("/{service}")),
        (Some(service), Some(method)) => (Kind::Exact, format!("/{service}/{method}")),
        (Some(service), None) => (Kind::Prefix, format!("/{service}")),
        // A method of any service.
        (None, Some(_)) => (Kind::Pattern, "/".to_owned()),
        (None, None) => (Kind::Prefix, "/".to_owned()),
    }
}

/// What else a request needs for a match, in one form.
fn besides(one: &Value) -> String {
    let all = one.as_object().into_iter().flatten();
    let besides = all.filter(|(key, value)| {
        let is_path = *key == "path" || *key == "method" && value.is_object();
        !is_path && value.as_array().is_none_or(|list| !list.is_empty())
    });
    let mut besides: Vec<String> = besides.map(|(key, it)| format!("{key}: {it}")).collect();
    besides.sort();
    besides.join(", ")
}

/// Whether what comes to a rule is redirected, or an extension may do anything with it.
fn is_by_itself(rule: &Value) -> bool {
    let mut filters = items(rule, "filters");
    filters.any(|it| matches!(text(it, "type"), Some("RequestRedirect" | "ExtensionRef")))
}

/// Those of a rule that have a share.
fn shares(rule: &Value) -> impl Iterator<Item = &Value> {
    let shares = items(rule, "backendRefs");
    shares.filter(|it| it.get("weight").and_then(Value::as_u64) != Some(0))
}

/// Whether anybody answers: without a share of anybody it is a 500 (`gateway-api.sigs.k8s.io/reference/spec`, `HTTPRouteRule`, backendRefs).
fn is_answered(rule: &Value) -> bool {
    is_by_itself(rule) || shares(rule).next().is_some()
}

/// Those who share what comes to a rule; none where it answers by itself.
fn backends(rule: &Value, namespace: Option<&str>) -> Vec<Backend> {
    if is_by_itself(rule) {
        return Vec::new();
    }
    let backends = shares(rule).filter_map(|it| {
        let namespace = text(it, "namespace").or(namespace);
        Some(Backend {
            name: text(it, "name")?.to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
            port: it.get("port").cloned(),
        })
    });
    backends.collect()
}
