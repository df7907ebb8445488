//! Amounts that no cluster and no swarm takes.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::Graph;
use crate::source::Span;
use crate::types::Percent;
use crate::vocabulary::{Attribute, TargetId};
use std::fmt::Display;

/// More set aside than may be used: the API server refuses it (kubernetes/kubernetes `pkg/apis/core/validation/validation.go`,
/// `ValidateResourceRequirements`), and so does the engine of what compose starts, of memory.
pub(super) fn reservations(graph: &Graph, diagnostics: &mut Diagnostics) {
    let on = |service| {
        let targets = [TargetId::Kubernetes, TargetId::Compose];
        targets
            .into_iter()
            .find(|target| graph.runs_on(service, *target))
    };
    for service in graph.services() {
        let Some(target) = on(service) else { continue };
        let Some(resources) = &service.node.service.resources else {
            continue;
        };
        let (Some(limits), Some(reserved)) = (&resources.limits, &resources.reservations) else {
            continue;
        };
        let memory = above("memory", limits.memory.as_ref(), reserved.memory.as_ref());
        let cpu = above("cpu", limits.cpu.as_ref(), reserved.cpu.as_ref());
        let cpu = cpu.filter(|_| target == TargetId::Kubernetes);
        for (what, limit, reserved) in memory.into_iter().chain(cpu) {
            diagnostics.push(
                Diagnostic::new(
                    &catalogue::RESERVED_ABOVE_LIMIT,
                    format!(
                        "{} refuses `{}`: {} of {what} are set aside for each instance, and it may use {}",
                        target.word(),
                        service.name(),
                        reserved.0,
                        limit.0
                    ),
                    reserved.1,
                )
                .and(limit.1, "the most that it may use")
                .help(format!("reserve {} at most, or raise the limit", limit.0))
                .about(service.name()),
            );
        }
    }
}

/// An amount in words, and where it is written.
type Amount = (String, Span);

/// What, its limit and what is set aside of it, where that is more.
fn above<T: PartialOrd + Display>(
    what: &'static str,
    limit: Option<&Attribute<T>>,
    reserved: Option<&Attribute<T>>,
) -> Option<(&'static str, Amount, Amount)> {
    let (limit, reserved) = limit.zip(reserved)?;
    let amount = |it: &Attribute<T>| (it.value.to_string(), it.span);
    (reserved.value > limit.value).then(|| (what, amount(limit), amount(reserved)))
}

/// More failures tolerated than there can be: a swarm takes no service with such a ratio (swarmkit
/// `manager/controlapi/service.go`, `validateUpdate`).
pub(super) fn failure_ratios(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        if !graph.runs_on(service, TargetId::Swarm) {
            continue;
        }
        let update = service.node.service.update.as_ref();
        let rollback = update.and_then(|update| update.rollback.as_ref());
        let ratios = [
            update.and_then(|update| update.max_failure_ratio.as_ref()),
            rollback.and_then(|rollback| rollback.max_failure_ratio.as_ref()),
        ];
        for ratio in ratios.into_iter().flatten() {
            if ratio.value <= Percent::ALL {
                continue;
            }
            diagnostics.push(
                Diagnostic::new(
                    &catalogue::INVALID_SHARE,
                    format!("{} of the tasks cannot fail", ratio.value),
                    ratio.span,
                )
                .labelled("100% at most")
                .note("a swarm refuses the service: `MaxFailureRatio cannot be less than 0 or bigger than 1`")
                .help("write `0%`, so that one failure is enough to stop")
                .about(service.name()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    #[test]
    fn no_more_than_all_may_fail() {
        for (targets, update, count) in [
            ("swarm", "max_failure_ratio = 100%", 0),
            ("swarm", "max_failure_ratio = 100.5%", 1),
            ("swarm", "rollback { max_failure_ratio = 200% }", 1),
            ("kubernetes", "max_failure_ratio = 200%", 0),
        ] {
            let text = format!(
                "app shop {{ targets = [{targets}] }}\nservice web {{ image = \"ex/web:1\", update rolling {{ {update} }} }}"
            );
            let world = MemoryWorld::single("app.zd", &*text);
            let found = compile(&world, "app.zd", &Options::default()).diagnostics;
            let shares = found.iter().filter(|it| it.code.id == "ZD3019");
            assert_eq!(shares.count(), count, "{text}");
        }
    }
}
