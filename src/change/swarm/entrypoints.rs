//! At which entry points Traefik answers for a host: those that its arguments make, and that routers name
//! (doc.traefik.io/traefik/routing/entrypoints and doc.traefik.io/traefik/routing/routers, `EntryPoints`).

use super::apart::Apart;
use super::routers::hosts;
use super::service::{self, Service};
use super::stack::Stack;
use super::traefik::{Labels, is_asked, is_in_a_file, is_on, is_traefik, labels};
use super::traefik::{listed, takes_all};
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The entry points of Traefik, where all are known.
#[derive(Default, PartialEq)]
struct Points {
    /// By name, with the address where it is written.
    addresses: BTreeMap<String, String>,
    /// Those at which a router answers that names none.
    defaults: BTreeSet<String>,
    /// Those that send every request elsewhere.
    redirecting: BTreeSet<String>,
}

impl Points {
    /// Whether two of them, each of its own side, have one address.
    fn are_one(&self, one: &str, (others, other): (&Points, &str)) -> bool {
        let address = self.addresses.get(one).filter(|it| !it.is_empty());
        one == other || address.is_some() && address == others.addresses.get(other)
    }
}

/// A router of labels.
struct Router {
    /// The only host names that it answers.
    hosts: Option<BTreeSet<String>>,
    /// The entry points that it names.
    names: Option<BTreeSet<String>>,
    /// Whether it answers https alone.
    is_secure: bool,
}

impl Router {
    /// Where it answers, as far as that is known.
    fn points(&self, all: Option<&Points>) -> Option<BTreeSet<String>> {
        let Some(names) = &self.names else {
            return all.map(|it| it.defaults.clone());
        };
        let names = (!names.iter().any(|it| it.contains('$'))).then_some(names)?;
        let is_there =
            |name: &&String| all.is_none_or(|all| all.addresses.contains_key(name.as_str()));
        Some(names.iter().filter(is_there).cloned().collect())
    }

    fn may_answer(&self, host: &str) -> bool {
        self.hosts.as_ref().is_none_or(|it| it.contains(host))
    }

    /// The names of which Traefik comes to have no entry point.
    fn unknown<'r>(
        &'r self,
        sides: Option<&'r (Points, Points)>,
    ) -> impl Iterator<Item = &'r String> {
        let names = self.names.iter().flatten();
        names.filter(move |name| {
            let is_missing = |(_, is): &(Points, Points)| !is.addresses.contains_key(*name);
            !name.contains('$') && sides.is_some_and(is_missing)
        })
    }

    fn names(&self, point: &str) -> bool {
        self.names.as_ref().is_some_and(|it| it.contains(point))
    }
}

/// Says of services that go on behind Traefik for which hosts an entry point answers no more.
pub(super) fn told(
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
    objects: &[Object],
    apart: &Apart<'_>,
    changes: &mut [Change],
) {
    let has_labels = |it: &Change| {
        let mut fields = it.fields.iter();
        fields.any(|field| field.path.starts_with("deploy"))
    };
    let counts = |it: &Change| it.effect.replaces() || it.effect == Effect::InPlace;
    let changed = changes
        .iter()
        .filter(|it| it.kind == "service" && counts(it));
    let changed: BTreeMap<String, bool> = changed
        .map(|it| (it.name.clone(), has_labels(it)))
        .collect();
    let (before, after) = (service::all(old), service::all(new));
    let proxy = after
        .iter()
        .find(|(name, it)| changed.contains_key(*name) && is_traefik(it));
    let proxy = proxy.map(|(name, _)| name.as_str());
    // Which services name an entry point that their Traefik has no more.
    let mut missing: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, was) in &before {
        let has_other_labels = changed.get(name).copied().unwrap_or_default();
        let stays = after.get(name).filter(|is| !was.is_off() && !is.is_off());
        let Some(is) = stays.filter(|_| has_other_labels || proxy.is_some()) else {
            continue;
        };
        let left = before.iter().filter(|(name, _)| !after.contains_key(*name));
        let meets = |it: &Service<'_>| !apart.are_surely(is.stack.name, it.stack.name);
        let there = after.iter().chain(left).map(|(_, it)| it);
        let there: Vec<&Service<'_>> = there.filter(|it| meets(it)).collect();
        let (had, has) = (labels(was), labels(is));
        let takes_all = takes_all(&there);
        if !is_on(&had, takes_all) || !is_asked(&has, takes_all) {
            continue;
        }
        let known = points(before.values().filter(|it| meets(it)));
        let sides = known.zip(points(there.iter().copied()));
        let others = there.iter().map(|it| labels(it));
        let others = others.filter(|it| is_on(it, takes_all));
        let after: Vec<Router> = others.flat_map(|it| routers(&it)).collect();
        let own = routers(&has);
        for (point, hosts) in lost(&routers(&had), &after, sides.as_ref()) {
            let hosts = hosts
                .into_iter()
                .filter(|it| !is_in_a_file(it, objects))
                .collect();
            let is_gone =
                matches!(&sides, Some((_, is)) if !is.addresses.contains_key(point.as_str()));
            if is_gone && own.iter().any(|it| it.names(&point)) {
                missing.entry(point).or_default().insert(name.clone());
            } else if has_other_labels && !is_gone {
                let unknown = own.iter().flat_map(|it| it.unknown(sides.as_ref()));
                let unknown: BTreeSet<String> = unknown.cloned().collect();
                let loss = answers_no_more(name, (&point, &hosts), (sides.is_some(), &unknown));
                if let Some(change) = changes.iter_mut().find(|it| it.name == *name) {
                    change.losses.extend(loss);
                }
            }
        }
    }
    let change = changes
        .iter_mut()
        .find(|it| Some(it.name.as_str()) == proxy);
    if let Some(change) = change {
        let losses = missing
            .iter()
            .filter_map(|(point, names)| is_no_more(point, names));
        change.losses.extend(losses);
    }
}

