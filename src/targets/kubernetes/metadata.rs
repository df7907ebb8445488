//! Labels, annotations and selectors.
//!
//! Every object says what it is with the recommended labels
//! (`kubernetes.io/docs/concepts/overview/working-with-objects/common-labels`). A selector is
//! immutable, so it holds only the two that never change: the service's name, and the app's, by
//! which two apps in one namespace stay apart.

use super::lowering::{Lowering, different};
use super::names;
use crate::diagnostics::{Diagnostic, Severity, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::targets::{Ledger, enter_app};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use std::collections::BTreeMap;

const NAME: &str = "app.kubernetes.io/name";
const PART_OF: &str = "app.kubernetes.io/part-of";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The app's `labels`, as annotations of origin: never selectors, and no pod is replaced when one
/// of them changes.
pub(super) fn origin<'g>(
    graph: &'g Graph,
    ledger: &mut Ledger<'g>,
) -> Option<BTreeMap<String, String>> {
    let app = graph.app()?;
    let body = enter_app(ledger, app);
    if !names::is_label_value(graph.name()) {
        ledger.report(invalid_key("the app's name", graph.name(), app.span));
    }
    let labels = body.labels.as_ref()?;
    let mut annotations = BTreeMap::new();
    for entry in &ledger.enter(labels).entries {
        let (key, value) = ledger.take_entry(entry);
        if !names::is_key(key) {
            ledger.report(invalid_key("the annotation", key, entry.attribute.key_span));
        }
        annotations.insert(key.to_owned(), value.to_string());
    }
    (!annotations.is_empty()).then_some(annotations)
}

impl<'g> Lowering<'g> {
    /// The metadata of a service's objects: its own `labels` beside the recommended ones. A value
    /// that no label may have becomes an annotation.
    pub(super) fn metadata(&mut self, service: ServiceView<'g>) -> ObjectMeta {
        let mut metadata = self.shared_metadata(self.name(service).to_owned());
        let Some(written) = &service.node.service.labels else {
            return metadata;
        };
        for entry in &self.ledger.enter(written).entries {
            let (key, value) = self.ledger.take_entry(entry);
            let span = entry.attribute.key_span;
            let place = if !names::is_key(key) {
                if self.ledger.is_news("label", span) {
                    self.ledger.report(invalid_key("the label", key, span));
                }
                continue;
            } else if [NAME, PART_OF, MANAGED_BY].contains(&key) {
                if self.ledger.is_news("label", span) {
                    self.ledger.report(reserved(key, span));
                }
                continue;
            } else if names::is_label_value(value) {
                &mut metadata.labels
            } else {
                if self.ledger.is_news("label", span) {
                    self.ledger.report(not_a_label(key, entry.attribute.span));
                }
                &mut metadata.annotations
            };
            place
                .get_or_insert_default()
                .insert(key.to_owned(), value.to_string());
        }
        metadata
    }

    /// The metadata of an object that belongs to no single service.
    pub(super) fn shared_metadata(&self, name: String) -> ObjectMeta {
        ObjectMeta {
            labels: Some(self.labels(&name)),
            name: Some(name),
            namespace: self.common.settings.namespace.map(ToOwned::to_owned),
            annotations: self.common.origin.clone(),
            ..ObjectMeta::default()
        }
    }

    /// What selects a service's pods.
    pub(super) fn selector(&self, service: ServiceView<'_>) -> BTreeMap<String, String> {
        labels([(NAME, self.name(service)), (PART_OF, self.graph.name())])
    }

    /// The same, as the workload kinds take it.
    pub(super) fn label_selector(&self, service: ServiceView<'_>) -> LabelSelector {
        LabelSelector {
            match_labels: Some(self.selector(service)),
            ..LabelSelector::default()
        }
    }

    /// What selects the pods of this app that carry a label.
    pub(super) fn peers(&self, label: String) -> LabelSelector {
        let mut selector = labels([(PART_OF, self.graph.name())]);
        selector.insert(label, "true".to_owned());
        LabelSelector {
            match_labels: Some(selector),
            ..LabelSelector::default()
        }
    }

    /// An object's name may be longer than a label's value.
    fn labels(&self, name: &str) -> BTreeMap<String, String> {
        let mut labels = labels([(PART_OF, self.graph.name()), (MANAGED_BY, "zdc")]);
        if names::is_label_value(name) {
            labels.insert(NAME.to_owned(), name.to_owned());
        }
        labels
    }
}

/// A few labels: put in one by one, since to collect them is to sort them in a list first.
fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for (key, value) in pairs {
        labels.insert(key.to_owned(), value.to_owned());
    }
    labels
}

/// The metadata of a service's pods: its labels, and one for each of its networks.
pub(super) fn of_pods(
    metadata: &ObjectMeta,
    networks: impl IntoIterator<Item = String>,
) -> ObjectMeta {
    let mut labels = metadata.labels.clone().unwrap_or_default();
    let networks = networks.into_iter();
    labels.extend(networks.map(|network| (network, "true".to_owned())));
    ObjectMeta {
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

/// The API refuses this key.
fn invalid_key(what: &str, key: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::KUBERNETES_LABEL,
        format!("Kubernetes refuses {what} `{key}`"),
        span,
    )
    .help(
        "at most 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends; a key \
         may have a DNS name and `/` before it",
    )
}

/// This label selects the pods.
fn reserved(key: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::KUBERNETES_LABEL,
        format!("`{key}` is written by zdc"),
        span,
    )
    .note("selectors hold it, and a selector can never change")
    .help("take it out, or choose another key")
}

/// This value is too much for a label.
fn not_a_label(key: &str, span: Span) -> Diagnostic {
    different(
        &format!("`{key}` becomes an annotation on Kubernetes: no label may have this value"),
        "a label's value is at most 63 letters, digits, `-`, `_` and `.`",
        span,
    )
    .severity(Severity::Note)
}
