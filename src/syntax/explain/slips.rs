//! Slips that everybody makes: something left out, or one blank too many.

use super::{Broken, fault, first_word, innermost, is_whole, last_token, segment};
use crate::diagnostics::Diagnostic;
use crate::syntax::{KEYWORDS, is_identifier};

/// `{` first on a line: the line above was read as an item by itself.
pub(super) fn brace_on_its_own_line(broken: &Broken<'_>) -> Option<Diagnostic> {
    if broken.at != broken.start || !broken.rest().starts_with('{') {
        return None;
    }
    let above = broken.text.get(..broken.start)?.trim_end();
    let head = above.rsplit('\n').next().unwrap_or("").trim();
    Some(
        broken
            .here("a body begins on the line of what it belongs to")
            .help(format!(
                "write `{{` at the end of the line above: `{head} {{`"
            ))
            .replace(broken.span(above.len(), broken.start + 1), " {"),
    )
}

/// Nothing after `=`, or the next line's `key =` was taken for the value.
pub(super) fn missing_value(broken: &Broken<'_>) -> Option<Diagnostic> {
    let before = broken.before().trim_end();
    let before = if broken.rest().starts_with('=') && !broken.rest().starts_with("==") {
        let line = before.rfind('\n')?;
        before.get(..line)?.trim_end()
    } else if broken.rest().trim_start().is_empty() || broken.rest().starts_with(['}', ',']) {
        before
    } else {
        return None;
    };
    let head = before.strip_suffix('=')?;
    if head.ends_with(['=', '!', '<', '>']) {
        return None;
    }
    let at = broken.start + head.len();
    let key = last_token(head.trim_end());
    Some(fault(
        format!("`{key}` has no value"),
        broken.span(at, at + 1),
    ))
}

/// `5 s`
pub(super) fn detached_unit(broken: &Broken<'_>) -> Option<Diagnostic> {
    const UNITS: &[&str] = &[
        "ms", "s", "m", "h", "d", "B", "KiB", "MiB", "GiB", "TiB", "KB", "MB", "GB", "TB", "cpu",
        "mcpu", "%",
    ];
    let unit = broken.found_text();
    let before = broken.before().trim_end();
    let number = before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '_');
    let number = before.strip_prefix(number)?;
    if !UNITS.contains(&unit) || !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let start = broken.start + before.len() - number.len();
    let whole = broken.span(start, broken.at + unit.len());
    Some(
        fault("a unit stands right after its number", whole)
            .help(format!("write `{number}{unit}`"))
            .replace(whole, format!("{number}{unit}")),
    )
}

/// `replicas 3`
pub(super) fn missing_equals(broken: &Broken<'_>) -> Option<Diagnostic> {
    let line = segment(broken.before());
    if let Some((key, _)) = line.split_once(" [")
        && is_identifier(key.trim())
        && broken.rest().is_empty()
    {
        let at = broken.at - line.len() + key.len();
        return Some(
            fault(
                format!("`=` is missing between `{}` and its value", key.trim()),
                broken.span(at + 1, at + 2),
            )
            .help(format!("write `{} = …`", key.trim()))
            .replace(broken.span(at, at), " ="),
        );
    }
    let key = line.trim();
    let rest = broken.rest();
    let value =
        rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '[' | '(' | '-' | '!'));
    if !is_identifier(key) || !value || KEYWORDS.contains(&key) {
        return None;
    }
    let word = broken.found_text();
    let named = word.starts_with(|c: char| c.is_ascii_digit())
        && rest
            .get(word.len()..)
            .is_some_and(|rest| rest.trim_start().starts_with('{'));
    if named {
        return Some(
            broken
                .here(format!("the label `{word}` begins with a digit"))
                .help(format!(
                    "a name begins with a letter; or quote it: `{key} \"{word}\"`"
                )),
        );
    }
    let blank = if line.ends_with([' ', '\t']) {
        "= "
    } else {
        " = "
    };
    Some(
        broken
            .here(format!("`=` is missing between `{key}` and its value"))
            .help(format!("write `{key} = …`"))
            .replace(broken.span(broken.at, broken.at), blank),
    )
}

/// `a -b`
pub(super) fn tight_minus(broken: &Broken<'_>) -> Option<Diagnostic> {
    let before = broken.before();
    if let Some(stem) = before.trim_end().strip_suffix('-')
        && is_identifier(last_token(stem))
        && before.ends_with(' ')
    {
        let at = broken.start + stem.len();
        return Some(
            fault(
                "a minus between two values has a blank on both sides",
                broken.span(at, at + 1),
            )
            .help("`a - b` subtracts; a name may hold hyphens, but not end in one")
            .replace(broken.span(at, at), " "),
        );
    }
    let right = broken.rest().strip_prefix('-')?;
    if !right.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '(') {
        return None;
    }
    let blank = if broken.before().ends_with([' ', '\n']) {
        ""
    } else {
        " "
    };
    Some(
        broken
            .here("a minus between two values has a blank on both sides")
            .help("`a - b` subtracts; `a-b` is one name, and `-b` a sign")
            .replace(broken.span(broken.at, broken.at + 1), format!("{blank}- ")),
    )
}

/// `f (x)`
pub(super) fn detached_call(broken: &Broken<'_>) -> Option<Diagnostic> {
    let before = broken.before();
    let head = before.trim_end_matches([' ', '\t']);
    let name = last_token(head);
    let calls = broken.rest().starts_with('(') && head.len() < before.len() && is_identifier(name);
    if !calls || KEYWORDS.contains(&name) || name == "in" {
        return None;
    }
    let blank = broken.span(broken.start + head.len(), broken.at);
    Some(
        broken
            .here(format!("`(` stands right after `{name}`"))
            .help(format!("write `{name}(…)`, without a blank"))
            .replace(blank, ""),
    )
}

