//! The `deploy` section: how many, how they are replaced, what they may use and where they run.

use super::format::{Deploy, Placement, Preference, RestartPolicy, Steps};
use super::stack::invalid_name;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::rollout::derivation::Origin;
use crate::rollout::derivation::swarm::{self as policy, Direction};
use crate::source::Span;
use crate::targets::docker::{Lowering, Place, Replicas, escaped, resources};
use crate::targets::{global, hosts_own};
use crate::types::Duration;
use crate::vocabulary::{
    Count, Endpoint, Mode, Node, Order, RestartCondition, Spread, Staged, Update,
};
use crate::yaml::{Commented, comment};

/// The `deploy` section of a service; `None` where the engine's defaults say it all.
pub(super) fn lower(lowering: &mut Lowering<'_, '_>) -> Option<Deploy> {
    let body = &lowering.service.node.service.body;
    let mode = lowering
        .ledger
        .take_from(body.mode.as_ref())
        .map(|mode| mode.word());
    let (update_config, rollback_config) = update(lowering);
    let deploy = Deploy {
        mode,
        replicas: replicas(lowering),
        update_config,
        rollback_config,
        resources: resources(lowering),
        restart_policy: restart(lowering),
        placement: placement(lowering),
        // Of the service: they restart nothing when they change.
        labels: lowering.labels(),
        endpoint_mode: lowering
            .ledger
            .take_from(body.endpoint.as_ref())
            .map(|endpoint| endpoint.word()),
    };
    endpoint(lowering);
    (deploy != Deploy::default()).then_some(deploy)
}

fn replicas(lowering: &mut Lowering<'_, '_>) -> Option<Replicas> {
    let service = lowering.service;
    let body = &service.node.service.body;
    if let Some(scale) = &body.scale {
        let least = lowering.graph.replicas(service).least;
        let diagnostic = no_autoscaling(service.name(), least, scale.span).about(service.name());
        lowering
            .ledger
            .declare_block(scale, "only the fewest instances are written");
        lowering.ledger.decline(scale.id, diagnostic);
        lowering
            .ledger
            .declare_from(body.replicas.as_ref(), "`scale` says how many");
        return Some(Replicas::Known(least));
    }
    let replicas = body.replicas.as_ref()?;
    if let Some(mode) = body.mode.as_ref().filter(|mode| mode.value == Mode::Global) {
        let diagnostic = global::with_replicas(replicas.key_span, mode).about(service.name());
        lowering.ledger.decline(replicas.id, diagnostic);
        return None;
    }
    Some(match lowering.ledger.take(replicas) {
        Staged::Known(count) => Replicas::Known(count.get()),
        Staged::Variable(id) => {
            Replicas::Variable(lowering.variable(id, Place::Field, replicas.span))
        }
    })
}

fn update(lowering: &mut Lowering<'_, '_>) -> (Option<Commented<Steps>>, Option<Steps>) {
    let service = lowering.service;
    let Some(numbers) = lowering.policy else {
        return (None, None);
    };
    if let Some(node) = &service.node.service.body.update {
        match node.label.name() {
            "rolling" => account(lowering, node),
            "canary" => {
                account(lowering, node);
                let note = each_is_a_canary(node).about(service.name());
                lowering.ledger.report(note);
            }
            "recreate" => {
                lowering.ledger.enter(node);
            }
            kind => {
                let diagnostic = update_kind(kind, node.span).about(service.name());
                lowering
                    .ledger
                    .declare_block(node, "part of an update that swarm does not have");
                lowering.ledger.decline(node.id, diagnostic);
                return (None, None);
            }
        }
    }
    let update =
        steps(&numbers.update).map(|steps| match (numbers.origin, numbers.update.order.value) {
            (Origin::Derived, Order::StartFirst) => comment(
                "Derived: one instance more, and a verdict on it before the next.",
                steps,
            ),
            (Origin::Derived, Order::StopFirst) => comment(
                "Derived: the promise leaves one instance to spare; a verdict before the next.",
                steps,
            ),
            (Origin::Engine, _) => one_writer(lowering, steps),
            _ => steps.into(),
        });
    (update, steps(&numbers.rollback))
}

