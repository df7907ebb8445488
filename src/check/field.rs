//! `a.b` and `a[b]`: fields of records, names of other files, ports and addresses, units.

use super::expression::joined_fields;
use super::fit::noun;
use super::{Asked, Checker, Role, mismatch};
use crate::diagnostics::catalogue::{MISUSED_NAME, UNKNOWN_FIELD, UNKNOWN_NAME};
use crate::diagnostics::{Diagnostic, nearest};
use crate::resolve::{BUILTINS, Binding, UNREAD};
use crate::source::{FileId, Span, Str};
use crate::syntax::ast::{Expr, Item, Name};
use crate::types::{IntRange, ResourceKind, Ty};
use std::sync::Arc;

/// What `.` gives on a duration, in the order a message lists them.
const DURATION_UNITS: &[&str] = &["ms", "s", "m", "h", "d"];
const MEMORY_UNITS: &[&str] = &[
    "bytes", "KiB", "MiB", "GiB", "TiB", "B", "KB", "MB", "GB", "TB",
];
const CPU_UNITS: &[&str] = &["mcpu", "cpu"];
pub(super) const PORT_FIELDS: &[&str] = &["url", "address", "host", "number"];
const SLOT_FIELDS: &[&str] = &["index", "port"];

impl Checker<'_> {
    pub(super) fn infer_field(&mut self, expr: &Expr, object: &Expr, field: &Name) -> Ty {
        match self.program.binding(self.file, object.id) {
            Binding::Import(module) => self.imported(module, object, field, expr.span),
            Binding::Slot => self.unit(field, SLOT_FIELDS, deploy_text()),
            _ => {
                if let Some(instance) = self.instance_of(object) {
                    return self.part(instance, object.span, field, expr.span);
                }
                let object_ty = self.infer(object);
                self.field_of(&object_ty, object, field)
            }
        }
    }

    /// `infra.x` as a value.
    fn imported(&mut self, module: FileId, object: &Expr, field: &Name, at: Span) -> Ty {
        match self.imported_binding(module, object.span, field) {
            Some(Binding::Item(file, index)) => self.item_as_value(file, index, at),
            Some(Binding::Resource(kind)) => Ty::Resource(kind),
            Some(Binding::Instance(_)) => self.instance_alone(at),
            _ => Ty::Any,
        }
    }

    /// What a name of another file means; reported where there is none.
    pub(super) fn imported_binding(
        &mut self,
        module: FileId,
        alias: Span,
        field: &Name,
    ) -> Option<Binding> {
        if module == UNREAD || self.program.unread_words.contains(&field.text) {
            return None;
        }
        let names = &self.program.module(module)?.names;
        let found = names
            .get(&field.text)
            .map(|definition| definition.kind.binding(module));
        match found {
            Some(Binding::Import(_)) | None => {}
            found => return found,
        }
        if !self.program.may_be_computed(&field.text) {
            let path = self.program.sources.get(module).map_or("", |it| &*it.path);
            let near = nearest(&field.text, names.keys().map(|name| &**name));
            let message = format!("`{path}` has no `{field}`");
            let diagnostic = Diagnostic::new(&UNKNOWN_NAME, message, field.span)
                .and(alias, format!("this is `{path}`"));
            let diagnostic = match near {
                Some(near) => diagnostic
                    .help(format!("did you mean `{near}`?"))
                    .replace(field.span, near),
                None if found.is_some() => diagnostic.help(
                    "a file shows what it declares, not what it imports; import that file here too",
                ),
                None => diagnostic,
            };
            self.report(diagnostic);
        }
        None
    }

    fn field_of(&mut self, ty: &Ty, object: &Expr, field: &Name) -> Ty {
        if self.test.is_some()
            && let Some(ty) = self.tested_field(ty, field)
        {
            return ty;
        }
        match ty {
            Ty::Any => Ty::Any,
            Ty::Record(fields) => {
                if let Some((_, ty)) = fields.iter().find(|(name, _)| *name == field.text) {
                    return ty.clone();
                }
                let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
                let found = mismatch::no_field(&field.text, field.span, &names);
                self.report(found);
                Ty::Any
            }
            Ty::Map(item) => (**item).clone(),
            Ty::Resource(ResourceKind::Service) => Ty::PortReference,
            Ty::Resource(ResourceKind::Config) => Ty::TEXT,
            Ty::Resource(ResourceKind::Secret) => self.unit(field, &["path"], deploy_text()),
            Ty::PortReference => {
                let ty = match &*field.text {
                    "number" => Ty::Int(IntRange::PORT),
                    _ => deploy_text(),
                };
                self.unit(field, PORT_FIELDS, ty)
            }
            Ty::Duration => self.unit(field, DURATION_UNITS, Ty::INT),
            Ty::Memory => self.unit(field, MEMORY_UNITS, Ty::INT),
            Ty::Cpu => self.unit(field, CPU_UNITS, Ty::INT),
            Ty::Deploy(_) => {
                self.report_late(object, &format!("for its field `{field}`"), None);
                Ty::Any
            }
            Ty::Optional(_) => {
                let found = mismatch::perhaps_none(object.span, self.source(object.span), None);
                self.report(found);
                Ty::Any
            }
            other => {
                self.report(
                    Diagnostic::new(
                        &UNKNOWN_FIELD,
                        format!("{} has no fields", noun(other)),
                        field.span,
                    )
                    .and(
                        object.span,
                        format!("this is {}", mismatch::with_article(other)),
                    ),
                );
                Ty::Any
            }
        }
    }

    fn unit(&mut self, field: &Name, known: &[&str], ty: Ty) -> Ty {
        if known.contains(&&*field.text) {
            return ty;
        }
        let found = mismatch::no_field(&field.text, field.span, known);
        self.report(found);
        Ty::Any
    }

    pub(super) fn infer_index(&mut self, object: &Expr, index: &Expr) -> Ty {
        if let Binding::ResourceMap(kind) = self.program.binding(self.file, object.id) {
            self.known_text(index, "the label of a resource");
            return Ty::Resource(kind);
        }
        match self.infer(object) {
            Ty::List(item, _) => {
                let asked = Asked::by(Role::Rule("an index"));
                self.expect(index, &Ty::Int(IntRange::NATURAL), asked);
                (*item).clone()
            }
            Ty::Map(item) => {
                self.known_text(index, "a key");
                (*item).clone()
            }
            Ty::Record(fields) => {
                self.known_text(index, "a key");
                self.record_entry(&fields, index)
            }
            Ty::Any => {
                self.infer(index);
                Ty::Any
            }
            other => {
                self.infer(index);
                self.report(
                    Diagnostic::new(
                        &UNKNOWN_FIELD,
                        format!("{} has no items", noun(&other)),
                        object.span,
                    )
                    .labelled(format!("this is {}", mismatch::with_article(&other)))
                    .help("`[…]` takes an item of a list, a map or a record"),
                );
                Ty::Any
            }
        }
    }

    fn record_entry(&mut self, fields: &[(Str, Ty)], index: &Expr) -> Ty {
        let Some(key) = index.as_text() else {
            return joined_fields(fields);
        };
        if let Some((_, ty)) = fields.iter().find(|(name, _)| &**name == key) {
            return ty.clone();
        }
        let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
        let found = mismatch::no_field(key, index.span, &names);
        self.report(found);
        Ty::Any
    }

    /// A name that means something else than a value.
    pub(super) fn misused(&mut self, at: Span, message: &str, help: &str) -> Ty {
        self.report(Diagnostic::new(&MISUSED_NAME, message, at).help(help));
        Ty::Any
    }

    /// Reports a name that means nothing, unless text that could not be read may declare it or
    /// expansion may make it.
    pub(super) fn unknown_name(&mut self, at: Span, name: &str) {
        if self.program.unread_words.contains(name) || self.may_be_computed(name) {
            return;
        }
        let names = self.program.module(self.file).map(|module| &module.names);
        let own = self.program.parts_at(self.place());
        let known = names
            .into_iter()
            .chain(own.map(|own| &own.names))
            .flat_map(|names| names.keys().map(|name| &**name))
            .chain(self.locals.iter().map(|local| &*local.name));
        let near = nearest(name, known).map(str::to_owned);
        let mut diagnostic = Diagnostic::new(
            &UNKNOWN_NAME,
            format!("nothing is called `{name}` here"),
            at,
        );
        let minus = name.split_once('-').filter(|(left, _)| {
            self.local(left).is_some() || names.is_some_and(|names| names.contains_key(*left))
        });
        if let Some((left, right)) = minus {
            diagnostic = diagnostic
                .help(format!(
                    "`{name}` is one name; to subtract, put blanks around the minus: `{left} - {right}`"
                ))
                .replace(at, format!("{left} - {right}"));
        } else if let Some(near) = near {
            diagnostic = diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(at, near);
        } else if let Some((alias, _)) = self.elsewhere(name) {
            diagnostic = diagnostic.help(format!("write `{alias}.{name}`"));
        } else {
            diagnostic = diagnostic.help(format!("for a text, write `\"{name}\"`"));
        }
        self.report(diagnostic);
    }

    /// The import of this file that has a name.
    fn elsewhere(&self, name: &str) -> Option<(Str, Span)> {
        let names = &self.program.module(self.file)?.names;
        names.iter().find_map(|(alias, definition)| {
            let crate::resolve::DefinitionKind::Import(module) = definition.kind else {
                return None;
            };
            let inner = self.program.definition(module, name)?;
            Some((alias.clone(), inner.span))
        })
    }

    /// Reports a function that does not exist.
    pub(super) fn unknown_function(&mut self, callee: &Expr, name: &str) {
        if self.program.unread_words.contains(name) {
            return;
        }
        let module = self.program.module(self.file);
        let items = module.into_iter().flat_map(|module| &module.file.items);
        let functions = items.filter_map(|item| match item {
            Item::Function(function) => Some(&*function.name.text),
            _ => None,
        });
        let known = functions.chain(BUILTINS.iter().map(|(name, _)| *name));
        let near = nearest(name, known).map(str::to_owned);
        let diagnostic = Diagnostic::new(
            &UNKNOWN_NAME,
            format!("there is no function `{name}`"),
            callee.span,
        );
        self.report(match near {
            Some(near) => diagnostic
                .help(format!("did you mean `{near}`?"))
                .replace(callee.span, near),
            None => diagnostic.help(format!("declare it: `fn {name}(…): TYPE = …`")),
        });
    }
}

/// Text that a target fills in.
fn deploy_text() -> Ty {
    Ty::Deploy(Arc::new(Ty::TEXT))
}
