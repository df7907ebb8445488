//! Binding: every reference of the deployment to the thing it names, and the edges that follow.

use super::{Edge, EdgeKind, Graph, ServiceId, ServiceView};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue, nearest};
use crate::eval::Deployment;
use crate::parallel;
use crate::source::{Span, Spanned, Str};
use crate::types::{Piece, Reference, Text, Value};
use crate::vocabulary::{
    Config, Entry, EntryValue, Gateway, Join, Label, Node, ProbeClient, RouteTarget, Service,
};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::Dfs;
use rustc_hash::FxHashMap;

/// A thread more pays where each gets so many services.
const LEAST_SERVICES: usize = 250;

/// The network that a `join` names.
pub(super) fn joined(join: &Node<Join>) -> Option<&str> {
    match &join.label {
        Label::Reference(Reference::Network(name)) => Some(name),
        _ => None,
    }
}

/// Indexes the deployment, checks that every reference names something, and draws the edges.
pub(super) fn bind(deployment: Deployment, diagnostics: &mut Diagnostics) -> Graph {
    let mut graph = index(deployment);
    let services: Vec<ServiceView<'_>> = graph.services().collect();
    let shares = parallel::in_shares(&services, LEAST_SERVICES, 0, |share| {
        let mut edges = Vec::new();
        let mut diagnostics = Diagnostics::default();
        for service in share.list {
            let mut binder = Binder {
                graph: &graph,
                service: *service,
                edges: &mut edges,
                diagnostics: &mut diagnostics,
            };
            binder.service(&service.node.service);
            if let Some(gateway) = &service.node.gateway {
                binder.gateway(gateway);
            }
        }
        (edges, diagnostics)
    });
    let mut edges = Vec::new();
    for (more, found) in shares {
        edges.extend(more);
        diagnostics.extend(found);
    }
    for (from, edge, to) in edges {
        graph
            .edges
            .add_edge(NodeIndex::new(from.0), NodeIndex::new(to.0), edge);
    }
    graph.takes_traffic = traffic(&graph);
    graph
}

/// The graph without its edges.
fn index(deployment: Deployment) -> Graph {
    fn names<'a>(labels: impl Iterator<Item = &'a Label>) -> FxHashMap<Str, usize> {
        let name = |label: &Label| match label {
            Label::Name(name) => Str::clone(name),
            Label::None | Label::Reference(_) => Str::default(),
        };
        let indices = labels.enumerate();
        indices.map(|(index, label)| (name(label), index)).collect()
    }
    let mut edges = DiGraph::with_capacity(deployment.services.len(), 0);
    for _ in &deployment.services {
        edges.add_node(());
    }
    let services = names(deployment.services.iter().map(|node| &node.service.label));
    let name = deployment
        .app
        .as_ref()
        .map_or("app", |app| app.label.name());
    Graph {
        name: Str::from(if name.is_empty() { "app" } else { name }),
        edges,
        by_name: services
            .into_iter()
            .map(|(name, index)| (name, ServiceId(index)))
            .collect(),
        networks: names(deployment.networks.iter().map(|node| &node.label)),
        volumes: names(deployment.volumes.iter().map(|node| &node.label)),
        configs: names(deployment.configs.iter().map(|node| &node.config.label)),
        secrets: names(deployment.secrets.iter().map(|node| &node.label)),
        variables: deployment
            .variables
            .iter()
            .enumerate()
            .map(|(index, variable)| (variable.id.name.clone(), index))
            .collect(),
        takes_traffic: Vec::new(),
        as_of: None,
        deployment,
    }
}

/// Which services take traffic: the published ones, those that gateways route to, and whatever
/// these call.
fn traffic(graph: &Graph) -> Vec<bool> {
    let mut takes = vec![false; graph.deployment.services.len()];
    let mut calls = graph.edges.clone();
    calls.retain_edges(|calls, edge| {
        calls
            .edge_weight(edge)
            .is_some_and(|e| e.kind != EdgeKind::After)
    });
    let mut walk = Dfs::empty(&calls);
    for service in graph.services().filter(|service| service.is_published()) {
        walk.move_to(NodeIndex::new(service.id.0));
        while let Some(reached) = walk.next(&calls) {
            if let Some(takes) = takes.get_mut(reached.index()) {
                *takes = true;
            }
        }
    }
    takes
}

/// Walks one service's references.
struct Binder<'a, 'b> {
    graph: &'a Graph,
    service: ServiceView<'a>,
    edges: &'b mut Vec<(ServiceId, Edge, ServiceId)>,
    diagnostics: &'b mut Diagnostics,
}

