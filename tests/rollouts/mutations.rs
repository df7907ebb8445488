//! What the models are told of a recording, changed one thing at a time: each change makes a recording fail, or a
//! property where no recording has it. A rule that nothing misses would be one that nothing shows.

use super::{cases, judged};
use zdc::models::interval::Interval;
use zdc::models::kubernetes::{
    Amount, Budget, Deployment, Drain, Drained, Next, Strategy, predict,
};
use zdc::models::nginx::{Change, Load, Name, Pool, Resolution, Retry, Server, Switch, Verdict};
use zdc::models::prediction::Outcome;
use zdc::models::swarm::{
    Action, Behaviour, GUARANTEED, Order, RestartCondition, Scenario, Service,
    predict as predict_swarm,
};
use zdc::traces::{self, NginxSubject, Report, Subject, Tightness};

/// A change of what a model is told.
type Mutation<T> = (&'static str, fn(&mut T));

/// Fails where every recording is still as predicted.
fn is_missed<T>(
    file: &str,
    mutations: &[Mutation<T>],
    pick: impl Fn(&mut Subject) -> Option<&mut T>,
) {
    let before = judged(file).with(Tightness::Exact);
    let cases = cases(file);
    let mut missed = Vec::new();
    for (rule, mutate) in mutations {
        let mut mutants = cases.clone();
        for mutant in &mut mutants {
            if let Some(told) = mutant.subject.as_mut().ok().and_then(&pick) {
                mutate(told);
            }
        }
        let report = traces::judge(&mutants, &GUARANTEED);
        if !fails(&report, before) {
            missed.push(*rule);
        }
    }
    assert!(missed.is_empty(), "nothing fails without: {missed:#?}");
}

fn fails(report: &Report, exact_before: usize) -> bool {
    report.sound() < report.modelled() || report.with(Tightness::Exact) < exact_before
}

#[test]
fn each_rule_of_a_pool_is_needed() {
    is_missed::<Pool>(
        "nginx",
        &[
            ("failed servers are passed over", |pool| {
                pool.servers.iter_mut().for_each(|it| it.max_fails = 0);
            }),
            ("for fail_timeout", |pool| {
                pool.servers
                    .iter_mut()
                    .for_each(|it| it.fail_timeout = 60_000);
            }),
            ("a reload forgets", |pool| pool.reloads.clear()),
            ("errors are tried again where it says so", |pool| {
                pool.retry = Retry::default();
            }),
            ("statuses are tried again where it says so", |pool| {
                pool.retry.statuses.extend([500, 503]);
            }),
            ("closed listeners refuse", |pool| {
                pool.servers.iter_mut().for_each(|it| it.closed.clear());
            }),
            ("a server may answer with an error, or not at all", |pool| {
                pool.servers.iter_mut().for_each(|it| it.answers.clear());
            }),
            ("a process that ends may be at a request", |pool| {
                for server in &mut pool.servers {
                    server.cuts.clear();
                    server.ends.clear();
                }
            }),
        ],
        |subject| match subject {
            Subject::Nginx(NginxSubject::Pool(pool, _)) => Some(pool),
            _ => None,
        },
    );
}

#[test]
fn each_rule_of_a_switch_is_needed() {
    is_missed::<Switch>(
        "nginx",
        &[
            ("a refused reload changes nothing", |switch| {
                switch.reloads.iter_mut().for_each(|it| it.1 = true);
            }),
            ("a reload is what switches", |switch| switch.reloads.clear()),
            ("old workers go on for a while", |switch| {
                switch.waited = true;
            }),
            ("the old side is missed", |switch| switch.old_stopped = None),
            ("old workers are ended after their time", |switch| {
                switch.worker_shutdown_timeout = None;
            }),
        ],
        |subject| match subject {
            Subject::Nginx(NginxSubject::Switch(switch, _)) => Some(switch),
            _ => None,
        },
    );
}

#[test]
fn each_rule_of_a_name_is_needed() {
    is_missed::<Name>(
        "nginx",
        &[
            ("an answer is kept", |name| {
                if let Resolution::Every(kept) = &mut name.resolution {
                    *kept = 0;
                }
            }),
            ("for as long as `valid` says", |name| {
                if let Resolution::Every(kept) = &mut name.resolution {
                    *kept = 600_000;
                }
            }),
            ("a name without a variable is read once", |name| {
                if name.resolution == Resolution::AtStart {
                    name.resolution = Resolution::Every(0);
                }
            }),
            ("what it led to goes away", |name| name.old_gone = None),
        ],
        |subject| match subject {
            Subject::Nginx(NginxSubject::Name(name, _)) => Some(name),
            _ => None,
        },
    );
}

#[test]
fn what_clients_do_is_needed() {
    is_missed::<Load>(
        "nginx",
        &[
            ("what may not be sent twice is cut", |load| load.posts = 0),
            ("kept connections may be closed under a request", |load| {
                load.keepalive = false;
            }),
            ("what comes later is not met", |load| load.until = u32::MAX),
            ("requests take their time", |load| load.work = 0),
        ],
        |subject| match subject {
            Subject::Nginx(
                NginxSubject::Pool(_, load)
                | NginxSubject::Switch(_, load)
                | NginxSubject::Name(_, load),
            ) => Some(load),
            _ => None,
        },
    );
}

#[test]
fn each_rule_of_a_deployment_is_needed() {
    is_missed::<Deployment>(
        "kubernetes",
        &[
            ("surge rounds up", |deployment| {
                if let Strategy::RollingUpdate { surge, .. } = &mut deployment.strategy {
                    *surge = Amount::Count(surge.down(deployment.next.replicas));
                }
            }),
            ("unavailable rounds down", |deployment| {
                if let Strategy::RollingUpdate { unavailable, .. } = &mut deployment.strategy {
                    *unavailable = Amount::Count(unavailable.up(deployment.next.replicas));
                }
            }),
            ("replicas change with the template", |deployment| {
                deployment.next.replicas = deployment.replicas;
            }),
            ("Recreate takes all", |deployment| {
                if deployment.strategy == Strategy::Recreate {
                    deployment.strategy = Strategy::RollingUpdate {
                        surge: Amount::Percent(25),
                        unavailable: Amount::Percent(25),
                    };
                }
            }),
            (
                "the deadline fails a rollout that stands still",
                |deployment| {
                    deployment.next.ready_after = Some(2_000);
                },
            ),
            ("a StatefulSet starts no pod beside another", |deployment| {
                if deployment.strategy == Strategy::StatefulSet {
                    deployment.strategy = Strategy::RollingUpdate {
                        surge: Amount::Count(1),
                        unavailable: Amount::Count(0),
                    };
                }
            }),
            ("a StatefulSet waits until a pod is gone", |deployment| {
                if deployment.strategy == Strategy::StatefulSet {
                    deployment.next.terminates_within = 0;
                }
            }),
            ("a StatefulSet has no deadline", |deployment| {
                if deployment.strategy == Strategy::StatefulSet {
                    deployment.strategy = Strategy::RollingUpdate {
                        surge: Amount::Count(0),
                        unavailable: Amount::Count(1),
                    };
                }
            }),
            ("another template ends it", |deployment| {
                deployment.next.then_replaced = false;
            }),
            ("a pod counts after minReadySeconds", |deployment| {
                deployment.min_ready = 0;
            }),
        ],
        |subject| match subject {
            Subject::Deployment(deployment) => Some(deployment),
            _ => None,
        },
    );
}

#[test]
fn each_rule_of_a_drain_is_needed() {
    is_missed::<Drain>(
        "kubernetes",
        &[
            ("a budget holds evictions back", |drain| drain.budget = None),
            ("a budget's shares round up", |drain| {
                let down = |amount: Amount| Amount::Count(amount.down(drain.replicas));
                drain.budget = drain.budget.map(|budget| match budget {
                    Budget::MinAvailable(amount) => Budget::MinAvailable(down(amount)),
                    Budget::MaxUnavailable(amount) => Budget::MaxUnavailable(down(amount)),
                });
            }),
            ("pods of other nodes stay", |drain| {
                drain.drained = drain.replicas;
            }),
        ],
        |subject| match subject {
            Subject::Drain(drain) => Some(drain),
            _ => None,
        },
    );
}

/// Every version of a scenario.
fn services(scenario: &mut Scenario) -> impl Iterator<Item = &mut Service> {
    let deployed = scenario
        .steps
        .iter_mut()
        .filter_map(|step| match &mut step.action {
            Action::Deploy(service) => Some(service),
            Action::Rollback => None,
        });
    std::iter::once(&mut scenario.before).chain(deployed)
}

#[test]
fn what_a_swarm_is_told_of_its_tasks_is_needed() {
    is_missed::<Box<Scenario>>(
        "swarm",
        &[
            (
                "what ignores SIGTERM lasts as long as its grace",
                |scenario| {
                    services(scenario).for_each(|it| it.task.behaviour.ignores_term = false);
                },
            ),
            ("a grace ends a drain", |scenario| {
                services(scenario).for_each(|it| it.task.grace = 600_000);
            }),
            ("a start takes its time", |scenario| {
                services(scenario).for_each(|it| it.task.behaviour.healthy_after = 0);
            }),
            ("a check holds RUNNING back", |scenario| {
                services(scenario).for_each(|it| it.task.health = None);
            }),
            ("a process listens later than it runs", |scenario| {
                services(scenario).for_each(|it| it.task.behaviour.listens_after = 0);
            }),
            ("a version may be bad", |scenario| {
                services(scenario).for_each(|it| it.task.behaviour.fault = None);
            }),
            ("restarts are as the policy says", |scenario| {
                services(scenario)
                    .for_each(|it| it.task.restart.condition = RestartCondition::None);
            }),
        ],
        |subject| match subject {
            Subject::Swarm(scenario) => Some(scenario),
            _ => None,
        },
    );
}

/// kubernetes.io, "Specifying a Disruption Budget" and `StatefulSet`.
#[test]
fn drains_and_stateful_sets_keep_to_their_documentation() {
    let drain = |replicas, drained, budget| {
        let drain = Drain {
            replicas,
            drained,
            budget,
        };
        drain.ends()
    };
    let half = Budget::MinAvailable(Amount::Percent(50));
    assert_eq!(
        drain(7, 7, Some(half)).least,
        4,
        "a share of a budget rounds up"
    );
    let none = Budget::MaxUnavailable(Amount::Count(0));
    let stands = Drained {
        least: 3,
        ends: false,
    };
    assert_eq!(
        drain(3, 1, Some(none)),
        stands,
        "a budget of none refuses for ever"
    );
    assert_eq!(drain(3, 2, None).least, 1, "without a budget all go");
    let stateful = |replicas| Deployment {
        replicas,
        strategy: Strategy::StatefulSet,
        min_ready: 0,
        progress_deadline: 600_000,
        next: Next {
            replicas,
            ready_after: None,
            terminates_within: 0,
            then_replaced: false,
        },
    };
    let found = predict(&stateful(3));
    assert_eq!(
        (found.least_serving, found.most_alive),
        (2, 3),
        "each goes before its successor comes"
    );
}

/// Not among the recordings that are kept, but measured: a backup that ended while nothing used it has no mark.
#[test]
fn a_backup_is_marked_only_when_it_is_used() {
    let server = |closed: Interval, backup| Server {
        backup,
        max_fails: 1,
        fail_timeout: 10_000,
        closed: vec![closed],
        answers: Vec::new(),
        cuts: Vec::new(),
        ends: Vec::new(),
    };
    let verdict = |backup| {
        let pool = Pool {
            servers: vec![
                server(Interval::new(6_000, 8_000), false),
                server(Interval::new(1_000, 3_000), backup),
            ],
            retry: Retry::default(),
            read_timeout: 60_000,
            reloads: Vec::new(),
        };
        pool.verdict(&quiet_load())
    };
    assert_eq!(verdict(true), Verdict::Kept);
    assert!(matches!(verdict(false), Verdict::Lost(_)));
}

/// As measured: 250 of 1,654 requests were lost where the new side did not listen yet.
#[test]
fn a_switch_to_what_does_not_listen_loses_requests() {
    let verdict = |listens| {
        let switch = Switch {
            reloads: vec![(2_000, true)],
            new_listens: Some(listens),
            ..Switch::default()
        };
        switch.verdict(&quiet_load())
    };
    assert_eq!(verdict(1_000), Verdict::Kept);
    assert!(matches!(verdict(4_000), Verdict::Lost(_)));
}

/// As measured: 1,307 requests were lost without a reload, none with one before the old address went.
#[test]
fn a_name_that_is_read_once_is_read_again_by_a_reload() {
    let name = |resolution, reloads| Name {
        resolution,
        changes: vec![Change {
            at: 2_000,
            both: false,
        }],
        old_gone: Some(4_000),
        reloads,
        unknown: Vec::new(),
        silent: Vec::new(),
        timeout: 2_000,
    };
    let verdict = |resolution, reloads| name(resolution, reloads).verdict(&quiet_load());
    let lost = |verdict| matches!(verdict, Verdict::Lost(_));
    assert_eq!(
        verdict(Resolution::AtStart, vec![(3_000, true)]),
        Verdict::Kept
    );
    assert!(lost(verdict(Resolution::AtStart, Vec::new())));
    assert!(
        lost(verdict(Resolution::AtStart, vec![(3_000, false)])),
        "refused"
    );
    assert!(
        lost(verdict(Resolution::AtStart, vec![(5_000, true)])),
        "too late"
    );
    assert!(
        lost(verdict(Resolution::Never, vec![(3_000, true)])),
        "nobody is asked"
    );
}

/// As measured: a rollout that is slower than its deadline is reported, and completes.
#[test]
fn a_slow_rollout_is_reported_by_its_deadline() {
    let outcomes = |progress_deadline| {
        let deployment = Deployment {
            replicas: 3,
            strategy: Strategy::RollingUpdate {
                surge: Amount::Count(1),
                unavailable: Amount::Count(0),
            },
            min_ready: 0,
            progress_deadline,
            next: Next {
                replicas: 3,
                ready_after: Some(8_000),
                terminates_within: 0,
                then_replaced: false,
            },
        };
        predict(&deployment).outcomes
    };
    assert!(outcomes(5_000).contains(&Outcome::DeadlineExceeded));
    assert!(!outcomes(600_000).contains(&Outcome::DeadlineExceeded));
    assert!(outcomes(5_000).contains(&Outcome::Completed));
}

/// As measured: the new task started when the old one had drained for six seconds.
#[test]
fn a_drain_holds_its_successor_back() {
    let takes = |drain| {
        let policy = super::policy(Order::StopFirst, 1);
        let mut scenario = super::update(1, &policy, super::version(&Behaviour::default(), true));
        scenario.before.task.behaviour.drain = drain;
        predict_swarm(&scenario, &GUARANTEED).duration.unwrap()
    };
    assert_eq!(takes(6_000).least, takes(0).least + 6_000);
}

/// Not recorded: an answer that does not come. nginx.org, `resolver`, `resolver_timeout`.
#[test]
fn a_name_that_nobody_answers_is_known_for_as_long_as_its_last_answer() {
    let load = quiet_load();
    let name = |unknown: Vec<Interval>, silent: Vec<Interval>| Name {
        resolution: Resolution::Every(1_000),
        changes: Vec::new(),
        old_gone: None,
        reloads: Vec::new(),
        unknown,
        silent,
        timeout: 2_000,
    };
    let lasts = |millis: u32| vec![Interval::new(5_000, 5_000 + millis)];
    let lost = |verdict| matches!(verdict, Verdict::Lost(_));
    assert!(lost(name(lasts(2_000), Vec::new()).verdict(&load)));
    assert!(lost(name(Vec::new(), lasts(4_000)).verdict(&load)));
    let short = name(Vec::new(), lasts(1_500)).verdict(&load);
    assert_eq!(short, Verdict::Kept, "an answer that is waited for");
}

/// Requests that may be sent twice, over connections that are used once.
fn quiet_load() -> Load {
    Load {
        clients: 8,
        pause: 20,
        work: 5,
        posts: 0,
        keepalive: false,
        patience: 3_000,
        until: 20_000,
    }
}
