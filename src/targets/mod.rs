//! What zdc writes for: each target lowers the graph to its own format and renders it.
//!
//! A target is one folder and one line of [`ALL`]. Lowering *takes* every written property it
//! expresses from the [`Ledger`]; what is left over is told to the user. Rendering needs a proof.

mod artifact;
mod compose;
mod content;
mod docker;
mod global;
pub(crate) mod kubernetes;
mod ledger;
pub mod nginx;
mod object;
mod patch;
pub(crate) mod shell;
pub mod swarm;

pub use artifact::{Artifact, Header, Text};
pub use content::{content_hash, digest};
pub use ledger::{Account, Accounts, Ledger, contract, enter_app, hosts_own};
pub use object::{Content, Object};

use crate::diagnostics::Diagnostics;
use crate::graph::Graph;
use crate::rollout::Verified;
use crate::vocabulary::TargetId;

/// Something that zdc writes for.
pub trait Target: Sync {
    /// Which one.
    fn id(&self) -> TargetId;

    /// Lowers the graph: what will be written, and what cannot be.
    fn lower(&self, graph: &Graph) -> Lowered;
}

/// A lowered graph.
pub struct Lowered {
    /// What the target cannot express, and what happens there instead.
    pub diagnostics: Diagnostics,
    /// What became of each written property, by [`crate::vocabulary::WrittenId`].
    pub accounts: Accounts,
    /// What will be written.
    pub plan: Box<dyn Plan>,
}

/// What will be written, once it is proved.
pub trait Plan {
    /// The objects that the files ask for, to be compared with those of another revision. Only what
    /// is written needs a proof.
    fn objects(&self) -> Vec<Object>;

    /// Renders the files, sorted by path, to be looked at.
    fn unproved(self: Box<Self>) -> Unproved;

    /// Renders the files, sorted by path. Only the verifier makes a [`Verified`], so no unproved
    /// graph is ever written.
    fn emit(self: Box<Self>, _proof: &Verified<'_>) -> Vec<Artifact> {
        self.unproved().artifacts
    }
}

/// Files that nobody proved: they can be read, and not be taken out.
pub struct Unproved {
    artifacts: Vec<Artifact>,
}

impl Unproved {
    /// The paths of the files, sorted, each with its text.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.artifacts
            .iter()
            .map(|artifact| (artifact.path.as_str(), &*artifact.text))
    }
}

impl From<Vec<Artifact>> for Unproved {
    fn from(artifacts: Vec<Artifact>) -> Self {
        Self { artifacts }
    }
}

/// Every target, in the order they are written.
pub static ALL: &[&dyn Target] = &[
    &swarm::Swarm,
    &nginx::Nginx,
    &kubernetes::Kubernetes,
    &compose::Compose,
];

/// The target of this name.
pub fn find(id: TargetId) -> Option<&'static dyn Target> {
    ALL.iter().find(|target| target.id() == id).copied()
}
