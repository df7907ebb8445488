//! A volume of one writer that goes from one service to another, both of which run on: in one deploy of all both write to it for a while.

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
        let both = || {
            let both = new
                .services_on(target)
                .filter_map(|it| step.both(it.name()));
            both.filter(|both| old.runs_on(both.old, target))
        };
        let given: Vec<_> = both()
            .filter_map(|both| Some((both, given(step, both, target)?)))
            .collect();
        for taker in both() {
            let taken = mounts(new, taker.new, target).into_iter();
            let mut taken = taken.filter(|it| derivation::is_sole_writer(new, it.mount));
            let wrote = written(old, taker.old, target);
            let handed = taken.find_map(|taken| {
                let had = wrote.iter().any(|was| was.is(&taken.place));
                let mut given = given.iter().filter(|_| !had);
                let (giver, _) =
                    given.find(|(_, given)| given.iter().any(|it| it.place.is(&taken.place)))?;
                Some((*giver, taken))
            });
            found.extend(handed.map(|(giver, taken)| Ordered {
                before: Before {
                    first: giver.new.name(),
                    then: taker.new.name(),
                },
                why: goes_first(giver, taker, &taken),
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

fn goes_first(giver: Both<'_>, taker: Both<'_>, taken: &Mounted<'_>) -> Diagnostic {
    let (giver, taker, volume) = (giver.new.name(), taker.new.name(), &taken.place);
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
