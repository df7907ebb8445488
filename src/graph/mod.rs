//! Who reaches whom over what: the deployment as a graph, and the questions asked of it.
//!
//! Rules and targets ask here; nobody walks the deployment for a relation a second time. What is
//! not here: what any target makes of an answer.

mod addresses;
mod bind;
mod edges;
mod hosts;
mod peers;
mod promise;
pub mod routing;
mod versions;

pub use addresses::scheme;
pub use edges::{Edge, EdgeKind};
pub use hosts::Slots;
pub use promise::{Promise, ReplicaRange};
pub use versions::Served;

use crate::diagnostics::Diagnostics;
use crate::eval::{ConfigNode, DeployVariable, Deployment, ServiceNode};
use crate::source::{Span, Str};
use crate::types::{Date, Text, VariableId};
use crate::vocabulary::{
    Allow, App, Entry, Network, Node, Port, Protocol, PublishMode, RestartCondition, Secret,
    TargetId, TargetSettings, Volume, Whole,
};
use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use rustc_hash::FxHashMap;

/// The resolved deployment with its edges.
#[derive(Debug)]
pub struct Graph {
    deployment: Deployment,
    edges: DiGraph<(), Edge>,
    by_name: FxHashMap<Str, ServiceId>,
    networks: FxHashMap<Str, usize>,
    volumes: FxHashMap<Str, usize>,
    configs: FxHashMap<Str, usize>,
    secrets: FxHashMap<Str, usize>,
    variables: FxHashMap<Str, usize>,
    takes_traffic: Vec<bool>,
    name: Str,
    /// The day it is judged as of, for what is accepted until one.
    as_of: Option<Date>,
}

/// Names a service of one graph; dense from 0, in the order declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId(pub usize);

/// A service with its name in the graph.
#[derive(Clone, Copy, Debug)]
pub struct ServiceView<'a> {
    /// Its name in the graph.
    pub id: ServiceId,
    /// What was declared.
    pub node: &'a ServiceNode,
}

impl<'a> ServiceView<'a> {
    /// Its zd name.
    pub fn name(self) -> &'a str {
        self.node.service.label.name()
    }

    /// The labels that its nodes must have.
    pub fn node_labels(self) -> &'a [Entry<Str>] {
        let placement = self.node.service.body.placement.as_ref();
        let nodes = placement.and_then(|placement| placement.node.as_ref());
        nodes.map_or(&[], |nodes| &nodes.entries)
    }

    /// Whether its update is blue/green: of its two slots one serves.
    pub fn is_blue_green(self) -> bool {
        let update = self.node.service.update.as_ref();
        update.is_some_and(|update| update.label.name() == "blue_green")
    }

    /// The name it is emitted under: `name`, else its zd name.
    pub fn emitted_name(self) -> &'a str {
        self.node
            .service
            .name
            .as_ref()
            .map_or(self.name(), |name| &name.value)
    }

    /// Its ports, in the order declared.
    pub fn ports(self) -> impl ExactSizeIterator<Item = &'a Node<Port>> + Clone {
        self.node.service.port.iter().map(|port| &**port)
    }

    /// The port of this name.
    pub fn port(self, name: &str) -> Option<&'a Node<Port>> {
        self.ports().find(|port| port.label.name() == name)
    }

    /// The port that a health check without one means: the only one, else `http`.
    pub fn default_port(self) -> Option<&'a Node<Port>> {
        match self.ports().len() {
            1 => self.ports().next(),
            _ => self.port("http"),
        }
    }

    /// Where its kind and name stand.
    pub fn span(self) -> Span {
        self.node.service.span
    }

    /// Whether it is there to end: started again under this condition alone, with nothing that could be asked.
    pub fn ends_by_itself(self, condition: RestartCondition) -> bool {
        let service = &self.node.service;
        let restart = service.restart.as_ref();
        let restart = restart.and_then(|restart| restart.condition.as_ref());
        restart.is_some_and(|it| it.value == condition)
            && service.port.is_empty()
            && !self.has_health_check()
    }

    /// Whether instances are checked before they take traffic: a health check in the file that is
    /// not `none`.
    pub fn has_health_check(self) -> bool {
        self.node
            .service
            .health
            .as_ref()
            .is_some_and(|health| health.label.name() != "none")
    }

    /// Whether it publishes a port outside the target's networks.
    pub fn is_published(self) -> bool {
        let listens = self
            .node
            .gateway
            .as_ref()
            .is_some_and(|gateway| !gateway.listen.is_empty());
        let published = |port: &Node<Port>| port.publish.is_some() || port.node_port.is_some();
        listens || self.ports().any(published)
    }
}

