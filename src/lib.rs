#![forbid(unsafe_code)]
//! The zdc compiler.

pub mod check;
pub mod diagnostics;
pub mod eval;
pub mod resolve;
pub mod source;
pub mod syntax;
pub mod types;
pub mod vocabulary;
