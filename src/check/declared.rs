//! Types as they are written.

use super::Checker;
use super::fit::bounded;
use super::order::ItemId;
use crate::diagnostics::catalogue::{INVALID_TYPE, MISUSED_NAME, UNKNOWN_NAME};
use crate::diagnostics::{Diagnostic, nearest};
use crate::resolve::{Binding, Place, Program, UNREAD, resolve_path};
use crate::source::{FileId, Span, Str};
use crate::syntax::ast::{
    Argument, Expr, ExprKind, Item, Literal, Path, TypeExpr, TypeKind, UnaryOperator,
};
use crate::types::{IntRange, Pattern, ResourceKind, Ty};
use std::sync::Arc;

/// The names of the language's own types.
const NAMES: &[&str] = &[
    "bool", "int", "float", "string", "duration", "memory", "cpu", "percent", "port", "ip", "cidr",
    "date", "image", "path", "url", "list", "map", "deploy", "secret", "service", "network",
    "volume", "config", "endpoint",
];

impl Checker<'_> {
    /// The type that is written; [`Ty::Any`] where it was reported.
    pub(super) fn declared(&mut self, ty: &TypeExpr) -> Ty {
        let ty = match &ty.kind {
            TypeKind::Named {
                path,
                parameters,
                refinement,
            } => self.named(path, parameters, refinement),
            TypeKind::Member(word) => Ty::Words([word.clone()].into()),
            TypeKind::Union(types) => self.union(types),
            TypeKind::Record(fields) => {
                let mut known: Vec<(Str, Ty)> = Vec::with_capacity(fields.len());
                for (name, ty) in fields {
                    let ty = self.declared(ty);
                    if known.iter().any(|(before, _)| *before == name.text) {
                        let message = format!("the field `{name}` is declared twice");
                        self.report(Diagnostic::new(&INVALID_TYPE, message, name.span));
                    } else {
                        known.push((name.text.clone(), ty));
                    }
                }
                Ty::Record(known.into())
            }
            TypeKind::Optional(inner) => match self.declared(inner) {
                optional @ (Ty::Optional(_) | Ty::Any) => optional,
                inner => Ty::Optional(Arc::new(inner)),
            },
        };
        bounded(ty)
    }

    /// Words become one union of words; other types stand beside it.
    fn union(&mut self, types: &[TypeExpr]) -> Ty {
        let mut words: Vec<Str> = Vec::new();
        let mut others: Vec<Ty> = Vec::new();
        for ty in types {
            match self.declared(ty) {
                Ty::Any => return Ty::Any,
                Ty::Words(new) => {
                    for word in new.iter() {
                        if words.contains(word) {
                            let message = format!("`{word}` is in the union twice");
                            self.report(Diagnostic::new(&INVALID_TYPE, message, ty.span));
                        } else {
                            words.push(word.clone());
                        }
                    }
                }
                other => others.push(other),
            }
        }
        if others.is_empty() {
            return Ty::Words(words.into());
        }
        if !words.is_empty() {
            others.insert(0, Ty::Words(words.into()));
        }
        Ty::Either(others.into())
    }

    fn named(&mut self, path: &Path, parameters: &[TypeExpr], refinement: &[Argument]) -> Ty {
        // A name of a type is one in the place of a type, whatever a `let` may be called.
        let own = path.as_name().filter(|name| {
            let known = NAMES.contains(&&*name.text);
            known && alias(self.program, self.file, path).is_none()
        });
        let Some(name) = own else {
            self.no_parameters(path, parameters, refinement);
            return self.alias(path);
        };
        match &*name.text {
            "list" => {
                let item = self.parameter(path, parameters);
                let range = self.range(path, refinement, IntRange::NATURAL);
                Ty::List(Arc::new(item), range)
            }
            "map" => {
                self.no_refinement(path, refinement);
                Ty::Map(Arc::new(self.parameter(path, parameters)))
            }
            "deploy" => {
                self.no_refinement(path, refinement);
                Ty::Deploy(Arc::new(self.parameter(path, parameters)))
            }
            "secret" if !parameters.is_empty() => {
                self.no_refinement(path, refinement);
                Ty::Secret(Arc::new(self.parameter(path, parameters)))
            }
            "int" => {
                self.no_parameter(path, parameters);
                Ty::Int(self.range(path, refinement, IntRange::ALL))
            }
            "port" => {
                self.no_parameter(path, parameters);
                Ty::Int(self.range(path, refinement, IntRange::PORT))
            }
            "string" => {
                self.no_parameter(path, parameters);
                self.pattern(path, refinement)
            }
            other => {
                self.no_parameters(path, parameters, refinement);
                simple(other).unwrap_or(Ty::Any)
            }
        }
    }

    /// A type declared here or in an imported file.
    fn alias(&mut self, path: &Path) -> Ty {
        if let Some((file, index)) = alias(self.program, self.file, path) {
            let types = self.item_types.get(file.0 as usize);
            let ty = types.and_then(|types| types.get(index)).cloned();
            return ty.flatten().unwrap_or(Ty::Any);
        }
        match resolve_path(self.program, Place::top(self.file), path).binding {
            Binding::Import(UNREAD) => {}
            Binding::Unbound | Binding::Import(_) => self.unknown_type(path),
            _ => self.report(
                Diagnostic::new(&MISUSED_NAME, format!("`{path}` is not a type"), path.span)
                    .help(format!("declare one: `type {} = …`", last(path))),
            ),
        }
        Ty::Any
    }

    fn unknown_type(&mut self, path: &Path) {
        let name = last(path);
        if self.program.unread_words.contains(name) {
            return;
        }
        let module = self.program.module(self.file);
        let aliases = module.into_iter().flat_map(|module| {
            let types = module.file.items.iter().filter_map(|item| match item {
                Item::Type(alias) => Some(&*alias.name.text),
                _ => None,
            });
            types.collect::<Vec<_>>()
        });
        let known = NAMES.iter().copied().chain(aliases);
        let meant = match name {
            "str" | "text" | "String" => Some("string"),
            "integer" | "number" | "i64" => Some("int"),
            "boolean" => Some("bool"),
            "array" => Some("list"),
            "object" | "dict" => Some("map"),
            _ => nearest(name, known),
        };
        let meant = meant.map(str::to_owned);
        let diagnostic = Diagnostic::new(
            &UNKNOWN_NAME,
            format!("there is no type `{path}`"),
            path.span,
        );
        self.report(match meant {
            Some(near) => diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(path.span, near),
            None => diagnostic.help(format!("declare it: `type {name} = …`")),
        });
    }

    fn parameter(&mut self, path: &Path, parameters: &[TypeExpr]) -> Ty {
        if let [item] = parameters {
            return self.declared(item);
        }
        self.report(
            Diagnostic::new(
                &INVALID_TYPE,
                format!("`{path}` takes one type between `<` and `>`"),
                path.span,
            )
            .help(format!("write `{path}<string>`")),
        );
        Ty::Any
    }

    fn no_parameters(&mut self, path: &Path, parameters: &[TypeExpr], refinement: &[Argument]) {
        self.no_parameter(path, parameters);
        self.no_refinement(path, refinement);
    }

    fn no_parameter(&mut self, path: &Path, parameters: &[TypeExpr]) {
        if let Some(first) = parameters.first() {
            let message = format!("`{path}` takes no type between `<` and `>`");
            self.report(Diagnostic::new(&INVALID_TYPE, message, first.span));
        }
    }

    fn no_refinement(&mut self, path: &Path, refinement: &[Argument]) {
        if let Some(first) = refinement.first() {
            self.report(
                Diagnostic::new(
                    &INVALID_TYPE,
                    format!("`{path}` cannot be refined"),
                    first.value.span,
                )
                .help("only int, port, list and string take a refinement"),
            );
        }
    }

    /// `(1..8)` after `int`, `port` and `list`.
    fn range(&mut self, path: &Path, refinement: &[Argument], all: IntRange) -> IntRange {
        let written = match refinement {
            [] => return all,
            [Argument { name: None, value }] => match &value.kind {
                ExprKind::Range(from, to) => whole(from).zip(whole(to)),
                _ => None,
            },
            _ => None,
        };
        let at = refinement
            .first()
            .map_or(path.span, |first| first.value.span);
        match written {
            Some((min, max)) if min > max => self.report(
                Diagnostic::new(&INVALID_TYPE, format!("no number is in {min}..{max}"), at)
                    .help(format!("write the least first: `{path}({max}..{min})`")),
            ),
            Some((min, max)) if min < all.min || max > all.max => self.report(Diagnostic::new(
                &INVALID_TYPE,
                format!("{min}..{max} reaches beyond {all}, which is all `{path}` may be"),
                at,
            )),
            Some((min, max)) => return IntRange { min, max },
            None => self.report(
                Diagnostic::new(
                    &INVALID_TYPE,
                    format!("`{path}` is refined by a range of whole numbers"),
                    at,
                )
                .help(format!("write `{path}(1..8)`; both ends belong to it")),
            ),
        }
        all
    }

    /// `(matching = r"…")` after `string`.
    fn pattern(&mut self, path: &Path, refinement: &[Argument]) -> Ty {
        let source = match refinement {
            [] => return Ty::TEXT,
            [
                Argument {
                    name: Some(name),
                    value,
                },
            ] if &*name.text == "matching" => value.as_text().map(|text| (text, value.span)),
            _ => None,
        };
        let Some((source, at)) = source else {
            let at = refinement
                .first()
                .map_or(path.span, |first| first.value.span);
            self.report(
                Diagnostic::new(
                    &INVALID_TYPE,
                    "`string` is refined by a regular expression",
                    at,
                )
                .help("write `string(matching = r\"[a-z]+\")`"),
            );
            return Ty::TEXT;
        };
        match regex_lite::Regex::new(&format!("^(?:{source})$")) {
            Ok(regex) => Ty::Text(Some(Arc::new(Pattern {
                source: source.into(),
                regex,
            }))),
            Err(error) => {
                self.report(invalid_pattern(source, at, &error));
                Ty::TEXT
            }
        }
    }
}

