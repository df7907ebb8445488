//! What is said of meetings that fail.

use super::{Fault, Why};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::vocabulary::TargetId;

pub(super) fn no_order(fault: &Fault<'_>) -> Diagnostic {
    let (caller, callee, address) = (fault.caller, fault.callee, fault.asked.address());
    let renamed = fault.renamed.as_ref();
    let same = renamed.filter(|_| fault.one_name).map(|(network, real)| {
        format!("`name = \"{real}\"` in `network {network}` if it is the same one; if not, ")
    });
    let same = same.unwrap_or_default();
    // Of one label there is one network in a program.
    let other = renamed.filter(|_| fault.asked.target == TargetId::Swarm);
    let beside = match fault.why {
        Why::Nobody => "with an instance of each".to_owned(),
        Why::Port | Why::OtherPort => format!(
            "`port {} {{ number = {} }}` as it was, and the new number on a port of its own",
            fault.asked.port, fault.asked.number
        ),
        Why::Protocol => "the new protocol on a port of its own".to_owned(),
        Why::Name => format!(
            "`{}` among its `aliases` beside the new name",
            fault.asked.host
        ),
        Why::Network if fault.by_own => {
            "`join` both networks, of which the one that a stack has of its own is `network default {}` and `join default`".to_owned()
        }
        Why::Network => match other {
            Some((_, real)) => format!(
                "`join` both networks, of which the old one is `network before {{ external = true, name = \"{real}\" }}`"
            ),
            None => "`join` both networks".to_owned(),
        },
        Why::Policy => "no `join` in it yet".to_owned(),
    };
    let is_at_port = matches!(fault.why, Why::Port | Why::OtherPort | Why::Protocol);
    let (too, moved) = if fault.is_by_route && is_at_port {
        (
            ", with a route to it for another path",
            format!(
                "the route, with one to `{callee}.{}` for another path",
                fault.asked.port
            ),
        )
    } else {
        ("", "the callers".to_owned())
    };
    Diagnostic::new(
        &catalogue::ADDRESS_MOVED,
        format!(
            "`{caller}` asks for `{address}` until it is replaced itself, and the new `{callee}` {}",
            fault.lacks()
        ),
        fault.span,
    )
    .note("nor does the old one answer the new caller: no order of the two helps")
    .help(format!(
        "{same}in three steps: serve both, {beside}{too}; move {moved}; take the old one away"
    ))
    .about(callee)
}

pub(super) fn caller_first(fault: &Fault<'_>) -> Diagnostic {
    let (caller, callee, address) = (fault.caller, fault.callee, fault.asked.address());
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "`{caller}` goes first: until then it asks for `{address}`, and the new `{callee}` {}",
            fault.lacks()
        ),
        fault.span,
    )
    .help(format!(
        "deploy `{caller}` with `{callee}` as it is, and `{callee}` once that is done"
    ))
    .about(callee)
}

pub(super) fn callee_first(fault: &Fault<'_>) -> Diagnostic {
    let (caller, callee, address) = (fault.caller, fault.callee, fault.asked.address());
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "`{callee}` goes first: the new `{caller}` asks for `{address}`, and the old `{callee}` {}",
            fault.lacks()
        ),
        fault.span,
    )
    .help(format!("deploy `{callee}` with `{caller}` as it is, and `{caller}` once that is done"))
    .about(callee)
}
