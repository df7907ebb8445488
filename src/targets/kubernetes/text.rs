//! Texts in pieces: what a deploy-time variable, another service's address, a secret's path and a
//! replica's number are on Kubernetes.

use super::lowering::{Lowering, not_yet};
use crate::diagnostics::{Diagnostic, Severity, catalogue};
use crate::eval::DeployVariable;
use crate::graph::{self, ServiceView};
use crate::source::{Span, Spanned};
use crate::types::Reference;
use crate::types::{Piece, PortPart, Text, Value, VariableId};
use crate::vocabulary::{Count, Label, Staged};

/// Where a text ends up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is taken as it is.
    Plain,
    /// The kubelet expands `$(NAME)` in it: commands, arguments, the values of variables and
    /// probes (`kubernetes/kubernetes`, `third_party/forked/golang/expansion/expand.go`,
    /// `pkg/kubelet/prober/prober.go`).
    Expanded,
}

impl<'g> Lowering<'g> {
    /// A text as it is written. `service` is the one that says it; a config belongs to none.
    pub(super) fn text(
        &mut self,
        text: &'g Text,
        span: Span,
        place: Place,
        service: Option<ServiceView<'g>>,
    ) -> String {
        let substitute = self.common.settings.substitute;
        let mut written = match text {
            Text::Known(known) if !substitute => String::from(&**known),
            Text::Known(known) => substitutable(known),
            Text::Pieces(pieces) => {
                let mut out = String::new();
                for piece in pieces {
                    match piece {
                        Piece::Literal(literal) if substitute => {
                            out.push_str(&substitutable(literal));
                        }
                        piece => self.piece(piece, span, service, &mut out),
                    }
                }
                out
            }
        };
        if place == Place::Expanded && written.contains('$') {
            written = unexpanded(&written);
        }
        written
    }

    /// A list of words, as they are written.
    pub(super) fn words(
        &mut self,
        words: &'g [Spanned<Text>],
        service: ServiceView<'g>,
    ) -> Vec<String> {
        words
            .iter()
            .map(|word| self.text(&word.value, word.span, Place::Expanded, Some(service)))
            .collect()
    }

    /// A number that may be known only when it is deployed.
    pub(super) fn count(&mut self, count: &'g Staged<Count>, span: Span) -> Option<u64> {
        let id = match count {
            Staged::Known(count) => return Some(count.get()),
            Staged::Variable(id) => id,
        };
        if self.common.settings.substitute {
            self.ledger.report(not_yet(
                "a number of replicas that is substituted when it is deployed",
                span,
                "leave `deploy_variables` out, and set the number with `--set`",
            ));
            return None;
        }
        match self.variable_value(id)? {
            Value::Int(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    fn piece(
        &mut self,
        piece: &'g Piece,
        span: Span,
        service: Option<ServiceView<'g>>,
        out: &mut String,
    ) {
        match piece {
            Piece::Literal(literal) => out.push_str(literal),
            Piece::Variable(id) => self.variable(id, out),
            Piece::Slot(_) => {
                if self.ledger.is_news("slot", span) {
                    self.ledger.report(no_slots(piece, span));
                }
            }
            Piece::Port {
                service,
                port,
                part,
            } => self.address(service, port, *part, span, out),
            Piece::SecretPath(secret) => out.push_str(&secret_path(secret, service)),
        }
    }

    /// A deploy-time variable inside a text: its value, or what substitutes it. `${NAME:=default}`
    /// is read by Flux and by the `envsubst` of Go, not by that of GNU gettext.
    fn variable(&mut self, id: &'g VariableId, out: &mut String) {
        if self.common.settings.substitute {
            let default = self
                .graph
                .variable(id)
                .and_then(|variable| variable.default.as_ref())
                .and_then(|default| plain(&default.value));
            out.push_str("${");
            out.push_str(&id.name);
            if let Some(default) = default {
                out.push_str(":=");
                out.push_str(&default);
            }
            out.push('}');
            return;
        }
        if let Some(value) = self.variable_value(id).and_then(plain) {
            out.push_str(&value);
        }
    }

    /// The value a variable has for good once the manifests are built: that of `--set`, else its
    /// default. Said once for each variable.
    fn variable_value(&mut self, id: &'g VariableId) -> Option<&'g Value> {
        let variable = self.graph.variable(id)?;
        let default = variable.default.as_ref().map(|default| &default.value);
        let value = variable.set.as_ref().or(default);
        if self.ledger.is_news("variable", variable.span) {
            let diagnostic = match value.and_then(plain) {
                Some(value) => fixed(variable, &value),
                None => no_value(variable),
            };
            self.ledger.report(diagnostic);
        }
        value
    }

    /// Part of the address of a port: its Service's name and number, in the same namespace.
    fn address(&mut self, name: &str, port: &str, part: PortPart, span: Span, out: &mut String) {
        let Some(callee) = self.graph.find(name) else {
            return;
        };
        let Some(port) = callee.port(port) else {
            return;
        };
        if callee.node.gateway.is_some() && part != PortPart::Number {
            if self.ledger.is_news("gateway", span) {
                self.ledger.report(no_gateway(name, span, callee.span()));
            }
            return;
        }
        let host = self.service_name(callee);
        let number = graph::port_number(port).map(|number| number.to_string());
        let number = number.as_deref().unwrap_or_default();
        let scheme = graph::scheme(graph::protocol(port));
        match part {
            PortPart::Url => out.extend([scheme, "://", host, ":", number]),
            PortPart::Address => out.extend([host, ":", number]),
            PortPart::Host => out.push_str(host),
            PortPart::Number => out.push_str(number),
        }
    }
}

/// Where a service mounts a secret, or would.
pub(super) fn secret_path(secret: &str, service: Option<ServiceView<'_>>) -> String {
    let mounts = service.map_or(&[][..], |service| &service.node.service.body.secret);
    mounts
        .iter()
        .find(|mount| mount.label == Label::Reference(Reference::Secret(secret.into())))
        .and_then(|mount| mount.path.as_ref())
        .map_or_else(
            || format!("/run/secrets/{secret}"),
            |path| path.value.to_string(),
        )
}

/// A value as text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Text(text) => text.known().map(ToString::to_string),
        _ => None,
    }
}

/// A text that comes out of the kubelet's expansion as it was: `$$` is a dollar there, `$(` begins
/// a name, and any other dollar is itself.
fn unexpanded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        out.push(c);
        if c == '$' && matches!(rest.peek(), Some('$' | '(')) {
            out.push('$');
        }
    }
    out
}

