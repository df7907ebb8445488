//! `on kubernetes { … }`: what is patched into a service's objects, and what they are called.
//!
//! The kinds of object go by the API's names in snake case; `public_service` is the second Service,
//! of what is published. An object that is patched is held to the API's own types, unknown fields
//! and all.

use super::daemon;
use super::lowering::Lowering;
use super::names;
use super::order::{InOrder, Ordered};
use super::stateful;
use super::text::Place;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Promise, ServiceView};
use crate::source::{Span, Str};
use crate::targets::patch::{self, Kept, Misfit};
use crate::vocabulary::{Node as Written, On, Patch, TargetId};
use crate::yaml::{self, Node};
use k8s_openapi::Metadata;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::collections::hash_map::Entry;

/// The kinds of object that may be patched and named.
const KINDS: [&str; 9] = [
    "deployment",
    "stateful_set",
    "daemon_set",
    "service",
    "public_service",
    "ingress",
    "horizontal_pod_autoscaler",
    "pod_disruption_budget",
    "network_policy",
];

/// What the service that is being written says of Kubernetes alone.
pub(super) struct Own<'g> {
    service: ServiceView<'g>,
    on: &'g Written<On>,
    /// The kinds that were written.
    met: Vec<&'static str>,
}

/// What is not a patch's to change, of every object.
const OF_ALL: &[Kept] = &[
    Kept {
        path: &["apiVersion"],
        instead: "take it out; an object keeps its kind",
    },
    Kept {
        path: &["kind"],
        instead: "take it out; an object keeps its kind",
    },
    Kept {
        path: &["status"],
        instead: "take it out; a controller writes it",
    },
    Kept {
        path: &["metadata", "name"],
        instead: "write `names { KIND = \"…\" }` beside the patch: references follow",
    },
    Kept {
        path: &["metadata", "namespace"],
        instead: "write `target kubernetes { namespace = \"…\" }`",
    },
];

const HEALTH: &str = "write it in `health` or `liveness` of the service";
const UPDATE: &str = "write it in `update` of the service";
const SELECTED: &str = "take it out; a selector is the service's name, which never changes";

/// What the proof of a Deployment rests on: how many there are, how they are replaced, when one
/// counts as ready, and how one stops.
const OF_DEPLOYMENT: &[Kept] = &[
    Kept {
        path: &["spec", "replicas"],
        instead: "write `replicas` or `scale` in the service",
    },
    Kept {
        path: &["spec", "selector"],
        instead: SELECTED,
    },
    Kept {
        path: &["spec", "strategy"],
        instead: UPDATE,
    },
    Kept {
        path: &["spec", "updateStrategy"],
        instead: UPDATE,
    },
    Kept {
        path: &["spec", "minReadySeconds"],
        instead: "write `delay` in `update` of the service",
    },
    Kept {
        path: &["spec", "progressDeadlineSeconds"],
        instead: "write `timing { startup = … }` in the service: it is derived from it",
    },
    Kept {
        path: &["spec", "paused"],
        instead: "take it out, and pause a rollout with `kubectl rollout pause`",
    },
    Kept {
        path: &[
            "spec",
            "template",
            "metadata",
            "labels",
            "app.kubernetes.io/name",
        ],
        instead: SELECTED,
    },
    Kept {
        path: &[
            "spec",
            "template",
            "metadata",
            "labels",
            "app.kubernetes.io/part-of",
        ],
        instead: SELECTED,
    },
    Kept {
        path: &["spec", "template", "spec", "terminationGracePeriodSeconds"],
        instead: "write `shutdown { grace = … }` in the service",
    },
    Kept {
        path: &[
            "spec",
            "template",
            "spec",
            "containers",
            "0",
            "readinessProbe",
        ],
        instead: HEALTH,
    },
    Kept {
        path: &[
            "spec",
            "template",
            "spec",
            "containers",
            "0",
            "startupProbe",
        ],
        instead: HEALTH,
    },
    Kept {
        path: &[
            "spec",
            "template",
            "spec",
            "containers",
            "0",
            "livenessProbe",
        ],
        instead: HEALTH,
    },
    Kept {
        path: &[
            "spec",
            "template",
            "spec",
            "containers",
            "0",
            "lifecycle",
            "preStop",
        ],
        instead: "write `shutdown { drain = … }` in the service",
    },
    Kept {
        path: &["spec", "template", "spec", "containers", "0", "name"],
        instead: "take it out; it is the service's name",
    },
    Kept {
        path: &["spec", "template", "spec", "containers", "0", "image"],
        instead: "write `image` in the service",
    },
];

