//! Secrets, configs and networks that somebody else makes, and that services come to use.

use super::stack::{Stack, names_no_network};
use crate::change::difference::at;
use crate::change::{Change, Effect};
use crate::targets::Object;
use serde_json::Value;
use std::collections::BTreeSet;

/// Says of services which of them none used before: where one is not there, `docker stack deploy` stops before the services, which stay as they
/// are, with other networks and secrets made (docker/cli `cli/command/stack/swarm/deploy_composefile.go`, `deployCompose` and
/// `validateExternalNetworks`; `cli/command/service/parse.go`, `ParseSecrets`: `secret not found`).
pub(super) fn used(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut [Change]) {
    let mut told: BTreeSet<(&str, String)> = BTreeSet::new();
    for stack in new {
        for section in ["secrets", "configs", "networks"] {
            for name in stack.external(section) {
                let real = stack.real(section, name);
                let is_known = old.iter().any(|stack| stack.knows(section, &real));
                let is_made = new.iter().any(|stack| stack.makes(section, &real));
                let is_there = is_known || is_made || is_of_script(&real);
                if is_there
                    || is_of_engine(section, &real)
                    || told.contains(&(section, real.clone()))
                {
                    continue;
                }
                let is_default = section == "networks" && name == "default";
                let using = stack
                    .services
                    .iter()
                    .filter(|it| uses(it, section, name) || is_default && names_no_network(it));
                let names: Vec<String> = using
                    .map(|it| format!("{}_{}", stack.name, it.name))
                    .collect();
                let mut changes = changes.iter_mut().filter(|it| it.kind == "service");
                let first =
                    changes.find(|it| names.contains(&it.name) && it.effect != Effect::Refused);
                if let Some(change) = first {
                    let kind = section.trim_end_matches('s');
                    change.says_also(&format!(
                        "the stack is refused where {kind} {real} is not there before"
                    ));
                    told.insert((section, real));
                }
            }
        }
    }
}

/// Whether a service uses what goes by a name in its file.
pub(super) fn uses(service: &Object, section: &str, name: &str) -> bool {
    let uses = at(&service.content, &[section]);
    match uses.as_deref() {
        Some(Value::Array(uses)) => {
            let names = uses.iter().map(|it| it.get("source").unwrap_or(it));
            // A volume with its path, in the short form.
            let mut names = names.filter_map(|it| it.as_str()?.split(':').next());
            names.any(|it| it == name)
        }
        Some(Value::Object(joined)) => joined.contains_key(name),
        _ => false,
    }
}

/// Whether `deploy.sh` makes it, under a name with the hash of its value (`secret_of`).
fn is_of_script(real: &str) -> bool {
    real.contains("_HASH:?")
}

/// Whether it is a network of every engine, for which nobody looks (moby `api/types/container`, `NetworkMode.IsUserDefined`).
fn is_of_engine(section: &str, real: &str) -> bool {
    section == "networks" && matches!(real, "bridge" | "host" | "none" | "default")
}
