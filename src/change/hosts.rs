//! A plain host and its nginx: what another text of each file does once it is delivered.
//!
//! The scripts are fixed and read the files beside them (`src/targets/nginx/hosts/scripts`);
//! nginx takes another configuration by a reload, in which old workers end their requests
//! (nginx.org/en/docs/control.html).

use super::{Change, Effect, Pair, Refusal, TargetChanges, Varied, Was, lines};
use crate::graph::{Graph, ServiceView};
use crate::targets::{Content, Object};
use rustc_hash::FxHashMap;

/// What becomes of every file.
pub(super) fn compare(pair: &Pair<'_>) -> TargetChanges {
    let (old, new) = (by_path(pair.old), by_path(pair.new));
    let mut changes = Vec::new();
    let mut unchanged: usize = 0;
    let is_same = |file: &Object| {
        let was = old.get(file.file.as_str());
        was.is_some_and(|was| was.content == file.content)
    };
    let is_other_release = new.len() != old.len() || !pair.new.iter().all(is_same);
    for file in pair.new {
        let was = old.get(file.file.as_str());
        if is_same(file) {
            if is_other_release && is_service(&file.file) {
                let how = RELEASED.to_owned();
                changes.push(change(pair, file, Effect::Rolls, how));
            } else {
                unchanged += 1;
            }
            continue;
        }
        let (effect, how) = if was.is_some() {
            effect(&file.file)
        } else {
            (Effect::Created, "")
        };
        let mut change = change(pair, file, effect, how.to_owned());
        if let Some(Content::Text(was)) = was.map(|was| &was.content)
            && let Content::Text(text) = &file.content
            // A plan is read by many.
            && ![was, text].iter().any(|it| it.contains("PRIVATE KEY-----"))
        {
            change.fields = lines::differences(was, text, effect, SCRIPTS);
        }
        changes.push(change);
    }
    for file in pair.old {
        if !new.contains_key(file.file.as_str()) {
            let how = if is_service(&file.file) {
                "its slots run on until somebody ends them: the scripts know it no more"
            } else if is_taken_out(pair, &file.file) {
                "is taken out of nginx by the next `switch.sh`"
            } else {
                "stays on the host until it is deleted"
            };
            changes.push(change(pair, file, Effect::Left, how.to_owned()));
        }
    }
    let files = changes.len();
    taken_slots(pair, &mut changes);
    served_slots(pair, &mut changes);
    TargetChanges {
        target: pair.target,
        unchanged: unchanged.saturating_sub(changes.len() - files),
        changes,
        variables: variables(pair),
    }
}

/// A release is a copy of the whole bundle, named by its content and by the values of its variables, and a slot of another
/// release is replaced (`release_name` in `src/targets/nginx/hosts/scripts/host.sh`, `rolling` in `switch.sh`).
const RELEASED: &str = "nothing of it changes, and its slots are started anew all the same: a release is the whole bundle";

/// Where it is known from what a file of settings does.
const SCRIPTS: &str = "src/targets/nginx/hosts/scripts";

fn is_service(path: &str) -> bool {
    path.starts_with(SERVICES)
}

/// The folder of the services' settings.
const SERVICES: &str = "nginx/hosts/services/";

/// The deploy-time variables of the scripts: another value of any of them is another release, of all services.
fn variables(pair: &Pair<'_>) -> Vec<(String, Vec<Varied>)> {
    let app = pair
        .new
        .iter()
        .find(|file| file.file == "nginx/hosts/app.sh");
    let Some(Content::Text(text)) = app.map(|app| &app.content) else {
        return Vec::new();
    };
    let names = text
        .lines()
        .find_map(|line| line.strip_prefix("variable_names=("));
    let names = names
        .and_then(|names| names.strip_suffix(')'))
        .unwrap_or_default();
    let files = pair.new.iter().filter_map(|file| {
        let service = file.file.strip_prefix(SERVICES)?;
        service.strip_suffix(".sh")
    });
    let varied = files.map(|name| Varied {
        service: pair
            .new_graph
            .and_then(|graph| graph.find(name))
            .map(|view| view.name().into()),
        name: name.to_owned(),
        restarts: false,
    });
    let varied: Vec<Varied> = varied.collect();
    names
        .split_whitespace()
        .map(|name| (name.to_owned(), varied.clone()))
        .collect()
}

/// Whether it is the configuration of an app whose services stay and whose gateway does not (`install_conf` of
/// `src/targets/nginx/hosts/scripts/host.sh`).
fn is_taken_out(pair: &Pair<'_>, file: &str) -> bool {
    pair.new_graph.is_some_and(|graph| {
        file == format!("nginx/conf.d/{}.conf", graph.name())
            && graph.services().any(|service| graph.is_on_host(service))
    })
}

