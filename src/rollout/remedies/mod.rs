//! What may be changed of a service's policy where a proof fails: single changes, for `fix` to combine and for the
//! verifier to judge. Nothing here says that a change suffices.
//!
//! Policy is how instances are replaced, probed, placed and stopped. What is promised, how many there are, what they run
//! and what is true of their program (`timing`) is not: a change of these would mend the proof and not the deployment.

mod change;
mod checks;

pub use change::{Change, Part, in_words};

use super::conditions;
use super::derivation::{self, Origin, Setting, swarm};
use super::drains;
use super::hosts;
use super::instances::listens;
use super::liveness;
use crate::diagnostics::{Code, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::types::Duration;
use crate::vocabulary::{FailureAction, Node, Order, TargetId, Update};
use std::fmt;

/// The codes of failed proofs: what a change of policy may mend.
pub fn is_proof(code: &Code) -> bool {
    let proofs: [&Code; 23] = [
        &catalogue::NO_CAPACITY,
        &catalogue::BELOW_PROMISE,
        &catalogue::NO_HEALTH_CHECK,
        &catalogue::RECREATES,
        &catalogue::ROLLBACK_BELOW_PROMISE,
        &catalogue::CUT_REQUEST,
        &catalogue::UNBOUNDED_REPLICAS,
        &catalogue::LOST_INSTANCE,
        &catalogue::EARLY_PROBE,
        &catalogue::TWO_WRITERS,
        &catalogue::NO_PLACE,
        &catalogue::BAD_VERSION,
        &catalogue::FOUND_LATE,
        &catalogue::CONDITION_FAILS,
        &catalogue::DRAIN_BELOW_PROMISE,
        &catalogue::LIVENESS_AS_READINESS,
        &catalogue::SHORT_DRAIN,
        &catalogue::NO_SWAP_BACK,
        &catalogue::UNTESTED_CONFIGURATION,
        &catalogue::UNLOCKED_DEPLOY,
        &catalogue::NO_UPDATE_POLICY,
        &catalogue::NO_SPARE_SLOT,
        &catalogue::GIVES_UP_EARLY,
    ];
    proofs.contains(&code)
}

/// The single changes that may help where the proof of a code fails: one of them at least is part of whatever mends it.
pub fn remedies(graph: &Graph, service: ServiceView<'_>, code: &Code) -> Vec<Change> {
    let patient = Patient { graph, service };
    let mut changes = patient.remedies(code);
    if patient.waits_for_its_check() {
        changes.retain(|change| !change.writes_update());
    }
    changes
}

/// The checks that a service without one may get; no policy makes them others.
pub fn checks(graph: &Graph, service: ServiceView<'_>) -> Vec<Change> {
    Patient { graph, service }.checks()
}

/// The check that its author is asked for, where nobody else knows what tells that its program can serve.
pub fn check_to_add(graph: &Graph, service: ServiceView<'_>) -> String {
    Patient { graph, service }.check_to_add()
}

/// What a derived update has and nobody fails for: it is written with changes that write an update in its place.
pub fn carried(graph: &Graph, service: ServiceView<'_>, changes: &[Change]) -> Option<Change> {
    if service.node.service.update.is_some() {
        return None;
    }
    let on_swarm = graph.targets_of(service).contains(&TargetId::Swarm);
    // Nothing is derived without a check, which comes with the update then.
    let is_derived = if service.has_health_check() {
        swarm::numbers(graph, service).update.on_failure.value == FailureAction::Rollback
    } else {
        changes.iter().any(Change::is_check) && !derivation::has_single_writer(graph, service)
    };
    (on_swarm && is_derived).then(|| set(Part::Update, "on_failure", "rollback"))
}

/// Why, where nothing more is known.
pub const NO_CHANGE: &str = "no change of its policy keeps what it promises with so many replicas";

/// Why no change of policy mends what a code tells, where none is known.
pub fn why_not(graph: &Graph, service: ServiceView<'_>, code: &Code) -> &'static str {
    let one_writer = derivation::has_single_writer(graph, service);
    match code.id {
        "ZD4001" | "ZD4002" | "ZD4004" if graph.is_on_host(service) => {
            "it takes one slot more, and which ports there are is not policy"
        }
        "ZD4001" | "ZD4004" | "ZD4005" | "ZD4014"
            if derivation::alone_on_its_node(graph, service) =>
        {
            "each node has one of them and one port: it takes a port of the swarm, or `allow downtime`"
        }
        "ZD4003" if (Patient { graph, service }).lacks_client() => {
            "no program that asks from inside the container is known to be in its image: `health exec` names one"
        }
        "ZD4003" => "what tells that its program can serve is known to you alone",
        "ZD4001" | "ZD4002" | "ZD4015" if (Patient { graph, service }).waits_for_its_check() => {
            "with a check its update is derived, and one that is written now would stand in its place"
        }
        "ZD4006" => {
            "how long the program itself waits is a fact of `timing`, which no policy changes"
        }
        "ZD4007" => "how many replicas there may be is the type of its variable",
        "ZD4017" => "the number is no part of how it is replaced, probed or stopped",
        "ZD4018" if drains::enough(&graph.promise(service)).is_none() => {
            "no number of replicas survives a drain with all of them: it takes a smaller promise"
        }
        "ZD4018" => "it takes more replicas, or a smaller promise",
        _ if one_writer => {
            "its volume has one writer, so that no second instance may run beside the first: only \
             `allow downtime` or another volume would do"
        }
        _ => NO_CHANGE,
    }
}

/// A service whose proof fails.
struct Patient<'g> {
    graph: &'g Graph,
    service: ServiceView<'g>,
}

fn set(part: Part, property: &'static str, value: impl fmt::Display) -> Change {
    Change::Set {
        part,
        property,
        value: value.to_string(),
    }
}

fn unset(part: Part, property: &'static str) -> Vec<Change> {
    vec![Change::Unset { part, property }]
}

impl<'g> Patient<'g> {
    fn remedies(&self, code: &Code) -> Vec<Change> {
        match code.id {
            "ZD4001" | "ZD4002" | "ZD4004" => self.capacity(),
            "ZD4003" => self.checks(),
            "ZD4005" => self.way_back(),
            "ZD4006" => self.stop(),
            "ZD4011" => self.restarts(),
            "ZD4012" => self.first_probe(),
            "ZD4013" | "ZD4014" => self.in_place(),
            "ZD4015" => self.bad_version(),
            "ZD4016" => self.verdict(),
            "ZD4017" => self.conditions(|setting| setting.origin == Origin::Written),
            "ZD4018" => self.spread(),
            "ZD4020" => self.patience(),
            "ZD4040" => self.drain(),
            "ZD4041" => unset(Part::Update, "swap_back"),
            "ZD4042" => unset(Part::Update, "config_test"),
            "ZD4043" => unset(Part::Update, "lock"),
            "ZD4044" => self.host_policy(),
            "ZD4045" => self.without_room(),
            "ZD4046" if self.graph.is_on_host(self.service) => self.start(),
            "ZD4046" => self.conditions(conditions::is_patience),
            _ => Vec::new(),
        }
    }

    /// Whether a check is missing that nobody but its author knows, and all else would be derived with it: an update
    /// that is written now would stand in the way of that.
    fn waits_for_its_check(&self) -> bool {
        let is_asked = !self.service.has_health_check() && listens(self.service);
        is_asked && self.update().is_none() && self.checks().is_empty()
    }

    fn update(&self) -> Option<&'g Node<Update>> {
        self.service.node.service.update.as_deref()
    }

    fn targets(&self) -> Vec<TargetId> {
        self.graph.targets_of(self.service)
    }

    /// How many may be missing of the fewest replicas.
    fn spare(&self) -> u64 {
        let replicas = self.graph.replicas(self.service).least;
        let floor = self.graph.promise(self.service).floor(replicas).max(1);
        replicas.saturating_sub(floor)
    }

    fn capacity(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        let update = self.update();
        if update.is_none_or(|update| update.label.name() != "recreate") {
            changes.extend(self.ordered(Part::Update, Order::StartFirst));
            changes.extend(self.fewer_at_once(Part::Update));
        }
        changes.extend(self.derived());
        changes.extend(self.checks());
        changes
    }

    fn way_back(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        changes.extend(self.ordered(Part::Rollback, Order::StartFirst));
        changes.extend(self.fewer_at_once(Part::Rollback));
        changes.extend(self.derived());
        changes.extend(self.checks());
        changes
    }

    fn in_place(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for part in [Part::Update, Part::Rollback] {
            changes.extend(self.ordered(part, Order::StopFirst));
        }
        changes.extend(self.derived());
        changes
    }

    /// The other order, where that is not in force.
    fn ordered(&self, part: Part, order: Order) -> Option<Change> {
        let update = self.update();
        let written = match part {
            Part::Rollback => update
                .and_then(|it| it.rollback.as_ref())
                .and_then(|it| it.order.as_ref()),
            _ => update.and_then(|it| it.order.as_ref()),
        };
        let word = match order {
            Order::StartFirst => "start_first",
            Order::StopFirst => "stop_first",
        };
        let is_so = written.is_some_and(|written| written.value == order);
        (!is_so).then(|| set(part, "order", word))
    }

    /// So many at once as may be missing, or one, where more are.
    fn fewer_at_once(&self, part: Part) -> Vec<Change> {
        let update = self.update();
        let written = match part {
            Part::Rollback => update
                .and_then(|it| it.rollback.as_ref())
                .and_then(|it| it.parallelism.as_ref()),
            _ => update.and_then(|it| it.parallelism.as_ref()),
        };
        let now = match written.map(|it| it.value.get()) {
            None => return Vec::new(),
            Some(0) => u64::MAX,
            Some(now) => now,
        };
        let mut fewer = vec![self.spare(), 1];
        fewer.dedup();
        fewer
            .into_iter()
            .filter(|at_once| (1..now).contains(at_once))
            .map(|at_once| set(part, "parallelism", at_once))
            .collect()
    }

    /// Without what is written of the update, where all of that is policy.
    fn derived(&self) -> Option<Change> {
        let update = self.update().filter(|update| update.slots.is_none())?;
        let written = [
            update.order.is_some(),
            update.parallelism.is_some(),
            update.delay.is_some(),
            update.monitor.is_some(),
            update.max_failure_ratio.is_some(),
            update.on_failure.is_some(),
            update.config_test.is_some(),
            update.lock.is_some(),
            update.swap_back.is_some(),
        ];
        let rollback = update.rollback.as_ref().map_or(0, |back| {
            let written = [
                back.order.is_some(),
                back.parallelism.is_some(),
                back.delay.is_some(),
                back.monitor.is_some(),
                back.max_failure_ratio.is_some(),
                back.on_failure.is_some(),
            ];
            written.into_iter().filter(|it| *it).count()
        });
        Some(Change::Remove {
            part: Part::Update,
            properties: written.into_iter().filter(|it| *it).count() + rollback,
        })
    }

    fn bad_version(&self) -> Vec<Change> {
        let mut changes = self.checks();
        let update = swarm::numbers(self.graph, self.service).update;
        if update.on_failure.value == FailureAction::Continue {
            changes.push(set(Part::Update, "on_failure", "rollback"));
        }
        if update.max_failure_ratio.value.thousandths > 0 {
            changes.extend(unset(Part::Update, "max_failure_ratio"));
        }
        if update.delay.value < Duration::from_seconds(1) {
            changes.push(set(Part::Update, "delay", "1s"));
        }
        changes.extend(self.ordered(Part::Update, Order::StartFirst));
        changes.extend(self.fewer_at_once(Part::Update));
        changes.extend(self.derived());
        changes
    }

    fn verdict(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for target in self.targets() {
            for late in derivation::late(self.graph, self.service, target) {
                changes.push(match late.needed {
                    Some(time) => set(Part::Update, late.name, time),
                    None if late.name == "parallelism" => set(Part::Update, "parallelism", 1),
                    None => Change::Unset {
                        part: Part::Update,
                        property: "max_failure_ratio",
                    },
                });
            }
        }
        changes.extend(self.derived());
        changes
    }

    fn stop(&self) -> Vec<Change> {
        let body = &self.service.node.service.body;
        let timing = body.timing.as_ref();
        let Some(longest) = timing.and_then(|it| it.longest_request.as_ref()) else {
            return Vec::new();
        };
        let limit = timing.and_then(|it| it.graceful_limit.as_ref());
        let mut changes = Vec::new();
        for target in self.targets() {
            if target == TargetId::Nginx && self.graph.is_on_host(self.service) {
                let policy = hosts::policy(self.graph, self.service);
                let needed = limit.map_or(longest.value, |it| it.value.max(longest.value));
                if policy.grace < needed {
                    changes.push(set(Part::Shutdown, "grace", needed));
                }
                let short = limit.is_some_and(|limit| limit.value < longest.value);
                if short && !hosts::waits_for_requests(self.service) {
                    changes.push(set(Part::Shutdown, "drain", longest.value));
                }
            } else if let Some(policy) = derivation::policy(self.graph, self.service, target) {
                let needed = policy.drain.plus(longest.value);
                if policy.grace < needed {
                    changes.push(set(Part::Shutdown, "grace", needed));
                }
            }
        }
        changes
    }

    fn drain(&self) -> Vec<Change> {
        let timing = self.service.node.service.timing.as_ref();
        let longest = timing.and_then(|it| it.longest_request.as_ref());
        longest
            .map(|longest| set(Part::Shutdown, "drain", longest.value))
            .into_iter()
            .collect()
    }

    /// What is taken out may uncover what a template says: then the template's is written over.
    fn restarts(&self) -> Vec<Change> {
        let Some(restart) = &self.service.node.service.restart else {
            return Vec::new();
        };
        let written = [
            (restart.condition.is_some(), "condition", "any"),
            (restart.max_attempts.is_some(), "max_attempts", "none"),
        ];
        let written = written.into_iter().filter(|(is_written, ..)| *is_written);
        written
            .flat_map(|(_, property, usual)| {
                let mut either = unset(Part::Restart, property);
                either.push(set(Part::Restart, property, usual));
                either
            })
            .collect()
    }

    fn first_probe(&self) -> Vec<Change> {
        derivation::nginx::early_probe(self.service)
            .map(|(_, least)| set(Part::Health, "interval", least))
            .into_iter()
            .collect()
    }

    /// Numbers that a condition wants larger.
    fn conditions(&self, is_meant: impl Fn(&Setting) -> bool) -> Vec<Change> {
        let targets = self.targets().into_iter();
        targets
            .flat_map(|target| derivation::explain(self.graph, self.service, target))
            .filter(is_meant)
            .filter_map(|setting| enough(&setting))
            .collect()
    }

    fn spread(&self) -> Vec<Change> {
        let swarm = self.targets().contains(&TargetId::Swarm);
        let placement = self.service.node.service.placement.as_ref();
        let limited = placement.and_then(|it| it.max_per_node.as_ref());
        let one = limited.is_some_and(|limit| limit.value.get() == 1);
        if swarm && !one {
            vec![set(Part::Placement, "max_per_node", 1)]
        } else {
            Vec::new()
        }
    }

    fn patience(&self) -> Vec<Change> {
        liveness::enough_retries(self.service)
            .map(|retries| set(Part::Liveness, "retries", retries))
            .into_iter()
            .collect()
    }

    fn host_policy(&self) -> Vec<Change> {
        let mut changes = self.checks();
        changes.push(Change::Add {
            part: Part::Update,
            label: "rolling",
            with: Vec::new(),
            granted: String::new(),
        });
        changes
    }

    fn without_room(&self) -> Vec<Change> {
        let mut changes: Vec<Change> = self
            .ordered(Part::Update, Order::StopFirst)
            .into_iter()
            .collect();
        changes.extend(self.derived());
        changes
    }

    fn start(&self) -> Vec<Change> {
        let body = &self.service.node.service;
        let startup = body.timing.as_ref().and_then(|it| it.startup.as_ref());
        let judgement = hosts::policy(self.graph, self.service).judgement;
        let counted = judgement
            .interval
            .times(judgement.retries.saturating_sub(1));
        startup
            .map(|startup| startup.value.most.millis.saturating_sub(counted.millis))
            .map(|least| Duration::from_seconds(Duration::from_millis(least).seconds_up()))
            .map(|least| set(Part::Health, "start_period", least))
            .into_iter()
            .collect()
    }
}

/// The least value of a setting of policy with which its conditions hold; of one condition after the other.
fn enough(setting: &Setting) -> Option<Change> {
    let law = setting.must.iter().find(|law| !law.holds())?;
    let least = law.least_left()?;
    let seconds = Duration::from_seconds(least.seconds_up());
    Some(match setting.name.as_str() {
        "healthcheck.start_period" | "startupProbe.failureThreshold" => {
            set(Part::Health, "start_period", seconds)
        }
        "shutdown.drain" | "preStop.sleep" => set(Part::Shutdown, "drain", seconds),
        "terminationGracePeriodSeconds" => set(Part::Shutdown, "grace", seconds),
        _ => return None,
    })
}
