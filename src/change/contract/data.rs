//! Data that stays behind when a volume gets another name.

use super::{Both, Step};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Label, TargetId};

/// A service whose volume at a path is another one than before: that one is empty.
pub(super) fn left_behind(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old_graph), Some(new_graph)) = (step.old, step.new) else {
        return;
    };
    for service in new_graph.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        for target in step.targets() {
            if old_graph.runs_on(both.old, target) && new_graph.runs_on(both.new, target) {
                compare(both, target, (old_graph, new_graph), found);
            }
        }
    }
}

fn compare(both: Both<'_>, target: TargetId, graphs: (&Graph, &Graph), found: &mut Diagnostics) {
    let (before, after) = (
        mounts(graphs.0, both.old, target),
        mounts(graphs.1, both.new, target),
    );
    for (path, real, _) in &before {
        let now = after.iter().find(|(at, ..)| at == path);
        let elsewhere = after.iter().any(|(_, now, _)| now == real);
        match now {
            Some((_, now, span)) if now != real => {
                found.push(another(both.new.name(), path, (real, now), *span));
            }
            None if !elsewhere => found.push(gone(both.new, path, real)),
            _ => {}
        }
    }
}

/// The paths with volumes, each with the volume's name on the target.
fn mounts(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
) -> Vec<(String, String, Span)> {
    let mounts = service.node.service.volume.iter();
    mounts
        .filter_map(|mount| {
            let path = mount.path.as_ref()?.value.to_string();
            let Label::Reference(Reference::Volume(label)) = &mount.label else {
                return None;
            };
            let label = &**label;
            let volume = graph.volume(label)?;
            let external = volume
                .external
                .as_ref()
                .is_some_and(|external| external.value);
            let name = volume.name.as_ref().map(|name| name.value.to_string());
            let real = match (target, name) {
                (_, Some(name)) => name,
                (_, None) if external => label.to_owned(),
                (TargetId::Swarm, None) => format!("{}_{label}", graph.stack(service)),
                (TargetId::Compose, None) => format!("{}_{label}", graph.name()),
                // A claim belongs to its pod, and that to its workload.
                (_, None) => format!("{label} of {}", service.emitted_name()),
            };
            Some((path, real, mount.span))
        })
        .collect()
}

fn another(service: &str, path: &str, (old, new): (&str, &str), span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!("`{service}` finds another volume at `{path}`: its data stays in `{old}`"),
        span,
    )
    .labelled(format!("`{new}`, which is new and empty unless somebody filled it"))
    .help(format!(
        "keep the name, `name = \"{old}\"` in the volume; or copy the data first, with the service stopped, \
         and write `allow data_left_behind {{ because = \"…\" }}`"
    ))
    .about(service)
}

fn gone(service: ServiceView<'_>, path: &str, old: &str) -> Diagnostic {
    let name = service.name();
    Diagnostic::new(
        &catalogue::DATA_LEFT_BEHIND,
        format!("`{name}` has no volume at `{path}` any more: its data stays in `{old}`"),
        service.span(),
    )
    .help("what it writes there now ends with its container; write `allow data_left_behind` if that is meant")
    .about(name)
}
