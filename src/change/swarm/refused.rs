//! Stack files that `docker stack deploy` does not take, in its words: what its schema does not take, and a network, volume, config or secret
//! that is in no section (`cli/compose/convert/service.go`, `volume.go`). No service is changed then, of all in the file. The words were seen on
//! an engine (`tests/real/swarm.rs`).

use super::mounts::is_path;
use super::rules::FORBIDDEN;
use super::schema;
use super::stack::{SECTIONS, Stack};
use super::top;
use crate::change::short::parts;
use crate::change::{Change, Effect, Refusal};
use crate::rules::is_reference;
use crate::targets::{Content, Object};
use serde_json::Value;
use std::collections::BTreeSet;

/// Refuses what was not refused before, or was with other words.
pub(super) fn refuse(old: &[Stack<'_>], new: &[Stack<'_>], changes: &mut Vec<Change>) {
    for stack in new {
        let mut first = unsupported(stack, changes);
        let mut says_else = first.is_some();
        let was = old.iter().find(|it| it.name == stack.name);
        for service in &stack.services {
            let said = fault(stack, service);
            let Some(said) = said.or_else(|| without_image((was, stack), service)) else {
                continue;
            };
            says_else |= of_schema("services", service).is_some();
            let before = was.and_then(|was| {
                let mut services = was.services.iter();
                fault(was, services.find(|it| it.name == service.name)?)
            });
            if before.as_ref() != Some(&said) {
                let name = format!("{}_{}", stack.name, service.name);
                first.get_or_insert_with(|| format!("service {name}"));
                refused("service", name, said, changes);
            }
        }
        for section in SECTIONS {
            for (name, object) in stack.all(section) {
                let Some(said) = of_schema(section, object) else {
                    continue;
                };
                says_else = true;
                let before = was.and_then(|was| of_schema(section, was.entry(section, name)?));
                if before.as_ref() != Some(&said) {
                    let kind = section.trim_end_matches('s');
                    let real = stack.real(section, name);
                    first.get_or_insert_with(|| format!("{kind} {real}"));
                    refused(kind, real, said, changes);
                }
            }
        }
        // Of several faults docker names the one that is deepest, once it has read the file.
        let is_first = stack.refused.is_some() || !says_else;
        // What has no services may be no stack.
        let is_stack = |it: &Stack<'_>| !it.services.is_empty();
        let is_first = is_first && (is_stack(stack) || was.is_some_and(is_stack));
        if let Some(fault) = top::fault(stack).filter(|_| is_first) {
            let before = was.and_then(top::fault);
            if before.is_none_or(|before| before.said != fault.said) {
                let mut change = Change::of("stack", stack.name.to_owned());
                change.effect = Effect::Refused;
                change.refusal = Refusal::Said(fault.way.to_owned());
                change.how = fault.said;
                changes.push(change);
                first = Some(format!("stack {}", stack.name));
            }
        }
        if let Some(first) = first {
            tell_others(stack, &first, changes);
        }
        let unread = |it: &Stack<'_>| it.unread.map(|it| it.content.clone());
        if unread(stack).is_some() && was.and_then(unread) != unread(stack) {
            let mut change = Change::of("stack", stack.name.to_owned());
            change.effect = Effect::Ignored;
            "docker reads the first document of its file alone: what stands behind `---` is not deployed"
                .clone_into(&mut change.how);
            changes.push(change);
        }
    }
}

/// A service that holds what `docker stack deploy` supports in no file.
fn unsupported(stack: &Stack<'_>, changes: &[Change]) -> Option<String> {
    let is_so = |it: &&Change| {
        it.kind == "service" && it.fields.iter().any(|field| field.because == FORBIDDEN)
    };
    let found: BTreeSet<&str> = changes.iter().filter(is_so).map(|it| &*it.name).collect();
    if found.is_empty() {
        return None;
    }
    let services = stack.services.iter();
    let mut names = services.map(|it| format!("{}_{}", stack.name, it.name));
    let name = names.find(|name| found.contains(name.as_str()))?;
    Some(format!("service {name}"))
}

/// Says of what else stands in a file that it waits until docker takes the whole.
fn tell_others(stack: &Stack<'_>, first: &str, changes: &mut [Change]) {
    let names = stack.services.iter();
    let names: BTreeSet<String> = names
        .map(|it| format!("{}_{}", stack.name, it.name))
        .collect();
    let waits = |it: &Change| {
        let stays = matches!(it.effect, Effect::Ignored | Effect::Left | Effect::Refused);
        it.kind == "service" && !stays && names.contains(&it.name)
    };
    for change in changes.iter_mut().filter(|it| waits(it)) {
        change.says_also(&format!(
            "not before docker takes the file, which it refuses for {first}"
        ));
    }
}

