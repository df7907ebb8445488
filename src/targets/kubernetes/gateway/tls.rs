//! Certificates: Secrets of the type `kubernetes.io/tls`, which hold a certificate and its key.

use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::targets::kubernetes::lowering::Lowering;
use crate::targets::kubernetes::names;
use crate::vocabulary::{Listen, Node};

/// Why the name of a key's secret is not written.
const ONE_SECRET: &str = "on Kubernetes one Secret holds the certificate and its key";

impl<'g> Lowering<'g> {
    /// The name of the Secret with a listener's certificate. How to make it is said once.
    pub(super) fn certificate(&mut self, listen: &'g Node<Listen>) -> Option<String> {
        let tls = self.ledger.enter(listen.tls.as_deref()?);
        let certificate = self.ledger.take_from(tls.certificate.as_ref());
        if let Some(key) = self.ledger.take_from(tls.key.as_ref())
            // Of one that is both the certificate is told.
            && certificate.is_none_or(|it| it.0 != key.0)
            && let Some(secret) = self.graph.secret(&key.0)
            && self.is_first(secret.id)
        {
            self.ledger.declare_block(secret, ONE_SECRET);
        }
        let name = &*certificate?.0;
        let Some(secret) = self.graph.secret(name) else {
            return Some(name.to_owned());
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
            self.ledger.report(to_create(real, namespace, secret.span));
        }
        Some(real.to_owned())
    }
}

/// The manifests name a Secret that someone else makes.
fn to_create(real: &str, namespace: Option<&str>, span: Span) -> Diagnostic {
    let namespace = namespace.map_or_else(String::new, |name| format!(" -n {name}"));
    Diagnostic::new(
        &catalogue::SECRET_TO_CREATE,
        format!("Secret `{real}` must be there, with a certificate and its key"),
        span,
    )
    .labelled("in no file that zdc writes")
    .help(format!(
        "kubectl create secret tls {real}{namespace} --cert=CERTIFICATE.pem --key=KEY.pem"
    ))
}
