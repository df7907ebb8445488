//! Numbers that somebody wrote and that fail a condition: what `zdc explain --policy` shows as `FAILS`, told without
//! being asked. Those that have a diagnostic of their own are left to it.
//!
//! Rows S05, S22, S25, N07, N15 and N25, K08 to K11 and K14 of the catalogue of faults.

use super::derivation::{self, Inequality, Origin, Setting};
use super::promises::Case;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::types::Duration;
use crate::vocabulary::{Attribute, Between, TargetId};

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
        let Some(law) = setting.must.iter().find(|law| !law.holds()) else {
            continue;
        };
        if !is_patience(&setting) && setting.origin == Origin::Written {
            found.push(told(case, &setting, law, place));
        }
    }
    found
}

/// A start that takes longer than the check allows, whatever the service promises: no instance of it ever serves.
pub(super) fn never_starts(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
) -> Option<Diagnostic> {
    let body = &service.node.service;
    // Nothing that is derived is too short.
    let written = body.health.as_ref()?.start_period.as_ref()?;
    let startup = body.timing.as_ref()?.startup.as_ref()?;
    let settings = derivation::explain(graph, service, target).into_iter();
    let mut patience = settings.filter(is_patience);
    patience.find_map(|setting| {
        let law = setting.must.iter().find(|law| !law.holds())?;
        Some(gives_up_early(
            (service, target),
            law,
            (written.span, startup),
        ))
    })
}

fn writes_one(case: &Case<'_>) -> bool {
    let service = &case.service.node.service;
    let idles = service
        .timing
        .as_ref()
        .is_some_and(|it| it.pool_idle.is_some());
    idles || service.shutdown.is_some() || case.service.node.gateway.is_some()
}

