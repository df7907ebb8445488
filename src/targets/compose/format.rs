//! The Compose file: what of the Compose Specification only docker compose reads and zdc writes, as
//! types, in the order in which people write it (compose-spec `schema/compose-spec.json`).

use crate::targets::Object;
use crate::targets::docker::{
    FileMount, Healthcheck, Ipam, Logging, Map, Mount, Networks, Replicas, Resources, Services,
    Volume, Words, apart,
};
use crate::yaml::Commented;
use serde::Serialize;

/// A project.
#[derive(Debug, Serialize)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) services: Services<Service>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) networks: Map<Commented<Network>>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) volumes: Map<Volume>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) configs: Map<Commented<ConfigFile>>,
    #[serde(skip_serializing_if = "Map::is_empty", serialize_with = "apart")]
    pub(super) secrets: Map<Secret>,
}

impl Project {
    /// Its services, networks, volumes and secrets, each for itself, and its name.
    pub(super) fn objects(&self, file: &str) -> Vec<Object> {
        let services = self.services.0.iter();
        let services =
            services.map(|(name, service)| Object::entry(file, "services", name, service));
        let networks = self.networks.0.iter();
        let networks =
            networks.map(|(name, network)| Object::entry(file, "networks", name, network));
        let volumes = self.volumes.0.iter();
        let volumes = volumes.map(|(name, volume)| Object::entry(file, "volumes", name, volume));
        let secrets = self.secrets.0.iter();
        let secrets = secrets.map(|(name, secret)| Object::entry(file, "secrets", name, secret));
        let name = Object::entry(file, Object::PROJECT, &self.name, &());
        services
            .chain(networks)
            .chain(volumes)
            .chain(secrets)
            .chain([name])
            .collect()
    }
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Service {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) build: Option<Build>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_policy: Option<&'static str>,
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
    /// `80:8080`, `53:53/udp`, `3000-3001:3000`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ports: Vec<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) depends_on: Map<Dependency>,
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
    pub(super) restart: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_grace_period: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_signal: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deploy: Option<Deploy>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) labels: Map<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logging: Option<Logging>,
}

#[derive(Debug, Serialize)]
pub(super) struct Build {
    pub(super) context: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dockerfile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) args: Map<String>,
}

/// What a service waits for before it starts.
#[derive(Debug, Serialize)]
pub(super) struct Dependency {
    pub(super) condition: &'static str,
}

/// What of `deploy` docker compose takes.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Deploy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replicas: Option<Replicas>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resources: Option<Resources>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Network {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) external: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) internal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ipam: Option<Ipam>,
}

#[derive(Debug, Serialize)]
pub(super) struct ConfigFile {
    pub(super) file: String,
}

/// A secret from a variable of the shell or from a file; there is no store of them.
#[derive(Debug, Serialize)]
pub(super) struct Secret {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) environment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<String>,
}
