//! Shapes of values in a stack file, and the words in which docker says that a value has another one
//! (docker/cli `cli/compose/schema/schema.go`): of several faults the one that is deepest, and a value of a wrong kind before a word that is unknown.

use rustc_hash::FxHashSet;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// What a value may be.
pub(super) enum Shape {
    Anything,
    Text,
    /// A number, or a text like `8080:80/tcp`.
    Port,
    /// A text in Go's form: `1m30s`.
    Duration,
    /// One of some texts.
    OneOf(&'static [&'static str]),
    Number,
    Integer,
    Boolean,
    Nothing,
    List(&'static Shape),
    /// A list without the same twice.
    Set(&'static Shape),
    /// A mapping of any words.
    Mapping(&'static Shape),
    /// The same where the words are names: of letters, digits, `.`, `_` and `-`.
    Named(&'static Shape),
    /// A mapping of these words, of which some must be there.
    Block(&'static [(&'static str, Shape)], &'static [&'static str]),
    /// A mapping of these words and any others.
    Open(&'static [(&'static str, Shape)]),
    /// The first of these whose kind the value has (`oneOf`): where it has none of them, docker names the first.
    Either(&'static [Shape]),
    /// The same, of which docker names all (`type` with several).
    Any(&'static [Shape]),
}

use Shape::{
    Any, Anything, Block, Boolean, Duration, Either, Integer, List, Mapping, Named, Nothing,
    Number, OneOf, Open, Port, Set, Text,
};

struct Fault {
    /// How many words lead to it.
    depth: usize,
    is_of_kind: bool,
    said: String,
}

#[derive(Default)]
struct Faults {
    worst: Option<Fault>,
}

impl Faults {
    fn add(&mut self, path: &[String], is_of_kind: bool, said: &str) {
        let depth = path.len();
        let rank = |fault: &Fault| (fault.depth, fault.is_of_kind);
        if self
            .worst
            .as_ref()
            .is_none_or(|worst| rank(worst) < (depth, is_of_kind))
        {
            self.worst = Some(Fault {
                depth,
                is_of_kind,
                said: match path {
                    [] => format!("(root) {said}"),
                    path => format!("{} {said}", path.join(".")),
                },
            });
        }
    }
}

impl Shape {
    /// What docker says of a value, by the words that lead to it.
    pub(super) fn fault(&self, mut path: Vec<String>, value: &Value) -> Option<String> {
        let mut faults = Faults::default();
        self.holds(value, &mut path, &mut faults);
        faults.worst.map(|worst| worst.said)
    }

    /// What docker calls the kind of value.
    fn kind(&self) -> String {
        let kind = match self {
            Anything | Text | Duration | OneOf(_) => "string",
            Number | Port => "number",
            Integer => "integer",
            Boolean => "boolean",
            Nothing => "null",
            List(_) | Set(_) => "list",
            Mapping(_) | Named(_) | Block(..) | Open(_) => "mapping",
            Either(shapes) => return shapes.first().map(Shape::kind).unwrap_or_default(),
            Any(shapes) => {
                let mut kinds: Vec<String> = shapes.iter().map(Shape::kind).collect();
                let last = kinds.pop().unwrap_or_default();
                return format!("{} or {last}", kinds.join(", "));
            }
        };
        kind.to_owned()
    }

    /// Whether a value is of this kind, whatever is in it.
    fn fits(&self, value: &Value) -> bool {
        match self {
            Anything => true,
            Text | Duration | OneOf(_) => value.is_string(),
            // Variables are put in before, and what is made of them is a number then.
            Number => value.is_number() || is_open(value),
            // `2.0` is one.
            Integer => is_whole(value) || is_open(value),
            Port => value.is_number() || value.is_string(),
            Boolean => value.is_boolean() || is_open(value),
            Nothing => value.is_null(),
            List(_) | Set(_) => value.is_array(),
            Mapping(_) | Named(_) | Block(..) | Open(_) => value.is_object(),
            Either(shapes) | Any(shapes) => shapes.iter().any(|shape| shape.fits(value)),
        }
    }

    fn holds(&self, value: &Value, path: &mut Vec<String>, faults: &mut Faults) {
        if !self.fits(value) {
            faults.add(path, true, &format!("must be a {}", self.kind()));
            return;
        }
        match (self, value) {
            (Either(shapes) | Any(shapes), _) => {
                if let Some(shape) = shapes.iter().find(|shape| shape.fits(value)) {
                    shape.holds(value, path, faults);
                }
            }
            (Duration, Value::String(text)) if !is_duration(text) => {
                faults.add(path, false, "Does not match format 'duration'");
            }
            (Port, value) if !is_port(value) => {
                faults.add(path, false, "Does not match format 'ports'");
            }
            (OneOf(words), Value::String(text))
                if !words.contains(&text.as_str()) && !text.contains('$') =>
            {
                let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
                let said = format!(
                    "{} must be one of the following: {}",
                    path.join("."),
                    words.join(", ")
                );
                faults.add(path, false, &said);
            }
            (List(item) | Set(item), Value::Array(items)) => {
                if matches!(self, Set(_))
                    && let Some((first, again)) = twice(items)
                {
                    let said = format!("array items[{first},{again}] must be unique");
                    faults.add(path, false, &said);
                }
                for (index, value) in items.iter().enumerate() {
                    item.within(index.to_string(), value, path, faults);
                }
            }
            (Mapping(entry), Value::Object(entries)) => {
                for (key, value) in entries {
                    entry.within(key.clone(), value, path, faults);
                }
            }
            (Named(entry), Value::Object(entries)) => {
                for (name, value) in entries {
                    if is_name(name) {
                        entry.within(name.clone(), value, path, faults);
                    } else {
                        let said = format!("Additional property {name} is not allowed");
                        faults.add(path, false, &said);
                    }
                }
            }
            (Block(words, needed), Value::Object(entries)) => {
                block(words, needed, entries, path, faults);
            }
            (Open(words), Value::Object(entries)) => {
                for (word, shape) in *words {
                    if let Some(value) = entries.get(*word) {
                        shape.within((*word).to_owned(), value, path, faults);
                    }
                }
            }
            _ => {}
        }
    }

    fn within(&self, step: String, value: &Value, path: &mut Vec<String>, faults: &mut Faults) {
        path.push(step);
        self.holds(value, path, faults);
        path.pop();
    }
}

fn block(
    words: &[(&str, Shape)],
    needed: &[&str],
    entries: &Map<String, Value>,
    path: &mut Vec<String>,
    faults: &mut Faults,
) {
    for (key, value) in entries {
        match words.iter().find(|(word, _)| word == key) {
            Some((_, shape)) => shape.within(key.clone(), value, path, faults),
            // Only at the top of an entry, where `docker stack deploy` leaves it out, or of the file.
            None if matches!(path.len(), 0 | 2) && key.starts_with("x-") => {}
            None => {
                let said = format!("Additional property {key} is not allowed");
                faults.add(path, false, &said);
            }
        }
    }
    if let Some(word) = needed.iter().find(|word| !entries.contains_key(**word)) {
        faults.add(path, false, &format!("{word} is required"));
    }
}

/// Whether what a value is depends on a variable.
fn is_open(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('$'))
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    !text.is_empty() && bytes.all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it))
}

