//! Items that declare a name: parameters, variables, functions, types, templates and components.

use super::mismatch::with_article;
use super::{Asked, Checker, Local, Role, Signature, SignatureParameter};
use crate::diagnostics::Diagnostic;
use crate::diagnostics::catalogue::{DUPLICATE_NAME, INVALID_TYPE};
use crate::source::{FileId, Span};
use crate::syntax::ast::{self, Assert, Item, Name, Parameter};
use crate::types::Ty;
use crate::vocabulary::{Block as _, BlockSchema, Service};
use std::sync::Arc;

static SERVICE: BlockSchema = Service::SCHEMA;

impl Checker<'_> {
    /// Checks an item that declares a name; those it needs were checked before.
    pub(super) fn declaration(&mut self, file: FileId, index: usize) {
        let program = self.program;
        let Some(item) = program.item(file, index) else {
            return;
        };
        self.file = file;
        let ty = match item {
            Item::Param(item) => self.param(item),
            Item::Deploy(item) => self.deploy(item),
            Item::Let(item) => self.binding(item),
            Item::Type(item) => self.declared(&item.ty),
            Item::Function(item) => {
                let result = self.declared(&item.result);
                let locals = self.signature((file, index), &item.name, &item.parameters, &result);
                self.with_locals(locals, |checker| {
                    let asked = Asked::by(Role::Result(&item.name.text, item.result.span));
                    checker.expect(&item.value, &result, asked);
                });
                result
            }
            Item::Template(item) => {
                let locals = self.signature((file, index), &item.name, &item.parameters, &Ty::Any);
                self.top = "service";
                self.with_locals(locals, |checker| {
                    checker.body(&item.body, &SERVICE, "service");
                });
                return;
            }
            Item::Component(item) => {
                let locals = self.signature((file, index), &item.name, &item.parameters, &Ty::Any);
                self.with_locals(locals, |checker| checker.component(index, &item.body));
                return;
            }
            _ => return,
        };
        let types = self.item_types.get_mut(file.0 as usize);
        if let Some(place) = types.and_then(|types| types.get_mut(index)) {
            *place = Some(ty);
        }
    }

    fn param(&mut self, item: &ast::Param) -> Ty {
        let ty = self.declared(&item.ty);
        if !is_plain(&ty) {
            self.report(
                Diagnostic::new(
                    &INVALID_TYPE,
                    format!("a `param` cannot be {}", with_article(&ty)),
                    item.ty.span,
                )
                .help("a param is given from outside when it is built: text, numbers, quantities, lists and records"),
            );
        }
        if let Some(default) = &item.default {
            let asked = Asked::by(Role::Declaration(&item.name.text, item.ty.span));
            self.expect(default, &ty, asked);
        }
        ty
    }

    fn deploy(&mut self, item: &ast::Deploy) -> Ty {
        let ty = self.declared(&item.ty);
        let taken = matches!(
            ty,
            Ty::Any | Ty::Bool | Ty::Int(_) | Ty::Text(_) | Ty::Image | Ty::Path | Ty::Url
        );
        if !taken {
            self.report(
                Diagnostic::new(
                    &INVALID_TYPE,
                    format!("a `deploy` variable cannot be {}", with_article(&ty)),
                    item.ty.span,
                )
                .help("write int, perhaps with a range, string, perhaps with a pattern, or bool")
                .note("the environment of a deployment holds text, and what stands for it in a manifest is filled in without being computed with"),
            );
            return Ty::Any;
        }
        if let Some(default) = &item.default {
            let asked = Asked::by(Role::Declaration(&item.name.text, item.ty.span));
            self.expect(default, &ty, asked);
        }
        ty
    }

    fn binding(&mut self, item: &ast::Let) -> Ty {
        match &item.ty {
            Some(declared) => {
                let ty = self.declared(declared);
                let asked = Asked::by(Role::Declaration(&item.name.text, declared.span));
                self.expect(&item.value, &ty, asked);
                ty
            }
            None => super::fit::bounded(self.infer(&item.value)),
        }
    }

    /// Takes down what a function, template or component takes and gives; gives its parameters as locals.
    fn signature(
        &mut self,
        id: super::order::ItemId,
        name: &Name,
        parameters: &[Parameter],
        result: &Ty,
    ) -> Vec<Local> {
        let depth = self.locals.len();
        let mut known: Vec<SignatureParameter> = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            let ty = self.declared(&parameter.ty);
            if let Some(default) = &parameter.default {
                let asked = Asked::by(Role::Parameter(&parameter.name.text, parameter.ty.span));
                self.expect(default, &ty, asked);
            }
            let before = |known: &&SignatureParameter| known.name.text == parameter.name.text;
            if let Some(first) = known.iter().find(before) {
                let found = declared_twice(&parameter.name, first.name.span);
                self.report(found);
            }
            // A later default may use this one.
            self.locals.push(Local {
                name: parameter.name.text.clone(),
                ty: ty.clone(),
                span: parameter.name.span,
            });
            known.push(SignatureParameter {
                name: parameter.name.clone(),
                ty,
                optional: parameter.default.is_some(),
            });
        }
        let locals = self.locals.split_off(depth);
        let signature = Signature {
            name: name.clone(),
            parameters: known,
            result: result.clone(),
        };
        self.signatures.insert(id, Arc::new(signature));
        locals
    }

    /// `assert condition, "message"`
    pub(super) fn assertion(&mut self, assert: &Assert) {
        self.condition(&assert.condition);
        self.known_text(&assert.message, "a message");
    }
}

/// Whether values of a type can be given from outside.
fn is_plain(ty: &Ty) -> bool {
    match ty {
        Ty::Resource(_)
        | Ty::PortReference
        | Ty::Deploy(_)
        | Ty::Secret(_)
        | Ty::Environment
        | Ty::Range(_) => false,
        Ty::Either(types) => types.iter().all(is_plain),
        Ty::Record(fields) => fields.iter().all(|(_, ty)| is_plain(ty)),
        Ty::List(inner, _) | Ty::Map(inner) | Ty::Optional(inner) => is_plain(inner),
        _ => true,
    }
}

fn declared_twice(name: &Name, first: Span) -> Diagnostic {
    Diagnostic::new(
        &DUPLICATE_NAME,
        format!("`{name}` is declared twice"),
        name.span,
    )
    .labelled("declared again here")
    .and(first, "first declared here")
    .help("give one another name")
}
