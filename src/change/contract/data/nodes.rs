//! Data that stays on a node: what a swarm makes of a volume is its node's, and a task that goes to another one finds it empty.

use super::{Mounted, mounts};
use crate::change::Change;
use crate::change::contract::{Both, Step};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::graph::Graph;
use crate::source::{Span, Str};
use crate::vocabulary::{Entry, TargetId};

/// Services whose tasks have to run on other nodes than before. Where more nodes fit than did nobody is moved, but for those that are replaced.
pub(in crate::change::contract) fn left(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    if !step.targets().any(|target| target == TargetId::Swarm) {
        return;
    }
    for service in new.services_on(TargetId::Swarm) {
        let both = step.both(service.name());
        let Some(both) = both.filter(|both| old.runs_on(both.old, TargetId::Swarm)) else {
            continue;
        };
        let (asked, let_go) = (asked(old, both), let_go(step, old, both));
        if asked.is_none() && let_go.is_none() {
            continue;
        }
        let volumes = of_nodes((old, new), both);
        if volumes.is_empty() || new.replicas(both.new).most == 0 {
            continue;
        }
        found.extend(match (asked, let_go) {
            (Some(asked), _) => Some(told(both, &asked, &volumes)),
            (None, let_go) => let_go.map(|label| goes_anywhere(both, label, &volumes)),
        });
    }
}

/// A label that nodes must have now and need not have had.
struct Asked<'a> {
    now: &'a Entry<Str>,
    /// The value of it before, which no node has that has the other one.
    was: Option<&'a Str>,
}

fn asked<'a>(old: &Graph, both: Both<'a>) -> Option<Asked<'a>> {
    let (before, now) = (both.old.node_labels(), both.new.node_labels());
    let asked = now.iter().filter_map(|now| {
        let mut before = before.iter();
        let was = before.find(|was| was.key == now.key);
        let was = was.map(|was| &was.attribute.value);
        // The scheduler compares values without regard to case (swarmkit `manager/constraint/constraint.go`, `Match`).
        let is_kept = was.is_some_and(|was| was.eq_ignore_ascii_case(&now.attribute.value));
        (!is_kept).then_some(Asked { now, was })
    });
    let asked: Vec<Asked<'_>> = asked.collect();
    let certain = asked.iter().position(|asked| asked.was.is_some());
    // One that is everywhere loses the nodes that fit no more, and nothing goes elsewhere; of none there was no data.
    if certain.is_none() && (old.is_global(both.old) || old.replicas(both.old).most == 0) {
        return None;
    }
    asked.into_iter().nth(certain.unwrap_or(0))
}

/// A label that held a service and that it asks for no more, while its tasks are replaced: the new ones go to any node that fits (swarmkit
/// `manager/orchestrator/task.go`, `IsTaskDirty`, spares tasks where placement alone differs).
fn let_go<'a>(step: &Step<'_>, old: &Graph, both: Both<'a>) -> Option<&'a Entry<Str>> {
    // What is still asked for may hold it where it is.
    let held = both.old.node_labels().first()?;
    if !both.new.node_labels().is_empty() {
        return None;
    }
    let is_its = |change: &&Change| change.service.as_deref() == Some(both.new.name());
    let mut changes = step.on(TargetId::Swarm).filter(is_its);
    let is_replaced = changes.any(|change| change.effect.replaces());
    let runs = !old.is_global(both.old) && old.replicas(both.old).most > 0;
    (is_replaced && runs).then_some(held)
}

/// The volumes that it had and has, but for those that somebody else makes: their driver may be one of all nodes.
fn of_nodes((old, new): (&Graph, &Graph), both: Both<'_>) -> Vec<String> {
    let before = mounts(old, both.old, TargetId::Swarm);
    let is_of_node = |now: &Mounted<'_>| {
        let mut before = before.iter();
        !now.place.external && before.any(|was| !was.place.external && was.place.is(&now.place))
    };
    let now = mounts(new, both.new, TargetId::Swarm).into_iter();
    let mut volumes: Vec<String> = now
        .filter(is_of_node)
        .map(|now| now.place.to_string())
        .collect();
    volumes.sort();
    volumes.dedup();
    volumes
}

fn goes_anywhere(both: Both<'_>, label: &Entry<Str>, volumes: &[String]) -> Diagnostic {
    let (name, volumes) = (both.new.name(), volumes.join(" and "));
    let (key, value) = (&label.key, &label.attribute.value);
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!(
            "nothing holds `{name}` any more where `{key} = \"{value}\"`, and its tasks are replaced: on another node a new one finds {volumes} empty"
        ),
        both.new.span(),
    )
    .severity(Severity::Warning)
    .labelled("each node has a volume of its own, new and empty where no task ran")
    .help(format!(
        "keep `placement {{ node {{ {key} = \"{value}\" }} }}`; or copy the data first, with the service stopped, and write \
         `allow data_left_behind {{ because = \"…\" }}`"
    ))
    .about(name)
}

fn told(both: Both<'_>, asked: &Asked<'_>, volumes: &[String]) -> Diagnostic {
    let name = both.new.name();
    let (key, value) = (&asked.now.key, &asked.now.attribute.value);
    let span: Span = asked.now.attribute.span;
    let volumes = volumes.join(" and ");
    let diagnostic = match asked.was {
        Some(was) => Diagnostic::new(
            &catalogue::DATA_LEFT_BEHIND,
            format!(
                "`{name}` goes to another node: its data stays in {volumes} of the one with `{key} = \"{was}\"`"
            ),
            span,
        )
        .help(format!(
            "keep `{key} = \"{was}\"`; or stop the service, copy the data to the node that it goes to, and write \
             `allow data_left_behind {{ because = \"…\" }}`"
        )),
        None => Diagnostic::new(
            &catalogue::DATA_LEFT_BEHIND,
            format!(
                "where the node of `{name}` has no label `{key} = \"{value}\"` it goes to another one, and its data stays in {volumes}"
            ),
            span,
        )
        .severity(Severity::Warning)
        .help(format!(
            "give the node that has the data this label first, `docker node update --label-add {key}={value} NODE`, and write \
             `allow data_left_behind {{ because = \"…\" }}`"
        )),
    };
    diagnostic
        .labelled("each node has a volume of its own, new and empty where no task ran")
        .about(name)
}
