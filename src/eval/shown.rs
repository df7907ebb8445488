//! Values as messages show them: short, as zd writes them.

use crate::types::{Reference, Text, Value};
use std::fmt::Write as _;

/// The longest value a message shows, in characters.
const LONGEST: usize = 60;

/// A value, in backticks, cut where it is long.
pub(super) fn shown(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        format!("`{cut}…`")
    } else {
        format!("`{text}`")
    }
}

/// The kind of a value, without an article.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::None => "none",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Duration(_) => "duration",
        Value::Memory(_) => "memory",
        Value::Cpu(_) => "cpu",
        Value::Percent(_) => "percent",
        Value::Ip(_) => "ip",
        Value::Cidr(_) => "cidr",
        Value::Date(_) => "date",
        Value::Text(_) => "string",
        Value::List(_) => "list",
        Value::Record(_) => "record",
        Value::Range(_) => "range",
        Value::Reference(Reference::Service(_)) => "service",
        Value::Reference(Reference::Port(..)) => "service port",
        Value::Reference(Reference::Network(_)) => "network",
        Value::Reference(Reference::Volume(_)) => "volume",
        Value::Reference(Reference::Config(_)) => "config",
        Value::Reference(Reference::ConfigKey(..)) => "config key",
        Value::Reference(Reference::Secret(_)) => "secret",
        Value::Variable(_) => "deploy variable",
        Value::Environment(_) => "environment variable",
    }
}

fn write(value: &Value, out: &mut String) {
    // Enough is enough: the rest is cut anyway.
    if out.len() > 4 * LONGEST {
        return;
    }
    match value {
        Value::None => out.push_str("none"),
        Value::Bool(it) => put(out, format_args!("{it}")),
        Value::Int(it) => put(out, format_args!("{it}")),
        Value::Float(it) => put(out, format_args!("{it:?}")),
        Value::Duration(it) => put(out, format_args!("{it}")),
        Value::Memory(it) => put(out, format_args!("{it}")),
        Value::Cpu(it) => put(out, format_args!("{it}")),
        Value::Percent(it) => put(out, format_args!("{it}")),
        Value::Ip(it) => put(out, format_args!("{it}")),
        Value::Cidr(it) => put(out, format_args!("{it}")),
        Value::Date(it) => put(out, format_args!("{it}")),
        Value::Text(text) => quoted(text, out),
        Value::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate().take(LONGEST) {
                out.push_str(if index > 0 { ", " } else { "" });
                write(&item.value, out);
            }
            out.push(']');
        }
        Value::Record(fields) => {
            out.push_str("{ ");
            for (index, (key, field)) in fields.iter().enumerate().take(LONGEST) {
                out.push_str(if index > 0 { ", " } else { "" });
                out.push_str(key);
                out.push_str(" = ");
                write(&field.value, out);
            }
            out.push_str(" }");
        }
        Value::Range(ends) => {
            write(&ends.0, out);
            out.push_str("..");
            write(&ends.1, out);
        }
        Value::Reference(reference) => named(reference, out),
        Value::Variable(variable) => out.push_str(&variable.name),
        Value::Environment(name) => put(out, format_args!("env(\"{name}\")")),
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
}

fn quoted(text: &Text, out: &mut String) {
    let text = match text {
        Text::Known(text) => text.chars().take(LONGEST + 1).collect(),
        Text::Pieces(_) => text.to_string(),
    };
    out.push('"');
    out.push_str(&text.replace('\n', "\\n"));
    out.push('"');
}

fn named(reference: &Reference, out: &mut String) {
    match reference {
        Reference::Service(name)
        | Reference::Network(name)
        | Reference::Volume(name)
        | Reference::Config(name)
        | Reference::Secret(name) => out.push_str(name),
        Reference::Port(owner, part) | Reference::ConfigKey(owner, part) => {
            out.push_str(owner);
            out.push('.');
            out.push_str(part);
        }
    }
}
