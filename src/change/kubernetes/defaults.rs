//! What it means to write nothing, as far as that is the same as to write something.
//!
//! kubernetes/kubernetes `pkg/apis/*/v1/defaults.go`, by the function that each part of a table names. Pods are replaced where
//! the template differs from the one before once both have their defaults: for a Deployment by value
//! (`pkg/controller/deployment/util`, `EqualIgnoreHash`: an empty list or map is none, a quantity is its amount), for a
//! `StatefulSet` and a `DaemonSet` by what is written of it (`pkg/controller/history`, `EqualRevision`: a quantity in the
//! canonical form of its suffixes). What is behind a pointer, such as a container's `securityContext: {}`, is not none.

use super::quantity::{Quantity, quantity};
use super::tables::{MAPS, POD, POD_QUANTITIES, QUANTITIES, table};
use crate::change::difference::{Difference, value};
use crate::targets::Content;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::OnceCell;

/// The two sides of an object, read as a whole where that is asked for.
pub(super) struct Sides<'c> {
    kind: &'c str,
    contents: [&'c Content; 2],
    read: [OnceCell<Cow<'c, Value>>; 2],
    /// Whether something else than the manifest says how many pods there are.
    is_scaled: bool,
}

type Siblings<'v> = [Option<&'v Map<String, Value>>; 2];

impl<'c> Sides<'c> {
    pub(super) fn new(kind: &'c str, old: &'c Content, new: &'c Content, is_scaled: bool) -> Self {
        Self {
            kind,
            contents: [old, new],
            read: [OnceCell::new(), OnceCell::new()],
            is_scaled,
        }
    }

