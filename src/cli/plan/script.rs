//! A plan as the commands that carry it out: a fixed script, and behind it what it finds of this plan, which is the
//! services of each step by the names that `deploy.sh` knows them by.

use super::Planned;
use super::human::first_deploy;
use crate::change::{Change, Effect, Field, TargetChanges, Varied};
use crate::cli::Failure;
use crate::diagnostics::render::escape_line;
use crate::targets::shell::quoted;
use crate::targets::{Object, content_hash};
use crate::vocabulary::{RestartCondition, TargetId};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};

const SCRIPT: &str = include_str!("script/steps.sh");

/// The target that a script is for, with the objects of the new program.
///
/// # Errors
/// There are several, or none has a `deploy.sh` that knows of steps.
pub(super) fn target<'a>(
    targets: &'a [TargetChanges],
    objects: &'a [(TargetId, Vec<Object>)],
) -> Result<(&'a TargetChanges, &'a [Object]), Failure> {
    let scripted = targets.iter().filter_map(|target| {
        let objects = of(target.target, objects);
        has_steps(target.target, objects).then_some((target, objects))
    });
    let mut found = scripted;
    match (found.next(), found.next()) {
        (Some(target), None) => Ok(target),
        (None, _) => Err(Failure::new(
            "a script is for swarm, kubernetes or plain hosts, and this program for none of these",
        )
        .help(match targets {
            [only] if only.target == TargetId::Compose => {
                "`docker compose up` replaces all at once and keeps no promise; its services one by one: \
                 `docker compose up --detach --no-deps SERVICE`"
            }
            [only] if only.target == TargetId::Nginx => {
                "no service runs on a plain host here: nginx takes its configuration by one reload"
            }
            _ => "the order of steps is in `--format json`, as `deploys`",
        })),
        (Some((target, _)), Some(_)) => Err(Failure::new(
            "a script is for one target, and this program for several",
        )
        .help(format!("name one: `--target {}`", target.target.word()))),
    }
}

/// The objects of a target; none where the program is not for it.
pub(super) fn of(target: TargetId, objects: &[(TargetId, Vec<Object>)]) -> &[Object] {
    let mut objects = objects.iter().filter(|(id, _)| *id == target);
    objects.next().map_or(&[], |(_, objects)| objects)
}

/// Whether a target's `deploy.sh` takes services one by one.
fn has_steps(target: TargetId, objects: &[Object]) -> bool {
    match target {
        TargetId::Swarm | TargetId::Kubernetes => true,
        TargetId::Nginx => objects.iter().any(|object| on_host(&object.file).is_some()),
        TargetId::Compose => false,
    }
}

/// The service of a plain host that a file is of.
fn on_host(file: &str) -> Option<&str> {
    file.strip_prefix("nginx/hosts/services/")?
        .strip_suffix(".sh")
}

