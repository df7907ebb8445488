//! What the services of one file use: gathered while they are lowered, written after them.

use crate::source::{Span, Str};
use crate::targets::content_hash;
use crate::types::ResourceKind;
use rustc_hash::{FxHashMap, FxHashSet};

/// A resource that a file uses.
pub(in crate::targets) type Used = (ResourceKind, Str);

/// The resources of one file, half-way.
pub(in crate::targets) struct Draft<'g> {
    pub(in crate::targets) name: &'g str,
    networks: Names,
    volumes: Names,
    secrets: Names,
    /// The secrets that stand in environments.
    injected: Names,
    /// The configs that are mounted.
    mounted: Names,
    configs: Vec<DraftConfig>,
    /// Where in `configs` a name within the file is.
    by_key: FxHashMap<String, usize>,
    naming: ConfigNames,
}

/// What the name of a config within the file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::targets) enum ConfigNames {
    /// Its zd name: the stack file names its content elsewhere.
    Plain,
    /// Its zd name and the hash of its content: docker compose makes a container anew where its own
    /// section changed, and looks no further (docker/compose `pkg/compose/hash.go`).
    ByContent,
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

/// A config of a file.
pub(in crate::targets) struct DraftConfig {
    /// Its name within the file.
    pub(in crate::targets) key: String,
    /// Its name in a swarm.
    pub(in crate::targets) name: String,
    /// Where it was declared.
    pub(in crate::targets) span: Span,
    /// The path of its content from the file.
    pub(in crate::targets) file: String,
    content: String,
}

impl<'g> Draft<'g> {
    pub(in crate::targets) fn new(name: &'g str, naming: ConfigNames) -> Self {
        Draft {
            name,
            networks: Names::default(),
            volumes: Names::default(),
            secrets: Names::default(),
            injected: Names::default(),
            mounted: Names::default(),
            configs: Vec::new(),
            by_key: FxHashMap::default(),
            naming,
        }
    }

    /// Its configs, in the order met.
    pub(in crate::targets) fn configs(&self) -> &[DraftConfig] {
        &self.configs
    }

    /// The contents of its configs, by their paths under the output folder.
    pub(in crate::targets) fn contents(
        &self,
        folder: &str,
    ) -> impl Iterator<Item = (String, &str)> {
        self.configs.iter().map(move |config| {
            let file = config.file.trim_start_matches("./");
            (format!("{folder}/{file}"), config.content.as_str())
        })
    }

    /// The networks that are joined.
    pub(in crate::targets) fn networks(&self) -> &[Str] {
        &self.networks.list
    }

    /// The volumes that are mounted.
    pub(in crate::targets) fn volumes(&self) -> &[Str] {
        &self.volumes.list
    }

    /// The secrets that are mounted.
    pub(in crate::targets) fn secrets(&self) -> &[Str] {
        &self.secrets.list
    }

    /// The secrets that stand in environments.
    pub(in crate::targets) fn injected(&self) -> &[Str] {
        &self.injected.list
    }

    /// The resources that its services use.
    pub(in crate::targets) fn uses(&self) -> impl Iterator<Item = Used> {
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

    pub(in crate::targets) fn joins(&mut self, network: &str) {
        self.networks.add(network);
    }

    pub(in crate::targets) fn mounts_volume(&mut self, volume: &str) {
        self.volumes.add(volume);
    }

    pub(in crate::targets) fn mounts_secret(&mut self, secret: &str) {
        self.secrets.add(secret);
    }

    pub(in crate::targets) fn injects_secret(&mut self, secret: &str) {
        self.injected.add(secret);
    }

    pub(in crate::targets) fn mounts_config(&mut self, config: &str) {
        self.mounted.add(config);
    }

    /// Adds a config and gives its name within the file. What differs from one service to another,
    /// such as addresses, is another config under the service's name.
    pub(in crate::targets) fn add_config(&mut self, new: NewConfig<'_>) -> String {
        let hash = content_hash(&new.content);
        let base = key(&new.parts);
        if self.naming == ConfigNames::ByContent {
            let name = format!("{base}-{hash}");
            if !self.by_key.contains_key(&name) {
                self.push_config(&name, &base, &hash, new);
            }
            return name;
        }
        let own = key(&[&base, new.service]);
        let numbered = (2..).map(|number: u32| format!("{own}-{number}"));
        let candidates = [base, own.clone()].into_iter().chain(numbered);
        for key in candidates {
            let known = self.by_key.get(&key);
            match known.and_then(|index| self.configs.get(*index)) {
                Some(config) if config.content == new.content => return key,
                Some(_) => {}
                None => {
                    self.push_config(&key, &key, &hash, new);
                    return key;
                }
            }
        }
        own
    }

    fn push_config(&mut self, name: &str, stem: &str, hash: &str, new: NewConfig<'_>) {
        let base = match new.real {
            Some(real) => {
                let label = new.parts.first().copied().unwrap_or_default();
                format!("{real}{}", stem.strip_prefix(label).unwrap_or_default())
            }
            None => format!("{}_{stem}", self.name),
        };
        let file = match allowed(new.extension).as_str() {
            "" => format!("./configs/{stem}-{hash}"),
            extension => format!("./configs/{stem}-{hash}.{extension}"),
        };
        self.by_key.insert(name.to_owned(), self.configs.len());
        self.configs.push(DraftConfig {
            key: name.to_owned(),
            name: format!("{base}-{hash}"),
            span: new.span,
            file,
            content: new.content,
        });
    }
}

/// A config to be added to a file.
pub(in crate::targets) struct NewConfig<'a> {
    /// Its real name, where one was written.
    pub(in crate::targets) real: Option<&'a str>,
    /// What its name within the file is made of: the zd name first.
    pub(in crate::targets) parts: Vec<&'a str>,
    pub(in crate::targets) extension: &'a str,
    pub(in crate::targets) content: String,
    /// The service that mounts it, by zd name.
    pub(in crate::targets) service: &'a str,
    /// Where it was declared.
    pub(in crate::targets) span: Span,
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
