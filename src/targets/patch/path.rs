//! Where a patch puts its value: `spec.template.spec.containers[0]."x.y/z"`, as the evaluator
//! writes it.

use std::fmt;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::targets) enum Step {
    /// A key of a map.
    Key(String),
    /// An item of a list.
    Item(usize),
}

/// The steps of a path. What is no path has none: the check has reported it.
pub(in crate::targets) fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(inside) = rest.strip_prefix('"') {
            let (key, after) = quoted(inside);
            steps.push(Step::Key(key));
            rest = after;
        } else if let Some((index, after)) =
            rest.strip_prefix('[').and_then(|it| it.split_once(']'))
        {
            steps.extend(index.parse().ok().map(Step::Item));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            steps.push(Step::Key(key.to_owned()));
            // A lone bracket would be looked at forever.
            rest = if end == 0 { "" } else { after };
        }
    }
    steps
}

/// A key up to its closing quote, and what follows.
fn quoted(inside: &str) -> (String, &str) {
    let mut key = String::new();
    let mut characters = inside.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (key, inside.get(index + 1..).unwrap_or_default()),
            '\\' => key.extend(characters.next().map(|(_, escaped)| escaped)),
            other => key.push(other),
        }
    }
    (key, "")
}

/// Whether a key needs no quotes.
fn is_word(key: &str) -> bool {
    let mut bytes = key.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Steps as they are written.
pub(in crate::targets) fn shown(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        if !text.is_empty() && matches!(step, Step::Key(_)) {
            text.push('.');
        }
        text.push_str(&step.to_string());
    }
    text
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Key(key) if is_word(key) => f.write_str(key),
            Step::Key(key) => {
                let escaped = key.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\"")
            }
            Step::Item(index) => write!(f, "[{index}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_it_was_written() {
        for path in [
            "a",
            "spec.template.spec.containers[0].env[12].name",
            r#"metadata.annotations."a.b/c""#,
            r#""x \"y\" \\z"[0]"#,
        ] {
            assert_eq!(shown(&steps(path)), path);
        }
        let steps = steps(r#"a."b.c"[3]"#);
        let key = |key: &str| Step::Key(key.to_owned());
        assert_eq!(steps, [key("a"), key("b.c"), Step::Item(3)]);
    }

    #[test]
    fn what_is_no_path_ends() {
        for hostile in [
            "[",
            "]",
            "a[",
            "[x]",
            "\"",
            "\"\\",
            "..",
            "a..b",
            "[99999999999999999999]",
        ] {
            let _ = steps(hostile);
        }
    }
}
