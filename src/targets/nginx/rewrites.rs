//! What becomes of a path before it is passed on: `rewrite … break`.

use super::gateway::Scene;
use super::pattern::Pattern;
use super::plan::Directive;
use super::{values, variables};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::targets::Ledger;
use crate::vocabulary::{Node, Rewrite};

/// The directive, and the expression whose groups other values may name.
pub(super) fn lower(
    scene: Scene<'_>,
    rewrite: &Node<Rewrite>,
    ledger: &mut Ledger<'_>,
) -> Option<(Directive, Pattern)> {
    let about = scene.service.name();
    let body = ledger.enter(rewrite);
    let (Some(from), Some(to)) = (&body.from, &body.to) else {
        ledger.take_from(body.from.as_ref());
        ledger.take_from(body.to.as_ref());
        ledger.report(half(rewrite).about(about));
        return None;
    };
    let (expression, path) = (ledger.take(from), ledger.take(to));
    let pattern = match Pattern::read(expression) {
        Ok(pattern) => pattern,
        Err(why) => {
            ledger.report(no_expression(expression, why, from.span).about(about));
            return None;
        }
    };
    let mut faults = variables::check(path, Some(&pattern), to.span);
    faults.extend(
        values::line("regular expression", expression, from.span)
            .err()
            .map(|fault| *fault),
    );
    faults.extend(
        values::line("path", path, to.span)
            .err()
            .map(|fault| *fault),
    );
    let taken = pattern.names.iter().filter(|name| is_taken(name));
    faults.extend(taken.map(|name| taken_name(name, from.span)));
    if !path.starts_with(['/', '$']) || path.starts_with("$scheme") {
        faults.push(no_path(path, to.span));
    }
    for fault in faults {
        ledger.report(fault.about(about));
    }
    let words = [
        pattern.anchored(expression),
        path.to_string(),
        "break".to_owned(),
    ];
    Some((Directive::new("rewrite", words), pattern))
}

/// Whether a group would overwrite a variable: one of nginx's own, or one of ours that holds the
/// host a request goes to.
fn is_taken(name: &str) -> bool {
    variables::is_known(name) || name.to_ascii_lowercase().starts_with("backend_")
}

/// One of the two is missing.
fn half(rewrite: &Node<Rewrite>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_REWRITE,
        "a rewrite needs `from` and `to`",
        rewrite.span,
    )
    .help("write `rewrite { from = r\"/old/(?<rest>.*)\", to = \"/new/$rest\" }`")
}

/// What PCRE would refuse.
fn no_expression(expression: &str, why: &str, span: Span) -> Diagnostic {
    let shown: String = expression.chars().take(60).collect();
    Diagnostic::new(
        &catalogue::INVALID_REWRITE,
        format!("the regular expression `{}` {why}", shown.escape_debug()),
        span,
    )
    .help("nginx reads Perl's expressions, as pcre2pattern(3) has them; `r\"…\"` keeps backslashes")
}

/// A group of the name of a variable.
fn taken_name(name: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_REWRITE,
        format!("a group cannot be named `{name}`: there is a variable of that name"),
        span,
    )
    .help("choose another name, in `to` as well")
}

/// What nginx would answer with a redirect, or join to nothing.
fn no_path(path: &str, span: Span) -> Diagnostic {
    let shown: String = path.chars().take(60).collect();
    Diagnostic::new(
        &catalogue::INVALID_REWRITE,
        format!("`{}` is no path", shown.escape_debug()),
        span,
    )
    .help("start it with `/`, or with a group that does")
}
