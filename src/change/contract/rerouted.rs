//! Routes that move from one service to another, of which a new version comes in the same step: the old version of whom they come to
//! lead to was never asked for that, and the new one of whom they leave may not answer it any more. So whom a route comes to lead to goes
//! before the gateway, and the gateway before whom it leaves.
//!
//! On a plain host nginx leads to all of the new ones with the first that switches (`put_live` of
//! `src/targets/nginx/hosts/scripts/host.sh`): whom a route comes to lead to is that one, both slots of it at once.

mod asked;
mod moved;
mod sent;

pub(super) use moved::led_by;
pub(super) use sent::ahead as sent_ahead;

use self::moved::{How, Moved, moved};
use super::order::{Before, Ordered, Soft};
use super::{Both, Step, gateways};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::types::{Piece, Text};
use crate::vocabulary::TargetId;
use std::collections::{BTreeMap, BTreeSet};

/// Whom a route comes to lead to goes first, and whom it leaves goes last.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Soft<'a>> {
    // What was never asked for it surely does not answer; what is left may.
    let (mut gained, mut lost) = (BTreeMap::new(), BTreeMap::new());
    for target in [TargetId::Kubernetes, TargetId::Swarm] {
        for (gateway, moved) in led_on(step, target) {
            let (found, first, then) = match moved.how {
                How::Gains => (&mut gained, moved.service, gateway),
                How::Loses => (&mut lost, gateway, moved.service),
                How::Rewritten => continue,
            };
            let before = Before { first, then };
            found.entry(before).or_insert_with(|| Soft {
                ordered: Ordered {
                    before,
                    why: why(gateway, &moved),
                },
                given_up: Some(without_order(gateway, &moved)),
            });
        }
    }
    gained.into_values().chain(lost.into_values()).collect()
}

/// Whom a route of a plain host comes to lead to goes before all others, where one reload has nginx lead to it and to it alone.
pub(super) fn ordered_on_hosts<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let mut found = BTreeMap::new();
    for (_, moved) in gained_on_hosts(step).filter(|(swaps, _)| *swaps) {
        for then in gateways::others(step, moved.service) {
            let first = moved.service;
            found
                .entry(Before { first, then })
                .or_insert_with(|| goes_first(&moved));
        }
    }
    let found = found.into_iter();
    found.map(|(before, why)| Ordered { before, why }).collect()
}

/// Those of which some slots are asked for what they never were, whichever goes first.
pub(super) fn at_once(step: &Step<'_>, found: &mut Diagnostics) {
    let mut told = BTreeSet::new();
    for (_, moved) in gained_on_hosts(step).filter(|(swaps, _)| !*swaps) {
        if told.insert(moved.service) {
            found.push(slot_by_slot(&moved));
        }
    }
}

/// Those that a gateway asks by other paths than before, which their old version may not answer, and the new one not those of before.
pub(super) fn rewritten(step: &Step<'_>, found: &mut Diagnostics) {
    let mut told = BTreeSet::new();
    for target in [TargetId::Kubernetes, TargetId::Swarm] {
        for (gateway, moved) in led_on(step, target) {
            if moved.how == How::Rewritten && told.insert((gateway, moved.service)) {
                found.push(asked_otherwise(gateway, &moved));
            }
        }
    }
}

/// What services that start another program gain on a plain host, each with whether nginx leads to the new one alone with one reload: of
/// several of them, or beside one that is new, some are led to before they are there.
fn gained_on_hosts<'a>(step: &Step<'a>) -> impl Iterator<Item = (bool, Moved<'a>)> {
    let mut moved = led_on(step, TargetId::Nginx);
    moved.retain(|(_, moved)| moved.how == How::Gains);
    let services: BTreeSet<&str> = moved.iter().map(|(_, moved)| moved.service).collect();
    let has_new = step.new.is_some_and(|new| {
        let mut here = new.services().filter(|it| new.is_on_host(*it));
        here.any(|it| step.both(it.name()).is_none())
    });
    let is_alone = services.len() == 1 && !has_new;
    moved.into_iter().filter_map(move |(_, moved)| {
        let both = step.both(moved.service)?;
        let swaps = both.old.is_blue_green() && both.new.is_blue_green();
        Some((swaps && is_alone, moved))
    })
}

/// What moves on a target to and from services of which another program starts, with the gateway that leads there.
fn led_on<'a>(step: &Step<'a>, target: TargetId) -> Vec<(&'a str, Moved<'a>)> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let mut renewed = step.rolling(target);
    renewed.extend(step.varied());
    let is_renewed = |name: &str| {
        let both = step.both(name).filter(|_| !step.renames(name));
        renewed.contains(name) && both.is_some_and(|both| starts_another(both, target))
    };
    let leads = |graph: &Graph, gateway: ServiceView<'_>| {
        graph.runs_on(gateway, target)
            || target == TargetId::Swarm && graph.leads_to_a_swarm(gateway)
    };
    let mut found = Vec::new();
    for gateway in new.services().filter(|it| leads(new, *it)) {
        let both = step.both(gateway.name());
        let both = both.filter(|both| leads(old, both.old));
        let moved = both.map_or_else(Vec::new, |both| moved(step, both, target));
        let moved = moved.into_iter().filter_map(|moved| {
            let both = step.both(moved.service);
            let is_here = both.is_some_and(|both| {
                let runs = |graph: &Graph, service| match target {
                    TargetId::Nginx => graph.is_on_host(service),
                    _ => graph.runs_on(service, target),
                };
                runs(old, both.old) && runs(new, both.new)
            });
            let how = match moved.how {
                How::Loses if both.is_some_and(still_serves) => None,
                // The new version answers both.
                How::Rewritten if both.is_some_and(still_serves) => Some(How::Gains),
                how => Some(how),
            };
            let is_judged = is_here && is_renewed(moved.service);
            how.filter(|_| is_judged).map(|how| Moved { how, ..moved })
        });
        found.extend(moved.map(|moved| (gateway.name(), moved)));
    }
    found
}

