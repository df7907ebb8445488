//! New versions that are bad: one that never serves must not take a service below its promise, and one that fails
//! after its check has passed must be found before the next instance is replaced.
//!
//! Rows S06 to S08, S10 and S15 of the catalogue of faults, K07 on Kubernetes. There a version that never serves leaves
//! what a good one leaves (`models::kubernetes::predict`), so that nothing is asked again.

use super::derivation::{self, Origin, Policy, swarm};
use super::promises::{Case, are, instances, least_kept};
use super::rehearsal::{Rehearsal, Scene, Searches, Unknown, rehearse, rehearse_as};
use super::ways::{Way, small};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::models::swarm as model;
use crate::types::{Duration, Percent};
use crate::vocabulary::{Disturbance, FailureAction, Order, TargetId};

/// A delay after which a failure is looked at before the next slot: any does.
const ANY_DELAY: Duration = Duration::from_seconds(1);

/// What a version that never serves takes, where that is more than may be missing.
pub(super) fn check(case: &Case<'_>, searches: &mut Searches) -> Option<Diagnostic> {
    let Way::Slots(policy) = case.policy.update else {
        return None;
    };
    if !case.promise.covers(Disturbance::Update) {
        return None;
    }
    [Scene::NeverHealthy, Scene::Rejected]
        .into_iter()
        .find_map(|scene| Bad::found(case, &policy, scene, searches))
        .map(|bad| bad.told(case, searches))
}

/// The fewest that serve while a version comes that never does, of the fewest replicas.
pub(super) fn least(
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    policy: &Policy,
    searches: &mut Searches,
) -> Option<u64> {
    let replicas = graph.replicas(service).least;
    let Way::Slots(update) = policy.update else {
        return Some(least_kept(graph, service, policy.update, replicas));
    };
    if let Some(kept) = model::kept_from_what_never_runs(&update, small(replicas)) {
        return Some(u64::from(kept));
    }
    let all = [Scene::NeverHealthy, Scene::Rejected]
        .into_iter()
        .filter_map(
            |scene| match rehearse(graph, service, target, scene, searches) {
                Ok(rehearsal) => Some(rehearsal.least),
                Err(Unknown::TooMany) => {
                    let taken = model::most_taken_by_what_never_runs(&update, small(replicas));
                    Some(replicas.saturating_sub(u64::from(taken)))
                }
                Err(_) => None,
            },
        );
    all.min()
}

/// A promise that a version that never serves breaks.
struct Bad {
    scene: Scene,
    replicas: u64,
    least: u64,
    floor: u64,
    rehearsal: Option<Rehearsal>,
}

impl Bad {
    fn found(
        case: &Case<'_>,
        policy: &model::Policy,
        scene: Scene,
        searches: &mut Searches,
    ) -> Option<Self> {
        let range = case.graph.replicas(case.service);
        if model::kept_from_what_never_runs(policy, small(range.least)).is_some() {
            return None;
        }
        match rehearse(case.graph, case.service, case.target, scene, searches) {
            // What it takes is the same for any larger number (`docs/src/models.md`, cut-off).
            Ok(rehearsal) => (!rehearsal.keeps()).then_some(Self {
                scene,
                replicas: rehearsal.replicas,
                least: rehearsal.least,
                floor: rehearsal.promised,
                rehearsal: Some(rehearsal),
            }),
            Err(Unknown::TooMany) => [range.least, range.most].into_iter().find_map(|replicas| {
                let taken = model::most_taken_by_what_never_runs(policy, small(replicas));
                let least = replicas.saturating_sub(u64::from(taken));
                let floor = case.promise.floor(replicas).max(1);
                (least < floor).then_some(Self {
                    scene,
                    replicas,
                    least,
                    floor,
                    rehearsal: None,
                })
            }),
            Err(_) => None,
        }
    }

    fn told(self, case: &Case<'_>, searches: &mut Searches) -> Diagnostic {
        let name = case.service.name();
        let version = match self.scene {
            Scene::Rejected => format!("a version of `{name}` whose image is missing"),
            _ => format!("a version of `{name}` that never gets healthy"),
        };
        let text = format!(
            "{version} leaves {} of {} serving, and {} promised",
            self.least,
            instances(self.replicas),
            are(self.floor)
        );
        let numbers = swarm::numbers(case.graph, case.service);
        let how = match numbers.update.on_failure.value {
            FailureAction::Continue => "a failure stops nothing: the next slot follows",
            _ => "the old one stops before it is known whether the new one serves",
        };
        let remedy = remedy(case, &numbers, searches);
        let diagnostic = Diagnostic::new(&catalogue::BAD_VERSION, text, case.policy_span());
        let diagnostic = case.with_promise(diagnostic.labelled(how));
        let diagnostic = match &self.rehearsal {
            Some(rehearsal) => case.with_worst(diagnostic, rehearsal),
            None => diagnostic,
        };
        diagnostic.help(remedy).about(name)
    }
}