/// Who gets requests, and from when on.
const OF_SERVICE: &[Kept] = &[
    Kept {
        path: &["spec", "selector"],
        instead: SELECTED,
    },
    Kept {
        path: &["spec", "ports"],
        instead: "write `port` blocks in the service",
    },
    Kept {
        path: &["spec", "publishNotReadyAddresses"],
        instead: "take it out; an instance that is not ready would get requests",
    },
];

const OF_AUTOSCALER: &[Kept] = &[
    Kept {
        path: &["spec", "scaleTargetRef"],
        instead: "take it out; it names the service's Deployment",
    },
    Kept {
        path: &["spec", "minReplicas"],
        instead: "write `scale { min = … }` in the service",
    },
    Kept {
        path: &["spec", "maxReplicas"],
        instead: "write `scale { max = … }` in the service",
    },
];

const OF_BUDGET: &[Kept] = &[
    Kept {
        path: &["spec", "selector"],
        instead: SELECTED,
    },
    Kept {
        path: &["spec", "minAvailable"],
        instead: "write `availability` in the service",
    },
    Kept {
        path: &["spec", "maxUnavailable"],
        instead: "write `availability` in the service",
    },
];

const OF_POLICY: &[Kept] = &[Kept {
    path: &["spec", "podSelector"],
    instead: SELECTED,
}];

impl<'g> Lowering<'g> {
    /// Takes up what a service says of Kubernetes alone, before its objects are written.
    pub(super) fn begin(&mut self, service: ServiceView<'g>) {
        let Some(on) = patch::on(service, TargetId::Kubernetes) else {
            return;
        };
        let body = self.ledger.enter(on);
        for patch in &body.patch {
            for entry in &self.ledger.enter(patch).entries {
                self.ledger.take_entry(entry);
            }
        }
        if let Some(names) = &body.names {
            for entry in &self.ledger.enter(names).entries {
                let (_, name) = self.ledger.take_entry(entry);
                if !names::is_label(name) {
                    let invalid = names::invalid("object", name, entry.attribute.span);
                    self.ledger.report(invalid);
                }
            }
        }
        self.own = Some(Own {
            service,
            on,
            met: Vec::new(),
        });
    }

    /// Says what met no object, once they are all written.
    pub(super) fn finish(&mut self, service: ServiceView<'g>) {
        let Some(own) = self.own.take() else {
            return;
        };
        let patches = own.on.patch.iter();
        let patched = patches.map(|patch| (patch::kind_of(patch), patch.span));
        let names = own.on.names.iter().flat_map(|names| &names.entries);
        let named = names.map(|entry| (&*entry.key, entry.attribute.key_span));
        for (kind, span) in patched.chain(named) {
            if !own.met.contains(&kind) {
                let target = TargetId::Kubernetes;
                let diagnostic = patch::nothing_to_patch(kind, target, &own.met, &KINDS, span);
                self.ledger.report(diagnostic.about(service.name()));
            }
        }
    }

