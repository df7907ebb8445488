//! Texts of the graph as a stack file or a config writes them: variables, slots, addresses,
//! dollars and braces.

use super::Lowering;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{port_number, protocol, scheme};
use crate::source::Span;
use crate::types::{Piece, PortPart, Reference, SlotField, Text, Value, VariableId};
use crate::vocabulary::{EntryValue, Label};

/// What reads a text, and so what a `$` and a `{{` mean in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A field of the stack file: `docker stack deploy` substitutes variables.
    Field,
    /// The host name, the environment and mounts: after that each task's template is filled in
    /// (<https://docs.docker.com/reference/cli/docker/service/create/#create-services-using-templates>).
    Template,
    /// The content of a config: nothing is substituted.
    Content,
}

/// A known text of the stack file, where every dollar begins a variable.
pub(super) fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

impl Lowering<'_, '_> {
    /// A text as `place` reads it. What cannot be said there is reported.
    pub(super) fn text(&mut self, text: &Text, place: Place, span: Span) -> String {
        match text {
            Text::Known(text) => self.literal(text, place, span),
            Text::Pieces(pieces) => pieces
                .iter()
                .map(|piece| self.piece(piece, place, span))
                .collect(),
        }
    }

    /// The value of an environment variable or a config's key.
    pub(super) fn value(&mut self, value: &EntryValue, place: Place, span: Span) -> String {
        self.value_within(value, place, span, 0)
    }

    /// The path at which the service has a secret.
    pub(super) fn secret_path(&self, secret: &str) -> String {
        let mounts = &self.service.node.service.body.secret;
        let mount = mounts.iter().find(|mount| matches!(&mount.label, Label::Reference(Reference::Secret(name)) if &**name == secret));
        match mount.and_then(|mount| mount.path.as_ref()) {
            Some(path) => path.value.to_string(),
            None => format!("/run/secrets/{secret}"),
        }
    }

    fn value_within(
        &mut self,
        value: &EntryValue,
        place: Place,
        span: Span,
        depth: usize,
    ) -> String {
        // A key may stand for another config's key; a circle of them ends here.
        const DEEPEST: usize = 16;
        match value {
            EntryValue::Text(text) => self.text(text, place, span),
            EntryValue::ConfigKey { config, key } if depth < DEEPEST => {
                let graph = self.graph;
                let data = graph
                    .config(config)
                    .and_then(|node| node.config.data.as_ref());
                let entry =
                    data.and_then(|data| data.entries.iter().find(|entry| entry.key == *key));
                let Some(entry) = entry else {
                    return String::new();
                };
                if let Some(node) = graph.config(config) {
                    self.ledger.enter(&node.config);
                }
                if let Some(data) = data {
                    self.ledger.enter(data);
                }
                let (_, value) = self.ledger.take_entry(entry);
                self.value_within(value, place, span, depth + 1)
            }
            EntryValue::ConfigKey { .. } => String::new(),
            EntryValue::Secret(name) => {
                let diagnostic = secret_not_injected(name, span).about(self.service.name());
                self.ledger.report(diagnostic);
                String::new()
            }
        }
    }

    fn literal(&mut self, text: &str, place: Place, span: Span) -> String {
        if place == Place::Template && text.contains("{{") {
            let diagnostic = template_braces(span).about(self.service.name());
            self.ledger.report(diagnostic);
        }
        if place == Place::Content {
            text.to_owned()
        } else {
            escaped(text)
        }
    }

    fn piece(&mut self, piece: &Piece, place: Place, span: Span) -> String {
        match piece {
            Piece::Literal(text) => self.literal(text, place, span),
            Piece::Variable(id) => self.variable(id, place, span),
            Piece::Slot(SlotField::Index) if place == Place::Template => {
                "{{.Task.Slot}}".to_owned()
            }
            Piece::Slot(field) => {
                let diagnostic = slot_not_filled(*field, span).about(self.service.name());
                self.ledger.report(diagnostic);
                String::new()
            }
            Piece::Port {
                service,
                port,
                part,
            } => {
                let address = self.address(service, port, *part);
                self.literal(&address, place, span)
            }
            Piece::SecretPath(secret) => {
                if !self.secrets.contains(secret) {
                    self.secrets.push(secret.clone());
                }
                let path = self.secret_path(secret);
                self.literal(&path, place, span)
            }
        }
    }

