//! What was proved of each service, as numbers: what `zdc check` shows when nothing is wrong.

use super::drains;
use super::promises::least_kept;
use super::rehearsal::{Scene, Searches, rehearse};
use super::{bad_versions, derivation, hosts};
use crate::graph::{Graph, Promise, ReplicaRange, ServiceView};
use crate::source::Str;
use crate::vocabulary::{Disturbance, TargetId};

/// What is known of one service on one target. Numbers of instances are for the fewest replicas it
/// may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The service, by zd name.
    pub service: Str,
    /// Where.
    pub target: TargetId,
    /// How many replicas it may have.
    pub replicas: ReplicaRange,
    /// What is promised of them; `None` for downtime that is allowed.
    pub promised: Option<u64>,
    /// Through what.
    pub through: Vec<Disturbance>,
    /// The fewest that serve through an update.
    pub update: Least,
    /// The fewest that serve through a rollback.
    pub rollback: Least,
    /// The fewest that serve while a version comes that never serves.
    pub bad_version: Least,
    /// The fewest that serve through the drain of all its nodes, one after the other.
    pub drain: Least,
}

/// The fewest that serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Least {
    /// So many, by the model of the target.
    Known(u64),
    /// No model tells.
    Unproved,
}

impl Proof {
    /// What the columns of the table are.
    pub const HEAD: [&str; 8] = [
        "service",
        "target",
        "replicas",
        "promised",
        "update",
        "rollback",
        "bad version",
        "drain",
    ];

    /// Its line of the table. `-` stands where nothing is promised, `only` before less than is.
    pub fn cells(&self) -> [String; 8] {
        let replicas = match (self.replicas.least, self.replicas.most) {
            (least, most) if least == most => least.to_string(),
            (least, u64::MAX) => format!("{least} or more"),
            (least, most) => format!("{least} to {most}"),
        };
        let kept = |least: Least| match (self.promised, least) {
            (None, _) => "-".to_owned(),
            (_, Least::Unproved) => "not proved".to_owned(),
            (Some(promised), Least::Known(least)) if least < promised => format!("only {least}"),
            (_, Least::Known(least)) => least.to_string(),
        };
        let promised = self.promised;
        [
            self.service.to_string(),
            self.target.word().to_owned(),
            replicas,
            promised.map_or("nothing".to_owned(), |promised| promised.to_string()),
            kept(self.update),
            kept(self.rollback),
            kept(self.bad_version),
            kept(self.drain),
        ]
    }
}

/// What is known of a service that a target runs; `None` where it promises nothing.
pub(super) fn proof(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    searches: &mut Searches,
) -> Option<Proof> {
    let promise = graph.promise(service);
    let replicas = graph.replicas(service);
    let promised = match promise {
        Promise::None => return None,
        Promise::Downtime => None,
        Promise::Capacity { .. } => Some(promise.floor(replicas.least).max(1)),
    };
    let all = [
        Disturbance::Update,
        Disturbance::Rollback,
        Disturbance::Drain,
    ];
    let names_drains = drains::is_named(service);
    let held = |it: &Disturbance| *it != Disturbance::Drain || names_drains;
    let through = all.into_iter().filter(|it| promise.covers(*it) && held(it));
    let row = Proof {
        service: Str::from(service.name()),
        target,
        replicas,
        promised,
        through: through.collect(),
        update: Least::Unproved,
        rollback: Least::Unproved,
        bad_version: Least::Unproved,
        drain: Least::Unproved,
    };
    if promised.is_none() {
        return Some(row);
    }
    if target == TargetId::Nginx {
        // A slot that fails is given up, and the one before it goes on (`deploy.sh`).
        let least = hosts::least_serving(graph, service).map_or(Least::Unproved, Least::Known);
        return Some(Proof {
            update: least,
            rollback: least,
            bad_version: least,
            ..row
        });
    }
    let Some(policy) = derivation::policy(graph, service, target) else {
        return Some(row);
    };
    let least = |way| Least::Known(least_kept(graph, service, way, replicas.least));
    // A drain leaves the pods of a `DaemonSet` alone.
    let stays = target == TargetId::Kubernetes && graph.is_global(service);
    let drained = rehearse(graph, service, target, Scene::Drain, searches);
    Some(Proof {
        update: least(policy.update),
        rollback: least(policy.rollback),
        bad_version: bad_versions::least(graph, service, target, &policy, searches)
            .map_or(Least::Unproved, Least::Known),
        drain: match drained {
            Ok(drained) if !stays => Least::Known(drained.least),
            _ => Least::Unproved,
        },
        ..row
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    fn known(text: &str, target: TargetId) -> Vec<(String, Option<u64>, [Least; 4])> {
        let text = format!("app shop {{ targets = [{}] }}\n{text}", target.word());
        let world = MemoryWorld::single("app.zd", text);
        let options = Options {
            table: true,
            ..Options::default()
        };
        let proofs = compile(&world, "app.zd", &options).proofs;
        let numbers = proofs.iter().map(|it| {
            (
                it.service.to_string(),
                it.promised,
                [it.update, it.rollback, it.bad_version, it.drain],
            )
        });
        numbers.collect()
    }

    fn web(name: &str, more: &str) -> String {
        format!(
            "service {name} {{\n  image = \"example/web:1.0.0\"\n  port http {{ number = 8080 }}\n  \
             health http {{ path = \"/\" }}\n  {more}\n}}\n"
        )
    }

    #[test]
    fn numbers_are_those_of_the_models() {
        let three = web("web", "replicas = 3\n  availability { min_available = 2 }");
        let kept = |number| Least::Known(number);
        let row = |least: [u64; 4]| vec![("web".to_owned(), Some(2), least.map(kept))];
        assert_eq!(known(&three, TargetId::Kubernetes), row([2, 2, 2, 2]));
        assert_eq!(known(&three, TargetId::Swarm), row([2, 3, 2, 0]));
        let spread = web(
            "web",
            "replicas = 3\n  availability { min_available = 2 }\n  placement { max_per_node = 1 }",
        );
        assert_eq!(known(&spread, TargetId::Swarm), row([2, 3, 2, 2]));
    }

    #[test]
    fn one_pod_does_not_survive_a_drain() {
        let one = web("web", "availability { min_available = 1 }");
        let rows = known(&one, TargetId::Kubernetes);
        assert_eq!(rows[0].2[3], Least::Known(0));
    }

    #[test]
    fn what_promises_nothing_is_no_row() {
        let worker = "service worker { image = \"example/worker:1.0.0\" }\n";
        assert_eq!(known(worker, TargetId::Swarm), []);
        let down = web("web", "allow downtime { because = \"nobody minds\" }");
        assert_eq!(known(&down, TargetId::Swarm)[0].1, None);
    }
}