/// Whether it is a port as docker reads it (docker/go-connections `nat/nat.go`, `ParsePortSpec`): `[ADDRESS:][OUTSIDE:]INSIDE[/PROTOCOL]`.
fn is_port(value: &Value) -> bool {
    let text = match value {
        Value::String(text) => text.clone(),
        // What has a point is told of later, and in other words.
        number if !number.is_u64() => return number.is_f64(),
        number => number.to_string(),
    };
    if text.contains('$') {
        return true;
    }
    let (before, inside) = match text.rsplit_once(':') {
        Some((before, inside)) => (Some(before), inside),
        None => (None, text.as_str()),
    };
    let (address, outside) = match before.and_then(|before| before.rsplit_once(':')) {
        Some((address, outside)) => (address, outside),
        None => ("", before.unwrap_or_default()),
    };
    let (inside, protocol) = inside.split_once('/').unwrap_or((inside, ""));
    // Some versions take what stands behind another slash.
    let protocol = protocol.split('/').next().unwrap_or_default();
    let is_protocol = ["", "tcp", "udp", "sctp"].contains(&&*protocol.to_ascii_lowercase());
    let bare = address
        .strip_prefix('[')
        .and_then(|it| it.strip_suffix(']'));
    let is_address = address.is_empty() || bare.unwrap_or(address).parse::<IpAddr>().is_ok();
    let is_range = match (ports(inside), outside) {
        (None, _) => false,
        (Some(_), "") => true,
        // One port inside may be any of several outside.
        (Some(count), outside) => {
            ports(outside).is_some_and(|others| count == others || count == 1)
        }
    };
    is_protocol && is_address && is_range
}

