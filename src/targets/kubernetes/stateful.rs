//! Services with a volume that one instance writes: a `StatefulSet` instead of a Deployment.
//!
//! Two pods of a Deployment would wait for one claim, or both write to it; each pod of a
//! `StatefulSet` has a claim and a name of its own, keeps both when it is replaced, and is stopped
//! before its successor starts (`kubernetes.io/docs/concepts/workloads/controllers/statefulset`).

use super::container::bytes;
use super::lowering::{Lowering, different, int};
use super::names;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::rollout::derivation;
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Label, Node, Order, TargetId, Update, Volume, VolumeAccess};
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSecurityContext, PodTemplateSpec, Service,
    ServiceSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// The longest name of a `StatefulSet` whose pods can be made: they carry a label of the name, a
/// hyphen and a hash of ten characters, and a label's value has at most 63
/// (kubernetes/kubernetes #64023).
const LONGEST: usize = 52;

/// How many services on Kubernetes mount each volume.
pub(super) fn mounted(graph: &Graph) -> FxHashMap<&str, usize> {
    let mut mounted: FxHashMap<&str, usize> = FxHashMap::default();
    if graph.deployment().volumes.is_empty() {
        return mounted;
    }
    for service in graph.services_on(TargetId::Kubernetes) {
        let mut seen: Vec<&str> = Vec::new();
        for mount in &service.node.service.volume {
            if let Label::Reference(Reference::Volume(name)) = &mount.label
                && !seen.contains(&&**name)
            {
                seen.push(name);
                *mounted.entry(name).or_default() += 1;
            }
        }
    }
    mounted
}

impl<'g> Lowering<'g> {
    /// Whether a service's instances keep a volume and a name each.
    pub(super) fn is_stateful(&self, service: ServiceView<'_>) -> bool {
        !self.graph.is_global(service) && derivation::has_single_writer(self.graph, service)
    }