/// A service that goes by another name, or is another app's, has slots of its own: where their ports are those of the slots that it had,
/// these are still taken, for nobody stops them (`start_slot` of `src/targets/nginx/hosts/scripts/host.sh`).
fn taken_slots(pair: &Pair<'_>, changes: &mut Vec<Change>) {
    let (Some(old), Some(new)) = (pair.old_graph, pair.new_graph) else {
        return;
    };
    let slots = |graph: &Graph, service| graph.slots(service).map_or(Vec::new(), |it| it.ports);
    let on_host = |graph: &'_ Graph, name: &str| {
        let found = graph.find(name);
        found.is_some_and(|service| graph.is_on_host(service)) && graph.name() == new.name()
    };
    let gone: Vec<(&str, Vec<u64>)> = old
        .services()
        .filter(|service| old.is_on_host(*service))
        .filter(|service| old.name() != new.name() || !on_host(new, service.name()))
        .map(|service| (service.name(), slots(old, service)))
        .collect();
    if gone.is_empty() {
        return;
    }
    for service in new.services().filter(|service| new.is_on_host(*service)) {
        // One that stays has those that it had.
        let own = old
            .find(service.name())
            .filter(|_| on_host(old, service.name()));
        let own = own.map_or_else(Vec::new, |own| slots(old, own));
        let holder = |port: &u64| {
            let mut gone = gone.iter().filter(|_| !own.contains(port));
            gone.find(|(_, ports)| ports.contains(port))
        };
        let of_it = slots(new, service);
        // Blue/green has one of its two slots live, and the script takes the one that is free. What another app left in nginx leads on
        // to all of its own.
        let is_free = |port: &u64| {
            let holder = holder(port).and_then(|(name, _)| old.find(name));
            holder.is_none_or(ServiceView::is_blue_green)
        };
        let is_same_app = old.name() == new.name();
        if is_same_app && service.is_blue_green() && of_it.iter().any(is_free) {
            continue;
        }
        let taken = of_it.iter().find_map(|port| Some((*port, holder(port)?.0)));
        let Some((port, of)) = taken else { continue };
        let file = format!("nginx/hosts/services/{}.sh", service.name());
        let place = changes.iter().position(|change| change.name == file);
        let place = place.unwrap_or_else(|| {
            let objects = pair.new.iter().filter(|object| object.file == file);
            changes.extend(objects.map(|it| change(pair, it, Effect::InPlace, String::new())));
            changes.len().saturating_sub(1)
        });
        if let Some(change) = changes.get_mut(place) {
            change.effect = Effect::Refused;
            change.how = format!(
                "port {port} is taken by a process of `{of}`, which is not of these scripts"
            );
            change.was = Some(Was {
                kind: old.name().to_owned(),
                name: of.to_string(),
                place: None,
                may_be_here: false,
                data: None,
            });
        }
    }
}

/// A service that comes to blue/green where all of its slots serve already: there is none to start the new release in. It is
/// read in the files, which is all that is known of what is deployed where no program is.
fn served_slots(pair: &Pair<'_>, changes: &mut [Change]) {
    let app = |files: &[Object]| {
        let mut files = files.iter();
        let file = files.find(|file| file.file == "nginx/hosts/app.sh")?;
        setting(file, "app").map(ToOwned::to_owned)
    };
    // What another app left has slots of its own.
    if app(pair.old) != app(pair.new) {
        return;
    }
    let old = by_path(pair.old);
    for file in pair.new.iter().filter(|file| is_service(&file.file)) {
        let was = old.get(file.file.as_str());
        let sides = was.and_then(|was| Some((Slotted::read(was)?, Slotted::read(file)?)));
        let Some(Served::All(slots)) = sides.and_then(|(was, is)| was.served_before(&is)) else {
            continue;
        };
        let mut changes = changes.iter_mut();
        let change = changes.find(|it| it.name == file.file && it.effect != Effect::Refused);
        let Some(change) = change else { continue };
        change.effect = Effect::Refused;
        change.how = none_free(&shown(&slots));
        change.refusal = Refusal::Said(FREE_A_SLOT.to_owned());
    }
}

/// Slots as the scripts list them.
pub(super) fn shown(slots: &[u64]) -> String {
    let slots: Vec<String> = slots.iter().map(ToString::to_string).collect();
    slots.join(" ")
}

/// The words of `src/targets/nginx/hosts/scripts/deploy.sh`, which names the release too.
pub(super) fn none_free(slots: &str) -> String {
    format!(
        "slots {slots} serve, all that there are: none is free for release …, and nothing was changed"
    )
}