/// How many ports a range has.
fn ports(text: &str) -> Option<u32> {
    let number = |text: &str| {
        let is_number = text.bytes().all(|it| it.is_ascii_digit());
        text.parse::<u16>().ok().filter(|_| is_number)
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    Some(u32::from(last.checked_sub(first)?) + 1)
}

/// Whether Go's `time.ParseDuration` takes it.
fn is_duration(text: &str) -> bool {
    if text.contains('$') || text == "0" {
        return true;
    }
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let is_of_number = |it: char| it.is_ascii_digit() || it == '.';
        let (digits, after) = split(rest, |it| !is_of_number(it));
        let (unit, next) = split(after, is_of_number);
        let is_number = digits.matches('.').count() <= 1 && digits != "." && !digits.is_empty();
        if !is_number || !["ns", "us", "µs", "μs", "ms", "s", "m", "h"].contains(&unit) {
            return false;
        }
        rest = next;
    }
    true
}

fn split(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn is_whole(value: &Value) -> bool {
    let is_whole = |number: f64| number.fract() == 0.0;
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(is_whole)
}

/// Where a list has the same as before.
fn twice(items: &[Value]) -> Option<(usize, usize)> {
    let mut seen = FxHashSet::default();
    let again = items.iter().position(|item| !seen.insert(item))?;
    let first = items
        .iter()
        .position(|item| Some(item) == items.get(again))?;
    Some((first, again))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docker stack config` says so of each.
    #[test]
    fn ports_are_dockers() {
        for good in [
            "80",
            "80-82",
            "8080:80",
            "80-82:80",
            "80-82:80-82",
            "0:80",
            "80:0",
            ":80",
            "80/",
            "80:80/TCP",
            "80:80/sctp",
            "127.0.0.1:80:80",
            "1.2.3.4::80",
            "::1:80:80",
            "[::1]:80:80",
            "127.0.0.1:80-81:80-81",
            "${PORT}:80",
            "${PORT:-80:80:80:80}",
        ] {
            assert!(is_port(&Value::from(good)), "{good}");
        }
        for bad in [
            "80:80:80:80",
            "abc:80",
            "80-82:80-81",
            "80:80-82",
            "80:abc",
            "70000:80",
            "80:70000",
            "80:80/foo",
            "80:",
            "localhost:80:80",
            "a",
            "",
            "80-70",
            "-1:80",
            "80 :80",
            "80:80:tcp",
            "80.5:80",
            "[::1:80:80",
        ] {
            assert!(!is_port(&Value::from(bad)), "{bad}");
        }
        assert!(is_port(&Value::from(80)) && is_port(&Value::from(80.5)));
        assert!(!is_port(&Value::from(70000)) && !is_port(&Value::from(-1)));
    }

    #[test]
    fn durations_are_gos() {
        for good in [
            "30s", "1m30s", "0", "0s", "1.5h", "500ms", "${GRACE}", "-1s",
        ] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["30", "10 s", "1d", "", "s", ".s", "1.2.3s", "-"] {
            assert!(!is_duration(bad), "{bad}");
        }
    }
}
