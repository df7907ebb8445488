//! A stack as it is gathered from its services, and its top-level sections.

use super::format::{ConfigFile, Entry, Stack, VERSION};
use super::resources;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::Graph;
use crate::source::Span;
use crate::targets::Ledger;
use crate::targets::docker::{ConfigNames, Draft, Lowering, Services, escaped, volume};
use crate::yaml::Commented;
use std::collections::BTreeSet;

/// Why a volume's size is in no stack.
const SIZE: &str = "kubernetes asks for it; a swarm's volume grows with its disk";

/// A stack, half-way.
pub(super) struct Half<'g> {
    pub(super) draft: Draft<'g>,
    pub(super) services: Vec<(String, Entry)>,
}

impl<'g> Half<'g> {
    pub(super) fn new(name: &'g str) -> Self {
        Self {
            draft: Draft::new(name, ConfigNames::Plain),
            services: Vec::new(),
        }
    }
}

/// The name of a service within its stack file: its emitted name.
pub(super) fn service_name(lowering: &mut Lowering<'_, '_>) -> String {
    let service = lowering.service;
    let name = service.emitted_name();
    let stack = lowering.draft.name;
    let (body, full) = (&service.node.service.body, format!("{stack}_{name}"));
    let span = body
        .name
        .as_ref()
        .or(body.stack.as_ref())
        .map_or(service.span(), |written| written.span);
    // swarmkit `manager/controlapi/common.go`, `validateAnnotations`: a DNS name component.
    let is_name = |name: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        edge(name.chars().next())
            && edge(name.chars().last())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if !is_name(stack) || !is_name(name) {
        let diagnostic = invalid_name(
            &full,
            "only letters, digits, `-` and `_` may stand in it, and the latter two not at its ends",
            span,
        );
        lowering.ledger.report(diagnostic.about(service.name()));
    } else if full.len() > 63 {
        let diagnostic = invalid_name(&full, "it is longer than 63 characters", span);
        lowering.ledger.report(diagnostic.about(service.name()));
    }
    name.to_owned()
}

/// The whole stack, its top-level sections taken from the graph.
pub(super) fn lower<'g>(
    graph: &'g Graph,
    stack: Half<'g>,
    externals: &BTreeSet<&str>,
    ledger: &mut Ledger<'g>,
) -> Stack {
    let Half { draft, services } = stack;
    for config in draft.configs() {
        // The engine takes names of up to 64 characters (swarmkit `manager/controlapi/common.go`).
        if config.name.len() > 64 {
            let why = "a config's name has at most 64 characters";
            ledger.report(invalid_name(&config.name, why, config.span));
        }
    }
    let configs = draft.configs().iter().zip(0..).map(|(config, index)| {
        let file = ConfigFile {
            name: escaped(&config.name),
            file: config.file.clone(),
        };
        let why =
            "Named by content: a change makes a new one and rolls the services that mount it.";
        let comment = (index == 0).then(|| why.to_owned());
        (
            config.key.clone(),
            Commented {
                comment,
                value: file,
            },
        )
    });
    let networks = draft.networks().iter();
    let volumes = draft.volumes().iter();
    let secrets = draft.secrets().iter();
    Stack {
        version: VERSION,
        networks: networks
            .filter_map(|name| resources::network(graph, name, externals.contains(&**name), ledger))
            .collect(),
        volumes: volumes
            .filter_map(|name| volume(graph, name, SIZE, ledger))
            .collect(),
        configs: configs.collect(),
        secrets: secrets
            .filter_map(|name| resources::secret(graph, name, ledger))
            .collect(),
        services: Services(services),
    }
}

/// That a swarm refuses a name, and why.
pub(super) fn invalid_name(name: &str, why: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_SWARM_NAME,
        format!("a swarm refuses the name `{name}`: {why}"),
        span,
    )
    .help("write a shorter or plainer `name` or `stack`")
}
