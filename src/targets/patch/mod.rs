//! `on TARGET { patch KIND { path = value } }`: the escape hatch. A value is put into an object
//! that was lowered, and the object must still be one that its API takes.
//!
//! Here is what all targets share: paths, putting, the strict reading of an object, and what is
//! said. Which objects there are, and what of them the proof rests on, is each target's.

mod path;
mod strict;

pub(super) use path::{Step, shown, steps};
pub(super) use strict::{Fault, Misfit, read};

use super::Ledger;
use crate::diagnostics::{Diagnostic, catalogue, nearest};
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

/// Puts a value at a path. Maps on the way are made; an item may be added at a list's end.
///
/// # Errors
/// How many steps could be gone.
fn put(node: &mut Node, steps: &[Step], value: Node) -> Result<(), usize> {
    let Some((step, rest)) = steps.split_first() else {
        merge(node, value);
        return Ok(());
    };
    let deeper = |gone: usize| gone + 1;
    match (node.bare_mut(), step) {
        (Node::Map(entries), Step::Key(key)) => {
            let known = entries.iter().position(|(known, _)| known == key);
            let is_plain = rest.is_empty() && !is_structure(&value);
            let index = known.unwrap_or_else(|| {
                if is_plain {
                    plain_end(entries)
                } else {
                    entries.len()
                }
            });
            if known.is_none() {
                entries.insert(index, (key.clone(), made_for(rest)));
            }
            match entries.get_mut(index) {
                Some((_, inner)) => put(inner, rest, value).map_err(deeper),
                None => Err(0),
            }
        }
        (Node::List(items), Step::Item(index)) => {
            if *index == items.len() {
                items.push(made_for(rest));
            }
            match items.get_mut(*index) {
                Some(item) => put(item, rest, value).map_err(deeper),
                None => Err(0),
            }
        }
        _ => Err(0),
    }
}

/// Takes what is at a path out of its map or list. Says whether something was there.
fn remove(node: &mut Node, steps: &[Step]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return false;
    };
    match (node.bare_mut(), step) {
        (Node::Map(entries), Step::Key(key)) => {
            let Some(index) = entries.iter().position(|(known, _)| known == key) else {
                return false;
            };
            if rest.is_empty() {
                entries.remove(index);
                return true;
            }
            entries
                .get_mut(index)
                .is_some_and(|(_, inner)| remove(inner, rest))
        }
        (Node::List(items), Step::Item(index)) if *index < items.len() => {
            if rest.is_empty() {
                items.remove(*index);
                return true;
            }
            items
                .get_mut(*index)
                .is_some_and(|inner| remove(inner, rest))
        }
        _ => false,
    }
}

/// Whether something is at a path whose last step is a key: another item takes an item's place.
fn has(node: &Node, steps: &[Step]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return true;
    };
    match (node.bare(), step) {
        (Node::Map(entries), Step::Key(key)) => entries
            .iter()
            .any(|(known, inner)| known == key && has(inner, rest)),
        (Node::List(items), Step::Item(index)) => {
            !rest.is_empty() && items.get(*index).is_some_and(|item| has(item, rest))
        }
        _ => false,
    }
}

/// What is not there yet, and has something put into it.
fn made_for(steps: &[Step]) -> Node {
    match steps.first() {
        Some(Step::Item(_)) => Node::List(Vec::new()),
        Some(Step::Key(_)) => Node::Map(Vec::new()),
        None => Node::Null,
    }
}

/// A record goes into a record key by key; anything else takes the other's place.
fn merge(node: &mut Node, value: Node) {
    match (node.bare_mut(), value) {
        (Node::Map(_), Node::Map(entries)) => {
            for (key, value) in entries {
                // A key of a map always has a place.
                let _ = put(node, &[Step::Key(key)], value);
            }
        }
        (place, value) => *place = value,
    }
}

/// After the plain values that a map begins with: people write `name` and `replicas` before lists
/// and maps.
fn plain_end(entries: &[(String, Node)]) -> usize {
    let structure = entries.iter().position(|(_, value)| is_structure(value));
    structure.unwrap_or(entries.len())
}

