//! The parser that is made of `grammar/zd.pest`; the grammar is documented there.

/// The generated parser.
#[derive(pest_derive::Parser)]
#[grammar = "grammar/zd.pest"]
pub(super) struct Grammar;
