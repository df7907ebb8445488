//! Resources that nothing uses: mostly a slip in a name.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::Graph;
use crate::types::{Piece, Reference, Text};
use crate::vocabulary::{EntryValue, Label};
use std::collections::BTreeSet;

/// Networks that no service joins; volumes, configs and secrets that none mounts or reads.
pub(super) fn check(graph: &Graph, diagnostics: &mut Diagnostics) {
    let used = used(graph);
    let deployment = graph.deployment();
    let networks = deployment
        .networks
        .iter()
        .map(|node| ("network", &node.label, node.span));
    let volumes = deployment
        .volumes
        .iter()
        .map(|node| ("volume", &node.label, node.span));
    let secrets = deployment
        .secrets
        .iter()
        .map(|node| ("secret", &node.label, node.span));
    let configs = deployment
        .configs
        .iter()
        .map(|node| ("config", &node.config.label, node.config.span));
    for (kind, label, span) in networks.chain(volumes).chain(secrets).chain(configs) {
        if !used.contains(&(kind, label.name())) {
            let name = label.name();
            diagnostics.push(
                Diagnostic::new(
                    &catalogue::UNUSED_RESOURCE,
                    format!("no service uses {kind} `{name}`"),
                    span,
                )
                .help("use it, or take it out"),
            );
        }
    }
}

fn used(graph: &Graph) -> BTreeSet<(&'static str, &str)> {
    let mut used = BTreeSet::new();
    for service in graph.services() {
        let body = &service.node.service.body;
        used.extend(graph.joins(service).map(|(name, _)| ("network", name)));
        let labels = body.volume.iter().map(|mount| &mount.label);
        let labels = labels.chain(body.config.iter().map(|mount| &mount.label));
        for label in labels.chain(body.secret.iter().map(|mount| &mount.label)) {
            match label {
                Label::Reference(Reference::Volume(name)) => used.insert(("volume", name)),
                Label::Reference(Reference::Config(name)) => used.insert(("config", name)),
                Label::Reference(Reference::Secret(name)) => used.insert(("secret", name)),
                _ => false,
            };
        }
        let listens = service
            .node
            .gateway
            .iter()
            .flat_map(|gateway| &gateway.listen);
        for tls in listens.flat_map(|listen| &listen.tls) {
            let secrets = [&tls.certificate, &tls.key].into_iter().flatten();
            used.extend(secrets.map(|secret| ("secret", &*secret.value.0)));
        }
        let arguments = body.build.iter().filter_map(|build| build.args.as_ref());
        let arguments = arguments.flat_map(|arguments| &arguments.entries);
        let env = body.env.iter().flat_map(|env| &env.entries);
        for entry in env.chain(arguments) {
            read(&entry.attribute.value, &mut used);
        }
        let words = [&body.command, &body.args].into_iter().flatten();
        words
            .flat_map(|words| &words.value)
            .for_each(|word| paths(&word.value, &mut used));
    }
    for config in &graph.deployment().configs {
        let data = config.config.body.data.iter();
        data.flat_map(|data| &data.entries)
            .for_each(|entry| read(&entry.attribute.value, &mut used));
    }
    used
}

fn read<'a>(value: &'a EntryValue, used: &mut BTreeSet<(&'static str, &'a str)>) {
    match value {
        EntryValue::Text(text) => paths(text, used),
        EntryValue::ConfigKey { config, .. } => {
            used.insert(("config", config));
        }
        EntryValue::Secret(name) => {
            used.insert(("secret", name));
        }
    }
}

fn paths<'a>(text: &'a Text, used: &mut BTreeSet<(&'static str, &'a str)>) {
    for piece in text.unknowns() {
        if let Piece::SecretPath(name) = piece {
            used.insert(("secret", name));
        }
    }
}
