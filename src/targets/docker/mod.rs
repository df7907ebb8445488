//! What Docker's two readers of the Compose format share: `docker stack deploy`, for which the
//! target swarm writes, and `docker compose`. The format's words as types, and how a service's
//! texts, health check, mounts, resources and gateway become them. What only one of the two reads
//! is in its target's folder.

mod draft;
mod format;
mod gateway;
mod health;
mod mounts;
mod names;
mod resources;
mod service;
mod text;
mod unused;
mod volume;

pub(super) use draft::{ConfigNames, Draft};
pub(super) use format::{
    FileMount, Healthcheck, Ipam, Logging, Map, Mount, Networks, Replicas, Resources, Services,
    Subnet, Volume, Words, apart,
};
pub(super) use gateway::{gateway, published};
pub(super) use health::health;
pub(super) use mounts::{configs, host_path, secrets, volumes};
pub(super) use names::{Names, attachments, names_to_add};
pub(super) use resources::{bytes, cpus, resources};
pub(super) use text::{Place, escaped, shell_variable};
pub(super) use unused::declare_unused;
pub(super) use volume::volume;

use super::Ledger;
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation::swarm::Swarm;
use crate::source::Str;
use crate::vocabulary::TargetId;

/// What one service is lowered with.
pub(super) struct Lowering<'g, 'l> {
    pub(super) target: TargetId,
    pub(super) graph: &'g Graph,
    pub(super) service: ServiceView<'g>,
    /// The numbers in force, where the target derives any; else what is written and no more.
    pub(super) policy: Option<Swarm>,
    pub(super) ledger: &'l mut Ledger<'g>,
    pub(super) draft: &'l mut Draft<'g>,
    pub(super) names: &'l Names<'g>,
    /// Secrets whose path the service's texts hold.
    pub(super) secrets: Vec<Str>,
    /// Whether the service runs once, so that its only instance is the first.
    pub(super) runs_once: bool,
}

#[cfg(test)]
mod tests;
