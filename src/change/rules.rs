//! A rule of change: what another value at a path of an object does.

use super::difference::Difference;
use super::{Effect, Field, places};
use crate::graph::ServiceView;
use serde_json::Value;

/// What another value does, and how that is known.
#[derive(Debug)]
pub(super) struct Rule {
    /// The path, a word for each step: `*` is any one, a last `**` any number of them.
    pub(super) path: &'static str,
    pub(super) effect: Effect,
    pub(super) because: &'static str,
    pub(super) source: &'static str,
}

impl Rule {
    pub(super) const fn new(
        path: &'static str,
        effect: Effect,
        because: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            path,
            effect,
            because,
            source,
        }
    }

    fn is_for(&self, path: &[String]) -> bool {
        let mut steps = path.iter();
        for word in self.path.split('.') {
            if word == "**" {
                return true;
            }
            match steps.next() {
                Some(step) if word == "*" || word == step => {}
                _ => return false,
            }
        }
        steps.next().is_none()
    }
}

/// The first rule that is for a path.
pub(super) fn rule<'r>(rules: &'r [Rule], path: &[String]) -> Option<&'r Rule> {
    rules.iter().find(|rule| rule.is_for(path))
}

/// Differences as rules take them, with where in the service each is written.
pub(super) fn fields(
    rules: &'static [Rule],
    differences: &[Difference<'_>],
    service: Option<ServiceView<'_>>,
) -> Vec<Field> {
    let placed = |difference: &Difference<'_>| {
        let field = field(rules, difference);
        Field {
            span: service.and_then(|service| places::of(service, &field.path)),
            ..field
        }
    };
    differences.iter().map(placed).collect()
}

/// A difference as a rule takes it. What no rule is for is taken for the worst that keeps serving.
fn field(rules: &'static [Rule], difference: &Difference<'_>) -> Field {
    static UNKNOWN: Rule = Rule::new(
        "**",
        Effect::Rolls,
        "no rule is known for it, so it is taken to replace the instances",
        "none",
    );
    let rule = rule(rules, &difference.path).unwrap_or(&UNKNOWN);
    let hidden = |value: Option<&Value>| value.map(|value| shown(&difference.path, value));
    Field {
        path: difference.shown(),
        old: hidden(difference.old.as_deref()),
        new: hidden(difference.new.as_deref()),
        effect: rule.effect,
        because: rule.because,
        source: rule.source,
        span: None,
    }
}

/// What stands in the place of what a plan does not show: it is read by many.
const HIDDEN: &str = "(hidden)";

/// Hides both values of a difference.
pub(super) fn hide(field: &mut Field) {
    for side in [&mut field.old, &mut field.new].into_iter().flatten() {
        *side = Value::from(HIDDEN);
    }
}

/// A value without what its name, or a name in it, means to be a secret.
fn shown(path: &[String], value: &Value) -> Value {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_is_matched_step_by_step() {
        let is_for = |rule: &'static str, path: &str| {
            let path: Vec<String> = path.split('.').map(ToOwned::to_owned).collect();
            Rule::new(rule, Effect::Rolls, "", "").is_for(&path)
        };
        assert!(is_for("deploy.replicas", "deploy.replicas"));
        assert!(!is_for("deploy.replicas", "deploy"));
        assert!(!is_for("deploy", "deploy.replicas"));
        assert!(is_for("deploy.*", "deploy.replicas"));
        assert!(is_for("deploy.**", "deploy.labels.team"));
        assert!(is_for("**", "image"));
    }

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
        // The name of a secret is none.
        let mounted = json!({"secretName": "db", "items": [{"key": "password"}]});
        assert_eq!(shown("volumes.db.secret", mounted.clone()), mounted);
    }
}
