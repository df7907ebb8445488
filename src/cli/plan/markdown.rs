//! A plan as a comment on a pull request.

use super::Planned;
use super::human::{
    ONE_WAY, effect, first_deploy, is_told, not_judged, sign, summary, value, values, varied,
};
use crate::change::{Change, TargetChanges};
use crate::diagnostics::render::{Shown, escape_line};
use std::io::{self, Write};

/// A comment holds 65,536 characters (GitHub); the rest is for what stands around it.
const MOST_CHANGES: usize = 100;

/// Writes the plan.
pub(super) fn write(planned: &Planned<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "### {}\n", summary(planned))?;
    if let Some(line) = first_deploy(planned) {
        writeln!(out, "{}\n", inline(&line))?;
    }
    if !planned.changes.one_way.is_empty() {
        writeln!(out, "**{ONE_WAY}**\n")?;
        for (name, why) in &planned.changes.one_way {
            writeln!(out, "- {}: {}", inline(name), inline(why))?;
        }
        writeln!(out)?;
    }
    for diagnostics in [planned.broken, planned.found] {
        write_found(&planned.shown(diagnostics), out)?;
    }
    let deploys = &planned.changes.deploys;
    if !deploys.is_empty() {
        writeln!(
            out,
            "Deploy in {} steps, each once the one before is done (`--format script` writes the commands):\n",
            deploys.len()
        )?;
        for (number, services) in (1..).zip(deploys) {
            writeln!(out, "{number}. {}", inline(&services.join(", ")))?;
        }
        writeln!(out)?;
    }
    if let Some(line) = not_judged(planned) {
        writeln!(out, "{}\n", inline(&line))?;
    }
    for target in &planned.changes.targets {
        write_target(target, out)?;
    }
    Ok(())
}

/// Writes what keeps two sides from being compared.
pub(super) fn unplanned(sides: &[Shown<'_>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "### No plan: the program has errors\n")?;
    sides.iter().try_for_each(|side| write_found(side, out))
}

fn write_found(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    for found in shown.diagnostics {
        let at = found
            .span()
            .and_then(|span| super::human::place(shown, span));
        let at = at.map_or_else(String::new, |at| format!(" ({at})"));
        writeln!(
            out,
            "- **{} {}**{at}: {}",
            found.severity,
            found.code.id,
            inline(&found.message)
        )?;
        for note in &found.notes {
            writeln!(out, "  <br>{}", inline(note))?;
        }
        if let Some(help) = &found.help {
            writeln!(out, "  <br>{}", inline(help))?;
        }
    }
    if !shown.diagnostics.is_empty() {
        writeln!(out)?;
    }
    Ok(())
}

fn write_target(target: &TargetChanges, out: &mut dyn Write) -> io::Result<()> {
    if !is_told(target) {
        return Ok(());
    }
    let count = target.changes.len();
    let word = target.target.word();
    writeln!(out, "<details><summary>{word}: {count} changed</summary>\n")?;
    writeln!(out, "```diff")?;
    for change in target.changes.iter().take(MOST_CHANGES) {
        write_change(change, out)?;
    }
    if let Some(more @ 1..) = count.checked_sub(MOST_CHANGES) {
        writeln!(out, "  and {more} more")?;
    }
    for line in varied(target) {
        writeln!(out, "  {}", fenced(&line))?;
    }
    writeln!(out, "```\n\n</details>\n")
}

fn write_change(change: &Change, out: &mut dyn Write) -> io::Result<()> {
    let (sign, _) = sign(change.effect);
    // The two signs that a difference has colours for come first in a line.
    let lead = match sign {
        "-/+" | "x" | "!" => "-",
        "+" | "-" => sign,
        _ => " ",
    };
    let line = format!("{} {} {}", change.kind, change.name, effect(change.effect));
    writeln!(out, "{lead} {sign} {}", fenced(&line))?;
    if !change.how.is_empty() {
        writeln!(out, "      {}", fenced(&change.how))?;
    }
    for field in &change.fields {
        let path = match field.path.as_str() {
            "" => String::new(),
            path => format!("{path}: "),
        };
        let line = match (&field.old, &field.new) {
            (None, Some(new)) => format!("+ {path}{}", value(new)),
            (Some(old), None) => format!("- {path}{}", value(old)),
            (Some(old), Some(new)) => format!("~ {path}{}", values(old, new)),
            (None, None) => field.path.clone(),
        };
        writeln!(out, "      {}", fenced(&line))?;
    }
    Ok(())
}

/// Text that cannot end the fence around it.
fn fenced(text: &str) -> String {
    escape_line(text).replace("```", "'''")
}

/// Text that stays text: what is in backticks is left, tags, links and mentions are not.
fn inline(text: &str) -> String {
    let text = escape_line(text);
    // Where a name has backticks of its own nobody knows which are whose, and readers pair runs of one length
    // (spec.commonmark.org, Code spans).
    if text.contains("``") || text.matches('`').count() % 2 == 1 {
        return plain(&text).replace('`', "&#96;");
    }
    let parts = text.split('`').enumerate().map(|(index, part)| {
        if index % 2 == 1 {
            part.to_owned()
        } else {
            plain(part)
        }
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Text outside of backticks.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '@' => plain.push_str("&#64;"),
            '*' => plain.push_str("&#42;"),
            '[' => plain.push_str("&#91;"),
            '\\' => plain.push_str("&#92;"),
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::inline;

    #[test]
    fn what_a_program_names_is_no_markup() {
        for (text, shown) in [
            ("`web` asks <you> @all", "`web` asks &lt;you> &#64;all"),
            ("`a` of [x](y) and `b`", "`a` of &#91;x](y) and `b`"),
            ("``` @all ``", "&#96;&#96;&#96; &#64;all &#96;&#96;"),
            ("`a`<img>`", "&#96;a&#96;&lt;img>&#96;"),
            ("\\`<img>`", "&#92;`<img>`"),
        ] {
            assert_eq!(inline(text), shown);
        }
    }
}
