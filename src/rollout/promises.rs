//! The first rules of the verifier, on each target that runs services: an update and a rollback
//! keep the promised number of instances, and no instance takes traffic before it can serve.
//!
//! Rows of the catalogue of faults: S01, S02, S03, S12 on swarm, K01, K02, K06 on Kubernetes.

use super::capacity::{Way, least_serving};
use super::derivation::{self, Origin, Policy};
use super::rehearsal::{Scene, rehearse};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, Promise, ReplicaRange, ServiceView};
use crate::source::Span;
use crate::vocabulary::{Capability, Disturbance, Order, Protocol, Staged, TargetId};

/// Checks one service's promise on a target.
pub(super) fn check(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    diagnostics: &mut Diagnostics,
) {
    let promise = graph.promise(service);
    if !matches!(promise, Promise::Capacity { .. }) {
        return;
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
    };
    if !service.has_health_check() && listens(service) {
        diagnostics.push(unchecked(&case));
    }
    let update = case.broken(policy.update, Disturbance::Update);
    if let Some(broken) = update {
        diagnostics.push(case.below_promise(policy.update, broken));
    }
    // Kubernetes goes back by the update's own strategy: one fault is said once.
    let own_way_back = target.has(Capability::AutomaticRollback) && update.is_none();
    if own_way_back && let Some(broken) = case.broken(policy.rollback, Disturbance::Rollback) {
        diagnostics.push(case.rollback_below_promise(broken));
    }
    diagnostics.extend(cut_requests(&case));
    diagnostics.extend(early_probe(&case));
}

/// One service on one target.
struct Case<'a> {
    graph: &'a Graph,
    service: ServiceView<'a>,
    target: TargetId,
    promise: &'a Promise,
    policy: &'a Policy,
}

/// A number of replicas for which a promise does not hold.
#[derive(Clone, Copy)]
struct Broken {
    replicas: u64,
    least: u64,
    floor: u64,
}

impl Case<'_> {
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
    fn policy_span(&self) -> Span {
        let Some(update) = &self.service.node.service.update else {
            return self.service.span();
        };
        update
            .order
            .as_ref()
            .map_or(update.span, |order| order.span)
    }

    fn below_promise(&self, way: Way, broken: Broken) -> Diagnostic {
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
            (_, Way::AllAtOnce | Way::Slots { parallelism: 0, .. }) => {
                "all are stopped before a new one starts"
            }
            _ => "the old one stops before the new one serves",
        };
        let diagnostic = Diagnostic::new(code, text, self.policy_span()).labelled(how);
        self.with_way(self.with_promise(diagnostic), Scene::Update)
            .help(self.remedy(broken))
            .about(name)
    }

    fn rollback_below_promise(&self, broken: Broken) -> Diagnostic {
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
            Some(_) => "the new one stops before the old one serves",
            None => "no `rollback` is written: swarm goes back stop-first, whatever the order here",
        };
        let diagnostic =
            Diagnostic::new(&catalogue::ROLLBACK_BELOW_PROMISE, text, span).labelled(how);
        self.with_way(self.with_promise(diagnostic), Scene::Rollback)
            .help("add `rollback { order = start_first, parallelism = 1 }` to the `update`")
            .about(name)
    }

    /// The shortest way there, as the model of the target finds it.
    fn with_way(&self, diagnostic: Diagnostic, scene: Scene) -> Diagnostic {
        let rehearsal = rehearse(self.graph, self.service, self.target, scene);
        let worst = rehearsal
            .as_ref()
            .ok()
            .filter(|rehearsal| !rehearsal.keeps())
            .and_then(|rehearsal| Some((rehearsal.searched, rehearsal.prediction.worst.last()?)));
        match worst {
            Some((of, moment)) => {
                let target = self.target.word();
                diagnostic.note(format!("on {target}, {}", moment.told(of)))
            }
            None => diagnostic,
        }
    }

    /// The place where the promise is stated, if it is.
    fn with_promise(&self, diagnostic: Diagnostic) -> Diagnostic {
        match &self.service.node.service.availability {
            Some(stated) => diagnostic.and(stated.span, "promised here"),
            None => diagnostic
                .note("a service that takes traffic promises one instance through every update"),
        }
    }

    fn remedy(&self, broken: Broken) -> String {
        if derivation::has_single_writer(self.graph, self.service) {
            return "its volume has one writer at a time: say so with \
                    `allow downtime { because = \"…\" }`"
                .to_owned();
        }
        let start_first = "`update rolling { order = start_first }`";
        match (self.service.has_health_check(), broken.least) {
            (false, _) => format!("add a `health` check, then write {start_first}"),
            (true, 0) => format!("write {start_first}"),
            (true, _) => {
                let missing = broken.replicas.saturating_sub(broken.least);
                let enough = broken.floor.saturating_add(missing);
                format!("write {start_first}, or run at least {enough} replicas")
            }
        }
    }
}

/// The fewest of so many replicas of a service that serve while they are replaced.
pub(super) fn least_kept(graph: &Graph, service: ServiceView<'_>, way: Way, replicas: u64) -> u64 {
    let stops_first = matches!(
        way,
        Way::Slots {
            order: Order::StopFirst,
            ..
        }
    );
    // One a node: replacing it in place leaves its node without one.
    if stops_first && graph.is_global(service) {
        0
    } else {
        least_serving(way, replicas)
    }
}

