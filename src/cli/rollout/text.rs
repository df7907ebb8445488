//! The timeline in a terminal.

use super::Played;
use crate::diagnostics::render::Style;
use crate::models::interval::{Interval, Millis};
use crate::models::prediction::Moment;
use crate::rollout::rehearsal::{Costs, Cut, Rehearsal};
use std::io::{self, Write};

/// A line for each, and the timeline where one scene is asked for or the promise does not hold.
pub(super) fn write(
    all: &[Played<'_>],
    one_scene: bool,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let widths = all.iter().map(|played| played.title().chars().count());
    let width = widths.max().unwrap_or_default();
    for played in all {
        let title = played.title();
        let (rehearsal, costs) = match &played.rehearsal {
            Ok((rehearsal, costs)) => (rehearsal, costs),
            Err(unknown) => {
                writeln!(out, "{title:<width$}  - ({})", unknown.word())?;
                continue;
            }
        };
        let outcomes: Vec<String> = rehearsal.outcomes().map(|it| it.to_string()).collect();
        writeln!(
            out,
            "{title:<width$}  {} of {} serve, {}; {}",
            rehearsal.least,
            rehearsal.replicas,
            kept(rehearsal),
            outcomes.join(" or "),
        )?;
        if one_scene || !rehearsal.keeps() {
            timeline(rehearsal, style, out)?;
        }
        if one_scene {
            told(rehearsal, costs, out)?;
        }
    }
    Ok(())
}

/// Whether the promise is kept, in words.
pub(super) fn kept(rehearsal: &Rehearsal) -> String {
    match (rehearsal.promised, rehearsal.keeps()) {
        (0, _) => "none promised".to_owned(),
        (promised, true) => format!("{promised} promised: kept"),
        (promised, false) => format!("{promised} promised: not kept"),
    }
}

/// A time between two bounds, in words.
pub(super) fn span(time: Interval) -> String {
    let seconds = |millis: Millis| format!("{:.1}s", f64::from(millis) / 1_000.0);
    match time {
        Interval {
            most: Millis::MAX, ..
        } => format!("{} or for ever", seconds(time.least)),
        Interval { least, most } if least == most => seconds(most),
        Interval { least, most } => format!("{} to {}", seconds(least), seconds(most)),
    }
}

/// What it takes beside capacity.
fn told(rehearsal: &Rehearsal, costs: &Costs, out: &mut dyn Write) -> io::Result<()> {
    let prediction = &rehearsal.prediction;
    if let Some(within) = prediction.ends_within {
        writeln!(out, "    takes {}", span(within))?;
    }
    if let Some(both) = prediction.side_by_side {
        writeln!(out, "    both versions serve for {}", span(both))?;
    }
    let surge = costs.surge;
    write!(out, "    at most {} beside the replicas", surge.instances)?;
    if let Some(memory) = surge.memory {
        write!(out, ", {memory}")?;
    }
    if let Some(cpu) = surge.cpu {
        write!(out, ", {cpu}")?;
    }
    writeln!(out)?;
    if let Err(outcome) = rehearsal.comes_to_an_end() {
        writeln!(out, "    may stay where it is: {outcome}")?;
    }
    match &costs.cut {
        Cut::No => writeln!(out, "    no request is cut"),
        Cut::May(why) => writeln!(out, "    a request may be cut: {why}"),
        Cut::Unknown(fact) => writeln!(
            out,
            "    whether a request is cut is not known without {fact}"
        ),
    }
}

/// When, how many serve, and what happened: of a promise that is not kept the shortest way to the worst moment, else
/// one on to an end.
fn timeline(rehearsal: &Rehearsal, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let prediction = &rehearsal.prediction;
    if rehearsal.searched < rehearsal.replicas {
        writeln!(out, "    with {} replicas:", rehearsal.searched)?;
    }
    let on = prediction.after.iter().filter(|_| rehearsal.keeps());
    for moment in prediction.worst.iter().chain(on) {
        let at = match moment.at {
            Some(at) => format!("{at}"),
            None => String::new(),
        };
        writeln!(
            out,
            "    {at:>14}  {}  {:<12} {}",
            bar(moment, rehearsal, style),
            versions(moment),
            moment.event,
        )?;
    }
    for race in rehearsal.races() {
        writeln!(out, "    chance: {race}")?;
    }
    Ok(())
}

/// How many serve of each version.
pub(super) fn versions(moment: &Moment) -> String {
    let versions: Vec<String> = (1_u32..)
        .zip(&moment.by_version)
        .filter(|(_, count)| **count > 0)
        .map(|(version, count)| format!("{count}x v{version}"))
        .collect();
    versions.join(" ")
}

/// How many of those that were searched are promised.
pub(super) fn promised(rehearsal: &Rehearsal) -> u64 {
    let missing = rehearsal.replicas.saturating_sub(rehearsal.promised);
    rehearsal.searched.saturating_sub(missing)
}

/// The capacity as a bar, the promise as a mark in it.
fn bar(moment: &Moment, rehearsal: &Rehearsal, style: Style) -> String {
    const WIDEST: u64 = 40;
    let (full, empty, line) = if style.unicode {
        ('█', '·', '│')
    } else {
        ('#', '.', '|')
    };
    let promised = promised(rehearsal);
    let mut bar = String::new();
    for position in 0..rehearsal.searched.min(WIDEST) {
        if position == promised && rehearsal.promised > 0 {
            bar.push(line);
        }
        let serves = position < u64::from(moment.serving);
        bar.push(if serves { full } else { empty });
    }
    if promised >= rehearsal.searched && rehearsal.promised > 0 {
        bar.push(line);
    }
    bar
}
