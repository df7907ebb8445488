//! Texts of the graph as a file of Docker's or a config writes them: variables, slots, addresses,
//! secrets, dollars and braces.

use super::Lowering;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{port_number, protocol, scheme};
use crate::source::Span;
use crate::types::{Piece, PortPart, Reference, SlotField, Text, Value, VariableId};
use crate::vocabulary::{Capability, EntryValue, Label, TargetId};

/// What reads a text, and so what a `$` and a `{{` mean in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::targets) enum Place {
    /// A field of the file: variables are substituted.
    Field,
    /// The host name, the environment and mounts. On a swarm each task's template is then filled in
    /// (<https://docs.docker.com/reference/cli/docker/service/create/#create-services-using-templates>).
    Template,
    /// The content of a config: nothing is substituted.
    Content,
}

/// A known text of a file, where every dollar begins a variable.
pub(in crate::targets) fn escaped(text: &str) -> String {
    text.replace('$', "$$")
}

/// The variable of the shell that stands for a resource of this name.
pub(in crate::targets) fn shell_variable(name: &str) -> String {
    name.replace('-', "_").to_ascii_uppercase()
}

impl Lowering<'_, '_> {
    /// A text as `place` reads it. What cannot be said there is reported.
    pub(in crate::targets) fn text(&mut self, text: &Text, place: Place, span: Span) -> String {
        match text {
            Text::Known(text) => self.literal(text, place, span),
            Text::Pieces(pieces) => pieces
                .iter()
                .map(|piece| self.piece(piece, place, span))
                .collect(),
        }
    }

    /// The value of an environment variable or a config's key.
    pub(in crate::targets) fn value(
        &mut self,
        value: &EntryValue,
        place: Place,
        span: Span,
    ) -> String {
        self.value_within(value, place, span, 0)
    }

