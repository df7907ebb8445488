//! The variables that a service of a stack has from files: `docker stack deploy` reads `env_file` and puts them behind those of
//! `environment` (docker/cli `cli/compose/loader/loader.go`, `resolveEnvironment`). What another file holds is another environment.

use super::stack::Stack;
use crate::change::Field;
use crate::change::hidden::hide;
use crate::change::short::pairs;
use crate::targets::{Content, Object};
use serde_json::{Map, Value};

/// Whether two services of the same text have the same from their files, as far as these are known.
pub(super) fn are_same(
    (old, before): (&Stack<'_>, &Object),
    (new, after): (&Stack<'_>, &Object),
) -> bool {
    let sides = variables(old, before).zip(variables(new, after));
    sides.is_none_or(|(was, is)| was == is)
}

/// Puts the variables of the files into the environment of both sides, where all of the files are known, or the other side has the same.
pub(super) fn merge(
    (old, before, was): (&Stack<'_>, &Object, &mut Value),
    (new, after, is): (&Stack<'_>, &Object, &mut Value),
) {
    match (variables(old, before), variables(new, after)) {
        (Some(from_old), Some(from_new)) => {
            put(was, before, from_old);
            put(is, after, from_new);
        }
        (Some(known), None) => merge_written((was, before, known), (is, after)),
        (None, Some(known)) => merge_written((is, after, known), (was, before)),
        (None, None) => {}
    }
}

/// What `docker stack config` writes names the files still, from where they were, and has their variables in `environment` (docker/cli
/// `cli/compose/loader/loader.go`, `resolveEnvironment`): where those are what the known files of the other side say, nothing changes.
fn merge_written(
    (known, of_known, variables): (&mut Value, &Object, Map<String, Value>),
    (written, of_written): (&mut Value, &Object),
) {
    let (mut one, mut other) = (known.clone(), written.clone());
    put(&mut one, of_known, variables);
    put(&mut other, of_written, Map::new());
    if one.get("environment") == other.get("environment") {
        (*known, *written) = (one, other);
    }
}

/// All of a service as the engine sees it, with the variables of its files where all of these are known.
pub(super) fn whole(stack: &Stack<'_>, service: &Object) -> Value {
    let mut whole = stack.service(service);
    if let Some(variables) = variables(stack, service) {
        put(&mut whole, service, variables);
    }
    whole
}

/// Puts variables behind those of the environment that a service says itself, in place of the files.
fn put(side: &mut Value, service: &Object, mut variables: Map<String, Value>) {
    let Value::Object(fields) = side else {
        return;
    };
    fields.remove("env_file");
    let mut own = written(service)
        .get("environment")
        .cloned()
        .unwrap_or_default();
    pairs(&mut own);
    if let Value::Object(own) = own {
        variables.extend(own);
    }
    if !variables.is_empty() {
        fields.insert("environment".to_owned(), Value::Object(variables));
    }
}

/// Hides the values of what stands in a file of either side: such files hold passwords, and a plan is read by many.
pub(super) fn conceal(
    fields: &mut [Field],
    (old, before): (&Stack<'_>, &Object),
    (new, after): (&Stack<'_>, &Object),
) {
    let both = [variables(old, before), variables(new, after)];
    let is_of_file = |key: &str| both.iter().flatten().any(|it| it.contains_key(key));
    for field in fields {
        let key = field.path.strip_prefix("environment");
        let key = key.map(|key| key.trim_matches(['.', '[', ']', '"']));
        if key.is_some_and(is_of_file) {
            hide(field);
        }
    }
}

/// What stands in the files of a service, a later one before an earlier one; `None` where one of them is not known, and nothing where it
/// has none.
pub(super) fn variables(stack: &Stack<'_>, service: &Object) -> Option<Map<String, Value>> {
    let mut found = Map::new();
    for path in env_file_paths(written(service)) {
        let file = stack.file(&Object::beside(&service.file, path))?;
        let Content::Text(text) = &file.content else {
            return None;
        };
        found.extend(lines(text));
    }
    Some(found)
}

/// What zdc itself writes has no such files.
fn written(service: &Object) -> &Value {
    match &service.content {
        Content::Value(value) => value,
        Content::Text(_) => &Value::Null,
    }
}

/// The paths of a service's `env_file`, in either form, from the folder of its stack file.
pub fn env_file_paths(service: &Value) -> impl Iterator<Item = &str> {
    let files = service.get("env_file");
    let one = files.and_then(Value::as_str);
    let many = files.and_then(Value::as_array).into_iter().flatten();
    one.into_iter().chain(many.filter_map(Value::as_str))
}

/// Each line as it is, without quotes being taken away, but for a byte order mark before the first; one without a value has that of whoever
/// deploys (docker/cli `pkg/kvfile/kvfile.go`, `Parse`).
fn lines(text: &str) -> Vec<(String, Value)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().map(str::trim_start);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.map(|line| match line.split_once('=') {
        Some((key, value)) => (key.to_owned(), Value::from(value)),
        None => (line.trim_end().to_owned(), Value::Null),
    });
    pairs.collect()
}
