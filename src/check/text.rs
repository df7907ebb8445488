//! Strings: what may stand in them, and strings where a place takes words or a pattern.

use super::fit::{part, words_of};
use super::{Asked, Checker, Role, mismatch};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::NOT_TEXT;
use crate::syntax::ast::{Expr, ExprKind, TextPart};
use crate::types::{ResourceKind, Ty};
use std::sync::Arc;

impl Checker<'_> {
    /// A string in a place.
    pub(super) fn expect_text(&mut self, expr: &Expr, ty: &Ty, asked: Asked<'_>) {
        let ExprKind::Text(parts) = &expr.kind else {
            return;
        };
        let takes_text = |ty: &Ty| matches!(ty, Ty::Text(_) | Ty::Any).then_some(());
        if let Some(text) = expr.as_text() {
            if let Some(words) = words_of(ty)
                && part(ty, &takes_text).is_none()
            {
                if !words.iter().any(|word| &**word == text) {
                    let found = mismatch::unknown_member(text, expr.span, words, asked, false);
                    self.report(found);
                }
                return;
            }
            let pattern = |ty| match ty {
                &Ty::Text(Some(ref pattern)) => Some(pattern),
                _ => None,
            };
            if let Some(pattern) = part(ty, &pattern)
                && !pattern.regex.is_match(text)
            {
                return self.report(mismatch::no_match(text, expr.span, pattern, asked));
            }
        }
        let actual = self.infer_text(parts);
        self.require(expr, &actual, ty, asked);
    }

    /// The type of a string: known when it is built if all that stands in it is.
    pub(super) fn infer_text(&mut self, parts: &[TextPart]) -> Ty {
        let mut late = false;
        for part in parts {
            if let TextPart::Interpolation(inner) = part {
                let ty = self.infer(inner);
                if let Some(known) = goes_into_text(&ty) {
                    late |= !known;
                } else {
                    let found = not_text(inner, &ty, self.source(inner.span));
                    self.report(found);
                }
            }
        }
        if late {
            Ty::Deploy(Arc::new(Ty::TEXT))
        } else {
            Ty::TEXT
        }
    }

    /// A string that names something: it must be known when it is built.
    pub(super) fn known_text(&mut self, expr: &Expr, what: &'static str) {
        self.expect(expr, &Ty::TEXT, Asked::by(Role::Rule(what)));
    }
}

/// Whether values of a type go into text: known when it is built, or later; `None` for no.
fn goes_into_text(ty: &Ty) -> Option<bool> {
    match ty {
        Ty::Any
        | Ty::Text(_)
        | Ty::Words(_)
        | Ty::Int(_)
        | Ty::Bool
        | Ty::Image
        | Ty::Path
        | Ty::Url
        | Ty::Ip
        | Ty::Cidr => Some(true),
        Ty::Deploy(inner) => goes_into_text(inner).map(|_| false),
        Ty::Either(types) => types
            .iter()
            .try_fold(true, |known, ty| Some(known & goes_into_text(ty)?)),
        _ => None,
    }
}

fn not_text(expr: &Expr, ty: &Ty, source: &str) -> Diagnostic {
    if let Ty::Optional(_) = ty {
        return mismatch::perhaps_none(expr.span, source, None);
    }
    let noun = super::fit::noun(ty);
    let diagnostic = Diagnostic::new(
        &NOT_TEXT,
        format!("{} does not go into text", mismatch::with_article(ty)),
        expr.span,
    )
    .labelled(format!("this is {}", mismatch::with_article(ty)))
    .note("into text go string, int, bool, url, ip and cidr; only you know in which unit a reader wants a quantity");
    let help = match ty {
        Ty::Duration => format!("say the unit: `{source}.s`, `.ms`, `.m` or `.h`"),
        Ty::Memory => format!("say the unit: `{source}.MiB`, `.bytes`, `.KiB` or `.GiB`"),
        Ty::Cpu => format!("say the unit: `{source}.mcpu` or `.cpu`"),
        Ty::Float => format!("write `string({source})`"),
        Ty::PortReference => {
            format!(
                "say which part of its address: `{source}.url`, `.address`, `.host` or `.number`"
            )
        }
        Ty::Resource(ResourceKind::Service) => {
            format!("say which port and part: `{source}.http.url`")
        }
        Ty::Resource(ResourceKind::Config) => format!("name one of its keys: `{source}.KEY`"),
        Ty::Resource(ResourceKind::Secret) => format!(
            "write `{source}.path`, the file it is mounted as: a secret's value is never part of a text"
        ),
        Ty::List(..) => format!("write `join_with(\",\", {source})`"),
        _ => format!("write the {noun} as text by hand"),
    };
    // What is already a field of something needs parentheses around nothing more.
    diagnostic.help(if matches!(expr.kind, ExprKind::Binary(..)) {
        help.replacen(source, &format!("({source})"), 1)
    } else {
        help
    })
}
