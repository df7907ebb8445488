//! Values as they are given from outside: text and JSON, read as a type.

use super::expression::literal_value;
use super::fit::fit;
use crate::source::{FileId, Span, Spanned, Str};
use crate::syntax::ast::{Expr, ExprKind, Item, UnaryOperator};
use crate::types::{Text, Ty, Value};
use std::sync::Arc;

/// A text as a value of a type: as it would be written, strings without quotes. `None` where it
/// cannot be read.
pub(super) fn from_text(text: &str, ty: &Ty) -> Option<Value> {
    let bare = || Some(Value::Text(Text::Known(text.into())));
    match ty {
        Ty::Text(_) | Ty::Image | Ty::Path | Ty::Url | Ty::Words(_) | Ty::Any => bare(),
        Ty::Optional(_) if text == "none" => Some(Value::None),
        Ty::Optional(inner) | Ty::Deploy(inner) => from_text(text, inner),
        Ty::Either(types) => types.iter().find_map(|ty| {
            let value = from_text(text, ty)?;
            let start = Span::new(FileId(0), 0, 0);
            fit(Spanned::new(value, start), ty)
                .ok()
                .map(|value| value.value)
        }),
        Ty::List(..) | Ty::Map(_) | Ty::Record(_) => match serde_json::from_str(text) {
            Ok(json) => Some(from_json(&json, ty)),
            Err(_) => literal(text),
        },
        Ty::Float => match literal(text)? {
            Value::Int(_) => text.replace('_', "").parse().ok().map(Value::Float),
            value => Some(value),
        },
        _ => literal(text),
    }
}

/// A value of a file of parameters. Quantities have no literals there, so they are strings.
pub(super) fn from_json(json: &serde_json::Value, ty: &Ty) -> Value {
    let ty = match ty {
        Ty::Optional(inner) | Ty::Deploy(inner) => inner,
        ty => ty,
    };
    let start = Span::new(FileId(0), 0, 0);
    match json {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(it) => Value::Bool(*it),
        serde_json::Value::Number(it) => match (it.as_i64(), it.as_f64()) {
            (Some(whole), Some(fraction)) if *ty == Ty::Float => {
                let _ = whole;
                Value::Float(fraction)
            }
            (Some(whole), _) => Value::Int(whole),
            (None, Some(fraction)) if fraction.is_finite() => Value::Float(fraction),
            _ => Value::Text(Text::Known(it.to_string().into())),
        },
        serde_json::Value::String(it) => match ty {
            Ty::Duration | Ty::Memory | Ty::Cpu | Ty::Percent | Ty::Ip | Ty::Cidr | Ty::Date => {
                from_text(it, ty)
            }
            Ty::Either(types) => types.iter().find_map(|ty| {
                let value = from_json(json, ty);
                fit(Spanned::new(value, start), ty)
                    .ok()
                    .map(|value| value.value)
            }),
            _ => None,
        }
        .unwrap_or_else(|| Value::Text(Text::Known(it.as_str().into()))),
        serde_json::Value::Array(items) => {
            let item_type = match ty {
                Ty::List(item, _) => item,
                _ => &Ty::Any,
            };
            let items = items
                .iter()
                .map(|item| Spanned::new(from_json(item, item_type), start));
            Value::List(Arc::new(items.collect()))
        }
        serde_json::Value::Object(fields) => {
            let field_type = |key: &str| match ty {
                Ty::Map(item) => Some(&**item),
                Ty::Record(fields) => fields
                    .iter()
                    .find(|(known, _)| &**known == key)
                    .map(|(_, ty)| ty),
                _ => None,
            };
            let fields = fields.iter().map(|(key, value)| {
                let ty = field_type(key).unwrap_or(&Ty::Any);
                (
                    Str::from(key.as_str()),
                    Spanned::new(from_json(value, ty), start),
                )
            });
            Value::Record(Arc::new(fields.collect()))
        }
    }
}

/// A value from outside has no place in the source but its parameter's.
pub(super) fn placed(value: Value, at: Span) -> Spanned<Value> {
    let value = match value {
        Value::List(items) => Value::List(Arc::new(
            items
                .iter()
                .map(|item| placed(item.value.clone(), at))
                .collect(),
        )),
        Value::Record(fields) => Value::Record(Arc::new(
            fields
                .iter()
                .map(|(key, field)| (key.clone(), placed(field.value.clone(), at)))
                .collect(),
        )),
        other => other,
    };
    Spanned::new(value, at)
}

/// The value of a literal as zd writes it.
fn literal(text: &str) -> Option<Value> {
    if text.contains('\n') || text.len() > 1 << 20 {
        return None;
    }
    let (file, found) = crate::syntax::parse(FileId(0), &format!("let value = {text}\n"));
    match (file.items.as_slice(), found.is_empty()) {
        ([Item::Let(item)], true) => constant(&item.value),
        _ => None,
    }
}

/// The value of an expression of literals alone.
fn constant(expr: &Expr) -> Option<Value> {
    match &expr.kind {
        ExprKind::Literal(literal) => Some(literal_value(literal)),
        ExprKind::Text(_) => expr
            .as_text()
            .map(|text| Value::Text(Text::Known(text.into()))),
        ExprKind::Name(word) => Some(Value::Text(Text::Known(word.clone()))),
        ExprKind::Unary(UnaryOperator::Negate, inner) => {
            super::operators::negated(&constant(inner)?).ok()
        }
        ExprKind::List(items) => {
            let items: Option<Vec<_>> = items
                .iter()
                .map(|item| Some(Spanned::new(constant(item)?, item.span)))
                .collect();
            items.map(|items| Value::List(Arc::new(items)))
        }
        ExprKind::Record(fields) => {
            let fields: Option<Vec<_>> = fields
                .iter()
                .map(|field| {
                    let value = Spanned::new(constant(&field.value)?, field.value.span);
                    Some((Str::from(field.key.as_text()?), value))
                })
                .collect();
            fields.map(|fields| Value::Record(Arc::new(fields)))
        }
        ExprKind::Range(from, to) => Some(Value::Range(Arc::new((constant(from)?, constant(to)?)))),
        _ => None,
    }
}
