//! A volume of one writer that goes from one service, which runs on, to another: in one deploy of all both write to it for a while.

use super::{Mounted, mounts, written};
use crate::change::contract::order::{Before, Ordered};
use crate::change::contract::{Both, Step};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::Graph;
use crate::rollout::derivation;
use crate::vocabulary::TargetId;

/// Whoever gives it up goes before whoever takes it.
pub(in crate::change::contract) fn ordered<'a>(step: &Step<'a>) -> Vec<Ordered<'a>> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for target in [TargetId::Swarm, TargetId::Kubernetes] {
        let stays = |name: &str| {
            let both = step.both(name);
            both.filter(|both| old.runs_on(both.old, target))
        };
        let givers = new.services_on(target).filter_map(|it| stays(it.name()));
        let given: Vec<_> = givers
            .filter_map(|both| Some((both.new.name(), given(step, both, target)?)))
            .collect();
        if given.is_empty() {
            continue;
        }
        for taker in new.services_on(target) {
            // One that takes the place of another is judged as that.
            if step.both(taker.name()).is_none() && step.successor(taker.name()).is_some() {
                continue;
            }
            let wrote = stays(taker.name()).map(|both| written(old, both.old, target));
            let wrote = wrote.unwrap_or_default();
            let taken = mounts(new, taker, target).into_iter();
            let mut taken = taken.filter(|it| {
                derivation::is_sole_writer(new, it.mount)
                    && !wrote.iter().any(|was| was.is(&it.place))
            });
            let handed = taken.find_map(|taken| {
                let is_it =
                    |given: &[Mounted<'_>]| given.iter().any(|it| it.place.is(&taken.place));
                let (giver, _) = given.iter().find(|(_, given)| is_it(given))?;
                Some((*giver, taken))
            });
            found.extend(handed.map(|(first, taken)| Ordered {
                before: Before {
                    first,
                    then: taker.name(),
                },
                why: goes_first(first, taker.name(), &taken),
            }));
        }
    }
    found
}

/// What a service wrote to alone, and does not any more; `None` where there is no such volume.
fn given<'a>(step: &Step<'a>, both: Both<'a>, target: TargetId) -> Option<Vec<Mounted<'a>>> {
    let (old, new): (&Graph, &Graph) = (step.old?, step.new?);
    let writes = written(new, both.new, target);
    let mut given = mounts(old, both.old, target);
    given.retain(|was| {
        derivation::is_sole_writer(old, was.mount) && !writes.iter().any(|now| was.place.is(now))
    });
    Some(given).filter(|given| !given.is_empty())
}

fn goes_first(giver: &str, taker: &str, taken: &Mounted<'_>) -> Diagnostic {
    let volume = &taken.place;
    Diagnostic::new(
        &catalogue::ORDER_MATTERS,
        format!(
            "`{giver}` goes first: until it is replaced it writes to {volume}, which takes one writer, and the new `{taker}` does, too"
        ),
        taken.mount.span,
    )
    .help(format!("deploy `{giver}` with `{taker}` as it is, and `{taker}` once that is done"))
    .about(taker)
}
