//! Versions of interfaces, while two versions of each service serve: an old caller meets a new callee and
//! a new caller an old one. A rollback meets the same, in the other direction.

use super::order::Ordered;
use super::{Before, Step};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, Served};
use crate::source::Span;
use std::collections::BTreeSet;

/// A caller that asks for what the callee that it meets does not serve.
#[derive(Clone, Copy)]
struct Unserved {
    asked: u64,
    served: Served,
}

/// A caller, a port that it calls in one of the revisions, and the two meetings that may fail.
struct Meetings<'a> {
    caller: &'a str,
    callee: &'a str,
    port: &'a str,
    /// What the old caller does not get of the new callee.
    old_meets_new: Option<Unserved>,
    /// What the new caller does not get of the old callee.
    new_meets_old: Option<Unserved>,
    /// Where the new caller says what it needs, or the new callee what it serves.
    span: Span,
}

/// A caller and a callee that cannot be replaced one after the other in either order.
pub(super) fn in_common(step: &Step<'_>, found: &mut Diagnostics) {
    for meetings in meetings(step) {
        if let (Some(old), Some(new)) = (meetings.old_meets_new, meetings.new_meets_old) {
            found.push(no_order(&meetings, old, new));
        }
    }
}

/// The callers and callees that have to be replaced one after the other, and why.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let ordered = |meetings: Meetings<'a>| {
        let pair = (meetings.caller, meetings.callee);
        let why = match (meetings.old_meets_new, meetings.new_meets_old) {
            (Some(unserved), None) => caller_first(&meetings, unserved),
            (None, Some(unserved)) => callee_first(&meetings, unserved),
            _ => return None,
        };
        Some(Ordered { pair, why })
    };
    meetings(step).into_iter().filter_map(ordered).collect()
}

/// Which of the services has to be deployed before which.
pub(super) fn order<'a>(step: &Step<'a>) -> Vec<Before<'a>> {
    let mut order = Vec::new();
    for meetings in meetings(step) {
        let (caller, callee) = (meetings.caller, meetings.callee);
        order.extend(meetings.old_meets_new.map(|_| Before {
            first: caller,
            then: callee,
        }));
        order.extend(meetings.new_meets_old.map(|_| Before {
            first: callee,
            then: caller,
        }));
    }
    order
}

/// The callers and callees that have none.
pub(super) fn without_order<'a>(step: &Step<'a>) -> Vec<(&'a str, &'a str)> {
    let meetings = meetings(step).into_iter();
    let failing = meetings.filter(|it| it.old_meets_new.is_some() && it.new_meets_old.is_some());
    failing.map(|it| (it.caller, it.callee)).collect()
}

/// Of every caller and callee in both programs, port by port, what fails.
fn meetings<'a>(step: &Step<'a>) -> Vec<Meetings<'a>> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let (before, after) = (calls(old), calls(new));
    let mut all = Vec::new();
    for (caller, callee, port) in before.union(&after) {
        let (Some(from), Some(to)) = (step.both(caller), step.both(callee)) else {
            continue;
        };
        // A port that is gone, or new, is a matter of addresses.
        if to.old.port(port).is_none() || to.new.port(port).is_none() {
            continue;
        }
        let call = (*caller, *callee, *port);
        let unserved =
            |asked: u64, served: Served| (!served.has(asked)).then_some(Unserved { asked, served });
        let (asked_before, _) = from.old.asked(callee, port);
        let (asked_after, written) = from.new.asked(callee, port);
        let provides = to.new.provides(port).map(|provides| provides.span);
        let old_meets_new = before
            .contains(&call)
            .then(|| unserved(asked_before, to.new.served(port)));
        let new_meets_old = after
            .contains(&call)
            .then(|| unserved(asked_after, to.old.served(port)));
        all.push(Meetings {
            caller,
            callee,
            port,
            old_meets_new: old_meets_new.flatten(),
            new_meets_old: new_meets_old.flatten(),
            span: written.or(provides).unwrap_or_else(|| from.new.span()),
        });
    }
    all
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

fn no_order(meetings: &Meetings<'_>, old: Unserved, new: Unserved) -> Diagnostic {
    let Meetings {
        caller,
        callee,
        port,
        ..
    } = meetings;
    Diagnostic::new(
        &catalogue::NO_VERSION_IN_COMMON,
        format!(
            "`{caller}` asks `{callee}.{port}` for version {} until it is replaced itself, and the new `{callee}` serves {}",
            old.asked, old.served
        ),
        meetings.span,
    )
    .note(format!(
        "the new `{caller}` asks for {}, and the old `{callee}` serves {}: no order of the two helps",
        new.asked, new.served
    ))
    .help(format!(
        "in three steps: have `{callee}` serve both, `provides {port} {{ version = {}, since = {} }}`; move `{caller}`; \
         take the old version away with another `since`",
        old.served.version, old.asked
    ))
    .about(caller)
}

fn caller_first(meetings: &Meetings<'_>, unserved: Unserved) -> Diagnostic {
    let Meetings {
        caller,
        callee,
        port,
        ..
    } = meetings;
    Diagnostic::new(
        &catalogue::VERSIONS_IN_ORDER,
        format!(
            "`{caller}` goes first: until then it asks `{callee}.{port}` for version {}, and the new `{callee}` serves {}",
            unserved.asked, unserved.served
        ),
        meetings.span,
    )
    .help(format!(
        "deploy `{caller}` with `{callee}` as it is, and `{callee}` once that is done; on the way back `{callee}` first"
    ))
    .about(caller)
}

fn callee_first(meetings: &Meetings<'_>, unserved: Unserved) -> Diagnostic {
    let Meetings {
        caller,
        callee,
        port,
        ..
    } = meetings;
    Diagnostic::new(
        &catalogue::VERSIONS_IN_ORDER,
        format!(
            "`{callee}` goes first: the new `{caller}` asks `{callee}.{port}` for version {}, and the old `{callee}` serves {}",
            unserved.asked, unserved.served
        ),
        meetings.span,
    )
    .help(format!(
        "deploy `{callee}` with `{caller}` as it is, and `{caller}` once that is done; on the way back `{caller}` first"
    ))
    .about(caller)
}