/// Whether Kubernetes replaces a service's pods one by one in place, whatever was written: each
/// has a volume that it alone writes (`targets/kubernetes/stateful.rs`).
fn is_stateful_set(graph: &Graph, service: ServiceView<'_>, target: TargetId) -> bool {
    target == TargetId::Kubernetes && derivation::has_single_writer(graph, service)
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

/// Whether it can be probed at all: something that listens on nothing takes no traffic.
fn listens(service: ServiceView<'_>) -> bool {
    let tcp = |port: &crate::vocabulary::Node<crate::vocabulary::Port>| {
        crate::graph::protocol(port) != Protocol::Udp
    };
    service.node.gateway.is_some() || service.ports().iter().any(tcp)
}

/// An unhealthy or unready instance gets traffic.
fn unchecked(case: &Case<'_>) -> Diagnostic {
    without_check(case.service).note(match case.target {
        TargetId::Kubernetes => "Kubernetes counts a container without a readiness probe as ready",
        _ => {
            "swarm counts a task without a health check as running once its process exists, and \
             then stops the old one"
        }
    })
}

/// The same on a plain host.
pub(super) fn unchecked_on_a_host(service: ServiceView<'_>) -> Diagnostic {
    without_check(service).note("nginx leads requests to a slot once its process exists")
}

fn without_check(service: ServiceView<'_>) -> Diagnostic {
    let name = service.name();
    let what = format!("`{name}` takes traffic as soon as its process starts");
    let written = service
        .node
        .service
        .health
        .as_ref()
        .map_or(service.span(), |health| health.span);
    Diagnostic::new(&catalogue::NO_HEALTH_CHECK, what, written)
        .labelled("no health check says when it can serve")
        .help("add one: `health http { path = \"/health\" }`")
        .about(name)
}

/// The time until an instance is killed is shorter than what it may still have to do.
fn cut_requests(case: &Case<'_>) -> Option<Diagnostic> {
    let body = &case.service.node.service.body;
    let timing = body.timing.as_ref()?;
    let longest = timing.longest_request.as_ref()?;
    let shutdown = body.shutdown.as_ref();
    let drain = shutdown.and_then(|shutdown| shutdown.drain.as_ref());
    let grace = shutdown.and_then(|shutdown| shutdown.grace.as_ref());
    let allowed = case.policy.grace;
    let needed = case.policy.drain.plus(longest.value);
    let name = case.service.name();
    if allowed < needed {
        let span = grace.map_or(case.service.span(), |grace| grace.span);
        let diagnostic = Diagnostic::new(
            &catalogue::CUT_REQUEST,
            format!("`{name}` is killed after {allowed}, and a request may need {needed}"),
            span,
        )
        .and(longest.span, "the longest request");
        let diagnostic = match (drain, grace) {
            (Some(drain), _) => diagnostic.and(drain.span, "it accepts this long after SIGTERM"),
            (None, _) => diagnostic,
        };
        let help = format!("write `shutdown {{ grace = {needed} }}` or more");
        return Some(diagnostic.help(help).about(name));
    }
    let limit = timing
        .graceful_limit
        .as_ref()
        .filter(|limit| limit.value < longest.value)?;
    let diagnostic = Diagnostic::new(
        &catalogue::CUT_REQUEST,
        format!(
            "`{name}` stops waiting after {}, and a request may need {}",
            limit.value, longest.value
        ),
        limit.span,
    )
    .and(longest.span, "the longest request")
    .help("raise the program's own limit, and `graceful_limit` with it");
    Some(diagnostic.about(name))
}

/// A gateway takes requests before it knows whom to pass them to.
fn early_probe(case: &Case<'_>) -> Option<Diagnostic> {
    let (interval, least) = derivation::nginx::early_probe(case.service)?;
    let name = case.service.name();
    let text = format!(
        "`{name}` may be called healthy {} after its start, before its pools have members",
        interval.value
    );
    let diagnostic = Diagnostic::new(&catalogue::EARLY_PROBE, text, interval.span)
        .labelled("nginx answers this check itself")
        .help(format!("write `interval = {least}` or more"));
    Some(diagnostic.about(name))
}

/// A promise over a number of replicas that may be anything.
fn unbounded(graph: &Graph, service: ServiceView<'_>) -> Option<Diagnostic> {
    let replicas = service.node.service.replicas.as_ref()?;
    let Staged::Variable(id) = &replicas.value else {
        return None;
    };
    let range = graph.replicas(service);
    if range.least >= 1 && range.most < u64::MAX / 2 {
        return None;
    }
    let variable = graph.variable(id)?;
    let what = if range.least == 0 {
        "may be 0"
    } else {
        "has no upper bound"
    };
    Some(
        Diagnostic::new(
            &catalogue::UNBOUNDED_REPLICAS,
            format!(
                "`{}` promises capacity, and `{}` {what}",
                service.name(),
                id.name
            ),
            replicas.span,
        )
        .and(
            variable.span,
            "declared without bounds that the promise can be shown for",
        )
        .help(format!("give it a range: `deploy {}: int(2..10)`", id.name))
        .about(service.name()),
    )
}
