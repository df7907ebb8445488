//! `zdc check`: judge, and write nothing.

use super::arguments::{Judging, Program};
use super::invocation::Invocation;
use super::{Exit, Failure, terminal};
use crate::diagnostics::catalogue;
use crate::diagnostics::render::{Format, escape_line};
use crate::graph::Graph;
use crate::rollout::table::Proof;
use clap::Args;

/// Judge a program without writing anything
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc check
  zdc check shop/app.zd --target kubernetes --deny-warnings
  zdc check --as-of 2027-02-01
  zdc check --format sarif > zdc.sarif")]
pub(super) struct Check {
    #[command(flatten)]
    program: Program,
    #[command(flatten)]
    judging: Judging,
}

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let invocation = Invocation::judge(&self.program, &self.judging)?;
        if !invocation.tell(self.judging.telling(&self.program, false))? {
            return Ok(Exit::Found);
        }
        if !self.judging.quiet && self.judging.format == Format::Human {
            let main = invocation.project.main_shown();
            let words: Vec<&str> = invocation
                .targets
                .iter()
                .map(|target| target.word())
                .collect();
            let targets = words.join(", ");
            terminal::say(&format!(
                "{main} is sound for {targets} ({})",
                invocation.elapsed()
            ));
            if let Some(graph) = &invocation.compilation.graph {
                for line in proved(&invocation.compilation.proofs) {
                    terminal::say(&format!("  {}", escape_line(&line)));
                }
                for accepted in accepted(graph) {
                    terminal::say(&format!("  accepted: {}", escape_line(&accepted)));
                }
            }
        }
        Ok(Exit::Success)
    }
}

/// The most rows of the table of proofs.
const MOST_ROWS: usize = 30;

/// The table of proofs: how many instances serve at the worst moment, at the fewest replicas.
fn proved(proofs: &[Proof]) -> Vec<String> {
    if proofs.is_empty() {
        return Vec::new();
    }
    let mut rows = vec![Proof::HEAD.map(ToOwned::to_owned)];
    rows.extend(proofs.iter().take(MOST_ROWS).map(Proof::cells));
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..Proof::HEAD.len()).map(width).collect();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&widths);
            let line: Vec<String> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            line.join("  ").trim_end().to_owned()
        })
        .collect();
    if let Some(more @ 1..) = proofs.len().checked_sub(MOST_ROWS) {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// What services accept, a line for each reason: what is accepted, in whom, until when and why.
fn accepted(graph: &Graph) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&str>, String)> = Vec::new();
    for service in graph.services() {
        for allow in &service.node.service.allow {
            if graph.ended(allow).is_some() {
                continue;
            }
            let what = allow.label.name();
            let what = catalogue::find(what).map_or(what, |code| code.name);
            let because = allow.because.as_ref().map_or("", |why| &why.value);
            let until = allow.until.as_ref();
            let until = until.map_or_else(String::new, |day| format!(" until {}", day.value));
            let why = format!("{until}: {because}");
            let known = reasons
                .iter_mut()
                .find(|(known, _, reason)| known == what && *reason == why);
            match known {
                Some((_, services, _)) => services.push(service.name()),
                None => reasons.push((what.to_owned(), vec![service.name()], why)),
            }
        }
    }
    reasons
        .into_iter()
        .map(|(what, services, why)| format!("{what} in {}{why}", some(&services)))
        .collect()
}

/// The first few of many.
fn some(services: &[&str]) -> String {
    const MOST: usize = 4;
    let named: Vec<String> = services
        .iter()
        .take(MOST)
        .map(|name| format!("`{name}`"))
        .collect();
    match services.len().saturating_sub(MOST) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
