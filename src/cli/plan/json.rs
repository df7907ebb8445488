//! A plan for programs. The form is described in the book, and only grows.

use super::Planned;
use crate::change::{Change, Field, TargetChanges};
use crate::diagnostics::render::{Shown, escape_json, values};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// Writes the plan as one object on one line.
pub(super) fn write(planned: &Planned<'_>, out: &mut dyn Write) -> io::Result<()> {
    let targets = planned.changes.targets.iter();
    let targets: Vec<Value> = targets.map(|target| of_target(planned, target)).collect();
    let counts = planned.changes.counts().into_iter();
    let counts: Map<String, Value> = counts
        .map(|(effect, count)| (effect.word().to_owned(), count.into()))
        .collect();
    let mut diagnostics = Vec::new();
    for found in [planned.broken, planned.found] {
        diagnostics.extend(values(&planned.shown(found)));
    }
    let one_way = planned.changes.one_way.iter();
    let one_way: Map<String, Value> = one_way
        .map(|(name, why)| (name.clone(), why.as_str().into()))
        .collect();
    let not_judged: &'static [&'static str] = match planned.objects_only {
        Some(_) => &["order", "versions", "data", "way_back"],
        None => &[],
    };
    let parts = Parts {
        first: planned.first.map(ToOwned::to_owned),
        changes: (!planned.changes.is_empty()).into(),
        counts,
        deploys: json!(planned.changes.deploys),
        one_way,
        not_judged,
        targets,
        diagnostics,
    };
    parts.write(planned.names, out)
}

/// Writes what keeps two sides from being compared, in the form of a plan; `changes` is null, as nobody knows.
pub(super) fn unplanned(
    names: (&str, &str),
    sides: &[Shown<'_>],
    out: &mut dyn Write,
) -> io::Result<()> {
    let parts = Parts {
        deploys: json!([]),
        diagnostics: sides.iter().flat_map(values).collect(),
        ..Parts::default()
    };
    parts.write(names, out)
}

/// What stands in a plan beside the names of its sides.
#[derive(Default)]
struct Parts {
    first: Option<String>,
    changes: Value,
    counts: Map<String, Value>,
    deploys: Value,
    one_way: Map<String, Value>,
    not_judged: &'static [&'static str],
    targets: Vec<Value>,
    diagnostics: Vec<Value>,
}

impl Parts {
    fn write(self, (old, new): (&str, &str), out: &mut dyn Write) -> io::Result<()> {
        let whole = json!({
            "old": old,
            "new": new,
            "first_deploy": self.first,
            "changes": self.changes,
            "counts": self.counts,
            "deploys": self.deploys,
            "no_way_back": self.one_way,
            "not_judged": self.not_judged,
            "targets": self.targets,
            "diagnostics": self.diagnostics,
        });
        writeln!(out, "{}", escape_json(&whole.to_string()))
    }
}

fn of_target(planned: &Planned<'_>, target: &TargetChanges) -> Value {
    let changes = target.changes.iter();
    let changes: Vec<Value> = changes.map(|change| of_change(planned, change)).collect();
    let variables = target.variables.iter();
    let variables: Map<String, Value> = variables
        .map(|(name, services)| {
            let names: Vec<&str> = services.iter().map(|it| it.name.as_str()).collect();
            (name.clone(), json!(names))
        })
        .collect();
    json!({
        "target": target.target.word(),
        "unchanged": target.unchanged,
        "changes": changes,
        "deploy_variables": variables,
    })
}

fn of_change(planned: &Planned<'_>, change: &Change) -> Value {
    let fields = change.fields.iter();
    let fields: Vec<Value> = fields.map(|field| of_field(planned, field)).collect();
    json!({
        "service": change.service.as_deref(),
        "kind": change.kind,
        "name": change.name,
        "namespace": change.namespace,
        "was": change.was.as_ref().map(ToString::to_string),
        "effect": change.effect.word(),
        "how": change.how,
        "place": planned.place(change.span),
        "fields": fields,
    })
}

fn of_field(planned: &Planned<'_>, field: &Field) -> Value {
    json!({
        "path": field.path,
        "old": field.old,
        "new": field.new,
        "effect": field.effect.word(),
        "because": field.because,
        "source": field.source,
        "place": planned.place(field.span),
    })
}