    /// The path at which the service has a secret.
    pub(in crate::targets) fn secret_path(&self, secret: &str) -> String {
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
                if let Some(injected) = self.injected(name, place) {
                    return injected;
                }
                let diagnostic =
                    secret_not_injected(self.target, name, span).about(self.service.name());
                self.ledger.report(diagnostic);
                String::new()
            }
        }
    }

    /// A secret's value as the shell has it when the file is read, where the target may have it in
    /// an environment and it comes from a variable.
    fn injected(&mut self, name: &str, place: Place) -> Option<String> {
        if place != Place::Template || !self.target.has(Capability::SecretEnvironment) {
            return None;
        }
        let node = self.graph.secret(name)?;
        if node.file.is_some() {
            return None;
        }
        self.draft.injects_secret(name);
        let secret = self.ledger.enter(node);
        self.ledger.take_from(secret.external.as_ref());
        let variable = match self.ledger.take_from(secret.from.as_ref()) {
            Some(from) => from.0.to_string(),
            None => shell_variable(name),
        };
        Some(format!("${{{variable}:?set {variable}}}"))
    }

    fn literal(&mut self, text: &str, place: Place, span: Span) -> String {
        let templates = self.target.has(Capability::SlotIndex);
        if place == Place::Template && templates && text.contains("{{") {
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
            Piece::Slot(SlotField::Index)
                if place == Place::Template && self.target.has(Capability::SlotIndex) =>
            {
                "{{.Task.Slot}}".to_owned()
            }
            Piece::Slot(SlotField::Index) if self.runs_once => "1".to_owned(),
            Piece::Slot(field) => {
                let diagnostic =
                    slot_not_filled(self.target, *field, span).about(self.service.name());
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
    pub(in crate::targets) fn variable(
        &mut self,
        id: &VariableId,
        place: Place,
        span: Span,
    ) -> String {
        let name = &id.name;
        let variable = self.graph.variable(id);
        if place == Place::Content {
            let declared = variable.map(|variable| variable.span);
            let diagnostic = variable_not_substituted(self.target, name, span, declared)
                .about(self.service.name());
            self.ledger.report(diagnostic);
            return String::new();
        }
        let default = variable.and_then(|variable| variable.default.as_ref());
        let text = default.map(|default| default_text(&default.value));
        if let Some(why) = unwritable(self.target, name, text.as_deref()) {
            let declared = variable.map(|variable| variable.span);
            let diagnostic =
                unwritable_variable(name, why, span, declared).about(self.service.name());
            self.ledger.report(diagnostic);
            return String::new();
        }
        match (self.target, text) {
            // A default is read once more for variables of its own (compose-go
            // `template/template.go`); and a variable without one is warned about.
            (TargetId::Compose, Some(text)) => format!("${{{name}:-{}}}", escaped(&text)),
            // What is not set is empty already.
            (_, Some(text)) if text.is_empty() => format!("${{{name}}}"),
            (_, Some(text)) => format!("${{{name}:-{text}}}"),
            (_, None) => format!("${{{name}:?set {name}}}"),
        }
    }

    fn address(&self, service: &str, port: &str, part: PortPart) -> String {
        let Some(callee) = self.graph.find(service) else {
            return String::new();
        };
        let Some(port) = callee.port(port) else {
            return String::new();
        };
        let host = self.graph.docker_name(self.service, callee);
        let number = port_number(port).unwrap_or_default();
        match part {
            PortPart::Url => format!("{}://{host}:{number}", scheme(protocol(port))),
            PortPart::Address => format!("{host}:{number}"),
            PortPart::Host => host.to_owned(),
            PortPart::Number => number.to_string(),
        }
    }
}

/// Why a variable cannot be written, if it cannot.
///
/// docker/cli `cli/compose/template/template.go`: a name is letters, digits and `_`; what follows
/// `:-` is not empty, ends at the first `}`, and its own dollars are plain. compose-go's
/// `template/template.go` counts braces, so there a `{` cannot stand either.
fn unwritable(target: TargetId, name: &str, default: Option<&str>) -> Option<&'static str> {
    let has = |brace| default.is_some_and(|text| text.contains(brace));
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        Some("its name has other characters than letters, digits and `_`")
    } else if has('}') {
        Some("its default has a `}`, which ends the substitution")
    } else if target == TargetId::Compose && has('{') {
        Some("its default has a `{`, which is counted against the `}` that ends the substitution")
    } else {
        None
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

fn slot_not_filled(target: TargetId, field: SlotField, span: Span) -> Diagnostic {
    let name = target.word();
    match field {
        SlotField::Index if target.has(Capability::SlotIndex) => Diagnostic::new(
            &catalogue::SLOT_NOT_FILLED,
            format!("{name} does not fill in `slot.index` here"),
            span,
        )
        .help("use it in `env` or `hostname`, and read it from there"),
        SlotField::Index => Diagnostic::new(
            &catalogue::SLOT_NOT_FILLED,
            format!("{name} does not tell an instance its number"),
            span,
        )
        .help(format!(
            "run one instance, whose number is 1, or leave {name} out with `targets`"
        )),
        SlotField::Port => Diagnostic::new(
            &catalogue::SLOT_NOT_FILLED,
            format!("an instance on {name} has no port of its own"),
            span,
        )
        .help("give the port a number: every instance listens on the same one, at its own address"),
    }
}

fn variable_not_substituted(
    target: TargetId,
    name: &str,
    span: Span,
    declared: Option<Span>,
) -> Diagnostic {
    let target = target.word();
    let diagnostic = Diagnostic::new(
        &catalogue::VARIABLE_NOT_SUBSTITUTED,
        format!("{target} does not substitute `{name}` in a config's content"),
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
        format!("`{name}` cannot be substituted: {why}"),
        span,
    )
    .help("change the name or the default of the `deploy` variable");
    match declared {
        Some(declared) => diagnostic.and(declared, "declared here"),
        None => diagnostic,
    }
}

fn secret_not_injected(target: TargetId, name: &str, span: Span) -> Diagnostic {
    let word = target.word();
    let elsewhere = if target.has(Capability::SecretEnvironment) {
        "puts it into an environment only where it comes from a variable, `from = env(\"…\")`"
    } else {
        "injects it nowhere else"
    };
    Diagnostic::new(
        &catalogue::SECRET_NOT_INJECTED,
        format!("{word} mounts secret `{name}` as a file and {elsewhere}"),
        span,
    )
    .help(format!(
        "pass the path, `{name}.path`, and let the program read the file: many images take \
         `NAME_FILE` for `NAME`"
    ))
}