    /// An object with its own name and what is patched into it; nothing where it stays as it is.
    pub(super) fn patched<T>(&mut self, object: &T) -> Option<Node>
    where
        T: InOrder + Serialize + Metadata<Ty = ObjectMeta>,
    {
        let (service, on) = self.own.as_ref().map(|own| (own.service, own.on))?;
        let kind = self.kind(T::KIND, object.metadata(), service)?;
        if let Some(own) = &mut self.own {
            own.met.push(kind);
        }
        let named = named(on, kind);
        let patches: Vec<&'g Written<Patch>> = on
            .patch
            .iter()
            .map(|patch| &**patch)
            .filter(|patch| patch::kind_of(patch) == kind)
            .collect();
        let first = patches.first().map(|patch| patch.span);
        if named.is_none() && patches.is_empty() {
            return None;
        }
        // The types of the objects raise no error of writing.
        let mut node = yaml::to_node(&Ordered(object)).ok()?;
        if let Some((name, _)) = named
            && let Node::Map(entries) = &mut node
            && let Some((_, metadata)) = entries.iter_mut().find(|(key, _)| key == "metadata")
            && let Node::Map(metadata) = metadata
            && let Some((_, own)) = metadata.iter_mut().find(|(key, _)| key == "name")
        {
            *own = Node::Text(name.to_string());
        }
        for patch in patches {
            let mut found = Vec::new();
            let changes = patch::changes(
                patch,
                |text, span| self.text(text, span, Place::Plain, Some(service)),
                |diagnostic| found.push(diagnostic),
            );
            let kept: Vec<&Kept> = OF_ALL.iter().chain(kept(kind)).collect();
            patch::apply(
                &mut node,
                T::KIND,
                &changes,
                &kept,
                |node| fits(kind, node),
                |diagnostic| found.push(diagnostic),
            );
            for diagnostic in found {
                self.ledger.report(diagnostic.about(service.name()));
            }
        }
        if kind == "daemon_set"
            && let Some(span) = first
            && let Ok(set) = patch::read::<DaemonSet>(&node)
            && daemon::has_no_place(&set)
        {
            let promises = matches!(self.graph.promise(service), Promise::Capacity { .. });
            let found = daemon::no_place(service, promises, span);
            self.ledger.report(found);
        }
        if kind == "stateful_set"
            && let Some(span) = first
            && let Ok(set) = patch::read::<StatefulSet>(&node)
            && stateful::is_in_order(&set)
        {
            self.ledger.report(stateful::stays_broken(service, span));
        }
        Some(node)
    }

