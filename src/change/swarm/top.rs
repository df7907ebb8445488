//! What `docker stack deploy` says of a stack file as a whole: of what stands at its top (docker/cli `cli/compose/schema/schema.go`), and of
//! the dollars in its texts (`cli/compose/template/template.go`), which it reads before all else.

use super::schema;
use super::stack::Stack;
use crate::change::difference::value;
use crate::change::{Change, Effect};
use crate::targets::{Content, Object};
use serde_json::Value;

/// What docker refuses at the top of a file, and what to write instead.
pub(super) struct Fault {
    pub(super) said: String,
    pub(super) way: &'static str,
}

/// What docker says of the top of a stack's file.
pub(super) fn fault(stack: &Stack<'_>) -> Option<Fault> {
    if let Some(Content::Text(said)) = stack.refused.map(|it| &it.content) {
        let way = "take out one of the two: of each other reader it is another one that counts";
        return Some(Fault {
            said: said.to_string(),
            way,
        });
    }
    let top = value(&stack.top?.content);
    let version = top.get("version");
    if let Some(said) = version.and_then(unsupported) {
        let way = "write a version from `\"3.0\"` to `\"3.13\"`, or leave `version` out";
        return Some(Fault { said, way });
    }
    let said = schema::fault_at_top(&top)?;
    let way = match said.as_str() {
        "version must be a string" => {
            "write it between quotes, `version: \"3.8\"`, or leave it out"
        }
        "(root) Additional property name is not allowed" => {
            "leave `name` out, which docker compose alone reads: a stack goes by the name that `docker stack deploy` is given"
        }
        said if said.ends_with(" must be a mapping") => {
            "leave the section out, or write `{}` where nothing is in it"
        }
        said if said.starts_with("(root) ") => {
            "leave the word out, or have it begin with `x-` where only people and other tools read it"
        }
        _ => "give it a name of letters, digits, `.`, `_` and `-`",
    };
    Some(Fault { said, way })
}

/// A version of the format of which docker has no schema. It is read before variables are put in.
fn unsupported(version: &Value) -> Option<String> {
    let written = match version {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let minor = written
        .strip_prefix("3.")
        .and_then(|minor| minor.parse::<u8>().ok());
    let is_known = minor.is_some_and(|minor| minor <= 13 && written == format!("3.{minor}"));
    let is_known = is_known || written.is_empty() || written == "3" || written.contains('$');
    (!is_known).then(|| format!("unsupported Compose file version: {written}"))
}

/// What docker says of the first dollar of an entry that names no variable.
pub(super) fn of_dollars(section: &str, object: &Object) -> Option<String> {
    match &object.content {
        Content::Value(entry) => in_value(entry, &mut vec![section, &object.name]),
        Content::Text(_) => None,
    }
}

fn in_value<'v>(value: &'v Value, path: &mut Vec<&'v str>) -> Option<String> {
    match value {
        Value::String(text) if !names_variables(text) => Some(format!(
            "invalid interpolation format for {}: {text:?}; you may need to escape any $ with another $",
            path.join(".")
        )),
        Value::Array(items) => {
            path.push("[]");
            let found = items.iter().find_map(|item| in_value(item, path));
            path.pop();
            found
        }
        Value::Object(fields) => fields.iter().find_map(|(key, field)| {
            path.push(key);
            let found = in_value(field, path);
            path.pop();
            found
        }),
        _ => None,
    }
}

/// Whether docker takes the dollars of a text, behind each of which there is another one or a variable: `$A`, `${A}`, `${A:-b}`, `${A?b}`. What is
/// none it forgets once a variable comes behind it (`cli/compose/template/template.go`, `substituteWith`).
fn names_variables(text: &str) -> bool {
    let mut rest = text;
    let mut is_taken = true;
    while let Some((_, behind)) = rest.split_once('$') {
        let variable = match behind.strip_prefix('{') {
            Some(inner) => variable(inner).and_then(|after| after.strip_prefix('}')),
            None => variable(behind),
        };
        rest = if let Some(after) = behind.strip_prefix('$') {
            after
        } else {
            is_taken = variable.is_some();
            variable.unwrap_or(behind)
        };
    }
    is_taken
}

