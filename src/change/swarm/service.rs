//! A service of a stack file, as far as it matters for what is lost with a change of it.

use super::data::{is_of_node, text};
use super::stack::Stack;
use super::{folders, policy};
use crate::change::difference::at;
use crate::change::short::labels;
use crate::targets::Object;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A service with its stack.
#[derive(Clone, Copy)]
pub(super) struct Service<'s> {
    pub(super) stack: &'s Stack<'s>,
    pub(super) object: &'s Object,
}

/// What a service mounts and may write to.
pub(super) struct Written {
    pub(super) path: String,
    /// The volume's name in the swarm, or a path of the node.
    pub(super) from: String,
    /// Whether it is a volume that each node makes for itself.
    pub(super) is_of_node: bool,
    /// Whether it is a folder of the node with data in it, as far as its names say it.
    pub(super) is_folder: bool,
}

/// Every service by its name in the swarm.
pub(super) fn all<'s>(stacks: &'s [Stack<'s>]) -> BTreeMap<String, Service<'s>> {
    let services = stacks
        .iter()
        .flat_map(|stack| stack.services.iter().map(move |object| (stack, *object)));
    let services = services.map(|(stack, object)| {
        let name = format!("{}_{}", stack.name, object.name);
        (name, Service { stack, object })
    });
    services.collect()
}

impl<'s> Service<'s> {
    /// What is written at a place of it.
    pub(super) fn at(&self, path: &[&str]) -> Option<Cow<'s, Value>> {
        at(&self.object.content, path).filter(|it| !it.is_null())
    }

    pub(super) fn is_global(&self) -> bool {
        policy::is_global(&self.object.content)
    }

    /// How many tasks it has, where that is a number.
    pub(super) fn replicas(&self) -> Option<u64> {
        match self.at(&["deploy", "replicas"]) {
            None => Some(1),
            Some(written) => written.as_u64(),
        }
    }

    /// What it asks of nodes, with variables in it as they are written; `None` where that is no list of texts.
    pub(super) fn constraints(&self) -> Option<Vec<String>> {
        let Some(written) = self.at(&["deploy", "placement", "constraints"]) else {
            return Some(Vec::new());
        };
        let all = written.as_array()?.iter();
        all.map(|it| it.as_str().map(ToOwned::to_owned)).collect()
    }

    /// Its own labels, which are not those of its containers.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let Some(written) = self.at(&["deploy", "labels"]) else {
            return BTreeMap::new();
        };
        let mut written = written.into_owned();
        labels(&mut written);
        let written = written.as_object().into_iter().flatten();
        let texts = written.map(|(name, value)| {
            let text = value.as_str().map(ToOwned::to_owned);
            (name.clone(), text.unwrap_or_else(|| value.to_string()))
        });
        texts.collect()
    }

    /// Whether a new task starts before the one in whose place it comes ends.
    pub(super) fn starts_first(&self) -> bool {
        let order = self.at(&["deploy", "update_config", "order"]);
        order.is_some_and(|order| order.as_str() == Some("start-first"))
    }

    /// Whether no task of it runs.
    pub(super) fn is_off(&self) -> bool {
        !self.is_global() && self.replicas() == Some(0)
    }

    /// What it mounts and may write to.
    pub(super) fn written(&self) -> Vec<Written> {
        let Some(field) = self.at(&["volumes"]) else {
            return Vec::new();
        };
        let mut field = field.into_owned();
        self.stack.volumes(&mut field);
        let image = self.at(&["image"]);
        let image = image.as_deref().and_then(Value::as_str).unwrap_or_default();
        let mounts = field.as_object().into_iter().flatten();
        let mounts = mounts.filter(|(_, how)| {
            text(how, "mode") != "ro" && how.get("type").is_none() && !text(how, "from").is_empty()
        });
        let written = mounts.map(|(path, how)| Written {
            path: path.clone(),
            from: text(how, "from").to_owned(),
            is_of_node: is_of_node(how),
            is_folder: folders::holds_data(image, path, how),
        });
        written.collect()
    }
}
