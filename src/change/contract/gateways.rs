//! The gateway of a plain host and the versions that it asks for. It is no service that is deployed: nginx takes its whole
//! configuration with the first slot of whichever service switches, and that of before with the first that goes back
//! (`put_live` of `src/targets/nginx/hosts/scripts/host.sh`). Of blue/green all that is led to changes in that same reload; of
//! several slots, those that are not replaced yet are asked for what only the others serve.

use super::Step;
use super::order::{Before, Ordered};
use super::versions::{self, Meetings, Unserved};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::vocabulary::TargetId;
use std::collections::BTreeSet;

/// Whether it is nginx on a plain host that asks, and a service there that is asked.
pub(super) fn leads(step: &Step<'_>, meetings: &Meetings<'_>) -> bool {
    let (Some(old), Some(new), Some(callee)) = (step.old, step.new, step.both(meetings.callee))
    else {
        return false;
    };
    let caller = new.find(meetings.caller);
    caller.is_some_and(|caller| caller.node.gateway.is_some())
        && old.is_on_host(callee.old)
        && new.is_on_host(callee.new)
}

/// What becomes of a gateway and one that it leads to.
enum Fate<'a> {
    /// Both change in one reload.
    AtOnce,
    /// They do, where it goes before all others: the new gateway asks for what the old one does not serve.
    First(Unserved<'a>),
    /// They do on the way back, where it goes behind all others.
    Last(Unserved<'a>),
    /// On the way there some slots are asked for what they do not serve.
    NotThere(Unserved<'a>),
    /// On the way back they are.
    NotBack(Unserved<'a>),
    /// Both.
    Never(Unserved<'a>, Unserved<'a>),
}

/// A gateway and one that it leads to that have no order.
pub(super) fn at_once(step: &Step<'_>, found: &mut Diagnostics) {
    for (meetings, fate) in fates(step) {
        match fate {
            Fate::NotThere(unserved) => found.push(not_there(meetings, unserved)),
            Fate::NotBack(unserved) => found.push(not_back(meetings, unserved)),
            Fate::Never(old, new) => found.push(versions::no_order(meetings, old, new)),
            Fate::AtOnce | Fate::First(_) | Fate::Last(_) => {}
        }
    }
}

/// Whoever brings the configuration along that a callee needs goes first, or last.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let mut ordered = Vec::new();
    for (meetings, fate) in fates(step) {
        let callee = meetings.callee;
        for other in others(step, callee) {
            let (first, then, why) = match &fate {
                Fate::First(unserved) => (callee, other, first(meetings, *unserved)),
                Fate::Last(unserved) => (other, callee, last(meetings, *unserved)),
                _ => continue,
            };
            let before = Before { first, then };
            ordered.push(Ordered { before, why });
        }
    }
    ordered
}

fn fates<'s, 'a>(step: &'s Step<'a>) -> Vec<(&'s Meetings<'a>, Fate<'a>)> {
    let led = versions::meetings(step).iter();
    let led: Vec<&Meetings<'a>> = led.filter(|it| leads(step, it)).collect();
    // One reload brings the configuration along, and one service.
    let one = |fails: fn(&Meetings<'a>) -> bool| led.iter().filter(|it| fails(it)).count() == 1;
    let one_there = one(|it| it.new_meets_old.is_some());
    let one_back = one(|it| it.old_meets_new.is_some());
    let fates = led.iter().filter_map(|meetings| {
        let both = step.both(meetings.callee)?;
        let swaps = both.old.is_blue_green() && both.new.is_blue_green();
        let alone = others(step, meetings.callee).is_empty();
        let fate = match (meetings.old_meets_new, meetings.new_meets_old) {
            (Some(_), Some(_)) if swaps && alone => Fate::AtOnce,
            (Some(old), Some(new)) => Fate::Never(old, new),
            (None, Some(new)) if swaps && one_there => Fate::First(new),
            (None, Some(new)) => Fate::NotThere(new),
            (Some(old), None) if swaps && one_back => Fate::Last(old),
            (Some(old), None) => Fate::NotBack(old),
            (None, None) => return None,
        };
        Some((*meetings, fate))
    });
    fates.collect()
}

/// The other services that switch on the host.
pub(super) fn others<'a>(step: &Step<'a>, callee: &str) -> BTreeSet<&'a str> {
    let rolling = step.rolling(TargetId::Nginx).into_iter();
    let all = rolling.chain(step.varied());
    all.filter(|name| *name != callee).collect()
}

fn not_there(meetings: &Meetings<'_>, unserved: Unserved<'_>) -> Diagnostic {
    let Meetings { caller, callee, .. } = meetings;
    let (asks, served) = (asks(meetings, unserved), unserved.served);
    without_order(
        meetings,
        format!(
            "{asks} as soon as the first slot has switched, since nginx takes its whole configuration then, and slots of the old \
             `{callee}` serve {served}"
        ),
        format!(
            "in two deploys: `{callee}` with `{caller}` as it is, which asks for what both serve; then `{caller}`"
        ),
    )
}

fn not_back(meetings: &Meetings<'_>, unserved: Unserved<'_>) -> Diagnostic {
    let Meetings { caller, callee, .. } = meetings;
    let (asks, served) = (asks(meetings, unserved), unserved.served);
    without_order(
        meetings,
        format!(
            "on the way back {asks} as soon as the first slot is back, since nginx takes its whole configuration then, and slots of the \
             new `{callee}` serve {served}"
        ),
        format!(
            "in two deploys: `{caller}` with `{callee}` as it is, which serves both; then `{callee}`"
        ),
    )
}

fn without_order(meetings: &Meetings<'_>, what: String, way: String) -> Diagnostic {
    Diagnostic::new(&catalogue::NO_VERSION_IN_COMMON, what, meetings.span)
        .note("a gateway of a plain host is not deployed by itself: no order helps")
        .help(way)
        .about(meetings.caller)
}

fn first(meetings: &Meetings<'_>, unserved: Unserved<'_>) -> Diagnostic {
    let callee = meetings.callee;
    let (asks, served) = (asks(meetings, unserved), unserved.served);
    in_order(
        meetings,
        format!(
            "`{callee}` goes first: whichever service switches has nginx take all of its new configuration, in which {asks}, and the \
             old `{callee}` serves {served}"
        ),
        format!("`deploy.sh {callee}` and `switch.sh {callee}` first, then the others"),
    )
}

fn last(meetings: &Meetings<'_>, unserved: Unserved<'_>) -> Diagnostic {
    let callee = meetings.callee;
    let (asks, served) = (asks(meetings, unserved), unserved.served);
    in_order(
        meetings,
        format!(
            "`{callee}` goes last, so that it is the first on the way back: whichever service goes back has nginx take all of its \
             configuration of before, in which {asks}, and the new `{callee}` serves {served}"
        ),
        format!("the others first, then `deploy.sh {callee}` and `switch.sh {callee}`"),
    )
}

fn in_order(meetings: &Meetings<'_>, what: String, way: String) -> Diagnostic {
    Diagnostic::new(&catalogue::VERSIONS_IN_ORDER, what, meetings.span)
        .help(way)
        .about(meetings.callee)
}

/// What is asked for, in words.
fn asks(meetings: &Meetings<'_>, unserved: Unserved<'_>) -> String {
    let Meetings { caller, callee, .. } = meetings;
    let Unserved { port, asked, .. } = unserved;
    format!("`{caller}` asks `{callee}.{port}` for version {asked}")
}
