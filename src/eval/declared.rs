//! Declared types: what is written after a parameter's colon, as a type.
//!
//! The check has judged the declarations; what it refused is any type here.

use crate::check::Checked;
use crate::resolve::DefinitionKind;
use crate::source::{FileId, Str};
use crate::syntax::ast::{Argument, Expr, ExprKind, Literal, TypeExpr, TypeKind};
use crate::types::{IntRange, Pattern, ResourceKind, Ty};
use std::sync::Arc;

/// The type a declaration in a file stands for.
pub(super) fn type_of(checked: &Checked, file: FileId, ty: &TypeExpr) -> Ty {
    match &ty.kind {
        TypeKind::Member(word) => Ty::Words([word.clone()].into()),
        TypeKind::Union(types) => union(checked, file, types),
        TypeKind::Record(fields) => Ty::Record(
            fields
                .iter()
                .map(|(name, ty)| (name.text.clone(), type_of(checked, file, ty)))
                .collect(),
        ),
        TypeKind::Optional(inner) => Ty::Optional(Arc::new(type_of(checked, file, inner))),
        TypeKind::Named {
            path,
            parameters,
            refinement,
        } => {
            let inner = parameters
                .first()
                .map(|inner| Arc::new(type_of(checked, file, inner)));
            match (path.as_name(), inner) {
                (Some(name), None) => alias(checked, file, &[&name.text])
                    .or_else(|| builtin(&name.text, refinement))
                    .unwrap_or(Ty::Any),
                (Some(name), Some(inner)) => match &*name.text {
                    "list" => Ty::List(inner, range(refinement).unwrap_or(IntRange::NATURAL)),
                    "map" => Ty::Map(inner),
                    "deploy" => Ty::Deploy(inner),
                    "secret" => Ty::Secret(inner),
                    _ => Ty::Any,
                },
                (None, _) => {
                    let parts: Vec<&Str> = path.parts.iter().map(|part| &part.text).collect();
                    alias(checked, file, &parts).unwrap_or(Ty::Any)
                }
            }
        }
    }
}

fn union(checked: &Checked, file: FileId, types: &[TypeExpr]) -> Ty {
    let words: Option<Arc<[Str]>> = types
        .iter()
        .map(|ty| match &ty.kind {
            TypeKind::Member(word) => Some(word.clone()),
            _ => None,
        })
        .collect();
    match words {
        Some(words) => Ty::Words(words),
        None => Ty::either(types.iter().map(|ty| type_of(checked, file, ty))),
    }
}

fn builtin(name: &str, refinement: &[Argument]) -> Option<Ty> {
    Some(match name {
        "bool" => Ty::Bool,
        "int" => Ty::Int(range(refinement).unwrap_or(IntRange::ALL)),
        "port" => Ty::Int(range(refinement).unwrap_or(IntRange::PORT)),
        "float" => Ty::Float,
        "string" => Ty::Text(pattern(refinement)),
        "image" => Ty::Image,
        "path" => Ty::Path,
        "url" => Ty::Url,
        "duration" => Ty::Duration,
        "memory" => Ty::Memory,
        "cpu" => Ty::Cpu,
        "percent" => Ty::Percent,
        "ip" => Ty::Ip,
        "cidr" => Ty::Cidr,
        "date" => Ty::Date,
        "service" => Ty::Resource(ResourceKind::Service),
        "network" => Ty::Resource(ResourceKind::Network),
        "volume" => Ty::Resource(ResourceKind::Volume),
        "config" => Ty::Resource(ResourceKind::Config),
        "secret" => Ty::Resource(ResourceKind::Secret),
        "endpoint" => Ty::PortReference,
        _ => return None,
    })
}

/// The type of an alias, perhaps of another module.
fn alias(checked: &Checked, file: FileId, parts: &[&Str]) -> Option<Ty> {
    let (name, modules) = parts.split_last()?;
    let names = |file: FileId| {
        let module = checked.program.modules.get(file.0 as usize);
        module.map(|module| &module.names)
    };
    let file =
        modules
            .iter()
            .try_fold(file, |file, name| match names(file)?.get(&***name)?.kind {
                DefinitionKind::Import(file) => Some(file),
                _ => None,
            })?;
    let DefinitionKind::Item(index) = names(file)?.get(&***name)?.kind else {
        return None;
    };
    let types = checked.item_types.get(file.0 as usize)?;
    types.get(index)?.clone()
}

/// `(1..8)`, `(3)`
fn range(refinement: &[Argument]) -> Option<IntRange> {
    let bounds = refinement
        .iter()
        .find(|argument| argument.name.is_none())
        .map(|argument| &argument.value)?;
    match &bounds.kind {
        ExprKind::Range(min, max) => Some(IntRange {
            min: whole(min)?,
            max: whole(max)?,
        }),
        _ => whole(bounds).map(|only| IntRange {
            min: only,
            max: only,
        }),
    }
}

fn whole(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Literal(Literal::Int(number)) => Some(*number),
        ExprKind::Unary(_, inner) => whole(inner).and_then(i64::checked_neg),
        _ => None,
    }
}

/// `(matching = r"^[a-z]+$")`
fn pattern(refinement: &[Argument]) -> Option<Arc<Pattern>> {
    let source = refinement
        .iter()
        .find(|argument| {
            argument
                .name
                .as_ref()
                .is_some_and(|name| &*name.text == "matching")
        })
        .and_then(|argument| argument.value.as_text())?;
    let regex = regex_lite::Regex::new(&format!("^(?:{source})$")).ok()?;
    Some(Arc::new(Pattern {
        source: source.into(),
        regex,
    }))
}
