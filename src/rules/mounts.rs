//! Paths at which more than one thing is mounted.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Label, TargetId};
use std::collections::BTreeMap;

/// Two things at one path. A cluster takes no such pod template (kubernetes/kubernetes `pkg/apis/core/validation/validation.go`,
/// `ValidateVolumeMounts`), and a swarm no such service (swarmkit `manager/controlapi/service.go`, `validateConfigRefsSpec`,
/// `validateSecretRefsSpec` and `validateMounts`).
pub(super) fn one_path(graph: &Graph, diagnostics: &mut Diagnostics) {
    for service in graph.services() {
        let mut taken: BTreeMap<String, (String, Span)> = BTreeMap::new();
        for (path, what, span) in paths(graph, service) {
            let Some((first, at)) = taken.get(&path) else {
                taken.insert(path, (what, span));
                continue;
            };
            diagnostics.push(
                Diagnostic::new(
                    &catalogue::PATH_TAKEN,
                    format!(
                        "{what} and {first} are both at `{path}` in `{}`",
                        service.name()
                    ),
                    span,
                )
                .and(*at, format!("{first} is there"))
                .note("an orchestrator refuses the whole service for it")
                .help("give one of the two another path, or leave it out")
                .about(service.name()),
            );
        }
    }
}

/// What is mounted, with its path and where that is written.
fn paths<'g>(
    graph: &'g Graph,
    service: ServiceView<'g>,
) -> impl Iterator<Item = (String, String, Span)> {
    let body = &service.node.service.body;
    let volumes = body.volume.iter().filter_map(|mount| {
        let path = mount.path.as_ref()?;
        Some((
            path.value.to_string(),
            named("volume", &mount.label),
            path.span,
        ))
    });
    let binds = body.mount.iter().map(|mount| {
        let path = mount.label.name().to_owned();
        (path, "a path of the node".to_owned(), mount.span)
    });
    let secrets = body.secret.iter().map(|mount| {
        let (path, span) = match &mount.path {
            Some(path) => (path.value.to_string(), path.span),
            None => (format!("/run/secrets/{}", name(&mount.label)), mount.span),
        };
        (path, named("secret", &mount.label), span)
    });
    let configs = body.config.iter().flat_map(move |mount| {
        let path = mount.path.as_ref();
        let found = path.map(|path| {
            (
                path.value.to_string(),
                named("config", &mount.label),
                path.span,
            )
        });
        found.into_iter().flat_map(move |(path, what, span)| {
            files(graph, service, &mount.label, path)
                .into_iter()
                .map(move |path| (path, what.clone(), span))
        })
    });
    let all = volumes.chain(binds).chain(secrets).chain(configs);
    all.map(|(path, what, span)| (clean(&path), what, span))
}

/// The paths that a config takes: its own, or on a swarm alone, where folders are shared, that of each key.
fn files(graph: &Graph, service: ServiceView<'_>, label: &Label, path: String) -> Vec<String> {
    let Label::Reference(Reference::Config(name)) = label else {
        return vec![path];
    };
    let data = graph
        .config(name)
        .and_then(|config| config.config.data.as_ref());
    match data {
        Some(data) if !graph.runs_on(service, TargetId::Kubernetes) => {
            let keys = data.entries.iter().map(|entry| &entry.key);
            keys.map(|key| format!("{path}/{key}")).collect()
        }
        _ => vec![path],
    }
}

fn named(kind: &str, label: &Label) -> String {
    format!("{kind} `{}`", name(label))
}

fn name(label: &Label) -> &str {
    match label {
        Label::Reference(
            Reference::Volume(name) | Reference::Config(name) | Reference::Secret(name),
        ) => name,
        label => label.name(),
    }
}

/// A path without what says nothing: `/a//b/` is `/a/b`.
fn clean(path: &str) -> String {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.fold(String::new(), |path, part| path + "/" + part)
}

#[cfg(test)]
mod tests {
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    #[test]
    fn a_path_is_of_one_thing() {
        for (targets, mounts, count) in [
            (
                "swarm",
                "config one { path = \"/a\" }, config two { path = \"/a/\" }",
                1,
            ),
            (
                "swarm",
                "config one { path = \"/a\" }, config other { path = \"/a\" }",
                0,
            ),
            (
                "kubernetes",
                "config one { path = \"/a\" }, config other { path = \"/a\" }",
                1,
            ),
            (
                "swarm",
                "secret key { path = \"/a\" }, secret pin { path = \"/a/b\" }",
                0,
            ),
            (
                "swarm",
                "secret key {}, secret pin { path = \"//run/secrets/key\" }",
                1,
            ),
            (
                "swarm",
                "volume data { path = \"/a\" }, mount \"/a\" { bind = \"/b\" }",
                1,
            ),
            (
                "swarm",
                "volume data { path = \"/a\" }, config one { path = \"/a\" }",
                0,
            ),
        ] {
            let text = format!(
                "app shop {{ targets = [{targets}] }}\nconfig one {{ data {{ KEY = \"1\" }} }}\nconfig two {{ data {{ KEY = \"2\" }} }}\n\
                 config other {{ data {{ OTHER = \"1\" }} }}\nsecret key {{ external = true }}\nsecret pin {{ external = true }}\n\
                 volume data {{ size = 1GiB }}\nservice web {{ image = \"ex/web:1\", {mounts} }}"
            );
            let world = MemoryWorld::single("app.zd", &*text);
            let found = compile(&world, "app.zd", &Options::default()).diagnostics;
            let taken = found.iter().filter(|it| it.code.id == "ZD3022");
            assert_eq!(taken.count(), count, "{text}");
        }
    }
}
