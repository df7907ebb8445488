//! A stack as it is gathered from its services, and its top-level sections.

use super::compose::{
    ConfigFile, ExternalSecret, Ipam, Network, Service, Stack, Subnet, VERSION, Volume,
};
use super::text::escaped;
use super::{Lowering, Used};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::Graph;
use crate::source::{Span, Str};
use crate::targets::Ledger;
use crate::targets::content_hash;
use crate::types::ResourceKind;
use crate::vocabulary::Node;

/// A stack, half-way.
pub(super) struct Draft<'g> {
    pub(super) name: &'g str,
    services: Vec<(String, Service)>,
    /// What the services use, by zd name, in the order met.
    networks: Vec<&'g str>,
    volumes: Vec<Str>,
    secrets: Vec<Str>,
    configs: Vec<DraftConfig>,
    /// The zd names of the configs that are mounted.
    mounted: Vec<Str>,
}

/// A config of a stack.
struct DraftConfig {
    /// Its name within the stack file.
    key: String,
    /// Its name in the swarm.
    name: String,
    extension: String,
    hash: String,
    content: String,
}

impl DraftConfig {
    /// The path of its content from the stack file.
    fn file(&self) -> String {
        let (key, hash) = (&self.key, &self.hash);
        match self.extension.as_str() {
            "" => format!("configs/{key}-{hash}"),
            extension => format!("configs/{key}-{hash}.{extension}"),
        }
    }
}

impl<'g> Draft<'g> {
    pub(super) fn new(name: &'g str) -> Self {
        Draft {
            name,
            services: Vec::new(),
            networks: Vec::new(),
            volumes: Vec::new(),
            secrets: Vec::new(),
            configs: Vec::new(),
            mounted: Vec::new(),
        }
    }

    /// The contents of its configs by their paths under the output folder.
    pub(super) fn configs(&self) -> impl Iterator<Item = (String, &str)> {
        self.configs
            .iter()
            .map(|config| (format!("swarm/{}", config.file()), config.content.as_str()))
    }

    /// The resources that its services use.
    pub(super) fn uses(&self) -> impl Iterator<Item = Used> {
        let networks = self
            .networks
            .iter()
            .map(|name| (ResourceKind::Network, Str::from(*name)));
        let volumes = self
            .volumes
            .iter()
            .map(|name| (ResourceKind::Volume, name.clone()));
        let secrets = self
            .secrets
            .iter()
            .map(|name| (ResourceKind::Secret, name.clone()));
        let configs = self
            .mounted
            .iter()
            .map(|name| (ResourceKind::Config, name.clone()));
        networks.chain(volumes).chain(secrets).chain(configs)
    }

    pub(super) fn mounts_config(&mut self, config: &Str) {
        if !self.mounted.contains(config) {
            self.mounted.push(config.clone());
        }
    }

    pub(super) fn joins(&mut self, network: &'g str) {
        if !self.networks.contains(&network) {
            self.networks.push(network);
        }
    }

    pub(super) fn mounts_volume(&mut self, volume: &Str) {
        if !self.volumes.contains(volume) {
            self.volumes.push(volume.clone());
        }
    }

    pub(super) fn mounts_secret(&mut self, secret: &Str) {
        if !self.secrets.contains(secret) {
            self.secrets.push(secret.clone());
        }
    }

    /// Adds a config under a name made of `parts`, and gives that name. What differs from one
    /// service to another, such as addresses, is another config under the service's name.
    pub(super) fn add_config(
        &mut self,
        real: Option<&str>,
        parts: &[&str],
        extension: &str,
        content: String,
        service: &str,
    ) -> String {
        let base = key(parts);
        let own = key(&[&base, service]);
        let numbered = (2..).map(|number: u32| format!("{own}-{number}"));
        let candidates = [base, own.clone()].into_iter().chain(numbered);
        for key in candidates {
            match self.configs.iter().find(|config| config.key == key) {
                Some(config) if config.content == content => return key,
                Some(_) => {}
                None => {
                    let hash = content_hash(&content);
                    let base = real.map_or_else(
                        || format!("{}_{key}", self.name),
                        |real| key_of(real, &key, parts),
                    );
                    let (name, extension) = (format!("{base}-{hash}"), allowed(extension));
                    self.configs.push(DraftConfig {
                        key: key.clone(),
                        name,
                        extension,
                        hash,
                        content,
                    });
                    return key;
                }
            }
        }
        own
    }
}

/// A config's real name, for which `real` stands in place of its zd name.
fn key_of(real: &str, key: &str, parts: &[&str]) -> String {
    let label = parts.first().copied().unwrap_or_default();
    format!("{real}{}", key.strip_prefix(label).unwrap_or_default())
}

/// Parts of a name joined by hyphens, with what the schema and the engine allow in names.
fn key(parts: &[&str]) -> String {
    let parts: Vec<String> = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| allowed(part))
        .collect();
    parts.join("-")
}

fn allowed(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect()
}

/// Adds a lowered service, under its emitted name.
pub(super) fn add_service(lowering: &mut Lowering<'_, '_>, lowered: Service) {
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
    lowering.draft.services.push((name.to_owned(), lowered));
}

