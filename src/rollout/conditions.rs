//! Numbers that somebody wrote and that fail a condition: what `zdc explain --policy` shows as `FAILS`, told without
//! being asked. Those that have a diagnostic of their own are left to it.
//!
//! Rows S05, S22 and S25, N07, N15 and N25, K08 to K11 and K14 of the catalogue of faults.

use super::derivation::{self, Inequality, Origin, Setting};
use super::promises::Case;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::source::Span;
use crate::vocabulary::TargetId;

/// Every condition that a written number fails.
pub(super) fn check(case: &Case<'_>) -> Diagnostics {
    let mut found = Diagnostics::default();
    // Most services write none of them, and nothing is worked out for these.
    if !writes_one(case) {
        return found;
    }
    for setting in derivation::explain(case.graph, case.service, case.target) {
        let Some(place) = place(case, &setting) else {
            continue;
        };
        let failing = setting.must.iter().find(|law| !law.holds());
        if let Some(law) = failing.filter(|_| setting.origin == Origin::Written) {
            found.push(told(case, &setting, law, place));
        }
    }
    found
}

fn writes_one(case: &Case<'_>) -> bool {
    let service = &case.service.node.service;
    let starts = service
        .health
        .as_ref()
        .is_some_and(|it| it.start_period.is_some());
    starts || service.shutdown.is_some() || case.service.node.gateway.is_some()
}

/// Where the number stands; nothing where another diagnostic tells of it.
fn place(case: &Case<'_>, setting: &Setting) -> Option<Span> {
    let service = &case.service.node.service;
    let health = || {
        service
            .health
            .as_ref()?
            .start_period
            .as_ref()
            .map(|it| it.span)
    };
    let drain = || service.shutdown.as_ref()?.drain.as_ref().map(|it| it.span);
    let grace = || service.shutdown.as_ref()?.grace.as_ref().map(|it| it.span);
    let gateway = case.service.node.gateway.as_ref();
    // A request that is cut is told as such.
    let stated = service
        .timing
        .as_ref()
        .is_some_and(|it| it.longest_request.is_some());
    match setting.name.as_str() {
        "healthcheck.start_period" | "startupProbe.failureThreshold" => health(),
        "shutdown.drain" | "preStop.sleep" => drain(),
        "terminationGracePeriodSeconds" if !stated => grace(),
        name => {
            let (proxy, what) = name.split_once(": ")?;
            // What stands before a service is told where it is written.
            if proxy != case.service.name() {
                return None;
            }
            match what {
                "proxy_connect_timeout" => gateway?.connect_timeout.as_ref().map(|it| it.span),
                "proxy_read_timeout" => gateway?.read_timeout.as_ref().map(|it| it.span),
                _ if what.ends_with(": fail_timeout") => Some(case.service.span()),
                _ => None,
            }
        }
    }
}

fn told(case: &Case<'_>, setting: &Setting, law: &Inequality, place: Span) -> Diagnostic {
    let name = case.service.name();
    let what = setting.name.rsplit(": ").next().unwrap_or(&setting.name);
    let text = format!("`{what}` of `{name}` does not suffice");
    let target = case.target.word();
    let diagnostic = Diagnostic::new(&catalogue::CONDITION_FAILS, text, place)
        .labelled(law.numbers())
        .note(format!("on {target}, `{}`", law.law()))
        .note(setting.because);
    let help = match case.target {
        TargetId::Swarm | TargetId::Nginx => {
            format!("`zdc explain --policy {name}` shows all conditions")
        }
        _ => format!("`zdc explain --policy {name} --target {target}` shows all conditions"),
    };
    diagnostic.help(help).about(name)
}
