//! Parts of a service that both readers take in the same words.

use super::Lowering;
use super::format::{Logging, Map, Words};
use super::text::{Place, escaped};
use crate::rollout::derivation::nginx;
use crate::source::Spanned;
use crate::types::Text;
use crate::vocabulary::{Attribute, Signal};
use crate::yaml::Flow;

/// How a service is stopped.
#[derive(Debug, Default)]
pub(in crate::targets) struct Stopping {
    pub(in crate::targets) grace: Option<String>,
    pub(in crate::targets) signal: Option<&'static str>,
}

impl Lowering<'_, '_> {
    /// An optional text.
    pub(in crate::targets) fn optional_text(
        &mut self,
        attribute: Option<&Attribute<Text>>,
        place: Place,
    ) -> Option<String> {
        let attribute = attribute?;
        let text = self.ledger.take(attribute);
        Some(self.text(text, place, attribute.span))
    }

    /// A command, one word an item.
    pub(in crate::targets) fn words(
        &mut self,
        attribute: Option<&Attribute<Vec<Spanned<Text>>>>,
    ) -> Option<Words> {
        let words = self.ledger.take_from(attribute)?;
        let words = words
            .iter()
            .map(|word| self.text(&word.value, Place::Field, word.span));
        Some(Flow(words.collect()))
    }

    /// The environment.
    pub(in crate::targets) fn environment(&mut self) -> Map<String> {
        let Some(node) = &self.service.node.service.body.env else {
            return Map::default();
        };
        let environment = self.ledger.enter(node);
        let entry = |entry| {
            let (key, value) = self.ledger.take_entry(entry);
            let value = self.value(value, Place::Template, entry.attribute.span);
            (key.to_owned(), value)
        };
        environment.entries.iter().map(entry).collect()
    }

    /// What is sent first, and how long until the program is killed.
    pub(in crate::targets) fn stopping(&mut self) -> Stopping {
        let derived = self.policy.map(|policy| policy.grace.emitted().copied());
        let Some(node) = &self.service.node.service.body.shutdown else {
            return Stopping {
                grace: derived.flatten().map(|grace| grace.to_string()),
                signal: self.signal_of_gateway(),
            };
        };
        let shutdown = self.ledger.enter(node);
        self.ledger.declare_from(
            shutdown.drain.as_ref(),
            "what the program does itself after the signal; the engine waits for `grace` only",
        );
        let written = self.ledger.take_from(shutdown.grace.as_ref()).copied();
        let grace = derived.unwrap_or(written);
        let signal = self.ledger.take_from(shutdown.signal.as_ref());
        Stopping {
            grace: grace.map(|grace| grace.to_string()),
            signal: signal
                .map(|signal| signal.word())
                .or_else(|| self.signal_of_gateway()),
        }
    }

    /// SIGQUIT lets nginx end its requests, SIGTERM does not (nginx.org, "Controlling nginx"). Its
    /// official image asks for it (`nginxinc/docker-nginx`, `STOPSIGNAL`); of another nothing is known.
    fn signal_of_gateway(&self) -> Option<&'static str> {
        let gateway = self.service.node.gateway.is_some();
        let image = self.service.node.service.image.as_ref();
        let official = image.is_some_and(|image| nginx::is_official(&image.value));
        (gateway && !official).then_some(Signal::Quit.word())
    }

    /// Where its output goes.
    pub(in crate::targets) fn logging(&mut self) -> Option<Logging> {
        let ledger = &mut *self.ledger;
        let logging = ledger.enter(self.service.node.service.body.logging.as_ref()?);
        let driver = ledger
            .take_from(logging.driver.as_ref())
            .map(|driver| escaped(driver));
        let options = logging
            .options
            .as_ref()
            .map(|options| ledger.enter(options));
        let options = options
            .iter()
            .flat_map(|options| &options.entries)
            .map(|entry| {
                let (key, value) = ledger.take_entry(entry);
                (key.to_owned(), escaped(value))
            });
        Some(Logging {
            driver,
            options: options.collect(),
        })
    }

    /// Its labels; its own win over the app's.
    pub(in crate::targets) fn labels(&mut self) -> Map<String> {
        let app = self.graph.app().and_then(|app| app.labels.as_ref());
        let own = self.service.node.service.body.labels.as_ref();
        let mut labels: Map<String> = Map::default();
        for node in [app, own].into_iter().flatten() {
            for entry in &self.ledger.enter(node).entries {
                let (key, value) = self.ledger.take_entry(entry);
                let value = escaped(value);
                match labels.0.iter_mut().find(|(known, _)| known == key) {
                    Some((_, known)) => *known = value,
                    None => labels.0.push((key.to_owned(), value)),
                }
            }
        }
        labels
    }
}