/// The engine's default written out where it must stay: two instances at once would both write to
/// one volume. The reason that was given for the gap stands above it.
fn one_writer(lowering: &Lowering<'_, '_>, steps: Steps) -> Commented<Steps> {
    let service = lowering.service;
    let mut allowed = service.node.service.body.allow.iter();
    let because = allowed
        .find(|allow| allow.label.name() == "downtime")
        .and_then(|allow| allow.because.as_ref());
    let why = match because {
        Some(because) => format!(
            "Its volume has one writer, so the old one stops first: {}.",
            because.value
        ),
        None => "Its volume has one writer, so the old one stops first.".to_owned(),
    };
    comment(why, steps)
}

/// What was written is in the numbers of the policy.
fn account(lowering: &mut Lowering<'_, '_>, node: &Node<Update>) {
    let ledger = &mut *lowering.ledger;
    let update = ledger.enter(node);
    ledger.take_from(update.parallelism.as_ref());
    ledger.take_from(update.delay.as_ref());
    ledger.take_from(update.on_failure.as_ref());
    ledger.take_from(update.monitor.as_ref());
    ledger.take_from(update.max_failure_ratio.as_ref());
    ledger.take_from(update.order.as_ref());
    hosts_own(ledger, update);
    let Some(node) = &update.rollback else {
        return;
    };
    let rollback = ledger.enter(node);
    ledger.take_from(rollback.parallelism.as_ref());
    ledger.take_from(rollback.delay.as_ref());
    ledger.take_from(rollback.on_failure.as_ref());
    ledger.take_from(rollback.monitor.as_ref());
    ledger.take_from(rollback.max_failure_ratio.as_ref());
    ledger.take_from(rollback.order.as_ref());
}

/// One way of a policy, without what the engine does by itself.
fn steps(numbers: &Direction) -> Option<Steps> {
    let steps = Steps {
        parallelism: numbers.parallelism.emitted().copied(),
        delay: numbers.delay.emitted().map(ToString::to_string),
        failure_action: numbers.on_failure.emitted().map(|action| action.word()),
        monitor: numbers.monitor.emitted().map(ToString::to_string),
        max_failure_ratio: numbers
            .max_failure_ratio
            .emitted()
            .map(|ratio| policy::share(*ratio)),
        order: numbers.order.emitted().map(|order| policy::word(*order)),
    };
    (steps != Steps::default()).then_some(steps)
}

fn restart(lowering: &mut Lowering<'_, '_>) -> Option<RestartPolicy> {
    let node = lowering.service.node.service.body.restart.as_ref()?;
    let ledger = &mut *lowering.ledger;
    let restart = ledger.enter(node);
    let policy = RestartPolicy {
        condition: ledger
            .take_from(restart.condition.as_ref())
            .map(|condition| match condition {
                RestartCondition::Any => "any",
                RestartCondition::OnFailure => "on-failure",
                RestartCondition::Never => "none",
            }),
        delay: ledger
            .take_from(restart.delay.as_ref())
            .map(Duration::to_string),
        max_attempts: ledger
            .take_from(restart.max_attempts.as_ref())
            .map(|count: &Count| count.get()),
        window: ledger
            .take_from(restart.window.as_ref())
            .map(Duration::to_string),
    };
    (policy != RestartPolicy::default()).then_some(policy)
}

fn placement(lowering: &mut Lowering<'_, '_>) -> Option<Placement> {
    let node = lowering.service.node.service.body.placement.as_ref()?;
    let ledger = &mut *lowering.ledger;
    let placement = ledger.enter(node);
    let preferences = match ledger.take_from(placement.spread.as_ref()) {
        Some(Spread::Zone) => vec![Preference {
            spread: "node.labels.zone",
        }],
        // The scheduler spreads a service's tasks over the nodes anyway (swarmkit
        // `manager/scheduler/scheduler.go`).
        Some(Spread::Node) | None => Vec::new(),
    };
    let nodes = placement.node.as_ref().map(|node| ledger.enter(node));
    let mut constraints = Vec::new();
    for entry in nodes.iter().flat_map(|nodes| &nodes.entries) {
        let (key, value) = ledger.take_entry(entry);
        let constraint = format!("node.labels.{key} == {value}");
        if !is_node_label(key, value) {
            let why = "in a label's name stand letters, digits, `-`, `_` and `.` alone, and in its value neither quotes nor operators";
            let diagnostic = invalid_name(&constraint, why, entry.attribute.span);
            ledger.report(diagnostic.about(lowering.service.name()));
        }
        constraints.push(escaped(&constraint));
    }
    let placement = Placement {
        constraints,
        preferences,
        max_replicas_per_node: ledger
            .take_from(placement.max_per_node.as_ref())
            .map(|most| most.get()),
    };
    (placement != Placement::default()).then_some(placement)
}

