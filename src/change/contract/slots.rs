//! Slots of a plain host that go from one service to another: who has them keeps them until it has switched to its new ones,
//! and what is to be started there is refused until then (`start_slot` of `src/targets/nginx/hosts/scripts/host.sh`). Of the two
//! slots of blue/green the script takes the one that is free.

use super::Step;
use super::order::{Before, Ordered};
use crate::change::hosts;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::vocabulary::TargetId;
use std::collections::BTreeMap;

/// A slot that one service gives up and another one takes.
struct Moved<'a> {
    giver: &'a str,
    taker: &'a str,
    port: u64,
    span: Span,
}

/// Who gives a slot up goes first.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let moved = all(step).into_iter();
    let ordered = moved.map(|moved| Ordered {
        before: Before {
            first: moved.giver,
            then: moved.taker,
        },
        why: first(&moved),
    });
    ordered.collect()
}

fn all<'a>(step: &Step<'a>) -> Vec<Moved<'a>> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    // Slots of another app are nobody's here.
    if !step.targets().any(|target| target == TargetId::Nginx) || old.name() != new.name() {
        return Vec::new();
    }
    let mut held: BTreeMap<u64, &str> = BTreeMap::new();
    for service in on_host(old) {
        held.extend(
            ports(old, service)
                .into_iter()
                .map(|port| (port, service.name())),
        );
    }
    let mut found = Vec::new();
    for service in on_host(new).filter(|service| !service.is_blue_green()) {
        let Some(slots) = new.slots(service) else {
            continue;
        };
        let of_another = slots.ports.into_iter().find_map(|port| {
            let giver = step.both(step.pairs.now(held.get(&port)?))?.new;
            let another = giver.name() != service.name() && new.is_on_host(giver);
            another.then_some((giver.name(), port))
        });
        if let Some((giver, port)) = of_another {
            found.push(Moved {
                giver,
                taker: service.name(),
                port,
                span: slots.span,
            });
        }
    }
    found
}

/// Blue/green that may find no slot for its first release: which of the slots of before serve nobody knows here.
pub(super) fn may_all_serve(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    if !step.targets().any(|target| target == TargetId::Nginx) {
        return;
    }
    for service in new.services() {
        let (Some(hosts::Served::Some(slots)), Some(own)) =
            (hosts::served(old, new, service), new.slots(service))
        else {
            continue;
        };
        let slots = hosts::shown(&slots);
        found.push(
            Diagnostic::new(
                &catalogue::REFUSED_CHANGE,
                format!(
                    "`deploy.sh` refuses this change of `{}` where slots {slots} serve",
                    service.name()
                ),
                own.span,
            )
            .severity(Severity::Note)
            .note(format!("it says: {}", hosts::none_free(&slots)))
            .note("`status.sh` says which slots are live")
            .help(hosts::FREE_A_SLOT)
            .about(service.name()),
        );
    }
}

fn on_host(graph: &Graph) -> impl Iterator<Item = ServiceView<'_>> {
    graph
        .services()
        .filter(|service| graph.is_on_host(*service))
}

fn ports(graph: &Graph, service: ServiceView<'_>) -> Vec<u64> {
    graph.slots(service).map_or(Vec::new(), |slots| slots.ports)
}

fn first(moved: &Moved<'_>) -> Diagnostic {
    let Moved {
        giver,
        taker,
        port,
        span,
    } = moved;
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!("`{giver}` goes first: until it has switched, slot {port} is its own and `{taker}` cannot start there"),
        *span,
    )
    .help(format!(
        "in two deploys: `{giver}` with its new slots, switched to, and then `{taker}`; or give `{taker}` slots that nobody had"
    ))
    .about(taker)
}
