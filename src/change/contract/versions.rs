//! Versions of interfaces, while two versions of each service serve: an old caller meets a new callee and
//! a new caller an old one. A rollback meets the same, in the other direction.

use super::order::{Before, Ordered};
use super::{Step, gateways, has_ended};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, Served, port_number};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

/// A caller that asks for what the callee that it meets does not serve.
#[derive(Clone, Copy)]
pub(super) struct Unserved<'a> {
    /// The port, as the caller's revision names it.
    pub(super) port: &'a str,
    pub(super) asked: u64,
    pub(super) served: Served,
}

/// A caller, a callee, and the two meetings that may fail: the first port of each on which one does.
pub(super) struct Meetings<'a> {
    pub(super) caller: &'a str,
    pub(super) callee: &'a str,
    /// Whether the caller is in the old program, too.
    called_before: bool,
    /// What the old caller does not get of the new callee.
    pub(super) old_meets_new: Option<Unserved<'a>>,
    /// What the new caller does not get of the old callee.
    pub(super) new_meets_old: Option<Unserved<'a>>,
    /// Where the new caller says what it needs, or the new callee what it serves.
    pub(super) span: Span,
}

/// A caller and a callee that cannot be replaced one after the other in either order.
pub(super) fn in_common(step: &Step<'_>, found: &mut Diagnostics) {
    let elsewhere = meetings(step).iter();
    for meetings in elsewhere.filter(|it| !gateways::leads(step, it)) {
        if let (Some(old), Some(new)) = (meetings.old_meets_new, meetings.new_meets_old)
            && !step.is_down_meanwhile(meetings.caller)
        {
            found.push(no_order(meetings, old, new));
        }
    }
}

/// The callers and callees that have to be replaced one after the other, and why.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let ordered = |meetings: &Meetings<'a>| {
        let (caller, callee) = (meetings.caller, meetings.callee);
        let (first, then, why) = match (meetings.old_meets_new, meetings.new_meets_old) {
            (Some(unserved), None) => (caller, callee, caller_first(meetings, unserved)),
            (None, Some(unserved)) => (callee, caller, callee_first(meetings, unserved)),
            // Of two that fail nothing helps, and what another order is for holds for them, too.
            _ => return None,
        };
        let before = Before { first, then };
        Some(Ordered { before, why })
    };
    let elsewhere = meetings(step).iter();
    let elsewhere = elsewhere.filter(|it| !gateways::leads(step, it));
    elsewhere.filter_map(ordered).collect()
}

/// The callers and callees that have none.
pub(super) fn without_order<'a>(step: &Step<'a>) -> Vec<(&'a str, &'a str)> {
    let meetings = meetings(step).iter();
    let failing = meetings.filter(|it| it.old_meets_new.is_some() && it.new_meets_old.is_some());
    failing.map(|it| (it.caller, it.callee)).collect()
}

/// Every caller and callee of which one does not get what it asks for.
pub(super) fn meetings<'s, 'a>(step: &'s Step<'a>) -> &'s [Meetings<'a>] {
    step.by_version.get_or_init(|| search(step))
}

