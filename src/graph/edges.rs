//! What leads from one service to another.

use crate::source::{Span, Str};

/// One relation between two services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Which relation.
    pub kind: EdgeKind,
    /// The callee's port, by name; empty for `after`.
    pub port: Str,
    /// Where it was written.
    pub span: Span,
}

/// The relations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeKind {
    /// The caller has the callee's address in its environment, command or config, or says that it
    /// needs it.
    Calls,
    /// A gateway passes requests on.
    Routes,
    /// The callee should be up first.
    After,
}
