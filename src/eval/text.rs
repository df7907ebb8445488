//! Texts: interpolation, and values that must be known while building.

use super::evaluator::Evaluator;
use super::evaluator::Scope;
use super::expression::wrong_type;
use super::shown::{kind_of, shown};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::{Span, Spanned, Str};
use crate::syntax::ast::TextPart;
use crate::types::{Piece, Reference, Text, Value};

impl<'a> Evaluator<'a> {
    /// `"… ${expression} …"`
    pub(super) fn interpolated(
        &mut self,
        parts: &'a [TextPart],
        at: Span,
        scope: &mut Scope<'a>,
    ) -> Option<Value> {
        let mut known = String::new();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut complete = true;
        for part in parts {
            let value = match part {
                TextPart::Literal(text) => {
                    known.push_str(text);
                    continue;
                }
                TextPart::Interpolation(expr) => self.expression(expr, scope),
            };
            match value.and_then(|value| self.as_text(value)) {
                Some(Text::Known(text)) => {
                    self.spend_bytes(text.len(), at)?;
                    known.push_str(&text);
                }
                Some(Text::Pieces(more)) => {
                    self.spend_bytes(more.len().saturating_mul(size_of::<Piece>()), at)?;
                    pieces.push(Piece::Literal(std::mem::take(&mut known).into()));
                    pieces.extend(more);
                }
                None => complete = false,
            }
        }
        if !complete {
            return None;
        }
        self.spend_bytes(known.len(), at)?;
        if pieces.is_empty() {
            return Some(Value::Text(Text::Known(known.into())));
        }
        pieces.push(Piece::Literal(known.into()));
        Some(Value::Text(Text::from_pieces(pieces)))
    }

    /// Two texts, one after the other.
    pub(super) fn joined(&mut self, left: &Text, right: &Text, at: Span) -> Option<Value> {
        let mut pieces = Vec::new();
        for text in [left, right] {
            match text {
                Text::Known(text) => {
                    self.spend_bytes(text.len(), at)?;
                    pieces.push(Piece::Literal(text.clone()));
                }
                Text::Pieces(more) => {
                    self.spend_bytes(more.len().saturating_mul(size_of::<Piece>()), at)?;
                    pieces.extend(more.iter().cloned());
                }
            }
        }
        Some(Value::Text(Text::from_pieces(pieces)))
    }

    /// A value within a text.
    pub(super) fn as_text(&mut self, value: Spanned<Value>) -> Option<Text> {
        let span = value.span;
        let known = |text: String| Some(Text::Known(text.into()));
        match value.value {
            Value::Text(text) => Some(text),
            Value::Int(it) => known(it.to_string()),
            Value::Float(it) => known(format!("{it:?}")),
            Value::Bool(it) => known(it.to_string()),
            Value::Ip(it) => known(it.to_string()),
            Value::Cidr(it) => known(it.to_string()),
            Value::Date(it) => known(it.to_string()),
            Value::Variable(variable) => Some(Text::Pieces(vec![Piece::Variable(variable)])),
            Value::Reference(Reference::ConfigKey(config, key)) => {
                let value = self.config_key(&config, &key, span)?;
                self.as_text(value)
            }
            other => self.report(not_text(&Spanned::new(other, span))),
        }
    }

    /// The text of a value that must be a string known now.
    pub(super) fn known_text(&mut self, value: &Spanned<Value>) -> Option<Str> {
        let value = self.forced(value.clone())?;
        let value = self.settled(value)?;
        match &value.value {
            Value::Text(Text::Known(text)) => Some(text.clone()),
            Value::Int(_) | Value::Bool(_) | Value::Ip(_) | Value::Cidr(_) => {
                self.as_text(value)?.known().cloned()
            }
            _ => self.report(wrong_type(&value, "string")),
        }
    }

    /// The value, where all of it is known while building.
    pub(super) fn settled(&mut self, value: Spanned<Value>) -> Option<Spanned<Value>> {
        match &value.value {
            Value::Variable(variable) => {
                let diagnostic = not_known(&format!("`{}`", variable.name), value.span);
                self.report(diagnostic)
            }
            Value::Text(text @ Text::Pieces(_)) => {
                let piece = text.unknowns().next().map(ToString::to_string);
                let what = format!("`{}`", piece.unwrap_or_default());
                self.report(not_known(&what, value.span))
            }
            _ => Some(value),
        }
    }
}

/// Only what is written one way goes into a text.
fn not_text(value: &Spanned<Value>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::NOT_TEXT,
        format!("a {} has no text of its own", kind_of(&value.value)),
        value.span,
    )
    .labelled(format!("this is {}", shown(&value.value)));
    match &value.value {
        Value::Duration(_) => diagnostic.help("say the unit: `.ms` or `.s`"),
        Value::Memory(_) => diagnostic.help("say the unit: `.bytes` or `.MiB`"),
        Value::Reference(Reference::Secret(_)) => {
            diagnostic.help("a secret is never part of a text: mount it and use its `.path`")
        }
        Value::Reference(Reference::Port(..)) => {
            diagnostic.help("say which part: `.url`, `.address`, `.host` or `.number`")
        }
        Value::List(_) => diagnostic.help("join its items: `join_with(\",\", list)`"),
        _ => diagnostic,
    }
}

/// A value is known only later than its place needs it.
pub(super) fn not_known(what: &str, at: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::KNOWN_TOO_LATE,
        format!("{what} is known only when it is deployed, and this is needed to build"),
        at,
    )
    .help("make it a `param`, or use it whole or inside a string in a field the target substitutes")
}
