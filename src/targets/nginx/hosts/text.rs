//! Texts of the graph as words of a script: variables, slots and addresses.

use super::word::{Variable, Word};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Graph, ServiceView, protocol, scheme};
use crate::source::{Span, Spanned, Str};
use crate::targets::Ledger;
use crate::types::{Piece, PortPart, SlotField, Text, Value, VariableId};
use crate::vocabulary::{Attribute, EntryValue};

/// What texts are read with.
pub(super) struct Texts<'g, 'l> {
    pub(super) graph: &'g Graph,
    pub(super) service: ServiceView<'g>,
    pub(super) ledger: &'l mut Ledger<'g>,
    /// The deploy-time variables met so far, of all services.
    pub(super) variables: &'l mut Vec<DeployVariable>,
}

/// A deploy-time variable that the scripts take from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeployVariable {
    /// Letters, digits and `_`.
    pub(super) name: Str,
    /// What it is where the environment has none; `None` must be set.
    pub(super) default: Option<String>,
}

/// How deep keys of configs may stand for each other.
const DEEPEST: usize = 16;

impl<'g> Texts<'g, '_> {
    /// A text as one word. What cannot be said in a script is reported.
    pub(super) fn word(&mut self, text: &Text, span: Span) -> Word {
        let mut word = Word::default();
        match text {
            Text::Known(text) => self.literal(&mut word, text, span),
            Text::Pieces(pieces) => {
                for piece in pieces {
                    self.piece(&mut word, piece, span);
                }
            }
        }
        word
    }

    /// An optional attribute as one word, taken.
    pub(super) fn taken(&mut self, attribute: Option<&Attribute<Text>>) -> Option<Word> {
        let attribute = attribute?;
        let text = self.ledger.take(attribute);
        Some(self.word(text, attribute.span))
    }

    /// A list as words, taken.
    pub(super) fn words(&mut self, list: Option<&Attribute<Vec<Spanned<Text>>>>) -> Vec<Word> {
        let Some(list) = list else {
            return Vec::new();
        };
        let texts = self.ledger.take(list);
        let words = texts.iter().map(|text| self.word(&text.value, text.span));
        words.collect()
    }

    /// The value of an environment variable.
    pub(super) fn value(&mut self, value: &'g EntryValue, span: Span) -> Word {
        let mut value = value;
        for _ in 0..DEEPEST {
            match value {
                EntryValue::Text(text) => return self.word(text, span),
                EntryValue::Secret(name) => {
                    self.refuse(
                        span,
                        format!("the secret `{name}` has no way into a slot of a plain host"),
                        "a script would have to hold its value",
                        "have the program read it from a file that the host has",
                    );
                    return Word::default();
                }
                EntryValue::ConfigKey { config, key } => {
                    let Some(node) = self.graph.config(config) else {
                        break;
                    };
                    self.ledger.enter(&node.config);
                    let Some(data) = &node.config.data else { break };
                    self.ledger.enter(data);
                    let entry = data.entries.iter().find(|entry| entry.key == *key);
                    let Some(entry) = entry else { break };
                    value = self.ledger.take_entry(entry).1;
                }
            }
        }
        Word::default()
    }

    /// A known text that must stand on one line of a unit file.
    pub(super) fn line(&mut self, text: &str, span: Span) -> String {
        if text.chars().any(char::is_control) {
            self.ledger.report(
                unwritable(text, span, "a unit file has one line for it")
                    .about(self.service.name()),
            );
        }
        text.to_owned()
    }

    /// Something that a plain host cannot do and that the program needs.
    pub(super) fn refuse(&mut self, span: Span, what: String, why: &str, instead: &str) {
        let diagnostic = refused(span, what, why, instead).about(self.service.name());
        self.ledger.report(diagnostic);
    }

    fn literal(&mut self, word: &mut Word, text: &str, span: Span) {
        if text.contains('\0') {
            let why = "no word of a program holds the character NUL";
            let diagnostic = unwritable(text, span, why).about(self.service.name());
            self.ledger.report(diagnostic);
        }
        word.push(text);
    }

    fn piece(&mut self, word: &mut Word, piece: &Piece, span: Span) {
        match piece {
            Piece::Literal(text) => self.literal(word, text, span),
            Piece::Slot(SlotField::Index) => word.push_variable(Variable::SlotIndex),
            Piece::Slot(SlotField::Port) => word.push_variable(Variable::SlotPort),
            Piece::Variable(id) => self.variable(word, id, span),
            Piece::SecretPath(name) => self.refuse(
                span,
                format!("the secret `{name}` has no path on a plain host"),
                "nothing puts it there",
                "write the path at which the host has it",
            ),
            Piece::Port {
                service,
                port,
                part,
            } => {
                let address = self.address(service, port, *part, span);
                self.literal(word, &address, span);
            }
        }
    }

    fn variable(&mut self, word: &mut Word, id: &VariableId, span: Span) {
        if id.name.contains('-') {
            let why = "a shell has no variable of this name: write `_` for `-`";
            let diagnostic = unwritable(&id.name, span, why).about(self.service.name());
            self.ledger.report(diagnostic);
            return;
        }
        if !self.variables.iter().any(|known| known.name == id.name) {
            let variable = self.graph.variable(id);
            let written = variable.and_then(|it| {
                it.set
                    .clone()
                    .or_else(|| it.default.as_ref().map(|default| default.value.clone()))
            });
            let default = written.as_ref().and_then(shown);
            self.variables.push(DeployVariable {
                name: id.name.clone(),
                default,
            });
        }
        word.push_variable(Variable::Deploy(&id.name));
    }

    /// The address of another service of the host. One with several slots has none of its own.
    fn address(&mut self, service: &str, port: &str, part: PortPart, span: Span) -> String {
        let graph = self.graph;
        let callee = graph.find(service);
        let slots = callee.and_then(|callee| graph.slots(callee));
        let only = slots
            .as_ref()
            .and_then(|slots| match slots.ports.as_slice() {
                [only] => Some(*only),
                _ => None,
            });
        let node = callee.and_then(|callee| callee.port(port));
        let (Some(only), Some(node), None) = (only, node, &self.service.node.service.image) else {
            self.refuse(
                span,
                format!("`{service}` has no address of its own on a plain host"),
                "its slots come and go, and a container does not see the host's loopback",
                "write as a text where a gateway leads to it: `\"http://HOST/PATH\"`, with the name of this host",
            );
            return String::new();
        };
        match part {
            PortPart::Url => format!("{}://127.0.0.1:{only}", scheme(protocol(node))),
            PortPart::Address => format!("127.0.0.1:{only}"),
            PortPart::Host => "127.0.0.1".to_owned(),
            PortPart::Number => only.to_string(),
        }
    }
}

/// A default as the environment would have it.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Float(value) => Some(value.to_string()),
        Value::Text(text) => Some(text.to_string()),
        _ => None,
    }
}

/// Something that a plain host cannot do and that the program needs.
pub(super) fn refused(span: Span, what: String, why: &str, instead: &str) -> Diagnostic {
    Diagnostic::new(&catalogue::NOT_ON_A_HOST, what, span)
        .labelled(why)
        .help(instead)
}

/// A text that a script cannot hold in its place.
pub(super) fn unwritable(text: &str, span: Span, why: &str) -> Diagnostic {
    let shown: String = text.chars().take(60).collect();
    Diagnostic::new(
        &catalogue::UNWRITABLE_IN_A_SCRIPT,
        format!("a script cannot hold `{}` here", shown.escape_debug()),
        span,
    )
    .labelled(why)
}