/// The smallest change of the policy with which the promise is kept, by the same model.
fn remedy(case: &Case<'_>, numbers: &swarm::Swarm, searches: &mut Searches) -> String {
    let steps: Vec<&Step> = STEPS
        .iter()
        .filter(|step| (step.changes)(numbers))
        .collect();
    // By how many steps: a number's bits say which.
    let mut choices: Vec<u32> = (1..1_u32 << steps.len()).collect();
    choices.sort_by_key(|choice| choice.count_ones());
    for choice in choices {
        let chosen = steps.iter().zip(0_u32..);
        let chosen: Vec<&&Step> = chosen
            .filter(|(_, bit)| choice & (1 << bit) != 0)
            .map(|(step, _)| step)
            .collect();
        let mut mended = *numbers;
        for step in &chosen {
            (step.mend)(&mut mended);
        }
        let (graph, service) = (case.graph, case.service);
        let kept =
            [Scene::NeverHealthy, Scene::Rejected]
                .into_iter()
                .all(
                    |scene| match rehearse_as(graph, service, scene, &mended, searches) {
                        Ok(rehearsal) => rehearsal.keeps(),
                        Err(why) => why == Unknown::NoHealthCheck,
                    },
                );
        if kept {
            let words: Vec<&str> = chosen.iter().map(|step| step.words).collect();
            let words = words.join(", and ");
            return match case.policy.origin {
                Origin::Written => format!("write {words}"),
                _ => format!("write `update rolling {{}}` with {words}"),
            };
        }
    }
    "write `order = start_first`, or promise fewer".to_owned()
}

/// Something that may be changed in an update's policy.
struct Step {
    words: &'static str,
    /// Whether it changes anything.
    changes: fn(&swarm::Swarm) -> bool,
    mend: fn(&mut swarm::Swarm),
}

const STEPS: [Step; 4] = [
    Step {
        words: "`on_failure = rollback`",
        changes: |it| it.update.on_failure.value == FailureAction::Continue,
        mend: |it| it.update.on_failure.value = FailureAction::Rollback,
    },
    Step {
        words: "`max_failure_ratio = 0%`",
        changes: |it| it.update.max_failure_ratio.value.thousandths > 0,
        mend: |it| it.update.max_failure_ratio.value = Percent { thousandths: 0 },
    },
    Step {
        words: "`delay = 1s` or more, so that a failure is looked at before the next slot",
        changes: |it| it.update.delay.value < ANY_DELAY,
        mend: |it| it.update.delay.value = ANY_DELAY,
    },
    Step {
        words: "`order = start_first`",
        changes: |it| it.update.order.value == Order::StopFirst,
        mend: |it| it.update.order.value = Order::StartFirst,
    },
];

/// A written policy under which a version that turns bad takes more instances than those that are replaced at once.
pub(super) fn found_late(case: &Case<'_>, searches: &mut Searches) -> Option<Diagnostic> {
    let range = case.graph.replicas(case.service);
    let judged = case.policy.origin == Origin::Written
        && case.service.has_health_check()
        && case.promise.covers(Disturbance::Update);
    // Of one instance nothing can be kept from a version that passed its check.
    if !judged || range.most < 2 {
        return None;
    }
    let failing = derivation::late(case.graph, case.service, case.target);
    let first = failing.first()?;
    let name = case.service.name();
    let text =
        format!("a version of `{name}` that fails after its check has passed is found too late");
    let update = case.service.node.service.update.as_deref();
    let span = update.map_or(case.service.span(), |update| {
        let written = match first.name {
            "parallelism" => update.parallelism.as_ref().map(|it| it.span),
            "max_failure_ratio" => update.max_failure_ratio.as_ref().map(|it| it.span),
            "monitor" => update.monitor.as_ref().map(|it| it.span),
            _ => update.delay.as_ref().map(|it| it.span),
        };
        written.unwrap_or(update.span)
    });
    let mut diagnostic =
        Diagnostic::new(&catalogue::FOUND_LATE, text, span).labelled(match first.name {
            "parallelism" => "all of them are replaced at once",
            "max_failure_ratio" => "so many failures are tolerated",
            "monitor" => "a failure after this is not counted",
            _ => "the next instance is replaced before this one has shown that it lasts",
        });
    let target = case.target.word();
    for late in &failing {
        diagnostic = diagnostic.note(format!(
            "on {target}, `{}`: {}",
            late.law.law(),
            late.law.numbers()
        ));
    }
    if case.target == TargetId::Swarm
        && let Ok(rehearsal) = rehearse(
            case.graph,
            case.service,
            case.target,
            Scene::Crash,
            searches,
        )
        && rehearsal.least.saturating_add(1) < rehearsal.replicas
    {
        diagnostic = case.with_worst(diagnostic, &rehearsal);
    }
    Some(diagnostic.help(mending(&failing)).about(name))
}

