//! Where in a program a value of a manifest is written.

use crate::graph::ServiceView;
use crate::source::{FileId, Span};

/// The place of what stands at a path of a service's manifest, as near as a block of its body.
pub(super) fn of(service: ServiceView<'_>, path: &str) -> Option<Span> {
    let body = &service.node.service.body;
    let has = |word: &str| path.contains(word);
    let found = if path.rsplit('.').next() == Some("image") {
        body.image.as_ref().map(|image| image.span)
    } else if let Some(name) = variable(path) {
        let entries = body.env.iter().flat_map(|env| &env.entries);
        let mut entries = entries.filter(|entry| &*entry.key == name);
        entries.next().map(|entry| entry.attribute.span)
    } else if path.ends_with("replicas") {
        body.replicas.as_ref().map(|replicas| replicas.span)
    } else if has("healthcheck") || has("Probe") {
        body.health.as_ref().map(|health| health.span)
    } else if has("update_config") || has("rollback_config") || has("strategy") {
        body.update.as_ref().map(|update| update.span)
    } else if has("stop_") || has("terminationGracePeriod") || has("lifecycle") {
        body.shutdown.as_ref().map(|shutdown| shutdown.span)
    } else if has("resources") {
        body.resources.as_ref().map(|resources| resources.span)
    } else if has("placement") || has("topologySpread") {
        body.placement.as_ref().map(|placement| placement.span)
    } else if has("ports") {
        body.port.first().map(|port| port.span)
    } else if has("networks") {
        body.join.first().map(|join| join.span)
    } else if has("volume") {
        body.volume.first().map(|volume| volume.span)
    } else {
        None
    };
    found.or_else(|| Some(service.span()))
}

/// The place of what is in no program.
pub(super) fn nowhere() -> Span {
    Span::new(FileId(u32::MAX), 0, 0)
}

/// The name of an environment variable: `environment.NAME`, `….env[NAME].value`.
fn variable(path: &str) -> Option<&str> {
    if let Some(name) = path.strip_prefix("environment.") {
        return Some(name);
    }
    let (_, rest) = path.split_once(".env[")?;
    rest.split_once(']').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_variables_are_found_in_paths() {
        assert_eq!(variable("environment.A_B"), Some("A_B"));
        assert_eq!(
            variable("spec.template.spec.containers[web].env[A].value"),
            Some("A")
        );
        assert_eq!(variable("image"), None);
    }
}
