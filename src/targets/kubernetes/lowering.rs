//! The way from the graph to the plan, and what every part of it needs.

use super::order::{InOrder, Ordered};
use super::patches::Own;
use super::plan::KubernetesPlan;
use super::{gateway, metadata, names, patches, stateful, workload};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, ServiceId, ServiceView};
use crate::source::{Span, Str};
use crate::targets::{Account, Ledger};
use crate::types::Duration;
use crate::vocabulary::{
    Attribute, DeployVariables, KubernetesGateway, Node, Port, TargetId, WrittenId,
};
use crate::yaml;
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that is written for Kubernetes, what was said of it, and the accounts.
pub(super) fn lower(graph: &Graph) -> (KubernetesPlan, Diagnostics, Vec<Account>) {
    let mut ledger = Ledger::new(TargetId::Kubernetes, &graph.deployment().written);
    let settings = settings(graph, &mut ledger);
    let origin = metadata::origin(graph, &mut ledger);
    let names = names::choose(graph, &mut ledger);
    let taken = graph
        .services_on(TargetId::Kubernetes)
        .filter_map(|service| names.get(service.id.0).copied())
        .collect();
    let mut lowering = Lowering {
        graph,
        ledger,
        settings,
        names,
        taken,
        origin,
        routed: routed(graph),
        mounted: stateful::mounted(graph),
        files: BTreeMap::new(),
        text: String::new(),
        shared: FxHashSet::default(),
        configs: FxHashMap::default(),
        said: FxHashSet::default(),
        met: FxHashSet::default(),
        own: None,
    };
    patches::names_taken(&mut lowering);
    for service in graph.services_on(TargetId::Kubernetes) {
        if service.node.gateway.is_some() {
            gateway::lower(&mut lowering, service);
        } else {
            workload::lower(&mut lowering, service);
        }
    }
    lowering.declare_unused();
    let (diagnostics, accounts) = lowering.ledger.close();
    let plan = KubernetesPlan {
        namespace: lowering.settings.namespace.map(ToOwned::to_owned),
        files: lowering.files,
    };
    (plan, diagnostics, accounts)
}

/// What the parts of the lowering share.
pub(super) struct Lowering<'g> {
    pub(super) graph: &'g Graph,
    pub(super) ledger: Ledger<'g>,
    pub(super) settings: Settings<'g>,
    /// Annotations of every object.
    pub(super) origin: Option<BTreeMap<String, String>>,
    names: Vec<&'g str>,
    taken: FxHashSet<&'g str>,
    routed: FxHashMap<ServiceId, Vec<&'g str>>,
    /// How many services mount each volume.
    pub(super) mounted: FxHashMap<&'g str, usize>,
    files: BTreeMap<String, String>,
    /// What is being written.
    text: String,
    /// The objects that belong to no single service, by kind and name.
    pub(super) shared: FxHashSet<(&'static str, String)>,
    /// The names that configs are written under.
    pub(super) configs: FxHashMap<&'g str, String>,
    said: FxHashSet<(&'static str, Span)>,
    met: FxHashSet<WrittenId>,
    /// What the service that is being written says of Kubernetes alone.
    pub(super) own: Option<Own<'g>>,
}

/// `target kubernetes { … }`
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings<'g> {
    pub(super) gateway: KubernetesGateway,
    /// The class of every Gateway.
    pub(super) gateway_class: Option<&'g Attribute<Str>>,
    /// Where the kind of routes was chosen.
    pub(super) gateway_span: Option<Span>,
    pub(super) namespace: Option<&'g str>,
    pub(super) ingress_class: Option<&'g str>,
    /// The namespace of the ingress controller.
    pub(super) ingress_from: Option<&'g str>,
    /// Deploy-time variables are left for `envsubst` and Flux.
    pub(super) substitute: bool,
}

/// A diagnostic is about this property too, or was said of another use of its place.
pub(super) const SAID: &str = "a diagnostic says it";
/// Why a service has no objects.
const ELSEWHERE: &str = "not written for Kubernetes";

impl<'g> Lowering<'g> {
    /// The name a service is written under.
    pub(super) fn name(&self, service: ServiceView<'_>) -> &'g str {
        self.names.get(service.id.0).copied().unwrap_or_default()
    }

    /// Whether a service is written under this name.
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.taken.contains(name)
    }

