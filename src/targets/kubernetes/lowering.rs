//! The way from the graph to the plan, and what every part of it needs.

use super::order::{InOrder, Ordered};
use super::patches::Own;
use super::plan::KubernetesPlan;
use super::{gateway, metadata, names, patches, script, stateful, workload};
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, ServiceId, ServiceView};
use crate::parallel;
use crate::source::{Span, Str};
use crate::targets::artifact::Text;
use crate::targets::{Accounts, Ledger};
use crate::types::Duration;
use crate::vocabulary::{
    Attribute, DeployVariables, KubernetesGateway, Node, Port, TargetId, WrittenId,
};
use crate::yaml;
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use std::collections::{BTreeMap, btree_map};
use std::ops::Range;
use std::sync::Arc;

/// A thread more pays where each gets so many services.
const LEAST_SERVICES: usize = 24;
/// About how much text a service becomes; where it is less, the rest is never touched.
const TEXT: usize = 3584;
/// What stays of a service beside its text: the names of files, what is told.
const ROOM: usize = 128;

/// Everything that is written for Kubernetes, what was said of it, and the accounts.
///
/// Services are lowered by several threads, each into a lowering of its own. Gateways come after
/// them: what one writes may depend on the one before.
pub(super) fn lower(graph: &Graph) -> (KubernetesPlan, Diagnostics, Accounts) {
    lowered(graph, LEAST_SERVICES)
}

fn lowered(graph: &Graph, least: usize) -> (KubernetesPlan, Diagnostics, Accounts) {
    let mut lowering = Lowering::new(graph);
    patches::names_taken(&mut lowering);
    let (gateways, services): (Vec<_>, Vec<_>) = graph
        .services_on(TargetId::Kubernetes)
        .partition(|service| service.node.gateway.is_some());
    let shares = parallel::in_shares(&services, least, ROOM, |share| {
        let mut lowering = lowering.beside();
        lowering.text.reserve(share.list.len() * TEXT);
        for service in share.list {
            workload::lower(&mut lowering, *service);
        }
        lowering.end_run();
        lowering
    });
    for share in shares {
        lowering.join(share);
    }
    let told = script::told(&lowering, &services);
    for gateway in gateways {
        gateway::lower(&mut lowering, gateway);
    }
    lowering.end_run();
    lowering.declare_unused();
    let (diagnostics, accounts) = lowering.ledger.close();
    let plan = KubernetesPlan {
        namespace: lowering.common.settings.namespace.map(ToOwned::to_owned),
        files: files(lowering.pieces),
        told,
    };
    (plan, diagnostics, accounts)
}

/// What a part of the lowering has at hand.
pub(super) struct Lowering<'g> {
    pub(super) graph: &'g Graph,
    pub(super) ledger: Ledger<'g>,
    pub(super) common: Arc<Common<'g>>,
    pieces: Vec<Piece>,
    /// What is being written: file after file.
    text: String,
    /// Where the file that is being written begins.
    begun: usize,
    /// The files in `text` so far.
    run: Vec<(String, Range<usize>)>,
    /// The names of routes, each given once.
    pub(super) routes: FxHashSet<String>,
    /// The names that configs are written under.
    pub(super) configs: FxHashMap<&'g str, String>,
    met: FxHashSet<WrittenId>,
    /// What the service that is being written says of Kubernetes alone.
    pub(super) own: Option<Own<'g>>,
}

/// What is the same for every service.
pub(super) struct Common<'g> {
    pub(super) settings: Settings<'g>,
    /// Annotations of every object.
    pub(super) origin: Option<BTreeMap<String, String>>,
    names: Vec<&'g str>,
    taken: FxHashSet<&'g str>,
    routed: FxHashMap<ServiceId, Vec<&'g str>>,
    /// How many services mount each volume.
    pub(super) mounted: FxHashMap<&'g str, usize>,
}

