//! What each target can do, as data: shared code asks for it, never for a target by name.

use super::TargetId;

/// Something that a target can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// It runs services, and is not only a proxy in front of them.
    RunsServices,
    /// A gateway is a service of its own there: an nginx among the others.
    RunsGateways,
    /// It replaces instances so that a promise can be proved of an update. One that cannot is for
    /// development: what is written for it is checked, and nothing is promised of it.
    KeepsPromises,
    /// It substitutes variables when it is deployed.
    DeployVariables,
    /// It goes back by itself when an update fails.
    AutomaticRollback,
    /// It puts secrets into environment variables.
    SecretEnvironment,
    /// It tells an instance its number, `${slot.index}`.
    SlotIndex,
    /// A service's name answers with one virtual address, and `tasks.NAME` with each instance's.
    TaskNames,
}

impl TargetId {
    /// What a target can do.
    pub fn capabilities(self) -> &'static [Capability] {
        use Capability as C;
        match self {
            TargetId::Swarm => &[
                C::RunsServices,
                C::RunsGateways,
                C::KeepsPromises,
                C::DeployVariables,
                C::AutomaticRollback,
                C::SlotIndex,
                C::TaskNames,
            ],
            TargetId::Nginx => &[],
            // No rollback: a Deployment that does not progress gets a condition and stays as it is
            // (our traces; `kubernetes.io/docs/concepts/workloads/controllers/deployment`, failed
            // deployment).
            TargetId::Kubernetes => &[C::RunsServices, C::KeepsPromises, C::SecretEnvironment],
            // `docker compose up` stops a container before it starts the next
            // (docker/compose `pkg/compose/convergence.go`).
            TargetId::Compose => &[
                C::RunsServices,
                C::RunsGateways,
                C::DeployVariables,
                C::SecretEnvironment,
            ],
        }
    }

    /// Whether a target can do something.
    pub fn has(self, capability: Capability) -> bool {
        self.capabilities().contains(&capability)
    }
}
