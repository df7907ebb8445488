//! Models of what orchestrators and proxies do while a service is updated: what is left serving at
//! the worst moment, how many instances there are at most, how it may end.
//!
//! They know nothing of the language: a scenario goes in, a prediction comes out. `rollout` asks
//! them about a program; `traces` holds them to recordings of the real thing.

pub mod interval;
pub mod kubernetes;
pub mod nginx;
pub mod prediction;
pub mod swarm;
