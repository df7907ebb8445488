//! The models of orchestrators, held to recordings of the real ones and to properties; and each of
//! their rules shown to be needed. `tests/rollouts/traces/` holds the recordings.

#![allow(
    clippy::disallowed_methods,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

#[path = "rollouts/mutations.rs"]
mod mutations;

use std::fs;
use std::path::Path;
use std::process::Command;
use zdc::models::interval::Interval;
use zdc::models::prediction::{Outcome, Prediction};
use zdc::models::swarm::{
    Action, Behaviour, Exit, FailureAction, Fault, GUARANTEED, Health, Order, Policy, Restart,
    Rule, Scenario, Service, Step, Task, kept_from_what_never_runs, least_serving, most_alive,
    most_taken_by_what_never_runs, predict, predict_without,
};
use zdc::traces::{self, Case, Report, Subject, Tightness};

fn cases(name: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rollouts/traces");
    let text = fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
    traces::read(&text).unwrap()
}

fn judged(name: &str) -> Report {
    let report = traces::judge(&cases(name), &GUARANTEED);
    assert_eq!(
        report.modelled(),
        report.cases.len(),
        "{name}: not modelled"
    );
    for case in &report.cases {
        assert!(case.unsound.is_empty(), "{}: {:?}", case.name, case.unsound);
    }
    report
}

/// Whether no version of a scenario has a fault.
fn nothing_fails(case: &Case) -> bool {
    let Ok(Subject::Swarm(scenario)) = &case.subject else {
        return false;
    };
    let deployed = scenario.steps.iter().filter_map(|step| match &step.action {
        Action::Deploy(service) => Some(service),
        Action::Rollback => None,
    });
    let mut all = deployed.chain([&scenario.before]);
    // A deploy in the middle of an update is timing, not failure.
    scenario.steps.len() == 1 && all.all(|service| service.task.behaviour.fault.is_none())
}

#[test]
fn nothing_was_seen_on_a_swarm_that_is_not_predicted() {
    let report = judged("swarm");
    let exact = report.with(Tightness::Exact);
    // What the rest is, and why one run cannot refute it, is in docs/src/models.md.
    let cases_alone = report.distinct();
    assert!(
        report.tight() * 100 >= cases_alone * 95,
        "{} of {cases_alone}",
        report.tight()
    );
    assert!(exact * 100 >= cases_alone * 65, "{exact}");
    for (case, judged) in cases("swarm").iter().zip(&report.cases) {
        // A probe that comes too early for a slow start is a fault that is not declared.
        let slow = matches!(&case.subject, Ok(Subject::Swarm(scenario)) if is_slow(scenario));
        if nothing_fails(case) && !slow {
            assert_eq!(judged.tightness, Tightness::Exact, "{}", case.name);
        }
    }
}

/// Whether a version takes longer to become healthy than its health check may wait.
fn is_slow(scenario: &Scenario) -> bool {
    scenario.steps.iter().any(|step| match &step.action {
        Action::Rollback => false,
        Action::Deploy(service) => service.task.health.as_ref().is_some_and(|health| {
            let patience = health.start_period + health.interval * health.retries;
            service.task.behaviour.healthy_after + health.interval > patience
        }),
    })
}

#[test]
fn every_recorded_rollout_and_drain_is_predicted_to_the_pod() {
    let report = judged("kubernetes");
    assert_eq!(report.with(Tightness::Exact), report.cases.len());
}

#[test]
fn nginx_is_decided_and_right_or_says_why_not() {
    let report = judged("nginx");
    let right = report.with(Tightness::Exact);
    assert!(right * 100 >= report.cases.len() * 85, "{right}");
}

fn good() -> Task {
    Task {
        revision: 0,
        behaviour: Behaviour::default(),
        health: Some(Health {
            interval: 1_000,
            retries: 3,
            start_period: 0,
        }),
        grace: 10_000,
        restart: Restart::DEFAULT,
    }
}