/// What to write so that all of them hold.
fn mending(failing: &[derivation::Late]) -> String {
    let words: Vec<String> = failing
        .iter()
        .map(|late| match late.needed {
            Some(time) => format!("`{} = {time}` or more", late.name),
            None if late.name == "parallelism" => "`parallelism = 1`".to_owned(),
            None => "`max_failure_ratio = 0%`".to_owned(),
        })
        .collect();
    format!(
        "write {}; or leave `update` out: a policy that waits for the verdict is then derived",
        words.join(" and ")
    )
}

#[cfg(test)]
mod tests {
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    /// What is found in a service on a swarm.
    fn found(replicas: &str, update: &str) -> Vec<(String, String, Vec<String>)> {
        let text = format!(
            "app shop {{ targets = [swarm] }}\nservice web {{\n  image = \"example/web:1.0.0\"\n  port http {{ number = \
             8080, publish = 80 }}\n  health http {{ path = \"/\", interval = 1s, timeout = 1s, retries = 2 }}\n  \
             {replicas}\n  update rolling {{ {update}, rollback {{ order = start_first }} }}\n}}\n"
        );
        let world = MemoryWorld::single("app.zd", text);
        let compilation = compile(&world, "app.zd", &Options::default());
        let found = compilation.diagnostics.iter();
        found
            .map(|it| {
                let help = it.help.clone().unwrap_or_default();
                (
                    format!("{} {}", it.code.id, it.message),
                    help,
                    it.notes.clone(),
                )
            })
            .collect()
    }

    const WAITS: &str = "delay = 20s, monitor = 20s";
    const ONE: &str = "availability { min_available = 1 }";

    #[test]
    fn what_never_serves_takes_a_second_slot_by_chance() {
        let all = found(
            &format!("replicas = 2\n{ONE}"),
            "order = stop_first, on_failure = rollback",
        );
        let (message, help, notes) = all.first().unwrap();
        assert_eq!(
            message,
            "ZD4015 a version of `web` that never gets healthy leaves 0 of 2 instances serving, and 1 is promised"
        );
        assert!(help.starts_with("write `delay = 1s` or more"), "{help}");
        assert!(
            notes
                .iter()
                .any(|note| note.contains("0 of 2 serving, because")),
            "{notes:?}"
        );
        let waits = format!("order = stop_first, on_failure = rollback, {WAITS}");
        assert_eq!(found(&format!("replicas = 2\n{ONE}"), &waits), []);
    }

    #[test]
    fn what_stops_nothing_replaces_everything() {
        let all = found(
            "replicas = 3",
            &format!("order = start_first, on_failure = continue, {WAITS}"),
        );
        let (message, help, _) = all.first().unwrap();
        assert!(
            message.contains("leaves 0 of 3 instances serving, and 1 is promised"),
            "{message}"
        );
        assert_eq!(help, "write `on_failure = rollback`");
    }

    #[test]
    fn more_slots_than_are_searched_are_bounded() {
        let replicas = "replicas = 40\navailability { min_available = 35 }";
        let all = found(
            replicas,
            &format!("order = stop_first, parallelism = 5, max_failure_ratio = 10%, {WAITS}"),
        );
        let (message, ..) = all.first().unwrap();
        assert!(
            message.contains("leaves 31 of 40 instances serving, and 35 are promised"),
            "{message}"
        );
    }

    #[test]
    fn a_verdict_that_is_not_waited_for_is_told_once() {
        let all = found("replicas = 3", "order = start_first, on_failure = rollback");
        let [(message, help, notes)] = all.as_slice() else {
            panic!("{all:?}");
        };
        assert!(message.starts_with("ZD4016"), "{message}");
        assert!(
            help.contains("`delay = 19s` or more and `monitor = 19s` or more"),
            "{help}"
        );
        assert!(
            notes
                .iter()
                .any(|note| note.contains("`delay >= retries * (interval + timeout)")),
            "{notes:?}"
        );
        assert_eq!(
            found("replicas = 3", &format!("order = start_first, {WAITS}")),
            []
        );
    }
}
