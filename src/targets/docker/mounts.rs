//! What stands at a path inside a service: volumes, paths of the node, configs and secrets.

use super::Lowering;
use super::draft::NewConfig;
use super::format::{Bind, FileMount, Mount};
use super::text::{Place, escaped};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::{Span, Str};
use crate::types::{Reference, Text};
use crate::vocabulary::{Config, Entry, EntryValue, Label, Node, TargetId};

/// Volumes and paths of the node.
pub(in crate::targets) fn volumes(lowering: &mut Lowering<'_, '_>) -> Vec<Mount> {
    let service = lowering.service;
    let body = &service.node.service.body;
    let mut mounts = Vec::new();
    for node in &body.volume {
        let Label::Reference(Reference::Volume(name)) = &node.label else {
            continue;
        };
        let mount = lowering.ledger.enter(node);
        let Some(path) = lowering.ledger.take_from(mount.path.as_ref()) else {
            let diagnostic =
                without_path(&format!("volume `{name}`"), node.span, "path = \"/data\"")
                    .about(service.name());
            lowering.ledger.report(diagnostic);
            continue;
        };
        let read_only = lowering
            .ledger
            .take_from(mount.read_only.as_ref())
            .is_some_and(|only| *only);
        if lowering.target == TargetId::Compose && path.contains(':') {
            let span = mount.path.as_ref().map_or(node.span, |path| path.span);
            let diagnostic = colon_in_mount(path, span).about(service.name());
            lowering.ledger.report(diagnostic);
        }
        let mount = mounted(lowering.target, "volume", name, &escaped(path), read_only);
        mounts.push(mount);
        lowering.draft.mounts_volume(name);
    }
    for node in &body.mount {
        let mount = lowering.ledger.enter(node);
        let Some(bind) = &mount.bind else {
            let diagnostic = without_path(
                &format!("`{}`", node.label.name()),
                node.span,
                "bind = \"/srv/data\"",
            )
            .about(service.name());
            lowering.ledger.report(diagnostic);
            continue;
        };
        lowering.ledger.take(bind);
        let source = lowering.text(&Text::Known(bind.value.clone()), Place::Template, bind.span);
        let read_only = lowering
            .ledger
            .take_from(mount.read_only.as_ref())
            .is_some_and(|only| *only);
        let source = host_path(lowering.target, &source);
        mounts.push(mounted(
            lowering.target,
            "bind",
            &source,
            &escaped(node.label.name()),
            read_only,
        ));
    }
    mounts
}

/// A path of the host as a file of the target has it. A swarm's is a path of each node; that of
/// docker compose, where it is relative, is one of the program's folder, and the file stands two
/// folders below it.
pub(in crate::targets) fn host_path(target: TargetId, path: &str) -> String {
    if path.starts_with(['/', '~']) {
        return path.to_owned();
    }
    if target == TargetId::Compose {
        let inner = path.trim_start_matches("./");
        return match inner {
            "" | "." => "../..".to_owned(),
            inner => format!("../../{inner}"),
        };
    }
    // Without a leading dot, slash or tilde the source is taken for a volume's name.
    if path.starts_with('.') {
        path.to_owned()
    } else {
        format!("./{path}")
    }
}

fn mounted(
    target: TargetId,
    kind: &'static str,
    source: &str,
    path: &str,
    read_only: bool,
) -> Mount {
    if source.contains(':') || path.contains(':') {
        // docker compose joins a mount's ends with a colon for the engine, but where it must not make
        // the path (docker/compose `pkg/compose/create.go`, `bindRequiresMountAPI`).
        let apart = target == TargetId::Compose && kind == "bind";
        return Mount::Long {
            r#type: kind,
            source: source.to_owned(),
            target: path.to_owned(),
            read_only,
            bind: apart.then_some(Bind {
                create_host_path: false,
            }),
        };
    }
    let suffix = if read_only { ":ro" } else { "" };
    Mount::Short(format!("{source}:{path}{suffix}"))
}

/// Configs: a file for `file`, each key a file in a folder for `data`.
pub(in crate::targets) fn configs(lowering: &mut Lowering<'_, '_>) -> Vec<FileMount> {
    let (graph, service) = (lowering.graph, lowering.service);
    let mut mounts = Vec::new();
    for mount in &service.node.service.body.config {
        let Label::Reference(Reference::Config(name)) = &mount.label else {
            continue;
        };
        let Some(config) = graph.config(name) else {
            continue;
        };
        let path = lowering.ledger.enter(mount).path.as_ref();
        let path = lowering.ledger.take_from(path);
        let node = &config.config;
        lowering.draft.mounts_config(name);
        lowering.ledger.enter(node);
        lowering.ledger.take_from(node.name.as_ref());
        if let Some(file) = &node.file {
            let file = lowering.ledger.take(file);
            let extension = extension(file).to_owned();
            let content = config.content.clone().unwrap_or_default();
            let span = node.file.as_ref().map_or(node.span, |file| file.span);
            size(lowering, (name, None), &content, span);
            let key = add(lowering, node, "", &extension, content.to_string());
            mounts.push(at(key, path.map(|path| escaped(path))));
        }
        if let Some(data) = &node.data {
            let folder = path.map_or_else(
                || format!("/{name}"),
                |path| path.trim_end_matches('/').to_owned(),
            );
            for entry in &lowering.ledger.enter(data).entries {
                let (key, value) = lowering.ledger.take_entry(entry);
                let content = lowering.value(value, Place::Content, entry.attribute.span);
                size(
                    lowering,
                    (name, Some(entry)),
                    &content,
                    entry.attribute.span,
                );
                let (stem, extension) = key.split_at(key.len() - extension(key).len());
                let source = add(
                    lowering,
                    node,
                    stem.trim_end_matches('.'),
                    extension,
                    content,
                );
                mounts.push(at(source, Some(escaped(&format!("{folder}/{key}")))));
            }
        }
    }
    mounts
}

