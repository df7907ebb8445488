//! Callers that ask for a service no more, of which a new version comes in the same step: their old instances go on asking until they are
//! replaced, while nobody who asks for it in the new program has it promise anything, or be replaced with care. So whoever leaves goes first.

use super::order::{Before, Ordered, Soft};
use super::{Both, Step, has_ended};
use crate::change::{Change, Effect};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Edge, EdgeKind, Graph, Promise, ServiceView};
use crate::vocabulary::TargetId;
use std::collections::BTreeMap;

/// Who leaves goes before whom it leaves.
pub(super) fn ordered<'a>(step: &Step<'a>) -> Vec<Soft<'a>> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let mut found = BTreeMap::new();
    for target in [TargetId::Swarm, TargetId::Kubernetes] {
        // Without a policy of its own a swarm stops each task before its new one starts; of several that are checked one serves.
        let is_down = |change: &&Change| change.effect == Effect::RestartsAtOnce;
        for change in step.on(target).filter(is_down) {
            let both = change.service.as_deref().and_then(|name| step.both(name));
            let Some(both) = both.filter(|both| gives_up(old, new, *both)) else {
                continue;
            };
            for (edge, from) in old.edges_to(both.old.id) {
                let leaver = leaver(step, (old, new), (edge, from), target);
                let Some(leaver) = leaver.filter(|it| it.id != both.new.id) else {
                    continue;
                };
                let before = Before {
                    first: leaver.name(),
                    then: both.new.name(),
                };
                found.entry(before).or_insert_with(|| Soft {
                    ordered: Ordered {
                        before,
                        why: goes_first(leaver, both),
                    },
                    given_up: Some(without_order(leaver, both)),
                });
            }
        }
    }
    found.into_values().collect()
}

/// Whether a service promised something, and promises nothing any more.
fn gives_up(old: &Graph, new: &Graph, both: Both<'_>) -> bool {
    let promised = matches!(old.promise(both.old), Promise::Capacity { .. });
    promised && new.promise(both.new) == Promise::None && new.replicas(both.new).most > 0
}

/// A caller of before as it is now, where its instances that ask are replaced in this step. Nobody is asked for who promises nothing.
fn leaver<'a>(
    step: &Step<'a>,
    (old, new): (&Graph, &'a Graph),
    (edge, from): (&Edge, ServiceView<'a>),
    target: TargetId,
) -> Option<ServiceView<'a>> {
    let asked = edge.kind != EdgeKind::After
        && old.runs_on(from, target)
        && old.replicas(from).most > 0
        && !has_ended(from, target);
    let now = new.find(step.pairs.now(from.name())).filter(|_| asked)?;
    let rolls = step.rolling(target).contains(now.name());
    // Routes of a cluster are no instances, and move with an apply.
    let moves = target == TargetId::Kubernetes && now.node.gateway.is_some();
    (rolls || moves).then_some(now)
}

fn asks(leaver: ServiceView<'_>, both: Both<'_>) -> String {
    let (caller, callee) = (leaver.name(), both.new.name());
    format!(
        "the `{caller}` that runs asks for `{callee}` until it is replaced, and in the new program nobody does: the new `{callee}` promises \
         nothing, and the old one is stopped before it serves"
    )
}

fn goes_first(leaver: ServiceView<'_>, both: Both<'_>) -> Diagnostic {
    let (caller, callee) = (leaver.name(), both.new.name());
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!("`{caller}` goes first: {}", asks(leaver, both)),
        both.new.span(),
    )
    .help(format!(
        "deploy `{caller}` with `{callee}` as it is, and `{callee}` once that is done"
    ))
    .about(callee)
}

/// What is said where something else has the two go the other way round.
fn without_order(leaver: ServiceView<'_>, both: Both<'_>) -> Diagnostic {
    let (caller, callee) = (leaver.name(), both.new.name());
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!("`{caller}` cannot go before `{callee}`: {}", asks(leaver, both)),
        both.new.span(),
    )
    .note("what else changes has them go the other way round: no order helps")
    .help(format!(
        "in two deploys: first this one, with `availability {{ min_available = 1 }}` in `{callee}`; then without it"
    ))
    .about(callee)
}