fn refused(kind: &str, name: String, said: String, changes: &mut Vec<Change>) {
    let found = changes
        .iter()
        .position(|it| it.kind == kind && it.name == name);
    let index = found.unwrap_or_else(|| {
        changes.push(Change::of(kind, name));
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

/// What docker says of a service.
fn fault(stack: &Stack<'_>, object: &Object) -> Option<String> {
    let Content::Value(service) = &object.content else {
        return None;
    };
    of_schema("services", object).or_else(|| {
        let said = undefined(stack, &object.name, service);
        let said = said.or_else(|| counted_everywhere(&object.name, service));
        let said = said.or_else(|| no_image(&object.name, service))?;
        // Docker looks at the schema first.
        top::fault(stack).is_none().then_some(said)
    })
}

/// An image of which the name is none; of one with a variable only docker knows (docker/cli `cli/command/stack/loader/loader.go`), but that what
/// is left of a variable within a variable is a brace.
fn no_image(name: &str, service: &Value) -> Option<String> {
    let image = service.get("image")?.as_str()?;
    let is_known = !image.is_empty() && !image.contains('$');
    let is_wrong = is_known && !is_reference(image) || top::nested(image).is_some();
    is_wrong
        .then(|| format!("invalid image reference for service {name}: invalid reference format"))
}

/// A service that has no image any more, or is new and has none (docker/cli `cli/command/stack/loader.go`, `LoadComposefile`). In a file that is
/// merged into another one, as all of whose services have none, it may be there.
fn without_image((was, is): (Option<&Stack<'_>>, &Stack<'_>), service: &Object) -> Option<String> {
    let has = |it: &Object, word: &str| match &it.content {
        Content::Value(fields) => fields
            .get(word)
            .is_some_and(|it| *it != "" && !it.is_null()),
        Content::Text(_) => true,
    };
    let lacks_one = |it: &Object| !["image", "extends"].iter().any(|word| has(it, word));
    let mut before = was.into_iter().flat_map(|was| &was.services);
    let is_gone = if let Some(before) = before.find(|it| it.name == service.name) {
        !lacks_one(before)
    } else {
        let others = is.services.iter().filter(|it| it.name != service.name);
        let mut others = others.peekable();
        others.peek().is_some() && others.all(|it| !lacks_one(it))
    };
    let is_wrong = is_gone && lacks_one(service) && top::fault(is).is_none();
    let name = &service.name;
    is_wrong.then(|| format!("invalid image reference for service {name}: no image specified"))
}

/// A number of tasks beside the mode that has one on each node (docker/cli `cli/compose/convert/service.go`, `convertDeployMode`), be it 0 or 1.
fn counted_everywhere(name: &str, service: &Value) -> Option<String> {
    let deploy = service.get("deploy")?;
    let mode = deploy.get("mode")?.as_str()?;
    let is_counted = deploy.get("replicas").is_some_and(|it| !it.is_null());
    (is_counted && matches!(mode, "global" | "global-job")).then(|| {
        format!("service {name}: replicas can only be used with replicated or replicated-job mode")
    })
}

/// What docker says of an entry of a section by itself. What zdc writes it takes.
fn of_schema(section: &str, object: &Object) -> Option<String> {
    match &object.content {
        Content::Value(entry) => top::of_dollars(section, object)
            .or_else(|| schema::fault(section, &object.name, entry))
            .or_else(|| conflict(entry, &object.name).filter(|_| section == "volumes")),
        Content::Text(_) => None,
    }
}

/// A volume of somebody else with what only one of its own has (`cli/compose/loader/loader.go`, `LoadVolumes`).
fn conflict(volume: &Value, name: &str) -> Option<String> {
    let external = volume.get("external")?;
    let is_external = *external == true || external.is_object();
    let has = |key: &&str| match volume.get(key) {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Object(options)) => !options.is_empty(),
        Some(Value::Array(options)) => !options.is_empty(),
        _ => false,
    };
    let own = ["driver", "driver_opts", "labels"].into_iter().find(has);
    let own = own.filter(|_| is_external)?;
    Some(format!(
        "conflicting parameters \"external\" and {own:?} specified for volume {name:?}"
    ))
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

/// What a service names of a section.
pub(super) fn names<'v>(service: &'v Value, section: &str) -> Vec<&'v str> {
    let all = match service.get(section) {
        Some(Value::Object(joined)) => joined.keys().map(String::as_str).collect(),
        Some(Value::Array(all)) => {
            let names = all.iter().filter_map(|it| match (it, section) {
                (Value::String(short), "volumes") => {
                    // Without a colon it is a path inside, with a volume of no name.
                    let parts = parts(short, ':');
                    parts.first().copied().filter(|_| parts.len() > 1)
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
