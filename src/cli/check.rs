//! `zdc check`: judge, and write nothing.

use super::arguments::{Judging, Program};
use super::fix::{self, Mended};
use super::invocation::Invocation;
use super::{Exit, Failure, terminal};
use crate::diagnostics::render::{Format, escape_line};
use crate::diagnostics::{Severity, catalogue};
use crate::graph::Graph;
use crate::rollout::table::Proof;
use clap::Args;

/// Judge a program without writing anything
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  zdc check
  zdc check shop/app.zd --target kubernetes --deny-warnings
  zdc check --as-of 2027-02-01
  zdc check --fix --dry-run
  zdc check --format sarif > zdc.sarif

For each failed proof the smallest edit of the policy is searched that makes it pass: order, waits, checks and
the like, never what is promised, how many there are or what they run. Each was proved for all targets before
it is shown. With --fix they are made, comments and layout kept, and what is left says why.")]
pub(super) struct Check {
    #[command(flatten)]
    program: Program,
    #[command(flatten)]
    judging: Judging,

    /// Make the smallest edits with which failed proofs pass
    #[arg(long)]
    fix: bool,

    /// Show the edits as a diff and make none; fail where there are some
    #[arg(long, requires = "fix")]
    dry_run: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut invocation = Invocation::judge(&self.program, &self.judging)?;
        let mut edits = Mended::default();
        if self.fix {
            edits = fix::mend(&mut invocation);
            if !self.dry_run && !edits.is_empty() && !edits.write()? {
                terminal::say("interrupted; nothing was written");
                return Ok(Exit::Interrupted);
            }
            self.show(&edits, &invocation)?;
        } else {
            invocation.search_edits(Severity::Warning);
        }
        if !invocation.tell(self.judging.telling(&self.program, false))? {
            return Ok(Exit::Found);
        }
        if self.dry_run && !edits.is_empty() {
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

    /// What was changed, or would be.
    fn show(&self, edits: &Mended, invocation: &Invocation) -> Result<(), Failure> {
        let folder = &invocation.project.shown;
        if !self.dry_run {
            if !self.judging.quiet {
                edits.tell(folder);
            }
            return Ok(());
        }
        if !self.judging.quiet {
            edits.tell_granted(folder);
        }
        let diff = edits.diff(folder);
        if self.judging.format == Format::Human {
            return terminal::to_output(|out| out.write_all(diff.as_bytes()));
        }
        terminal::to_error(|out| out.write_all(diff.as_bytes()));
        Ok(())
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
