//! What of a service may be written in more than one form: docker/cli `cli/compose/loader/loader.go` (`transformShellCommand` and its
//! neighbours) has one for all of them before anything is compared.
//!
//! A form is read to be compared, and never shown: a plan shows what is written.

use crate::change::short::pairs;
use serde_json::{Map, Value, json};

/// One form for all; `None` where it is not sure what is meant.
pub(super) type Read = fn(&Value) -> Option<Value>;

/// What may be written in more than one form, by its path, and what it is where nothing is written, if that is known.
pub(super) const FORMS: &[(&str, Read, Option<u64>)] = &[
    ("command", command, None),
    ("entrypoint", command, None),
    ("healthcheck.test", test, None),
    ("healthcheck", check, None),
    ("extra_hosts", hosts, None),
    ("dns", list, None),
    ("dns_search", list, None),
    ("sysctls", map, None),
    ("logging.options", map, None),
    ("ulimits", limits, None),
    ("deploy.resources.limits.memory", bytes, None),
    ("deploy.resources.reservations.memory", bytes, None),
    ("deploy.resources.limits.cpus", cpus, None),
    ("deploy.resources.reservations.cpus", cpus, None),
    ("stop_grace_period", time, None),
    ("healthcheck.interval", time, None),
    ("healthcheck.timeout", time, None),
    ("healthcheck.start_period", time, None),
    ("healthcheck.start_interval", time, None),
    ("deploy.update_config.delay", time, Some(0)),
    ("deploy.update_config.monitor", time, Some(5_000_000_000)),
    ("deploy.rollback_config.delay", time, Some(0)),
    ("deploy.rollback_config.monitor", time, Some(5_000_000_000)),
    ("deploy.restart_policy.delay", time, None),
    ("deploy.restart_policy.window", time, None),
];

/// `sh -c 'exit 0'` as words, the first with what stands in quotes (google/shlex, `Split`). A variable may be more words than one, and what
/// a shell takes for more than text older versions of docker took so, too (mattn/go-shellwords).
fn command(written: &Value) -> Option<Value> {
    let Value::String(text) = written else {
        return written.is_array().then(|| written.clone());
    };
    words(text).map(Value::from)
}