    /// The claim that each pod of a service gets, where a volume is the service's alone; `None` for
    /// one that is shared, exists already, or has no size.
    pub(super) fn claim_of_each(
        &mut self,
        service: ServiceView<'g>,
        name: &'g str,
    ) -> Option<PersistentVolumeClaim> {
        let volume = self.graph.volume(name)?;
        let shared = self
            .common
            .mounted
            .get(name)
            .is_some_and(|services| *services > 1);
        let external = volume.external.as_ref().is_some_and(|it| it.value);
        if !self.is_stateful(service) || shared || external {
            return None;
        }
        volume.size.as_ref()?;
        self.is_first(volume.id);
        let body = self.ledger.enter(volume);
        self.ledger.take_from(body.external.as_ref());
        let real = self
            .ledger
            .take_from(body.name.as_ref())
            .map_or(name, |name| name);
        if !names::is_label(real) {
            self.ledger
                .report(names::invalid("volume", real, volume.span));
        }
        Some(PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(real.to_owned()),
                ..ObjectMeta::default()
            },
            spec: self.claim_spec(volume),
            ..PersistentVolumeClaim::default()
        })
    }

    /// What a volume's claim asks for; `None` where it says no size.
    pub(super) fn claim_spec(
        &mut self,
        volume: &'g Node<Volume>,
    ) -> Option<PersistentVolumeClaimSpec> {
        let access = self.ledger.take_from(volume.access.as_ref()).copied();
        let size = self.ledger.take_from(volume.size.as_ref()).copied()?;
        let mode = match access.unwrap_or(VolumeAccess::SingleWriter) {
            VolumeAccess::SingleWriter => "ReadWriteOnce",
            VolumeAccess::ManyWriters => "ReadWriteMany",
            VolumeAccess::ReadOnly => "ReadOnlyMany",
        };
        Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec![mode.to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([("storage".to_owned(), bytes(size))])),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        })
    }

    /// The `StatefulSet` and the Service under which its pods know each other.
    ///
    /// Its pods are started and ended together (`podManagementPolicy: Parallel`): no instance is
    /// promised that another is up, and in order a pod that never gets ready keeps the ones after
    /// it down and a mended version from ever being rolled out ("Forced rollback" of the same
    /// page). An update goes one by one either way.
    pub(super) fn stateful_set(
        &mut self,
        service: ServiceView<'g>,
        metadata: &mut ObjectMeta,
        replicas: Option<u64>,
        template: PodTemplateSpec,
        claims: Vec<PersistentVolumeClaim>,
    ) {
        let name = self.name(service);
        if name.len() > LONGEST {
            self.ledger.report(too_long(service, name));
        }
        let peers = format!("{name}-peers");
        if self.is_name(&peers) {
            self.ledger.report(no_name_for_peers(service, &peers));
        }
        let delay = self.one_by_one(service);
        let set = StatefulSet {
            spec: Some(StatefulSetSpec {
                replicas: replicas.map(int),
                selector: self.label_selector(service),
                service_name: Some(peers.clone()),
                pod_management_policy: Some("Parallel".to_owned()),
                min_ready_seconds: (delay > 0).then(|| int(delay)),
                template,
                volume_claim_templates: (!claims.is_empty()).then_some(claims),
                ..StatefulSetSpec::default()
            }),
            ..StatefulSet::default()
        };
        self.write(metadata, set);
        let own = metadata.name.replace(peers);
        self.peers_service(service, metadata);
        metadata.name = own;
    }

    /// The Service without an address of its own, by which each pod has a name: `db-0.db-peers`.
    /// Pods that are not ready are in it, since they look for each other in order to get ready.
    fn peers_service(&mut self, service: ServiceView<'g>, metadata: &mut ObjectMeta) {
        let ports = super::service::ports_inside(service);
        let headless = Service {
            spec: Some(ServiceSpec {
                cluster_ip: Some("None".to_owned()),
                publish_not_ready_addresses: Some(true),
                selector: Some(self.selector(service)),
                ports: (!ports.is_empty()).then_some(ports),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        };
        self.write(metadata, headless);
    }

    /// The update in the words of a `StatefulSet`, which has but one way: pod after pod, each
    /// stopped before its successor starts. Gives the seconds that each must be ready.
    fn one_by_one(&mut self, service: ServiceView<'g>) -> u64 {
        let Some(update) = service.node.service.update.as_ref() else {
            return 0;
        };
        self.account(update);
        if let Some(what) = other_way(update, self.graph.replicas(service).most)
            && self.ledger.is_news("one by one", update.span)
        {
            self.ledger.report(different(
                what,
                "a service with a volume of one writer is a StatefulSet there, which replaces pod \
                 after pod and stops each before its successor starts",
                update.span,
            ));
        }
        derivation::kubernetes::numbers(self.graph, service)
            .min_ready
            .value
    }

    /// The group that the volumes are handed to, where the program does not run as root: a new
    /// disk belongs to root (`kubernetes.io/docs/tasks/configure-pod-container/security-context`).
    pub(super) fn group_of_volumes(&self, service: ServiceView<'_>) -> Option<PodSecurityContext> {
        if !self.is_stateful(service) {
            return None;
        }
        let user = service.node.service.user.as_ref()?;
        let (id, group) = user.value.split_once(':').unwrap_or((&user.value, ""));
        let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
        let group = number(group).or_else(|| number(id))?;
        Some(PodSecurityContext {
            fs_group: Some(i64::from(group)),
            // Not file by file at every start of a pod.
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            ..PodSecurityContext::default()
        })
    }
}

/// What an `update` asks for that a `StatefulSet` does in another way.
fn other_way(update: &Node<Update>, replicas: u64) -> Option<&'static str> {
    let first = update.order.as_ref().map(|order| order.value);
    if first == Some(Order::StartFirst) || update.label.name() == "canary" {
        return Some("Kubernetes stops each instance of this service before the next one starts");
    }
    let all_at_once = update.label.name() == "recreate"
        || update
            .parallelism
            .as_ref()
            .is_some_and(|it| it.value.get() != 1);
    (all_at_once && replicas > 1)
        .then_some("Kubernetes replaces the instances of this service one at a time")
}

/// The pods could not be made.
fn too_long(service: ServiceView<'_>, name: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::KUBERNETES_NAME,
        format!(
            "`{name}` has {} characters, and {LONGEST} are the most for a service that keeps a volume",
            name.len()
        ),
        service.span(),
    )
    .labelled("its pods carry a label of the name and a hash")
    .about(service.name())
    .help("give it a shorter `name`")
}

/// Whether its pods are started one after the other, which is the default of the API.
pub(super) fn is_in_order(set: &StatefulSet) -> bool {
    let policy = set
        .spec
        .as_ref()
        .map(|it| it.pod_management_policy.as_deref());
    policy.is_some_and(|it| it.is_none_or(|it| it == "OrderedReady"))
}

/// A broken version of one whose pods are started in order is not taken away by a good one ("Forced rollback" of the same page).
pub(super) fn stays_broken(service: ServiceView<'_>, span: Span) -> Diagnostic {
    let name = service.name();
    Diagnostic::new(
        &catalogue::STAYS_BROKEN,
        format!(
            "a version of `{name}` that never gets ready stays on Kubernetes, even after a better one is applied"
        ),
        span,
    )
    .labelled("in order, a pod that is not ready keeps the others from being replaced")
    .help("leave `podManagementPolicy` out, with `Parallel` the better one takes its place; or then delete the pod by hand: `kubectl delete pod NAME`")
    .about(name)
}

