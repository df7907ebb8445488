//! An Ingress of ingress-nginx under another name than one that answers the same path and stays: its admission webhook refuses the new one
//! (kubernetes/ingress-nginx `internal/ingress/controller/controller.go`, `checkOverlap`).

use super::parts::{self, INGRESS, items, text};
use super::{Keyed, is_unsaid, place};
use crate::change::difference::value;
use crate::change::{Change, Effect, Loss, Lost};
use serde_json::Value;

/// Says it of each that is made beside one that is written no more.
pub(super) fn refused((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let is = |change: &Change, effect| change.kind == INGRESS.1 && change.effect == effect;
    if !changes.iter().any(|it| is(it, Effect::Created)) {
        return;
    }
    let left = changes.iter().filter(|it| is(it, Effect::Left));
    let left: Vec<(Change, Answers)> = left
        .filter_map(|it| Some((it.clone(), Answers::of(it, old, (old, new))?)))
        .collect();
    for change in changes.iter_mut().filter(|it| is(it, Effect::Created)) {
        let Some(answers) = Answers::of(change, new, (old, new)) else {
            continue;
        };
        let mut left = left.iter();
        let met = left.find_map(|(it, there)| {
            let may_be_it = it.name == change.name && is_unsaid(it, change);
            let path = answers.meets(there).filter(|_| !may_be_it)?;
            Some(loss(change, it, path))
        });
        change.losses.extend(met);
    }
}

/// What an Ingress of ingress-nginx answers.
struct Answers {
    /// As its annotation says, where there is one.
    canary: Option<bool>,
    paths: Vec<Location>,
}

/// A path of a host that leads to a Service, as nginx is told of it.
#[derive(PartialEq)]
struct Location {
    host: String,
    path: String,
    is_exact: bool,
}

impl Answers {
    fn of(change: &Change, side: &Keyed<'_>, sides: (&Keyed<'_>, &Keyed<'_>)) -> Option<Self> {
        let namespace = change.namespace.as_deref();
        let ingress = side.get(&(INGRESS.0, INGRESS.1, &*change.name, namespace))?;
        let ingress = value(&ingress.content);
        let canary = note(&ingress, "nginx.ingress.kubernetes.io/canary");
        is_carried(&ingress, sides).then(|| Self {
            canary: canary.map(|it| it == "true"),
            paths: paths(&ingress),
        })
    }

    /// What it answers that is another one's: nginx has the first of two locations alone. Before 1.13.5 and 1.14.1 the webhook looked no
    /// further than the first that was its own (kubernetes/ingress-nginx #13162).
    fn meets(&self, there: &Self) -> Option<&Location> {
        // A canary takes its share of what another one answers.
        let are_alike = matches!(
            (self.canary, there.canary),
            (None, None) | (Some(true), Some(true))
        );
        // At `/` nginx has an answer of its own, which one that is exact stands beside.
        let is_apart = |it: &&Location| it.is_exact && it.path == "/";
        let mut own = self.paths.iter().filter(|it| are_alike && !is_apart(it));
        own.find(|own| {
            let is_one = |it: &&Location| (&it.host, &it.path) == (&own.host, &own.path);
            let mut same = there.paths.iter().filter(is_one).peekable();
            same.peek().is_some() && same.all(|it| it == *own)
        })
    }
}

/// Whether ingress-nginx carries it, as far as that is known: a class of these manifests says so, or it is called as that of ingress-nginx is, and
/// says nothing that the other controller of nginx reads.
fn is_carried(ingress: &Value, (old, new): (&Keyed<'_>, &Keyed<'_>)) -> bool {
    let written = ingress
        .get("spec")
        .and_then(|it| text(it, "ingressClassName"));
    let Some(class) = written.or_else(|| note(ingress, "kubernetes.io/ingress.class")) else {
        return false;
    };
    let key = (INGRESS.0, "IngressClass", class, None);
    if let Some(class) = new.get(&key).or_else(|| old.get(&key)) {
        let class = value(&class.content);
        let controller = class.get("spec").and_then(|it| text(it, "controller"));
        return controller == Some("k8s.io/ingress-nginx");
    }
    let notes = ingress.pointer("/metadata/annotations");
    let mut notes = notes.and_then(Value::as_object).into_iter().flatten();
    let is_of_another = |key: &str| {
        ["nginx.org/", "nginx.com/"]
            .iter()
            .any(|it| key.starts_with(it))
    };
    class == "nginx" && !notes.any(|(key, _)| is_of_another(key))
}

fn note<'v>(ingress: &'v Value, key: &str) -> Option<&'v str> {
    let notes = ingress.get("metadata")?.get("annotations")?;
    text(notes, key)
}

/// In their order; what has no type, or leaves it to the controller, is a prefix (`internal/k8s/main.go`, `SetDefaultNGINXPathType`).
fn paths(ingress: &Value) -> Vec<Location> {
    let rules = ingress.get("spec").into_iter();
    let rules = rules.flat_map(|it| items(it, "rules"));
    let paths = rules.flat_map(|rule| {
        let host = text(rule, "host").filter(|it| !it.is_empty());
        let all = rule.get("http").into_iter();
        let all = all.flat_map(|it| items(it, "paths"));
        let all = all.filter(|it| it.pointer("/backend/service").is_some());
        all.map(move |it| Location {
            host: host.unwrap_or("_").to_owned(),
            path: text(it, "path")
                .filter(|it| !it.is_empty())
                .unwrap_or("/")
                .to_owned(),
            is_exact: text(it, "pathType") == Some("Exact"),
        })
    });
    paths.collect()
}

fn loss(change: &Change, left: &Change, Location { host, path, .. }: &Location) -> Loss {
    let (name, was) = (&change.name, &left.name);
    let there = left.namespace.as_deref();
    let delete = parts::deletion("ingress", was, there);
    let (place, keep) = if name == was {
        (
            format!(" {}", place(there)),
            "keep its namespace".to_owned(),
        )
    } else {
        (String::new(), format!("keep the name `{was}`"))
    };
    let there = there.unwrap_or("…");
    Loss {
        about: Lost::Beside,
        what: format!(
            "the admission webhook of ingress-nginx refuses Ingress `{name}` while Ingress `{was}`{place} stays, which is written no more: `host \"{host}\" \
             and path \"{path}\" is already defined in ingress {there}/{was}`"
        ),
        way: format!(
            "{keep}; or {delete} first, and nobody answers there until the new one is made; where that webhook is not installed both are \
             taken, and the older one answers"
        ),
    }
}
