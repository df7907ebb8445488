//! Stack files that `docker stack deploy` does not take, in its words: a word that it does not know (docker/cli `cli/compose/schema`,
//! `config_schema_v3.13.json`), and a network, volume, config or secret that is in no section (`cli/compose/convert/service.go`, `volume.go`).
//! No service is changed then, of all in the file. The words were seen on an engine (`tests/real/swarm.rs`).

use super::mounts::is_path;
use super::stack::Stack;
use crate::change::{Change, Effect, Refusal};
use crate::targets::{Content, Object};
use serde_json::Value;

/// Refuses services for what was not there before, or was otherwise.
pub(super) fn refuse(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut Vec<Change>) {
    for stack in new {
        let was = old.iter().find(|it| it.name == stack.name);
        for service in &stack.services {
            let Some(said) = fault(stack, service) else {
                continue;
            };
            let before = was.and_then(|was| {
                let mut services = was.services.iter();
                fault(was, services.find(|it| it.name == service.name)?)
            });
            if before.as_ref() == Some(&said) {
                continue;
            }
            let name = format!("{}_{}", stack.name, service.name);
            let found = changes
                .iter()
                .position(|it| it.kind == "service" && it.name == name);
            let index = found.unwrap_or_else(|| {
                changes.push(Change::of("service", name));
                changes.len() - 1
            });
            if let Some(change) = changes
                .get_mut(index)
                .filter(|it| it.effect != Effect::Refused)
            {
                change.effect = Effect::Refused;
                change.refusal = Refusal::Invalid;
                change.how = said;
                change.losses.clear();
            }
        }
    }
}

/// What docker says of a service. What zdc writes it takes.
fn fault(stack: &Stack<'_>, object: &Object) -> Option<String> {
    let Content::Value(service) = &object.content else {
        return None;
    };
    unknown(&object.name, service).or_else(|| undefined(stack, &object.name, service))
}

/// The words of a service, with those that docker tells of by itself.
const SERVICE: &[&str] = &[
    "build",
    "cap_add",
    "cap_drop",
    "cgroup_parent",
    "cgroupns_mode",
    "command",
    "configs",
    "container_name",
    "cpu_quota",
    "cpu_shares",
    "cpuset",
    "credential_spec",
    "depends_on",
    "deploy",
    "devices",
    "dns",
    "dns_search",
    "domainname",
    "entrypoint",
    "env_file",
    "environment",
    "expose",
    "extends",
    "external_links",
    "extra_hosts",
    "group_add",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "ipc",
    "isolation",
    "labels",
    "links",
    "logging",
    "mac_address",
    "mem_limit",
    "memswap_limit",
    "network_mode",
    "networks",
    "oom_score_adj",
    "pid",
    "ports",
    "privileged",
    "read_only",
    "restart",
    "secrets",
    "security_opt",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "sysctls",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "userns_mode",
    "volume_driver",
    "volumes",
    "volumes_from",
    "working_dir",
];
const UPDATE: [&str; 6] = [
    "delay",
    "failure_action",
    "max_failure_ratio",
    "monitor",
    "order",
    "parallelism",
];

/// The words that stand in a block of a service, by its path.
const BLOCKS: [(&str, &[&str]); 9] = [
    (
        "deploy",
        &[
            "endpoint_mode",
            "labels",
            "mode",
            "placement",
            "replicas",
            "resources",
            "restart_policy",
            "rollback_config",
            "update_config",
        ],
    ),
    (
        "deploy.placement",
        &["constraints", "max_replicas_per_node", "preferences"],
    ),
    ("deploy.resources", &["limits", "reservations"]),
    ("deploy.resources.limits", &["cpus", "memory", "pids"]),
    (
        "deploy.resources.reservations",
        &["cpus", "generic_resources", "memory"],
    ),
    (
        "deploy.restart_policy",
        &["condition", "delay", "max_attempts", "window"],
    ),
    ("deploy.rollback_config", &UPDATE),
    ("deploy.update_config", &UPDATE),
    (
        "healthcheck",
        &[
            "disable",
            "interval",
            "retries",
            "start_interval",
            "start_period",
            "test",
            "timeout",
        ],
    ),
];