impl<'a> Binder<'a, '_> {
    fn service(&mut self, body: &'a Service) {
        for join in &body.join {
            if let Some(name) = joined(join)
                && self.graph.network(name).is_none()
            {
                let known = self.graph.networks.keys();
                self.diagnostics
                    .push(unknown("network", name, join.span, known));
            }
        }
        for mount in &body.volume {
            self.resource(&mount.label, mount.span);
        }
        for mount in &body.config {
            self.resource(&mount.label, mount.span);
            self.mounted_config(&mount.label);
        }
        for mount in &body.secret {
            self.resource(&mount.label, mount.span);
        }
        for needs in &body.needs {
            if let Label::Reference(Reference::Port(service, port)) = &needs.label {
                self.port(EdgeKind::Calls, service, port, needs.span);
            }
        }
        for entry in body.env.iter().flat_map(|env| &env.entries) {
            self.value(&entry.attribute.value, entry.attribute.span);
        }
        let arguments = body.build.iter().filter_map(|build| build.args.as_ref());
        for entry in arguments.flat_map(|arguments| &arguments.entries) {
            self.value(&entry.attribute.value, entry.attribute.span);
        }
        let health = body.health.as_ref();
        let probe = health
            .and_then(|health| health.client.as_ref())
            .map(|client| &client.value);
        let probe: &[Spanned<Text>] = match probe {
            Some(ProbeClient::Command(words)) => words,
            _ => &[],
        };
        let words = [
            body.command.as_ref(),
            body.args.as_ref(),
            health.and_then(|health| health.command.as_ref()),
        ];
        let words = words.into_iter().flatten().flat_map(|words| &words.value);
        for word in words.chain(probe) {
            self.text(&word.value, word.span);
        }
        let patches = body.on.iter().flat_map(|on| &on.patch);
        for entry in patches.flat_map(|patch| &patch.entries) {
            self.patched(&entry.attribute.value.0, entry.attribute.span);
        }
        for text in [&body.image, &body.hostname].into_iter().flatten() {
            self.text(&text.value, text.span);
        }
        for after in body.after.iter().flat_map(|after| &after.value) {
            if let Some(callee) = self.callee(&after.value.0, after.span) {
                self.edge(EdgeKind::After, "".into(), after.span, callee);
            }
        }
    }

    fn gateway(&mut self, gateway: &'a Gateway) {
        for server in gateway
            .upstream
            .iter()
            .flat_map(|upstream| &upstream.server)
        {
            if let Label::Reference(Reference::Port(service, port)) = &server.label {
                self.port(EdgeKind::Routes, service, port, server.span);
            }
        }
        for tls in gateway.listen.iter().flat_map(|listen| &listen.tls) {
            for secret in [&tls.certificate, &tls.key].into_iter().flatten() {
                let name = secret.value.0.clone();
                self.resource(&Label::Reference(Reference::Secret(name)), secret.span);
            }
        }
        for split in gateway.route.iter().flat_map(|route| &route.split) {
            if let Label::Reference(Reference::Port(service, port)) = &split.label {
                self.port(EdgeKind::Routes, service, port, split.span);
            }
        }
        for route in &gateway.route {
            let Some(to) = &route.to else { continue };
            match &to.value {
                RouteTarget::Port(port) => {
                    self.port(EdgeKind::Routes, &port.service, &port.port, to.span);
                }
                RouteTarget::Upstream(name) => {
                    let mut names = gateway
                        .upstream
                        .iter()
                        .map(|upstream| upstream.label.name());
                    if !names.clone().any(|known| known == &**name) {
                        let known: Vec<Str> = names.by_ref().map(Str::from).collect();
                        self.diagnostics
                            .push(unknown("upstream", name, to.span, known.iter()));
                    }
                }
            }
        }
    }

    fn value(&mut self, value: &'a EntryValue, span: Span) {
        match value {
            EntryValue::Text(text) => self.text(text, span),
            EntryValue::ConfigKey { config, key } => self.config_key(config, key, span),
            EntryValue::Secret(name) => {
                self.resource(&Label::Reference(Reference::Secret(name.clone())), span);
            }
        }
    }

    fn patched(&mut self, value: &'a Value, span: Span) {
        match value {
            Value::Text(text) => self.text(text, span),
            Value::List(items) => {
                for item in items.iter() {
                    self.patched(&item.value, item.span);
                }
            }
            Value::Record(fields) => {
                for (_, field) in fields.iter() {
                    self.patched(&field.value, field.span);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &'a Text, span: Span) {
        for piece in text.unknowns() {
            match piece {
                Piece::Port { service, port, .. } => {
                    self.port(EdgeKind::Calls, service, port, span);
                }
                Piece::SecretPath(name) => {
                    self.resource(&Label::Reference(Reference::Secret(name.clone())), span);
                }
                Piece::Literal(_) | Piece::Variable(_) | Piece::Slot(_) => {}
            }
        }
    }

    /// A key of a config; what the key's value refers to is reached by whoever reads it.
    fn config_key(&mut self, config: &str, key: &str, span: Span) {
        let Some(found) = self.graph.config(config) else {
            let known = self.graph.configs.keys();
            self.diagnostics
                .push(unknown("config", config, span, known));
            return;
        };
        let entries = entries(&found.config);
        let Some(entry) = entries.iter().find(|entry| &*entry.key == key) else {
            let known: Vec<Str> = entries.iter().map(|entry| entry.key.clone()).collect();
            let diagnostic = unknown("config key", key, span, known.iter())
                .and(found.config.span, format!("`{config}` has no such key"));
            self.diagnostics.push(diagnostic);
            return;
        };
        if let EntryValue::Text(text) = &entry.attribute.value {
            self.text(text, span);
        }
    }

    /// Whoever mounts a config reaches what its values refer to.
    fn mounted_config(&mut self, label: &Label) {
        let Label::Reference(Reference::Config(name)) = label else {
            return;
        };
        let Some(found) = self.graph.config(name) else {
            return;
        };
        for entry in entries(&found.config) {
            self.value(&entry.attribute.value, entry.attribute.span);
        }
    }

    fn resource(&mut self, label: &Label, span: Span) {
        let Label::Reference(reference) = label else {
            return;
        };
        let graph = self.graph;
        let (kind, name, known, found) = match reference {
            Reference::Volume(name) => (
                "volume",
                name,
                graph.volumes.keys(),
                graph.volumes.contains_key(name),
            ),
            Reference::Config(name) => (
                "config",
                name,
                graph.configs.keys(),
                graph.configs.contains_key(name),
            ),
            Reference::Secret(name) => (
                "secret",
                name,
                graph.secrets.keys(),
                graph.secrets.contains_key(name),
            ),
            _ => return,
        };
        if !found {
            self.diagnostics.push(unknown(kind, name, span, known));
        }
    }

    fn port(&mut self, kind: EdgeKind, service: &str, port: &Str, span: Span) {
        let Some(callee) = self.callee(service, span) else {
            return;
        };
        if callee.port(port).is_none() {
            let known: Vec<Str> = callee
                .ports()
                .map(|port| Str::from(port.label.name()))
                .collect();
            let diagnostic = unknown("port", port, span, known.iter())
                .and(callee.span(), format!("`{service}` is declared here"));
            self.diagnostics.push(diagnostic);
            return;
        }
        self.edge(kind, port.clone(), span, callee);
    }

    fn callee(&mut self, name: &str, span: Span) -> Option<ServiceView<'a>> {
        let found = self.graph.find(name);
        if found.is_none() {
            let known = self.graph.by_name.keys();
            self.diagnostics.push(unknown("service", name, span, known));
        }
        found
    }

    fn edge(&mut self, kind: EdgeKind, port: Str, span: Span, callee: ServiceView<'_>) {
        self.edges
            .push((self.service.id, Edge { kind, port, span }, callee.id));
    }
}

/// The keys of a config with their values.
fn entries(config: &Config) -> &[Entry<EntryValue>] {
    config.data.as_ref().map_or(&[][..], |data| &data.entries)
}

/// Nothing of this kind has this name.
fn unknown<'a>(
    kind: &str,
    name: &str,
    span: Span,
    known: impl Iterator<Item = &'a Str>,
) -> Diagnostic {
    let mut known: Vec<&str> = known.map(|name| &**name).collect();
    known.sort_unstable();
    let diagnostic = Diagnostic::new(
        &catalogue::UNKNOWN_REFERENCE,
        format!("there is no {kind} `{name}`"),
        span,
    );
    match (nearest(name, known.iter().copied()), known.is_empty()) {
        (Some(near), _) => diagnostic.help(format!("a {kind} of a similar name is `{near}`")),
        (None, true) => diagnostic.help(format!("declare one: `{kind} {name} {{ … }}`")),
        (None, false) => {
            let listed: Vec<String> = known
                .iter()
                .take(8)
                .map(|name| format!("`{name}`"))
                .collect();
            diagnostic.help(format!("known here: {}", listed.join(", ")))
        }
    }
}