    /// Whether a gateway that is written for Kubernetes routes to a port: it is the one way in.
    pub(super) fn has_way_in(&self, service: ServiceView<'_>, port: &Node<Port>) -> bool {
        let routed = self.routed.get(&service.id);
        routed.is_some_and(|ports| ports.contains(&port.label.name()))
    }

    /// Writes an object under a metadata that is lent to it: most of a service's objects share one.
    pub(super) fn write<T>(&mut self, metadata: &mut ObjectMeta, mut object: T)
    where
        T: InOrder + Serialize + Metadata<Ty = ObjectMeta>,
    {
        std::mem::swap(object.metadata_mut(), metadata);
        #[cfg(test)]
        super::tests::all_is_in_order(&object);
        let patched = self.own.is_some().then(|| self.patched(&object));
        // The types of the objects raise no error of writing.
        let _ = match patched.flatten() {
            Some(patched) => yaml::write_document(&mut self.text, &patched),
            None => yaml::write_document(&mut self.text, &Ordered(&object)),
        };
        std::mem::swap(object.metadata_mut(), metadata);
    }

    /// Ends a file: what was written since the last one. A config and a service of one name share a
    /// file; the list of files keeps its own.
    pub(super) fn end_file(&mut self, name: &str) {
        let name = if name == "kustomization" {
            "kustomization-service"
        } else {
            name
        };
        if self.text.is_empty() {
            return;
        }
        match self.files.get_mut(name) {
            Some(file) => {
                file.push_str("---\n");
                file.push_str(&self.text);
            }
            None => {
                self.files.insert(name.to_owned(), self.text.clone());
            }
        }
        self.text.clear();
    }

    /// Writes an object into a file of its own, in the middle of another.
    pub(super) fn write_apart<T>(&mut self, file: &str, mut metadata: ObjectMeta, object: T)
    where
        T: InOrder + Serialize + Metadata<Ty = ObjectMeta>,
    {
        let begun = std::mem::take(&mut self.text);
        self.write(&mut metadata, object);
        self.end_file(file);
        self.text = begun;
    }

    /// Accounts for what no object has: other targets' settings and services, and resources that no
    /// service here uses.
    fn declare_unused(&mut self) {
        const UNUSED: &str = "no service on Kubernetes uses it";
        let deployment = self.graph.deployment();
        for settings in &deployment.settings {
            if settings.label.name() != TargetId::Kubernetes.word() {
                self.ledger
                    .declare_block(settings, "settings of another target");
            }
        }
        for service in self.graph.services() {
            if !self.graph.runs_on(service, TargetId::Kubernetes) {
                self.ledger.declare_rest(&service.node.service, ELSEWHERE);
            }
        }
        for node in &deployment.networks {
            if self.is_first(node.id) {
                self.ledger.declare_block(node, UNUSED);
            }
        }
        for node in &deployment.volumes {
            if self.is_first(node.id) {
                self.ledger.declare_block(node, UNUSED);
            }
        }
        for node in &deployment.secrets {
            if self.is_first(node.id) {
                self.ledger.declare_block(node, UNUSED);
            }
        }
        for node in &deployment.configs {
            if !self.configs.contains_key(node.config.label.name()) {
                self.ledger.declare_block(&node.config, UNUSED);
            }
        }
    }

    /// Whether something is said for the first time: a template's text is one place, however many
    /// services use it.
    pub(super) fn is_news(&mut self, what: &'static str, span: Span) -> bool {
        self.said.insert((what, span))
    }

    /// Whether a resource is met for the first time. One that a loop declares shares its place.
    pub(super) fn is_first(&mut self, resource: WrittenId) -> bool {
        self.met.insert(resource)
    }

    /// Declines a property; what the user should know is said once a place.
    pub(super) fn decline(&mut self, id: WrittenId, span: Span, say: impl FnOnce() -> Diagnostic) {
        let entry = self.graph.deployment().written.get(id);
        let what = entry.map_or("", |entry| match entry.member {
            "" => entry.block,
            member => member,
        });
        if self.is_news(what, span) {
            self.ledger.decline(id, say());
        } else {
            self.ledger.declare(id, SAID);
        }
    }

