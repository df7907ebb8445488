//! Secrets and configs that somebody else makes, and that services come to mount.

use super::stack::Stack;
use crate::change::difference::at;
use crate::change::{Change, Effect};
use crate::targets::Object;
use serde_json::Value;

/// Says of services which of them none mounted before: where one is not there, `docker stack deploy` stops before the services, which stay as they
/// are, with networks and secrets made (docker/cli `cli/command/stack/swarm/deploy_composefile.go`, `deployCompose`; `cli/command/service/parse.go`,
/// `ParseSecrets`: `secret not found`).
pub(super) fn mounted(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut [Change]) {
    for stack in new {
        for service in &stack.services {
            let said: Vec<String> = ["secrets", "configs"]
                .into_iter()
                .flat_map(|section| theirs(stack, service, section, old))
                .collect();
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
            }
        }
    }
}

fn theirs(stack: &Stack<'_>, service: &Object, section: &str, old: &[Stack<'_>]) -> Vec<String> {
    let mounts = at(&service.content, &[section]);
    let mounts = mounts.as_deref().and_then(Value::as_array);
    let names = mounts.into_iter().flatten().filter_map(|mount| {
        let source = mount.get("source").unwrap_or(mount);
        source.as_str()
    });
    let external = names.filter(|name| stack.is_external(section, name));
    let real = external.map(|name| stack.real(section, name));
    let new = real.filter(|real| !old.iter().any(|stack| stack.knows(section, real)));
    let kind = section.trim_end_matches('s');
    new.map(|real| format!("the stack is refused where {kind} {real} is not there before"))
        .collect()
}
