#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! The zdc compiler.

pub mod diagnostics;
pub mod source;
pub mod syntax;
pub mod types;
pub mod vocabulary;