fn words(text: &str) -> Option<Vec<String>> {
    if text.replace("$$", "").contains('$') {
        return None;
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some('"') | None, '\\' | '`')
            | (None, '#' | ';' | '&' | '|' | '<' | '>' | '(' | ')') => return None,
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t' | '\r' | '\n') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// A text is a shell's.
fn test(written: &Value) -> Option<Value> {
    match written {
        Value::String(text) => Some(json!(["CMD-SHELL", text])),
        list => list.is_array().then(|| list.clone()),
    }
}

/// A check that is switched off (docker/cli `cli/compose/convert/service.go`, `convertHealthcheck`).
fn check(written: &Value) -> Option<Value> {
    if written.get("disable") == Some(&Value::Bool(true)) {
        return Some(json!({"test": ["NONE"]}));
    }
    let mut fields = written.as_object()?.clone();
    fields.remove("disable");
    Some(Value::Object(fields))
}

/// A map is a list in the order of its names.
fn hosts(written: &Value) -> Option<Value> {
    let Value::Object(hosts) = written else {
        return written.is_array().then(|| written.clone());
    };
    let lines = hosts
        .iter()
        .map(|(name, address)| Some(format!("{name}:{}", address.as_str()?)));
    let mut lines = lines.collect::<Option<Vec<String>>>()?;
    lines.sort();
    Some(lines.into())
}

fn list(written: &Value) -> Option<Value> {
    match written {
        Value::String(_) => Some(json!([written])),
        list => list.is_array().then(|| list.clone()),
    }
}

fn map(written: &Value) -> Option<Value> {
    let mut map = written.clone();
    pairs(&mut map);
    map.is_object().then_some(map)
}

/// One number is both.
fn limits(written: &Value) -> Option<Value> {
    let limits = written.as_object()?.iter().map(|(name, limit)| {
        let both = match limit {
            Value::Number(number) => json!({"soft": number, "hard": number}),
            other => other.clone(),
        };
        (name.clone(), both)
    });
    Some(Value::Object(limits.collect::<Map<_, _>>()))
}

/// `1G` in bytes (docker/go-units, `RAMInBytes`): of 1024 each, whatever follows the letter.
pub(super) fn bytes(written: &Value) -> Option<Value> {
    if written.is_u64() {
        return Some(written.clone());
    }
    let text = written.as_str()?.to_ascii_lowercase();
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let end = text.find(|c| !is_number(c)).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    let unit = unit.trim_start();
    let unit = unit
        .strip_suffix("ib")
        .or_else(|| unit.strip_suffix('b'))
        .unwrap_or(unit);
    let units = ["", "k", "m", "g", "t", "p"];
    let power = units.iter().position(|known| *known == unit)?;
    let size = 1024_u128.checked_pow(u32::try_from(power).ok()?)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let part = part
        .parse::<u128>()
        .ok()?
        .checked_mul(size)?
        .checked_div(scale)?;
    let whole = whole.parse::<u128>().ok()?.checked_mul(size)?;
    Some(u64::try_from(whole.checked_add(part)?).ok()?.into())
}

/// `0.50` without what does not count (docker/cli `opts/opts.go`, `ParseCPUs`).
fn cpus(written: &Value) -> Option<Value> {
    let text = match written {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if text.len() < 2 && !is_number(&text) || !is_number(whole) || !is_number(part) {
        return None;
    }
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    Some(format!("{whole}.{part}").into())
}

fn time(written: &Value) -> Option<Value> {
    nanoseconds(written.as_str()?).map(Value::from)
}

/// `1m30s` as Go reads it (`time.ParseDuration`).
fn nanoseconds(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(0);
    }
    let mut sum: f64 = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at_checked(end)?;
        let end = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at_checked(end)?;
        let size: f64 = match unit {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            _ => return None,
        };
        sum += number.parse::<f64>().ok()? * size;
        rest = tail;
    }
    // Of what a person writes, whole nanoseconds are far below what is lost here.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is neither negative nor beyond the range"
    )]
    (sum.is_finite() && sum < 1e18).then_some(sum as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_its_words() {
        let of = |text: &str| words(text);
        let is = |text: &str, expected: &[&str]| {
            assert_eq!(of(text).unwrap(), expected, "{text}");
        };
        is("", &[]);
        is(
            " postgres  -c max_connections=200\n",
            &["postgres", "-c", "max_connections=200"],
        );
        is(
            "sh -c 'exit \"0\"; true'",
            &["sh", "-c", "exit \"0\"; true"],
        );
        is("a\"b c\"d '' \"\"", &["ab cd", "", ""]);
        is("echo $$HOME", &["echo", "$$HOME"]);
        for unsure in [
            "a\\ b",
            "a $B",
            "a ${B}",
            "a # b",
            "a; b",
            "a `b`",
            "a 'b",
            "\"a\\\"\"",
        ] {
            assert_eq!(of(unsure), None, "{unsure}");
        }
    }

    #[test]
    fn amounts_are_the_same_in_every_form() {
        let same = |read: Read, one: Value, other: Value| {
            assert!(
                read(&one).is_some() && read(&one) == read(&other),
                "{one} {other}"
            );
        };
        same(bytes, json!("1G"), json!("1024M"));
        same(bytes, json!("1gib"), json!(1_073_741_824));
        same(bytes, json!("512 mb"), json!("512M"));
        same(bytes, json!("0.5G"), json!("512M"));
        for wrong in ["G", "1..5G", "1x", "", "99999999999P"] {
            assert_eq!(bytes(&json!(wrong)), None, "{wrong}");
        }
        same(cpus, json!("0.50"), json!(".5"));
        same(cpus, json!("2"), json!(2.0));
        assert_eq!(cpus(&json!(".")), None);
        same(time, json!("1m30s"), json!("90s"));
        same(time, json!("1.5s"), json!("1500ms"));
        assert_eq!(time(&json!("5")), None);
    }
}
