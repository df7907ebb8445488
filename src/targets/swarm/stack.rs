//! A stack as it is gathered from its services, and its top-level sections.

use super::compose::{ConfigFile, Service, Services, Stack, VERSION};
use super::text::escaped;
use super::{Lowering, Used, resources};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::Graph;
use crate::source::{Span, Str};
use crate::targets::Ledger;
use crate::targets::content_hash;
use crate::types::ResourceKind;
use crate::yaml::Commented;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeSet;

/// A stack, half-way.
pub(super) struct Draft<'g> {
    pub(super) name: &'g str,
    services: Vec<(String, Service)>,
    networks: Names,
    volumes: Names,
    secrets: Names,
    /// The configs that are mounted.
    mounted: Names,
    configs: Vec<DraftConfig>,
    /// Where in `configs` a name within the stack file is.
    by_key: FxHashMap<String, usize>,
}

/// Zd names, each once, in the order met.
#[derive(Default)]
struct Names {
    list: Vec<Str>,
    known: FxHashSet<Str>,
}

impl Names {
    fn add(&mut self, name: &str) {
        if !self.known.contains(name) {
            let name = Str::from(name);
            self.known.insert(name.clone());
            self.list.push(name);
        }
    }
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
    span: Span,
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
            networks: Names::default(),
            volumes: Names::default(),
            secrets: Names::default(),
            mounted: Names::default(),
            configs: Vec::new(),
            by_key: FxHashMap::default(),
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
        let kinds = [
            (ResourceKind::Network, &self.networks),
            (ResourceKind::Volume, &self.volumes),
            (ResourceKind::Secret, &self.secrets),
            (ResourceKind::Config, &self.mounted),
        ];
        let each = |(kind, names): (ResourceKind, &'_ Names)| -> Vec<Used> {
            names.list.iter().map(|name| (kind, name.clone())).collect()
        };
        kinds.into_iter().flat_map(each)
    }

    pub(super) fn joins(&mut self, network: &str) {
        self.networks.add(network);
    }

    pub(super) fn mounts_volume(&mut self, volume: &str) {
        self.volumes.add(volume);
    }

    pub(super) fn mounts_secret(&mut self, secret: &str) {
        self.secrets.add(secret);
    }

    pub(super) fn mounts_config(&mut self, config: &str) {
        self.mounted.add(config);
    }

    /// Adds a config and gives its name within the stack file. What differs from one service to
    /// another, such as addresses, is another config under the service's name.
    pub(super) fn add_config(&mut self, new: NewConfig<'_>) -> String {
        let base = key(&new.parts);
        let own = key(&[&base, new.service]);
        let numbered = (2..).map(|number: u32| format!("{own}-{number}"));
        let candidates = [base, own.clone()].into_iter().chain(numbered);
        for key in candidates {
            let known = self.by_key.get(&key);
            match known.and_then(|index| self.configs.get(*index)) {
                Some(config) if config.content == new.content => return key,
                Some(_) => {}
                None => {
                    self.push_config(&key, new);
                    return key;
                }
            }
        }
        own
    }

    fn push_config(&mut self, key: &str, new: NewConfig<'_>) {
        let hash = content_hash(&new.content);
        let base = match new.real {
            Some(real) => {
                let label = new.parts.first().copied().unwrap_or_default();
                format!("{real}{}", key.strip_prefix(label).unwrap_or_default())
            }
            None => format!("{}_{key}", self.name),
        };
        self.by_key.insert(key.to_owned(), self.configs.len());
        self.configs.push(DraftConfig {
            key: key.to_owned(),
            name: format!("{base}-{hash}"),
            extension: allowed(new.extension),
            hash,
            content: new.content,
            span: new.span,
        });
    }
}

/// A config to be added to a stack.
pub(super) struct NewConfig<'a> {
    /// Its real name, where one was written.
    pub(super) real: Option<&'a str>,
    /// What its name within the stack file is made of: the zd name first.
    pub(super) parts: Vec<&'a str>,
    pub(super) extension: &'a str,
    pub(super) content: String,
    /// The service that mounts it, by zd name.
    pub(super) service: &'a str,
    /// Where it was declared.
    pub(super) span: Span,
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
pub(super) fn lower<'g>(
    graph: &'g Graph,
    draft: Draft<'g>,
    externals: &BTreeSet<&str>,
    ledger: &mut Ledger<'g>,
) -> Stack {
    for config in &draft.configs {
        // The engine takes names of up to 64 characters (swarmkit `manager/controlapi/common.go`).
        if config.name.len() > 64 {
            let why = "a config's name has at most 64 characters";
            ledger.report(invalid_name(&config.name, why, config.span));
        }
    }
    let configs = draft.configs.iter().zip(0..).map(|(config, index)| {
        let file = ConfigFile {
            name: escaped(&config.name),
            file: format!("./{}", config.file()),
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
    let networks = draft.networks.list.iter();
    let volumes = draft.volumes.list.iter();
    let secrets = draft.secrets.list.iter();
    Stack {
        version: VERSION,
        networks: networks
            .filter_map(|name| resources::network(graph, name, externals.contains(&**name), ledger))
            .collect(),
        volumes: volumes
            .filter_map(|name| resources::volume(graph, name, ledger))
            .collect(),
        configs: configs.collect(),
        secrets: secrets
            .filter_map(|name| resources::secret(graph, name, ledger))
            .collect(),
        services: Services(draft.services),
    }
}

fn invalid_name(name: &str, why: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_SWARM_NAME,
        format!("a swarm refuses the name `{name}`: {why}"),
        span,
    )
    .help("write a shorter or plainer `name` or `stack`")
}
