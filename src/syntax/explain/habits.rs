//! Habits of other languages.

use super::{Broken, fault, first_word, is_whole, last_token, segment};
use crate::diagnostics::{Diagnostic, nearest};
use crate::syntax::KEYWORDS;

/// The first word is nearly a keyword, and with it the item would be whole.
pub(super) fn misspelt_keyword(broken: &Broken<'_>) -> Option<Diagnostic> {
    let item = broken.item();
    let word = first_word(item);
    if word.len() < 3 || KEYWORDS.contains(&word) || broken.in_record {
        return None;
    }
    let keyword = nearest(word, KEYWORDS.iter().copied())?;
    let mended = format!("{keyword}{}", item.get(word.len()..)?);
    if !is_whole(&mended) {
        return None;
    }
    let span = broken.span(broken.start, broken.start + word.len());
    Some(
        fault(format!("`{word}` begins no statement"), span)
            .help(format!("did you mean `{keyword}`?"))
            .replace(span, keyword),
    )
}

pub(super) fn yaml_list(broken: &Broken<'_>) -> Option<Diagnostic> {
    broken.item().starts_with("- ").then(|| {
        let span = broken.span(broken.start, broken.start + 1);
        fault("a list does not stand in lines with `-`", span).help("write it as `key = [a, b]`")
    })
}

pub(super) fn dollar(broken: &Broken<'_>) -> Option<Diagnostic> {
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

pub(super) fn ternary(broken: &Broken<'_>) -> Option<Diagnostic> {
    let after_value = broken.expected.contains(&"an operator");
    (after_value && broken.rest().starts_with('?')).then(|| {
        broken
            .here("there is no `?` operator")
            .help("write `if condition { a } else { b }`")
    })
}

/// `"${TAG:-latest}"` and other things that are no single value.
pub(super) fn shell_expansion(broken: &Broken<'_>) -> Option<Diagnostic> {
    let (_, inside) = broken.before().rsplit_once("${")?;
    if inside.contains('}') {
        return None;
    }
    let rest = broken.rest();
    let name = inside.trim();
    if rest.starts_with([':', '-', '?', '#', '%']) && !name.is_empty() {
        return Some(
            broken
                .here("`${…}` holds a value of the language, not of a shell")
                .help(format!(
                    "a default belongs to the declaration: `deploy {name}: string = \"…\"`"
                )),
        );
    }
    if !rest.starts_with('}') {
        return None;
    }
    let diagnostic = broken.here("`${…}` lacks a value");
    Some(if name.is_empty() {
        diagnostic.help("for the text itself write `\\${`")
    } else {
        diagnostic
    })
}

/// `key: value`
pub(super) fn colon(broken: &Broken<'_>) -> Option<Diagnostic> {
    let after = broken.rest().strip_prefix(':')?;
    let key = segment(broken.before()).trim();
    if key.contains('=') || key.is_empty() {
        return None;
    }
    let line = after.split('\n').next().unwrap_or("").trim();
    let span = broken.span(broken.at, broken.at + 1);
    if after.starts_with('=') {
        let span = broken.span(broken.at, broken.at + 2);
        return Some(fault("`=` gives a value, not `:=`", span).replace(span, "="));
    }
    if line.is_empty() && broken.next_line().starts_with("- ") {
        return Some(
            broken
                .here("a list does not stand in lines with `-`")
                .help(format!("write `{key} = [a, b]`")),
        );
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

/// `key => value`, `key -> value`
pub(super) fn arrow(broken: &Broken<'_>) -> Option<Diagnostic> {
    let before = broken.before();
    let split = before.ends_with('=') && broken.rest().starts_with('>');
    let whole = broken.rest().starts_with("=>") || broken.rest().starts_with("->");
    let start = match (split, whole) {
        (true, _) => broken.at - 1,
        (false, true) => broken.at,
        (false, false) => return None,
    };
    let span = broken.span(start, start + 2);
    let written = broken.text.get(start..start + 2)?;
    Some(fault(format!("`=` gives a value, not `{written}`"), span).replace(span, "="))
}

pub(super) fn comparison_for_assignment(broken: &Broken<'_>) -> Option<Diagnostic> {
    if !broken.rest().starts_with("==") || KEYWORDS.contains(&first_word(broken.before())) {
        return None;
    }
    let span = broken.span(broken.at, broken.at + 2);
    Some(fault("`==` compares; a single `=` gives a value", span).replace(span, "="))
}

pub(super) fn assignment_for_comparison(broken: &Broken<'_>) -> Option<Diagnostic> {
    let rest = broken.rest();
    if !rest.starts_with('=') || rest.starts_with("==") {
        return None;
    }
    let span = broken.span(broken.at, broken.at + 1);
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

pub(super) fn word_operator(broken: &Broken<'_>) -> Option<Diagnostic> {
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

/// `if a { … } elif b { … }`
pub(super) fn else_if(broken: &Broken<'_>) -> Option<Diagnostic> {
    let word = broken.found_text();
    matches!(word, "elif" | "elsif" | "elseif").then(|| {
        broken
            .here(format!("`{word}` is written `else if`"))
            .replace(broken.found(), "else if")
    })
}

/// `image = shop/prod:1.0`, `path = /health`
pub(super) fn bare_text(broken: &Broken<'_>) -> Option<Diagnostic> {
    let rest = broken.rest();
    let dashes = rest.starts_with('-') && broken.before().ends_with('-');
    if !dashes && !rest.starts_with([':', '/', '@', '\\', '~', '*', '^', '`', '.']) {
        return None;
    }
    let line = segment(broken.before());
    let after = line.rfind(['=', '[', '(']).map_or(0, |at| at + 1);
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

pub(super) fn for_of(broken: &Broken<'_>) -> Option<Diagnostic> {
    let word = broken.found_text();
    (broken.expected.contains(&"`in`") && matches!(word, "of" | "from" | "over")).then(|| {
        broken
            .here("`for` walks with `in`")
            .replace(broken.found(), "in")
    })
}

/// `import x from "./x.zd"`
pub(super) fn import_from(broken: &Broken<'_>) -> Option<Diagnostic> {
    let item = broken.item();
    let rest = item.strip_prefix("import ")?;
    let name = rest.trim_start_matches(['{', '*', ' ']);
    let name = first_word(name.strip_prefix("as ").unwrap_or(name));
    let (_, path) = rest.split_once("from ")?;
    Some(
        broken
            .here("an import names the file first")
            .help(format!("write `import {} as {name}`", path.trim())),
    )
}