/// Writes the script.
///
/// # Errors
/// The output cannot be written.
pub(super) fn write(
    planned: &Planned<'_>,
    target: &TargetChanges,
    [before, objects]: [&[Object]; 2],
    out: &mut dyn Write,
) -> io::Result<()> {
    let (old, new) = planned.names;
    let steps = steps(planned, target, objects);
    let (first, rest) = SCRIPT.split_once('\n').unwrap_or((SCRIPT, ""));
    writeln!(
        out,
        "{first}\n# The plan {} -> {}.",
        escape_line(old),
        escape_line(new)
    )?;
    if let Some(line) = first_deploy(planned) {
        writeln!(out, "# {line}")?;
    }
    out.write_all(rest.as_bytes())?;
    // The same steps between other programs are other steps.
    let carried = format!("{before:?}{objects:?}");
    writeln!(
        out,
        "\n# What the deploys of these steps are called, by what they carry.\nrelease={}\n\
         # What this plan does, step by step: `replaced` has a version before, `in_place` keeps its instances.",
        content_hash(&carried)
    )?;
    let variables = target.variables.iter().map(|(name, _)| name.as_str());
    let words = |names: &[String]| {
        let names = names.iter().map(|name| quoted(name));
        names.collect::<Vec<_>>().join(" ")
    };
    writeln!(
        out,
        "target={}\nsteps={}\nvariables=({})\nleft=({})\n\nnames() {{\n  case $1 in",
        target.target.word(),
        steps.len(),
        variables.collect::<Vec<_>>().join(" "),
        words(&left_behind(target, before))
    )?;
    for (number, step) in (1..).zip(&steps) {
        let mut line = format!("    {number}) ");
        for (variable, names) in [
            ("deployed", &step.deployed),
            ("replaced", &step.replaced),
            ("varied", &step.varied),
            ("ended", &step.ended),
            ("in_place", &step.in_place),
            ("created", &step.created),
            ("one_way", &step.one_way),
            ("only_before", &step.only_before),
            ("holds", &step.holds),
            ("settles", &step.settles),
            ("reloads", &step.reloads),
        ] {
            if !names.is_empty() {
                // Writing to a string never fails.
                let _ = write!(line, "{variable}=({}); ", words(names));
            }
        }
        // A step may have none, and a semicolon alone is no command.
        let line = line.strip_suffix("; ").unwrap_or(&line);
        writeln!(out, "{line};;")?;
    }
    writeln!(out, "  esac\n}}\n\nmain \"$@\"")
}

/// A step, by the names that the target's `deploy.sh` knows.
#[derive(Default)]
struct Step {
    /// What is deployed; nothing where all is.
    deployed: Vec<String>,
    /// What of it has a version before.
    replaced: Vec<String>,
    /// What of it goes back where its last deploy replaced it: what another value of a deploy-time variable may replace, and
    /// nothing else does.
    varied: Vec<String>,
    /// What of it ends by itself, which no rollback runs once more.
    ended: Vec<String>,
    /// What of it is changed in place, and nothing of it is replaced.
    in_place: Vec<String>,
    /// What is new in it, as it is told.
    created: Vec<String>,
    /// The services that cannot go back from it.
    one_way: Vec<String>,
    /// What of it only the manifests of before give back to those who ask for it: what has instances before, none after it and
    /// none by a rollback; and what a cluster keeps away from the pods that go back.
    only_before: Vec<String>,
    /// What is new in it and takes a port that another service has before.
    holds: Vec<String>,
    /// What of it counts only once a cluster has carried it out, and says of no end: where a gateway leads, whom a policy lets in.
    settles: Vec<String>,
    /// The gateways of nginx beside a swarm whose new configuration goes before it.
    reloads: Vec<String>,
}

impl Step {
    /// Takes in what another value of a variable replaces, on a swarm.
    fn vary(&mut self, planned: &Planned<'_>, varied: &Varied) {
        let Varied { service, name, .. } = varied;
        let known = [&self.replaced, &self.created, &self.varied, &self.ended];
        if known.iter().any(|known| known.contains(name)) {
            return;
        }
        self.in_place.retain(|it| it != name);
        if ends_by_itself(planned, service.as_deref()) {
            self.ended.push(name.clone());
        } else {
            self.varied.push(name.clone());
        }
        if !self.deployed.contains(name) {
            self.deployed.push(name.clone());
        }
    }
}

