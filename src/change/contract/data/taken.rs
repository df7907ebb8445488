//! Volumes of one writer that a service which runs already comes to mount, while the one that wrote to them is gone from the program:
//! an apply deletes nobody, so that it runs on.

use super::{Mounted, Place, mounts, place, runs};
use crate::change::contract::{Both, Step, about, has_ended};
use crate::change::kubernetes::parts::deletion;
use crate::change::{Change, Effect};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation;
use crate::vocabulary::TargetId;

/// Who writes from now on to what somebody who is left behind writes to as well.
pub(in crate::change::contract) fn written(step: &Step<'_>, found: &mut Diagnostics) {
    for_each(step, |target, both, (was, now, left)| {
        // Who has no instance writes nothing, and a job that ran once has ended.
        let writes = || {
            let old = step.old?;
            let left = old.find(left.service.as_deref()?)?;
            Some(old.replicas(left).most > 0 && !has_ended(left, target))
        };
        if !was.place.is(&now.place) || writes() != Some(true) {
            return;
        }
        let mut changes = step.on(target);
        let change = changes
            .find(|it| runs(it) && it.service.as_deref() == Some(both.new.name()) && starts(it));
        found.extend(change.map(|change| beside(target, change, left, &now.place)));
    });
}

/// Who finds an empty volume by the name of the one whose writer is gone.
pub(in crate::change::contract) fn by_name(step: &Step<'_>, found: &mut Diagnostics) {
    for_each(step, |_, both, (was, now, left)| {
        if !was.place.is(&now.place) {
            found.push(another(both, (was, now), left));
        }
    });
}

fn starts(change: &Change) -> bool {
    change.effect.replaces() || change.effect == Effect::Renamed
}

/// Every volume that a service which stays did not mount before, with the only one who did and is left behind.
fn for_each(
    step: &Step<'_>,
    mut tell: impl FnMut(TargetId, Both<'_>, (&Mounted<'_>, &Mounted<'_>, &Change)),
) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for target in [TargetId::Swarm, TargetId::Compose, TargetId::Kubernetes] {
        let left = step
            .on(target)
            .filter(|it| it.effect == Effect::Left && runs(it));
        for left in left {
            let name = left.service.as_deref();
            // Whoever takes its place is judged as that.
            let gone = name.filter(|name| new.find(step.pairs.now(name)).is_none());
            let gone = gone.filter(|name| !step.pairs.is_replaced(name));
            let Some(gone) = gone.and_then(|name| old.find(name)) else {
                continue;
            };
            for was in mounts(old, gone, target) {
                let is_alone = derivation::is_sole_writer(old, was.mount)
                    && mounting(old, target, was.label).eq([gone.name()]);
                if !is_alone {
                    continue;
                }
                for service in new.services_on(target) {
                    let both = step.both(service.name());
                    let Some(both) = both.filter(|both| old.runs_on(both.old, target)) else {
                        continue;
                    };
                    let mounted = mounts(new, service, target).into_iter();
                    let mut mounted = mounted.filter(|now| {
                        now.label == was.label && derivation::is_sole_writer(new, now.mount)
                    });
                    if let Some(now) = mounted.next() {
                        tell(target, both, (&was, &now, left));
                    }
                }
            }
        }
    }
}

/// The services that mount a volume.
fn mounting<'g>(
    graph: &'g Graph,
    target: TargetId,
    label: &'g str,
) -> impl Iterator<Item = &'g str> {
    let services = graph.services_on(target);
    let mounting = services.filter(move |service| {
        let mut mounts = mounts(graph, *service, target).into_iter();
        mounts.any(|mounted| mounted.label == label)
    });
    mounting.map(ServiceView::name)
}

fn stop(target: TargetId, left: &Change) -> String {
    let name = &left.name;
    match target {
        TargetId::Swarm => format!("`docker service rm {name}`"),
        TargetId::Kubernetes => {
            deletion(&left.kind.to_lowercase(), name, left.namespace.as_deref())
        }
        _ => format!("stop `{name}`"),
    }
}

fn beside(target: TargetId, change: &Change, left: &Change, volume: &Place) -> Diagnostic {
    let (name, was) = (&change.name, &left.name);
    let diagnostic = Diagnostic::new(
        &catalogue::WRITERS_BESIDE,
        format!(
            "`{name}` comes to write to {volume}, which takes one writer, and `{was}` goes on writing to it"
        ),
        place(change),
    )
    .labelled(format!("`{was}` runs on"))
    .help(format!(
        "{} first, with which nobody does its work until the new `{name}` serves",
        stop(target, left)
    ));
    about(diagnostic, change)
}

fn another(both: Both<'_>, (was, now): (&Mounted<'_>, &Mounted<'_>), left: &Change) -> Diagnostic {
    let service = both.new.name();
    let (before, is) = (&was.place, &now.place);
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!(
            "`{service}` comes to mount volume `{}` and finds another one than `{}` has: its data stays in {before}",
            now.label, left.name
        ),
        now.mount.span,
    )
    .labelled(format!("{is}, which is new and empty unless somebody filled it"))
    .help(
        "copy the data first, with the service stopped, and write `allow data_left_behind { because = \"…\" }`; or have it worked \
         off by the old one before that is removed",
    )
    .about(service)
}
