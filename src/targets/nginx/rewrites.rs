//! What becomes of a path before it is passed on: `rewrite … break`.

use super::gateway::Scene;
use super::pattern::Pattern;
use super::plan::Directive;
use super::{choices, routes, values, variables};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::routing::{self, Paths};
use crate::source::{Span, Str};
use crate::targets::Ledger;
use crate::vocabulary::{Attribute, Node, Rewrite, Route};

/// The directive, and the expression whose groups other values may name.
pub(super) fn lower(
    scene: Scene<'_>,
    route: &Node<Route>,
    rewrite: &Node<Rewrite>,
    ledger: &mut Ledger<'_>,
) -> Option<(Directive, Pattern)> {
    let about = scene.service.name();
    let body = ledger.enter(rewrite);
    if let Some(prefix) = &body.prefix {
        ledger.take(prefix);
        if body.from.is_some() || body.to.is_some() {
            ledger.take_from(body.from.as_ref());
            ledger.take_from(body.to.as_ref());
            ledger.report(both(prefix, rewrite.span).about(about));
            return None;
        }
        let directive = with_prefix(route, prefix);
        let directive = directive.map_err(|fault| ledger.report(fault.about(about)));
        return Some((directive.ok()?, Pattern::default()));
    }
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

/// The path of the route's pattern replaced; what follows it stays. As the Gateway API has it: with
/// `/` for it, `/x/y` becomes `/y` and `/x` becomes `/`.
fn with_prefix(route: &Node<Route>, prefix: &Attribute<Str>) -> Result<Directive, Box<Diagnostic>> {
    values::literal("path", &prefix.value, prefix.span)?;
    routes::path("path", &prefix.value, prefix.span)?;
    let new = prefix.value.trim_end_matches('/');
    let (from, to) = match routing::paths(route) {
        Some(Paths::Below(old)) => {
            let old = choices::literal(&old);
            if new.is_empty() {
                (format!("^{old}(?:/(.*))?$"), "/$1".to_owned())
            } else {
                (format!("^{old}(/.*)?$"), format!("{new}$1"))
            }
        }
        Some(Paths::One(old)) => (
            format!("^{}$", choices::literal(&old)),
            if new.is_empty() { "/" } else { new }.to_owned(),
        ),
        Some(Paths::All) | None => ("^(.*)$".to_owned(), format!("{new}$1")),
    };
    Ok(Directive::new("rewrite", [from, to, "break".to_owned()]))
}

/// Whether a group would overwrite a variable: one of nginx's own, or one of ours that holds the
/// host a request goes to.
fn is_taken(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ours = ["backend_", "route_", "split_", "connection_upgrade"];
    variables::is_known(&name) || ours.iter().any(|prefix| name.starts_with(prefix))
}

/// Two ways of rewriting.
fn both(prefix: &Attribute<Str>, rewrite: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_REWRITE,
        "a rewrite has `prefix`, or `from` and `to`",
        prefix.key_span,
    )
    .and(rewrite, "both stand here")
    .help("keep one of the two ways")
}

/// One of the two is missing.
fn half(rewrite: &Node<Rewrite>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_REWRITE,
        "a rewrite needs `from` and `to`",
        rewrite.span,
    )
    .help("write `rewrite { prefix = \"/\" }` to replace the route's path, or `rewrite { from = r\"/old/(?<rest>.*)\", to = \"/new/$rest\" }`")
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
