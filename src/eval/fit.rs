//! Values against declared types: parameters, arguments, results. The check has compared types;
//! here are refinements, and what only evaluation could tell.

use super::evaluator::Evaluator;
use super::shown::{kind_of, shown};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::{Span, Spanned, Str};
use crate::types::{Reference, ResourceKind, Text, Ty, Value};
use std::sync::Arc;

/// A value, or a part of one, that is not of its type.
#[derive(Debug)]
pub(super) struct Misfit(Box<Facts>);

#[derive(Debug)]
struct Facts {
    span: Span,
    value: Value,
    wanted: Ty,
    /// Whether the type is right and a refinement is not met.
    refinement: bool,
    /// More than the type can say.
    detail: Option<String>,
}

impl Evaluator<'_> {
    /// A value as its declared type has it; `None` where it is not of it. `declared` is where the
    /// type stands and the name of what has it.
    pub(super) fn fitted(
        &mut self,
        value: Spanned<Value>,
        ty: &Ty,
        declared: Option<(Span, &Str)>,
    ) -> Option<Spanned<Value>> {
        let value = self.settled_for(value, ty)?;
        match fit(value, ty) {
            Ok(value) => Some(value),
            Err(misfit) => self.report(refused(&misfit, declared)),
        }
    }
}

/// The value, with absent optional fields as `none`, or its first part that is not of the type.
pub(super) fn fit(value: Spanned<Value>, ty: &Ty) -> Result<Spanned<Value>, Misfit> {
    let is = match (ty, &value.value) {
        (Ty::Optional(_), Value::None) => true,
        (Ty::Optional(inner) | Ty::Deploy(inner) | Ty::Secret(inner), _) => {
            return fit_staged(value, ty, inner);
        }
        (Ty::Either(types), _) => return fit_either(&value, ty, types),
        (Ty::List(item, length), Value::List(items)) => {
            let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
            if !length.contains(count) {
                let detail = format!("a list of {length} items is asked for, and this has {count}");
                return Err(misfit(&value, ty, true).detailed(detail));
            }
            return fit_list(value.span, items, item);
        }
        (Ty::Map(item), Value::Record(fields)) => {
            let fitted: Result<Vec<_>, Misfit> = fields
                .iter()
                .map(|(key, field)| Ok((key.clone(), fit(field.clone(), item)?)))
                .collect();
            return Ok(Spanned::new(Value::Record(Arc::new(fitted?)), value.span));
        }
        (Ty::Record(wanted), Value::Record(fields)) => {
            return fit_record(&value, ty, wanted, fields);
        }
        (Ty::Range(inner), Value::Range(ends)) => {
            fit(Spanned::new(ends.0.clone(), value.span), inner)?;
            fit(Spanned::new(ends.1.clone(), value.span), inner)?;
            true
        }
        (Ty::Int(range), Value::Int(number)) if !range.contains(*number) => {
            return Err(misfit(&value, ty, true));
        }
        (Ty::Text(Some(pattern)), Value::Text(Text::Known(text)))
            if !pattern.regex.is_match(text) =>
        {
            return Err(misfit(&value, ty, true));
        }
        (Ty::Image, Value::Text(Text::Known(text))) if !is_image(text) => {
            return Err(misfit(&value, ty, true));
        }
        (Ty::Url, Value::Text(Text::Known(text))) if !text.contains("://") => {
            return Err(misfit(&value, ty, true));
        }
        (Ty::Words(words), Value::Text(Text::Known(text))) => {
            if !words.contains(text) {
                return Err(misfit(&value, ty, true));
            }
            true
        }
        (ty, value) => is_plain(ty, value),
    };
    if is {
        Ok(value)
    } else {
        Err(misfit(&value, ty, false))
    }
}

fn is_plain(ty: &Ty, value: &Value) -> bool {
    matches!(
        (ty, value),
        (Ty::Any, _)
            | (Ty::None, Value::None)
            | (Ty::Bool, Value::Bool(_) | Value::Variable(_))
            | (Ty::Int(_), Value::Int(_) | Value::Variable(_))
            | (Ty::Float, Value::Float(_))
            | (Ty::Text(_) | Ty::Image | Ty::Path | Ty::Url, Value::Text(_))
            | (Ty::Duration, Value::Duration(_))
            | (Ty::Memory, Value::Memory(_))
            | (Ty::Cpu, Value::Cpu(_))
            | (Ty::Percent, Value::Percent(_))
            | (Ty::Ip, Value::Ip(_))
            | (Ty::Cidr, Value::Cidr(_))
            | (Ty::Date, Value::Date(_))
            | (Ty::Environment, Value::Environment(_))
            | (Ty::PortReference, Value::Reference(Reference::Port(..)))
            | (
                Ty::Resource(ResourceKind::Service),
                Value::Reference(Reference::Service(_))
            )
            | (
                Ty::Resource(ResourceKind::Network),
                Value::Reference(Reference::Network(_))
            )
            | (
                Ty::Resource(ResourceKind::Volume),
                Value::Reference(Reference::Volume(_))
            )
            | (
                Ty::Resource(ResourceKind::Config),
                Value::Reference(Reference::Config(_))
            )
            | (
                Ty::Resource(ResourceKind::Secret),
                Value::Reference(Reference::Secret(_))
            )
    )
}

