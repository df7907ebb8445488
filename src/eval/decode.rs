//! From merged trees to the deployment.

use super::body::Part;
use super::evaluator::Evaluator;
use super::expand::Resource;
use super::shown::{kind_of, shown};
use super::text::not_known;
use super::{ConfigNode, Deployment, ServiceNode};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Spanned;
use crate::types::{ResourceKind, Text, Ty, Value};
use crate::vocabulary::{Block, Config, Decoder, Gateway, Property, Tree, TreeAttribute};
use std::ops::Range;

impl Evaluator<'_> {
    /// Evaluates and decodes these resources, in order, as far as `keep` wants them; it may change what
    /// was written.
    pub(super) fn decode(
        &mut self,
        range: Range<usize>,
        deployment: &mut Deployment,
        mut keep: impl FnMut(&str, &mut Tree) -> bool,
    ) {
        if self.stopped() {
            return;
        }
        let services = self.resources.services(&range);
        deployment.services.reserve_exact(services);
        for index in range {
            if self.stopped() {
                return;
            }
            let Some(resource) = self.resources.get(index).cloned() else {
                continue;
            };
            let tree = if resource.kind == Some(ResourceKind::Config) {
                let tree = self.config_tree(index, resource.block.head());
                tree.map(|tree| Tree::clone(&tree))
            } else {
                self.resource_tree(index, Part::All)
            };
            if let Some(mut tree) = tree {
                self.settle_tree(&mut tree, resource.schema);
                if keep(&resource.block.kind.text, &mut tree) {
                    self.place(&resource, &tree, deployment);
                }
            }
        }
    }

    fn place(&mut self, resource: &Resource<'_>, tree: &Tree, deployment: &mut Deployment) {
        let mut decoded = std::mem::take(&mut self.decoded);
        let mut decoder = Decoder {
            written: &mut deployment.written,
            decoded: &mut decoded,
            mismatches: Vec::new(),
        };
        let kind = &*resource.block.kind.text;
        match kind {
            "service" => deployment.services.push(ServiceNode {
                service: decoder.node(const { &Property::block("service") }, tree),
                gateway: None,
                doc: resource.block.doc.clone(),
            }),
            "gateway" => deployment.services.push(ServiceNode {
                service: decoder.node(const { &Property::block("gateway") }, tree),
                gateway: Some(Box::new(Gateway::decode(tree, &mut decoder))),
                doc: resource.block.doc.clone(),
            }),
            "network" => deployment
                .networks
                .push(decoder.node(const { &Property::block("network") }, tree)),
            "volume" => deployment
                .volumes
                .push(decoder.node(const { &Property::block("volume") }, tree)),
            "secret" => deployment
                .secrets
                .push(decoder.node(const { &Property::block("secret") }, tree)),
            "app" => deployment.app = Some(decoder.node(const { &Property::block("app") }, tree)),
            "target" => deployment
                .settings
                .push(decoder.node(const { &Property::block("target") }, tree)),
            "config" => {
                let config = decoder.node::<Config>(const { &Property::block("config") }, tree);
                let content = config
                    .file
                    .as_ref()
                    .and_then(|file| self.project_file(&file.value, tree.head.file, file.span));
                deployment.configs.push(ConfigNode { config, content });
            }
            _ => {}
        }
        let mismatches = decoder.mismatches;
        self.decoded = decoded;
        for (attribute, ty) in mismatches {
            let diagnostic = mismatched(kind, &attribute, &ty);
            self.report::<()>(diagnostic);
        }
    }
}

/// An attribute's value is not of its type, which only evaluation could tell.
fn mismatched(kind: &str, attribute: &TreeAttribute, ty: &Ty) -> Diagnostic {
    let key = &attribute.key;
    let value = culprit(&attribute.value, ty);
    let inner = match ty {
        Ty::Deploy(inner) => inner,
        ty => ty,
    };
    let diagnostic = match (inner, &value.value) {
        (Ty::Int(range), Value::Int(_)) => Diagnostic::new(
            &catalogue::OUT_OF_RANGE,
            format!("`{key}` is {range}, and this is {}", shown(&value.value)),
            value.span,
        ),
        (_, Value::Text(text @ Text::Pieces(_))) => {
            let piece = text.unknowns().next().map(ToString::to_string);
            not_known(&format!("`{}`", piece.unwrap_or_default()), value.span)
        }
        (_, Value::Variable(variable)) => not_known(&format!("`{}`", variable.name), value.span),
        (wanted, found) => Diagnostic::new(
            &catalogue::TYPE_MISMATCH,
            format!(
                "`{key}` is asked to be {wanted}, and {} is {}",
                shown(found),
                kind_of(found)
            ),
            value.span,
        ),
    };
    if attribute.key_span.file == value.span.file && attribute.key_span.end <= value.span.start {
        return diagnostic;
    }
    diagnostic.and(attribute.key_span, format!("`{key}` of this {kind}"))
}

/// The item of a list that is to blame; else the value.
fn culprit<'v>(value: &'v Spanned<Value>, ty: &Ty) -> &'v Spanned<Value> {
    match (&value.value, ty) {
        (Value::List(items), Ty::List(item, _)) => items
            .iter()
            .find(|each| super::fit::fit((*each).clone(), item).is_err())
            .unwrap_or(value),
        _ => value,
    }
}
