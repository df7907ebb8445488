//! What differs between two texts that are no objects: settings of nginx and of scripts, line by line.

use super::{Effect, Field, hidden};
use rustc_hash::FxHashMap;
use serde_json::Value;

/// The lines that one text has and the other has not, as differences of what each line is about. The order of lines, and how
/// far they are indented, is not looked at.
pub(super) fn differences(
    old: &str,
    new: &str,
    effect: Effect,
    source: &'static str,
) -> Vec<Field> {
    let (gone, come) = (beyond(old, new), beyond(new, old));
    let mut come: Vec<Option<Line<'_>>> = come.into_iter().map(Some).collect();
    let field = |about: &str, old: Option<Line<'_>>, new: Option<Line<'_>>| Field {
        path: about.to_owned(),
        old: old.map(Line::shown),
        new: new.map(Line::shown),
        effect,
        because: "its file is read as a whole",
        source,
        span: None,
    };
    let mut found = Vec::new();
    for line in gone {
        let same = |other: &&mut Option<Line<'_>>| other.is_some_and(|it| it.about == line.about);
        let now = come.iter_mut().find(same).and_then(Option::take);
        found.push(field(line.about, Some(line), now));
    }
    found.extend(
        come.into_iter()
            .flatten()
            .map(|line| field(line.about, None, Some(line))),
    );
    // A script says some things at each of its starts.
    let mut once: Vec<Field> = Vec::with_capacity(found.len());
    for field in found {
        if !once.contains(&field) {
            once.push(field);
        }
    }
    once
}

/// A line that says something: `proxy_read_timeout 30s;`, `LEVEL=info \`.
#[derive(Clone, Copy)]
struct Line<'t> {
    /// The word that it begins with, where that is one.
    about: &'t str,
    /// What stands behind that, or the whole.
    says: &'t str,
}

impl<'t> Line<'t> {
    /// None of a line that is a comment, a bracket or empty.
    fn of(text: &'t str) -> Option<Self> {
        let text = text.trim().trim_end_matches(['\\', ';', '{', ' ']);
        let is_word = |it: char| it.is_alphanumeric() || matches!(it, '_' | '-');
        let named = text.split_once(['=', ' ']);
        // A command or an address is about nothing else.
        let named = named.filter(|(about, _)| about.chars().all(is_word));
        let (about, says) = named.unwrap_or(("", text));
        let says_something = says.contains(char::is_alphanumeric) && !says.starts_with('#');
        (says_something || !about.is_empty()).then_some(Self { about, says })
    }

    fn shown(self) -> Value {
        // The name of a header, with its value behind it: `proxy_set_header X-Api-Key "…"`.
        if let Some((name, value)) = self.says.split_once(' ')
            && self.about.ends_with("_header")
        {
            return format!("{name} {}", hidden::header(name, value)).into();
        }
        // A value of several lines is written in one.
        hidden::pair(self.about, &self.says.replace("\\n", "\n")).into()
    }
}

/// The lines of a text that another one has not, or not as often.
fn beyond<'t>(text: &'t str, other: &'t str) -> Vec<Line<'t>> {
    let mut known: FxHashMap<&str, usize> = FxHashMap::default();
    for line in other.lines() {
        *known.entry(line.trim()).or_default() += 1;
    }
    let mut is_known = |line: &str| {
        let left = known.get_mut(line.trim()).filter(|left| **left > 0);
        left.map(|left| *left -= 1).is_some()
    };
    text.lines()
        .filter(|line| !is_known(line))
        .filter_map(Line::of)
        .collect()
}
