//! The properties of a service that a plain host has no place for, each with what happens instead.

use super::text::Texts;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::vocabulary::{FailureAction, Mode, Node, Service, Update, WrittenId};

/// What the scripts keep beside the folders of services (`scripts/host.sh`, `$state`).
const OF_THE_SCRIPTS: [&str; 4] = ["conf-before", "conf-ours", "lock", "releases"];

/// Accounts for all that no script and no unit has.
pub(super) fn lower(texts: &mut Texts<'_, '_>) {
    let service = texts.service;
    let body = &service.node.service.body;
    let ledger = &mut *texts.ledger;
    if OF_THE_SCRIPTS.contains(&service.name()) {
        let diagnostic = super::text::refused(
            service.span(),
            format!(
                "a service of a plain host cannot be called `{}`",
                service.name()
            ),
            "the scripts keep something of their own there",
            "give it another name: what a host remembers of a service is in a folder of that name",
        );
        ledger.report(diagnostic.about(service.name()));
    }
    ledger.declare_from(body.stack.as_ref(), "swarm's: a host has no stacks");
    ledger.declare_from(
        body.endpoint.as_ref(),
        "swarm's: nginx knows each slot by its port",
    );
    ledger.declare_from(body.after.as_ref(), "a hint: a host does not wait");
    if let Some(build) = &body.build {
        ledger.declare_block(build, "the image is built and pushed before");
    }
    if let Some(mode) = &body.mode {
        if mode.value == Mode::Global {
            let why = "a host has the slots that are written";
            differs(texts, mode.id, mode.key_span, "`mode = global`", why);
        } else {
            ledger.declare(mode.id, "a host has the slots that are written");
        }
    }
    if let Some(name) = &body.name {
        let why = "units, containers and folders have the service's own name";
        differs(texts, name.id, name.key_span, "`name`", why);
    }
    if let Some(liveness) = &body.liveness {
        let why = "a program that runs and does not answer is not started again";
        declined(texts, liveness, "`liveness`", why);
    }
    if let Some(placement) = &body.placement {
        declined(texts, placement, "`placement`", "there is one host");
    }
    if let Some(update) = &body.update {
        policy(texts, update);
    }
    lacking(texts, body);
    if body.image.is_none() {
        of_containers(texts, body);
    }
}

/// A property that has no effect here, and need not have one.
pub(super) fn differs(texts: &mut Texts<'_, '_>, id: WrittenId, span: Span, what: &str, why: &str) {
    let diagnostic = different(what, why, span).about(texts.service.name());
    texts.ledger.decline(id, diagnostic);
}

fn declined<T>(texts: &mut Texts<'_, '_>, node: &Node<T>, what: &str, why: &str) {
    let diagnostic = different(what, why, node.span).about(texts.service.name());
    texts.ledger.decline_block(node, diagnostic);
}

/// What the program needs and a host does not give it.
fn lacking(texts: &mut Texts<'_, '_>, body: &Service) {
    for join in &body.join {
        missing(
            texts,
            join,
            "no network is joined on a plain host",
            "slots are reached on loopback",
            "take it out",
        );
    }
    for config in &body.config {
        let instead = "pass its keys in `env`, or put the file into the bundle";
        missing(
            texts,
            config,
            "a plain host mounts no config",
            "the path would not be there",
            instead,
        );
    }
    for secret in &body.secret {
        let instead = "put the file on the host, and write its path";
        missing(
            texts,
            secret,
            "a plain host has no store of secrets",
            "the file would not be there",
            instead,
        );
    }
    if let Some(scale) = &body.scale {
        let instead = "write `replicas`, and a slot for each";
        missing(
            texts,
            scale,
            "a plain host does not scale by load",
            "its slots are fixed",
            instead,
        );
    }
}

/// What only a container has.
fn of_containers(texts: &mut Texts<'_, '_>, body: &Service) {
    for volume in &body.volume {
        missing(
            texts,
            volume,
            "a command mounts no volume",
            "the path would not be there",
            "write the host's own path, or run an `image`",
        );
    }
    for mount in &body.mount {
        missing(
            texts,
            mount,
            "a command mounts nothing",
            "it sees the host's own files",
            "take it out, and have the program read the host's path",
        );
    }
    if let Some(hostname) = &body.hostname {
        let why = "a command has the name of its host";
        differs(texts, hostname.id, hostname.key_span, "`hostname`", why);
    }
    if let Some(labels) = &body.labels {
        declined(texts, labels, "`labels`", "a command has none");
    }
    if let Some(logging) = &body.logging {
        declined(
            texts,
            logging,
            "`logging`",
            "the journal has what a unit prints",
        );
    }
}

fn missing<T>(texts: &mut Texts<'_, '_>, node: &Node<T>, what: &str, why: &str, instead: &str) {
    let diagnostic = super::text::refused(node.span, what.to_owned(), why, instead);
    let diagnostic = diagnostic.about(texts.service.name());
    texts.ledger.decline_block(node, diagnostic);
}

/// An `update`: what the scripts follow, and what they have no word for.
fn policy(texts: &mut Texts<'_, '_>, node: &Node<Update>) {
    let body = texts.ledger.enter(node);
    texts.ledger.take_from(body.slots.as_ref());
    for written in [&body.config_test, &body.lock] {
        texts.ledger.take_from(written.as_ref());
    }
    texts.ledger.take_from(body.monitor.as_ref());
    let is_blue_green = node.label.name() == "blue_green";
    if is_blue_green {
        texts.ledger.take_from(body.swap_back.as_ref());
        texts
            .ledger
            .declare_from(body.delay.as_ref(), "there is one switch");
        texts
            .ledger
            .declare_from(body.order.as_ref(), "the new one always starts first");
    } else {
        texts.ledger.take_from(body.delay.as_ref());
        texts.ledger.take_from(body.order.as_ref());
        if let Some(swap) = &body.swap_back {
            differs(
                texts,
                swap.id,
                swap.key_span,
                "`swap_back`",
                "it is `blue_green`'s; here `on_failure` says it",
            );
        }
    }
    match &body.on_failure {
        Some(action) if is_blue_green => {
            texts
                .ledger
                .declare(action.id, "`swap_back` says what a failure does");
        }
        Some(action) if action.value == FailureAction::Continue => {
            let why = "a slot that fails stops the update";
            differs(
                texts,
                action.id,
                action.key_span,
                "`on_failure = continue`",
                why,
            );
        }
        Some(action) => texts.ledger.declare(action.id, "the scripts follow it"),
        None => {}
    }
    if let Some(parallelism) = &body.parallelism {
        if parallelism.value.get() == 1 {
            texts.ledger.take(parallelism);
        } else {
            let why = "one slot is replaced at a time";
            differs(
                texts,
                parallelism.id,
                parallelism.key_span,
                "`parallelism`",
                why,
            );
        }
    }
    if let Some(ratio) = &body.max_failure_ratio {
        let why = "the first failure stops the update";
        differs(texts, ratio.id, ratio.key_span, "`max_failure_ratio`", why);
    }
    if let Some(rollback) = &body.rollback {
        let why = "the old version comes back by the steps of the update";
        declined(texts, rollback, "`rollback`", why);
    }
}

fn different(what: &str, why: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::DIFFERENT_ON_A_HOST,
        format!("{what} has no effect on a plain host"),
        span,
    )
    .labelled(why.to_owned())
}