    /// The name of a service's Service: the host that its callers reach.
    pub(super) fn service_name(&self, service: ServiceView<'g>) -> &'g str {
        self.object_name(service, "service")
    }

    /// The name of a service's object of a kind.
    pub(super) fn object_name(&self, service: ServiceView<'g>, kind: &str) -> &'g str {
        let on = patch::on(service, TargetId::Kubernetes);
        let named = on.and_then(|on| named(on, kind));
        named.map_or_else(|| self.name(service), |(name, _)| name)
    }

    /// The word for a kind of object; none for what belongs to no single service.
    fn kind(
        &self,
        kind: &str,
        metadata: &ObjectMeta,
        service: ServiceView<'_>,
    ) -> Option<&'static str> {
        let is_own = metadata.name.as_deref() == Some(self.name(service));
        let word = match kind {
            "Deployment" => "deployment",
            "StatefulSet" => "stateful_set",
            "DaemonSet" => "daemon_set",
            "Service" if is_own => "service",
            "Service" => "public_service",
            "Ingress" => "ingress",
            "HorizontalPodAutoscaler" => "horizontal_pod_autoscaler",
            "PodDisruptionBudget" => "pod_disruption_budget",
            "NetworkPolicy" => "network_policy",
            _ => return None,
        };
        Some(word)
    }
}

/// Holds that no two objects of a kind have one name, where some service names its own.
pub(super) fn names_taken<'g>(lowering: &mut Lowering<'g>) {
    let graph = lowering.graph;
    let own = |service: ServiceView<'g>| patch::on(service, TargetId::Kubernetes)?.names.as_ref();
    let services: Vec<ServiceView<'g>> = graph.services_on(TargetId::Kubernetes).collect();
    if services.iter().all(|service| own(*service).is_none()) {
        return;
    }
    // Each with where it was chosen; what was not chosen comes first, to be what was there before.
    let mut chosen: Vec<(&'static str, String, Option<Span>, ServiceView<'g>)> = Vec::new();
    for service in services {
        let is_published = service.ports().any(|port| port.publish.is_some());
        for kind in KINDS {
            let named = patch::on(service, TargetId::Kubernetes).and_then(|on| named(on, kind));
            let name = match (kind, named) {
                (_, Some((name, _))) => name.to_string(),
                ("public_service", None) if is_published => {
                    format!("{}-public", lowering.name(service))
                }
                ("public_service", None) => continue,
                _ => lowering.name(service).to_owned(),
            };
            let plural = match kind {
                "deployment" => "Deployments",
                "stateful_set" => "StatefulSets",
                "daemon_set" => "DaemonSets",
                "service" | "public_service" => "Services",
                "ingress" => "Ingresses",
                "horizontal_pod_autoscaler" => "autoscalers",
                "pod_disruption_budget" => "disruption budgets",
                _ => "policies",
            };
            chosen.push((plural, name, named.map(|(_, span)| span), service));
        }
    }
    chosen.sort_by_key(|(.., span, _)| span.is_some());
    let mut taken = FxHashMap::default();
    for (plural, name, span, service) in chosen {
        match taken.entry((plural, name)) {
            Entry::Vacant(free) => {
                free.insert(service);
            }
            Entry::Occupied(before) => {
                if let Some(span) = span {
                    let name = &before.key().1;
                    let diagnostic = name_taken(plural, name, *before.get(), span);
                    lowering.ledger.report(diagnostic.about(service.name()));
                }
            }
        }
    }
}

/// Another object of the kind has this name.
fn name_taken(plural: &str, name: &str, before: ServiceView<'_>, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NAME_TAKEN,
        format!("two {plural} are named `{name}`"),
        span,
    )
    .and(before.span(), "the other is of this service")
    .help("choose another name")
}

/// The name that is written for a kind, and where.
fn named<'g>(on: &'g On, kind: &str) -> Option<(&'g Str, Span)> {
    let mut entries = on.names.iter().flat_map(|names| &names.entries);
    let entry = entries.find(|entry| &*entry.key == kind)?;
    Some((&entry.attribute.value, entry.attribute.span))
}

/// Whether an object of a kind is one that the API takes; as its type writes it.
fn fits(kind: &str, node: &Node) -> Result<Option<Node>, Misfit> {
    match kind {
        "deployment" => again::<Deployment>(node),
        "stateful_set" => again::<StatefulSet>(node),
        "daemon_set" => again::<DaemonSet>(node),
        "ingress" => again::<Ingress>(node),
        "horizontal_pod_autoscaler" => again::<HorizontalPodAutoscaler>(node),
        "pod_disruption_budget" => again::<PodDisruptionBudget>(node),
        "network_policy" => again::<NetworkPolicy>(node),
        // The last two of the kinds.
        _ => again::<Service>(node),
    }
}

fn again<'n, T: Deserialize<'n> + Serialize>(node: &'n Node) -> Result<Option<Node>, Misfit> {
    let object = patch::read::<T>(node)?;
    // The types of the objects have no value that YAML could not hold.
    Ok(yaml::to_node(&object).ok())
}

fn kept(kind: &str) -> &'static [Kept] {
    match kind {
        "deployment" | "stateful_set" | "daemon_set" => OF_DEPLOYMENT,
        "service" | "public_service" => OF_SERVICE,
        "horizontal_pod_autoscaler" => OF_AUTOSCALER,
        "pod_disruption_budget" => OF_BUDGET,
        "network_policy" => OF_POLICY,
        _ => &[],
    }
}
