//! What is known when a stack is deployed and not before: its variables, and where its secrets' values come from.

use super::service_in;
use super::stack::stem;
use crate::change::secrets::{real_name, source};
use crate::change::{Change, Effect, Pair, Varied, variables};
use crate::targets::{Content, Object};
use crate::yaml;
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// The deploy-time variables of the stacks, each with the services of which another value replaces tasks: those that hold it,
/// and those that mount what has it in its name.
pub(super) fn variables(pair: &Pair<'_>) -> Vec<(String, Vec<Varied>)> {
    let texts: Vec<(&Object, Cow<'_, str>)> = pair.new.iter().filter_map(text).collect();
    let texts = texts.iter().map(|(object, text)| (*object, &**text));
    let (mut found, mut names): (BTreeMap<String, Vec<Varied>>, _) = Default::default();
    let mut services = Vec::new();
    for (object, text) in texts {
        match &*object.kind {
            "services" => services.push((object, text)),
            "configs" | "secrets" => named(object, text, &mut names),
            _ => {}
        }
    }
    // Most services hold none, and mount nothing that has one in its name.
    let may_hold = |text: &str| !names.is_empty() || text.contains('$');
    for (service, text) in services.into_iter().filter(|(_, text)| may_hold(text)) {
        let stack = stem(&service.file);
        let view = OnceCell::new();
        let varied = || Varied {
            service: service_in(pair.new_graph, stack, &service.name)
                .map(|view| view.name().into()),
            name: format!("{stack}_{}", service.name),
        };
        let mut add = |name: &str| {
            let varied = view.get_or_init(varied);
            let services = found.entry(name.to_owned()).or_default();
            if services.last() != Some(varied) {
                services.push(varied.clone());
            }
        };
        let mut key = "";
        for line in text.lines() {
            let item = line.trim_start();
            if item.starts_with("replicas:") {
                continue;
            }
            if item.len() == line.len() && !item.starts_with('-') {
                key = item;
            }
            variables::named_in(line).for_each(&mut add);
            let variables = mounted(key, item).and_then(|name| names.get(name));
            variables.into_iter().flatten().for_each(|name| add(name));
        }
    }
    found.into_iter().collect()
}

/// An object's text, where it may have a variable.
fn text(object: &Object) -> Option<(&Object, Cow<'_, str>)> {
    let text = match &object.content {
        Content::Text(text) => Cow::from(&**text),
        Content::Value(value) => Cow::from(yaml::to_string(value).ok()?),
    };
    Some((object, text))
}

/// The config or secret that a line of a service mounts, in the long form or in the short one.
fn mounted<'l>(key: &str, item: &'l str) -> Option<&'l str> {
    let item = item
        .strip_prefix("- ")
        .filter(|_| matches!(key, "configs:" | "secrets:"))?;
    Some(
        item.strip_prefix("source: ")
            .unwrap_or(item)
            .trim_matches('"'),
    )
}

/// The variables in the real name of a config or secret, by the name that services mount it by.
fn named<'o>(object: &'o Object, text: &'o str, names: &mut BTreeMap<&'o str, Vec<&'o str>>) {
    let lines = text.lines().filter(|line| line.starts_with("name: "));
    let variables: Vec<&str> = lines.flat_map(variables::named_in).collect();
    if !variables.is_empty() {
        names.entry(&object.name).or_default().extend(variables);
    }
}

/// Secrets whose values come from somewhere else now. A value is in no manifest: its hash is in the secret's name when
/// `deploy.sh` makes it.
pub(super) fn sources(pair: &Pair<'_>) -> Vec<Change> {
    let (Some(old), Some(new)) = (pair.old_graph, pair.new_graph) else {
        return Vec::new();
    };
    // A stack has those that are mounted, however that is written.
    let is_written = |name: &str| {
        let mut written = pair.new.iter();
        written.any(|it| it.kind == "secrets" && it.name == name)
    };
    let secrets = new.deployment().secrets.iter();
    let moved = secrets.filter_map(|secret| {
        let (was, is) = (old.secret(secret.label.name())?, secret);
        let (from, to) = (source(was)?, source(is)?);
        (from != to && is_written(is.label.name())).then(|| {
            let mut change = Change::of("secret", real_name(is).to_owned());
            change.effect = Effect::InPlace;
            change.how = format!(
                "its value comes from {to}, and came from {from}: where that is another one, what mounts it rolls"
            );
            change.span = Some(is.span);
            change
        })
    });
    moved.collect()
}
