//! Services: the names and addresses that callers use.

use super::container::is_udp;
use super::lowering::{Lowering, different};
use super::names;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{self, ServiceView};
use crate::source::Span;
use crate::vocabulary::{Node, Port, Protocol};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

impl<'g> Lowering<'g> {
    /// The Service that other services call, with every port under its own number. A `node_port`
    /// makes it one that every node answers for as well.
    pub(super) fn inside(&mut self, service: ServiceView<'g>, metadata: &mut ObjectMeta) {
        let mut of_node = false;
        let mut ports = Vec::with_capacity(service.ports().len());
        for port in service.ports() {
            let Some(number) = graph::port_number(port) else {
                continue;
            };
            let node_port = self.node_port(port);
            of_node |= node_port.is_some();
            ports.push(ServicePort {
                node_port,
                ..service_port(port, number)
            });
        }
        let type_ = if of_node { "NodePort" } else { "ClusterIP" };
        if of_node {
            self.every_port(service);
        }
        if !ports.is_empty() {
            self.balanced(service, metadata, type_, ports);
        }
    }

    /// The Service for callers outside, where a port is published: a second one, so that the load
    /// balancer opens only the published ports and stays when a port is added.
    pub(super) fn outside(&mut self, service: ServiceView<'g>, metadata: &mut ObjectMeta) {
        let mut ports = Vec::new();
        for port in service.ports() {
            let Some(publish) = &port.publish else {
                continue;
            };
            if self.has_way_in(service, port) {
                self.differs(
                    publish.id,
                    publish.span,
                    "this port is not published on Kubernetes by itself: a gateway routes to it",
                    "a load balancer of its own would be a second way in, around the gateway",
                );
                continue;
            }
            let range = *self.ledger.take(publish);
            if range.least != range.most && self.ledger.is_news("publish", publish.span) {
                self.ledger.report(different(
                    &format!("Kubernetes publishes {} alone", range.least.get()),
                    "a range is one port for each instance of a plain host; a load balancer has \
                     one port for all",
                    publish.span,
                ));
            }
            if let Ok(number) = u16::try_from(range.least.get()) {
                ports.push(service_port(port, number));
            }
        }
        if ports.is_empty() {
            return;
        }
        let name = format!("{}-public", self.name(service));
        if !names::is_label(&name) || self.is_name(&name) {
            self.ledger.report(no_name_outside(service, &name));
        }
        let own = metadata.name.replace(name);
        self.balanced(service, metadata, "LoadBalancer", ports);
        metadata.name = own;
    }

    fn balanced(
        &mut self,
        service: ServiceView<'g>,
        metadata: &mut ObjectMeta,
        type_: &str,
        ports: Vec<ServicePort>,
    ) {
        let balanced = Service {
            spec: Some(ServiceSpec {
                type_: Some(type_.to_owned()),
                selector: Some(self.selector(service)),
                ports: Some(ports),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        };
        self.write(metadata, balanced);
    }

    /// Kubernetes gives every port of such a Service a port on the nodes.
    fn every_port(&mut self, service: ServiceView<'g>) {
        let mut ports = service.ports();
        let written = ports.clone().find_map(|port| port.node_port.as_ref());
        let bare = ports.find(|port| port.node_port.is_none());
        if let (Some(written), Some(bare)) = (written, bare)
            && self.ledger.is_news("bare port", written.span)
        {
            let name = bare.label.name();
            self.ledger.report(
                different(
                    &format!(
                        "port `{name}` gets a port on every node too, of the cluster's choice"
                    ),
                    "Kubernetes gives one to each port of such a Service; write its `node_port` \
                     to know it",
                    written.span,
                )
                .and(bare.span, "this port"),
            );
        }
    }

    /// The port on every node, within the API server's range (`--service-node-port-range`).
    fn node_port(&mut self, port: &'g Node<Port>) -> Option<i32> {
        let attribute = port.node_port.as_ref()?;
        let number = self.ledger.take(attribute).get();
        if !(30_000..=32_767).contains(&number) && self.ledger.is_news("node port", attribute.span)
        {
            self.ledger.report(out_of_range(number, attribute.span));
        }
        i32::try_from(number).ok()
    }
}

/// Every port of a service under its own number.
pub(super) fn ports_inside(service: ServiceView<'_>) -> Vec<ServicePort> {
    let ports = service.ports();
    ports
        .filter_map(|port| Some(service_port(port, graph::port_number(port)?)))
        .collect()
}

/// A port that leads to the container's port of the same name.
fn service_port(port: &Node<Port>, number: u16) -> ServicePort {
    let name = port.label.name();
    ServicePort {
        name: Some(name.to_owned()),
        port: i32::from(number),
        target_port: Some(IntOrString::String(name.to_owned())),
        protocol: is_udp(graph::protocol(port)),
        // What is said to balancers and routes of the Gateway API (GEP-1911): gRPC is HTTP/2.
        app_protocol: (graph::protocol(port) == Protocol::Grpc)
            .then(|| "kubernetes.io/h2c".to_owned()),
        ..ServicePort::default()
    }
}

/// The load balancer's Service has no name that is free.
fn no_name_outside(service: ServiceView<'_>, name: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::KUBERNETES_NAME,
        format!(
            "`{name}`, for what `{}` publishes, is taken or too long",
            service.name()
        ),
        service.span(),
    )
    .labelled("its load balancer is a Service of that name")
    .help("give one of the two another `name`, of at most 56 characters")
}

/// The API refuses this port.
fn out_of_range(number: u64, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NODE_PORT_OUT_OF_RANGE,
        format!("node port {number} is not one of 30000..32767"),
        span,
    )
    .labelled("the API server refuses it")
    .help("choose one of 30000..32767, or leave it out: `publish` asks for a load balancer")
}
