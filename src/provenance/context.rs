//! What a line says of itself: the lines it stands under, and the names in them.

/// A line with what it stands under.
pub(super) struct Context<'a> {
    path: &'a str,
    /// The line, then the lines it stands under, the nearest first.
    lines: Vec<&'a str>,
}

impl<'a> Context<'a> {
    /// The last of a file's first lines. Every format that is written is indented.
    pub(super) fn of(before: &'a [String], path: &'a str) -> Self {
        let mut column = usize::MAX;
        let mut above = Vec::new();
        for text in before.iter().rev().map(String::as_str) {
            let indent = text.len() - text.trim_start().len();
            if text.trim().is_empty() && !above.is_empty() {
                continue;
            }
            if indent < column || above.is_empty() {
                column = indent;
                above.push(text);
            }
        }
        Self { path, lines: above }
    }

    /// How near a name is: the line itself, what it stands under, the file. `None` where it is
    /// nowhere.
    pub(super) fn rank(&self, name: &str) -> Option<usize> {
        let name = name.replace('.', "-");
        let says = |text: &&str| words(text).any(|word| word == name);
        let line = self.lines.iter().position(says);
        line.or_else(|| says(&self.path).then_some(self.lines.len()))
    }

    /// Whether the line holds a setting of this name: `update_config.delay`, `app: fail_timeout`.
    pub(super) fn holds(&self, setting: &str) -> bool {
        let path = setting.rsplit_once(": ").map_or(setting, |(_, name)| name);
        let mut keys = self.lines.iter().map(|line| key(line));
        let mut parts = path.rsplit('.');
        let own = parts.next().unwrap_or_default();
        let line = self.lines.first().copied().unwrap_or_default();
        let holds = keys.next() == Some(own) || words(line).any(|word| word == own);
        holds && parts.all(|part| keys.any(|key| key == part))
    }
}

/// `- name: x`, `proxy_pass x;`
fn key(line: &str) -> &str {
    let line = line.trim_start().trim_start_matches("- ");
    let end = line.find([':', ' ', '{', ';', '=']).unwrap_or(line.len());
    line.get(..end).unwrap_or_default()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_')))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_under_less_indented_ones() {
        let text = "services:\n  web:\n    image: a\n\n    deploy:\n      update_config:\n        delay: 5s\n";
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let context = Context::of(&lines, "swarm/shop.yml");
        assert_eq!(context.rank("web"), Some(3));
        assert_eq!(context.rank("shop"), Some(5));
        assert_eq!(context.rank("image"), None);
        assert!(context.holds("update_config.delay"));
        assert!(!context.holds("rollback_config.delay"));
        assert!(!context.holds("update_config.monitor"));
    }
}