    /// Takes out what means the same as what the other side has there. A block that is new is told with its defaults, unless it is
    /// nothing else.
    pub(super) fn settle(&self, differences: &mut Vec<Difference<'_>>) {
        let steps = |it: &Difference<'_>| -> Vec<String> { it.path.clone() };
        let is_same = |it: &Difference<'_>| {
            let mut path: Vec<&str> = it.path.iter().map(String::as_str).collect();
            self.is_status(&path)
                || self.is_same(&mut path, it.old.as_deref(), it.new.as_deref(), None)
        };
        let same: Vec<bool> = differences.iter().map(is_same).collect();
        let others = differences.iter().zip(&same).filter(|(_, same)| !**same);
        let others: Vec<Vec<String>> = others.map(|(it, _)| steps(it)).collect();
        let mut same = same.into_iter();
        differences.retain(|it| {
            let is_alone = || match self.new_block(&it.path) {
                Some(block) => !others.iter().any(|other| other.starts_with(block)),
                None => true,
            };
            !(same.next().unwrap_or(false) && is_alone())
        });
    }

    /// The outermost block around a place that only one side has.
    fn new_block<'p>(&self, path: &'p [String]) -> Option<&'p [String]> {
        (2..path.len()).find_map(|length| {
            let steps: Vec<&str> = path.iter().take(length).map(String::as_str).collect();
            let blocks = self.siblings(&steps, None);
            let last = steps.last()?;
            let has =
                |block: Option<&Map<String, Value>>| block.is_some_and(|it| it.contains_key(*last));
            let [was, is] = blocks.map(has);
            (was != is).then(|| path.get(..length)).flatten()
        })
    }

    /// Whether it is what the controllers write: of a kind that has rules the API server takes the status from them alone
    /// (kubernetes/kubernetes `pkg/registry`, `PrepareForUpdate` of each).
    fn is_status(&self, path: &[&str]) -> bool {
        path.first() == Some(&"status") && !table(self.kind).is_empty()
    }

    fn is_same(
        &self,
        path: &mut Vec<&str>,
        old: Option<&Value>,
        new: Option<&Value>,
        siblings: Option<Siblings<'_>>,
    ) -> bool {
        let (old, new) = (some(old), some(new));
        if old.is_some() && old == new {
            return true;
        }
        match (old, new) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                self.are_same(path, [Some(before), Some(after)])
            }
            (Some(Value::Array(before)), Some(Value::Array(after))) => {
                path.push("*");
                let mut pairs = before.iter().zip(after);
                let same = before.len() == after.len()
                    && pairs.all(|(old, new)| {
                        self.is_same(path, Some(old), Some(new), Some([None; 2]))
                    });
                path.pop();
                same
            }
            (Some(before), Some(after)) => self.is_same_amount(path, before, after),
            // What is null is nothing, where that is nothing in the same block.
            (None, None) => self.siblings(path, siblings).iter().all(Option::is_some),
            (Some(given), None) | (None, Some(given)) => {
                let siblings = self.siblings(path, siblings);
                let [was, is] = siblings;
                let other = if old.is_none() { was } else { is };
                match given {
                    Value::Object(block) if !block.is_empty() => {
                        let given = Some(block);
                        let sides = if old.is_none() {
                            [None, given]
                        } else {
                            [given, None]
                        };
                        self.are_same(path, sides)
                    }
                    Value::Array(items) if !items.is_empty() => false,
                    Value::Object(_) | Value::Array(_) => {
                        self.is_none(path, given) && siblings.iter().all(Option::is_some)
                    }
                    given => self.is_default(path, given, other),
                }
            }
        }
    }

    fn are_same(&self, path: &[&str], blocks: Siblings<'_>) -> bool {
        let [before, after] = blocks;
        let keys = |block: Option<&Map<String, Value>>| {
            block
                .into_iter()
                .flat_map(Map::keys)
                .cloned()
                .collect::<Vec<_>>()
        };
        let (old, new) = (keys(before), keys(after));
        let mut keys = old
            .iter()
            .chain(new.iter().filter(|key| !old.contains(key)));
        keys.all(|key| {
            let mut inner = path.to_vec();
            inner.push(key);
            let at = |block: Option<&'_ Map<String, Value>>| {
                block.and_then(|block| block.get(key).cloned())
            };
            let (old, new) = (at(before), at(after));
            self.is_same(&mut inner, old.as_ref(), new.as_ref(), Some(blocks))
        })
    }

    /// The blocks in which a place is, on both sides.
    fn siblings<'v>(&'v self, path: &[&str], known: Option<Siblings<'v>>) -> Siblings<'v> {
        if let Some(known) = known {
            return known;
        }
        let steps = path.split_last().map_or(&[][..], |(_, steps)| steps);
        let [was, is] = &self.read;
        let [before, after] = self.contents;
        [(was, before), (is, after)].map(|(read, content)| {
            let whole = read.get_or_init(|| value(content));
            let block = steps.iter().try_fold(&**whole, |value, step| match value {
                Value::Array(items) => items
                    .iter()
                    .find(|item| item.get("name").and_then(Value::as_str) == Some(*step)),
                value => value.get(*step),
            });
            block.and_then(Value::as_object)
        })
    }

    /// The steps from a pod on, where a place is in one; what holds for a container holds for each kind of it.
    fn in_pod<'p>(&self, path: &[&'p str]) -> Option<Vec<&'p str>> {
        let before: &[&str] = match self.kind {
            "Pod" => &["spec"],
            "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
            _ => &["spec", "template", "spec"],
        };
        let steps = path.strip_prefix(before)?;
        let mut steps = steps.to_vec();
        if let Some(first) = steps.first_mut()
            && matches!(*first, "initContainers" | "ephemeralContainers")
        {
            *first = "containers";
        }
        Some(steps)
    }

    /// Whether an empty list or map is none there.
    fn is_none(&self, path: &[&str], given: &Value) -> bool {
        let name = path.last().copied().unwrap_or_default();
        if given.is_array() {
            let in_template = path.starts_with(&["spec", "template"]) || self.kind == "Pod";
            return in_template || path.starts_with(&["spec", "volumeClaimTemplates"]);
        }
        let in_pod = self.in_pod(path);
        // SetDefaults_PodSpec makes an empty one.
        let of_pod = in_pod.as_deref() == Some(&["securityContext"]);
        let of_container = in_pod.is_some_and(|steps| is(&steps, "containers.*.resources"));
        let of_claim = is(path, "spec.volumeClaimTemplates.*.status");
        MAPS.contains(&name) || of_pod || of_container || of_claim
    }

    fn is_default(&self, path: &[&str], given: &Value, other: Option<&Map<String, Value>>) -> bool {
        let mut table = table(self.kind).iter();
        if table.any(|(of, left)| is(path, of) && left.is(given)) {
            // An autoscaler's number stays where none is written.
            return !(self.is_scaled && is(path, "spec.replicas"));
        }
        let at = |key: &str| other.and_then(|other| other.get(key));
        if let Some(steps) = self.in_pod(path) {
            return match steps.as_slice() {
                ["containers", _, "imagePullPolicy"] => {
                    let image = at("image").and_then(Value::as_str);
                    image.is_some_and(|image| given.as_str() == Some(pull_policy(image)))
                }
                // Each is filled from the other: pkg/apis/core/v1/conversion.go, Convert_v1_PodSpec_To_core_PodSpec.
                ["serviceAccount"] => at("serviceAccountName") == Some(given),
                ["serviceAccountName"] => at("serviceAccount") == Some(given),
                steps => POD.iter().any(|(of, left)| is(steps, of) && left.is(given)),
            };
        }
        match (self.kind, path) {
            ("Service", ["spec", "ports", _, "targetPort"]) => at("port") == Some(given),
            // Where neither is written, each is 1.
            ("Job", ["spec", "completions"]) => {
                given.as_u64() == Some(1) && other.is_some() && at("parallelism").is_none()
            }
            _ => false,
        }
    }

    fn is_same_amount(&self, path: &[&str], old: &Value, new: &Value) -> bool {
        let in_pod = self.in_pod(path);
        let patterns = in_pod.as_ref().map_or(QUANTITIES, |_| POD_QUANTITIES);
        let steps = in_pod.as_deref().unwrap_or(path);
        if !patterns.iter().any(|of| is(steps, of)) {
            return false;
        }
        let (Some(old), Some(new)) = (quantity(old), quantity(new)) else {
            return false;
        };
        // What is written of it counts for these, and it is written in the suffixes that it had.
        let is_written = in_pod.is_some() && matches!(self.kind, "StatefulSet" | "DaemonSet");
        let Quantity { amount, is_binary } = old;
        amount == new.amount && (!is_written || is_binary == new.is_binary)
    }
}

/// What is there; null is nothing.
fn some(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| !value.is_null())
}

/// Whether a place is the one of a pattern, in which `*` is any step.
fn is(path: &[&str], pattern: &str) -> bool {
    let mut steps = path.iter();
    let mut words = pattern.split('.');
    words.all(|word| {
        steps
            .next()
            .is_some_and(|step| word == "*" || word == *step)
    }) && steps.next().is_none()
}

/// What is done about an image without a policy (core/v1, `SetDefaults_Container`; `pkg/util/parsers`, `ParseImageName`).
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let latest = match name.split_once('@') {
        Some((name, _)) => name.ends_with(":latest"),
        None => !name.contains(':') || name.ends_with(":latest"),
    };
    if latest { "Always" } else { "IfNotPresent" }
}
