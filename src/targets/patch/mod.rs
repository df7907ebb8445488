//! `on TARGET { patch KIND { path = value } }`: the escape hatch. A value is put into an object
//! that was lowered, and the object must still be one that its API takes.
//!
//! Here is what all targets share: paths, putting, the strict reading of an object, and what is
//! said. Which objects there are, and what of them the proof rests on, is each target's.

mod edit;
mod faults;
mod path;
mod strict;

pub(super) use faults::nothing_to_patch;
pub(super) use path::{Step, shown, steps};
pub(super) use strict::{Fault, Misfit, read};

use self::edit::{has, put, remove};
use self::faults::{
    against_the_proof, misplaced, needed, no_place, no_value, nothing_to_take, without_objects,
};
use super::Ledger;
use crate::diagnostics::Diagnostic;
use crate::graph::ServiceView;
use crate::source::{Span, Spanned};
use crate::types::{Text, Value};
use crate::vocabulary::{Entry, Label, Node as Written, On, Patch, PatchValue, TargetId};
use crate::yaml::Node;

/// What of an object is not a patch's to change, and what to write instead.
pub(super) struct Kept {
    /// A path; `0` is the first item of a list.
    pub(super) path: &'static [&'static str],
    /// What to write instead.
    pub(super) instead: &'static str,
}

/// One entry of a patch: what to put where.
pub(super) struct Change<'g> {
    pub(super) steps: Vec<Step>,
    /// `None` takes away what is there.
    pub(super) value: Option<Node>,
    written: &'g Entry<PatchValue>,
}

/// What a service says of a target alone.
pub(super) fn on(service: ServiceView<'_>, target: TargetId) -> Option<&Written<On>> {
    let mut blocks = service.node.service.body.on.iter().map(|on| &**on);
    blocks.find(|on| on.label.name() == target.word())
}

/// Accounts for a target that takes no patches.
pub(super) fn no_objects(ledger: &mut Ledger<'_>, service: ServiceView<'_>, target: TargetId) {
    let Some(on) = on(service, target) else {
        return;
    };
    let heads = on.patch.iter().map(|patch| (patch.id, patch.span));
    let names = on.names.iter().map(|names| (names.id, names.span));
    ledger.declare_block(on, "a diagnostic says it");
    for (id, span) in heads.chain(names) {
        ledger.decline(id, without_objects(target, span).about(service.name()));
    }
}

/// The entries of a patch as changes, with its texts written as the target writes them. What has
/// no place in an object is reported.
pub(super) fn changes<'g>(
    patch: &'g Patch,
    mut text: impl FnMut(&'g Text, Span) -> String,
    mut report: impl FnMut(Diagnostic),
) -> Vec<Change<'g>> {
    let mut changes = Vec::with_capacity(patch.entries.len());
    for entry in &patch.entries {
        let attribute = &entry.attribute;
        let change = |steps, value| Change {
            steps,
            value,
            written: entry,
        };
        let mut gone = Vec::new();
        unset(&attribute.value.0, &mut steps(&entry.key), &mut gone);
        if !only_unsets(&attribute.value.0) {
            match node_of(&attribute.value.0, attribute.span, &mut text) {
                Ok(value) => changes.push(change(steps(&entry.key), Some(value))),
                Err(diagnostic) => report(*diagnostic),
            }
        }
        changes.extend(gone.into_iter().map(|steps| change(steps, None)));
    }
    changes
}

/// The paths that are written as `none`, within records too.
fn unset(value: &Value, path: &mut Vec<Step>, gone: &mut Vec<Vec<Step>>) {
    match value {
        Value::None => gone.push(path.clone()),
        Value::Record(fields) => {
            for (key, field) in fields.iter() {
                path.push(Step::Key(key.to_string()));
                unset(&field.value, path, gone);
                path.pop();
            }
        }
        _ => {}
    }
}

/// Whether a value puts nothing anywhere.
fn only_unsets(value: &Value) -> bool {
    match value {
        Value::None => true,
        Value::Record(fields) => {
            !fields.is_empty() && fields.iter().all(|(_, field)| only_unsets(&field.value))
        }
        _ => false,
    }
}