fn fit_staged(value: Spanned<Value>, ty: &Ty, inner: &Ty) -> Result<Spanned<Value>, Misfit> {
    match (ty, &value.value) {
        (Ty::Deploy(_), Value::Variable(_))
        | (Ty::Secret(_), Value::Reference(Reference::Secret(_))) => Ok(value),
        _ => fit(value, inner),
    }
}

/// The first alternative that takes it. Where none does, the one it came nearest to says why.
fn fit_either(value: &Spanned<Value>, ty: &Ty, types: &[Ty]) -> Result<Spanned<Value>, Misfit> {
    let mut nearest = None;
    for ty in types {
        match fit(value.clone(), ty) {
            Ok(value) => return Ok(value),
            Err(misfit) if misfit.0.refinement => nearest = Some(misfit),
            Err(_) => {}
        }
    }
    Err(nearest.unwrap_or_else(|| misfit(value, ty, false)))
}

fn fit_list(
    span: Span,
    items: &Arc<Vec<Spanned<Value>>>,
    item: &Ty,
) -> Result<Spanned<Value>, Misfit> {
    let fitted: Result<Vec<_>, _> = items.iter().map(|each| fit(each.clone(), item)).collect();
    Ok(Spanned::new(Value::List(Arc::new(fitted?)), span))
}

fn fit_record(
    value: &Spanned<Value>,
    ty: &Ty,
    wanted: &[(Str, Ty)],
    fields: &[(Str, Spanned<Value>)],
) -> Result<Spanned<Value>, Misfit> {
    let unknown = fields
        .iter()
        .find(|(key, _)| !wanted.iter().any(|(known, _)| known == key));
    if let Some((key, field)) = unknown {
        let detail = format!("the record has no field `{key}`");
        let mut misfit = misfit(value, ty, true).detailed(detail);
        misfit.0.span = field.span;
        return Err(misfit);
    }
    let mut fitted = Vec::with_capacity(wanted.len());
    for (key, ty_of_field) in wanted {
        match fields.iter().find(|(known, _)| known == key) {
            Some((_, field)) => fitted.push((key.clone(), fit(field.clone(), ty_of_field)?)),
            None if matches!(ty_of_field, Ty::Optional(_)) => {
                fitted.push((key.clone(), Spanned::new(Value::None, value.span)));
            }
            None => {
                let detail = format!("the record lacks `{key}`");
                return Err(misfit(value, ty, true).detailed(detail));
            }
        }
    }
    Ok(Spanned::new(Value::Record(Arc::new(fitted)), value.span))
}

/// Whether a text can name an image at all; its parts are for the rules to judge.
fn is_image(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace) && !text.starts_with('-')
}

fn misfit(value: &Spanned<Value>, wanted: &Ty, refinement: bool) -> Misfit {
    Misfit(Box::new(Facts {
        span: value.span,
        value: value.value.clone(),
        wanted: wanted.clone(),
        refinement,
        detail: None,
    }))
}

impl Misfit {
    fn detailed(mut self, detail: String) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// What is wrong, in words.
    pub(super) fn message(&self) -> String {
        if let Some(detail) = &self.0.detail {
            return detail.clone();
        }
        let shown = shown(&self.0.value);
        match (&self.0.wanted, self.0.refinement) {
            (Ty::Int(range), true) => format!("{shown} is not within {range}"),
            (Ty::Text(Some(pattern)), true) => {
                format!("{shown} does not match `{}`", pattern.source)
            }
            (Ty::Image, true) => format!("{shown} is not the name of an image"),
            (Ty::Url, true) => format!("{shown} is not an absolute URL"),
            (Ty::Words(_), true) => format!("{shown} is not one of {}", self.0.wanted),
            (wanted, _) => format!(
                "{shown} is {}, and {wanted} is asked for",
                kind_of(&self.0.value)
            ),
        }
    }

    /// Whether the type is right and a refinement is not met.
    pub(super) fn is_refinement(&self) -> bool {
        self.0.refinement
    }
}

fn refused(misfit: &Misfit, declared: Option<(Span, &Str)>) -> Diagnostic {
    let code = if misfit.0.refinement {
        &catalogue::OUT_OF_RANGE
    } else {
        &catalogue::TYPE_MISMATCH
    };
    let diagnostic = Diagnostic::new(code, misfit.message(), misfit.0.span);
    match declared {
        Some((span, name)) => diagnostic
            .labelled("the value")
            .and(span, format!("`{name}` is declared so")),
        None => diagnostic,
    }
}