    /// Declines several properties that one diagnostic is about.
    pub(super) fn decline_all(
        &mut self,
        ids: impl IntoIterator<Item = WrittenId>,
        span: Span,
        say: impl FnOnce() -> Diagnostic,
    ) {
        let mut ids = ids.into_iter();
        if let Some(first) = ids.next() {
            self.decline(first, span, say);
        }
        for id in ids {
            self.ledger.declare(id, SAID);
        }
    }

    /// Says that a property is different here, once a place.
    pub(super) fn differs(&mut self, id: WrittenId, span: Span, what: &str, instead: &str) {
        self.decline(id, span, || different(what, instead, span));
    }

    /// An attribute's whole seconds, rounded up: the API has no fractions.
    pub(super) fn seconds(&mut self, attribute: &Attribute<Duration>) -> u64 {
        let duration = *self.ledger.take(attribute);
        let seconds = duration.seconds_up();
        if !duration.millis.is_multiple_of(1000) && self.is_news("rounded", attribute.span) {
            let what = format!("`{duration}` becomes {seconds}s: Kubernetes counts whole seconds");
            let instead = format!("write `{seconds}s` to have the same everywhere");
            self.ledger
                .report(different(&what, &instead, attribute.span));
        }
        seconds
    }
}

/// A number of the API; the largest one where it does not fit.
pub(super) fn int(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A number of the API; the largest one where it does not fit.
pub(super) fn long(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Something that Kubernetes does in another way.
pub(super) fn different(what: &str, instead: &str, span: Span) -> Diagnostic {
    Diagnostic::new(&catalogue::DIFFERENT_ON_KUBERNETES, what, span).help(instead)
}

/// The settings, with what is not built yet refused.
fn settings<'g>(graph: &'g Graph, ledger: &mut Ledger<'g>) -> Settings<'g> {
    let Some(node) = graph.settings(TargetId::Kubernetes) else {
        return Settings {
            gateway: KubernetesGateway::Ingress,
            gateway_class: None,
            gateway_span: None,
            namespace: None,
            ingress_class: None,
            ingress_from: None,
            substitute: false,
        };
    };
    let body = ledger.enter(node);
    let gateway = ledger.take_from(body.gateway.as_ref()).copied();
    let gateway = gateway.unwrap_or(KubernetesGateway::Ingress);
    ledger.take_from(body.gateway_class.as_ref());
    let text = |ledger: &mut Ledger<'g>, attribute: &'g Option<Attribute<Str>>| {
        ledger.take_from(attribute.as_ref()).map(|text| &**text)
    };
    for namespace in [&body.namespace, &body.ingress_from].into_iter().flatten() {
        if !names::is_label(&namespace.value) {
            ledger.report(names::invalid(
                "namespace",
                &namespace.value,
                namespace.span,
            ));
        }
    }
    Settings {
        gateway,
        gateway_class: body.gateway_class.as_ref(),
        gateway_span: body.gateway.as_ref().map(|gateway| gateway.span),
        namespace: text(ledger, &body.namespace),
        ingress_class: text(ledger, &body.ingress_class),
        ingress_from: text(ledger, &body.ingress_from),
        substitute: ledger
            .take_from(body.deploy_variables.as_ref())
            .is_some_and(|variables| *variables == DeployVariables::Substitute),
    }
}

/// The ports that gateways on Kubernetes route to, by service.
fn routed(graph: &Graph) -> FxHashMap<ServiceId, Vec<&str>> {
    let mut routed: FxHashMap<ServiceId, Vec<&str>> = FxHashMap::default();
    for gateway in graph
        .services_on(TargetId::Kubernetes)
        .filter(|service| service.node.gateway.is_some())
    {
        for (edge, to) in graph.edges_from(gateway.id) {
            let ports = routed.entry(to).or_default();
            if edge.kind == EdgeKind::Routes && !ports.contains(&&*edge.port) {
                ports.push(&edge.port);
            }
        }
    }
    routed
}

/// Something that is designed and not built.
pub(super) fn not_yet(what: &str, span: Span, instead: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_YET,
        format!("target kubernetes does not write {what} yet"),
        span,
    )
    .help(instead)
}
