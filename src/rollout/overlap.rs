//! Where old and new cannot be there at once, and are to be: a start-first update on a swarm of what has one writer or one
//! place.

use super::derivation::{self, Policy};
use super::ways::Way;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity, catalogue};
use crate::graph::{Graph, Promise, ServiceView};
use crate::source::Span;
use crate::vocabulary::{TargetId, Update};

/// Checks a service on a swarm, whatever it promises: two writers damage data where nothing has to serve.
pub(super) fn check(graph: &Graph, service: ServiceView<'_>, diagnostics: &mut Diagnostics) {
    let single_writer = derivation::has_single_writer(graph, service);
    let place = one_place(graph, service);
    // Most services have neither: their policy is not worked out once more.
    if !single_writer && place.is_none() {
        return;
    }
    let Some(policy) = derivation::policy(graph, service, TargetId::Swarm) else {
        return;
    };
    let Some((way, span)) = overlap(&policy, service) else {
        return;
    };
    let place = place.filter(|place| place.takes < most_at_once(graph, service, &policy));
    if single_writer {
        diagnostics.push(two_writers(service, way, span));
    } else if derivation::alone_on_its_node(graph, service) {
        diagnostics.push(never_a_place(graph, service, way, span));
    } else if let Some(why) = place {
        diagnostics.push(no_place(service, span, &why.text));
    }
}

/// What of an update starts the new one first, and where that is written.
fn overlap(policy: &Policy, service: ServiceView<'_>) -> Option<(&'static str, Span)> {
    let update = service.node.service.update.as_deref();
    let written = |update: &Update| update.order.as_ref().map(|order| order.span);
    if policy.update.starts_first() {
        let span = update.and_then(|update| written(update));
        return Some(("an update", span.unwrap_or(service.span())));
    }
    if policy.rollback.starts_first() {
        let rollback = update.and_then(|update| update.rollback.as_ref());
        let span =
            rollback.map(|rollback| rollback.order.as_ref().map_or(rollback.span, |it| it.span));
        return Some(("a rollback", span.unwrap_or(service.span())));
    }
    None
}

/// Two instances on one volume that takes one.
fn two_writers(service: ServiceView<'_>, way: &str, span: Span) -> Diagnostic {
    let name = service.name();
    Diagnostic::new(
        &catalogue::TWO_WRITERS,
        format!("{way} of `{name}` has two instances write to its volume at once"),
        span,
    )
    .labelled("the new one starts while the old one still writes")
    .about(name)
    .help(
        "write `order = stop_first`, and say that it is down meanwhile: `allow downtime { because = \"…\" }`; or \
         `access = many_writers` on the volume, where its program takes that",
    )
}

/// How many instances a node takes, where that is limited.
struct Place {
    takes: u64,
    text: String,
}

fn one_place(graph: &Graph, service: ServiceView<'_>) -> Option<Place> {
    if derivation::publishes_on_nodes(service) {
        let text = "a port of the node itself is taken by the old one until it has stopped";
        return Some(Place {
            takes: 1,
            text: text.to_owned(),
        });
    }
    // A node runs one of what is everywhere, whatever its limit is.
    let limited = service.node.service.placement.as_ref();
    let limited = limited.filter(|_| !graph.is_global(service))?;
    let takes = limited.max_per_node.as_ref()?.value.get();
    Some(Place {
        takes,
        text: format!("a node takes {takes} of them"),
    })
}

/// How many there are while a slot is replaced: where one node takes them all, every slot finds its place.
fn most_at_once(graph: &Graph, service: ServiceView<'_>, policy: &Policy) -> u64 {
    let replicas = graph.replicas(service).most;
    let beside = [policy.update, policy.rollback].into_iter();
    let beside = beside.filter_map(|way| match way {
        Way::Slots(slots) if way.starts_first() && slots.parallelism > 0 => {
            Some(u64::from(slots.parallelism).min(replicas))
        }
        _ if way.starts_first() => Some(replicas),
        _ => None,
    });
    replicas.saturating_add(beside.max().unwrap_or_default())
}

/// The new task may wait for ever.
fn no_place(service: ServiceView<'_>, span: Span, why: &str) -> Diagnostic {
    let name = service.name();
    Diagnostic::new(
        &catalogue::NO_PLACE,
        format!("a new instance of `{name}` may find no node, and the update then waits for ever"),
        span,
    )
    .labelled(why)
    .about(name)
    .help("have a node more than instances, or write `order = stop_first` and promise one instance less")
}