fn version(behaviour: &Behaviour, checked: bool) -> Task {
    let good = good();
    Task {
        revision: 1,
        behaviour: behaviour.clone(),
        health: good.health.clone().filter(|_| checked),
        ..good
    }
}

fn policy(order: Order, parallelism: u32) -> Policy {
    Policy {
        order,
        parallelism,
        ..Policy::DEFAULT
    }
}

fn update(replicas: u32, update: &Policy, next: Task) -> Scenario {
    let rollback = Policy {
        order: update.order,
        parallelism: 1,
        ..Policy::DEFAULT
    };
    let before = Service {
        replicas,
        task: Task {
            health: next.health.clone(),
            ..good()
        },
        update: *update,
        rollback,
    };
    let after = Service {
        task: next,
        ..before.clone()
    };
    Scenario {
        before,
        up: true,
        steps: vec![Step {
            at: Interval::NOW,
            action: Action::Deploy(after),
        }],
        room: None,
        watched: None,
    }
}

fn faults() -> [Behaviour; 4] {
    let fault = |fault| Behaviour {
        fault: Some(fault),
        exit: Exit::Failure,
        ..Behaviour::default()
    };
    let crash = |after| {
        fault(Fault::Crash {
            after,
            exit: Exit::Failure,
        })
    };
    [
        fault(Fault::NeverHealthy),
        fault(Fault::Rejected),
        crash(1_000),
        crash(20_000),
    ]
}

type Predict<'a> = &'a dyn Fn(&Scenario) -> Prediction;

fn start_first_keeps_all(predict: Predict<'_>) -> bool {
    (1..=3).all(|replicas| {
        [0, 1, 2].into_iter().all(|parallelism| {
            let policy = policy(Order::StartFirst, parallelism);
            let scenario = update(replicas, &policy, version(&Behaviour::default(), true));
            predict(&scenario).least_serving == replicas
        })
    })
}

fn stop_first_adds_none(predict: Predict<'_>) -> bool {
    (1..=3).all(|replicas| {
        let policy = policy(Order::StopFirst, 2);
        let scenario = update(replicas, &policy, version(&Behaviour::default(), true));
        predict(&scenario).most_alive == replicas
    })
}

fn an_old_task_that_will_not_go_is_overtaken(predict: Predict<'_>) -> bool {
    let mut scenario = update(
        1,
        &policy(Order::StopFirst, 1),
        version(&Behaviour::default(), true),
    );
    scenario.before.task.behaviour.drain = 75_000;
    scenario.before.task.grace = 90_000;
    predict(&scenario).most_alive == 2
}

fn more_replicas_serve_more(predict: Predict<'_>) -> bool {
    let grows = |behaviour: &Behaviour, order| {
        let least = (1..=3).map(|replicas| {
            let policy = policy(order, 1);
            predict(&update(replicas, &policy, version(behaviour, true))).least_serving
        });
        least.collect::<Vec<_>>().is_sorted()
    };
    let behaviours = faults().into_iter().chain([Behaviour::default()]);
    behaviours.into_iter().all(|behaviour| {
        grows(&behaviour, Order::StartFirst) && grows(&behaviour, Order::StopFirst)
    })
}

/// The first new task crashes while the second and last one still starts: nobody looks before that
/// one is RUNNING, and its old task is gone too.
fn a_failure_waits_for_the_last_slot(predict: Predict<'_>) -> bool {
    let mut next = version(
        &Behaviour {
            fault: Some(Fault::Crash {
                after: 12_100,
                exit: Exit::Failure,
            }),
            ..Behaviour::default()
        },
        true,
    );
    if let Some(health) = &mut next.health {
        health.interval = 8_000;
    }
    let policy = Policy {
        on_failure: FailureAction::Rollback,
        monitor: 20_000,
        ..policy(Order::StartFirst, 1)
    };
    predict(&update(2, &policy, next)).best_least_serving == 0
}

