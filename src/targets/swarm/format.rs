//! The stack file: the part of Compose format 3.8 that `docker stack deploy` alone reads and that zdc
//! writes, as types, in the order in which people write it.

use crate::targets::Object;
use crate::targets::docker::{
    FileMount, Healthcheck, Ipam, Logging, Map, Mount, Networks, Replicas, Resources, Services,
    Volume, Words, apart,
};
use crate::yaml::{Commented, Node};
use serde::Serialize;

/// 3.8 is the first version with `max_replicas_per_node`; nothing newer is written.
pub(super) const VERSION: &str = "3.8";

/// A service as it was lowered, or with a patch in it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Entry {
    Lowered(Box<Service>),
    Patched(Node),
}

/// A stack file.
#[derive(Debug, Serialize)]
pub(super) struct Stack {
    pub(super) version: &'static str,
    pub(super) services: Services<Entry>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) networks: Map<Commented<Network>>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) volumes: Map<Volume>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) configs: Map<Commented<ConfigFile>>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) secrets: Map<Commented<ExternalSecret>>,
}

impl Stack {
    /// Its entries, each for itself.
    pub(super) fn objects(&self, file: &str) -> Vec<Object> {
        let services = self.services.0.iter();
        let mut objects: Vec<Object> = services
            .map(|(name, service)| Object::entry(file, "services", name, service))
            .collect();
        add(&mut objects, file, "networks", &self.networks);
        add(&mut objects, file, "volumes", &self.volumes);
        add(&mut objects, file, "configs", &self.configs);
        add(&mut objects, file, "secrets", &self.secrets);
        objects
    }
}

fn add<T: Serialize>(objects: &mut Vec<Object>, file: &str, section: &str, entries: &Map<T>) {
    let entries = entries.0.iter();
    objects.extend(entries.map(|(name, entry)| Object::entry(file, section, name, entry)));
}

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
