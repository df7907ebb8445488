//! The stack file: the part of Compose format 3.8 that `docker stack deploy` reads and that zdc
//! writes, as types, in the order in which people write it.
//!
//! Facts about the format: its JSON schema (docker/cli `cli/compose/schema/data`), and what
//! `docker stack deploy` 28.2 accepted, refused and ignored in our own trace of 147 files.

use crate::yaml::{Apart, Commented, Flow};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// 3.8 is the first version with `max_replicas_per_node`; nothing newer is written.
pub(super) const VERSION: &str = "3.8";

/// A map in the order its entries were added.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map<T>(pub(super) Vec<(String, T)>);

impl<T> Map<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Map<T> {
    fn default() -> Self {
        Map(Vec::new())
    }
}

impl<T> FromIterator<(String, T)> for Map<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(entries: I) -> Self {
        Map(entries.into_iter().collect())
    }
}

impl<T: Serialize> Serialize for Map<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// The services of a stack, with an empty line between two.
#[derive(Debug)]
pub(super) struct Services(pub(super) Vec<(String, Service)>);

impl Serialize for Services {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (index, (name, service)) in self.0.iter().enumerate() {
            if index == 0 {
                map.serialize_entry(name, service)?;
            } else {
                map.serialize_entry(name, &Apart(service))?;
            }
        }
        map.end()
    }
}

/// A top-level section with an empty line above.
fn apart<T: Serialize, S: Serializer>(section: &Map<T>, serializer: S) -> Result<S::Ok, S::Error> {
    Apart(section).serialize(serializer)
}

/// A stack file.
#[derive(Debug, Serialize)]
pub(super) struct Stack {
    pub(super) version: &'static str,
    pub(super) services: Services,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) networks: Map<Commented<Network>>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) volumes: Map<Volume>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) configs: Map<Commented<ConfigFile>>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) secrets: Map<Commented<ExternalSecret>>,
}

/// A command, one word an item.
pub(super) type Words = Flow<Vec<String>>;

#[derive(Debug, Default, Serialize)]
pub(super) struct Service {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entrypoint: Option<Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<Words>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) working_dir: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hostname: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) environment: Map<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ports: Vec<Port>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) networks: Option<Networks>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) volumes: Vec<Mount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) configs: Vec<FileMount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) secrets: Vec<FileMount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) healthcheck: Option<Healthcheck>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_grace_period: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_signal: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deploy: Option<Deploy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logging: Option<Logging>,
}

/// A published port. `published` of the long form must be a number, not a string.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Port {
    /// `80:8080`, `53:53/udp`: through the routing mesh.
    Short(String),
    Long {
        target: u64,
        published: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        protocol: Option<&'static str>,
        mode: &'static str,
    },
}

/// The networks of a service: a list where no alias is needed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Networks {
    Names(Vec<String>),
    Aliased(Map<Aliases>),
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Aliases {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) aliases: Vec<String>,
}

/// A volume or a path of the node.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Mount {
    /// `data:/var/lib/mysql:ro`
    Short(String),
    /// Where a path holds a colon.
    Long {
        r#type: &'static str,
        source: String,
        target: String,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        read_only: bool,
    },
}

/// A config or secret in a container.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum FileMount {
    /// At its default path.
    Short(String),
    Long {
        source: String,
        target: String,
    },
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Healthcheck {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) test: Option<Words>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) disable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_period: Option<String>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Deploy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replicas: Option<Replicas>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) update_config: Option<Commented<Steps>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rollback_config: Option<Steps>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resources: Option<Resources>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart_policy: Option<RestartPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placement: Option<Placement>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) labels: Map<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) endpoint_mode: Option<&'static str>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Replicas {
    Known(u64),
    Variable(String),
}

/// `update_config` or `rollback_config`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Steps {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallelism: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure_action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) monitor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_failure_ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<&'static str>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Resources {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<Amounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reservations: Option<Amounts>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Amounts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpus: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<String>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct RestartPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_attempts: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) window: Option<String>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Placement {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) constraints: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) preferences: Vec<Preference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_replicas_per_node: Option<u64>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Preference {
    pub(super) spread: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Logging {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) driver: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) options: Map<String>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Network {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) external: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) driver: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attachable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) internal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ipam: Option<Ipam>,
}

#[derive(Debug, Serialize)]
pub(super) struct Ipam {
    pub(super) config: Vec<Subnet>,
}

#[derive(Debug, Serialize)]
pub(super) struct Subnet {
    pub(super) subnet: String,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Volume {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) external: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
}

/// A config under a name that holds the hash of its content: a config cannot be changed (`only
/// updates to Labels are allowed`), and a new name rolls the services that mount it.
#[derive(Debug, Serialize)]
pub(super) struct ConfigFile {
    pub(super) name: String,
    pub(super) file: String,
}

/// A secret that is made before the stack is deployed, or that the swarm has already.
#[derive(Debug, Serialize)]
pub(super) struct ExternalSecret {
    pub(super) external: bool,
    pub(super) name: String,
}