const PROPERTIES: [fn(Predict<'_>) -> bool; 5] = [
    a_failure_waits_for_the_last_slot,
    start_first_keeps_all,
    stop_first_adds_none,
    an_old_task_that_will_not_go_is_overtaken,
    more_replicas_serve_more,
];

#[test]
fn properties_hold() {
    for (number, property) in PROPERTIES.iter().enumerate() {
        assert!(
            property(&|scenario| predict(scenario, &GUARANTEED)),
            "property {number}"
        );
    }
}

#[test]
fn closed_forms_are_what_a_search_finds() {
    for replicas in 1..=4 {
        for parallelism in 0..=5 {
            for order in [Order::StopFirst, Order::StartFirst] {
                for delay in [0, 2_000] {
                    let policy = Policy {
                        delay,
                        ..policy(order, parallelism)
                    };
                    let scenario = update(replicas, &policy, version(&Behaviour::default(), true));
                    let found = predict(&scenario, &GUARANTEED);
                    assert_eq!(
                        least_serving(&policy, replicas),
                        found.least_serving,
                        "{replicas} {policy:?}"
                    );
                    let [step] = scenario.steps.as_slice() else {
                        panic!("one step");
                    };
                    let Action::Deploy(after) = &step.action else {
                        panic!("a deploy");
                    };
                    let most = most_alive(&scenario.before, after, &GUARANTEED);
                    assert!(found.most_alive <= most, "{replicas} {policy:?}");
                    assert!(most <= replicas * 2);
                    assert_eq!(found.outcomes.first(), Some(&Outcome::Completed));
                    assert_eq!(found.outcomes.len(), 1);
                }
            }
        }
    }
}

/// What a version takes that never gets to RUNNING: the closed forms, the search, and the bound where there is no search.
#[test]
fn what_never_runs_takes_what_the_closed_forms_say() {
    let [never_healthy, rejected, ..] = faults();
    let actions = [
        FailureAction::Rollback,
        FailureAction::Pause,
        FailureAction::Continue,
    ];
    for (behaviour, on_failure) in [&never_healthy, &rejected]
        .into_iter()
        .flat_map(|behaviour| actions.map(|action| (behaviour, action)))
    {
        for (order, delay, ratio) in [
            (Order::StartFirst, 0, 0),
            (Order::StartFirst, 0, 500),
            (Order::StartFirst, 2_000, 0),
            (Order::StopFirst, 0, 0),
            (Order::StopFirst, 2_000, 500),
        ] {
            for (replicas, parallelism) in [(1, 1), (2, 1), (3, 1), (3, 2), (2, 0)] {
                let policy = Policy {
                    delay,
                    on_failure,
                    max_failure_ratio: ratio,
                    ..policy(order, parallelism)
                };
                let scenario = update(replicas, &policy, version(behaviour, true));
                let found = predict(&scenario, &GUARANTEED);
                let taken = replicas - found.least_serving;
                let why = format!("{:?} {replicas} {policy:?}", behaviour.fault);
                if let Some(kept) = kept_from_what_never_runs(&policy, replicas) {
                    assert_eq!(kept, found.least_serving, "{why}");
                }
                let most = most_taken_by_what_never_runs(&policy, replicas);
                assert!(taken <= most, "{why}: {taken} of at most {most}");
            }
        }
    }
}

/// A slot that no way touches is one that any number more would not change: what a bad version takes
/// is the same from there on, by the same states.
#[test]
fn what_a_bad_version_takes_is_the_same_for_every_larger_number() {
    let [never_healthy, rejected, early, _] = faults();
    for (behaviour, order, delay, takes) in [
        (&never_healthy, Order::StartFirst, 0, 0),
        (&never_healthy, Order::StopFirst, 0, 2),
        (&never_healthy, Order::StopFirst, 6_000, 1),
        (&rejected, Order::StopFirst, 0, 2),
        (&rejected, Order::StopFirst, 6_000, 1),
        (&early, Order::StartFirst, 6_000, 1),
        (&early, Order::StopFirst, 6_000, 1),
    ] {
        let found = |replicas: u32| {
            let policy = Policy {
                delay,
                on_failure: FailureAction::Rollback,
                ..policy(order, 1)
            };
            predict(
                &update(replicas, &policy, version(behaviour, true)),
                &GUARANTEED,
            )
        };
        let three = found(3);
        for replicas in 3..=7 {
            let more = found(replicas);
            let why = format!("{:?} {order:?} {delay} {replicas}", behaviour.fault);
            assert_eq!(replicas - more.least_serving, takes, "{why}");
            assert_eq!(more.states, three.states, "{why}");
        }
    }
}

#[test]
fn each_rule_of_the_swarm_is_needed() {
    let cases = cases("swarm");
    for rule in Rule::ALL {
        let without = |scenario: &Scenario| predict_without(rule, scenario, &GUARANTEED);
        let seen_otherwise = || {
            cases.iter().any(|case| {
                let report = traces::judge_with(std::slice::from_ref(case), &without);
                report.sound() != report.modelled()
            })
        };
        let broken = PROPERTIES.iter().any(|property| !property(&without)) || seen_otherwise();
        assert!(broken, "nothing fails without {rule:?}");
    }
}

fn zdc(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_zdc"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn the_program_compares_and_says_so_with_its_exit_code() {
    let (code, out, _) = zdc(&["model", "check", "tests/rollouts/traces/kubernetes.jsonl"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(
        out.contains("sound 123 of 123 (100.0 %); tight 123 of 123 (100.0 %)"),
        "{out}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.jsonl");
    let text = |least: u32| {
        format!(
            "{}\n{}\n",
            format_args!(
                r#"{{"name":"a","params":{{"replicas":2,"order":"start-first","hc":true}},"summary":{{"min_serving":{least},"final_update_state":"completed"}}}}"#
            ),
            r#"{"name":"b","params":{"replicas":2,"turbo":1},"summary":{"min_serving":2}}"#
        )
    };
    let path = file.to_str().unwrap();
    fs::write(&file, text(2)).unwrap();
    let (code, out, _) = zdc(&["model", "check", path]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("not modelled: the parameter `turbo`"), "{out}");
    assert!(out.contains("not modelled 1 of 2"), "{out}");
    fs::write(&file, text(1)).unwrap();
    let (code, out, _) = zdc(&["model", "check", "--format", "json", path]);
    assert_eq!(code, Some(1), "{out}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        report.pointer("/0/cases/0/unsound/0").unwrap(),
        "fewer serving"
    );
    fs::write(&file, "{}\n").unwrap();
    let (code, _, error) = zdc(&["model", "check", path]);
    assert_eq!(code, Some(2));
    assert!(
        error.contains(":1: not a recording: a recording has a `name`"),
        "{error}"
    );
    let (code, _, _) = zdc(&["model", "check", "no/such/file"]);
    assert_eq!(code, Some(2));
}

#[test]
fn an_unknown_parameter_is_named() {
    let line = r#"{"name":"x","params":{"replicas":1,"turbo":true},"summary":{"min_serving":1}}"#;
    let cases = traces::read(line).unwrap();
    let report = traces::judge(&cases, &GUARANTEED);
    assert_eq!(report.modelled(), 0);
    let why = report
        .cases
        .first()
        .unwrap()
        .predicted
        .as_ref()
        .unwrap_err();
    assert_eq!(why, "the parameter `turbo`");
}

const PROGRAM: &str = r#"
app shop { targets = [swarm, kubernetes] }

service web {
  image = "example/web:1.0.0"
  port http { number = 8080, publish = 80 }
  replicas = 2
  health http { path = "/health", interval = 2s }
  availability { min_available = 1 }
}
"#;

/// What `zdc rollout` says of a program.
fn played(program: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.zd"), program).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_zdc"))
        .current_dir(folder.path())
        .env("LC_ALL", "C.UTF-8")
        .arg("rollout")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_rollout_is_drawn() {
    let (code, out, error) = played(PROGRAM, &[]);
    assert_eq!(code, Some(0), "{error}");
    insta::assert_snapshot!("rollout", out);
    let (_, out, _) = played(PROGRAM, &["--scenario", "crash", "--target", "swarm"]);
    insta::assert_snapshot!("rollout_crash", out);
}

/// As many as one asks for, on every target, and no more than there are.
#[test]
fn so_many_old_instances_end_by_themselves() {
    let program = PROGRAM.replace("replicas = 2", "replicas = 4");
    for (lost, left) in [("1", 3), ("2", 2), ("4", 0), ("9", 0)] {
        let scenario = [
            "--scenario",
            "instance-lost",
            "--lost",
            lost,
            "--format",
            "json",
        ];
        let (code, out, error) = played(
            &program.replace("min_available = 1", "min_available = 4"),
            &scenario,
        );
        assert_eq!(code, Some(0), "{error}");
        let told: serde_json::Value = serde_json::from_str(&out).unwrap();
        let minima: Vec<u64> = told
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["minimum"].as_u64().unwrap())
            .collect();
        assert_eq!(minima, [left, left], "{lost}: {told}");
    }
    let (code, _, error) = played(PROGRAM, &["--scenario", "instance-lost", "--lost", "0"]);
    assert_eq!(code, Some(2), "{error}");
}

#[test]
fn a_broken_promise_is_drawn_with_the_way_to_it() {
    let update = "update rolling { order = stop_first, parallelism = 2 }\n}";
    let program = PROGRAM.trim_end().strip_suffix('}').unwrap().to_owned() + update;
    let (code, out, error) = played(&program, &["--scenario", "update"]);
    assert_eq!(code, Some(1), "{error}");
    assert!(
        error.contains("on swarm, t=0.0s: 0 of 2 serving"),
        "{error}"
    );
    assert!(error.contains("on kubernetes, 0 of 2 serving"), "{error}");
    insta::assert_snapshot!("rollout_broken", out);
}

/// Every service that zd runs is drawn, a plain host's too, and what a name says is escaped.
#[test]
fn a_rollout_is_a_picture() {
    let (code, out, error) = played(PROGRAM, &["--format", "svg", "--scenario", "second-deploy"]);
    assert_eq!(code, Some(0), "{error}");
    insta::assert_snapshot!("rollout_picture", out);
    let host = r#"
app site { targets = [nginx] }
gateway edge { listen http { port = 80 }, upstream pool { server api.http }, route "/" { to = pool } }
service api {
  targets = [nginx]
  command = ["/srv/api"]
  port http { number = 8080, publish = 8081..8083 }
  replicas = 2
  health http { path = "/health" }
  update rolling { delay = 10s }
}
"#;
    let (_, out, error) = played(host, &["--service", "api", "--format", "svg"]);
    assert!(
        out.starts_with("<svg ") && out.ends_with("</svg>\n"),
        "{out}{error}"
    );
    assert!(
        out.contains("api on nginx: update: 2 of 2 serve"),
        "{out}{error}"
    );
}

#[test]
fn a_rollout_is_told_to_programs() {
    let arguments = [
        "--format",
        "json",
        "--service",
        "web",
        "--scenario",
        "update",
    ];
    let (code, out, _) = played(PROGRAM, &arguments);
    assert_eq!(code, Some(0));
    let all: serde_json::Value = serde_json::from_str(&out).unwrap();
    let first = all.pointer("/0").unwrap();
    assert_eq!(first.get("minimum").unwrap(), 1);
    assert_eq!(first.get("promised").unwrap(), 1);
    assert_eq!(first.get("kept").unwrap(), true);
    assert_eq!(first.pointer("/surge/instances").unwrap(), 0);
    assert_eq!(first.get("always_ends").unwrap(), true);
    let times = |key: &str| first.get(key).unwrap().as_array().unwrap().len();
    assert_eq!((times("takes_ms"), times("side_by_side_ms")), (2, 2));
    assert_eq!(first.pointer("/request_cut/verdict").unwrap(), "unknown");
    let (code, _, error) = played(PROGRAM, &["--service", "wbe"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("did you mean `web`?"), "{error}");
}