/// What stands behind a variable, and behind its default or its message, which go on to the next brace.
fn variable(text: &str) -> Option<&str> {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let after = text
        .strip_prefix(is_first)?
        .trim_start_matches(|c: char| is_first(c) || c.is_ascii_digit());
    let more = after.strip_prefix(':').unwrap_or(after);
    Some(match more.strip_prefix(['-', '?']) {
        Some(words) => words.find('}').map_or("", |end| words.split_at(end).1),
        None => after,
    })
}

/// What docker takes for a part of a text that a variable is nested in: a default goes on to the first brace, so that what stands behind it is
/// text (`cli/compose/template/template.go`, `subst`).
pub(super) fn nested(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('$') {
        if let Some(after) = behind.strip_prefix('$') {
            rest = after;
            continue;
        }
        rest = behind;
        let Some(inner) = behind.strip_prefix('{') else {
            continue;
        };
        let Some(after) = variable(inner).and_then(|after| after.strip_prefix('}')) else {
            continue;
        };
        rest = after;
        let end = inner.len().saturating_sub(after.len() + 1);
        let whole = inner.get(..end)?;
        if whole.contains("${") && after.contains('}') {
            return Some(whole);
        }
    }
    None
}

/// Says so of services whose tasks are given such a text.
pub(super) fn tell_nested(changes: &mut [Change]) {
    fn within(value: &Value) -> Option<&str> {
        match value {
            Value::String(text) => nested(text),
            Value::Array(items) => items.iter().find_map(within),
            Value::Object(fields) => fields.values().find_map(within),
            _ => None,
        }
    }
    let stays = |it: &Change| matches!(it.effect, Effect::Ignored | Effect::Left);
    let may = |it: &&mut Change| it.kind == "service" && !stays(it) && it.effect != Effect::Refused;
    for change in changes.iter_mut().filter(may) {
        let mut new = change.fields.iter().filter_map(|it| it.new.as_ref());
        if let Some(variable) = new.find_map(within).map(|it| format!("`${{{it}}}`")) {
            change.says_also(&format!(
                "docker takes no variable within a variable: it reads {variable}, and what stands behind that as text"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// `docker stack config` says so of each.
    #[test]
    fn a_dollar_is_docker_s() {
        for good in [
            "a",
            "$A",
            "${A}",
            "${A:-b}",
            "${A-}",
            "${A:?set}",
            "${A?}",
            "$$",
            "$$1",
            "$${A",
            "${A:-${B}}",
            "$a.b",
            "${A:-$1}",
            "${A:-a{b}",
            "$? $A",
            "$A-$",
        ] {
            assert!(names_variables(good), "{good}");
        }
        for bad in [
            "${A", "$A $?", "$1", "$", "a$", "${}", "${1}", "${A b}", "${A:}", "${A:+b}", "${A+b}",
            "$(pwd)", "${A.b}", "$-", "$$$", "${A::b}", "a$$$1",
        ] {
            assert!(!names_variables(bad), "{bad}");
        }
    }

    #[test]
    fn a_variable_ends_at_its_first_brace() {
        for (text, whole) in [
            ("a:${T:-${U:-1}}", Some("T:-${U:-1")),
            ("${A}-${T-${U}}b", Some("T-${U")),
            ("a:${T:-1}-${U:-2}", None),
            ("$${T:-${U}}", None),
            ("${T:-${U}", None),
            ("${T:-$U}", None),
            ("{{${T}}}", None),
        ] {
            assert_eq!(nested(text), whole, "{text}");
        }
    }

    #[test]
    fn versions_are_those_of_a_schema() {
        for good in [json!("3"), json!("3.13"), json!(""), json!(3.8), json!(3)] {
            assert_eq!(unsupported(&good), None, "{good}");
        }
        for (bad, said) in [
            (json!("2.4"), "2.4"),
            (json!(2), "2"),
            (json!("3.14"), "3.14"),
            (json!("3.08"), "3.08"),
            (json!(null), "<nil>"),
        ] {
            let said = format!("unsupported Compose file version: {said}");
            assert_eq!(unsupported(&bad), Some(said));
        }
    }
}
