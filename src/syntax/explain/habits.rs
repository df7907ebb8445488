//! Mistakes that have a name: habits of other languages, and slips that everybody makes.

use super::{Broken, fault, last_token};
use crate::diagnostics::{Diagnostic, nearest};
use crate::syntax::{KEYWORDS, is_identifier};

/// The first habit that fits.
pub(super) fn recognise(broken: &Broken<'_>) -> Option<Diagnostic> {
    const HABITS: &[fn(&Broken<'_>) -> Option<Diagnostic>] = &[
        brace_on_its_own_line,
        stray_else,
        yaml_list,
        missing_value,
        dollar,
        ternary,
        colon,
        comparison_for_assignment,
        assignment_for_comparison,
        word_operator,
        detached_unit,
        tight_minus,
        detached_call,
        missing_else,
        bare_text,
        block_in_record,
        missing_comma,
        missing_equals,
        lone_word,
        assert_without_message,
        for_of,
        two_items,
    ];
    HABITS.iter().find_map(|habit| habit(broken))
}

/// The keyword that the item's first word was probably meant to be.
pub(super) fn misspelt_keyword(broken: &Broken<'_>) -> Option<&'static str> {
    let item = broken.text.get(broken.start..broken.end)?;
    let word = first_word(item);
    if word.len() < 3 || KEYWORDS.contains(&word) {
        return None;
    }
    nearest(
        word,
        KEYWORDS.iter().copied().filter(|keyword| keyword.len() > 2),
    )
}

/// `{` first on a line: the line above was read as an item by itself.
fn brace_on_its_own_line(broken: &Broken<'_>) -> Option<Diagnostic> {
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

fn stray_else(broken: &Broken<'_>) -> Option<Diagnostic> {
    let item = broken.text.get(broken.start..broken.end)?;
    let word = first_word(item);
    let span = broken.span(broken.start, broken.start + word.len());
    match word {
        "else" => Some(
            fault("this `else` follows no `if`", span)
                .help("write `if condition { … } else { … }`, with nothing between `}` and `else`"),
        ),
        "elif" | "elsif" | "elseif" => {
            Some(fault(format!("`{word}` is written `else if`"), span).replace(span, "else if"))
        }
        _ => None,
    }
}

fn yaml_list(broken: &Broken<'_>) -> Option<Diagnostic> {
    let item = broken.text.get(broken.start..broken.end)?;
    item.starts_with("- ").then(|| {
        let span = broken.span(broken.start, broken.start + 1);
        fault("a list does not stand in lines with `-`", span).help("write it as `key = [a, b]`")
    })
}

/// Nothing after `=`, or the next line's `key =` was taken for the value.
fn missing_value(broken: &Broken<'_>) -> Option<Diagnostic> {
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

fn dollar(broken: &Broken<'_>) -> Option<Diagnostic> {
    let name = broken.rest().strip_prefix('$')?;
    let name = name.strip_prefix('{').unwrap_or(name);
    let name = first_word(name);
    let diagnostic = broken.here("`$` stands only inside a string");
    Some(if name.is_empty() {
        diagnostic.help("outside of a string a name needs no `$`")
    } else {
        diagnostic.help(format!(
            "write `{name}`, or `\"${{{name}}}\"` inside a string"
        ))
    })
}

fn ternary(broken: &Broken<'_>) -> Option<Diagnostic> {
    broken.rest().starts_with('?').then(|| {
        broken
            .here("there is no `?` operator")
            .help("write `if condition { a } else { b }`")
    })
}

/// `key: value`
fn colon(broken: &Broken<'_>) -> Option<Diagnostic> {
    let after = broken.rest().strip_prefix(':')?;
    let key = segment(broken.before()).trim();
    if key.contains('=') || key.is_empty() {
        return None;
    }
    let line = after.split('\n').next().unwrap_or("").trim();
    let span = broken.span(broken.at, broken.at + 1);
    if let Some(after) = after.strip_prefix('=') {
        let _ = after;
        let span = broken.span(broken.at, broken.at + 2);
        return Some(fault("`=` gives a value, not `:=`", span).replace(span, "="));
    }
    if line.is_empty() {
        return Some(
            broken
                .here(format!("a body stands in braces, not after `{key}:`"))
                .help(format!("write `{key} {{ … }}`")),
        );
    }
    let blank = if broken.before().ends_with(' ') {
        ""
    } else {
        " "
    };
    Some(
        broken
            .here("`=` gives a value, not `:`")
            .help(format!("write `{key} = …`"))
            .replace(span, format!("{blank}=")),
    )
}

fn comparison_for_assignment(broken: &Broken<'_>) -> Option<Diagnostic> {
    if !broken.rest().starts_with("==") || KEYWORDS.contains(&first_word(broken.before())) {
        return None;
    }
    let span = broken.span(broken.at, broken.at + 2);
    Some(fault("`==` compares; a single `=` gives a value", span).replace(span, "="))
}

fn assignment_for_comparison(broken: &Broken<'_>) -> Option<Diagnostic> {
    let rest = broken.rest();
    if !rest.starts_with('=') || rest.starts_with("==") {
        return None;
    }
    let span = broken.span(broken.at, broken.at + 1);
    if rest.starts_with("=>") {
        let span = broken.span(broken.at, broken.at + 2);
        return Some(fault("there is no `=>`", span).help("`=` gives a value"));
    }
    let line = segment(broken.before()).trim_start();
    let conditional = ["if", "assert", "expect", "for"].contains(&first_word(line));
    if conditional || line.contains(" if ") {
        return Some(fault("`=` gives a value; `==` compares", span).replace(span, "=="));
    }
    line.contains('=').then(|| {
        fault("there are two `=` in this item", span)
            .help("one item gives one value; `==` compares")
    })
}

fn word_operator(broken: &Broken<'_>) -> Option<Diagnostic> {
    let found = broken.found_text();
    let operator = match found {
        "and" => "&&",
        "or" => "||",
        "is" | "eq" => "==",
        "mod" | "div" => "/",
        "%" => {
            return Some(
                broken
                    .here("there is no `%` operator")
                    .help("a percentage has its sign at the number: `25%`, or `25% of 4`"),
            );
        }
        "&" | "|" => {
            return Some(
                broken
                    .here(format!("`{found}` is written twice: `{found}{found}`"))
                    .replace(broken.found(), format!("{found}{found}")),
            );
        }
        _ => {
            let before = broken.before().trim_end();
            let not = broken.before().ends_with(' ') && last_token(before) == "not";
            let at = broken.start + before.len();
            return not.then(|| {
                let span = broken.span(at - 3, at);
                fault("`not` is written `!`", span).replace(broken.span(at - 3, broken.at), "!")
            });
        }
    };
    let after_value = broken.before().ends_with(' ') && segment(broken.before()).contains(' ');
    after_value.then(|| {
        broken
            .here(format!("`{found}` is written `{operator}`"))
            .replace(broken.found(), operator)
    })
}

/// `5 s`
fn detached_unit(broken: &Broken<'_>) -> Option<Diagnostic> {
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

/// `a -b`
fn tight_minus(broken: &Broken<'_>) -> Option<Diagnostic> {
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
fn detached_call(broken: &Broken<'_>) -> Option<Diagnostic> {
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

fn missing_else(broken: &Broken<'_>) -> Option<Diagnostic> {
    broken.expected.contains(&"`else`").then(|| {
        broken
            .here("an `if` that gives a value needs `else`")
            .help("write `if condition { a } else { b }`; where there is no value, `else { none }`")
    })
}

/// `image = shop/prod:1.0`, `path = /health`
fn bare_text(broken: &Broken<'_>) -> Option<Diagnostic> {
    let rest = broken.rest();
    if !rest.starts_with([':', '/', '@', '\\', '~', '*', '^', '`', '.']) {
        return None;
    }
    let line = segment(broken.before());
    let after = line.rfind('=').map(|at| at + 1).or_else(|| {
        let list = line.rfind(['[', '('])?;
        Some(list + 1)
    });
    let after = after.unwrap_or(0);
    let value = line.get(after..)?.trim_start();
    if value.contains([' ', '"']) {
        return None;
    }
    let start = broken.at - value.len();
    let stop = |c: char| c.is_whitespace() || matches!(c, ',' | '}' | ')' | ']' | '{' | '"');
    let length = broken.text.get(broken.at..)?.find(stop);
    let end = length.map_or(broken.text.len(), |length| broken.at + length);
    let whole = broken.span(start, end);
    let text = broken.text.get(start..end)?.trim_matches('`');
    Some(
        fault("text stands in quotes", whole)
            .help(format!("write `\"{text}\"`"))
            .replace(whole, format!("\"{text}\"")),
    )
}

fn block_in_record(broken: &Broken<'_>) -> Option<Diagnostic> {
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
fn missing_comma(broken: &Broken<'_>) -> Option<Diagnostic> {
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

/// `replicas 3`
fn missing_equals(broken: &Broken<'_>) -> Option<Diagnostic> {
    let line = segment(broken.before());
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

/// A word that is no item by itself.
fn lone_word(broken: &Broken<'_>) -> Option<Diagnostic> {
    let word = broken.text.get(broken.start..broken.end)?.trim();
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

fn assert_without_message(broken: &Broken<'_>) -> Option<Diagnostic> {
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

fn for_of(broken: &Broken<'_>) -> Option<Diagnostic> {
    let word = broken.found_text();
    (broken.expected.contains(&"`in`") && matches!(word, "of" | "from" | "over")).then(|| {
        broken
            .here("`for` walks with `in`")
            .replace(broken.found(), "in")
    })
}

/// A whole item, and more on the same line.
fn two_items(broken: &Broken<'_>) -> Option<Diagnostic> {
    let before = broken.before().trim_end();
    let rest = broken.rest();
    let starts = rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '{'));
    let whole = super::stuck(crate::syntax::grammar::Rule::lone_item, before);
    let is_whole = whole.expected == ["the end of the item"] && whole.at == before.len();
    if !starts || !is_whole || broken.in_record || innermost(before).is_some() {
        return None;
    }
    if misspelt_keyword(broken).is_some() {
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

/// The innermost delimiter that a text leaves open; quotes are skipped.
fn innermost(text: &str) -> Option<char> {
    let mut open = Vec::new();
    let mut quoted = false;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '{' | '[' | '(' => open.push(c),
            '}' | ']' | ')' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.last().copied()
}

/// The part of a text after its last separator: the item or value that is being written.
fn segment(text: &str) -> &str {
    text.rsplit(['\n', ',', '{', '}']).next().unwrap_or("")
}

fn first_word(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
        .unwrap_or(text.len());
    text.get(..end).unwrap_or("")
}