/// What frees a slot for blue/green.
pub(super) const FREE_A_SLOT: &str = "give the service slots of other ports; or first deploy it with one replica and `update rolling { order = start_first }` on these";

/// Which slots of a service serve before its first blue/green release, where none of its new ones is new to it.
pub(super) enum Served {
    /// All that it had, these.
    All(Vec<u64>),
    /// Some of those that it had, which may be these two.
    Some(Vec<u64>),
}

/// The slots of a service of a host, and how many of them serve.
struct Slotted {
    is_blue_green: bool,
    ports: Vec<u64>,
    replicas: (u64, u64),
}

impl Slotted {
    /// As its file of settings has them (`src/targets/nginx/hosts/scripts/service.sh.tera`).
    fn read(file: &Object) -> Option<Self> {
        let slots = setting(file, "slots")?;
        let slots = slots.strip_prefix('(')?.strip_suffix(')')?;
        let ports: Result<Vec<u64>, _> = slots.split_whitespace().map(str::parse).collect();
        let replicas = setting(file, "replicas")?.parse().ok()?;
        Some(Self {
            is_blue_green: setting(file, "kind")? == "blue_green",
            ports: ports.ok()?,
            replicas: (replicas, replicas),
        })
    }

    fn of(graph: &Graph, service: ServiceView<'_>) -> Option<Self> {
        let replicas = graph.replicas(service);
        Some(Self {
            is_blue_green: service.is_blue_green(),
            ports: graph
                .slots(service)
                .filter(|_| graph.is_on_host(service))?
                .ports,
            replicas: (replicas.least, replicas.most),
        })
    }

    /// What serves of it in the way of its first blue/green release, which goes to a slot that does not (`blue_green` of
    /// `src/targets/nginx/hosts/scripts/deploy.sh`).
    fn served_before(self, next: &Self) -> Option<Served> {
        let count = |slots: &[u64]| u64::try_from(slots.len()).unwrap_or(u64::MAX);
        let (least, most) = self.replicas;
        let comes = next.is_blue_green && !self.is_blue_green;
        let had = next.ports.iter().all(|port| self.ports.contains(port));
        if !comes || !had || most < count(&next.ports) {
            return None;
        }
        Some(if least >= count(&self.ports) {
            Served::All(self.ports)
        } else {
            Served::Some(next.ports.clone())
        })
    }
}

/// What serves of a service in the way of its first blue/green release, by the programs.
pub(super) fn served(old: &Graph, new: &Graph, service: ServiceView<'_>) -> Option<Served> {
    let before = old
        .find(service.name())
        .filter(|_| old.name() == new.name())?;
    Slotted::of(old, before)?.served_before(&Slotted::of(new, service)?)
}

/// What a file of settings sets something to.
fn setting<'o>(file: &'o Object, name: &str) -> Option<&'o str> {
    let Content::Text(text) = &file.content else {
        return None;
    };
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

fn by_path(files: &[Object]) -> FxHashMap<&str, &Object> {
    files
        .iter()
        .map(|file| (file.file.as_str(), file))
        .collect()
}

/// What another text of a file does.
fn effect(whole: &str) -> (Effect, &'static str) {
    let path = whole.strip_prefix("nginx/").unwrap_or(whole);
    match path.split('/').next().unwrap_or_default() {
        "conf.d" => (
            Effect::InPlace,
            "nginx reloads: its old workers end the requests that they have",
        ),
        "slots" => (
            Effect::InPlace,
            "where the host has one already it is kept: it says which slot is live",
        ),
        "hosts" if is_service(whole) => (
            Effect::Rolls,
            "its slots are started anew by the next `deploy.sh` and `switch.sh`",
        ),
        "systemd" => (
            Effect::Rolls,
            "it counts for the slots that are started from now on",
        ),
        _ => (
            Effect::InPlace,
            "no process looks at it before the next deploy",
        ),
    }
}

fn change(pair: &Pair<'_>, file: &Object, effect: Effect, how: String) -> Change {
    let service = file.file.strip_prefix(SERVICES);
    let name = service.and_then(|name| name.strip_suffix(".sh"));
    let graph = if effect == Effect::Left {
        pair.old_graph
    } else {
        pair.new_graph
    };
    let view = name.and_then(|name| graph?.find(name));
    Change {
        service: view.map(|view| view.name().into()),
        effect,
        how,
        span: view
            .filter(|_| effect != Effect::Left)
            .map(ServiceView::span),
        ..Change::of("file", file.file.clone())
    }
}
