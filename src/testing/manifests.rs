//! What a build writes, as values that a test looks into.

use super::codes;
use crate::diagnostics::{Diagnostic, nearest};
use crate::eval::{Manifests, NoManifest};
use crate::source::{FileId, Span, Spanned, Str};
use crate::targets::Artifact;
use crate::types::{Text, Value};
use serde::Deserialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The files of a build, each read when it is first asked for.
pub(super) struct Files {
    artifacts: Vec<Artifact>,
    /// Why there are none.
    errors: Option<String>,
    read: RefCell<BTreeMap<String, Rc<[Value]>>>,
}

impl Files {
    /// The files of a build; none where it has errors.
    pub(super) fn of(artifacts: Option<Vec<Artifact>>, diagnostics: &[Diagnostic]) -> Self {
        Self {
            errors: artifacts.is_none().then(|| codes(diagnostics)),
            artifacts: artifacts.unwrap_or_default(),
            read: RefCell::default(),
        }
    }

    fn documents(&self, artifact: &Artifact) -> Rc<[Value]> {
        if let Some(known) = self.read.borrow().get(&artifact.path) {
            return Rc::clone(known);
        }
        let documents: Rc<[Value]> = documents(artifact).into();
        let mut read = self.read.borrow_mut();
        read.insert(artifact.path.clone(), Rc::clone(&documents));
        documents
    }

    fn no_file(&self, path: &str) -> NoManifest {
        if let Some(codes) = &self.errors {
            return NoManifest {
                why: format!("there is no `{path}`: the program has errors ({codes})"),
                help: Some("expect the error alone".to_owned()),
            };
        }
        let known = || self.artifacts.iter().map(|artifact| artifact.path.as_str());
        let near = nearest(path, known()).map(|near| format!("did you mean `{near}`?"));
        let listed = || {
            let mut paths: Vec<String> = known().take(12).map(|it| format!("`{it}`")).collect();
            if self.artifacts.len() > paths.len() {
                paths.push("…".to_owned());
            }
            format!("written are {}", paths.join(", "))
        };
        NoManifest {
            why: format!("no target writes `{path}`"),
            help: Some(near.unwrap_or_else(listed)),
        }
    }
}

impl Manifests for Files {
    fn find(&self, path: &str, which: &[Str]) -> Result<Value, NoManifest> {
        let artifact = self.artifacts.iter().find(|artifact| artifact.path == path);
        let artifact = artifact.ok_or_else(|| self.no_file(path))?;
        let documents = self.documents(artifact);
        let mut left: Vec<&Value> = documents.iter().collect();
        let told = |documents: &[&Value]| {
            let names: Vec<String> = documents.iter().map(|it| headed(it)).collect();
            names.join(", ")
        };
        for (word, of) in which.iter().zip([kind, name]) {
            let before = left.clone();
            left.retain(|document| of(document) == Some(word));
            if left.is_empty() {
                return Err(NoManifest {
                    why: format!("`{path}` holds no `{word}`"),
                    help: Some(format!("it holds {}", told(&before))),
                });
            }
        }
        match left.as_slice() {
            [only] => Ok(Value::clone(only)),
            [] => Err(NoManifest {
                why: format!("`{path}` holds nothing"),
                help: None,
            }),
            several => Err(NoManifest {
                why: match which.first() {
                    Some(kind) => format!("`{path}` holds {} of kind `{kind}`", several.len()),
                    None => format!("`{path}` holds {} documents", several.len()),
                },
                help: Some(format!(
                    "say which, `manifest(\"{path}\", KIND, NAME)`: it holds {}",
                    told(several)
                )),
            }),
        }
    }
}

/// The documents of a YAML file; the text of any other.
fn documents(artifact: &Artifact) -> Vec<Value> {
    let is_yaml = [".yml", ".yaml"]
        .iter()
        .any(|end| artifact.path.ends_with(end));
    let text = || Value::Text(Text::Known((*artifact.text).into()));
    if !is_yaml {
        return vec![text()];
    }
    let read = serde_yaml::Deserializer::from_str(&artifact.text);
    let read: Result<Vec<serde_yaml::Value>, _> =
        read.map(serde_yaml::Value::deserialize).collect();
    match read {
        Ok(documents) => documents.iter().map(value).collect(),
        // A config that the user names `.yml` may hold anything.
        Err(_) => vec![text()],
    }
}

fn value(yaml: &serde_yaml::Value) -> Value {
    let spanned = |yaml| Spanned::new(value(yaml), Span::new(FileId(0), 0, 0));
    match yaml {
        serde_yaml::Value::Null => Value::None,
        serde_yaml::Value::Bool(it) => Value::Bool(*it),
        serde_yaml::Value::Number(it) => match (it.as_i64(), it.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(fraction)) if fraction.is_finite() => Value::Float(fraction),
            _ => text(&it.to_string()),
        },
        serde_yaml::Value::String(it) => text(it),
        serde_yaml::Value::Sequence(items) => {
            Value::List(items.iter().map(spanned).collect::<Vec<_>>().into())
        }
        serde_yaml::Value::Mapping(fields) => {
            let fields = fields.iter().map(|(key, field)| {
                let key = match value(key) {
                    Value::Text(Text::Known(key)) => key,
                    Value::Int(key) => key.to_string().into(),
                    Value::Bool(key) => key.to_string().into(),
                    other => format!("{other:?}").into(),
                };
                (key, spanned(field))
            });
            Value::Record(fields.collect::<Vec<_>>().into())
        }
        serde_yaml::Value::Tagged(tagged) => value(&tagged.value),
    }
}

fn text(text: &str) -> Value {
    Value::Text(Text::Known(text.into()))
}

fn field<'v>(document: &'v Value, key: &str) -> Option<&'v Value> {
    let Value::Record(fields) = document else {
        return None;
    };
    let found = fields.iter().find(|(known, _)| &**known == key);
    found.map(|(_, field)| &field.value)
}

fn as_text(value: &Value) -> Option<&Str> {
    match value {
        Value::Text(Text::Known(text)) => Some(text),
        _ => None,
    }
}

fn kind(document: &Value) -> Option<&Str> {
    field(document, "kind").and_then(as_text)
}

fn name(document: &Value) -> Option<&Str> {
    let metadata = field(document, "metadata")?;
    field(metadata, "name").and_then(as_text)
}

/// A document as a list of them names it: `Service web`.
fn headed(document: &Value) -> String {
    match (kind(document), name(document)) {
        (Some(kind), Some(name)) => format!("{kind} `{name}`"),
        (Some(kind), None) => kind.to_string(),
        _ => "a document without a kind".to_owned(),
    }
}