/// What a port speaks: what was written, else http where it is so named, else tcp.
pub fn protocol(port: &Node<Port>) -> Protocol {
    match &port.protocol {
        Some(protocol) => protocol.value,
        None if port.label.name() == "http" => Protocol::Http,
        None => Protocol::Tcp,
    }
}

/// Whether a port is published on the nodes that run an instance, past the routing mesh of a swarm.
pub fn is_of_nodes(port: &Node<Port>) -> bool {
    let mode = port.mode.as_ref();
    mode.is_some_and(|mode| mode.value == PublishMode::Host)
}

/// A port's number inside the container, where it is known at build time.
pub fn port_number(port: &Node<Port>) -> Option<u16> {
    port.number
        .as_ref()
        .and_then(|number| u16::try_from(number.value.get()).ok())
}

/// Builds the graph: every reference bound to what it names.
///
/// Diagnostics: references to services, ports, networks, configs and keys that do not exist.
pub fn build(deployment: Deployment) -> (Graph, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let graph = bind::bind(deployment, &mut diagnostics);
    (graph, diagnostics)
}

impl Graph {
    /// The same graph, judged as of a day: an `allow` that ended before accepts nothing.
    #[must_use]
    pub fn judged_as_of(mut self, day: Option<Date>) -> Self {
        self.as_of = day;
        self
    }

    /// The last day of an `allow`, where it is past. Without a day to judge as of none is.
    pub fn ended(&self, allow: &Node<Allow>) -> Option<Date> {
        let until = allow.until.as_ref()?.value;
        (until < self.as_of?).then_some(until)
    }

    /// The app's name; `app` where the program has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The app.
    pub fn app(&self) -> Option<&Node<App>> {
        self.deployment.app.as_ref()
    }

    /// What was declared.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The targets of the app; all of them where it names none.
    pub fn targets(&self) -> Vec<TargetId> {
        match self.app().and_then(|app| app.targets.as_ref()) {
            Some(targets) => targets.value.iter().map(|target| target.value).collect(),
            None => TargetId::ALL.to_vec(),
        }
    }

    /// The settings of a target.
    pub fn settings(&self, target: TargetId) -> Option<&Node<TargetSettings>> {
        self.deployment
            .settings
            .iter()
            .find(|settings| settings.label.name() == target.word())
    }

