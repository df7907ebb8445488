//! What ties instances to a node or leaves them down: bind mounts and restart conditions; and
//! variable names that shells cannot read.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, Promise, ServiceView};
use crate::vocabulary::{RestartCondition, TargetId};

/// Host paths mounted into services that an orchestrator places.
pub(super) fn bind_mounts(graph: &Graph, diagnostics: &mut Diagnostics) {
    let orchestrated = [TargetId::Swarm, TargetId::Kubernetes];
    let placed = |service: &ServiceView<'_>| {
        orchestrated
            .iter()
            .any(|target| graph.runs_on(*service, *target))
            && service
                .node
                .service
                .placement
                .as_ref()
                .is_none_or(|p| p.node.is_none())
    };
    for service in graph.services().filter(placed) {
        for mount in &service.node.service.body.mount {
            let Some(bind) = &mount.bind else { continue };
            let socket = bind.value.ends_with("docker.sock");
            if !socket {
                diagnostics.push(
                    Diagnostic::new(
                        &catalogue::NODE_LOCAL_MOUNT,
                        format!(
                            "`{}` must be on every node that may run `{}`",
                            bind.value,
                            service.name()
                        ),
                        bind.span,
                    )
                    .labelled("a path of one node")
                    .help(
                        "make it a `config { file = \"…\" }` and mount that, or choose the nodes \
                         with `placement { node { … } }`",
                    )
                    .note(
                        "a task placed elsewhere is refused (`bind source path does not exist`), \
                         and an edit of the file restarts nothing",
                    )
                    .about(service.name()),
                );
            }
        }
    }
}

/// Instances that stay down: a program that ends with 0 is not started again, or not for ever.
pub(super) fn restarts(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services_on(TargetId::Swarm) {
        let promised = matches!(graph.promise(service), Promise::Capacity { .. });
        let Some(restart) = service.node.service.restart.as_ref().filter(|_| promised) else {
            continue;
        };
        let name = service.name();
        let lost = |text: String, span, label: &str| {
            Diagnostic::new(&catalogue::LOST_INSTANCE, text, span)
                .labelled(label)
                .help("leave `condition` at `any`, the default, and `max_attempts` out")
                .about(name)
        };
        if let Some(condition) = &restart.condition {
            let when = match condition.value {
                RestartCondition::Any => None,
                RestartCondition::OnFailure => Some("ends with exit code 0"),
                RestartCondition::Never => Some("ends"),
            };
            if let Some(when) = when {
                let text = format!("an instance of `{name}` that {when} is not started again");
                diagnostics.push(lost(text, condition.span, "its place stays empty"));
            }
        }
        if let Some(attempts) = &restart.max_attempts {
            let text = format!(
                "an instance of `{name}` that failed {} times is not started again",
                attempts.value.get()
            );
            diagnostics.push(lost(text, attempts.span, "its place stays empty"));
        }
    }
}

/// Environment names that shells cannot read.
pub(super) fn variable_names(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let env = service.node.service.body.env.iter();
        for entry in env
            .flat_map(|env| &env.entries)
            .filter(|entry| entry.key.contains('-'))
        {
            let shell = entry.key.replace(['-', '.'], "_").to_ascii_uppercase();
            diagnostics.push(
                Diagnostic::new(
                    &catalogue::UNREADABLE_VARIABLE,
                    format!("a shell cannot read `{}`", entry.key),
                    entry.attribute.key_span,
                )
                .help(format!(
                    "call it `{shell}`, which Spring and others read as the same setting"
                ))
                .replace(entry.attribute.key_span, shell)
                .about(service.name()),
            );
        }
    }
}
