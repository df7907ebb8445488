//! A rule of change: what another value at a path of an object does.

use super::difference::Difference;
use super::{Effect, Field, hidden, places};
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
    let shown = |value: Option<&Value>| value.map(|value| hidden::shown(&difference.path, value));
    Field {
        path: difference.shown(),
        old: shown(difference.old.as_deref()),
        new: shown(difference.new.as_deref()),
        effect: rule.effect,
        because: rule.because,
        source: rule.source,
        span: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
