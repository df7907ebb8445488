//! What `docker stack deploy` takes of a service, as types that a patched one is held to: the
//! service of Compose format 3.8 (docker/cli `cli/compose/schema/data/config_schema_v3.8.json`)
//! without what it ignores or refuses (`cli/compose/types/types.go`).
//!
//! They are only read, and nothing is done with what was read: it fits, or it does not.

#![expect(dead_code, reason = "a field is there for what it is called and takes")]

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// What the format has and a swarm ignores, with a warning on the way
/// (`UnsupportedProperties` and `DeprecatedProperties`).
pub(super) const IGNORED: [&str; 18] = [
    "build",
    "cgroup_parent",
    "cgroupns_mode",
    "container_name",
    "devices",
    "domainname",
    "expose",
    "external_links",
    "ipc",
    "links",
    "mac_address",
    "network_mode",
    "pid",
    "privileged",
    "restart",
    "security_opt",
    "shm_size",
    "userns_mode",
];

/// One service.
#[derive(Deserialize)]
pub(super) struct Service {
    cap_add: Option<Vec<String>>,
    cap_drop: Option<Vec<String>>,
    command: Option<OneOrMore>,
    configs: Option<Vec<FileMount>>,
    credential_spec: Option<CredentialSpec>,
    deploy: Option<Deploy>,
    dns: Option<OneOrMore>,
    dns_search: Option<OneOrMore>,
    entrypoint: Option<OneOrMore>,
    env_file: Option<OneOrMore>,
    environment: Option<Pairs>,
    extra_hosts: Option<Pairs>,
    healthcheck: Option<IgnoredAny>,
    hostname: Option<String>,
    image: Option<String>,
    init: Option<bool>,
    isolation: Option<String>,
    labels: Option<Pairs>,
    logging: Option<Logging>,
    networks: Option<IgnoredAny>,
    ports: Option<IgnoredAny>,
    read_only: Option<bool>,
    secrets: Option<Vec<FileMount>>,
    stdin_open: Option<bool>,
    stop_grace_period: Option<String>,
    stop_signal: Option<String>,
    sysctls: Option<Pairs>,
    tmpfs: Option<OneOrMore>,
    tty: Option<bool>,
    ulimits: Option<Ulimits>,
    user: Option<String>,
    volumes: Option<Vec<Mount>>,
    working_dir: Option<String>,
}

#[derive(Deserialize)]
struct CredentialSpec {
    config: Option<String>,
    file: Option<String>,
    registry: Option<String>,
}

#[derive(Deserialize)]
struct Deploy {
    mode: Option<String>,
    endpoint_mode: Option<String>,
    replicas: Option<IgnoredAny>,
    labels: Option<Pairs>,
    rollback_config: Option<IgnoredAny>,
    update_config: Option<IgnoredAny>,
    resources: Option<Resources>,
    restart_policy: Option<IgnoredAny>,
    placement: Option<Placement>,
}

#[derive(Deserialize)]
struct Resources {
    limits: Option<Limits>,
    reservations: Option<Reservations>,
}

#[derive(Deserialize)]
struct Limits {
    cpus: Option<String>,
    memory: Option<String>,
}

#[derive(Deserialize)]
struct Reservations {
    cpus: Option<String>,
    memory: Option<String>,
    generic_resources: Option<Vec<GenericResource>>,
}

#[derive(Deserialize)]
struct GenericResource {
    discrete_resource_spec: Option<DiscreteResource>,
}

#[derive(Deserialize)]
struct DiscreteResource {
    kind: Option<String>,
    value: Option<f64>,
}

#[derive(Deserialize)]
struct Placement {
    constraints: Option<Vec<String>>,
    preferences: Option<Vec<Preference>>,
    max_replicas_per_node: Option<i64>,
}

#[derive(Deserialize)]
struct Preference {
    spread: Option<String>,
}

#[derive(Deserialize)]
struct Logging {
    driver: Option<String>,
    options: Option<Options>,
}

/// A value that the format takes in several kinds.
macro_rules! several {
    ($($(#[doc = $doc:literal])* $name:ident $words:literal { $($kind:ident $(($inner:ty))?,)* })*) => {$(
        $(#[doc = $doc])*
        struct $name;

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Kinds;

                impl<'de> Visitor<'de> for Kinds {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($words)
                    }

                    $(several!(@method $name $kind $(($inner))?);)*
                }

                deserializer.deserialize_any(Kinds)
            }
        }
    )*};

    (@method $name:ident text) => {
        fn visit_str<E: Error>(self, _: &str) -> Result<$name, E> {
            Ok($name)
        }
    };
    (@method $name:ident number) => {
        fn visit_i64<E: Error>(self, _: i64) -> Result<$name, E> {
            Ok($name)
        }
    };
    (@method $name:ident fraction) => {
        fn visit_f64<E: Error>(self, _: f64) -> Result<$name, E> {
            Ok($name)
        }
    };
    (@method $name:ident nothing) => {
        fn visit_unit<E: Error>(self) -> Result<$name, E> {
            Ok($name)
        }
    };
    (@method $name:ident list($inner:ty)) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<$name, A::Error> {
            while list.next_element::<$inner>()?.is_some() {}
            Ok($name)
        }
    };
    (@method $name:ident map($inner:ty)) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
            while map.next_entry::<String, $inner>()?.is_some() {}
            Ok($name)
        }
    };
    (@method $name:ident record($inner:ty)) => {
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<$name, A::Error> {
            <$inner>::deserialize(MapAccessDeserializer::new(map)).map(|_| $name)
        }
    };
}

several! {
    /// A text, or several.
    OneOrMore "a text or a list of texts" { text, list(String), }
    /// Texts by key, or a list of `KEY=value`.
    Pairs "a map of texts or a list of them" { map(Scalar), list(String), }
    /// A value of a map of texts.
    Scalar "a text or a number" { text, number, fraction, nothing, }
    /// A config or secret in a container.
    FileMount "a text or a record" { text, record(LongFileMount), }
    /// A volume or a path of the node.
    Mount "a text or a record" { text, record(LongMount), }
    /// A logging driver's options.
    Options "a map" { map(Scalar), }
    /// Limits by what they limit.
    Ulimits "a map" { map(Ulimit), }
    /// A limit.
    Ulimit "a whole number or a record" { number, record(LongUlimit), }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongFileMount {
    source: Option<String>,
    target: Option<String>,
    uid: Option<String>,
    gid: Option<String>,
    mode: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongMount {
    r#type: String,
    source: Option<String>,
    target: Option<String>,
    read_only: Option<bool>,
    consistency: Option<String>,
    bind: Option<BindOptions>,
    volume: Option<VolumeOptions>,
    tmpfs: Option<TmpfsOptions>,
}

#[derive(Deserialize)]
struct BindOptions {
    propagation: Option<String>,
}

#[derive(Deserialize)]
struct VolumeOptions {
    nocopy: Option<bool>,
}

#[derive(Deserialize)]
struct TmpfsOptions {
    size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongUlimit {
    soft: i64,
    hard: i64,
}