fn is_structure(value: &Node) -> bool {
    matches!(value.bare(), Node::Map(_) | Node::List(_))
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

fn no_value(value: &Value, span: Span) -> Diagnostic {
    let (what, help) = match value {
        Value::Duration(_) => (
            "a duration",
            "write what the field takes: a number, `drain.s`, or a text, `\"10s\"`",
        ),
        Value::Memory(_) => (
            "an amount of memory",
            "write what the field takes: `\"200Mi\"`, `\"200M\"`, or a number of bytes",
        ),
        Value::Cpu(_) => (
            "an amount of processor",
            "write what the field takes: `\"500m\"`",
        ),
        Value::Percent(_) => (
            "a share",
            "write what the field takes: `\"25%\"`, or a number",
        ),
        Value::Variable(_) => (
            "a number that is known only when it is deployed",
            "make it a `param`",
        ),
        Value::Reference(_) => (
            "a reference",
            "say which part of it, in a text: `api.http.url`, `token.path`",
        ),
        _ => (
            "this value",
            "write a text, a number, true, false, a list or a record",
        ),
    };
    Diagnostic::new(
        &catalogue::PATCH_TYPE,
        format!("a patch cannot hold {what}"),
        span,
    )
    .help(help)
}

/// The object is none that its API takes, once this is in it.
fn misplaced(kind: &str, misfit: &Misfit, change: &Change<'_>) -> Diagnostic {
    let path = misfit.path();
    match &misfit.fault {
        Fault::Unknown(fields) => {
            let owner = path.split_last().map_or(&[][..], |(_, owner)| owner);
            let key = match path.last() {
                Some(Step::Key(key)) => key.as_str(),
                _ => "",
            };
            let whose = if owner.is_empty() {
                with_article(kind)
            } else {
                format!("`{}` of {}", shown(owner), with_article(kind))
            };
            let span = if path.len() > change.steps.len() {
                change.place(&path)
            } else {
                change.key_span()
            };
            let diagnostic = Diagnostic::new(
                &catalogue::UNKNOWN_PATCH_FIELD,
                format!("{whose} has no `{key}`"),
                span,
            );
            match near(key, fields) {
                Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                None => diagnostic.help(format!("it has {}", listed(fields))),
            }
        }
        Fault::Kind(wanted) => Diagnostic::new(
            &catalogue::PATCH_TYPE,
            format!(
                "`{}` of {} takes {wanted}",
                shown(&path),
                with_article(kind)
            ),
            change.place(&path),
        ),
        Fault::Other(words) => Diagnostic::new(
            &catalogue::PATCH_TYPE,
            format!("`{}` of {}: {words}", shown(&path), with_article(kind)),
            change.place(&path),
        ),
    }
}

/// `a Deployment`, `an Ingress`
fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['A', 'E', 'I', 'O', 'U']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

/// A field of nearly the same name; letters and case alone may differ.
fn near(key: &str, fields: &'static [&'static str]) -> Option<&'static str> {
    let plain = |word: &str| word.replace(['_', '-'], "").to_ascii_lowercase();
    let same = fields.iter().find(|field| plain(field) == plain(key));
    same.copied()
        .or_else(|| nearest(key, fields.iter().copied()))
}

fn listed(words: &[&str]) -> String {
    const MOST: usize = 12;
    let mut listed: Vec<String> = words
        .iter()
        .take(MOST)
        .map(|word| format!("`{word}`"))
        .collect();
    if words.len() > MOST {
        listed.push("…".to_owned());
    }
    listed.join(", ")
}

/// What is taken away is not there.
fn nothing_to_take(kind: &str, change: &Change<'_>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOTHING_TO_TAKE_AWAY,
        format!(
            "there is no `{}` to take out of {}",
            shown(&change.steps),
            with_article(kind)
        ),
        change.key_span(),
    )
    .help("take the line out")
}

/// What is taken away is nothing that its API goes without.
fn needed(kind: &str, change: &Change<'_>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::TAKES_WHAT_IS_NEEDED,
        format!(
            "{} needs its `{}`",
            with_article(kind),
            shown(&change.steps)
        ),
        change.key_span(),
    )
    .labelled("taken away here")
    .help("take the line out, or write the value that it should have")
}

