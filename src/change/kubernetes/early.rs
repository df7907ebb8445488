//! Pods that a Service leads to before they serve, or that never do: those of a rolling workload without a probe that says when they are ready
//! (`kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle`, Container probes: without one a container is ready as soon as it runs), and those of
//! another program that come to have the labels which it asks for.

use super::behind::{self, Led, Pods, Target};
use super::parts::{self, items, text};
use super::{Keyed, is_workload};
use crate::change::{Change, Effect, images};
use serde_json::Value;

/// Says it of each. What a program asks for it has judged.
pub(super) fn asked((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let joins = |it: &Change| it.effect == Effect::Created;
    let unprobes = |it: &Change| {
        let mut fields = it.fields.iter();
        it.effect == Effect::Rolls && fields.any(|it| it.path.contains("].readinessProbe"))
    };
    let may =
        |it: &Change| it.service.is_none() && is_workload(&it.kind) && (joins(it) || unprobes(it));
    if !changes.iter().any(may) {
        return;
    }
    let (before, after) = (behind::all(old), behind::all(new));
    let services = behind::services(new);
    for change in changes.iter_mut().filter(|it| may(it)) {
        let Some(now) = after.iter().find(|it| it.are_of(change)) else {
            continue;
        };
        let led = services
            .iter()
            .filter(|it| now.are_for(it.key.3, &it.selector));
        let said: Vec<String> = if joins(change) {
            led.filter_map(|it| beside(it, now, &after, &before))
                .collect()
        } else {
            let was = before.iter().find(|it| it.are_of(change));
            led.take(1)
                .filter_map(|it| unprobed(it, was?, now))
                .collect()
        };
        for said in said {
            change.says_also(&said);
        }
    }
}

/// Where a Service that led to other pods leads to new ones as well, of another program, that do not say that they listen there.
fn beside(
    service: &Led<'_>,
    now: &Pods<'_>,
    after: &[Pods<'_>],
    before: &[Pods<'_>],
) -> Option<String> {
    let is_asked = |it: &&Pods<'_>| {
        let is_kept = before.iter().any(|was| was.key == it.key);
        is_kept && it.key != now.key && it.are_for(service.key.3, &service.selector)
    };
    let others = after.iter().find(is_asked)?;
    let images = |it: &Pods<'_>| -> Vec<String> {
        let all = items(&it.pod, "containers").filter_map(|it| text(it, "image"));
        all.map(|it| images::repository(it).to_owned()).collect()
    };
    let is_same = images(now).iter().any(|it| images(others).contains(it));
    // A pod without a port of that name is not asked.
    let port = service.ports.iter().find_map(|(.., target)| match target {
        Target::Number(number) => (others.listen(target) && !now.listen(target)).then_some(*number),
        Target::Name(_) => None,
    })?;
    (!is_same && !service.is_headless).then(|| {
        format!(
            "Service {} leads to its pods too, beside those of {}, and they do not say that they listen on {port}",
            service.key.2,
            others.shown()
        )
    })
}

/// Where pods are asked as soon as they run, and were not before.
fn unprobed(service: &Led<'_>, was: &Pods<'_>, now: &Pods<'_>) -> Option<String> {
    let has = |container: &Value, probe: &str| container.get(probe).is_some();
    // A sidecar starts before the program, and is ready for itself: its probe tells of those who are led to it, or to what it probes.
    let is_led_to = |sidecar: &Value| {
        let probe = sidecar.get("readinessProbe");
        let ways = ["httpGet", "tcpSocket", "grpc"].into_iter();
        let mut probed = ways.filter_map(|way| probe?.get(way)?.get("port")?.as_u64());
        let mut ports = items(sidecar, "ports");
        let mut targets = service.ports.iter().map(|(.., target)| target);
        let asks_there = probed.any(|number| {
            targets.any(|target| matches!(target, Target::Number(wanted) if *wanted == number))
        });
        asks_there
            || ports.any(|port| {
                let number = port.get("containerPort").and_then(Value::as_u64);
                let mut targets = service.ports.iter().map(|(.., target)| target);
                targets.any(|target| match target {
                    Target::Number(wanted) => number == Some(*wanted),
                    Target::Name(wanted) => text(port, "name") == Some(&**wanted),
                })
            })
    };
    let is_probed = |pods: &Pods<'_>| {
        let mut own = items(&pods.pod, "containers");
        let mut sidecars = parts::running(&pods.pod);
        own.any(|it| has(it, "readinessProbe") || has(it, "startupProbe"))
            || sidecars.any(|it| has(it, "readinessProbe") && is_led_to(it))
    };
    (is_probed(was) && !is_probed(now) && !service.is_headless).then(|| {
        format!(
            "Service {} leads to each new pod as soon as it runs, since no probe says when it is ready",
            service.key.2
        )
    })
}
