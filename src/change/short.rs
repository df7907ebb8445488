//! What `docker stack deploy` and `docker compose` read in more than one form, in one.

use serde_json::{Map, Value, json};

/// The most ports that a range is written out to.
const MOST_PORTS: usize = 1000;

/// The parts of a short form, which are apart where no variable has its default or its message: docker puts variables in before it
/// reads `${PORT:-8080}:80` (docker/cli `cli/compose/loader/loader.go`, `Load`).
pub(super) fn parts(short: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    let mut before = ' ';
    for (at, letter) in short.char_indices() {
        match letter {
            '{' if before == '$' || depth > 0 => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if letter == separator && depth == 0 => {
                parts.extend(short.get(start..at));
                start = at + letter.len_utf8();
            }
            _ => {}
        }
        before = letter;
    }
    parts.extend(short.get(start..));
    parts
}

/// `["A=1"]` is `{A: "1"}`, and so are `{A: 1}` and `{A: 1.0}` (docker/cli `cli/compose/loader/loader.go`, `toString`).
pub(super) fn pairs(field: &mut Value) {
    if let Value::Object(pairs) = field {
        for value in pairs
            .values_mut()
            .filter(|it| it.is_number() || it.is_boolean())
        {
            *value = printed(value).into();
        }
    }
    if let Value::Array(items) = field {
        let items = items.iter().filter_map(Value::as_str);
        let pairs = items.map(|item| match item.split_once('=') {
            Some((key, value)) => (key.to_owned(), value.into()),
            None => (item.to_owned(), Value::Null),
        });
        *field = Value::Object(pairs.collect());
    }
}

/// What Go prints of a number or a truth (`fmt.Sprint`): a fraction with an exponent where `strconv.FormatFloat` of `g` writes one.
fn printed(value: &Value) -> String {
    let Some(number) = value.as_f64().filter(|_| value.is_f64()) else {
        return value.to_string();
    };
    let digits = format!("{number:e}");
    let Some((digits, Ok(exponent))) = digits
        .split_once('e')
        .map(|(digits, exponent)| (digits, exponent.parse::<i32>()))
    else {
        return digits;
    };
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// The same of labels, of which one without a value has an empty one (docker/cli `cli/compose/loader/loader.go`, `toString`).
pub(super) fn labels(field: &mut Value) {
    pairs(field);
    if let Value::Object(labels) = field {
        for label in labels.values_mut().filter(|it| it.is_null()) {
            *label = "".into();
        }
    }
}

/// By the port outside: `80/tcp`; where the engine chooses that, by the one inside: `:80/tcp`.
pub(super) fn ports(field: &mut Value) {
    let Value::Array(ports) = field else {
        return;
    };
    let mut by_port = Map::new();
    for port in ports.iter() {
        let (published, target, protocol, mode) = match port {
            Value::Object(long) => {
                let text = |key: &str| match long.get(key) {
                    Some(Value::String(text)) => text.clone(),
                    Some(Value::Null) | None => String::new(),
                    Some(other) => other.to_string(),
                };
                let or = |key: &str, default: &str| match text(key) {
                    none if none.is_empty() => default.to_owned(),
                    written => written,
                };
                (
                    text("published"),
                    text("target"),
                    or("protocol", "tcp"),
                    or("mode", "ingress"),
                )
            }
            short => {
                let short = match short {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let halves = parts(&short, '/');
                let (numbers, protocol) = match *halves {
                    [numbers, ref protocol @ ..] if !protocol.is_empty() => {
                        (numbers, protocol.join("/"))
                    }
                    _ => (&*short, "tcp".to_owned()),
                };
                let numbers = parts(numbers, ':');
                let (target, published) = numbers.split_last().unwrap_or((&"", &[]));
                (
                    published.join(":"),
                    (*target).to_owned(),
                    protocol,
                    "ingress".to_owned(),
                )
            }
        };
        for (published, target) in one_by_one(&published, &target) {
            let mut key = match &*published {
                "" | "0" => format!(":{target}/{protocol}"),
                published => format!("{published}/{protocol}"),
            };
            while by_port.contains_key(&key) {
                key.push('\'');
            }
            by_port.insert(key, json!({"target": target, "mode": mode}));
        }
    }
    *field = Value::Object(by_port);
}

/// The ports of two ranges that belong together: `8000-8001` and `80-81`.
fn one_by_one(published: &str, target: &str) -> Vec<(String, String)> {
    let range = |text: &str| -> Option<Vec<u16>> {
        let (first, last) = text.split_once('-')?;
        let numbers = first.parse::<u16>().ok()?..=last.parse::<u16>().ok()?;
        (numbers.len() <= MOST_PORTS).then(|| numbers.collect())
    };
    match (range(published), range(target)) {
        (Some(outside), Some(inside)) if outside.len() == inside.len() => {
            let both = outside.iter().zip(&inside);
            both.map(|(outside, inside)| (outside.to_string(), inside.to_string()))
                .collect()
        }
        (None, Some(inside)) if published.is_empty() => {
            let inside = inside.iter();
            inside
                .map(|inside| (String::new(), inside.to_string()))
                .collect()
        }
        _ => vec![(published.to_owned(), target.to_owned())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(mut ports: Value) -> Value {
        super::ports(&mut ports);
        ports
    }

    #[test]
    fn ports_are_the_same_in_every_form() {
        let short = seen(json!(["8000-8001:80-81", "53:53/udp"]));
        let long = seen(json!([
            {"target": 80, "published": 8000},
            {"target": 81, "published": "8001", "mode": "ingress"},
            {"target": 53, "published": 53, "protocol": "udp"},
        ]));
        assert_eq!(short, long);
    }

    #[test]
    fn a_number_is_what_go_prints_of_it() {
        for (number, is) in [
            ("1.0", "1"),
            ("-0.0", "-0"),
            ("1.50", "1.5"),
            ("123456.0", "123456"),
            ("1e6", "1e+06"),
            ("12345678.9", "1.23456789e+07"),
            ("1e21", "1e+21"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("21e-3", "0.021"),
            ("18446744073709551615", "18446744073709551615"),
            ("true", "true"),
        ] {
            let mut field = serde_json::from_str(&format!("{{\"A\": {number}}}")).unwrap();
            pairs(&mut field);
            assert_eq!(field["A"], is, "{number}");
        }
    }

    #[test]
    fn a_variable_is_one_word() {
        assert_eq!(parts("${A:-${B:-/srv}}/pg:/data:ro", ':').len(), 3);
        assert_eq!(parts("${A:?set {A}}:/data", ':').len(), 2);
        let ports = seen(json!(["${P:-8080}:80", "${Q:-53/udp}"]));
        let keys: Vec<&String> = ports.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["${P:-8080}/tcp", ":${Q:-53/udp}/tcp"]);
    }

    #[test]
    fn ports_that_the_engine_chooses_are_several() {
        let ports = seen(json!(["80", 443, "80"]));
        let keys: Vec<&String> = ports.as_object().unwrap().keys().collect();
        assert_eq!(keys, [":443/tcp", ":80/tcp", ":80/tcp'"]);
    }
}