    /// Every service, gateways too, in the order declared.
    pub fn services(&self) -> impl Iterator<Item = ServiceView<'_>> {
        (0..)
            .map(ServiceId)
            .zip(&self.deployment.services)
            .map(|(id, node)| ServiceView { id, node })
    }

    /// The services that a target is written for.
    pub fn services_on(&self, target: TargetId) -> impl Iterator<Item = ServiceView<'_>> {
        self.services()
            .filter(move |service| self.runs_on(*service, target))
    }

    /// A service by its name in the graph.
    pub fn service(&self, id: ServiceId) -> Option<ServiceView<'_>> {
        self.deployment
            .services
            .get(id.0)
            .map(|node| ServiceView { id, node })
    }

    /// A service by its zd name.
    pub fn find(&self, name: &str) -> Option<ServiceView<'_>> {
        self.by_name.get(name).and_then(|id| self.service(*id))
    }

    /// Whether a service is written for a target: its own `targets`, else the app's.
    pub fn runs_on(&self, service: ServiceView<'_>, target: TargetId) -> bool {
        match &service.node.service.targets {
            Some(targets) => targets.value.iter().any(|own| own.value == target),
            None => match self.app().and_then(|app| app.targets.as_ref()) {
                Some(targets) => targets.value.iter().any(|of_app| of_app.value == target),
                None => true,
            },
        }
    }

    /// The stack a service is deployed in on swarm: its own, else the app's name.
    pub fn stack<'a>(&'a self, service: ServiceView<'a>) -> &'a str {
        service
            .node
            .service
            .stack
            .as_ref()
            .map_or(self.name(), |stack| &stack.value)
    }

    /// The name that a swarm knows a service by: docker puts its stack before its own.
    pub fn swarm_name(&self, service: ServiceView<'_>) -> String {
        format!("{}_{}", self.stack(service), service.emitted_name())
    }

    /// A network by its zd name.
    pub fn network(&self, name: &str) -> Option<&Node<Network>> {
        self.networks
            .get(name)
            .and_then(|index| self.deployment.networks.get(*index))
    }

    /// The name a network really has: `name`, else its zd name.
    pub fn real_network_name<'a>(&'a self, name: &'a str) -> &'a str {
        let written = self.network(name).and_then(|network| network.name.as_ref());
        written.map_or(name, |written| &written.value)
    }

    /// The name that a network really has on a target for a service that joins it: one that its stack or project makes has
    /// that one's name before its own.
    pub fn network_name_on(
        &self,
        target: TargetId,
        service: ServiceView<'_>,
        name: &str,
    ) -> String {
        let network = self.network(name);
        let is_said = network.is_some_and(|network| network.name.is_some());
        let is_external = || match network.and_then(|network| network.external.as_ref()) {
            Some(external) if target == TargetId::Compose => external.value,
            _ => target == TargetId::Swarm && self.is_external(name),
        };
        let owner = match target {
            TargetId::Swarm => self.stack(service),
            TargetId::Compose => self.name(),
            _ => return self.real_network_name(name).to_owned(),
        };
        if is_said || is_external() {
            return self.real_network_name(name).to_owned();
        }
        format!("{owner}_{name}")
    }

    /// Whether a network outlives each stack: written so, or joined from two stacks.
    pub fn is_external(&self, name: &str) -> bool {
        let written = self
            .network(name)
            .and_then(|network| network.external.as_ref());
        if let Some(external) = written {
            return external.value;
        }
        let mut stacks: Vec<&str> = self
            .services_on(TargetId::Swarm)
            .filter(|service| self.joins(*service).any(|(joined, _)| joined == name))
            .map(|service| self.stack(service))
            .collect();
        stacks.sort_unstable();
        stacks.dedup();
        stacks.len() > 1
    }

    /// The networks a service joins, by zd name, each with its `join`.
    pub fn joins<'a>(
        &'a self,
        service: ServiceView<'a>,
    ) -> impl Iterator<Item = (&'a str, &'a Node<crate::vocabulary::Join>)> {
        service
            .node
            .service
            .join
            .iter()
            .filter_map(|join| bind::joined(join).map(|name| (name, &**join)))
    }

    /// The first network, by the caller's zd name for it, that two services share by real name.
    /// Services that join none share their stack's or cluster's default.
    pub fn shared_network<'a>(
        &'a self,
        caller: ServiceView<'a>,
        callee: ServiceView<'a>,
    ) -> Option<SharedNetwork<'a>> {
        if caller.id == callee.id {
            return Some(SharedNetwork::Default);
        }
        let isolated = |service: ServiceView<'a>| self.joins(service).next().is_some();
        if !isolated(caller) && !isolated(callee) {
            return (self.stack(caller) == self.stack(callee)).then_some(SharedNetwork::Default);
        }
        self.joins(caller).find_map(|(ours, _)| {
            let real = self.real_network_name(ours);
            let (theirs, _) = self
                .joins(callee)
                .find(|(theirs, _)| self.real_network_name(theirs) == real)?;
            Some(SharedNetwork::Named { ours, theirs })
        })
    }

    /// A volume by its zd name.
    pub fn volume(&self, name: &str) -> Option<&Node<Volume>> {
        self.volumes
            .get(name)
            .and_then(|index| self.deployment.volumes.get(*index))
    }

    /// A config by its zd name.
    pub fn config(&self, name: &str) -> Option<&ConfigNode> {
        self.configs
            .get(name)
            .and_then(|index| self.deployment.configs.get(*index))
    }

    /// A secret by its zd name.
    pub fn secret(&self, name: &str) -> Option<&Node<Secret>> {
        self.secrets
            .get(name)
            .and_then(|index| self.deployment.secrets.get(*index))
    }

    /// A deploy-time variable.
    pub fn variable(&self, id: &VariableId) -> Option<&DeployVariable> {
        self.variables
            .get(&id.name)
            .and_then(|index| self.deployment.variables.get(*index))
    }

    /// The edges out of a service: what it calls, routes to and comes after, in the order found.
    pub fn edges_from(&self, id: ServiceId) -> impl Iterator<Item = (&Edge, ServiceId)> {
        let mut edges: Vec<_> = self
            .edges
            .edges(NodeIndex::new(id.0))
            .map(|edge| (edge.id(), edge.weight(), ServiceId(edge.target().index())))
            .collect();
        edges.sort_by_key(|(order, ..)| *order);
        edges.into_iter().map(|(_, edge, target)| (edge, target))
    }

    /// The edges into a service, each with where it comes from.
    pub fn edges_to(&self, id: ServiceId) -> impl Iterator<Item = (&Edge, ServiceView<'_>)> {
        let edges = self
            .edges
            .edges_directed(NodeIndex::new(id.0), Direction::Incoming);
        edges.filter_map(|edge| {
            let from = self.service(ServiceId(edge.source().index()))?;
            Some((edge.weight(), from))
        })
    }

    /// Every edge, in the order found: from, what, to.
    pub fn edges(&self) -> impl Iterator<Item = (ServiceId, &Edge, ServiceId)> {
        self.edges.edge_references().map(|edge| {
            (
                ServiceId(edge.source().index()),
                edge.weight(),
                ServiceId(edge.target().index()),
            )
        })
    }

    /// The petgraph beneath, for its algorithms; node indices are [`ServiceId`]s.
    pub fn petgraph(&self) -> &DiGraph<(), Edge> {
        &self.edges
    }

    /// Whether a service takes traffic: it publishes a port, a gateway routes to it, or a service
    /// that takes traffic calls it.
    pub fn takes_traffic(&self, service: ServiceView<'_>) -> bool {
        self.takes_traffic
            .get(service.id.0)
            .copied()
            .unwrap_or(false)
    }

    /// The text of a config's key: from `data`, as written.
    pub fn config_text<'a>(&'a self, config: &str, key: &str) -> Option<&'a Text> {
        let data = self.config(config)?.config.body.data.as_ref()?;
        data.entries
            .iter()
            .find(|entry| &*entry.key == key)
            .and_then(|entry| match &entry.attribute.value {
                crate::vocabulary::EntryValue::Text(text) => Some(text),
                _ => None,
            })
    }
}

/// The network two services share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedNetwork<'a> {
    /// Neither joins one: the default network of their stack; or they are one service.
    Default,
    /// One real network, under each one's zd name for it.
    Named {
        /// The caller's.
        ours: &'a str,
        /// The callee's.
        theirs: &'a str,
    },
}

/// A number that fits a count of replicas.
pub(crate) fn whole<const MIN: i64, const MAX: i64>(number: Whole<MIN, MAX>) -> u64 {
    number.get()
}
