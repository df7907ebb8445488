//! What a service promises, on each target that runs services: the models say how many serve through an update and
//! a rollback, through a version that never serves and through a drain; where that is less than was promised, it is
//! an error with the way there.

use super::derivation::{self, Origin, Policy};
use super::instances::{cut_requests, early_probe, listens, unbounded, unchecked};
use super::rehearsal::{Rehearsal, Scene, Searches, rehearse};
use super::ways::Way;
use super::{bad_versions, conditions, drains};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, Promise, ReplicaRange, ServiceView};
use crate::source::Span;
use crate::vocabulary::{Capability, Disturbance, TargetId};

/// Checks one service's promise on a target.
pub(super) fn check(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    starts: bool,
    searches: &mut Searches,
    diagnostics: &mut Diagnostics,
) {
    let promise = graph.promise(service);
    // What promises nothing by a number was told so (`rules::promises`).
    match promise {
        Promise::Capacity { min_available, .. } if !min_available.is_nothing() => {}
        _ => return,
    }
    if let Some(unbounded) = unbounded(graph, service) {
        diagnostics.push(unbounded);
        return;
    }
    let Some(policy) = derivation::policy(graph, service, target) else {
        return;
    };
    let case = Case {
        graph,
        service,
        target,
        promise: &promise,
        policy: &policy,
        starts,
    };
    if !service.has_health_check() && listens(service) {
        diagnostics.push(unchecked(&case));
    }
    case.capacity(searches, diagnostics);
    diagnostics.extend(drains::check(&case, searches));
    diagnostics.extend(cut_requests(&case));
    diagnostics.extend(early_probe(&case));
    diagnostics.extend(conditions::check(&case));
}

/// One service on one target.
pub(super) struct Case<'a> {
    pub(super) graph: &'a Graph,
    pub(super) service: ServiceView<'a>,
    pub(super) target: TargetId,
    pub(super) promise: &'a Promise,
    pub(super) policy: &'a Policy,
    /// Whether its instances are given the time that they say they take to start.
    pub(super) starts: bool,
}

/// A number of replicas for which a promise does not hold.
#[derive(Clone, Copy)]
struct Broken {
    replicas: u64,
    least: u64,
    floor: u64,
}