/// The steps, without those in which nothing changes on this target; what has no order is in the last.
fn steps(planned: &Planned<'_>, target: &TargetChanges, objects: &[Object]) -> Vec<Step> {
    let deploys = &planned.changes.deploys;
    let of: BTreeMap<&str, usize> = (0..)
        .zip(deploys)
        .flat_map(|(step, names)| names.iter().map(move |name| (name.as_str(), step)))
        .collect();
    let last = deploys.len().saturating_sub(1);
    let is_swarm = target.target == TargetId::Swarm;
    let mut steps: Vec<Step> = Vec::new();
    let mut refused: BTreeSet<String> = BTreeSet::new();
    steps.resize_with(last + 1, Step::default);
    for change in &target.changes {
        let Some(name) = known_as(target.target, change, objects) else {
            continue;
        };
        let step = change.service.as_deref().and_then(|name| of.get(name));
        let Some(step) = steps.get_mut(step.copied().unwrap_or(last)) else {
            continue;
        };
        let service = change.service.as_deref();
        let one_way = planned.changes.one_way.iter();
        for (service, _) in one_way.filter(|(name, _)| service == Some(name)) {
            if !step.one_way.contains(service) {
                step.one_way.push(service.clone());
            }
        }
        if change.effect.replaces() {
            let ends = is_swarm && ends_by_itself(planned, service);
            let replaced = if ends {
                &mut step.ended
            } else {
                &mut step.replaced
            };
            if !replaced.contains(&name) {
                replaced.push(name.clone());
            }
        }
        match change.effect {
            Effect::Refused => _ = refused.insert(name.clone()),
            Effect::InPlace if !step.in_place.contains(&name) => step.in_place.push(name.clone()),
            Effect::Created | Effect::Renamed if target.target == TargetId::Kubernetes => {
                let object = format!("{} {}", change.kind, change.name);
                step.created.push(object);
            }
            Effect::Created | Effect::Renamed => step.created.push(name.clone()),
            _ => {}
        }
        let undone = is_swarm && change.effect.replaces();
        let is_off = !undone && is_switched_off(change);
        let cuts = |service: &str| planned.changes.cut_by_undo.iter().any(|it| it == service);
        let is_cut = target.target == TargetId::Kubernetes && service.is_some_and(cuts);
        if (is_off || is_cut) && !step.only_before.contains(&name) {
            step.only_before.push(name.clone());
        }
        let takes =
            |field: &Field| field.effect == Effect::Refused && field.path.starts_with("ports[");
        if change.effect == Effect::Created && change.fields.iter().any(takes) {
            step.holds.push(name.clone());
        }
        if target.target == TargetId::Kubernetes && settles(change) && !step.settles.contains(&name)
        {
            step.settles.push(name.clone());
        }
        if !step.deployed.contains(&name) {
            step.deployed.push(name);
        }
    }
    // On a host one release is of all: what only a variable replaces goes back as the others do, by its own script.
    if is_swarm {
        let varied = target.variables.iter().flat_map(|(_, varied)| varied);
        for varied in varied {
            let step = varied.service.as_deref().and_then(|name| of.get(name));
            if let Some(step) = steps.get_mut(step.copied().unwrap_or(last)) {
                step.vary(planned, varied);
            }
        }
    }
    for step in &mut steps {
        let replaced = &step.replaced;
        // Of what is refused, what else belongs to it changes nothing to go back from.
        step.in_place
            .retain(|name| !replaced.contains(name) && !refused.contains(name));
    }
    if is_swarm {
        reload_before(planned, &mut steps);
    }
    let mut end = steps.pop().unwrap_or_default();
    steps.retain(|step| !step.deployed.is_empty());
    end.deployed = others(&steps, target.target, objects);
    // Without names all is deployed, which is right of one deploy and of a target that takes what is there already as it is.
    if steps.is_empty() || target.target != TargetId::Swarm || !end.deployed.is_empty() {
        steps.push(end);
    }
    if let [only] = &mut *steps {
        only.settles.clear();
    }
    steps
}

/// Which gateways of nginx beside a swarm go before which step: whoever runs nginx has it take what was built.
fn reload_before(planned: &Planned<'_>, steps: &mut [Step]) {
    let Some(graph) = planned.graph else {
        return;
    };
    let mut waiting: Vec<String> = Vec::new();
    for (step, names) in steps.iter_mut().zip(&planned.changes.deploys) {
        if !step.deployed.is_empty() {
            step.reloads.append(&mut waiting);
        }
        let gateways = names.iter().filter(|name| {
            let gateway = graph.find(name);
            gateway.is_some_and(|it| graph.leads_to_a_swarm(it))
        });
        waiting.extend(gateways.cloned());
    }
}

