//! What an Ingress that stays no longer answers: a name, a path, https (`kubernetes.io/docs/concepts/services-networking/ingress`, Path types,
//! Hostname wildcards, TLS). Controllers put those of one class together, so that another one may answer instead.

use super::answers::{Answer, Backend, How, Kind, Leader, ROUTES, Told, gone, is_named, tell};
use super::parts::{INGRESS, items, text};
use super::{Key, Keyed};
use crate::change::difference::{at, value};
use crate::change::{Change, Loss};
use crate::graph::routing::host_covers;
use crate::targets::Object;
use serde_json::Value;

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
    let leaders: Vec<&Leader<'_>> = all.iter().map(|it| &it.leader).collect();
    let mut told: Vec<Told> = Vec::new();
    for answer in &was.leader.answers {
        if let Some(how) = gone(answer, &was.leader, &leaders)
            && !is_elsewhere(new, &all, answer)
        {
            tell(&mut told, how, answer.host.as_deref());
        }
    }
    if let Some(default) = &was.leader.default {
        // With a path for all names nothing comes to it but what is at no path.
        let is_root = |it: &Answer| it.host.is_none() && it.path == "/" && it.kind != Kind::Exact;
        let takes_all = |it: &&Leader<'_>| it.default.is_some() || it.answers.iter().any(is_root);
        if !leaders.iter().any(takes_all) {
            tell(&mut told, How::Rest(default.name.clone()), None);
        }
    }
    for host in was.secured() {
        let answers = |it: &Ingress<'_>| it.leader.answers.iter().any(|it| it.is_for(host));
        let is_secured = |it: &Ingress<'_>| it.is_secured(host);
        if answers(&is) && !all.iter().any(is_secured) && !is_named(new, &ROUTES, host) {
            tell(&mut told, How::Https, Some(host));
        }
    }
    told.iter()
        .map(|(how, names)| how.loss((INGRESS.1, &change.name), names, ""))
        .collect()
}

/// What an Ingress answers.
pub(super) fn leader<'a>(key: Key<'a>, object: &Object) -> Leader<'a> {
    Ingress::of(key, object).leader
}

/// Whether two Ingresses answer together, as far as that is known: one that takes a share of what another one answers does not.
pub(super) fn are_of_one_class(both: [(Key<'_>, &Object); 2]) -> bool {
    let [one, other] = both.map(|(key, object)| Ingress::of(key, object));
    one.class == other.class && !one.is_canary && !other.is_canary
}

/// Whether an Ingress takes a share of what another one answers (`kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations`,
/// Canary). Where its Service has no pod that is ready that one answers all of it (kubernetes/ingress-nginx
/// `rootfs/etc/nginx/lua/balancer.lua`, `route_to_alternative_balancer`).
pub(super) fn is_canary(ingress: &Object) -> bool {
    let notes = at(&ingress.content, &["metadata", "annotations"]);
    let mut notes = notes.as_deref().and_then(Value::as_object).into_iter();
    notes.any(|all| {
        let mut all = all.iter();
        all.any(|(key, said)| last(key) == "canary" && said.as_str() == Some("true"))
    })
}

/// What of an Ingress matters here.
struct Ingress<'a> {
    leader: Leader<'a>,
    class: Option<String>,
    is_canary: bool,
    /// What its controller reads, and may answer more by.
    more: Vec<String>,
    /// With the names of each; none are all of its rules.
    tls: Vec<Vec<String>>,
    /// Whether it is told otherwise how to speak https.
    is_tls_elsewhere: bool,
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
        let default = default.and_then(|it| backend(it, key.3));
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
        let leader = Leader {
            key,
            is_by_itself: has(&|k, _| {
                let may = ["permanent-redirect", "temporal-redirect", "actions."];
                may.iter().any(|it| last(k).starts_with(it))
            }),
            answers: answers(spec, key.3, default.as_ref()),
            default,
        };
        Self {
            leader,
            class: class.map(ToOwned::to_owned),
            is_canary: has(&|k, v| last(k) == "canary" && v == "true"),
            more: more.map(|(_, text)| (*text).to_owned()).collect(),
            tls: tls.collect(),
            is_tls_elsewhere: has(&is_tls),
        }
    }

    /// The names that it speaks https for.
    fn secured(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for host in self
            .leader
            .answers
            .iter()
            .filter_map(|it| it.host.as_deref())
        {
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

/// What the rules of an Ingress say.
fn answers(spec: &Value, namespace: Option<&str>, default: Option<&Backend>) -> Vec<Answer> {
    let rules = items(spec, "rules").flat_map(|rule| {
        let host = text(rule, "host").filter(|it| !it.is_empty());
        let host = host.map(str::to_ascii_lowercase);
        let Some(http) = rule.get("http") else {
            // All of it comes to the default one, where there is one.
            let all = default.map(|backend| Answer {
                host,
                kind: Kind::Prefix,
                path: "/".to_owned(),
                besides: String::new(),
                backends: vec![backend.clone()],
            });
            return all.into_iter().collect::<Vec<_>>();
        };
        let paths = items(http, "paths").map(|it| Answer {
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
            besides: String::new(),
            backends: it
                .get("backend")
                .and_then(|it| backend(it, namespace))
                .into_iter()
                .collect(),
        });
        paths.collect()
    });
    rules.collect()
}

/// In the form of today or that of `v1beta1` (`kubernetes.io/docs/reference/using-api/deprecation-guide`, v1.22, Ingress).
fn backend(backend: &Value, namespace: Option<&str>) -> Option<Backend> {
    let service = backend.get("service");
    let port = service.and_then(|it| it.get("port"));
    let port = port.and_then(|it| it.get("number").or_else(|| it.get("name")));
    let name = service.and_then(|it| text(it, "name"));
    let name = name.or_else(|| text(backend, "serviceName"));
    let name = name.map(ToOwned::to_owned);
    let resource = || Some(backend.get("resource")?.to_string());
    Some(Backend {
        name: name.or_else(resource)?,
        namespace: namespace.map(ToOwned::to_owned),
        port: port.or_else(|| backend.get("servicePort")).cloned(),
    })
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
        !it.is_canary && (it.leader.key == own || sides.iter().any(same))
    };
    let mut all: Vec<Ingress<'a>> = all.filter(is_of).collect();
    all.sort_unstable_by_key(|it| (it.leader.key != own, it.leader.key));
    all
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
        || host.is_some_and(|host| says(host) || is_named(new, &ROUTES, host))
}
