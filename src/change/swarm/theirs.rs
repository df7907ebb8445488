//! Secrets, configs and networks that somebody else makes, and that services come to use.

use super::stack::Stack;
use crate::change::difference::at;
use crate::change::{Change, Effect};
use crate::targets::Object;
use serde_json::Value;
use std::collections::BTreeSet;

/// Says of services which of them none used before: where one is not there, `docker stack deploy` stops before the services, which stay as they
/// are, with other networks and secrets made (docker/cli `cli/command/stack/swarm/deploy_composefile.go`, `deployCompose` and
/// `validateExternalNetworks`; `cli/command/service/parse.go`, `ParseSecrets`: `secret not found`).
pub(super) fn used(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut [Change]) {
    let mut told: BTreeSet<String> = BTreeSet::new();
    for stack in new {
        for service in &stack.services {
            let sections = ["secrets", "configs", "networks"].into_iter();
            let said = sections.flat_map(|section| theirs(stack, service, section, (old, new)));
            let said: Vec<String> = said.filter(|said| !told.contains(said)).collect();
            if said.is_empty() {
                continue;
            }
            let name = format!("{}_{}", stack.name, service.name);
            let mut changes = changes.iter_mut();
            let change = changes.find(|it| it.kind == "service" && it.name == name);
            let Some(change) = change.filter(|it| it.effect != Effect::Refused) else {
                continue;
            };
            for said in said {
                change.says_also(&said);
                told.insert(said);
            }
        }
    }
}

fn theirs(
    stack: &Stack<'_>,
    service: &Object,
    section: &str,
    (old, new): (&[Stack<'_>], &[Stack<'_>]),
) -> Vec<String> {
    let uses = at(&service.content, &[section]);
    let names: Vec<String> = match uses.as_deref() {
        Some(Value::Array(uses)) => {
            let names = uses.iter().map(|it| it.get("source").unwrap_or(it));
            names
                .filter_map(Value::as_str)
                .map(ToOwned::to_owned)
                .collect()
        }
        Some(Value::Object(joined)) => joined.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let external = names.iter().filter(|name| stack.is_external(section, name));
    let real = external.map(|name| stack.real(section, name));
    let asked = real.filter(|real| {
        let is_known = old.iter().any(|stack| stack.knows(section, real));
        let is_made = new.iter().any(|stack| stack.makes(section, real));
        !is_known && !is_made && !is_of_script(real) && !is_of_engine(section, real)
    });
    let kind = section.trim_end_matches('s');
    asked
        .map(|real| format!("the stack is refused where {kind} {real} is not there before"))
        .collect()
}

/// Whether `deploy.sh` makes it, under a name with the hash of its value (`secret_of`).
fn is_of_script(real: &str) -> bool {
    real.contains("_HASH:?")
}

/// Whether it is a network of every engine, for which nobody looks (moby `api/types/container`, `NetworkMode.IsUserDefined`).
fn is_of_engine(section: &str, real: &str) -> bool {
    section == "networks" && matches!(real, "bridge" | "host" | "none" | "default")
}
