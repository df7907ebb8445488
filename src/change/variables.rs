//! Variables that `docker` puts in when a stack file or a Compose file is deployed: `$NAME`, `${NAME}`, `${NAME:-default}`; a `$$` is a dollar
//! (docker/cli `cli/compose/template/template.go`).

use crate::targets::{Content, Object};
use serde_json::Value;

/// The variables that a line names. A default goes on to the first brace, so that one in it is none (`subst`).
pub(super) fn named_in(line: &str) -> impl Iterator<Item = &str> {
    let mut parts = line.split('$');
    parts.next();
    let (mut escaped, mut in_default) = (false, false);
    parts.filter_map(move |part| {
        if in_default {
            in_default = !part.contains('}');
            return None;
        }
        if std::mem::take(&mut escaped) {
            return None;
        }
        if part.is_empty() {
            escaped = true;
            return None;
        }
        let Some(name) = part.strip_prefix('{') else {
            return Some(name_at(part)).filter(|name| !name.is_empty());
        };
        let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let more = name.get(end..).unwrap_or_default();
        let has_default = more.trim_start_matches(':').starts_with(['-', '?']);
        in_default = has_default && !more.contains('}');
        name.get(..end).filter(|name| !name.is_empty())
    })
}

/// The name that a text begins with, as it stands behind a dollar without braces.
fn name_at(text: &str) -> &str {
    let is_digit_first = text.starts_with(|it: char| it.is_ascii_digit());
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    let end = text.find(|it| !is_part(it)).unwrap_or(text.len());
    text.get(..end)
        .filter(|_| !is_digit_first)
        .unwrap_or_default()
}

/// Puts in what the values of variables are known to be.
pub fn substitute(objects: &mut [Object], values: &[(String, String)]) {
    // What YAML might read as something else in a text is left: docker puts it in after reading.
    let is_plain = |text: &str| {
        let mut letters = text.chars();
        letters.all(|it| it.is_ascii_alphanumeric() || "-_./@+".contains(it))
    };
    let of = |name: &str| {
        let mut given = values.iter().rev();
        let (_, value) = given.find(|(given, value)| given == name && is_plain(value))?;
        Some(value.as_str())
    };
    // What a config is made of is taken as it is.
    for object in objects.iter_mut().filter(|it| it.kind != Object::FILE) {
        match &mut object.content {
            Content::Text(text) => {
                if let Some(put_in) = put_in(text, &of) {
                    *text = put_in.into();
                }
            }
            Content::Value(value) => within(value, &of),
        }
    }
}

fn within<'v>(value: &mut Value, of: &impl Fn(&str) -> Option<&'v str>) {
    match value {
        Value::String(text) => {
            if let Some(put_in) = put_in(text, of) {
                *text = put_in;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| within(item, of)),
        Value::Object(fields) => fields.values_mut().for_each(|field| within(field, of)),
        _ => {}
    }
}

/// A text with the values that are known, where it has any.
fn put_in<'v>(text: &str, of: &impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    if !named_in(text).any(|name| of(name).is_some()) {
        return None;
    }
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        done.push_str(before);
        let Some((whole, next)) = after.strip_prefix('{').and_then(|it| it.split_once('}')) else {
            let name = name_at(after);
            rest = after.get(name.len()..).unwrap_or_default();
            match of(name).filter(|_| !name.is_empty()) {
                Some(value) => done.push_str(value),
                None => done.extend(["$", name]),
            }
            // A dollar of its own.
            if let Some(own) = after.strip_prefix('$') {
                done.push('$');
                rest = own;
            }
            continue;
        };
        let end = whole.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        let (name, _) = whole.split_at(end.unwrap_or(whole.len()));
        match of(name) {
            Some(value) => done.push_str(value),
            None => done.extend(["${", whole, "}"]),
        }
        rest = next;
    }
    done.push_str(rest);
    Some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_told_from_dollars() {
        let found = |line| named_in(line).collect::<Vec<_>>();
        assert_eq!(found("image: a:${TAG:-1}-${B}"), ["TAG", "B"]);
        assert_eq!(found("price: $$5 $${NOT} ${YES:?x}"), ["YES"]);
        assert_eq!(found("no $ here ${ or $1 or $$NOT"), [""; 0]);
        assert_eq!(found("${A:-${B}}-${C:-$D}-${E}"), ["A", "C", "E"]);
        assert_eq!(found("a_$ONE-$_two.$Three3"), ["ONE", "_two", "Three3"]);
    }

    #[test]
    fn known_values_are_put_in() {
        let put_in = |text| super::put_in(text, &|name| (name == "TAG").then_some("1.4.2"));
        assert_eq!(
            put_in("image: a:${TAG:-1}-${B:?set B}").as_deref(),
            Some("image: a:1.4.2-${B:?set B}")
        );
        assert_eq!(put_in("$${TAG} ${TAG}").as_deref(), Some("$${TAG} 1.4.2"));
        assert_eq!(put_in("${B}"), None);
        assert_eq!(
            put_in("$TAG $TAGS-$$TAG/$TAG.$").as_deref(),
            Some("1.4.2 $TAGS-$$TAG/1.4.2.$")
        );
    }
}
