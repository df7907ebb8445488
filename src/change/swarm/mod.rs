//! Docker Swarm: what `docker stack deploy` makes of the difference between two stack files.

mod apart;
mod asked;
mod brokers;
mod caddy;
mod callers;
mod data;
mod defaults;
mod early;
mod entrypoints;
mod env_files;
mod folders;
mod forms;
mod homes;
mod mesh;
mod mounts;
mod nodes;
mod overlap;
mod places;
mod policy;
mod ports;
pub(super) mod published;
mod reached;
mod refused;
mod renames;
mod routers;
mod rules;
mod schema;
mod service;
mod shape;
mod specs;
mod stack;
mod theirs;
mod top;
mod traefik;
mod unfit;
mod values;
mod writers;

use super::difference::{Difference, at, differences};
use super::rules::fields;
use super::{Change, Effect, Field, Loss, Lost, Pair, Refusal, TargetChanges, service_named};
use crate::graph::{Graph, ServiceView};
use crate::targets::Object;
use crate::vocabulary::TargetId;
use apart::Apart;
pub use env_files::env_file_paths;
use serde_json::{Value, json};
use service::Service;
use stack::{SECTIONS, Stack, service_apart, stacks};
pub use stack::{VARIANT, stem as stack_name};
use std::cell::LazyCell;
use std::collections::BTreeMap;
pub(super) use writers::{mostly_takes_one, takes_one};

/// What becomes of every service, network, volume, config and secret.
pub(super) fn compare(pair: &Pair<'_>) -> TargetChanges {
    let (old, new) = (stacks(pair.old), stacks(pair.new));
    let is_program = pair.old_graph.is_some() || pair.new_graph.is_some();
    let apart = Apart::of(&old, &new, is_program);
    let mut comparison = Comparison {
        pair,
        stacks: (&old, &new),
        apart: &apart,
        changes: Vec::new(),
        unchanged: 0,
    };
    let none = Stack::default();
    for stack in &new {
        let before = old.iter().find(|before| before.name == stack.name);
        comparison.stack(before.unwrap_or(&none), stack);
    }
    for before in &old {
        if !new.iter().any(|stack| stack.name == before.name) {
            let gone = Stack::empty(before.name);
            comparison.stack(before, &gone);
        }
    }
    let Comparison {
        mut changes,
        unchanged,
        ..
    } = comparison;
    renames::find(pair, (&old, &new), &apart, &mut changes);
    ports::refuse((&old, &new), &apart, &mut changes);
    refused::refuse(&old, &new, &mut changes);
    top::tell_nested(&mut changes);
    specs::refuse((&old, &new), &apart, &mut changes);
    theirs::used(&old, &new, &mut changes);
    mesh::changed(&old, &new, &mut changes);
    traefik::told((&old, &new), pair.new, &apart, &mut changes);
    entrypoints::told((&old, &new), pair.new, &apart, &mut changes);
    // Of programs `contract` says it.
    if pair.old_graph.is_none() || pair.new_graph.is_none() {
        callers::lost((&old, &new), &apart, &mut changes);
        nodes::lost(&old, &new, &mut changes);
        published::lost((&old, &new), &apart, &mut changes);
        writers::beside(pair, &old, &new, &mut changes);
        places::wanted(&old, &new, pair.new_graph.is_some(), &mut changes);
        if pair.new_graph.is_none() {
            overlap::told(&old, &new, &mut changes);
            early::asked((&old, &new), &apart, &mut changes);
        }
    }
    changes.extend(values::sources(pair));
    TargetChanges {
        target: pair.target,
        changes,
        unchanged,
        variables: values::variables(pair),
    }
}

struct Comparison<'a> {
    pair: &'a Pair<'a>,
    /// The old ones and the new ones.
    stacks: (&'a [Stack<'a>], &'a [Stack<'a>]),
    apart: &'a Apart<'a>,
    changes: Vec<Change>,
    unchanged: usize,
}