/// The new task of a global service waits for ever: no other node may have it.
fn never_a_place(graph: &Graph, service: ServiceView<'_>, way: &str, span: Span) -> Diagnostic {
    let name = service.name();
    let promises = matches!(graph.promise(service), Promise::Capacity { .. });
    let down = if promises {
        ", and say that it is down meanwhile: `allow downtime { because = \"…\" }`"
    } else {
        ""
    };
    Diagnostic::new(
        &catalogue::NO_PLACE,
        format!(
            "{way} of `{name}` waits for ever: no node has a place for a second instance of it"
        ),
        span,
    )
    .severity(Severity::Error)
    .labelled("each node has one, and its port is taken until that has stopped")
    .about(name)
    .help(format!(
        "leave `mode = host` out, so that the swarm leads the port to whichever serves; or write \
         `update rolling {{ order = stop_first, rollback {{ order = stop_first }} }}`{down}"
    ))
}

#[cfg(test)]
mod tests {
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    fn codes(service: &str) -> Vec<String> {
        let text = format!(
            "app shop {{ targets = [swarm] }}\nvolume data {{}}\nservice db {{\n  image = \"example/db:1.0.0\"\n  \
             port sql {{ number = 5432, protocol = tcp }}\n  health exec {{ command = [\"ready\"] }}\n  {service}\n}}\n"
        );
        let compilation = compile(
            &MemoryWorld::single("app.zd", text),
            "app.zd",
            &Options::default(),
        );
        let found = compilation.diagnostics.iter();
        found
            .map(|found| format!("{} {}", found.code.id, found.message))
            .collect()
    }

    #[test]
    fn a_way_back_overlaps_too() {
        let found = codes(
            "volume data { path = \"/data\" }\n  allow downtime { because = \"one writer\" }\n  \
             update rolling { order = stop_first, rollback { order = start_first } }",
        );
        assert_eq!(
            found,
            ["ZD4013 a rollback of `db` has two instances write to its volume at once"]
        );
    }

    #[test]
    fn one_after_the_other_is_no_overlap() {
        let found = codes(
            "volume data { path = \"/data\" }\n  allow downtime { because = \"one writer\" }\n  \
             update rolling { order = stop_first, rollback { order = stop_first } }",
        );
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_limit_of_the_node_is_a_place() {
        let found = codes(
            "replicas = 2\n  placement { max_per_node = 1 }\n  \
             update rolling { order = start_first, rollback { order = start_first } }",
        );
        assert!(
            found.iter().any(|found| found.starts_with("ZD4014")),
            "{found:?}"
        );
    }

    const HOST_PORT: &str = "mode = global\n  port web { number = 80, publish = 80, mode = host }";

    /// What is said of such a service, but for the volume that it does not mount.
    fn proofs(service: &str) -> Vec<String> {
        let mut found = codes(&format!("{HOST_PORT}\n  {service}"));
        found.retain(|found| !found.starts_with("ZD7002"));
        found
    }

    fn is_one(found: &[String], code: &str) -> bool {
        matches!(found, [one] if one.starts_with(code))
    }

    #[test]
    fn a_port_of_each_node_is_never_free_for_two() {
        let down = "allow downtime { because = \"one port\" }";
        let written = |order: &str, back: &str, more: &str| {
            proofs(&format!(
                "{more}\n  update rolling {{ order = {order}, delay = 2m, monitor = 2m, on_failure = \
                 rollback, rollback {{ order = {back} }} }}"
            ))
        };
        let never = [
            "ZD4014 an update of `db` waits for ever: no node has a place for a second instance of it",
        ];
        assert_eq!(written("start_first", "start_first", ""), never);
        assert_eq!(written("start_first", "stop_first", down), never);
        let back = [
            "ZD4014 a rollback of `db` waits for ever: no node has a place for a second instance of it",
        ];
        assert_eq!(written("stop_first", "start_first", down), back);
        assert!(written("stop_first", "stop_first", down).is_empty());
        assert!(is_one(&written("stop_first", "stop_first", ""), "ZD4001"));
    }

    /// What promises to serve cannot, and what does not is replaced in place.
    #[test]
    fn a_port_of_each_node_is_replaced_in_place() {
        assert!(is_one(&proofs(""), "ZD4001"));
        assert!(proofs("allow downtime { because = \"one port\" }").is_empty());
        assert!(proofs("allow no-capacity { because = \"other nodes serve\" }").is_empty());
        let ingress = codes("mode = global\n  port web { number = 80, publish = 80 }");
        assert!(is_one(&ingress, "ZD7002"), "{ingress:?}");
    }

    /// Our record of Docker 20.10 on one node: of two replicas start-first, a limit of two hangs and one of three does not.
    #[test]
    fn a_limit_that_leaves_a_place_is_none() {
        let place = |limit: u64| {
            let found = codes(&format!(
                "replicas = 2\n  placement {{ max_per_node = {limit} }}\n  \
                 update rolling {{ order = start_first, rollback {{ order = start_first }} }}"
            ));
            found.iter().any(|found| found.starts_with("ZD4014"))
        };
        assert!(place(2));
        assert!(!place(3));
    }
}
