//! What is lost with a change of what only manifests know of: an address outside of the cluster, pods behind a number, callers that a
//! policy refuses.

use super::{Step, about, place};
use crate::change::{Change, Loss, Lost};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::vocabulary::TargetId;

/// Each, where its change is not refused.
pub(super) fn told(step: &Step<'_>, found: &mut Diagnostics) {
    for change in step.on(TargetId::Kubernetes) {
        for loss in &change.losses {
            found.push(lost(change, loss));
        }
    }
}

fn lost(change: &Change, loss: &Loss) -> Diagnostic {
    let code = match loss.about {
        Lost::Callers => &catalogue::ADDRESS_MOVED,
        Lost::Pods => &catalogue::NO_POD_BEHIND_SERVICE,
        Lost::Outside => &catalogue::ROUTE_REMOVED,
    };
    let diagnostic = Diagnostic::new(code, loss.what.clone(), place(change)).help(loss.way.clone());
    about(diagnostic, change)
}