    /// `${NAME:-default}`, or `${NAME:?set NAME}` where there is no default.
    pub(super) fn variable(&mut self, id: &VariableId, place: Place, span: Span) -> String {
        let name = &id.name;
        let variable = self.graph.variable(id);
        if place == Place::Content {
            let declared = variable.map(|variable| variable.span);
            let diagnostic =
                variable_not_substituted(name, span, declared).about(self.service.name());
            self.ledger.report(diagnostic);
            return String::new();
        }
        let default = variable.and_then(|variable| variable.default.as_ref());
        let text = default.map(|default| default_text(&default.value));
        // docker/cli `cli/compose/template/template.go`: a name is letters, digits and `_`; what
        // follows `:-` is not empty, ends at the first `}`, and its own dollars are plain.
        let unwritable = if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            Some("its name has other characters than letters, digits and `_`")
        } else if text.as_ref().is_some_and(|text| text.contains('}')) {
            Some("its default has a `}`, which ends the substitution")
        } else {
            None
        };
        if let Some(why) = unwritable {
            let declared = variable.map(|variable| variable.span);
            let diagnostic =
                unwritable_variable(name, why, span, declared).about(self.service.name());
            self.ledger.report(diagnostic);
            return String::new();
        }
        match text {
            // What is not set is empty already.
            Some(text) if text.is_empty() => format!("${{{name}}}"),
            Some(text) => format!("${{{name}:-{text}}}"),
            None => format!("${{{name}:?set {name}}}"),
        }
    }

    fn address(&self, service: &str, port: &str, part: PortPart) -> String {
        let Some(callee) = self.graph.find(service) else {
            return String::new();
        };
        let Some(port) = callee.port(port) else {
            return String::new();
        };
        let host = self.graph.swarm_host(self.service, callee);
        let number = port_number(port).unwrap_or_default();
        match part {
            PortPart::Url => format!("{}://{host}:{number}", scheme(protocol(port))),
            PortPart::Address => format!("{host}:{number}"),
            PortPart::Host => host.to_owned(),
            PortPart::Number => number.to_string(),
        }
    }
}

fn default_text(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => text.to_string(),
        _ => String::new(),
    }
}

fn template_braces(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::TEMPLATE_BRACES,
        "swarm reads `{{` here as a template of its own",
        span,
    )
    .help("write `${slot.index}` for the task's slot; for other text, mount a config with it")
}

fn slot_not_filled(field: SlotField, span: Span) -> Diagnostic {
    match field {
        SlotField::Index => Diagnostic::new(
            &catalogue::SLOT_NOT_FILLED,
            "swarm does not fill in `slot.index` here",
            span,
        )
        .help("use it in `env` or `hostname`, and read it from there"),
        SlotField::Port => Diagnostic::new(
            &catalogue::SLOT_NOT_FILLED,
            "a task of a swarm has no port of its own",
            span,
        )
        .help("give the port a number: every task listens on the same one, at its own address"),
    }
}

fn variable_not_substituted(name: &str, span: Span, declared: Option<Span>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::VARIABLE_NOT_SUBSTITUTED,
        format!("swarm does not substitute `{name}` in a config's content"),
        span,
    )
    .help("pass it in `env`, or make it a `param`, which is known when the file is written");
    match declared {
        Some(declared) => diagnostic.and(declared, "known only when it is deployed"),
        None => diagnostic,
    }
}

fn unwritable_variable(name: &str, why: &str, span: Span, declared: Option<Span>) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::UNWRITABLE_VARIABLE,
        format!("a stack file cannot substitute `{name}`: {why}"),
        span,
    )
    .help("change the name or the default of the `deploy` variable");
    match declared {
        Some(declared) => diagnostic.and(declared, "declared here"),
        None => diagnostic,
    }
}

fn secret_not_injected(name: &str, span: Span) -> Diagnostic {
    Diagnostic::new(&catalogue::SECRET_NOT_INJECTED, format!("swarm mounts secret `{name}` as a file and injects it nowhere else"), span)
        .help(format!("pass the path, `{name}.path`, and let the program read the file: many images take `NAME_FILE` for `NAME`"))
}