/// The path leads through something that has no parts.
fn no_place(kind: &str, steps: &[Step], gone: usize, change: &Change<'_>) -> Diagnostic {
    let there = steps.get(..gone).unwrap_or_default();
    let (path, next, kind) = (shown(there), steps.get(gone), with_article(kind));
    let message = match next {
        Some(Step::Item(index)) => {
            format!("`{path}` of {kind} has no item {index}, and does not end one before it")
        }
        _ => format!("`{path}` of {kind} is a list or a plain value, which has no keys"),
    };
    Diagnostic::new(&catalogue::UNKNOWN_PATCH_FIELD, message, change.key_span())
        .help("an item of a list is `[0]`; one past the last adds an item")
}

/// The proof rests on this.
fn against_the_proof(kind: &str, path: &str, kept: &Kept, change: &Change<'_>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::PATCH_AGAINST_PROOF,
        format!("`{path}` of {} is not a patch's to change", with_article(kind)),
        change.key_span(),
    )
    .note("what is proved of an update is proved of the program; with this in the manifest it would be of another")
    .help(kept.instead)
}

/// A service has no object of this kind.
pub(super) fn nothing_to_patch(
    what: &str,
    target: TargetId,
    there: &[&str],
    known: &[&str],
    span: Span,
) -> Diagnostic {
    let target = target.word();
    let diagnostic = Diagnostic::new(
        &catalogue::NOTHING_TO_PATCH,
        format!("target {target} writes no `{what}` for this service"),
        span,
    );
    let unknown = !known.contains(&what);
    match nearest(what, known.iter().copied()).filter(|_| unknown) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None if there.is_empty() => diagnostic.help("it writes nothing for it"),
        None => diagnostic.help(format!("it writes {}", listed(there))),
    }
}

fn without_objects(target: TargetId, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOTHING_TO_PATCH,
        format!("target {} has no objects to patch", target.word()),
        span,
    )
    .help(match target {
        TargetId::Compose => {
            "write it into a `compose.override.yaml` beside the file: `docker compose` merges both"
        }
        _ => "its output is text without objects; put what it has no word for into a file of your own",
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

    fn node(yaml: &str) -> Node {
        let value: serde_yaml::Value = serde_yaml::from_str(yaml).unwrap();
        crate::yaml::to_node(&value).unwrap()
    }

    fn patched(yaml: &str, path: &str, value: &str) -> String {
        let mut object = node(yaml);
        match put(&mut object, &steps(path), node(value)) {
            Ok(()) => crate::yaml::to_string(&object).unwrap(),
            Err(gone) => format!("after {gone}"),
        }
    }

    #[test]
    fn values_are_put_where_people_would_write_them() {
        let pod = "name: a\nports: [1]\nenv: {a: b}\n";
        for (path, value, expected) in [
            (
                "tty",
                "true",
                "name: a\ntty: true\nports:\n  - 1\nenv:\n  a: b\n",
            ),
            ("name", "b", "name: b\nports:\n  - 1\nenv:\n  a: b\n"),
            (
                "args",
                "[x]",
                "name: a\nports:\n  - 1\nenv:\n  a: b\nargs:\n  - x\n",
            ),
            (
                "ports[1]",
                "2",
                "name: a\nports:\n  - 1\n  - 2\nenv:\n  a: b\n",
            ),
            (
                "env",
                "{c: d}",
                "name: a\nports:\n  - 1\nenv:\n  a: b\n  c: d\n",
            ),
            (
                r#"env."x.y""#,
                "z",
                "name: a\nports:\n  - 1\nenv:\n  a: b\n  x.y: z\n",
            ),
            (
                "a.b.c",
                "1",
                "name: a\nports:\n  - 1\nenv:\n  a: b\na:\n  b:\n    c: 1\n",
            ),
            (
                "new[0].x",
                "1",
                "name: a\nports:\n  - 1\nenv:\n  a: b\nnew:\n  - x: 1\n",
            ),
            ("ports[3]", "2", "after 1"),
            ("name.x", "2", "after 1"),
        ] {
            assert_eq!(patched(pod, path, value), expected, "{path}");
        }
    }

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
