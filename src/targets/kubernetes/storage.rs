//! Volumes as claims, and the names of secrets, whose values are nowhere.

use super::lowering::Lowering;
use super::names;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::vocabulary::{Node, Secret};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;

/// The key under which a Secret keeps the one value of a secret.
pub(super) const SECRET_KEY: &str = "value";

impl<'g> Lowering<'g> {
    /// The name of a volume's claim; it is written when it is first asked for, unless it exists.
    pub(super) fn claim(&mut self, name: &'g str) -> String {
        let Some(volume) = self.graph.volume(name) else {
            return name.to_owned();
        };
        let body = self.ledger.enter(volume);
        let real = self
            .ledger
            .take_from(body.name.as_ref())
            .map_or(name, |name| name);
        if !self.is_first(volume.id) {
            return real.to_owned();
        }
        if !names::is_subdomain(real) {
            self.ledger
                .report(names::invalid("volume", real, volume.span));
        }
        let external = self.ledger.take_from(body.external.as_ref()).copied();
        let spec = self.claim_spec(volume);
        if external == Some(true) {
            return real.to_owned();
        }
        if spec.is_none() {
            self.ledger.report(no_size(name, volume.span));
            return real.to_owned();
        }
        let claim = PersistentVolumeClaim {
            spec,
            ..PersistentVolumeClaim::default()
        };
        let metadata = self.shared_metadata(real.to_owned());
        self.write_apart(real, metadata, claim);
        real.to_owned()
    }

    /// The name of a secret's Secret. How to make it is said once.
    pub(super) fn secret(&mut self, name: &'g str) -> String {
        let Some(secret) = self.graph.secret(name) else {
            return name.to_owned();
        };
        let body = self.ledger.enter(secret);
        let real = self
            .ledger
            .take_from(body.name.as_ref())
            .map_or(name, |name| name);
        self.ledger.take_from(body.external.as_ref());
        self.ledger.take_from(body.from.as_ref());
        self.ledger.take_from(body.file.as_ref());
        if self.is_first(secret.id) {
            if !names::is_subdomain(real) {
                self.ledger
                    .report(names::invalid("secret", real, secret.span));
            }
            let namespace = self.common.settings.namespace;
            self.ledger
                .report(to_create(secret, real, namespace, secret.span));
        }
        real.to_owned()
    }
}

/// A claim must say how much it asks for.
fn no_size(name: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::VOLUME_WITHOUT_SIZE,
        format!("volume `{name}` has no size, and a claim on Kubernetes must have one"),
        span,
    )
    .help("write `size = 10GiB`, or `external = true` where the claim exists")
}

/// The manifests name a Secret that someone else makes.
fn to_create(secret: &Node<Secret>, real: &str, namespace: Option<&str>, span: Span) -> Diagnostic {
    let value = match (&secret.from, &secret.file) {
        (Some(from), _) => Some(format!("--from-literal={SECRET_KEY}=\"${}\"", from.value.0)),
        (None, Some(file)) => Some(format!("--from-file={SECRET_KEY}={}", file.value)),
        (None, None) => None,
    };
    let namespace = namespace.map_or_else(String::new, |name| format!(" -n {name}"));
    Diagnostic::new(
        &catalogue::SECRET_TO_CREATE,
        format!("Secret `{real}` must be there, with the value under `{SECRET_KEY}`"),
        span,
    )
    .labelled("in no file that zdc writes")
    .help(match value {
        Some(value) => format!("kubectl create secret generic {real}{namespace} {value}"),
        None => format!("see what is there: kubectl get secret {real}{namespace} -o yaml"),
    })
}