/// Whether a swarm reads a constraint of a node's label so (swarmkit `manager/constraint/constraint.go`, `alphaNumeric` and
/// `valuePattern`).
fn is_node_label(key: &str, value: &str) -> bool {
    let is_word = |it: char| it.is_ascii_alphanumeric();
    let is_space = |it: char| matches!(it, ' ' | '\t' | '\n' | '\r' | '\x0c');
    let in_key = |it: char| is_word(it) || "-_.".contains(it);
    let in_value = |it: char| is_word(it) || is_space(it) || ":-_.*()?+[]\\^$|/".contains(it);
    !key.is_empty()
        && key.chars().all(in_key)
        && !value.trim().is_empty()
        && value.chars().all(in_value)
}

/// Round robin by DNS has no address that the routing mesh could publish.
fn endpoint(lowering: &mut Lowering<'_, '_>) {
    let service = lowering.service;
    let Some(endpoint) = service.node.service.body.endpoint.as_ref() else {
        return;
    };
    if endpoint.value != Endpoint::DnsRoundRobin {
        return;
    }
    let ports = service.ports();
    let meshed = ports.filter_map(|port| {
        port.publish
            .as_ref()
            .filter(|_| !crate::graph::is_of_nodes(port))
            .map(|publish| publish.key_span)
    });
    let listeners = service
        .node
        .gateway
        .iter()
        .flat_map(|gateway| &gateway.listen)
        .map(|listen| listen.span);
    let published: Vec<Span> = meshed.chain(listeners).collect();
    for span in published {
        let diagnostic = round_robin_published(endpoint.span, span).about(service.name());
        lowering.ledger.report(diagnostic);
    }
}

fn no_autoscaling(name: &str, least: u64, span: Span) -> Diagnostic {
    Diagnostic::new(&catalogue::NO_AUTOSCALING, format!("swarm does not scale by load: `{name}` stays at {least}"), span)
        .help("take a `deploy` variable for `replicas` and deploy again with another value, or leave swarm out with `targets`")
}

fn update_kind(kind: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::UPDATE_KIND,
        format!(
            "swarm has no {kind} update: a service holds one version and the one it is updated to"
        ),
        span,
    )
    .help("write `update rolling { order = start_first }`, or leave swarm out with `targets`")
}

/// An update has one `delay`.
fn each_is_a_canary(update: &Node<Update>) -> Diagnostic {
    let span = update.monitor.as_ref().map_or(update.span, |it| it.span);
    Diagnostic::new(
        &catalogue::EACH_IS_A_CANARY,
        "a swarm watches every new instance so long, not the first alone",
        span,
    )
    .labelled("`delay` and `monitor` of an update are for each instance")
    .help("nothing has to be done; an update takes this time for each instance")
}

fn round_robin_published(endpoint: Span, publish: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::ROUND_ROBIN_PUBLISHED,
        "the routing mesh publishes a virtual address, and a `dnsrr` service has none",
        publish,
    )
    .labelled("published through the mesh")
    .and(endpoint, "no virtual address")
    .help("publish with `mode = host`, or take `endpoint` out")
}

#[cfg(test)]
mod tests {
    use super::is_node_label;

    #[test]
    fn labels_of_nodes_are_read_as_a_swarm_reads_them() {
        for (key, value) in [
            ("disk", "ssd"),
            ("example.com.disk", "x y"),
            ("zone", "eu-1|eu-2"),
        ] {
            assert!(is_node_label(key, value), "{key} {value}");
        }
        for (key, value) in [
            ("a b", "x"),
            ("a/b", "x"),
            ("", "x"),
            ("disk", ""),
            ("disk", "\"ssd\""),
            ("disk", "a=b"),
        ] {
            assert!(!is_node_label(key, value), "{key} {value}");
        }
    }
}