/// What is a text, and no number, wherever it stands in those blocks or in a service.
const TEXTS: [&str; 11] = [
    "cpus",
    "delay",
    "interval",
    "memory",
    "monitor",
    "start_interval",
    "start_period",
    "stop_grace_period",
    "timeout",
    "window",
    "stop_signal",
];

const ORDERS: [&str; 2] = ["start-first", "stop-first"];

/// The first word that the schema has not, or a value that it does not take.
fn unknown(name: &str, service: &Value) -> Option<String> {
    let place = format!("services.{name}");
    let first = |block: &Value, knows: &dyn Fn(&str) -> bool| {
        let mut keys = block.as_object()?.keys();
        keys.find(|key| !knows(key)).cloned()
    };
    let is_of_service = |key: &str| SERVICE.contains(&key) || key.starts_with("x-");
    if let Some(key) = first(service, &is_of_service) {
        return Some(format!("{place} Additional property {key} is not allowed"));
    }
    if service.get("depends_on").is_some_and(Value::is_object) {
        return Some(format!("{place}.depends_on must be a list"));
    }
    if let Some(key) = number(service) {
        return Some(format!("{place}.{key} must be a string"));
    }
    let mut files = service
        .get("env_file")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    if let Some(at) = files.position(Value::is_object) {
        return Some(format!("{place}.env_file.{at} must be a string"));
    }
    for (path, words) in BLOCKS {
        let Some(block) = path.split('.').try_fold(service, |it, step| it.get(step)) else {
            continue;
        };
        if let Some(key) = first(block, &|key| words.contains(&key)) {
            return Some(format!(
                "{place}.{path} Additional property {key} is not allowed"
            ));
        }
        if let Some(key) = number(block) {
            return Some(format!("{place}.{path}.{key} must be a string"));
        }
        let order = block.get("order").and_then(Value::as_str);
        if order.is_some_and(|it| !ORDERS.contains(&it) && !it.contains('$')) {
            return Some(format!(
                "{place}.{path}.order {place}.{path}.order must be one of the following: \"start-first\", \"stop-first\""
            ));
        }
    }
    None
}

/// The first key of a block that has a number where a text belongs.
fn number(block: &Value) -> Option<&str> {
    let mut texts = TEXTS.iter();
    texts
        .find(|key| block.get(**key).is_some_and(Value::is_number))
        .copied()
}

/// The first thing that a service names and its file has not, in the order in which docker looks.
fn undefined(stack: &Stack<'_>, name: &str, service: &Value) -> Option<String> {
    let sections = ["secrets", "configs", "volumes", "networks"];
    sections.into_iter().find_map(|section| {
        let mut named = names(service, section).into_iter();
        let missing = named.find(|it| !stack.has(section, it) && !it.contains('$'))?;
        let kind = section.trim_end_matches('s');
        Some(format!("service {name}: undefined {kind} {missing:?}"))
    })
}

fn names<'v>(service: &'v Value, section: &str) -> Vec<&'v str> {
    let all = match service.get(section) {
        Some(Value::Object(joined)) => joined.keys().map(String::as_str).collect(),
        Some(Value::Array(all)) => {
            let names = all.iter().filter_map(|it| match (it, section) {
                (Value::String(short), "volumes") => {
                    // Without a colon it is a path inside, with a volume of no name.
                    short.split_once(':').map(|(source, _)| source)
                }
                (Value::String(short), _) => Some(short.as_str()),
                (long, "volumes") => {
                    let is_volume = long.get("type").and_then(Value::as_str) == Some("volume");
                    long.get("source")
                        .and_then(Value::as_str)
                        .filter(|_| is_volume)
                }
                (long, _) => long.get("source").and_then(Value::as_str),
            });
            names.collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    let is_name = |it: &&str| match section {
        "volumes" => !is_path(it) && !it.is_empty() && it.len() > 1,
        "networks" => *it != "default",
        _ => true,
    };
    all.into_iter().filter(is_name).collect()
}
