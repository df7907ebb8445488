//! Nodes that are emptied: where `availability` says that its promise holds through a drain, it must.
//!
//! Rows K05, K18 and K19 of the catalogue of faults. A service that does not speak of drains gets what the target can
//! do, and the table of `zdc check` says how many that leaves.

use super::promises::{Case, are, instances};
use super::rehearsal::{Scene, Searches, rehearse};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Promise, ServiceView};
use crate::source::Span;
use crate::types::Percent;
use crate::vocabulary::{Amount, Disturbance, TargetId};

/// Whether a service says that its promise holds through drains.
pub(super) fn is_named(service: ServiceView<'_>) -> bool {
    named(service).is_some()
}

fn named(service: ServiceView<'_>) -> Option<Span> {
    let availability = service.node.service.availability.as_ref()?;
    let mut through = availability.through.as_ref()?.value.iter();
    let drain = through.find(|through| through.value == Disturbance::Drain);
    drain.map(|drain| drain.span)
}

/// A drain that leaves fewer than were promised through it.
pub(super) fn check(case: &Case<'_>, searches: &mut Searches) -> Option<Diagnostic> {
    let drain = named(case.service)?;
    let (graph, service) = (case.graph, case.service);
    // A drain leaves the pods of a `DaemonSet` alone.
    if case.target == TargetId::Kubernetes && graph.is_global(service) {
        return None;
    }
    let rehearsal = rehearse(graph, service, case.target, Scene::Drain, searches).ok()?;
    if rehearsal.keeps() {
        return None;
    }
    let name = service.name();
    let text = format!(
        "a drain leaves {} of {} of `{name}` serving, and {} promised",
        rehearsal.least,
        instances(rehearsal.replicas),
        are(rehearsal.promised)
    );
    let (how, spread) = match case.target {
        TargetId::Swarm => (
            "all tasks of a node are told to stop at once",
            "write `placement { max_per_node = 1 }` and ",
        ),
        _ => ("a pod is evicted before another one takes its place", ""),
    };
    let help = match enough(case.promise) {
        Some(enough) => {
            let nodes = if spread.is_empty() {
                ", or"
            } else {
                " on as many nodes; or"
            };
            format!("{spread}run at least {enough} replicas{nodes} leave `drain` out of `through`")
        }
        None => "no number of replicas survives a drain with all of them: promise less, or leave `drain` out of `through`"
            .to_owned(),
    };
    let diagnostic = Diagnostic::new(&catalogue::DRAIN_BELOW_PROMISE, text, drain).labelled(how);
    Some(
        case.with_worst(diagnostic, &rehearsal)
            .help(help)
            .about(name),
    )
}

/// The fewest replicas of which one may be missing; `None` where all of any number are promised.
pub(super) fn enough(promise: &Promise) -> Option<u64> {
    let Promise::Capacity { min_available, .. } = promise else {
        return None;
    };
    match min_available {
        Amount::Count(count) => Some(count.saturating_add(1)),
        // What is left of `n` after the rounding up is the whole part of `n * spare / all`.
        Amount::Share(share) => {
            let all = Percent::ALL.thousandths;
            let spare = all.saturating_sub(share.thousandths);
            (spare > 0).then(|| all.div_ceil(spare))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    #[test]
    fn so_many_are_enough_and_one_less_is_not() {
        let promised = |amount| Promise::Capacity {
            min_available: amount,
            through: Vec::new(),
        };
        let spare = |amount: Amount, replicas: u64| replicas - amount.of_up(replicas).min(replicas);
        for thousandths in [
            1, 1_000, 33_300, 50_000, 66_667, 75_000, 90_000, 99_900, 99_999,
        ] {
            let amount = Amount::Share(Percent { thousandths });
            let enough = enough(&promised(amount)).unwrap();
            assert!(spare(amount, enough) >= 1, "{thousandths}");
            assert_eq!(spare(amount, enough - 1), 0, "{thousandths}");
        }
        assert_eq!(enough(&promised(Amount::Count(2))), Some(3));
        assert_eq!(enough(&promised(Amount::Share(Percent::ALL))), None);
    }

    #[test]
    fn the_help_names_a_number_that_helps() {
        for (least, enough) in [("75%", 4), ("90%", 10), ("1", 2)] {
            for (target, spread) in [
                (
                    "swarm",
                    "write `placement { max_per_node = 1 }` and run at least N replicas on as many nodes; or",
                ),
                ("kubernetes", "run at least N replicas, or"),
            ] {
                let spread = spread.replace('N', &enough.to_string());
                let expected = format!("{spread} leave `drain` out of `through`");
                assert_eq!(help(target, 1, least), Some(expected));
                assert_eq!(help(target, enough, least), None, "{target} {least}");
            }
        }
        for target in ["swarm", "kubernetes"] {
            let help = help(target, 3, "100%").unwrap();
            assert!(help.starts_with("no number of replicas"), "{help}");
        }
    }

    /// What helps where a drain leaves too few of so many.
    fn help(target: &str, replicas: u64, least: &str) -> Option<String> {
        let text = format!(
            "app shop {{ targets = [{target}] }}\nservice web {{\n  image = \"example/web:1.0.0\"\n  replicas = {replicas}\n  \
             port http {{ number = 80 }}\n  health http {{}}\n  placement {{ max_per_node = 1 }}\n  \
             availability {{ min_available = {least}, through = [drain] }}\n}}\n"
        );
        let world = MemoryWorld::single("app.zd", text);
        let found = compile(&world, "app.zd", &Options::default()).diagnostics;
        let found = found.into_iter().find(|it| it.code.id == "ZD4018");
        found.and_then(|it| it.help)
    }
}