/// Whether the new version says that it answers all that the old one does: a port of it serves the versions of both.
fn still_serves(both: Both<'_>) -> bool {
    let mut provides = both.new.node.service.provides.iter();
    provides.any(|it| {
        let port = it.label.name();
        let (was, is) = (both.old.served(port), both.new.served(port));
        it.since.is_some() && was.version < is.version && is.has(was.version)
    })
}

/// Whether another program starts in the place of that of before: by its image, on a plain host by what it runs, or by a deploy-time
/// variable in that, which has another value then.
fn starts_another(both: Both<'_>, target: TargetId) -> bool {
    let runs = |service: ServiceView<'_>| {
        let service = &service.node.service;
        let mut runs: Vec<Text> = service.image.iter().map(|it| it.value.clone()).collect();
        if target == TargetId::Nginx {
            let words = service.command.iter().chain(&service.args);
            runs.extend(words.flat_map(|it| it.value.iter().map(|word| word.value.clone())));
        }
        runs
    };
    let (was, is) = (runs(both.old), runs(both.new));
    let varies = |text: &Text| text.unknowns().any(|it| matches!(it, Piece::Variable(_)));
    was != is || is.iter().any(varies)
}

fn goes_first(moved: &Moved<'_>) -> Diagnostic {
    let Moved {
        pattern, service, ..
    } = moved;
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "`{service}` goes first: whichever service switches has nginx take all of its new configuration, which leads `{pattern}` to \
             `{service}`, and its old version was never asked for that"
        ),
        moved.span,
    )
    .help(format!("`deploy.sh {service}` and `switch.sh {service}` first, then the others"))
    .about(service)
}

fn slot_by_slot(moved: &Moved<'_>) -> Diagnostic {
    let Moved {
        pattern, service, ..
    } = moved;
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "nginx leads `{pattern}` to `{service}` as soon as the first service has switched, and its slots that run the old version were \
             never asked for that"
        ),
        moved.span,
    )
    .note("a gateway of a plain host is not deployed by itself: no order helps")
    .help(format!("in two deploys: the new `{service}` with the routes as they are; then the routes"))
    .about(service)
}

/// What a gateway does with what moves, in words.
fn leads(moved: &Moved<'_>) -> String {
    let verb = if moved.is_sent { "sends" } else { "leads" };
    format!("{verb} `{}`", moved.pattern)
}

fn asked_otherwise(gateway: &str, moved: &Moved<'_>) -> Diagnostic {
    let Moved {
        pattern, service, ..
    } = moved;
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "the new `{gateway}` asks `{service}` for another path behind `{pattern}`, and until both are replaced old and new ones of each \
             serve: who does not answer what the other asks is asked for it"
        ),
        moved.span,
    )
    .note("whichever goes first: no order helps")
    .help(format!(
        "where one version of `{service}` answers both paths, deploy that one first, and the route once that is done"
    ))
    .about(service)
}

/// What is said where something else has the two go the other way round.
fn without_order(gateway: &str, moved: &Moved<'_>) -> Diagnostic {
    let Moved {
        pattern,
        how,
        service,
        span,
        ..
    } = moved;
    let leads = leads(moved);
    let (text, way) = if *how == How::Gains {
        let text = format!(
            "`{service}` cannot go before `{gateway}`, which {leads} to it: its old version was never asked for that"
        );
        let way = format!("the new `{service}` with the routes as they are, then the routes");
        (text, way)
    } else {
        let text = format!(
            "`{gateway}` cannot go before `{service}`: until then it {leads} to it, and the new `{service}` may not answer that \
             any more"
        );
        let way = format!(
            "a version of `{service}` that answers `{pattern}` as before, and once the route has moved one that does not"
        );
        (text, way)
    };
    Diagnostic::new(&catalogue::ORDER_MATTERS, text, *span)
        .note("what else changes has them go the other way round: no order helps")
        .help(format!("in two deploys: {way}"))
        .about(service)
}

fn why(gateway: &str, moved: &Moved<'_>) -> Diagnostic {
    let Moved {
        how, service, span, ..
    } = moved;
    let leads = leads(moved);
    let (text, first, then) = if *how == How::Gains {
        let text = format!(
            "`{service}` goes first: the new `{gateway}` {leads} to it, for which its old version was never asked"
        );
        (text, *service, gateway)
    } else {
        let text = format!(
            "`{gateway}` goes first: until then it {leads} to `{service}`, whose new version may not answer that any more"
        );
        (text, gateway, *service)
    };
    Diagnostic::new(&catalogue::ORDER_MATTERS, text, *span)
        .help(format!(
            "deploy `{first}` with `{then}` as it is, and `{then}` once that is done"
        ))
        .about(service)
}