/// What there still is under the names of before: whoever goes back may have asked for it. A swarm's service by its name,
/// an object of Kubernetes as the file that makes it again, its kind and name, and its namespace where that is said.
fn left_behind(target: &TargetChanges, before: &[Object]) -> Vec<String> {
    let left = target.changes.iter().filter_map(|change| {
        let (kind, name) = match (change.effect, &change.was) {
            (Effect::Left, _) => (&change.kind, &change.name),
            (Effect::Renamed, Some(was)) => (&was.kind, &was.name),
            _ => return None,
        };
        let answers = ["Service", "Deployment", "StatefulSet", "DaemonSet"];
        match target.target {
            TargetId::Swarm => (kind == "service").then(|| name.clone()),
            TargetId::Kubernetes if answers.contains(&kind.as_str()) => {
                let mut objects = before.iter();
                let object = objects.find(|it| it.kind == *kind && it.name == *name)?;
                let file = on_cluster(object)?;
                let namespace = object.namespace.as_deref().unwrap_or_default();
                let line = format!("{file} {}/{name} {namespace}", kind.to_lowercase());
                Some(line.trim_end().to_owned())
            }
            _ => None,
        }
    });
    left.collect()
}

fn ends_by_itself(planned: &Planned<'_>, service: Option<&str>) -> bool {
    let service = service.zip(planned.graph);
    let service = service.and_then(|(name, graph)| graph.find(name));
    service.is_some_and(|service| service.ends_by_itself(RestartCondition::Never))
}

/// Whether requests go elsewhere, or are let in or not, only some time after a change. The pods of what is new roll out anyway.
fn settles(change: &Change) -> bool {
    match &*change.kind {
        "Ingress" | "HTTPRoute" | "GRPCRoute" => {
            matches!(change.effect, Effect::InPlace | Effect::Created)
        }
        "NetworkPolicy" => change.effect == Effect::InPlace,
        _ => false,
    }
}

fn is_switched_off(change: &Change) -> bool {
    change.fields.iter().any(|field| {
        let counts = matches!(field.path.as_str(), "deploy.replicas" | "spec.replicas");
        let zero = |value: &Option<Value>| value.as_ref().is_some_and(|value| value == 0);
        counts && zero(&field.new) && !zero(&field.old)
    })
}

/// What the last step deploys. A swarm takes a service that is deployed as it is for one that has been so before too, and
/// could not take it back any more (swarmkit `manager/controlapi/service.go`, `UpdateService`).
fn others(before: &[Step], target: TargetId, objects: &[Object]) -> Vec<String> {
    if before.is_empty() || target != TargetId::Swarm {
        return Vec::new();
    }
    let done: BTreeSet<&String> = before.iter().flat_map(|step| &step.deployed).collect();
    let services = objects.iter().filter(|object| object.kind == "services");
    let names = services.filter_map(|object| {
        let stack = object.file.strip_prefix("swarm/")?.strip_suffix(".yml")?;
        Some(format!("{stack}_{}", object.name))
    });
    names.filter(|name| !done.contains(name)).collect()
}

/// The name by which `deploy.sh --only` knows what a change is of.
fn known_as(target: TargetId, change: &Change, objects: &[Object]) -> Option<String> {
    let deployed = !matches!(change.effect, Effect::Left | Effect::Ignored);
    if target == TargetId::Swarm {
        return (deployed && change.kind == "service").then(|| change.name.clone());
    }
    if target == TargetId::Nginx {
        let name = on_host(&change.name).filter(|_| deployed);
        return name.map(ToOwned::to_owned);
    }
    let is = |object: &&Object| object.kind == change.kind && object.name == change.name;
    let object = objects.iter().find(is);
    let object = object.filter(|_| deployed && change.service.is_some())?;
    on_cluster(object).map(ToOwned::to_owned)
}

/// The file of an object of Kubernetes, as its `deploy.sh --only` knows it.
fn on_cluster(object: &Object) -> Option<&str> {
    let (_, file) = object.file.split_once('/')?;
    file.strip_suffix(".yaml")
}