/// The hosts that routers answered at entry points where none does any more, by these; without what none answers at all.
fn lost(
    had: &[Router],
    there: &[Router],
    sides: Option<&(Points, Points)>,
) -> BTreeMap<String, BTreeSet<String>> {
    let (were, are) = sides.map(|(were, are)| (were, are)).unzip();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // One that speaks https alone answered nobody at the entry point of http, which is one of the defaults.
    let had = had.iter().filter(|it| !it.is_secure || it.names.is_some());
    for router in had {
        let (Some(hosts), Some(points)) = (&router.hosts, router.points(were)) else {
            continue;
        };
        for point in points {
            let is_one = |other: &String| {
                point == *other
                    || sides.is_some_and(|(were, are)| were.are_one(&point, (are, other)))
            };
            if are.is_some_and(|it| it.redirecting.iter().any(is_one)) {
                continue;
            }
            // With TLS a router answers nobody who asks without (doc.traefik.io/traefik/routing/routers, TLS).
            let is_plain = !router.is_secure && !is_for_tls(&point, were);
            let is_lost = |host: &&String| {
                let answers = there.iter().filter(|it| it.may_answer(host));
                let mut answers = answers.filter(|it| !is_plain || !it.is_secure);
                let is_kept = |it: &Router| {
                    it.points(are)
                        .is_none_or(|points| points.iter().any(is_one))
                };
                let knows = |it: &Router| it.hosts.as_ref().is_some_and(|it| it.contains(*host));
                there.iter().any(knows) && !answers.any(is_kept)
            };
            let gone: BTreeSet<String> = hosts.iter().filter(is_lost).cloned().collect();
            if !gone.is_empty() {
                found.entry(point).or_default().extend(gone);
            }
        }
    }
    found
}

/// Whether an entry point is for who asks with TLS, by its address, or by its name where that is not known.
fn is_for_tls(point: &str, all: Option<&Points>) -> bool {
    match all.and_then(|it| it.addresses.get(point)) {
        Some(address) if !address.is_empty() => address.ends_with("443"),
        _ => ["443", "https", "secure", "tls"]
            .iter()
            .any(|it| point.contains(it)),
    }
}

fn routers(labels: &Labels) -> Vec<Router> {
    const ROUTERS: &str = "traefik.http.routers.";
    let names = labels
        .keys()
        .filter_map(|it| it.strip_prefix(ROUTERS)?.strip_suffix(".rule"));
    let routers = names.filter_map(|name| {
        let of = |word: &str| labels.get(&format!("{ROUTERS}{name}.{word}"));
        let names = of("entrypoints").map(|it| {
            let names = it.split(',').map(|it| it.trim().to_ascii_lowercase());
            names.collect()
        });
        let tls = format!("{ROUTERS}{name}.tls");
        let mut secure = labels.iter().filter(|(it, _)| it.starts_with(&tls));
        Some(Router {
            hosts: hosts(of("rule")?),
            names,
            is_secure: secure.any(|(_, said)| said != "false"),
        })
    });
    routers.collect()
}

