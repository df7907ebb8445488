//! The words that the stack file and the Compose file share, as types, in the order in which people
//! write them.
//!
//! Facts about the format: its JSON schemas (docker/cli `cli/compose/schema/data`, compose-spec
//! `schema/compose-spec.json`), and what `docker stack deploy` 28.2 accepted, refused and ignored in
//! our own trace of 147 files.

use crate::yaml::{Apart, Flow};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A map in the order its entries were added.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::targets) struct Map<T>(pub(in crate::targets) Vec<(String, T)>);

impl<T> Map<T> {
    pub(in crate::targets) fn is_empty(&self) -> bool {
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

/// The services of a file, with an empty line between two.
#[derive(Debug)]
pub(in crate::targets) struct Services<T>(pub(in crate::targets) Vec<(String, T)>);

impl<T: Serialize> Serialize for Services<T> {
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
pub(in crate::targets) fn apart<T: Serialize, S: Serializer>(
    section: &Map<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    Apart(section).serialize(serializer)
}

/// A command, one word an item.
pub(in crate::targets) type Words = Flow<Vec<String>>;

/// The networks of a service: a list where there is nothing to say of any.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::targets) enum Networks {
    Names(Vec<String>),
    Attached(Map<Attachment>),
}

impl Networks {
    /// `None` where the service is on its default network alone.
    pub(in crate::targets) fn of(networks: Vec<(String, Attachment)>) -> Option<Self> {
        if networks.is_empty() {
            return None;
        }
        if networks
            .iter()
            .all(|(_, attachment)| *attachment == Attachment::default())
        {
            let names = networks.into_iter().map(|(name, _)| name);
            return Some(Networks::Names(names.collect()));
        }
        Some(Networks::Attached(networks.into_iter().collect()))
    }
}

/// What a service is on one network.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(in crate::targets) struct Attachment {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::targets) aliases: Vec<String>,
    /// `docker stack deploy` drops it without a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) ipv4_address: Option<String>,
}

/// A volume or a path of the node.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(in crate::targets) enum Mount {
    /// `data:/var/lib/mysql:ro`
    Short(String),
    /// Where a path holds a colon.
    Long {
        r#type: &'static str,
        source: String,
        target: String,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        read_only: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        bind: Option<Bind>,
    },
}

/// How a path of the host is mounted.
#[derive(Debug, Serialize)]
pub(in crate::targets) struct Bind {
    /// Whether it is made where there is none.
    pub(in crate::targets) create_host_path: bool,
}

/// A config or secret in a container.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(in crate::targets) enum FileMount {
    /// At its default path.
    Short(String),
    Long {
        source: String,
        target: String,
    },
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(in crate::targets) struct Healthcheck {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) test: Option<Words>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::targets) disable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) interval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) retries: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) start_period: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(in crate::targets) enum Replicas {
    Known(u64),
    Variable(String),
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(in crate::targets) struct Resources {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) limits: Option<Amounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) reservations: Option<Amounts>,
}

#[derive(Debug, Default, PartialEq, Serialize)]
pub(in crate::targets) struct Amounts {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) cpus: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) memory: Option<String>,
}

#[derive(Debug, Serialize)]
pub(in crate::targets) struct Logging {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) driver: Option<String>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(in crate::targets) options: Map<String>,
}

#[derive(Debug, Serialize)]
pub(in crate::targets) struct Ipam {
    pub(in crate::targets) config: Vec<Subnet>,
}

#[derive(Debug, Serialize)]
pub(in crate::targets) struct Subnet {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) subnet: Option<String>,
    /// A stack file has no place for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) gateway: Option<String>,
}

#[derive(Debug, Default, Serialize)]
pub(in crate::targets) struct Volume {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::targets) external: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::targets) name: Option<String>,
}