/// What a config of a swarm may hold: less than so many bytes, and at least one (swarmkit `manager/controlapi/config.go`,
/// `MaxConfigSize` and `validateConfigSpec`).
const LARGEST: usize = 1000 << 10;

/// Reports what a swarm would refuse: each key is a config of its own there.
fn size(
    lowering: &mut Lowering<'_, '_>,
    (name, entry): (&str, Option<&Entry<EntryValue>>),
    content: &str,
    span: Span,
) {
    if lowering.target != TargetId::Swarm {
        return;
    }
    // What has no place in a config is reported as that, and leaves nothing.
    let is_known = entry.is_none_or(|entry| {
        matches!(
            entry.attribute.value,
            EntryValue::Text(Text::Known(_)) | EntryValue::ConfigKey { .. }
        )
    });
    let what = match entry {
        Some(entry) => format!("`{}` of config `{name}`", entry.key),
        None => format!("config `{name}`"),
    };
    let diagnostic = if content.is_empty() && is_known {
        empty(&what, entry.is_some(), span)
    } else if content.len() >= LARGEST {
        too_large(&what, content.len(), span)
    } else {
        return;
    };
    if lowering.ledger.is_news("size", span) {
        lowering.ledger.report(diagnostic);
    }
}

fn empty(what: &str, is_key: bool, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::EMPTY_CONFIG,
        format!("{what} is empty, and a swarm takes no empty config"),
        span,
    )
    .labelled("nothing is in it")
    .note("the deploy ends with `config data must be larger than 0 and less than 1024000 bytes`")
    .help(if is_key {
        "leave the key out, or let a line end be in it: `\"\\n\"`"
    } else {
        "write a line into the file, or take the config out"
    })
}

fn too_large(what: &str, size: usize, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::CONFIG_TOO_LARGE,
        format!("{what} has {size} bytes, and a config of a swarm holds less than {LARGEST}"),
        span,
    )
    .help("keep what is large in a volume or in the image")
}

/// Adds a config's content to the stack and gives the name by which the service mounts it.
fn add(
    lowering: &mut Lowering<'_, '_>,
    node: &Node<Config>,
    key: &str,
    extension: &str,
    content: String,
) -> String {
    lowering.draft.add_config(NewConfig {
        real: node.name.as_ref().map(|written| &*written.value),
        parts: vec![node.label.name(), key],
        extension,
        content,
        service: lowering.service.name(),
        span: node.span,
    })
}

/// What follows the last dot of a file's name; empty where it has none or begins with it.
pub(in crate::targets) fn extension(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or_default();
    match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => "",
    }
}

/// A mounted file; without a path at the root of the container, as the engine has it.
pub(in crate::targets) fn at(source: String, target: Option<String>) -> FileMount {
    match target {
        Some(target) => FileMount::Long { source, target },
        None => FileMount::Short(source),
    }
}

/// Secrets that are mounted, and those whose path the service's texts hold.
pub(in crate::targets) fn secrets(lowering: &mut Lowering<'_, '_>) -> Vec<FileMount> {
    let mut names: Vec<Str> = Vec::new();
    for node in &lowering.service.node.service.body.secret {
        let Label::Reference(Reference::Secret(name)) = &node.label else {
            continue;
        };
        let path = lowering.ledger.enter(node).path.as_ref();
        lowering.ledger.take_from(path);
        names.push(name.clone());
    }
    names.extend(
        lowering
            .secrets
            .iter()
            .filter(|name| !names.contains(name))
            .cloned()
            .collect::<Vec<_>>(),
    );
    let mount = |name: &Str| {
        let path = lowering.secret_path(name);
        let is_default = path == format!("/run/secrets/{name}");
        at(name.to_string(), (!is_default).then(|| escaped(&path)))
    };
    let mounts = names.iter().map(mount).collect();
    for name in names {
        lowering.draft.mounts_secret(&name);
    }
    mounts
}

fn colon_in_mount(path: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::COLON_IN_MOUNT,
        format!("docker compose cannot mount a volume at `{path}`"),
        span,
    )
    .labelled("it takes the colon for the end of the path")
    .help("mount it at a path without a colon")
}

fn without_path(what: &str, span: Span, example: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::MOUNT_WITHOUT_PATH,
        format!("{what} is mounted, and one end is missing"),
        span,
    )
    .help(format!("say which: `{example}`"))
}
