//! The words of the language: which blocks there are, which attributes each takes, of which
//! types, and the structs they become.
//!
//! One declaration makes all of it: the `block!` macro turns a struct into its schema (for the
//! check, the documentation and editors), its decoder (for evaluation) and its list of written
//! properties (for the ledger). A property added here fails a test until every target takes it or
//! declares what happens instead.

#[macro_use]
mod declare;
mod app;
mod capability;
mod gateway;
mod resources;
mod service;
mod typed;

pub use app::*;
pub use capability::Capability;
pub use declare::*;
pub use gateway::*;
pub use resources::*;
pub use service::*;
pub use typed::*;

/// The blocks of the top level.
pub static TOP: &[&BlockSchema] = &[
    &App::SCHEMA,
    &Service::SCHEMA,
    &Gateway::SCHEMA,
    &Network::SCHEMA,
    &Volume::SCHEMA,
    &Config::SCHEMA,
    &Secret::SCHEMA,
    &TargetSettings::SCHEMA,
];
