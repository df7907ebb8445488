//! Configs as `ConfigMap`s, named by their content.
//!
//! A pod does not notice that a `ConfigMap` changed (kubernetes/kubernetes #22368), so the name
//! ends in a hash of the content: another content is another name, and a Deployment that mentions
//! it rolls. Such an object never changes, so it is immutable, which spares the kubelets watching
//! it. The old ones stay for `kubectl rollout undo`.

use super::lowering::{Lowering, different};
use super::names;
use super::text::Place;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::targets::content_hash;

use crate::vocabulary::{Config, EntryValue, Node};
use k8s_openapi::api::core::v1::ConfigMap;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The most that the values of a `ConfigMap` may be together, in bytes (`may not be more than
/// 1048576 bytes`, seen).
const LARGEST: usize = 1 << 20;
/// The most that fits into the annotation of a client-side `kubectl apply`, in bytes (`may not be
/// more than 262144 bytes`, seen); JSON makes the text a little longer.
const LARGEST_APPLIED: usize = 240 << 10;
/// How many configs deep a key may be looked up.
const DEEPEST: usize = 16;

/// The key that a config's `file` is kept under: the file's own name.
pub(super) fn file_key(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

impl<'g> Lowering<'g> {
    /// The name that a config is written under; it is written when it is first asked for.
    pub(super) fn config(&mut self, name: &'g str) -> String {
        if let Some(written) = self.configs.get(name) {
            return written.clone();
        }
        let Some(node) = self.graph.config(name) else {
            return name.to_owned();
        };
        let config = &node.config;
        let body = self.ledger.enter(config);
        let base = self
            .ledger
            .take_from(body.name.as_ref())
            .map_or(name, |name| name);
        let mut data = BTreeMap::new();
        if let Some(file) = &body.file {
            self.ledger.take(file);
            let key = file_key(&file.value);
            self.key(key, file.span);
            let content = node.content.as_deref().unwrap_or_default();
            data.insert(key.to_owned(), content.to_owned());
        }
        for entry in body.data.iter().flat_map(|data| &data.entries) {
            self.key(&entry.key, entry.attribute.key_span);
            let value = &entry.attribute.value;
            let value = self.config_value(value, entry.attribute.span, DEEPEST);
            data.insert(entry.key.to_string(), value);
        }
        self.config_data(config);
        let size = data.values().map(String::len).sum();
        self.size(name, size, config.span);
        let written = format!("{base}-{}", hash(&data));
        if !names::is_subdomain(&written) {
            self.ledger
                .report(names::invalid("config", base, config.span));
        }
        // Two configs of one name and content are one object.
        let mut metadata = self.shared_metadata(base.to_owned());
        metadata.name = Some(written.clone());
        let map = ConfigMap {
            immutable: Some(true),
            data: Some(data),
            ..ConfigMap::default()
        };
        self.write_apart(base, metadata, map);
        self.configs.insert(name, written.clone());
        written
    }

    fn config_data(&mut self, config: &'g Node<Config>) {
        if let Some(data) = &config.data {
            for entry in &self.ledger.enter(data).entries {
                self.ledger.take_entry(entry);
            }
        }
    }

    fn key(&mut self, key: &str, span: Span) {
        if !names::is_config_key(key) {
            self.ledger.report(names::invalid("config key", key, span));
        }
    }

    /// A key's value. A secret has no place in a file; the check keeps it out.
    fn config_value(&mut self, value: &'g EntryValue, span: Span, depth: usize) -> String {
        match value {
            EntryValue::Text(text) => self.text(text, span, Place::Plain, None),
            EntryValue::ConfigKey { config, key } if depth > 0 => {
                let entry = self
                    .graph
                    .config(config)
                    .and_then(|config| config.config.body.data.as_ref())
                    .and_then(|data| data.entries.iter().find(|entry| entry.key == *key));
                entry.map_or_else(String::new, |entry| {
                    self.config_value(&entry.attribute.value, span, depth - 1)
                })
            }
            EntryValue::ConfigKey { .. } => String::new(),
            EntryValue::Secret(secret) => {
                self.ledger.report(secret_in_config(secret, span));
                String::new()
            }
        }
    }

    fn size(&mut self, name: &str, size: usize, span: Span) {
        if size > LARGEST {
            self.ledger.report(too_large(name, size, span));
        } else if size > LARGEST_APPLIED {
            self.ledger.report(different(
                &format!("config `{name}` is too large for `kubectl apply` as it is"),
                "use `kubectl apply --server-side`: the other way keeps a copy in an annotation, \
                 of at most 256 KiB",
                span,
            ));
        }
    }
}

/// The hash of all keys and values; their lengths keep neighbours apart.
fn hash(data: &BTreeMap<String, String>) -> String {
    let mut all = String::new();
    for text in data.iter().flat_map(|(key, value)| [key, value]) {
        // Writing to a string cannot fail.
        let _ = write!(all, "{}:{text}", text.len());
    }
    content_hash(&all)
}

/// The API refuses so much.
fn too_large(name: &str, size: usize, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::CONFIG_TOO_LARGE,
        format!("config `{name}` has {size} bytes, and a ConfigMap holds {LARGEST}"),
        span,
    )
    .help("keep what is large in a volume or in the image")
}

/// A secret's value would be in a file.
fn secret_in_config(secret: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::SECRET_IN_CONFIG,
        format!("a ConfigMap cannot hold secret `{secret}`"),
        span,
    )
    .labelled("its value is in no file that zdc writes")
    .help(format!(
        "mount it, `secret {secret} {{ path = … }}`, or put it into a variable of the service"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> String {
        let owned = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        hash(&owned.collect())
    }

    #[test]
    fn another_content_is_another_hash() {
        assert_eq!(of(&[("a", "b")]), of(&[("a", "b")]));
        assert_eq!(of(&[]).len(), 12);
        assert_ne!(of(&[("a", "b")]), of(&[("a", "c")]));
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
    }

    #[test]
    fn a_file_is_kept_under_its_own_name() {
        assert_eq!(file_key("conf/application.yml"), "application.yml");
        assert_eq!(file_key("app.yml"), "app.yml");
    }
}
