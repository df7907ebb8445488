//! What a plan does not show, since many read it.

use super::Field;
use serde_json::Value;

/// What stands in the place of what a plan does not show: it is read by many.
const HIDDEN: &str = "(hidden)";

/// Hides both values of a difference.
pub(super) fn hide(field: &mut Field) {
    for side in [&mut field.old, &mut field.new].into_iter().flatten() {
        *side = Value::from(HIDDEN);
    }
}

/// A value without what its name, or a name in it, means to be a secret.
pub(super) fn shown(path: &[String], value: &Value) -> Value {
    let mut place = Place::default();
    for step in path {
        place = place.inside(step);
    }
    let mut value = value.clone();
    place.hide(&mut value);
    value
}

/// Where a value stands, as far as it may be a secret.
#[derive(Clone, Copy, Default)]
struct Place {
    /// Among values that people give.
    held: bool,
    /// Under a name that means a secret.
    named: bool,
}

impl Place {
    fn inside(self, step: &str) -> Self {
        // The name of a secret is none.
        const HOLDS: [&str; 6] = [
            "environment",
            "env",
            "data",
            "stringData",
            "labels",
            "options",
        ];
        Self {
            held: self.held || HOLDS.contains(&step),
            named: self.named || crate::rules::means_secret(step),
        }
    }

    /// Hides what is secret, however deep it is: a list without names is shown whole.
    fn hide(self, value: &mut Value) {
        match value {
            Value::String(_) | Value::Number(_) if self.held && self.named => {
                *value = Value::from(HIDDEN);
            }
            Value::String(text) => hide_in_words(text),
            Value::Object(entries) => {
                let name = entries.get("name").and_then(Value::as_str);
                let item = name.map_or(self, |name| self.inside(name));
                for (key, value) in entries {
                    match &**key {
                        "name" => {}
                        "value" => item.hide(value),
                        key => self.inside(key).hide(value),
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::String(text) => hide_in_pair(text),
                        item => self.hide(item),
                    }
                }
            }
            _ => {}
        }
    }
}

/// Hides the value of `KEY=value` where the key means a secret: of an environment, or of a command's options.
fn hide_in_pair(text: &mut String) {
    if let Some((key, _)) = text.split_once('=')
        && crate::rules::means_secret(key)
    {
        *text = format!("{key}={HIDDEN}");
    } else {
        hide_in_words(text);
    }
}

/// What a header is set to, as far as it is shown: a variable is no value.
pub(super) fn header<'v>(name: &str, value: &'v str) -> &'v str {
    let is_secret = crate::rules::means_secret(name) || name.eq_ignore_ascii_case("Authorization");
    if is_secret && !value.starts_with('$') {
        HIDDEN
    } else {
        value
    }
}

/// What stands behind a key, as far as it is shown.
pub(super) fn pair(key: &str, value: &str) -> String {
    if crate::rules::means_secret(key) {
        return HIDDEN.to_owned();
    }
    let mut shown = value.to_owned();
    hide_in_pair(&mut shown);
    shown
}

/// Hides what is secret within a text: in addresses, and in the words of a connection (`host=db password=…`).
fn hide_in_words(text: &mut String) {
    hide_in_addresses(text);
    hide_in_connections(text);
}

/// Hides the passwords in `web:…@tcp(db:3306)/shop` and in `host=db user=web password=…`, `Server=db;Password=…`.
fn hide_in_connections(text: &mut String) {
    if !text.contains(['=', '@']) {
        return;
    }
    let words = text.split_inclusive([' ', ';', '\n']).map(|word| {
        let end = word.trim_end_matches([' ', ';', '\n', '"', '\'']).len();
        let (word, rest) = word.split_at(end);
        let hidden = |kept: &str, value: &str| {
            let is_known = !value.is_empty() && !value.starts_with(['$', '(']);
            is_known.then(|| format!("{kept}{HIDDEN}"))
        };
        let pair = word.split_once('=');
        let pair = pair.filter(|(key, _)| crate::rules::means_secret(key));
        let of_pair = pair.and_then(|(key, value)| hidden(&format!("{key}="), value));
        let go = ["@tcp(", "@unix("]
            .iter()
            .find_map(|at| word.split_once(at).map(|it| (it, at)));
        let of_go = || {
            let ((user, host), at) = go?;
            let (user, password) = user.rsplit_once(':')?;
            Some(hidden(&format!("{user}:"), password)? + at + host)
        };
        of_pair.or_else(of_go).unwrap_or_else(|| word.to_owned()) + rest
    });
    *text = words.collect();
}