/// The whole stack, its top-level sections taken from the graph.
pub(super) fn lower<'g>(graph: &'g Graph, draft: Draft<'g>, ledger: &mut Ledger<'g>) -> Stack {
    for config in &draft.configs {
        // The engine takes names of up to 64 characters (swarmkit `manager/controlapi/common.go`).
        if config.name.len() > 64 {
            let span = graph.app().map(|app| app.span);
            let span = span.unwrap_or(Span::new(crate::source::FileId(0), 0, 0));
            ledger.report(invalid_name(
                &config.name,
                "a config's name has at most 64 characters",
                span,
            ));
        }
    }
    let configs = draft.configs.iter().map(|config| {
        let file = ConfigFile {
            name: escaped(&config.name),
            file: format!("./{}", config.file()),
        };
        (config.key.clone(), file)
    });
    let networks = draft.networks.iter();
    let volumes = draft.volumes.iter();
    let secrets = draft.secrets.iter();
    Stack {
        version: VERSION,
        networks: networks
            .filter_map(|name| network(graph, name, ledger))
            .collect(),
        volumes: volumes
            .filter_map(|name| volume(graph, name, ledger))
            .collect(),
        configs: configs.collect(),
        secrets: secrets
            .filter_map(|name| secret(graph, name, ledger))
            .collect(),
        services: draft.services.into_iter().collect(),
    }
}

fn network<'g>(graph: &'g Graph, name: &str, ledger: &mut Ledger<'g>) -> Option<(String, Network)> {
    const BEFOREHAND: &str = "an external network is made before the stack, with these settings";
    let node = graph.network(name)?;
    let network = ledger.enter(node);
    ledger.take_from(network.external.as_ref());
    let real = ledger
        .take_from(network.name.as_ref())
        .map(|name| escaped(name));
    if let Some(gateway) = &network.gateway {
        ledger.decline(
            gateway.id,
            gateway_dropped(name, gateway.key_span.to(gateway.span)),
        );
    }
    if graph.is_external(name) {
        ledger.declare_from(network.attachable.as_ref(), BEFOREHAND);
        ledger.declare_from(network.internal.as_ref(), BEFOREHAND);
        ledger.declare_from(network.subnet.as_ref(), BEFOREHAND);
        return Some((
            name.to_owned(),
            Network {
                external: true,
                name: real,
                ..Network::default()
            },
        ));
    }
    let subnet = ledger.take_from(network.subnet.as_ref());
    let lowered = Network {
        external: false,
        name: real,
        driver: Some("overlay"),
        attachable: ledger
            .take_from(network.attachable.as_ref())
            .copied()
            .filter(|yes| *yes),
        internal: ledger
            .take_from(network.internal.as_ref())
            .copied()
            .filter(|yes| *yes),
        ipam: subnet.map(|subnet| Ipam {
            config: vec![Subnet {
                subnet: subnet.to_string(),
            }],
        }),
    };
    Some((name.to_owned(), lowered))
}

fn volume<'g>(graph: &'g Graph, name: &str, ledger: &mut Ledger<'g>) -> Option<(String, Volume)> {
    let volume = ledger.enter(graph.volume(name)?);
    ledger.declare_from(
        volume.size.as_ref(),
        "kubernetes asks for it; a swarm's volume grows with its disk",
    );
    ledger.declare_from(volume.access.as_ref(), "a fact that the proof uses");
    let lowered = Volume {
        external: ledger
            .take_from(volume.external.as_ref())
            .is_some_and(|external| *external),
        name: ledger
            .take_from(volume.name.as_ref())
            .map(|name| escaped(name)),
    };
    Some((name.to_owned(), lowered))
}

/// A secret is never in the stack: it is there already, or made before the stack is deployed, under
/// a name with the hash of its value, since its value cannot be changed (`only updates to Labels
/// are allowed`).
fn secret<'g>(
    graph: &'g Graph,
    name: &str,
    ledger: &mut Ledger<'g>,
) -> Option<(String, ExternalSecret)> {
    let node: &'g Node<_> = graph.secret(name)?;
    let secret = ledger.enter(node);
    ledger.take_from(secret.external.as_ref());
    let made = [
        ledger.take_from(secret.from.as_ref()).is_some(),
        ledger.take_from(secret.file.as_ref()).is_some(),
    ];
    let real = escaped(
        ledger
            .take_from(secret.name.as_ref())
            .map_or(name, |name| name),
    );
    let real = if made.contains(&true) {
        let variable = hash_variable(name);
        format!("{real}-${{{variable}:?set {variable}}}")
    } else {
        real
    };
    Some((
        name.to_owned(),
        ExternalSecret {
            external: true,
            name: real,
        },
    ))
}

/// The variable of the deploying shell that has the hash of a secret's value.
fn hash_variable(secret: &str) -> String {
    format!("{}_HASH", secret.replace('-', "_").to_ascii_uppercase())
}

fn invalid_name(name: &str, why: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_SWARM_NAME,
        format!("a swarm refuses the name `{name}`: {why}"),
        span,
    )
    .help("write a shorter or plainer `name` or `stack`")
}

fn gateway_dropped(network: &str, span: Span) -> Diagnostic {
    Diagnostic::new(&catalogue::NETWORK_GATEWAY, format!("a stack file has no gateway for network `{network}`: the engine takes the subnet's first address"), span)
        .help("take it out, or make the network yourself and write `external = true` instead")
}