impl Comparison<'_> {
    fn stack(&mut self, old: &Stack<'_>, new: &Stack<'_>) {
        let other_names = old.other_names(new);
        let before: BTreeMap<&str, &Object> = by_name(&old.services);
        for service in &new.services {
            match before.get(service.name.as_str()) {
                None => self.created(new, service),
                Some(before)
                    if other_names.is_empty()
                        && before.content == service.content
                        && env_files::are_same((old, before), (new, service)) =>
                {
                    self.unchanged += 1;
                }
                Some(before) => {
                    let sides = ((old, *before), (new, *service));
                    let (was, is) = service_apart(sides.0, sides.1, &other_names);
                    self.service((old, new), (*before, *service), &was, &is);
                }
            }
        }
        let after = by_name(&new.services);
        for service in &old.services {
            if !after.contains_key(service.name.as_str()) {
                self.left(old, service);
            }
        }
        for section in SECTIONS {
            self.section(section, old, new);
        }
    }

    fn created(&mut self, stack: &Stack<'_>, service: &Object) {
        let view = view(self.pair.new_graph, stack, &service.name);
        let mut change = Change::of("service", format!("{}_{}", stack.name, service.name));
        change.effect = Effect::Created;
        "new: a failing first version has nothing to go back to".clone_into(&mut change.how);
        change.span = view.map(ServiceView::span);
        change.service = view.map(|view| view.name().into());
        self.changes.push(change);
    }

    fn left(&mut self, stack: &Stack<'_>, service: &Object) {
        let view = view(self.pair.old_graph, stack, &service.name);
        let mut change = Change::of("service", format!("{}_{}", stack.name, service.name));
        change.effect = Effect::Left;
        let name = &change.name;
        change.how = format!("runs on until `docker service rm {name}`");
        // Which removes what the stacks that are deployed have no more.
        if self.stacks.1.iter().any(|it| it.name == stack.name) {
            change.how.push_str(" or `--prune`");
        }
        change.service = view.map(|view| view.name().into());
        self.changes.push(change);
    }

    fn service(
        &mut self,
        (old, new): (&Stack<'_>, &Stack<'_>),
        (before, after): (&Object, &Object),
        was: &Value,
        is: &Value,
    ) {
        let view = view(self.pair.new_graph, new, &after.name);
        let mut fields = fields(rules::SERVICE, &differences(was, is), view);
        env_files::conceal(&mut fields, (old, before), (new, after));
        // What was refused before is not there to be taken away.
        fields.retain(|field| field.because != rules::FORBIDDEN || field.new.is_some());
        // One that is on each node has no number.
        if policy::is_global(&before.content) && policy::is_global(&after.content) {
            fields.retain(|field| field.path != "deploy.replicas");
        }
        let Some(worst) = fields.iter().map(|field| field.effect).max() else {
            self.unchanged += 1;
            return;
        };
        let mut change = Change::of("service", format!("{}_{}", new.name, after.name));
        (change.effect, change.how) = match worst {
            Effect::Rolls => policy::rolling(&before.content, &after.content),
            Effect::Refused if fields.iter().any(|it| it.because == rules::FORBIDDEN) => (
                worst,
                "Compose file contains unsupported options".to_owned(),
            ),
            Effect::Refused => (
                worst,
                format!(
                    "failed to update service {}: Error response from daemon: rpc error: \
                     code = Unimplemented desc = service mode change is not allowed",
                    change.name
                ),
            ),
            Effect::InPlace if fields.iter().any(moves) => {
                (worst, policy::moved(&after.content).to_owned())
            }
            Effect::InPlace => {
                let how = policy::scaled(&before.content, &after.content);
                (worst, how.to_owned())
            }
            _ => (worst, "nothing happens".to_owned()),
        };
        if change.effect == Effect::Rolls
            && fields.iter().any(moves)
            && policy::is_global(&after.content)
        {
            change.says_also(policy::moved(&after.content));
        }
        if fields.iter().any(|it| it.because == rules::FORBIDDEN) {
            change.refusal = Refusal::Invalid;
        }
        // Two programs know which volumes are one.
        let are_programs = self.pair.old_graph.is_some() && self.pair.new_graph.is_some();
        if !are_programs && change.effect == Effect::Refused && change.refusal == Refusal::Kept {
            change.refusal = specs::way_past_mode(old, before);
        }
        let whole = LazyCell::new(|| (env_files::whole(old, before), env_files::whole(new, after)));
        if !are_programs && change.effect != Effect::Refused {
            let image = at(&before.content, &["image"]);
            let image = image.as_deref().and_then(Value::as_str).unwrap_or_default();
            change.losses = left_behind(
                (&change.name, image),
                (was, is),
                (&whole.0, &whole.1),
                self.stacks.0,
            );
        }
        if change.effect.replaces() && fields.iter().any(|it| brokers::is_of_node(&it.path)) {
            let lost = brokers::renamed(&change.name, (&whole.0, &whole.1));
            change.losses.extend(lost);
        }
        if change.effect.replaces() && homes::are_told((was, is)) {
            let moved = homes::moved(&change.name, (&whole.0, &whole.1));
            change.losses.extend(moved);
        }
        if change.effect.replaces() && !policy::is_global(&after.content) {
            for field in fields.iter_mut().filter(|field| moves(field)) {
                field.because = rules::MOVES_WITH_OTHERS;
            }
        }
        if fields.iter().any(moves) {
            let of = |stack, object| Service { stack, object };
            unfit::told(&mut change, (&of(old, before), &of(new, after)));
        }
        change.fields = fields;
        change.span = view.map(ServiceView::span);
        change.service = view.map(|view| view.name().into());
        self.changes.push(change);
    }

    /// Networks, volumes, configs and secrets by their real names; what is external is nobody's to
    /// change.
    fn section(&mut self, section: &str, old: &Stack<'_>, new: &Stack<'_>) {
        let (before, after) = (old.own(section, new), new.own(section, old));
        let kind = section.trim_end_matches('s');
        // What a file says nothing of is made as it is by default.
        let unsaid =
            |stack: &Stack<'_>, real: &String| section == "networks" && stack.makes_unsaid(real);
        for (real, object) in &after {
            let Some(was) = before.get(real) else {
                if unsaid(old, real) {
                    let is = defaults::made(section, object);
                    self.keeps(kind, real, &differences(&json!({}), &is));
                    continue;
                }
                let mut change = Change::of(kind, real.clone());
                let mut known = self.stacks.0.iter();
                let is_there = known.any(|stack| {
                    stack.uses(section, real)
                        && (section != "networks" || !self.apart.are(stack.name, new.name))
                });
                if is_there && section != "networks" {
                    continue;
                }
                change.effect = Effect::Created;
                // docker/cli `cli/command/stack/swarm/deploy_composefile.go`, `createNetworks`, looks for those with the
                // label of the stack.
                if is_there {
                    change.effect = Effect::Refused;
                    change.how = format!(
                        "failed to create network {real}: Error response from daemon: network with name {real} already exists"
                    );
                }
                self.changes.push(change);
                continue;
            };
            if let "configs" | "secrets" = section {
                let change = values::held((section, real), (old, was), (new, object));
                self.changes.extend(change);
                continue;
            }
            let [was, is] = [was, object].map(|it| defaults::made(section, it));
            // A node makes a volume for the first task that mounts it.
            let is_used = |stack: &Stack<'_>| stack.users(section, real).next().is_some();
            if section == "volumes" && !self.stacks.0.iter().any(is_used) && is_used(new) {
                continue;
            }
            self.keeps(kind, real, &differences(&was, &is));
            if section == "volumes" && new.users(section, real).next().is_some() {
                self.has_another_driver(real, &was, &is);
            }
        }
        let still_used = |real: &str| self.stacks.1.iter().any(|stack| stack.uses(section, real));
        let gone = before.keys().filter(|real| !after.contains_key(*real));
        let gone: Vec<&String> = gone
            .filter(|real| !still_used(real) && !unsaid(new, real))
            .collect();
        for real in gone {
            let mut change = Change::of(kind, real.clone());
            change.effect = Effect::Left;
            let is_left = |user: &&Object| !new.services.iter().any(|it| it.name == user.name);
            let users = old.users(section, real).filter(is_left);
            let users: Vec<String> = users
                .map(|user| format!("{}_{}", old.name, user.name))
                .collect();
            let used = match &*users {
                [] => "no longer used".to_owned(),
                [user] => format!("still used by {user}, which runs on"),
                [user, others @ ..] => {
                    format!(
                        "still used by {user} and {} more, which run on",
                        others.len()
                    )
                }
            };
            change.how = match (section, &*users) {
                ("volumes", _) => format!("{used}: its data stays on its nodes"),
                (_, []) => format!("{used}, and still there"),
                _ => used,
            };
            self.changes.push(change);
        }
    }

    /// Of a network or volume that is there nothing is changed.
    fn keeps(&mut self, kind: &str, real: &str, differ: &[Difference<'_>]) {
        if differ.is_empty() {
            return;
        }
        let mut change = Change::of(kind, real.to_owned());
        change.effect = Effect::Ignored;
        change.how = format!("the {kind} is there, and stays as it is");
        change.fields = fields(rules::KEPT, differ, None);
        self.changes.push(change);
    }

    /// A node that has a volume refuses the one of another driver under its name, and with it the task (moby `volume/service/store.go`,
    /// `checkConflict`). Where no driver is written it takes the one that is there.
    fn has_another_driver(&mut self, real: &str, was: &Value, is: &Value) {
        let driver = |side: &Value| side.get("driver").and_then(Value::as_str).map(String::from);
        let Some(now) = driver(is) else {
            return;
        };
        let before = driver(was).unwrap_or_else(|| "local".to_owned());
        let kept = self.changes.last_mut().filter(|it| it.name == real);
        let is_same = before.trim_end_matches(":latest") == now.trim_end_matches(":latest");
        if let Some(change) = kept.filter(|_| !is_same && !now.contains('$')) {
            change.losses.push(Loss {
                about: Lost::Unlike,
                what: format!(
                    "volume `{real}` is of driver `{before}` on the nodes that have it, and no task that asks for `{now}` starts there: \
                     `driver '{before}' already has volume '{real}'`"
                ),
                way: "give it another name, so that a new volume is made, and bring the data there first, with the service stopped".to_owned(),
            });
        }
    }
}

