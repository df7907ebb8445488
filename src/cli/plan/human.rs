//! A plan for people: signs, colours, and a line that counts.

use super::Planned;
use crate::change::{Change, Effect, Field, TargetChanges};
use crate::diagnostics::render::{Format, Shown, Style, escape_line, render};
use crate::source::Span;
use serde_json::Value;
use std::borrow::Cow;
use std::io::{self, Write};

/// The most differences shown of one object.
const MOST_FIELDS: usize = 30;
/// The most services named that a variable rolls.
const MOST_VARIED: usize = 4;
/// The most characters shown of one value.
const MOST_CHARACTERS: usize = 70;
/// How many of them stand before the first one that differs, where the beginnings are alike.
const MOST_ALIKE: usize = 25;
/// What stands above the services for which that holds.
pub(super) const ONE_WAY: &str = "There is no way back after this step:";

/// Writes the whole plan.
pub(super) fn write(planned: &Planned<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let (old, new) = planned.names;
    writeln!(out, "{old} -> {new}\n")?;
    if let Some(line) = first_deploy(planned) {
        writeln!(out, "{line}\n")?;
    }
    write_one_way(planned, style, out)?;
    for target in &planned.changes.targets {
        write_target(planned, target, style, out)?;
    }
    if !planned.found.is_empty() {
        render(Format::Human, &planned.shown(planned.found), style, out)?;
        writeln!(out)?;
    }
    write_order(planned, out)?;
    if let Some(line) = not_judged(planned) {
        writeln!(out, "{line}\n")?;
    }
    writeln!(out, "{}", summary(planned))
}

/// That nothing was there before, and why that is known.
pub(super) fn first_deploy(planned: &Planned<'_>) -> Option<String> {
    let why = planned.first?;
    Some(format!(
        "This is the first deploy, and everything is created: {}.",
        escape_line(why)
    ))
}

/// What no rollback takes back is said before all else.
fn write_one_way(planned: &Planned<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if planned.changes.one_way.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", painted(ONE_WAY, "31;1", style))?;
    for (name, why) in &planned.changes.one_way {
        writeln!(out, "  {}: {why}", shown_word(name))?;
    }
    writeln!(out)
}

/// The deploys that keep the order of the services, where one does not.
fn write_order(planned: &Planned<'_>, out: &mut dyn Write) -> io::Result<()> {
    let deploys = &planned.changes.deploys;
    if deploys.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "Deploy in {} steps, each once the one before is done (`--format script` writes the commands):",
        deploys.len()
    )?;
    for (number, services) in (1..).zip(deploys) {
        let services: Vec<_> = services.iter().map(|it| shown_word(it)).collect();
        writeln!(out, "  {number}. {}", services.join(", "))?;
    }
    writeln!(out)
}

/// What a plan that changes something does not know, where of a side there is no program. What becomes of volumes and claims, and
/// of the data of known databases, is judged of objects too.
pub(super) fn not_judged(planned: &Planned<'_>) -> Option<String> {
    let which = planned
        .objects_only
        .filter(|_| !planned.changes.is_empty())?;
    Some(format!(
        "Not judged: the order of services, their versions, the form of their own data and whether their way back is checked, since of {which} only objects are known."
    ))
}

/// `Plan: 1 to create, 2 to roll; 12 stay as they are.`
pub(super) fn summary(planned: &Planned<'_>) -> String {
    let targets = planned.changes.targets.iter();
    let unchanged: usize = targets.map(|target| target.unchanged).sum();
    let counts = planned.changes.counts();
    let mut targets = planned.changes.targets.iter();
    if counts.is_empty() && targets.any(is_told) {
        return format!(
            "No changes but what another value of a variable rolls: {unchanged} objects stay as they are."
        );
    }
    if counts.is_empty() {
        return format!("No changes: {unchanged} objects stay as they are.");
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(effect, count)| format!("{count} {}", effect.words()))
        .collect();
    format!("Plan: {}; {unchanged} stay as they are.", counts.join(", "))
}

fn write_target(
    planned: &Planned<'_>,
    target: &TargetChanges,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !is_told(target) {
        return Ok(());
    }
    writeln!(out, "{}", painted(target.target.word(), "1", style))?;
    for change in &target.changes {
        write_change(planned, change, style, out)?;
    }
    for line in varied(target) {
        writeln!(out, "    {line}")?;
    }
    writeln!(out)
}

/// Whether there is something to tell of a target: what changes, or what another value of a variable rolls.
pub(super) fn is_told(target: &TargetChanges) -> bool {
    !target.variables.is_empty() || !target.changes.is_empty()
}

/// What other values of variables roll, a line each.
pub(super) fn varied(target: &TargetChanges) -> impl Iterator<Item = String> {
    let too = if target.changes.is_empty() {
        ""
    } else {
        " too"
    };
    target.variables.iter().map(move |(variable, services)| {
        let named = |restarts: bool| {
            let meant = services.iter().filter(move |it| it.restarts == restarts);
            let shown = meant.clone().take(MOST_VARIED);
            let names: Vec<_> = shown.map(|it| shown_word(&it.name)).collect();
            let more = match meant.count().checked_sub(MOST_VARIED) {
                Some(more @ 1..) => format!(" and {more} more"),
                _ => String::new(),
            };
            (!names.is_empty()).then(|| format!("{}{more}", names.join(", ")))
        };
        let rolled = named(false).map(|names| format!("rolls {names}"));
        let restarted = named(true).map(|names| format!("restarts {names} at once"));
        let does: Vec<String> = rolled.into_iter().chain(restarted).collect();
        let (variable, does) = (shown_word(variable), does.join(" and "));
        format!("another `{variable}` than at the last deploy {does}{too}")
    })
}

