//! What runs on each node that fits, and is to run on others: its instances on nodes that fit no more are stopped as the orchestrator sees
//! it, all together, and no policy is asked.

use super::{Loss, Lost};

/// What is lost with it, where somebody may ask those instances.
pub(super) fn loss(name: &str, instances: &str) -> Loss {
    Loss {
        about: Lost::Nodes,
        what: format!(
            "`{name}` may stop on several nodes at once: its {instances} on nodes that no longer fit are all stopped together, and no \
             policy counts"
        ),
        way: "first ask for what the nodes of before and the new ones both have, as a label that each is given; and for less once the new \
              ones serve"
            .to_owned(),
    }
}
