//! A Deployment's numbers, each with what it must satisfy and why.

use super::{
    Asked, Kubernetes, Pods, Strategy, floors, forgotten, numbers, progress, requests_end, tries,
    verdict,
};
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation::facts::Facts;
use crate::rollout::derivation::{Inequality, Number, Origin, Relation, Setting, Term, keeps};
use crate::types::Duration;

const DEPLOYMENT: &str = "kubernetes.io, Deployments; our rollouts on a real control plane";
const DAEMON_SET: &str = "kubernetes.io, Perform a rolling update on a DaemonSet";
const PODS: &str = "kubernetes.io, Pod lifecycle";
const PROBES: &str = "kubernetes.io, Configure probes; kubelet pkg/kubelet/prober/worker.go";
const BALANCERS: &str = "KEP-3960; kube-proxy --iptables-min-sync-period (1s); ingress-nginx \
                         --sync-rate-limit (0.3 in a second)";

/// Every number with what it must satisfy.
pub(in crate::rollout::derivation) fn explain(
    graph: &Graph,
    service: ServiceView<'_>,
) -> Vec<Setting> {
    let facts = Facts::of(graph, service);
    let numbers = numbers(graph, service);
    let mut settings = replacing(&facts, &numbers);
    settings.extend(pacing(&facts, &numbers));
    settings.extend(stopping(graph, service, &facts, &numbers));
    settings.extend(asking(&facts, &numbers));
    settings
}

fn replacing(facts: &Facts, numbers: &Kubernetes) -> Vec<Setting> {
    let floors = floors(facts);
    match numbers.strategy {
        Strategy::StatefulSet => {
            let kind = Number {
                value: "RollingUpdate",
                origin: Origin::Engine,
            };
            let one = |replicas: Term| Term::without(replicas, Term::Number(1));
            let setting = Setting::new("updateStrategy.type", &kind)
                .must(keeps(facts, floors, one))
                .because(
                    "its volume has one writer: each pod ends before the next of its name starts",
                    "kubernetes.io, StatefulSets",
                );
            vec![setting]
        }
        Strategy::Recreate(kind) => {
            let none = |replicas: Term| Term::without(replicas.clone(), replicas);
            let setting = Setting::new("strategy.type", &kind)
                .must(keeps(facts, floors, none))
                .because(
                    "all old pods end before the first new one starts",
                    DEPLOYMENT,
                );
            vec![setting]
        }
        Strategy::RollingUpdate {
            max_surge,
            max_unavailable,
        } => {
            let left = |replicas: Term| {
                let missing = match max_unavailable.value {
                    Pods::Count(count) => count,
                    Pods::Share(share) => share.of_down(replicas.value()),
                };
                Term::without(replicas, Term::Count("maxUnavailable", missing))
            };
            let wants = (facts.health.is_none()).then_some(
                "a `health` check: a container without a readiness probe counts as ready",
            );
            let source = if facts.global { DAEMON_SET } else { DEPLOYMENT };
            vec![
                Setting::new("maxSurge", &max_surge).because(
                    "this much room is used beside the replicas; pods that still end are not \
                     counted",
                    source,
                ),
                Setting::new("maxUnavailable", &max_unavailable)
                    .must(keeps(facts, floors, left))
                    .because(
                        "so many fewer than the replicas are available; a rollout back uses the \
                         same number",
                        source,
                    )
                    .wants(wants),
            ]
        }
    }
}

