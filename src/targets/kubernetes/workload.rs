//! One service: its Deployment or `StatefulSet`, and the objects that go with it.

use super::lowering::{Lowering, SAID, different, int};
use super::rollout::Rollout;
use super::{metadata, names};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::ServiceView;
use crate::rollout::derivation::kubernetes;
use crate::source::Span;
use crate::targets::contract;
use crate::types::Text;
use crate::vocabulary::{Node, Placement, Restart, RestartCondition, Service, Spread, WrittenId};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Writes a service's objects, in the order people read them.
pub(super) fn lower<'g>(lowering: &mut Lowering<'g>, service: ServiceView<'g>) {
    let body = lowering.ledger.enter(&service.node.service);
    contract(&mut lowering.ledger, service);
    declare(lowering, service, body);
    lowering.begin(service);
    let mut metadata = lowering.metadata(service);
    let replicas = lowering.replicas(service);
    let networks = lowering.network_labels(service);
    lowering.workload(service, &mut metadata, replicas, &networks);
    lowering.inside(service, &mut metadata);
    lowering.outside(service, &mut metadata);
    lowering.autoscaler(service, &mut metadata);
    lowering.disruption_budget(service, &mut metadata, replicas);
    lowering.network_policy(service, &mut metadata, networks);
    lowering.finish(service);
    lowering.end_file(lowering.name(service));
}

/// What is there to run once, and is run over and over.
fn runs_again(service: ServiceView<'_>, span: Span) -> Diagnostic {
    let name = service.name();
    Diagnostic::new(
        &catalogue::RUNS_AGAIN,
        format!(
            "`{name}` is run again and again on Kubernetes: a Deployment starts whatever ended"
        ),
        span,
    )
    .labelled("it is run once elsewhere")
    .note("whoever comes `after` it does not wait there until it is done, only until it runs")
    .help(format!(
        "leave it to a Job of your own there: write `targets = [swarm]` in `{name}`, and have \
         `kubectl wait --for=condition=complete job/{name}-VERSION` come before `deploy.sh`"
    ))
    .about(name)
}

/// What is another target's, and what Kubernetes does by itself.
fn declare<'g>(lowering: &mut Lowering<'g>, service: ServiceView<'g>, body: &'g Service) {
    let ledger = &mut lowering.ledger;
    ledger.declare_from(body.stack.as_ref(), "Kubernetes has namespaces, not stacks");
    ledger.declare_from(body.endpoint.as_ref(), "swarm: how a name answers");
    ledger.declare_from(body.after.as_ref(), "a hint: a cluster does not wait");
    if let Some(build) = &body.build {
        ledger.declare_block(build, "the image is built and pushed before");
    }
    ledger.take_from(body.mode.as_ref());
    if let Some(logging) = &body.logging {
        ledger.declare_block(logging, SAID);
        lowering.differs(
            logging.id,
            logging.span,
            "`logging` is not written for Kubernetes: the node collects what containers print",
            "set the node's log agent up for it",
        );
    }
    if let Some(restart) = &body.restart {
        lowering.restart(service, restart);
    }
}

impl<'g> Lowering<'g> {
    /// A Deployment restarts whatever ends, without end; the API takes no other policy for it
    /// (`restartPolicy: Unsupported value`, seen).
    fn restart(&mut self, service: ServiceView<'g>, restart: &'g Node<Restart>) {
        let body = self.ledger.enter(restart);
        let mut lost: Vec<WrittenId> = Vec::new();
        let mut what = "Kubernetes waits 10s, 20s, 40s … 5m before it restarts a container again";
        if let Some(condition) = &body.condition {
            if condition.value == RestartCondition::Any {
                self.ledger.take(condition);
            } else {
                lost.push(condition.id);
                what = "a Deployment restarts every container that ends, whatever its exit code";
            }
        }
        lost.extend(body.delay.as_ref().map(|delay| delay.id));
        lost.extend(body.max_attempts.as_ref().map(|attempts| attempts.id));
        lost.extend(body.window.as_ref().map(|window| window.id));
        self.decline_all(lost, restart.span, || {
            if service.ends_by_itself(RestartCondition::Never) {
                return runs_again(service, restart.span);
            }
            different(
                what,
                "the rest of `restart` has no counterpart there; a liveness probe restarts what \
                 hangs",
                restart.span,
            )
        });
    }

    /// How many pods; nothing where an autoscaler decides.
    fn replicas(&mut self, service: ServiceView<'g>) -> Option<u64> {
        let body = &service.node.service;
        if self.graph.is_global(service) {
            self.no_number(service);
            return None;
        }
        let Some(replicas) = &body.replicas else {
            return body.scale.is_none().then_some(1);
        };
        if body.scale.is_some() {
            self.differs(
                replicas.id,
                replicas.span,
                "`replicas` is not written for Kubernetes: its autoscaler sets the number",
                "a number that is written is set back at every deploy",
            );
            return None;
        }
        self.ledger.take(replicas);
        self.count(&replicas.value, replicas.span)
    }

