//! Data that stays at a path of the host, and what of a volume goes to one.

use super::{Mounted, Place, mounts};
use crate::change::contract::{Both, Step};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::vocabulary::{Mount, Node, TargetId};
use std::path::Path;

/// Services that find at a path another path of the host than the one that they wrote to, or a volume.
pub(in crate::change::contract) fn left(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for service in new.services() {
        let both = step.both(service.name());
        let Some(both) = both.filter(|both| written(both.old).next().is_some()) else {
            continue;
        };
        // A path of the host is the same one on every target: it is told of once.
        let mut targets = step
            .targets()
            .filter(|target| old.runs_on(both.old, *target) && new.runs_on(both.new, *target));
        if let Some(target) = targets.next() {
            compare(new, both, target, found);
        }
    }
}

fn compare(new: &Graph, both: Both<'_>, target: TargetId, found: &mut Diagnostics) {
    let volumes = mounts(new, both.new, target);
    for was in written(both.old) {
        let stays = || binds(both.new).any(|now| now.from == was.from);
        if let Some(volume) = volumes.iter().find(|volume| volume.path == was.path) {
            if !stays() {
                found.push(becomes_volume(both, was, volume));
            }
        } else if let Some(now) = at(both.new, was.path)
            && now.from != was.from
            && was.may_hold_data()
            && !stays()
        {
            found.push(moves(both, was, now));
        }
    }
}

/// A path of the host at a path of a service.
#[derive(Clone, Copy)]
pub(super) struct Bind<'a> {
    path: &'a str,
    /// The host's, without a slash at its end.
    from: &'a str,
    read_only: bool,
    mount: &'a Node<Mount>,
}

impl Bind<'_> {
    /// Whether it is a folder of which nothing says that somebody else fills it: settings are files, or below `/etc`.
    fn may_hold_data(self) -> bool {
        let is_filled = |end: &str| {
            let end = Path::new(end);
            let system = ["/etc", "/proc", "/sys", "/dev", "/run", "/var/run"];
            end.extension().is_some() || system.iter().any(|folder| end.starts_with(folder))
        };
        ![self.path, self.from].into_iter().any(is_filled)
    }
}

fn binds(service: ServiceView<'_>) -> impl Iterator<Item = Bind<'_>> {
    let mounts = service.node.service.body.mount.iter();
    mounts.filter_map(|mount| {
        let from = mount.bind.as_ref()?.value.trim_end_matches('/');
        Some(Bind {
            path: mount.label.name(),
            from,
            read_only: mount.read_only.as_ref().is_some_and(|it| it.value),
            mount,
        })
    })
}

/// Those that it may write to.
fn written(service: ServiceView<'_>) -> impl Iterator<Item = Bind<'_>> {
    binds(service).filter(|bind| !bind.read_only)
}

/// What of the host a service has at a path.
pub(super) fn at<'a>(service: ServiceView<'a>, path: &str) -> Option<Bind<'a>> {
    binds(service).find(|bind| bind.path == path)
}

fn moves(both: Both<'_>, was: Bind<'_>, now: Bind<'_>) -> Diagnostic {
    let name = both.new.name();
    let from = was.from;
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!(
            "`{name}` finds another folder of the host at `{}`: what it wrote stays in `{from}`",
            was.path
        ),
        now.mount.span,
    )
    .severity(Severity::Warning)
    .labelled(format!("what is in `{}` is what somebody put there", now.from))
    .help(format!(
        "keep `bind = \"{from}\"`; or stop the service and move what is in `{from}` first, and write `allow data_left_behind {{ because = \"…\" }}`; \
         `read_only = true` says that it writes nothing there"
    ))
    .about(name)
}

fn becomes_volume(both: Both<'_>, was: Bind<'_>, now: &Mounted<'_>) -> Diagnostic {
    let name = both.new.name();
    let from = was.from;
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!(
            "`{name}` finds a volume at `{}`: its data stays in `{from}` on the host",
            was.path
        ),
        now.mount.span,
    )
    .labelled(format!(
        "{}, which is new and empty unless somebody filled it",
        now.place
    ))
    .help(format!(
        "keep `mount \"{}\" {{ bind = \"{from}\" }}`; or copy the data first, with the service stopped, and write \
         `allow data_left_behind {{ because = \"…\" }}`",
        was.path
    ))
    .about(name)
}

/// The data of a volume at whose path a service finds a path of the host.
pub(super) fn of_volume(both: Both<'_>, old: &Place, now: Bind<'_>) -> Diagnostic {
    let name = both.new.name();
    let (path, from) = (now.path, now.from);
    let does = if now.read_only {
        "reads there is"
    } else {
        "writes there goes to"
    };
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!("`{name}` finds `{from}` of the host at `{path}`: its data stays in {old}"),
        now.mount.span,
    )
    .labelled(format!("what it {does} `{from}` from now on"))
    .help(
        "keep the volume; or copy the data first, with the service stopped, and write \
         `allow data_left_behind { because = \"…\" }`",
    )
    .about(name)
}