fn pacing(facts: &Facts, numbers: &Kubernetes) -> Vec<Setting> {
    let ready = Duration::from_seconds(numbers.min_ready.value);
    // Where nothing is promised nothing has to be found out in time.
    let check = facts.health.filter(|_| facts.promises());
    let verdict = check.map(|check| {
        let ready = Term::Time("minReadySeconds", ready);
        Inequality::new(ready, Relation::AtLeast, verdict(Asked::of(check)))
    });
    let deadline = Duration::from_seconds(numbers.progress_deadline.value);
    let longest = progress(facts, numbers);
    let wants = (facts.startup.is_none() && numbers.probes.is_none_or(|it| it.startup.is_none()))
        .then_some("`timing { startup = … }`: without it nothing says how long a start may take");
    let wants_check = facts
        .health
        .is_none()
        .then_some("a `health` check: without one every pod counts at once");
    let mut settings = Vec::new();
    // Where all are replaced at once there is no next one to wait before.
    let waits = !matches!(numbers.strategy, Strategy::Recreate(_));
    if waits || numbers.min_ready.emitted().is_some() {
        settings.push(
            Setting::new("minReadySeconds", &numbers.min_ready)
                .must(verdict)
                .because(
                    "a pod that turns bad after its first success is found before the next is \
                     replaced",
                    PROBES,
                )
                .wants(wants_check),
        );
    }
    // A StatefulSet and a DaemonSet have none.
    if numbers.strategy == Strategy::StatefulSet || facts.global {
        return settings;
    }
    settings.push(
        Setting::new("progressDeadlineSeconds", &numbers.progress_deadline)
            .must([Inequality::new(
                Term::Time("progressDeadlineSeconds", deadline),
                Relation::MoreThan,
                longest,
            )])
            .because(
                "a good update must not be called failed; a bad one is only marked: `kubectl \
                 rollout undo` goes back",
                DEPLOYMENT,
            )
            .wants(wants),
    );
    settings
}

fn stopping(
    graph: &Graph,
    service: ServiceView<'_>,
    facts: &Facts,
    numbers: &Kubernetes,
) -> Vec<Setting> {
    let sleep = Duration::from_seconds(numbers.pre_stop.value);
    let serves = facts.promises() && !service.ports().len() == 0;
    let forgotten = serves.then(|| {
        let sleep = Term::Time("preStop", sleep);
        let derived = numbers.pre_stop.origin == Origin::Derived;
        Inequality::new(sleep, Relation::AtLeast, forgotten(graph, service, derived))
    });
    let grace = || {
        let grace = Duration::from_seconds(numbers.grace.value);
        Term::Time("terminationGracePeriodSeconds", grace)
    };
    let derived = numbers.grace.origin == Origin::Derived && facts.shutdown.is_none();
    let needed = requests_end(facts, numbers.pre_stop.value, derived);
    let wants = needed.is_none().then_some(
        "`timing { longest_request = … }`: without it nothing says that a request can end in time",
    );
    let longer = Inequality::new(grace(), Relation::MoreThan, Term::Time("preStop", sleep));
    let ends = needed.map(|needed| Inequality::new(grace(), Relation::AtLeast, needed));
    vec![
        Setting::new("preStop.sleep", &numbers.pre_stop)
            .must(forgotten)
            .because(
                "a pod goes on serving until every balancer has forgotten it; SIGTERM comes after",
                BALANCERS,
            ),
        Setting::new("terminationGracePeriodSeconds", &numbers.grace)
            .must([ends.unwrap_or(longer)])
            .because(
                "`preStop` and the requests after it must fit in; then the pod is killed",
                PODS,
            )
            .wants(wants),
    ]
}

fn asking(facts: &Facts, numbers: &Kubernetes) -> Vec<Setting> {
    let (Some(check), Some(probes)) = (facts.health, numbers.probes) else {
        return Vec::new();
    };
    let mut settings = Vec::new();
    if let (Some(number), Some(tries)) = (probes.startup, tries(facts, check)) {
        let failures = || Term::Count("failureThreshold", number.value);
        let mut must = vec![Inequality::new(failures(), Relation::AtLeast, tries)];
        must.extend(facts.startup.map(|startup| {
            let allowed = Term::times(failures(), Asked::of(check).interval());
            Inequality::new(allowed, Relation::AtLeast, Term::Time("startup", startup))
        }));
        settings.push(
            Setting::new("startupProbe.failureThreshold", &number)
                .must(must)
                .because(
                    "nothing else is asked while a pod starts; one that takes longer is restarted",
                    PROBES,
                ),
        );
    }
    settings.push(
        Setting::new("readinessProbe.periodSeconds", &probes.period)
            .because("how often a pod is asked whether it can serve", PROBES),
    );
    settings.push(
        Setting::new("readinessProbe.timeoutSeconds", &probes.timeout)
            .because("an answer later than this is none", PROBES),
    );
    settings.push(
        Setting::new("readinessProbe.failureThreshold", &probes.failures).because(
            "so many failures in a row take a pod out of rotation; nothing is killed",
            PROBES,
        ),
    );
    settings
}