/// Some text of a file.
struct Piece {
    file: String,
    /// The object's kind and name, where it belongs to no single service: it is written once.
    shared: Option<(&'static str, String)>,
    text: Text,
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

impl<'g> Lowering<'g> {
    fn new(graph: &'g Graph) -> Self {
        let mut ledger = Ledger::new(TargetId::Kubernetes, &graph.deployment().written);
        let settings = settings(graph, &mut ledger);
        let origin = metadata::origin(graph, &mut ledger);
        let names = names::choose(graph, &mut ledger);
        let taken = graph
            .services_on(TargetId::Kubernetes)
            .filter_map(|service| names.get(service.id.0).copied())
            .collect();
        let common = Arc::new(Common {
            settings,
            origin,
            names,
            taken,
            routed: routed(graph),
            mounted: stateful::mounted(graph),
        });
        Self::with(graph, ledger, common)
    }

    fn with(graph: &'g Graph, ledger: Ledger<'g>, common: Arc<Common<'g>>) -> Self {
        Self {
            graph,
            ledger,
            common,
            pieces: Vec::new(),
            text: String::new(),
            begun: 0,
            run: Vec::new(),
            routes: FxHashSet::default(),
            configs: FxHashMap::default(),
            met: FxHashSet::default(),
            own: None,
        }
    }

    /// An empty lowering of the same graph, to be joined to this one.
    fn beside(&self) -> Self {
        Self::with(self.graph, self.ledger.beside(), Arc::clone(&self.common))
    }

    /// Takes over what another lowering has.
    fn join(&mut self, other: Self) {
        self.ledger.join(other.ledger);
        self.pieces.extend(other.pieces);
        self.configs.extend(other.configs);
        self.met.extend(other.met);
    }

    /// The name a service is written under.
    pub(super) fn name(&self, service: ServiceView<'_>) -> &'g str {
        self.common
            .names
            .get(service.id.0)
            .copied()
            .unwrap_or_default()
    }

    /// Whether a service is written under this name.
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.common.taken.contains(name)
    }

    /// Whether a gateway that is written for Kubernetes routes to a port: it is the one way in.
    pub(super) fn has_way_in(&self, service: ServiceView<'_>, port: &Node<Port>) -> bool {
        let routed = self.common.routed.get(&service.id);
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
        if self.text.len() > self.begun {
            self.text.push_str(yaml::BETWEEN);
        }
        // The types of the objects raise no error of writing.
        let _ = match patched.flatten() {
            Some(patched) => yaml::write(&mut self.text, &patched),
            None => yaml::write(&mut self.text, &Ordered(&object)),
        };
        std::mem::swap(object.metadata_mut(), metadata);
    }

    /// Ends a file: what was written since the last one.
    pub(super) fn end_file(&mut self, name: &str) {
        let end = self.text.len();
        if end > self.begun {
            self.run.push((name.to_owned(), self.begun..end));
            self.begun = end;
        }
    }

    /// Makes pieces of the files in the text.
    fn end_run(&mut self) {
        let whole = Arc::new(std::mem::take(&mut self.text));
        let run = std::mem::take(&mut self.run).into_iter();
        self.pieces.extend(run.map(|(file, stretch)| Piece {
            file,
            shared: None,
            text: Text::stretch(&whole, stretch),
        }));
        self.begun = 0;
    }

    /// Writes an object that belongs to no single service, into a file of its own in the middle of
    /// another. However often it is written, it is there once.
    pub(super) fn write_apart<T>(&mut self, file: &str, mut metadata: ObjectMeta, object: T)
    where
        T: InOrder + Serialize + Metadata<Ty = ObjectMeta>,
    {
        let around = (
            std::mem::take(&mut self.text),
            std::mem::take(&mut self.begun),
        );
        let name = metadata.name.clone().unwrap_or_default();
        self.write(&mut metadata, object);
        let text = std::mem::take(&mut self.text);
        self.pieces.push(Piece {
            file: file.to_owned(),
            shared: Some((T::KIND, name)),
            text: text.into(),
        });
        (self.text, self.begun) = around;
    }

    /// Accounts for what no object has: other targets' settings and services, and resources that no
    /// service here uses.
    fn declare_unused(&mut self) {
        const UNUSED: &str = "no service on Kubernetes uses it";
        let deployment = self.graph.deployment();
        self.ledger
            .declare_elsewhere(self.graph, TargetId::Kubernetes);
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

    /// Whether a resource is met for the first time. One that a loop declares shares its place.
    pub(super) fn is_first(&mut self, resource: WrittenId) -> bool {
        self.met.insert(resource)
    }

    /// Declines a property; what the user should know is said once a place.
    pub(super) fn decline(&mut self, id: WrittenId, span: Span, say: impl FnOnce() -> Diagnostic) {
        let entry = self.graph.deployment().written.get(id);
        let what = entry.map_or("", |entry| match entry.property.member {
            "" => entry.property.block,
            member => member,
        });
        if self.ledger.is_news(what, span) {
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
        if !duration.millis.is_multiple_of(1000) && self.ledger.is_news("rounded", attribute.span) {
            let what = format!("`{duration}` becomes {seconds}s: Kubernetes counts whole seconds");
            let instead = format!("write `{seconds}s` to have the same everywhere");
            self.ledger
                .report(different(&what, &instead, attribute.span));
        }
        seconds
    }
}

/// The files that pieces make. A config and a service of one name share a file; the list of files
/// keeps its own.
fn files(pieces: Vec<Piece>) -> BTreeMap<String, Text> {
    let mut files: BTreeMap<String, Text> = BTreeMap::new();
    let mut written = FxHashSet::default();
    for piece in pieces {
        if piece.shared.is_some_and(|object| !written.insert(object)) {
            continue;
        }
        let name = match piece.file.as_str() {
            "kustomization" => "kustomization-service".to_owned(),
            _ => piece.file,
        };
        match files.entry(name) {
            btree_map::Entry::Occupied(mut file) => {
                let both = [file.get(), yaml::BETWEEN, &piece.text].concat();
                file.insert(both.into());
            }
            btree_map::Entry::Vacant(place) => {
                place.insert(piece.text);
            }
        }
    }
    files
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemoryWorld;
    use crate::{Options, compile};
    use std::fmt::Write as _;

    /// Services that share a template, a config, a secret and a network; the template has what is
    /// told once.
    fn many() -> Graph {
        let mut text = String::from(
            "app fleet { targets = [kubernetes] }\nnetwork back {}\nconfig site { data { color = \"red\" } }\n\
             secret token {}\ntemplate web {\n  image = \"example/web:1.0.0\"\n  port http { number = 8080 }\n  \
             health http { path = \"/\", interval = 1500ms }\n  join back\n  \
             env { COLOR = site.color, TOKEN = token }\n}\n",
        );
        for number in 0..90 {
            let _ = writeln!(text, "service web-{number} {{ use web }}");
        }
        let world = MemoryWorld::single("app.zd", &*text);
        let compilation = compile(&world, "app.zd", &Options::default());
        let said = format!("{:#?}", compilation.diagnostics);
        compilation.graph.expect(&said)
    }

    #[test]
    fn shares_are_joined_as_if_there_were_one() {
        let graph = many();
        let whole = lowered(&graph, usize::MAX);
        let shared = lowered(&graph, 10);
        assert_eq!(shared.0.files, whole.0.files);
        assert_eq!(shared.1.into_sorted(), whole.1.into_sorted());
        for (id, _) in graph.deployment().written.iter() {
            assert_eq!(shared.2.get(id), whole.2.get(id));
        }
        let written: usize = whole
            .0
            .files
            .values()
            .map(|it| it.matches("kind: ConfigMap").count())
            .sum();
        assert_eq!(written, 1);
    }

    #[test]
    fn what_a_template_has_is_told_once() {
        let (_, diagnostics, _) = lowered(&many(), 10);
        let rounded = diagnostics
            .iter()
            .filter(|it| it.message.contains("becomes 2s"));
        assert_eq!(rounded.count(), 1, "{diagnostics:#?}");
    }
}