pub(super) fn missing_else(broken: &Broken<'_>) -> Option<Diagnostic> {
    let statement = first_word(broken.item()) == "if" && !broken.before().contains('=');
    (!statement && broken.expected.contains(&"`else`")).then(|| {
        broken
            .here("an `if` that gives a value needs `else`")
            .help("write `if condition { a } else { b }`; where there is no value, `else { none }`")
    })
}

pub(super) fn block_in_record(broken: &Broken<'_>) -> Option<Diagnostic> {
    let key = broken.before().trim();
    if !broken.in_record || !is_identifier(key) {
        return None;
    }
    if !broken.rest().starts_with('{') {
        return None;
    }
    Some(
        broken
            .here("a value in braces holds `key = value` pairs, no blocks")
            .help(format!("write `{key} = {{ … }}`"))
            .replace(broken.span(broken.at, broken.at), "= "),
    )
}

/// Two values side by side between `[ ]` or `( )`.
pub(super) fn missing_comma(broken: &Broken<'_>) -> Option<Diagnostic> {
    let inside = innermost(broken.before());
    let begins_value = broken
        .rest()
        .starts_with(|c: char| c.is_alphanumeric() || matches!(c, '"' | '_' | '{' | '[' | '('));
    let before = broken.before().trim_end();
    let after_value = !before.ends_with(['[', '(', ',']);
    if !matches!(inside, Some('[' | '(')) || !begins_value || !after_value {
        return None;
    }
    let end = broken.start + before.len();
    Some(
        broken
            .here(format!(
                "a comma is missing before `{}`",
                broken.found_text()
            ))
            .help("between `[ ]` and `( )` commas separate, also where lines end")
            .replace(broken.span(end, end), ","),
    )
}

/// A word that is no item by itself.
pub(super) fn lone_word(broken: &Broken<'_>) -> Option<Diagnostic> {
    let word = broken.item().trim();
    let quoted = word.starts_with('"') && word.ends_with('"') && broken.rest().is_empty();
    if !is_identifier(word) && !quoted {
        return None;
    }
    let span = broken.span(broken.start, broken.start + word.len());
    let diagnostic = fault(format!("`{word}` says nothing by itself"), span);
    Some(if KEYWORDS.contains(&word) {
        diagnostic.help(format!(
            "`{word}` begins a statement; what it is about follows"
        ))
    } else if quoted || broken.in_record {
        diagnostic.help(format!("give it a value: `{word} = …`"))
    } else {
        diagnostic.help(format!(
            "give it a value, `{word} = …`, or a label or a body, `{word} {{ … }}`"
        ))
    })
}

pub(super) fn assert_without_message(broken: &Broken<'_>) -> Option<Diagnostic> {
    let item = broken.text.get(broken.start..broken.end)?;
    (first_word(item) == "assert"
        && broken.expected.contains(&"a comma")
        && broken.rest().is_empty())
    .then(|| {
        let end = broken.start + broken.before().trim_end().len();
        broken
            .here("an assertion needs a message")
            .help("say what to do where it does not hold: `assert condition, \"message\"`")
            .replace(broken.span(end, end), ", \"…\"")
    })
}

/// A parameter without its type, a `let` without its value.
pub(super) fn untyped(broken: &Broken<'_>) -> Option<Diagnostic> {
    if !broken.expected.contains(&"`:` and a type") {
        return None;
    }
    let name = last_token(broken.before().trim_end());
    let keyword = first_word(broken.item());
    if keyword == "let" {
        return broken.rest().is_empty().then(|| {
            broken
                .here(format!("`{name}` has no value"))
                .help(format!("write `let {name} = …`"))
        });
    }
    if name == ")" {
        return Some(
            broken
                .here("a function says the type of its result")
                .help("write `fn name(a: int): int = …`"),
        );
    }
    is_identifier(name).then(|| {
        broken
            .here(format!("`{name}` needs a type"))
            .help(format!("write `{name}: string`, or whatever it is"))
    })
}

/// `naïve = 1`
pub(super) fn foreign_letter(broken: &Broken<'_>) -> Option<Diagnostic> {
    let letter = broken.rest().chars().next()?;
    (letter.is_alphabetic() && !letter.is_ascii()).then(|| {
        let at = broken.at;
        fault(
            format!("`{letter}` cannot stand in a name"),
            broken.span(at, at + letter.len_utf8()),
        )
        .help("names have the letters a to z, digits, `_` and inner hyphens; a key in quotes may be any text")
    })
}

/// A whole item, and more on the same line.
pub(super) fn two_items(broken: &Broken<'_>) -> Option<Diagnostic> {
    let before = broken.before().trim_end();
    let rest = broken.rest();
    let starts = rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '{'));
    if !starts || !is_whole(before) || broken.in_record || innermost(before).is_some() {
        return None;
    }
    let end = broken.start + before.len();
    let words = before.split_whitespace().count();
    let is_head = words == 2 && !before.contains(['=', '{']);
    let has_body = rest.contains('{');
    if is_head && has_body && !rest.starts_with('{') {
        return Some(
            broken
                .here("a block has one label")
                .and(
                    broken.span(broken.start, end),
                    "this is already a kind and a label",
                )
                .help("keep one of them, or put a new line or a comma between two items"),
        );
    }
    Some(
        broken
            .here("a new item begins on a new line or after a comma")
            .and(broken.span(end, end), "the item before ends here")
            .replace(broken.span(end, end), ","),
    )
}