/// The service of a stack that goes by a name in it.
fn view<'g>(graph: Option<&'g Graph>, stack: &Stack<'_>, name: &str) -> Option<ServiceView<'g>> {
    service_in(graph, stack.name, name)
}

/// The service of a stack, by both names.
fn service_in<'g>(graph: Option<&'g Graph>, stack: &str, name: &str) -> Option<ServiceView<'g>> {
    let graph = graph?;
    service_named(graph, TargetId::Swarm, name, |service| {
        graph.stack(service) == stack
    })
}

fn by_name<'a>(services: &[&'a Object]) -> BTreeMap<&'a str, &'a Object> {
    services.iter().map(|it| (it.name.as_str(), *it)).collect()
}

/// What a service of an image loses of its volumes and folders, both sides as the engine sees them: what differs of it, and all of it.
fn left_behind(
    (service, image): (&str, &str),
    (was, is): (&Value, &Value),
    whole: (&Value, &Value),
    old: &[Stack<'_>],
) -> Vec<Loss> {
    let is_there = |volume: &str| old.iter().any(|stack| stack.uses("volumes", volume));
    let mut losses = data::left_behind(service, (was, is), whole, is_there);
    losses.extend(folders::left_behind((service, image), (was, is), is_there));
    losses
}

/// Whether it says on which nodes tasks may be.
fn moves(field: &Field) -> bool {
    field.path.contains("constraints")
}