/// A text that comes out of Flux's substitution as it was: `$${` is `${` there
/// (`fluxcd.io/flux/components/kustomize/kustomizations`, post build variable substitution).
fn substitutable(text: &str) -> String {
    text.replace("${", "$${")
}

/// A variable has one value once the manifests are built.
fn fixed(variable: &DeployVariable, value: &str) -> Diagnostic {
    let name = &variable.id.name;
    Diagnostic::new(
        &catalogue::DEPLOY_VARIABLE_FIXED,
        format!("`{name}` is `{value}` in what is written for Kubernetes"),
        variable.span,
    )
    .labelled("Kubernetes has no deploy-time variables")
    .help(format!(
        "build with `--set {name}=…` for another value, or leave it to Flux with \
         `target kubernetes {{ deploy_variables = substitute }}`"
    ))
}

/// A variable has no value to build with.
fn no_value(variable: &DeployVariable) -> Diagnostic {
    let name = &variable.id.name;
    Diagnostic::new(
        &catalogue::DEPLOY_VARIABLE_WITHOUT_VALUE,
        format!("`{name}` has no value, and Kubernetes has no deploy-time variables"),
        variable.span,
    )
    .help(format!("build with `--set {name}=…`, or give it a default"))
}

/// The pods of a Deployment have no numbers.
fn no_slots(piece: &Piece, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::SLOT_NOT_FILLED,
        format!("`{piece}` has no value on Kubernetes"),
        span,
    )
    .note("the pods of a Deployment have random names and no numbers")
    .help("take it out, or leave Kubernetes out with `targets`")
}

/// There is no Service where a gateway was.
fn no_gateway(name: &str, span: Span, declared: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::GATEWAY_IS_THE_CONTROLLER,
        format!("gateway `{name}` has no address on Kubernetes"),
        span,
    )
    .severity(Severity::Error)
    .and(declared, "a controller of the cluster takes its place")
    .help("refer to the service that the gateway routes to")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kubelet_gives_back_what_was_written() {
        for (text, written) in [
            ("$x", "$x"),
            ("$(HOME)", "$$(HOME)"),
            ("$$", "$$$"),
            ("$$x", "$$$x"),
            ("$$(A)", "$$$$(A)"),
            ("a$", "a$"),
        ] {
            assert_eq!(unexpanded(text), written);
            assert_eq!(expand(written), text);
        }
    }

    /// As `expand.go` reads it.
    fn expand(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '$' && rest.peek() == Some(&'$') {
                rest.next();
            }
            out.push(c);
        }
        out
    }
}
