//! Types, units and stages, before anything is evaluated.
//!
//! `order` says which item is looked at when, `declared` reads written types, `item` and `body`
//! walk what a file holds, `expression` and the files beside it give each expression its type and
//! hold it against the type of its place. Nothing here computes a value.

mod body;
mod call;
mod component;
mod declared;
mod expression;
mod field;
mod fit;
mod item;
mod label;
mod mismatch;
mod narrow;
mod operator;
mod order;
mod place;
mod test;
mod text;
mod top;

pub use test::{KIND, expected_code};

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::resolve::{Place, Program};
use crate::source::{FileId, Span, Str};
use crate::syntax::ast;
use crate::types::Ty;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A program whose types were checked, with what later phases need of them.
#[derive(Debug)]
pub struct Checked {
    /// The program.
    pub program: Program,
    /// By file and [`crate::syntax::ast::ExprId`]: for a bare word in a place typed by a union,
    /// true. It evaluates to its own text, whatever else it might name. `none` is such a word
    /// where a union has it.
    pub members: Vec<Vec<bool>>,
    /// By file and index of item: the types of `param`, `deploy`, `let` and `type` items, and the
    /// results of `fn` items. A `deploy` item's is the declared one, without its stage.
    pub item_types: Vec<Vec<Option<Ty>>>,
}

/// Checks every expression against the type of its place, and every body against the vocabulary.
///
/// Templates and functions are checked once, at their declaration. What is known only after
/// expansion (the ports of a service, the keys of a config) is left to evaluation and the graph.
pub fn check(program: Program) -> (Checked, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let order = order::order(&program, &mut diagnostics);
    let mut checker = Checker::of(&program);
    checker.item_types = program
        .modules
        .iter()
        .map(|module| vec![None; module.file.items.len()])
        .collect();
    checker.diagnostics = diagnostics;
    for (file, index) in order {
        checker.declaration(file, index);
    }
    checker.program();
    let mut members: Vec<Vec<bool>> = program
        .modules
        .iter()
        .map(|module| vec![false; module.file.expressions as usize])
        .collect();
    for (file, expr) in checker.members {
        let file = members.get_mut(file.0 as usize);
        if let Some(place) = file.and_then(|file| file.get_mut(expr.0 as usize)) {
            *place = true;
        }
    }
    let (item_types, diagnostics) = (checker.item_types, checker.diagnostics);
    (
        Checked {
            program,
            members,
            item_types,
        },
        diagnostics,
    )
}

/// What is known while a program is checked.
struct Checker<'a> {
    program: &'a Program,
    /// The file that is looked at.
    file: FileId,
    /// The component whose body is looked at, by index of its item.
    component: Option<usize>,
    /// Parameters and loop variables, innermost last.
    locals: Vec<Local>,
    /// Paths known not to be `none` here, because a condition says so.
    present: Vec<Vec<Str>>,
    /// The gateway whose body is looked at.
    gateway: Option<place::Upstreams>,
    /// The kind of the top-level block that is looked at.
    top: &'static str,
    /// What only a test's expressions may name, where one is looked at.
    test: Option<std::rc::Rc<test::Nameable>>,
    /// The bare words that are members of a union.
    members: Vec<(FileId, ast::ExprId)>,
    item_types: Vec<Vec<Option<Ty>>>,
    /// The parameters and results of functions, templates and components.
    signatures: FxHashMap<order::ItemId, Arc<Signature>>,
    /// The types of attributes, each made once, by the address of what makes it.
    attribute_types: FxHashMap<usize, Ty>,
    diagnostics: Diagnostics,
}

/// A parameter or a loop variable.
struct Local {
    name: Str,
    ty: Ty,
    /// What it was declared by.
    span: Span,
}

/// What a function, a template or a component takes and gives.
struct Signature {
    name: ast::Name,
    parameters: Vec<SignatureParameter>,
    result: Ty,
}

/// One parameter.
struct SignatureParameter {
    name: ast::Name,
    ty: Ty,
    optional: bool,
}

/// Who asks for a type, and where it says so.
#[derive(Clone, Copy)]
struct Asked<'t> {
    role: Role<'t>,
    /// Whether the value is but an item or entry of what was asked for.
    within: bool,
}

/// The kinds of place that ask for a type.
#[derive(Clone, Copy)]
enum Role<'t> {
    /// An attribute, by its key.
    Attribute(&'t str, Span),
    /// A parameter, by its declaration.
    Parameter(&'t str, Span),
    /// A declared type.
    Declaration(&'t str, Span),
    /// A function's result.
    Result(&'t str, Span),
    /// A field of a record.
    Field(&'t str, Span),
    /// The same type as this expression has.
    Like(Span),
    /// A place of the language: `a condition`.
    Rule(&'static str),
}

impl<'t> Asked<'t> {
    fn by(role: Role<'t>) -> Self {
        Self {
            role,
            within: false,
        }
    }

    fn item(self) -> Self {
        Self {
            within: true,
            ..self
        }
    }
}

impl<'a> Checker<'a> {
    /// One that has seen nothing yet.
    fn of(program: &'a Program) -> Self {
        Self {
            program,
            file: FileId(0),
            component: None,
            locals: Vec::new(),
            present: Vec::new(),
            gateway: None,
            top: "",
            test: None,
            members: Vec::new(),
            item_types: Vec::new(),
            signatures: FxHashMap::default(),
            attribute_types: FxHashMap::default(),
            diagnostics: Diagnostics::default(),
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Where names are looked up.
    fn place(&self) -> Place {
        Place {
            file: self.file,
            component: self.component,
        }
    }

    /// Says that a bare word is a member of a union.
    fn mark_member(&mut self, expr: &ast::Expr) {
        self.members.push((self.file, expr.id));
    }

    /// The text of a place.
    fn source(&self, span: Span) -> &str {
        self.program.sources.slice(span)
    }

    /// Does something with more locals.
    fn with_locals(&mut self, locals: Vec<Local>, inside: impl FnOnce(&mut Self)) {
        let depth = self.locals.len();
        self.locals.extend(locals);
        inside(self);
        self.locals.truncate(depth);
    }

    fn local(&self, name: &str) -> Option<&Local> {
        self.locals.iter().rev().find(|local| &*local.name == name)
    }
}