/// The Service of its pods has no name that is free.
fn no_name_for_peers(service: ServiceView<'_>, name: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::KUBERNETES_NAME,
        format!("`{name}`, for the pods of `{}`, is taken", service.name()),
        service.span(),
    )
    .labelled("its pods know each other by a Service of that name")
    .about(service.name())
    .help("give one of the two another `name`")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{codes, object};
    use crate::diagnostics::Diagnostic;
    use crate::source::MemoryWorld;
    use crate::{Options, compile};

    /// A service of this name with a volume, and more.
    fn service(name: &str, more: &str) -> String {
        format!(
            "volume data {{ size = 1GiB }}\nservice {name} {{\n  image = \"x/db:1.0.0\"\n  \
             volume data {{ path = \"/data\" }}\n{more}\n}}"
        )
    }

    /// What is said of a program in full, by code.
    fn judged(text: &str) -> Vec<&'static str> {
        said(text).iter().map(|it| it.code.id).collect()
    }

    fn said(text: &str) -> Vec<Diagnostic> {
        let text = format!("app shop {{ targets = [kubernetes] }}\n{text}");
        let world = MemoryWorld::single("app.zd", text);
        let compilation = compile(&world, "app.zd", &Options::default());
        compilation.diagnostics.clone()
    }

    /// It has no `ReplicaSet`, and one replica more keeps what several promise.
    #[test]
    fn what_falls_short_is_told_of_a_stateful_set() {
        let more =
            "port http { number = 80 }\nhealth http { path = \"/\" }\nshutdown { grace = 30s }\n";
        for (replicas, code, way) in [
            (1, "ZD4001", "say so with"),
            (2, "ZD4002", "at least 3 replicas"),
        ] {
            let more = format!(
                "{more}replicas = {replicas}\navailability {{ min_available = {replicas} }}\n"
            );
            let said = said(&service("db", &more));
            let told = said.iter().find(|it| it.code.id == code).unwrap();
            assert!(told.help.as_ref().unwrap().contains(way), "{told:?}");
            let notes = told.notes.join("; ");
            assert!(
                notes.contains("the StatefulSet stops an old pod"),
                "{notes}"
            );
        }
    }

    #[test]
    fn names_leave_room_for_what_is_added() {
        let longest = "d".repeat(super::LONGEST);
        assert_eq!(codes(&service(&longest, "")), [""; 0]);
        assert_eq!(codes(&service(&format!("{longest}d"), "")), ["ZD5050"]);
        let taken = format!(
            "{}\nservice db-peers {{ image = \"x/y:1.0.0\" }}",
            service("db", "")
        );
        assert_eq!(codes(&taken), ["ZD5050"]);
    }

    #[test]
    fn what_a_stateful_set_does_in_another_way_is_said() {
        for (more, said) in [
            ("update rolling { order = start_first }", 1),
            ("update rolling { order = stop_first }", 0),
            ("update rolling { parallelism = 2 }", 0),
            ("replicas = 3\nupdate rolling { parallelism = 2 }", 1),
            ("update recreate", 0),
            ("replicas = 3\nupdate recreate", 1),
            ("hostname = \"db\"", 1),
        ] {
            let found = codes(&service("db", more));
            assert_eq!(found, vec!["ZD5052"; said], "{more}");
        }
    }

    /// Whatever `update` says, the one pod is stopped before the next one starts.
    #[test]
    fn a_promise_is_held_against_what_happens() {
        let more = "port http { number = 80, publish = 80 }\nhealth http { path = \"/\" }\n\
                    shutdown { grace = 30s }\n";
        let start_first = "update rolling { order = start_first }\n";
        let one = service("db", &format!("{more}{start_first}"));
        assert!(judged(&one).contains(&"ZD4001"), "{:?}", judged(&one));
        let two = service("db", &format!("{more}replicas = 2\n"));
        assert!(!judged(&two).contains(&"ZD4001"), "{:?}", judged(&two));
    }

    #[test]
    fn a_volume_of_several_or_of_others_is_a_claim() {
        let spec = |text: &str| object(text, "StatefulSet", "db")["spec"].clone();
        let own = spec(&service("db", ""));
        assert_eq!(own["volumeClaimTemplates"][0]["metadata"]["name"], "data");
        let shared = format!(
            "{}\nservice other {{ image = \"x/y:1.0.0\", volume data {{ path = \"/x\", read_only = true }} }}",
            service("db", "")
        );
        let external = service("db", "").replace("size = 1GiB", "external = true");
        for text in [shared, external] {
            let spec = spec(&text);
            assert!(spec["volumeClaimTemplates"].is_null(), "{text}");
            let volume = &spec["template"]["spec"]["volumes"][0];
            assert_eq!(volume["persistentVolumeClaim"]["claimName"], "data");
        }
    }
}