/// The `type` item that a path names.
pub(super) fn alias(program: &Program, file: FileId, path: &Path) -> Option<ItemId> {
    let target = resolve_path(program, Place::top(file), path);
    match target.binding {
        Binding::Item(file, index) if target.used == path.parts.len() => {
            let item = program.item(file, index)?;
            matches!(item, Item::Type(_)).then_some((file, index))
        }
        _ => None,
    }
}

/// The types that are but a name.
fn simple(name: &str) -> Option<Ty> {
    Some(match name {
        "bool" => Ty::Bool,
        "float" => Ty::Float,
        "duration" => Ty::Duration,
        "memory" => Ty::Memory,
        "cpu" => Ty::Cpu,
        "percent" => Ty::Percent,
        "ip" => Ty::Ip,
        "cidr" => Ty::Cidr,
        "date" => Ty::Date,
        "image" => Ty::Image,
        "path" => Ty::Path,
        "url" => Ty::Url,
        "service" => Ty::Resource(ResourceKind::Service),
        "network" => Ty::Resource(ResourceKind::Network),
        "volume" => Ty::Resource(ResourceKind::Volume),
        "config" => Ty::Resource(ResourceKind::Config),
        "secret" => Ty::Resource(ResourceKind::Secret),
        "endpoint" => Ty::PortReference,
        _ => return None,
    })
}

fn whole(expr: &Expr) -> Option<i64> {
    match &expr.kind {
        ExprKind::Literal(Literal::Int(number)) => Some(*number),
        ExprKind::Unary(UnaryOperator::Negate, inner) => whole(inner)?.checked_neg(),
        _ => None,
    }
}

fn last(path: &Path) -> &str {
    path.parts.last().map_or("", |part| &*part.text)
}

fn invalid_pattern(source: &str, at: Span, error: &regex_lite::Error) -> Diagnostic {
    Diagnostic::new(
        &INVALID_TYPE,
        format!("`{source}` is no regular expression: {error}"),
        at,
    )
    .help("look-around and back-references are not taken; a raw string `r\"…\"` keeps backslashes as they are")
}
