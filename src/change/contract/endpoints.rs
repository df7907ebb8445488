//! Who stands behind a Service of Kubernetes while two versions run. A Service leads to the pods' port by its name, and to a pod
//! without a port of that name not at all (kubernetes/kubernetes `staging/src/k8s.io/endpointslice/utils.go`, `getEndpointPorts`;
//! seen: `tests/real/kubernetes.rs`).

use super::{Both, Step, about, place};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, Promise, ServiceView, port_number};
use crate::vocabulary::{Node, Port, TargetId};
use std::collections::BTreeSet;

/// Ports that go by another name: the Service leads to no pod of the old version from the moment it is applied.
pub(super) fn without_pods(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    let changed: BTreeSet<&str> = step
        .on(TargetId::Kubernetes)
        .filter_map(|change| change.service.as_deref())
        .collect();
    let both = changed.into_iter().filter_map(|name| step.both(name));
    for both in both.filter(|both| !step.renames(both.new.name())) {
        for port in both.new.ports() {
            let by_name = |was: &&Node<Port>| was.label.name() == port.label.name();
            let namesake = both.old.ports().find(by_name);
            let was = both.old.ports().find(|was| answers_for(was, port));
            let Some(was) = was.filter(|was| was.label.name() != port.label.name()) else {
                continue;
            };
            if !is_missed((old, new), both) {
                continue;
            }
            match namesake.map(port_number) {
                None => found.push(nobody(both, was, port)),
                Some(Some(number)) if port_number(port) != Some(number) => {
                    found.push(another(both, was, port, number));
                }
                Some(_) => {}
            }
        }
    }
}

/// Services whose selectors ask for what no pod that runs has.
pub(super) fn deserted(step: &Step<'_>, found: &mut Diagnostics) {
    let changes = step.on(TargetId::Kubernetes);
    for change in changes.filter(|change| change.deserted) {
        let diagnostic = Diagnostic::new(
            &catalogue::NO_POD_BEHIND_SERVICE,
            format!("Service `{}` leads to no pod of those that run", change.name),
            place(change),
        )
        .note(change.how.clone())
        .help(
            "have it ask for labels that the pods of both versions have; or apply the new pods first, and the Service once they are ready",
        );
        found.push(about(diagnostic, change));
    }
}

/// Whether somebody asks for the service, or it promises to be there.
fn is_missed((old, new): (&Graph, &Graph), both: Both<'_>) -> bool {
    match new.promise(both.new) {
        Promise::Downtime => false,
        Promise::Capacity { .. } => true,
        Promise::None => is_called(old, both.old) || is_called(new, both.new),
    }
}

fn is_called(graph: &Graph, callee: ServiceView<'_>) -> bool {
    let mut edges = graph.edges_to(callee.id);
    edges.any(|(edge, _)| edge.kind != EdgeKind::After)
}

/// Whether what is asked of a port was answered by another one before.
fn answers_for(was: &Node<Port>, is: &Node<Port>) -> bool {
    let published = |port: &Node<Port>| port.publish.as_ref().map(|it| it.value);
    port_number(was).is_some() && port_number(was) == port_number(is)
        || published(was).is_some() && published(was) == published(is)
}

/// A name of a port that was another one's: old pods answer with that.
fn another(both: Both<'_>, was: &Node<Port>, is: &Node<Port>, number: u16) -> Diagnostic {
    let (name, before, now) = (both.new.name(), was.label.name(), is.label.name());
    Diagnostic::new(
        &catalogue::NO_POD_BEHIND_SERVICE,
        format!(
            "the Service of `{name}` leads what asked for `{before}` to the pods' port `{now}`, and in pods of the version that runs that is \
             {number}"
        ),
        is.span,
    )
    .labelled(format!("it was `{before}`"))
    .note(
        "an apply changes the Service at once: until they are replaced, and after `kubectl rollout undo`, pods of before answer with another \
         port; and an Ingress that asks for the old name leads nowhere",
    )
    .help(format!("keep the name `{before}`; or call it by a name that no port had, beside it, move the callers, and take `{before}` away then"))
}

fn nobody(both: Both<'_>, was: &Node<Port>, is: &Node<Port>) -> Diagnostic {
    let (name, before, now) = (both.new.name(), was.label.name(), is.label.name());
    Diagnostic::new(
        &catalogue::NO_POD_BEHIND_SERVICE,
        format!("the Service of `{name}` leads to the pods' port `{now}`, and no pod of the version that runs has one of that name"),
        is.span,
    )
    .labelled(format!("it was `{before}`"))
    .note("an apply changes the Service at once: nobody answers until a pod of the new version is ready, and after `kubectl rollout undo` nobody at all")
    .help(format!(
        "keep the name `{before}`; or serve `{now}` beside it on a number of its own, move the callers, and take `{before}` away then"
    ))
    .about(name)
}
