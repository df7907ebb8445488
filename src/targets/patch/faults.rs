//! What is said of a patch that its object cannot take.

use super::path::{Step, shown};
use super::strict::{Fault, Misfit};
use super::{Change, Kept};
use crate::diagnostics::{Diagnostic, catalogue, nearest};
use crate::source::Span;
use crate::types::Value;
use crate::vocabulary::TargetId;

pub(super) fn no_value(value: &Value, span: Span) -> Diagnostic {
    let (what, help) = match value {
        Value::Duration(_) => (
            "a duration",
            "write what the field takes: a number, `drain.s`, or a text, `\"10s\"`",
        ),
        Value::Memory(_) => (
            "an amount of memory",
            "write what the field takes: `\"200Mi\"`, `\"200M\"`, or a number of bytes",
        ),
        Value::Cpu(_) => (
            "an amount of processor",
            "write what the field takes: `\"500m\"`",
        ),
        Value::Percent(_) => (
            "a share",
            "write what the field takes: `\"25%\"`, or a number",
        ),
        Value::Variable(_) => (
            "a number that is known only when it is deployed",
            "make it a `param`",
        ),
        Value::Reference(_) => (
            "a reference",
            "say which part of it, in a text: `api.http.url`, `token.path`",
        ),
        _ => (
            "this value",
            "write a text, a number, true, false, a list or a record",
        ),
    };
    Diagnostic::new(
        &catalogue::PATCH_TYPE,
        format!("a patch cannot hold {what}"),
        span,
    )
    .help(help)
}

/// The object is none that its API takes, once this is in it.
pub(super) fn misplaced(kind: &str, misfit: &Misfit, change: &Change<'_>) -> Diagnostic {
    let path = misfit.path();
    match &misfit.fault {
        Fault::Unknown(fields) => {
            let owner = path.split_last().map_or(&[][..], |(_, owner)| owner);
            let key = match path.last() {
                Some(Step::Key(key)) => key.as_str(),
                _ => "",
            };
            let whose = if owner.is_empty() {
                with_article(kind)
            } else {
                format!("`{}` of {}", shown(owner), with_article(kind))
            };
            let span = if path.len() > change.steps.len() {
                change.place(&path)
            } else {
                change.key_span()
            };
            let diagnostic = Diagnostic::new(
                &catalogue::UNKNOWN_PATCH_FIELD,
                format!("{whose} has no `{key}`"),
                span,
            );
            match near(key, fields) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help(format!("it has {}", listed(fields))),
            }
        }
        Fault::Kind(wanted) => Diagnostic::new(
            &catalogue::PATCH_TYPE,
            format!(
                "`{}` of {} takes {wanted}",
                shown(&path),
                with_article(kind)
            ),
            change.place(&path),
        ),
        Fault::Other(words) => Diagnostic::new(
            &catalogue::PATCH_TYPE,
            format!("`{}` of {}: {words}", shown(&path), with_article(kind)),
            change.place(&path),
        ),
    }
}

/// `a Deployment`, `an Ingress`
fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

/// A field of nearly the same name; letters and case alone may differ.
fn near(key: &str, fields: &'static [&'static str]) -> Option<&'static str> {
    let plain = |word: &str| word.replace(['_', '-'], "").to_ascii_lowercase();
    let same = fields.iter().find(|field| plain(field) == plain(key));
    same.copied()
        .or_else(|| nearest(key, fields.iter().copied()))
}

fn listed(words: &[&str]) -> String {
    const MOST: usize = 12;
    let mut listed: Vec<String> = words
        .iter()
        .take(MOST)
        .map(|word| format!("`{word}`"))
        .collect();
    if words.len() > MOST {
        listed.push("…".to_owned());
    }
    listed.join(", ")
}

/// What is taken away is not there.
pub(super) fn nothing_to_take(kind: &str, change: &Change<'_>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOTHING_TO_TAKE_AWAY,
        format!(
            "there is no `{}` to take out of {}",
            shown(&change.steps),
            with_article(kind)
        ),
        change.key_span(),
    )
    .help("take the line out")
}

/// What is taken away is nothing that its API goes without.
pub(super) fn needed(kind: &str, change: &Change<'_>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::TAKES_WHAT_IS_NEEDED,
        format!(
            "{} needs its `{}`",
            with_article(kind),
            shown(&change.steps)
        ),
        change.key_span(),
    )
    .labelled("taken away here")
    .help("take the line out, or write the value that it should have")
}

/// The path leads through something that has no parts.
pub(super) fn no_place(kind: &str, steps: &[Step], gone: usize, change: &Change<'_>) -> Diagnostic {
    let there = steps.get(..gone).unwrap_or_default();
    let (path, next, kind) = (shown(there), steps.get(gone), with_article(kind));
    let message = match next {
        Some(Step::Item(index)) => {
            format!("`{path}` of {kind} has no item {index}, and does not end one before it")
        }
        _ => format!("`{path}` of {kind} is a list or a plain value, which has no keys"),
    };
    Diagnostic::new(&catalogue::UNKNOWN_PATCH_FIELD, message, change.key_span())
        .help("an item of a list is `[0]`; one past the last adds an item")
}

/// The proof rests on this.
pub(super) fn against_the_proof(
    kind: &str,
    path: &str,
    kept: &Kept,
    change: &Change<'_>,
) -> Diagnostic {
    Diagnostic::new(
        &catalogue::PATCH_AGAINST_PROOF,
        format!("`{path}` of {} is not a patch's to change", with_article(kind)),
        change.key_span(),
    )
    .note("what is proved of an update is proved of the program; with this in the manifest it would be of another")
    .help(kept.instead)
}

/// A service has no object of this kind.
pub(in crate::targets) fn nothing_to_patch(
    what: &str,
    target: TargetId,
    there: &[&str],
    known: &[&str],
    span: Span,
) -> Diagnostic {
    let target = target.word();
    let diagnostic = Diagnostic::new(
        &catalogue::NOTHING_TO_PATCH,
        format!("target {target} writes no `{what}` for this service"),
        span,
    );
    let unknown = !known.contains(&what);
    match nearest(what, known.iter().copied()).filter(|_| unknown) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if there.is_empty() => diagnostic.help("it writes nothing for it"),
        None => diagnostic.help(format!("it writes {}", listed(there))),
    }
}

pub(super) fn without_objects(target: TargetId, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOTHING_TO_PATCH,
        format!("target {} has no objects to patch", target.word()),
        span,
    )
    .help(match target {
        TargetId::Compose => {
            "write it into a `compose.override.yaml` beside the file: `docker compose` merges both"
        }
        _ => "its output is text without objects; put what it has no word for into a file of your own",
    })
}
