//! The template unit of systemd that keeps a command up: an instance for each slot, named by its
//! port (`systemd.unit`, `systemd.service`, `systemd.resource-control`).

use super::account;
use super::lowering::seconds;
use super::text::Texts;
use crate::rollout::hosts::Policy;
use crate::targets::docker::bytes;
use crate::vocabulary::RestartCondition;
use serde::Serialize;

/// What differs from unit to unit.
#[derive(Debug, Default)]
pub(super) struct Unit {
    /// Of `[Unit]`.
    pub(super) limits: Vec<Line>,
    /// Of `[Service]`.
    pub(super) lines: Vec<Line>,
    /// Shares of one processor, in per cents; one or none.
    pub(super) quotas: Vec<u64>,
}

/// `name=value`
#[derive(Debug, Serialize)]
pub(super) struct Line {
    name: &'static str,
    value: String,
}

fn line(name: &'static str, value: impl Into<String>) -> Line {
    let value = value.into();
    Line { name, value }
}

/// Lowers what systemd does for a command.
pub(super) fn lower(texts: &mut Texts<'_, '_>, policy: &Policy, run_as: &str) -> Unit {
    let body = &texts.service.node.service.body;
    let mut unit = Unit::default();
    if let Some(shutdown) = &body.shutdown {
        let shutdown = texts.ledger.enter(shutdown);
        texts.ledger.take_from(shutdown.signal.as_ref());
        texts.ledger.take_from(shutdown.grace.as_ref());
        texts.ledger.take_from(shutdown.drain.as_ref());
    }
    if let Some(user) = body.user.as_ref() {
        unit.lines.push(line("User", texts.line(run_as, user.span)));
    }
    unit.lines.push(line("KillSignal", policy.signal.word()));
    unit.lines.push(line(
        "TimeoutStopSec",
        format!("{}s", seconds(policy.grace)),
    ));
    restart(texts, &mut unit);
    resources(texts, &mut unit);
    unit
}

fn restart(texts: &mut Texts<'_, '_>, unit: &mut Unit) {
    let Some(node) = &texts.service.node.service.body.restart else {
        unit.lines.push(line("Restart", "always"));
        unit.lines.push(line("RestartSec", "1s"));
        return;
    };
    let body = texts.ledger.enter(node);
    let word = match texts.ledger.take_from(body.condition.as_ref()) {
        Some(RestartCondition::OnFailure) => "on-failure",
        Some(RestartCondition::Never) => "no",
        Some(RestartCondition::Any) | None => "always",
    };
    unit.lines.push(line("Restart", word));
    let delay = texts.ledger.take_from(body.delay.as_ref());
    let delay = delay.map_or_else(|| "1s".to_owned(), |delay| format!("{}ms", delay.millis));
    unit.lines.push(line("RestartSec", delay));
    if let Some(attempts) = texts.ledger.take_from(body.max_attempts.as_ref()) {
        unit.limits.push(line("StartLimitIntervalSec", "infinity"));
        // The first start counts too.
        let starts = attempts.get().saturating_add(1);
        unit.limits
            .push(line("StartLimitBurst", starts.to_string()));
    }
    if let Some(window) = &body.window {
        let why = "systemd counts starts, not how long one ran";
        account::differs(texts, window.id, window.key_span, "`window`", why);
    }
}

fn resources(texts: &mut Texts<'_, '_>, unit: &mut Unit) {
    let Some(node) = &texts.service.node.service.body.resources else {
        return;
    };
    let resources = texts.ledger.enter(node);
    if let Some(limits) = &resources.limits {
        let limits = texts.ledger.enter(limits);
        let memory = texts.ledger.take_from(limits.memory.as_ref());
        unit.lines
            .extend(memory.map(|memory| line("MemoryMax", bytes(*memory))));
        // A share of one processor; systemd counts in whole per cents.
        let cpu = texts.ledger.take_from(limits.cpu.as_ref());
        let share = cpu.map(|cpu| cpu.millis.div_ceil(10).max(1));
        unit.quotas.extend(share);
    }
    if let Some(reserved) = &resources.reservations {
        let reserved = texts.ledger.enter(reserved);
        let memory = texts.ledger.take_from(reserved.memory.as_ref());
        unit.lines
            .extend(memory.map(|memory| line("MemoryLow", bytes(*memory))));
        if let Some(cpu) = &reserved.cpu {
            let why = "systemd shares processors by weight, and sets none aside";
            account::differs(
                texts,
                cpu.id,
                cpu.key_span,
                "reservations of processors",
                why,
            );
        }
    }
}
