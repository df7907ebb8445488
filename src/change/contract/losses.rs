//! What is lost with a change of what only manifests know of: an address outside of the cluster, pods behind a number, callers that a
//! policy refuses, the data of a volume, writers of one beside each other.

use super::{Step, about, place};
use crate::change::{Change, Loss, Lost};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::vocabulary::TargetId;

/// Each, where its change is not refused.
pub(super) fn told(step: &Step<'_>, found: &mut Diagnostics) {
    // Of a program it is known which ports are published no more (`published`).
    let are_programs = step.old.is_some() && step.new.is_some();
    let known = [TargetId::Swarm, TargetId::Kubernetes, TargetId::Compose];
    for change in known.into_iter().flat_map(|target| step.on(target)) {
        let mut fields = change.fields.iter();
        let is_told = are_programs && fields.any(|field| field.path.ends_with(".nodePort"));
        let losses = change.losses.iter();
        let losses = losses.filter(|loss| !is_told || loss.about != Lost::Outside);
        for loss in losses {
            found.push(lost(change, loss));
        }
    }
}

/// Those for which there is no way back afterwards, each with why.
pub(super) fn one_way(step: &Step<'_>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (_, change) in step.changes() {
        let mut losses = change.losses.iter();
        let name = change.service.as_deref().unwrap_or(&change.name);
        let is_known = found.iter().any(|(known, _)| known == name);
        if !is_known && losses.any(|loss| loss.about == Lost::WayBack) {
            let why = "its data is of a newer version then, which the image before does not read";
            found.push((name.to_owned(), why.to_owned()));
        }
    }
    found
}

fn lost(change: &Change, loss: &Loss) -> Diagnostic {
    let code = match loss.about {
        Lost::Callers | Lost::Routed => &catalogue::ADDRESS_MOVED,
        Lost::Pods => &catalogue::NO_POD_BEHIND_SERVICE,
        Lost::Order => &catalogue::ORDER_MATTERS,
        Lost::Outside => &catalogue::ROUTE_REMOVED,
        Lost::Mesh => &catalogue::MESH_PORTS_CHANGE,
        Lost::Nodes => &catalogue::FEWER_AT_ONCE,
        Lost::Place => &catalogue::NO_PLACE,
        Lost::Beside => &catalogue::RUNS_BESIDE,
        Lost::Unlike => &catalogue::CHANGE_WITHOUT_EFFECT,
        Lost::Refused => &catalogue::REFUSED_CHANGE,
        Lost::Data { .. } => &catalogue::DATA_LEFT_BEHIND,
        Lost::Form => &catalogue::DATA_OF_ANOTHER_VERSION,
        Lost::WayBack => &catalogue::NO_WAY_BACK,
        Lost::Writers { .. } => &catalogue::WRITERS_BESIDE,
    };
    let diagnostic = Diagnostic::new(code, loss.what.clone(), place(change)).help(loss.way.clone());
    let diagnostic = match loss.about {
        Lost::Data { surely: false }
        | Lost::Writers { surely: false }
        | Lost::Refused
        | Lost::Routed => diagnostic.severity(Severity::Warning),
        Lost::Place | Lost::Unlike => diagnostic.severity(Severity::Error),
        _ => diagnostic,
    };
    about(diagnostic, change)
}