/// What fails of every caller and callee. A callee is in both programs, for it is met before and after; a caller that is new meets
/// the old callee, and one that is gone meets nobody once it is deployed. Who is met is told by the port's number: that is what is
/// asked for, whatever the port is called.
fn search<'a>(step: &Step<'a>) -> Vec<Meetings<'a>> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let started = step.started();
    let mut all: BTreeMap<(&str, &str), Meetings<'a>> = BTreeMap::new();
    for (calls, is_old) in [(calls(old), true), (calls(new), false)] {
        for (caller, asked_for, port) in calls {
            let now = |name| if is_old { step.pairs.now(name) } else { name };
            let (caller, callee) = (now(caller), now(asked_for));
            let (Some(from), Some(to)) = (new.find(caller), step.both(callee)) else {
                continue;
            };
            let before = old.find(step.pairs.before(caller));
            let (by, own, other) = if is_old {
                (before, to.old, to.new)
            } else {
                (Some(from), to.new, to.old)
            };
            // Where both run on, more is said of the same programs, and no other one meets them.
            if !started.contains(caller) && !started.contains(callee) {
                continue;
            }
            // Nobody asks who is not there.
            let graph = if is_old { old } else { new };
            if by.is_none_or(|by| graph.replicas(by).most == 0) {
                continue;
            }
            // Nor does what has ended.
            let mut runs = step
                .targets()
                .filter(|it| by.is_some_and(|by| graph.runs_on(by, *it)));
            if is_old && by.is_some_and(|by| runs.all(|target| has_ended(by, target))) {
                continue;
            }
            // A port that is gone, or new, is a matter of addresses.
            let number = own.port(port).and_then(port_number);
            let mut ports = other.ports();
            // A slot has its own number: there the name is all that there is.
            let met = ports.find(|it| match (number, port_number(it)) {
                (None, None) => it.label.name() == port,
                (asked, listens) => asked == listens,
            });
            let (Some(by), Some(met)) = (by, met) else {
                continue;
            };
            let (asked, served) = (by.asked(asked_for, port).0, other.served(met.label.name()));
            let unserved = (!served.has(asked)).then_some(Unserved {
                port,
                asked,
                served,
            });
            let said = from.asked(callee, port).1;
            let now = if is_old { met.label.name() } else { port };
            let provides = || to.new.provides(now).map(|provides| provides.span);
            let span = said.or_else(provides).unwrap_or_else(|| from.span());
            let meetings = all.entry((caller, callee)).or_insert(Meetings {
                caller,
                callee,
                called_before: before.is_some(),
                old_meets_new: None,
                new_meets_old: None,
                span,
            });
            let place = if is_old {
                &mut meetings.old_meets_new
            } else {
                &mut meetings.new_meets_old
            };
            *place = place.or(unserved);
            // What is asked now says more than what was.
            if !is_old && said.is_some() {
                meetings.span = span;
            }
        }
    }
    all.into_values().collect()
}

/// Who calls which port of whom.
fn calls(graph: &Graph) -> BTreeSet<(&str, &str, &str)> {
    let calls = graph
        .edges()
        .filter(|(_, edge, _)| edge.kind == EdgeKind::Calls);
    let calls = calls.filter_map(|(from, edge, to)| {
        let (from, to) = (graph.service(from)?, graph.service(to)?);
        (from.name() != to.name()).then_some((from.name(), to.name(), &*edge.port))
    });
    calls.collect()
}

/// That neither order of the two helps.
pub(super) fn no_order(
    meetings: &Meetings<'_>,
    old: Unserved<'_>,
    new: Unserved<'_>,
) -> Diagnostic {
    let Meetings { caller, callee, .. } = meetings;
    Diagnostic::new(
        &catalogue::NO_VERSION_IN_COMMON,
        format!(
            "`{caller}` asks `{callee}.{}` for version {} until it is replaced itself, and the new `{callee}` serves {}",
            old.port, old.asked, old.served
        ),
        meetings.span,
    )
    .note(format!(
        "the new `{caller}` asks for {}, and the old `{callee}` serves {}: no order of the two helps",
        new.asked, new.served
    ))
    .help(format!(
        "in three steps: have `{callee}` serve both, `provides {} {{ version = {}, since = {} }}`; move `{caller}`; \
         take the old version away with another `since`",
        new.port, old.served.version, old.asked
    ))
    .about(caller)
}

fn caller_first(meetings: &Meetings<'_>, unserved: Unserved<'_>) -> Diagnostic {
    let Meetings { caller, callee, .. } = meetings;
    Diagnostic::new(
        &catalogue::VERSIONS_IN_ORDER,
        format!(
            "`{caller}` goes first: until then it asks `{callee}.{}` for version {}, and the new `{callee}` serves {}",
            unserved.port, unserved.asked, unserved.served
        ),
        meetings.span,
    )
    .help(format!(
        "deploy `{caller}` with `{callee}` as it is, and `{callee}` once that is done; on the way back `{callee}` first"
    ))
    .about(caller)
}

fn callee_first(meetings: &Meetings<'_>, unserved: Unserved<'_>) -> Diagnostic {
    let Meetings { caller, callee, .. } = meetings;
    Diagnostic::new(
        &catalogue::VERSIONS_IN_ORDER,
        format!(
            "`{callee}` goes first: the new `{caller}` asks `{callee}.{}` for version {}, and the old `{callee}` serves {}",
            unserved.port, unserved.asked, unserved.served
        ),
        meetings.span,
    )
    .help(if meetings.called_before {
        format!(
            "deploy `{callee}` with `{caller}` as it is, and `{caller}` once that is done; on the way back `{caller}` first"
        )
    } else {
        format!("deploy `{callee}`, and `{caller}` once that is done")
    })
    .about(caller)
}
