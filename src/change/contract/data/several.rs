//! Services of which a step makes several tasks that write to one volume, as what it holds or the program says that it takes one writer. Of the
//! program by itself ZD4023 tells, which is no error and in no plan.

use super::mounts;
use crate::change::contract::{Step, about, place};
use crate::change::swarm::{mostly_takes_one, takes_one};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::rollout::derivation;
use crate::vocabulary::TargetId;

/// A database of one task that comes to have more.
pub(in crate::change::contract) fn written(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for change in step.on(TargetId::Swarm) {
        let both = change.service.as_deref().and_then(|name| step.both(name));
        let Some(both) = both.filter(|_| change.kind == "service") else {
            continue;
        };
        let is_global = old.is_global(both.old) || new.is_global(both.new);
        let (was, is) = (old.replicas(both.old).most, new.replicas(both.new).most);
        if is_global || was != 1 || is <= 1 {
            continue;
        }
        let image = both.new.node.service.image.as_ref();
        let image = image.map_or_else(String::new, |it| it.value.to_string());
        let before = mounts(old, both.old, TargetId::Swarm);
        let mut written = mounts(new, both.new, TargetId::Swarm);
        let is_said = |label: &str| new.volume(label).is_some_and(|it| it.access.is_some());
        written.retain(|now| {
            let is_known =
                is_said(now.label) || takes_one(&now.path) || mostly_takes_one(&image, &now.path);
            let was_there = before.iter().any(|it| it.place.is(&now.place));
            is_known && was_there && derivation::is_sole_writer(new, now.mount)
        });
        written.sort_by_key(|it| !takes_one(&it.path));
        let Some(written) = written.first() else {
            continue;
        };
        let is_sure = takes_one(&written.path);
        let takes = if is_sure || is_said(written.label) {
            "takes one writer"
        } else {
            "mostly takes one writer"
        };
        let severity = if is_sure {
            Severity::Error
        } else {
            Severity::Warning
        };
        let (name, volume) = (&change.name, &written.place);
        let diagnostic = Diagnostic::new(
            &catalogue::WRITERS_BESIDE,
            format!(
                "`{name}` comes to have {is} tasks, and all write to {volume}, which {takes}: those on one node write side by side, and \
                 those on another have one of their own, which is empty at first"
            ),
            place(change),
        )
        .severity(severity)
        .help("keep one task; or give each a volume and a service of its own");
        found.push(about(diagnostic, change));
    }
}