/// Hides the passwords in addresses: `postgres://web:…@db/shop`, `jdbc:…://db/shop?password=…`.
fn hide_in_addresses(text: &mut String) {
    if !text.contains("://") {
        return;
    }
    let mut done = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("://") {
        let ends = |it: char| it.is_whitespace() || matches!(it, '"' | '\'' | ',');
        let (address, next) = after.split_at(after.find(ends).unwrap_or(after.len()));
        done.extend([before, "://"]);
        hide_in_address(address, &mut done);
        rest = next;
    }
    done.push_str(rest);
    *text = done;
}

fn hide_in_address(address: &str, done: &mut String) {
    let ends = |it: char| matches!(it, '/' | '?' | '#');
    // A password may have one of those in it, where nobody wrote it as it should be.
    let end = address.rfind('@').or_else(|| address.find(ends));
    let (authority, rest) = address.split_at(end.unwrap_or(address.len()));
    match authority.split_once(':') {
        Some((user, password))
            if rest.starts_with('@') && !password.is_empty() && !password.starts_with('$') =>
        {
            done.extend([user, ":", HIDDEN]);
        }
        _ => done.push_str(authority),
    }
    for (number, part) in rest.split_inclusive(['?', '&', ';']).enumerate() {
        let (pair, end) = match part.char_indices().next_back() {
            Some((at, '?' | '&' | ';')) => part.split_at(at),
            _ => (part, ""),
        };
        match pair.split_once('=') {
            Some((key, value))
                if number > 0 && crate::rules::means_secret(key) && !value.starts_with('$') =>
            {
                done.extend([key, "=", HIDDEN]);
            }
            _ => done.push_str(pair),
        }
        done.push_str(end);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn what_is_secret_is_hidden_however_deep_it_is() {
        let shown = |path: &str, value: Value| {
            let path: Vec<String> = path.split('.').map(ToOwned::to_owned).collect();
            super::shown(&path, &value)
        };
        let hidden = json!("(hidden)");
        assert_eq!(shown("env.DB_PASSWORD.value", json!("hunter2")), hidden);
        assert_eq!(shown("environment.DB_PASSWORD", json!(1234)), hidden);
        let list = |value: &str| json!([{"name": "DB_PASSWORD", "value": value}, {"name": "A", "value": "x"}]);
        assert_eq!(
            shown("containers.web.env", list("hunter2")),
            list("(hidden)")
        );
        let pod = |value: &str| json!({"containers": [{"name": "web", "env": list(value)}]});
        assert_eq!(shown("spec", pod("hunter2")), pod("(hidden)"));
        let map = |value: &str| json!({"environment": {"DB_PASSWORD": value, "A": "x"}});
        assert_eq!(shown("services.web", map("hunter2")), map("(hidden)"));
        let pairs = |value: &str| json!([format!("DB_PASSWORD={value}"), "A=x"]);
        assert_eq!(shown("environment", pairs("hunter2")), pairs("(hidden)"));
        let options = |value: &str| json!(["serve", format!("--db-password={value}")]);
        assert_eq!(shown("command", options("hunter2")), options("(hidden)"));
        let address =
            |password: &str| json!(format!("postgres://web:{password}@db:5432/shop?ssl=on"));
        assert_eq!(
            shown("environment.DATABASE_URL", address("hunter2")),
            address("(hidden)")
        );
        assert_eq!(
            shown("environment.DATABASE_URL", address("a/b@c")),
            address("(hidden)")
        );
        let variable = address("${DB_PASSWORD}");
        assert_eq!(
            shown("environment.DATABASE_URL", variable.clone()),
            variable
        );
        let jdbc = |password: &str| {
            json!(format!(
                "jdbc:mysql://db/shop?user=web&password={password}&ssl=1"
            ))
        };
        assert_eq!(shown("env.URL.value", jdbc("hunter2")), jdbc("(hidden)"));
        let several =
            |password: &str| json!([format!("--to=amqp://a:{password}@x,amqp://b:{password}@y")]);
        assert_eq!(shown("command", several("p")), several("(hidden)"));
        let go = |password: &str| json!(format!("web:{password}@tcp(db:3306)/shop?parseTime=true"));
        assert_eq!(shown("environment.DSN", go("hunter2")), go("(hidden)"));
        let libpq = |password: &str| json!(format!("host=db password={password} dbname=shop"));
        assert_eq!(
            shown("environment.DSN", libpq("hunter2")),
            libpq("(hidden)")
        );
        let net = |password: &str| json!(format!("Server=db;Password={password};Pooling=true"));
        assert_eq!(shown("environment.DSN", net("hunter2")), net("(hidden)"));
        let image = json!("shop/web:1.0@sha256:00");
        assert_eq!(shown("image", image.clone()), image);
        let plain = json!("see http://docs/a:b and mail a@b");
        assert_eq!(shown("labels.see", plain.clone()), plain);
        // The name of a secret is none.
        let mounted = json!({"secretName": "db", "items": [{"key": "password"}]});
        assert_eq!(shown("volumes.db.secret", mounted.clone()), mounted);
    }
}