/// The entry points of every Traefik among services, where each says its own by arguments and is told nothing by a file, in whose place
/// arguments do not count (traefik/traefik `cmd/traefik/traefik.go`, the loaders).
fn points<'s>(services: impl Iterator<Item = &'s Service<'s>>) -> Option<Points> {
    let mut all = Points::default();
    for traefik in services.filter(|it| is_traefik(it)) {
        let mounts = ["volumes", "configs"].into_iter();
        let mut mounts = mounts.filter_map(|it| Some(traefik.at(&[it])?.to_string()));
        let files = [
            "traefik.y",
            "traefik.toml",
            "/etc/traefik\"",
            "/etc/traefik:",
        ];
        if mounts.any(|it| files.iter().any(|file| it.contains(file))) {
            return None;
        }
        let own = arguments(&words(traefik))?;
        all.addresses.extend(own.addresses);
        all.defaults.extend(own.defaults);
        all.redirecting.extend(own.redirecting);
    }
    (!all.addresses.is_empty()).then_some(all)
}

fn words(service: &Service<'_>) -> Vec<String> {
    let written = ["entrypoint", "command"].into_iter();
    let written = written.filter_map(|it| service.at(&[it]));
    let words = written.flat_map(|it| match &*it {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => {
            let items = items.iter().filter_map(Value::as_str);
            items.map(ToOwned::to_owned).collect()
        }
        _ => Vec::new(),
    });
    let words = words.flat_map(|it| {
        let words = it.split_whitespace().map(str::to_ascii_lowercase);
        words.collect::<Vec<_>>()
    });
    words.collect()
}

/// Those of one Traefik. Where one is said to be a default, the others are none, and the one of its own never is (traefik/traefik
/// `cmd/traefik/traefik.go`, `getDefaultsEntrypoints`).
fn arguments(words: &[String]) -> Option<Points> {
    let mut own = Points::default();
    let mut chosen = BTreeSet::new();
    for word in words {
        let argument = word.trim_start_matches('-');
        if argument.starts_with('$') || argument.starts_with("configfile") {
            return None;
        }
        let Some(of) = argument.strip_prefix("entrypoints.") else {
            continue;
        };
        let (path, value) = of.split_once('=').unwrap_or((of, "true"));
        let (name, what) = path.split_once('.').unwrap_or((path, ""));
        if name.contains('$') {
            return None;
        }
        let name = name.to_owned();
        if what == "asdefault" && value != "false" {
            chosen.insert(name.clone());
        }
        if what.starts_with("http.redirections.entrypoint.to") {
            own.redirecting.insert(name.clone());
        }
        let address = own.addresses.entry(name).or_default();
        if what == "address" {
            value.clone_into(address);
        }
    }
    let is_default = |(name, address): &(&String, &String)| {
        *name != "traefik"
            && !address.ends_with("/udp")
            && (chosen.is_empty() || chosen.contains(*name))
    };
    let defaults = own.addresses.iter().filter(is_default);
    own.defaults = defaults.map(|(name, _)| name.clone()).collect();
    (!own.addresses.is_empty()).then_some(own)
}

fn answers_no_more(
    name: &str,
    (point, hosts): (&str, &BTreeSet<String>),
    (is_known, unknown): (bool, &BTreeSet<String>),
) -> Option<Loss> {
    let but = if !is_known {
        format!(
            ", unless Traefik itself sends on what comes there (`--entrypoints.{point}.http.redirections`)"
        )
    } else if let Some(names) = listed(unknown) {
        format!("; it has no entry point {names}, which is named instead")
    } else {
        String::new()
    };
    Some(Loss {
        about: Lost::Outside,
        what: format!(
            "`{name}` no longer answers for {} at entry point `{point}`: Traefik takes its labels at once, and no other router has that host there{but}",
            listed(hosts)?
        ),
        way: format!(
            "keep a router of the host at `{point}`, without TLS where clients ask without, until no client asks there"
        ),
    })
}

fn is_no_more(point: &str, names: &BTreeSet<String>) -> Option<Loss> {
    Some(Loss {
        about: Lost::Outside,
        what: format!(
            "Traefik has no entry point `{point}` any more, which routers of {} go on to name: it answers nobody there for their hosts",
            listed(names)?
        ),
        way: format!(
            "keep `--entrypoints.{point}.address` until no router names it; or let Traefik have both, and the routers name both, in a deploy before"
        ),
    })
}
