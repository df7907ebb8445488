//! How the output folder differs from what should be there, as a unified diff.

use super::compare::{Found, Plan};
use crate::cli::project::show;
use crate::diagnostics::render::{Style, escape_text};
use similar::TextDiff;
use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// A diff of two long files is cut short in quality, not in truth, after this.
const LONGEST: Duration = Duration::from_secs(1);

/// The diff with the number of files it is of; `None` where nothing differs.
pub(crate) fn diff(plan: &Plan, style: Style, to_terminal: bool) -> Option<(String, usize)> {
    let mut out = String::new();
    let mut count = 0;
    for file in &plan.files {
        let old: Cow<'_, str> = match &file.found {
            Found::Same => continue,
            Found::Unexecutable => {
                count += 1;
                let shown = show(&file.path);
                // As git tells it. Writing to a string never fails.
                let _ = write!(
                    out,
                    "--- {shown}\n+++ {shown}\nold mode 100644\nnew mode 100755\n"
                );
                continue;
            }
            Found::Missing | Found::Blocked(_) => Cow::Borrowed(""),
            Found::Stale(bytes) | Found::Another(bytes, _) | Found::Theirs(bytes, _) => {
                String::from_utf8_lossy(bytes)
            }
        };
        let there = !matches!(file.found, Found::Missing | Found::Blocked(_));
        count += 1;
        push(
            &mut out,
            &file.path,
            (&old, there),
            (&file.text, true),
            style,
            to_terminal,
        );
    }
    for extra in &plan.extra {
        let old = String::from_utf8_lossy(&extra.bytes);
        count += 1;
        push(
            &mut out,
            &extra.path,
            (&old, true),
            ("", false),
            style,
            to_terminal,
        );
    }
    (count > 0).then_some((out, count))
}

fn push(
    out: &mut String,
    path: &Path,
    (old, was_there): (&str, bool),
    (new, stays): (&str, bool),
    style: Style,
    to_terminal: bool,
) {
    let shown = show(path);
    let name = |there| if there { shown.as_str() } else { "/dev/null" };
    let diff = TextDiff::configure().timeout(LONGEST).diff_lines(old, new);
    let text = diff
        .unified_diff()
        .context_radius(3)
        .header(name(was_there), name(stays))
        .to_string();
    // A file that is there and empty, or about to be, differs without a line of difference.
    let text = if text.is_empty() {
        format!("--- {}\n+++ {}\n", name(was_there), name(stays))
    } else {
        text
    };
    for line in text.split_inclusive('\n') {
        let line = if to_terminal {
            escape_text(line)
        } else {
            Cow::Borrowed(line)
        };
        let color = match line.as_bytes() {
            _ if !style.color => None,
            [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => Some("1"),
            [b'-', ..] => Some("31"),
            [b'+', ..] => Some("32"),
            [b'@', ..] => Some("36"),
            _ => None,
        };
        match color {
            Some(color) => {
                let end = line.trim_end_matches('\n');
                // Writing to a string never fails.
                let _ = writeln!(out, "\u{1b}[{color}m{end}\u{1b}[0m");
            }
            None => out.push_str(&line),
        }
    }
}
