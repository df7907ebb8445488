//! The state of one evaluation: what is known so far, what is left to spend, what was found.

use super::budget::{Budget, ERRORS};
use super::examine::Examined;
use super::expand::Resources;
use super::instance::Instance;
use super::merge::Merged;
use super::{DeployVariable, Inputs};
use crate::check::Checked;
use crate::diagnostics::Diagnostic;
use crate::resolve::{Binding, Definition, Program};
use crate::source::{FileId, Span, Spanned, Str, World};
use crate::syntax::ast;
use crate::types::{Ty, Value};
use crate::vocabulary::{Decoded, Tree};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;
use std::rc::Rc;

/// One evaluation.
pub(super) struct Evaluator<'a> {
    pub(super) world: &'a dyn World,
    pub(super) checked: &'a Checked,
    pub(super) program: &'a Program,
    pub(super) budget: Budget,
    pub(super) found: Vec<Diagnostic>,
    /// Circles, kept apart: they may show in an evaluation on demand, whose diagnostics are dropped.
    pub(super) circles: Vec<Diagnostic>,
    /// The values of `param`, `deploy` and `let` items, by file and index.
    pub(super) items: FxHashMap<(FileId, usize), Memo<Spanned<Value>>>,
    /// The types of the parameters of functions and templates, by file and index.
    pub(super) parameter_types: FxHashMap<(FileId, usize), Rc<[Ty]>>,
    /// Templates used without arguments.
    pub(super) templates: FxHashMap<(FileId, usize), Option<Rc<Merged>>>,
    /// The instances of components, with the scopes of their bodies, in the order made.
    pub(super) instances: Vec<(&'a ast::Template, Scope<'a>)>,
    /// The instance whose body is evaluated.
    pub(super) instance: Option<Rc<Instance>>,
    /// The blocks that resources share.
    pub(super) decoded: Decoded,
    /// What the top level expands to.
    pub(super) resources: Resources<'a>,
    /// Evaluated configs, by index in `resources`.
    pub(super) configs: FxHashMap<usize, Memo<Rc<Tree>>>,
    /// Those of them of which something was reported.
    pub(super) broken_configs: FxHashSet<usize>,
    /// The numbers of ports that were asked for, by index of their service in `resources`.
    pub(super) numbers: FxHashMap<(usize, Str), Option<i64>>,
    /// Keys of configs, evaluated while the config was, by index in `resources`.
    pub(super) keys: FxHashMap<(usize, Str), Option<Spanned<Value>>>,
    /// Ports whose numbers are being asked for.
    pub(super) asked_ports: Vec<(Str, Str)>,
    /// Config keys whose texts are being asked for.
    pub(super) asked_keys: Vec<(Str, Str)>,
    /// Keys whose values could not be evaluated: that they are missing was said already.
    pub(super) failed: FxHashSet<Str>,
    /// The body that is being merged with what it uses.
    pub(super) merging: Span,
    /// Files read, by path.
    pub(super) files: BTreeMap<String, Option<Str>>,
    /// Whether some value is symbolic: a port's number or a config's key.
    pub(super) symbolic: bool,
    /// What is known while a test is examined.
    pub(super) test: Option<Examined<'a>>,
}

/// A value that is computed once.
#[derive(Debug)]
pub(super) enum Memo<T> {
    /// Asked for by itself.
    Running,
    /// Known, or reported.
    Done(Option<T>),
}

/// What local names mean, innermost last.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    /// Whose top-level names are seen.
    pub(super) file: FileId,
    pub(super) locals: Vec<(&'a str, Spanned<Value>)>,
    /// The instance whose body this is.
    pub(super) instance: Option<Rc<Instance>>,
}

impl<'a> Scope<'a> {
    /// The top level of a file.
    pub(super) fn top(file: FileId) -> Self {
        Self {
            file,
            locals: Vec::new(),
            instance: None,
        }
    }

    /// The innermost local of this name.
    pub(super) fn local(&self, name: &str) -> Option<&Spanned<Value>> {
        let found = self.locals.iter().rev().find(|(local, _)| *local == name);
        found.map(|(_, value)| value)
    }

    /// Adds a local.
    pub(super) fn push(&mut self, name: &'a ast::Name, value: Spanned<Value>) {
        self.locals.push((&name.text, value));
    }
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(world: &'a dyn World, checked: &'a Checked) -> Self {
        Self {
            world,
            checked,
            program: &checked.program,
            budget: Budget::default(),
            found: Vec::new(),
            circles: Vec::new(),
            items: FxHashMap::default(),
            parameter_types: FxHashMap::default(),
            templates: FxHashMap::default(),
            instances: Vec::new(),
            instance: None,
            decoded: Decoded::default(),
            resources: Resources::default(),
            configs: FxHashMap::default(),
            broken_configs: FxHashSet::default(),
            numbers: FxHashMap::default(),
            keys: FxHashMap::default(),
            asked_ports: Vec::new(),
            asked_keys: Vec::new(),
            failed: FxHashSet::default(),
            merging: Span::new(FileId(0), 0, 0),
            files: BTreeMap::new(),
            symbolic: false,
            test: None,
        }
    }

    /// Takes the inputs and expands the program; gives its variables.
    pub(super) fn prepare(&mut self, inputs: &Inputs) -> Vec<DeployVariable> {
        let set = self.take(inputs);
        self.expand();
        self.variables(&set)
    }

    /// Whether there is nothing to say so far.
    pub(super) fn is_content(&self) -> bool {
        self.found.is_empty() && self.circles.is_empty() && !self.stopped()
    }

    /// Takes down a fault; gives `None`, so that a fault can end a function.
    pub(super) fn report<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        if self.found.len() < ERRORS {
            let made = self.instance.as_ref().map(|instance| instance.made);
            self.found.push(match made {
                Some(made) if Some(made) != diagnostic.span() => {
                    diagnostic.and(made, "in the instance made here")
                }
                _ => diagnostic,
            });
            return None;
        }
        let at = diagnostic.span()?;
        self.stop(at, "the program has more than 1,000 errors")
    }

    /// What a name expression means.
    pub(super) fn binding(&self, file: FileId, expr: &ast::Expr) -> Binding {
        let module = self.program.modules.get(file.0 as usize);
        let bound = module.and_then(|module| module.bindings.get(expr.id.0 as usize));
        bound.copied().unwrap_or_default()
    }

    /// Whether an expression is a bare word in a place typed by a union.
    pub(super) fn is_member(&self, file: FileId, expr: &ast::Expr) -> bool {
        let file = self.checked.members.get(file.0 as usize);
        let member = file.and_then(|file| file.get(expr.id.0 as usize));
        member.copied().unwrap_or(false)
    }

    /// A top-level item.
    pub(super) fn item_at(&self, file: FileId, index: usize) -> Option<&'a ast::Item> {
        let module = self.program.modules.get(file.0 as usize)?;
        module.file.items.get(index)
    }

    /// The declared or inferred type of a top-level item.
    pub(super) fn item_type(&self, file: FileId, index: usize) -> Option<&'a Ty> {
        let types = self.checked.item_types.get(file.0 as usize)?;
        types.get(index)?.as_ref()
    }

    /// A top-level name of a module.
    pub(super) fn definition(&self, file: FileId, name: &str) -> Option<&'a Definition> {
        let module = self.program.modules.get(file.0 as usize)?;
        module.names.get(name)
    }

    /// The text of a place, for messages.
    pub(super) fn source(&self, span: Span) -> &'a str {
        self.program.sources.slice(span)
    }
}
