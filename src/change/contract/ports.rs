//! Ports of a swarm's routing mesh that go from one service to another.

use super::order::{Before, Ordered};
use super::outcome::by_its_old_name;
use super::{Both, Step, about, kept, place};
use crate::change::{Change, Effect, Field};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::vocabulary::TargetId;
use serde_json::Value;

/// A port that one service gives up and another one takes.
struct Moved<'a> {
    giver: &'a Change,
    taker: &'a Change,
    port: &'a str,
}

impl<'a> Moved<'a> {
    /// Both by their zd names.
    fn names(&self) -> Option<(&'a str, &'a str)> {
        Some((
            self.giver.service.as_deref()?,
            self.taker.service.as_deref()?,
        ))
    }
}

/// The field that tells of a port who has it.
fn holder(field: &Field) -> Option<(&str, &str)> {
    let port = field
        .path
        .strip_prefix("ports[\"")
        .and_then(|rest| rest.strip_suffix("\"]"))?;
    let holder = field.old.as_ref().and_then(Value::as_str)?;
    (field.effect == Effect::Refused).then_some((port.split('/').next().unwrap_or(port), holder))
}

fn all<'a>(step: &Step<'a>) -> Vec<Moved<'a>> {
    let mut found = Vec::new();
    for taker in step.on(TargetId::Swarm) {
        if taker.effect == Effect::Refused {
            continue;
        }
        for (port, name) in taker.fields.iter().filter_map(holder) {
            let giver = step.on(TargetId::Swarm).find(|it| it.name == name);
            found.extend(giver.map(|giver| Moved { giver, taker, port }));
        }
    }
    found
}

/// Of services in a program: who gives a port up goes first.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let moved = all(step).into_iter();
    let ordered = moved.filter_map(|moved| {
        let (giver, taker) = moved.names()?;
        Some(Ordered {
            before: Before {
                first: giver,
                then: taker,
            },
            why: first(&moved),
        })
    });
    ordered.collect()
}

/// Where no program is known there are no steps to order.
pub(super) fn moved(step: &Step<'_>, found: &mut Diagnostics) {
    for moved in all(step) {
        if moved.names().is_none() {
            found.push(first(&moved));
        }
    }
}

fn first(moved: &Moved<'_>) -> Diagnostic {
    let Moved { giver, taker, port } = moved;
    let of = |change: &Change| change.service.as_deref().unwrap_or(&change.name).to_owned();
    let (giver, taker_name) = (of(giver), of(taker));
    let diagnostic = Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "`{giver}` goes first: until it has given port {port} up the swarm refuses it to `{taker_name}`"
        ),
        place(taker),
    )
    .note("docker calls for the services of a stack in no certain order: one deploy of both may work or be refused")
    .note(format!(
        "nobody answers at port {port} from when `{giver}` gives it up until `{taker_name}` serves there"
    ))
    .help(format!(
        "in two deploys: `{giver}` without port {port}, then `{taker_name}` with it; or publish another port of \
         `{taker_name}`, and let no caller ask at {port} any more before `{giver}` gives it up"
    ));
    about(diagnostic, taker)
}

/// How a service gets a port that another one has.
pub(super) fn way(step: &Step<'_>, target: TargetId, change: &Change) -> Option<String> {
    let (port, holder) = change.fields.iter().find_map(holder)?;
    if target == TargetId::Compose {
        let mut left = step.on(target).filter(|it| it.effect == Effect::Left);
        let is_orphan = left.any(|it| it.name == holder && it.how.contains("--remove-orphans"));
        let command = if is_orphan {
            "`docker compose up --remove-orphans`, which stops it first"
        } else {
            "`docker compose --project-name OLD down` first"
        };
        return Some(format!(
            "`{holder}` has port {port}: {command}; or publish another port"
        ));
    }
    let is_left = |it: &&Change| it.effect == Effect::Left && it.name == holder;
    let Some(left) = step.on(TargetId::Swarm).find(is_left) else {
        return Some(format!(
            "in two deploys: first `{holder}` without port {port}, then this one with it; or publish another port"
        ));
    };
    let removed = format!(
        "`docker service rm {holder}` first, with which it ends, or deploy it without port {port}; or publish another \
         port until it is removed"
    );
    let Some(both) = heir(step, change, left) else {
        return Some(removed);
    };
    let written = kept::on_swarm(step, both);
    Some(
        if step.pairs.replaced(both.new.name()) == Some(both.old.name()) {
            by_its_old_name(&written, holder)
        } else {
            format!(
                "where it takes the place of `{holder}`, write {} in it: that one is replaced task by task then, under its policy; else \
             {removed}",
                written.join(" and ")
            )
        },
    )
}

/// A service that is new, and one that is left behind whose name it can have: none other takes its place.
fn heir<'a>(step: &Step<'a>, change: &Change, left: &Change) -> Option<Both<'a>> {
    let (old, new) = (step.old?, step.new?);
    let both = Both {
        old: old.find(left.service.as_deref()?)?,
        new: new.find(change.service.as_deref()?)?,
    };
    let is_new = change.was.is_none() && step.both(both.new.name()).is_none();
    let was = step.pairs.replaced(both.new.name());
    let is_free = match was {
        Some(was) => was == both.old.name(),
        None => !step.pairs.is_replaced(both.old.name()),
    };
    // A swarm changes no mode.
    let is_alike = old.is_global(both.old) == new.is_global(both.new);
    (is_new && is_free && is_alike).then_some(both)
}
