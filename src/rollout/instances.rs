//! One instance at a time: whether it can be asked, whether its requests end before it does, and whether it is known
//! how many there are.

use super::derivation;
use super::promises::Case;
use super::remedies;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::vocabulary::{Protocol, Staged, TargetId};

/// Whether it can be probed at all: something that listens on nothing takes no traffic.
pub(super) fn listens(service: ServiceView<'_>) -> bool {
    let tcp = |port: &crate::vocabulary::Node<crate::vocabulary::Port>| {
        crate::graph::protocol(port) != Protocol::Udp
    };
    service.node.gateway.is_some() || service.ports().any(tcp)
}

/// An unhealthy or unready instance gets traffic.
pub(super) fn unchecked(case: &Case<'_>) -> Diagnostic {
    without_check(case.graph, case.service).note(match case.target {
        TargetId::Kubernetes => "Kubernetes counts a container without a readiness probe as ready",
        _ => {
            "swarm counts a task without a health check as running once its process exists, and \
             then stops the old one"
        }
    })
}

/// The same on a plain host.
pub(super) fn unchecked_on_a_host(graph: &Graph, service: ServiceView<'_>) -> Diagnostic {
    without_check(graph, service).note("nginx leads requests to a slot once its process exists")
}

fn without_check(graph: &Graph, service: ServiceView<'_>) -> Diagnostic {
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
        .help(format!(
            "add one: `{}`",
            remedies::check_to_add(graph, service)
        ))
        .about(name)
}

/// The time until an instance is killed is shorter than what it may still have to do.
pub(super) fn cut_requests(case: &Case<'_>) -> Option<Diagnostic> {
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
        // What an engine waits by itself is not the same on all, and one place is told once.
        let (text, note) = match grace {
            Some(_) => (
                format!("`{name}` is killed after {allowed}, and a request may need {needed}"),
                None,
            ),
            None => (
                format!("`{name}` is killed before a request has ended, which may need {needed}"),
                Some(format!("on {}, after {allowed}", case.target.word())),
            ),
        };
        let mut diagnostic = Diagnostic::new(&catalogue::CUT_REQUEST, text, span);
        diagnostic.notes.extend(note);
        let diagnostic = diagnostic.and(longest.span, "the longest request");
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
pub(super) fn early_probe(case: &Case<'_>) -> Option<Diagnostic> {
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
pub(super) fn unbounded(graph: &Graph, service: ServiceView<'_>) -> Option<Diagnostic> {
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