fn write_change(
    planned: &Planned<'_>,
    change: &Change,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (sign, color) = sign(change.effect);
    let (kind, name) = (shown_word(&change.kind), shown_word(&change.name));
    let what = painted(effect(change.effect), color, style);
    writeln!(
        out,
        "  {:>3} {kind} {name} {what}",
        painted(sign, color, style)
    )?;
    if !change.how.is_empty() {
        writeln!(out, "      {}", escape_line(&change.how))?;
    }
    for field in change.fields.iter().take(MOST_FIELDS) {
        write_field(planned, change, field, style, out)?;
    }
    if let Some(more @ 1..) = change.fields.len().checked_sub(MOST_FIELDS) {
        writeln!(out, "        and {more} more")?;
    }
    Ok(())
}

fn write_field(
    planned: &Planned<'_>,
    change: &Change,
    field: &Field,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let path = escape_line(&field.path);
    let colon = if path.is_empty() { "" } else { ": " };
    let (sign, color, text) = match (&field.old, &field.new) {
        (None, Some(new)) => ("+", "32", value(new)),
        (Some(old), None) => ("-", "31", value(old)),
        (Some(old), Some(new)) => ("~", "33", values(old, new)),
        (None, None) => ("~", "33", String::new()),
    };
    let sign = painted(sign, color, style);
    write!(out, "        {sign} {path}{colon}{text}")?;
    if let Some(place) = planned.place(field.span) {
        write!(out, "  {}", painted(&place, "2", style))?;
    }
    writeln!(out)?;
    // What a difference does is said where it is not what the whole does.
    if field.effect != change.effect && !(field.effect.replaces() && change.effect.replaces()) {
        let because = painted(field.because, "2", style);
        writeln!(out, "          {}: {because}", effect(field.effect))?;
    }
    Ok(())
}

/// `app.zd:12`
pub(super) fn place(shown: &Shown<'_>, span: Span) -> Option<String> {
    let file = shown.sources.get(span.file)?;
    let line = file.line(span.start as usize) + 1;
    let path = format!("{}{}", shown.folder, file.path);
    Some(format!("{}:{line}", escape_line(&path)))
}

/// A value on one line, cut where it is long.
pub(super) fn value(value: &Value) -> String {
    cut(&escape_line(&value.to_string()), 0).into_owned()
}

/// Two values on one line, cut around the first difference where what is shown of their beginnings would be the same.
pub(super) fn values(old: &Value, new: &Value) -> String {
    let [old, new] = [old, new].map(Value::to_string);
    let [old, new] = [&old, &new].map(|it| escape_line(it));
    let mut from = 0;
    if old != new && cut(&old, 0) == cut(&new, 0) {
        let alike = old.chars().zip(new.chars()).take_while(|(a, b)| a == b);
        from = alike.count().saturating_sub(MOST_ALIKE);
    }
    format!("{} -> {}", cut(&old, from), cut(&new, from))
}

/// The part of a text from that character on that there is room for.
fn cut(text: &str, from: usize) -> Cow<'_, str> {
    // No text has more characters than bytes.
    if from == 0 && text.len() <= MOST_CHARACTERS {
        return text.into();
    }
    let before = if from > 0 { "…" } else { "" };
    let start = text.char_indices().nth(from);
    let rest = start.and_then(|(start, _)| text.get(start..));
    let rest = rest.unwrap_or_default();
    match rest.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{before}{}…", rest.get(..end).unwrap_or_default()).into(),
        None => format!("{before}{rest}").into(),
    }
}

fn shown_word(word: &str) -> Cow<'_, str> {
    escape_line(word)
}

/// The sign of an effect, and its colour.
pub(super) fn sign(effect: Effect) -> (&'static str, &'static str) {
    match effect {
        Effect::Ignored => ("=", "36"),
        Effect::InPlace => ("~", "33"),
        Effect::Created => ("+", "32"),
        Effect::Left => ("-", "31"),
        Effect::Rolls => ("@", "33"),
        Effect::RestartsAtOnce => ("!", "31"),
        Effect::Renamed => ("-/+", "31"),
        Effect::Refused => ("x", "31;1"),
    }
}

/// What happens, after a name.
pub(super) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Ignored => "stays as it is",
        Effect::InPlace => "changes in place",
        Effect::Created => "is created",
        Effect::Left => "is left behind",
        Effect::Rolls => "rolls",
        Effect::RestartsAtOnce => "restarts at once",
        Effect::Renamed => "is renamed",
        Effect::Refused => "is refused",
    }
}

fn painted<'t>(text: &'t str, color: &str, style: Style) -> Cow<'t, str> {
    if style.color {
        format!("\u{1b}[{color}m{text}\u{1b}[0m").into()
    } else {
        text.into()
    }
}