/// Puts changes into an object, each that leaves it what `fits` takes; what does not is reported.
/// `fits` gives the object as its type writes it, where it can.
pub(super) fn apply(
    object: &mut Node,
    kind: &str,
    changes: &[Change<'_>],
    kept: &[&Kept],
    fits: impl Fn(&Node) -> Result<Option<Node>, Misfit>,
    mut report: impl FnMut(Diagnostic),
) {
    for change in changes {
        if let Some((path, kept)) = change.touches(kept) {
            report(against_the_proof(kind, &path, kept, change));
            continue;
        }
        let before = object.clone();
        let misfit = match &change.value {
            Some(value) => match put(object, &change.steps, value.clone()) {
                Err(at) => Some(no_place(kind, &change.steps, at, change)),
                Ok(()) => fits(object)
                    .err()
                    .map(|misfit| misplaced(kind, &misfit, change)),
            },
            None => take_away(object, kind, change, &fits),
        };
        if let Some(misfit) = misfit {
            *object = before;
            report(misfit);
        }
    }
}

/// Takes a field away; gives what is wrong with that.
fn take_away(
    object: &mut Node,
    kind: &str,
    change: &Change<'_>,
    fits: &impl Fn(&Node) -> Result<Option<Node>, Misfit>,
) -> Option<Diagnostic> {
    if !remove(object, &change.steps) {
        // The type tells only of a field that is there whether it has it.
        let mut probe = object.clone();
        let unknown = match put(&mut probe, &change.steps, Node::Null) {
            Ok(()) => fits(&probe)
                .err()
                .filter(|misfit| matches!(misfit.fault, Fault::Unknown(_))),
            Err(at) => return Some(no_place(kind, &change.steps, at, change)),
        };
        return Some(match unknown {
            Some(misfit) => misplaced(kind, &misfit, change),
            None => nothing_to_take(kind, change),
        });
    }
    match fits(object) {
        Err(misfit) => Some(misplaced(kind, &misfit, change)),
        // What a type needs it writes, whether it was read or not.
        Ok(Some(again)) if has(&again, &change.steps) => Some(needed(kind, change)),
        Ok(_) => None,
    }
}

impl Change<'_> {
    /// Where its path stands.
    fn key_span(&self) -> Span {
        self.written.attribute.key_span
    }

    /// What it would change of what is kept.
    fn touches<'k>(&self, kept: &[&'k Kept]) -> Option<(String, &'k Kept)> {
        let mut leaves = Vec::new();
        let value = self.value.as_ref().unwrap_or(&Node::Null);
        leaves_of(value, &mut self.steps.clone(), &mut leaves);
        leaves.iter().find_map(|leaf| {
            let found = kept.iter().copied().find(|kept| meets(leaf, kept.path))?;
            Some((shown(leaf), found))
        })
    }

    /// Where the value of a path within the change was written.
    fn place(&self, path: &[Step]) -> Span {
        let attribute = &self.written.attribute;
        let Some(rest) = path.get(self.steps.len()..).filter(|rest| !rest.is_empty()) else {
            return attribute.span;
        };
        let mut value = &attribute.value.0;
        let mut span = attribute.span;
        for step in rest {
            let next: Option<&Spanned<Value>> = match (value, step) {
                (Value::Record(fields), Step::Key(key)) => {
                    let found = fields.iter().find(|(known, _)| **known == **key);
                    found.map(|(_, field)| field)
                }
                (Value::List(items), Step::Item(index)) => items.get(*index),
                _ => None,
            };
            let Some(next) = next else { break };
            (value, span) = (&next.value, next.span);
        }
        span
    }
}

/// The paths of the values that a change puts, records entered.
fn leaves_of(value: &Node, path: &mut Vec<Step>, leaves: &mut Vec<Vec<Step>>) {
    match value {
        Node::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                path.push(Step::Key(key.clone()));
                leaves_of(value, path, leaves);
                path.pop();
            }
        }
        _ => leaves.push(path.clone()),
    }
}

/// Whether one of two paths leads to or through the other.
fn meets(path: &[Step], kept: &[&str]) -> bool {
    path.iter().zip(kept).all(|(step, kept)| match step {
        Step::Key(key) => key == kept,
        Step::Item(index) => kept.parse() == Ok(*index),
    })
}

/// A value as an object holds it.
fn node_of<'g>(
    value: &'g Value,
    span: Span,
    text: &mut impl FnMut(&'g Text, Span) -> String,
) -> Result<Node, Box<Diagnostic>> {
    Ok(match value {
        Value::Bool(it) => Node::Bool(*it),
        Value::Int(it) => Node::Int(*it),
        Value::Float(it) => Node::Float(*it),
        Value::Text(it) => Node::Text(text(it, span)),
        Value::Ip(it) => Node::Text(it.to_string()),
        Value::Cidr(it) => Node::Text(it.to_string()),
        Value::List(items) => {
            let items = items
                .iter()
                .map(|item| node_of(&item.value, item.span, text));
            Node::List(items.collect::<Result<_, _>>()?)
        }
        Value::Record(fields) => {
            let mut entries = Vec::with_capacity(fields.len());
            for (key, field) in fields.iter() {
                // As everywhere, `none` is what is not written.
                if !only_unsets(&field.value) {
                    entries.push((key.to_string(), node_of(&field.value, field.span, text)?));
                }
            }
            Node::Map(entries)
        }
        other => return Err(Box::new(no_value(other, span))),
    })
}

/// The kind that a patch is of.
pub(super) fn kind_of(patch: &Written<Patch>) -> &str {
    match &patch.label {
        Label::Name(name) => name,
        Label::None | Label::Reference(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_met_from_above_and_below() {
        let kept = ["spec", "containers", "0", "readinessProbe"];
        for path in [
            "spec",
            "spec.containers",
            "spec.containers[0]",
            "spec.containers[0].readinessProbe",
            "spec.containers[0].readinessProbe.httpGet.path",
        ] {
            assert!(meets(&steps(path), &kept), "{path}");
        }
        for path in [
            "spec.containers[1].readinessProbe",
            "spec.replicas",
            "metadata",
        ] {
            assert!(!meets(&steps(path), &kept), "{path}");
        }
    }
}