impl Case<'_> {
    /// What an update leaves, a rollback, and a version that is bad: one fault is said once. Of what never starts there is no
    /// version that is better than a bad one.
    fn capacity(&self, searches: &mut Searches, diagnostics: &mut Diagnostics) {
        if let Some(broken) = self.broken(self.policy.update, Disturbance::Update) {
            if broken.replicas == 0 {
                diagnostics.push(self.nobody(broken));
                return;
            }
            diagnostics.push(self.below_promise(self.policy.update, broken, searches));
            return;
        }
        // Kubernetes goes back by the update's own strategy.
        if self.target.has(Capability::AutomaticRollback)
            && let Some(broken) = self.broken(self.policy.rollback, Disturbance::Rollback)
        {
            diagnostics.push(self.rollback_below_promise(broken, searches));
        }
        if !self.starts {
            return;
        }
        match bad_versions::check(self, searches) {
            Some(found) => diagnostics.push(found),
            None => diagnostics.extend(bad_versions::found_late(self, searches)),
        }
    }

    /// The smallest number of replicas for which these steps break the promise. Below the floor
    /// at one number means below it at the least or the most: both bounds are linear.
    fn broken(&self, way: Way, disturbance: Disturbance) -> Option<Broken> {
        if !self.promise.covers(disturbance) {
            return None;
        }
        let ReplicaRange {
            least: fewest,
            most,
            ..
        } = self.graph.replicas(self.service);
        [fewest, most].into_iter().find_map(|replicas| {
            let least = least_kept(self.graph, self.service, way, replicas);
            let floor = self.promise.floor(replicas).max(1);
            (least < floor).then_some(Broken {
                replicas,
                least,
                floor,
            })
        })
    }

    /// Where the order is written, else the update, else the service.
    pub(super) fn policy_span(&self) -> Span {
        let Some(update) = &self.service.node.service.update else {
            return self.service.span();
        };
        update
            .order
            .as_ref()
            .map_or(update.span, |order| order.span)
    }

    /// Where no policy is of any help.
    fn nobody(&self, broken: Broken) -> Diagnostic {
        let name = self.service.name();
        let text = format!(
            "`{name}` may have no instance, and {} promised",
            are(broken.floor)
        );
        let replicas = self.service.node.service.replicas.as_ref();
        let span = replicas.map_or_else(|| self.service.span(), |replicas| replicas.span);
        let diagnostic =
            Diagnostic::new(&catalogue::NO_CAPACITY, text, span).labelled("with 0 nothing serves");
        let floor = broken.floor;
        self.with_promise(diagnostic)
            .help(format!(
                "run {floor} or more; or say that it is switched off, `allow downtime {{ because = \"…\" }}`"
            ))
            .about(name)
    }

    fn below_promise(&self, way: Way, broken: Broken, searches: &mut Searches) -> Diagnostic {
        let name = self.service.name();
        let recreate = self.service.node.service.update.as_ref();
        let recreate = recreate.is_some_and(|update| update.label.name() == "recreate");
        let code = match (recreate, broken.least) {
            (true, _) => &catalogue::RECREATES,
            (_, 0) => &catalogue::NO_CAPACITY,
            _ => &catalogue::BELOW_PROMISE,
        };
        let text = format!(
            "an update leaves {} of {} of `{name}` serving, and {} promised",
            broken.least,
            instances(broken.replicas),
            are(broken.floor)
        );
        let how = match (self.policy.origin, way) {
            _ if is_stateful_set(self.graph, self.service, self.target) => {
                "its volume has one writer: a StatefulSet stops each pod before the next one starts"
            }
            (Origin::Engine, _) => "no `update` is written: the engine stops the old one first",
            _ if self.is_alone() => "its port of the node is free once the old one has stopped",
            (_, way) if way.is_all_at_once() => "all are stopped before a new one starts",
            _ => "the old one stops before the new one serves",
        };
        let diagnostic = Diagnostic::new(code, text, self.policy_span()).labelled(how);
        self.with_way(self.with_promise(diagnostic), Scene::Update, searches)
            .help(self.remedy(broken))
            .about(name)
    }

    fn rollback_below_promise(&self, broken: Broken, searches: &mut Searches) -> Diagnostic {
        let name = self.service.name();
        let update = self.service.node.service.update.as_ref();
        let rollback = update.and_then(|update| update.rollback.as_ref());
        let span = rollback.map_or(self.policy_span(), |rollback| {
            rollback
                .order
                .as_ref()
                .map_or(rollback.span, |order| order.span)
        });
        let text = format!(
            "a rollback leaves {} of {} of `{name}` serving, and {} promised",
            broken.least,
            instances(broken.replicas),
            are(broken.floor)
        );
        let how = match rollback {
            _ if self.is_alone() => "its port of the node is free once the new one has stopped",
            Some(_) => "the new one stops before the old one serves",
            None => "no `rollback` is written: swarm goes back stop-first, whatever the order here",
        };
        let help = if self.is_alone() {
            self.shared_port()
        } else {
            "add `rollback { order = start_first, parallelism = 1 }` to the `update`".to_owned()
        };
        let diagnostic =
            Diagnostic::new(&catalogue::ROLLBACK_BELOW_PROMISE, text, span).labelled(how);
        self.with_way(self.with_promise(diagnostic), Scene::Rollback, searches)
            .help(help)
            .about(name)
    }

    /// The shortest way there, as the model of the target finds it.
    fn with_way(
        &self,
        diagnostic: Diagnostic,
        scene: Scene,
        searches: &mut Searches,
    ) -> Diagnostic {
        match rehearse(self.graph, self.service, self.target, scene, searches) {
            Ok(rehearsal) if self.starts && !rehearsal.keeps() => {
                self.with_worst(diagnostic, &rehearsal)
            }
            _ => diagnostic,
        }
    }

    /// The worst moment, with its time.
    pub(super) fn with_worst(&self, diagnostic: Diagnostic, rehearsal: &Rehearsal) -> Diagnostic {
        match rehearsal.prediction.worst.last() {
            Some(moment) => {
                let target = self.target.word();
                let told = moment.told(rehearsal.searched);
                diagnostic.note(format!("on {target}, {told}"))
            }
            None => diagnostic,
        }
    }

    /// The place where the promise is stated, if it is.
    pub(super) fn with_promise(&self, diagnostic: Diagnostic) -> Diagnostic {
        match &self.service.node.service.availability {
            Some(stated) => diagnostic.and(stated.span, "promised here"),
            None => diagnostic
                .note("a service that takes traffic promises one instance through every update"),
        }
    }

    fn remedy(&self, broken: Broken) -> String {
        let missing = broken.replicas.saturating_sub(broken.least);
        let enough = broken.floor.saturating_add(missing);
        // The pods of a StatefulSet are replaced one by one, each with a claim of its own: of more of them as many serve.
        if is_stateful_set(self.graph, self.service, self.target) && broken.replicas > 1 {
            return format!(
                "run at least {enough} replicas, each with a claim of its own; or say that it may be down, \
                 `allow downtime {{ because = \"…\" }}`"
            );
        }
        if derivation::has_single_writer(self.graph, self.service) {
            return "its volume has one writer at a time: say so with \
                    `allow downtime { because = \"…\" }`"
                .to_owned();
        }
        if self.is_alone() {
            return self.shared_port();
        }
        let start_first = "`update rolling { order = start_first }`";
        match (self.service.has_health_check(), broken.least) {
            (false, _) => format!("add a `health` check, then write {start_first}"),
            (true, 0) => format!("write {start_first}"),
            (true, _) => format!("write {start_first}, or run at least {enough} replicas"),
        }
    }
}

