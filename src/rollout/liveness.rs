//! A liveness probe that restarts what readiness would only have spared.

use super::derivation::{INTERVAL, RETRIES};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::ServiceView;
use crate::source::{Span, Spanned, Str};
use crate::types::{Duration, Text};
use crate::vocabulary::{Attribute, Whole};

/// Liveness that asks what readiness asks, and gives up no later: an instance that is busy is killed
/// as soon as it would have been left alone, and its load falls on the others. The same question
/// with more patience is a common pattern (`kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes`).
pub(super) fn as_readiness(service: ServiceView<'_>) -> Option<Diagnostic> {
    let body = &service.node.service.body;
    let (health, liveness) = (body.health.as_ref()?, body.liveness.as_ref()?);
    let ready = Question {
        kind: health.label.name(),
        path: path(health.path.as_ref()),
        port: port(service, health.port.as_ref()),
        command: words(health.command.as_ref()),
    };
    let alive = Question {
        kind: liveness.label.name(),
        path: path(liveness.path.as_ref()),
        port: port(service, liveness.port.as_ref()),
        command: words(liveness.command.as_ref()),
    };
    let spared = patience(health.interval.as_ref(), health.retries.as_ref());
    let killed = patience(liveness.interval.as_ref(), liveness.retries.as_ref());
    let told = ready == alive && killed <= spared;
    told.then(|| same(service, liveness.span, killed, (health.span, spared)))
}

/// The fewest failures with which liveness gives up later than readiness.
pub(super) fn enough_retries(service: ServiceView<'_>) -> Option<u64> {
    let body = &service.node.service.body;
    let (health, liveness) = (body.health.as_ref()?, body.liveness.as_ref()?);
    let spared = patience(health.interval.as_ref(), health.retries.as_ref());
    let interval = liveness.interval.as_ref();
    let interval = interval.map_or(INTERVAL, |interval| interval.value);
    let within = spared.millis.checked_div(interval.millis)?;
    Some(within.saturating_add(1)).filter(|retries| *retries <= 1_000)
}

/// What a probe asks.
#[derive(PartialEq)]
struct Question<'g> {
    kind: &'g str,
    path: &'g str,
    port: Option<&'g str>,
    command: Option<Vec<&'g Text>>,
}

fn path(written: Option<&Attribute<Str>>) -> &str {
    written.map_or("/", |path| &path.value)
}

fn port<'g>(service: ServiceView<'g>, written: Option<&'g Attribute<Str>>) -> Option<&'g str> {
    match written {
        Some(name) => Some(&name.value),
        None => service.default_port().map(|port| port.label.name()),
    }
}

/// The words of a command, wherever they were written.
fn words(written: Option<&Attribute<Vec<Spanned<Text>>>>) -> Option<Vec<&Text>> {
    written.map(|words| words.value.iter().map(|word| &word.value).collect())
}

/// How long a probe has to fail until it counts.
fn patience(
    interval: Option<&Attribute<Duration>>,
    retries: Option<&Attribute<Whole<1, 1_000>>>,
) -> Duration {
    let interval = interval.map_or(INTERVAL, |interval| interval.value);
    let retries = retries.map_or(RETRIES, |retries| retries.value.get());
    interval.times(retries)
}

fn same(
    service: ServiceView<'_>,
    span: Span,
    killed: Duration,
    (readiness, spared): (Span, Duration),
) -> Diagnostic {
    let name = service.name();
    let text = format!("liveness restarts `{name}` for what readiness asks too");
    Diagnostic::new(&catalogue::LIVENESS_AS_READINESS, text, span)
        .labelled(format!("after {killed} without an answer it is killed"))
        .and(
            readiness,
            format!("after {spared} it would get no requests"),
        )
        .note(
            "an instance that is only busy, or waits for a database, is killed, and its load falls \
             on the others",
        )
        .help(
            "ask what only a restart can mend, or be more patient with a higher `retries`; without \
             a `liveness` nothing is restarted",
        )
        .about(name)
}
