//! `on swarm { patch service { … } }`: what is patched into a service of the stack file.

use super::format::{Entry, Service};
use super::schema;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::targets::docker::{Lowering, Place};
use crate::targets::patch::{self, Kept};
use crate::vocabulary::TargetId;
use crate::yaml;

/// The one object of a service.
const KINDS: [&str; 1] = ["service"];

const UPDATE: &str = "write it in `update` of the service";

/// What the proof and the graph rest on: how many there are, how they are replaced, when one counts
/// as healthy, how one stops, and who reaches whom.
const KEPT: &[Kept] = &[
    Kept {
        path: &["image"],
        instead: "write `image` in the service",
    },
    Kept {
        path: &["deploy", "replicas"],
        instead: "write `replicas` in the service",
    },
    Kept {
        path: &["deploy", "mode"],
        instead: "write `mode` in the service",
    },
    Kept {
        path: &["deploy", "update_config"],
        instead: UPDATE,
    },
    Kept {
        path: &["deploy", "rollback_config"],
        instead: "write it in `rollback` of the service's `update`",
    },
    Kept {
        path: &["deploy", "restart_policy"],
        instead: "write `restart` in the service",
    },
    Kept {
        path: &["deploy", "endpoint_mode"],
        instead: "write `endpoint` in the service",
    },
    Kept {
        path: &["healthcheck"],
        instead: "write `health` in the service",
    },
    Kept {
        path: &["stop_grace_period"],
        instead: "write `shutdown { grace = … }` in the service",
    },
    Kept {
        path: &["stop_signal"],
        instead: "write `shutdown { signal = … }` in the service",
    },
    Kept {
        path: &["networks"],
        instead: "write `join` in the service",
    },
    Kept {
        path: &["ports"],
        instead: "write `port` with `publish` in the service",
    },
];

/// The service, with what is patched into it.
pub(super) fn patched(lowering: &mut Lowering<'_, '_>, lowered: Service) -> Entry {
    let service = lowering.service;
    let Some(on) = patch::on(service, TargetId::Swarm) else {
        return Entry::Lowered(Box::new(lowered));
    };
    let body = lowering.ledger.enter(on);
    if let Some(names) = &body.names {
        lowering.ledger.declare_block(names, "a diagnostic says it");
        let diagnostic = one_name(names.span).about(service.name());
        lowering.ledger.decline(names.id, diagnostic);
    }
    // The types of a stack have no value that YAML could not hold.
    let Ok(mut node) = yaml::to_node(&lowered) else {
        return Entry::Lowered(Box::new(lowered));
    };
    let kept: Vec<&Kept> = KEPT.iter().collect();
    for written in &body.patch {
        for entry in &lowering.ledger.enter(written).entries {
            lowering.ledger.take_entry(entry);
        }
        let kind = patch::kind_of(written);
        if kind != "service" {
            let target = TargetId::Swarm;
            let found = patch::nothing_to_patch(kind, target, &KINDS, &KINDS, written.span);
            lowering.ledger.report(found.about(service.name()));
            continue;
        }
        let mut found = Vec::new();
        let changes = patch::changes(
            written,
            |text, span| lowering.text(text, Place::Field, span),
            |diagnostic| found.push(diagnostic),
        );
        patch::apply(
            &mut node,
            kind,
            &changes,
            &kept,
            |node| patch::read::<schema::Service>(node).map(|_| None),
            |diagnostic| found.push(diagnostic),
        );
        for diagnostic in found {
            lowering
                .ledger
                .report(with_reason(diagnostic).about(service.name()));
        }
    }
    Entry::Patched(node)
}

/// For a field that the format has and a swarm does not take, why.
fn with_reason(diagnostic: Diagnostic) -> Diagnostic {
    if diagnostic.code != &catalogue::UNKNOWN_PATCH_FIELD {
        return diagnostic;
    }
    let asked = |key: &&&str| diagnostic.message == format!("a service has no `{key}`");
    let ignored = schema::IGNORED.iter().find(asked).copied();
    match ignored {
        Some(key) => Diagnostic {
            help: None,
            ..diagnostic
        }
        .note(format!(
            "`docker stack deploy` says that it ignores `{key}`"
        ))
        .help("take it out, or run the service on a target that has it"),
        None => diagnostic,
    }
}

fn one_name(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOTHING_TO_PATCH,
        "a service of a swarm is one object",
        span,
    )
    .help("write `name = \"…\"` in the service: it is the name on every target")
}