    fn workload(
        &mut self,
        service: ServiceView<'g>,
        metadata: &mut ObjectMeta,
        replicas: Option<u64>,
        networks: &[String],
    ) {
        let stateful = self.is_stateful(service);
        let policy = kubernetes::numbers(self.graph, service);
        let (container, volumes, claims) = self.container(service, &policy);
        let body = &service.node.service;
        let pod = PodSpec {
            hostname: self.hostname(service, stateful),
            // Docker's `KAFKA_PORT=tcp://…` variables for every Service of the namespace: images
            // read them as their own settings, and thousands of them keep a process from starting.
            enable_service_links: Some(false),
            termination_grace_period_seconds: self.grace(service, &policy),
            topology_spread_constraints: self.spread(service, stateful),
            security_context: self.group_of_volumes(service),
            node_selector: body
                .placement
                .as_ref()
                .and_then(|placement| self.node_selector(placement)),
            containers: vec![container],
            volumes: (!volumes.is_empty()).then_some(volumes),
            ..PodSpec::default()
        };
        let template = PodTemplateSpec {
            metadata: Some(metadata::of_pods(metadata, networks.iter().cloned())),
            spec: Some(pod),
        };
        if self.graph.is_global(service) {
            let rollout = self.rollout(service, &policy);
            self.daemon_set(service, metadata, template, rollout);
        } else if stateful {
            self.stateful_set(service, metadata, replicas, template, claims);
        } else {
            let rollout = self.rollout(service, &policy);
            self.deployment(service, metadata, replicas, template, rollout);
        }
    }

    fn deployment(
        &mut self,
        service: ServiceView<'g>,
        metadata: &mut ObjectMeta,
        replicas: Option<u64>,
        template: PodTemplateSpec,
        rollout: Rollout,
    ) {
        let deployment = Deployment {
            spec: Some(DeploymentSpec {
                replicas: replicas.map(int),
                selector: self.label_selector(service),
                strategy: rollout.strategy,
                min_ready_seconds: rollout.min_ready_seconds,
                progress_deadline_seconds: rollout.progress_deadline_seconds,
                template,
                ..DeploymentSpec::default()
            }),
            ..Deployment::default()
        };
        self.write(metadata, deployment);
    }

    /// The pods' host name: one for all of them, so none with a replica's number in it.
    fn hostname(&mut self, service: ServiceView<'g>, stateful: bool) -> Option<String> {
        let hostname = service.node.service.hostname.as_ref()?;
        if stateful {
            let name = self.name(service);
            self.differs(
                hostname.id,
                hostname.span,
                "`hostname` is not written for Kubernetes: each pod is called by its own name",
                &format!("the pods of a StatefulSet are called `{name}-0`, `{name}-1` and so on, for good"),
            );
            return None;
        }
        match &hostname.value {
            Text::Known(known) if names::is_label(known) => {
                self.ledger.take(hostname);
                Some(known.to_string())
            }
            Text::Known(known) => {
                let diagnostic = names::invalid("host name", known, hostname.span);
                self.decline(hostname.id, hostname.span, || diagnostic);
                None
            }
            Text::Pieces(_) => {
                self.differs(
                    hostname.id,
                    hostname.span,
                    "`hostname` is not written for Kubernetes: each pod is called by its own name",
                    "a pod's name is the service's with a random ending; there are no numbers",
                );
                None
            }
        }
    }

    /// Spread over nodes or zones, as far as it goes: `DoNotSchedule` leaves the surge pod of an
    /// update pending where every node is as full as it may be, and the update never ends
    /// (kubernetes/kubernetes #116891 for the like of it). Only pods of one version are counted
    /// (#98215).
    fn spread(
        &mut self,
        service: ServiceView<'g>,
        stateful: bool,
    ) -> Option<Vec<TopologySpreadConstraint>> {
        let placement = service.node.service.placement.as_ref()?;
        let placement = self.ledger.enter(placement);
        if self.graph.is_global(service) {
            const WHY: &str = "a DaemonSet has one pod on each node";
            self.ledger.declare_from(placement.spread.as_ref(), WHY);
            self.ledger
                .declare_from(placement.max_per_node.as_ref(), WHY);
            return None;
        }
        if let Some(most) = &placement.max_per_node {
            self.differs(
                most.id,
                most.key_span,
                "Kubernetes has no limit of instances per node",
                "`spread = node` keeps them apart as far as there are nodes",
            );
        }
        let spread = self.ledger.take_from(placement.spread.as_ref())?;
        let key = match spread {
            Spread::Node => "kubernetes.io/hostname",
            Spread::Zone => "topology.kubernetes.io/zone",
        };
        Some(vec![TopologySpreadConstraint {
            max_skew: 1,
            topology_key: key.to_owned(),
            when_unsatisfiable: "ScheduleAnyway".to_owned(),
            label_selector: Some(self.label_selector(service)),
            // A StatefulSet's new pod takes the place of its old one: all count together.
            match_label_keys: (!stateful).then(|| vec!["pod-template-hash".to_owned()]),
            ..TopologySpreadConstraint::default()
        }])
    }

    /// The labels that a node must have.
    fn node_selector(
        &mut self,
        placement: &'g Node<Placement>,
    ) -> Option<std::collections::BTreeMap<String, String>> {
        let node = placement.node.as_ref()?;
        let mut labels = std::collections::BTreeMap::new();
        for entry in &self.ledger.enter(node).entries {
            let (key, value) = self.ledger.take_entry(entry);
            let span = entry.attribute.key_span;
            if (!names::is_key(key) || !names::is_label_value(value))
                && self.ledger.is_news("node", span)
            {
                self.ledger.report(names::invalid("node label", key, span));
            }
            labels.insert(key.to_owned(), value.to_string());
        }
        (!labels.is_empty()).then_some(labels)
    }
}