/// Where the number stands; nothing where another diagnostic tells of it.
fn place(case: &Case<'_>, setting: &Setting) -> Option<Span> {
    let service = &case.service.node.service;
    let drain = || service.shutdown.as_ref()?.drain.as_ref().map(|it| it.span);
    let grace = || service.shutdown.as_ref()?.grace.as_ref().map(|it| it.span);
    let gateway = case.service.node.gateway.as_ref();
    // A request that is cut is told as such.
    let stated = service
        .timing
        .as_ref()
        .is_some_and(|it| it.longest_request.is_some());
    match setting.name.as_str() {
        "shutdown.drain" | "preStop.sleep" => drain(),
        "timing.pool_idle" => service
            .timing
            .as_ref()?
            .pool_idle
            .as_ref()
            .map(|it| it.span),
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

/// Whether it is how long an instance may take to start: on Kubernetes that is derived from what is written.
pub(super) fn is_patience(setting: &Setting) -> bool {
    ["healthcheck.start_period", "startupProbe.failureThreshold"].contains(&&*setting.name)
}

/// Two targets say the same of one place, each with its own numbers.
fn gives_up_early(
    (service, target): (ServiceView<'_>, TargetId),
    law: &Inequality,
    (place, startup): (Span, &Attribute<Between<Duration>>),
) -> Diagnostic {
    let (name, most) = (service.name(), startup.value.most);
    let patience = Duration::from_millis(most.millis.saturating_sub(law.missing()));
    let least = Duration::from_seconds(most.seconds_up());
    Diagnostic::new(
        &catalogue::GIVES_UP_EARLY,
        format!("`{name}` may take {most} to start, and is killed before"),
        place,
    )
    .labelled("its failures count too early")
    .and(startup.span, "its first answer")
    .note(format!(
        "on {}, `{}`: {}; it would be killed after {patience}, again and again",
        target.word(),
        law.law(),
        law.numbers()
    ))
    .help(format!(
        "write `start_period = {least}`, or leave it out: it is derived from `startup`"
    ))
    .about(name)
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

#[cfg(test)]
mod tests {
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    fn found(service: &str) -> Vec<String> {
        let text = format!(
            "app shop {{ targets = [swarm] }}\nservice web {{\n  image = \"example/web:1.0.0\"\n  replicas = 2\n  port \
             http {{ number = 8080, publish = 80 }}\n  {service}\n}}\n"
        );
        let world = MemoryWorld::single("app.zd", text);
        let compilation = compile(&world, "app.zd", &Options::default());
        let found = compilation.diagnostics.iter();
        found
            .map(|it| format!("{} {}", it.code.id, it.message))
            .collect()
    }

    const CHECK: &str = "health http { path = \"/\", interval = 5s, timeout = 2s";

    #[test]
    fn a_start_is_as_long_as_the_check_allows() {
        let program = |period| {
            format!("{CHECK}, start_period = {period} }}\n  timing {{ startup = 1s..1m }}")
        };
        let short = ["ZD4046 `web` may take 1m to start, and is killed before"];
        assert_eq!(found(&program("10s")), short);
        assert!(found(&program("50s")).is_empty());
    }

    /// What never starts is of no use where nothing is promised, either.
    #[test]
    fn a_start_is_as_long_as_the_check_allows_whatever_is_promised() {
        for target in ["swarm", "kubernetes", "compose"] {
            for (more, is_told) in [
                (
                    "port http { number = 80 }\n  allow downtime { because = \"nights\" }",
                    true,
                ),
                ("replicas = 2", true),
                ("timing { startup = 1s..15s }", false),
            ] {
                let timing = if is_told {
                    "timing { startup = 1s..1m }"
                } else {
                    ""
                };
                let text = format!(
                    "app shop {{ targets = [{target}] }}\nservice worker {{\n  image = \"example/worker:1.0.0\"\n  health \
                     exec {{ command = [\"ready\"], interval = 5s, timeout = 2s, start_period = 10s }}\n  {timing}\n  {more}\n}}\n"
                );
                let world = MemoryWorld::single("app.zd", text);
                let found = compile(&world, "app.zd", &Options::default()).diagnostics;
                let told = found.iter().any(|it| it.code.id == "ZD4046");
                assert_eq!(told, is_told && target != "compose", "{target}: {more}");
            }
        }
    }

    #[test]
    fn what_two_targets_say_of_one_place_is_said_once() {
        let text = "app shop { targets = [swarm, kubernetes] }\nservice web {\n  image = \"example/web:1.0.0\"\n  replicas = 2\n  \
                    port http { number = 8080, publish = 80 }\n  health http { path = \"/\", interval = 5s, start_period = 2s }\n  \
                    timing { startup = 1s..1m, longest_request = 1m }\n  shutdown { drain = 3s }\n}\n";
        let world = MemoryWorld::single("app.zd", text);
        let found = compile(&world, "app.zd", &Options::default()).diagnostics;
        let told = found
            .iter()
            .filter(|it| ["ZD4006", "ZD4046"].contains(&it.code.id));
        let told: Vec<(&str, usize)> = told.map(|it| (it.code.id, it.notes.len())).collect();
        assert_eq!(told, [("ZD4006", 2), ("ZD4046", 2)]);
    }

    #[test]
    fn an_idle_connection_is_shorter_than_the_kernel_keeps_it() {
        let program = |idle: &str, endpoint: &str| {
            format!("{CHECK} }}\n  timing {{ pool_idle = {idle} }}\n  {endpoint}")
        };
        let long = ["ZD4017 `timing.pool_idle` of `web` does not suffice"];
        assert_eq!(found(&program("20m", "")), long);
        assert!(found(&program("10m", "")).is_empty());
    }

    #[test]
    fn an_address_is_forgotten_before_its_program_ends() {
        let program = |drain: &str| {
            format!(
                "{CHECK} }}\n  timing {{ dns_cache = 30s, longest_request = 1s }}\n  shutdown {{ drain = {drain}, grace = 1m }}"
            )
        };
        let short = ["ZD4017 `shutdown.drain` of `web` does not suffice"];
        assert_eq!(found(&program("10s")), short);
        assert!(found(&program("29s")).is_empty());
    }
}