impl Case<'_> {
    /// Whether no policy keeps two of its instances on one node, where each node has one.
    fn is_alone(&self) -> bool {
        self.target == TargetId::Swarm && derivation::alone_on_its_node(self.graph, self.service)
    }

    /// What keeps up what is alone on its node.
    fn shared_port(&self) -> String {
        let written = self.service.node.service.update.is_some();
        let update = if written { " and `update`" } else { "" };
        let check = if self.service.has_health_check() {
            ""
        } else {
            "add a `health` check, and "
        };
        format!(
            "each node has one of them, and one port: {check}leave `mode = host`{update} out, so that the swarm leads the port \
             to whichever serves; or say that it is down for a moment, `allow downtime {{ because = \"…\" }}`"
        )
    }
}

/// The fewest of so many replicas of a service that serve while they are replaced.
pub(super) fn least_kept(graph: &Graph, service: ServiceView<'_>, way: Way, replicas: u64) -> u64 {
    // One a node: what happens on one happens on each.
    let replicas = if graph.is_global(service) {
        replicas.min(1)
    } else {
        replicas
    };
    way.least_serving(replicas)
}

/// Whether Kubernetes replaces a service's pods one by one in place, whatever was written: each
/// has a volume that it alone writes (`targets/kubernetes/stateful.rs`).
fn is_stateful_set(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> bool {
    target == TargetId::Kubernetes
        && !graph.is_global(service)
        && derivation::has_single_writer(graph, service)
}

/// Instances in words.
pub(super) fn instances(count: u64) -> String {
    if count == 1 {
        "1 instance".to_owned()
    } else {
        format!("{count} instances")
    }
}

/// A number with its verb.
pub(super) fn are(count: u64) -> String {
    if count == 1 {
        "1 is".to_owned()
    } else {
        format!("{count} are")
    }
}
