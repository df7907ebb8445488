//! Who stands behind a Service of Kubernetes while two versions run. A Service leads to the pods' port by its name, and to a pod
//! without a port of that name not at all (kubernetes/kubernetes `staging/src/k8s.io/endpointslice/utils.go`, `getEndpointPorts`;
//! seen: `tests/real/kubernetes.rs`).

use super::{Both, Step, about, place};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, Promise, ServiceView, port_number};
use crate::vocabulary::{Node, Port, TargetId};
use std::collections::BTreeSet;

/// A port that goes by another name, by which no pod of the version before answers as it did.
#[derive(Clone, Copy)]
pub(super) struct Renamed<'a> {
    both: Both<'a>,
    was: &'a Node<Port>,
    is: &'a Node<Port>,
    /// What in pods of before has the new name, where something has.
    namesake: Option<u16>,
}

impl<'a> Renamed<'a> {
    /// The service, by the zd name that it has now.
    pub(super) fn service(self) -> &'a str {
        self.both.new.name()
    }

    /// What becomes of it once its pods of before are back and the Service stays.
    pub(super) fn undone(self) -> String {
        let (name, before, now) = (self.service(), self.was.label.name(), self.is.label.name());
        let leads = match self.namesake {
            None => format!(
                "leads to none of them: it asks for their port `{now}`, and they call it `{before}`"
            ),
            Some(_) => format!(
                "leads what asked for `{before}` to their port `{now}`, which is another one"
            ),
        };
        format!(
            "so once its pods of before are back, the Service of `{name}` {leads}: `steps.sh --back` refuses without `--before`"
        )
    }
}

/// Ports that go by another name: the Service leads to no pod of the old version from the moment it is applied.
pub(super) fn without_pods(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for renamed in renamed(step) {
        let Renamed {
            both,
            was,
            is,
            namesake,
        } = renamed;
        if is_missed((old, new), both) {
            found.push(match namesake {
                None => nobody(both, was, is),
                Some(number) => another(both, was, is, number),
            });
        }
    }
}

/// Those that somebody asks for.
pub(super) fn asked<'a>(step: &Step<'a>) -> Vec<Renamed<'a>> {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return Vec::new();
    };
    let is_asked = |it: &Renamed<'_>| {
        let is_published = it.was.publish.is_some();
        is_published || is_called(old, it.both.old) || is_called(new, it.both.new)
    };
    renamed(step).into_iter().filter(is_asked).collect()
}

fn renamed<'a>(step: &Step<'a>) -> Vec<Renamed<'a>> {
    let mut found = Vec::new();
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
            let namesake = match namesake.map(port_number) {
                None => None,
                Some(Some(number)) if port_number(port) != Some(number) => Some(number),
                Some(_) => continue,
            };
            found.push(Renamed {
                both,
                was,
                is: port,
                namesake,
            });
        }
    }
    found
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
