//! Networks: who may reach a service's pods.
//!
//! Kubernetes has one flat network. A pod carries a label for each network it is on, and a policy
//! for each service admits the pods that share one, whatever a gateway routes to, and whatever is
//! published. Probes come from the node and are always let in
//! (`kubernetes.io/docs/concepts/services-networking/network-policies`).

use super::lowering::{Lowering, different};
use super::names;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{self, ServiceView};
use crate::source::Span;
use crate::vocabulary::{Network, Node, Port};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;

impl<'g> Lowering<'g> {
    /// The labels that say which networks a pod is on, by the networks' real names:
    /// `network.zdc/backend`. The prefix is no public domain, and leaves the whole length to the
    /// name.
    pub(super) fn network_labels(&self, service: ServiceView<'g>) -> Vec<String> {
        let mut labels: Vec<String> = self
            .graph
            .joins(service)
            .map(|(name, _)| self.network_label(name))
            .collect();
        labels.sort_unstable();
        labels.dedup();
        labels
    }

    fn network_label(&self, name: &str) -> String {
        ["network.zdc/", self.graph.real_network_name(name)].concat()
    }

    /// The policy of a service. One that is on no network, or on one that others are on too, gets
    /// none: nothing would be known of those who may come.
    pub(super) fn network_policy(
        &mut self,
        service: ServiceView<'g>,
        metadata: &mut ObjectMeta,
        labels: Vec<String>,
    ) {
        self.networks(service);
        if !self.graph.knows_peers(service) {
            return;
        }
        let closed = self.graph.is_closed(service);
        let peers: Vec<NetworkPolicyPeer> = labels
            .into_iter()
            .map(|label| NetworkPolicyPeer {
                pod_selector: Some(self.peers(label)),
                ..NetworkPolicyPeer::default()
            })
            .collect();
        let egress = closed.then(|| vec![to_peers(peers.clone()), to_name_servers()]);
        let mut ingress = vec![NetworkPolicyIngressRule {
            from: Some(peers),
            ports: None,
        }];
        ingress.extend(self.outside_rules(service));
        let mut types = vec!["Ingress".to_owned()];
        if closed {
            types.push("Egress".to_owned());
        }
        let policy = NetworkPolicy {
            spec: Some(NetworkPolicySpec {
                pod_selector: Some(self.label_selector(service)),
                policy_types: Some(types),
                ingress: Some(ingress),
                egress,
            }),
            ..NetworkPolicy::default()
        };
        self.write(metadata, policy);
    }

    /// Takes down what a service's networks have.
    fn networks(&mut self, service: ServiceView<'g>) {
        let graph = self.graph;
        for (name, join) in graph.joins(service) {
            let held = self.ledger.enter(join);
            if let Some(aliases) = &held.aliases {
                let host = self.service_name(service);
                self.differs(
                    aliases.id,
                    aliases.span,
                    "a service has one name on Kubernetes, that of its Service",
                    &format!("callers reach it as `{host}`; an alias with a dot would be another namespace"),
                );
            }
            if let Some(address) = &held.address {
                let text = address.value.to_string();
                self.decline(address.id, address.span, || {
                    static_address(&text, address.span)
                });
            }
            let Some(network) = graph.network(name) else {
                continue;
            };
            if self.is_first(network.id) {
                self.network(name, network);
            }
        }
    }

    fn network(&mut self, name: &str, network: &'g Node<Network>) {
        let body = self.ledger.enter(network);
        self.ledger.take_from(body.name.as_ref());
        self.ledger.take_from(body.internal.as_ref());
        self.ledger.declare_from(
            body.attachable.as_ref(),
            "any pod may join; policies decide",
        );
        self.ledger
            .declare_from(body.subnet.as_ref(), "pods have addresses of the cluster");
        self.ledger
            .declare_from(body.gateway.as_ref(), "pods have addresses of the cluster");
        let label = self.network_label(name);
        if !names::is_key(&label) {
            let real = self.graph.real_network_name(name);
            self.ledger
                .report(names::invalid("network", real, network.span));
        }
        if let Some(external) = &body.external {
            self.ledger.take(external);
            if external.value {
                self.ledger.report(different(
                    &format!("network `{name}` restricts nothing on Kubernetes"),
                    "no NetworkPolicy is written for an external network: who else is on it is \
                     not known",
                    external.key_span,
                ));
            }
        }
    }

    /// What a gateway routes to, from the ingress controller's namespace where it is known, and
    /// what is published, from anywhere: such requests come with the address of a node.
    fn outside_rules(&self, service: ServiceView<'g>) -> Vec<NetworkPolicyIngressRule> {
        let routed = |port: &&Node<Port>| self.has_way_in(service, port);
        let open = |port: &&Node<Port>| {
            port.node_port.is_some() || port.publish.is_some() && !routed(port)
        };
        let controller = self.common.settings.ingress_from.map(|namespace| {
            vec![NetworkPolicyPeer {
                namespace_selector: Some(LabelSelector {
                    match_labels: Some(BTreeMap::from([(
                        "kubernetes.io/metadata.name".to_owned(),
                        namespace.to_owned(),
                    )])),
                    ..LabelSelector::default()
                }),
                ..NetworkPolicyPeer::default()
            }]
        });
        let rule = |from, ports: Vec<NetworkPolicyPort>| {
            (!ports.is_empty()).then_some(NetworkPolicyIngressRule {
                from,
                ports: Some(ports),
            })
        };
        let ports = service.ports();
        let to_routed = ports.clone().filter(|port| routed(port) && !open(port));
        [
            rule(controller, to_routed.map(policy_port).collect()),
            rule(None, ports.filter(open).map(policy_port).collect()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A pod's address is the cluster's.
fn static_address(address: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::STATIC_ADDRESS,
        format!("Kubernetes gives every pod its own address: `{address}` cannot be asked for"),
        span,
    )
    .help("reach the service by name, with a reference such as `service.port.url`")
}

fn policy_port(port: &Node<Port>) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::String(port.label.name().to_owned())),
        protocol: super::container::is_udp(graph::protocol(port)),
        ..NetworkPolicyPort::default()
    }
}

fn to_peers(peers: Vec<NetworkPolicyPeer>) -> NetworkPolicyEgressRule {
    NetworkPolicyEgressRule {
        to: Some(peers),
        ports: None,
    }
}

/// Name servers may be pods or on the node itself, so the port alone is named.
fn to_name_servers() -> NetworkPolicyEgressRule {
    let port = |protocol: &str| NetworkPolicyPort {
        port: Some(IntOrString::Int(53)),
        protocol: Some(protocol.to_owned()),
        ..NetworkPolicyPort::default()
    };
    NetworkPolicyEgressRule {
        to: None,
        ports: Some(vec![port("UDP"), port("TCP")]),
    }
}
